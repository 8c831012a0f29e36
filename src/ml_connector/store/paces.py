"""How fast each side of a connection may be called, as all its processes know it together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from ml_connector.store import bulk

SAME = 1.5
"""Ends of a window that are nearer than so many seconds are the same end."""

_LEARN = """
    INSERT INTO paces AS p (connection_id, side, "window", most, left_over, resets_at)
    SELECT %(c)s, %(side)s, l.* FROM unnest(%(windows)b::text[], %(most)b::float8[], %(left)b::float8[],
        %(resets)b::float8[]) AS l
    ORDER BY 3
    ON CONFLICT (connection_id, side, "window") DO UPDATE SET
        most = CASE WHEN excluded.resets_at >= p.resets_at - %(same)s THEN excluded.most ELSE p.most END,
        left_over = CASE
            WHEN abs(excluded.resets_at - p.resets_at) <= %(same)s THEN least(excluded.left_over, p.left_over)
            WHEN excluded.resets_at > p.resets_at THEN excluded.left_over
            ELSE p.left_over END,
        resets_at = greatest(excluded.resets_at, p.resets_at),
        at = now()
"""
_DRAW = """
    WITH low AS (
        SELECT p."window", p.left_over - p.most * CASE p."window" WHEN 'hour' THEN %(reserve)s ELSE 0 END AS free
        FROM paces p
        WHERE p.connection_id = %(c)s AND p.side = %(side)s AND p."window" <> 'hold' AND p.resets_at > %(now)s
          AND (%(draw)s < 0 OR p.left_over <= p.most * %(scarce)s)
        ORDER BY p."window" FOR UPDATE
    ), given AS (
        SELECT CASE WHEN %(draw)s < 0 THEN %(draw)s
            ELSE greatest(0, least(%(draw)s, floor(coalesce(min(free), %(draw)s)))) END AS n FROM low
    ), taken AS (
        UPDATE paces p SET left_over = p.left_over - given.n FROM given, low
        WHERE p.connection_id = %(c)s AND p.side = %(side)s AND p."window" = low."window"
    )
    SELECT n::int8 FROM given
"""


class PaceRow(NamedTuple):
    """One window of one side, or a pause it asked for (`hold`); `resets_at` in unix seconds."""

    connection_id: int
    side: str
    window: str
    most: float
    left_over: float
    resets_at: float


class Draw(NamedTuple):
    """How many requests somebody wants out of the windows that run low, leaving the share `reserve` of the hour's.

    A window runs low when it has no more than the share `scarce`; `now` in unix seconds. Fewer than 0: gives back.
    """

    number: int
    reserve: float
    scarce: float
    now: float


def learn(conn: Connection, connection_id: int, side: str, rows: Sequence[tuple[str, float, float, float]]) -> None:
    """Keeps what was learned of windows: name, most, left over, end. Of one window the smaller rest is the newer."""
    if not rows:
        return
    windows, *numbers = zip(*rows, strict=True)
    most, left, resets = ([float(one) for one in part] for part in numbers)  # whole ones, too, travel as floats
    values = {"windows": list(windows), "most": most, "left": left, "resets": resets}
    bulk.run_named(conn, _LEARN, {"c": connection_id, "side": side, "same": SAME, **values})


def draw(conn: Connection, connection_id: int, side: str, want: Draw) -> int:
    """Takes requests out of every window that runs low, as many as the scarcest has; how many were got."""
    values = {"draw": want.number, "reserve": want.reserve, "scarce": want.scarce, "now": want.now}
    row = bulk.fetch_named(conn, _DRAW, {"c": connection_id, "side": side, **values})
    return max(0, int(row[0][0]))


def of(conn: Connection, connection_id: int, side: str, now: float) -> list[PaceRow]:
    """Windows and holds of one side that are not over at `now` (unix seconds)."""
    sql = """
        SELECT connection_id, side, "window", most, left_over, resets_at FROM paces
        WHERE connection_id = %s AND side = %s AND resets_at > %s ORDER BY "window"
    """
    return [PaceRow(*row) for row in bulk.fetch(conn, sql, (connection_id, side, now))]


def all(conn: Connection) -> list[PaceRow]:  # noqa: A001 - the word for it
    """Windows and holds of every connection, those that are over among them: for the metrics."""
    sql = """SELECT connection_id, side, "window", most, left_over, resets_at FROM paces ORDER BY 1, 2, 3"""
    return [PaceRow(*row) for row in bulk.fetch(conn, sql)]
