"""How many requests are on their way to one tenant or company at once, counted over all connections of this process."""

from __future__ import annotations

import threading
from weakref import WeakValueDictionary


class Permits:
    """The places of one tenant; thread safe. Every caller brings its own limit, so two may share who differ in it."""

    def __init__(self) -> None:
        """All places are free."""
        self._changed = threading.Condition()
        self._busy = 0

    def take(self, most: int) -> None:
        """Waits until fewer than `most` places are taken, by whomever, and takes one."""
        with self._changed:
            while self._busy >= most:
                self._changed.wait()
            self._busy += 1

    def give(self) -> None:
        """Gives a place back."""
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()  # whom one place is enough for is known to those who wait


_known: WeakValueDictionary[tuple[str, ...], Permits] = WeakValueDictionary()
_lock = threading.Lock()


def permits_of(*tenant: str) -> Permits:
    """The places of that tenant in this process: the same for everybody who names it, as long as somebody holds them.

    `tenant` is what makes one: the side, the host, and the company where a host serves many.
    """
    with _lock:
        found = _known.get(tenant)
        if found is None:
            found = _known[tenant] = Permits()
        return found
