"""Dimensions: a cost code made in Procore reaches the code part it stands for in IFS, where IFS allows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from ml_connector.flows.cost_codes import single_part
from ml_connector.kernel.keys import Key, once_key
from ml_connector.kernel.text import clipped, counted, listed
from ml_connector.planning.chart import Chart
from ml_connector.planning.mapping import SegmentRule
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, Verb, pack, unpack
from ml_connector.planning.situation import Situation
from ml_connector.records.accounting import Book
from ml_connector.records.cost_code import CostCode
from ml_connector.records.dimension import Dimension

FLOW = "dimensions"
OWNER = "cost engineer"
FOREVER = date(2049, 12, 31)
"""Until when a value made from Procore is valid: IFS wants a day, and people in IFS move it."""
CLOSED = {
    "PRACC": ("PRACCCODEPARTCANNOTMODIFY", "holds the projects: its values come only from IFS's project windows"),
    "FAACC": ("FAACCCODEPARTCANNOTMODIFY", "holds the fixed assets: its values come only from IFS's asset windows"),
}
"""Function of a code part to IFS's constant and our words, where IFS lets nobody write values (facts/ifs.md 11.8)."""
NAME = 100
"""Longest description of a code part value in IFS, in characters (facts/ifs.md 11.8)."""
NAMED = 8
"""Codes a sentence names before it only counts them."""

New = dict[str, list[tuple[str, CostCode]]]
"""Full code to the projects (IFS ids, sorted) in which somebody made it, each with the cost code."""


def decide(situation: Situation, chart: Chart, book: Book, theirs: Mapping[str, Mapping[str, CostCode]]) -> Decision:
    """Decides the cost codes people made in Procore; `theirs` maps IFS projects to their cost codes by full code.

    Codes with others below them in the tree are headings and stay in Procore. A code made in several projects is one
    value in IFS.
    """
    part = single_part(situation.mapper.mapping)
    policy = situation.policies.cost_codes.back
    born = _born_there(situation, theirs)
    work = _Values(situation, part, _first_day(book, situation.today))
    if not part:
        known = _led_to(situation.mapper.mapping.cost_code, chart)
        work.refuse([one for one in born if one[0] not in known])
        return work.decision()
    new: New = {}
    for code, project, cost_code in sorted(born, key=lambda one: one[:2]):
        if (part, code) not in chart.dimensions:
            new.setdefault(code, []).append((project, cost_code))
    if new and policy == "never":
        work.skip(Key("code_part", part), f"Left in Procore, as policy says: {_listed(list(new), 'new cost code')}.")
    elif new and (closed := _closed(book, part)):
        work.closed(new, closed)
    elif new:
        for code, made in new.items():
            work.value(code, made, _misfit(book, part, code))
    work.apart(chart, theirs)
    return work.decision()


class _Values:
    """The code part values of one plan."""

    def __init__(self, situation: Situation, part: str, start: date) -> None:
        """`start` is the day from which new values are valid."""
        self.situation = situation
        self.part = part
        self.start = start
        self.intents: list[Intent] = []
        self.holds: list[Hold] = []
        self.skips: list[Skip] = []
        self.unchanged: list[Key] = []

    def decision(self) -> Decision:
        """What was decided."""
        return Decision(tuple(self.intents), tuple(self.holds), tuple(self.skips), (), tuple(self.unchanged))

    def skip(self, key: Key, sentence: str) -> None:
        """Leaves something alone, and says why."""
        self.skips.append(Skip(key, FLOW, sentence))

    def refuse(self, born: list[tuple[str, str, CostCode]]) -> None:
        """The mapping has rows or several parts: no cost code says which value it would be."""
        codes = sorted({code for code, _, _ in born})
        if codes and self.situation.policies.cost_codes.back != "never":
            why = "the mapping makes cost codes by rows, or from several parts, so none says which value it would be"
            sentence = f"Refused, not one-to-one: {_listed(codes, 'new cost code')} of Procore; {why}."
            self.skip(Key("mapping", "cost_code"), sentence)

    def closed(self, new: New, closed: tuple[str, str]) -> None:
        """IFS takes no values for the whole part."""
        constant, why = closed
        key = Key("code_part", self.part)
        if self.situation.ignored(key, (HoldReason.PART_FORBIDDEN,)):
            self.skip(key, f"A person said that new cost codes stay out of IFS: code part {self.part} {why}.")
            return
        sentence = f"Code part {self.part} {why}. Procore has {_listed(list(new), 'cost code')} that it lacks."
        self._hold(key, HoldReason.PART_FORBIDDEN, sentence, evidence=constant)

    def value(self, code: str, made: list[tuple[str, CostCode]], misfit: tuple[str, str] | None) -> None:
        """One new code: made in IFS, asked about, or forbidden there."""
        key = Key("dimension", f"{self.part}={code}")
        where = _projects([project for project, _ in made])
        if key in self.situation.links:
            self.skip(key, f"Code part {self.part} value {code} was made from Procore and is not in IFS any more.")
            return
        ruled = [self.situation.ruled(key, reason) for reason in (HoldReason.CODE_MISSING, HoldReason.PART_FORBIDDEN)]
        answers = {ruling.answer for ruling in ruled if ruling}
        if "ignore" in answers:
            self.skip(key, f"A person said that cost code {code} ({where}) stays out of IFS.")
            return
        if misfit:
            constant, why = misfit
            sentence = f"Cost code {code} ({where}) cannot become a value of code part {self.part}: {why}."
            self._hold(key, HoldReason.PART_FORBIDDEN, sentence, evidence=constant)
            return
        name = self._name(key, code, made)
        if name is None:
            return
        if self.situation.policies.cost_codes.back == "ask" and "allow" not in answers:
            sentence = (
                f"Cost code {code} {name} was made in Procore ({where}) and is no value of code part {self.part} in "
                "IFS. Answer `allow` to make it there, or `ignore`."
            )
            self._hold(key, HoldReason.CODE_MISSING, sentence)
            return
        self._make(key, code, name, f"Cost code {code} {name} was made in Procore ({where}).")

    def _name(self, key: Key, code: str, made: list[tuple[str, CostCode]]) -> str | None:
        """What the value is called; None when projects call it differently and nobody said which stands."""
        names = {cost_code.name or code: project for project, cost_code in reversed(made)}
        if len(names) == 1:
            return next(iter(names))
        evidence = "\n".join(f"{project}: {cost_code.name or code}" for project, cost_code in made)
        answer = self.situation.answered(key, evidence)
        if answer == "projects":
            return made[0][1].name or code
        if answer == "erp":
            self.skip(key, f"A person left cost code {code} to IFS, where nobody made it yet.")
            return None
        called = "; ".join(f"{name} in project {project}" for name, project in sorted(names.items()))
        sentence = (
            f"Cost code {code} is new in Procore under several names: {called}. Give it one name there, or answer "
            f"`projects` to take that of project {made[0][0]}, `erp` to leave it to IFS."
        )
        self._hold(key, HoldReason.CONFLICT, sentence, evidence=evidence, ruling=True)
        return None

    def _make(self, key: Key, code: str, name: str, reason: str) -> None:
        body = pack(Dimension(self.part, code, clipped(name, NAME), self.start, FOREVER))
        self.intents.append(
            Intent(
                flow=FLOW,
                verb=Verb.CREATE,
                key=key,
                once_key="",
                scope="",
                target="",
                body=body,
                needs=(),
                after=(),
                money=None,
                reason=reason,
                source=key.id,
                counts_as="created",
                base=body,
            )
        )

    def _hold(self, key: Key, reason: HoldReason, sentence: str, *, evidence: str = "", ruling: bool = False) -> None:
        waits_for = Key("ruling", str(key)) if ruling else key
        self.holds.append(Hold(key, FLOW, reason, waits_for, OWNER, sentence, evidence=evidence))

    def apart(self, chart: Chart, theirs: Mapping[str, Mapping[str, CostCode]]) -> None:
        """Says which linked codes are called otherwise in Procore, and which ended in IFS: neither is written."""
        renamed: list[str] = []
        ended: list[str] = []
        for project, code, cost_code, base in _linked(self.situation, theirs):
            value = chart.dimensions.get((self.part, code))
            if value is None:
                continue
            if value.valid_until < self.situation.today:
                ended.append(f"{project}/{code}")
            elif cost_code.name != value.name and base.name == value.name:
                renamed.append(f"{project}/{code}")
        if renamed:
            self.skip(
                Key("cost_code", renamed[0]),
                f"Called otherwise in Procore than in IFS, which owns names: {_listed(renamed, 'cost code')}. "
                "Procore's name stands until the value is renamed in IFS.",
            )
        if ended:
            self.skip(
                Key("cost_code", ended[0]),
                f"Ended in IFS and still in Procore, where no cost code can be removed: {_listed(ended, 'cost code')}. "
                "Their budget codes are made inactive, and what names them is held by the value's own dates.",
            )


def _born_there(situation: Situation, theirs: Mapping[str, Mapping[str, CostCode]]) -> list[tuple[str, str, CostCode]]:
    """(full code, IFS project, cost code) of every leaf that is neither linked nor carries a once-key of ours."""
    ours = once_key(situation.company, "code", "")
    taken = {linked.target for key, linked in situation.links.items() if key.kind == "cost_code"}
    found = []
    for project, codes in theirs.items():
        headings = {above for code in codes for above in _above(code)}
        for code, cost_code in codes.items():
            known = Key("cost_code", f"{project}/{code}") in situation.links or cost_code.id in taken
            if code and not known and code not in headings and not (cost_code.origin or "").startswith(ours):
                found.append((code, project, cost_code))
    return found


def _above(code: str) -> Iterator[str]:
    """Every code this one may stand under: its beginnings up to a separator, whichever the tenant uses."""
    return (code[:n] for n, sign in enumerate(code) if n and not sign.isalnum())


def _linked(
    situation: Situation, theirs: Mapping[str, Mapping[str, CostCode]]
) -> Iterator[tuple[str, str, CostCode, CostCode]]:
    """(IFS project, full code, cost code, what was last agreed) of every linked cost code that Procore shows."""
    for project, codes in sorted(theirs.items()):
        for code, cost_code in sorted(codes.items()):
            linked = situation.links.get(Key("cost_code", f"{project}/{code}"))
            base = unpack("cost_code", linked.base) if linked and linked.base else None
            if isinstance(base, CostCode):
                yield project, code, cost_code, base


def _led_to(rule: SegmentRule, chart: Chart) -> set[str]:
    """Cost codes that some value of IFS leads to: they are no news, whoever made them."""
    values = ((part, value) for part, value in chart.dimensions if part in rule.parts)
    return {code for part, value in values if (code := rule.target({part: value}))}


def _first_day(book: Book, today: date) -> date:
    """From when a new value is valid: what waits for it is older than it, so from the first day of the oldest period
    that is open, or of this year."""
    return min((one.start for one in book.periods if one.open), default=date(today.year, 1, 1))


def _closed(book: Book, part: str) -> tuple[str, str] | None:
    """IFS's constant and our words where the whole code part takes no values; None as far as we can tell."""
    known = book.parts.get(part)
    if known is None:
        return None
    if not known.used:
        return "ISNOTUSED", "is not used in this company"
    return CLOSED.get(known.function)


def _misfit(book: Book, part: str, code: str) -> tuple[str, str] | None:
    """IFS's constant and our words where this one value cannot be; None when it can."""
    known = book.parts.get(part)
    if code != code.upper():
        return "INVALIDCHARVALUE", "IFS takes upper case only"
    if "^" in code:
        return "INVALIDCHARVALUE", "IFS takes no ^ in a value"
    if known and known.length and len(code) > known.length:
        return "TOOMANYCHARS", f"IFS takes at most {known.length} characters there"
    return None


def _projects(projects: list[str]) -> str:
    return f"project{'s' if len(projects) > 1 else ''} {', '.join(projects)}"


def _listed(codes: list[str], noun: str) -> str:
    return f"{counted(len(codes), noun)} ({listed(codes, NAMED)})"
