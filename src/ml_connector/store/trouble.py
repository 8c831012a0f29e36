"""The one place where the database's errors become ours."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import errors as pg
from sqlalchemy import exc

from ml_connector.kernel.errors import Bug, ConnectorError, DatabaseTrouble, Locked, Unavailable

_AWAY = (
    pg.AdminShutdown,
    pg.CrashShutdown,
    pg.CannotConnectNow,
    pg.ConnectionException,
    pg.TooManyConnections,
    pg.ConnectionTimeout,
)
_BUSY = (pg.SerializationFailure, pg.DeadlockDetected, pg.LockNotAvailable, pg.QueryCanceled)
_RIGHTS = (pg.InvalidAuthorizationSpecification, pg.InvalidPassword, pg.InsufficientPrivilege, pg.InvalidCatalogName)
_FULL_REMEDY = "Make room on that disk, then run again: what was not committed was not begun."
_AWAY_REMEDY = "Run again in a moment: the journal says what was sent, and it is read back before anything is repeated."
_URL_REMEDY = "Check host, port, user, password and database name in ML_CONNECTOR_DATABASE_URL."
_DOOR_REMEDY = (
    "Start that server, or check host and port in ML_CONNECTOR_DATABASE_URL; then run again: "
    "what was sent is read back first."
)
_NEARLY_FULL = 8 * 1024 * 1024
_AT_THE_DOOR = ("connection failed", "connection is bad", "connection timeout", "failed to resolve host")
"""How the driver's words begin when no session came about; libpq passes on no SQLSTATE then."""
_TURNED_AWAY = re.compile(
    r"authentication failed|no password supplied|does not exist|no pg_hba\.conf entry|not permitted to log in"
    r"|permission denied|SSL|certificate|failed to resolve host|could not translate host name|invalid \S+ .*value"
    r"|invalid (integer|port|connection)"
)
"""Those that mean a wrong setting rather than an absence."""


def disk_full(where: str) -> DatabaseTrouble:
    """The error for a disk without room; `where` says whose disk it is."""
    return DatabaseTrouble(f"The disk of {where} is full; nothing of this step was kept.", remedy=_FULL_REMEDY)


def translated(error: BaseException, where: str, home: Path | None = None) -> ConnectorError | None:
    """Our error for one of psycopg, SQLAlchemy or the operating system; None when it is none of theirs.

    `where` names the database without its password. `home` is the embedded server's directory: a server that died
    for want of room only hangs up, so the disk is looked at before that is called an absence.
    """
    if isinstance(error, ConnectorError):
        return None
    if isinstance(error, exc.TimeoutError):
        return Unavailable(f"{where[:1].upper()}{where[1:]} has no free session at the moment.", remedy=_AWAY_REMEDY)
    if isinstance(error, exc.DBAPIError):
        error = error.orig or error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(where)
    if isinstance(error, (psycopg.Error, exc.SQLAlchemyError)):
        return _of_database(error, where, home)
    return None


def _of_database(error: Exception, where: str, home: Path | None) -> ConnectorError:
    """The error tree's word for a failure the database or its driver reported."""
    code = getattr(error, "sqlstate", None)
    if isinstance(error, pg.DiskFull):
        return disk_full(where)
    subject = where[:1].upper() + where[1:]
    if isinstance(error, _BUSY):
        return Locked(f"{subject} gave the row to somebody else at the same moment.", reference=code)
    if isinstance(error, _RIGHTS):
        return DatabaseTrouble(
            f"{subject} refused us: {_first_line(error)}.",
            remedy="Check user, password, database name and rights in ML_CONNECTOR_DATABASE_URL.",
            reference=code,
        )
    if isinstance(error, pg.ReadOnlySqlTransaction):
        return DatabaseTrouble(
            f"{subject} only reads: it is a standby, or was set to read only.",
            remedy="Point ML_CONNECTOR_DATABASE_URL at the primary.",
            reference=code,
        )
    if isinstance(error, _AWAY) or (code is None and isinstance(error, (psycopg.OperationalError, exc.DBAPIError))):
        if home is not None and home.exists() and shutil.disk_usage(home).free < _NEARLY_FULL:
            return disk_full(where)
        if code is None and home is None and str(error).startswith(_AT_THE_DOOR):
            return _not_let_in(error, subject)
        return Unavailable(f"{subject} went away: {_first_line(error)}.", remedy=_AWAY_REMEDY, reference=code)
    if isinstance(error, pg.OperationalError):
        return DatabaseTrouble(f"{subject} is in trouble: {_first_line(error)}.", reference=code)
    return Bug(f"The store asked the database for something it refused: {_first_line(error)}.", reference=code)


def _not_let_in(error: Exception, subject: str) -> ConnectorError:
    """The error for a database of somebody else with which no session came about: wrongly named, or not there."""
    said = _first_line(error)
    if _TURNED_AWAY.search(str(error)):
        return DatabaseTrouble(f"{subject} cannot be used: {said}.", remedy=_URL_REMEDY)
    return Unavailable(f"{subject} does not answer: {said}.", remedy=_DOOR_REMEDY)


def _first_line(error: Exception) -> str:
    """What the database said, in one line without full stop, without the statement or its values."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    lines = (primary or str(error)).strip().splitlines()
    first = lines[0].removeprefix("connection failed: ").removeprefix("connection is bad: ") if lines else ""
    return first[:200].rstrip(" .") or type(error).__name__


@contextmanager
def translating(where: str, home: Path | None = None) -> Iterator[None]:
    """Lets errors of the database leave as errors of ours; the driver's own stays attached as their cause."""
    try:
        yield
    except Exception as error:
        ours = translated(error, where, home)
        if ours is None:
            raise
        ours.side = "store"
        raise ours from error
