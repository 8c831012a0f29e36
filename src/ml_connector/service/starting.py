"""The last choices of a set-up: who owns what, from which day on, and when it runs by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.kernel.errors import BadInput
from ml_connector.planning import ownership
from ml_connector.planning.policy import Policies
from ml_connector.service import setting_up
from ml_connector.service.changing import change
from ml_connector.store import setups

MODES = ("day", "open", "history")
"""How far back a connection begins: from a day on, with all that is open, or with as much history as can be read."""
LONGEST_WINDOW = 3650
"""Days back by which invoices and payments can be looked for."""
USUAL_WINDOWS = {
    "supplier_invoices": Policies().supplier_invoices.window_days,
    "payments": Policies().payments.window_days,
}
"""Policy to the days back by which it looks where nobody says otherwise."""


class Timetable(msgspec.Struct, frozen=True):
    """When a connection works by itself, in the words of its file, and whether its plans wait for approval."""

    interval: str = "15m"
    hours: str = "00:00-24:00"
    days: str = "mon-sun"
    approve: str = "manual"
    """manual or auto."""
    restored: bool = False
    """Whether a person says now that a backup was restored for a try; said once, it need not be said again."""


def own(app: App, name: str, chosen: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Sets the choices of the ownership matrix; what changed, by policy. BadInput for a choice there is not."""
    row = setting_up.connection_of(app, name)
    changes = ownership.changes(config_from(row.config).policy, dict(chosen))
    if changes:
        change(app, name, {"policy": changes})
    setting_up.done(app, name, "ownership")
    return changes


def go_live(app: App, name: str, mode: str, day: date | None, window: int = 0) -> None:
    """Chooses how far back it begins; see docs/first-run.md. BadInput when the day or the window cannot be.

    `window` is for history: days back by which invoices and payments are looked for; 0 leaves it as it is. The other
    ways take the usual windows again.
    """
    if mode not in MODES:
        raise BadInput(f"{mode!r} is no way to begin.", remedy=f"Use {', '.join(MODES)}.")
    if mode == "day" and day is None:
        raise BadInput(
            "The first day is missing.",
            remedy="Name the first day whose documents are carried over, or choose another way.",
        )
    if mode != "day" and day is not None:
        raise BadInput(
            "A day belongs to beginning from a day on, and to nothing else.",
            remedy="Leave the day out, or begin from that day on.",
        )
    if day is not None and not 1990 <= day.year <= 2200:
        raise BadInput(f"{day} is no day to begin at.", remedy="Write it as 2026-12-01.")
    if window and not 1 <= window <= LONGEST_WINDOW:
        raise BadInput(f"{window} days cannot be looked back.", remedy=f"Name 1 to {LONGEST_WINDOW} days.")
    setting_up.connection_of(app, name)
    changes: dict[str, Any] = {"connection": {"go_live": day.isoformat() if day else None}}
    if mode != "history":
        changes["policy"] = {part: {"window_days": days} for part, days in USUAL_WINDOWS.items()}
    elif window:
        changes["policy"] = {part: {"window_days": window} for part in USUAL_WINDOWS}
    change(app, name, changes)
    setting_up.answered(app, name, "begins", mode)
    setting_up.done(app, name, "go_live")


def timetable(app: App, name: str, chosen: Timetable) -> None:
    """Sets when it works and whether later plans wait for approval; the set-up is over. BadInput before approval.

    Nothing runs by itself before a person approved a first plan: that ends the pause, and from then on it looks and
    plans as its file says. The set-up is not over, and plans do not go by themselves by it, before a person said that
    a backup was restored for a try.
    """
    row = setting_up.connection_of(app, name)
    if chosen.approve not in ("manual", "auto"):
        raise BadInput(f"{chosen.approve!r} is no way to approve.", remedy="Use manual or auto.")
    if not was_approved(app, name):
        raise BadInput(
            "No plan of this connection was approved yet, so nothing runs by itself.",
            remedy="Make the first plan and approve it.",
        )
    _restored(app, name, said=chosen.restored)
    schedule = {"interval": chosen.interval, "hours": chosen.hours, "days": chosen.days}
    change(app, name, {"schedule": schedule, "policy": {"purchase_orders": {"approve": chosen.approve}}})
    setting_up.done(app, name, "schedule")
    with app.db.begin() as conn:
        setups.finish(conn, setups.get(conn, row.name).id)


def restored(app: App, name: str) -> str:
    """Who said that a backup of this installation was restored for a try; empty while nobody has."""
    setting_up.connection_of(app, name)
    with app.db.begin() as conn:
        row = setups.of(conn, name)
    return row.marks.get(setups.RESTORED, {}).get("actor", "") if row else ""


def _restored(app: App, name: str, *, said: bool) -> None:
    """Keeps who tried a restore. BadInput while nobody has: a backup never tried may be none."""
    if restored(app, name):
        return
    if not said:
        raise BadInput(
            "Nobody has said yet that a backup was restored for a try, so this is not kept and the set-up is not over.",
            remedy="Make one by `ml-connector backup FILE`, restore it into an empty place beside this one by "
            "`ml-connector restore FILE`, look at it there, and say so here.",
        )
    with app.db.begin() as conn:
        setups.mark(conn, setting_up.of_connection(conn, app, name).id, setups.RESTORED, app.actor)


def was_approved(app: App, name: str) -> bool:
    """Whether a person ever approved a plan of it."""
    row = setting_up.connection_of(app, name)
    with app.db.begin() as conn:
        return setups.was_approved(conn, row.id)
