"""The embedded server: started, found again, shared, killed in every way, and back with everything it had committed."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ml_connector.kernel.errors import DatabaseTrouble, Unavailable
from ml_connector.store import bulk, connections
from ml_connector.store.binaries import Account, programs
from ml_connector.store.postgres import Database
from ml_connector.store.server import EmbeddedServer


def _names(database: Database) -> list[str]:
    with database.begin() as conn:
        return [row.name for row in connections.listed(conn)]


def _server(database: Database) -> EmbeddedServer:
    assert database.server is not None
    return database.server


def _kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def _kill_in_the_middle(database: Database) -> None:
    with database.begin() as conn:
        connections.add(conn, "half", "", {})
        _kill(_server(database).pid())
        time.sleep(0.2)
        connections.listed(conn)


def test_what_was_kept_is_there_after_stop_and_start_and_the_last_user_stops_it(home: Path) -> None:
    with Database.open(home, None) as first:
        with first.begin() as conn:
            connections.add(conn, "acme", "", {})
        with Database.open(home, None) as second:
            assert _server(second).pid() == _server(first).pid()
        assert _server(first).running()
        assert _names(first) == ["acme"]
        assert first.server_cpu() > 0
    assert not _server(first).running()
    with Database.open(home, None) as again:
        assert _names(again) == ["acme"]
    again.close()  # twice is harmless


def test_a_killed_postgres_comes_back_under_an_open_database(home: Path) -> None:
    with Database.open(home, None) as database:
        with database.begin() as conn:
            connections.add(conn, "acme", "", {})
        with pytest.raises(Unavailable) as caught:
            _kill_in_the_middle(database)
        assert "journal" in caught.value.remedy
        assert _names(database) == ["acme"]


def test_a_postgres_killed_between_two_openings_is_recovered(home: Path) -> None:
    database = Database.open(home, None)
    with database.begin() as conn:
        connections.add(conn, "acme", "", {})
    _kill(_server(database).pid())
    database.close()
    assert (home / "postgres" / "postmaster.pid").exists()
    with Database.open(home, None) as again:
        assert _names(again) == ["acme"]


def test_a_server_whose_user_was_killed_is_found_and_stopped_by_the_next(home: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from ml_connector.store.postgres import Database\n"
        "d = Database.open(Path(sys.argv[1]), None); print(d.server.pid(), flush=True); time.sleep(60)"
    )
    user = subprocess.Popen([sys.executable, "-c", script, str(home)], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    pid = int(user.stdout.readline())
    user.kill()
    user.wait()
    user.stdout.close()
    assert psutil.pid_exists(pid)
    with Database.open(home, None) as database:
        assert _server(database).pid() == pid
    assert not _server(database).running()


def test_processes_that_start_at_once_share_one_server(home: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from ml_connector.store.postgres import Database\n"
        "d = Database.open(Path(sys.argv[1]), None); print(d.server.pid(), flush=True); sys.stdin.read(); d.close()"
    )
    command = [sys.executable, "-c", script, str(home)]
    pipe = subprocess.PIPE
    users = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    pids = {int(user.stdout.readline()) for user in users if user.stdout}
    assert len(pids) == 1
    for user in users:
        user.communicate("")
        assert user.returncode == 0
    assert not EmbeddedServer(home).running()


def test_a_stale_pid_file_that_names_a_stranger_does_not_stop_the_start(home: Path) -> None:
    with Database.open(home, None) as database:
        kept = (home / "postgres" / "postmaster.pid").read_text()
    (home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n" + kept.split("\n", 1)[1])
    assert not _server(database).running()
    with Database.open(home, None) as database:
        assert _server(database).running()


def test_a_half_made_data_directory_is_made_anew(home: Path) -> None:
    (home / "postgres.new" / "base").mkdir(parents=True)
    (home / "postgres").mkdir()
    with Database.open(home, None) as database:
        assert _names(database) == []
    assert not (home / "postgres.new").exists()


def test_strange_files_in_the_data_directory_are_left_alone(home: Path) -> None:
    (home / "postgres").mkdir()
    (home / "postgres" / "holiday.jpg").write_text("x")
    with pytest.raises(DatabaseTrouble, match="holds files but no database"):
        Database.open(home, None)
    assert (home / "postgres" / "holiday.jpg").exists()


def test_a_long_home_with_spaces_and_quotes_has_its_socket_in_a_short_private_folder(home: Path) -> None:
    with Database.open(home / ("it's a long way home " * 5), None) as database:
        folder = _server(database).socket_folder()
        assert len(str(folder)) < 100
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert _names(database) == []


def test_a_socket_folder_somebody_else_made_is_refused(home: Path) -> None:
    far = home / ("long" * 25)
    folder = EmbeddedServer(far).socket_folder()
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    try:
        with pytest.raises(DatabaseTrouble, match="private folder"):
            Database.open(far, None)
    finally:
        folder.rmdir()


def test_the_data_is_private_and_no_network_port_is_open(home: Path) -> None:
    with Database.open(home, None) as database:
        data = _server(database).data
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert data.stat().st_uid != 0
        with database.begin() as conn:
            assert bulk.fetch(conn, "SHOW listen_addresses") == [("",)]
            assert bulk.fetch(conn, "SHOW synchronous_commit") == [("on",)]
            assert bulk.fetch(conn, "SHOW fsync") == [("on",)]


def test_another_major_version_is_named_with_the_two_commands(home: Path) -> None:
    data = home / "postgres"
    account = Account(data)
    account.own(data)
    if account.borrowed:
        account.reach(data)
    done = account.run([str(programs(16) / "initdb"), "-U", "ml_connector", "-A", "trust", "-D", str(data)], 60)
    assert done.returncode == 0, done.stderr
    with pytest.raises(DatabaseTrouble) as caught:
        Database.open(home, None)
    assert "PostgreSQL 16" in caught.value.sentence
    assert "ml-connector backup" in caught.value.remedy
    assert "restore" in caught.value.remedy


def test_a_platform_without_the_programs_is_told_of_the_url(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(DatabaseTrouble) as caught:
        Database.open(home, None)
    assert "ML_CONNECTOR_DATABASE_URL" in caught.value.remedy


@pytest.mark.parametrize("url", ["mysql://root:hunter2@db/x", "not a url: hunter2"])
def test_a_bad_url_is_refused_without_repeating_its_password(home: Path, url: str) -> None:
    with pytest.raises(DatabaseTrouble) as caught:
        Database.open(home, url)
    assert "hunter2" not in str(caught.value) + caught.value.remedy


def test_a_database_that_is_away_is_unavailable_and_its_password_unsaid(home: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        Database.open(home, "postgresql://joe:hunter2@127.0.0.1:1/books")
    assert "hunter2" not in str(caught.value)
    assert "books at 127.0.0.1" in caught.value.sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server under another account")
def test_as_root_the_folders_above_are_opened_for_passing_only_and_it_is_said(home: Path) -> None:
    inner = home / "closed" / "inner"
    inner.mkdir(parents=True)
    (home / "closed").chmod(0o700)
    with Database.open(inner, None) as database:
        assert stat.S_IMODE((home / "closed").stat().st_mode) == 0o701
        assert any(str(home / "closed") in note for note in _server(database).notes)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_as_root_a_home_copied_by_root_still_starts(home: Path) -> None:
    first, copied = home / "first", home / "copied"
    with Database.open(first, None) as database, database.begin() as conn:
        connections.add(conn, "acme", "", {})
    shutil.copytree(first, copied)
    with Database.open(copied, None) as database:
        assert _names(database) == ["acme"]
