"""A record before and after, field by field and line by line, as a person reads it before approving."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import msgspec

from ml_connector.kernel.money import rounded
from ml_connector.planning.plan import Body
from ml_connector.planning.spreading import code_string

Mark = Literal["new", "gone", "changed", "same"]
"""What became of a field or a line."""

UNSEEN = frozenset(
    {
        "id",
        "once_key",
        "updated_at",
        "stamp",
        "origin",
        "lines",
        "rows",
        "sources",
        "there",
        "codes",
        "year",
        "line",
        "total",
        "payable",
    }
)
"""Fields that say nothing to a person: the other side's marks, our own bookkeeping, and what has a table of its own."""

AMOUNTS = frozenset({"amount", "debit", "credit", "retained", "released", "tax", "paid"})
"""Fields that are money, shown to the cent."""

Kind = Literal["text", "money", "price", "number", "date"]
"""What a field is, so that it is shown as such; a price is money that may have more decimals."""

KINDS: Mapping[str, Kind] = {
    **dict.fromkeys((*AMOUNTS, "sum of lines"), "money"),
    **dict.fromkeys(("unit_cost", "unit_price"), "price"),
    **dict.fromkeys(("quantity", "rate"), "number"),
    **dict.fromkeys(("dated", "delivery", "due", "start", "end", "received", "posted_on", "approved_on"), "date"),
    **dict.fromkeys(("wanted", "valid_from", "valid_until"), "date"),
}
"""Fields that are no words."""

PARTIES = ("vendor", "party")
"""Fields that name a vendor by its id."""

NAMES = {
    "budget_code": "cost code",
    "flat": "cost code",
    "dated": "date",
    "unit_cost": "unit price",
}
"""Fields whose name is not the word for them."""


class Change(msgspec.Struct, frozen=True):
    """One field: its name, both values as text (empty: none), and what they are."""

    name: str
    before: str
    after: str
    mark: Mark
    kind: Kind = "text"


class LineChange(msgspec.Struct, frozen=True):
    """One line: what it is called, what became of it, and its fields."""

    line: str
    mark: Mark
    fields: tuple[Change, ...]

    def field(self, name: str) -> Change | None:
        """Its field of that name; None when it has none."""
        return next((one for one in self.fields if one.name == name), None)


class Comparison(msgspec.Struct, frozen=True):
    """A whole record. `currency` is that of all its amounts; empty where it has none."""

    fields: tuple[Change, ...]
    lines: tuple[LineChange, ...]
    currency: str = ""

    def parties(self) -> set[str]:
        """The ids that stand where a vendor is named."""
        fields = (*self.fields, *(one for line in self.lines for one in line.fields))
        return {value for one in fields if one.name in PARTIES for value in (one.before, one.after) if value}


def compared(before: Body | None, after: Body) -> Comparison:
    """What changes between the record as last agreed and the record as it will be; all is new without the first.

    Lines are matched by their once-key, in budgets by their code. Those that change come first.
    """
    currency = str(getattr(after, "currency", ""))
    old = _values(before, currency) if type(before) is type(after) else {}
    new = _values(after, currency)
    was = _lines(before, currency) if old else {}
    now = _lines(after, currency)
    if now:
        sums = {"sum of lines": _sum(after, currency)}
        old, new = ({**old, "sum of lines": _sum(before, currency)} if old else old), {**new, **sums}
    fields = tuple(_changes(old, new, whole=not old))
    lines = [_line(key, was.get(key), now.get(key)) for key in dict.fromkeys((*now, *was))]
    lines.sort(key=lambda one: one.mark == "same")
    return Comparison(fields, tuple(lines), currency)


def _line(key: str, before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> LineChange:
    fields = tuple(_changes(before or {}, after or {}, whole=before is None))
    if before is None:
        return LineChange(_called(key), "new", fields)
    if after is None:
        return LineChange(_called(key), "gone", fields)
    changed = any(one.mark != "same" for one in fields)
    return LineChange(_called(key), "changed" if changed else "same", fields)


def _changes(before: Mapping[str, str], after: Mapping[str, str], *, whole: bool) -> Iterable[Change]:
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name, ""), after.get(name, "")
        if not old and not new:
            continue
        mark: Mark = "same" if old == new else "new" if not old else "gone" if not new else "changed"
        called, kind = NAMES.get(name, name).replace("_", " "), KINDS.get(name, "text")
        yield Change(called, old, new, "new" if whole else mark, kind)


def _values(body: Any, currency: str) -> dict[str, str]:
    """The plain fields of a record as text; those that are empty are left out."""
    if body is None:
        return {}
    return {
        field.name: text
        for field in msgspec.structs.fields(body)
        if field.name not in UNSEEN and (text := _text(field.name, getattr(body, field.name), currency))
    }


def _lines(body: Any, currency: str) -> dict[str, dict[str, str]]:
    """The lines of a record by what they are matched by."""
    found: dict[str, dict[str, str]] = {}
    for number, line in enumerate(getattr(body, "lines", ()) or getattr(body, "rows", ()), 1):
        values = _values(line, currency)
        named = (str(getattr(line, name, "")) for name in ("once_key", "flat", "line"))
        key = next((one for one in named if one), str(number))
        if codes := getattr(line, "codes", ()):
            values = {"code string": code_string(codes), **values}
        found[key if key not in found else f"{key} ({number})"] = values
    return found


def _sum(body: Any, currency: str) -> str:
    """What the lines of a record come to; empty where they have no amount."""
    amounts = [one.amount for one in getattr(body, "lines", ()) if isinstance(getattr(one, "amount", None), Decimal)]
    return _text("amount", sum(amounts, Decimal(0)), currency) if amounts else ""


def _called(key: str) -> str:
    """The short name of a line: the end of its once-key."""
    return "/".join(key.split("/")[-2:]) if key.count("/") > 1 else key


def _text(name: str, value: Any, currency: str) -> str:
    if isinstance(value, Enum):
        return str(value.value).replace("_", " ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        if name in AMOUNTS and currency:
            exact = rounded(value, currency)
            return str(exact) if exact == value else str(value)
        return f"{value.normalize():f}" if value else ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)
