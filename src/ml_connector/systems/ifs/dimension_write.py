"""Code part values written in IFS: made, renamed, ended (facts/ifs.md 11.8: `Code{B..J}Handling/Code{B..J}Set`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ml_connector.kernel.errors import OutcomeUnknown, Refused
from ml_connector.records.dimension import Dimension
from ml_connector.systems.ifs.odata import Odata, row_path, text_literal
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.writing import Found, Writing
from ml_connector.systems.outcomes import body_of, one_by_one
from ml_connector.systems.port import Effect, Outcome, Result

PARTS = "BCDEFGHIJ"
"""The code parts whose values may be made here, as far as the company's own set-up lets them."""

_NOT_FOR_BUDGETS = "NotBudgetAccount"


class DimensionWriting:
    """Writes code part values of one company; nothing is overwritten that somebody changed since it was read.

    Which parts take values from outside is IFS's to say: a part that belongs to projects or fixed assets, or whose
    values come from a source company, is refused in its words (PRACCCODEPARTCANNOTMODIFY and its kin).
    """

    def __init__(self, odata: Odata, profile: Profile, company: str) -> None:
        self._odata = odata
        self._place = profile.writes.code_values
        self._company = company

    def create(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Makes each value; one that is there already is left as it is, and the outcome says what differs."""
        return one_by_one(effects, self._create)

    def update(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Changes name and last day of each value where they differ; a row that changed meanwhile is refused."""
        return one_by_one(effects, self._update)

    def find(self, effect: Effect) -> Outcome | None:
        """DONE when the value is there as the effect wants it: on a create, when it is there at all."""
        body = body_of(effect, Dimension)
        there = self._read(body)
        if there is None or (effect.verb != "create" and _changes(body, there.row)):
            return None
        return _done(effect, body, there)

    def _create(self, effect: Effect) -> Outcome:
        body = body_of(effect, Dimension)
        there = self._read(body)
        if there is None:
            there = self._insert(body)
        return _done(effect, body, there)

    def _insert(self, body: Dimension) -> Found:
        writing, entity_set = self._where(body.part)
        values = {
            "Company": self._company,
            _name(body.part): body.value,
            "Description": body.name,
            "ValidFrom": body.valid_from,
            "ValidUntil": body.valid_until,
            "BudgetValue": _NOT_FOR_BUDGETS,
        }
        try:
            return writing.insert(entity_set, values)
        except OutcomeUnknown:
            there = self._read(body)
            if there is None:
                raise
            return there

    def _update(self, effect: Effect) -> Outcome:
        body = body_of(effect, Dimension)
        there = self._read(body)
        if there is None:
            raise Refused(f"IFS has no value {body.value} of code part {body.part}, so it cannot be changed.")
        changes = _changes(body, there.row)
        if changes:
            writing, entity_set = self._where(body.part)
            try:
                there = writing.patch(self._path(entity_set, body), there.etag, changes)
            except OutcomeUnknown:
                there = self._read(body)
                if there is None or _changes(body, there.row):
                    raise
        return _done(effect, body, there)

    def _read(self, body: Dimension) -> Found | None:
        writing, entity_set = self._where(body.part)
        return writing.read(self._path(entity_set, body))

    def _path(self, entity_set: str, body: Dimension) -> str:
        return row_path(
            entity_set, {"Company": text_literal(self._company), _name(body.part): text_literal(body.value)}
        )

    def _where(self, part: str) -> tuple[Writing, str]:
        if part not in PARTS or len(part) != 1:
            raise Refused(f"Values of code part {part} are made in IFS only: what an account needs is not ours to say.")
        projection, _, entity_set = self._place.replace("{part}", part).partition("/")
        return Writing(self._odata, projection), entity_set


def _name(part: str) -> str:
    return f"Code{part}"


def _changes(body: Dimension, row: Mapping[str, Any]) -> dict[str, object]:
    """What of name and last day is not as `body` wants it. The first day stays: postings lean on it."""
    changes: dict[str, object] = {}
    if (row.get("Description") or "") != body.name:
        changes["Description"] = body.name
    if _day(row.get("ValidUntil"), date.max) != body.valid_until:
        changes["ValidUntil"] = body.valid_until
    return changes


def _day(value: object, none: date) -> date:
    """The day of a date as it came; `none` where there is none. Raises Refused."""
    if not value:
        return none
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise Refused(f"IFS gives {str(value)[:40]!r} where a day should stand.") from None


def _done(effect: Effect, body: Dimension, there: Found) -> Outcome:
    """It is there; where a row that was there before differs from what we would have made, the sentence says so."""
    differs = [name for name in _changes(body, there.row) if name in there.row]
    sentence = ""
    if differs:
        sentence = f"{body.part}={body.value} was there already, with another {' and '.join(differs)}; it was left so."
    return Outcome(effect.intent_id, Result.DONE, f"{body.part}={body.value}", there.etag, sentence)
