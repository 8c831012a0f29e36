"""Changes a connection's settings while it is at work: only what differs, and again where a run was in the way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ml_connector.app import App
from ml_connector.kernel.errors import Locked

_TRIES = 4
_MISSING = object()


def change(app: App, name: str, changes: Mapping[str, Any]) -> bool:
    """Lays `changes` (the form of a connection file) over a connection; whether anything was different.

    What is as it was is left out, for a change of policy has every document decided anew. Locked is raised where a
    run stays in the way.
    """
    if not differing(app.connection(name).config, changes):
        return False
    for left in range(_TRIES - 1, -1, -1):
        try:
            app.edit_connection(name, lambda row: differing(row.config, changes))
            return True
        except Locked:  # a run settled at the same moment: nothing of ours was kept
            if not left:
                raise
            time.sleep(0.2)
    return True


def differing(there: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the changes that say something else than what is there; secrets, which are not there, always do."""
    found: dict[str, Any] = {}
    for key, value in changes.items():
        now = there.get(key, _MISSING)
        if isinstance(value, Mapping) and isinstance(now, Mapping):
            if inner := differing(now, value):
                found[key] = inner
        elif not _same(now, value):
            found[key] = value
    return found


def _same(now: object, value: object) -> bool:
    if isinstance(now, list) and isinstance(value, (list, tuple)):
        return now == list(value)
    return now == value or (now is None and value is None)
