"""Control totals of a run: what came in must equal what went out, is held, was refused, or else is accounted for.

What came in is counted where it is decided, before anything is sent; what became of it is counted from the journal when
the run ends. The two are counted apart, so that a document or a sum that one of them lost shows as a difference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from ml_connector.engine.knowing import document_of
from ml_connector.engine.reasons import general
from ml_connector.kernel.money import rounded
from ml_connector.planning.plan import Decision, Skip

BY_DOCUMENT = frozenset(
    {"purchase_orders", "supplier_invoices", "subcontractor_invoices", "direct_costs", "payments"},
)
"""Flows that count documents; the others count records, each by its own key."""

FATES = ("unknown", "refused", "held", "left", "out", "skipped", "gone", "unchanged")
"""What becomes of a document; of several the first counts, for it is not wholly done."""

KEPT = ("unknown", "refused", "held", "left", "out", "skipped", "gone")
"""Of what became of documents that of which a run keeps the documents one by one."""

MONEY = ("out", "held", "refused", "unknown", "left")
"""What becomes of money: what was looked at and needed nothing moves none."""

EXAMPLES = 5
"""Records that are named of each kind."""
KINDS = 40
"""Sentences of one flow that are kept apart; the rest is counted as others."""
OTHERS = "other reasons"
"""What the rest is called."""

_FATE_OF = {
    "done": "out",
    "refused": "refused",
    "sending": "unknown",
    "unknown": "unknown",
    "planned": "left",
    "waiting": "left",
    "superseded": "held",
}
"""State of a step to what became of it; one that was put aside waits for what it needs, or for another plan."""

_ZERO = Decimal(0)


class Step(NamedTuple):
    """Steps of one record of one document that stand alike, as the journal has them, with their money."""

    flow: str
    source: str
    kind: str
    erp_id: str
    state: str
    currency: str
    amount: Decimal


class _Left(msgspec.Struct):
    """What was left alone for one reason: said in general, or of the first alone where no general words are known."""

    said: str
    of_all: bool
    number: int = 0
    records: list[str] = []


class _Flow(msgspec.Struct):
    """What one flow took in."""

    units: dict[str, set[str]] = {}
    """Document or record to what the decisions said of it: held, skipped, unchanged, step."""
    money: dict[str, Decimal] = {}
    """What the decided steps and what is held come to, by currency."""
    held: dict[tuple[str, str], Decimal] = {}
    """(document, currency) to the money held: a document that waits for two things is held once."""
    told: int = 0
    """Documents that the decisions called unchanged."""
    left: dict[str, _Left] = {}
    """What is alike of a reason to what was left alone for it."""
    why: dict[str, list[str]] = {}
    """Document or record to what was said when it was left alone."""


class Ledger:
    """What a run took in, noted decision by decision."""

    def __init__(self) -> None:
        self._flows: dict[str, _Flow] = {}

    def decided(self, flow: str, looked_at: Iterable[str], decision: Decision) -> None:
        """Notes one decision and the documents that it was to decide."""
        kept = self._flows.setdefault(flow, _Flow())
        if flow in BY_DOCUMENT:
            for document in looked_at:
                kept.units.setdefault(_plain(document), set())
        for intent in decision.intents:
            _say(kept, unit_of(flow, intent.source, intent.key.kind, intent.key.id), "step")
            if intent.money:
                _add(kept.money, intent.money.currency, intent.money.amount)
        for hold in decision.holds:
            unit = unit_of(flow, document_of(hold), hold.key.kind, hold.key.id)
            _say(kept, unit, "held")
            if hold.money:
                place = (unit, hold.money.currency)
                more = max(hold.money.amount, kept.held.get(place, hold.money.amount), key=abs)
                _add(kept.money, hold.money.currency, more - kept.held.get(place, _ZERO))
                kept.held[place] = more
        for skip in decision.skips:
            unit = unit_of(flow, skip.key.id, skip.key.kind, skip.key.id)
            _say(kept, unit, "skipped")
            kept.why.setdefault(unit, []).append(skip.sentence)
            _leave(kept, skip)
        for key in decision.unchanged:
            _say(kept, unit_of(flow, key.id, key.kind, key.id), "unchanged")
        kept.told += len(decision.unchanged)

    def gone(self, flow: str, documents: Iterable[str]) -> None:
        """Notes documents that were looked for and are not there any more: nothing may be left to decide of them."""
        kept = self._flows.setdefault(flow, _Flow())
        for document in documents:
            _say(kept, _plain(document), "gone")

    def skips(self) -> dict[str, list[dict[str, Any]]]:
        """Flow to what was left alone: each reason with how many records, and some of them."""
        return {
            flow: [
                {"sentence": _sentence(one), "number": one.number, "records": one.records}
                for one in sorted(kept.left.values(), key=lambda one: -one.number)
            ]
            for flow, kept in self._flows.items()
            if kept.left
        }

    def totals(self, steps: Iterable[Step], unchanged: Mapping[str, int]) -> dict[str, dict[str, Any]]:
        """Flow to its totals: `in`, each of `FATES`, `off` (what is not accounted for) with `examples`, and `money`.

        Money is by currency, as exact text, with the same words. `unchanged` says of each flow how many documents were
        called unchanged altogether, those included that nobody decided because they look as they did.
        """
        steps = list(steps)
        fates = _fates(steps)
        money: dict[str, dict[tuple[str, str], Decimal]] = {}
        for step in steps:
            if step.currency:
                sums, place = money.setdefault(step.flow, {}), (step.currency, _FATE_OF[step.state])
                sums[place] = sums.get(place, _ZERO) + step.amount
        return {
            flow: _totals(kept, fates.get(flow, {}), money.get(flow, {}), max(0, unchanged.get(flow, 0) - kept.told))
            for flow, kept in self._flows.items()
        } | {
            flow: _totals(_Flow(), found, money.get(flow, {}), 0)
            for flow, found in fates.items()
            if flow not in self._flows
        }

    def documents(self, steps: Iterable[Step]) -> dict[str, dict[str, dict[str, str]]]:
        """Flow to what became of documents (of `KEPT`) to those of which it did, each with why it was left alone.

        What was unchanged is only counted: it is all the rest, run after run.
        """
        fates = _fates(steps)
        found: dict[str, dict[str, dict[str, str]]] = {}
        for flow in sorted(self._flows.keys() | fates.keys()):
            kept = self._flows.get(flow) or _Flow()
            for unit in sorted(kept.units.keys() | fates.get(flow, {}).keys()):
                fate = _fate(kept, fates.get(flow, {}), unit)
                if fate in KEPT:
                    why = " ".join(kept.why.get(unit, ())[:EXAMPLES]) if fate == "skipped" else ""
                    found.setdefault(flow, {}).setdefault(fate, {})[unit] = why
        return found


def balanced(totals: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether every flow accounts for all that came in, in count and in money."""
    return not any(one["off"] or any(Decimal(sums["off"]) for sums in one["money"].values()) for one in totals.values())


def unit_of(flow: str, source: str, kind: str, erp_id: str) -> str:
    """What is counted: the document, or where a flow has none the record by its kind and id."""
    return _plain(source) if flow in BY_DOCUMENT and source else f"{kind}:{erp_id}"


def _plain(source: str) -> str:
    """A document's id without the kind that may stand before it."""
    kind, stroke, rest = source.partition("/")
    return rest.partition("/")[0] if stroke and kind in ("subcontractor_invoice", "direct_cost") else source


def _say(kept: _Flow, unit: str, what: str) -> None:
    kept.units.setdefault(unit, set()).add(what)


def _add(sums: dict[str, Decimal], currency: str, amount: Decimal) -> None:
    sums[currency] = sums.get(currency, _ZERO) + amount


def _leave(kept: _Flow, skip: Skip) -> None:
    words = general(skip.sentence)
    alike = words or without_numbers(skip.sentence, skip.key.id)
    if alike not in kept.left and len(kept.left) >= KINDS:
        alike = words = OTHERS
    one = kept.left.setdefault(alike, _Left(words or skip.sentence, of_all=bool(words)))
    one.number += 1
    if len(one.records) < EXAMPLES and str(skip.key) not in one.records:
        one.records = [*one.records, str(skip.key)]


def _sentence(left: _Left) -> str:
    """What people read: never a sentence with something left out of it."""
    return left.said if left.of_all or left.number == 1 else f"For example: {left.said}"


def without_numbers(sentence: str, record: str) -> str:
    """What is alike of a sentence: without the record and every word with a figure in it. To compare, not to read."""
    named = re.sub(rf"(?<!\w){re.escape(record)}(?!\w)", "…", sentence) if record else sentence
    return " ".join("…" if any(sign.isdigit() for sign in word) else word for word in named.split(" "))


def _fates(steps: Iterable[Step]) -> dict[str, dict[str, set[str]]]:
    """Flow to document or record to what became of its steps."""
    fates: dict[str, dict[str, set[str]]] = {}
    for step in steps:
        unit = unit_of(step.flow, step.source, step.kind, step.erp_id)
        fates.setdefault(step.flow, {}).setdefault(unit, set()).add(_FATE_OF[step.state])
    return fates


def _fate(kept: _Flow, fates: Mapping[str, set[str]], unit: str) -> str:
    """What a document counts under; empty where the two counts do not agree on it, or neither says anything."""
    said = kept.units.get(unit, set())
    known = fates.get(unit, set()) | said
    lost = ("step" in said and not fates.get(unit)) or ("step" not in said and bool(fates.get(unit)))
    return "" if lost else next((one for one in FATES if one in known), "")


def _totals(
    kept: _Flow, fates: Mapping[str, set[str]], money: Mapping[tuple[str, str], Decimal], passed: int
) -> dict[str, Any]:
    counts, silent = Counter[str](), list[str]()
    for unit in kept.units.keys() | fates.keys():
        fate = _fate(kept, fates, unit)
        if fate:
            counts[fate] += 1
        else:
            silent.append(unit)
    counts["unchanged"] += passed
    return {
        "in": len(kept.units) + passed,
        **{fate: counts[fate] for fate in FATES},
        "off": len(silent),
        "examples": sorted(silent)[:EXAMPLES],
        "money": _money(kept, money),
    }


def _money(kept: _Flow, money: Mapping[tuple[str, str], Decimal]) -> dict[str, dict[str, str]]:
    held = dict[str, Decimal]()
    for (_, currency), amount in kept.held.items():
        _add(held, currency, amount)
    found = {}
    for currency in sorted({*kept.money, *held, *(currency for currency, _ in money)}):
        sums = {fate: money.get((currency, fate), _ZERO) for fate in MONEY}
        sums["held"] += held.get(currency, _ZERO)
        came = kept.money.get(currency, _ZERO)
        sums |= {"in": came, "off": came - sum(sums.values(), _ZERO)}
        found[currency] = {name: str(rounded(amount, currency)) for name, amount in sums.items()}
    return found
