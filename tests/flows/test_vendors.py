"""Suppliers find their Procore vendor, or get one, before their order goes; nothing is guessed."""

from __future__ import annotations

from typing import Any

import msgspec

from ml_connector.flows.vendors import Wanted, decide
from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping import DEFAULT, Mapper
from ml_connector.planning.matching import VendorIndex
from ml_connector.planning.plan import Decision, HoldReason, pack, unpack
from ml_connector.planning.policy import policies_from
from ml_connector.planning.situation import Linked, Ruling, Situation, mark_of
from ml_connector.records.vendor import Vendor
from planning.scene import TODAY

from .telling import page, told

HOLLIS = Vendor("S100", "Hollis & Webb Concrete, Inc.", "12-3456789", "US")
CRANE = Vendor("S200", "Northern Crane LLC", None, "US")
HWC = Vendor("77", "HWC Holdings", "123456789", "US")
CRANES = Vendor("78", "Northern Cranes", None, None)


def given(
    links: dict[str, Linked] | None = None, rulings: dict[Any, Ruling] | None = None, **vendors: Any
) -> Situation:
    """A situation with vendor links by supplier, and the vendor policies said."""
    return Situation(
        company="10",
        today=TODAY,
        policies=policies_from({"vendors": vendors}),
        mapper=Mapper(DEFAULT),
        links={
            Key("project", "1201"): Linked("5001"),
            **{Key("vendor", supplier): link for supplier, link in (links or {}).items()},
        },
        rulings=rulings or {},
    )


def run(now: Situation, ours: list[Vendor], theirs: list[Vendor], *members: tuple[str, str], **more: Any) -> Decision:
    """Decides some suppliers against a directory."""
    wanted = Wanted(
        frozenset(more.get("ids", [one.id for one in ours])), frozenset(members), more.get("settled", frozenset())
    )
    return decide(now, wanted, {one.id: one for one in ours}, VendorIndex(theirs), more.get("directories", {}))


def test_found_by_number_asked_by_likeness_made_when_new() -> None:
    mill = Vendor("S300", "Stillwater Mill", None, "US")
    assert told(run(given(), [HOLLIS, CRANE, mill], [HWC, CRANES])) == page("""
        adopt vendor:S100 -> 77: Same as HWC Holdings in Procore: tax number, country.
        create vendor:S300: No Procore vendor has this number or a name like it.
        HOLD vendor_match for ruling:vendor:S200 (project accountant): \\
        Is supplier Northern Crane LLC (S200) the Procore vendor Northern Cranes?
        """)


def test_a_person_says_which_or_that_it_is_new() -> None:
    key = (Key("vendor", "S200"), HoldReason.VENDOR_MATCH)
    assert told(run(given(rulings={key: Ruling("link", "78")}), [CRANE], [CRANES])) == page("""
        link vendor:S200 -> 78: Same as Northern Cranes in Procore: a person said so. \\
        Another integration's origin_id stays as it is.
        """)
    assert told(run(given(rulings={key: Ruling("new")}), [CRANE], [CRANES])) == page("""
        create vendor:S200: A person said it is a new vendor.
        """)


def test_two_suppliers_of_one_vendor_are_asked_about() -> None:
    branch = msgspec.structs.replace(HOLLIS, id="S101")
    decision = run(given(), [HOLLIS, branch], [HWC])
    (hold,) = decision.holds
    assert hold.reason is HoldReason.VENDOR_SHARED
    assert "already stands for supplier S100" in hold.sentence
    both = {(Key("vendor", "S101"), HoldReason.VENDOR_SHARED): Ruling("link", "77")}
    after = run(given(rulings=both), [HOLLIS, branch], [HWC])
    assert [(i.verb.value, i.key.id, i.target) for i in after.intents] == [
        ("adopt", "S100", "77"),
        ("link", "S101", "77"),
    ]
    assert after.holds == ()


def test_another_integrations_mark_is_left_alone() -> None:
    theirs = msgspec.structs.replace(HWC, origin="OTHER-9")
    (intent,) = run(given(), [HOLLIS], [theirs]).intents
    assert intent.verb.value == "link"
    assert "Another integration's origin_id stays as it is." in intent.reason
    ours = msgspec.structs.replace(HWC, origin="10/vendor/S100")
    (again,) = run(given(), [HOLLIS], [ours]).intents
    assert (again.verb.value, again.reason) == ("link", "Same as HWC Holdings in Procore: our once-key is on it.")


def test_policy_may_forbid_making_vendors_and_a_vendor_made_by_hand_releases() -> None:
    now = given(create="never")
    assert told(run(now, [CRANE], [])) == page("""
        HOLD vendor_not_linked for vendor:S200 (project accountant): \\
        Northern Crane LLC (S200) is not in Procore, and policy forbids creating it there.
        """)
    assert run(now, [CRANE], [Vendor("90", "Northern Crane", None, None)]).intents


def test_suppliers_that_cannot_be_used() -> None:
    unbought = msgspec.structs.replace(CRANE, purchasable=False)
    assert told(run(given(), [unbought], [], ids=["S200", "S404"])) == page("""
        HOLD vendor_unusable for vendor:S200 (buyer): \\
        Supplier S200 cannot be used: IFS holds no purchase data for it, so no order may name it.
        HOLD vendor_unusable for vendor:S404 (buyer): \\
        Supplier S404 cannot be used: it was removed, or our service user may not see it.
        """)
    assert run(given(), [CRANE], []).intents


def linked(base: Vendor = HOLLIS) -> dict[str, Linked]:
    """Supplier S100 is vendor 77, as last agreed."""
    return {"S100": Linked("77", pack(base))}


def test_a_linked_supplier_is_updated_only_when_ifs_changed() -> None:
    assert told(run(given(linked()), [HOLLIS], [HWC])) == "unchanged vendor:S100"
    moved = msgspec.structs.replace(HOLLIS, city="Dallas", zip_code="75201")
    assert told(run(given(linked()), [moved], [HWC])) == page("""
        update vendor:S100 -> 77: Changed in IFS: city, zip code.
        """)


def test_a_linked_vendor_nobody_sees_any_more() -> None:
    (hold,) = run(given(linked()), [HOLLIS], []).holds
    assert (hold.reason, hold.owner) == (HoldReason.GONE_THERE, "administrator")
    (same,) = run(given(linked()), [], [], ids=["S100"], settled=frozenset({"S100"})).holds
    assert same.reason is HoldReason.GONE_THERE
    settled = run(given(linked()), [], [HWC], ids=["S100"], settled=frozenset({"S100"}))
    assert told(settled) == "unchanged vendor:S100"


def test_renamed_on_both_sides_is_a_conflict_a_person_settles() -> None:
    agreed = linked(msgspec.structs.replace(HOLLIS, name="Hollis"))
    (hold,) = run(given(agreed), [HOLLIS], [HWC]).holds
    assert hold.reason is HoldReason.CONFLICT
    assert hold.evidence == "base Hollis; IFS Hollis & Webb Concrete, Inc.; Procore HWC Holdings"

    def said(answer: str, ours: Vendor = HOLLIS, theirs: Vendor = HWC) -> Decision:
        rulings = {(Key("vendor", "S100"), HoldReason.CONFLICT): Ruling(answer, mark_of(hold.evidence))}
        return run(given(agreed, rulings), [ours], [theirs])

    assert told(said("erp")) == "update vendor:S100 -> 77: Changed in IFS: name."
    assert told(said("projects")) == "SKIP A person kept Procore's HWC Holdings as it is."
    moved = said("projects", msgspec.structs.replace(HOLLIS, city="Dallas"))
    assert told(moved) == page("""
        update vendor:S100 -> 77: Changed in IFS: city.
        SKIP A person kept Procore's HWC Holdings as it is.
        """)
    sent, kept = (unpack("vendor", data) for data in (moved.intents[0].body, moved.intents[0].base))
    assert (getattr(sent, "name", ""), getattr(kept, "name", "")) == ("HWC Holdings", "Hollis")
    again = said("projects", msgspec.structs.replace(HOLLIS, name="Hollis & Daughters"))
    assert [one.reason for one in again.holds] == [HoldReason.CONFLICT], "another name is another question"


def test_a_vendor_joins_the_directory_of_each_project_once() -> None:
    at = ("S100", "1201")
    assert told(run(given(linked()), [HOLLIS], [HWC], at)) == page("""
        create project_vendor:S100@1201: Supplier S100 has orders on project 1201.
        unchanged vendor:S100
        """)
    (known, *_) = run(given(linked()), [HOLLIS], [HWC], at, directories={"1201": {"77"}}).intents
    assert (known.verb.value, known.target) == ("link", "77")
    assert [i.key.kind for i in run(given(), [CRANE], [], ("S200", "1201")).intents] == ["vendor", "project_vendor"]
    held = run(given(create="never"), [CRANE], [], ("S200", "1201"))
    assert held.intents == (), "a vendor that waits joins nothing"
    elsewhere = run(given(linked()), [HOLLIS], [HWC], ("S100", "1299"))
    assert elsewhere.intents == (), "nor does one in a project without partner"
