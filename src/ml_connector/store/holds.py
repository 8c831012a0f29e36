"""What waits, why and for what; and how long it has waited."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import Hold
from ml_connector.store import bulk

HOLD_COLUMNS = (
    "id, flow, source, kind, erp_id, reason, waits_kind, waits_id, owner, sentence, amount, currency, candidates, "
    "evidence, since, last_seen_run, released_at, released_by"
)
"""The columns of a HoldRow, in its order."""


class HoldRow(msgspec.Struct, frozen=True, gc=False):
    """A hold as it is kept; `reason` is the value of a `HoldReason`, `since` when it was first found."""

    id: int
    flow: str
    source: str
    """The erp document that was looked at when it was found, such as an order."""
    kind: str
    erp_id: str
    reason: str
    waits_kind: str
    waits_id: str
    owner: str
    sentence: str
    amount: Decimal | None
    currency: str
    candidates: list[str]
    evidence: str
    since: datetime
    last_seen_run: int
    released_at: datetime | None
    released_by: str

    @property
    def key(self) -> Key:
        """The record held."""
        return Key(self.kind, self.erp_id)

    @property
    def waits_for(self) -> Key:
        """The thing whose appearance releases it."""
        return Key(self.waits_kind, self.waits_id)


class Look(msgspec.Struct, frozen=True):
    """What a decision looked at: one flow, and the erp documents (`sources`) it decided on."""

    connection_id: int
    run_id: int
    flow: str
    sources: Collection[str]
    released_by: str = "engine"


class Change(msgspec.Struct, frozen=True):
    """What came of a look: holds that are new, and holds that are gone."""

    opened: list[HoldRow]
    released: list[HoldRow]


def sync_holds(conn: Connection, look: Look, held: Iterable[tuple[str, Hold]]) -> Change:
    """Makes the open holds of the documents looked at equal to `held`, pairs of source document and hold.

    One found again keeps its `since` and takes the new sentence, money and candidates; one not found again is
    released. Holds of documents not looked at stay as they are.
    """
    found = {_identity(source, hold): (source, hold) for source, hold in held}
    sources = sorted({*look.sources, *(source for source, _ in found.values())})
    if not sources:
        return Change([], [])
    before = _open_at(conn, look, sources)
    gone = [number for identity, number in before.items() if identity not in found]
    known = {number: found[identity] for identity, number in before.items() if identity in found}
    fresh = [pair for identity, pair in found.items() if identity not in before]
    _see_again(conn, look.run_id, known)
    return Change(_open(conn, look, fresh), release(conn, look.connection_id, gone, look.released_by))


def release(conn: Connection, connection_id: int, ids: Sequence[int], actor: str) -> list[HoldRow]:
    """Releases holds by id; those that were open."""
    if not ids:
        return []
    sql = f"""
        UPDATE holds SET released_at = now(), released_by = %s
        WHERE id = ANY(%b::int8[]) AND connection_id = %s AND released_at IS NULL RETURNING {HOLD_COLUMNS}
    """
    return [HoldRow(*row) for row in bulk.fetch(conn, sql, (actor, list(ids), connection_id))]


def open_holds(conn: Connection, connection_id: int, flow: str | None = None) -> list[HoldRow]:
    """Every open hold, oldest first; of one flow when it is named."""
    sql = f"""
        SELECT {HOLD_COLUMNS} FROM holds
        WHERE connection_id = %s AND released_at IS NULL AND flow = coalesce(%s, flow) ORDER BY since, id
    """
    return [HoldRow(*row) for row in bulk.fetch(conn, sql, (connection_id, flow))]


def count_open(conn: Connection, connection_id: int) -> int:
    """How many holds are open."""
    sql = "SELECT count(*) FROM holds WHERE connection_id = %s AND released_at IS NULL"
    row = bulk.fetch_one(conn, sql, (connection_id,))
    return int(row[0]) if row else 0


def get_hold(conn: Connection, connection_id: int, hold_id: int) -> HoldRow:
    """One hold, open or released; NothingSuchHere when there is none of that number."""
    sql = f"SELECT {HOLD_COLUMNS} FROM holds WHERE id = %s AND connection_id = %s"
    row = bulk.fetch_one(conn, sql, (hold_id, connection_id))
    if row is None:
        raise NothingSuchHere(f"There is no hold {hold_id} for this connection.")
    return HoldRow(*row)


def holds_of(conn: Connection, connection_id: int, source: str) -> list[HoldRow]:
    """Every hold of one erp document, open and released, newest first."""
    sql = f"SELECT {HOLD_COLUMNS} FROM holds WHERE connection_id = %s AND source = %s ORDER BY id DESC"
    return [HoldRow(*row) for row in bulk.fetch(conn, sql, (connection_id, source))]


def held_ids(conn: Connection, connection_id: int, flow: str) -> set[str]:
    """Erp ids of the records a flow holds."""
    sql = "SELECT DISTINCT erp_id FROM holds WHERE connection_id = %s AND flow = %s AND released_at IS NULL"
    return {row[0] for row in bulk.fetch(conn, sql, (connection_id, flow))}


def held_sources(conn: Connection, connection_id: int, flow: str) -> set[str]:
    """The erp documents a flow must look at again, because something about them is held."""
    sql = """
        SELECT DISTINCT source FROM holds
        WHERE connection_id = %s AND flow = %s AND released_at IS NULL AND source <> ''
    """
    return {row[0] for row in bulk.fetch(conn, sql, (connection_id, flow))}


Identity = tuple[str, str, str, str, str, str]
"""Source, kind, erp id, reason, and kind and id of what it waits for: what makes a hold the same hold."""


def _identity(source: str, hold: Hold) -> Identity:
    """What makes a hold the same hold as before."""
    return (source, hold.key.kind, hold.key.id, hold.reason.value, hold.waits_for.kind, hold.waits_for.id)


def _open_at(conn: Connection, look: Look, sources: list[str]) -> dict[Identity, int]:
    """Open holds of some documents: identity to id."""
    sql = """
        SELECT source, kind, erp_id, reason, waits_kind, waits_id, id FROM holds
        WHERE connection_id = %s AND source = ANY(%b) AND flow = %s AND released_at IS NULL
    """
    return {row[:6]: row[6] for row in bulk.fetch(conn, sql, (look.connection_id, sources, look.flow))}


def _see_again(conn: Connection, run_id: int, known: dict[int, tuple[str, Hold]]) -> None:
    """Notes that holds are still there, with the sentence, money and candidates of now."""
    if not known:
        return
    sql = """
        UPDATE holds h
        SET last_seen_run = %s, owner = n.owner, sentence = n.sentence, amount = n.amount, currency = n.currency,
            candidates = coalesce((SELECT array_agg(c) FROM json_array_elements_text(n.candidates) c), '{}'),
            evidence = n.evidence
        FROM unnest(%b::int8[], %b::text[], %b::text[], %b::numeric[], %b::text[], %t::json[], %b::text[])
             AS n (id, owner, sentence, amount, currency, candidates, evidence)
        WHERE h.id = n.id
    """
    held = [hold for _, hold in known.values()]
    columns: list[list[object]] = [
        list(known),
        [hold.owner for hold in held],
        [hold.sentence for hold in held],
        [hold.money.amount if hold.money else None for hold in held],
        [hold.money.currency if hold.money else "" for hold in held],
        [bulk.json_text(hold.candidates) for hold in held],
        [hold.evidence for hold in held],
    ]
    bulk.run(conn, sql, (run_id, *columns))


def _open(conn: Connection, look: Look, fresh: list[tuple[str, Hold]]) -> list[HoldRow]:
    """Writes new holds down."""
    sql = f"""
        INSERT INTO holds (connection_id, flow, source, kind, erp_id, reason, waits_kind, waits_id, owner, sentence,
                           amount, currency, candidates, evidence, last_seen_run)
        SELECT %s, %s, n.source, n.kind, n.erp_id, n.reason, n.waits_kind, n.waits_id, n.owner, n.sentence, n.amount,
               n.currency, coalesce((SELECT array_agg(c) FROM json_array_elements_text(n.candidates) c), '{{}}'),
               n.evidence, %s
        FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
                    %b::numeric[], %b::text[], %t::json[], %b::text[])
             AS n (source, kind, erp_id, reason, waits_kind, waits_id, owner, sentence, amount, currency, candidates,
                   evidence)
        RETURNING {HOLD_COLUMNS}
    """
    if not fresh:
        return []
    rows = (
        (
            *_identity(source, hold),
            hold.owner,
            hold.sentence,
            hold.money.amount if hold.money else None,
            hold.money.currency if hold.money else "",
            bulk.json_text(hold.candidates),
            hold.evidence,
        )
        for source, hold in fresh
    )
    columns = [list(column) for column in zip(*rows, strict=True)]
    values = (look.connection_id, look.flow, look.run_id, *columns)
    return [HoldRow(*row) for row in bulk.fetch(conn, sql, values)]
