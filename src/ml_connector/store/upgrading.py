"""Brings a database that an older release made to this release's schema, when a person says so."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ml_connector.kernel.clock import system_clock
from ml_connector.kernel.errors import BadInput
from ml_connector.store import audit, bulk, migrate, restored
from ml_connector.store.migrate import Step
from ml_connector.store.postgres import Database


class Upgrade(msgspec.Struct, frozen=True):
    """What an upgrade would do, or did."""

    where: str
    stands: str
    """The schema before; empty for an empty database."""
    wants: str
    steps: list[Step]
    connections: int
    """How many connections the database holds: with any, a backup before is advised."""
    others: list[str]
    """Other processes that use the database, as PROCESS@MACHINE."""
    done: bool = False


def look(home: Path, url: str | None) -> Upgrade:
    """What `upgrade` would do; changes nothing. DatabaseTrouble when a newer release made the database."""
    with Database.open(home, url, as_it_is=True) as database, database.begin() as conn:
        stands = migrate.revision(conn)
        steps = migrate.pending(conn)
        held = bulk.fetch(conn, "SELECT count(*) FROM connections")[0][0] if stands else 0
        return Upgrade(database.where, stands or "", migrate.HEAD, steps, held, restored.others(conn))


def upgrade(home: Path, url: str | None, actor: str) -> Upgrade:
    """Runs the migrations that are missing, all or none, and audits it. BadInput while other processes are at work."""
    planned = look(home, url)
    if not planned.steps:
        return planned
    if planned.others:
        raise BadInput(
            f"Other processes use this database: {', '.join(planned.others)}.",
            remedy="Stop every ml-connector process first: an older one cannot work with the new schema.",
        )
    with Database.open(home, url, as_it_is=True) as database, database.begin() as conn:
        migrate.upgrade(conn)
        about = bulk.json_text({"from": planned.stands, "to": planned.wants})
        entry = audit.AuditEntry(system_clock(), actor, "database:upgrade:done", details=about)
        audit.append(conn, audit.INSTALLATION, [entry])
    return msgspec.structs.replace(planned, done=True)
