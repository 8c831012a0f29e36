"""What is due when, one row a task of a connection: what is due becomes a job, and a job that ends says when next.

Nothing waits in the queue for its time; a restart, an outage or a dead worker therefore loses no appointment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from ml_connector.store import bulk

CHANNEL = "agenda"
"""Who listens here is told that something has become due."""
NOTHING: Mapping[str, Any] = MappingProxyType({})
"""Args of a task that is given none."""

_LAYING = 0x6D6C65
"""Advisory lock of who lays out the agenda."""
_COLUMNS = (
    "connection_id, name, due_at, priority, args, why, attempts, queued_at, started_at, finished_at, well_at, skipped, "
    "asked, waiting_job, running_job, parked_id, ended, remedy"
)


class AgendaRow(msgspec.Struct, frozen=True):
    """One appointment; connection 0 is the installation. `waiting_job`, `running_job`, `parked_id` are 0 for none."""

    connection_id: int
    name: str
    due_at: datetime | None
    priority: int
    args: dict[str, Any]
    why: str
    attempts: int
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    well_at: datetime | None
    skipped: int
    asked: bool
    waiting_job: int
    running_job: int
    parked_id: int
    ended: dict[str, Any]
    remedy: str
    """What a person can do about `why`; empty where nothing is known."""

    @property
    def began(self) -> datetime | None:
        """When it last became a job, whether or not that has begun."""
        return max((one for one in (self.queued_at, self.started_at) if one), default=None)

    @property
    def deaths(self) -> list[dict[str, Any]]:
        """Workers that ended in the middle of it since it last ended by itself."""
        found: list[dict[str, Any]] = self.ended.get("workers", [])
        return found


class Laid(NamedTuple):
    """One row as the timetable wants it."""

    connection_id: int
    name: str
    due_at: datetime | None
    priority: int
    args: Mapping[str, Any] = NOTHING


class Ending(msgspec.Struct, frozen=True):
    """How a job of a row ended. `due_at` None leaves the appointment the row has."""

    now: datetime
    well: bool
    why: str
    priority: int
    due_at: datetime | None = None
    attempts: int = 0
    args: dict[str, Any] | None = None
    """What the next job is given; None for what this one was given."""
    remedy: str = ""
    """What a person can do about `why`."""


def briefly(conn: Connection) -> None:
    """Should this process freeze in the middle of this transaction, the database ends it after five seconds."""
    bulk.run(conn, "SET LOCAL idle_in_transaction_session_timeout = '5s'")


def lay(conn: Connection, laid: Sequence[Laid], now: datetime) -> None:
    """Adds the rows that are not there, and moves the others to the timetable's moment.

    What is due by now, failed, parked, in the queue, or asked for its moment itself stays as it is.
    """
    sql = """
        INSERT INTO agenda AS a (connection_id, name, due_at, priority, args)
        SELECT * FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[], %b::integer[], %b::jsonb[])
        ON CONFLICT (connection_id, name) DO UPDATE
        SET due_at = excluded.due_at, priority = excluded.priority, args = excluded.args
        WHERE NOT a.asked AND a.attempts = 0 AND a.parked_id = 0 AND a.waiting_job = 0
          AND (a.due_at IS NULL OR a.due_at > %s)
          AND (a.due_at, a.priority, a.args) IS DISTINCT FROM (excluded.due_at, excluded.priority, excluded.args)
    """
    rows = sorted(laid)
    if rows:
        parts: list[list[Any]] = [list(part) for part in zip(*rows, strict=True)]
        parts[4] = [Jsonb(dict(args)) for args in parts[4]]
        bulk.run(conn, sql, (*parts, now))


def forget(conn: Connection, connection_id: int, prefix: str, wanted: Collection[str]) -> None:
    """Removes rows of one kind that the timetable does not have any more, unless a job of theirs is about."""
    sql = """
        DELETE FROM agenda WHERE connection_id = %s AND starts_with(name, %s) AND name <> ALL (%s)
          AND waiting_job = 0 AND running_job = 0
    """
    bulk.run(conn, sql, (connection_id, prefix, list(wanted)))


def call(conn: Connection, connections: Collection[int], name: str, now: datetime, priority: int) -> None:
    """Makes a task due for some connections, unless it waits already, backs off, is parked, or a side is not called."""
    sql = """
        INSERT INTO agenda AS a (connection_id, name, due_at, priority)
        SELECT one, %s, %s, %s FROM unnest(%b::bigint[]) AS one
        WHERE NOT EXISTS (SELECT 1 FROM breakers b WHERE b.connection_id = one AND b.state = 'open')
        ON CONFLICT (connection_id, name) DO UPDATE SET due_at = excluded.due_at
        WHERE a.due_at IS NULL AND a.waiting_job = 0 AND a.parked_id = 0
    """
    if connections:
        bulk.run(conn, sql, (name, now, priority, sorted(connections)))


def held(conn: Connection, connection_id: int, name: str, priority: int) -> AgendaRow:
    """One row, made if it is not there, nobody else's until the transaction ends; waits while it is somebody's."""
    sql = "INSERT INTO agenda (connection_id, name, priority) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
    bulk.run(conn, sql, (connection_id, name, priority))
    sql = f"SELECT {_COLUMNS} FROM agenda WHERE connection_id = %s AND name = %s FOR UPDATE"
    row = bulk.fetch_one(conn, sql, (connection_id, name))
    assert row is not None
    return AgendaRow(*row)


def ask(conn: Connection, wish: Laid) -> AgendaRow:
    """Makes a task due because a person wants it; joins one that waits already. The row as it is then."""
    sql = f"""
        INSERT INTO agenda AS a (connection_id, name, due_at, priority, args, asked) VALUES (%s, %s, %s, %s, %s, true)
        ON CONFLICT (connection_id, name) DO UPDATE
        SET due_at = CASE WHEN a.waiting_job = 0 THEN excluded.due_at ELSE a.due_at END, asked = true, attempts = 0,
            priority = greatest(a.priority, excluded.priority), args = excluded.args
        RETURNING {_COLUMNS}
    """
    row = bulk.fetch_one(conn, sql, (*wish[:4], Jsonb(dict(wish.args))))
    assert row is not None
    wake(conn)
    return AgendaRow(*row)


def claim(conn: Connection, connection_id: int, name: str, priority: int) -> AgendaRow | None:
    """One row, made if it is not there, locked until the transaction ends; None when another process has it locked."""
    sql = "INSERT INTO agenda (connection_id, name, priority) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
    bulk.run(conn, sql, (connection_id, name, priority))
    sql = f"SELECT {_COLUMNS} FROM agenda WHERE connection_id = %s AND name = %s FOR UPDATE SKIP LOCKED"
    row = bulk.fetch_one(conn, sql, (connection_id, name))
    return AgendaRow(*row) if row else None


def wake(conn: Connection) -> None:
    """Tells the schedulers, once this is committed, that something has become due."""
    bulk.run(conn, "SELECT pg_notify(%s, '')", (CHANNEL,))


def due(conn: Connection, now: datetime, limit: int) -> list[AgendaRow]:
    """Rows that are due, locked until the transaction ends; those another process looks at are left to it."""
    sql = f"""
        SELECT {_COLUMNS} FROM agenda WHERE due_at <= %s AND parked_id = 0
        ORDER BY priority DESC, due_at, connection_id LIMIT %s FOR UPDATE SKIP LOCKED
    """
    return [AgendaRow(*row) for row in bulk.fetch(conn, sql, (now, limit))]


def queued(conn: Connection, row: AgendaRow, job: int, now: datetime, due_at: datetime | None) -> None:
    """A row became a job; `due_at` is its next appointment, if it has one. Job 0: another row's job does its work, and
    knows who asked for it."""
    sql = """
        UPDATE agenda SET waiting_job = %s, queued_at = %s, due_at = %s, asked = false,
               args = CASE WHEN %s = 0 THEN args - 'asked_by' ELSE args END
        WHERE connection_id = %s AND name = %s
    """
    bulk.run(conn, sql, (job, now, due_at, job, row.connection_id, row.name))


def hurry(conn: Connection, key: tuple[int, str], now: datetime, by: str = "") -> None:
    """Makes a row due now, as if nothing had failed; one that waits in the queue or is at work stays as it is.

    `by` is the person for whom it runs then, in its args as `asked_by`.
    """
    sql = """
        UPDATE agenda SET due_at = %s, attempts = 0, asked = true, args = args || %s
        WHERE connection_id = %s AND name = %s AND waiting_job = 0 AND running_job = 0
    """
    bulk.run(conn, sql, (now, Jsonb({"asked_by": by} if by else {}), *key))
    wake(conn)


def put_off(conn: Connection, row: AgendaRow, due_at: datetime | None, *, skipped: int = 0, why: str = "") -> None:
    """A row that is due does not become a job now: one like it is about, or the timetable does not allow it."""
    sql = """
        UPDATE agenda SET due_at = %s, asked = false, skipped = skipped + %s,
               why = CASE WHEN %s = '' THEN why ELSE %s END, remedy = CASE WHEN %s = '' THEN remedy ELSE '' END
        WHERE connection_id = %s AND name = %s
    """
    bulk.run(conn, sql, (due_at, skipped, why, why, why, row.connection_id, row.name))


def begin(conn: Connection, key: tuple[int, str], job: int, now: datetime) -> AgendaRow | None:
    """A job begins; the row as it is now. None when there is nothing to do: the row is gone, parked, or backs off."""
    sql = f"""
        UPDATE agenda SET waiting_job = CASE WHEN waiting_job = %s THEN 0 ELSE waiting_job END,
               running_job = %s, started_at = %s
        WHERE connection_id = %s AND name = %s AND parked_id = 0 AND NOT (attempts > 0 AND coalesce(due_at, %s) > %s)
        RETURNING {_COLUMNS}
    """
    row = bulk.fetch_one(conn, sql, (job, job, now, *key, now, now))
    if row is None:
        bulk.run(
            conn,
            "UPDATE agenda SET waiting_job = 0 WHERE connection_id = %s AND name = %s AND waiting_job = %s",
            (*key, job),
        )
        return None
    return AgendaRow(*row)


def end(conn: Connection, key: tuple[int, str], job: int, ending: Ending) -> bool:
    """A job ended by itself; false when it was taken for dead meanwhile and is somebody else's: nothing is written."""
    sql = """
        UPDATE agenda SET running_job = 0, finished_at = %s, well_at = CASE WHEN %s THEN %s ELSE well_at END, why = %s,
               priority = %s, due_at = coalesce(%s, due_at), asked = %s, attempts = %s, args = coalesce(%s, args),
               ended = '{}', remedy = %s
        WHERE connection_id = %s AND name = %s AND running_job = %s
    """
    now, due_at = ending.now, ending.due_at
    args = None if ending.args is None else Jsonb(ending.args)
    marks = (now, ending.well, now, ending.why, ending.priority, due_at, due_at is not None, ending.attempts, args)
    return bulk.run(conn, sql, (*marks, ending.remedy, *key, job)) > 0


def again(conn: Connection, key: tuple[int, str], job: int, now: datetime, ended: dict[str, Any] | None) -> None:
    """A job is gone and did not end: its row is due at once. `ended` is what is known of its worker's end, if it died.

    The one that waits or runs under another number by now is left alone.
    """
    sql = """
        UPDATE agenda SET due_at = CASE WHEN waiting_job IN (0, %s) THEN %s ELSE due_at END, asked = true,
               waiting_job = CASE WHEN waiting_job = %s THEN 0 ELSE waiting_job END,
               running_job = CASE WHEN running_job = %s THEN 0 ELSE running_job END,
               ended = CASE WHEN %s::jsonb IS NULL THEN ended
                            ELSE jsonb_build_object('workers', coalesce(ended -> 'workers', '[]') || %s::jsonb) END
        WHERE connection_id = %s AND name = %s AND %s IN (waiting_job, running_job)
    """
    kept = None if ended is None else Jsonb(ended)
    bulk.run(conn, sql, (job, now, job, job, kept, kept, *key, job))


def park(conn: Connection, key: tuple[int, str], parked_id: int, why: str) -> None:
    """Takes a row off the agenda until a person releases it."""
    sql = """
        UPDATE agenda SET parked_id = %s, due_at = NULL, waiting_job = 0, running_job = 0, why = %s, remedy = ''
        WHERE connection_id = %s AND name = %s
    """
    bulk.run(conn, sql, (parked_id, why, *key))


def release(conn: Connection, parked_id: int, now: datetime, by: str = "") -> int:
    """Puts a parked row back, due at once and with a clean sheet; how many there were. `by` as in `hurry`."""
    sql = """
        UPDATE agenda SET parked_id = 0, due_at = %s, asked = true, attempts = 0, ended = '{}', args = args || %s
        WHERE parked_id = %s
    """
    return bulk.run(conn, sql, (now, Jsonb({"asked_by": by} if by else {}), parked_id))


def dismiss(conn: Connection, parked_id: int) -> None:
    """Takes the mark off a parked row: it comes round again by the timetable, or when somebody asks."""
    sql = "UPDATE agenda SET parked_id = 0, attempts = 0, ended = '{}' WHERE parked_id = %s"
    bulk.run(conn, sql, (parked_id,))


def dropped(conn: Connection, key: tuple[int, str], job: int, why: str, due_at: datetime | None = None) -> None:
    """A job is gone because somebody cancelled it; its row keeps its next appointment, or gets that of `due_at`.

    What a person had approved is forgotten with it.
    """
    sql = """
        UPDATE agenda SET waiting_job = CASE WHEN waiting_job = %s THEN 0 ELSE waiting_job END,
               running_job = CASE WHEN running_job = %s THEN 0 ELSE running_job END, why = %s, remedy = '',
               attempts = 0, due_at = coalesce(%s, due_at), args = CASE WHEN args ? 'approved' THEN '{}' ELSE args END
        WHERE connection_id = %s AND name = %s
    """
    bulk.run(conn, sql, (job, job, why, due_at, *key))


def taken_back(conn: Connection, key: tuple[int, str]) -> None:
    """What a row was asked to do is done without its job, for nobody is there that takes one."""
    sql = """
        UPDATE agenda SET due_at = NULL, asked = false, waiting_job = 0, running_job = 0, attempts = 0, why = '',
               remedy = '' WHERE connection_id = %s AND name = %s
    """
    bulk.run(conn, sql, key)


def bring_forward(conn: Connection, connection_id: int, moments: Mapping[str, datetime]) -> None:
    """Moves rows, by name, to moments that are earlier than theirs, and keeps the timetable from moving them back."""
    sql = """
        UPDATE agenda a SET due_at = n.at, asked = true
        FROM unnest(%b::text[], %b::timestamptz[]) AS n (name, at)
        WHERE a.connection_id = %s AND a.name = n.name AND a.parked_id = 0 AND (a.due_at IS NULL OR a.due_at > n.at)
    """
    if moments:
        bulk.run(conn, sql, (list(moments), list(moments.values()), connection_id))


def one(conn: Connection, connection_id: int, name: str) -> AgendaRow | None:
    """One row."""
    sql = f"SELECT {_COLUMNS} FROM agenda WHERE connection_id = %s AND name = %s"
    row = bulk.fetch_one(conn, sql, (connection_id, name))
    return AgendaRow(*row) if row else None


def listed(conn: Connection, connection_id: int | None = None) -> list[AgendaRow]:
    """Every row, of one connection or of all, what is due first first."""
    sql = f"""
        SELECT {_COLUMNS} FROM agenda WHERE connection_id = coalesce(%s, connection_id)
        ORDER BY due_at NULLS LAST, connection_id, name
    """
    return [AgendaRow(*row) for row in bulk.fetch(conn, sql, (connection_id,))]


def followed(conn: Connection, connection_id: int, names: Collection[str], what: Ending | datetime) -> None:
    """Notes at rows whose work another row's job does when it began, or how it ended."""
    began = "UPDATE agenda SET started_at = %s WHERE connection_id = %s AND name = ANY (%s)"
    ended = """
        UPDATE agenda SET finished_at = %s, well_at = CASE WHEN %s THEN %s ELSE well_at END, why = %s, attempts = %s,
               remedy = %s
        WHERE connection_id = %s AND name = ANY (%s)
    """
    if isinstance(what, datetime):
        bulk.run(conn, began, (what, connection_id, list(names)))
    else:
        marks = (what.now, what.well, what.now, what.why, what.attempts, what.remedy)
        bulk.run(conn, ended, (*marks, connection_id, list(names)))


def begun_with(conn: Connection, connection_id: int, prefix: str) -> list[AgendaRow]:
    """Rows of a connection whose names begin so."""
    sql = f"SELECT {_COLUMNS} FROM agenda WHERE connection_id = %s AND starts_with(name, %s) ORDER BY name"
    return [AgendaRow(*row) for row in bulk.fetch(conn, sql, (connection_id, prefix))]


def alone(conn: Connection) -> bool:
    """Whether nobody else lays out the agenda at this moment; nobody will, until the transaction ends."""
    row = bulk.fetch_one(conn, "SELECT pg_try_advisory_xact_lock(%s)", (_LAYING,))
    return bool(row and row[0])


def marks(conn: Connection) -> tuple[int, datetime | None]:
    """How many connections there are, and when one was changed last: whether the agenda is to be laid out anew."""
    row = bulk.fetch_one(conn, "SELECT count(*), max(updated_at) FROM connections")
    assert row is not None
    return int(row[0]), row[1]
