"""A running embedded PostgreSQL that hands out fresh databases at the current schema."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import conninfo as libpq

from ml_connector.store.postgres import Database
from ml_connector.store.server import EmbeddedServer

MEMORY = Path("/dev/shm")  # noqa: S108 - as TemporaryDirectory takes it
ROOM = 4 * 1024**3
"""Bytes free there without which the disk is used instead."""

_numbers = count(1)


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder for a session's server: outside pytest's own, which the server's lesser account may not enter.

    In memory where there is room. Each database is three hundred files, made and soon removed again, and ext4 passes
    over the places of files removed in the last minutes one by one: a tenth to a quarter of a second a database.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM
    with tempfile.TemporaryDirectory(prefix="mlc-test-", dir=MEMORY if roomy else None) as folder:
        yield Path(folder)


class Cluster:
    """A running embedded server that hands out databases at the current schema."""

    def __init__(self, home: Path) -> None:
        """Starts it; the product's own database serves as the template.

        It does not wait for the disk, which only a machine that loses its power would miss: a killed process, ours or
        the server's, leaves everything with the operating system.
        """
        self.home = home
        self._keeper = Database.open(home, None)
        self.conninfo = self._keeper.conninfo
        self._keeper._engine.dispose()
        with psycopg.connect(self.conninfo, autocommit=True) as session:
            session.execute("ALTER SYSTEM SET fsync = off")
            session.execute("SELECT pg_reload_conf()")

    @property
    def server(self) -> EmbeddedServer:
        """The server."""
        assert self._keeper.server is not None
        return self._keeper.server

    def new_url(self, like: str | None = None) -> str:
        """A URL of a new database at the current schema, empty or a copy of another made here that nobody uses."""
        name, template = f"t{next(_numbers)}", libpq.conninfo_to_dict(like or self.conninfo)["dbname"]
        with psycopg.connect(libpq.make_conninfo(self.conninfo, dbname="postgres"), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
        return libpq.make_conninfo(self.conninfo, dbname=name)

    def drop(self, url: str) -> None:
        """Drops a database made here."""
        name = libpq.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(libpq.make_conninfo(self.conninfo, dbname="postgres"), autocommit=True) as session:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def close(self) -> None:
        """Stops it."""
        self._keeper.close()
