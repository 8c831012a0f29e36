"""The three-way view of what is asked about: read from the very input the question was decided from."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection

from ml_connector.engine import cases
from ml_connector.engine.cases import Case, OrdersCase, VendorsCase
from ml_connector.engine.money_cases import DirectCostsCase, SubcontractorInvoicesCase
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.planning.committing import Held, commitment_key, commitments_of, contract_homes
from ml_connector.planning.contracts import as_it_stands
from ml_connector.planning.crossed import histories
from ml_connector.planning.line_marks import changes_named, line_marks, named
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import HoldReason, unpack
from ml_connector.planning.situation import QUESTIONS
from ml_connector.planning.three_way import (
    ThreeWay,
    asked_about,
    asked_about_crossed,
    of_contract,
    of_crossed,
    of_vendor,
)
from ml_connector.records.commitment import Commitment
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import Voucher
from ml_connector.store import decisions, evidence
from ml_connector.store.holds import HoldRow

SHOWN = frozenset({*(reason.value for reason in QUESTIONS), HoldReason.LAPPING.value})
"""Reasons of holds that have a three-way view."""

TAGS = {"vendors": ("vendors", "proposals")}
"""Flow to the tags its decisions' inputs are kept under, where they are not its own name."""

_MOST = 400
"""Inputs of one run that are looked through for a document."""


def tags_of(flow: str) -> tuple[str, ...]:
    """The tags under which the inputs of a flow's decisions are kept."""
    return TAGS.get(flow, (flow,))


def case_of(conn: Connection, connection_id: int, row: HoldRow) -> Case | None:
    """The input of the decision that found a hold last; None when it is kept no longer."""
    return next((case for case in _inputs(conn, connection_id, row) if row.source in cases.documents(case)), None)


def three_way(conn: Connection, connection_id: int, row: HoldRow, mapper: Mapper) -> tuple[ThreeWay, ...]:
    """What a question is about, a record each (an order may have several contracts); empty when it is no such question.

    Where the decision's input is kept no longer nothing is compared: what the hold says is shown as it stands.
    """
    if row.reason not in SHOWN:
        return ()
    asked = asked_about(row.evidence)
    case = case_of(conn, connection_id, row)
    if isinstance(case, OrdersCase):
        found = _contracts(case, row.erp_id, asked, mapper)
    elif isinstance(case, VendorsCase):
        found = _vendor(case, row, asked)
    elif isinstance(case, SubcontractorInvoicesCase | DirectCostsCase):
        found = _crossed(case, row)
    else:
        found = ()
    kept = "cannot be set side by side" if case is not None else "themselves are kept no longer"
    note = f"The records {kept}: read below what the question says."
    return found or (ThreeWay(str(row.key), row.currency, (), False, note),)


def _inputs(conn: Connection, connection_id: int, row: HoldRow) -> Iterator[Case]:
    rows = decisions.inputs_of(conn, connection_id, [row.last_seen_run], tags_of(row.flow), _MOST)
    for one in rows:
        try:
            yield cases.decode(evidence.body_of(conn, one.hash))
        except (NothingSuchHere, msgspec.DecodeError):  # dropped, or of a release with other records
            continue


def _contracts(case: OrdersCase, order_id: str, asked: list[str], mapper: Mapper) -> tuple[ThreeWay, ...]:
    situation = case.given.situation(mapper)
    order = next(one for one in case.orders if one.id == order_id)
    marks = line_marks(situation.links)
    homes = contract_homes(situation.links).get(order_id, ())
    try:
        wanted = commitments_of(situation, case.chart, case.budgets, order, homes)
    except Held:
        return ()
    found = []
    for ours in wanted:
        linked = situation.links.get(commitment_key(order_id, ours.project))
        theirs = case.theirs.contracts.get(linked.target) if linked else None
        if linked is None or theirs is None:
            continue
        base = unpack("commitment", linked.base) if linked.base else None
        agreed = base if isinstance(base, Commitment) else None
        changes = tuple(changes_named(case.theirs.change_orders.get(theirs.id, ()), marks))
        mine, standing = as_it_stands(situation, ours, (named(theirs, marks), changes), agreed)
        found.append(of_contract(mine, standing, agreed, asked))
    return tuple(found)


def _vendor(case: VendorsCase, row: HoldRow, asked: list[str]) -> tuple[ThreeWay, ...]:
    links = dict(case.given.links)
    linked = links.get(row.key)
    base = unpack("vendor", linked.base) if linked and linked.base else None
    agreed = base if isinstance(base, Vendor) else None
    ours = next((one for one in case.ours if one.id == row.erp_id), agreed)
    theirs = next((one for one in case.theirs if linked and one.id == linked.target), None)
    owned = case.given.policies.vendors.theirs
    return (of_vendor(ours, theirs, agreed, asked, owned),) if ours and theirs else ()


def _crossed(case: SubcontractorInvoicesCase | DirectCostsCase, row: HoldRow) -> tuple[ThreeWay, ...]:
    bills = case.invoices if isinstance(case, SubcontractorInvoicesCase) else case.costs
    there = next((one for one in bills if one.id == row.erp_id), None)
    vouchers = case.ours.vouchers if isinstance(case, SubcontractorInvoicesCase) else case.vouchers
    live = histories(dict(case.given.links)).get(f"{row.kind}/{row.erp_id}")
    version = live.live if live else None
    now = vouchers.get(version.body.once_key) if version and isinstance(version.body, Voucher) else None
    return (of_crossed(version, now, there, asked_about_crossed(row.reason, row.evidence)),)
