"""Months of evidence come and go as a whole; the journal goes by age, a batch at a time, and nothing that is needed."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from ml_connector.kernel.errors import BadInput, Locked, NothingSuchHere
from ml_connector.kernel.keys import Key, content_hash
from ml_connector.planning.plan import Intent, Verb
from ml_connector.planning.retention import Retention, month_over, retention_from
from ml_connector.store import bulk, evidence, journal, links, partitions, retention, runs
from ml_connector.store.evidence import EvidenceWriter
from ml_connector.store.partitions import Month
from ml_connector.store.postgres import Database

from .taped import Taped

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


class _Days:
    """A clock for the writer, that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = NOW
        monkeypatch.setattr(evidence, "datetime", self)

    def now(self, _zone: object) -> datetime:
        return self.at


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> _Days:
    return _Days(monkeypatch)


def _count(database: Database, table: str) -> int:
    with database.begin() as conn:
        return int(bulk.fetch(conn, f"SELECT count(*) FROM {table}")[0][0])


def _drop(database: Database, month: Month) -> int:
    with database.begin() as conn:
        return partitions.drop_month(conn, month)


def test_a_body_that_comes_again_in_a_later_month_outlives_the_first(database: Database, cid: int, days: _Days) -> None:
    writer = EvidenceWriter(cid, 5)
    for at in (datetime(2026, 3, 31, 23, 59, tzinfo=UTC), datetime(2026, 4, 1, 0, 0, tzinfo=UTC)):
        days.at = at
        for _ in range(2):
            writer.tape(Taped())
            writer.flush(database)
    assert (_count(database, "evidence"), _count(database, "evidence_2026_03")) == (4, 2)
    assert _drop(database, Month("evidence", False, MARCH)) > 0
    assert _drop(database, Month("exchanges", False, MARCH)) > 0
    with database.begin() as conn:
        kept = evidence.exchanges_of(conn, cid, 5)
        assert [row.at.month for row in kept] == [4, 4]
        assert evidence.body_of(conn, content_hash(Taped().request)) == Taped().request


def test_the_inputs_of_decisions_lie_in_months_of_their_own(database: Database, cid: int, days: _Days) -> None:
    days.at = datetime(2026, 3, 10, tzinfo=UTC)
    writer = EvidenceWriter(cid, 5)
    writer.tape(Taped(request=b"same"))
    writer.tape(Taped(side="engine", method="DECIDE", request=b"same", reply=b""))
    writer.flush(database)
    _drop(database, Month("evidence", False, MARCH))
    _drop(database, Month("exchanges", False, MARCH))
    with database.begin() as conn:
        (kept,) = evidence.exchanges_of(conn, cid, 5)
        assert (kept.method, evidence.body_of(conn, kept.request_hash or b"")) == ("DECIDE", b"same")
    _drop(database, Month("evidence", True, MARCH))
    with database.begin() as conn, pytest.raises(NothingSuchHere):
        evidence.body_of(conn, content_hash(b"same"))


def test_many_writers_make_a_new_month_once(database: Database, cid: int, days: _Days) -> None:
    days.at = datetime(2031, 2, 1, tzinfo=UTC)
    writers = [EvidenceWriter(cid, run) for run in range(6)]
    for writer in writers:
        writer.tape(Taped())
    threads = [threading.Thread(target=writer.flush, args=(database,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (_count(database, "exchanges"), _count(database, "evidence")) == (6, 2)


def test_a_month_is_made_while_somebody_reads_and_dropped_only_when_nobody_does(database: Database) -> None:
    with database.begin() as reader:
        bulk.fetch(reader, "SELECT count(*) FROM exchanges, evidence")
        with database.begin() as conn:
            assert len(partitions.make_months(conn, [MARCH])) == 4
        with pytest.raises(Locked):
            _drop(database, Month("exchanges", False, MARCH))
    assert _drop(database, Month("exchanges", False, MARCH)) > 0
    with database.begin() as conn:
        found = partitions.months(conn)
        assert Month("exchanges", False, MARCH) not in found
        assert Month("exchanges", True, MARCH) in found
        assert sum(size for _, size in partitions.sizes(conn)) > 0
        assert partitions.make_months(conn, [MARCH]) == ["exchanges_2026_03"]


def test_a_month_is_made_as_the_whole_says(database: Database) -> None:
    with database.begin() as conn:
        partitions.make_months(conn, [MARCH])
        storage = "SELECT attstorage FROM pg_attribute WHERE attname = 'body' AND attrelid = %s::regclass"
        assert bulk.fetch(conn, storage, ("evidence_2026_03",)) == [("e",)]
        options = "SELECT reloptions FROM pg_class WHERE oid = %s::regclass"
        assert bulk.fetch(conn, options, ("evidence_lasting_2026_03",)) == [(["toast_tuple_target=8160"],)]
        bounds = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = %s::regclass"
        bulk.run(conn, "SET LOCAL TIME ZONE 'UTC'")
        assert bulk.fetch(conn, bounds, ("exchanges_2026_03",)) == [
            ("FOR VALUES FROM (false, '2026-03-01 00:00:00+00') TO (false, '2026-04-01 00:00:00+00')",)
        ]


def _run(database: Database, cid: int, at: datetime) -> int:
    with database.begin() as conn:
        number = runs.start_run(conn, cid, runs.NewRun(["purchase_orders"], "sync", "anna"))
        runs.finish_run(conn, number, runs.RunEnd("done"))
        bulk.run(conn, "UPDATE runs SET started_at = %s WHERE id = %s", (at, number))
    return number


def _step(database: Database, cid: int, run: int, number: str, state: str, verb: Verb = Verb.CREATE) -> int:
    key = Key("commitment", f"{number}@1")
    intent = Intent("purchase_orders", verb, key, "k", "1", "", b"b", (), (), None, "", number)
    with database.begin() as conn:
        (made,) = journal.keep_intents(conn, cid, run, [intent])
        if state != "planned":
            journal.settle(conn, [journal.Settled(made, state, "9")])
    return made


def test_the_journal_goes_by_age_but_nothing_open_and_no_linked_record_s_newest_step(
    database: Database, cid: int
) -> None:
    old, unlinked, young = (_run(database, cid, NOW - timedelta(days=days)) for days in (500, 450, 10))
    first = _step(database, cid, old, "P1", "done")
    newest = _step(database, cid, old, "P1", "done", Verb.STATUS)
    refused = _step(database, cid, old, "P1", "refused", Verb.AMEND)
    waits = _step(database, cid, old, "P2", "unknown")
    gone = [_step(database, cid, unlinked, "P3", "done"), _step(database, cid, unlinked, "P4", "superseded")]
    recent = _step(database, cid, young, "P5", "superseded")
    with database.begin() as conn:
        links.put_links(conn, cid, [links.LinkRow("commitment", "P1@1", "9")])
    with database.begin() as conn:
        edge = retention.oldest_kept_run(conn, NOW - timedelta(days=400))
        assert edge == young
        after, went, looks = 0, 0, 0
        while True:
            batch = retention.purge_intents(conn, edge, after, 2)
            went, after, looks = went + batch.gone, batch.after, looks + 1
            if not after:
                break
        left = [row[0] for row in bulk.fetch(conn, "SELECT id FROM intents ORDER BY id")]
        states = [row[0] for row in bulk.fetch(conn, "SELECT id FROM intent_states ORDER BY id")]
    assert left == states == [newest, waits, recent]
    assert (went, looks) == (4, 3)
    assert {first, refused, *gone}.isdisjoint(left)


def test_runs_go_with_their_plans_once_they_have_no_step_left(database: Database, cid: int) -> None:
    empty, full = (_run(database, cid, NOW - timedelta(days=500)) for _ in range(2))
    young = _run(database, cid, NOW)
    _step(database, cid, full, "P2", "unknown")
    with database.begin() as conn:
        for run in (empty, full, young):
            runs.keep_plan(conn, cid, run, f"plan-{run}", {})
        assert retention.oldest_kept_run(conn, NOW + timedelta(days=1)) == young + 1
        edge = retention.oldest_kept_run(conn, NOW - timedelta(days=400))
        assert retention.purge_runs(conn, edge, 100) == 1
        assert [row.id for row in runs.list_runs(conn, cid)] == [young, full]
        assert {row.hash for row in runs.list_plans(conn, cid)} == {f"plan-{full}", f"plan-{young}"}


def test_events_that_wait_stay_however_old_they_are(database: Database, cid: int) -> None:
    with database.begin() as conn:
        for number, state in enumerate(("new", "taken", "done", "echo", "refused")):
            columns = "connection_id, source, event, body, state, received_at"
            values = (cid, "procore", str(number), b"{}", state, NOW - timedelta(days=60))
            bulk.run(conn, f"INSERT INTO inbox ({columns}) VALUES (%s, %s, %s, %s, %s, %s)", values)
        assert retention.purge_inbox(conn, NOW - timedelta(days=30), 2) == 2
        assert retention.purge_inbox(conn, NOW - timedelta(days=30), 2) == 1
        assert [row[0] for row in bulk.fetch(conn, "SELECT state FROM inbox ORDER BY id")] == ["new", "taken"]
        assert retention.purge_told(conn, NOW) == 0
        assert retention.purge_holds(conn, NOW, 10) == 0


def test_days_are_read_and_those_that_contradict_each_other_refused() -> None:
    assert retention_from("") == Retention(90, 400, 30, 14)
    assert retention_from("evidence=60, journal=1100") == Retention(60, 1100, 30, 14)
    for wrong in ("evidence", "evidence=-1", "audit=90", "journal=80", "evidence=10", "evidence=0x5"):
        with pytest.raises(BadInput):
            retention_from(wrong)
    assert month_over(APRIL, 90, datetime(2026, 6, 30, tzinfo=UTC))
    assert not month_over(APRIL, 90, datetime(2026, 6, 29, 23, tzinfo=UTC))
