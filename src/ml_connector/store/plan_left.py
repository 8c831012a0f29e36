"""What of a plan did not go and goes under it no more, with the hold that says why where one is open."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk
from ml_connector.store.plan_steps import Scene, stood


class NotGone(msgspec.Struct, frozen=True):
    """Records of one project and flow that did not go, with the money of their steps in one currency."""

    place: str
    flow: str
    reason: str
    """Of the open hold of their document; empty where none is."""
    sentence: str
    result: str
    """What the other side said, where it refused."""
    currency: str
    """Empty for no money."""
    records: int
    amount: Decimal
    """Net."""
    recoded: Decimal = Decimal(0)
    """What their steps move besides from some codes to others."""


def not_gone(conn: Connection, scene: Scene) -> list[NotGone]:
    """The records of a plan of which a step was put aside or refused, by project, flow and why."""
    sql = f"""
        {stood()} SELECT place, flow, reason, sentence, result, max(currency), count(*)::int, sum(amount),
                         sum(recoded)
        FROM (
            SELECT s.place, s.flow, s.kind, s.erp_id, coalesce(max(h.reason), '') AS reason,
                   coalesce(max(h.sentence), '') AS sentence,
                   coalesce(max(s.result) FILTER (WHERE s.state = 'refused'), '') AS result,
                   max(s.currency) AS currency, coalesce(sum(s.amount), 0) AS amount,
                   coalesce(sum(s.moved - abs(s.amount)), 0) AS recoded
            FROM steps s LEFT JOIN LATERAL (
                SELECT reason, sentence FROM holds
                WHERE connection_id = %(connection)s AND source = s.source AND flow = s.flow AND source <> ''
                  AND released_at IS NULL ORDER BY id LIMIT 1) h ON true
            WHERE s.state IN ('superseded', 'refused') GROUP BY 1, 2, 3, 4) record
        GROUP BY place, flow, reason, sentence, result, currency ORDER BY 1, 2, 3, 4, 5 LIMIT 200
    """
    return [NotGone(*row) for row in bulk.fetch_named(conn, sql, scene.values())]
