"""The way back: an IFS made of plain values, in which what Procore's people approved is entered, reversed, cancelled.

`Ifs` applies intents the way IFS would: it keeps vouchers by once-key, refuses one that does not balance or is entered
twice, and forgets nothing. What it holds afterwards is what the next decision sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.flows import direct_costs, subcontractor_invoices
from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.mapping import CodeMapping, Mapper, Row, SegmentRule
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, pack, unpack
from ml_connector.planning.policy import policies_from
from ml_connector.planning.situation import Linked, Ruling, Situation, mark_of
from ml_connector.records.accounting import Account, Book, CodePart, Demand, Period
from ml_connector.records.commitment import Commitment, CommitmentLine, CommitmentStatus
from ml_connector.records.dimension import Activity, Dimension
from ml_connector.records.direct_cost import CostKind, CostStatus, DirectCost, DirectCostLine
from ml_connector.records.purchase_order import PurchaseOrder
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.subcontractor_invoice import BillingLine, InvoiceStatus, SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.records.voucher import RowRole, Voucher, VoucherStatus

from .scene import COMPANY, CONCRETE, PAINT, STEEL, SUPPLIER, TODAY, VENDOR, D, order, priced

CLEARING, RETENTION, MATERIALS, LABOUR = "2445", "2450", "4110", "4310"
FOREVER = (date(2020, 1, 1), date(2030, 12, 31))
MAPPING = CodeMapping(
    cost_code=SegmentRule(parts=("B",), otherwise="same"),
    cost_type=SegmentRule(parts=("A",), rows=(Row((("A", "41*"),), "M"), Row((("A", "43*"),), "L"))),
)


def account(number: str, **changes: Any) -> Account:
    """An account that demands nothing."""
    return msgspec.structs.replace(Account(number, number, *FOREVER), **changes)


BOOK = Book(
    accounts={
        MATERIALS: account(MATERIALS),
        LABOUR: account(LABOUR, demands={"quantity": Demand.BLOCKED}),
        CLEARING: account(CLEARING, follow_up=False),
        RETENTION: account(RETENTION, follow_up=False),
        "2440": account("2440", ledger=True),
        "4190": account("4190", budget_only=True),
    },
    parts={
        part: CodePart(part, name, True, function, 10)
        for part, name, function in (
            ("A", "Account", ""),
            ("B", "Cost code", "NOFUNC"),
            ("C", "Cost centre", "NOFUNC"),
            ("E", "Project", "PRACC"),
        )
    },
    periods=tuple(
        Period(2026, month, date(2026, month, 1), date(2026, month, 28), month != 9, {"AC": month != 8, "XX": False})
        for month in range(7, 13)
    ),
    base_currency="USD",
)
"""July to December 2026, 28 days each; September closed in the ledger, August for group AC, all for group XX."""

CHART = Chart(
    dimensions={
        (part, value): Dimension(part, value, value, *FOREVER)
        for part, values in (
            ("A", (MATERIALS, LABOUR, CLEARING, RETENTION, "2440", "4190")),
            ("B", (CONCRETE, STEEL, PAINT)),
            ("C", ("100",)),
            ("E", ("1201", "1202")),
        )
        for value in values
    },
    activities={
        "A1": Activity("A1", "1201", "10", "100", "Foundations", True),
        "A9": Activity("A9", "1201", "10", "900", "Handover", False),
        "A5": Activity("A5", "1202", "10", "100", "Walls", True),
    },
)
ORDER = order(
    priced("1/1", 10, "50.00", activity="A1", codes=(("A", MATERIALS), ("B", CONCRETE), ("C", "100"))),
    priced("2/1", 10, "50.00", activity="A1", codes=(("A", LABOUR), ("B", STEEL))),
)
"""P1 on S100 in project 1201: concrete and steel, 500.00 each."""
CONTRACT, CONTRACT_KEY = "c1", Key("commitment", "P1@1201")
AGREED = Commitment(
    once_key=f"{COMPANY}/order/P1/1201",
    project="1201",
    number="P1",
    title="P1 Cement",
    vendor=SUPPLIER,
    status=CommitmentStatus.APPROVED,
    currency="USD",
    dated=date(2026, 7, 1),
    delivery=None,
    description="",
    lines=tuple(
        CommitmentLine(
            f"{COMPANY}/order/P1/1201/{one.id}", one.description, D(10), "bag", D("50.00"), D("500.00"), flat
        )
        for one, flat in zip(ORDER.lines, (f"{CONCRETE}.M", f"{STEEL}.L"), strict=True)
    ),
)
POLICY: dict[str, Any] = {
    "vouchers": {
        "user_group": "AC",
        "clearing_account": CLEARING,
        "retention_account": RETENTION,
        "codes": {"E": "project"},
    },
    "subcontractor_invoices": {"site": {"*": "S1"}, "requisitioner": "ML"},
}


def policies(**sections: dict[str, Any]) -> Any:
    """The usual policies with some entries changed, by section."""
    merged = {name: {**POLICY.get(name, {}), **sections.get(name, {})} for name in {*POLICY, *sections}}
    return policies_from(merged)


def known() -> dict[Key, Linked]:
    """Both sites, the supplier and the order's contract are linked."""
    return {
        Key("project", "1201"): Linked("5001"),
        Key("project", "1202"): Linked("5002"),
        Key("vendor", SUPPLIER): Linked(VENDOR),
        CONTRACT_KEY: Linked(CONTRACT, pack(AGREED)),
    }


def bill(number: str, amount: str, retained: str = "0", released: str = "0", **changes: Any) -> BillingLine:
    """What an invoice bills on an order line, such as `1/1`."""
    given = BillingLine(
        line=f"{COMPANY}/order/P1/1201/{number}",
        description="Footings",
        budget_code=f"{CONCRETE}.M",
        amount=D(amount),
        retained=D(retained),
        released=D(released),
    )
    return msgspec.structs.replace(given, **changes)


def invoice(*lines: BillingLine, **changes: Any) -> SubcontractorInvoice:
    """Approved invoice 7 on the contract of P1, for October; its payable is what its lines come to."""
    given = SubcontractorInvoice(
        once_key="",
        project="5001",
        commitment=CONTRACT,
        number="INV-7",
        currency="USD",
        dated=date(2026, 10, 20),
        period="9",
        status=InvoiceStatus.APPROVED,
        lines=lines or (bill("1/1", "100.00", "10.00"),),
        start=date(2026, 10, 1),
        end=date(2026, 10, 31),
        vendor=VENDOR,
        sequence="1",
        id="700",
    )
    given = msgspec.structs.replace(given, payable=given.due().amount)
    return msgspec.structs.replace(given, **changes)


def cost_line(amount: str, flat: str = f"{CONCRETE}.M", **changes: Any) -> DirectCostLine:
    """One line of a direct cost."""
    return msgspec.structs.replace(DirectCostLine("", "Nails", flat, D(amount)), **changes)


def cost(*lines: DirectCostLine, **changes: Any) -> DirectCost:
    """Approved direct cost of vendor 77 in project 1201."""
    given = DirectCost(
        once_key="",
        project="5001",
        vendor=VENDOR,
        number="B-1",
        kind=CostKind.INVOICE,
        status=CostStatus.APPROVED,
        currency="USD",
        dated=date(2026, 10, 20),
        description="Small things",
        lines=lines or (cost_line("40.00"),),
        id="800",
    )
    return msgspec.structs.replace(given, **changes)


class Ifs:
    """IFS's hold table, with our links to it."""

    def __init__(self, **changes: Any) -> None:
        given = Situation(
            company=COMPANY, today=TODAY, policies=policies(), mapper=Mapper(MAPPING), links=known(), rulings={}
        )
        self.situation = msgspec.structs.replace(given, **changes)
        self.vouchers: dict[str, Voucher] = {}
        self.invoices: dict[str, SupplierInvoice] = {}
        self.requisitions: dict[str, PurchaseRequisition] = {}
        self.contracts: dict[str, Commitment] = {}
        self.orders: dict[str, PurchaseOrder] = {"P1": ORDER}
        self.coding = (CHART, BOOK)
        self.blocked: frozenset[str] = frozenset()

    def decide(self, *records: SubcontractorInvoice | DirectCost, gone: Sequence[str] = ()) -> Decision:
        """The flow's decision on these documents as things stand; those of one kind at a time."""
        bills = [one for one in records if isinstance(one, SubcontractorInvoice)]
        costs = [one for one in records if isinstance(one, DirectCost)]
        if costs:
            return direct_costs.decide(self.situation, self.coding, costs, gone, self.vouchers, blocked=self.blocked)
        ours = subcontractor_invoices.Ours(self.orders, self.contracts, self.requisitions, self.vouchers)
        return subcontractor_invoices.decide(self.situation, self.coding, bills, gone, ours, blocked=self.blocked)

    def sync(self, *records: SubcontractorInvoice | DirectCost) -> Decision:
        """Decides and applies; nothing may be held, and a second look does nothing."""
        decision = self.decide(*records)
        assert decision.holds == (), [hold.sentence for hold in decision.holds]
        self.apply(decision.intents)
        again = self.decide(*records)
        assert (again.intents, again.holds) == ((), ())
        return decision

    def apply(self, intents: Sequence[Intent]) -> None:
        """Enters what the intents say, and remembers the links."""
        links = dict(self.situation.links)
        for intent in intents:
            assert all(key in links for key in intent.needs), "sent before what it needs"
            assert intent.key not in links or intent.key.kind == "billed_line", "entered twice"
            body = unpack(intent.key.kind, intent.body)
            target = f"{intent.key.kind}-{len(links)}"
            if isinstance(body, Voucher):
                assert body.balance() == 0
                assert body.once_key not in self.vouchers
                assert intent.once_key == body.once_key
                target = f"M/2026/{len(self.vouchers) + 1}"
                self.vouchers[body.once_key] = msgspec.structs.replace(body, id=target)
            elif isinstance(body, SupplierInvoice):
                target = str(1000 + len(self.invoices))
                self.invoices[target] = body
            elif isinstance(body, PurchaseRequisition):
                target = f"R{len(self.requisitions) + 1}"
                self.requisitions[body.once_key] = msgspec.structs.replace(body, id=target, state="Planned")
            links[intent.key] = Linked(target, intent.base)
        self.situation = msgspec.structs.replace(self.situation, links=links)

    def cancel(self, once: str) -> None:
        """A person cancels a voucher in IFS."""
        self.vouchers[once] = msgspec.structs.replace(self.vouchers[once], status=VoucherStatus.CANCELLED)

    def rule(self, hold: Hold, answer: str) -> None:
        """A person answers a hold, about what it shows them; former answers to it stay."""
        before = self.situation.rulings.get((hold.key, hold.reason))
        marks = before.target.split() if before and before.answer == answer else []
        ruling = Ruling(answer, " ".join([*marks, mark_of(hold.evidence)]))
        rulings = {**self.situation.rulings, (hold.key, hold.reason): ruling}
        self.situation = msgspec.structs.replace(self.situation, rulings=rulings)

    def under(self, **sections: dict[str, Any]) -> None:
        """The connection's policies change."""
        self.situation = msgspec.structs.replace(self.situation, policies=policies(**sections))

    def money(self) -> dict[tuple[tuple[str, str], ...], Decimal]:
        """What stands in the books by code string, debits less credits, cancelled vouchers and zeroes left out."""
        found: dict[tuple[tuple[str, str], ...], Decimal] = {}
        for voucher in self.vouchers.values():
            for row in voucher.rows if voucher.status is not VoucherStatus.CANCELLED else ():
                found[row.codes] = found.get(row.codes, D(0)) + row.debit - row.credit
        return {codes: amount for codes, amount in found.items() if amount}

    def by_account(self) -> dict[str, Decimal]:
        """The same by account alone."""
        found: dict[str, Decimal] = {}
        for codes, amount in self.money().items():
            number = dict(codes)["A"]
            found[number] = found.get(number, D(0)) + amount
        return {number: amount for number, amount in found.items() if amount}


def only_hold(decision: Decision, reason: HoldReason) -> Hold:
    """The one hold of a decision that sends nothing."""
    assert decision.intents == ()
    (hold,) = decision.holds
    assert hold.reason is reason, hold.sentence
    return hold


def ledger(voucher: Voucher) -> str:
    """A voucher as a page of accounts: role, code string, debit, credit, reference."""
    shown = []
    for row in voucher.rows:
        codes = " ".join(f"{part}={value}" for part, value in row.codes)
        side = f"Dr {row.debit}" if row.debit else f"Cr {row.credit}"
        activity = f" @{row.activity}" if row.activity else ""
        shown.append(f"{row.role.value:9} {side:10} {codes}{activity} [{row.series}]".rstrip())
    return "\n".join(shown)


def roles(voucher: Voucher) -> list[RowRole]:
    """What its rows are for, in order."""
    return [row.role for row in voucher.rows]
