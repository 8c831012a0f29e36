"""Runs, plans, connections, mappings and the right to write: one writer, one approval, nothing taken over."""

from __future__ import annotations

import re

import pytest

from ml_connector.kernel.errors import BadInput, Locked, NothingSuchHere, PlanUnknown, Unavailable
from ml_connector.kernel.keys import content_hash
from ml_connector.store import bulk, connections, links, mappings, partitions, runs
from ml_connector.store.connections import SecretRow
from ml_connector.store.postgres import Database
from ml_connector.store.runs import NewRun, RunEnd

_NEW = NewRun(("vendors", "orders"), "person", "anna", 3)


def test_a_still_database_shows_one_moment_and_writes_nothing(database: Database, cid: int) -> None:
    with database.still() as still:
        with still.begin() as conn:
            assert runs.list_runs(conn, cid) == []
        with database.begin() as conn:
            run = runs.start_run(conn, cid, _NEW)
        with still.begin() as conn:
            assert runs.list_runs(conn, cid) == []
    with database.begin() as conn:
        assert [found.id for found in runs.list_runs(conn, cid)] == [run]


def test_a_run_is_written_down_when_it_begins_and_when_it_ends(database: Database, cid: int) -> None:
    with database.begin() as conn:
        run = runs.start_run(conn, cid, _NEW)
        assert runs.get_run(conn, cid, run).state == "running"
        runs.finish_run(conn, run, RunEnd("done", {"orders": {"created": 2}}, {"projects": 5}))
        row = runs.get_run(conn, cid, run)
        assert (row.flows, row.state, row.counts, row.finished_at is None) == (
            ["vendors", "orders"],
            "done",
            {"orders": {"created": 2}},
            False,
        )
        later = runs.start_run(conn, cid, _NEW)
        assert [found.id for found in runs.list_runs(conn, cid)] == [later, run]
        assert [found.id for found in runs.list_runs(conn, before=later)] == [run]
        sought = {"state": "done", "trigger": "person", "actor": "anna", "flow": "orders"}
        assert [found.id for found in runs.list_runs(conn, cid, sought=runs.Sought(**sought))] == [run]
        for field in sought:
            assert not runs.list_runs(conn, cid, sought=runs.Sought(**{**sought, field: "another"}))
        last = runs.start_run(conn, cid, _NEW)
        assert runs.fail_left_over(conn, cid, last) == [later]
        assert runs.get_run(conn, cid, last).state == "running"
        with pytest.raises(NothingSuchHere):
            runs.get_run(conn, cid + 1, run)


def test_an_approval_holds_for_the_same_plan_until_it_was_applied(database: Database, cid: int) -> None:
    with database.begin() as conn:
        assert runs.keep_plan(conn, cid, 1, "ab12", {"create": 1}).state == "kept"
        assert runs.approve_plan(conn, cid, "ab12", "anna").approved_by == "anna"
        again = runs.keep_plan(conn, cid, 2, "ab12", {"create": 1})
        assert (again.state, again.approved_by, again.run_id) == ("approved", "anna", 2)
        runs.set_plan_state(conn, cid, "ab12", "applied")
        anew = runs.keep_plan(conn, cid, 3, "ab12", {})
        assert (anew.state, anew.approved_by, anew.approved_at) == ("kept", "", None)
        runs.keep_plan(conn, cid, 4, "ab99", {})
        assert runs.supersede_plans(conn, cid, besides="ab99") == 1
        for name in ("ab12", "zz"):
            with pytest.raises(PlanUnknown):
                runs.approve_plan(conn, cid, name, "anna")
        assert runs.get_plan(conn, cid, "ab9").hash == "ab99"
        with pytest.raises(PlanUnknown):
            runs.get_plan(conn, cid, "ab")
        assert [row.hash for row in runs.list_plans(conn, cid)] == ["ab99", "ab12"]


def test_who_asked_for_a_plan_first_stays_as_long_as_it_waits(database: Database, cid: int) -> None:
    with database.begin() as conn:
        assert runs.keep_plan(conn, cid, 1, "cd34", {}).asked_by == "", "a schedule is nobody"
        assert runs.keep_plan(conn, cid, 2, "cd34", {}, runs.Asked("olga", approving=True)).asked_by == ""
        assert runs.keep_plan(conn, cid, 3, "cd34", {}, runs.Asked("olga")).asked_by == "olga"
        assert runs.keep_plan(conn, cid, 4, "cd34", {}, runs.Asked("anna")).asked_by == "olga"
        runs.set_plan_state(conn, cid, "cd34", "partly")
        assert runs.keep_plan(conn, cid, 5, "cd34", {}, runs.Asked("anna")).state == "partly"
        runs.set_plan_state(conn, cid, "cd34", "applied")
        anew = runs.keep_plan(conn, cid, 6, "cd34", {}, runs.Asked("anna", approving=True))
        assert (anew.state, anew.asked_by) == ("kept", "anna"), "whoever brings it back asks for it"


def test_connections_are_added_changed_and_removed_with_care(database: Database, cid: int) -> None:
    with database.begin() as conn:
        with pytest.raises(BadInput, match="already"):
            connections.add(conn, "acme", "", {})
        connections.update(conn, cid, config={"schedule": "daily"})
        connections.update(conn, cid, title="Acme")
        row = connections.get(conn, "acme")
        assert (row.title, row.config) == ("Acme", {"schedule": "daily"})
        links.put_links(conn, cid, [links.LinkRow("vendor", "S1", "501")])
        with pytest.raises(BadInput, match="forgets what is linked"):
            connections.remove(conn, cid)
        connections.remove(conn, cid, force=True)
        assert links.links_of(conn, cid, "vendor") == []
        with pytest.raises(NothingSuchHere):
            connections.get(conn, "acme")
        with pytest.raises(NothingSuchHere):
            connections.update(conn, cid, title="x")


def test_removing_leaves_nothing_of_the_connection_but_its_audit(database: Database, cid: int) -> None:
    with database.begin() as conn:
        sql = "SELECT table_name FROM information_schema.columns WHERE column_name = 'connection_id' ORDER BY 1"
        months = {month.name for month in partitions.months(conn)}
        owned = {row[0] for row in bulk.fetch(conn, sql)} - months
    assert owned - set(connections._OWNED) == {"audit", "audit_heads"}


def test_sealed_secrets_are_kept_as_they_are(database: Database, cid: int) -> None:
    with database.begin() as conn:
        assert not connections.has_secrets(conn)
        connections.put_secrets(conn, [SecretRow(cid, "erp_client_secret", b"n" * 12, b"\x00sealed", "k1")])
        connections.put_secrets(conn, [SecretRow(cid, "erp_client_secret", b"m" * 12, b"\x01sealed", "k2")])
        assert connections.secrets_of(conn, cid) == [
            SecretRow(cid, "erp_client_secret", b"m" * 12, b"\x01sealed", "k2")
        ]
        assert connections.all_secrets(conn) == connections.secrets_of(conn, cid)
        assert connections.has_secrets(conn)


def test_a_mapping_gets_a_version_only_when_it_changed(database: Database, cid: int) -> None:
    with database.begin() as conn:
        assert mappings.latest(conn, cid) is None
        versions = [mappings.put(conn, cid, text, "anna") for text in ("a = 1", "a = 1", "a = 2", "a = 1")]
        assert versions == [1, 1, 2, 3]
        assert mappings.get(conn, cid, 2).hash == content_hash(b"a = 2")
        assert [row.version for row in mappings.listed(conn, cid)] == [3, 2, 1]
        with pytest.raises(NothingSuchHere):
            mappings.get(conn, cid, 9)


def test_a_second_writer_is_told_who_holds_the_right(database: Database, cid: int) -> None:
    with database.writer(cid) as lock:
        lock.check()
        with database.writer(cid + 1):
            pass
        with pytest.raises(Locked) as caught, database.writer(cid):
            pass
        assert re.search(r"ml-connector \d+@\S+ writer", str(caught.value))
    with database.writer(cid):
        pass


def test_a_writer_whose_session_was_ended_learns_it_before_the_next_batch(database: Database, cid: int) -> None:
    with database.writer(cid) as lock:
        with database.begin() as conn:
            sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%%writer%%'"
            bulk.fetch(conn, sql + " AND datname = current_database()")
        with pytest.raises(Unavailable, match="right to write"):
            lock.check()
