"""The database: our own embedded PostgreSQL, or any other that a URL names."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
from psycopg import conninfo as libpq
from psycopg import errors as pg
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError

from ml_connector.kernel.errors import DatabaseTrouble
from ml_connector.store import migrate
from ml_connector.store.binaries import MAJOR
from ml_connector.store.bulk import Row
from ml_connector.store.lock import WriterLock, writer
from ml_connector.store.server import ROLE, EmbeddedServer
from ml_connector.store.trouble import translating

OLDEST = 15
"""The oldest PostgreSQL major version a URL may name."""

_NAME = "ml_connector"
_MOMENT = 1.0
"""Seconds for which a session's last answer counts."""
_PATIENCE = 15.0
"""Seconds an embedded server gets to come back before a session is given up."""


class Database:
    """Sessions and transactions on one database; every error leaves as one of the kernel's tree."""

    def __init__(self, conninfo: str, where: str, server: EmbeddedServer | None = None) -> None:
        """Use `Database.open`. `where` names the database in messages, without its password."""
        self.conninfo = conninfo
        self.where = where
        self.server = server
        self._name = f"ml-connector {os.getpid()}@{socket.gethostname()}"
        self._engine: Engine = create_engine(
            "postgresql+psycopg://",
            creator=self._session,
            pool_pre_ping=True,
            pool_size=4,
            max_overflow=24,
            pool_timeout=30,
            use_native_hstore=False,
        )
        self._engine.dialect.do_ping = _seldom(self._engine.dialect.do_ping)  # type: ignore[assignment,method-assign]

    @classmethod
    def open(cls, home: Path, url: str | None) -> Database:
        """The database of `home` (started or found), or the one at `url`, brought to this release's schema.

        Raises DatabaseTrouble (no embedded server here, another major version, bad URL, disk full) or Unavailable.
        """
        database = cls._at(url) if url else cls._embedded(home)
        try:
            database._prepare()
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def _embedded(cls, home: Path) -> Database:
        """The embedded database of `home`."""
        server = EmbeddedServer(home)
        found = server.major()
        if found is not None and found != MAJOR:
            raise wrong_major(server, found)
        database = cls(embedded_conninfo(server), "the embedded database", server)
        with translating(database.where, server.home):
            server.start()
        return database

    @classmethod
    def _at(cls, url: str) -> Database:
        """The database a URL names; nothing is sent yet."""
        url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        try:
            parts = libpq.conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # The driver's own words would repeat the URL, and with it the password.
            raise DatabaseTrouble(
                "ML_CONNECTOR_DATABASE_URL is not a PostgreSQL URL.",
                remedy="Write it as postgresql://user:password@host:5432/database.",
            ) from None
        host = parts.get("host") or parts.get("hostaddr") or "this machine"
        return cls(url, f"the database {parts.get('dbname') or parts.get('user') or ''} at {host}")

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises; a lost session is not reused."""
        with translating(self.where, self.server.home if self.server else None):
            conn = self._connect()
            try:
                with conn.begin():
                    yield conn
            except BaseException:
                driver = None if conn.invalidated else conn.connection.driver_connection
                if isinstance(driver, psycopg.Connection) and driver.closed:
                    conn.invalidate()
                raise
            finally:
                conn.close()

    def writer(self, connection_id: int) -> AbstractContextManager[WriterLock]:
        """The right to write for one connection; Locked, naming the holder, when another run has it."""

        @contextmanager
        def held() -> Iterator[WriterLock]:
            home = self.server.home if self.server else None
            with translating(self.where, home), writer(self._patient(self._locking), connection_id) as lock:
                yield lock

        return held()

    def server_cpu(self) -> float:
        """Seconds of processor time the embedded server has used so far; 0 for a database of somebody else."""
        return self.server.cpu() if self.server else 0.0

    def close(self) -> None:
        """Ends our sessions; stops the embedded server when no other process of ours uses it. May be called twice."""
        self._engine.dispose()
        if self.server:
            self.server.stop()

    def __enter__(self) -> Database:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Closes."""
        self.close()

    def _session(self) -> psycopg.Connection[Row]:
        """A new session for the pool."""
        # a plan made while the tables were empty would be kept and cost minutes once they are full
        plans = f"{libpq.conninfo_to_dict(self.conninfo).get('options') or ''} -c plan_cache_mode=force_custom_plan"
        return psycopg.connect(self.conninfo, application_name=self._name, connect_timeout=10, options=plans.strip())

    def _locking(self, purpose: str) -> psycopg.Connection[Row]:
        """A new session of its own, which shows its purpose in its name."""
        name = f"{self._name} {purpose}"
        return psycopg.connect(
            self.conninfo,
            application_name=name,
            connect_timeout=10,
            autocommit=True,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )

    def _connect(self) -> Connection:
        """A pooled connection."""
        conn: Connection = self._patient(self._engine.connect)()
        return conn

    def _patient(self, connect: Callable[..., Any]) -> Callable[..., Any]:
        """`connect`, made to start an embedded server again that was killed, and to wait while it recovers."""

        def trying(*values: str) -> Any:
            deadline = time.monotonic() + _PATIENCE
            while True:
                try:
                    return connect(*values)
                except (OperationalError, psycopg.OperationalError):
                    if self.server is None or time.monotonic() > deadline:
                        raise
                    self.server.start()
                    time.sleep(0.1)

        return trying

    def _prepare(self) -> None:
        """Checks the version, makes an embedded server's database when it is new, runs missing migrations."""
        if self.server:
            with translating(self.where, self.server.home):
                self._make_database()
        with self.begin() as conn:
            driver = conn.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            major = driver.info.server_version // 10_000
            if major < OLDEST:
                raise DatabaseTrouble(
                    f"{self.where} is PostgreSQL {major}; {OLDEST} or newer is needed.",
                    remedy="Upgrade that server, or unset ML_CONNECTOR_DATABASE_URL to use the embedded one.",
                )
            migrate.upgrade(conn)

    def _make_database(self) -> None:
        """Makes our database on a new embedded server."""
        try:
            self._session().close()
        except psycopg.OperationalError as error:
            if not isinstance(error, pg.InvalidCatalogName) and f'"{_NAME}" does not exist' not in str(error):
                raise
            other = libpq.make_conninfo(self.conninfo, dbname="postgres")
            # Another process may be making it at this very moment.
            with suppress(pg.DuplicateDatabase, pg.UniqueViolation), psycopg.connect(other, autocommit=True) as session:
                session.execute(f"CREATE DATABASE {_NAME}".encode())


def _seldom(ping: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """`ping`, left out for a session that answered a moment ago and that the server has not ended since.

    A run begins a hundred transactions; asking before each would be a tenth of all that is said. A server that ends a
    session, killed or not, leaves something to read at our end of it.
    """

    def pinged(driver: Any) -> bool:
        if time.monotonic() - getattr(driver, "answered_at", 0.0) < _MOMENT and not _something_to_read(driver):
            return True
        answered = ping(driver)
        driver.answered_at = time.monotonic()
        return answered

    return pinged


def _something_to_read(driver: psycopg.Connection[Row]) -> bool:
    """Whether the server has sent something unasked, or closed its end. True where the system cannot tell."""
    if driver.closed or not hasattr(select, "poll"):
        return True
    waiting = select.poll()
    waiting.register(driver.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


def embedded_conninfo(server: EmbeddedServer) -> str:
    """How to reach an embedded server's database."""
    return libpq.make_conninfo(host=str(server.socket_folder()), port=5432, user=ROLE, dbname=_NAME)


def wrong_major(server: EmbeddedServer, found: int) -> DatabaseTrouble:
    """The error for a data directory of another major version, with the two commands that carry it over."""
    return DatabaseTrouble(
        f"{server.data} was made by PostgreSQL {found}; this release brings {MAJOR}.",
        remedy="Run `ml-connector backup FILE`, then `ml-connector restore FILE`: they carry everything over.",
    )
