"""What the database stamped while another clock was in force gets that clock's moments, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ml_connector.store.backdating import backdate
from ml_connector.store.postgres import Database

DAY = datetime(2026, 11, 27, 12, tzinfo=UTC)
OCTOBER = timedelta(days=-50)


def test_each_stamp_moves_by_what_the_clock_was_ahead_when_it_was_made(database: Database, cid: int) -> None:
    moves = [(DAY, OCTOBER), (DAY + timedelta(seconds=10), OCTOBER + timedelta(days=8))]
    stamps = [
        DAY - timedelta(days=1),
        DAY + timedelta(seconds=5),
        DAY + timedelta(seconds=15),
        DAY + timedelta(hours=1),
    ]
    with database.begin() as conn:
        for at in stamps:
            conn.exec_driver_sql(
                "INSERT INTO runs (connection_id, flows, state, started_at) VALUES (%s, '{}', 'done', %s)", (cid, at)
            )
        for state in ("held", "freed"):
            conn.exec_driver_sql(
                "INSERT INTO holds (connection_id, erp_id, reason, candidates, last_seen_run, since) "
                "VALUES (%s, %s, 'code_missing', '{}', 1, %s)",
                (cid, state, stamps[1]),
            )
        conn.exec_driver_sql(
            "INSERT INTO plans (connection_id, hash, run_id, summary, made_at, first_at) "
            "VALUES (%s, 'ab', 1, '{}', %s, %s)",
            (cid, stamps[2], stamps[1]),
        )
        backdate(conn, moves, DAY + timedelta(minutes=1))
        found = [row[0] for row in conn.exec_driver_sql("SELECT started_at FROM runs ORDER BY id")]
        held = {row[0] for row in conn.exec_driver_sql("SELECT since FROM holds")}
        [plan] = conn.exec_driver_sql("SELECT made_at, first_at FROM plans")
        conn.rollback()
    assert found == [stamps[0], stamps[1] + OCTOBER, stamps[2] + OCTOBER + timedelta(days=8), stamps[3]]
    assert held == {stamps[1] + OCTOBER}
    assert tuple(plan) == (found[2], found[1]), "when a plan was made again, and when it was made first"
