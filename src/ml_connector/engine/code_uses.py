"""Reads kept decisions once more, for one thing: which code strings the lines of documents lie on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import msgspec
from sqlalchemy import Connection

from ml_connector.engine import cases
from ml_connector.engine.cases import CostCodesCase
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.planning.mapping_use import Use
from ml_connector.store import code_uses, evidence
from ml_connector.store.code_uses import UseRow
from ml_connector.store.postgres import Database

FLOWS = ("purchase_orders", "supplier_invoices", "budgets")
"""Flows whose decisions start from code strings."""

_BITE = 8
"""Decisions read in one transaction."""


class _Activity(msgspec.Struct, gc=False):
    number: str
    sub_project: str


class _Chart(msgspec.Struct):
    activities: dict[str, _Activity]


class _Line(msgspec.Struct, gc=False):
    id: str
    amount: Decimal
    project: str
    activity: str
    codes: tuple[tuple[str, str], ...]
    state: str = ""
    order: str = ""


class _Document(msgspec.Struct):
    id: str
    currency: str
    lines: tuple[_Line, ...]


class _Estimate(msgspec.Struct, gc=False):
    project: str
    activity: str
    element: str
    amount: Decimal


class _Orders(msgspec.Struct, tag="purchase_orders"):
    chart: _Chart
    orders: list[_Document]


class _Invoices(msgspec.Struct, tag="supplier_invoices"):
    chart: _Chart
    invoices: list[_Document]


class _Budgets(msgspec.Struct, tag="budgets"):
    chart: _Chart
    estimates: list[_Estimate]
    base_currency: str = ""


class _Budgeted(msgspec.Struct):
    budgeted: dict[str, frozenset[str]]


class _WithBudgets(msgspec.Struct, tag="purchase_orders"):
    budgets: _Budgeted


_budgets = msgspec.msgpack.Decoder(_WithBudgets)
_decoder = msgspec.msgpack.Decoder(_Orders | _Invoices | _Budgets)


def catch_up(db: Database, connection_id: int, patience: float = 10.0) -> bool:
    """Reads the decisions that were kept since the last time, for some seconds at most; whether all were read."""
    end = time.monotonic() + patience
    while True:
        with db.begin() as conn:
            found = code_uses.undecided(conn, connection_id, FLOWS, _BITE)
            if found:
                linked = code_uses.projects_linked(conn, connection_id)
                for one in found:
                    _take(conn, connection_id, one.hash, linked)
                code_uses.read_up_to(conn, connection_id, found[-1].id)
        if len(found) < _BITE:
            return True
        if time.monotonic() > end:
            return False


def newest_codes(conn: Connection, connection_id: int) -> CostCodesCase | None:
    """The newest input of the cost codes flow: what IFS's values and Procore's codes were called; None before one."""
    digest = code_uses.newest_decision(conn, connection_id, "cost_codes")
    if digest is None:
        return None
    try:
        case = cases.decode(evidence.body_of(conn, digest))
    except NothingSuchHere:
        return None
    return case if isinstance(case, CostCodesCase) else None


def newest_budgeted(conn: Connection, connection_id: int) -> dict[str, frozenset[str]]:
    """Flat codes with a budget line by IFS project, of the projects the newest decision on orders looked at."""
    digest = code_uses.newest_decision(conn, connection_id, "purchase_orders")
    try:
        return _budgets.decode(evidence.body_of(conn, digest)).budgets.budgeted if digest else {}
    except NothingSuchHere:
        return {}


def _take(conn: Connection, connection_id: int, digest: bytes, linked: set[str]) -> None:
    try:
        case = _decoder.decode(evidence.body_of(conn, digest))
    except NothingSuchHere:  # its month is gone: what it told of is told again when the document is decided again
        return
    if isinstance(case, _Budgets):
        projects = sorted({one.project for one in case.estimates})
        code_uses.put_uses(conn, connection_id, "budget", projects, _estimated(case))
        return
    kind = "order" if isinstance(case, _Orders) else "supplier_invoice"
    documents = case.orders if isinstance(case, _Orders) else case.invoices
    rows = _lines(kind, documents, case.chart.activities, linked)
    code_uses.put_uses(conn, connection_id, kind, [one.id for one in documents], rows)


def _lines(
    kind: str, documents: list[_Document], activities: dict[str, _Activity], linked: set[str]
) -> Iterator[UseRow]:
    """Lines on projects that are linked; of invoices those on no order: the others follow the order's lines."""
    for document in documents:
        for line in document.lines:
            if line.project in linked and line.state != "cancelled" and not (kind != "order" and line.order):
                activity = activities.get(line.activity)
                number, sub_project = (activity.number, activity.sub_project) if activity else ("", "")
                use = Use(line.project, line.codes, number, sub_project)
                yield UseRow(kind, document.id, line.id, use, line.amount, document.currency)


def _estimated(case: _Budgets) -> Iterator[UseRow]:
    sums: dict[tuple[str, str, str], Decimal] = {}
    for row in case.estimates:
        place = (row.project, row.element, row.activity)
        sums[place] = sums.get(place, Decimal(0)) + row.amount
    for (project, element, activity), amount in sums.items():
        found = case.chart.activities.get(activity)
        number, sub_project = (found.number, found.sub_project) if found else ("", "")
        use = Use(project, (("element", element),), number, sub_project)
        yield UseRow("budget", project, f"{element}/{activity}", use, amount, case.base_currency)
