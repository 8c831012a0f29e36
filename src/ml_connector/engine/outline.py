"""A plan in outline, counted while it is decided: by project, flow and code, with what locks and what has no budget."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import rounded
from ml_connector.planning.approving import place_of
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.planning.locking import locks
from ml_connector.planning.plan import Hold, Intent, Verb, unpack
from ml_connector.planning.situation import Linked
from ml_connector.planning.spreading import NO_CODE, recoded, spread
from ml_connector.records.project import Project

ZERO = Decimal(0)

COUNTED_AGAINST_BUDGET = frozenset({"commitment", "change_order", "direct_cost"})
"""Kinds whose lines make Procore add a budget row where a code has none."""

TOLD = ("created", "updated", "adopted", "linked")
"""How the records of a plan are counted. What is in Procore already is adopted where steps mark it or bring it to IFS's
state, and linked where that it is the same is written down and nothing is sent."""

BRINGS_BUDGET = frozenset({"budget", "budget_change"})


MOST_HELD = 500
"""Held records of a plan that are kept one by one, those with most money; the rest are counted."""


class HeldRow(NamedTuple):
    """A record that is held beside a plan, as it is kept with the plan; the project is empty where it has none."""

    kind: str
    id: str
    source: str
    """The document it hangs on."""
    flow: str
    project: str
    reason: str
    sentence: str
    money: dict[str, str] | None


def held_rows(holds: Iterable[tuple[str, Hold]], projects: Mapping[tuple[str, str], str]) -> list[HeldRow]:
    """Holds with the document each hangs on, once a record and most money first.

    `projects`: kind and id of a document to its project.
    """
    found = {hold.key: (source, hold) for source, hold in holds}
    rows = [
        HeldRow(
            kind=key.kind,
            id=key.id,
            source=source,
            flow=hold.flow,
            project=project_of(key) or _project_of_document(hold, source, projects),
            reason=hold.reason.value,
            sentence=hold.sentence[:500],
            money={"amount": str(hold.money.amount), "currency": hold.money.currency} if hold.money else None,
        )
        for key, (source, hold) in found.items()
    ]
    return sorted(rows, key=lambda row: (-abs(Decimal(row.money["amount"])) if row.money else ZERO, row.kind, row.id))


def _project_of_document(hold: Hold, source: str, projects: Mapping[tuple[str, str], str]) -> str:
    kinds = (hold.key.kind, *(kind for kind, flows in FLOWS_OF.items() if hold.flow in flows))
    return next((projects[kind, source] for kind in kinds if (kind, source) in projects), "")


def project_of(key: Key) -> str:
    """The project that a record names itself; empty where it names none."""
    if key.kind in ("project", "budget"):
        return key.id
    if key.kind in ("cost_code", "budget_code", "budget_change"):
        return key.id.partition("/")[0] if "/" in key.id else ""
    return key.id.partition("@")[2] if key.kind in ("commitment", "direct_cost", "project_vendor") else ""


@dataclass
class Outline:
    """What a plan comes to, kept with it so that nobody has to go through its steps to read it."""

    steps: int = 0
    counts: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    """(project, flow) to the number of its steps, and of its records by `TOLD`."""
    money: dict[tuple[str, str, str, str], Decimal] = field(default_factory=dict)
    """(project, flow, code, currency) to what is moved."""
    moved: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    """(project, flow, currency) to what is moved, whatever its sign, with what only goes to another code: what brakes
    and the limit of four eyes go by."""
    recoded: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    """(project, flow, currency) to what of it only goes from some codes to others, and is not in the net money."""
    locked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(project, kind) to the number of records that Procore will lock."""
    budgeted: dict[str, frozenset[str]] = field(default_factory=dict)
    """Project to the codes that have a budget line, as far as they were read."""
    unbudgeted: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    """(project, code, currency) to money on codes without budget line that policy lets through."""
    names: dict[str, str] = field(default_factory=dict)
    """Project to what it is called."""
    held: list[HeldRow] = field(default_factory=list)
    """What is held beside the plan, most money first."""
    adopted: dict[Key, str] = field(default_factory=dict)
    """Records that are taken over, to their flow."""
    _brought: set[tuple[str, str]] = field(default_factory=set)
    """(project, code) of codes that get a budget line by this very plan."""

    def take(self, intents: Iterable[Intent], links: Mapping[Key, Linked]) -> None:
        """Counts decided steps, all those of a record at once; `links` have the names of projects."""
        intents = list(intents)
        sent = {intent.key for intent in intents if intent.verb is not Verb.LINK}
        for intent in intents:
            place = place_of(intent.key.kind, intent.key.id, intent.scope)
            counts = self.counts.setdefault((place, intent.flow), Counter())
            if place not in self.names:
                self.names[place] = _name(place, intent, links)
            self.steps += 1
            counts["steps"] += 1
            if intent.counts_as:
                adopted = intent.counts_as == "linked" and intent.key in sent
                counts["adopted" if adopted else intent.counts_as] += 1
                if adopted:
                    self.adopted[intent.key] = intent.flow
            if intent.money is None and intent.verb not in (Verb.STATUS, Verb.CREATE):
                continue
            body = unpack(intent.key.kind, intent.body)
            if locks(intent.key.kind, intent.verb, body):
                self.locked[place, intent.key.kind] += 1
            if intent.money is None:
                continue
            codes, currency = spread(intent.money, body, intent.former), intent.money.currency
            turned = recoded(codes)
            self._add(self.moved, (place, intent.flow, currency), abs(intent.money.amount) + turned)
            if turned:
                self._add(self.recoded, (place, intent.flow, currency), turned)
            for code, amount in codes.items():
                self._add(self.money, (place, intent.flow, code, currency), amount)
                self._note_budget(intent.key.kind, (place, code, currency), amount)

    def _note_budget(self, kind: str, at: tuple[str, str, str], amount: Decimal) -> None:
        place, code, _currency = at
        if kind in BRINGS_BUDGET:
            self._brought.add((place, code))
        known = self.budgeted.get(place)
        if kind in COUNTED_AGAINST_BUDGET and code != NO_CODE and known is not None and code not in known:
            self._add(self.unbudgeted, at, amount)

    @staticmethod
    def _add(sums: dict[Any, Decimal], key: Any, amount: Decimal) -> None:
        sums[key] = sums.get(key, ZERO) + amount

    def form(self, held: Iterable[Hold]) -> dict[str, Any]:
        """The totals as they are kept, money as exact text, with what is held beside the plan, whatever its sign."""
        waiting = {hold.key: hold for hold in held}
        waits: dict[str, Decimal] = {}
        for hold in waiting.values():
            if hold.money:
                self._add(waits, hold.money.currency, abs(hold.money.amount))
        places = sorted({place for place, _ in self.counts})
        total: Counter[str] = sum(self.counts.values(), Counter())
        return {
            "steps": self.steps,
            "counts": dict(total),
            "money": _texts(self._sums()),
            "moved": _texts(self._flat(self.moved)),
            "recoded": _texts(self._flat(self.recoded)),
            "held": {"records": len(waiting), "money": _texts(waits)},
            "locked": self._locked(),
            "unbudgeted": len(self._without_budget()),
            "places": places,
        }

    def parts(self) -> dict[str, Any]:
        """The same project by project, company-wide first, with flows and codes; and what is held."""
        return {
            "projects": [part._project(place) for place, part in sorted(self._by_place().items())],
            "held": {
                "records": dict(Counter(row.project for row in self.held)),
                "money": {project: _texts(sums) for project, sums in self._held_money().items()},
                "shown": [row._asdict() for row in self.held[:MOST_HELD]],
            },
        }

    def _held_money(self) -> dict[str, dict[str, Decimal]]:
        """Project to currency to what is held there, whatever its sign."""
        found: dict[str, dict[str, Decimal]] = {}
        for row in self.held:
            if row.money:
                self._add(found.setdefault(row.project, {}), row.money["currency"], abs(Decimal(row.money["amount"])))
        return found

    def _by_place(self) -> dict[str, Outline]:
        """Project to what of this is its own: nobody goes through all projects for each of them."""
        parts: defaultdict[str, Outline] = defaultdict(Outline)
        for name in ("counts", "money", "moved", "recoded", "locked", "unbudgeted"):
            for key, value in getattr(self, name).items():
                getattr(parts[key[0]], name)[key] = value
        for place, code in self._brought:
            parts[place]._brought.add((place, code))
        return {place: replace(part, names=self.names) for place, part in parts.items() if part.counts}

    def _project(self, place: str) -> dict[str, Any]:
        """One project, of an outline that has nothing but it."""
        flows = [flow for _, flow in sorted(self.counts)]
        codes = sorted((flow, code, cur, one) for (_, flow, code, cur), one in self.money.items())
        return {
            "project": place,
            "name": self.names.get(place, ""),
            "flows": {flow: dict(self.counts[place, flow]) for flow in flows},
            "money": _texts(self._sums()),
            "moved": {flow: _texts(self._flat(self.moved, flow)) for flow in flows},
            "recoded": {flow: sums for flow in flows if (sums := _texts(self._flat(self.recoded, flow)))},
            "codes": [[flow, code, currency, _exact(one, currency)] for flow, code, currency, one in codes if one],
            "locked": self._locked(),
            "unbudgeted": [[code, cur, _exact(one, cur)] for code, cur, one in self._without_budget()],
        }

    def _sums(self) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for (_place, _flow, _code, currency), amount in self.money.items():
            self._add(sums, currency, amount)
        return sums

    def _flat(self, money: Mapping[tuple[str, str, str], Decimal], flow: str = "") -> dict[str, Decimal]:
        """Currency to money of one flow, or of all."""
        sums: dict[str, Decimal] = {}
        for (_place, of, currency), amount in money.items():
            if flow in ("", of):
                self._add(sums, currency, amount)
        return sums

    def _locked(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (_place, kind), number in self.locked.items():
            found[kind] += number
        return dict(found)

    def _without_budget(self) -> list[tuple[str, str, Decimal]]:
        found = sorted(self.unbudgeted.items())
        return [
            (code, currency, amount)
            for (at, code, currency), amount in found
            if amount and (at, code) not in self._brought
        ]


def _name(place: str, intent: Intent, links: Mapping[Key, Linked]) -> str:
    """What a project is called, by the step that links it or by its link."""
    linked = links.get(Key("project", place))
    packed = intent.body if intent.key.kind == "project" else linked.base if linked else b""
    body = unpack("project", packed) if packed else None
    return body.name if isinstance(body, Project) else ""


def _texts(sums: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: _exact(amount, currency) for currency, amount in sorted(sums.items())}


def _exact(amount: Decimal, currency: str) -> str:
    return str(rounded(amount, currency))
