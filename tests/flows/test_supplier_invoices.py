"""Supplier invoices as a controller reads them: each posting in one place, once; corrected and reversed, never edited."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.flows import supplier_invoices
from ml_connector.flows.cost_codes import Combination
from ml_connector.flows.supplier_invoices import Theirs
from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import Decision, Hold, HoldReason, Verb, unpack
from ml_connector.records.direct_cost import CostKind, CostStatus, DirectCost, DirectCostLine
from ml_connector.records.problem import Problem
from ml_connector.records.subcontractor_invoice import InvoiceStatus, SubcontractorInvoice
from ml_connector.records.supplier_invoice import InvoiceLine, InvoiceState, SupplierInvoice
from planning.invoice_scene import (
    CONTRACTS,
    L1,
    L2,
    NOVEMBER,
    OCTOBER,
    TAXES,
    Site,
    contract,
    invoice,
    loose,
    policies,
    posting,
    retention,
    typed,
)
from planning.scene import BUDGETS, CHART, CONCRETE, MATERIALS, PAINT, STEEL, VENDOR, D, known

from .telling import page, told

CODED = (("A", MATERIALS), ("B", STEEL))


def waits(decision: Decision) -> Hold:
    """The one hold of a decision that plans nothing."""
    assert decision.intents == ()
    (hold,) = decision.holds
    return hold


def bills(decision: Decision) -> list[SubcontractorInvoice]:
    """The subcontractor invoices a decision writes."""
    found = [unpack(one.key.kind, one.body) for one in decision.intents if one.key.kind == "subcontractor_invoice"]
    return [one for one in found if isinstance(one, SubcontractorInvoice)]


# a page ---------------------------------------------------------------------------------------------------------------


def test_a_page_of_invoices_as_a_controller_reads_it() -> None:
    site = Site()
    decision = site.decide(
        invoice(posting("1", "80"), posting("2", "20", order_line="2/1")),
        invoice(loose("1", "40"), loose("2", "2.50", project=""), id="701", number="INV-8"),
        invoice(posting(order="P9"), id="702"),
        invoice(id="703", state=InvoiceState.PRELIMINARY),
    )
    assert told(decision) == page("""
        link billing_period:1201/2026-11-01 -> nov: Procore's billing period 2026-11-01 to 2026-11-30.
        create subcontractor_invoice:700@P1@1201 100.00 USD: \\
        Invoice INV-7 of S100 is posted in IFS: 2 postings on order P1.
        create direct_cost:701@1201: Invoice INV-8 of S100 is posted in IFS: 1 posting of project 1201 on no order.
        fill direct_cost:701@1201 40.00 USD: Its 1 lines.
        status direct_cost:701@1201: Approved: from now on it counts.
        HOLD commitment_missing for commitment:P9@1201 (buyer) with 100.00 USD: \\
        Posting 1 is on order P9, which has no contract in Procore yet (invoice 702).
        SKIP Invoice 701: Posting 2 is on no project: no project cost.
        SKIP Invoice 703 is preliminary in IFS: not sent yet.
        """)


def test_what_is_written_on_a_commitment() -> None:
    site = Site()
    decision = site.sync(invoice(posting("1", "100", quantity=D(20)), retention("2", "-10"), text="Cement, week 44"))
    (record,) = bills(decision)
    assert record.once_key == "10/invoice/700/P1/1201"
    assert (record.number, record.dated, record.status) == ("INV-7", date(2026, 11, 5), InvoiceStatus.APPROVED)
    assert (record.period, record.start, record.end) == ("1201/2026-11-01", NOVEMBER.start, NOVEMBER.end)
    assert (record.sources, record.note) == (("700/1", "700/2"), "Cement, week 44")
    (line,) = record.lines
    assert (line.line, line.budget_code, line.amount, line.quantity, line.retained) == (L1, f"{CONCRETE}.M", 100, 20, 10)
    (intent,) = [one for one in decision.intents if one.verb is Verb.CREATE]
    assert intent.needs == (
        Key("project", "1201"),
        Key("commitment", "P1@1201"),
        Key("billing_period", "1201/2026-11-01"),
    )
    assert (intent.scope, intent.source, intent.counts_as) == ("1201", "700", "created")
    assert intent.money is not None
    assert intent.money.amount == 100, "gross, not what is to be paid"
    assert intent.base == intent.body


def test_what_is_written_as_a_direct_cost() -> None:
    site = Site()
    decision = site.sync(invoice(loose("1", "40"), loose("2", "2.50", codes=CODED)))
    (cost,) = site.costs.values()
    assert (cost.kind, cost.status, cost.number, cost.dated) == (
        CostKind.INVOICE,
        CostStatus.APPROVED,
        "INV-7",
        date(2026, 11, 5),
    )
    assert [(one.once_key, one.budget_code, str(one.amount)) for one in cost.lines] == [
        ("10/invoice/700/direct/1201/1", f"{CONCRETE}.M", "40"),
        ("10/invoice/700/direct/1201/2", f"{STEEL}.M", "2.50"),
    ]
    create, fill, status = decision.intents
    assert [one.counts_as for one in decision.intents] == ["created", "", ""]
    assert (create.after, fill.after, status.after) == ((), (Verb.CREATE,), (Verb.CREATE, Verb.FILL))
    assert create.needs == (Key("project", "1201"), Key("vendor", "S100"))
    assert fill.needs[2:] == tuple(Key("budget_code", f"1201/{code}.M") for code in (CONCRETE, STEEL))
    header = unpack("direct_cost", create.body)
    assert isinstance(header, DirectCost)
    assert (header.lines, header.status) == ((), CostStatus.DRAFT), "nothing counts while it is being written"
    assert not create.base
    assert not fill.base
    assert status.base


def test_an_invoice_on_two_orders_is_split_by_line_and_foots() -> None:
    site = Site()
    decision = site.sync(invoice(posting("1", "60"), posting("2", "40", order="P2", project="1202")))
    assert [one.commitment for one in bills(decision)] == ["P1@1201", "P2@1202"]
    assert site.asked() == 100


def test_a_line_that_no_contract_line_can_take_holds_the_whole_invoice() -> None:
    hold = waits(Site().decide(invoice(posting("1"), posting("2", order_line="7/1"), loose("3"))))
    assert (hold.reason, hold.waits_for, hold.owner) == (
        HoldReason.LINE_UNKNOWN,
        Key("commitment", "P1@1201"),
        "buyer",
    )
    assert hold.money is not None
    assert hold.money.amount == 300


def test_a_release_only_invoice_goes_with_its_approval_said() -> None:
    site = Site()
    site.sync(invoice(posting("1", "200"), posting("2", "100", order_line="2/1"), retention("9", "-30")))
    assert site.held() == {L1: D(20), L2: D(10)}
    release = invoice(retention("1", "30.00"), id="701", number="INV-8")
    decision = site.sync(release)
    assert site.held() == {}
    assert decision.intents[-1].reason.endswith(
        "Retention released: 30.00. Final release: nothing is held on the contract any more. "
        "It needs explicit approval."
    )
    assert decision.intents[-1].money is not None
    assert decision.intents[-1].money.amount == 0


def test_tax_that_nobody_gives_back_is_cost_and_the_rest_stays_in_ifs() -> None:
    site = Site()
    lines = (
        posting("1", "100", tax_code="H20", tax=D(20)),
        loose("2", "50", tax_code="N20", tax=D(10)),
        loose("3", "10", tax_code="V20", tax=D(3)),
    )
    decision = site.sync(invoice(*lines))
    assert site.billed() == {L1: D(110)}
    assert site.spent() == {("1201", f"{CONCRETE}.M"): D(70)}
    assert [skip.sentence for skip in decision.skips] == [
        "Posting 3 states a tax of 3.00 USD; tax code V20 (20 %) makes 2.00 USD."
    ]


def test_header_and_postings_that_differ_send_nothing() -> None:
    hold = waits(Site().decide(invoice(net=D("100.01"))))
    assert (hold.reason, hold.waits_for) == (HoldReason.TOTALS_DIFFER, Key("supplier_invoice", "700"))
    assert hold.sentence == "The header of invoice 700 states 100.01 USD, its postings come to 100.00 USD."


def test_postings_that_cannot_be_told_apart_send_nothing() -> None:
    assert waits(Site().decide(invoice(posting("1"), posting("1")))).reason is HoldReason.BAD_ROW


# what a direct cost needs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "changes", "reason", "waits_for"),
    [
        (loose(codes=(("A", MATERIALS), ("B", "99-999"))), {}, "code_missing", "dimension:B=99-999"),
        (loose(codes=(("A", "1910"), ("B", CONCRETE))), {}, "code_unmapped", "mapping:cost_type A=1910"),
        (loose(), {"budget": f"1201/{CONCRETE}.M"}, "cost_code_missing", f"budget_code:1201/{CONCRETE}.M"),
        (loose(), {"vendor": "S100"}, "vendor_not_linked", "vendor:S100"),
        (loose(), {"project": "1201"}, "project_not_linked", "project:1201"),
    ],
)
def test_a_direct_cost_waits_for_what_it_needs(
    line: InvoiceLine, changes: dict[str, str], reason: str, waits_for: str
) -> None:
    site = Site()
    gone = {Key({"budget": "budget_code"}.get(kind, kind), name) for kind, name in changes.items()}
    site.change(links={key: linked for key, linked in site.situation.links.items() if key not in gone})
    hold = waits(site.decide(invoice(line)))
    assert (hold.reason.value, str(hold.waits_for)) == (reason, waits_for)
    site.change(coming=frozenset(gone))
    assert bool(site.decide(invoice(line)).intents) is bool(gone), "what this plan makes is enough"


def test_a_code_without_budget_is_asked_about_and_may_be_allowed() -> None:
    asks = msgspec.structs.replace(policies(), purchase_orders=msgspec.structs.replace(policies().purchase_orders, unbudgeted="ask"))
    site = Site(policies=asks)
    hold = waits(site.decide(invoice(loose())))
    assert (hold.reason, hold.waits_for) == (HoldReason.UNBUDGETED, Key("budget_line", f"1201/{CONCRETE}.M"))
    site.rule(hold, "allow")
    site.sync(invoice(loose()))
    assert site.spent() == {("1201", f"{CONCRETE}.M"): D(100)}


def test_postings_of_several_types_make_one_direct_cost_of_the_largest_part() -> None:
    site = Site(policies=policies(direct_costs={"kinds": {"43*": "payroll"}}))
    labour = (("A", "4310"), ("B", CONCRETE))
    decision = site.sync(invoice(loose("1", "40"), loose("2", "60", codes=labour)))
    (cost,) = site.costs.values()
    assert cost.kind is CostKind.PAYROLL
    assert "Its postings are of several types; it takes that of the largest part, payroll." in decision.intents[0].reason


# currency -------------------------------------------------------------------------------------------------------------


def test_another_currency_than_the_contracts_is_refused_and_never_converted() -> None:
    hold = waits(Site().decide(invoice(currency="EUR")))
    assert (hold.reason, hold.waits_for) == (HoldReason.CURRENCY_OFF, Key("commitment", "P1@1201"))
    assert hold.sentence == (
        "Invoice 700 is in EUR, the contract of order P1 in USD. Amounts are never converted."
    )


def test_a_contract_in_a_foreign_currency_takes_invoices_in_it() -> None:
    site = Site(contracts=[contract("P1", "1201", ("1/1", f"{CONCRETE}.M", "500"), currency="EUR")])
    (record,) = bills(site.sync(invoice(currency="EUR")))
    assert record.currency == "EUR"


def test_a_foreign_direct_cost_goes_only_where_procore_keeps_currencies() -> None:
    site = Site()
    assert waits(site.decide(invoice(loose(), currency="EUR"))).waits_for == Key("currency", "1201=EUR")
    site.budgets = msgspec.structs.replace(BUDGETS, keeps_currency=True)
    assert waits(site.decide(invoice(loose(), currency="EUR"))).reason is HoldReason.CURRENCY_OFF
    orders = {"unbudgeted": "allow", "foreign_currency": "send"}
    site.change(policies=msgspec.structs.replace(policies(), purchase_orders=msgspec.convert(orders, type(policies().purchase_orders))))
    (cost, *_) = site.sync(invoice(loose(), currency="EUR")).intents
    assert cost.verb is Verb.CREATE


# periods --------------------------------------------------------------------------------------------------------------


def test_a_late_invoice_keeps_its_date_and_is_written_in_the_open_period() -> None:
    decision = Site().sync(invoice(dated=date(2026, 10, 28)))
    (record,) = bills(decision)
    assert (record.dated, record.period) == (date(2026, 10, 28), "1201/2026-11-01")
    assert decision.intents[-1].reason == (
        "Invoice INV-7 of S100 is posted in IFS: 1 posting on order P1. The billing period of 2026-10-28 is closed: "
        "written in that of 2026-11-01 to 2026-11-30, its own date kept."
    )


