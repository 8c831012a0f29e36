"""What has been billed, written on an order's line: in the line's own collection, with its tag (facts/ifs.md 11.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_connector.kernel.errors import OutcomeUnknown, Refused, Stale
from ml_connector.records.billed_line import BilledLine
from ml_connector.systems.ifs.odata import Odata, row_path, text_literal
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.writing import Found, Writing
from ml_connector.systems.outcomes import body_of, done, one_by_one
from ml_connector.systems.port import Effect, Outcome

MARK = "[ml-connector]"
"""Begins our line in a text that belongs to the buyers as well."""
_OURS_ALONE = "Cf_"


class BilledLines:
    """Tells order lines what has been billed on them. What buyers wrote in the same text stays."""

    def __init__(self, odata: Odata, profile: Profile) -> None:
        projection, _, self._orders = profile.writes.order.partition("/")
        self._writing = Writing(odata, projection)
        self._navs = profile.line_navs
        self._property = profile.writes.billed_property

    def update(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Writes the text of each line. A line that changed since it was read is read again and tried once more."""
        return one_by_one(effects, self._update)

    def find(self, effect: Effect) -> Outcome | None:
        """DONE when the line says what the effect wants it to say."""
        body = body_of(effect, BilledLine)
        there = self._writing.read(self._path(body))
        if there is None or self._wanted(there.row, body) is not None:
            return None
        return done(effect, effect.target or f"{body.order} {body.line}", there.etag)

    def _update(self, effect: Effect) -> Outcome:
        body = body_of(effect, BilledLine)
        try:
            there = self._write(body)
        except Stale:
            there = self._write(body)
        except OutcomeUnknown:
            settled = self.find(effect)
            if settled is None:
                raise
            return settled
        return done(effect, effect.target or f"{body.order} {body.line}", there.etag)

    def _write(self, body: BilledLine) -> Found:
        """The line as it stands once it says what it should; nothing is sent when it does."""
        path = self._path(body)
        there = self._writing.read(path)
        if there is None:
            raise Refused(f"Order {body.order} has no line {body.line} among its {body.kind} lines in IFS.")
        wanted = self._wanted(there.row, body)
        return there if wanted is None else self._writing.patch(path, there.etag, {self._property: wanted})

    def _wanted(self, row: Mapping[str, Any], body: BilledLine) -> str | None:
        """What the property must hold; None when it does."""
        holds = row.get(self._property)
        now = "" if holds is None else str(holds)
        if self._property.startswith(_OURS_ALONE):
            return None if now == body.text else body.text
        return beside(now, body.text)

    def _path(self, body: BilledLine) -> str:
        line, slash, release = body.line.partition("/")
        nav = self._navs.get(body.kind)
        if not nav or not slash:
            raise Refused(f"The profile names no collection for {body.kind} lines such as {body.order} {body.line}.")
        order = {"OrderNo": text_literal(body.order)}
        key = {**order, "LineNo": text_literal(line), "ReleaseNo": text_literal(release)}
        return f"{row_path(self._orders, order)}/{row_path(nav, key)}"


def beside(text: str, ours: str) -> str | None:
    """`text` with `ours` as its one line that begins with our mark; None when it says so already.

    The line stands where it stood, or at the end; without `ours` it is taken out. However lines end, and whatever
    else they say, makes no difference.
    """
    lines = text.splitlines()
    places = [at for at, line in enumerate(lines) if line.startswith(MARK)]
    mine = [f"{MARK} {' '.join(ours.split())}"] if ours.strip() else []
    if [lines[at].rstrip() for at in places] == mine:
        return None
    at = places[0] if places else len(lines)
    before, behind = lines[:at], [line for line in lines[at:] if not line.startswith(MARK)]
    return "\n".join([*before, *mine, *behind])
