"""The audit trail: found by any filter alone and with others, given away whole, and proved to be whole."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ml_connector.access.permissions import Role, permissions_of
from ml_connector.access.principal import Principal
from ml_connector.actions import audit as acts
from ml_connector.actions.perform import perform
from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, NotAllowed, NothingSuchHere
from ml_connector.service import proving
from ml_connector.service.duty import Done, Duty
from ml_connector.settings import Settings
from ml_connector.store import audit, bulk
from ml_connector.views.audit import AuditLook, Row, every, page, proof
from ml_connector.views.trail_files import trail_file
from store.cluster import Cluster

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROWS = 12_000
"""Rows of the trail: one a minute; more than an export takes at a time."""
TAGS = ("commitment:create:done", "hold:open:done", "commitment:fill:done")


def entry(number: int) -> audit.AuditEntry:
    """The row of that number: a rare actor each thousandth, a rare tag each two thousandth."""
    rare = number % 1000 == 0
    tag = "plan:approve:done" if number % 2000 == 0 else TAGS[number % 3]
    at = NOON + timedelta(minutes=number) - timedelta(seconds=90 if number % 10 == 0 else 0)  # clocks differ a little
    details = bulk.json_text({"money": "=1+1", "n": number})
    who = "anna" if rare else "service"
    return audit.AuditEntry(at, who, tag, "order", f"P{number % 500}", number // 100 + 1, details)


@pytest.fixture(scope="module")
def app(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A connection `north` whose zone is Chicago's, with a long trail."""
    url = cluster.new_url()
    with App.open(Settings(tmp_path_factory.mktemp("audit"), url), actor="service") as opened:
        with opened.db.begin() as conn:
            sql = "INSERT INTO connections (name, title, config) VALUES ('north', 'North', %s) RETURNING id"
            config = {
                "connection": {"erp_company": "10", "time_zone": "America/Chicago"},
                "erp": {"system": "ifs", "url": "https://ifs.example", "realm": "x", "client_id": "y"},
                "projects": {
                    "system": "procore",
                    "url": "https://procore.example",
                    "login_url": "https://login.example",
                    "company_id": "1",
                    "client_id": "y",
                },
            }
            number = bulk.fetch(conn, sql, (msgspec.json.encode(config).decode(),))[0][0]
            audit.append(conn, number, [entry(n) for n in range(1, ROWS + 1)])
            conn.exec_driver_sql("ANALYZE audit")
        yield opened
    cluster.drop(url)


def look(**given: Any) -> AuditLook:
    return AuditLook(connection="north", **given)


def numbers(app: App, **given: Any) -> list[int]:
    return [row.seq for row in page(app, look(**given)).rows]


def all_of(app: App, **given: Any) -> list[int]:
    return [row.seq for batch in every(app, look(**given)) for row in batch]


def test_pages_follow_each_other_without_a_gap(app: App) -> None:
    first = page(app, look(size=30))
    assert [row.seq for row in first.rows] == list(range(ROWS, ROWS - 30, -1))
    assert numbers(app, size=30, before=first.next) == list(range(ROWS - 30, ROWS - 60, -1))
    last = page(app, look(before=6))
    assert ([row.seq for row in last.rows], last.next) == ([5, 4, 3, 2, 1], 0)
    oldest = page(app, look(size=30, oldest=True, before=7))
    assert ([row.seq for row in oldest.rows], oldest.next) == (list(range(1, 7)), 0)
    oldest = page(app, look(size=30, oldest=True))
    assert numbers(app, size=30, oldest=True, after=oldest.next) == list(range(31, 61))
    assert numbers(app, size=30, after=ROWS - 3) == [ROWS, ROWS - 1, ROWS - 2], "whichever comes first"
    assert all_of(app, before=40, after=35) == [39, 38, 37, 36]
    assert all_of(app, oldest=True, actor="anna") == list(range(1000, ROWS + 1, 1000))
    assert page(app, look(oldest=True, after=ROWS - 5)).next == 0
    row = last.rows[0]
    assert (row.record, row.run, row.details, row.actor) == ("P5", 1, {"money": "=1+1", "n": 5}, "service")
    assert (first.actors, first.tags) == (["anna", "service"], sorted({*TAGS, "plan:approve:done"}))


def right(**given: Any) -> Callable[[int], bool]:
    """Whether a row is meant by some filters, told from how it was made."""

    def meant(number: int) -> bool:
        made = entry(number)
        found = {"actor": made.actor, "tag": made.tag, "record": made.erp_id, "run": made.run_id}
        return found.items() >= given.items()

    return meant


@pytest.mark.parametrize(
    "given",
    [
        {"actor": "anna"},
        {"tag": "plan:approve:done"},
        {"record": "P77"},
        {"run": 7},
        {"actor": "anna", "tag": TAGS[1]},
        {"tag": TAGS[0], "run": 100},
        {"record": "P0", "actor": "anna", "run": 11},
        {"actor": "nobody"},
        {"run": 4000},
    ],
    ids=str,
)
def test_every_filter_finds_what_it_means_and_nothing_else(app: App, given: dict[str, Any]) -> None:
    meant = right(**given)
    assert all_of(app, **given) == [n for n in range(ROWS, 0, -1) if meant(n)]


def test_times_are_those_of_the_connection_and_a_day_goes_to_its_end(app: App) -> None:
    day = all_of(app, since="2026-11-04", until="2026-11-04", tag=TAGS[0])
    begin = datetime(2026, 11, 4, 6, tzinfo=UTC)  # midnight in Chicago
    meant = [
        n for n in range(ROWS, 0, -1) if entry(n).tag == TAGS[0] and begin <= entry(n).at < begin + timedelta(days=1)
    ]
    assert day == meant
    assert 3960 in day, "a row whose clock was late is among them"
    late = all_of(app, since="2026-11-10T10:00:00+01:00", actor="anna")
    assert late == [n for n in range(ROWS, 0, -1000) if entry(n).at >= datetime(2026, 11, 10, 9, tzinfo=UTC)]
    assert all_of(app, since="2027-01-01") == all_of(app, until="2026-01-01") == []


def test_what_is_typed_is_only_looked_for(app: App) -> None:
    assert numbers(app, record="order:P77", size=2) == [11_577, 11_077]
    assert numbers(app, actor="anna\x00", size=1) == [12_000]
    assert numbers(app, actor="' OR 1=1 --") == []
    for wrong in ("tomorrow", "0001-01-01", "9999-12-31T23:59:59+00:00", "2026-13-01"):
        with pytest.raises(BadInput, match="no time"):
            numbers(app, since=wrong)
    with pytest.raises(NothingSuchHere):
        page(app, AuditLook(connection="south"))


def test_no_filter_reads_the_whole_trail(app: App) -> None:
    """A million rows are the bench's; here it is proved that none of the statements looks at more than a page."""
    sql = """
        SELECT sum(idx_tup_fetch + seq_tup_read)::bigint FROM pg_stat_user_tables WHERE relname = 'audit'
    """

    def read() -> int:
        with app.db.begin() as conn:
            conn.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        with app.db.begin() as conn:
            return int(conn.exec_driver_sql(sql).scalar_one())

    first = {"actor": "anna", "oldest": True, "after": 3000}
    below = {"actor": "anna", "before": 3000}
    for given in ({"tag": "plan:approve:done"}, below, {"run": 3}, {"since": "2026-11-09"}, first):
        before = read()
        page(app, look(**given, size=20))
        assert read() - before < 400, given


def test_the_whole_trail_is_given_away_in_every_form_and_no_cell_is_a_formula(app: App) -> None:
    lines = b"".join(part.data for part in trail_file("jsonl", every(app, look()))).splitlines()
    assert len(lines) == ROWS
    assert msgspec.json.decode(lines[0])["record"] == "order:P0"
    rows = [msgspec.structs.replace(row, record="=HYPERLINK(1)", kind="") for row in first_rows(app)]
    text = b"".join(part.data for part in trail_file("csv", [rows])).decode("utf-8-sig")
    found = list(csv.reader(io.StringIO(text)))
    assert [cell[:4] for cell in found[1]] == ["1200", "2026", "anna", "plan", "'=HY", "121", '{"mo', found[1][7][:4]]
    parts = list(trail_file("xlsx", [rows, rows]))
    assert sum(part.rows for part in parts) == 2 * len(rows)
    with zipfile.ZipFile(io.BytesIO(b"".join(part.data for part in parts))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "=HYPERLINK(1)" in sheet
    assert "<f>" not in sheet
    with pytest.raises(BadInput, match="cannot be had"):
        trail_file("exe", [])


def first_rows(app: App) -> list[Row]:
    return page(app, look(size=3)).rows


def worked(app: App, name: str) -> Done:
    return proving.verify(Duty(app, "verify", app.connection(name) if name else None, {"actor": "otto"}))


def known(name: str, role: Role) -> Principal:
    return Principal(user_id=1, name=name, title=name, role=role, permissions=permissions_of(role))


def test_it_is_proved_whole_by_a_job_and_a_changed_row_is_found(app: App) -> None:
    assert proof(app, "north").whole_to == 0
    with pytest.raises(NotAllowed):
        perform(app, known("vera", Role.VIEWER), acts.VERIFY, acts.VerifyGiven("north"))
    asked = perform(app, known("otto", Role.OPERATOR), acts.VERIFY, acts.VerifyGiven("north"))
    assert (asked.task, asked.workers, proof(app, "north").at_work) == ("verify", False, True)
    began = time.perf_counter()
    assert worked(app, "north").well
    assert time.perf_counter() - began < 5
    with app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM agenda")
    found = proof(app, "north")
    assert (found.whole_to, found.rows, found.broken, found.at_work) == (ROWS + 1, ROWS + 2, "", False)
    assert found.verified_at is not None
    assert page(app, look(size=1)).rows[0].tag == "audit:verify:done"
    with app.db.begin() as conn:
        conn.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER ALL")
        conn.exec_driver_sql("UPDATE audit SET actor = 'eve' WHERE seq = 1")
    worked(app, "north")
    assert "was changed after it was written" in proof(app, "north").broken
    assert page(app, look(size=1)).rows[0].tag == "audit:verify:refused"


def test_the_installation_has_a_trail_of_its_own(app: App) -> None:
    with app.db.begin() as conn:
        audit.append(conn, 0, [audit.AuditEntry(NOON, "adam", "user:add:done", "user", "vera")])
    assert worked(app, "").well
    found = page(app, AuditLook())
    assert [(row.seq, row.tag) for row in found.rows] == [(2, "audit:verify:done"), (1, "user:add:done")]
    assert (found.proof.whole_to, found.proof.broken) == (1, "")
