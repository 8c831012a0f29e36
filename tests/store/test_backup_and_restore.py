"""Everything in one file and back, across a lost home, another database and another major version."""

from __future__ import annotations

import shutil
import stat
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ml_connector.kernel.errors import BadInput, DatabaseTrouble
from ml_connector.store import audit, bulk, connections, links, migrate, partitions
from ml_connector.store import backup as backups
from ml_connector.store.backup import backup, restore
from ml_connector.store.binaries import Account, programs
from ml_connector.store.postgres import Database, embedded_conninfo
from ml_connector.store.server import EmbeddedServer
from ml_connector.store.tags import tag

from .cluster import Cluster


def _fill(database: Database) -> int:
    entry = audit.AuditEntry(datetime(2026, 3, 2, tzinfo=UTC), "anna", tag("connection", "add"))
    with database.begin() as conn:
        cid = connections.add(conn, "books", "", {"schedule": "hourly"})
        links.put_links(conn, cid, [links.LinkRow("vendor", "S1", "501", base=b"\x00agreed")])
        audit.append(conn, cid, [entry] * 3)
    return cid


def _check(database: Database, cid: int) -> None:
    with database.begin() as conn:
        assert connections.get(conn, "books").id == cid
        assert links.load_links(conn, cid, "vendor", ["S1"])["S1"].base == b"\x00agreed"
        assert audit.verify(conn, cid) == []
        assert connections.add(conn, "next", "", {}) > cid
    with pytest.raises(Exception, match="never changed"), database.begin() as conn:
        bulk.run(conn, "DELETE FROM audit")


def test_a_lost_home_comes_back_from_its_backup(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "books.backup"
    with Database.open(home, None) as database:
        cid = _fill(database)
        made = backup(home, None, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (made.connections, made.revision, made.size) == (1, migrate.HEAD, file.stat().st_size)
    assert made.heads[cid].startswith("3:")
    assert list(tmp_path.glob("*.part")) == []
    shutil.rmtree(home)
    assert restore(home, None, file).heads == made.heads
    with Database.open(home, None) as database:
        _check(database, cid)


def test_what_is_said_of_a_backup_is_what_it_holds_while_work_goes_on(
    cluster: Cluster, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cid, dump = _fill(database), backups._tool

    def at_work() -> None:
        with database.begin() as conn:
            audit.append(conn, cid, [audit.AuditEntry(datetime(2026, 3, 3, tzinfo=UTC), "bea", tag("run", "start"))])
            connections.add(conn, f"another{audit.head(conn, cid).seq}", "", {})

    def dumping(*words: Any) -> None:
        at_work()
        dump(*words)
        at_work()

    monkeypatch.setattr(backups, "_tool", dumping)
    made = backup(tmp_path, database.conninfo, tmp_path / "books.backup")
    assert made.heads[cid].startswith("3:")
    other = cluster.new_url()
    restored = restore(tmp_path, other, tmp_path / "books.backup")
    assert (restored.connections, restored.heads) == (made.connections, made.heads) == (1, made.heads)
    cluster.drop(other)


def test_a_restore_over_a_filled_database_must_be_meant(cluster: Cluster, database: Database, tmp_path: Path) -> None:
    file, cid = tmp_path / "books.backup", _fill(database)
    backup(tmp_path, database.conninfo, file)
    with pytest.raises(BadInput, match="never overwrites"):
        backup(tmp_path, database.conninfo, file)
    other = cluster.new_url()
    with Database.open(tmp_path, other) as target:
        with target.begin() as conn:
            connections.add(conn, "other", "", {})
        with pytest.raises(BadInput, match="holds connections"):
            restore(tmp_path, other, file)
        restore(tmp_path, other, file, replace=True)
        _check(target, cid)
    cluster.drop(other)


def test_months_come_back_whatever_months_the_target_has(cluster: Cluster, database: Database, tmp_path: Path) -> None:
    file, cid = tmp_path / "books.backup", _fill(database)
    with database.begin() as conn:
        partitions.make_months(conn, [date(2025, 3, 1)])
        sql = "INSERT INTO evidence (hash, lasting, month, size, body) VALUES ('a', true, '2025-03-01', 1, 'b')"
        bulk.run(conn, sql)
    backup(tmp_path, database.conninfo, file)
    other = cluster.new_url()
    with Database.open(tmp_path, other) as target:
        with target.begin() as conn:
            partitions.make_months(conn, [date(2024, 7, 1)])
        restore(tmp_path, other, file)
        _check(target, cid)
        with target.begin() as conn:
            assert bulk.fetch(conn, "SELECT tableoid::regclass::text FROM evidence") == [("evidence_lasting_2025_03",)]
            assert "evidence_2024_07" not in {month.name for month in partitions.months(conn)}
            assert len(partitions.make_months(conn, [date(2024, 7, 1)])) == 4
            bulk.run(conn, sql + " ON CONFLICT DO NOTHING")
            assert bulk.fetch(conn, "SELECT count(*) FROM evidence") == [(1,)]
    cluster.drop(other)


def test_a_file_that_is_no_backup_of_ours_changes_nothing(database: Database, cid: int, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Anna")
    with pytest.raises(BadInput, match="not a backup"):
        restore(tmp_path, database.conninfo, file, replace=True)
    with pytest.raises(BadInput, match="no file"):
        restore(tmp_path, database.conninfo, tmp_path / "nothing", replace=True)
    with database.begin() as conn:
        assert [row.id for row in connections.listed(conn)] == [cid]


def test_a_torn_backup_changes_nothing(cluster: Cluster, database: Database, cid: int, tmp_path: Path) -> None:
    file, torn = tmp_path / "books.backup", tmp_path / "torn.backup"
    backup(tmp_path, database.conninfo, file)
    torn.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises((BadInput, DatabaseTrouble)):
        restore(tmp_path, database.conninfo, torn, replace=True)
    with database.begin() as conn:
        assert [row.id for row in connections.listed(conn)] == [cid]


def test_a_backup_of_a_newer_release_is_refused(database: Database, tmp_path: Path) -> None:
    with database.begin() as conn:
        bulk.run(conn, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTrouble, match="newer"):
        backup(tmp_path, database.conninfo, tmp_path / "newer.backup")
    assert not (tmp_path / "newer.backup").exists()


def test_a_restored_trail_that_was_tampered_with_is_reported(database: Database, tmp_path: Path) -> None:
    _fill(database)
    with database.begin() as conn:
        bulk.run(conn, "ALTER TABLE audit DISABLE TRIGGER ALL")
        bulk.run(conn, "UPDATE audit SET actor = 'eve' WHERE seq = 2")
        bulk.run(conn, "ALTER TABLE audit ENABLE TRIGGER ALL")
    file = tmp_path / "books.backup"
    backup(tmp_path, database.conninfo, file)
    with pytest.raises(DatabaseTrouble, match="not whole"):
        restore(tmp_path, database.conninfo, file, replace=True)


def test_a_place_that_cannot_be_written_is_named(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        backup(tmp_path, database.conninfo, tmp_path / "nowhere" / "books.backup")
    with pytest.raises(BadInput, match="no database"):
        backup(tmp_path / "empty", None, tmp_path / "books.backup")


def test_another_major_version_is_carried_over_by_the_two_commands(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "books.backup"
    account = Account(home / "postgres")
    account.own(home / "postgres")
    account.reach(home / "postgres")
    options = ["-U", "ml_connector", "-A", "trust", "--no-locale", "-E", "UTF8", "-D", str(home / "postgres")]
    assert account.run([str(programs(16) / "initdb"), *options], 60).returncode == 0
    cid = _fill_old(home)
    made = backup(home, None, file)
    restored = restore(home, None, file)
    assert restored.moved == home / "postgres-16"
    assert restored.heads == made.heads
    with Database.open(home, None) as database:
        _check(database, cid)


def _fill_old(home: Path) -> int:
    """Fills a data directory of the older major version, as its own release would have."""
    server = EmbeddedServer(home)
    server.start()
    database = Database(embedded_conninfo(server), "the old database", server)
    database._prepare()
    try:
        return _fill(database)
    finally:
        database.close()
