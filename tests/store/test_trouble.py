"""What the database says becomes an error of ours, with a remedy, in one place; and nothing half done stays."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ml_connector.kernel.errors import Bug, ConnectorError, DatabaseTrouble, Locked, NothingSuchHere, Unavailable
from ml_connector.store import bulk, connections
from ml_connector.store.postgres import Database, _seldom
from ml_connector.store.trouble import translated

_RAISE = "DO $$ BEGIN RAISE EXCEPTION 'the server says so' USING ERRCODE = '{code}'; END $$"


def _fail_half_way(database: Database, code: str) -> None:
    with database.begin() as conn:
        connections.add(conn, "half", "", {})
        bulk.run(conn, _RAISE.format(code=code))


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("53100", DatabaseTrouble, "disk of the database"),
        ("57P01", Unavailable, "went away"),
        ("57P03", Unavailable, "went away"),
        ("53300", Unavailable, "went away"),
        ("40001", Locked, "somebody else"),
        ("55P03", Locked, "somebody else"),
        ("42501", DatabaseTrouble, "refused us"),
        ("25006", DatabaseTrouble, "only reads"),
        ("22012", Bug, "the server says so"),
    ],
)
def test_a_server_error_is_translated_and_its_transaction_undone(
    database: Database, code: str, kind: type[ConnectorError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        _fail_half_way(database, code)
    assert words in str(caught.value)
    assert caught.value.remedy
    with database.begin() as conn:
        assert connections.listed(conn) == []


def test_errors_of_sqlalchemy_are_translated_too(database: Database) -> None:
    with pytest.raises(DatabaseTrouble, match="full"), database.begin() as conn:
        conn.exec_driver_sql(_RAISE.format(code="53100"))


def test_a_session_ended_by_the_server_is_replaced(database: Database) -> None:
    with pytest.raises(Unavailable), database.begin() as conn:
        bulk.fetch(conn, "SELECT pg_terminate_backend(pg_backend_pid())")
    with database.begin() as conn:
        assert connections.listed(conn) == []


def test_a_session_ended_a_moment_after_it_answered_is_replaced(database: Database) -> None:
    with database.begin() as conn, database.begin() as killer:
        asleep = bulk.fetch(conn, "SELECT pg_backend_pid()")[0][0]
        mine = bulk.fetch(killer, "SELECT pg_backend_pid()")[0][0]
    with psycopg.connect(database.conninfo, autocommit=True) as other:
        for pid in (asleep, mine):
            assert other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,)).fetchone() == (True,)
    for _ in range(2):
        with database.begin() as conn:
            assert bulk.fetch(conn, "SELECT pg_backend_pid()")[0][0] not in (asleep, mine)


def test_a_session_that_answered_a_moment_ago_is_asked_again_only_when_something_is_to_read(database: Database) -> None:
    asked: list[Any] = []
    ping = _seldom(lambda driver: asked.append(driver) is None)
    with psycopg.connect(database.conninfo) as driver:
        assert all(ping(driver) for _ in range(3))
        assert len(asked) == 1
        with psycopg.connect(database.conninfo, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (driver.info.backend_pid,))
        ping(driver)
        assert len(asked) == 2
        driver.close()


def test_our_own_errors_pass_untouched(database: Database) -> None:
    with pytest.raises(NothingSuchHere), database.begin() as conn:
        connections.get(conn, "nobody")


def test_a_full_disk_of_the_operating_system_is_the_same_trouble() -> None:
    found = translated(OSError(errno.ENOSPC, "No space left on device"), "the embedded database")
    assert isinstance(found, DatabaseTrouble)
    assert translated(OSError(errno.ENOENT, "no"), "the embedded database") is None
    assert translated(ValueError("x"), "the embedded database") is None


def test_a_sentence_never_carries_the_statement_or_its_values(database: Database) -> None:
    with pytest.raises(Bug) as caught, database.begin() as conn:
        bulk.run(conn, "INSERT INTO secrets (connection_id, field) VALUES (%s, %s)", (77, "hunter2"))
    assert "hunter2" not in str(caught.value)


def test_an_old_server_would_be_refused(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("ml_connector.store.postgres.OLDEST", 99)
    with pytest.raises(DatabaseTrouble, match="99 or newer"):
        Database.open(tmp_path, database.conninfo)
