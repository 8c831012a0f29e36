"""The mapping as it stands now, for views that say what it leads to."""

from __future__ import annotations

from ml_connector.planning.mapping import DEFAULT, CodeMapping
from ml_connector.store import mappings
from ml_connector.store.bulk import Transaction
from ml_connector.wiring import mapping_of


def newest_mapping(conn: Transaction, connection_id: int) -> CodeMapping:
    """The newest mapping of a connection; the default before the first was brought."""
    found = mappings.latest(conn, connection_id)
    return mapping_of(found.toml) if found else DEFAULT
