"""What people look up at their desks: read-only questions to an App, and backup and restore."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import TOKENS
from ml_connector.engine import lookup
from ml_connector.engine.answering import allowed
from ml_connector.engine.knowing import hold_of
from ml_connector.engine.reporting import describe
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.settings import Settings
from ml_connector.store import audit as trail
from ml_connector.store import backup as copies
from ml_connector.store import connections, mappings, upgrading
from ml_connector.store import holds as waiting
from ml_connector.store import runs as history
from ml_connector.store.holds import HoldRow
from ml_connector.store.runs import RunRow, Sought

KEY_VARIABLE = "ML_CONNECTOR_KEY"
"""May hold the sealing key instead of a file; see vault/keys.py."""

INSTALLATION = "(installation)"
"""How the audit chain that belongs to no connection is called."""


def begin(app: App) -> dict[str, Any]:
    """Makes the sealing key if there is none and nothing is sealed yet; where everything is kept, by name.

    KeyTrouble when secrets are sealed and their key is gone.
    """
    with app.db.begin() as conn:
        sealed = connections.has_secrets(conn)
    fresh = not app.settings.key_file.exists()
    key = app.ring(may_make=not sealed).current
    from_variable = bool(os.environ.get(KEY_VARIABLE, "").strip())
    return {
        "home": str(app.settings.home),
        "database": app.db.where,
        "database_is_embedded": app.settings.database_url is None,
        "key": f"the variable {KEY_VARIABLE}" if from_variable else str(app.settings.key_file),
        "key_id": key.id,
        "key_made_now": fresh and not from_variable,
        "connections": len(app.connections()),
    }


def connection_form(app: App, name: str) -> dict[str, Any]:
    """A connection's settings as its file would have them, and which secrets are sealed; never the secrets."""
    row = app.connection(name)
    with app.db.begin() as conn:
        kept = connections.secrets_of(conn, row.id)
    fields = [secret.field for secret in kept if secret.field not in TOKENS.values()]
    return {"name": row.name, "title": row.title, "config": _filled(row.config), "sealed": fields}


def runs(
    app: App,
    name: str | None = None,
    *,
    before: int | None = None,
    limit: int = 20,
    only: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Runs, newest first, below number `before`; of every connection when none is named.

    `only` has what they must be: state, trigger, actor, flow; an empty word leaves none out.
    """
    names = {row.id: row.name for row in app.connections()}
    number = app.connection(name).id if name else None
    with app.db.begin() as conn:
        rows = history.list_runs(conn, number, before=before, limit=limit, sought=Sought(**only or {}))
    return [_run_form(row, names.get(row.connection_id, "")) for row in rows]


def run(app: App, name: str, number: int) -> dict[str, Any]:
    """One run of a connection; NothingSuchHere when it has none of that number."""
    row = app.connection(name)
    with app.db.begin() as conn:
        return _run_form(history.get_run(conn, row.id, number), name)


def holds(app: App, name: str, flow: str | None = None) -> list[dict[str, Any]]:
    """Open holds, oldest first, each with its number, how long it waits, and what a person may answer."""
    row = app.connection(name)
    with app.db.begin() as conn:
        return [_hold_form(hold) for hold in waiting.open_holds(conn, row.id, flow)]


def hold(app: App, name: str, number: int) -> dict[str, Any]:
    """One hold, open or released; NothingSuchHere when there is none of that number."""
    row = app.connection(name)
    with app.db.begin() as conn:
        return _hold_form(waiting.get_hold(conn, row.id, number))


def life_of_order(app: App, name: str, number: str) -> dict[str, Any]:
    """Everything known of one IFS order; see engine/lookup.py. NothingSuchHere when it was never looked at."""
    row = app.connection(name)
    with app.db.begin() as conn:
        return {"connection": name, **lookup.life_of_order(conn, row.id, number)}


def life_of_document(app: App, name: str, number: str) -> dict[str, Any]:
    """Everything known of one document by its id in its own system; see engine/lookup.py."""
    row = app.connection(name)
    with app.db.begin() as conn:
        return {"connection": name, **lookup.life_of_document(conn, row.id, number)}


def mapping_versions(app: App, name: str) -> list[dict[str, Any]]:
    """Versions of a connection's mapping, without their text."""
    row = app.connection(name)
    with app.db.begin() as conn:
        found = [msgspec.to_builtins(version) for version in mappings.listed(conn, row.id)]
    return [{key: value for key, value in version.items() if key != "toml"} for version in found]


def audit_entries(
    app: App, name: str, *, record: str = "", before: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """The latest audit rows, newest first, below number `before`; of one record when it is given."""
    row = app.connection(name)
    with app.db.begin() as conn:
        found = trail.entries(conn, row.id, erp_id=record, before=before, limit=limit)
    return [
        {
            "seq": one.seq,
            "at": one.entry.at,
            "actor": one.entry.actor,
            "tag": one.entry.tag,
            "record": f"{one.entry.kind}:{one.entry.erp_id}" if one.entry.kind else one.entry.erp_id,
            "run": one.entry.run_id or None,
            "details": msgspec.json.decode(one.entry.details) if one.entry.details else {},
            "hash": one.hash.hex(),
        }
        for one in found
    ]


def audit_chains(app: App, name: str | None = None, noted: tuple[int, bytes] | None = None) -> list[dict[str, Any]]:
    """Every audit chain checked, or the one of a connection: its end, its rows, and what is wrong with it.

    `noted` is an end (number and hash) written down earlier; only with a name.
    """
    names = {row.id: row.name for row in app.connections()}
    kept = trail.Head(*noted) if noted else None
    with app.db.begin() as conn:
        wanted = [app.connection(name).id] if name else trail.chains(conn)
        found = []
        for chain in wanted:
            end = trail.head(conn, chain)
            title = INSTALLATION if chain == trail.INSTALLATION else names.get(chain, f"(removed, number {chain})")
            faults = trail.verify(conn, chain, kept)
            found.append({"connection": title, "rows": end.seq, "head": str(end), "faults": faults})
    return found


def backup(settings: Settings, path: Path) -> copies.Backup:
    """Writes the whole database to a new file; see store/backup.py for what it raises."""
    return copies.backup(settings.home, settings.database_url, path)


def restore(settings: Settings, path: Path, *, replace: bool = False) -> copies.Backup:
    """Puts a backup in place of what the database holds; see store/backup.py for what it raises."""
    return copies.restore(settings.home, settings.database_url, path, replace=replace)


def upgrade(settings: Settings, actor: str, *, dry_run: bool) -> upgrading.Upgrade:
    """Runs the migrations a database lacks, or with `dry_run` only says which; see store/upgrading.py."""
    if dry_run:
        return upgrading.look(settings.home, settings.database_url)
    return upgrading.upgrade(settings.home, settings.database_url, actor)


def flows_of(words: list[str], known: Mapping[str, str]) -> list[str]:
    """Flow names from what a person typed: dashes count as underscores. NothingSuchHere for an unknown one."""
    found = [word.replace("-", "_") for word in words]
    for flow in found:
        if flow not in known:
            raise NothingSuchHere(f"There is no flow {flow!r}.", remedy=f"Flows: {', '.join(known)}.")
    return found


def _run_form(row: RunRow, name: str) -> dict[str, Any]:
    return {
        "run": row.id,
        "connection": name,
        "trigger": row.trigger,
        "actor": row.actor,
        "flows": row.flows,
        "state": row.state,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "plan": row.plan_hash,
        "mapping_version": row.mapping_version,
        "counts": row.counts,
        "requests": row.requests,
        "error": row.error,
    }


def _hold_form(row: HoldRow) -> dict[str, Any]:
    return {
        "hold": row.id,
        **describe(hold_of(row)),
        "source": row.source,
        "since": row.since,
        "released_at": row.released_at,
        "answers": list(allowed(row)),
    }


def _filled(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without the entries that say nothing: TOML has no word for them."""
    return {
        key: _filled(value) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if value is not None and value != {}
    }
