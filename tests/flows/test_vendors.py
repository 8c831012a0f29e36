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
    said = "Same as HWC Holdings in Procore: mark of ml-connector, tax number, country."
    assert (again.verb.value, again.reason) == ("link", said)


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
    assert (hold.reason, hold.owner, hold.candidates) == (HoldReason.GONE_THERE, "administrator", ())
    (same,) = run(given(linked()), [], [], ids=["S100"], settled=frozenset({"S100"})).holds
    assert same.reason is HoldReason.GONE_THERE
    settled = run(given(linked()), [], [HWC], ids=["S100"], settled=frozenset({"S100"}))
    assert told(settled) == "unchanged vendor:S100"
    left = {(Key("vendor", "S100"), HoldReason.GONE_THERE): Ruling("ignore")}
    assert told(run(given(linked(), left), [HOLLIS], [])) == page("""
        SKIP A person said that Hollis & Webb Concrete, Inc. (S100) is left alone.
        """)


def test_a_vendor_merged_into_another_is_linked_anew_once_a_person_says_so() -> None:
    merged = Vendor("99", "Hollis and Webb Concrete", "12-3456789", "US")
    (hold,) = run(given(linked()), [HOLLIS], [merged, CRANES]).holds
    assert (hold.reason, hold.candidates) == (HoldReason.GONE_THERE, ("99",))
    assert hold.sentence.endswith("Perhaps it was merged into Hollis and Webb Concrete: answer `link` if so.")
    said = {(Key("vendor", "S100"), HoldReason.GONE_THERE): Ruling("link", "99")}
    joined = linked()
    now = given(joined, said)
    site = Key("project_vendor", "S100@1201")
    now = msgspec.structs.replace(now, links={**now.links, site: Linked("77")})
    decision = run(now, [HOLLIS], [merged, CRANES], ("S100", "1201"))
    assert told(decision) == page("""
        adopt vendor:S100 -> 99: Same as Hollis and Webb Concrete in Procore: a person said so.
        create project_vendor:S100@1201: Supplier S100 has orders on project 1201.
        """), "the vendor it was merged into is not in the project's directory yet"
    two = run(given(linked()), [HOLLIS], [merged, msgspec.structs.replace(merged, id="98")])
    assert two.holds[0].candidates == (), "of two that look alike none is proposed"


def test_renamed_on_both_sides_is_a_conflict_a_person_settles() -> None:
    agreed = linked(msgspec.structs.replace(HOLLIS, name="Hollis"))
    (hold,) = run(given(agreed), [HOLLIS], [HWC]).holds
    assert hold.reason is HoldReason.CONFLICT
    assert hold.evidence == "name: agreed Hollis; IFS Hollis & Webb Concrete, Inc.; Procore HWC Holdings"

    def said(answer: str, ours: Vendor = HOLLIS, links: dict[str, Linked] = agreed) -> Decision:
        rulings = {(Key("vendor", "S100"), HoldReason.CONFLICT): Ruling(answer, mark_of(hold.evidence))}
        return run(given(links, rulings), [ours], [HWC])

    assert told(said("erp")) == "update vendor:S100 -> 77: Changed in IFS: name."
    assert told(said("projects")) == "link vendor:S100 -> 77: A person kept Procore's name."
    moved = said("projects", msgspec.structs.replace(HOLLIS, city="Dallas"))
    assert told(moved) == "update vendor:S100 -> 77: Changed in IFS: city."
    sent, kept = (vendor_of(data) for data in (moved.intents[0].body, moved.intents[0].base))
    assert (sent.name, sent.city) == ("HWC Holdings", "Dallas"), "what a person let Procore keep is not written over"
    assert (kept.name, kept.there) == (HOLLIS.name, (("name", "HWC Holdings"),))
    after = {"S100": Linked("77", said("projects").intents[0].base)}
    assert told(said("projects", links=after)) == "unchanged vendor:S100"
    again = said("projects", msgspec.structs.replace(HOLLIS, name="Hollis & Daughters"), links=after)
    assert [one.reason for one in again.holds] == [HoldReason.CONFLICT], "another name is another question"


def vendor_of(data: bytes) -> Vendor:
    """The vendor an intent carries, or agrees on."""
    found = unpack("vendor", data)
    assert isinstance(found, Vendor)
    return found


SIDES = msgspec.structs.replace(HOLLIS, city="Dallas", phone="+1 (555) 0100", email="ap@hollis.example")
THERE = msgspec.structs.replace(SIDES, id="77", phone="+1 555 0100", email="AP@hollis.example ", stamp="2")
"""The same firm, as Procore's own forms show it after somebody opened and saved it there."""


def agreed_at(stamp: str, base: Vendor = SIDES) -> dict[str, Linked]:
    """Linked, with the stamp our own last write left."""
    return {"S100": Linked("77", pack(base), stamp)}


def edited(**changes: Any) -> Vendor:
    """Somebody edited the vendor in Procore."""
    return msgspec.structs.replace(THERE, **changes)


def test_another_spelling_of_the_same_is_no_news() -> None:
    assert told(run(given(agreed_at("1")), [SIDES], [THERE])) == "unchanged vendor:S100"
    bare = msgspec.structs.replace(SIDES, phone="")
    gone = edited(phone=None, email=SIDES.email)
    assert told(run(given(agreed_at("1", bare)), [bare], [gone])) == "unchanged vendor:S100"


def test_our_own_write_coming_back_is_no_news_however_procore_spells_it() -> None:
    theirs = edited(address="1 Main St.", stamp="1")
    assert told(run(given(agreed_at("1")), [SIDES], [theirs])) == "unchanged vendor:S100"
    assert run(given(agreed_at("0")), [SIDES], [theirs]).holds, "with another stamp it is somebody else's"
    moved = msgspec.structs.replace(SIDES, address="2 Main Street")
    assert told(run(given(agreed_at("1")), [moved], [theirs])) == "update vendor:S100 -> 77: Changed in IFS: address."


def test_a_difference_that_people_mended_in_procore_is_forgotten() -> None:
    own_phone = msgspec.structs.replace(SIDES, there=(("phone", "555 9999"),))
    links = {"S100": Linked("77", pack(own_phone), "1")}
    decision = run(given(links), [SIDES], [THERE])
    assert told(decision) == "link vendor:S100 -> 77: Both sides say the same by now."
    after = {"S100": Linked("77", decision.intents[0].base)}
    moved = msgspec.structs.replace(SIDES, phone="555 1111")
    assert told(run(given(after), [moved], [THERE])) == "update vendor:S100 -> 77: Changed in IFS: phone."
    assert told(run(given(links), [moved], [edited(phone="555 9999")])) == page("""
        update vendor:S100 -> 77: Changed in IFS: phone.
        """), "what Procore had of its own when both agreed is no change there"


def test_what_procore_had_when_it_was_linked_stays_agreed_until_it_is_written() -> None:
    numbered = msgspec.structs.replace(SIDES, tax_number="42-6433012")
    bare = edited(tax_number=None, phone="555 9999")
    linked = run(given({"S100": Linked("77")}), [numbered], [bare]).intents[0].base
    assert dict(unpack("vendor", linked).there) == {"phone": "555 9999", "tax_number": None}
    mended = edited(tax_number=None)
    again = run(given({"S100": Linked("77", linked)}), [numbered], [mended])
    assert told(again) == "link vendor:S100 -> 77: Both sides say the same by now."
    assert dict(unpack("vendor", again.intents[0].base).there) == {"tax_number": None}
    at_rest = given({"S100": Linked("77", again.intents[0].base)})
    assert told(run(at_rest, [numbered], [mended])) == "unchanged vendor:S100"
    moved = run(at_rest, [msgspec.structs.replace(numbered, city="Austin")], [mended]).intents[0]
    assert (moved.verb.value, unpack("vendor", moved.base).there) == ("update", ()), "the number goes with the rest"


def test_a_field_ifs_owns_changed_in_procore_is_asked_about_or_restored() -> None:
    theirs = edited(phone="555 9999", email=None)
    decision = run(given(agreed_at("1")), [SIDES], [theirs])
    assert told(decision) == page("""
        HOLD changed_there for ruling:vendor:S100 (project accountant): \\
        Procore's people changed the email, phone of Hollis & Webb Concrete, Inc. (S100), which IFS owns. \\
        Say which side stands.
        """)
    (hold,) = decision.holds
    assert hold.evidence == (
        "email: agreed ap@hollis.example; IFS ap@hollis.example; Procore nothing\n"
        "phone: agreed +1 (555) 0100; IFS +1 (555) 0100; Procore 555 9999"
    )
    looked_at_alone = run(given(agreed_at("1")), [], [theirs], ids=["S100"], settled=frozenset({"S100"}))
    assert told(looked_at_alone) == told(decision), "also while nobody touches the supplier in IFS"

    def said(answer: str) -> Decision:
        rulings = {(Key("vendor", "S100"), HoldReason.CHANGED_THERE): Ruling(answer, mark_of(hold.evidence))}
        return run(given(agreed_at("1"), rulings), [SIDES], [theirs])

    assert told(said("erp")) == "update vendor:S100 -> 77: Changed in IFS: email, phone."
    (kept,) = said("projects").intents
    assert (kept.verb.value, kept.reason, kept.counts_as) == ("link", "A person kept Procore's email, phone.", "")
    after = {"S100": Linked("77", kept.base, "")}
    assert told(run(given(after), [SIDES], [theirs])) == "unchanged vendor:S100"
    assert run(given(after), [SIDES], [msgspec.structs.replace(theirs, phone="1")]).holds, "another edit asks again"
    (restored,) = run(given(agreed_at("1"), drift="restore"), [SIDES], [theirs]).intents
    assert (restored.verb.value, vendor_of(restored.body).phone) == ("update", SIDES.phone)


def test_any_field_changed_on_both_sides_is_a_conflict() -> None:
    ours = msgspec.structs.replace(SIDES, phone="555 1111", city="Austin")
    (hold,) = run(given(agreed_at("1")), [ours], [edited(phone="555 9999")]).holds
    assert hold.reason is HoldReason.CONFLICT
    assert hold.sentence.startswith("Both sides changed the phone of Hollis & Webb Concrete, Inc. (S100).")
    by_chance = run(given(agreed_at("1")), [ours], [edited(phone="555-1111", city="Austin")])
    assert told(by_chance) == "link vendor:S100 -> 77: Both sides say the same by now."


def test_what_procore_owns_flows_to_ifs_and_is_never_written_back() -> None:
    now = given(agreed_at("1"), theirs=["phone", "email"])
    theirs = edited(phone="555 9999")
    (back,) = run(now, [SIDES], [theirs]).intents
    assert (back.key, back.target, back.verb.value) == (Key("supplier", "77"), "S100", "update")
    assert (back.once_key, back.source, back.counts_as) == ("10/vendor/77", "S100", "updated")
    assert back.reason == "Procore owns it and has another: phone."
    assert vendor_of(back.body) == msgspec.structs.replace(SIDES, phone="555 9999"), "only that field is changed"
    assert vendor_of(back.base).phone == "555 9999"
    alone = run(now, [], [theirs], ids=["S100"], settled=frozenset({"S100"}))
    assert told(alone) == told(run(now, [SIDES], [theirs]))
    both = run(now, [msgspec.structs.replace(SIDES, city="Austin")], [theirs])
    assert told(both) == page("""
        update vendor:S100 -> 77: Changed in IFS: city.
        update supplier:77 -> S100: Procore owns it and has another: phone.
        """)
    forth, again = both.intents
    assert (vendor_of(forth.body).phone, vendor_of(forth.base).phone) == ("555 9999", SIDES.phone)
    assert again.after == (forth.verb,), "IFS is written only once Procore has its part"
    assert (vendor_of(again.base).phone, vendor_of(again.base).city) == ("555 9999", "Austin")


def test_an_empty_field_in_procore_empties_ifs_only_where_somebody_emptied_it() -> None:
    never = run(given(), [SIDES], [msgspec.structs.replace(HWC, stamp="5")])
    base = never.intents[0].base
    owned = given({"S100": Linked("77", base, "5")}, theirs=["phone"])
    assert told(run(owned, [SIDES], [msgspec.structs.replace(HWC, stamp="6")])) == "unchanged vendor:S100"
    (emptied,) = run(given(agreed_at("1"), theirs=["phone"]), [SIDES], [edited(phone=None)]).intents
    assert vendor_of(emptied.body).phone is None


def test_ifs_changing_what_procore_owns_is_asked_about_or_restored() -> None:
    ours = msgspec.structs.replace(SIDES, phone="555 1111")
    (hold,) = run(given(agreed_at("1"), theirs=["phone"]), [ours], [THERE]).holds
    assert hold.reason is HoldReason.CONFLICT
    assert hold.sentence.startswith("IFS's people changed the phone of Hollis & Webb Concrete, Inc. (S100), which")
    rulings = {(Key("vendor", "S100"), HoldReason.CONFLICT): Ruling("erp", mark_of(hold.evidence))}
    assert told(run(given(agreed_at("1"), rulings, theirs=["phone"]), [ours], [THERE])) == page("""
        update vendor:S100 -> 77: Changed in IFS: phone.
        """)
    (back,) = run(given(agreed_at("1"), theirs=["phone"], drift="restore"), [ours], [THERE]).intents
    assert (back.key.kind, vendor_of(back.body).phone) == ("supplier", THERE.phone)


def test_two_suppliers_of_one_vendor_are_written_one_after_the_other() -> None:
    branch = msgspec.structs.replace(SIDES, id="S101")
    links = {**agreed_at("1"), "S101": Linked("77", pack(branch), "1")}
    now = given(links, theirs=["phone"])
    (one,) = run(now, [SIDES, branch], [edited(phone="555 9999")]).intents
    assert one.target == "S100"
    now = given({**links, "S100": Linked("77", one.base)}, theirs=["phone"])
    (other,) = run(now, [vendor_of(one.body), branch], [edited(phone="555 9999")]).intents
    assert (other.target, vendor_of(other.body).phone) == ("S101", "555 9999")


def test_inactive_in_procore_while_open_documents_name_it() -> None:
    asleep = edited(active=False, phone="1")
    wanted = Wanted(frozenset({"S100"}), frozenset(), in_use=frozenset({"S100"}))
    decision = decide(given(agreed_at("1")), wanted, {"S100": SIDES}, VendorIndex([asleep]), {})
    (hold,) = decision.holds
    assert (hold.reason, hold.waits_for, hold.owner) == (
        HoldReason.VENDOR_INACTIVE,
        Key("vendor", "S100"),
        "project accountant",
    )
    assert decision.intents == ()
    awake = decide(given(agreed_at("1")), wanted, {"S100": SIDES}, VendorIndex([THERE]), {})
    assert awake.holds == ()
    unused = run(given(agreed_at("1")), [SIDES], [edited(active=False)])
    assert told(unused) == "unchanged vendor:S100", "nobody needs it, so nobody is asked"


def test_a_supplier_that_expired_in_ifs_is_made_inactive_in_procore_once() -> None:
    ended = msgspec.structs.replace(SIDES, active=False)
    (intent,) = run(given(agreed_at("1")), [ended], [THERE]).intents
    assert told(run(given(agreed_at("1")), [ended], [THERE])) == "update vendor:S100 -> 77: Changed in IFS: active."
    assert vendor_of(intent.body).active is False
    after = {"S100": Linked("77", intent.base, "3")}
    assert told(run(given(after), [ended], [edited(active=False, stamp="3")])) == "unchanged vendor:S100"
    assert told(run(given(after), [ended], [edited(active=True, stamp="4")])) == "unchanged vendor:S100"
    renamed = msgspec.structs.replace(SIDES, city="Austin")
    (other,) = run(given(agreed_at("1")), [renamed], [edited(active=False)]).intents
    assert vendor_of(other.body).active is False, "what Procore's people made inactive is not woken by another change"
    (hold,) = run(given(), [ended], []).holds
    assert hold.reason is HoldReason.VENDOR_INACTIVE
    assert run(given(), [SIDES], []).intents


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
