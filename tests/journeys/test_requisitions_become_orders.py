"""A contract typed in Procore is proposed to IFS, becomes an order there, and stays the one contract it was."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ml_connector.sandbox.faults import FaultRule

from .master_windows import MasterIfs, MasterProcore, master_windows
from .money_books import signed
from .money_windows import Row, dec
from .office import NAME, UNKNOWN_CODE, Office

TYPED, PROJECT = "SITE-7", "1202"
"""The contract's number, and the IFS project it is of."""
VENDOR, SUPPLIER = "Voltaire Electric Company", "S1017"
LINES = (
    {"code": "26-240", "type": "M", "description": "Panel boards", "quantity": "4", "unit_cost": "610.25"},
    {"code": "26-240", "type": "S", "description": "Fitting them", "quantity": "1", "unit_cost": "8000.00"},
)
TOTAL = Decimal("10441.00")
"""What the two lines come to."""
POLICIES: dict[str, dict[str, Any]] = {"subcontractor_invoices": {"requisitioner": "MARTA_HALE"}}


BOTH = pytest.mark.parametrize("site", ["purchase_order", "subcontract"], indirect=True)
"""With a purchase order contract typed by unit, and with a subcontract typed by amount, as most of them are."""


class Site:
    """An office whose people type, bill, requisition and convert."""

    def __init__(self, office: Office, kind: str = "purchase_order") -> None:
        self.office = office
        self.kind = kind
        self.ifs: MasterIfs
        self.procore: MasterProcore
        self.ifs, self.procore = master_windows(office.box.connection_text())
        self.target = office.proof.project_ids[PROJECT]

    @property
    def measured(self) -> list[tuple[str, Decimal, Decimal]]:
        """Text, quantity and price of the two lines; a contract by amount has one unit of each."""
        first = (Decimal(4), Decimal("610.25")) if self.kind == "purchase_order" else (Decimal(1), Decimal(2441))
        return [("Panel boards", *first), ("Fitting them", Decimal(1), Decimal(8000))]

    def typed(self, status: str = "Approved") -> None:
        """The site office types a contract, and its first invoice is approved."""
        order = {"order_number": TYPED, "title": "Panel boards, typed by the site office", "status": status}
        order["kind"] = self.kind
        self.office.procore("type_order", number=PROJECT, vendor=VENDOR, lines=list(LINES), **order)
        self.office.procore("open_billing_period", number=PROJECT, start="2026-12-01", end="2026-12-31")
        self.bill("VE-1")

    def bill(self, number: str, share: str = "0.25") -> None:
        """The subcontractor bills a share of what is open, and the project manager approves."""
        made = self.office.procore("add_requisition", order_number=TYPED, invoice_number=number, share=share)
        self.office.procore("approve_requisition", id=made["id"])

    def contract(self) -> Row:
        """The one contract of that number, whatever its kind: it is never made again as the other one."""
        (found,) = [row for row in self.contracts() if row["number"] == TYPED]
        return found

    def contracts(self) -> list[Row]:
        """Every contract of the project, of both kinds."""
        return self.procore.contracts(self.target)

    def changes(self) -> list[Row]:
        """Its change orders."""
        contract = self.contract()["id"]
        return [one for one in self.procore.change_orders(self.target) if one["contract_id"] == contract]

    def requisition(self) -> Row:
        """The one requisition in IFS."""
        (found,) = self.ifs.requisitions().values()
        return found

    def ordered(self, number: str = "") -> str:
        """A purchaser releases the requisition (the only one), makes an order of its lines and releases that; its
        number."""
        number = number or self.requisition()["RequisitionNo"]
        self.office.box.clock.advance(self.office.pause)
        self.ifs.release_requisition(number)
        (order,) = self.ifs.convert_requisition(number)
        self.office.ifs("release_order", order_no=order)
        return order

    def vouchers(self) -> list[Row]:
        """Vouchers in IFS that stand for a subcontractor invoice."""
        return [row for row in self.ifs.vouchers() if "/subcontractor_invoice/" in (row["VoucherText2"] or "")]

    def reasons(self) -> set[str]:
        """Why anything of ours waits."""
        return {hold["reason"] for hold in self.office.holds() if hold["erp_id"] != UNKNOWN_CODE}


@pytest.fixture
def site(office: Office, request: pytest.FixtureRequest) -> Site:
    """A contract has been typed and billed, and the first sync has proposed it."""
    office.policy(**POLICIES)
    made = Site(office, getattr(request, "param", "purchase_order"))
    made.typed()
    office.sync()
    return made


@BOTH
def test_typed_contract_becomes_a_planned_requisition_with_all_its_lines(site: Site) -> None:
    requisition = site.requisition()
    assert (requisition["Objstate"], requisition["Contract"]) == ("Planned", "PEO")
    lines = sorted(requisition["lines"], key=lambda row: row["LineNo"])
    assert [(row["Description"], dec(row["OriginalQty"]), dec(row["FbuyUnitPrice"])) for row in lines] == (
        site.measured
    )
    assert [(row["VendorNo"], row["CodeA"], row["CodeB"], row["ProjectId"]) for row in lines] == [
        (SUPPLIER, "4110", "26-240", PROJECT),
        (SUPPLIER, "4120", "26-240", PROJECT),
    ]
    assert site.contract()["origin_id"] is None
    hold = site.office.hold("order_missing")
    assert (hold["owner"], Decimal(hold["amount"]), hold["currency"]) == ("buyer", TOTAL / 4, "USD")
    assert TYPED in hold["sentence"]
    assert site.vouchers() == []
    site.office.assert_rests()
    assert len(site.ifs.requisitions()) == 1
    assert requisition["RequisitionNo"] in site.office.hold("order_missing")["sentence"]


@BOTH
def test_order_made_from_it_is_tied_to_that_very_contract_and_the_invoice_is_entered(site: Site) -> None:
    before = site.contract()
    contracts = len(site.contracts())
    order = site.ordered()
    site.office.sync()
    site.office.sync()
    after = site.contract()
    assert len(site.contracts()) == contracts
    assert after["id"] == before["id"]
    assert after["origin_id"] == f"10/order/{order}/{PROJECT}"
    assert {line["origin_id"] for line in after["line_items"]} == {None}, "Approved freezes a contract's lines"
    assert site.changes() == []
    assert site.office.stood("purchase_requisition") == [site.requisition()["Objstate"]] != ["Planned"]
    assert (after["status"], Decimal(after["grand_total"])) == (before["status"], TOTAL)
    (voucher,) = site.vouchers()
    costs = {row["Account"]: signed(row) for row in voucher["rows"]}
    assert costs == {"4110": Decimal("610.25"), "4120": Decimal(2000), "2020": -TOTAL / 4}
    assert {row["ProjectId"] for row in voucher["rows"] if row["Account"] != "2020"} == {PROJECT}
    assert site.reasons() == set()
    site.office.assert_proven(held=(UNKNOWN_CODE, order), besides=(TYPED,))
    site.office.assert_rests()


@pytest.mark.parametrize(
    ("kind", "open_", "then"),
    [("purchase_order", "Submitted", "Approved"), ("subcontract", "Out For Signature", "Out For Signature")],
)
def test_lines_of_a_contract_that_is_still_open_are_marked_too(
    office: Office, kind: str, open_: str, then: str
) -> None:
    office.policy(**POLICIES)
    site = Site(office, kind)
    site.typed(open_)
    office.sync()
    order = site.ordered()
    office.sync()
    office.sync()
    contract = site.contract()
    assert contract["status"] == then, "IFS owns it now, and there it is released; but who signs is Procore's affair"
    assert [line["origin_id"] for line in contract["line_items"]] == [
        f"10/order/{order}/{PROJECT}/1/1",
        f"10/order/{order}/{PROJECT}/2/1",
    ]
    assert (Decimal(contract["grand_total"]), site.changes()) == (TOTAL, [])
    assert len(site.vouchers()) == 1
    assert site.reasons() == set()
    office.assert_rests()


@BOTH
def test_tied_contract_follows_its_order_from_then_on(site: Site) -> None:
    order = site.ordered()
    site.office.sync()
    site.office.sync()
    _, quantity, price = site.measured[0]
    site.office.price(order, "1", f"{price + 90:.2f}")
    site.office.sync()
    (change,) = site.changes()
    assert Decimal(change["grand_total"]) == quantity * 90
    site.bill("VE-2")
    site.office.sync()
    assert len(site.vouchers()) == 2
    assert site.reasons() == set()
    site.office.assert_rests()


def test_order_still_planned_keeps_the_invoice_waiting(site: Site) -> None:
    number = site.requisition()["RequisitionNo"]
    site.office.ifs("release_requisition", requisition_no=number)
    site.office.sync()
    assert "now released" in site.office.hold("order_missing")["sentence"].casefold()
    site.office.ifs("convert_requisition", requisition_no=number)
    site.office.assert_rests()
    assert site.reasons() == {"order_missing"}
    assert site.contract()["origin_id"] is None
    assert site.vouchers() == []


def test_requisition_cancelled_in_ifs_is_asked_about_and_may_be_proposed_again(site: Site) -> None:
    first = site.requisition()["RequisitionNo"]
    site.office.box.clock.advance(site.office.pause)
    site.office.ifs("cancel_requisition", requisition_no=first)
    site.office.sync()
    hold = site.office.hold("proposal_ended")
    assert hold["owner"] == "buyer"
    assert first in hold["sentence"]
    assert "cancelled" in hold["sentence"].casefold()
    site.office.assert_rests()
    site.office.app.rule(NAME, hold["id"], "new")
    site.office.sync()
    states = {number: row["Objstate"] for number, row in site.ifs.requisitions().items()}
    second = next(number for number in states if number != first)
    assert states == {first: "Cancelled", second: "Planned"}
    site.office.assert_rests()
    assert second in site.office.hold("order_missing")["sentence"]
    order = site.ordered(second)
    site.office.sync()
    site.office.sync()
    assert site.contract()["origin_id"] == f"10/order/{order}/{PROJECT}"
    assert len(site.vouchers()) == 1
    assert site.reasons() == set()
    site.office.assert_rests()


def test_invoice_of_a_cancelled_requisition_may_be_left_in_procore(site: Site) -> None:
    site.office.box.clock.advance(site.office.pause)
    site.office.ifs("cancel_requisition", requisition_no=site.requisition()["RequisitionNo"])
    site.office.sync()
    site.office.app.rule(NAME, site.office.hold("proposal_ended")["id"], "ignore", note="it stays there")
    report = site.office.sync()
    assert any("stays out of IFS" in note for note in report.notes)
    assert (site.reasons(), site.vouchers(), len(site.ifs.requisitions())) == (set(), [], 1)
    site.office.assert_rests()


def test_price_the_buyer_bargained_reaches_the_contract_as_a_change(site: Site) -> None:
    """The order's first line costs 600.00 instead of 610.25: the contract is the same one, less 41.00."""
    contracts = len(site.procore.orders(site.target))
    order = site.ordered()
    site.office.price(order, "1", "600.00")
    site.office.sync()
    site.office.sync()
    assert len(site.procore.orders(site.target)) == contracts
    assert site.contract()["origin_id"] == f"10/order/{order}/{PROJECT}"
    assert [Decimal(change["grand_total"]) for change in site.changes()] == [Decimal("-41.00")]
    (voucher,) = site.vouchers()
    assert sum(signed(row) for row in voucher["rows"] if row["Account"] != "2020") == TOTAL / 4
    assert site.reasons() == set()
    site.office.assert_rests()


@pytest.mark.parametrize("kind", ["timeout_after", "drop_after"])
def test_lost_answer_to_a_requisition_makes_no_second_one(office: Office, kind: str) -> None:
    office.policy(**POLICIES)
    office.sync()
    site = Site(office)
    site.typed()
    office.box.faults.add(FaultRule(kind, side="ifs", path=r"\$batch", nth=1, times=1))
    office.sync()
    assert office.box.faults.injected[kind] == 1
    office.sync()
    assert len(site.requisition()["lines"]) == 2
    office.assert_rests()


def test_policy_hold_proposes_nothing(office: Office) -> None:
    office.policy(subcontractor_invoices={"unknown": "hold"})
    site = Site(office)
    site.typed()
    office.sync()
    assert site.ifs.requisitions() == {}
    assert "policy does not let us propose it" in office.hold("order_missing")["sentence"]
    office.policy(subcontractor_invoices={"unknown": "requisition", "requisitioner": "MARTA_HALE"})
    office.sync()
    assert len(site.requisition()["lines"]) == 2


def test_contract_nobody_billed_is_not_proposed(office: Office) -> None:
    office.policy(**POLICIES)
    site = Site(office)
    order = {"order_number": TYPED, "title": "Panel boards", "status": "Approved"}
    office.procore("type_order", number=PROJECT, vendor=VENDOR, lines=list(LINES), **order)
    office.sync()
    assert site.ifs.requisitions() == {}
    assert site.reasons() == set()
    office.assert_rests()


def test_subcontract_edited_or_ended_by_people_is_asked_about(office: Office) -> None:
    office.policy(**POLICIES)
    site = Site(office, "subcontract")
    site.typed()
    office.sync()
    order = site.ordered()
    office.sync()
    office.sync()
    contract = site.contract()["id"]
    site.office.box.clock.advance(site.office.pause)
    office.procore("edit_order", id=contract, title="Renamed by the site office")
    office.sync()
    assert "title" in office.hold("changed_there")["sentence"]
    office.app.rule(NAME, office.hold("changed_there")["id"], "erp")
    office.sync()
    assert site.contract()["title"].startswith(order)
    office.procore("set_order_status", id=contract, status="Terminated")
    office.price(order, "1", "2500.00")
    office.sync()
    hold = office.hold("gone_there")
    assert f"{TYPED} of order {order} is Terminated in Procore" in hold["sentence"]
    assert site.changes() == []
    office.procore("set_order_status", id=contract, status="Complete")
    office.sync()
    assert [Decimal(change["grand_total"]) for change in site.changes()] == [Decimal("59.00")]
    assert site.contract()["status"] == "Complete"
    assert site.reasons() == set()
    office.assert_rests()


def test_where_no_subcontract_is_ours_none_is_asked_for(site: Site) -> None:
    site.ordered()
    site.office.box.log.clear()
    site.office.sync()
    site.office.sync()
    assert len(site.vouchers()) == 1
    asked = [one.path for one in site.office.box.log.exchanges()]
    assert any("purchase_order_contracts" in path for path in asked)
    assert not any("work_order_contracts" in path for path in asked)


@BOTH
def test_connected_anew_the_contract_is_still_the_one_of_its_order(site: Site) -> None:
    """All links are lost with the old connection: the mark on the contract is what is left."""
    order = site.ordered()
    site.office.sync()
    site.office.sync()
    before = {row["id"]: row["origin_id"] for row in site.contracts()}
    site.office.app.add_connection("anew", site.office.box.connection_text())
    site.office.app.sync("anew")
    assert {row["id"]: row["origin_id"] for row in site.contracts()} == before
    assert f"10/order/{order}/{PROJECT}" in before.values()
    assert site.changes() == []
