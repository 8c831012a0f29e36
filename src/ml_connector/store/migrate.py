"""Brings a database to the schema this release wants, once, whoever comes first."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ml_connector.kernel.errors import DatabaseTrouble
from ml_connector.store import bulk
from ml_connector.store.schema import METADATA

HEAD = "0005"
"""The newest migration; written here too, so that the usual start need not read the migration files."""

_LOCK = 0x6D6C6301
_FOLDER = Path(__file__).parent / "migrations"


class Step(NamedTuple):
    """One migration, by its number and what it does."""

    revision: str
    sentence: str


def revision(conn: Connection) -> str | None:
    """The migration the database stands at; None for an empty one."""
    found = bulk.fetch_one(conn, "SELECT to_regclass('alembic_version') IS NOT NULL")
    if not found or not found[0]:
        return None
    row = bulk.fetch_one(conn, "SELECT version_num FROM alembic_version")
    return str(row[0]) if row else None


def begin(conn: Connection) -> None:
    """Makes the schema in an empty database, and leaves any other as it is: DatabaseTrouble unless it is this one's.

    No start of a process changes what other processes work with; see docs/decisions/0033.
    """
    stands = refuse_newer(conn)
    if stands is None:
        upgrade(conn)
    elif stands != HEAD:
        raise DatabaseTrouble(
            f"The database was made by an older ml-connector (schema {stands}; this one wants {HEAD}).",
            remedy="Make a backup, stop every ml-connector process, and run `ml-connector upgrade`.",
        )


def pending(conn: Connection) -> list[Step]:
    """The migrations that are missing, in order; DatabaseTrouble when a newer release made the database."""
    stands = refuse_newer(conn)
    if stands == HEAD:
        return []
    found = [one for one in scripts().walk_revisions() if stands is None or one.revision > stands]
    return [Step(one.revision, (one.doc or "").strip().splitlines()[0]) for one in reversed(found)]


def upgrade(conn: Connection) -> bool:
    """Runs the migrations that are missing, in the caller's transaction; whether there were any.

    A database made by a newer release is refused, for an older one would write what the newer does not expect.
    """
    if revision(conn) == HEAD:
        return False
    bulk.fetch(conn, "SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    if refuse_newer(conn) == HEAD:
        return False
    _run(conn)
    return True


def refuse_newer(conn: Connection) -> str | None:
    """The migration the database stands at; DatabaseTrouble when a newer release made it."""
    stands = revision(conn)
    if stands is not None and stands > HEAD:
        raise newer(stands)
    return stands


def newer(stands: str) -> DatabaseTrouble:
    """The error for a database or a backup that a newer release made."""
    return DatabaseTrouble(
        f"This was made by a newer ml-connector (schema {stands}; this one knows {HEAD}).",
        remedy="Install the newer release; nothing was touched.",
    )


def scripts() -> ScriptDirectory:
    """The migration files."""
    return ScriptDirectory(str(_FOLDER))


def _run(conn: Connection) -> None:
    """Lets Alembic do its work on our connection."""
    directory = scripts()

    def steps(stands: tuple[str, ...] | list[str] | str, _: MigrationContext) -> list[RevisionStep]:
        return directory._upgrade_revs("head", stands)  # type: ignore[arg-type]

    with EnvironmentContext(Config(), directory, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=conn, target_metadata=METADATA, transactional_ddl=True)
        environment.run_migrations()
