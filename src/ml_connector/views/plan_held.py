"""What is held beside a plan, as it was when the plan was made: by project, with its money and why it waits."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ml_connector.app import App
from ml_connector.engine.outline import MOST_HELD
from ml_connector.kernel.keys import Key
from ml_connector.planning.approving import COMPANY_WIDE
from ml_connector.planning.plan import HoldReason
from ml_connector.views.called import called_of, record_called
from ml_connector.views.document_states import record_title
from ml_connector.views.hold_words import WORDS
from ml_connector.views.listing import Column, Listing, Look, Words, listing
from ml_connector.views.plan_parts import NO_PROJECT
from ml_connector.views.plans import found_plan

MOST_LISTED = MOST_HELD
"""Held records of a plan that are listed one by one."""


class HeldLook(Look, frozen=True, kw_only=True):
    """How what is held beside a plan is asked for; `project` is `-` for what has none."""

    connection: Words
    plan: Words
    project: Words = ""
    reason: Words = ""


_COLUMNS = (
    Column("called", "Record", sortable=True),
    Column("kind", "Kind"),
    Column("where", "Project", sortable=True),
    Column("money", "Money", "money", sortable=True),
    Column("means", "Why it waits", sortable=True),
    Column("sentence", "In words"),
    Column("source", "Document"),
)


def held(app: App, look: HeldLook) -> Listing:
    """The records that were held when a plan was made, most money first; of very many those with most money."""
    row = app.connection(look.connection)
    with app.db.begin() as conn:
        plan = found_plan(conn, row.id, look.plan)
        kept: list[Mapping[str, Any]] = plan.parts.get("held", {}).get("shown", [])
        names = called_of(conn, row.id, [Key(one["kind"], one["id"]) for one in kept])
    rows = [_line(one, names) for one in kept]
    choices = {
        "project": sorted({one["project"] for one in rows}),
        "reason": sorted({one["reason"] for one in rows}),
    }
    words = look.q.casefold().split()
    found = [one for one in rows if _fits(one, look, words)]
    if look.sort:
        found.sort(key=lambda one: _sorted_by(one, look.sort), reverse=look.down)
    first = (look.page - 1) * look.size
    return listing(_COLUMNS, found[first : first + look.size + 1], look, choices)


def means(reason: str) -> str:
    """What a reason of a hold means, in a few words."""
    known = WORDS.get(HoldReason(reason)) if reason in {one.value for one in HoldReason} else None
    return known.means if known else reason.replace("_", " ")


def _line(one: Mapping[str, Any], names: Mapping[Key, str]) -> dict[str, Any]:
    key = Key(one["kind"], one["id"])
    return {
        "called": record_called(key, names),
        "record": one["id"],
        "kind": record_title(one["kind"]),
        "kind_key": one["kind"],
        "project": one["project"] or COMPANY_WIDE,
        "where": one["project"] or NO_PROJECT,
        "money": one["money"],
        "reason": one["reason"],
        "means": means(one["reason"]),
        "sentence": one["sentence"],
        "source": one["source"],
        "flow": one["flow"],
    }


def _fits(one: Mapping[str, Any], look: HeldLook, words: list[str]) -> bool:
    if (look.project and one["project"] != look.project) or (look.reason and one["reason"] != look.reason):
        return False
    text = " ".join(str(one[name]) for name in ("called", "record", "kind", "source", "means", "sentence")).casefold()
    return all(word in text for word in words)


def _sorted_by(one: Mapping[str, Any], key: str) -> tuple[Decimal, str]:
    if key == "money":
        return (Decimal(one["money"]["amount"]), one["money"]["currency"]) if one["money"] else (Decimal(0), "")
    return Decimal(0), str(one.get(key, ""))
