"""What people type into their windows: fields by plain names, turned into attributes, and rows that must be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Row

Given = Mapping[str, Any]
"""The fields of an act by plain name, in JSON's or Python's types."""
Act = Callable[[Database, Given], Any]
"""An act: takes the database and the fields; returns the key of what it touched or made. ValueError when it cannot."""

_DECIMALS = {"quantity", "price", "amount", "tax", "rate", "percent", "debit", "credit"}
_DATES = {"wanted", "order_date", "valid_from", "valid_until", "date", "due_date", "voucher_date", "expires"}


def value(name: str, given: Any) -> Any:
    """A value from JSON or Python in the database's type. ValueError: a number or a day that is none."""
    if given is None:
        return None
    if name in _DECIMALS:
        try:
            number = Decimal(str(given))
        except InvalidOperation as error:
            raise ValueError(f"{name} must be a number, not {given!r}") from error
        if not number.is_finite():
            raise ValueError(f"{name} must be a number, not {given!r}")
        return number
    if name in _DATES and isinstance(given, str):
        return date.fromisoformat(given)
    return int(given) if name == "activity_seq" else given


def refuse_unknown(given: Given, known: Iterable[str]) -> None:
    """ValueError for a field that the act does not have: a typing error must not pass for a wish."""
    unknown = set(given) - set(known)
    if unknown:
        raise ValueError(f"nothing here is called {', '.join(sorted(unknown))}")


def mapped(given: Given, fields: Mapping[str, str], besides: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Attributes from fields; `codes` (part to value) become CodeA to CodeJ. ValueError: a field that is not known."""
    refuse_unknown(given, {*fields, *besides})
    values = {fields[name]: value(name, typed) for name, typed in given.items() if name in fields}
    for letter, typed in dict(given.get("codes") or {}).items():
        values[f"Code{letter}"] = typed
    return values


def needed(db: Database, lu: str, *key: Any) -> Row:
    """The row of that key; ValueError when it is not there."""
    row = db.find(lu, *key)
    if row is None:
        raise ValueError(f"there is no {lu} {' '.join(str(part) for part in key)}")
    return row


def key_of(row: Row) -> dict[str, Any]:
    """The key of a row by attribute name."""
    return {name: row[name] for name in row.lu.keys}
