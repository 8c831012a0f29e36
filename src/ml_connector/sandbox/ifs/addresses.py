"""Resource paths: what a caller writes between the service root and the question mark, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from ml_connector.sandbox.ifs.model import Attribute, Kind
from ml_connector.sandbox.ifs.refusals import IfsRefused, bad_request


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path: a name and, where it has parentheses, what stands between them."""

    name: str
    arguments: str | None = None


def segments(path: str) -> list[Segment]:
    """The steps of a path relative to the service root. Slashes inside quotes do not count; escapes are decoded."""
    parts: list[str] = []
    current, quoted = "", False
    for sign in path:
        if sign == "'":
            quoted = not quoted
        if sign == "/" and not quoted:
            parts.append(current)
            current = ""
        else:
            current += sign
    parts.append(current)
    return [_segment(unquote(part)) for part in parts if part]


def _segment(text: str) -> Segment:
    if not text.endswith(")") or "(" not in text:
        return Segment(text)
    name, _, rest = text.partition("(")
    return Segment(name, rest[:-1])


_PAIR = re.compile(r"\s*(?:(\w+)\s*=\s*)?((?:[\w.]*'(?:[^']|'')*')|[^,']+)\s*(?:,|$)")


def pairs(arguments: str) -> list[tuple[str | None, str]]:
    """Names (None where a value stands alone) and raw literals of a key or parameter list."""
    found: list[tuple[str | None, str]] = []
    place = 0
    while place < len(arguments):
        match = _PAIR.match(arguments, place)
        if match is None:
            raise bad_request(f"The key or parameter list '{arguments}' cannot be understood.")
        found.append((match[1], match[2].strip()))
        place = match.end()
    return found


def key_values(arguments: str, keys: tuple[Attribute, ...], namespace: str) -> tuple[Any, ...]:
    """The key in declared order, each part in its type. A lone value will do where there is one key attribute."""
    given = pairs(arguments)
    if len(given) == 1 and given[0][0] is None and len(keys) == 1:
        return (literal(given[0][1], keys[0], namespace),)
    named = {name: text for name, text in given if name is not None}
    if set(named) != {key.name for key in keys} or len(named) != len(given):
        raise bad_request(f"The key must name exactly {', '.join(key.name for key in keys)}.")
    return tuple(literal(named[key.name], key, namespace) for key in keys)


def literal(text: str, attribute: Attribute, namespace: str) -> Any:
    """One URL literal in the attribute's type; 400 when it is of another."""
    try:
        return _literal(text, attribute, namespace)
    except (ValueError, ArithmeticError) as error:
        raise bad_request(f"{text} is no {attribute.kind} for {attribute.name}.") from error


def _literal(text: str, attribute: Attribute, namespace: str) -> Any:
    if attribute.kind == Kind.TEXT:
        return unquoted(text)
    if attribute.kind == Kind.INTEGER:
        return int(text)
    if attribute.kind == Kind.DECIMAL:
        return Decimal(text)
    if attribute.kind == Kind.DATE:
        return date.fromisoformat(text)
    if attribute.enum is not None:
        prefix = f"{namespace}.{attribute.enum.name}"
        if not text.startswith(f"{prefix}'"):
            raise _wrong_enum(attribute, prefix)
        member = unquoted(text[len(prefix) :])
        if member not in attribute.enum.identifiers:
            raise _wrong_enum(attribute, prefix)
        return member
    raise ValueError(text)


def unquoted(text: str) -> str:
    """The text of a quoted literal, doubled quotes made single; ValueError when it is not quoted."""
    if len(text) < 2 or text[0] != "'" or text[-1] != "'":
        raise ValueError(text)
    return text[1:-1].replace("''", "'")


def _wrong_enum(attribute: Attribute, prefix: str) -> IfsRefused:
    return bad_request(f"{attribute.name} takes a member of {prefix}, qualified and quoted.")


def url_literal(value: Any, attribute: Attribute, namespace: str) -> str:
    """A value as a URL literal, for the addresses that answers carry."""
    if attribute.enum is not None:
        return f"{namespace}.{attribute.enum.name}'{value}'"
    if attribute.kind == Kind.TEXT:
        return "'" + str(value).replace("'", "''") + "'"
    return str(value)
