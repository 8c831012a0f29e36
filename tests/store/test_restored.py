"""A backup made while processes worked, or by an older release, restored where nobody works any more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from ml_connector.kernel.errors import BadInput, DatabaseTrouble
from ml_connector.store import bulk, connections, migrate
from ml_connector.store.backup import backup, restore
from ml_connector.store.binaries import pipe
from ml_connector.store.postgres import Database

from .cluster import Cluster
from .older import older

AT_WORK = """
SET LOCAL search_path = jobs, public;
INSERT INTO jobs.procrastinate_workers (last_heartbeat) VALUES (now());
INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, lock, args, status, worker_id)
    SELECT 'default', 'flows', 'connection/1', '{{}}', 'doing', id FROM jobs.procrastinate_workers;
INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, args) VALUES ('default', 'sweep', '{{}}');
INSERT INTO workers (id, kind, host, pid) VALUES ('w', 'worker', 'box', 7);
INSERT INTO leases (connection_id, fence, holder, session, process) VALUES ({cid}, 5, 'run', 9, 'box 7');
INSERT INTO paces (connection_id, side, "window", most, left_over, resets_at) VALUES ({cid}, 'erp', 'hour', 9, 0, 1);
INSERT INTO inbox (connection_id, event, body, state) VALUES ({cid}, 'a', '', 'taken'), ({cid}, 'b', '', 'done');
INSERT INTO agenda (connection_id, name, due_at, running_job, ended) VALUES
    ({cid}, 'flows', NULL, 1, '{{"workers": [{{"pid": 7}}]}}');
INSERT INTO agenda (connection_id, name, due_at, waiting_job) VALUES ({cid}, 'sweep', now() + interval '1 day', 2);
INSERT INTO agenda (connection_id, name, due_at) VALUES ({cid}, 'nightly', '2099-01-01 02:00+00');
"""


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[str]:
    """Another place."""
    url = cluster.new_url()
    yield url
    cluster.drop(url)


def test_who_was_at_work_when_the_backup_was_made_is_forgotten(
    database: Database, cid: int, empty: str, tmp_path: Path
) -> None:
    with database.begin() as conn:
        bulk.raw(conn).execute(AT_WORK.format(cid=cid).encode())
    backup(tmp_path, database.conninfo, tmp_path / "at-work.backup")
    restore(tmp_path, empty, tmp_path / "at-work.backup")
    with Database.open(tmp_path, empty) as found, found.begin() as conn:
        for table in ("jobs.procrastinate_jobs", "jobs.procrastinate_workers", "workers", "paces"):
            assert bulk.fetch(conn, f"SELECT count(*) FROM {table}") == [(0,)], table
        rows = bulk.fetch(
            conn, "SELECT name, due_at <= now(), asked, waiting_job + running_job, ended FROM agenda ORDER BY 1"
        )
        assert rows == [
            ("flows", True, True, 0, {}),
            ("nightly", False, False, 0, {}),
            ("sweep", True, True, 0, {}),
        ]
        assert bulk.fetch(conn, "SELECT event, state FROM inbox ORDER BY 1") == [("a", "new"), ("b", "done")]
        holder, process, fence = bulk.fetch(conn, "SELECT holder, process, fence FROM leases")[0]
        assert (holder, process) == ("", "")
        assert fence > 1000  # whoever took the right after the backup was made has a number below
        bulk.run(conn, "SET LOCAL search_path = jobs, public")
        fresh = (
            "INSERT INTO jobs.procrastinate_jobs (queue_name, task_name) VALUES ('default', 'flows') RETURNING id > 2"
        )
        assert bulk.fetch(conn, fresh) == [(True,)]  # numbers of jobs are never used twice


def test_a_backup_of_an_older_release_is_brought_up_to_this_one(
    cluster: Cluster, database: Database, cid: int, tmp_path: Path
) -> None:
    url, file = older(cluster, "0002"), tmp_path / "older.backup"
    try:
        backup(tmp_path, url, file)
        made = restore(tmp_path, database.conninfo, file, replace=True)
    finally:
        cluster.drop(url)
    assert made.revision == "0002"
    with database.begin() as conn:
        assert [row.name for row in connections.listed(conn)] == ["old"]
        assert migrate.revision(conn) == migrate.HEAD
        assert bulk.fetch(conn, "SELECT count(*) FROM agenda") == [(0,)]


def test_nothing_is_restored_under_the_feet_of_another_process(database: Database, cid: int, tmp_path: Path) -> None:
    file = tmp_path / "books.backup"
    backup(tmp_path, database.conninfo, file)
    code = (
        "import sys; from pathlib import Path; from ml_connector.store.postgres import Database\n"
        "with Database.open(Path(sys.argv[1]), sys.argv[2]) as found, found.begin():\n"
        "    print('in', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path), database.conninfo]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(BadInput, match=f"Other processes use this database: {other.pid}@"):
            restore(tmp_path, database.conninfo, file, replace=True)
        other.communicate("")
    restore(tmp_path, database.conninfo, file, replace=True)


def test_a_backup_that_breaks_in_the_middle_changes_nothing(database: Database, cid: int, tmp_path: Path) -> None:
    file, spoilt = tmp_path / "books.backup", tmp_path / "spoilt.backup"
    with database.begin() as conn:
        rows = [(n, b"".join(sha256(b"%d/%d" % (n, part)).digest() for part in range(40))) for n in range(300)]
        bulk.run(conn, "CREATE TABLE zz_last (id int PRIMARY KEY, body bytea)")
        bulk.copy_in(conn, "zz_last", [("id", "int4"), ("body", "bytea")], rows)
    backup(tmp_path, database.conninfo, file)
    with database.begin() as conn:
        bulk.run(conn, "UPDATE connections SET name = 'since'")
    whole = bytearray(file.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 400] = bytes(400)
    spoilt.write_bytes(whole)
    with pytest.raises(DatabaseTrouble, match="The restore failed"):
        restore(tmp_path, database.conninfo, spoilt, replace=True)
    with database.begin() as conn:
        assert [row.name for row in connections.listed(conn)] == ["since"]
        assert bulk.fetch(conn, "SELECT count(*) FROM zz_last") == [(300,)]


@pytest.mark.parametrize(("code", "kept"), [(0, "begin middle commit"), (1, "begin middle ")])
def test_what_one_program_tells_another_is_only_concluded_when_it_ended_well(
    tmp_path: Path, code: int, kept: str
) -> None:
    heard = tmp_path / "heard"
    source = ["/bin/sh", "-c", f"printf 'middle '; echo broken >&2; exit {code}"]
    said = pipe(source, ["/bin/sh", "-c", f"cat > {heard}"], ("begin ", "commit"), {})
    assert heard.read_text() == kept
    assert said == (["broken"] if code else [])
