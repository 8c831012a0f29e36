"""Whether this process could do its work now: the database answers, and has the schema of this release."""

from __future__ import annotations

from ml_connector.kernel.errors import ConnectorError
from ml_connector.store import migrate
from ml_connector.store.postgres import Database


def not_ready(db: Database) -> str:
    """Why not, in a sentence; empty when it is ready. Never raises."""
    try:
        with db.begin() as conn:
            stands = migrate.revision(conn)
    except ConnectorError as error:
        return error.sentence
    if stands != migrate.HEAD:
        return f"The database has schema {stands}; this release wants {migrate.HEAD}."
    return ""
