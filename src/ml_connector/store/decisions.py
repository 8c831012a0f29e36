"""Inputs of decisions that were made, kept as evidence: which there are, and the bytes of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from ml_connector.store import bulk


class InputRow(NamedTuple):
    """The input of one decision: its run, its flow's tag, and the hash its bytes are kept under."""

    run_id: int
    tag: str
    hash: bytes


def inputs_of(
    conn: Connection, connection_id: int, runs: Sequence[int], tags: Sequence[str], limit: int
) -> list[InputRow]:
    """Inputs of the decisions of some runs, in the order in which they were decided; at most `limit`."""
    sql = """
        SELECT run_id, path, request_hash FROM exchanges
        WHERE lasting AND run_id = ANY(%b::int8[]) AND connection_id = %s AND side = 'engine' AND path = ANY(%b)
          AND request_hash IS NOT NULL
        ORDER BY run_id, id LIMIT %s
    """
    values = (sorted(runs), connection_id, sorted(tags), limit)
    return [InputRow(*row) for row in bulk.fetch(conn, sql, values)] if runs else []
