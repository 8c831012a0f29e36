"""Two orders with their contracts in Procore, an open billing period, and a Procore that does what the intents say.

`Site` applies intents the way the other side would: it keeps what is written by once-key, lets one billing period be
open and none overlap, and never edits a record. What it holds afterwards is what the next decision sees.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.flows import payments as payments_flow
from ml_connector.flows import supplier_invoices
from ml_connector.flows.supplier_invoices import Theirs
from ml_connector.kernel.keys import Key
from ml_connector.planning.placing import root_of
from ml_connector.planning.plan import Decision, Hold, Intent, Verb, pack, unpack
from ml_connector.planning.policy import Policies, policies_from
from ml_connector.planning.situation import Linked, Ruling
from ml_connector.records.commitment import Commitment, CommitmentLine, CommitmentStatus
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import ContractPayment, Payment
from ml_connector.records.subcontractor_invoice import BillingLine, BillingPeriod, InvoiceStatus, SubcontractorInvoice
from ml_connector.records.supplier_invoice import InvoiceLine, InvoiceState, SupplierInvoice, TaxCode

from .scene import BUDGETS, CHART, COMPANY, CONCRETE, MATERIALS, STEEL, SUPPLIER, VENDOR, D, known, situation

HELD_ACCOUNT = "2410"
"""The account of retention."""
TAXES = {
    "V20": TaxCode("V20", D(20), D(100)),
    "H20": TaxCode("H20", D(20), D(50)),
    "N20": TaxCode("N20", D(20), D(0)),
}
"""Recoverable, half recoverable, not recoverable."""
OCTOBER = BillingPeriod("5001", date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 10), open=False, id="oct")
NOVEMBER = BillingPeriod("5001", date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 10), id="nov")


def contract(order: str, project: str, *lines: tuple[str, str, str], currency: str = "USD") -> Commitment:
    """An approved contract with lines of (order line, flat code, amount)."""
    once = f"{COMPANY}/order/{order}/{project}"
    return Commitment(
        once_key=once,
        project=project,
        number=order,
        title=order,
        vendor=SUPPLIER,
        status=CommitmentStatus.APPROVED,
        currency=currency,
        dated=date(2026, 9, 1),
        delivery=None,
        description="",
        lines=tuple(
            CommitmentLine(f"{once}/{line}", f"Line {line}", D(1), "ea", D(amount), D(amount), flat)
            for line, flat, amount in lines
        ),
    )


CONTRACTS = (
    contract("P1", "1201", ("1/1", f"{CONCRETE}.M", "500"), ("2/1", f"{STEEL}.M", "300")),
    contract("P2", "1202", ("1/1", f"{CONCRETE}.M", "900")),
)


def posting(number: str = "1", amount: str = "100.00", **changes: Any) -> InvoiceLine:
    """Cement delivered on line 1/1 of order P1, project 1201."""
    given = InvoiceLine(
        id=number,
        description="Cement",
        amount=D(amount),
        quantity=D(0),
        order="P1",
        order_line="1/1",
        receipt="1",
        project="1201",
        activity="",
        codes=(("A", MATERIALS), ("B", CONCRETE)),
    )
    return msgspec.structs.replace(given, **changes)


def loose(number: str = "1", amount: str = "100.00", **changes: Any) -> InvoiceLine:
    """A posting on no order, project 1201."""
    return posting(number, amount, **{"order": "", "order_line": "", "receipt": "", **changes})


def retention(number: str = "9", amount: str = "-10.00", **changes: Any) -> InvoiceLine:
    """What order P1 retains (negative) or releases (positive), on no line of it."""
    given: dict[str, Any] = {"order_line": "", "receipt": "", "project": "", "codes": (("A", HELD_ACCOUNT),)}
    return posting(number, amount, **{**given, **changes})


def invoice(*lines: InvoiceLine, **changes: Any) -> SupplierInvoice:
    """Posted invoice 700, number INV-7, dated 5 November, of supplier S100."""
    lines = lines or (posting(),)
    given = SupplierInvoice(
        id="700",
        vendor=SUPPLIER,
        number="INV-7",
        series="SI",
        state=InvoiceState.POSTED,
        currency="USD",
        dated=date(2026, 11, 5),
        posted_on=date(2026, 11, 6),
        due=None,
        text="Delivery",
        net=sum((one.amount for one in lines), D(0)),
        tax=sum((one.tax for one in lines), D(0)),
        lines=lines,
    )
    return msgspec.structs.replace(given, **changes)


def typed(number: str = "INV-7", amount: str = "100.00", **changes: Any) -> SubcontractorInvoice:
    """An invoice somebody typed in Procore on the contract of order P1."""
    given = SubcontractorInvoice(
        once_key="",
        project="5001",
        commitment="c1",
        number=number,
        currency="USD",
        dated=date(2026, 11, 4),
        period="nov",
        status=InvoiceStatus.APPROVED,
        lines=(BillingLine(f"{COMPANY}/order/P1/1201/1/1", "Cement", f"{CONCRETE}.M", D(amount), id="l1"),),
        vendor=VENDOR,
        id="t1",
    )
    return msgspec.structs.replace(given, **changes)


def payment(number: int = 1, amount: str = "100.00", **changes: Any) -> Payment:
    """A booked payment of invoice 700."""
    given = Payment(
        id=f"SUPAY/{number}/1",
        order=(number, 1),
        invoice="700",
        amount=D(amount),
        currency="USD",
        dated=date(2026, 11, 20),
        method="BANK",
        reference=f"R{number}",
    )
    return msgspec.structs.replace(given, **changes)


def policies(**changes: Any) -> Policies:
    """Retention on its account, nothing asked about budgets; entries of supplier_invoices may be given."""
    invoices = {"retention_accounts": [HELD_ACCOUNT], **changes.pop("invoices", {})}
    return policies_from({"purchase_orders": {"unbudgeted": "allow"}, "supplier_invoices": invoices, **changes})


_STAGES = ("billing_period", "subcontractor_invoice", "direct_cost", "payment")


class Site:
    """The other side's invoices, direct costs, periods and payments, with our links to them."""

    def __init__(self, *, contracts: Iterable[Commitment] = CONTRACTS, **changes: Any) -> None:
        links = known()
        for number, one in enumerate(contracts, 1):
            links[Key("commitment", f"{one.number}@{one.project}")] = Linked(f"c{number}", pack(one))
        given = {"policies": policies(), "links": links, **changes}
        self.situation = situation(**given)
        self.periods: dict[str, list[BillingPeriod]] = {"1201": [OCTOBER, NOVEMBER], "1202": [NOVEMBER]}
        self.invoices: dict[str, SubcontractorInvoice] = {}
        self.costs: dict[str, DirectCost] = {}
        self.payments: dict[str, ContractPayment] = {}
        self.placed: dict[str, Key] = {}
        self.chart, self.budgets = CHART, BUDGETS

    def link(self, key: Key, target: str, base: bytes = b"") -> None:
        """The two ids are one thing from now on."""
        self.change(links={**self.situation.links, key: Linked(target, base)})

    def change(self, **changes: Any) -> None:
        """The situation, changed."""
        self.situation = msgspec.structs.replace(self.situation, **changes)

    def rule(self, hold: Hold, answer: str) -> None:
        """A person answers a hold."""
        ruling = Ruling(answer, hold.candidates[0] if hold.candidates else "")
        self.change(rulings={**self.situation.rulings, (hold.key, hold.reason): ruling})

    def type_invoice(self, *ones: SubcontractorInvoice) -> None:
        """Somebody enters subcontractor invoices in Procore."""
        self.invoices.update({one.id: one for one in ones})

    def sees(self) -> Theirs:
        """What a decision is shown."""
        homes = {linked.target: key.id for key, linked in self.situation.links.items() if key.kind == "commitment"}
        invoices: dict[str, list[SubcontractorInvoice]] = {}
        for one in self.invoices.values():
            invoices.setdefault(homes.get(one.commitment, one.commitment), []).append(one)
        costs: dict[str, list[DirectCost]] = {}
        for cost in self.costs.values():
            costs.setdefault(f"12{cost.project[-2:]}", []).append(cost)
        return Theirs(self.periods, invoices, costs, self.placed)

    def decide(self, *invoices: SupplierInvoice) -> Decision:
        """The flow's decision on these invoices as things stand."""
        return supplier_invoices.decide(self.situation, self.chart, self.budgets, TAXES, invoices, self.sees())

    def sync(self, *invoices: SupplierInvoice) -> Decision:
        """Decides and applies; nothing may be held, and a second look must find nothing to do."""
        decision = self.decide(*invoices)
        assert decision.holds == (), [hold.sentence for hold in decision.holds]
        self.apply(decision.intents)
        again = self.decide(*invoices)
        assert again.intents == (), [intent.reason for intent in again.intents]
        return decision

    def pay(self, *payments: Payment, of: Iterable[SupplierInvoice], blocked: Iterable[str] = ()) -> Decision:
        """Decides payments and applies what may go."""
        decision = payments_flow.decide(self.situation, payments, {one.id: one for one in of}, frozenset(blocked))
        self.apply(decision.intents)
        return decision

    def apply(self, intents: Iterable[Intent]) -> None:
        """Does what the intents say, stage by stage, and remembers the links."""
        waiting = list(intents)
        assert {intent.key.kind for intent in waiting} <= set(_STAGES)
        for kind in _STAGES:
            for intent in [one for one in waiting if one.key.kind == kind]:
                missing = [need for need in intent.needs if need not in self.situation.links]
                assert not missing, missing
                self._do(intent, unpack(kind, intent.body))

    def _do(self, intent: Intent, body: Any) -> None:
        linked = self.situation.links.get(intent.key)
        target = intent.target or (linked.target if linked else "")
        if intent.verb is Verb.LINK:
            assert target
        elif isinstance(body, BillingPeriod):
            target = self._open(body)
        elif isinstance(body, SubcontractorInvoice):
            target = self._bill(intent, body)
        elif isinstance(body, DirectCost):
            target = self._cost(intent.verb, body, target)
        else:
            assert isinstance(body, ContractPayment)
            target = f"p{len(self.payments) + 1}"
            self.payments[intent.key.id] = body
        self.link(intent.key, target, intent.base or (linked.base if linked else b""))
        for source in getattr(body, "sources", ()):
            assert self.placed.setdefault(source, root_of(intent.key)) == root_of(intent.key), "in two places"

    def _open(self, body: BillingPeriod) -> str:
        there = self.periods.setdefault(body.project, [])
        assert not any(one.open for one in there), "two billing periods open"
        assert all(one.end < body.start or body.end < one.start for one in there), "overlapping periods"
        made = msgspec.structs.replace(body, id=f"b{body.start}")
        there.append(made)
        return made.id

    def _bill(self, intent: Intent, body: SubcontractorInvoice) -> str:
        assert body.once_key not in [one.once_key for one in self.invoices.values()], "written twice"
        target = f"r{len(self.invoices) + 1}"
        contract = self.situation.links[Key("commitment", body.commitment)].target
        self.invoices[target] = msgspec.structs.replace(body, id=target, commitment=contract, vendor=VENDOR)
        assert Key("billing_period", body.period) in intent.needs
        return target

    def _cost(self, verb: Verb, body: DirectCost, target: str) -> str:
        if verb is Verb.CREATE:
            assert (body.vendor, body.number) not in [(one.vendor, one.number) for one in self.costs.values()]
            target = f"d{len(self.costs) + 1}"
            there = {"id": target, "project": f"50{body.project[-2:]}", "lines": (), "vendor": VENDOR}
            self.costs[target] = msgspec.structs.replace(body, **there)
            return target
        cost = self.costs[target]
        if verb is Verb.FILL:
            lines = {one.once_key: one for one in (*cost.lines, *body.lines)}
            self.costs[target] = msgspec.structs.replace(cost, lines=tuple(lines.values()))
        else:
            self.costs[target] = msgspec.structs.replace(cost, status=body.status)
        return target

    def billed(self) -> dict[str, Decimal]:
        """Gross billed by contract line's once-key, zeroes left out."""
        found: dict[str, Decimal] = {}
        for line in (line for one in self.invoices.values() for line in one.lines):
            found[line.line] = found.get(line.line, D(0)) + line.amount
        return {key: amount for key, amount in found.items() if amount}

    def held(self) -> dict[str, Decimal]:
        """Retention held by contract line's once-key, zeroes left out."""
        found: dict[str, Decimal] = {}
        for line in (line for one in self.invoices.values() for line in one.lines):
            found[line.line] = found.get(line.line, D(0)) + line.retained - line.released
        return {key: amount for key, amount in found.items() if amount}

    def spent(self) -> dict[tuple[str, str], Decimal]:
        """Direct cost by (project, flat code), zeroes left out."""
        found: dict[tuple[str, str], Decimal] = {}
        for cost in self.costs.values():
            for line in cost.lines:
                place = (f"12{cost.project[-2:]}", line.budget_code)
                found[place] = found.get(place, D(0)) + line.amount
        return {key: amount for key, amount in found.items() if amount}

    def asked(self) -> Decimal:
        """What all invoices ask to be paid, and all direct costs come to."""
        due = sum((one.due().amount for one in self.invoices.values()), D(0))
        return due + sum((one.money().amount for one in self.costs.values()), D(0))


L1, L2 = f"{COMPANY}/order/P1/1201/1/1", f"{COMPANY}/order/P1/1201/2/1"
"""Once-keys of the lines of P1's contract."""
