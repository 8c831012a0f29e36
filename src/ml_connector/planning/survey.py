"""What was found on both sides before anything is planned: counts, ranges, and what somebody should look at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.kernel.text import counted, listed
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.names import normal_number
from ml_connector.planning.workbench import Known, Pair, Weight
from ml_connector.records.commitment import Commitment
from ml_connector.records.purchase_order import WITHDRAWN, OrderLine, PurchaseOrder
from ml_connector.records.vendor import Vendor

_NAMED = 8
"""How many examples a sentence names."""


class Gap(msgspec.Struct, frozen=True):
    """Code strings in use that lead nowhere, with what hangs on them."""

    looked_at: str
    """The values, as people read them: `A=1910`."""
    missing: str
    """cost_code or cost_type: the segment without a row for them."""
    strings: int
    """How many code strings have these values."""
    money: dict[str, Decimal]


class Used(msgspec.Struct, frozen=True):
    """A code string of open orders, with what hangs on it."""

    codes: tuple[tuple[str, str], ...]
    activity: str
    weight: Weight


class Typed(msgspec.Struct, frozen=True):
    """An order that somebody typed into Procore by hand: a contract of that number that is not ours."""

    order: str
    project: str
    contract: str
    title: str
    amount: Decimal
    currency: str


class Odd(msgspec.Struct, frozen=True):
    """Something a person should look at: a sentence, and what may be done about it."""

    sentence: str
    remedy: str = ""


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """The discovery report of a connection. Ids are those of their own side."""

    erp: dict[str, Any]
    """Counts by name, as the erp's room gives them."""
    projects: dict[str, Any]
    """The same of Procore."""
    orders: Weight
    first: date | None
    """Day of the oldest open order."""
    last: date | None
    currencies: tuple[str, ...]
    pairs: tuple[Pair, ...]
    """Open IFS projects."""
    sites: tuple[Known, ...]
    """Procore's projects."""
    vendors: tuple[Pair, ...]
    """Suppliers of open orders."""
    directory: tuple[Known, ...]
    """Procore's vendors."""
    used: tuple[Used, ...]
    """Code strings of open orders on projects."""
    names: dict[str, str]
    """Names of their values, such as `A=4110` to Materials."""
    cost_types: dict[str, str]
    """Procore's cost types, code to name."""
    cost_codes: dict[str, str]
    """Cost codes of the Procore projects that look like a pair, code to name."""
    missing_codes: dict[str, tuple[str, ...]]
    """Project pairs (the IFS number) to mapped cost codes that their Procore project lacks."""
    typed: tuple[Typed, ...]
    odd: tuple[Odd, ...]


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """What the workbenches show of a survey, which is a small part of it: as it says there."""

    pairs: tuple[Pair, ...]
    sites: tuple[Known, ...]
    vendors: tuple[Pair, ...]
    directory: tuple[Known, ...]


_Codes = tuple[str, tuple[tuple[str, str], ...], str]
"""Project, code string, activity."""


@dataclass
class _Sum:
    seen: set[str] = field(default_factory=set)
    money: dict[str, Decimal] = field(default_factory=dict)

    def add(self, order: str, currency: str, amount: Decimal) -> None:
        self.seen.add(order)
        self.money[currency] = self.money.get(currency, Decimal(0)) + amount

    def merge(self, other: _Sum) -> None:
        self.seen |= other.seen
        for currency, amount in other.money.items():
            self.money[currency] = self.money.get(currency, Decimal(0)) + amount

    def weight(self) -> Weight:
        return Weight(len(self.seen), dict(self.money))


@dataclass
class OrderSums:
    """Open orders, added up a page at a time; nothing of an order is kept but sums."""

    all: _Sum = field(default_factory=_Sum)
    first: date | None = None
    """Day of the oldest."""
    last: date | None = None
    of_project: dict[str, _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    of_supplier: dict[str, _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    of_codes: dict[_Codes, _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    without_project: _Sum = field(default_factory=_Sum)
    undated: int = 0

    def take(self, orders: Iterable[PurchaseOrder]) -> None:
        """Adds some orders."""
        for order in orders:
            self.all.seen.add(order.id)
            self.undated += order.dated is None
            if order.dated:
                self.first = min(self.first or order.dated, order.dated)
                self.last = max(self.last or order.dated, order.dated)
            for line in order.lines:
                if line.state not in WITHDRAWN:
                    self._take(order, line)

    def _take(self, order: PurchaseOrder, line: OrderLine) -> None:
        into = [self.all, self.of_supplier[order.vendor]]
        if line.project:
            into += [self.of_project[line.project], self.of_codes[line.project, line.codes, line.activity]]
        else:
            into.append(self.without_project)
        for one in into:
            one.add(order.id, order.currency, line.amount)


def weights(sums: Mapping[str, _Sum]) -> dict[str, Weight]:
    """What hangs on each record."""
    return {key: one.weight() for key, one in sums.items()}


def used_codes(sums: OrderSums) -> tuple[Used, ...]:
    """Code strings of open orders, whatever the project, the most used first."""
    found: dict[tuple[tuple[tuple[str, str], ...], str], _Sum] = defaultdict(_Sum)
    for (_, codes, activity), one in sums.of_codes.items():
        found[codes, activity].merge(one)
    used = [Used(codes, activity, one.weight()) for (codes, activity), one in found.items()]
    return tuple(sorted(used, key=lambda one: (-one.weight.orders, one.codes, one.activity)))


def gaps_of(used: Iterable[Used], mapper: Mapper) -> tuple[Gap, ...]:
    """Code strings that a mapping leads nowhere, by the values it looked at, the heaviest first."""
    strings: Counter[tuple[str, str]] = Counter()
    money: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
    for one in used:
        target = mapper.target(one.codes, one.activity)
        if target.missing:
            key = target.looked_at, target.missing
            strings[key] += 1
            for currency, amount in one.weight.money.items():
                money[key][currency] = money[key].get(currency, Decimal(0)) + amount
    found = [Gap(values, missing, number, money[values, missing]) for (values, missing), number in strings.items()]
    return tuple(sorted(found, key=lambda gap: (-max(gap.money.values(), default=Decimal(0)), gap.looked_at)))


def wanted_codes(sums: OrderSums, mapper: Mapper) -> dict[str, set[str]]:
    """IFS project to the cost codes its open orders lead to."""
    found: dict[str, set[str]] = defaultdict(set)
    for project, codes, activity in sums.of_codes:
        if code := mapper.target(codes, activity).cost_code:
            found[project].add(code)
    return found


def typed_by_hand(sums: OrderSums, project: str, headers: Iterable[Commitment]) -> list[Typed]:
    """Contracts of a Procore project that carry the number of an open order and not our once-key."""
    return [
        Typed(one.number, project, one.id, one.title, one.total, one.currency)
        for one in headers
        if one.number in sums.all.seen and not one.once_key
    ]


def oddities(
    sums: OrderSums, suppliers: Sequence[Vendor], directory: Sequence[Vendor], open_projects: Collection[str]
) -> tuple[Odd, ...]:
    """What a person should look at before the first plan."""
    found: list[Odd] = []
    if sums.without_project.seen:
        found.append(
            Odd(
                f"{counted(len(sums.without_project.seen), 'open order')} have lines without a project: "
                f"{listed(sorted(sums.without_project.seen), _NAMED)}.",
                "Lines without a project stay in IFS; the order is held if other lines of it have one.",
            )
        )
    closed = sorted(set(sums.of_project) - set(open_projects))
    if closed:
        found.append(
            Odd(
                f"Open orders name {counted(len(closed), 'project')} that IFS does not show as open: "
                f"{listed(closed, _NAMED)}.",
                "Close the orders, or open the project, in IFS.",
            )
        )
    bare = sorted(one.id for one in suppliers if not one.purchasable)
    if bare:
        found.append(
            Odd(
                f"{counted(len(bare), 'supplier')} of open orders have no purchase data: {listed(bare, _NAMED)}.",
                "Complete them in IFS: until then their orders wait.",
            )
        )
    ended = sorted(f"{one.name} ({one.id})" for one in suppliers if not one.active)
    if ended:
        found.append(Odd(f"{counted(len(ended), 'supplier')} of open orders have expired: {listed(ended, _NAMED)}."))
    found += _doubles(directory)
    currencies = sorted(sums.all.money)
    if len(currencies) > 1:
        found.append(Odd(f"Open orders are in {len(currencies)} currencies: {', '.join(currencies)}."))
    if sums.undated:
        found.append(Odd(f"{counted(sums.undated, 'open order')} have no date, so a go-live date does not hold them."))
    return tuple(found)


def _doubles(directory: Sequence[Vendor]) -> list[Odd]:
    by_number: dict[str, list[str]] = defaultdict(list)
    for one in directory:
        number = normal_number(one.tax_number, one.country)
        if number:
            by_number[number].append(one.name)
    twice = [f"{' and '.join(names)} ({number})" for number, names in sorted(by_number.items()) if len(names) > 1]
    if not twice:
        return []
    sentence = f"Procore's directory has vendors that share a tax number: {listed(twice, _NAMED, '; ')}."
    return [Odd(sentence, "Merge them in Procore, or say in the vendor step which one stands for the supplier.")]
