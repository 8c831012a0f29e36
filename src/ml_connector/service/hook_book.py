"""The hooks the door lets in, at hand without a query for each caller."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable

from ml_connector.store import hooks
from ml_connector.store.hooks import HookAtTheDoor
from ml_connector.store.postgres import Database

Hook = HookAtTheDoor
"""A hook as the door knows it; the door itself does not know the store."""


class HookBook:
    """All hooks as they were at the last look. To be read from any thread; only `refresh` asks the database."""

    def __init__(self, db: Database, seconds: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._seconds = seconds
        self._hooks: dict[tuple[str, str], Hook] = {}
        self._names: frozenset[str] = frozenset()
        self._looked_at = float("-inf")
        self._nobody = secrets.token_bytes(32)

    def age(self) -> float:
        """Seconds since the last look began; endless before the first."""
        return self._seconds() - self._looked_at

    def refresh(self) -> None:
        """Looks anew, one query whatever the number of callers. Raises an error of the kernel's tree."""
        began = self._seconds()
        with self._db.begin() as conn:
            found = hooks.at_the_door(conn)
        self._hooks = {(hook.connection, hook.slug): hook for hook in found}
        self._names = frozenset(hook.connection for hook in found)
        self._looked_at = began

    def knows(self, connection: str) -> bool:
        """Whether a connection of that name has a hook; what a stranger calls a connection must not get into a log."""
        return connection in self._names

    def admit(self, source: str, connection: str, slug: str, authorization: bytes) -> Hook | None:
        """The hook a caller proved to be of, or None: for an unknown one and for a wrong secret, after equal work."""
        hook = self._hooks.get((connection, slug))
        known = hook is not None and hook.source == source
        kept = hook.secret_hash if hook is not None and known else self._nobody
        proved = hmac.compare_digest(hooks.secret_hash(authorization), kept)
        return hook if proved and known else None
