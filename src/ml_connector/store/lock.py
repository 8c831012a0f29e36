"""One writer for each connection, across every process and machine that shares the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg

from ml_connector.kernel.errors import Locked, Unavailable
from ml_connector.store.bulk import Row

_SPACE = 0x6D6C63
"""First half of our advisory locks; the second is the connection's id."""

_HOLDER = """
    SELECT a.application_name, a.backend_start
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s::oid AND l.objid = %s::oid AND l.objsubid = 2
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class WriterLock:
    """The right to write for one connection, held as long as its database session lives."""

    def __init__(self, session: psycopg.Connection[Row], connection_id: int) -> None:
        """Takes over a session that already holds the lock."""
        self._session = session
        self.connection_id = connection_id

    def check(self) -> None:
        """Makes sure the right is still ours; Unavailable when the database was restarted meanwhile.

        Ask before each batch that is sent: another process may have taken over after a restart.
        """
        try:
            self._session.execute("SELECT 1")
        except psycopg.Error as error:
            raise Unavailable(
                "The database was restarted, and with it went our right to write for this connection.",
                remedy="Run again: the new run reads back what this one had sent.",
            ) from error


@contextmanager
def writer(connect: Callable[[str], psycopg.Connection[Row]], connection_id: int) -> Iterator[WriterLock]:
    """Holds the right to write for one connection; Locked, naming the holder, when somebody else has it.

    `connect` opens an autocommit session; it is told what to add to the session's name.
    """
    session = connect(f"writer {connection_id}")
    try:
        _take(session, connection_id)
        yield WriterLock(session, connection_id)
    finally:
        with suppress(psycopg.Error):  # given back at once; a session that is gone has given it back already
            session.execute("SELECT pg_advisory_unlock(%s, %s)", (_SPACE, connection_id))
        session.close()


def _take(session: psycopg.Connection[Row], connection_id: int) -> None:
    """Takes the lock, with a moment's patience: the server may not have noticed yet that its last holder is gone."""
    for patience in (0.05, 0.1, 0.2, 0.4, 0.0):
        row = session.execute("SELECT pg_try_advisory_lock(%s, %s)", (_SPACE, connection_id)).fetchone()
        if row and row[0]:
            return
        time.sleep(patience)
    raise Locked(_who(session, connection_id))


def _who(session: psycopg.Connection[Row], connection_id: int) -> str:
    """The sentence that names the holder."""
    row = session.execute(_HOLDER, (_SPACE, connection_id)).fetchone()
    if row is None:
        return "Another run for this connection has just ended; run again."
    return f"Another run is at work for this connection: {row[0]}, since {row[1]:%Y-%m-%d %H:%M} UTC."
