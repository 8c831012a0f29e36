"""Direct costs come to IFS: each becomes a voucher by its budget codes, waits with one reason, or is left alone."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from ml_connector.flows import direct_costs
from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping import Mapper, ReverseRow
from ml_connector.planning.plan import HoldReason, Verb
from ml_connector.planning.situation import Linked
from ml_connector.records.direct_cost import CostKind, CostStatus
from planning.scene import CONCRETE, STEEL, SUPPLIER, D
from planning.way_back import CHART, MAPPING, Ifs, cost, cost_line, ledger, only_hold

from .telling import page, told


def test_an_approved_direct_cost_as_a_controller_reads_it() -> None:
    ifs = Ifs()
    decision = ifs.sync(cost(cost_line("40.00"), cost_line("-5.50", f"{STEEL}.L", description="Back"), tax=D("3.20")))
    assert told(decision) == (
        "create voucher:direct_cost/800/1 34.50 USD: Procore direct cost B-1 is approved in Procore and not in IFS yet."
        " Its tax of 3.20 USD is not posted."
    )
    assert decision.intents[0].needs == (Key("project", "1201"), Key("vendor", SUPPLIER))
    (voucher,) = ifs.vouchers.values()
    assert ledger(voucher) == page("""
        cost      Dr 40.00   A=4110 B=03-310 E=1201 @A1 [03-310.M]
        cost      Cr 5.50    A=4310 B=05-120 E=1201 @A1 [05-120.L]
        clearing  Cr 34.50   A=2445 E=1201 []
        """)
    assert {(row.number, row.party) for row in voucher.rows} == {("B-1", SUPPLIER)}
    assert voucher.text == "Procore direct cost B-1 of supplier S100: Small things"


def test_what_does_not_come_back_says_why() -> None:
    ifs = Ifs(go_live=date(2026, 9, 1))
    links = {**ifs.situation.links, Key("direct_cost", "5@1201"): Linked("803")}
    ifs.situation = msgspec.structs.replace(ifs.situation, links=links)
    decision = ifs.decide(
        cost(status=CostStatus.PENDING),
        cost(id="801", once_key="10/invoice/5/direct/1201"),
        cost(id="803"),
        cost(id="804", number="", kind=CostKind.SUBCONTRACTOR_INVOICE),
        cost(id="805", dated=date(2026, 1, 1)),
        cost(cost_line("0"), id="806"),
    )
    assert told(decision) == page("""
        SKIP Procore direct cost B-1 stands at Pending in Procore: it does not count.
        SKIP Procore direct cost B-1 was made from IFS: an echo of our own.
        SKIP Procore direct cost B-1 was made from IFS: an echo of our own.
        SKIP Procore direct cost #804 is of type subcontractor_invoice, which policy does not send to IFS.
        SKIP Procore direct cost B-1 is dated 2026-01-01, before the go-live day 2026-09-01.
        SKIP Procore direct cost B-1 has no money.
        """)


def test_expenses_and_payroll_need_no_vendor_and_are_credited_where_policy_says() -> None:
    ifs = Ifs()
    ifs.under(direct_costs={"accounts": {"payroll": "2450"}})
    ifs.sync(cost(kind=CostKind.PAYROLL, vendor=""), cost(id="801", kind=CostKind.EXPENSE, vendor="79"))
    wages, expense = ifs.vouchers.values()
    assert [(dict(row.codes)["A"], row.party) for row in wages.rows] == [("4110", ""), ("2450", "")]
    assert [(dict(row.codes)["A"], row.party) for row in expense.rows] == [("4110", ""), ("2445", "")]


def test_a_changed_cost_is_reversed_and_entered_anew_also_when_only_its_code_moved() -> None:
    ifs = Ifs()
    ifs.sync(cost())
    assert told(ifs.decide(cost(description="Other words"))) == "unchanged direct_cost:800"
    decision = ifs.sync(cost(cost_line("40.00", f"{STEEL}.M")))
    assert [intent.key.id for intent in decision.intents] == ["direct_cost/800/r1", "direct_cost/800/2"]
    assert [dict(codes).get("B") for codes in ifs.money()] == [None, STEEL]
    assert ifs.by_account() == {"4110": D("40.00"), "2445": D("-40.00")}


def test_a_mapping_that_changes_re_routes_later_costs_and_never_those_that_crossed() -> None:
    ifs = Ifs()
    ifs.sync(cost())
    mapping = msgspec.structs.replace(MAPPING, reverse=(ReverseRow((("cost_code", "03*"),), (("C", "100"),)),))
    ifs.situation = msgspec.structs.replace(ifs.situation, mapper=Mapper(mapping))
    assert told(ifs.decide(cost())) == "unchanged direct_cost:800"
    ifs.sync(cost(id="801"))
    assert [dict(row.codes).get("C") for row in [*ifs.vouchers.values()][1].rows] == ["100", None]


def test_sent_back_and_gone_are_asked_about() -> None:
    ifs = Ifs()
    ifs.sync(cost())
    hold = only_hold(ifs.decide(cost(status=CostStatus.REVISE)), HoldReason.SENT_BACK)
    ifs.rule(hold, "projects")
    ifs.sync(cost(status=CostStatus.REVISE))
    assert ifs.money() == {}
    assert [one.key.id for one in ifs.sync(cost()).intents] == ["direct_cost/800/2"]
    assert ifs.by_account() == {"4110": D("40.00"), "2445": D("-40.00")}
    decision = direct_costs.decide(ifs.situation, ifs.coding, [], ["800", "1"], ifs.vouchers)
    assert "no proof" in only_hold(decision, HoldReason.SENT_BACK).sentence


@pytest.mark.parametrize(
    ("changes", "reason", "waits_for"),
    [
        ({"vendor": "79"}, HoldReason.VENDOR_NOT_LINKED, "vendor_there:79"),
        ({"vendor": ""}, HoldReason.VENDOR_NOT_LINKED, "vendor_there:"),
        ({"currency": ""}, HoldReason.CURRENCY_OFF, "currency:1201"),
        ({"project": "5009"}, HoldReason.PROJECT_NOT_LINKED, "project_there:5009"),
        (
            {"lines": (cost_line("1.00", "08-800.M"),)},
            HoldReason.CODE_AMBIGUOUS,
            "mapping:reverse 08-800.M of project 1201",
        ),
        ({"dated": date(2026, 9, 2)}, HoldReason.ERP_PERIOD_CLOSED, "accounting_period:2026/9"),
    ],
)
def test_what_keeps_a_direct_cost_back(changes: dict[str, object], reason: HoldReason, waits_for: str) -> None:
    assert str(only_hold(Ifs().decide(cost(**changes)), reason).waits_for) == waits_for


def test_a_budget_code_that_may_be_two_accounts_is_refused_until_a_row_says_which() -> None:
    ifs = Ifs()
    more = {("A", "4120"): msgspec.structs.replace(CHART.dimensions[("A", "4110")], value="4120")}
    accounts = {**ifs.coding[1].accounts, "4120": msgspec.structs.replace(ifs.coding[1].accounts["4110"], id="4120")}
    chart = msgspec.structs.replace(CHART, dimensions={**CHART.dimensions, **more})
    ifs.coding = (chart, msgspec.structs.replace(ifs.coding[1], accounts=accounts))
    hold = only_hold(ifs.decide(cost()), HoldReason.CODE_AMBIGUOUS)
    assert hold.candidates == (f"A=4110 B={CONCRETE} E=1201", f"A=4120 B={CONCRETE} E=1201")
    mapping = msgspec.structs.replace(MAPPING, reverse=(ReverseRow((("cost_type", "M"),), (("A", "4120"),)),))
    ifs.situation = msgspec.structs.replace(ifs.situation, mapper=Mapper(mapping))
    ifs.sync(cost())


def test_what_must_be_read_and_who_must_be_proposed_is_named() -> None:
    ifs = Ifs()
    ifs.sync(cost())
    costs = [
        cost(),
        cost(id="801", vendor="79"),
        cost(id="802", vendor="80", status=CostStatus.DRAFT),
        cost(id="803", vendor="81", kind=CostKind.EXPENSE),
    ]
    known = {"10/direct_cost/800/1", "10/direct_cost/800/r1", "10/direct_cost/800/2"}
    next_ones = {f"10/direct_cost/{one}/1" for one in ("801", "802", "803")}
    assert direct_costs.wanted(ifs.situation, costs[1:], ["800"]).vouchers == known | next_ones
    assert direct_costs.vendors_needed(ifs.situation, costs) == {"79"}
    ifs.blocked = frozenset({SUPPLIER})
    assert told(ifs.decide(cost())) == "unchanged direct_cost:800"
    only_hold(ifs.decide(cost(id="9")), HoldReason.VENDOR_UNAPPROVED)


def test_a_cost_moved_to_another_vendor_after_it_crossed_is_reversed_and_entered_on_that_one() -> None:
    ifs = Ifs()
    ifs.sync(cost())
    links = {**ifs.situation.links, Key("vendor", "S200"): Linked("702")}
    ifs.situation = msgspec.structs.replace(ifs.situation, links=links)
    made = ifs.sync(cost(vendor="702")).intents
    assert [intent.key.id for intent in made] == ["direct_cost/800/r1", "direct_cost/800/2"]
    assert {row.party for row in ifs.vouchers["10/direct_cost/800/2"].rows} == {"S200"}


def test_a_voucher_of_ours_that_we_know_nothing_of_is_linked_where_it_is_what_would_be_entered() -> None:
    """The database was restored from a backup that is older than the voucher."""
    ifs = Ifs()
    before = ifs.situation
    ifs.sync(cost())
    ifs.situation = before
    (intent,) = ifs.decide(cost()).intents
    assert (intent.verb, intent.target) == (Verb.LINK, ifs.vouchers["10/direct_cost/800/1"].id)
    there = ifs.vouchers["10/direct_cost/800/1"]
    other = tuple(msgspec.structs.replace(row, debit=row.debit * 2, credit=row.credit * 2) for row in there.rows)
    ifs.vouchers["10/direct_cost/800/1"] = msgspec.structs.replace(there, rows=other)
    hold = only_hold(ifs.decide(cost()), HoldReason.CONFLICT)
    assert there.id in hold.sentence
    ifs.rule(hold, "erp")
    assert [one.verb for one in ifs.decide(cost()).intents] == [Verb.LINK]
