"""An auditor's questions: was a row changed, taken out, put elsewhere, or cut off the end?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ml_connector.kernel.errors import Bug
from ml_connector.store import audit, bulk, connections
from ml_connector.store.postgres import Database
from ml_connector.store.tags import TAGS, tag

_NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


def _fill(database: Database, cid: int, number: int = 10) -> audit.Head:
    rows = [
        audit.AuditEntry(
            at=_NOON + timedelta(seconds=place),
            actor="engine",
            tag=tag("vendor", "create"),
            kind="vendor",
            erp_id=f"S{place}",
            run_id=1,
            details='{"amount":"12.50"}',
        )
        for place in range(number)
    ]
    with database.begin() as conn:
        audit.append(conn, cid, rows[: number // 2])
    with database.begin() as conn:
        audit.append(conn, cid, rows[number // 2 :])
        return audit.head(conn, cid)


def _tamper(database: Database, *statements: str) -> None:
    with database.begin() as conn:
        for statement in ("ALTER TABLE audit DISABLE TRIGGER ALL", *statements, "ALTER TABLE audit ENABLE TRIGGER ALL"):
            bulk.run(conn, statement)


def _faults(database: Database, cid: int, kept: audit.Head | None = None) -> list[str]:
    with database.begin() as conn:
        return audit.verify(conn, cid, kept)


def test_a_chain_nobody_touched_is_whole(database: Database, cid: int) -> None:
    end = _fill(database, cid)
    assert end.seq == 10
    assert _faults(database, cid, end) == []
    with database.begin() as conn:
        assert audit.head(conn, cid) == end
        newest = audit.entries(conn, cid, limit=2)
        assert [row.seq for row in newest] == [10, 9]
        assert newest[0].entry.at == _NOON + timedelta(seconds=9)
        assert [row.seq for row in audit.entries(conn, cid, erp_id="S3")] == [4]
        assert audit.chains(conn) == [cid]


def test_a_slice_boundary_breaks_nothing(database: Database, cid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_SLICE", 5)
    _fill(database, cid)
    assert _faults(database, cid) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit WHERE false", "TRUNCATE audit"]
)
def test_rows_cannot_be_changed_or_removed_by_the_program(database: Database, cid: int, statement: str) -> None:
    _fill(database, cid)
    with pytest.raises(Bug, match="never changed or removed"), database.begin() as conn:
        bulk.run(conn, statement)
    assert _faults(database, cid) == []


@pytest.mark.parametrize(
    "change",
    [
        'details = \'{"amount":"12.51"}\'',
        "actor = 'enginf'",
        "at = at + interval '1 microsecond'",
        "tag = 'vendor:create:refused'",
        "kind = 'project'",
        "erp_id = 'S99'",
        "run_id = 2",
    ],
)
def test_a_changed_byte_is_found(database: Database, cid: int, change: str) -> None:
    _fill(database, cid)
    _tamper(database, f"UPDATE audit SET {change} WHERE seq = 4")
    assert any("Row 4" in fault and "changed" in fault for fault in _faults(database, cid))


def test_a_change_with_its_hash_made_anew_is_found_by_the_next_row(database: Database, cid: int) -> None:
    _fill(database, cid)
    with database.begin() as conn:
        row = audit.entries(conn, cid, before=5, limit=1)[0]
        before = audit.entries(conn, cid, before=4, limit=1)[0].hash
    forged = audit._hash(before, cid, 4, audit.AuditEntry(row.entry.at, "nobody", row.entry.tag))
    _tamper(
        database,
        "UPDATE audit SET actor = 'nobody', kind = '', erp_id = '', run_id = 0, details = '{}', "
        f"hash = '\\x{forged.hex()}' WHERE seq = 4",
    )
    assert _faults(database, cid) == ["Row 5 does not follow row 4: one of them was exchanged or changed."]


def test_a_missing_row_is_found(database: Database, cid: int) -> None:
    _fill(database, cid)
    _tamper(database, "DELETE FROM audit WHERE seq = 6")
    assert "Rows 6 to 6 are missing." in _faults(database, cid)


def test_two_rows_that_changed_places_are_found(database: Database, cid: int) -> None:
    _fill(database, cid)
    _tamper(
        database,
        "UPDATE audit SET seq = -1 WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = 7",
        "UPDATE audit SET seq = 7 WHERE seq = -1",
    )
    faults = _faults(database, cid)
    assert any("Row 3" in fault for fault in faults)
    assert any("Row 7" in fault for fault in faults)


def test_rows_cut_off_the_end_are_found(database: Database, cid: int) -> None:
    _fill(database, cid)
    _tamper(database, "DELETE FROM audit WHERE seq > 7")
    assert _faults(database, cid) == ["The chain should end at row 10, and ends at row 7."]


def test_a_chain_rewritten_with_its_head_is_found_by_an_end_noted_earlier(database: Database, cid: int) -> None:
    noted = _fill(database, cid)
    with database.begin() as conn:
        seventh = audit.entries(conn, cid, before=8, limit=1)[0]
    _tamper(
        database,
        "DELETE FROM audit WHERE seq > 7",
        f"UPDATE audit_heads SET seq = 7, hash = '\\x{seventh.hash.hex()}'",
    )
    assert _faults(database, cid) == []
    assert _faults(database, cid, noted) == ["The chain was noted to reach row 10, and ends at row 7."]
    with database.begin() as conn:
        audit.append(conn, cid, [audit.AuditEntry(_NOON, "thief", tag("run", "start"))] * 3)
    assert _faults(database, cid, noted) == ["Row 10 is not the row that was noted: the chain was rewritten."]


def _stretches(database: Database, cid: int, start: audit.Head, rows: int) -> tuple[list[str], audit.Head]:
    faults: list[str] = []
    while True:
        with database.begin() as conn:
            stretch = audit.verify_on(conn, cid, start, rows)
        faults, start = faults + stretch.faults, stretch.head
        if stretch.ended:
            return faults, start


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET actor = 'eve' WHERE seq = 4",
        "DELETE FROM audit WHERE seq = 6",
        "DELETE FROM audit WHERE seq > 7",
        "UPDATE audit_heads SET hash = sha256('x')",
    ],
)
def test_a_chain_is_checked_in_stretches_as_it_is_in_one(database: Database, cid: int, change: str) -> None:
    end = _fill(database, cid)
    assert _stretches(database, cid, audit.START, 3) == ([], end)
    assert audit.head_from(str(end)) == end
    assert _stretches(database, cid, end, 3) == ([], end)
    _tamper(database, change)
    whole = _faults(database, cid)
    assert whole
    assert _stretches(database, cid, audit.START, 100)[0] == whole
    assert set(_stretches(database, cid, audit.START, 3)[0]) >= set(whole)


def test_a_stretch_from_a_noted_end_finds_that_it_was_rewritten(database: Database, cid: int) -> None:
    noted = _fill(database, cid)
    with database.begin() as conn:
        audit.append(conn, cid, [audit.AuditEntry(_NOON, "engine", tag("run", "start"))] * 2)
        later = audit.head(conn, cid)
    assert _stretches(database, cid, noted, 1) == ([], later)
    _tamper(database, "UPDATE audit SET hash = sha256('x') WHERE seq = 10")
    assert "Row 10 is not the row that was noted: the chain was rewritten." in _stretches(database, cid, noted, 1)[0]
    _tamper(database, "DELETE FROM audit WHERE seq > 7", "UPDATE audit_heads SET seq = 7")
    assert _stretches(database, cid, noted, 1)[0][0] == "The chain was noted to reach row 10, and ends at row 7."


def test_chains_are_apart_and_outlive_their_connection(database: Database, cid: int) -> None:
    end = _fill(database, cid)
    with database.begin() as conn:
        audit.append(conn, audit.INSTALLATION, [audit.AuditEntry(_NOON, "admin", tag("vault", "rotate"))])
        connections.remove(conn, cid)
        assert audit.chains(conn) == [0, cid]
    assert _faults(database, cid, end) == []
    assert _faults(database, 0) == []


def test_a_tag_off_the_list_is_our_bug_and_nothing_is_kept(database: Database, cid: int) -> None:
    with pytest.raises(Bug, match="vendor:paint:done"), database.begin() as conn:
        audit.append(conn, cid, [audit.AuditEntry(_NOON, "engine", "vendor:paint:done")])
    with database.begin() as conn:
        assert audit.head(conn, cid).seq == 0


def test_tags_have_three_words() -> None:
    assert all(len(word.split(":")) == 3 and word == word.lower() for word in TAGS)
