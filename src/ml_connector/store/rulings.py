"""What people decided about holds, matches and conflicts; remembered until they decide otherwise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.keys import Key
from ml_connector.store import bulk
from ml_connector.store.listing import like

_COLUMNS = "kind, erp_id, reason, answer, target, actor, note, at"


class RulingRow(msgspec.Struct, frozen=True):
    """One answer: to which record and which hold reason, what was decided, by whom and why."""

    kind: str
    erp_id: str
    reason: str
    """Value of a `HoldReason`."""
    answer: str
    """What was decided; its words belong to the flow that asks."""
    target: str = ""
    """The id chosen, when one was."""
    actor: str = ""
    note: str = ""
    at: datetime | None = None
    """When it was decided; given by the store."""

    @property
    def key(self) -> Key:
        """The record ruled on."""
        return Key(self.kind, self.erp_id)


def put_ruling(conn: Connection, connection_id: int, ruling: RulingRow) -> None:
    """Remembers an answer, in place of an earlier one to the same question; the audit trail keeps both."""
    sql = """
        INSERT INTO rulings (connection_id, kind, erp_id, reason, answer, target, actor, note)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (connection_id, kind, erp_id, reason) DO UPDATE
        SET answer = excluded.answer, target = excluded.target, actor = excluded.actor, note = excluded.note,
            at = now()
    """
    values = (ruling.kind, ruling.erp_id, ruling.reason, ruling.answer, ruling.target, ruling.actor, ruling.note)
    bulk.run(conn, sql, (connection_id, *values))


def put_rulings(conn: Connection, connection_id: int, given: Sequence[RulingRow]) -> None:
    """Remembers many answers at once, each in place of an earlier one to the same question; no question twice."""
    if not given:
        return
    sql = """
        INSERT INTO rulings (connection_id, kind, erp_id, reason, answer, target, actor, note)
        SELECT %s, * FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
        ON CONFLICT (connection_id, kind, erp_id, reason) DO UPDATE
        SET answer = excluded.answer, target = excluded.target, actor = excluded.actor, note = excluded.note,
            at = now()
    """
    fields = zip(*(msgspec.structs.astuple(row)[:7] for row in given), strict=True)
    bulk.run(conn, sql, (connection_id, *(list(field) for field in fields)))


def rulings_on(
    conn: Connection, connection_id: int, questions: Collection[tuple[Key, str]]
) -> dict[tuple[Key, str], RulingRow]:
    """The answers to some questions, by record and hold reason; those nobody answered are absent."""
    sql = f"""
        SELECT {_COLUMNS} FROM rulings WHERE connection_id = %s AND (kind, erp_id, reason) IN
            (SELECT * FROM unnest(%b::text[], %b::text[], %b::text[]))
    """
    parts = [[key.kind for key, _ in questions], [key.id for key, _ in questions], [reason for _, reason in questions]]
    rows = [RulingRow(*row) for row in bulk.fetch(conn, sql, (connection_id, *parts))] if questions else []
    return {(row.key, row.reason): row for row in rows}


def given_answers(
    conn: Connection, connection_id: int, words: str = "", *, limit: int = 51, offset: int = 0
) -> list[RulingRow]:
    """What people decided, the newest first; with every one of `words` in the record, the reason, the note or who."""
    has = (
        " AND concat_ws(' ', kind, erp_id, reason, answer, target, note, actor) ILIKE ALL (%s)" if words.split() else ""
    )
    sql = f"""
        SELECT {_COLUMNS} FROM rulings WHERE connection_id = %s{has}
        ORDER BY at DESC, kind, erp_id, reason LIMIT %s OFFSET %s
    """
    values = (connection_id, *([like(words)] if has else []), limit, offset)
    return [RulingRow(*row) for row in bulk.fetch(conn, sql, values)]


def rulings_of(conn: Connection, connection_id: int) -> dict[tuple[Key, str], RulingRow]:
    """Every answer of a connection, by record and hold reason."""
    sql = f"SELECT {_COLUMNS} FROM rulings WHERE connection_id = %s ORDER BY at"
    rows = [RulingRow(*row) for row in bulk.fetch(conn, sql, (connection_id,))]
    return {(row.key, row.reason): row for row in rows}


def withdraw(conn: Connection, connection_id: int, key: Key, reason: str) -> bool:
    """Forgets an answer, so that the question is asked again; whether there was one."""
    sql = "DELETE FROM rulings WHERE connection_id = %s AND kind = %s AND erp_id = %s AND reason = %s"
    return bulk.run(conn, sql, (connection_id, key.kind, key.id, reason)) > 0
