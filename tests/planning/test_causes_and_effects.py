"""Causes of holds, what stands behind them, three ways to see a record, and what two decisions differ in."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.blocking import ANSWER, ITSELF, Cause, Part, behind, behind_holds, cause_of
from ml_connector.planning.crossed import histories
from ml_connector.planning.foreseen import Document, Foreseen, Held, compared, made, step_words
from ml_connector.planning.leaving_out import LEFT_OUT_FOR, may_leave_out
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, Verb, pack
from ml_connector.planning.three_way import asked_about, asked_about_crossed, of_crossed, of_vendor
from ml_connector.planning.vendor_sides import as_left, linked_as
from ml_connector.records.commitment import ChangeOrder, CommitmentLine
from ml_connector.records.subcontractor_invoice import InvoiceStatus
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import VoucherStatus

from .way_back import Ifs, invoice, only_hold

ORDER = Key("order", "P1")


def test_records_that_wait_for_the_same_have_one_cause() -> None:
    first = cause_of("code_unmapped", ("mapping", "cost_type A=1"), "purchase_orders", ("order", "P1"))
    other = cause_of("code_unmapped", ("mapping", "cost_type A=1"), "cost_codes", ("combination", "1201 A=1"))
    assert first == other == Cause("code_unmapped", "mapping", "cost_type A=1")


def test_questions_and_what_waits_for_itself_share_the_reason_in_one_flow() -> None:
    asked = cause_of("conflict", ("ruling", "order:P1"), "purchase_orders", ("order", "P1"))
    assert asked == Cause("conflict", ANSWER, "", "purchase_orders", "order")
    assert asked.asks
    mended = cause_of("refused", ("order", "P1"), "purchase_orders", ("order", "P1"))
    assert mended == Cause("refused", ITSELF, "", "purchase_orders", "order")
    assert not mended.asks


def test_what_is_behind_adds_up_by_kind_and_currency_and_counts_a_record_once() -> None:
    cause = Cause("vendor_match", ANSWER, "", "vendors", "vendor")
    parts = [Part("order", "USD", 2, Decimal(30)), Part("order", "EUR", 1, Decimal(5)), Part("payment", "", 1, None)]
    found = behind((cause, part) for part in parts)[cause]
    assert (found.number, found.kinds) == (4, {"order": 3, "payment": 1})
    assert found.money == {"USD": Decimal(30), "EUR": Decimal(5)}
    twice = behind_holds([(("order", "P1"), Decimal(7), "USD"), (("order", "P1"), Decimal(7), "USD")])
    assert (twice.number, twice.money) == (1, {"USD": Decimal(7)})
    assert behind_holds([]).number == 0


SUPPLIER = Key("vendor", "S1")


def hold(reason: HoldReason = HoldReason.VENDOR_NOT_LINKED, waits: Key = SUPPLIER) -> Hold:
    return Hold(ORDER, "purchase_orders", reason, waits, "somebody", f"{reason.value}.", Money(Decimal(12), "USD"))


def intent(verb: Verb = Verb.CREATE, **given: Any) -> Intent:
    fields: dict[str, Any] = {
        "flow": "purchase_orders",
        "verb": verb,
        "key": Key("commitment", "P1@1201"),
        "once_key": "",
        "scope": "1201",
        "target": "",
        "body": b"",
        "needs": (),
        "after": (),
        "money": Money(Decimal(10), "USD"),
        "reason": "It is new.",
        "source": "P1",
        "counts_as": "created",
    }
    return Intent(**{**fields, **given})


def fate(before: Decision, after: Decision) -> Foreseen:
    return Foreseen(compared([Held(1, hold(), "P1")], [before], [after]))


def test_a_document_goes_rests_is_left_waits_or_stays() -> None:
    before = Decision(holds=(hold(),))
    goes = fate(before, Decision(intents=(intent(),))).of("goes")
    assert [(one.key, one.moved) for one in goes] == [(ORDER, Money(Decimal(10), "USD"))]
    assert goes[0].sentence == "Make the contract. It is new."
    assert fate(before, Decision(unchanged=(ORDER,))).of("rests")
    left = Decision(skips=(Skip(ORDER, "purchase_orders", "A person said so."),))
    assert fate(before, left).of("left")[0].sentence == "A person said so."
    waits = Decision(holds=(hold(HoldReason.CODE_MISSING, Key("dimension", "B=1")),))
    assert fate(before, waits).of("waits")[0].sentence == "code_missing."
    assert fate(before, before).of("stays")
    assert fate(before, before).money("stays") == {"USD": Decimal(12)}


def test_a_credit_that_goes_hides_no_invoice_that_goes() -> None:
    both = (
        Document(Key("supplier_invoice", number), "supplier_invoices", 1, "goes", Money(Decimal(amount), "USD"), "")
        for number, amount in (("1", 100), ("2", -90))
    )
    assert Foreseen(tuple(both)).money("goes") == {"USD": Decimal(190)}


def test_what_was_decided_otherwise_is_not_foreseen() -> None:
    assert fate(Decision(), Decision(intents=(intent(),))).of("unsure")


def test_only_what_is_new_is_said_to_be_made() -> None:
    old, new = intent(), intent(key=Key("vendor", "S1"))
    assert made([Decision(intents=(old,))], [Decision(intents=(old, new))]) == {"make the vendor": 1}
    assert step_words(Verb.FILL, "commitment") == "write the lines of the contract"


def test_a_vendor_is_seen_three_ways() -> None:
    base = Vendor("S1", "Hollis", None, "US", phone="1", there=(("email", "a@there"),))
    ours = msgspec.structs.replace(base, phone="2", there=())
    theirs = msgspec.structs.replace(base, id="77", phone="3", email="a@there", there=())
    fields = {one.name: one for one in of_vendor(ours, theirs, base, ["phone"]).fields}
    assert (fields["phone"].changed, fields["phone"].asked) == ("both", True)
    assert (fields["phone"].agreed, fields["phone"].erp, fields["phone"].projects) == ("1", "2", "3")
    assert fields["email"].changed == ""  # Procore keeps its own since both agreed
    assert fields["name"].changed == ""
    alone = {one.name: one.changed for one in of_vendor(ours, theirs, None, []).fields}
    assert (alone["phone"], alone["name"]) == ("differ", "")


def test_what_procore_never_had_of_a_vendor_is_no_change_there() -> None:
    ours = Vendor("S1", "Hollis", "42-6433012", "US", city="Dallas")
    theirs = Vendor("77", "Hollis & Webb", None, "US")

    def marked(*sides: Vendor) -> dict[str, str]:
        return {one.name: one.changed for one in of_vendor(*sides, []).fields if one.changed}

    linked = linked_as(ours, theirs, frozenset())
    assert as_left(linked) == msgspec.structs.replace(theirs, id="S1"), "what was there when it was linked"
    found = of_vendor(ours, theirs, linked, [])
    assert marked(ours, theirs, linked) == {}
    assert found.note == "Procore had its own name, tax number, city when both last agreed: that is no change."
    typed = msgspec.structs.replace(theirs, tax_number="42-0000000")
    assert marked(ours, typed, linked) == {"tax number": "projects"}
    sent = msgspec.structs.replace(ours, id="77")  # written by us: Procore gives the number back in its own form
    assert marked(ours, msgspec.structs.replace(sent, tax_number="426433012"), ours) == {}
    assert marked(ours, msgspec.structs.replace(sent, tax_number=None), ours) == {}
    assert marked(ours, msgspec.structs.replace(sent, tax_number="42-0000000"), ours) == {"tax number": "differ"}
    assert marked(msgspec.structs.replace(ours, tax_number="1-2"), sent, ours) == {"tax number": "erp"}


def test_what_was_sent_back_or_is_gone_shows_the_status_of_both_sides() -> None:
    ifs = Ifs()
    ifs.sync(invoice())
    (live,) = [one.live for one in histories(ifs.situation.links).values()]
    (voucher,) = ifs.vouchers.values()
    posted = msgspec.structs.replace(voucher, status=VoucherStatus.UPDATED)
    back = invoice(status=InvoiceStatus.REVISE)
    question = only_hold(ifs.decide(back), HoldReason.SENT_BACK)
    asked = asked_about_crossed(question.reason.value, question.evidence)
    (status,) = of_crossed(live, posted, back, asked).differing
    assert (status.name, status.erp, status.projects) == ("status", "Voucher posted", "Revise and resubmit")
    assert status.agreed == "", "each side has a status of its own: nobody agreed on one"
    gone = next(one for one in of_crossed(live, posted, None, asked).differing if one.name == "status")
    assert (gone.asked, gone.projects) == (True, "Cannot be seen")
    assert asked_about_crossed("revised", "number: IFS A, Procore B") == ["number"]


def test_what_a_question_says_is_read_back() -> None:
    said = (
        "line 1/1 amount: IFS 12, Procore 1.00\nname: agreed A; IFS B; Procore C\nV-1 in IFS: 5 USD; Procore: 6 USD\nx"
    )
    assert asked_about(said) == ["line 1/1 amount", "name", "V-1"]
    began = time.perf_counter()
    assert asked_about("a; IFS b; Procore c" * 20_000 + ": IFS x") == ["a; IFS b; Procore c" * 20_000]
    assert time.perf_counter() - began < 1


def test_a_change_that_only_recodes_says_how_much_it_recodes() -> None:
    def change(*deltas: tuple[str, str]) -> Intent:
        zero = Decimal(0)
        lines = [CommitmentLine(str(n), "", zero, "EA", zero, Decimal(d), code) for n, (code, d) in enumerate(deltas)]
        body = ChangeOrder("K/R1", "K", "1201", "P1-CO001", "Change", tuple(lines), "USD")
        key = Key("change_order", body.reference)
        return intent(Verb.AMEND, key=key, body=pack(body), money=body.money(), counts_as="updated")

    before = Decision(holds=(hold(),))
    (one,) = fate(before, Decision(intents=(change(("03.L", "-617507.78"), ("03.M", "617507.78")),))).of("goes")
    assert (one.moved, one.recoded) == (Money(Decimal("0.00"), "USD"), Money(Decimal("617507.78"), "USD"))
    (one,) = fate(before, Decision(intents=(change(("03.L", "-40"), ("03.M", "100")),))).of("goes")
    assert (one.moved, one.recoded) == (Money(Decimal(60), "USD"), Money(Decimal(40), "USD"))
    (one,) = fate(before, Decision(intents=(change(("03.L", "-40"), ("03.L", "100")),))).of("goes")
    assert (one.moved, one.recoded) == (Money(Decimal(60), "USD"), None)


def test_only_what_goes_to_procore_is_ever_left_out() -> None:
    assert set(LEFT_OUT_FOR) == {"purchase_orders", "supplier_invoices"}
    assert may_leave_out("purchase_orders", HoldReason.CODE_UNMAPPED, "order")
    assert not may_leave_out("cost_codes", HoldReason.CODE_UNMAPPED, "combination")
    assert not may_leave_out("subcontractor_invoices", HoldReason.CODE_UNMAPPED, "subcontractor_invoice")
    assert not may_leave_out("purchase_orders", HoldReason.REFUSED, "order")
