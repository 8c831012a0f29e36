"""People of an installation, and what tests look at and move: ages of rows, the audit trail, attempts."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from ml_connector.access import signing_in
from ml_connector.access.principal import Principal
from ml_connector.access.signing_in import Session
from ml_connector.access.users import add_user
from ml_connector.app import App
from ml_connector.store import audit

PASSWORD = "nine green kettles sing"
ANNA, ADAM = "anna.f", "adam"

_numbers = count(1)


class Hall:
    """The App, and somebody in it."""

    def __init__(self, app: App) -> None:
        self.app = app

    def somebody(self, role: str = "operator", password: str = "") -> str:
        """Adds a user of that role; their name."""
        name = f"user{next(_numbers)}"
        add_user(self.app, name, role=role, password=password)
        return name

    def enter(self, name: str, password: str = PASSWORD, address: str = "10.0.0.9") -> Session:
        """Signs in with a password."""
        return signing_in.sign_in(self.app, name, password, address, "tests")

    def session(self, name: str) -> Session:
        """A session by a link: quick, for no password is hashed."""
        return signing_in.enter_once(self.app, signing_in.once(self.app, name).word, "10.0.0.9", "tests")

    def who(self, session: Session) -> Principal | None:
        """Who a session's cookie stands for now."""
        found = signing_in.principal_of_cookie(self.app, session.cookie)
        return found[0] if found else None

    def do(self, sql: str, *values: Any) -> list[Any]:
        """Rows a statement returns, if it returns any."""
        with self.app.db.begin() as conn:
            done = conn.exec_driver_sql(sql, values)
            return list(done) if done.returns_rows else []

    def trail(self, tag: str) -> list[tuple[str, str, dict[str, Any]]]:
        """What the installation's audit trail says under a tag: actor, subject, details; the newest first."""
        with self.app.db.begin() as conn:
            rows = audit.entries(conn, audit.INSTALLATION, limit=500)
        found = [row.entry for row in rows if row.entry.tag == tag]
        return [(one.actor, one.erp_id, json.loads(one.details)) for one in found]


def hall(app: App) -> Hall:
    """Two administrators, one of whom has a password."""
    add_user(app, ADAM, role="admin", password=PASSWORD)
    add_user(app, "ada", role="admin", password=PASSWORD)
    add_user(app, ANNA, role="approver", password=PASSWORD, title="Anna Finch", email="anna@north.example")
    return Hall(app)
