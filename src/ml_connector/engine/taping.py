"""Which run and intents an exchange belongs to: a run brings its writer, a sending thread names its intents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from ml_connector.store.evidence import EvidenceWriter
from ml_connector.store.postgres import Database
from ml_connector.systems.wire import Exchange, Tape

MUCH = 1_000_000
"""Compressed bytes of evidence kept in memory at most while a run reads."""


class RunTape:
    """Takes exchanges from both systems' threads; what comes outside a run (checks, discovery) is not kept."""

    def __init__(self) -> None:
        self._writer: EvidenceWriter | None = None
        self.leaving: Callable[[], None] = lambda: None
        """Asked right before each request that writes leaves, in the thread that sends it; raises when it must not."""
        self.overheard: Tape | None = None
        """Told of every exchange besides, in the thread that sent it: traces are made of it."""

    def begin(self, connection_id: int, run_id: int) -> None:
        """From now on exchanges belong to this run."""
        self._writer = EvidenceWriter(connection_id, run_id)

    def __call__(self, exchange: Exchange) -> None:
        """Takes one exchange; quick, thread safe."""
        if self._writer:
            self._writer.tape(exchange)
        if self.overheard:
            self.overheard(exchange)

    def about(self, intents: Sequence[int]) -> AbstractContextManager[None]:
        """Exchanges of this thread inside the block carry these intents."""
        return self._writer.sending(intents) if self._writer else nullcontext()

    def spill(self, db: Database) -> None:
        """Writes what was taken once it is much. For what only was read: a killed run has done nothing by it."""
        if self._writer and self._writer.weight > MUCH:
            self._writer.flush(db)

    def flush(self, db: Database) -> None:
        """Writes what was taken, in a transaction of its own."""
        if self._writer and self._writer.pending:
            self._writer.flush(db)
