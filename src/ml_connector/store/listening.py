"""Hears what other processes tell through the database: a session that listens, and nothing else."""

from __future__ import annotations

import psycopg

from ml_connector.store.bulk import Row
from ml_connector.store.trouble import translating


class Listener:
    """A session that listens on some channels."""

    def __init__(self, session: psycopg.Connection[Row], where: str, channels: tuple[str, ...]) -> None:
        """Takes over an autocommit session; `where` names the database in messages."""
        self._session = session
        self._where = where
        with translating(where):
            for channel in channels:
                session.execute(f"LISTEN {channel}".encode())

    def wait(self, seconds: float) -> bool:
        """Waits until something is told, for that long at most; whether something was. All that was told is heard.

        Raises Unavailable when the database is gone: what was told meanwhile is lost, so look for yourself then.
        """
        with translating(self._where):
            heard = len(list(self._session.notifies(timeout=seconds, stop_after=1)))
            return heard + len(list(self._session.notifies(timeout=0))) > 0

    def close(self) -> None:
        """Ends the session."""
        self._session.close()
