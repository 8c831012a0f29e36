"""The money of a step by the code it lands on, so that a plan can be read by project and cost code."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ml_connector.kernel.money import Money
from ml_connector.planning.plan import Body
from ml_connector.records.budget import Budget, BudgetChange
from ml_connector.records.commitment import ChangeOrder, Commitment
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.voucher import RowRole, Voucher

ZERO = Decimal(0)

NO_CODE = ""
"""Where money lands that is of no code, or of which the lines do not say."""


def spread(money: Money, body: Body, agreed: Body | None) -> dict[str, Decimal]:
    """Code to amount: what a step moves, line by line. `agreed` is the record as last agreed, of a change.

    The amounts always add up to `money`: what the lines leave open stands under `NO_CODE`.
    """
    found: dict[str, Decimal] = {}
    for code, amount in _lines(body):
        found[code] = found.get(code, ZERO) + amount
    for code, amount in _former(body, agreed):
        found[code] = found.get(code, ZERO) - amount
    rest = money.amount - sum(found.values(), ZERO)
    found[NO_CODE] = found.get(NO_CODE, ZERO) + rest
    return {code: amount for code, amount in found.items() if amount}


def _lines(body: Body) -> Iterable[tuple[str, Decimal]]:
    if isinstance(body, (Commitment, ChangeOrder, SubcontractorInvoice, DirectCost)):
        return [(line.budget_code, line.amount) for line in body.lines]
    if isinstance(body, (Budget, BudgetChange)):
        return [(line.flat, line.amount) for line in body.lines]
    if isinstance(body, PurchaseRequisition):
        return [(code_string(line.codes), line.amount) for line in body.lines]
    if isinstance(body, Voucher):
        rows = (row for row in body.rows if row.role is RowRole.COST)
        return [(code_string(row.codes), row.debit - row.credit) for row in rows]
    return ()


def _former(body: Body, agreed: Body | None) -> Iterable[tuple[str, Decimal]]:
    """What the lines written anew stood at; only contracts and budgets are written over."""
    if isinstance(body, Commitment) and isinstance(agreed, Commitment):
        again = {line.once_key for line in body.lines}
        return [(line.budget_code, line.amount) for line in agreed.lines if line.once_key in again]
    if isinstance(body, Budget) and isinstance(agreed, Budget):
        codes = {line.flat for line in body.lines}
        return [(line.flat, line.amount) for line in agreed.lines if line.flat in codes]
    return ()


def code_string(codes: Iterable[tuple[str, str]]) -> str:
    """An IFS code string as people read it: `A=4000 B=100`."""
    return " ".join(f"{part}={value}" for part, value in codes)
