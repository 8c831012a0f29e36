"""What a document's page looks up is found by an index, in months to come and in those from before it."""

from __future__ import annotations

from datetime import date

import psycopg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from psycopg import conninfo as libpq
from sqlalchemy import Connection

from ml_connector.store import bulk, migrate, partitions
from ml_connector.store.postgres import Database
from ml_connector.store.schema import METADATA

from .cluster import Cluster

MONTHS = """
    SELECT c.relname, count(*) FILTER (WHERE a.amname = 'gin') FROM pg_inherits h
    JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_index i ON i.indrelid = c.oid
    JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam
    WHERE h.inhparent = 'exchanges'::regclass GROUP BY 1
"""


def _indexed(conn: Connection) -> dict[str, int]:
    """Each month of exchanges with how many indexes over intents it has."""
    return dict(bulk.fetch(conn, MONTHS))


def test_every_month_to_come_leads_from_a_step_to_what_was_sent_for_it(database: Database) -> None:
    with database.begin() as conn:
        partitions.make_months(conn, [date(2031, 1, 1)])
        found = _indexed(conn)
        assert {"exchanges_2031_01", "exchanges_lasting_2031_01"} <= found.keys()
        assert set(found.values()) == {1}


def test_the_upgrade_gives_it_to_the_months_that_are_there(cluster: Cluster) -> None:
    with psycopg.connect(libpq.make_conninfo(cluster.conninfo, dbname="postgres"), autocommit=True) as session:
        session.execute("CREATE DATABASE months TEMPLATE template0")
    url = libpq.make_conninfo(cluster.conninfo, dbname="months")
    old = Database(url, "the test database")
    try:
        with old.begin() as conn:
            directory = migrate.scripts()
            with EnvironmentContext(
                Config(), directory, fn=lambda stands, _: directory._upgrade_revs("0004", stands)
            ) as environment:
                environment.configure(connection=conn, target_metadata=METADATA, transactional_ddl=True)
                environment.run_migrations()
            for month in _indexed(conn):
                bulk.run(conn, f"DROP INDEX {month}_intent_ids_idx")
            assert set(_indexed(conn).values()) == {0}
            assert migrate.upgrade(conn)
            assert set(_indexed(conn).values()) == {1}
    finally:
        old.close()
        cluster.drop(url)
