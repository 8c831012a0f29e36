"""What a cost lands on in the projects system: cost code, cost type and their combination, the budget code."""

from __future__ import annotations

import msgspec


class CostCode(msgspec.Struct, frozen=True):
    """A cost code of one project; `code` is the full code (`03-310`). `id` is empty until the system has given one."""

    id: str
    project: str
    code: str
    name: str
    origin: str | None = None


class CostType(msgspec.Struct, frozen=True):
    """A cost type of the company, such as `M` for materials."""

    id: str
    code: str
    name: str


class BudgetCode(msgspec.Struct, frozen=True):
    """One combination of cost code and cost type in a project (Procore: a WBS code); `flat` reads `03-310.M`."""

    id: str
    project: str
    flat: str
    active: bool = True
    budgeted: bool = False
    codes: tuple[tuple[str, str], ...] = ()
    """In what was last agreed only: the whole IFS code string it was linked or made for. Never compared or sent."""


def flat_code(cost_code: str, cost_type: str) -> str:
    """How a combination is written: `03-310.M` (facts/procore.md 7.2)."""
    return f"{cost_code}.{cost_type}"
