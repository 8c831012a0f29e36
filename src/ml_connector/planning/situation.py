"""Everything one decision may look at, besides the records themselves: links, rulings, policies, mapping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from ml_connector.kernel.keys import Key, content_hash
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.policy import Policies


class Linked(msgspec.Struct, frozen=True):
    """A confirmed link: the other side's id, the record last agreed on (packed), the other side's stamp."""

    target: str
    base: bytes = b""
    stamp: str = ""


class Ruling(msgspec.Struct, frozen=True):
    """A person's answer to a hold: `link` (with target), `new`, `erp`, `projects`, `allow` or `ignore`."""

    answer: str
    target: str = ""
    """The id a `link` chose; for `erp` and `projects` the marks of the questions they answer."""


def mark_of(evidence: str) -> str:
    """A short name of what was asked (hex): an answer holds for this question and no later one."""
    return content_hash(evidence.encode()).hex()[:16]


QUESTIONS = (
    HoldReason.CONFLICT,
    HoldReason.CHANGED_THERE,
    HoldReason.SENT_BACK,
    HoldReason.REVISED,
    HoldReason.BUDGET_STRANGERS,
)
"""Holds that ask which side stands; an answer is bound to the evidence shown."""


class Situation(msgspec.Struct, frozen=True):
    """What every flow may look at. `coming` holds keys whose links this very plan will make."""

    company: str
    today: date
    policies: Policies
    mapper: Mapper
    links: Mapping[Key, Linked]
    rulings: Mapping[tuple[Key, HoldReason], Ruling]
    coming: frozenset[Key] = frozenset()
    touched: frozenset[str] = frozenset()
    """Orders whose contract somebody changed in Procore since we last looked."""
    laps: Mapping[str, int] = {}
    """Orders to how often their contract was restored in a row while IFS stood still."""
    hidden: frozenset[str] = frozenset()
    """IFS projects whose linked Procore project cannot be seen for now; they are not among the links."""
    go_live: date | None = None
    """Orders dated before this day are not sent by themselves."""

    def target(self, key: Key) -> str:
        """The other side's id of a linked record; empty when there is none yet."""
        linked = self.links.get(key)
        return linked.target if linked else ""

    def projectless(self, doing: str, project: str) -> tuple[HoldReason, str, str]:
        """Why a document waits whose project takes nothing, who can act, and both in a sentence; `doing` begins it."""
        if project in self.hidden:
            sentence = (
                f"{doing} project {project}, whose Procore project our service account cannot see any more. "
                "A Procore administrator adds it to the permitted projects of the app again."
            )
            return HoldReason.PROJECT_HIDDEN, "administrator", sentence
        sentence = f"{doing} project {project}, which has no confirmed partner in Procore."
        return HoldReason.PROJECT_NOT_LINKED, "project accountant", sentence

    def by_target(self, kind: str) -> dict[str, str]:
        """The other side's id to our key id, of every linked record of a kind; made anew at each call."""
        return {linked.target: key.id for key, linked in self.links.items() if key.kind == kind and linked.target}

    def available(self, key: Key) -> bool:
        """Whether the record is linked, or will be by an earlier step of this plan."""
        return key in self.links or key in self.coming

    def answered(self, key: Key, evidence: str) -> str:
        """`erp` or `projects`, when a person said which side stands for exactly this evidence; else empty."""
        for reason in QUESTIONS:
            ruling = self.ruled(key, reason)
            if ruling and mark_of(evidence) in ruling.target.split():
                return ruling.answer
        return ""

    def ignored(self, key: Key, reasons: Iterable[HoldReason]) -> bool:
        """Whether a person answered one of these questions about a record with `ignore`."""
        ruled = (self.ruled(key, reason) for reason in reasons if self.rulings)
        return any(ruling is not None and ruling.answer == "ignore" for ruling in ruled)

    def ruled(self, key: Key, reason: HoldReason) -> Ruling | None:
        """The person's answer for this record and reason, if one was given."""
        return self.rulings.get((key, reason))
