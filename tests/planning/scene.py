"""One site, one supplier, one order: the smallest scene in which an order can go, and a Procore made of plain values.

`Procore` applies intents the way the other side would: it keeps what is written by once-key, freezes what is approved,
and forgets nothing. What it holds afterwards is what the next decision sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.flows import purchase_orders
from ml_connector.flows.purchase_orders import Theirs
from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets
from ml_connector.planning.mapping import CodeMapping, Mapper, Row, SegmentRule
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Verb, unpack
from ml_connector.planning.policy import Policies, policies_from
from ml_connector.planning.situation import Linked, Ruling, Situation, mark_of
from ml_connector.records.commitment import FROZEN, ChangeOrder, Commitment
from ml_connector.records.dimension import Activity, Dimension
from ml_connector.records.purchase_order import OrderLine, OrderState, PurchaseOrder

COMPANY = "10"
TODAY = date(2026, 11, 2)
SITES = ("1201", "1202")
"""IFS projects; 5001 and 5002 in Procore."""
SUPPLIER = "S100"
VENDOR = "77"
CONCRETE, STEEL, PAINT = "03-310", "05-120", "09-910"
MATERIALS = "4110"
"""An account; the mapping makes cost type M of it."""

MAPPING = CodeMapping(
    cost_code=SegmentRule(parts=("B",), otherwise="same"),
    cost_type=SegmentRule(parts=("A",), rows=(Row((("A", "41*"),), "M"), Row((("A", "43*"),), "L"))),
)
CHART = Chart(
    dimensions={
        (part, value): Dimension(part, value, name, date(2020, 1, 1), date(2030, 12, 31))
        for part, value, name in (
            ("A", MATERIALS, "Materials"),
            ("A", "4310", "Labour"),
            ("A", "1910", "Sundry"),
            ("B", CONCRETE, "Concrete"),
            ("B", STEEL, "Steel"),
            ("B", PAINT, "Paint"),
        )
    },
    activities={
        "A1": Activity("A1", "1201", "10", "100", "Foundations", True),
        "A9": Activity("A9", "1201", "10", "900", "Handover", False),
    },
)
BUDGETS = Budgets(budgeted={}, currencies=dict.fromkeys(SITES, "USD"), keeps_currency=False)


def D(text: str | int) -> Decimal:  # noqa: N802 - as short as a literal
    """A decimal."""
    return Decimal(text)


def line(number: str = "1/1", **changes: Any) -> OrderLine:
    """Ten bags of cement at 5.00 on concrete, in project 1201."""
    given = OrderLine(
        id=number,
        kind="nopart",
        description="Cement",
        quantity=D(10),
        unit="bag",
        unit_price=D("5.00"),
        amount=D("50.00"),
        state=OrderState.RELEASED,
        project="1201",
        activity="",
        codes=(("A", MATERIALS), ("B", CONCRETE)),
        wanted=date(2026, 12, 1),
    )
    return msgspec.structs.replace(given, **changes)


def priced(number: str, quantity: int, price: str, **changes: Any) -> OrderLine:
    """A line whose amount is quantity times price."""
    return line(number, quantity=D(quantity), unit_price=D(price), amount=quantity * D(price), **changes)


def order(*lines: OrderLine, **changes: Any) -> PurchaseOrder:
    """Released order P1 on supplier S100."""
    given = PurchaseOrder(
        id="P1",
        vendor=SUPPLIER,
        site="S",
        state=OrderState.RELEASED,
        currency="USD",
        dated=date(2026, 10, 1),
        buyer="JDOE",
        text="For the footings",
        lines=lines or (line(),),
    )
    return msgspec.structs.replace(given, **changes)


def known() -> dict[Key, Linked]:
    """Both sites, the supplier and every budget code are linked."""
    links = {Key("project", site): Linked(f"50{site[-2:]}") for site in SITES}
    links[Key("vendor", SUPPLIER)] = Linked(VENDOR)
    for site in SITES:
        for code in (CONCRETE, STEEL, PAINT):
            for kind in "ML":
                links[Key("budget_code", f"{site}/{code}.{kind}")] = Linked(f"b{site}{code}{kind}")
    return links


def policies(**orders: Any) -> Policies:
    """Policies that let budget-less codes through, with the given entries of purchase_orders."""
    return policies_from({"purchase_orders": {"unbudgeted": "allow", **orders}})


def situation(**changes: Any) -> Situation:
    """Everything linked, nothing ruled."""
    given = Situation(
        company=COMPANY, today=TODAY, policies=policies(), mapper=Mapper(MAPPING), links=known(), rulings={}
    )
    return msgspec.structs.replace(given, **changes)


def ruled(reason: HoldReason, answer: str, target: str = "", key: Key | None = None) -> dict[Any, Ruling]:
    """One person's answer, about order P1 unless said otherwise."""
    return {(key or Key("order", "P1"), reason): Ruling(answer, target)}


_STAGES = (Verb.LINK, Verb.ADOPT, Verb.CREATE, Verb.UPDATE, Verb.FILL, Verb.AMEND, Verb.STATUS)
"""The order in which the engine applies the steps of contracts."""


class Procore:
    """The other side's contracts, with our links to them."""

    def __init__(self, **changes: Any) -> None:
        self.situation = situation(**changes)
        self.contracts: dict[str, Commitment] = {}
        self.amendments: dict[str, list[ChangeOrder]] = {}

    def typed_by_hand(self, contract: Commitment) -> None:
        """Somebody made this contract in Procore."""
        self.contracts[contract.id] = contract

    def edit(self, contract: str, **changes: Any) -> None:
        """Somebody changed a contract in Procore, and we hear of it."""
        self.contracts[contract] = msgspec.structs.replace(self.contracts[contract], **changes)
        self.touch()

    def touch(self) -> None:
        """We hear that something was done to the contracts of P1."""
        self.situation = msgspec.structs.replace(self.situation, touched=frozenset({"P1"}))

    def rule(self, hold: Hold, answer: str) -> None:
        """A person answers a hold, about what it shows them."""
        side = answer in ("erp", "projects")
        target = mark_of(hold.evidence) if side else hold.candidates[0] if hold.candidates else ""
        rulings = {**self.situation.rulings, **ruled(hold.reason, answer, target, hold.key)}
        self.situation = msgspec.structs.replace(self.situation, rulings=rulings)

    def sees(self) -> Theirs:
        """What a decision is shown."""
        headers: dict[str, list[Commitment]] = {}
        for contract in self.contracts.values():
            site = f"12{contract.project[-2:]}"
            headers.setdefault(site, []).append(msgspec.structs.replace(contract, lines=()))
        return Theirs(headers, dict(self.contracts), dict(self.amendments))

    def decide(self, *orders: PurchaseOrder) -> Decision:
        """The flow's decision on these orders as things stand."""
        return purchase_orders.decide(self.situation, CHART, BUDGETS, orders, self.sees())

    def sync(self, *orders: PurchaseOrder) -> Decision:
        """Decides and applies; nothing may be held."""
        decision = self.decide(*orders)
        assert decision.holds == (), [hold.sentence for hold in decision.holds]
        self.apply(decision.intents)
        return decision

    def apply(self, intents: Iterable[Intent]) -> None:
        """Does what the intents say, stage by stage, and remembers the links."""
        waiting = list(intents)
        for verb in _STAGES:
            for intent in [one for one in waiting if one.verb is verb]:
                body = unpack(intent.key.kind, intent.body)
                if intent.key.kind == "commitment_line":
                    self._link(intent, "")
                    continue
                contract = (
                    self._amend(intent, body) if isinstance(body, ChangeOrder) else self._write(intent, verb, body)
                )
                self._link(intent, contract)
        self.situation = msgspec.structs.replace(self.situation, touched=frozenset())

    def _link(self, intent: Intent, contract: str) -> None:
        links = dict(self.situation.links)
        if intent.key.kind == "commitment_line":
            links[intent.key] = Linked(intent.target)
            self.situation = msgspec.structs.replace(self.situation, links=links)
            return
        key = next(key for key in (intent.key, *intent.needs) if key.kind == "commitment")
        before = links.get(key)
        links[key] = Linked(contract, intent.base or (before.base if before else b""))
        if intent.key.kind == "change_order":
            links[intent.key] = Linked(intent.key.id)
        self.situation = msgspec.structs.replace(self.situation, links=links)

    def _write(self, intent: Intent, verb: Verb, body: Any) -> str:
        assert isinstance(body, Commitment)
        linked = self.situation.links.get(intent.key)
        contract = intent.target or (linked.target if linked else f"c{len(self.contracts) + 1}")
        known = self.contracts.get(contract)
        if verb is Verb.CREATE:
            assert known is None, "created twice"
            new = {"id": contract, "vendor": self._vendor(body), "project": f"50{body.project[-2:]}", "lines": ()}
            self.contracts[contract] = msgspec.structs.replace(body, **new)
            return contract
        assert known is not None
        if verb is Verb.ADOPT:
            ours = {line.id: line.once_key for line in body.lines}
            lines = tuple(msgspec.structs.replace(x, once_key=x.once_key or ours.get(x.id, "")) for x in known.lines)
            self.contracts[contract] = msgspec.structs.replace(known, once_key=body.once_key, lines=lines)
        elif verb is Verb.UPDATE:
            fields = ("title", "description", "dated", "delivery", "number")
            changes = {name: getattr(body, name) for name in fields}
            if Key("vendor", body.vendor) in intent.needs:
                changes["vendor"] = self._vendor(body)
            self.contracts[contract] = msgspec.structs.replace(known, **changes)
        elif verb is Verb.FILL:
            assert known.status not in FROZEN, "the lines of an approved contract were restated"
            assert not self.amendments.get(contract), "the lines of an amended contract were restated"
            lines_by_key = {line.once_key or line.id: line for line in known.lines}
            for one in body.lines:
                there = lines_by_key.get(one.once_key)
                code = Key("budget_code", f"{body.project}/{one.budget_code}")
                assert code in intent.needs or (there and there.budget_code == one.budget_code), "a code of nobody"
                id_ = there.id if there else f"{contract}-{len(lines_by_key) + 1}"
                lines_by_key[one.once_key] = msgspec.structs.replace(one, id=id_)
            self.contracts[contract] = msgspec.structs.replace(known, lines=tuple(lines_by_key.values()))
        elif verb is Verb.STATUS:
            self.contracts[contract] = msgspec.structs.replace(known, status=body.status)
        return contract

    def _vendor(self, body: Commitment) -> str:
        return self.situation.links[Key("vendor", body.vendor)].target

    def _amend(self, intent: Intent, body: ChangeOrder) -> str:
        key = next(key for key in intent.needs if key.kind == "commitment")
        contract = self.situation.links[key].target
        made = self.amendments.setdefault(contract, [])
        assert body.reference not in [one.reference for one in made], "one change order was written twice"
        made.append(body)
        return contract

    def money(self) -> dict[tuple[str, str], Decimal]:
        """What stands in Procore by (IFS project, flat code), change orders included, zeroes left out."""
        found: dict[tuple[str, str], Decimal] = {}
        for contract in self.contracts.values():
            site = f"12{contract.project[-2:]}"
            amended = [one for order in self.amendments.get(contract.id, []) for one in order.lines]
            for one in (*contract.lines, *amended):
                place = (site, one.budget_code)
                found[place] = found.get(place, D(0)) + one.amount
        return {place: amount for place, amount in found.items() if amount}


def verbs(intents: Sequence[Intent]) -> list[str]:
    """What the intents do, in order."""
    return [intent.verb.value for intent in intents]


def ordered_money(*orders: PurchaseOrder) -> dict[tuple[str, str], Decimal]:
    """What the live lines of the orders come to by (IFS project, flat code), zeroes left out."""
    found: dict[tuple[str, str], Decimal] = {}
    for one in (line for order in orders for line in order.lines if line.state is not OrderState.CANCELLED):
        codes = dict(one.codes)
        place = (one.project, f"{codes['B']}.{'M' if codes['A'].startswith('41') else 'L'}")
        found[place] = found.get(place, D(0)) + one.amount
    return {place: amount for place, amount in found.items() if amount}
