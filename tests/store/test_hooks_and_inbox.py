"""Hooks and what came by them: kept once, told to who listens, taken, settled, given back, forgotten."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from ml_connector.store import bulk, connections, hooks, inbox
from ml_connector.store.hooks import HookRow, new_authorization, new_slug, secret_hash
from ml_connector.store.inbox import EventRow
from ml_connector.store.postgres import Database

AT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def _event(cid: int, number: int, **over: object) -> EventRow:
    given: dict[str, object] = {"event": f"E{number:03}", "body": b'{"a": "\xc3\xa9"}', "record": str(number)}
    return EventRow(connection_id=cid, **(given | over))  # type: ignore[arg-type]


def _keep(database: Database, *events: EventRow) -> list[bool | None]:
    with database.begin() as conn:
        return inbox.keep(conn, events)


def _states(database: Database) -> dict[str, str]:
    with database.begin() as conn:
        return dict(bulk.fetch(conn, "SELECT event, state FROM inbox"))  # type: ignore[arg-type]


def test_a_hook_is_kept_without_its_secret_and_found_with_its_company(database: Database) -> None:
    config = {"projects": {"company_id": "4264807"}, "connection": {"erp_company": "10"}}
    secret = new_authorization()
    with database.begin() as conn:
        cid = connections.add(conn, "north", "", config)
        row = HookRow(
            connection_id=cid, slug=new_slug(), secret_hash=secret_hash(secret), version="v4.0", project="310"
        )
        own = HookRow(connection_id=cid, slug=new_slug(), secret_hash=secret_hash("x"), source="ifs")
        hooks.put(conn, row)
        hooks.put(conn, own)
        assert hooks.of_connection(conn, cid) == [row, own]
        found = hooks.find(conn, "north", row.slug)
        assert found
        assert (found.connection_id, found.company, found.source) == (cid, "4264807", "procore")
        assert found.secret_hash == secret_hash(secret.encode())
        assert {one.slug: one.company for one in hooks.at_the_door(conn)} == {row.slug: "4264807", own.slug: "10"}
        assert hooks.find(conn, "south", row.slug) is None
        hooks.set_state(conn, cid, row.slug, "gone")
        assert hooks.find(conn, "north", row.slug) is None
        assert hooks.of_connection(conn, cid)[0].synced_at is not None
        hooks.remove(conn, cid, row.slug)
        assert hooks.of_connection(conn, cid) == [own]
        assert secret.removeprefix("Bearer ").encode() not in str(bulk.fetch(conn, "SELECT * FROM hooks")).encode()


def test_no_two_slugs_and_no_two_secrets_are_alike() -> None:
    assert len({new_slug() for _ in range(200)} | {new_authorization() for _ in range(200)}) == 400
    assert min(len(new_authorization()) for _ in range(20)) >= 40


def test_an_event_is_kept_once_within_a_batch_and_across_batches(database: Database, cid: int) -> None:
    assert _keep(database) == []
    assert _keep(database, _event(cid, 2), _event(cid, 1), _event(cid, 2)) == [True, True, False]
    assert _keep(database, _event(cid, 1), _event(cid, 3), _event(cid, 1, source="sweep")) == [False, True, True]
    with database.begin() as conn:
        assert inbox.known(conn, cid, "procore", ["E001", "E003", "E009"]) == {"E001", "E003"}
        assert bulk.fetch(conn, "SELECT name, value FROM counters") == [(inbox.AGAIN, 2)]


def test_an_event_of_a_connection_that_is_gone_is_not_kept(database: Database, cid: int) -> None:
    assert _keep(database, _event(cid + 99, 1), _event(cid, 1)) == [None, True]
    assert len(_states(database)) == 1


def test_who_listens_is_told_after_the_commit_and_only_of_news(database: Database, cid: int) -> None:
    with psycopg.connect(database.conninfo, autocommit=True) as listener:
        listener.execute(f"LISTEN {inbox.CHANNEL}")
        with database.begin() as conn:
            inbox.keep(conn, [_event(cid, 1), _event(cid, 2)])
            assert list(listener.notifies(timeout=0.05)) == []
        assert [note.payload for note in listener.notifies(timeout=1, stop_after=1)] == [str(cid)]
        _keep(database, _event(cid, 1))
        assert list(listener.notifies(timeout=0.05)) == []


def test_the_commit_waits_for_the_disk_whatever_the_default_is(database: Database, cid: int) -> None:
    with database.begin() as conn:
        bulk.run(conn, "SET LOCAL synchronous_commit = off")
        inbox.keep(conn, [_event(cid, 1)])
        assert bulk.fetch(conn, "SHOW synchronous_commit") == [("on",)]


def test_two_doors_with_the_same_events_in_another_order_do_not_wait_for_each_other(
    database: Database, cid: int
) -> None:
    rows = [_event(cid, number) for number in range(40)]
    errors: list[Exception] = []

    def keep(batch: list[EventRow]) -> None:
        try:
            for _ in range(10):
                _keep(database, *batch)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=keep, args=(batch,)) for batch in (rows, rows[::-1])]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    assert len(_states(database)) == 40


def test_taken_settled_and_given_back(database: Database, cid: int) -> None:
    _keep(database, *(_event(cid, number, happened_at=AT, slug="s") for number in range(5)))
    with database.begin() as conn:
        assert inbox.connections_with_new(conn) == [cid]
        first = inbox.take(conn, cid, 2)
        assert [(row.event, row.state, row.happened_at, row.body) for row in first] == [
            ("E000", "taken", AT, b'{"a": "\xc3\xa9"}'),
            ("E001", "taken", AT, b'{"a": "\xc3\xa9"}'),
        ]
        assert [row.event for row in inbox.take(conn, cid, 2)] == ["E002", "E003"]
        assert inbox.settle(conn, [row.id for row in first], "done", "looked at", 7) == 2
        assert inbox.settle(conn, [], "done") == 0
        waiting = inbox.counts(conn)[cid]
        assert (waiting.new, waiting.taken) == (1, 2)
        assert inbox.give_back(conn, cid) == 2
        assert [row.event for row in inbox.take(conn, cid, 10)] == ["E002", "E003", "E004"]
        assert inbox.connections_with_new(conn) == []
    assert _states(database) == {"E000": "done", "E001": "done"} | {f"E00{n}": "taken" for n in (2, 3, 4)}


def test_two_who_take_at_the_same_time_never_take_the_same(database: Database, cid: int) -> None:
    _keep(database, *(_event(cid, number) for number in range(4)))
    with database.begin() as one, database.begin() as other:
        mine, theirs = inbox.take(one, cid, 2), inbox.take(other, cid, 4)
    assert [row.event for row in mine] == ["E000", "E001"]
    assert [row.event for row in theirs] == ["E002", "E003"]


def test_only_what_is_done_with_is_forgotten(database: Database, cid: int) -> None:
    _keep(database, *(_event(cid, number) for number in range(3)))
    later = datetime.now(UTC) + timedelta(hours=1)
    with database.begin() as conn:
        taken = inbox.take(conn, cid, 2)
        inbox.settle(conn, [taken[0].id], "done")
        assert inbox.purge(conn, datetime.now(UTC) - timedelta(hours=1)) == 0
        assert inbox.purge(conn, later) == 1
    assert _states(database) == {"E001": "taken", "E002": "new"}


@pytest.mark.parametrize("count", [1, 700])
def test_a_batch_is_one_statement(database: Database, cid: int, count: int) -> None:
    assert all(_keep(database, *(_event(cid, number, event=f"E{number}") for number in range(count))))
    with database.begin() as conn:
        assert bulk.fetch(conn, "SELECT count(*), count(DISTINCT cmin::text) FROM inbox") == [(count, 1)]
