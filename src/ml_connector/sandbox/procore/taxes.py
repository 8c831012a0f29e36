"""Tax codes and tax types of the company: list, show, create, update, sync (facts/procore.md 7.3)."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.errors import TAKEN
from ml_connector.sandbox.procore.paging import listed, pick
from ml_connector.sandbox.procore.state import Record, State, merge
from ml_connector.sandbox.procore.sync import Row, RowRefused, Target, create, sync, update

_CODES, _TYPES = "/rest/v1.0/tax_codes", "/rest/v1.0/tax_types"
_CODE: dict[str, Any] = {
    "code": None,
    "description": None,
    "origin_data": None,
    "origin_id": None,
    "rate1": 0.0,
    "archived": False,
    "default_tax_code": False,
}
_TYPE: dict[str, Any] = {"description": None, "name": None, "origin_data": None, "origin_id": None}


class Taxes:
    """One of the two lists: its records, the name each must have once, and the members with their defaults."""

    def __init__(self, state: State, kind: str) -> None:
        self.state = state
        self.kind = kind
        self.is_code = kind == "tax_code"
        self.name, self.blank = ("code", _CODE) if self.is_code else ("name", _TYPE)
        self.table = state.tax_codes if self.is_code else state.tax_types

    def target(self) -> Target[Record]:
        """The list as the sync engine sees it."""
        return Target(self.kind, self.table, self.make, self.change, self.shown)

    def make(self, row: Row) -> Record:
        """A new record. Raises RowRefused without its name, for a name that exists, and for a second tax type."""
        fields = self.blank | self._values(row)
        self._check(fields, None)
        if not self.is_code and self.table:
            raise RowRefused({"base": ["a company has one tax type"]})
        made = Record(self.state.new_id(), fields, *self.state.birth())
        self.table[made.id] = made
        return made

    def change(self, record: Record, row: Row) -> None:
        """Writes a row over a record."""
        values = self._values(row)
        self._check({**record.fields, **values}, record)
        merge(self.state, record, values)

    def shown(self, record: Record) -> dict[str, Any]:
        """A record in answer shape."""
        return {"id": record.id, **self.blank, **record.fields}

    def _values(self, row: Row) -> dict[str, Any]:
        values = {name: row[name] for name in self.blank if name in row}
        if values.get("rate1") is not None:
            values["rate1"] = float(values["rate1"])
        return values

    def _check(self, fields: dict[str, Any], own: Record | None) -> None:
        wanted = fields.get(self.name)
        if not wanted:
            raise RowRefused({self.name: ["can't be blank"]})
        if any(r.fields[self.name] == wanted and r is not own for r in self.table.values()):
            raise RowRefused({self.name: [TAKEN]})


def _taxes(call: Call) -> Taxes:
    return Taxes(call.state, "tax_code" if "tax_codes" in call.route.path else "tax_type")


def _list(call: Call) -> Answer:
    taxes = _taxes(call)
    return listed(call, taxes.table.values(), taxes.shown)


def _show(call: Call) -> Answer:
    taxes = _taxes(call)
    return Answer(200, taxes.shown(pick(call, taxes.table)))


def _create(call: Call) -> Answer:
    taxes = _taxes(call)
    return Answer(201, taxes.shown(create(call, taxes.target(), call.part(taxes.kind))), changed=True)


def _update(call: Call) -> Answer:
    taxes = _taxes(call)
    record = update(call, taxes.target(), pick(call, taxes.table), call.part(taxes.kind))
    return Answer(200, taxes.shown(record), changed=True)


def _sync(call: Call) -> Answer:
    return sync(call, _taxes(call).target())


def _delete(call: Call) -> Answer:
    record = pick(call, call.state.tax_types)
    del call.state.tax_types[record.id]
    call.state.free("tax_type", record.fields.get("origin_id"))
    return Answer(200, changed=True)


ROUTES: tuple[Route, ...] = routes(
    "admin",
    ("GET", _CODES, _list),
    ("POST", _CODES, _create),
    ("PATCH", f"{_CODES}/sync", _sync),
    ("GET", f"{_CODES}/{{id}}", _show),
    ("PATCH", f"{_CODES}/{{id}}", _update),
    ("GET", _TYPES, _list),
    ("POST", _TYPES, _create, "one per company"),
    ("PATCH", f"{_TYPES}/sync", _sync),
    ("GET", f"{_TYPES}/{{id}}", _show),
    ("PATCH", f"{_TYPES}/{{id}}", _update),
    ("DELETE", f"{_TYPES}/{{id}}", _delete),
    page=100,
    cap=100,
)
