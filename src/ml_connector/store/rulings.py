"""What people decided about holds, matches and conflicts; remembered until they decide otherwise."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.keys import Key
from ml_connector.store import bulk

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


def rulings_of(conn: Connection, connection_id: int) -> dict[tuple[Key, str], RulingRow]:
    """Every answer of a connection, by record and hold reason."""
    sql = f"SELECT {_COLUMNS} FROM rulings WHERE connection_id = %s ORDER BY at"
    rows = [RulingRow(*row) for row in bulk.fetch(conn, sql, (connection_id,))]
    return {(row.key, row.reason): row for row in rows}


def withdraw(conn: Connection, connection_id: int, key: Key, reason: str) -> bool:
    """Forgets an answer, so that the question is asked again; whether there was one."""
    sql = "DELETE FROM rulings WHERE connection_id = %s AND kind = %s AND erp_id = %s AND reason = %s"
    return bulk.run(conn, sql, (connection_id, key.kind, key.id, reason)) > 0
