"""The mapping as pages and programs look at it: its tables and their rows, and what leads nowhere yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.engine import code_uses as kept
from ml_connector.engine.cases import CostCodesCase
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.budgeting import stay_out
from ml_connector.planning.mapping import SECTIONS, CodeMapping, ReverseRow, SegmentRule, shadowed_rows
from ml_connector.planning.mapping_compare import leads_to, looks_at, rows_of, rule_of
from ml_connector.planning.mapping_suggesting import Known, Suggester, Suggestion
from ml_connector.planning.mapping_use import OF_CODES, Reach, Reader, Use, reach, values_in
from ml_connector.planning.mapping_words import code_words
from ml_connector.records.dimension import Dimension
from ml_connector.service.mapping_desk import Standing, standing, values_of_ifs
from ml_connector.store import code_uses, mappings
from ml_connector.store.code_uses import Usage
from ml_connector.store.mappings import Waiting
from ml_connector.views.listing import Column, Listing, Look, listing

Section = Literal["cost_code", "cost_type", "budget_code", "budget_type", "reverse"]
PATIENCE = 2.0
"""Seconds a page may spend on reading decisions kept since the last look."""
_SUGGESTED = 60
"""Gaps that get suggestions; those without money and further down can be asked one by one."""

WORDS: Mapping[str, tuple[str, str]] = {
    "cost_code": ("Cost codes", "From a code string to the first half of a budget code."),
    "cost_type": ("Cost types", "From a code string to the second half of a budget code."),
    "budget_code": ("Budget cost codes", "From an estimate's cost element to the first half of a budget code."),
    "budget_type": ("Budget cost types", "From an estimate's cost element to the second half of a budget code."),
    "reverse": ("The way back", "From a budget code of Procore to accounts and activities of IFS."),
}
"""What each table is called, and what it is for."""


class Table(msgspec.Struct, frozen=True):
    """One table of the mapping, without its rows."""

    section: str
    title: str
    sentence: str
    there: bool
    """Whether the mapping has it."""
    rows: int
    never: int
    """Rows that can never be reached."""
    parts: tuple[str, ...] = ()
    join: str = ""
    otherwise: str = ""


class Overview(msgspec.Struct, frozen=True):
    """The mapping of a connection at a glance, as the person who asks works on it."""

    connection: str
    version: int
    """The newest version; 0 before the first."""
    draft: bool
    """Whether what is shown is the person's own unsaved draft."""
    based_on: int
    overtaken: bool
    """Whether somebody saved a version since the draft was begun."""
    tables: tuple[Table, ...]


class RowsLook(Look, frozen=True, kw_only=True):
    """How the rows of one table are asked for."""

    connection: str
    section: Section = "cost_type"
    only: Literal["", "never", "unused", "used"] = ""
    """Rows that can never be reached, or that take nothing that is in use."""


class Gap(msgspec.Struct, frozen=True):
    """Values or code strings without a code, and what waits for them."""

    segment: str
    looked_at: str
    """What found nothing: `A=1910`."""
    values: dict[str, str]
    money: list[Money]
    """What waits, by currency."""
    in_use: list[Money]
    """What lies on it in documents that runs look at, waiting or not, whatever its sign, by currency."""
    documents: int
    """How many documents wait."""
    shown: list[str]
    since: datetime | None
    uses: int
    """On how many projects it is in use."""
    names: str
    """What IFS calls the values."""
    suggestions: list[Suggestion]
    waits_for: str
    """The key of the hold: `cost_type A=1910`."""


class Gaps(msgspec.Struct, frozen=True):
    """Everything that leads nowhere, most money first; and what is incomplete besides."""

    gaps: list[Gap]
    values: list[str]
    """Sentences about values of IFS nobody uses yet that lead nowhere."""
    never: list[str]
    """Sentences about rows that are never reached."""
    read: bool
    """Whether all kept decisions were looked at; if not, more may be in use."""
    as_of: str
    """Where IFS's values were taken from, in words."""
    budgets: str = ""
    """Why no budget crosses by this mapping, in a sentence; empty where one may, or Procore's are left alone."""


_COLUMNS = (
    Column("row", "Row", "number"),
    Column("looks_at", "Looks at", sortable=True),
    Column("to", "Leads to", sortable=True),
    Column("uses", "Code strings", "number", sortable=True),
    Column("state", "State", "state"),
)
_OF_THE_WAY_BACK = 3
"""Columns of the way back, whose rows are not asked by what is in use."""


def overview(app: App, connection: str) -> Overview:
    """The tables of a mapping, how many rows each has, and whether a draft is being worked on."""
    now = standing(app, connection)
    tables = tuple(_table(now.now, section) for section in SECTIONS)
    return Overview(connection, now.version, now.draft is not None, now.based_on, now.overtaken, tables)


def rows(app: App, look: RowsLook) -> Listing:
    """The rows of one table in their order, with how many code strings in use each takes."""
    now = standing(app, look.connection)
    reader = Reader(now.now)
    taken = reach(reader, _uses(app, look.connection)[0])
    made = _rows(now.now, look.section, taken)
    words = look.q.casefold().split()
    kept_rows = [one for one in made if all(word in _told(one) for word in words)]
    if look.only:
        wanted = {"never": ("never reached",), "unused": ("not in use",), "used": ("in use",)}[look.only]
        kept_rows = [one for one in kept_rows if one["state"] in wanted]
    if look.sort in ("looks_at", "to", "uses"):
        kept_rows.sort(
            key=lambda one: one[look.sort] or 0 if look.sort == "uses" else one[look.sort], reverse=look.down
        )
    first = (look.page - 1) * look.size
    back = look.section == "reverse"
    columns, only = (_COLUMNS[:_OF_THE_WAY_BACK], ("never",)) if back else (_COLUMNS, ("never", "unused", "used"))
    if look.section.startswith("budget_"):  # what an estimate is made of
        of_estimates = Column("uses", "Cost elements", "number", sortable=True)
        columns = tuple(of_estimates if one.key == "uses" else one for one in columns)
    return listing(columns, kept_rows[first : first + look.size + 1], look, {"only": only})


def _told(row: Mapping[str, Any]) -> str:
    """What words are looked for in: the row as it is written, and in words."""
    text = f"{row['looks_at']} {row['to']}"
    return f"{text} {code_words(row['looks_at'])} {code_words(row['to'])}".casefold()


def gaps(app: App, connection: str, *, ask: bool = False) -> Gaps:
    """What leads nowhere by the mapping this person works on; with `ask` IFS's values are asked for, not remembered."""
    row = app.connection(connection)
    now = standing(app, connection)
    reader = Reader(now.now)
    uses, read = _uses(app, connection)
    lost = [(use, reader.target(use)) for use in uses]
    lost = [(use, target) for use, target in lost if target.missing]
    with app.db.begin() as conn:
        waiting = mappings.waiting(conn, row.id)
        usage = code_uses.usage(conn, row.id, [use for use, _ in lost])
        case = kept.newest_codes(conn, row.id)
    names = _names(case, values_of_ifs(app, connection) if ask else None)
    made = _gathered(reader, waiting, [(use, target.missing, target.looked_at) for use, target in lost], usage)
    named = sorted(made.values(), key=lambda one: (one.segment, one.looked_at))
    ordered = sorted(named, key=_Gap.weight, reverse=True)
    suggesters = {
        name: Suggester(rule_of(now.now, name), Known(names, _codes_of(name, case, now))) for name in SECTIONS[:4]
    }
    found = [one.made(suggesters, names, place < _SUGGESTED) for place, one in enumerate(ordered)]
    return Gaps(
        gaps=found,
        values=_unused_values(now.now, names, found),
        never=[f"{WORDS[section][0]}: {text}." for section in SECTIONS for text in never_reached(now.now, section)],
        read=read,
        as_of="asked just now" if ask else "as the last run saw them" if case else "no run has seen them yet",
        budgets=stay_out(now.now, config_from(row.config).policy.budgets.owner),
    )


def never_reached(mapping: CodeMapping, section: str) -> list[str]:
    """Sentences about the rows of a table that an earlier row takes everything from."""
    return [
        f"row {number} is never reached: row {before} {why}"
        for number, before, why in shadowed_rows(rows_of(mapping, section))
    ]


class _Gap:
    """A gap on its way."""

    def __init__(self, segment: str, looked: str) -> None:
        self.segment = segment
        self.looked_at = looked
        self.money: dict[str, Decimal] = {}
        self.documents = 0
        self.shown: list[str] = []
        self.since: datetime | None = None
        self.projects: set[str] = set()
        self.in_use: dict[str, Decimal] = {}

    def weight(self) -> tuple[Decimal, int, int]:
        """What it is sorted by: the money that waits or is in use, in the currency that has most of it; currencies are
        not added up. Then how many documents wait, and on how many projects it is in use."""
        sums = (*self.money.values(), *self.in_use.values())
        return max((abs(one) for one in sums), default=Decimal(0)), self.documents, len(self.projects)

    def use(self, one: Usage) -> None:
        """Takes what lies on one of its code strings in one currency."""
        self.projects.add(one.use.project)
        if one.currency:
            self.in_use[one.currency] = self.in_use.get(one.currency, Decimal(0)) + one.amount

    def wait(self, one: Waiting) -> None:
        """Takes what is held for it in one currency."""
        if one.amount is not None and one.currency:
            self.money[one.currency] = self.money.get(one.currency, Decimal(0)) + one.amount
        self.documents += one.documents
        self.shown = [*self.shown, *one.shown][:12]
        self.since = min(self.since or one.since, one.since)

    def made(self, suggesters: Mapping[str, Suggester], names: Mapping[tuple[str, str], str], suggest: bool) -> Gap:
        """The gap as it is shown."""
        values = values_in(self.looked_at)
        suggester = suggesters.get(self.segment)
        called = [f"{value} {names[part, value]}" for part, value in values.items() if names.get((part, value))]
        return Gap(
            segment=self.segment,
            looked_at=self.looked_at,
            values=values,
            money=_by_currency(self.money),
            in_use=_by_currency(self.in_use),
            documents=self.documents,
            shown=self.shown,
            since=self.since,
            uses=len(self.projects),
            names=", ".join(called),
            suggestions=suggester.suggest(values) if suggest and suggester else [],
            waits_for=f"{self.segment} {self.looked_at}",
        )


def _gathered(
    reader: Reader,
    waiting: Sequence[Waiting],
    lost: Sequence[tuple[Use, str, str]],
    usage: Sequence[Usage],
) -> dict[tuple[str, str], _Gap]:
    """Gaps by segment and what was looked at: of what is held and still finds nothing, and of what is in use."""
    found: dict[tuple[str, str], _Gap] = {}
    for one in waiting:
        segment, _, looked = one.waits_for.partition(" ")
        if segment in SECTIONS[:4]:
            if reader.segment(segment, values_in(looked))[0] is None:
                found.setdefault((segment, looked), _Gap(segment, looked)).wait(one)
        else:  # the way back: no table says of itself that it is complete
            found.setdefault((segment, looked), _Gap(segment, looked)).wait(one)
    open_uses: dict[Use, list[Usage]] = {}
    for used in usage:
        open_uses.setdefault(used.use, []).append(used)
    for use, segment, looked in lost:
        for used in open_uses.get(use, ()):
            found.setdefault((segment, looked), _Gap(segment, looked)).use(used)
    return found


def _by_currency(sums: Mapping[str, Decimal]) -> list[Money]:
    return [Money(amount, currency) for currency, amount in sorted(sums.items())]


def _uses(app: App, connection: str) -> tuple[list[Use], bool]:
    row = app.connection(connection)
    read = kept.catch_up(app.db, row.id, PATIENCE)
    with app.db.begin() as conn:
        return code_uses.uses(conn, row.id), read


def _names(case: CostCodesCase | None, asked: Iterable[Dimension] | None) -> dict[tuple[str, str], str]:
    """Names of the values that are valid, by (part, value)."""
    if asked is not None:
        return {(one.part, one.value): one.name for one in asked}
    if case is None:
        return {}
    today = case.given.today
    return {key: one.name for key, one in case.chart.dimensions.items() if one.valid_from <= today <= one.valid_until}


def _codes_of(section: str, case: CostCodesCase | None, now: Standing) -> dict[str, str]:
    """Codes a table may lead to, with their names: those of Procore, and those rows lead to already."""
    rule = rule_of(now.now, section)
    found = {row.to: "" for row in rule.rows if row.to} if rule else {}
    if case is None:
        return found
    if section in ("cost_type", "budget_type"):
        return found | {code: one.name for code, one in case.coding.cost_types.items()}
    for codes in case.coding.cost_codes.values():
        found |= {code: one.name for code, one in codes.items()}
    return found


def _unused_values(mapping: CodeMapping, names: Mapping[tuple[str, str], str], found: Sequence[Gap]) -> list[str]:
    """Where a segment looks at one code part only: its valid values that lead nowhere and are not in use yet."""
    sentences = []
    for section in OF_CODES:
        rule = rule_of(mapping, section)
        if rule is None or len(rule.looks_at()) != 1:
            continue
        (part,) = rule.looks_at()
        named = {one.values.get(part) for one in found if one.segment == section}
        lost = [
            value
            for of, value in sorted(names)
            if of == part and value not in named and rule.target({part: value}) is None
        ]
        if lost:
            noun = section.replace("_", " ")
            noun_of = "more value" if named else "value"
            text = f"{counted(len(lost), noun_of)} of code part {part}, not in use, would find no {noun}: "
            sentences.append(f"{text}{listed(lost, 12)}.")
    return sentences


def _table(mapping: CodeMapping, section: str) -> Table:
    title, sentence = WORDS[section]
    rule: SegmentRule | None = rule_of(mapping, section)
    held = rows_of(mapping, section)
    rest = (rule.parts, rule.join, rule.otherwise) if rule else ((), "", "")
    there = bool(rule) or section == "reverse"
    return Table(section, title, sentence, there, len(held), len(shadowed_rows(held)), *rest)


def _rows(mapping: CodeMapping, section: str, taken: Reach) -> list[dict[str, Any]]:
    never = {number: f"row {before} {why}" for number, before, why in shadowed_rows(rows_of(mapping, section))}
    made: list[dict[str, Any]] = []
    for number, row in enumerate(rows_of(mapping, section), 1):
        uses = taken.of(section, number)
        back = isinstance(row, ReverseRow)
        state = "never reached" if number in never else "" if back else "in use" if uses else "not in use"
        made.append(
            {
                "row": number,
                "looks_at": looks_at(row),
                "to": leads_to(row),
                "uses": None if back else uses,
                "state": state,
                "why": never.get(number, ""),
                "values": {**dict(row.when), **_led(row)},
            }
        )
    return made


def _led(row: object) -> dict[str, str]:
    if isinstance(row, ReverseRow):
        return {**dict(row.codes), **({"activity": row.activity} if row.activity else {})}
    return {"to": getattr(row, "to", "")}
