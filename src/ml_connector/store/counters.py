"""Things counted for the status page and the metrics, by connection; shared by every process."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from ml_connector.store import bulk

ECHOES = "echoes"
"""Events that told of our own writes."""
RECOVERED = "missed_and_recovered"
"""Changes whose webhook never came, found by the sweep or by polling."""
SKIPPED = "polls_skipped"
"""Polls left out because one like it was still at work."""
REQUESTS = "requests/"
"""How counters of requests sent begin: requests/SIDE/read and requests/SIDE/write."""
TAKEOVERS = "takeovers"
"""Jobs of dead workers that others took over."""


def sent(used: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Counters of requests that were sent; `used` is side to kind (read, write) to how many."""
    return {f"{REQUESTS}{side}/{kind}": number for side, kinds in used.items() for kind, number in kinds.items()}


def bump(conn: Connection, connection_id: int, counts: Mapping[str, int]) -> None:
    """Adds to counters of a connection, 0 for the installation."""
    found = {name: number for name, number in counts.items() if number}
    sql = """
        INSERT INTO counters AS c (connection_id, name, value)
        SELECT %s, n.name, n.value FROM unnest(%b::text[], %b::bigint[]) AS n (name, value)
        ON CONFLICT (connection_id, name) DO UPDATE SET value = c.value + excluded.value
    """
    if found:
        names = sorted(found)  # one order for everybody, or two transactions could wait for each other
        bulk.run(conn, sql, (connection_id, names, [found[name] for name in names]))


def totals(conn: Connection, connection_id: int | None = None) -> dict[int, dict[str, int]]:
    """Counters by connection and name; of every connection when none is given."""
    sql = "SELECT connection_id, name, value FROM counters WHERE connection_id = coalesce(%s, connection_id)"
    found: dict[int, dict[str, int]] = {}
    for number, name, value in bulk.fetch(conn, sql, (connection_id,)):
        found.setdefault(number, {})[name] = int(value)
    return found
