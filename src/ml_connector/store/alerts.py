"""What a person must do, kept once for each cause: raised while it lasts, told once, cleared when it is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from sqlalchemy import Connection

from ml_connector.store import bulk

NOTICE, WARNING, URGENT = "notice", "warning", "urgent"
"""How loud: a notice waits for the digest, a warning and an urgent one are told at once."""

INSTALLATION = 0
"""Connection id of what concerns no single connection."""

_COLUMNS = (
    "connection_id, key, severity, sentence, remedy, role, money, currency, times, first_at, last_at, told_at, "
    "cleared_at"
)


class Alert(msgspec.Struct, frozen=True):
    """One thing to do. `key` names the cause, such as breaker/erp: its first word is the kind of docs/runbook.md."""

    key: str
    severity: str
    sentence: str
    remedy: str
    role: str = "administrator"
    money: Decimal | None = None
    """What is at stake, in `currency`."""
    currency: str = ""


class AlertRow(msgspec.Struct, frozen=True):
    """An alert as it stands: how often and since when it was seen, whether it was told, whether it is gone."""

    connection_id: int
    key: str
    severity: str
    sentence: str
    remedy: str
    role: str
    money: Decimal | None
    currency: str
    times: int
    first_at: datetime
    last_at: datetime
    told_at: datetime | None
    cleared_at: datetime | None


def raise_alert(conn: Connection, connection_id: int, alert: Alert, now: datetime) -> None:
    """Notes that an alert's cause is there; one that was gone begins anew, and one that grew louder is told again."""
    sql = """
        INSERT INTO alerts AS a (connection_id, key, severity, sentence, remedy, role, money, currency,
                                 first_at, last_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (connection_id, key) DO UPDATE SET
            severity = excluded.severity, sentence = excluded.sentence, remedy = excluded.remedy,
            role = excluded.role, money = excluded.money, currency = excluded.currency, last_at = excluded.last_at,
            times = CASE WHEN a.cleared_at IS NULL THEN a.times + 1 ELSE 1 END,
            first_at = CASE WHEN a.cleared_at IS NULL THEN a.first_at ELSE excluded.first_at END,
            told_at = CASE WHEN a.cleared_at IS NULL AND NOT (excluded.severity <> a.severity
                                AND (excluded.severity = 'urgent' OR a.severity = 'notice')) THEN a.told_at END,
            cleared_at = NULL
    """
    values = (alert.severity, alert.sentence, alert.remedy, alert.role, alert.money, alert.currency)
    bulk.run(conn, sql, (connection_id, alert.key, *values, now, now))


def clear_alert(conn: Connection, connection_id: int, key: str, now: datetime) -> bool:
    """Notes that an alert's cause is gone; whether it stood."""
    sql = "UPDATE alerts SET cleared_at = %s WHERE connection_id = %s AND key = %s AND cleared_at IS NULL"
    return bulk.run(conn, sql, (now, connection_id, key)) > 0


def clear_besides(conn: Connection, kinds: Sequence[str], stand: Collection[tuple[int, str]], now: datetime) -> int:
    """Clears every alert of some kinds that is not among those that stand, (connection id, key); how many."""
    sql = """
        UPDATE alerts a SET cleared_at = %s
        WHERE cleared_at IS NULL AND split_part(key, '/', 1) = ANY(%b)
          AND NOT EXISTS (SELECT 1 FROM unnest(%b::bigint[], %b::text[]) AS n (connection_id, key)
                          WHERE n.connection_id = a.connection_id AND n.key = a.key)
    """
    pairs = sorted(stand)
    numbers, keys = [number for number, _ in pairs], [key for _, key in pairs]
    return bulk.run(conn, sql, (now, list(kinds), numbers, keys))


def standing(conn: Connection, connection_id: int | None = None) -> list[AlertRow]:
    """Alerts whose cause is there, the loudest first; of every connection when none is given."""
    sql = f"""
        SELECT {_COLUMNS} FROM alerts
        WHERE cleared_at IS NULL AND connection_id = coalesce(%s, connection_id)
        ORDER BY array_position(ARRAY['urgent', 'warning', 'notice'], severity), first_at, connection_id, key
    """
    return [AlertRow(*row) for row in bulk.fetch(conn, sql, (connection_id,))]


def untold(conn: Connection) -> list[AlertRow]:
    """Warnings and urgent alerts that stand and were not told yet, locked until the transaction ends."""
    sql = f"""
        SELECT {_COLUMNS} FROM alerts
        WHERE cleared_at IS NULL AND told_at IS NULL AND severity <> 'notice'
        ORDER BY connection_id, first_at, key FOR UPDATE SKIP LOCKED
    """
    return [AlertRow(*row) for row in bulk.fetch(conn, sql)]


def over(conn: Connection) -> list[AlertRow]:
    """Alerts that were told and whose cause has gone since, locked: people like to hear that it is over."""
    sql = f"""
        SELECT {_COLUMNS} FROM alerts WHERE cleared_at IS NOT NULL AND told_at IS NOT NULL AND told_at < cleared_at
        ORDER BY connection_id, key FOR UPDATE SKIP LOCKED
    """
    return [AlertRow(*row) for row in bulk.fetch(conn, sql)]


def mark_told(conn: Connection, rows: Iterable[AlertRow], now: datetime) -> None:
    """Notes that people were told."""
    pairs = [(row.connection_id, row.key) for row in rows]
    sql = """
        UPDATE alerts a SET told_at = %s FROM unnest(%b::bigint[], %b::text[]) AS n (connection_id, key)
        WHERE n.connection_id = a.connection_id AND n.key = a.key
    """
    if pairs:
        bulk.run(conn, sql, (now, [number for number, _ in pairs], [key for _, key in pairs]))
