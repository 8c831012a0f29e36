"""The database: our own embedded PostgreSQL, or any other that a URL names."""

from __future__ import annotations

import copy
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
from ml_connector.store.listening import Listener
from ml_connector.store.lock import VALID, Terms, WriterLock, stand_behind, writer
from ml_connector.store.queue_schema import SCHEMA
from ml_connector.store.server import ROLE, EmbeddedServer
from ml_connector.store.trouble import translating

OLDEST = 15
"""The oldest PostgreSQL major version a URL may name."""

_NAME = "ml_connector"
_MOMENT = 1.0
"""Seconds for which a session's last answer counts."""
_PATIENCE = 15.0
"""Seconds an embedded server gets to come back before a session is given up."""
_CLIENT_SIDE = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 14_000}
"""So that we notice within 14 seconds that the database's machine is gone."""
_SERVER_SIDE = (
    "-c tcp_keepalives_idle=5",
    "-c tcp_keepalives_interval=3",
    "-c tcp_keepalives_count=3",
    "-c tcp_user_timeout=14000",
)
"""So that the database notices as soon that ours is gone, and gives back what it had locked."""
_PLANS = "-c plan_cache_mode=force_custom_plan"
"""A plan made while the tables were empty would be kept and cost minutes once they are full."""
_STUCK = "-c idle_in_transaction_session_timeout=30000"
"""A process that freezes in the middle of a transaction holds nobody up for longer."""


class Database:
    """Sessions and transactions on one database; every error leaves as one of the kernel's tree."""

    def __init__(self, conninfo: str, where: str, server: EmbeddedServer | None = None) -> None:
        """Use `Database.open`. `where` names the database in messages, without its password."""
        self.conninfo = conninfo
        self.where = where
        self.server = server
        self.valid = VALID
        """Seconds for which a writer trusts its lease; see store/lock.py."""
        self._fence: tuple[int, int] | None = None
        self._still: Connection | None = None
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
    def open(cls, home: Path, url: str | None, *, as_it_is: bool = False) -> Database:
        """The database of `home` (started or found), or the one at `url`, at this release's schema; made when empty.

        Raises DatabaseTrouble (no embedded server here, another major version, a schema of another release, bad URL,
        disk full) or Unavailable. With `as_it_is` the schema is neither looked at nor made: for backup, restore and
        upgrade.
        """
        database = cls._at(url) if url else cls._embedded(home)
        try:
            database._prepare(as_it_is=as_it_is)
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
        if self._still is not None:
            with translating(self.where, self.server.home if self.server else None):
                yield self._still
            return
        with translating(self.where, self.server.home if self.server else None):
            conn = self._connect()
            try:
                with conn.begin():
                    if self._fence:
                        stand_behind(conn, *self._fence)
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
            terms = Terms(connection_id, self.valid)
            with translating(self.where, home), writer(self._patient(self._locking), terms) as lock:
                yield lock

        return held()

    def fenced(self, lock: WriterLock) -> Database:
        """The same database for one holder of the right to write: each of its transactions goes on only while that
        right is nobody else's. Locked then. It is closed with this one."""
        held = copy.copy(self)
        held._fence = (lock.connection_id, lock.fence)
        return held

    @contextmanager
    def still(self) -> Iterator[Database]:
        """The same database at one moment: whatever reads it meanwhile sees what was true when this began.

        All of it is one transaction that writes nothing, for one thread; its pauses must be short.
        """
        with self.begin() as conn:
            conn.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            held = copy.copy(self)
            held._still = conn
            yield held

    @contextmanager
    def listening(self, *channels: str) -> Iterator[Listener]:
        """A session that hears what is told on some channels."""
        with translating(self.where, self.server.home if self.server else None):
            session = self._patient(self._locking)("listener")
        try:
            yield Listener(session, self.where, channels)
        finally:
            session.close()

    def for_queue(self) -> tuple[str, dict[str, Any]]:
        """Where and how the queue opens its sessions: they see its tables first."""
        return self.conninfo, self._manners(_STUCK, f"-c search_path={SCHEMA}", purpose="queue")

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
        return psycopg.connect(self.conninfo, **self._manners(_PLANS, _STUCK))

    def _locking(self, purpose: str) -> psycopg.Connection[Row]:
        """A new session of its own, which shows its purpose in its name."""
        return psycopg.connect(self.conninfo, autocommit=True, **self._manners(_STUCK, purpose=purpose))

    def _manners(self, *more: str, purpose: str = "") -> dict[str, Any]:
        """How a session is opened: its name, its settings, and how soon either end notices that the other is gone."""
        given = libpq.conninfo_to_dict(self.conninfo).get("options") or ""
        return {
            "application_name": f"{self._name} {purpose}".strip(),
            "connect_timeout": 10,
            "options": " ".join([str(given), *_SERVER_SIDE, *more]).strip(),
            **_CLIENT_SIDE,
        }

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

    def _prepare(self, *, as_it_is: bool = False) -> None:
        """Checks the version, makes an embedded server's database when it is new, and the schema of an empty one."""
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
            if not as_it_is:
                migrate.begin(conn)

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
