"""What was found and said while a connection was set up is of the systems it named then: naming others forgets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_connector.app import App
from ml_connector.planning.workbench import QUESTIONS
from ml_connector.service.changing import change
from ml_connector.store import audit, bulk, links, rulings, setups
from ml_connector.store.bulk import Transaction
from ml_connector.store.setups import LEVELS, SetupRow

_SYSTEMS = (
    ("erp", "url"),
    ("erp", "realm"),
    ("connection", "erp_company"),
    ("projects", "url"),
    ("projects", "company_id"),
)
"""Entries that say which systems are joined."""
_ACCOUNTS = (("erp", "client_id"), ("erp", "channel"), ("projects", "client_id"), ("projects", "login_url"))
"""Entries that say as whom we come to them."""


def changed(app: App, name: str, changes: Mapping[str, Any]) -> bool:
    """Changes a connection (service/changing.py) and forgets what was found and said of other systems, or by another
    account: the one way by which pages, programs and commands change one. Whether anything was different."""
    before = app.connection(name).config
    if not change(app, name, changes):
        return False
    _forget(app, name, before)
    return True


def _forget(app: App, name: str, before: Mapping[str, Any]) -> None:
    """Forgets what no longer holds, now that a connection was changed; `before` is its form as it was.

    Other systems: what was found, the steps that were done and, where nothing is linked yet, what was said of pairs.
    Another account: what that one saw, and that somebody looked at what it may write. Nothing where both are the same.
    """
    row = app.connection(name)
    systems, account = (_differ(before, row.config, which) for which in (_SYSTEMS, _ACCOUNTS))
    if not systems and not account:
        return
    with app.db.begin() as conn:
        found = setups.of(conn, name, ours=True)
        if found is not None:
            setups.forget(conn, found.id)
            setups.unmark(conn, found.id, [*found.marks] if systems else [LEVELS, "survey"])
        if systems and found is not None and not links.count_links(conn, row.id):
            _withdraw(conn, app, row.id, found)


def _differ(before: Mapping[str, Any], now: Mapping[str, Any], entries: tuple[tuple[str, str], ...]) -> bool:
    return any(before.get(part, {}).get(entry) != now.get(part, {}).get(entry) for part, entry in entries)


def _withdraw(conn: Transaction, app: App, connection_id: int, found: SetupRow) -> None:
    """Takes the answers about pairs back: their records are those of other systems. Audited one by one."""
    questions = {(kind, reason.value) for kind, reason in QUESTIONS.items()}
    gone = [(key, reason) for key, reason in rulings.rulings_of(conn, connection_id) if (key.kind, reason) in questions]
    for key, reason in gone:
        rulings.withdraw(conn, connection_id, key, reason)
    entries = [
        audit.AuditEntry(
            app.clock(),
            app.actor,
            "ruling:withdraw:done",
            key.kind,
            key.id,
            0,
            bulk.json_text({"note": "another system was named", "reason": reason}),
        )
        for key, reason in gone
    ]
    audit.append(conn, connection_id, entries)
    if gone:
        setups.mark(conn, found.id, setups.WITHDRAWN, app.actor)
