"""What happened, in order, for good: rows only ever added, each sealed to the one before by its hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from ml_connector.kernel.errors import Bug
from ml_connector.store import bulk
from ml_connector.store.tags import TAGS

INSTALLATION = 0
"""Stands in `connection_id` for what concerns the whole installation."""

_START = bytes(32)
_SLICE = 5000
_COLUMNS = (
    ("connection_id", "int8"),
    ("seq", "int8"),
    ("at", "timestamptz"),
    ("actor", "text"),
    ("tag", "text"),
    ("kind", "text"),
    ("erp_id", "text"),
    ("run_id", "int8"),
    ("details", "text"),
    ("prev_hash", "bytea"),
    ("hash", "bytea"),
)
_NAMES = "seq, at, actor, tag, kind, erp_id, run_id, details"


class AuditEntry(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened. `at` is aware; `details` is canonical JSON (`bulk.json_text`) and never a secret."""

    at: datetime
    actor: str
    tag: str
    """`subject:action:result` from `tags.TAGS`."""
    kind: str = ""
    erp_id: str = ""
    run_id: int = 0
    details: str = "{}"


class AuditRow(msgspec.Struct, frozen=True, gc=False):
    """An entry as it is kept, with its number and hash."""

    seq: int
    entry: AuditEntry
    hash: bytes


class Head(msgspec.Struct, frozen=True):
    """Where a chain ends. Kept elsewhere (printed, mailed), it proves later that no rows were cut off or rewritten."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        """`number:hash`, for printing."""
        return f"{self.seq}:{self.hash.hex()}"


START = Head(0, _START)
"""Where every chain begins."""


class Stretch(msgspec.Struct, frozen=True):
    """A part of a chain that was looked at: how far it reaches, what is wrong with it, whether it is the last one."""

    head: Head
    faults: list[str]
    ended: bool


def head_from(text: str) -> Head:
    """An end as it was printed; `START` for an empty text."""
    number, _, digest = text.partition(":")
    return Head(int(number), bytes.fromhex(digest)) if number else START


def append(conn: Connection, connection_id: int, entries: Sequence[AuditEntry]) -> None:
    """Adds entries to the connection's chain, in order.

    The chain's head row is locked until the caller's transaction ends, so numbers have no gaps; without entries it is
    left alone. Raises Bug on a tag that is not on the list.
    """
    if not entries:
        return
    seq, previous = _lock(conn, connection_id)
    rows = []
    for entry in entries:
        if entry.tag not in TAGS:
            raise Bug(f"The audit tag {entry.tag!r} is not on the list in store/tags.py.")
        seq += 1
        digest = _hash(previous, connection_id, seq, entry)
        rows.append(
            (
                connection_id,
                seq,
                entry.at,
                entry.actor,
                entry.tag,
                entry.kind,
                entry.erp_id,
                entry.run_id,
                entry.details,
                previous,
                digest,
            )
        )
        previous = digest
    bulk.copy_in(conn, "audit", _COLUMNS, rows)
    bulk.run(
        conn, "UPDATE audit_heads SET seq = %s, hash = %s WHERE connection_id = %s", (seq, previous, connection_id)
    )


def head(conn: Connection, connection_id: int) -> Head:
    """Where the connection's chain ends; number 0 when it has no rows."""
    row = bulk.fetch_one(conn, "SELECT seq, hash FROM audit_heads WHERE connection_id = %s", (connection_id,))
    return Head(row[0], row[1]) if row else START


def chains(conn: Connection) -> list[int]:
    """Ids of every connection that has a chain, removed ones included; 0 is the installation."""
    sql = "SELECT connection_id FROM audit_heads UNION SELECT DISTINCT connection_id FROM audit ORDER BY 1"
    return [row[0] for row in bulk.fetch(conn, sql)]


def verify(conn: Connection, connection_id: int, kept: Head | None = None) -> list[str]:
    """What is wrong with the chain, in sentences; empty when it is whole.

    Finds rows changed, missing, added or put in another order, and rows cut off the end. `kept` is an end noted
    earlier: with it even a chain rewritten from some row on, head and all, is found.
    """
    faults: list[str] = []
    reached = START
    for row in _walk(conn, connection_id):
        reached = _follow(connection_id, row, reached, faults)
        if kept is not None and kept.seq == reached.seq and kept.hash != reached.hash:
            faults.append(f"Row {reached.seq} is not the row that was noted: the chain was rewritten.")
    end = head(conn, connection_id)
    if end.seq != reached.seq:
        faults.append(f"The chain should end at row {end.seq}, and ends at row {reached.seq}.")
    elif end.hash != reached.hash:
        faults.append(f"The last row, {end.seq}, is not the one that was written last.")
    if kept is not None and kept.seq > reached.seq:
        faults.append(f"The chain was noted to reach row {kept.seq}, and ends at row {reached.seq}.")
    return faults


def _follow(connection_id: int, row: bulk.Row, reached: Head, faults: list[str]) -> Head:
    """The end of the chain with one row more; what is wrong with that row is added to `faults`."""
    seq, prev_hash, stored = row[0], row[8], row[9]
    if seq != reached.seq + 1:
        faults.append(f"Rows {reached.seq + 1} to {seq - 1} are missing.")
    elif prev_hash != reached.hash:
        faults.append(f"Row {seq} does not follow row {seq - 1}: one of them was exchanged or changed.")
    if _hash(prev_hash, connection_id, seq, _entry(row)) != stored:
        faults.append(f"Row {seq} ({row[3]}) was changed after it was written.")
    return Head(seq, stored)


def verify_on(conn: Connection, connection_id: int, start: Head, rows: int) -> Stretch:
    """What is wrong with the next `rows` rows of the chain behind `start`, an end that was found whole before.

    `START` begins at the beginning. With a noted end even a chain that was rewritten before it is found. Rows that are
    added meanwhile are left to the next look.
    """
    end = head(conn, connection_id)
    faults = _at(conn, connection_id, start, end)
    sql = f"""
        SELECT {_NAMES}, prev_hash, hash FROM audit WHERE connection_id = %s AND seq > %s AND seq <= %s
        ORDER BY seq LIMIT %s
    """
    found = bulk.fetch(conn, sql, (connection_id, start.seq, end.seq, rows))
    reached = start
    for row in found:
        reached = _follow(connection_id, row, reached, faults)
    ended = len(found) < rows
    if ended and reached.seq < end.seq:
        faults.append(f"The chain should end at row {end.seq}, and ends at row {reached.seq}.")
    elif ended and reached.seq == end.seq and reached.hash != end.hash:
        faults.append(f"The last row, {end.seq}, is not the one that was written last.")
    return Stretch(reached, faults, ended)


def _at(conn: Connection, connection_id: int, noted: Head, end: Head) -> list[str]:
    """What is wrong with an end that was noted: it must still be there, below the end of today."""
    if noted.seq == 0:
        return []
    row = bulk.fetch_one(
        conn, "SELECT hash FROM audit WHERE connection_id = %s AND seq = %s", (connection_id, noted.seq)
    )
    if row is None or end.seq < noted.seq:
        return [f"The chain was noted to reach row {noted.seq}, and ends at row {end.seq}."]
    if row[0] != noted.hash:
        return [f"Row {noted.seq} is not the row that was noted: the chain was rewritten."]
    return []


def entries(
    conn: Connection, connection_id: int, *, erp_id: str = "", before: int | None = None, limit: int = 100
) -> list[AuditRow]:
    """The latest rows, newest first, below number `before`; of one record only when `erp_id` is given."""
    sql = f"SELECT {_NAMES}, prev_hash, hash FROM audit WHERE connection_id = %s AND seq < %s"
    values: list[object] = [connection_id, 2**62 if before is None else before]
    if erp_id:
        sql += " AND erp_id = %s"
        values.append(erp_id)
    rows = bulk.fetch(conn, sql + " ORDER BY seq DESC LIMIT %s", [*values, limit])
    return [AuditRow(row[0], _entry(row), row[9]) for row in rows]


def _lock(conn: Connection, connection_id: int) -> tuple[int, bytes]:
    """The chain's end, locked for this transaction; the head row is made for a new chain."""
    sql = "SELECT seq, hash FROM audit_heads WHERE connection_id = %s FOR UPDATE"
    row = bulk.fetch_one(conn, sql, (connection_id,))
    if row is None:
        make = "INSERT INTO audit_heads (connection_id, seq, hash) VALUES (%s, 0, %s) ON CONFLICT DO NOTHING"
        bulk.run(conn, make, (connection_id, _START))
        row = bulk.fetch_one(conn, sql, (connection_id,))
    if row is None:
        raise Bug("The audit chain has no head, although it was just made.")
    return row[0], row[1]


def _walk(conn: Connection, connection_id: int) -> Iterator[bulk.Row]:
    """Every row of the chain in order, a slice at a time."""
    sql = (
        f"SELECT {_NAMES}, prev_hash, hash FROM audit WHERE connection_id = %s AND seq > %s ORDER BY seq LIMIT {_SLICE}"
    )
    after = -(2**62)
    while True:
        rows = bulk.fetch(conn, sql, (connection_id, after))
        yield from rows
        if len(rows) < _SLICE:
            return
        after = rows[-1][0]


def _entry(row: bulk.Row) -> AuditEntry:
    """A row's entry."""
    return AuditEntry(*row[1:8])


def _hash(previous: bytes, connection_id: int, seq: int, entry: AuditEntry) -> bytes:
    """SHA-256 over the hash before and every field, each told apart from the next by the JSON around it."""
    fields = (
        connection_id,
        seq,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.actor,
        entry.tag,
        entry.kind,
        entry.erp_id,
        entry.run_id,
        entry.details,
    )
    return sha256(previous + bulk.compact.encode(fields)).digest()
