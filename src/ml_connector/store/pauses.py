"""What a person told to stand still: a connection, or one flow of it, for good or until a moment."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk


class PauseRow(msgspec.Struct, frozen=True):
    """One pause. Times are aware; one whose `until` has passed holds nothing up any more."""

    flow: str
    """Which flow; empty for the whole connection."""
    actor: str
    note: str = ""
    until: datetime | None = None
    """When it ends by itself; None for never."""
    at: datetime | None = None
    """Since when; given by the store."""
    setting_up: bool = False
    """Whether it is the one a set-up began with. Only the set-up itself makes one, whatever a person notes."""


def put(conn: Connection, connection_id: int, pause: PauseRow) -> None:
    """Pauses a flow, or all of them, in place of an earlier pause of the same."""
    sql = """
        INSERT INTO pauses (connection_id, flow, actor, note, until, setting_up) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (connection_id, flow) DO UPDATE
        SET actor = excluded.actor, note = excluded.note, until = excluded.until, at = now(),
            setting_up = excluded.setting_up
    """
    bulk.run(conn, sql, (connection_id, pause.flow, pause.actor, pause.note, pause.until, pause.setting_up))


def lift(conn: Connection, connection_id: int, flow: str) -> bool:
    """Ends the pause of a flow, or the one of all flows (an empty name); whether there was one.

    Polls that waited for it are due at once: the schedule then says when they may run.
    """
    return _lifted(conn, connection_id, "flow = %s", flow)


def end_set_up(conn: Connection, connection_id: int) -> bool:
    """Ends the pause under which a set-up made a connection, likewise; whether there was one."""
    return _lifted(conn, connection_id, "setting_up")


def _lifted(conn: Connection, connection_id: int, which: str, *values: str) -> bool:
    if not bulk.run(conn, f"DELETE FROM pauses WHERE connection_id = %s AND {which}", (connection_id, *values)):
        return False
    sql = "UPDATE agenda SET due_at = now() WHERE connection_id = %s AND due_at IS NULL AND starts_with(name, 'poll')"
    bulk.run(conn, sql, (connection_id,))
    return True


def standing(conn: Connection, connection_id: int, now: datetime) -> list[PauseRow]:
    """The pauses of a connection that hold at `now`, the whole connection first, then by flow."""
    sql = """
        SELECT flow, actor, note, until, at, setting_up FROM pauses
        WHERE connection_id = %s AND (until IS NULL OR until > %s) ORDER BY flow
    """
    return [PauseRow(*row) for row in bulk.fetch(conn, sql, (connection_id, now))]
