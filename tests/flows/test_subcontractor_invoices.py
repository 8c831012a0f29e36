"""Subcontractor invoices come to IFS: each becomes a voucher, waits with one reason, or is left alone and says why."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from ml_connector.flows import subcontractor_invoices
from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import HoldReason, pack, unpack
from ml_connector.planning.situation import Linked
from ml_connector.records.billed_line import BilledLine
from ml_connector.records.commitment import Commitment, CommitmentLine
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.subcontractor_invoice import InvoiceStatus
from ml_connector.records.voucher import VoucherStatus
from planning.scene import CONCRETE, STEEL, SUPPLIER, VENDOR, D
from planning.way_back import AGREED, BOOK, CONTRACT_KEY, ORDER, Ifs, bill, invoice, ledger, only_hold, policies

from .telling import page, told

DRAFT, BACK = InvoiceStatus.DRAFT, InvoiceStatus.REVISE
FOREIGN = "c9"
"""A commitment written in Procore."""


def test_an_approved_invoice_as_a_controller_reads_it() -> None:
    ifs = Ifs()
    decision = ifs.sync(
        invoice(bill("1/1", "100.00", "10.00"), bill("2/1", "60.00", "6.00", "4.00", description="Bars"))
    )
    assert told(decision) == (
        "create voucher:subcontractor_invoice/700/1 160.00 USD: "
        "Procore invoice INV-7 of order P1 is approved in Procore and not in IFS yet."
    )
    (intent,) = decision.intents
    assert (intent.once_key, intent.scope, intent.counts_as) == ("10/subcontractor_invoice/700/1", "1201", "created")
    assert intent.needs == (CONTRACT_KEY,)
    (voucher,) = ifs.vouchers.values()
    assert ledger(voucher) == page("""
        cost      Dr 100.00  A=4110 B=03-310 C=100 E=1201 @A1 [P1 1/1]
        retention Cr 10.00   A=2450 E=1201 [P1 1/1]
        cost      Dr 60.00   A=4310 B=05-120 E=1201 @A1 [P1 2/1]
        retention Cr 6.00    A=2450 E=1201 [P1 2/1]
        retention Dr 4.00    A=2450 E=1201 [P1 2/1]
        clearing  Cr 148.00  A=2445 E=1201 [P1]
        """)
    assert {(row.number, row.party) for row in voucher.rows} == {("INV-7", SUPPLIER)}
    assert voucher.text == "Procore invoice INV-7 of supplier S100, order P1, period 2026-10-01 to 2026-10-31"
    assert (voucher.dated, voucher.status, voucher.user_group) == (
        date(2026, 10, 20), VoucherStatus.NOT_APPROVED, "AC",
    )  # fmt: skip


def test_a_credit_swaps_the_sides_and_no_row_is_ever_negative() -> None:
    ifs = Ifs()
    ifs.sync(invoice(bill("1/1", "-100.00", "-10.00"), bill("2/1", "0")))
    (voucher,) = ifs.vouchers.values()
    assert ledger(voucher) == page("""
        cost      Cr 100.00  A=4110 B=03-310 C=100 E=1201 @A1 [P1 1/1]
        retention Dr 10.00   A=2450 E=1201 [P1 1/1]
        clearing  Dr 90.00   A=2445 E=1201 [P1]
        """)


def test_what_does_not_count_or_is_ours_is_left_alone_with_a_sentence() -> None:
    ifs = Ifs(go_live=date(2026, 9, 1))
    links = {**ifs.situation.links, Key("subcontractor_invoice", "5@P1@1201"): Linked("703")}
    ifs.situation = msgspec.structs.replace(ifs.situation, links=links)
    decision = ifs.decide(
        invoice(status=DRAFT),
        invoice(id="701", number="", once_key="10/invoice/5/P1/1201"),
        invoice(id="703"),
        invoice(id="704", dated=date(2026, 8, 31)),
        invoice(bill("1/1", "0"), id="705"),
    )
    assert told(decision) == page("""
        SKIP Procore invoice INV-7 of order P1 stands at Draft in Procore: it does not count yet.
        SKIP Procore invoice #1 of order P1 was made from IFS: an echo of our own.
        SKIP Procore invoice INV-7 of order P1 was made from IFS: an echo of our own.
        SKIP Procore invoice INV-7 of order P1 is dated 2026-08-31, before the go-live day 2026-09-01.
        SKIP Procore invoice INV-7 of order P1 has no money.
        """)


def test_an_invoice_delivered_twice_is_one_voucher_even_when_the_order_was_recoded() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    lines = tuple(msgspec.structs.replace(line, codes=(("A", "4310"), ("B", STEEL))) for line in ORDER.lines)
    ifs.orders = {"P1": msgspec.structs.replace(ORDER, lines=lines)}
    assert told(ifs.decide(invoice(updated_at="later"))) == "unchanged subcontractor_invoice:700"
    ifs.orders = {}
    assert told(ifs.decide(invoice())) == "unchanged subcontractor_invoice:700"


def test_a_changed_invoice_is_reversed_and_entered_anew() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    decision = ifs.sync(invoice(bill("1/1", "120.00", "12.00")))
    assert told(decision) == page("""
        create voucher:subcontractor_invoice/700/r1 -100.00 USD: \\
        Procore invoice INV-7 of order P1 changed in Procore after it crossed as M/2026/1.
        create voucher:subcontractor_invoice/700/2 120.00 USD: \\
        Procore invoice INV-7 of order P1 changed in Procore after it crossed as M/2026/1.
        """)
    reversal, new = decision.intents
    assert reversal.key in new.needs
    assert ifs.vouchers["10/subcontractor_invoice/700/r1"].reverses == "M/2026/1"
    assert ifs.by_account() == {"4110": D("120.00"), "2450": D("-12.00"), "2445": D("-108.00")}
    third = ifs.sync(invoice(bill("1/1", "100.00", "10.00")))
    assert [intent.key.id for intent in third.intents] == [
        "subcontractor_invoice/700/r2",
        "subcontractor_invoice/700/3",
    ]


def test_a_change_may_be_asked_about_and_each_side_may_stand() -> None:
    ifs = Ifs()
    ifs.under(vouchers={"revised": "ask"})
    ifs.sync(invoice())
    changed = invoice(bill("1/1", "120.00", "12.00"))
    hold = only_hold(ifs.decide(changed), HoldReason.REVISED)
    assert hold.evidence == page("""
        M/2026/1 in IFS: 100.00 USD; Procore: 120.00 USD
        P1 1/1 cost: IFS 100.00, Procore 120.00
        P1 1/1 retention: IFS -10.00, Procore -12.00
        """)
    ifs.rule(hold, "erp")
    assert told(ifs.decide(changed)) == (
        "SKIP A person kept M/2026/1 in IFS as Procore invoice INV-7 of order P1 was when it crossed."
    )
    again = invoice(bill("1/1", "130.00", "12.00"))
    ifs.rule(only_hold(ifs.decide(again), HoldReason.REVISED), "projects")
    ifs.sync(again)
    assert ifs.by_account()["4110"] == D("130.00")


def test_sent_back_after_it_crossed_stops_and_asks_and_either_answer_holds() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    hold = only_hold(ifs.decide(invoice(status=BACK)), HoldReason.SENT_BACK)
    assert hold.sentence == (
        "Procore invoice INV-7 of order P1 stands at Revise and resubmit in Procore, after it crossed as M/2026/1 "
        "(100.00 USD). It is not to be paid until somebody says that Procore stands (it is taken back in IFS) or that "
        "IFS does (it is kept)."
    )
    assert told(ifs.decide(invoice())) == "unchanged subcontractor_invoice:700", "re-approved as it was: the hold goes"
    ifs.rule(hold, "erp")
    assert told(ifs.decide(invoice(status=BACK))) == (
        "SKIP A person kept M/2026/1 in IFS, though Procore invoice INV-7 of order P1 stands at Revise and resubmit in "
        "Procore."
    )
    ifs.rule(hold, "projects")
    ifs.sync(invoice(status=BACK))
    assert ifs.money() == {}
    decision = ifs.sync(invoice())
    assert [intent.key.id for intent in decision.intents] == ["subcontractor_invoice/700/2"]
    assert ifs.by_account()["4110"] == D("100.00")


def test_sent_back_may_be_reversed_at_once() -> None:
    ifs = Ifs()
    ifs.under(vouchers={"sent_back": "reverse"})
    ifs.sync(invoice())
    assert told(ifs.sync(invoice(status=BACK))) == (
        "create voucher:subcontractor_invoice/700/r1 -100.00 USD: Procore invoice INV-7 of order P1 stands at "
        "Revise and resubmit in Procore after it crossed as M/2026/1."
    )
    assert ifs.money() == {}
    skipped = "SKIP Procore invoice INV-7 of order P1 stands at Draft in Procore: it does not count yet."
    assert told(ifs.decide(invoice(status=DRAFT))) == skipped


def test_a_status_we_do_not_know_is_asked_about_whatever_the_policy() -> None:
    ifs = Ifs()
    ifs.under(vouchers={"sent_back": "reverse"})
    assert told(ifs.decide(invoice(status=InvoiceStatus.OTHER))) == (
        "SKIP Procore invoice INV-7 of order P1 has a status in Procore that we do not know: it does not count yet."
    )
    ifs.sync(invoice())
    hold = only_hold(ifs.decide(invoice(status=InvoiceStatus.OTHER)), HoldReason.SENT_BACK)
    assert "has a status in Procore that we do not know, after it crossed as M/2026/1" in hold.sentence


def test_a_date_moved_to_a_later_month_is_told_and_not_posted_again() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    assert told(ifs.decide(invoice(dated=date(2026, 12, 3)))) == (
        "SKIP Procore invoice INV-7 of order P1 is dated 2026-12-03 in Procore now; M/2026/1 stays on "
        "2026-10-20, for no figure changed."
    )


@pytest.mark.parametrize("policy", ["ask", "reverse"])
def test_an_invoice_that_cannot_be_seen_any_more_is_always_asked_about(policy: str) -> None:
    ifs = Ifs()
    ifs.under(vouchers={"sent_back": policy})
    ifs.sync(invoice())
    hold = only_hold(ifs.decide(gone=["700", "999"]), HoldReason.SENT_BACK)
    assert "no proof that it was deleted" in hold.sentence
    ifs.rule(hold, "projects")
    ifs.apply(ifs.decide(gone=["700"]).intents)
    assert ifs.money() == {}
    assert ifs.decide(gone=["700"]).intents == ()


def test_a_voucher_somebody_cancelled_in_ifs_is_never_sent_again_by_itself() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    ifs.cancel("10/subcontractor_invoice/700/1")
    hold = only_hold(ifs.decide(invoice()), HoldReason.CONFLICT)
    assert "M/2026/1 of Procore invoice INV-7 of order P1 was cancelled in IFS" in hold.sentence
    sent_back = told(ifs.decide(invoice(status=BACK)))
    assert sent_back.endswith("and M/2026/1 was cancelled in IFS: both sides agree.")
    ifs.rule(hold, "erp")
    assert told(ifs.decide(invoice())).startswith("SKIP A person left M/2026/1")
    changed = invoice(bill("1/1", "120.00", "12.00"))
    ifs.rule(only_hold(ifs.decide(changed), HoldReason.CONFLICT), "projects")
    assert [intent.key.id for intent in ifs.sync(changed).intents] == ["subcontractor_invoice/700/2"]
    assert ifs.by_account()["4110"] == D("120.00")


def test_a_reversal_somebody_cancelled_in_ifs_is_said() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    changed = invoice(bill("1/1", "120.00", "12.00"))
    ifs.sync(changed)
    ifs.cancel("10/subcontractor_invoice/700/r1")
    hold = only_hold(ifs.decide(changed), HoldReason.CONFLICT)
    assert "takes back M/2026/1" in hold.sentence
    ifs.rule(hold, "projects")
    only_hold(ifs.decide(changed), HoldReason.CONFLICT)  # what is to be entered by hand is not entered by us
    ifs.rule(hold, "erp")
    assert told(ifs.decide(changed)) == "unchanged subcontractor_invoice:700"


def test_a_voucher_that_cannot_be_seen_in_ifs_is_not_reversed() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    ifs.vouchers = {}
    hold = only_hold(ifs.decide(invoice(bill("1/1", "120.00", "12.00"))), HoldReason.GONE_HERE)
    assert "Nothing was entered" in hold.sentence


def test_what_crossed_is_not_entered_again_when_its_record_is_not_at_hand() -> None:
    ifs = Ifs()
    links = {**ifs.situation.links, Key("voucher", "subcontractor_invoice/700/1"): Linked("M/2026/1")}
    ifs.situation = msgspec.structs.replace(ifs.situation, links=links)
    assert only_hold(ifs.decide(invoice()), HoldReason.BAD_ROW).owner == "integration engineer"


@pytest.mark.parametrize(
    ("changes", "reason", "waits_for", "says"),
    [
        ({"currency": "CAD"}, HoldReason.CURRENCY_OFF, "currency:1201=CAD", "never converted"),
        ({"payable": D("91.00")}, HoldReason.TOTALS_DIFFER, "subcontractor_invoice:700", "90.00 USD by its lines"),
        ({"vendor": "78"}, HoldReason.VENDOR_FROZEN, "order:P1", "supplier S100 by now"),
        ({"lines": (bill("9/9", "90.00"),)}, HoldReason.LINE_UNKNOWN, "order_line:P1 9/9", "line 9/9"),
        ({"lines": (bill("1/1", "90.005"),), "payable": D("90.005")}, HoldReason.TOTALS_DIFFER,
         "subcontractor_invoice:700", "no posting is that fine"),
        ({"lines": (bill("", "90.00", line="x", budget_code="99-999.M"),)}, HoldReason.LINE_UNKNOWN,
         "commitment_line:c1/99-999.M", "bills 90.00 USD on 99-999.M (Footings)"),
        ({"dated": date(2026, 9, 14)}, HoldReason.ERP_PERIOD_CLOSED, "accounting_period:2026/9", "2026/9"),
        ({"dated": date(2026, 8, 14)}, HoldReason.ERP_PERIOD_CLOSED, "accounting_period:2026/8", "for group AC"),
    ],
)  # fmt: skip
def test_what_keeps_an_invoice_back(changes: dict[str, object], reason: HoldReason, waits_for: str, says: str) -> None:
    hold = only_hold(Ifs().decide(invoice(**changes)), reason)
    assert str(hold.waits_for) == waits_for
    assert says in hold.sentence
    assert hold.key == Key("subcontractor_invoice", "700")
    assert hold.money is not None


def test_an_invoice_in_a_closed_period_moves_to_the_next_open_one_when_policy_says_so() -> None:
    ifs = Ifs()
    ifs.under(vouchers={"closed_period": "next_open"})
    decision = ifs.sync(invoice(dated=date(2026, 9, 14)))
    (voucher,) = ifs.vouchers.values()
    assert voucher.dated == date(2026, 10, 1)
    said = "Dated 2026-09-14, whose accounting period is closed: posted on 2026-10-01."
    assert said in decision.intents[0].reason
    assert said in voucher.text
    late = only_hold(ifs.decide(invoice(id="9", dated=date(2026, 12, 31))), HoldReason.ERP_PERIOD_CLOSED)
    assert late.waits_for == Key("accounting_period", "2026-12-31"), "there is no later period"


def test_without_an_account_for_clearing_or_retention_nothing_is_made_up() -> None:
    ifs = Ifs()
    ifs.under(vouchers={"clearing_account": ""})
    assert only_hold(ifs.decide(invoice()), HoldReason.ACCOUNT_MISSING).waits_for == Key(
        "policy", "vouchers.clearing_account"
    )
    ifs.under(vouchers={"retention_account": ""})
    assert only_hold(ifs.decide(invoice()), HoldReason.ACCOUNT_MISSING).waits_for == Key(
        "policy", "vouchers.retention_account"
    )
    ifs.sync(invoice(bill("1/1", "100.00")))


def test_the_books_are_asked_first_and_answer_with_their_own_constant() -> None:
    ifs = Ifs()
    lines = (msgspec.structs.replace(ORDER.lines[0], activity="A9"), ORDER.lines[1])
    ifs.orders = {"P1": msgspec.structs.replace(ORDER, lines=lines)}
    hold = only_hold(ifs.decide(invoice()), HoldReason.ACTIVITY_CLOSED)
    assert (hold.evidence, str(hold.waits_for), hold.owner) == ("ACTIDNOTPOSTABLE", "activity:A9", "project manager")
    assert hold.sentence == (
        "Procore invoice INV-7 of order P1 cannot be entered in IFS: "
        "Activity 900 (A9) of project 1201 is planned, closed or cancelled."
    )


def test_an_order_or_a_supplier_that_cannot_take_it() -> None:
    ifs = Ifs()
    ifs.blocked = frozenset({SUPPLIER})
    only_hold(ifs.decide(invoice()), HoldReason.VENDOR_UNAPPROVED)
    ifs.blocked, ifs.orders = frozenset(), {}
    assert only_hold(ifs.decide(invoice()), HoldReason.GONE_HERE).waits_for == Key("order", "P1")


def test_a_line_without_our_mark_is_found_by_the_contract_or_by_a_lone_budget_code() -> None:
    ifs = Ifs()
    ifs.sync(invoice(bill("", "30.00", line="", budget_code=f"{STEEL}.L")))
    assert [row.series for row in next(iter(ifs.vouchers.values())).rows] == ["P1 2/1", "P1"]
    doubled = msgspec.structs.replace(AGREED.lines[1], once_key=f"{AGREED.once_key}/3/1")
    base = pack(msgspec.structs.replace(AGREED, lines=(*AGREED.lines, doubled)))
    twin = Ifs()
    links = {**twin.situation.links, CONTRACT_KEY: Linked("c1", base)}
    twin.situation = msgspec.structs.replace(twin.situation, links=links)
    billed = invoice(bill("", "30.00", line="", id="L2", budget_code=f"{STEEL}.L"))
    only_hold(twin.decide(billed), HoldReason.LINE_UNKNOWN)
    named = tuple(msgspec.structs.replace(line, id=f"L{n}") for n, line in enumerate(AGREED.lines, 1))
    twin.contracts = {"c1": msgspec.structs.replace(AGREED, id="c1", lines=named)}
    twin.sync(billed)


def test_the_route_of_supplier_invoices_keeps_retention_apart_and_takes_back_by_a_credit() -> None:
    ifs = Ifs()
    ifs.under(subcontractor_invoices={"route": "supplier_invoice"}, vouchers={"clearing_account": ""})
    decision = ifs.sync(invoice(bill("1/1", "100.00", "10.00")))
    assert [str(intent.key) for intent in decision.intents] == ["erp_invoice:subcontractor_invoice/700/1"]
    (first,) = ifs.invoices.values()
    assert [(line.order_line, line.amount, dict(line.codes)["A"]) for line in first.lines] == [
        ("1/1", D("100.00"), "4110"),
        ("1/1", D("-10.00"), "2450"),
    ]
    assert (first.net, first.number, first.vendor, first.order) == (D("90.00"), "INV-7", SUPPLIER, "P1")
    ifs.sync(invoice(bill("1/1", "110.00", "20.00")))
    _, credit, second = ifs.invoices.values()
    assert (credit.net, credit.credits, second.net) == (D("-90.00"), "1000", D("90.00"))
    assert len({one.number for one in ifs.invoices.values()}) == 3, "a supplier's number is used once"
    ifs.coding = (ifs.coding[0], msgspec.structs.replace(BOOK, completed_projects=frozenset({"1201"})))
    changed = invoice(bill("1/1", "120.00", "20.00"))
    assert only_hold(ifs.decide(changed), HoldReason.BOOKS_REFUSE).evidence == "COMPLETEDFINPROJ"


def test_what_has_been_billed_to_date_is_told_to_the_order_lines() -> None:
    ifs = Ifs()
    ifs.under(subcontractor_invoices={"billed_to_date": True})
    ifs.sync(invoice())
    decision = ifs.sync(invoice(bill("1/1", "50.00"), bill("2/1", "5.00"), id="701", number="INV-8"))
    updates = [intent for intent in decision.intents if intent.key.kind == "billed_line"]
    bodies = [unpack("billed_line", intent.body) for intent in updates]
    assert bodies == [
        BilledLine("P1", "1/1", "nopart", D("150.00"), "USD", "Procore billed to date 150.00 USD as of invoice INV-8"),
        BilledLine("P1", "2/1", "nopart", D("5.00"), "USD", "Procore billed to date 5.00 USD as of invoice INV-8"),
    ]
    assert all(intent.needs == (Key("voucher", "subcontractor_invoice/701/1"),) for intent in updates)
    ifs.cancel("10/subcontractor_invoice/701/1")
    decision = ifs.decide(invoice(bill("1/1", "70.00"), id="702"))
    (last,) = [unpack("billed_line", one.body) for one in decision.intents if one.key.kind == "billed_line"]
    assert isinstance(last, BilledLine)
    assert last.amount == D("170.00"), "what somebody cancelled does not count"


# a commitment written in Procore ----------------------------------------------------------------------------------


def foreign(*lines: CommitmentLine, **changes: object) -> Commitment:
    """A contract typed in Procore: ten pieces at 12.50 and a lump sum."""
    given = msgspec.structs.replace(
        AGREED,
        once_key="",
        id=FOREIGN,
        number="SC-4",
        title="Masonry",
        project="5001",
        vendor=VENDOR,
        lines=lines
        or (
            CommitmentLine("", "Blocks", D(10), "ea", D("12.50"), D("125.00"), f"{CONCRETE}.M", "L1"),
            CommitmentLine("", "Labour", D(3), "ls", D("33.33"), D("100.00"), f"{STEEL}.L", "L2"),
            CommitmentLine("", "Optional", D(1), "ls", D(0), D(0), f"{STEEL}.L", "L3"),
        ),
    )
    return msgspec.structs.replace(given, **changes)


def with_foreign(**changes: object) -> Ifs:
    """An IFS that does not know the contract."""
    ifs = Ifs()
    ifs.contracts = {FOREIGN: foreign(**changes)}
    return ifs


def test_a_commitment_ifs_does_not_know_is_proposed_once_and_its_invoices_wait() -> None:
    ifs = with_foreign()
    bills = (invoice(commitment=FOREIGN), invoice(commitment=FOREIGN, id="701"))
    decision = ifs.decide(*bills)
    assert told(decision) == page("""
        create purchase_requisition:c9 225.00 USD: \\
        Procore's commitment SC-4 was written in Procore: proposed as a purchase requisition, left planned.
        HOLD order_missing for commitment_there:c9 (buyer) with 100.00 USD: Procore invoice INV-7 waits. \\
        Procore's commitment SC-4 is no order in IFS: it is proposed there as a purchase requisition, \\
        which must become one.
        HOLD order_missing for commitment_there:c9 (buyer) with 100.00 USD: Procore invoice INV-7 waits. \\
        Procore's commitment SC-4 is no order in IFS: it is proposed there as a purchase requisition, \\
        which must become one.
        """)
    body = unpack("purchase_requisition", decision.intents[0].body)
    assert isinstance(body, PurchaseRequisition)
    assert [(one.quantity, one.price, one.amount, one.codes, one.activity) for one in body.lines] == [
        (D(10), D("12.50"), D("125.00"), (("A", "4110"), ("B", CONCRETE), ("E", "1201")), "A1"),
        (D(1), D("100.00"), D("100.00"), (("A", "4310"), ("B", STEEL), ("E", "1201")), "A1"),
    ]
    assert (body.site, body.requisitioner, body.vendor, body.once_key) == ("S1", "ML", SUPPLIER, "10/commitment/c9")
    ifs.apply(decision.intents)
    hold = only_hold(ifs.decide(bills[0]), HoldReason.ORDER_MISSING)
    assert "requisition R1 (now Planned) waits there to become one" in hold.sentence


def test_once_the_requisition_became_an_order_the_invoice_goes() -> None:
    ifs = with_foreign()
    ifs.apply(ifs.decide(invoice(commitment=FOREIGN)).intents)
    links = {**ifs.situation.links, CONTRACT_KEY: Linked(FOREIGN, pack(AGREED))}
    ifs.situation = msgspec.structs.replace(ifs.situation, links=links)
    decision = ifs.sync(invoice(commitment=FOREIGN))
    assert [one.key.id for one in decision.intents] == ["subcontractor_invoice/700/1"]


def test_what_keeps_a_commitment_from_being_proposed() -> None:
    billed = invoice(commitment=FOREIGN)
    assert "cannot be read in Procore" in only_hold(Ifs().decide(billed), HoldReason.ORDER_MISSING).sentence
    ifs = with_foreign()
    ifs.under(subcontractor_invoices={"unknown": "hold"})
    assert "policy does not let us" in only_hold(ifs.decide(billed), HoldReason.ORDER_MISSING).sentence
    assert subcontractor_invoices.vendors_needed(ifs.situation, [billed], {FOREIGN: foreign(vendor="79")}) == set()
    ifs.under(subcontractor_invoices={"site": {"1202": "S2"}})
    hold = only_hold(ifs.decide(billed), HoldReason.ORDER_MISSING)
    assert hold.waits_for == Key("policy", "subcontractor_invoices.site")
    ifs = with_foreign(vendor="79")
    hold = only_hold(ifs.decide(billed), HoldReason.VENDOR_NOT_LINKED)
    assert hold.waits_for == Key("vendor_there", "79")
    assert subcontractor_invoices.vendors_needed(ifs.situation, [billed], ifs.contracts) == {"79"}
    links = {**ifs.situation.links, Key("supplier", "79"): Linked("S900")}
    ifs.situation = msgspec.structs.replace(ifs.situation, links=links)
    assert subcontractor_invoices.vendors_needed(ifs.situation, [billed], ifs.contracts) == set()
    ifs.blocked = frozenset({"S900"})
    only_hold(ifs.decide(billed), HoldReason.VENDOR_UNAPPROVED)
    ifs.blocked = frozenset()
    (intent,) = ifs.decide(billed).intents
    assert Key("supplier", "79") in intent.needs
    ifs = with_foreign(once_key="10/order/P8/1201")
    assert "carries the mark of order P8" in only_hold(ifs.decide(billed), HoldReason.ORDER_MISSING).sentence
    bare = with_foreign(lines=foreign().lines[2:])
    assert "no lines with money" in only_hold(bare.decide(billed), HoldReason.ORDER_MISSING).sentence
    one = CommitmentLine("", "Glass", D(1), "ls", D(5), D(5), "08-800.M", "L1")
    ifs = Ifs()
    ifs.contracts = {FOREIGN: foreign(one)}
    assert "08-800.M" in only_hold(ifs.decide(billed), HoldReason.CODE_AMBIGUOUS).sentence
    elsewhere = only_hold(ifs.decide(invoice(commitment=FOREIGN, project="5009")), HoldReason.PROJECT_NOT_LINKED)
    assert elsewhere.waits_for == Key("project_there", "5009")


def test_what_must_be_read_is_named() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    bills = [
        invoice(),
        invoice(id="701", commitment=FOREIGN),
        invoice(bill("", "1.00", line="", id="L1"), id="702"),
        invoice(id="703", status=DRAFT, commitment="c8"),
    ]
    assert subcontractor_invoices.wanted(ifs.situation, bills[:1], []) == subcontractor_invoices.Wanted(
        orders=frozenset({"P1"}),
        contracts=frozenset(),
        requisitions=frozenset(),
        vouchers=frozenset(f"10/subcontractor_invoice/700/{version}" for version in ("1", "r1", "2")),
    )
    wanted = subcontractor_invoices.wanted(ifs.situation, bills[1:], ["700"])
    assert wanted.contracts == {("1201", FOREIGN), ("1201", "c1")}
    assert wanted.requisitions == {"10/commitment/c9"}
    assert wanted.vouchers >= {"10/subcontractor_invoice/700/1", "10/subcontractor_invoice/702/1"}


def test_books_that_cannot_be_read_are_left_to_ifs() -> None:
    ifs = Ifs()
    ifs.coding = (ifs.coding[0], msgspec.structs.replace(BOOK, periods=(), accounts={}, parts={}))
    ifs.under(vouchers={"codes": {}})
    ifs.sync(invoice(dated=date(2026, 9, 14)))
    assert policies().vouchers.codes == {"E": "project"}
