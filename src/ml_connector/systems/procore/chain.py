"""Documents of a contract go one after the other: each goes on where the one before ended."""

from __future__ import annotations

from threading import Lock

from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.procore.effects import Work, guarded


class Chains:
    """One kind of document by its contracts. Thread safe: contracts go side by side, those of one never.

    Once one is without an answer, or has to wait, the later ones of its contract wait until it was sent or looked up:
    their place in the chain is not known.
    """

    def __init__(self, behind: str) -> None:
        """`behind` is the sentence for one that waits for another."""
        self._behind = behind
        self._own = Lock()
        self._locks: dict[str, Lock] = {}
        self._open: dict[str, str] = {}
        """Contract to the once-key of the document that may or may not be there."""

    def send(self, contract: str, effect: Effect, work: Work) -> Outcome:
        """One effect in its turn, sent by `work`."""
        with self._own:
            lock = self._locks.setdefault(contract, Lock())
        with lock:
            if self._open.get(contract, effect.once_key) != effect.once_key:
                return Outcome(effect.intent_id, Result.WAITING, effect.target, sentence=self._behind)
            outcome = guarded((effect,), work)[0]
            if outcome.result in (Result.UNKNOWN, Result.WAITING):
                self._open[contract] = effect.once_key
            else:
                self._open.pop(contract, None)
            return outcome

    def looked_up(self, contract: str, effect: Effect) -> None:
        """Whatever came of it is known now: later ones may go."""
        if self._open.get(contract) == effect.once_key:
            del self._open[contract]
