"""Vendors both ways: what one side's people change reaches the other by ownership, and nobody is made twice."""

from __future__ import annotations

from typing import Any

import pytest

from ml_connector.kernel.errors import BadInput
from ml_connector.sandbox.faults import FaultRule

from .master_windows import MasterIfs, MasterProcore, master_windows
from .money_windows import Row
from .office import UNKNOWN_CODE, Office
from .test_changes import ORDER, add_line
from .test_holds import order_for

MASONRY = "S1009"
"""The supplier of ORDER, made in Procore by the first sync."""
INSULATION, INSULATED = "S1013", "P100016"
"""A supplier with a tax number, made in Procore by the first sync, and its order."""
PANELS = "S1015"
"""Another supplier with a tax number that the first sync makes."""
HAULING = "S1040"
"""A supplier without orders, so nobody in Procore knows it."""
REQUISITIONER = {"requisitioner": "MARTA_HALE"}
BORN_THERE = "Heron Rebar LLC"
"""A vendor of Procore that no supplier is like."""


class Desk:
    """An office with windows into both systems' masters."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.ifs: MasterIfs
        self.procore: MasterProcore
        self.ifs, self.procore = master_windows(office.box.connection_text())

    def there(self, supplier: str = MASONRY) -> Row:
        """The vendor we made for a supplier, as Procore has it."""
        return self.procore.of_supplier(supplier)

    def edit_there(self, supplier: str = MASONRY, **fields: Any) -> None:
        """A person in Procore edits it."""
        self.office.procore("edit_vendor", id=self.there(supplier)["id"], fields=fields)

    def hold_on(self, supplier: str, reason: str) -> dict[str, Any]:
        """The one open hold on a supplier's vendor."""
        found = [one for one in self.office.holds(reason) if one["erp_id"] == supplier]
        assert len(found) == 1, self.office.holds()
        return found[0]

    def answer(self, number: int, answer: str, target: str = "") -> None:
        """A person answers a hold, and the next sync follows."""
        self.office.app.rule("demo", number, answer, target=target, note="as a person says")
        self.office.sync()


@pytest.fixture
def desk(running: Office) -> Desk:
    """Masters after the first sync."""
    return Desk(running)


# IFS to Procore -------------------------------------------------------------------------------------------------------


def test_name_address_mail_and_phone_follow_ifs(desk: Desk) -> None:
    number = desk.there()["id"]
    desk.office.ifs("rename_supplier", supplier_id=MASONRY, name="Ostrander Stone and Masonry")
    desk.office.ifs("edit_supplier", supplier_id=MASONRY, city="Moline", zip_code="61265", address1="9 Chisel Road")
    desk.office.ifs("edit_supplier", supplier_id=MASONRY, email="office@ostrander.example", phone="309-555-0177")
    sent = desk.office.sent_by_sync()
    assert [f"{one.method} {one.path}" for one in sent] == ["PATCH /rest/v1.0/vendors/sync"]
    vendor = desk.there()
    assert vendor["id"] == number
    assert (vendor["name"], vendor["city"], vendor["zip"]) == ("Ostrander Stone and Masonry", "Moline", "61265")
    assert (vendor["address"], vendor["email_address"]) == ("9 Chisel Road", "office@ostrander.example")
    assert vendor["business_phone"] == "309-555-0177"
    desk.office.assert_proven()
    desk.office.assert_rests()


def test_supplier_expired_in_ifs_is_made_inactive_and_comes_back(desk: Desk) -> None:
    desk.office.ifs("expire_supplier", supplier_id=MASONRY)
    desk.office.sync()
    assert desk.there()["is_active"] is False
    desk.office.assert_rests()
    assert desk.office.holds("vendor_inactive") == []
    desk.office.ifs("expire_supplier", supplier_id=MASONRY, expires=None)
    desk.office.sync()
    assert desk.there()["is_active"] is True
    desk.office.assert_proven()
    desk.office.assert_rests()


# Procore to IFS -------------------------------------------------------------------------------------------------------


def test_rename_in_procore_is_asked_about_because_ifs_owns_the_name(desk: Desk) -> None:
    desk.edit_there(name="Ostrander & Sons")
    assert desk.office.sent_by_sync() == []
    hold = desk.hold_on(MASONRY, "changed_there")
    assert "name of Ostrander Masonry (S1009), which IFS owns" in hold["sentence"]
    assert hold["owner"] == "project accountant"
    desk.office.assert_rests()
    assert desk.there()["name"] == "Ostrander & Sons"
    desk.answer(hold["id"], "erp")
    assert desk.there()["name"] == "Ostrander Masonry"
    desk.office.assert_rests()
    desk.edit_there(name="Ostrander & Daughters")
    desk.office.sync()
    desk.answer(desk.hold_on(MASONRY, "changed_there")["id"], "projects")
    desk.office.assert_rests()
    assert desk.office.holds("changed_there") == []
    assert desk.there()["name"] == "Ostrander & Daughters"
    assert desk.ifs.suppliers()[MASONRY]["Name"] == "Ostrander Masonry"
    desk.edit_there(name="Ostrander Heirs")
    desk.office.sync()
    assert desk.hold_on(MASONRY, "changed_there"), "another rename is another question"


def test_rename_in_procore_reaches_ifs_where_procore_owns_the_name(desk: Desk) -> None:
    desk.office.policy(vendors={"theirs": ["name"]})
    desk.edit_there(name="Ostrander & Sons")
    sent = desk.office.sent_by_sync()
    assert {one.side for one in sent} == {"ifs"}
    (body,) = [one.request_body.casefold() for one in sent if one.request_body and MASONRY in one.request_body]
    assert "patch " in body
    assert "if-match: w/" in body
    assert "if-match: *" not in body
    assert desk.ifs.suppliers()[MASONRY]["Name"] == "Ostrander & Sons"
    desk.office.assert_rests()
    desk.office.ifs("rename_supplier", supplier_id=MASONRY, name="Ostrander Masonry")
    assert desk.office.sent_by_sync() == []
    assert "which Procore owns" in desk.hold_on(MASONRY, "conflict")["sentence"]


def test_address_and_phone_go_by_their_own_owner(desk: Desk) -> None:
    desk.office.policy(vendors={"theirs": ["address", "city", "zip_code", "phone"]})
    before = desk.ifs.supplier(MASONRY)
    desk.edit_there(address="2 Mortar Lane", city="Pekin", zip="61554", business_phone="309-555-0142")
    desk.office.sync()
    after = desk.ifs.supplier(MASONRY)
    place = after["address"]
    assert (place["Address1"], place["City"], place["ZipCode"]) == ("2 Mortar Lane", "Pekin", "61554")
    assert after["phone"] == "309-555-0142"
    assert (after["Name"], after["email"], after["AssociationNo"]) == (
        before["Name"],
        before["email"],
        before["AssociationNo"],
    )
    desk.office.assert_rests()
    desk.edit_there(email_address="new@ostrander.example")
    desk.office.sync()
    assert "email of" in desk.hold_on(MASONRY, "changed_there")["sentence"]
    assert desk.ifs.supplier(MASONRY)["email"] == before["email"]


def test_a_name_changed_on_both_sides_is_a_conflict(desk: Desk) -> None:
    for answer, there, here, stands in (
        ("erp", "Ostrander & Sons", "Ostrander Stone", "Ostrander Stone"),
        ("projects", "Ostrander & Daughters", "Ostrander Rock", "Ostrander & Daughters"),
    ):
        desk.edit_there(name=there)
        desk.office.ifs("rename_supplier", supplier_id=MASONRY, name=here)
        assert desk.office.sent_by_sync() == []
        hold = desk.hold_on(MASONRY, "conflict")
        assert "Both sides changed the name of" in hold["sentence"]
        desk.answer(hold["id"], answer)
        assert desk.there()["name"] == stands
        assert desk.ifs.suppliers()[MASONRY]["Name"] == here
        assert desk.office.holds("conflict") == []
        desk.office.assert_rests()


def test_both_sides_changed_another_field_each_and_both_cross(desk: Desk) -> None:
    desk.office.policy(vendors={"theirs": ["phone"]})
    desk.edit_there(business_phone="309-555-0142")
    desk.office.ifs("rename_supplier", supplier_id=MASONRY, name="Ostrander Stone")
    desk.office.sync()
    assert (desk.there()["name"], desk.there()["business_phone"]) == ("Ostrander Stone", "309-555-0142")
    assert desk.ifs.supplier(MASONRY)["phone"] == "309-555-0142"
    assert desk.office.holds("conflict") == []
    desk.office.assert_rests()


def test_vendor_made_inactive_while_orders_are_open_is_held_and_goes_by_itself(desk: Desk) -> None:
    desk.edit_there(is_active=False)
    assert desk.office.sent_by_sync() == []
    hold = desk.hold_on(MASONRY, "vendor_inactive")
    assert "until somebody makes it active again" in hold["sentence"]
    with pytest.raises(BadInput, match="not a question"):
        desk.office.app.rule("demo", hold["id"], "erp")
    desk.office.ifs("rename_supplier", supplier_id=MASONRY, name="Ostrander Stone")
    assert desk.office.sent_by_sync() == []
    assert desk.there()["name"] == "Ostrander Masonry"
    desk.edit_there(is_active=True)
    desk.office.sync()
    assert desk.office.holds("vendor_inactive") == []
    assert desk.there()["name"] == "Ostrander Stone"
    desk.office.assert_proven()
    desk.office.assert_rests()


# merged ---------------------------------------------------------------------------------------------------------------


def merged(desk: Desk, supplier: str = INSULATION) -> int:
    """Somebody in Procore merges a supplier's vendor into another one of the same number; that one's id."""
    there = desk.there(supplier)
    ein = there["business_register"]["identifier"]
    twin = desk.office.procore("add_vendor", name=f"{there['name'].split()[0]} Group", ein=ein)["id"]
    desk.office.procore("merge_vendors", id=there["id"], into=twin)
    return int(twin)


def test_merged_vendor_is_asked_about_and_the_answer_carries_its_orders_on(desk: Desk) -> None:
    twin = merged(desk)
    assert desk.office.sent_by_sync() == []
    hold = desk.hold_on(INSULATION, "gone_there")
    assert list(hold["candidates"]) == [str(twin)]
    assert "Perhaps it was merged into Boreal Group" in hold["sentence"]
    desk.answer(hold["id"], "link")
    assert desk.office.holds("gone_there") == []
    assert desk.there(INSULATION)["id"] == twin
    add_line(desk.office, INSULATED)
    new = order_for(desk.office, INSULATION)
    desk.office.sync()
    papers = {where[1]: row for where, _, row in desk.office.proof.papers()}
    assert {papers[number]["vendor"]["id"] for number in (INSULATED, new)} == {twin}
    desk.office.assert_proven()
    desk.office.assert_rests()


def test_vendor_that_is_gone_is_left_alone_or_matched_anew_as_a_person_says(desk: Desk) -> None:
    twin = merged(desk)
    merged(desk, PANELS)
    desk.office.sync()
    desk.answer(desk.hold_on(PANELS, "gone_there")["id"], "ignore")
    desk.answer(desk.hold_on(INSULATION, "gone_there")["id"], "new")
    assert desk.office.holds("gone_there") == []
    desk.office.assert_rests()
    new = order_for(desk.office, INSULATION)
    desk.office.sync()
    assert desk.office.holds("gone_there") == []
    assert next(row for where, _, row in desk.office.proof.papers() if where[1] == new)["vendor"]["id"] == twin
    assert {row["origin_code"] for row in desk.procore.directory().values()} & {INSULATION, PANELS} == {INSULATION}


# born in Procore ------------------------------------------------------------------------------------------------------


def billed_there(office: Office, vendor: str = BORN_THERE, **known: Any) -> None:
    """A site office makes a vendor, types a contract for it, and approves the vendor's first invoice."""
    office.policy(subcontractor_invoices=REQUISITIONER)
    place = {"city": "Peoria", "state_code": "IL", "country_code": "US"}
    office.procore("add_vendor", name=vendor, address="8 Rebar Row", zip="61602", **place, **known)
    line = {"code": "05-120", "type": "M", "description": "Rebar cages", "quantity": "10", "unit_cost": "250.00"}
    order = {"order_number": "SITE-7", "title": "Rebar, typed by the site office", "status": "Approved"}
    office.procore("type_order", number="1202", vendor=vendor, lines=[line], **order)
    office.procore("open_billing_period", number="1202", start="2026-12-01", end="2026-12-31")
    made = office.procore("add_requisition", order_number="SITE-7", invoice_number="HR-1", share="0.4")
    office.procore("approve_requisition", id=made["id"])


@pytest.fixture
def asked(desk: Desk) -> Desk:
    """A vendor born in Procore has been asked about."""
    billed_there(desk.office, ein="987654321", email_address="ap@heron.example", business_phone="309-555-0150")
    assert desk.office.sent_by_sync() == []
    return desk


def proposal(desk: Desk) -> dict[str, Any]:
    """The open question about the vendor."""
    return desk.office.hold("vendor_proposal")


def test_vendor_born_in_procore_is_asked_about_and_becomes_a_supplier_blocked_until_ifs_releases_it(
    asked: Desk,
) -> None:
    hold = proposal(asked)
    assert (hold["kind"], hold["erp_id"]) == ("vendor_there", str(asked.procore.directory()[BORN_THERE]["id"]))
    assert BORN_THERE in hold["sentence"]
    assert "SITE-7" in asked.office.hold("vendor_not_linked")["sentence"]
    assert (asked.ifs.named(BORN_THERE), asked.ifs.requisitions()) == ([], {})
    asked.answer(hold["id"], "new")
    (number,) = asked.ifs.named(BORN_THERE)
    made = asked.ifs.supplier(number)
    place = made["address"]
    assert (place["Address1"], place["City"], place["State"], place["ZipCode"]) == (
        "8 Rebar Row",
        "Peoria",
        "IL",
        "61602",
    )
    assert (made["email"], made["phone"]) == ("ap@heron.example", "309-555-0150")
    assert made["AssociationNo"] is None, "its people look tax numbers up themselves"
    assert [row["CurrencyCode"] for row in made["purchases"]] == ["USD"]
    assert [(row["Company"], row["DefCurrency"]) for row in made["invoices"]] == [("10", "USD")]
    assert [(row["Company"], row["BlockedForPayment"]) for row in made["payments"]] == [("10", True)]
    assert asked.office.holds("vendor_proposal") == []
    asked.office.sync()
    assert {hold["reason"] for hold in asked.office.holds() if hold["erp_id"] != UNKNOWN_CODE} == {"vendor_unapproved"}
    assert asked.ifs.requisitions() == {}
    asked.office.assert_rests()
    asked.office.ifs("block_supplier", supplier_id=number, blocked=False)
    asked.office.sync()
    (requisition,) = asked.ifs.requisitions().values()
    assert {line["VendorNo"] for line in requisition["lines"]} == {number}
    assert asked.office.holds("vendor_unapproved") == []
    assert asked.office.hold("order_missing")["owner"] == "buyer"
    assert len(asked.ifs.named(BORN_THERE)) == 1
    asked.office.assert_rests()


def test_vendor_born_in_procore_is_linked_to_the_supplier_a_person_names(asked: Desk) -> None:
    before = len(asked.ifs.suppliers())
    number = proposal(asked)["id"]
    with pytest.raises(BadInput, match="Say what it is linked to"):
        asked.office.app.rule("demo", number, "link")
    asked.answer(number, "link", "S9999")
    assert "S9999, which IFS does not have" in proposal(asked)["sentence"]
    asked.answer(proposal(asked)["id"], "link", HAULING)
    asked.office.sync()
    assert len(asked.ifs.suppliers()) == before
    (requisition,) = asked.ifs.requisitions().values()
    assert {line["VendorNo"] for line in requisition["lines"]} == {HAULING}
    assert asked.office.holds("vendor_proposal") == []
    asked.office.assert_rests()
    vendor = asked.procore.directory()[BORN_THERE]["id"]
    new = order_for(asked.office, HAULING)
    asked.office.sync()
    contract = next(row for where, _, row in asked.office.proof.papers() if where[1] == new)
    assert contract["vendor"]["id"] == vendor


def test_vendor_born_in_procore_stays_out_when_a_person_says_so(asked: Desk) -> None:
    asked.answer(proposal(asked)["id"], "ignore")
    assert asked.office.holds("vendor_proposal") == []
    assert asked.office.hold("vendor_not_linked")
    asked.office.assert_rests()
    assert asked.office.holds("vendor_proposal") == []
    assert asked.ifs.named(BORN_THERE) == []


def test_vendor_with_a_suppliers_number_is_that_supplier_without_asking(desk: Desk) -> None:
    number = desk.ifs.suppliers()[HAULING]["AssociationNo"]
    billed_there(desk.office, "Waste Away", ein=number.replace("-", ""))
    desk.office.sync()
    assert desk.office.holds("vendor_proposal") == []
    (requisition,) = desk.ifs.requisitions().values()
    assert {line["VendorNo"] for line in requisition["lines"]} == {HAULING}
    assert desk.procore.directory()["Waste Away"]["address"] == "8 Rebar Row", "each keeps what it had"
    desk.office.assert_rests()
    assert desk.procore.directory()["Waste Away"]["address"] == "8 Rebar Row"


def test_vendor_like_a_supplier_is_asked_about_with_that_candidate(desk: Desk) -> None:
    billed_there(desk.office, "Waste Away Haulage, Inc.")
    desk.office.sync()
    hold = desk.office.hold("vendor_match")
    assert (hold["kind"], list(hold["candidates"])) == ("vendor_there", [HAULING])
    desk.answer(hold["id"], "link")
    assert desk.office.holds("vendor_match") == []
    (requisition,) = desk.ifs.requisitions().values()
    assert {line["VendorNo"] for line in requisition["lines"]} == {HAULING}


def test_policy_never_makes_nobody_and_auto_asks_nobody(desk: Desk) -> None:
    desk.office.policy(vendors={"propose": "never"})
    billed_there(desk.office)
    assert desk.office.sent_by_sync() == []
    assert any("policy forbids proposing" in hold["sentence"] for hold in desk.office.holds("vendor_not_linked"))
    desk.office.policy(vendors={"propose": "auto"})
    desk.office.sync()
    (number,) = desk.ifs.named(BORN_THERE)
    vendors = len(desk.procore.directory())
    new = order_for(desk.office, number, ORDER)
    desk.office.sync()
    contract = next(row for where, _, row in desk.office.proof.papers() if where[1] == new)
    assert contract["vendor"]["company"] == BORN_THERE
    assert len(desk.procore.directory()) == vendors
    desk.office.assert_rests()


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before"])
def test_lost_answer_to_a_proposal_makes_no_second_supplier(desk: Desk, kind: str) -> None:
    desk.office.policy(vendors={"propose": "auto"})
    billed_there(desk.office)
    before = len(desk.ifs.suppliers())
    desk.office.box.faults.add(FaultRule(kind, side="ifs", path="batch", nth=1, times=1))
    desk.office.sync()
    assert desk.office.box.faults.injected[kind] == 1
    desk.office.sync()
    desk.office.sync()
    (number,) = desk.ifs.named(BORN_THERE)
    assert len(desk.ifs.suppliers()) == before + 1
    made = desk.ifs.supplier(number)
    assert [row["BlockedForPayment"] for row in made["payments"]] == [True]
    assert made["address"]["City"] == "Peoria"
    desk.office.assert_rests()
