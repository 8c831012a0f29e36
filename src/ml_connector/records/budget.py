"""A project's budget: what each budget code may cost, as the erp has it and as the projects system shows it."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ml_connector.kernel.money import Money


class BudgetEstimate(msgspec.Struct, frozen=True, gc=False):
    """One row of an erp project's estimate: an activity, a cost element, an amount in company currency."""

    project: str
    activity: str
    element: str
    amount: Decimal


class BudgetLine(msgspec.Struct, frozen=True, gc=False):
    """One budget code's original amount. `id` is Procore's id of the line, empty when it has none."""

    flat: str
    amount: Decimal
    id: str = ""


class Budget(msgspec.Struct, frozen=True):
    """A project's original budget, and as Procore shows it also whether it is locked and what was changed since.

    `project` is an erp id when planned, Procore's when read.
    """

    project: str
    currency: str
    lines: tuple[BudgetLine, ...]
    locked: bool = False
    changes: tuple[BudgetLine, ...] = ()
    """Approved budget changes, summed by code, when read."""

    def money(self) -> Money:
        """The sum of the original lines."""
        return Money(sum((line.amount for line in self.lines), Decimal(0)), self.currency)


class BudgetChange(msgspec.Struct, frozen=True):
    """A budget change that moves a locked budget by deltas; found again by its reference in the title."""

    reference: str
    """Our once-key; the change's title ends with it, because a budget change takes no origin_id."""
    project: str
    title: str
    currency: str
    lines: tuple[BudgetLine, ...]
    """Each amount is the delta."""

    def money(self) -> Money:
        """The sum of the deltas."""
        return Money(sum((line.amount for line in self.lines), Decimal(0)), self.currency)
