"""What an answer or a mapping row would do, as pages and programs see it before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.kernel.keys import Key
from ml_connector.planning.foreseen import Document, Fate, Foreseen
from ml_connector.planning.policy import Policies
from ml_connector.views.called import NO_NAMES, called_of
from ml_connector.views.hold_words import kind_words, record_words
from ml_connector.views.inbox import cells
from ml_connector.views.listing import money
from ml_connector.views.next_step import goes_words, policies_of

SHOWN = 200
"""Documents named one by one; the rest is counted."""

TITLES: dict[Fate, str] = {
    "goes": "would go",
    "rests": "would need nothing more",
    "left": "would be left alone",
    "waits": "would wait for something else",
    "stays": "would wait as now",
    "unsure": "cannot be foreseen",
}
"""What becomes of documents, in words; in the order in which they are shown. What goes says how, by policy."""


class Outcome(msgspec.Struct, frozen=True):
    """The documents of which the same becomes."""

    fate: str
    title: str
    number: int
    records: str
    money: list[dict[str, str]]
    documents: list[dict[str, Any]]


class Effect(msgspec.Struct, frozen=True):
    """What would be done, and to what; nothing of it is saved."""

    ends: int
    """Holds that would end."""
    outcomes: tuple[Outcome, ...]
    made: dict[str, int]
    """What would be sent besides what is sent now."""
    left_out: int
    """Held records that were too many to look at one by one."""
    runs: tuple[int, ...]
    """Runs as of which both systems are taken to be."""
    seen: str = ""
    """Given back as `expect` when the answer is saved, it is saved for these holds and as they stand here only."""
    mapping_version: int | None = None
    """Given back as `version` when a row is saved, it is added to this mapping and to no later one."""
    about_draft: str = ""
    """What becomes of an unsaved draft of the mapping that whoever asks has, where a row is saved."""


def effect_named(app: App, connection: str, found: Foreseen) -> Effect:
    """What was foreseen for a connection, with what its documents are called whose id says nothing to people."""
    row = app.connection(connection)
    with app.db.begin() as conn:
        called = called_of(conn, row.id, [one.key for fate in TITLES for one in found.of(fate)])
    return effect_form(found, policies_of(row.config), called)


def effect_form(found: Foreseen, policies: Policies, called: Mapping[Key, str] = NO_NAMES) -> Effect:
    """What was foreseen, by what becomes of each document, the most money first; `policies` say what goes by itself."""
    titles: dict[Fate, str] = {**TITLES, "goes": goes_words(policies, {one.flow for one in found.of("goes")})}
    outcomes = tuple(_outcome(fate, title, found, called) for fate, title in titles.items() if found.of(fate))
    ended = len({one.hold for one in found.of("goes", "rests", "left")})
    return Effect(
        ends=ended,
        outcomes=outcomes,
        made=dict(found.made),
        left_out=found.left_out,
        runs=found.runs,
        seen=found.seen,
        mapping_version=found.mapping_version,
        about_draft=found.about_draft,
    )


def _outcome(fate: Fate, title: str, found: Foreseen, called: Mapping[Key, str]) -> Outcome:
    documents = sorted(found.of(fate), key=_stake, reverse=True)
    kinds: dict[str, int] = {}
    for one in documents:
        kinds[one.key.kind] = kinds.get(one.key.kind, 0) + 1
    return Outcome(
        fate=fate,
        title=title,
        number=len(documents),
        records=", ".join(kind_words(kind, number) for kind, number in kinds.items()),
        money=cells(found.money(fate)),
        documents=[
            {
                "record": record_words(*one.key, called.get(one.key, "")),
                "kind": one.key.kind,
                "id": one.key.id,
                "hold": one.hold,
                "money": money(one.money.amount, one.money.currency) if one.money else None,
                "moved": money(one.moved.amount, one.moved.currency) if one.moved else None,
                "recoded": money(one.recoded.amount, one.recoded.currency) if one.recoded else None,
                "sentence": one.sentence,
            }
            for one in documents[:SHOWN]
        ],
    )


def _stake(one: Document) -> tuple[bool, Decimal]:
    return one.money is not None, abs(one.money.amount) if one.money else Decimal(0)
