"""Locks between processes that the operating system drops when their holder dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ml_connector.kernel.errors import Bug, DatabaseTrouble

if sys.platform != "win32":
    import fcntl


class FileLock:
    """A lock on one file, shared or exclusive; every object counts for itself, within a process too."""

    def __init__(self, path: Path) -> None:
        """Opens the file (mode 0600), making it if need be; DatabaseTrouble when that is not allowed."""
        try:
            self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseTrouble(
                f"{path} cannot be opened: {error.strerror}.",
                remedy="Run as the account that owns that folder, or set ML_CONNECTOR_HOME to another place.",
            ) from error

    def take(self) -> None:
        """Waits until nobody else holds it, then holds it alone."""
        fcntl.flock(self._open(), fcntl.LOCK_EX)

    def try_take(self) -> bool:
        """Holds it alone if nobody else holds it; says whether."""
        try:
            fcntl.flock(self._open(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def share(self) -> None:
        """Holds it together with others."""
        fcntl.flock(self._open(), fcntl.LOCK_SH)

    def release(self) -> None:
        """Lets go; the object may take the lock again."""
        fcntl.flock(self._open(), fcntl.LOCK_UN)

    def close(self) -> None:
        """Lets go for good."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        """The open file."""
        if self._file is None:
            raise Bug("A lock was used after it was closed.")
        return self._file
