"""A sender that behaves like Procore: it tries each event until it gets a 2xx, and remembers which it got one for."""

from __future__ import annotations

import threading
import time

from .house import Hook, Said, body_of, call, event_at


class Sender:
    """Sends events numbered from `first` on, one after the other, from a thread, until `stop`."""

    def __init__(self, port: int, hook: Hook, first: int) -> None:
        self.accepted: list[str] = []
        self.refusals: set[int | str] = set()
        self.slowest = 0.0
        self._port = port
        self._hook = hook
        self._next = first
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends once the event at hand was accepted."""
        self._ending.set()
        self._thread.join(20)
        assert not self._thread.is_alive(), "the door never took it"

    def _send(self) -> None:
        while not self._ending.is_set():
            body = body_of(self._next)
            while not self._accepts(body):
                time.sleep(0.02)
            self.accepted.append(event_at(self._next).ulid)
            self._next += 1

    def _accepts(self, body: bytes) -> bool:
        began = time.monotonic()
        try:
            said: Said = call(self._port, "POST", self._hook.path, body, Authorization=self._hook.authorization)
        except OSError as error:
            self.refusals.add(type(error).__name__)
            return False
        self.slowest = max(self.slowest, time.monotonic() - began)
        if said.status != 202:
            self.refusals.add(said.status)
        return said.status == 202
