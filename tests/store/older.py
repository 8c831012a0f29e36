"""Databases as older releases left them."""

from __future__ import annotations

import psycopg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from psycopg import conninfo as libpq
from psycopg.types.json import Jsonb

from ml_connector.store import bulk, migrate
from ml_connector.store.postgres import Database
from ml_connector.store.schema import METADATA

from .cluster import Cluster

CONFIG = {
    "connection": {"erp_company": "10"},
    "erp": {"url": "https://acme.ifs.cloud", "realm": "acme", "client_id": "ml", "system": "ifs"},
    "projects": {"url": "https://api.procore.com", "company_id": "1", "client_id": "ml", "system": "procore"},
}


def older(cluster: Cluster, revision: str) -> str:
    """A new database at an older schema, with a connection called old in it."""
    made = cluster.new_url()
    name = libpq.conninfo_to_dict(made)["dbname"]
    with psycopg.connect(libpq.make_conninfo(cluster.conninfo, dbname="postgres"), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name}".encode())
        session.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    directory = migrate.scripts()
    with Database(made, "the older database") as old, old.begin() as conn:
        context = EnvironmentContext(
            Config(), directory, fn=lambda stands, _: directory._upgrade_revs(revision, stands)
        )
        with context as environment:
            environment.configure(connection=conn, target_metadata=METADATA, transactional_ddl=True)
            environment.run_migrations()
        bulk.run(conn, "INSERT INTO connections (name, title, config) VALUES ('old', 'Old', %s)", (Jsonb(CONFIG),))
    return made
