"""A PostgreSQL as a customer runs it: over TCP, with a password, and an account that owns its databases and no more."""

from __future__ import annotations

import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from ml_connector.store.binaries import MAJOR, Account, programs

PASSWORD = "pass/w0rd%of@joiner"
"""As awkward in a URL as they come."""
_KEEPER = "keepers-own-word"
_numbers = count(1)


@contextmanager
def tcp_server() -> Iterator[TcpServer]:
    """A running one, outside pytest's own folder, which its lesser account may not enter."""
    with tempfile.TemporaryDirectory(prefix="mlc-test-") as folder:
        started = TcpServer(Path(folder))
        yield started
        started.close()


class TcpServer:
    """A server of its own, stopped by `close`."""

    def __init__(self, home: Path) -> None:
        """Makes and starts it in `home`, which its account must be able to reach."""
        self.home = home
        self.data = home / "tcp"
        self.account = Account(self.data)
        self.folder = programs(MAJOR)
        self.port = _free_port()
        self.account.own(self.data)
        self.account.reach(self.data)
        self.account.reach(self.folder / "postgres")
        secret = home / "secret"
        secret.write_text(_KEEPER)
        secret.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        make = ["-U", "keeper", "-A", "scram-sha-256", f"--pwfile={secret}", "--no-locale", "-E", "UTF8", "--no-sync"]
        self._run("initdb", *make, "-D", str(self.data))
        secret.unlink()
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": "''"}
        options = " ".join(f"-c {name}={value}" for name, value in {**settings, "fsync": "off"}.items())
        self._run("pg_ctl", "-w", "-D", str(self.data), "-l", str(self.data / "log"), "-o", options, "start")
        with self._keeper() as session:
            make_role = sql.SQL("CREATE ROLE joiner LOGIN PASSWORD {}").format(sql.Literal(PASSWORD))
            session.execute(make_role)

    def new_url(self) -> str:
        """A URL, with the password, of a new and empty database."""
        name = f"books{next(_numbers)}"
        with self._keeper() as session:
            session.execute(f"CREATE DATABASE {name} OWNER joiner".encode())
        return f"postgresql://joiner:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{name}"

    def close(self) -> None:
        """Stops it."""
        self._run("pg_ctl", "-w", "-D", str(self.data), "-m", "immediate", "stop")

    def _keeper(self) -> psycopg.Connection[tuple[object, ...]]:
        where = {"host": "127.0.0.1", "port": self.port, "user": "keeper", "password": _KEEPER, "dbname": "postgres"}
        return psycopg.connect(**where, autocommit=True)  # type: ignore[arg-type]

    def _run(self, program: str, *options: str) -> None:
        done = self.account.run([str(self.folder / program), *options], 60)
        assert done.returncode == 0, done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
