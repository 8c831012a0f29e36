"""How a plan stands, and the words for it."""

from __future__ import annotations

from typing import Literal

from ml_connector.store.plans import PlanLine

Stands = Literal["waiting", "partly", "approved", "going", "applied", "short", "sent", "replaced", "empty"]
"""How a plan stands: it waits for approval; some projects of it do; it is approved and not all of it has gone; it goes
by itself and not all of it has; all went; some of it went and the rest does not any more; it is no more than the
sending of an approved plan; another took its place; nothing is to be done."""

OPEN: tuple[Stands, ...] = ("waiting", "partly", "approved")
"""How a plan stands that can be approved."""

WORDS = {
    "waiting": "waiting for approval",
    "partly": "partly approved",
    "approved": "approved, not all sent",
    "going": "goes by itself, not all sent",
    "applied": "applied",
    "short": "partly applied",
    "sent": "sending of an approved plan",
    "replaced": "replaced",
    "empty": "empty",
}
"""How a plan stands, as people read it."""

STATES = {
    "kept": "waiting for approval",
    "approved": "approved",
    "partly": "approved in part",
    "applied": "applied",
    "superseded": "replaced",
}
"""The state a plan is kept in, as people read it."""

BEGAN = {
    "schedule": "the schedule",
    "person": "a person",
    "plan": "a person",
    "webhook": "an event from outside",
    "replay": "a replay",
}
"""Why a run ran to who made its plan, as people read it: made by the schedule."""

TONES = {
    "waiting": "waiting",
    "partly": "waiting",
    "approved": "waiting",
    "going": "waiting",
    "applied": "applied",
    "short": "returned",
    "sent": "unchanged",
    "replaced": "replaced",
    "empty": "empty",
}
"""The same as a state whose colour and shape people know."""


def stands(plan: PlanLine) -> Stands:
    """How a plan stands."""
    if not plan.summary.get("steps", 1):
        return "empty"
    if plan.sends and (plan.over or plan.state != "partly"):
        return "sent"
    if plan.state == "applied":
        return "short" if plan.went.get("open") or plan.went.get("not") else "applied"
    if plan.over or plan.state == "superseded":
        return "short" if plan.went.get("done") else "replaced"
    if plan.goes:
        return "going"
    words: dict[str, Stands] = {"approved": "approved", "partly": "partly"}
    return words.get(plan.state, "waiting")


def approved_words(plan: PlanLine) -> str:
    """Who approved a plan, or whose approval it sends; the policy where nobody was asked."""
    if plan.sends:
        return f"{plan.summary.get('sent_by', '')}, plan {plan.sends}"
    by_itself = not plan.approved_by and stands(plan) in ("going", "applied", "short")
    return plan.approved_by or ("the policy" if by_itself else "")
