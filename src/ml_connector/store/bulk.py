"""Rows in and out by the page: COPY, arrays and plain tuples, past every layer that costs time per row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Connection

Row = tuple[Any, ...]
"""One row as the driver gives it."""

Transaction = Connection
"""A transaction, by the name under which those outside the store hand it on: they speak no SQL with it."""

compact = msgspec.json.Encoder(order="deterministic")
"""Writes JSON in one canonical way, so that equal values are equal text."""


def raw(conn: Connection) -> psycopg.Connection[Row]:
    """The driver's own connection under `conn`, in the same transaction."""
    driver = conn.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def fetch(conn: Connection, sql: str, values: Sequence[Any] = ()) -> list[Row]:
    """All rows a statement returns; values travel in binary, which the driver reads twice as fast as text."""
    with raw(conn).cursor(binary=True) as cursor:
        return cursor.execute(sql.encode(), values).fetchall()


def fetch_one(conn: Connection, sql: str, values: Sequence[Any] = ()) -> Row | None:
    """The first row a statement returns, or None."""
    with raw(conn).cursor(binary=True) as cursor:
        return cursor.execute(sql.encode(), values).fetchone()


def run(conn: Connection, sql: str, values: Sequence[Any] = ()) -> int:
    """Runs a statement that returns nothing; the number of rows it touched."""
    with raw(conn).cursor() as cursor:
        return cursor.execute(sql.encode(), values).rowcount


def fetch_named(conn: Connection, sql: str, values: Mapping[str, Any]) -> list[Row]:
    """All rows of a statement whose values are named in it: `%(name)s`."""
    with raw(conn).cursor(binary=True) as cursor:
        return cursor.execute(sql.encode(), values).fetchall()


def run_named(conn: Connection, sql: str, values: Mapping[str, Any]) -> int:
    """Runs a statement whose values are named in it and that returns nothing; the number of rows it touched."""
    with raw(conn).cursor() as cursor:
        return cursor.execute(sql.encode(), values).rowcount


def copy_in(conn: Connection, table: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> None:
    """Streams rows into a table. `columns` pairs each column's name with its PostgreSQL type, as binary COPY needs."""
    names = ", ".join(name for name, _ in columns)
    with (
        raw(conn).cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)".encode()) as copy,
    ):
        copy.set_types([kind for _, kind in columns])
        write = copy.write_row
        for row in rows:
            write(row)


def json_text(value: Any) -> str:
    """Canonical JSON of a value."""
    return compact.encode(value).decode()
