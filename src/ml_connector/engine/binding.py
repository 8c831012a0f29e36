"""A connection is tied to one tenant and one company: what each side says of itself is compared before a run begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from ml_connector.kernel.clock import Clock
from ml_connector.kernel.errors import EnvironmentChanged
from ml_connector.store import audit, bulk, identities
from ml_connector.store.postgres import Database

CALLED = {"erp": "IFS", "projects": "Procore"}
"""A role to the name people know its system by."""


@dataclass(frozen=True)
class Face:
    """One side as it can be asked: a mark of the token it is called with, and what it says of itself."""

    side: str
    mark: Callable[[], str]
    facts: Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class Bond:
    """What ties one connection to its two systems."""

    db: Database
    connection_id: int
    name: str
    actor: str
    clock: Clock

    def hold(self, *faces: Face, anew: bool = False) -> None:
        """Compares each side with what the connection is tied to, and ties it at first. Raises EnvironmentChanged.

        A side is asked once a token, or `anew` whatever it said before. Facts that a side does not tell, now or then,
        are not compared; new ones are added. Both sides answer before either is tied.
        """
        with self.db.begin() as conn:
            bound = identities.of(conn, self.connection_id)
        fresh = []
        for face in faces:
            mark, known = face.mark(), bound.get(face.side)
            if anew or known is None or known.seen_under != mark:
                fresh.append((face.side, mark, dict(face.facts())))
        for side, _, facts in fresh:
            if side in bound:
                self._compare(side, bound[side].facts, facts)
        if not fresh:
            return
        with self.db.begin() as conn:
            for side, mark, facts in fresh:
                known = bound.get(side)
                if known is None or facts.keys() - known.facts.keys():
                    self._bind(conn, side, {**facts, **(known.facts if known else {})}, "connection:bind:done")
                identities.seen(conn, self.connection_id, side, mark)

    def renew(self, *faces: Face) -> dict[str, dict[str, str]]:
        """Ties the connection to what answers now, whatever it was tied to: a person made sure. What it is, by side."""
        found = {face.side: dict(face.facts()) for face in faces}
        with self.db.begin() as conn:
            for side, facts in found.items():
                self._bind(conn, side, facts, "connection:rebind:done")
        return found

    def _compare(self, side: str, then: Mapping[str, str], now: Mapping[str, str]) -> None:
        unlike = [name for name in then if name in now and then[name] != now[name]]
        if not unlike:
            return
        told = "; ".join(f"its {name} was {then[name]!r} and is {now[name]!r}" for name in unlike)
        with self.db.begin() as conn:
            details = {"side": side, "then": {name: then[name] for name in unlike}, "now": dict(now)}
            self._audit(conn, "connection:bind:refused", details)
        error = EnvironmentChanged(
            f"{CALLED[side]} is not what connection {self.name} was tied to: {told}. Nothing was written.",
            remedy="Make sure which system answers there: it may be a clone or a refreshed sandbox. If it is the right "
            f"one, run `ml-connector connection rebind {self.name}`.",
        )
        error.side = side
        raise error

    def _bind(self, conn: Connection, side: str, facts: dict[str, str], tag: str) -> None:
        identities.bind(conn, self.connection_id, side, facts, self.actor)
        self._audit(conn, tag, {"side": side, "now": facts})

    def _audit(self, conn: Connection, tag: str, details: Mapping[str, object]) -> None:
        entry = audit.AuditEntry(
            at=self.clock(),
            actor=self.actor,
            tag=tag,
            kind="connection",
            erp_id=self.name,
            details=bulk.json_text(details),
        )
        audit.append(conn, self.connection_id, [entry])
