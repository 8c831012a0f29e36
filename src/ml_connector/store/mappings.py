"""The customer's code mappings, every version of them kept."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import content_hash
from ml_connector.store import bulk

_COLUMNS = "version, toml, hash, actor, created_at"


class MappingVersion(msgspec.Struct, frozen=True):
    """One version of a connection's mapping: the text as imported, who imported it and when."""

    version: int
    toml: str
    hash: bytes
    actor: str
    created_at: datetime


def put(conn: Connection, connection_id: int, toml: str, actor: str) -> int:
    """Keeps a mapping and returns its version; the text of the newest version again makes no new one."""
    digest = content_hash(toml.encode())
    bulk.fetch(conn, "SELECT 1 FROM connections WHERE id = %s FOR UPDATE", (connection_id,))
    newest = latest(conn, connection_id)
    if newest is not None and newest.hash == digest:
        return newest.version
    version = newest.version + 1 if newest else 1
    sql = "INSERT INTO mapping_versions (connection_id, version, toml, hash, actor) VALUES (%s, %s, %s, %s, %s)"
    bulk.run(conn, sql, (connection_id, version, toml, digest, actor))
    return version


def latest(conn: Connection, connection_id: int) -> MappingVersion | None:
    """The newest mapping; None before the first import."""
    sql = f"SELECT {_COLUMNS} FROM mapping_versions WHERE connection_id = %s ORDER BY version DESC LIMIT 1"
    row = bulk.fetch_one(conn, sql, (connection_id,))
    return MappingVersion(*row) if row else None


def get(conn: Connection, connection_id: int, version: int) -> MappingVersion:
    """One version; NothingSuchHere when there is none of that number."""
    sql = f"SELECT {_COLUMNS} FROM mapping_versions WHERE connection_id = %s AND version = %s"
    row = bulk.fetch_one(conn, sql, (connection_id, version))
    if row is None:
        raise NothingSuchHere(f"There is no mapping version {version}.")
    return MappingVersion(*row)


def listed(conn: Connection, connection_id: int) -> list[MappingVersion]:
    """Every version, newest first."""
    sql = f"SELECT {_COLUMNS} FROM mapping_versions WHERE connection_id = %s ORDER BY version DESC"
    return [MappingVersion(*row) for row in bulk.fetch(conn, sql, (connection_id,))]
