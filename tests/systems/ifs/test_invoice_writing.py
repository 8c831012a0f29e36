"""A subcontractor invoice may become a preliminary supplier invoice in IFS: whole, once, and never posted by us."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.records.supplier_invoice import InvoiceLine, InvoiceState, SupplierInvoice
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.sending import Sending
from ml_connector.systems.ifs.system import IfsSystem
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.transport import Transport

from .conftest import MakeSystem

ONCE = "10/subcontractor_invoice/5629499/1"
PLACE = "ManualSupplierInvoiceHandling/ManSuppInvoiceSet"
Send = Callable[..., Sending]


@pytest.fixture
def system(make: MakeSystem) -> IfsSystem:
    return make()


@pytest.fixture
def sending(make: MakeSystem) -> Send:
    """The writing half of a tenant whose profile names the projection."""

    def made(place: str = PLACE, **overrides: object) -> Sending:
        system = make(writes={"invoice": {"place": place}}, **overrides)
        return Sending(system.odata, system.profile, "10")

    return made


@pytest.fixture
def body(box: RunningSandbox) -> SupplierInvoice:
    world = box.sandbox.world
    order, line = next(
        (order, line)
        for order in world.orders
        for line in order.lines
        if line.activity_seq and order.currency == "USD" and dict(line.codes).get("A")
    )
    codes = (*line.codes, ("E", line.project_id))
    work = InvoiceLine(
        "1", "Formwork, July", Decimal("900.00"), Decimal(0), order.order_no, f"{line.line_no}/{line.release_no}", "",
        line.project_id, str(line.activity_seq), codes, posting_type="M10",
    )  # fmt: skip
    back = msgspec.structs.replace(work, id="2", description="Retention", amount=Decimal("-90.00"))
    day = date(2026, 7, 31)
    return SupplierInvoice(
        "", order.supplier_id, "INV-77", "", InvoiceState.PRELIMINARY, "USD", day, day, date(2026, 8, 30),
        "Procore invoice 77", Decimal("810.00"), Decimal(0), "", order.order_no, (work, back),
    )  # fmt: skip


def effect(body: SupplierInvoice, number: int = 1, once_key: str = ONCE) -> Effect:
    return Effect(number, "create", "erp_invoice", once_key, "", "", body, {})


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def shown(system: IfsSystem, invoice: str, nav: str = "") -> Any:
    path = f"ManSuppInvoiceSet(Company='10',InvoiceId={invoice})" + (f"/{nav}" if nav else "")
    found = json.loads(system.odata.get(system.odata.service("ManualSupplierInvoiceHandling") + path, "look"))
    return found["value"] if nav else found


def count(box: RunningSandbox) -> tuple[int, int]:
    summary = box.ifs.summary()
    return summary.get("ManSuppInvoice", 0), summary.get("ManSuppInvoicePostings", 0)


def test_an_invoice_is_registered_with_its_postings_and_not_posted(
    box: RunningSandbox, sending: Send, system: IfsSystem, transport: Transport, body: SupplierInvoice
) -> None:
    outcome = only(sending().send([effect(body)]))
    assert outcome.result is Result.DONE, outcome.sentence
    assert transport.counts.writes == 1
    row = shown(system, outcome.target)
    assert (row["Objstate"], row["Identity"], row["InvoiceNo"]) == ("Preliminary", body.vendor, "INV-77")
    assert (row["InvoiceDate"], row["DueDate"], row["PoRefNumber"]) == ("2026-07-31", "2026-08-30", body.order)
    assert (row["VoucherText"], row["VoucherNoRef"]) == (f"{ONCE} Procore invoice 77", None)
    postings = shown(system, outcome.target, "ManSuppInvoicePostingsArray?$orderby=RowId")
    line = body.lines[0]
    assert [(one["CurrAmount"], one["Text"], one["PostingType"]) for one in postings] == [
        ("900", "Formwork, July", "M10"), ("-90", "Retention", "M10"),
    ]  # fmt: skip
    assert {(one["CodeA"], one["ProjectId"], one["OrderNo"]) for one in postings} == {
        (dict(line.codes)["A"], line.project, line.order)
    }
    assert box.ifs.summary().get("Voucher", 0) == 0


def test_twice_sent_is_registered_once(box: RunningSandbox, sending: Send, body: SupplierInvoice) -> None:
    ours = sending()
    first = only(ours.send([effect(body)]))
    assert only(ours.send([effect(body)])).target == first.target
    assert count(box) == (1, 2)
    found = ours.find(effect(body))
    assert found is not None
    assert found.target == first.target
    assert ours.find(effect(body, once_key=f"{ONCE}1")) is None


@pytest.mark.parametrize("batch_parts", [100, 0])
def test_a_refused_posting_leaves_nothing_behind(
    box: RunningSandbox, sending: Send, body: SupplierInvoice, batch_parts: int
) -> None:
    wrong = msgspec.structs.replace(body.lines[1], codes=(("A", "9999"),))
    bad = msgspec.structs.replace(body, lines=(body.lines[0], wrong))
    outcome = only(sending(batch_parts=batch_parts).send([effect(bad)]))
    assert (outcome.result, outcome.reference) == (Result.REFUSED, "Account.NOTEXIST")
    assert count(box) == (0, 0)


@pytest.mark.parametrize("kind", ["drop_after", "half_body"])
def test_a_lost_answer_is_settled_by_looking(
    box: RunningSandbox, sending: Send, body: SupplierInvoice, kind: str
) -> None:
    box.faults.add(FaultRule(kind, side="ifs", method="POST"))
    ours = sending()
    first = only(ours.send([effect(body)]))
    assert first.result is Result.DONE
    assert only(ours.send([effect(body)])).target == first.target
    assert count(box) == (1, 2)


@pytest.mark.parametrize(("lost", "whole"), [(2, False), (3, True)])
def test_half_an_invoice_of_a_tenant_without_change_sets_is_never_taken_for_one(
    box: RunningSandbox, sending: Send, body: SupplierInvoice, lost: int, whole: bool
) -> None:
    box.faults.add(FaultRule("drop_after", side="ifs", method="POST", nth=lost))
    ours = sending(batch_parts=0)
    for _ in range(2):
        assert only(ours.send([effect(body)])).result is (Result.DONE if whole else Result.REFUSED)
    assert count(box) == (1, lost - 1)


def test_what_cannot_be_seen_stays_unknown(box: RunningSandbox, sending: Send, body: SupplierInvoice) -> None:
    box.faults.add(FaultRule("drop_before", side="ifs", method="POST"))
    ours = sending()
    assert only(ours.send([effect(body)])).result is Result.UNKNOWN
    assert ours.find(effect(body)) is None
    assert count(box) == (0, 0)


def test_a_number_somebody_registered_already_is_a_refusal(
    box: RunningSandbox, sending: Send, body: SupplierInvoice
) -> None:
    ours = sending()
    ours.send([effect(body)])
    other = only(ours.send([effect(body, once_key="10/subcontractor_invoice/5629499/2")]))
    assert (other.result, other.reference) == (Result.REFUSED, "ManSuppInvoice.INVNOEXIST")
    assert count(box) == (1, 2)


def test_tax_goes_along_with_its_code(sending: Send, system: IfsSystem, body: SupplierInvoice) -> None:
    code = next(
        iter(json.loads(system.odata.get(system.odata.service("TaxCodesHandling") + "TaxCodeSet", "x"))["value"])
    )
    taxed = msgspec.structs.replace(body.lines[0], tax_code=code["FeeCode"], tax=Decimal("72.00"))
    whole = msgspec.structs.replace(body, lines=(taxed,), net=Decimal(900), tax=Decimal(72))
    outcome = only(sending().send([effect(whole)]))
    (posting,) = shown(system, outcome.target, "ManSuppInvoicePostingsArray")
    assert (posting["VatCode"], Decimal(str(posting["VatCurrAmount"]))) == (code["FeeCode"], Decimal(72))
    lost = msgspec.structs.replace(body, number="INV-78", lines=(msgspec.structs.replace(taxed, tax_code=""),))
    refused = only(sending().send([effect(lost, once_key="10/subcontractor_invoice/5/1")]))
    assert (refused.result, refused.reference) == (Result.REFUSED, "ManSuppInvoicePostings.TAXCODENULL")


def test_without_a_named_projection_the_route_does_not_exist(
    sending: Send, transport: Transport, body: SupplierInvoice
) -> None:
    ours = sending(place="")
    outcome = only(ours.send([effect(body)]))
    assert outcome.result is Result.REFUSED
    assert "names no projection" in outcome.sentence
    assert ours.find(effect(body)) is None
    assert transport.counts.reads + transport.counts.writes == 0
