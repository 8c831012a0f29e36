"""Says who may come in: the header we gave to the other side, and nothing else, proves a caller."""

from __future__ import annotations

import time

from ml_connector.kernel.errors import ConnectorError, Unavailable
from ml_connector.service.hook_book import Hook, HookBook
from ml_connector.webhooks.threads import OneAtATime

FRESH = 3.0
"""Seconds after which the hooks are looked up again, while callers come."""
STALE = 10.0
"""Seconds after which nobody is let in by what was known before; a removed hook is refused by then."""
EAGER = 1.0
"""Seconds between two looks for the sake of callers we do not know, however many they are."""
_PATIENCE = 0.3


class Gatekeeper:
    """Lets callers in by the book of hooks, and keeps the book fresh. To be used from one event loop."""

    def __init__(self, book: HookBook) -> None:
        self.book = book
        self._look: OneAtATime[None] = OneAtATime(book.refresh)
        self._failed_at = float("-inf")

    async def admit(self, source: str, connection: str, slug: str, authorization: bytes) -> Hook | None:
        """The hook of a caller who proved it; None for every other, whatever is wrong. Unavailable: nobody can know.

        Unknown hooks and wrong secrets go the same way, so that time does not tell them apart: a look into the
        database for a hook made just now, but no more than one a second for all callers together.
        """
        if self.book.age() > STALE:
            await self._refresh()
        elif self.book.age() > FRESH:
            self._look.start()
        found = self.book.admit(source, connection, slug, authorization)
        if found is None and self.book.age() > EAGER:
            await self._refresh()
            found = self.book.admit(source, connection, slug, authorization)
        return found

    async def _refresh(self) -> None:
        if time.monotonic() - self._failed_at < EAGER:
            raise Unavailable("The hooks could not be looked up a moment ago.")
        try:
            await self._look.within(_PATIENCE)
        except (ConnectorError, TimeoutError):
            self._failed_at = time.monotonic()
            raise Unavailable("The hooks cannot be looked up.") from None
