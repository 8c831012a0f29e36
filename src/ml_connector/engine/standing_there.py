"""A record as Procore had it when a plan that takes it over was made: out of the kept input of its decision."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.engine import cases
from ml_connector.engine.cases import Case, OrdersCase, ProjectsCase, VendorsCase
from ml_connector.engine.money_cases import BudgetsCase
from ml_connector.engine.naming import may_be_in
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.budgeting import standing
from ml_connector.planning.diffing import HEADER, as_amended
from ml_connector.planning.line_marks import changes_named, named
from ml_connector.planning.plan import Body
from ml_connector.records.budget import Budget, BudgetChange, BudgetLine
from ml_connector.records.commitment import FROZEN, Commitment, CommitmentLine
from ml_connector.store import documents, evidence

SHOWN = frozenset({"vendor", "project", "commitment", "budget"})
"""Kinds of record of which the input of a decision is read back; of every other kind nothing is said."""


class Sought(msgspec.Struct, frozen=True):
    """Which record: the run, flow and document of its decision, its id in Procore, and what it will be."""

    run: int
    flow: str
    source: str
    target: str
    after: Body
    bodies: tuple[Body, ...] = ()
    """What the steps carry: they say which line of Procore is which of ours."""
    written: frozenset[str] = frozenset()
    """Once-keys of the lines that are sent."""


def there_before(conn: Connection, connection_id: int, sought: Sought) -> Body | None:
    """The record as it was read there, its lines under our keys; None where that is kept no longer."""
    for row in documents.inputs_of(conn, connection_id, sought.run, [sought.flow]):
        if not may_be_in(row.span, sought.source):
            continue
        try:
            case = cases.decode(evidence.body_of(conn, row.hash))
        except (NothingSuchHere, msgspec.DecodeError):  # dropped, or of a release with other records
            continue
        found = in_case(case, sought)
        if found is not None:
            return found
    return None


def in_case(case: Case, sought: Sought) -> Body | None:
    """The record in one decision's input; None where that has not got it."""
    if isinstance(case, VendorsCase):
        return _of_id(case.theirs, sought.target)
    if isinstance(case, ProjectsCase):
        return _of_id(case.theirs, sought.target)
    if isinstance(case, BudgetsCase):
        budget = case.theirs.get(sought.source)
        return _budget(budget, sought) if budget is not None else None
    if not isinstance(case, OrdersCase):
        return None
    there = case.theirs.contracts.get(sought.target)
    return _contract(case, there, sought) if there is not None else None


def _of_id(records: Iterable[Any], target: str) -> Body | None:
    found: Body | None = next((one for one in records if one.id == target), None)
    return found


def _budget(there: Budget, sought: Sought) -> Budget:
    """The budget as it stands there, with approved changes where it is locked.

    Lines that nobody writes and IFS does not know are no news.
    """
    after = sought.after
    if not isinstance(after, Budget):
        return there
    bodies = [one for one in (*sought.bodies, after) if isinstance(one, (Budget, BudgetChange))]
    known = {line.flat for one in bodies for line in one.lines}
    now = standing(there, amended=there.locked).now
    lines = tuple(BudgetLine(flat, amount) for flat, amount in sorted(now.items()) if amount and flat in known)
    return msgspec.structs.replace(after, lines=lines)


def _contract(case: OrdersCase, there: Commitment, sought: Sought) -> Commitment:
    """The contract under our keys, with the change orders that count where it is approved.

    What nobody writes is no news: fields that Procore keeps for itself, and lines that agree and are not sent.
    """
    after = sought.after
    if not isinstance(after, Commitment):
        return there
    ours = [one for one in (*sought.bodies, after) if isinstance(one, Commitment)]
    marks = {line.id: line.once_key for one in ours for line in one.lines if line.id}
    contract = named(there, marks)
    changes = tuple(one for one in case.theirs.change_orders.get(there.id, ()) if one.status != "draft")
    if there.status in FROZEN or changes:
        contract = as_amended(contract, changes_named(changes, marks), None)
    linked = dict(case.given.links).get(Key("vendor", after.vendor))
    vendor = after.vendor if linked and linked.target == there.vendor else f"vendor {there.vendor} of Procore"
    kept = {name: getattr(contract, name) for name in (*HEADER, "status", "currency")}
    lines = tuple(_line(line, after, sought.written) for line in contract.lines)
    return msgspec.structs.replace(after, **kept, vendor=vendor, lines=lines)


def _line(there: CommitmentLine, after: Commitment, written: Collection[str]) -> CommitmentLine:
    same = next((line for line in after.lines if line.once_key == there.once_key), None)
    if same is None or there.once_key in written:
        return there
    agrees = (same.amount, same.budget_code) == (there.amount, there.budget_code)
    return same if agrees else there
