"""How much of a long work one run takes: so many documents, each carried through all its steps, the rest later.

A run that took everything and stopped somewhere would leave thousands of documents half done, and the next would have
to look at all of them again. Only what is new is cut. What is held comes last, so that it never keeps from their turn
those that can go; what changed since it was at rest comes last, too, and all at once, so that the brakes see a mass
change as a whole. Both are decided by the run that gets to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

_Record = TypeVar("_Record")


class Bites:
    """Counts the documents one run takes, and knows where it was cut short."""

    def __init__(self, most: int = 0) -> None:
        """`most` documents altogether, or few more; 0 for no end."""
        self.most = most
        self.taken = 0
        self.cut = ""
        """The flow at which it was enough; those after it take no part in this run."""
        self.skipped: set[str] = set()
        """Flows that were not read at all."""
        self.unread: set[str] = set()
        """`flow/PROJECT` of the readings that were not read to their end."""

    def skips(self, flow: str) -> bool:
        """Whether a flow takes no part because an earlier one was cut short; notes it."""
        if self.cut and flow != self.cut:
            self.skipped.add(flow)
        return bool(self.cut)

    def fit(
        self,
        flow: str,
        records: Iterable[_Record],
        late: Callable[[_Record], bool],
        home: Callable[[_Record], str] = lambda _: "",
    ) -> tuple[list[_Record], list[_Record]]:
        """What of some documents is taken now, and what waits for the end of the reading.

        `late` says of each whether it waits: held, or changed since it was at rest. Those of one `home` (none where it
        is empty) go together. Where not all of the others fit, the rest is left and `cut` names the flow.
        """
        groups: dict[object, list[_Record]] = {}
        for one in records:
            groups.setdefault(home(one) or object(), []).append(one)
        now: list[_Record] = []
        held: list[_Record] = []
        for group in groups.values():
            if all(late(one) for one in group):
                held += group
            elif self.most and self.taken >= self.most:
                self.cut = flow
            else:
                now += group
                self.taken += len(group)
        return now, held

    def leave(self, flow: str, projects: Collection[str]) -> None:
        """Notes readings of a flow that were not read to their end."""
        self.unread.update(f"{flow}/{project}" for project in projects)
