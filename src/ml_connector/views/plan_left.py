"""What of a plan did not go, and why, as far as what is held by now says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.money import rounded
from ml_connector.planning.approving import COMPANY_WIDE
from ml_connector.store import plan_left
from ml_connector.store.bulk import Transaction
from ml_connector.store.plan_left import NotGone
from ml_connector.store.plan_steps import Scene
from ml_connector.store.plans import PlanLine
from ml_connector.views.plan_parts import NO_PROJECT

MOST_STEPS = 20_000
"""Steps of a plan up to which it is told."""
DECIDED_ANEW = "Not needed as planned any more when it was sent, or it waits with what it belongs to."
"""Said of what no hold explains."""


class Stayed(msgspec.Struct, frozen=True):
    """Records of one flow in one project that did not go for one reason."""

    project: str
    """`-` for what lies in none."""
    name: str
    flow: str
    records: int
    money: dict[str, str]
    """Net."""
    reason: str
    """Of the hold that is open for them; empty where none is."""
    sentence: str
    """What the hold of the first of them says, or what the other side said, or that they were decided anew."""
    recoded: dict[str, str] = {}
    """What they move besides from some codes to others: it is in no net amount."""


def stayed_of(conn: Transaction, scene: Scene, plan: PlanLine) -> list[Stayed]:
    """What of a plan did not go, what is held first; nothing where it is too large to be gone through."""
    if plan.summary.get("steps", 0) > MOST_STEPS:
        return []
    names = {entry["project"]: entry.get("name", "") for entry in plan.parts.get("projects", ())}
    return told(plan_left.not_gone(conn, scene), names)


def told(rows: Sequence[NotGone], names: Mapping[str, str]) -> list[Stayed]:
    """The same by project, flow and reason, money added up currency by currency."""
    found: dict[tuple[str, str, str, str], list[NotGone]] = {}
    for row in rows:
        said = row.reason or row.result or DECIDED_ANEW
        found.setdefault((row.place, row.flow, row.reason, said), []).append(row)
    stayed = [
        Stayed(
            project=place or COMPANY_WIDE,
            name=names.get(place, "") if place else NO_PROJECT,
            flow=flow,
            records=sum(row.records for row in alike),
            money=_money((row.currency, row.amount) for row in alike),
            recoded=_money((row.currency, row.recoded) for row in alike),
            reason=reason,
            sentence=alike[0].sentence if reason else said,
        )
        for (place, flow, reason, said), alike in found.items()
    ]
    return sorted(stayed, key=lambda one: (not one.reason, -one.records, one.project, one.flow))


def _money(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        if currency:
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return {currency: str(rounded(amount, currency)) for currency, amount in sorted(sums.items()) if amount}
