"""Migrations from nothing arrive at exactly the schema, column comments, storage and triggers included."""

from __future__ import annotations

from datetime import date
from importlib.metadata import version
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from psycopg import conninfo as libpq
from sqlalchemy import Connection

from ml_connector.kernel.errors import DatabaseTrouble
from ml_connector.store import bulk, migrate, partitions
from ml_connector.store.binaries import MAJOR, programs, run_tool
from ml_connector.store.postgres import Database
from ml_connector.store.queue_schema import RELEASE, SCHEMA
from ml_connector.store.schema import AFTER_TABLES, METADATA

from .cluster import Cluster


def _dump(conninfo: str) -> list[str]:
    command = [str(programs(MAJOR) / "pg_dump"), "--schema-only", "--no-owner", f"--dbname={conninfo}"]
    without = ["alembic_version", "evidence_*", "exchanges_*"]  # months are made as time goes by; a test below has them
    excluded = [f"--exclude-table={table}" for table in without]
    done = run_tool([*command, *excluded, f"--exclude-schema={SCHEMA}"], {}, 60)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if not line.startswith("\\")]


def test_the_migrations_make_what_the_schema_says(database: Database, cluster: Cluster) -> None:
    with psycopg.connect(libpq.make_conninfo(cluster.conninfo, dbname="postgres"), autocommit=True) as session:
        session.execute("CREATE DATABASE straight TEMPLATE template0")
    straight = libpq.make_conninfo(cluster.conninfo, dbname="straight")
    try:
        bare = Database(straight, "the test database")
        with bare.begin() as conn:
            METADATA.create_all(conn)
            for statement in AFTER_TABLES:
                conn.exec_driver_sql(statement)
        bare.close()
        assert _dump(database.conninfo) == _dump(straight)
    finally:
        cluster.drop(straight)


def test_alembic_finds_nothing_to_change(database: Database) -> None:
    with database.begin() as conn:
        months = {month.name for month in partitions.months(conn)}
        assert len(months) == 8  # two tables, twice, this month and the next
        context = MigrationContext.configure(
            conn,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "target_metadata": METADATA,
                "include_name": lambda name, kind, _: kind != "table" or name not in months,
            },
        )
        assert compare_metadata(context, METADATA) == []


def test_the_head_written_in_the_code_is_the_newest_migration() -> None:
    assert migrate.scripts().get_current_head() == migrate.HEAD


def test_a_database_of_a_newer_release_is_left_alone(database: Database, tmp_path: Path) -> None:
    with database.begin() as conn:
        bulk.run(conn, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTrouble, match="newer ml-connector"):
        Database.open(tmp_path, database.conninfo)


def test_every_column_says_who_writes_it() -> None:
    bare = [
        f"{table}.{column.name}" for table in METADATA.sorted_tables for column in table.columns if not column.comment
    ]
    assert bare == []


def test_a_second_upgrade_does_nothing(database: Database) -> None:
    with database.begin() as conn:
        assert migrate.upgrade(conn) is False


def test_the_queue_s_tables_are_those_of_the_release_that_is_installed(database: Database) -> None:
    assert version("procrastinate").startswith(f"{RELEASE}.")
    with database.begin() as conn:
        rows = bulk.fetch(conn, "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", (SCHEMA,))
        assert [row[0] for row in rows] == [
            "procrastinate_events",
            "procrastinate_jobs",
            "procrastinate_periodic_defers",
            "procrastinate_workers",
        ]
        assert bulk.fetch_one(conn, "SHOW search_path") == ('"$user", public',)


def test_what_was_kept_before_the_months_is_carried_into_them(cluster: Cluster) -> None:
    with psycopg.connect(libpq.make_conninfo(cluster.conninfo, dbname="postgres"), autocommit=True) as session:
        session.execute("CREATE DATABASE before TEMPLATE template0")
    before = libpq.make_conninfo(cluster.conninfo, dbname="before")
    old = Database(before, "the test database")
    try:
        with old.begin() as conn:
            directory = migrate.scripts()
            with EnvironmentContext(
                Config(), directory, fn=lambda stands, _: directory._upgrade_revs("0003", stands)
            ) as environment:
                environment.configure(connection=conn, target_metadata=METADATA, transactional_ddl=True)
                environment.run_migrations()
            _exchange(conn, "2026-03-31 23:59:59.9+00", "projects", b"asked", b"said")
            _exchange(conn, "2026-03-31 22:00:00-05", "erp", b"asked", None)
            _exchange(conn, "2026-04-15 00:00:00+00", "engine", b"asked", None)
            for body in (b"asked", b"said", b"nobody needs it"):
                sql = "INSERT INTO evidence (hash, size, body) VALUES (%s, %s, %s)"
                bulk.run(conn, sql, (body, len(body), body))
        with old.begin() as conn:
            assert migrate.upgrade(conn)
        with old.begin() as conn:
            found = bulk.fetch(conn, "SELECT hash, lasting, month, body FROM evidence ORDER BY 3, 2, 1")
            assert found == [
                (b"asked", False, date(2026, 3, 1), b"asked"),
                (b"said", False, date(2026, 3, 1), b"said"),
                (b"asked", False, date(2026, 4, 1), b"asked"),
                (b"asked", True, date(2026, 4, 1), b"asked"),
            ]
            rows = bulk.fetch(conn, "SELECT id, tableoid::regclass::text, intent_ids FROM exchanges ORDER BY 1")
            assert rows == [
                (1, "exchanges_2026_03", [7]),
                (2, "exchanges_2026_04", [7]),
                (3, "exchanges_lasting_2026_04", [7]),
            ]
            assert bulk.fetch_one(conn, "SELECT nextval('exchanges_id_seq')") == (4,)
            assert bulk.fetch_one(conn, "SELECT to_regnamespace('before_months')") == (None,)
    finally:
        old.close()
        cluster.drop(before)


def _exchange(conn: Connection, at: str, side: str, asked: bytes, said: bytes | None) -> None:
    sql = """
        INSERT INTO exchanges (connection_id, run_id, side, status, request_hash, reply_hash, milliseconds, write, at,
                               intent_ids)
        VALUES (1, 1, %s, 200, %s, %s, 1, false, %s, ARRAY[7])
    """
    bulk.run(conn, sql, (side, asked, said, at))
