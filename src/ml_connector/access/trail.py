"""What the audit trail of the installation says about users, sessions and tokens."""

from __future__ import annotations

from ml_connector.app import App
from ml_connector.store import audit, bulk
from ml_connector.store.bulk import Transaction


def note(conn: Transaction, app: App, tag: str, subject: str, /, **about: object) -> None:
    """Adds one row: who (the App's actor) did what to whom; `about` goes into its details and is never a secret."""
    entry = audit.AuditEntry(
        at=app.clock(),
        actor=app.actor,
        tag=tag,
        kind=tag.split(":", 1)[0],
        erp_id=subject,
        details=bulk.json_text({name: value for name, value in about.items() if value not in ("", None)}),
    )
    audit.append(conn, audit.INSTALLATION, [entry])
