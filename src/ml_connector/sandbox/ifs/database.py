"""The tenant's rows: tables ordered by key, versions, and changes that can be taken back until they are committed."""

from __future__ import annotations

import base64
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.ifs.model import LogicalUnit
from ml_connector.sandbox.ifs.refusals import EXISTS, RuleBroken
from ml_connector.sandbox.ifs.switches import IfsSwitches

Key = tuple[Any, ...]


class Row:
    """One stored record: values in the order of its logical unit's attributes, with a row id and a version."""

    __slots__ = ("_tag", "lu", "rowid", "values", "version")

    def __init__(self, lu: LogicalUnit, values: list[Any], rowid: str, version: str) -> None:
        self.lu, self.values, self.rowid, self.version = lu, values, rowid, version
        self._tag: tuple[str, str] | None = None

    def __getitem__(self, name: str) -> Any:
        return self.values[self.lu.index[name]]

    @property
    def key(self) -> Key:
        """The values of the key attributes in declared order."""
        values = self.values
        return tuple([values[place] for place in self.lu.key_places])

    @property
    def tag(self) -> str:
        """The weak ETag: base64 of W/"ROWID:VERSION" inside W/"..." (facts/ifs.md 7.1)."""
        if self._tag is None or self._tag[0] != self.version:
            inner = f'W/"{self.rowid}:{self.version}"'.encode()
            self._tag = (self.version, f'W/"{base64.b64encode(inner).decode()}"')
        return self._tag[1]

    @property
    def keyref(self) -> str:
        """The key string of database columns, sorted by name, each pair ended by `^` (facts 5.1)."""
        return "".join(f"{column}={_in_database(self, place)}^" for column, place in self.lu.keyref_parts)

    def as_dict(self) -> dict[str, Any]:
        """A copy of the values by attribute name."""
        return dict(zip(self.lu.index, self.values, strict=True))


def _in_database(row: Row, place: int) -> Any:
    attribute, value = row.lu.attributes[place], row.values[place]
    return dict(attribute.enum.members).get(value, value) if attribute.enum else value


class Table:
    """The rows of one logical unit, with their keys kept in order so that a page is found by bisection."""

    def __init__(self, lu: LogicalUnit) -> None:
        self.lu = lu
        self.rows: dict[Key, Row] = {}
        self.ordered: list[Key] = []

    def add(self, row: Row) -> None:
        """Stores a row whose key is free."""
        self.rows[row.key] = row
        insort(self.ordered, row.key)

    def fill(self, rows: list[Row]) -> None:
        """Stores many rows at once; cheaper than one by one."""
        self.rows.update((row.key, row) for row in rows)
        self.ordered = sorted(self.rows)

    def drop(self, key: Key) -> None:
        """Forgets the row of that key."""
        del self.rows[key]
        del self.ordered[bisect_left(self.ordered, key)]

    def span(self, low: Key, high: Key | None) -> tuple[int, int]:
        """Places of the keys that are at least `low` and whose leading parts are at most `high`, as start and stop."""
        start = bisect_left(self.ordered, low) if low else 0
        stop = bisect_left(self.ordered, (*high[:-1], just_after(high[-1]))) if high else len(self.ordered)
        return start, stop

    def under(self, prefix: Key) -> list[Row]:
        """The rows whose key begins with `prefix`, in key order."""
        start, stop = self.span(prefix, prefix)
        return [self.rows[key] for key in self.ordered[start:stop]]

    def __iter__(self) -> Iterator[Row]:
        return (self.rows[key] for key in self.ordered)

    def __len__(self) -> int:
        return len(self.rows)


def just_after(value: Any) -> Any:
    """The smallest key part that is greater than `value` (text or whole number)."""
    return value + 1 if isinstance(value, int) else f"{value}\0"


@dataclass(frozen=True, slots=True)
class Event:
    """A state event: where it may start, where it ends, what it checks and does first, and what follows it."""

    starts: tuple[str, ...]
    ends: str
    effect: Callable[[Database, Row], None] | None = None
    after: Callable[[Database, Row], None] | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the database does by itself around a change of one logical unit; each part may be absent.

    `fill` completes values before a check, `check` refuses what a caller typed (new values, old row or None),
    `derive` works out computed values on every save, `saved` follows up (row, old values or None),
    `remove` refuses a deletion, `removed` follows it up; `events` are its state events and `actions` its other
    bound actions (row, parameters), by name.
    """

    fill: Callable[[Database, dict[str, Any]], None] | None = None
    check: Callable[[Database, dict[str, Any], Row | None], None] | None = None
    derive: Callable[[Database, dict[str, Any]], None] | None = None
    saved: Callable[[Database, Row, Mapping[str, Any] | None], None] | None = None
    remove: Callable[[Database, Row], None] | None = None
    removed: Callable[[Database, Row], None] | None = None
    events: Mapping[str, Event] = field(default_factory=dict)
    actions: Mapping[str, Callable[[Database, Row, Mapping[str, Any]], Any]] = field(default_factory=dict)


NO_RULES = Rules()


class Database:
    """All tables of the tenant. A change is kept by `commit` and taken back by `rollback` to a mark."""

    def __init__(
        self, clock: SandboxClock, switches: IfsSwitches, units: Mapping[str, LogicalUnit], rules: Mapping[str, Rules]
    ) -> None:
        self.clock, self.switches, self.rules = clock, switches, rules
        self.tables = {name: Table(lu) for name, lu in units.items()}
        self.company = ""
        self.base_currency = ""
        self.user = "ML_CONNECTOR"
        self.numbers: dict[str, int] = {}
        self.generation = 0
        """Counts committed changes; with `mark` it says whether anything has changed since."""
        self.seen: dict[str, Any] = {}
        """What a table that is worked out from others was worked out from, by its logical unit."""
        self._undo: list[Callable[[], None]] = []
        self._rows = 0
        self._versions = 0

    def table(self, lu: str) -> Table:
        """The table of a logical unit by name."""
        return self.tables[lu]

    def find(self, lu: str, *key: Any) -> Row | None:
        """The row of that key, or None."""
        return self.tables[lu].rows.get(key)

    def now(self) -> datetime:
        """Local time of the tenant to the second, labelled UTC as the vendor does (facts 5.4)."""
        local = self.clock().astimezone(ZoneInfo(self.switches.timezone))
        return local.replace(microsecond=0, tzinfo=self.clock().tzinfo)

    def today(self) -> date:
        """The tenant's local day."""
        return self.now().date()

    def next_number(self, series: str) -> int:
        """The next number of a series; numbers are not given back on rollback, like a database sequence."""
        self.numbers[series] = self.numbers.get(series, 0) + 1
        return self.numbers[series]

    def new_row(self, lu: LogicalUnit, values: Mapping[str, Any], version: str | None = None) -> Row:
        """A row that is not stored yet; `version` backdates it."""
        self._rows += 1
        number = base64.b32encode(self._rows.to_bytes(8, "big")).decode().rstrip("=")
        rowid = f"AAAS{number:A>14}"
        return Row(lu, [stored(values.get(name)) for name in lu.index], rowid, version or self._version())

    def _version(self) -> str:
        if self.switches.row_version == "counter":
            self._versions += 1
            return str(self._versions)
        return f"{self.now():%Y%m%d%H%M%S}"

    def insert(self, lu: LogicalUnit, values: dict[str, Any]) -> Row:
        """Stores a new row and follows it up; a duplicate key is a broken rule."""
        table, rules = self.tables[lu.name], self.rules.get(lu.name, NO_RULES)
        if rules.derive:
            rules.derive(self, values)
        row = self.new_row(lu, values)
        if row.key in table.rows:
            raise RuleBroken(EXISTS, f"{lu.name}.EXIST", f"A {lu.name} with this key exists already.")
        table.add(row)
        self._undo.append(lambda: table.drop(row.key))
        self._log(row, "Insert", {name: (None, value) for name, value in row.as_dict().items() if value is not None})
        if rules.saved:
            rules.saved(self, row, None)
        return row

    def add(self, lu: str, values: Mapping[str, Any]) -> Row:
        """Stores a new row with its defaults and follow-ups but past the checks made for callers."""
        rules, unit, given = self.rules.get(lu, NO_RULES), self.tables[lu].lu, dict(values)
        if rules.fill:
            rules.fill(self, given)
        return self.insert(unit, {**dict.fromkeys(unit.index), **given})

    def update(self, row: Row, changes: Mapping[str, Any]) -> None:
        """Gives a row new values, a new version and its follow-ups. Keys stay."""
        rules, old = self.rules.get(row.lu.name, NO_RULES), row.as_dict()
        new = {**old, **changes}
        if rules.derive:
            rules.derive(self, new)
        self._rewrite(row, [stored(new[name]) for name in row.lu.index])
        self._log(row, "Modify", {name: (old[name], row[name]) for name in old if old[name] != row[name]})
        if rules.saved:
            rules.saved(self, row, old)

    def touch(self, row: Row) -> None:
        """Gives a row a new version only: what a child's save does to its parent."""
        self._rewrite(row, row.values)

    def _rewrite(self, row: Row, values: list[Any]) -> None:
        before, version = row.values, row.version

        def back() -> None:
            row.values, row.version = before, version

        self._undo.append(back)
        row.values, row.version = values, self._version()

    def delete(self, row: Row) -> None:
        """Removes a row and follows it up."""
        table, rules = self.tables[row.lu.name], self.rules.get(row.lu.name, NO_RULES)
        table.drop(row.key)
        self._undo.append(lambda: table.add(row))
        self._log(row, "Delete", {})
        if rules.removed:
            rules.removed(self, row)

    def mark(self) -> int:
        """The present point, to return to by `rollback`."""
        return len(self._undo)

    def rollback(self, mark: int = 0) -> None:
        """Takes back every change made since `mark`."""
        while len(self._undo) > mark:
            self._undo.pop()()

    def commit(self) -> bool:
        """Keeps all changes; true when there were any."""
        changed, self._undo = bool(self._undo), []
        self.generation += changed
        return changed

    def _log(self, row: Row, kind: str, changes: Mapping[str, tuple[Any, Any]]) -> None:
        if row.lu.name not in self.switches.history_log:
            return
        number = self.next_number("HistoryLog")
        entry = {"LogId": number, "LuName": row.lu.name, "TimeStamp": self.now(), "Username": self.user}
        self.insert(self.tables["HistoryLog"].lu, {**entry, "HistoryType": kind, "Keys": row.keyref})
        for name, (old, new) in changes.items():
            column = row.lu.by_name[name].column
            detail = {"LogId": number, "ColumnName": column, "ColumnNamePrompt": name}
            texts = {"OldValue": _text(old), "NewValue": _text(new)}
            self.insert(self.tables["HistoryLogAttribute"].lu, {**detail, **texts})


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def stored(value: Any) -> Any:
    """A value as the database keeps it: the empty string is null, a Decimal has no padding and no exponent."""
    if value == "" and isinstance(value, str):
        return None
    return plain(value) if isinstance(value, Decimal) else value


def plain(value: Decimal) -> Decimal:
    """1500.00 becomes 1500, and never 1.5E+3 (facts 5.3)."""
    short = value.normalize()
    return short.quantize(Decimal(1)) if short.as_tuple().exponent > 0 else short  # type: ignore[operator]
