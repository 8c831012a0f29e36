"""Which run and intents an exchange belongs to: a run brings its writer, a sending thread names its intents."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from ml_connector.store.evidence import EvidenceWriter
from ml_connector.store.postgres import Database
from ml_connector.systems.wire import Exchange

Overheard = Callable[[Exchange, int, str], None]
"""Told of an exchange, of the run it belongs to (0 outside of one), and of the record it is sent for (or nothing)."""
NO_SAY = (0, 408, 500, 502, 504)
"""Statuses that do not say whether a write was carried out; 0 is no answer."""
ASKS = {0: "no answer", 423: "locked", 429: "slow down", 502: "away", 503: "away", 504: "away"}
"""Statuses of which the same request is sent again later, to what they say."""
DECIDED = "DECIDE"
"""Method under which a decision's input is taped, side `engine`: no request."""
MUCH = 1_000_000
"""Compressed bytes of evidence kept in memory at most while a run reads."""


class RunTape:
    """Takes exchanges from both systems' threads; what comes outside a run (checks, discovery) is not kept."""

    def __init__(self) -> None:
        self._writer: EvidenceWriter | None = None
        self._run = 0
        self._here = threading.local()
        self.leaving: Callable[[], None] = lambda: None
        """Asked right before each request that writes leaves, in the thread that sends it; raises when it must not."""
        self.overheard: Overheard | None = None
        """Told of every exchange besides, in the thread that sent it: traces are made of it."""
        self._sent, self._put_off = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        self._counting = threading.Lock()

    def begin(self, connection_id: int, run_id: int) -> None:
        """From now on exchanges belong to this run."""
        self._writer = EvidenceWriter(connection_id, run_id)
        self._run = run_id

    def __call__(self, exchange: Exchange) -> None:
        """Takes one exchange; quick, thread safe."""
        if exchange.write and exchange.left and exchange.status in NO_SAY:
            self._here.lost = self.lost() + 1
        if self._writer:
            self._writer.tape(exchange)
        if exchange.method != DECIDED:
            with self._counting:
                self._sent[exchange.side, "write" if exchange.write else "read"] += 1
                if exchange.status in ASKS:
                    self._put_off[exchange.side, ASKS[exchange.status]] += 1
        if self.overheard:
            self.overheard(exchange, self._run, getattr(self._here, "record", ""))

    def requests(self) -> dict[str, dict[str, int]]:
        """Requests that were sent so far, by side, by read and write."""
        return self._counted(self._sent)

    def pauses(self) -> dict[str, dict[str, int]]:
        """How often each side asked for a pause, or gave no answer, by what it said; most are tried again."""
        return self._counted(self._put_off)

    def _counted(self, counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        with self._counting:
            for (side, what), number in counts.items():
                found.setdefault(side, {})[what] = number
        return found

    def lost(self) -> int:
        """Writes of this thread so far that may have reached the other side and of which nobody said how they ended."""
        return getattr(self._here, "lost", 0)

    @contextmanager
    def about(self, intents: Sequence[int], record: str = "") -> Iterator[None]:
        """Exchanges of this thread inside the block carry these intents, and are sent for that record, or those."""
        self._here.record = record
        try:
            with self._writer.sending(intents) if self._writer else nullcontext():
                yield
        finally:
            self._here.record = ""

    def spill(self, db: Database) -> None:
        """Writes what was taken once it is much. For what only was read: a killed run has done nothing by it."""
        if self._writer and self._writer.weight > MUCH:
            self._writer.flush(db)

    def flush(self, db: Database) -> None:
        """Writes what was taken, in a transaction of its own."""
        if self._writer and self._writer.pending:
            self._writer.flush(db)
