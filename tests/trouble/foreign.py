"""A PostgreSQL that is not ours: its own data directory, a TCP port, a password; started, killed, stopped at will."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from ml_connector.store.binaries import MAJOR, Account, programs

USER = "connector"
PASSWORD = "kept-in-the-url-only"


class Foreign:
    """A server somebody else runs for us."""

    def __init__(self, folder: Path) -> None:
        """Makes its data directory and starts it."""
        self.data = folder / "data"
        self._programs = programs(MAJOR)
        self._account = Account(folder / "none")
        self._account.reach(self.data)
        self._account.reach(self._programs / "postgres")
        word = folder / "word"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        self._account.own(self.data)
        options = ["-U", USER, "-A", "scram-sha-256", f"--pwfile={word}", "--no-sync", "-E", "UTF8", "--no-locale"]
        self._must([str(self._programs / "initdb"), *options, "-D", str(self.data)])
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.start()
        with self._session() as session:
            session.execute("CREATE DATABASE connector")

    def start(self) -> None:
        """Starts it; after a kill it recovers what was committed."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories='' -c fsync=off"
        command = [*self._control("-w", "-t", "60"), "-o", options, "-l", str(self.data / "log"), "start"]
        deadline = time.monotonic() + 20
        while self._account.run(command, timeout=90).returncode != 0:
            # Children of a killed server keep its shared memory for the moment it takes them to notice.
            assert time.monotonic() < deadline, (self.data / "log").read_text()
            time.sleep(0.2)

    def kill(self) -> None:
        """kill -9 of the postmaster: no session is told."""
        os.kill(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]), signal.SIGKILL)

    def stop(self) -> None:
        """Stops it at once, as an administrator may: open sessions are ended."""
        self._must([*self._control("-w", "-t", "60"), "-m", "fast", "stop"])

    def end(self) -> None:
        """Stops it if it runs."""
        with suppress(AssertionError):
            self.stop()

    def url(self, *, password: str = PASSWORD, database: str = "connector", port: int = 0) -> str:
        """A URL to it, right in every part that is not given."""
        return f"postgresql://{USER}:{password}@127.0.0.1:{port or self.port}/{database}"

    def fresh(self, name: str) -> str:
        """A URL of a new empty database."""
        with self._session() as session:
            session.execute(f"CREATE DATABASE {name}".encode())
        return self.url(database=name)

    def _session(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url(database="postgres"), autocommit=True)

    def _control(self, *words: str) -> list[str]:
        return [str(self._programs / "pg_ctl"), "-D", str(self.data), *words]

    def _must(self, command: list[str]) -> None:
        done: subprocess.CompletedProcess[str] = self._account.run(command, timeout=90)
        assert done.returncode == 0, done.stdout + done.stderr
