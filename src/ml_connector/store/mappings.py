"""The customer's code mappings, every version of them kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.errors import BadInput, NothingSuchHere
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


class Draft(msgspec.Struct, frozen=True):
    """A mapping somebody is still changing: its text, the version it was begun from, and when it last changed."""

    toml: str
    based_on: int
    at: datetime


def put(conn: Connection, connection_id: int, toml: str, actor: str, based_on: int | None = None) -> int:
    """Keeps a mapping and returns its version; the text of the newest version again makes no new one.

    With `based_on` it is kept only while that is still the newest version (0: while there is none): else BadInput.
    """
    digest = content_hash(toml.encode())
    bulk.fetch(conn, "SELECT 1 FROM connections WHERE id = %s FOR UPDATE", (connection_id,))
    newest = latest(conn, connection_id)
    if based_on is not None:
        check_newest(newest, based_on)
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


def check_newest(newest: MappingVersion | None, based_on: int) -> None:
    """BadInput when a change that was begun from one version would pass over a newer one somebody saved since."""
    number = newest.version if newest else 0
    if number != based_on:
        by = f" by {newest.actor} on {newest.created_at:%Y-%m-%d %H:%M}" if newest else ""
        raise BadInput(
            f"The mapping was changed meanwhile: version {number} was saved{by}, and yours was begun from {based_on}.",
            remedy=f"Compare the two versions (`ml-connector mapping compare {based_on} {number}`). A draft can be "
            "carried over onto the newest; else begin anew.",
        )


def draft(conn: Connection, connection_id: int, actor: str) -> Draft | None:
    """What a person is changing; None when nothing."""
    sql = "SELECT toml, based_on, at FROM mapping_drafts WHERE connection_id = %s AND actor = %s"
    row = bulk.fetch_one(conn, sql, (connection_id, actor))
    return Draft(*row) if row else None


def put_draft(conn: Connection, connection_id: int, actor: str, toml: str, based_on: int) -> None:
    """Keeps what a person is changing, in place of what was there."""
    sql = """
        INSERT INTO mapping_drafts (connection_id, actor, toml, based_on) VALUES (%s, %s, %s, %s)
        ON CONFLICT (connection_id, actor) DO UPDATE
        SET toml = excluded.toml, based_on = excluded.based_on, at = now()
    """
    bulk.run(conn, sql, (connection_id, actor, toml, based_on))


def drop_draft(conn: Connection, connection_id: int, actor: str, toml: str | None = None) -> None:
    """Forgets what a person was changing; with `toml` only while it says that."""
    sql = "DELETE FROM mapping_drafts WHERE connection_id = %s AND actor = %s AND coalesce(%s::text, toml) = toml"
    bulk.run(conn, sql, (connection_id, actor, toml))


class Waiting(msgspec.Struct, frozen=True):
    """What is held for want of a row: the segment and values, and the documents and money of one currency."""

    waits_for: str
    """`cost_type A=1910`."""
    currency: str
    amount: Decimal | None
    documents: int
    since: datetime
    shown: list[str]
    """Some of the documents."""
    kinds: list[str]
    sentence: str


def waiting(conn: Connection, connection_id: int) -> list[Waiting]:
    """Everything that is held for want of a row, by what it waits for and currency."""
    sql = """
        SELECT waits_id, currency, sum(abs(amount)),
               count(DISTINCT source) FILTER (WHERE kind <> 'combination'), min(since),
               (array_agg(DISTINCT source ORDER BY source) FILTER (WHERE kind <> 'combination'))[1:12],
               array_agg(DISTINCT kind), min(sentence)
        FROM holds
        WHERE connection_id = %s AND released_at IS NULL AND reason = 'code_unmapped' AND waits_kind = 'mapping'
        GROUP BY 1, 2 ORDER BY 1, 2
    """
    return [
        Waiting(row[0], row[1], row[2], row[3], row[4], row[5] or [], row[6], row[7])
        for row in bulk.fetch(conn, sql, (connection_id,))
    ]


def held_for(conn: Connection, connection_id: int, waits_for: Sequence[str]) -> list[tuple[str, str, str]]:
    """(What it waits for, kind, document) of every document held for want of some rows."""
    sql = """
        SELECT DISTINCT waits_id, kind, source FROM holds
        WHERE connection_id = %s AND released_at IS NULL AND reason = 'code_unmapped' AND waits_kind = 'mapping'
          AND kind <> 'combination' AND waits_id = ANY(%b)
    """
    return [(row[0], row[1], row[2]) for row in bulk.fetch(conn, sql, (connection_id, list(waits_for)))]


def page(conn: Connection, connection_id: int, number: int, size: int) -> list[MappingVersion]:
    """One page of the versions, newest first, with one row more where another follows. Pages overlap by that row."""
    sql = f"SELECT {_COLUMNS} FROM mapping_versions WHERE connection_id = %s ORDER BY version DESC LIMIT %s OFFSET %s"
    rows = bulk.fetch(conn, sql, (connection_id, size, (number - 1) * (size - 1)))
    return [MappingVersion(*row) for row in rows]
