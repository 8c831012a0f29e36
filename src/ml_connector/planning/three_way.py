"""A record on both sides and as both last agreed on it, field by field: what a person chooses a side by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Literal

import msgspec

from ml_connector.kernel.text import listed
from ml_connector.planning.crossed import Version
from ml_connector.planning.names import bare_number
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.status_words import status_words, voucher_words
from ml_connector.planning.vendor_sides import COMPARED
from ml_connector.records.commitment import Commitment, CommitmentLine
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import Voucher

Kind = Literal["text", "money", "number", "date"]
"""What a field holds, so that it is shown as such."""

_ABSENT = ""
_LINE_FIELDS: Mapping[str, Kind] = {
    "description": "text",
    "quantity": "number",
    "unit": "text",
    "unit_cost": "money",
    "amount": "money",
    "budget_code": "text",
}
_HEADER_FIELDS: Mapping[str, Kind] = {
    "number": "text",
    "title": "text",
    "description": "text",
    "status": "text",
    "dated": "date",
    "delivery": "date",
}
_VENDOR_FIELDS = ("name", "tax_number", "country", "address", "city", "state", "zip_code", "email", "phone", "active")
_NAMES = {"dated": "date", "budget_code": "budget code", "unit_cost": "unit price", "zip_code": "zip code"}


class Field(msgspec.Struct, frozen=True):
    """One field three times, as exact text; empty where a side has nothing."""

    name: str
    agreed: str
    erp: str
    projects: str
    changed: Literal["", "erp", "projects", "both", "differ"]
    """Who changed it since both agreed; `differ` where the sides differ and nobody agreed on it before."""
    kind: Kind = "text"
    asked: bool = False
    """Whether the question is about it."""


class ThreeWay(msgspec.Struct, frozen=True):
    """A whole record three times. `known` says whether what was agreed is kept; without it only two sides are shown."""

    record: str
    currency: str = ""
    fields: tuple[Field, ...] = ()
    known: bool = True
    note: str = ""
    """What to know about these figures."""

    @property
    def differing(self) -> tuple[Field, ...]:
        """Only the fields in which the two sides differ or that are asked about."""
        return tuple(one for one in self.fields if one.asked or one.changed)


Sides = tuple[object, object, object]
"""A value as agreed, in IFS, in Procore; None where there is none."""


def of_contract(ours: Commitment, theirs: Commitment, base: Commitment | None, asked: Sequence[str]) -> ThreeWay:
    """A contract: the header, then each line by its order line. `asked` are field names as the hold's evidence has."""
    fields = [
        _field(_NAMES.get(name, name), _of((base, ours, theirs), name), base is not None, kind)
        for name, kind in _HEADER_FIELDS.items()
    ]
    sides = [_by_key(side) for side in (base, ours, theirs)]
    for key in dict.fromkeys(key for side in sides for key in side):
        called = f"line {'/'.join(key.split('/')[-2:])}"
        lines = (sides[0].get(key), sides[1].get(key), sides[2].get(key))
        fields += [
            _field(f"{called} {_NAMES.get(name, name)}", _of(lines, name), base is not None, kind)
            for name, kind in _LINE_FIELDS.items()
        ]
    wanted = {one.replace("unit cost", "unit price").replace("dated", "date") for one in asked}
    marked = tuple(_asked(one, wanted) for one in fields)
    return ThreeWay(f"contract {ours.number}", ours.currency, marked, base is not None)


def of_vendor(
    ours: Vendor, theirs: Vendor, base: Vendor | None, asked: Sequence[str], owned_there: Collection[str] = ()
) -> ThreeWay:
    """A vendor. What Procore kept as its own when both agreed is no change.

    Of what Procore keeps in forms of its own, or not at all, nobody knows who changed it: two values that differ are
    said to, and an empty one is nothing anybody took away. `owned_there`: fields Procore owns.
    """
    kept = dict(base.there) if base else {}
    fields, left = [], []
    for name in _VENDOR_FIELDS:
        values = _of((base, ours, theirs), name)
        one = _field(_NAMES.get(name, name.replace("_", " ")), values, base is not None, "text")
        if name in kept and one.projects == _text(kept[name]):
            left += [one.name] if one.changed else []
            one = msgspec.structs.replace(one, changed="erp" if one.agreed != one.erp else "")
        elif name not in kept and name not in (*COMPARED, *owned_there):
            one = msgspec.structs.replace(one, changed=_unwatched(name, ours, theirs, base))
        fields.append(one)
    note = f"Procore had its own {listed(left, len(left))} when both last agreed: that is no change." if left else ""
    marked = tuple(_asked(one, set(asked)) for one in fields)
    return ThreeWay(f"{ours.name} ({ours.id})", "", marked, base is not None, note)


def _unwatched(name: str, ours: Vendor, theirs: Vendor, base: Vendor | None) -> Literal["", "erp", "differ"]:
    """What can be said of a field whose value in Procore nobody agreed on."""
    here, there = getattr(ours, name), getattr(theirs, name)
    same = bare_number(here) == bare_number(there) if name == "tax_number" else _same(here, there)
    if same:
        return ""
    if base is not None and not _same(here, getattr(base, name)):
        return "erp"
    return "differ" if _text(here) and _text(there) else ""


def of_crossed(
    live: Version | None,
    now: Voucher | SupplierInvoice | None,
    there: SubcontractorInvoice | DirectCost | None,
    asked: Sequence[str],
) -> ThreeWay:
    """A document born in Procore and what it became in IFS: agreed is what was entered when it crossed.

    Each side has a status of its own, the one of another record than the other: nobody ever agreed on one.
    """
    version = msgspec.structs.replace(live, body=now) if live and now else None
    agreed, here = _figures(live), {**_figures(version), "status": _status(version)}
    seen = {
        "number": there.number if there else None,
        "cost": there.money().amount if there else None,
        "status": status_words(there.status) if there else "Cannot be seen",
    }
    kinds: Mapping[str, Kind] = {"number": "text", "cost": "money", "status": "text", "date": "date"}
    fields = []
    for name, kind in kinds.items():
        values = (agreed.get(name), here.get(name), seen.get(name))
        if name in ("status", "date"):  # each side has words and days of its own: they are shown, never compared
            fields.append(Field(name, _text(values[0]), _text(values[1]), _text(values[2]), "", kind))
        else:
            fields.append(_field(name, values, live is not None, kind))
    currency = live.body.currency if live else there.currency if there else ""
    note = "" if now or not live else "IFS's own record was not read in that run: what was entered is shown for agreed."
    marked = tuple(_asked(one, set(asked)) for one in fields)
    return ThreeWay(live.target if live else "", currency, marked, live is not None, note)


def asked_about(evidence: str) -> list[str]:
    """The names of the fields that a hold's evidence is about, a line each.

    No value is taken from it: its sentences hold what others have typed, who could have them read as they like.
    """
    return [line.partition(": ")[0].removesuffix(" in IFS") for line in evidence.splitlines() if ": " in line]


def asked_about_crossed(reason: str, evidence: str) -> list[str]:
    """The same for a document that crossed: its status, where it was sent back there or cancelled here."""
    return ["status"] if reason in (HoldReason.SENT_BACK.value, HoldReason.CONFLICT.value) else asked_about(evidence)


def _figures(version: Version | None) -> dict[str, object]:
    if version is None:
        return {}
    return {
        "number": version.number_there(),
        "cost": version.cost().amount,
        "date": version.dated(),
    }


def _status(version: Version | None) -> str:
    """How it stands in IFS, with the record whose status that is: `Voucher posted`."""
    if version is None:
        return _ABSENT
    if isinstance(version.body, Voucher):
        return f"Voucher {voucher_words(version.body.status).lower()}"
    return f"Invoice {status_words(version.body.state).lower()}"


def _by_key(side: Commitment | None) -> dict[str, CommitmentLine]:
    return {line.once_key: line for line in side.lines if line.once_key} if side else {}


def _of(sides: Iterable[object], name: str) -> Sides:
    agreed, here, there = (getattr(side, name) if side is not None else None for side in sides)
    return agreed, here, there


def _field(name: str, sides: Sides, known: bool, kind: Kind) -> Field:
    agreed, here, there = (_text(value) for value in sides)
    return Field(name, agreed, here, there, _changed(sides, known), kind)


def _changed(sides: Sides, known: bool) -> Literal["", "erp", "projects", "both", "differ"]:
    agreed, here, there = sides
    if _same(here, there):
        return ""
    if not known:
        return "differ"
    if _same(agreed, there):
        return "erp"
    return "projects" if _same(agreed, here) else "both"


def _same(one: object, other: object) -> bool:
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one == other
    return " ".join(_text(one).split()) == " ".join(_text(other).split())


def _text(value: object) -> str:
    if value is None:
        return _ABSENT
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, date) else str(value)


def _asked(field: Field, names: set[str]) -> Field:
    return msgspec.structs.replace(field, asked=True) if field.name in names else field
