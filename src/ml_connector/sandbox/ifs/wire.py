"""Rows become JSON and JSON becomes values, both from the same declaration (facts/ifs.md sections 4 and 5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ml_connector.sandbox.ifs.addresses import url_literal
from ml_connector.sandbox.ifs.database import Row, stored
from ml_connector.sandbox.ifs.model import META_MEMBERS, Attribute, Entity, Kind, Projection
from ml_connector.sandbox.ifs.refusals import bad_body, not_implemented
from ml_connector.sandbox.ifs.switches import IfsSwitches

_STRINGS = msgspec.json.Encoder(decimal_format="string")
_GREATEST, _DIGITS = Decimal("1e15"), 20
_NUMBERS = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Format:
    """How the caller wants JSON: numbers as strings, full metadata, and no body after a change."""

    ieee754: bool = False
    full: bool = False
    minimal_return: bool = False
    ieee754_body: bool = False

    @property
    def content_type(self) -> str:
        """The content type of a JSON answer in this format."""
        strings = ";IEEE754Compatible=true" if self.ieee754 else ""
        return f"application/json;odata.metadata={'full' if self.full else 'minimal'}{strings}"

    def encode(self, value: Any) -> bytes:
        """JSON bytes; Decimals are strings under IEEE754Compatible and bare numbers without."""
        return (_STRINGS if self.ieee754 else _NUMBERS).encode(value)


def wanted_format(headers: Mapping[str, str], switches: IfsSwitches) -> Format:
    """The format from the Accept, Content-Type and Prefer headers, under the tenant's switch."""
    accept = headers.get("accept", "").lower().replace(" ", "")
    content = headers.get("content-type", "").lower().replace(" ", "")
    asked = "ieee754compatible=true" in accept
    strings = asked if switches.ieee754 == "accept" else switches.ieee754 == "always"
    return Format(
        ieee754=strings,
        full="odata.metadata=full" in accept,
        minimal_return="return=minimal" in headers.get("prefer", "").lower(),
        ieee754_body=strings or "ieee754compatible=true" in content,
    )


def row_path(set_path: str, entity: Entity, namespace: str, row: Row) -> str:
    """The address of a row below the service root, with every key attribute named."""
    parts = (f"{key}={url_literal(row[key], entity.lu.by_name[key], namespace)}" for key in entity.lu.keys)
    return f"{set_path}({','.join(parts)})"


class Encoder:
    """Turns rows of one entity into JSON objects, with the choices made once for a whole page."""

    def __init__(self, projection: Projection, entity: Entity, form: Format, select: tuple[str, ...] | None) -> None:
        self.projection, self.entity, self.form = projection, entity, form
        index, by_name = entity.lu.index, entity.lu.by_name
        names = select if select is not None else tuple(a.name for a in entity.lu.shown)
        self.meta = META_MEMBERS if select is None else tuple(name for name in META_MEMBERS if name in select)
        self.places = [(name, index[name]) for name in names if name in index]
        self.texts = [name for name, _ in self.places if form.ieee754 and by_name[name].kind == Kind.INTEGER]

    def meta_members(self, row: Row) -> dict[str, Any]:
        """luname, keyref and Objgrants, as far as they were asked for."""
        every = {"luname": self.entity.name, "keyref": row.keyref, "Objgrants": None}
        return {name: every[name] for name in self.meta}

    def attributes(self, row: Row) -> dict[str, Any]:
        """The attributes that were asked for."""
        values = row.values
        shown = {name: values[place] for name, place in self.places}
        for name in self.texts:
            if shown[name] is not None:
                shown[name] = str(shown[name])
        return shown

    def links(self, base: str, set_path: str, row: Row) -> dict[str, Any]:
        """The members that only full metadata adds: the row's id and its navigation links."""
        path = row_path(set_path, self.entity, self.projection.namespace, row)
        navs = {f"{nav.name}@odata.navigationLink": f"{path}/{nav.name}" for nav in self.entity.navs}
        kind = {"@odata.type": f"#{self.projection.namespace}.{self.entity.name}"}
        return {**kind, "@odata.id": f"{base}/{path}", **navs}


def decode_object(body: bytes) -> dict[str, Any]:
    """A JSON object; an empty body is an empty object. 400 when it is anything else."""
    if not body.strip():
        return {}
    try:
        value = json.loads(body, parse_float=Decimal)
        # Half a surrogate pair is JSON but no text; it could neither be stored nor named in an answer.
        json.dumps(value, default=str, ensure_ascii=False).encode()
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise bad_body("(body)", "it is no JSON") from error
    if not isinstance(value, dict):
        raise bad_body("(body)", "it is no JSON object")
    return value


def decode_values(body: dict[str, Any], entity: Entity, form: Format) -> dict[str, Any]:
    """The attributes of a body in the database's types. Annotations and meta members are left out.

    Refused: 400 for unknown properties and wrong types, 501 for a deep insert (facts 7.6).
    """
    values: dict[str, Any] = {}
    for name, given in body.items():
        if "@" in name or name in META_MEMBERS:
            continue
        if entity.nav(name) is not None:
            raise not_implemented(f"creating {name} together with its parent (deep insert)")
        attribute = entity.lu.by_name.get(name)
        if attribute is None or attribute.hidden:
            raise bad_body(name, f"{entity.name} has no such property")
        values[name] = None if given is None else decode_attribute(attribute, given, form)
    return values


def decode_attribute(attribute: Attribute, given: Any, form: Format) -> Any:
    """One JSON value in the database's type. Refused: 400 for a value of another type."""
    try:
        return stored(_READERS[attribute.kind](attribute, given, form))
    except (ValueError, InvalidOperation, TypeError) as error:
        raise bad_body(attribute.name, f"{attribute.kind} is needed") from error


def _text(attribute: Attribute, given: Any, form: Format) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given


def _number(attribute: Attribute, given: Any, form: Format) -> Any:
    allowed = (int, Decimal, str) if form.ieee754_body else (int, Decimal)
    if isinstance(given, bool) or not isinstance(given, allowed):
        raise TypeError
    number = Decimal(given)
    if not number.is_finite() or abs(number) >= _GREATEST or -number.as_tuple().exponent > _DIGITS:  # type: ignore[operator]
        raise ValueError
    if attribute.kind == Kind.INTEGER and number != int(number):
        raise ValueError
    return int(number) if attribute.kind == Kind.INTEGER else number


def _boolean(attribute: Attribute, given: Any, form: Format) -> bool:
    if not isinstance(given, bool):
        raise TypeError
    return given


def _date(attribute: Attribute, given: Any, form: Format) -> date:
    text = _text(attribute, given, form)
    if len(text) != len("2026-02-01"):
        raise ValueError
    return date.fromisoformat(text)


def _stamp(attribute: Attribute, given: Any, form: Format) -> datetime:
    moment = datetime.fromisoformat(_text(attribute, given, form))
    if moment.tzinfo is None:
        raise ValueError
    # The offset is dropped, not converted: the vendor stores the digits as local time (facts 5.4).
    return moment.replace(tzinfo=UTC)


def _member(attribute: Attribute, given: Any, form: Format) -> str:
    if attribute.enum is None or given not in attribute.enum.identifiers:
        raise ValueError
    return str(given)


_READERS = {
    Kind.TEXT: _text,
    Kind.INTEGER: _number,
    Kind.DECIMAL: _number,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.TIMESTAMP: _stamp,
    Kind.ENUM: _member,
}
