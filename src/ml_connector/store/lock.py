"""One writer for each connection, across every process and machine that shares the database.

The right is two things at once: an advisory lock, which lives as long as its holder's session, and a lease, which the
holder renews every few seconds. A holder that is frozen or cut off keeps the lock and cannot renew: by then it does not
believe in its right any more either, so the next one may end its session. Each holder has a number of its own, the
fence, and whatever a run commits is committed under it (`Database.fenced`): a holder that thaws writes nothing.
"""

from __future__ import annotations

import os
import select
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
from psycopg import errors as pg
from sqlalchemy import Connection

from ml_connector.kernel.errors import Locked, Unavailable, Wait
from ml_connector.store import bulk
from ml_connector.store.bulk import Row

VALID = 10.0
"""Seconds for which a holder trusts its last renewal. It renews in less than a third of that."""

_SPACE = 0x6D6C63
"""First half of our advisory locks; the second is the connection's id."""
_FENCES = 0x6D6C64
"""The same for what keeps the fence from changing while somebody commits under it."""
_LAPSE = 1.5
"""So many times the holder's own time must have passed, by the database's clock, before others may end its session."""
_TURNS = 4
"""So often the lock is tried where nobody's session was ended for it."""
_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)
"""Goes on while the machine sleeps, where there is such a clock."""

_HELD = """
    FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s::oid AND l.objid = %s::oid AND l.objsubid = 2
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_HOLDER = f"""
    SELECT a.application_name, a.backend_start FROM pg_stat_activity a WHERE a.pid IN (SELECT l.pid {_HELD})
"""
_END_LAPSED = f"""
    WITH lapsed AS (
        SELECT a.pid, split_part(a.application_name, ' writer ', 1) AS process, coalesce(s.seconds, %s) AS seconds
        FROM pg_stat_activity a
        LEFT JOIN leases s ON s.connection_id = %s AND s.session = a.pid AND s.holder <> ''
        WHERE a.pid IN (SELECT l.pid {_HELD})
          AND coalesce(s.renewed_at, a.state_change)
              < clock_timestamp() - coalesce(s.seconds, %s) * {_LAPSE} * interval '1 second'
    )
    SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a, lapsed
    WHERE a.pid = lapsed.pid
       OR (a.datname = current_database() AND a.state LIKE 'idle in transaction%%'
           AND split_part(a.application_name, ' writer ', 1) = lapsed.process
           AND a.state_change < clock_timestamp() - lapsed.seconds * interval '1 second')
"""
"""Ends the session of a holder that has not renewed its lease, or froze before it had one; and what else that process
left standing in the middle of a transaction."""
_LEASE = """
    SELECT holder, process, seconds * %s - extract(epoch FROM clock_timestamp() - renewed_at)
    FROM leases WHERE connection_id = %s
"""
_NEXT = """
    INSERT INTO leases AS l (connection_id, fence, holder, session, process, seconds)
    VALUES (%s, 1, current_setting('application_name'), pg_backend_pid(), %s, %s)
    ON CONFLICT (connection_id) DO UPDATE
    SET fence = l.fence + 1, holder = excluded.holder, session = excluded.session, process = excluded.process,
        seconds = excluded.seconds, renewed_at = clock_timestamp()
    RETURNING fence
"""
_BEHIND = f"""
    SELECT pg_advisory_xact_lock_shared({_FENCES}, {{connection}});
    SELECT 1 FROM leases WHERE connection_id = {{connection}} AND fence = {{fence}}
"""
"""Two statements, each with its own look at the database; sent as plain text, which alone may carry two."""
_RENEW = "UPDATE leases SET renewed_at = clock_timestamp() WHERE connection_id = %s AND fence = %s"

_held_here: set[str] = set()
"""Marks of the locks this process holds."""


class Terms(NamedTuple):
    """Under what terms somebody takes the right."""

    connection_id: int
    valid: float = VALID


class WriterLock:
    """The right to write for one connection, held as long as its database session lives and its lease is renewed."""

    def __init__(self, session: psycopg.Connection[Row], terms: Terms, fence: int, since: float) -> None:
        """Takes over a session that already holds the lock; `since` is when it asked for it, by `awake`."""
        self.connection_id = terms.connection_id
        self.fence = fence
        self._session = session
        self._valid = terms.valid
        self._renewed = since
        self._lost: Wait | None = None
        self._done = threading.Event()

    def check(self) -> None:
        """Makes sure the right is still ours by asking the database; ask before each batch.

        Raises Unavailable when the session is gone (the database was restarted), Locked when somebody took over.
        """
        self._renew()

    def stands(self) -> None:
        """The same at next to no cost, to be asked before each request that writes: it trusts a young renewal."""
        if self._lost is not None:
            raise self._lost
        if awake() - self._renewed >= self._valid or _speaks(self._session):
            self._renew()

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Renews the lease from a thread of its own until the block ends."""
        thread = threading.Thread(target=self._keep, name=f"lease {self.connection_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def _keep(self) -> None:
        while not self._done.wait(self._valid * 0.3):
            try:
                self._renew()
            except Wait:
                if self._lost is not None:  # else the database was busy, and the next turn may come in time
                    return

    def _renew(self) -> None:
        if self._lost is not None:
            raise self._lost
        asked = awake()
        try:
            found = self._session.execute(_RENEW.encode(), (self.connection_id, self.fence)).rowcount
        except pg.LockNotAvailable as error:
            raise Unavailable("The database is too busy to say whether we may still write.") from error
        except psycopg.Error as error:
            self._lost = Unavailable(
                "The database was restarted, and with it went our right to write for this connection.",
                remedy="Run again: the new run reads back what this one had sent.",
            )
            raise self._lost from error
        if not found:
            self._lost = fenced_off()
            raise self._lost
        self._renewed = max(self._renewed, asked)


def fenced_off() -> Locked:
    """The error for a holder whose right went to somebody else while it stood still."""
    return Locked(
        "This process stood still, and another one has taken over the right to write for this connection: "
        "nothing more is sent or kept from here.",
        remedy="Nothing to do: who took over reads back what was sent.",
    )


def stand_behind(conn: Connection, connection_id: int, fence: int) -> None:
    """Lets a transaction go on only under the fence its holder took, which cannot change before it ends.

    Locked when somebody else has taken over. The two statements see the database one after the other, as they must,
    and travel together: every transaction of a run begins with them.
    """
    with bulk.raw(conn).cursor() as cursor:
        cursor.execute(_BEHIND.format(connection=int(connection_id), fence=int(fence)).encode(), prepare=False)
        cursor.nextset()
        if cursor.fetchone() is None:
            raise fenced_off()


@contextmanager
def writer(connect: Callable[[str], psycopg.Connection[Row]], terms: Terms) -> Iterator[WriterLock]:
    """Holds the right to write for one connection; Locked, naming the holder, when somebody else has it.

    `connect` opens an autocommit session; it is told what to add to the session's name.
    """
    session = connect(f"writer {terms.connection_id}")
    mark = f"{_machine()} {os.getpid()} {_started()} {uuid.uuid4().hex}"
    _held_here.add(mark)
    try:
        since = awake()
        fence = _take(session, terms, mark)
        lock = WriterLock(session, terms, fence, since)
        try:
            with lock.renewing():
                yield lock
        finally:
            with suppress(psycopg.Error):  # given back at once; a session that is gone has given it back already
                session.execute(
                    b"UPDATE leases SET holder = '' WHERE connection_id = %s AND fence = %s",
                    (terms.connection_id, fence),
                )
                session.execute("SELECT pg_advisory_unlock(%s, %s)", (_SPACE, terms.connection_id))
    finally:
        _held_here.discard(mark)
        session.close()


def held(conn: Connection, connection_id: int) -> bool:
    """Whether somebody has the right to write for a connection at this moment."""
    row = bulk.fetch_one(conn, f"SELECT EXISTS (SELECT 1 {_HELD})", (_SPACE, connection_id))
    return bool(row and row[0])


def awake() -> float:
    """Seconds of a clock that never goes back."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


def _take(session: psycopg.Connection[Row], terms: Terms, mark: str) -> int:
    """Takes lock and lease, with a moment's patience: the server may not have noticed yet that a holder is gone."""
    number = terms.connection_id
    session.execute("SET lock_timeout = '3s'")
    ended = False
    for turn, patience in enumerate((0.05, 0.1, 0.2, 0.4, 0.4, 0.4)):
        row = session.execute("SELECT pg_try_advisory_lock(%s, %s)", (_SPACE, number)).fetchone()
        if row and row[0]:
            return _leased(session, terms, mark)
        if not ended:
            given = (terms.valid, number, _SPACE, number, terms.valid)
            ended = bool(session.execute(_END_LAPSED.encode(), given).fetchall())
        if turn >= _TURNS and not ended:
            break
        time.sleep(patience)
    raise Locked(_who(session, number), seconds=terms.valid / 4)


def _leased(session: psycopg.Connection[Row], terms: Terms, mark: str) -> int:
    """The fence under which the lock just taken is held. Locked as long as its last holder may believe in its right."""
    number = terms.connection_id
    row = session.execute(_LEASE.encode(), (_LAPSE, number)).fetchone()
    try:
        if row and row[0] and row[2] > 0 and _may_live(row[1]):
            raise Locked(
                f"The last run for this connection may still be at work, cut off from the database: {row[0]}.",
                seconds=float(row[2]),
            )
        with session.transaction():
            session.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_FENCES, number))
            found = session.execute(_NEXT.encode(), (number, mark, terms.valid)).fetchone()
            assert found is not None
            return int(found[0])
    except pg.LockNotAvailable:
        raise Locked(
            "The last run for this connection is still committing something.", seconds=terms.valid / 4
        ) from None


def _who(session: psycopg.Connection[Row], connection_id: int) -> str:
    """The sentence that names the holder."""
    row = session.execute(_HOLDER.encode(), (_SPACE, connection_id)).fetchone()
    if row is None:
        return "Another run for this connection has just ended; run again."
    return f"Another run is at work for this connection: {row[0]}, since {row[1]:%Y-%m-%d %H:%M} UTC."


def _may_live(mark: str) -> bool:
    """Whether the holder that left this mark may be at work still; only for our own machine we know."""
    machine, pid, started, token = (*mark.split(" "), "", "", "", "")[:4]
    if machine != _machine():
        return bool(machine)
    if int(pid) == os.getpid() and started == _started():
        return mark in _held_here and bool(token)
    try:
        return _birth(psutil.Process(int(pid))) == started
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _machine() -> str:
    """What tells this machine, since it was started, from any other; a container is one of its own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{uuid.getnode():x}"


def _started() -> str:
    return _birth(psutil.Process())


def _birth(process: psutil.Process) -> str:
    return f"{process.create_time():.2f}"


def _speaks(session: psycopg.Connection[Row]) -> bool:
    """Whether the server has said something unasked, which is how a session ends; or it has ended."""
    if session.closed:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(session.fileno(), select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([session.fileno()], [], [], 0)[0])
