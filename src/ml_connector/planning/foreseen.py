"""What an answer or a mapping row would do, as a value: two decisions on the same input, compared document by document.

Pure: the same two decisions give the same comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.plan import Decision, Hold, Intent, Verb, unpack
from ml_connector.records.commitment import ChangeOrder

Fate = Literal["goes", "left", "rests", "waits", "stays", "unsure"]
"""goes: steps would be sent; left: it would be left alone; rests: nothing is left to do; waits: it would wait for
something else; stays: it would wait as it does now; unsure: the input of its decision is kept no longer."""


class Document(msgspec.Struct, frozen=True):
    """A record that is held now, and what would become of it."""

    key: Key
    flow: str
    hold: int
    """Number of the hold it waits under now."""
    fate: Fate
    money: Money | None
    sentence: str
    """What would be done, or why it would wait."""
    moved: Money | None = None
    """What the steps that would be sent move, where they move money: a new contract in full, of another its change."""
    recoded: Money | None = None
    """What they take from some budget codes and give to others, beside `moved`; None where they do not."""


class Foreseen(msgspec.Struct, frozen=True):
    """What an answer would do, before it is saved."""

    documents: tuple[Document, ...] = ()
    made: Mapping[str, int] = {}
    """What would be done besides what is done now, in words, to how many records."""
    left_out: int = 0
    """Held records that were not looked at because there are too many."""
    runs: tuple[int, ...] = ()
    """Runs whose decisions were decided again: both systems are taken to be as they were read there."""
    seen: str = ""
    """Which holds were looked at and what they said, in a few letters: what is saved is for these and no others."""
    mapping_version: int | None = None
    """The mapping that a new row would be added to; None where none would."""
    about_draft: str = ""
    """What becomes of a draft of the mapping that whoever asks has, where a row is added; empty without one."""

    def of(self, *fates: Fate) -> tuple[Document, ...]:
        """The documents with one of these fates."""
        return tuple(one for one in self.documents if one.fate in fates)

    def money(self, *fates: Fate) -> dict[str, Decimal]:
        """Currency to what is at stake in the documents with one of these fates, whatever the sign of each."""
        sums: dict[str, Decimal] = {}
        for one in self.of(*fates):
            if one.money:
                sums[one.money.currency] = sums.get(one.money.currency, Decimal(0)) + abs(one.money.amount)
        return sums


class Held(msgspec.Struct, frozen=True):
    """A record that is held now: the hold's number and what it says."""

    number: int
    hold: Hold
    source: str
    """The document that was looked at when it was found."""


def compared(held: Iterable[Held], before: Iterable[Decision], after: Iterable[Decision]) -> tuple[Document, ...]:
    """What becomes of each held record when decisions turn out as `after` and no more as `before`."""
    first, then = _Told(before), _Told(after)
    return tuple(_fate(one, first, then) for one in held)


def made(before: Iterable[Decision], after: Iterable[Decision]) -> dict[str, int]:
    """What is sent after and was not before, by verb and kind, a record each; links that send nothing left out."""
    known = {intent.digest() for decision in before for intent in decision.intents}
    found: dict[str, set[Key]] = {}
    for decision in after:
        for intent in decision.intents:
            if intent.digest() not in known and intent.counts_as:
                found.setdefault(step_words(intent.verb, intent.key.kind), set()).add(intent.key)
    return {name: len(keys) for name, keys in sorted(found.items())}


class _Told:
    """What some decisions say of each record."""

    def __init__(self, decisions: Iterable[Decision]) -> None:
        self.holds: dict[tuple[str, Key], list[Hold]] = {}
        self.intents: dict[str, list[Intent]] = {}
        self.skips: dict[Key, str] = {}
        self.seen: set[Key] = set()
        for decision in decisions:
            for hold in decision.holds:
                self.holds.setdefault((hold.flow, hold.key), []).append(hold)
            for intent in decision.intents:
                self.intents.setdefault(intent.source, []).append(intent)
            self.skips.update((skip.key, skip.sentence) for skip in decision.skips)
            self.seen.update(decision.unchanged)

    def knows(self, one: Held) -> bool:
        """Whether anything is said of a record."""
        key = one.hold.key
        return (one.hold.flow, key) in self.holds or key in self.skips or one.source in self.intents or key in self.seen


def _fate(one: Held, first: _Told, then: _Told) -> Document:
    hold = one.hold
    same = first.holds.get((hold.flow, hold.key), ())
    if not any(_alike(other, hold) for other in same):
        why = "The input of its decision is kept no longer, or it was decided otherwise: the next run shows it."
        return Document(hold.key, hold.flow, one.number, "unsure", hold.money, why)
    after = then.holds.get((hold.flow, hold.key), ())
    if any(_alike(other, hold) for other in after):
        return Document(hold.key, hold.flow, one.number, "stays", hold.money, hold.sentence)
    if after:
        return Document(hold.key, hold.flow, one.number, "waits", hold.money, after[0].sentence)
    if hold.key in then.skips and not then.intents.get(one.source):
        return Document(hold.key, hold.flow, one.number, "left", hold.money, then.skips[hold.key])
    steps = [intent for intent in then.intents.get(one.source, ()) if intent.flow == hold.flow]
    if steps:
        return Document(hold.key, hold.flow, one.number, "goes", hold.money, _listed(steps), *_moved(steps))
    return Document(hold.key, hold.flow, one.number, "rests", hold.money, "Nothing is left to be done about it.")


def _alike(one: Hold, other: Hold) -> bool:
    return (one.reason, one.waits_for) == (other.reason, other.waits_for)


def _listed(steps: Collection[Intent]) -> str:
    named = dict.fromkeys(step_words(step.verb, step.key.kind) for step in steps)
    said = ", ".join(named)
    return f"{said[:1].upper()}{said[1:]}. {next(iter(steps)).reason}"


def _moved(steps: Collection[Intent]) -> tuple[Money | None, Money | None]:
    """What steps move in all, and what of it only changes its budget code."""
    parts = [step.money for step in steps if step.money]
    if not parts or len({part.currency for part in parts}) > 1:
        return None, None
    changes = [unpack(step.key.kind, step.body) for step in steps if step.key.kind == "change_order"]
    deltas: dict[str, Decimal] = {}
    for line in (line for change in changes if isinstance(change, ChangeOrder) for line in change.lines):
        deltas[line.budget_code] = deltas.get(line.budget_code, Decimal(0)) + line.amount
    given = sum((delta for delta in deltas.values() if delta > 0), Decimal(0))
    taken = -sum((delta for delta in deltas.values() if delta < 0), Decimal(0))
    currency = parts[0].currency
    moved = Money(sum((part.amount for part in parts), Decimal(0)), currency)
    return moved, Money(min(given, taken), currency) if given and taken else None


_DONE = {
    Verb.LINK: "link the {}",
    Verb.ADOPT: "take over the {}",
    Verb.CREATE: "make the {}",
    Verb.UPDATE: "change the {}",
    Verb.FILL: "write the lines of the {}",
    Verb.STATUS: "set the status of the {}",
    Verb.AMEND: "write a {}",
}
_CALLED = {
    "commitment": "contract",
    "commitment_line": "contract line",
    "project_vendor": "directory entry",
    "erp_invoice": "invoice in IFS",
    "supplier": "supplier in IFS",
    "voucher": "voucher in IFS",
    "dimension": "code part value in IFS",
    "billed_line": "billed-to-date figure",
}


def step_words(verb: Verb, kind: str) -> str:
    """A step as people call it: `write the lines of the contract`."""
    return _DONE[verb].format(_CALLED.get(kind, kind.replace("_", " ")))
