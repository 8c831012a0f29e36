"""Gives an installation that was told a story the story's own dates; nothing but the demo does that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ml_connector.app import App
from ml_connector.kernel.clock import system_clock
from ml_connector.store import backdating


def backdate(app: App, moves: Sequence[tuple[datetime, timedelta]]) -> None:
    """Moves what the database stamped while a moved clock was in force to that clock's moments.

    `moves`: when the clock was set, and how far it was ahead from then on.
    """
    with app.db.begin() as conn:
        backdating.backdate(conn, moves, system_clock())
