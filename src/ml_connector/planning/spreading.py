"""The money of a step by the code it lands on: how a plan is read by cost code, and what counts against its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from ml_connector.kernel.money import Money
from ml_connector.planning.plan import Body, Intent, unpack
from ml_connector.records.budget import Budget, BudgetChange
from ml_connector.records.commitment import ChangeOrder, Commitment
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.voucher import RowRole, Voucher

ZERO = Decimal(0)

NO_CODE = ""
"""Where money lands that is of no code, or of which the lines do not say."""


def spread(money: Money, body: Body, former: Iterable[tuple[str, Decimal]] = ()) -> dict[str, Decimal]:
    """Code to amount: what a step moves, line by line. `former` is what the lines it writes over stand at.

    The amounts always add up to `money`: what the lines leave open stands under `NO_CODE`.
    """
    found: dict[str, Decimal] = {}
    for code, amount in _lines(body):
        found[code] = found.get(code, ZERO) + amount
    for code, amount in former:
        found[code] = found.get(code, ZERO) - amount
    rest = money.amount - sum(found.values(), ZERO)
    found[NO_CODE] = found.get(NO_CODE, ZERO) + rest
    return {code: amount for code, amount in found.items() if amount}


def spread_of(intent: Intent) -> dict[str, Decimal]:
    """The same of a decided step; nothing where it moves no money."""
    if intent.money is None:
        return {}
    return spread(intent.money, unpack(intent.key.kind, intent.body), intent.former)


def recoded(codes: Mapping[str, Decimal]) -> Decimal:
    """How much of what a step moves by code only goes from some codes to others, and is not in its net money."""
    amounts = [amount for code, amount in codes.items() if code != NO_CODE]
    added = sum((amount for amount in amounts if amount > 0), ZERO)
    return min(added, added - sum(amounts, ZERO))


def moved_by(intent: Intent) -> Decimal | None:
    """What a step counts for against every limit of money: its net money without sign, and what it recodes besides.

    So money that only goes from one code to another counts in full. None where the step moves no money.
    """
    return None if intent.money is None else abs(intent.money.amount) + recoded(spread_of(intent))


def summed(codes: Iterable[tuple[str, Decimal]]) -> tuple[tuple[str, Decimal], ...]:
    """Amounts by code as an intent keeps them, each code once."""
    sums: dict[str, Decimal] = {}
    for code, amount in codes:
        sums[code] = sums.get(code, ZERO) + amount
    return tuple((code, amount) for code, amount in sorted(sums.items()) if amount)


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


def code_string(codes: Iterable[tuple[str, str]]) -> str:
    """An IFS code string as people read it: `A=4000 B=100`."""
    return " ".join(f"{part}={value}" for part, value in codes)
