"""Brings a database to the schema this release wants, once, whoever comes first."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ml_connector.kernel.errors import DatabaseTrouble
from ml_connector.store import bulk
from ml_connector.store.schema import METADATA

HEAD = "0003"
"""The newest migration; written here too, so that the usual start need not read the migration files."""

_LOCK = 0x6D6C6301
_FOLDER = Path(__file__).parent / "migrations"


def revision(conn: Connection) -> str | None:
    """The migration the database stands at; None for an empty one."""
    found = bulk.fetch_one(conn, "SELECT to_regclass('alembic_version') IS NOT NULL")
    if not found or not found[0]:
        return None
    row = bulk.fetch_one(conn, "SELECT version_num FROM alembic_version")
    return str(row[0]) if row else None


def upgrade(conn: Connection) -> bool:
    """Runs the migrations that are missing, in the caller's transaction; whether there were any.

    A database made by a newer release is refused, for an older one would write what the newer does not expect.
    """
    if revision(conn) == HEAD:
        return False
    bulk.fetch(conn, "SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    stands = revision(conn)
    if stands == HEAD:
        return False
    if stands is not None and stands > HEAD:
        raise newer(stands)
    _run(conn)
    return True


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
