"""The embedded server: started, found again, shared, killed in every way, and back with everything it had committed."""

from __future__ import annotations

import os
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


def test_what_was_kept_is_there_after_stop_and_start_and_the_last_user_stops_it(tmp_path: Path) -> None:
    with Database.open(tmp_path, None) as first:
        with first.begin() as conn:
            connections.add(conn, "acme", "", {})
        with Database.open(tmp_path, None) as second:
            assert _server(second).pid() == _server(first).pid()
        assert _server(first).running()
        assert _names(first) == ["acme"]
        assert first.server_cpu() > 0
    assert not _server(first).running()
    with Database.open(tmp_path, None) as again:
        assert _names(again) == ["acme"]
    again.close()  # twice is harmless


def test_a_killed_postgres_comes_back_under_an_open_database(tmp_path: Path) -> None:
    with Database.open(tmp_path, None) as database:
        with database.begin() as conn:
            connections.add(conn, "acme", "", {})
        with pytest.raises(Unavailable) as caught:
            _kill_in_the_middle(database)
        assert "journal" in caught.value.remedy
        assert _names(database) == ["acme"]


def test_a_postgres_killed_between_two_openings_is_recovered(tmp_path: Path) -> None:
    database = Database.open(tmp_path, None)
    with database.begin() as conn:
        connections.add(conn, "acme", "", {})
    _kill(_server(database).pid())
    database.close()
    assert (tmp_path / "postgres" / "postmaster.pid").exists()
    with Database.open(tmp_path, None) as again:
        assert _names(again) == ["acme"]


def test_a_server_whose_user_was_killed_is_found_and_stopped_by_the_next(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from ml_connector.store.postgres import Database\n"
        "d = Database.open(Path(sys.argv[1]), None); print(d.server.pid(), flush=True); time.sleep(60)"
    )
    user = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    pid = int(user.stdout.readline())
    user.kill()
    user.wait()
    user.stdout.close()
    assert psutil.pid_exists(pid)
    with Database.open(tmp_path, None) as database:
        assert _server(database).pid() == pid
    assert not _server(database).running()


def test_a_stale_pid_file_that_names_a_stranger_does_not_stop_the_start(tmp_path: Path) -> None:
    with Database.open(tmp_path, None) as database:
        kept = (tmp_path / "postgres" / "postmaster.pid").read_text()
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n" + kept.split("\n", 1)[1])
    assert not _server(database).running()
    with Database.open(tmp_path, None) as database:
        assert _server(database).running()


def test_a_half_made_data_directory_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    (tmp_path / "postgres").mkdir()
    with Database.open(tmp_path, None) as database:
        assert _names(database) == []
    assert not (tmp_path / "postgres.new").exists()


def test_strange_files_in_the_data_directory_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "holiday.jpg").write_text("x")
    with pytest.raises(DatabaseTrouble, match="holds files but no database"):
        Database.open(tmp_path, None)
    assert (tmp_path / "postgres" / "holiday.jpg").exists()


def test_a_long_home_with_spaces_and_quotes_has_its_socket_in_a_short_private_folder(tmp_path: Path) -> None:
    home = tmp_path / ("it's a long way home " * 5)
    with Database.open(home, None) as database:
        folder = _server(database).socket_folder()
        assert len(str(folder)) < 100
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert _names(database) == []


def test_a_socket_folder_somebody_else_made_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 25)
    folder = EmbeddedServer(home).socket_folder()
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    try:
        with pytest.raises(DatabaseTrouble, match="private folder"):
            Database.open(home, None)
    finally:
        folder.rmdir()


def test_the_data_is_private_and_no_network_port_is_open(tmp_path: Path) -> None:
    with Database.open(tmp_path, None) as database:
        data = _server(database).data
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert data.stat().st_uid != 0
        with database.begin() as conn:
            assert bulk.fetch(conn, "SHOW listen_addresses") == [("",)]
            assert bulk.fetch(conn, "SHOW synchronous_commit") == [("on",)]
            assert bulk.fetch(conn, "SHOW fsync") == [("on",)]


def test_another_major_version_is_named_with_the_two_commands(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    account = Account(data)
    account.own(data)
    if account.borrowed:
        account.reach(data)
    done = account.run([str(programs(16) / "initdb"), "-U", "ml_connector", "-A", "trust", "-D", str(data)], 60)
    assert done.returncode == 0, done.stderr
    with pytest.raises(DatabaseTrouble) as caught:
        Database.open(tmp_path, None)
    assert "PostgreSQL 16" in caught.value.sentence
    assert "ml-connector backup" in caught.value.remedy
    assert "restore" in caught.value.remedy


def test_a_platform_without_the_programs_is_told_of_the_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(DatabaseTrouble) as caught:
        Database.open(tmp_path, None)
    assert "ML_CONNECTOR_DATABASE_URL" in caught.value.remedy


@pytest.mark.parametrize("url", ["mysql://root:hunter2@db/x", "not a url: hunter2"])
def test_a_bad_url_is_refused_without_repeating_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(DatabaseTrouble) as caught:
        Database.open(tmp_path, url)
    assert "hunter2" not in str(caught.value) + caught.value.remedy


def test_a_database_that_is_away_is_unavailable_and_its_password_unsaid(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        Database.open(tmp_path, "postgresql://joe:hunter2@127.0.0.1:1/books")
    assert "hunter2" not in str(caught.value)
    assert "books at 127.0.0.1" in caught.value.sentence
