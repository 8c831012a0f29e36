"""The two figures beside the menu: what waits for somebody in this connection."""

from __future__ import annotations

import threading
import time

from ml_connector.app import App
from ml_connector.store import holds, signals, unsettled

_KEPT_SECONDS = 5.0


class MenuCounts:
    """Counts of a connection, asked for on every page and looked up now and then."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, dict[str, int]]] = {}
        self._lock = threading.Lock()

    def of(self, app: App, connection: str) -> dict[str, int]:
        """Figures of a connection; empty where it is not there.

        inbox: records held and writes without an answer; plans: plans that wait for approval.
        """
        now = time.monotonic()
        with self._lock:
            at, found = self._kept.get(connection, (0.0, {}))
            if found and now - at < _KEPT_SECONDS:
                return found
        row = next((one for one in app.connections() if one.name == connection), None)
        if row is None:
            return {}
        with app.db.begin() as conn:
            found = {
                "inbox": holds.count_open(conn, row.id) + unsettled.count_unknown(conn, row.id),
                "plans": signals.count_waiting_plans(conn, row.id),
            }
        with self._lock:
            self._kept[connection] = (now, found)
        return found

    def forget(self, connection: str) -> None:
        """Looks again at the next page: something was just done here."""
        with self._lock:
            self._kept.pop(connection, None)
