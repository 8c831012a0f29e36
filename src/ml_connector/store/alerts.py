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
    "told_to, cleared_at"
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
    """When it was last sent to somebody."""
    told_to: list[str]
    """Marks of the addresses that believe it stands: they took it, and were not told that it is over."""
    cleared_at: datetime | None


def raise_alert(conn: Connection, connection_id: int, alert: Alert, now: datetime) -> None:
    """Notes that an alert's cause is there; one that was gone begins anew, and one that grew louder is told again."""
    same = """a.cleared_at IS NULL AND NOT (excluded.severity <> a.severity
                  AND (excluded.severity = 'urgent' OR a.severity = 'notice'))"""
    sql = f"""
        INSERT INTO alerts AS a (connection_id, key, severity, sentence, remedy, role, money, currency,
                                 first_at, last_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (connection_id, key) DO UPDATE SET
            severity = excluded.severity, sentence = excluded.sentence, remedy = excluded.remedy,
            role = excluded.role, money = excluded.money, currency = excluded.currency, last_at = excluded.last_at,
            times = CASE WHEN a.cleared_at IS NULL THEN a.times + 1 ELSE 1 END,
            first_at = CASE WHEN a.cleared_at IS NULL THEN a.first_at ELSE excluded.first_at END,
            told_at = CASE WHEN {same} THEN a.told_at END,
            told_to = CASE WHEN {same} THEN a.told_to ELSE '{{}}' END,
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
    return bulk.run(conn, sql, (now, list(kinds), *_parts(sorted(stand))))


def overtake(conn: Connection, keys: Collection[tuple[int, str]], now: datetime) -> int:
    """Clears alerts, (connection id, key), without a word: their cause is not over, a worse one says more. How many."""
    sql = """
        UPDATE alerts a SET cleared_at = %s, told_to = '{}'
        FROM unnest(%b::bigint[], %b::text[]) AS n (connection_id, key)
        WHERE n.connection_id = a.connection_id AND n.key = a.key AND a.cleared_at IS NULL
    """
    pairs = sorted(keys)
    return bulk.run(conn, sql, (now, *_parts(pairs))) if pairs else 0


def standing(conn: Connection, connection_id: int | None = None) -> list[AlertRow]:
    """Alerts whose cause is there, the loudest first; of every connection when none is given."""
    sql = f"""
        SELECT {_COLUMNS} FROM alerts
        WHERE cleared_at IS NULL AND connection_id = coalesce(%s, connection_id)
        ORDER BY array_position(ARRAY['urgent', 'warning', 'notice'], severity), first_at, connection_id, key
    """
    return [AlertRow(*row) for row in bulk.fetch(conn, sql, (connection_id,))]


def to_tell(conn: Connection) -> list[tuple[int, bool, list[str]]]:
    """What somebody may have to be told: connection id, whether it stands, and marks of those who believe so.

    Warnings and urgent alerts that stand, and whatever is over while somebody still believes that it stands.
    """
    sql = """
        SELECT connection_id, cleared_at IS NULL, told_to FROM alerts
        WHERE CASE WHEN cleared_at IS NULL THEN severity <> 'notice' ELSE told_to <> '{}' END
    """
    return [(number, stands, told) for number, stands, told in bulk.fetch(conn, sql)]


def untold(conn: Connection, connection_id: int, mark: str) -> list[AlertRow]:
    """Warnings and urgent alerts that stand and that an address has not heard of, locked until the transaction ends."""
    sql = f"""
        SELECT {_COLUMNS} FROM alerts
        WHERE cleared_at IS NULL AND connection_id = %s AND severity <> 'notice' AND %b::text <> ALL (told_to)
        ORDER BY first_at, key FOR UPDATE SKIP LOCKED
    """
    return [AlertRow(*row) for row in bulk.fetch(conn, sql, (connection_id, mark))]


def over(conn: Connection, connection_id: int, mark: str) -> list[AlertRow]:
    """Alerts whose cause has gone while an address believes that they stand, locked: people like to hear it is over."""
    sql = f"""
        SELECT {_COLUMNS} FROM alerts
        WHERE cleared_at IS NOT NULL AND connection_id = %s AND %b::text = ANY (told_to)
        ORDER BY key FOR UPDATE SKIP LOCKED
    """
    return [AlertRow(*row) for row in bulk.fetch(conn, sql, (connection_id, mark))]


def mark_told(conn: Connection, rows: Iterable[AlertRow], mark: str, now: datetime) -> None:
    """Notes that an address was told that they stand."""
    sql = """
        UPDATE alerts a SET told_at = %s, told_to = array_append(array_remove(a.told_to, %b::text), %b::text)
        FROM unnest(%b::bigint[], %b::text[]) AS n (connection_id, key)
        WHERE n.connection_id = a.connection_id AND n.key = a.key AND a.cleared_at IS NULL
    """
    pairs = [(row.connection_id, row.key) for row in rows]
    if pairs:
        bulk.run(conn, sql, (now, mark, mark, *_parts(pairs)))


def mark_over(conn: Connection, rows: Iterable[AlertRow], mark: str) -> None:
    """Notes that an address was told that they are over."""
    sql = """
        UPDATE alerts a SET told_to = array_remove(a.told_to, %b::text)
        FROM unnest(%b::bigint[], %b::text[]) AS n (connection_id, key)
        WHERE n.connection_id = a.connection_id AND n.key = a.key
    """
    pairs = [(row.connection_id, row.key) for row in rows]
    if pairs:
        bulk.run(conn, sql, (mark, *_parts(pairs)))


def _parts(pairs: Sequence[tuple[int, str]]) -> tuple[list[int], list[str]]:
    return [number for number, _ in pairs], [word for _, word in pairs]
