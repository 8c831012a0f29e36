"""A running embedded PostgreSQL that hands out fresh databases at the current schema."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import psycopg
from psycopg import conninfo as libpq

from ml_connector.store.postgres import Database
from ml_connector.store.server import EmbeddedServer

_numbers = count(1)


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

    def new_url(self) -> str:
        """A URL of a new database at the current schema."""
        name = f"t{next(_numbers)}"
        with psycopg.connect(libpq.make_conninfo(self.conninfo, dbname="postgres"), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name} TEMPLATE ml_connector STRATEGY file_copy".encode())
        return libpq.make_conninfo(self.conninfo, dbname=name)

    def drop(self, url: str) -> None:
        """Drops a database made here."""
        name = libpq.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(libpq.make_conninfo(self.conninfo, dbname="postgres"), autocommit=True) as session:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def close(self) -> None:
        """Stops it."""
        self._keeper.close()
