"""Candidates of a match side by side with the record they may be: read from the input the question was decided from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.engine.cases import Case, OrdersCase, ProjectsCase, VendorsCase
from ml_connector.engine.money_cases import ProposalsCase, SupplierInvoicesCase
from ml_connector.engine.sides import case_of
from ml_connector.planning.committing import order_money
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.store.holds import HoldRow

_VENDOR = ("name", "tax_number", "country", "address", "city", "state", "zip_code", "email", "phone")
_EVIDENCE = re.compile(r"^(?P<name>.*) \[(?P<id>[^\]]+)\] (?P<score>\d+): (?P<why>.*)$")


class Likeness(msgspec.Struct, frozen=True):
    """One record that may be meant: what is known of it, and what speaks for it and against it."""

    id: str
    name: str
    fields: Mapping[str, str]
    """Field to value, the same fields for all that are compared."""
    score: int | None = None
    """How alike, 0 to 100, where that was measured."""
    evidence: str = ""


class Match(msgspec.Struct, frozen=True):
    """A question of identity: the record, and those it may be."""

    ours: Likeness | None
    candidates: tuple[Likeness, ...]


def match_of(conn: Connection, connection_id: int, row: HoldRow) -> Match | None:
    """The record a hold asks about and its candidates; None when it names no candidates."""
    if not row.candidates:
        return None
    case = case_of(conn, connection_id, row)
    said = _said(row.evidence)
    ours, known = _sides(case, row) if case is not None else (None, {})
    blank = dict.fromkeys(ours.fields, "") if ours else {}
    found = []
    for one in row.candidates:
        there = known.get(one) or Likeness(one, said.get(one, (one, None, ""))[0], blank)
        _, score, why = said.get(one, ("", None, row.evidence if len(row.candidates) == 1 else ""))
        found.append(msgspec.structs.replace(there, score=score, evidence=why))
    return Match(ours, tuple(found))


def _said(evidence: str) -> dict[str, tuple[str, int | None, str]]:
    found: dict[str, tuple[str, int | None, str]] = {}
    for line in evidence.splitlines():
        match = _EVIDENCE.match(line)
        if match:
            found[match["id"]] = (match["name"], int(match["score"]), match["why"])
    return found


def _sides(case: Case, row: HoldRow) -> tuple[Likeness | None, dict[str, Likeness]]:
    """The record asked about, and every record of the other side that may be meant, by id."""
    if isinstance(case, VendorsCase):
        return _ours(case.ours, row, _VENDOR), _theirs(case.theirs, row, _VENDOR)
    if isinstance(case, ProposalsCase):
        ours = _ours(case.theirs.values(), row, _VENDOR)
        return ours, {**_theirs(case.theirs.values(), row, _VENDOR), **_theirs(case.ours, row, _VENDOR)}
    if isinstance(case, ProjectsCase):
        return _ours(case.ours, row, ("number", "name")), _theirs(case.theirs, row, ("number", "name"))
    if isinstance(case, OrdersCase):
        return _orders(case, row)
    return _invoices(case, row) if isinstance(case, SupplierInvoicesCase) else (None, {})


def _ours(records: Iterable[Any], row: HoldRow, fields: tuple[str, ...]) -> Likeness | None:
    return next((_like(one, fields) for one in records if one.id == row.erp_id), None)


def _theirs(records: Iterable[Any], row: HoldRow, fields: tuple[str, ...]) -> dict[str, Likeness]:
    return {one.id: _like(one, fields) for one in records if one.id in row.candidates}


def _like(record: Any, fields: tuple[str, ...]) -> Likeness:
    said = {name.replace("_", " "): _text(getattr(record, name)) for name in fields}
    return Likeness(record.id, record.name, said)


def _orders(case: OrdersCase, row: HoldRow) -> tuple[Likeness | None, dict[str, Likeness]]:
    order = next((one for one in case.orders if one.id == row.erp_id), None)
    vendors = {linked.target: key.id for key, linked in case.given.links if key.kind == "vendor"}
    headers = {one.id: one for of in case.theirs.headers.values() for one in of}
    contracts = headers | {one.id: one for one in case.theirs.contracts.values() if one is not None}
    known = {
        one.id: Likeness(
            one.id,
            one.number,
            {
                "number": one.number,
                "title": one.title,
                "supplier": vendors.get(one.vendor, f"{one.vendor} in Procore"),
                "date": _text(one.dated),
                "amount": _text(one.money().amount if one.lines else one.total),
                "currency": one.currency,
                "status": one.status.value,
            },
        )
        for one in contracts.values()
        if one.id in row.candidates
    }
    if order is None:
        return None, known
    money = order_money(order)
    fields = {
        "number": order.id,
        "title": order.text,
        "supplier": order.vendor,
        "date": _text(order.dated),
        "amount": str(money.amount),
        "currency": money.currency,
        "status": order.state.value,
    }
    return Likeness(order.id, order.id, fields), known


def _invoices(case: SupplierInvoicesCase, row: HoldRow) -> tuple[Likeness | None, dict[str, Likeness]]:
    invoice = next((one for one in case.invoices if one.id == row.erp_id), None)
    bills: list[SubcontractorInvoice | DirectCost] = [one for of in case.theirs.invoices.values() for one in of]
    bills += [one for of in case.theirs.costs.values() for one in of]
    known = {
        one.id: Likeness(
            one.id,
            one.number,
            {
                "number": one.number,
                "date": _text(one.dated),
                "amount": str(one.money().amount),
                "currency": one.currency,
                "status": one.status.value.replace("_", " "),
            },
        )
        for one in bills
        if one.id in row.candidates
    }
    if invoice is None:
        return None, known
    fields = {
        "number": invoice.number,
        "date": _text(invoice.dated),
        "amount": str(invoice.money().amount),
        "currency": invoice.currency,
        "status": invoice.state.value.replace("_", " "),
    }
    return Likeness(invoice.id, invoice.number, fields), known


def _text(value: object) -> str:
    return "" if value is None else str(value)
