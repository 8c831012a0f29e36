"""The embedded PostgreSQL: made, started, found again, shared between our processes, stopped by the last of them."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from ml_connector.kernel.errors import DatabaseTrouble, Unavailable
from ml_connector.store.binaries import MAJOR, Account, programs
from ml_connector.store.filelock import FileLock
from ml_connector.store.trouble import disk_full

ROLE = "ml_connector"
"""The superuser of an embedded server; reachable only through a socket in a folder of mode 0700."""

_LONGEST_SOCKET = 100
"""Bytes a unix socket's path may have here; the kernel's limit is 107 on Linux and 103 on macOS."""
_SOCKET_NAME = "/.s.PGSQL.5432"
_START_SECONDS = 120
_STOP_SECONDS = 60
_CHILDREN_SECONDS = 10
_LOG_LIMIT = 8 * 1024 * 1024
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",  # a failing statement may carry names and amounts: it stays out of the log
    "logging_collector": "off",
}


class EmbeddedServer:
    """One data directory under `home` and the server on it; several objects and processes may share the server."""

    def __init__(self, home: Path) -> None:
        """Names the places; nothing is touched before `start`."""
        self.home = home.expanduser().resolve()
        self.data = self.home / "postgres"
        self.notes: list[str] = []
        """Sentences an operator should read, such as a folder whose rights had to be widened."""
        self._users: FileLock | None = None

    def major(self) -> int | None:
        """The major version of the data directory; None when there is none yet."""
        try:
            return int((self.data / "PG_VERSION").read_text().split(".")[0])
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        except PermissionError as error:
            raise DatabaseTrouble(
                f"{self.data} belongs to another account.",
                remedy="Run as the account that made it, or set ML_CONNECTOR_HOME to another place.",
            ) from error

    def start(self) -> None:
        """Makes the data directory if there is none, and starts the server or finds it running; safe to call again."""
        major = self.major() or MAJOR
        folder = programs(major)
        _make_home(self.home)
        with self._starting():
            account = Account(self.data)
            if account.borrowed:
                self._open_ways(account, folder)
                account.adopt(self.data)
            if self.major() is None:
                self._make(account, folder)
            if not self.running():
                self._start(account, folder)
            if self._users is None:
                users = FileLock(self.home / "postgres.users")
                users.share()
                self._users = users

    def stop(self) -> None:
        """Leaves the server; the last to leave stops it. Calling it again does nothing."""
        if self._users is None:
            return
        with self._starting():
            self._users.release()
            if self._users.try_take():
                self._stop()
                with suppress(OSError):
                    if self.socket_folder() != self.data:
                        self.socket_folder().rmdir()
            self._users.close()
            self._users = None

    def running(self) -> bool:
        """Whether a live server owns the data directory.

        PostgreSQL clears the pid file of a killed server by itself, unless the number has gone to another process of
        its account (usual in containers, where numbers start from 1 again): that case is cleared here.
        """
        pid = self.pid()
        if pid is None or not psutil.pid_exists(pid):
            return False
        if _is_server(pid, self.data):
            return True
        self._clear_stale()
        return False

    def pid(self) -> int | None:
        """The process id in the server's pid file, alive or not."""
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def socket_folder(self) -> Path:
        """Where the socket lives: the data directory, or a short private folder when that path is too long."""
        if len(os.fsencode(self.data)) + len(_SOCKET_NAME) <= _LONGEST_SOCKET:
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        # Always /tmp: two processes with different TMPDIR must find the same socket. The folder is private and checked.
        return Path("/tmp").resolve() / f"mlc-{digest}"  # noqa: S108

    def cpu(self) -> float:
        """Seconds of processor time used so far by the server and its children, the finished ones included."""
        pid = self.pid()
        if pid is None:
            return 0.0
        try:
            server = psutil.Process(pid)
            own = server.cpu_times()
            seconds = own.user + own.system + own.children_user + own.children_system
            for child in server.children():
                with suppress(psutil.NoSuchProcess):
                    times = child.cpu_times()
                    seconds += times.user + times.system
        except psutil.NoSuchProcess:
            return 0.0
        return float(seconds)

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """One process at a time makes, starts or stops; the operating system drops the lock of a killed one."""
        lock = FileLock(self.home / "postgres.lock")
        lock.take()
        try:
            yield
        finally:
            lock.close()

    def _clear_stale(self) -> None:
        """Removes what a killed server left behind, once the last of its children is gone.

        The pid file is also what keeps a new server from starting beside such children: never remove it before.
        """
        deadline = time.monotonic() + _CHILDREN_SECONDS
        while children := _processes_in(self.data):
            if time.monotonic() > deadline:
                for child in children:
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
            time.sleep(0.05)
        for left in (self.data / "postmaster.pid", self.socket_folder() / (_SOCKET_NAME[1:] + ".lock")):
            left.unlink(missing_ok=True)

    def _open_ways(self, account: Account, folder: Path) -> None:
        """As root: lets the server's account reach its data and its programs, and notes what had to be opened."""
        for opened in account.reach(self.data) + account.reach(folder / "postgres"):
            if opened == str(self.home):
                continue
            self.notes.append(f"The account {account.name} may now pass through {opened} (o+x) to reach the database.")

    def _make(self, account: Account, folder: Path) -> None:
        """Makes the data directory beside its place and moves it there whole, so that a killed making leaves none."""
        fresh = self.home / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        if self.data.exists():
            if any(self.data.iterdir()):
                raise DatabaseTrouble(
                    f"{self.data} holds files but no database.", remedy="Move that folder away, then run again."
                )
            self.data.rmdir()
        account.own(fresh)
        options = ["-U", ROLE, "-A", "trust", "--no-locale", "-E", "UTF8", "--no-instructions", "-D", str(fresh)]
        try:
            self._call(account, [str(folder / "initdb"), *options], "make the database")
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        fresh.rename(self.data)

    def _start(self, account: Account, folder: Path) -> None:
        """Starts the server and waits until it answers; after a kill it first recovers what was committed."""
        sockets = self.socket_folder()
        if sockets != self.data:
            _private_folder(sockets, account)
        settings = {**_SETTINGS, "unix_socket_directories": str(sockets)}
        options = " ".join(f"-c {name}={_quoted(value)}" for name, value in settings.items())
        log = self.data / "log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(self.data / "log.old")
        command = [str(folder / "pg_ctl"), "-w", "-t", str(_START_SECONDS), "-D", str(self.data), "-l", str(log)]
        deadline = time.monotonic() + 20
        while True:
            before = log.stat().st_size if log.exists() else 0
            done = self._try(account, [*command, "-o", options, "start"])
            if done.returncode == 0:
                return
            said = _tail(log, before) + done.stdout + done.stderr
            # Children of a killed server hold its shared memory for the moment it takes them to notice.
            if "shared memory block" in said and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            raise self._trouble("start the database", said)

    def _stop(self) -> None:
        """Stops the server in good order, or at once if it will not: what was committed is recovered when it starts."""
        pid = self.pid()
        if pid is None or not _is_server(pid, self.data):
            return
        account, folder = Account(self.data), programs(self.major() or MAJOR)
        command = [str(folder / "pg_ctl"), "-w", "-t", str(_STOP_SECONDS), "-D", str(self.data), "-m", "fast", "stop"]
        if self._try(account, command).returncode != 0 and _is_server(pid, self.data):
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).send_signal(3)  # SIGQUIT: PostgreSQL's own word for "now"

    def _call(self, account: Account, command: list[str], doing: str) -> None:
        """Runs a program that must succeed."""
        done = self._try(account, command)
        if done.returncode != 0:
            raise self._trouble(doing, done.stdout + done.stderr)

    def _try(self, account: Account, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Runs a program under the account; a program that hangs or cannot be run is trouble."""
        try:
            return account.run(command, timeout=_START_SECONDS + 30)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{command[0]} did not finish in time.") from None
        except OSError as error:
            raise self._trouble("run the database's programs", str(error)) from error

    def _trouble(self, doing: str, said: str) -> DatabaseTrouble:
        """The error for what a program said."""
        if "No space left on device" in said:
            return disk_full("the embedded database")
        lines = [line for line in said.splitlines() if "FATAL" in line or "error:" in line] or said.splitlines()
        reason = lines[0].strip()[:300] if lines else "it gave no reason"
        return DatabaseTrouble(
            f"We could not {doing}: {reason}",
            remedy=f"Read {self.data / 'log'}; or set ML_CONNECTOR_DATABASE_URL to another PostgreSQL.",
        )


def _make_home(home: Path) -> None:
    """Makes the home folder; a path we may not write to, or a full disk, is trouble with a remedy."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise DatabaseTrouble(
            f"The home folder {home} cannot be made: {error.strerror}.",
            remedy="Set ML_CONNECTOR_HOME to another place.",
        ) from error


def _private_folder(folder: Path, account: Account) -> None:
    """Makes the short socket folder; refuses one that somebody else made first, for whoever owns it owns the socket."""
    if not folder.exists():
        account.own(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise DatabaseTrouble(
            f"{folder} is not a private folder of the database's account.",
            remedy="Remove it, or choose a shorter ML_CONNECTOR_HOME.",
        )


def _is_server(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL server working in `data`, not a stranger who got the number."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or "postgres" not in process.name():
            return False
        return os.path.samefile(process.cwd(), data)
    except (psutil.Error, OSError):
        # Gone meanwhile, or of another account and so not ours.
        return False


def _processes_in(data: Path) -> list[psutil.Process]:
    """Live PostgreSQL processes that work in `data`."""
    return [process for process in psutil.process_iter() if _is_server(process.pid, data)]


def _quoted(value: str) -> str:
    """A setting's value for the shell pg_ctl starts the server with."""
    return "'" + value.replace("'", "'\\''") + "'"


def _tail(log: Path, start: int) -> str:
    """What was added to a log since `start` bytes."""
    try:
        with log.open("rb") as file:
            file.seek(start)
            return file.read(64_000).decode(errors="replace")
    except OSError:
        return ""
