"""One cause of the inbox: the holds that share it, what may be answered, and the row of the mapping it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.engine.answering import allowed
from ml_connector.engine.code_uses import newest_codes
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.blocking import UNKNOWN, Behind, Cause
from ml_connector.planning.finding_linked import document_of
from ml_connector.planning.mapping import SegmentRule
from ml_connector.planning.mapping_suggesting import Known, Suggester
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.policy import Policies
from ml_connector.service.inbox_desk import place_of
from ml_connector.store import causes
from ml_connector.store.bulk import Transaction
from ml_connector.store.causes import Asked
from ml_connector.store.holds import HoldRow
from ml_connector.store.unsettled import Write
from ml_connector.views.called import called_of
from ml_connector.views.hold_words import Choice, choice_of, record_words
from ml_connector.views.inbox import NextRun, cause_form, mapped_rows, next_run, signs_of
from ml_connector.views.listing import Column, Listing, Look, Words, listing, money
from ml_connector.views.newest_mapping import newest_mapping
from ml_connector.views.next_step import policies_of, waits_for_approval

COLUMNS = (
    Column("record", "Record", "link", sortable=True),
    Column("sentence", "What is the matter"),
    Column("money", "Money", "money", sortable=True),
    Column("since", "Since", "moment", sortable=True),
    Column("state", "State", "state"),
    Column("hold", "Hold", "number"),
)
"""Columns of the holds of a cause."""

LongWords = Annotated[str, msgspec.Meta(max_length=2000)]
"""What waits may be a long code string."""


class GroupLook(Look, frozen=True, kw_only=True):
    """Which cause, and how its holds are asked for."""

    connection: Words
    reason: Words
    waits_kind: Words
    waits_id: LongWords = ""
    flow: Words = ""
    kind: Words = ""

    def cause(self) -> Cause:
        """The cause meant."""
        return Cause(self.reason, self.waits_kind, self.waits_id.replace("\x00", ""), self.flow, self.kind)


class MappingRow(msgspec.Struct, frozen=True):
    """The row of the mapping a cause waits for."""

    section: str
    values: dict[str, str]
    """What the row must fit."""
    rows: int
    """Rows the table has by now."""
    otherwise: str
    """What the table does where no row takes a code string: `same` (its values are the code) or `refuse`."""
    suggestions: list[dict[str, Any]]
    """Codes it may lead to, each with `to`, `score`, `evidence` and the row's `values`."""
    codes: dict[str, str]
    """Codes Procore has, with their names."""


class Address(msgspec.Struct, frozen=True):
    """Where a system is opened in a browser."""

    system: str
    url: str


class Group(msgspec.Struct, frozen=True):
    """One cause in full. `head` is as a row of the inbox has it."""

    connection: str
    head: dict[str, Any]
    holds: Listing
    answers: tuple[Choice, ...]
    """What every one of its holds takes."""
    mapping: MappingRow | None
    next_run: NextRun
    addresses: tuple[Address, ...]


def group(app: App, look: GroupLook) -> Group:
    """One cause, a page of its holds; NothingSuchHere when nothing waits for it any more."""
    row = app.connection(look.connection)
    cause = look.cause()
    with app.db.begin() as conn:
        mapped = mapped_rows(conn, row.id)
        found = causes.causes(conn, row.id, Asked((cause.reason,), mapped=mapped, limit=1, only=cause))
        if not found:
            raise NothingSuchHere("Nothing waits for that any more.", remedy="Look at the inbox again.")
        asked = Asked(q=look.q, mapped=mapped, sort=look.sort, down=look.down, limit=look.size + 1)
        asked = asked._replace(offset=(look.page - 1) * look.size)
        held = causes.held_by(conn, row.id, cause, asked)
        writes = causes.unknown_of(conn, row.id, cause, asked) if cause.reason == UNKNOWN else []
        blocks = causes.blocked(conn, row.id, [cause]).get(cause, Behind())
        wanted = mapping_row(conn, row.id, cause)
        following = next_run(conn, signs_of(conn, row.id, app.clock()))
        about = [*(one.key for one, _ in held), *(_document_of(one) for one in writes)]
        called = called_of(conn, row.id, about)
    policies = policies_of(row.config)
    rows = [hold_line(one, answered, called, policies) for one, answered in held]
    return Group(
        connection=row.name,
        head=cause_form(found[0], blocks, policies),
        holds=listing(COLUMNS, rows or _writes(writes, called), look),
        answers=answers_of([one for one, _ in held]),
        mapping=wanted,
        next_run=following,
        addresses=addresses(row.config),
    )


def _document_of(one: Write) -> Key:
    """The document a write is about; the record itself where that has no page."""
    return document_of(one.kind, one.erp_id) or Key(one.kind, one.erp_id)


def _writes(found: list[Write], called: Mapping[Key, str]) -> list[dict[str, Any]]:
    """Writes without an answer as rows of the list; kind and id are those of the document, where it has a page."""
    rows: list[dict[str, Any]] = []
    for one in found:
        document = _document_of(one)
        rows.append(
            {
                "hold": None,
                "kind": document.kind,
                "id": document.id,
                "record": record_words(*document, called.get(document, "")),
                "called": called.get(document, ""),
                "sentence": one.reason,
                "money": money(one.amount, one.currency),
                "since": one.sent_at,
                "state": "unknown",
                "candidates": [],
                "answers": [],
            }
        )
    return rows


def hold_line(row: HoldRow, answered: bool, called: Mapping[Key, str], policies: Policies) -> dict[str, Any]:
    """A hold as a row of a list; `called` has what records are called whose id says nothing to people. `approval`: what
    becomes of it waits for a person by policy."""
    return {
        "hold": row.id,
        "kind": row.kind,
        "id": row.erp_id,
        "record": record_words(row.kind, row.erp_id, called.get(row.key, "")),
        "called": called.get(row.key, ""),
        "sentence": row.sentence,
        "money": money(row.amount, row.currency),
        "since": row.since,
        "state": "answered" if answered else "waiting",
        "approval": waits_for_approval(policies, row.flow),
        "candidates": row.candidates,
        "answers": list(allowed(row)),
    }


def answers_of(rows: list[HoldRow]) -> tuple[Choice, ...]:
    """What all of some holds take, in words; a link of many only where each has one candidate to be linked to."""
    if not rows:
        return ()
    common = [one for one in allowed(rows[0]) if all(one in allowed(row) for row in rows)]
    if len(rows) > 1 and not all(len(row.candidates) == 1 for row in rows):
        common = [one for one in common if one != "link"]
    return tuple(choice_of(HoldReason(rows[0].reason), one) for one in common)


def mapping_row(conn: Transaction, connection_id: int, cause: Cause) -> MappingRow | None:
    """The row a cause waits for with suggestions from names and neighbours; None when it waits for no row."""
    section, values = place_of(cause.waits_id) if cause.waits_kind == "mapping" else ("", {})
    if not section:
        return None
    rule: SegmentRule | None = getattr(newest_mapping(conn, connection_id), section)
    case = newest_codes(conn, connection_id)
    codes: dict[str, str] = {}
    if case is not None and section in ("cost_type", "budget_type"):
        codes = {code: one.name for code, one in sorted(case.coding.cost_types.items())}
    elif case is not None:
        codes = {code: one.name for of in case.coding.cost_codes.values() for code, one in sorted(of.items())}
    names = {key: one.name for key, one in case.chart.dimensions.items()} if case is not None else {}
    found = Suggester(rule, Known(names, codes)).suggest(values)
    return MappingRow(
        section=section,
        values=values,
        rows=len(rule.rows) if rule else 0,
        otherwise=rule.otherwise if rule else "refuse",
        suggestions=[
            {"to": one.to, "score": one.score, "evidence": list(one.evidence), "values": one.values} for one in found
        ],
        codes=dict(sorted(codes.items())[:500]),
    )


PROCORE_BROWSER = {"https://api.procore.com": "https://app.procore.com"}
"""Where people open Procore, by the address its API has (facts/procore.md: production)."""


def addresses(config: dict[str, Any]) -> tuple[Address, ...]:
    """Where both systems are opened in a browser, as far as that is known: never a guess."""
    known = config_from(config)
    erp = known.erp.url.rstrip("/")
    found = [Address("IFS", erp)] if erp.startswith("https://") else []
    there = PROCORE_BROWSER.get(known.projects.url.rstrip("/"))
    return (*found, *([Address("Procore", there)] if there else []))
