"""Migrations from nothing arrive at exactly the schema, column comments, storage and triggers included."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import conninfo as libpq

from ml_connector.kernel.errors import DatabaseTrouble
from ml_connector.store import bulk, migrate
from ml_connector.store.binaries import MAJOR, programs, run_tool
from ml_connector.store.postgres import Database
from ml_connector.store.queue_schema import RELEASE, SCHEMA
from ml_connector.store.schema import AFTER_TABLES, METADATA

from .cluster import Cluster


def _dump(conninfo: str) -> list[str]:
    command = [str(programs(MAJOR) / "pg_dump"), "--schema-only", "--no-owner", f"--dbname={conninfo}"]
    done = run_tool([*command, "--exclude-table=alembic_version", f"--exclude-schema={SCHEMA}"], {}, 60)
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
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": True, "target_metadata": METADATA}
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
