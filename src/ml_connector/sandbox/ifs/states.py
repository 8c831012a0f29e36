"""State events: from which states one may start, what it does on the way, and where it ends."""

from __future__ import annotations

from ml_connector.sandbox.ifs.database import NO_RULES, Database, Row
from ml_connector.sandbox.ifs.refusals import RULE, RuleBroken


def fire(db: Database, row: Row, name: str) -> None:
    """Carries out a state event. Refused with class 20110: an event that does not start from the row's state."""
    event = db.rules.get(row.lu.name, NO_RULES).events[name]
    if row["Objstate"] not in event.starts:
        text = f"{name} cannot be done to a {row.lu.name} in state {row['Objstate']}."
        raise RuleBroken(RULE, f"{row.lu.name}.FND_STATE", text)
    if event.effect is not None:
        event.effect(db, row)
    if row["Objstate"] != event.ends:
        db.update(row, {"Objstate": event.ends})
    if event.after is not None:
        event.after(db, row)
