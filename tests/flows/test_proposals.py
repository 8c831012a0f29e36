"""A vendor born in Procore: found among IFS's suppliers, or proposed there, and never without a person's word."""

from __future__ import annotations

from typing import Any

import msgspec

from ml_connector.flows.proposals import decide
from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping import DEFAULT, Mapper
from ml_connector.planning.plan import Decision, HoldReason, pack, unpack
from ml_connector.planning.policy import policies_from
from ml_connector.planning.situation import Linked, Ruling, Situation
from ml_connector.planning.vendor_sides import Difference, Sides
from ml_connector.records.vendor import Vendor
from planning.scene import TODAY

from .telling import page, told

PIT = Vendor("91", "Red Pit Gravel", "98-7654321", "US", "2 Pit Road", "Waco", "TX", "76701", "ap@pit.example", "555 1")
HOLLIS = Vendor("S100", "Hollis & Webb Concrete, Inc.", "12-3456789", "US")
HWC = Vendor("92", "HWC Holdings", "123456789", "US")


def given(
    links: dict[Key, Linked] | None = None, rulings: dict[tuple[str, HoldReason], Ruling] | None = None, **vendors: Any
) -> Situation:
    """Nothing linked but what is said; rulings by Procore vendor id."""
    return Situation(
        company="10",
        today=TODAY,
        policies=policies_from({"vendors": vendors}),
        mapper=Mapper(DEFAULT),
        links=links or {},
        rulings={(Key("vendor_there", id_), reason): ruling for (id_, reason), ruling in (rulings or {}).items()},
    )


def run(now: Situation, theirs: list[Vendor], ours: list[Vendor] | None = None) -> Decision:
    """Decides these vendors: documents need all of them."""
    return decide(now, [one.id for one in theirs], {one.id: one for one in theirs}, ours or [])


def body(data: bytes) -> Vendor:
    """The vendor an intent carries, or agrees on."""
    found = unpack("supplier", data)
    assert isinstance(found, Vendor)
    return found


def test_one_that_ifs_has_is_linked_by_number_and_one_that_is_like_another_is_asked_about() -> None:
    near = Vendor("93", "Hollis and Webb Concrete", None, "AU")
    assert told(run(given(), [HWC, near], [HOLLIS])) == page("""
        link vendor:S100 -> 92: Procore vendor HWC Holdings (92) is supplier S100 in IFS: tax number, country.
        HOLD vendor_match for ruling:vendor_there:93 (project accountant): \\
        Is Procore vendor Hollis and Webb Concrete (93) the supplier Hollis & Webb Concrete, Inc. (S100)?
        """)
    (hold,) = run(given(), [near], [HOLLIS]).holds
    assert (hold.key, hold.candidates) == (Key("vendor_there", "93"), ("S100",))
    (link,) = run(given(rulings={("93", HoldReason.VENDOR_MATCH): Ruling("link", "S100")}), [near], [HOLLIS]).intents
    assert (link.key, link.target, link.once_key) == (Key("vendor", "S100"), "93", "10/vendor/S100")
    other = run(given(rulings={("93", HoldReason.VENDOR_MATCH): Ruling("new")}), [near], [HOLLIS])
    assert told(other).startswith("create supplier:93: Procore vendor Hollis and Webb Concrete (93) is proposed")


def test_nobody_like_it_becomes_a_proposal_once_a_person_allows_it() -> None:
    (hold,) = run(given(), [PIT], [HOLLIS]).holds
    assert (hold.reason, hold.key) == (HoldReason.VENDOR_PROPOSAL, Key("vendor_there", "91"))
    assert hold.sentence == (
        "Procore vendor Red Pit Gravel (91) is no supplier in IFS, and a document on its way there names it. Answer "
        "`new` to propose it (blocked for payment until IFS's people release it), `link` with a supplier's id, or "
        "`ignore`."
    )

    def said(answer: str, target: str = "") -> Decision:
        return run(given(rulings={("91", HoldReason.VENDOR_PROPOSAL): Ruling(answer, target)}), [PIT], [HOLLIS])

    (intent,) = said("new").intents
    assert (intent.key, intent.once_key, intent.verb.value) == (Key("supplier", "91"), "10/vendor/91", "create")
    assert (intent.target, intent.counts_as, intent.source) == ("", "created", "91")
    sent = body(intent.body)
    as_there = msgspec.structs.replace(PIT, id="", tax_number=None, blocked=True)
    assert sent == as_there, "as Procore has it but for its tax number, which IFS's people look up; blocked for payment"
    assert told(said("link", "S100")) == page("""
        link vendor:S100 -> 91: Procore vendor Red Pit Gravel (91) is supplier S100 in IFS: a person said so.
        """)
    assert told(said("ignore")) == "SKIP A person said that Procore vendor Red Pit Gravel (91) stays out of IFS."
    assert [one.reason for one in said("link", "S404").holds] == [HoldReason.VENDOR_PROPOSAL], "IFS has no S404"


def test_policy_may_propose_at_once_or_never() -> None:
    assert told(run(given(propose="auto"), [PIT])) == page("""
        create supplier:91: Procore vendor Red Pit Gravel (91) is proposed as a supplier: \\
        nobody in IFS has its number or a name like it.
        """)
    assert told(run(given(propose="never"), [PIT])) == page("""
        HOLD vendor_not_linked for vendor_there:91 (project accountant): \\
        Procore vendor Red Pit Gravel (91) is no supplier in IFS, and policy forbids proposing it there.
        """)


def test_what_ifs_takes_of_a_proposal_is_no_change_that_would_come_back() -> None:
    (intent,) = run(given(propose="auto"), [PIT]).intents
    base = body(intent.base)
    for taken in (("address", "city", "zip_code", "email", "phone"), ("city",), ()):
        whole = msgspec.structs.replace(PIT, id="S900", tax_number=None, stamp="")
        made = msgspec.structs.replace(
            whole, **{name: None for name in ("address", "city", "zip_code", "email", "phone") if name not in taken}
        )
        sides = Sides(made, PIT, base, frozenset(), touched=True)
        assert sides.difference() == Difference(), f"IFS took {taken}: nothing is emptied in Procore for it"


def test_what_is_linked_or_proposed_already_is_not_proposed_again() -> None:
    linked = {Key("vendor", "S900"): Linked("91")}
    assert run(given(linked, propose="auto"), [PIT]) == Decision()
    proposed = {Key("supplier", "91"): Linked("S900", pack(PIT))}
    assert told(run(given(proposed, propose="auto"), [PIT])) == page("""
        link vendor:S900 -> 91: Procore vendor Red Pit Gravel (91) is supplier S900 in IFS: \\
        it was proposed from this vendor.
        """)
    twice = msgspec.structs.replace(PIT, id="94")
    both = {**proposed, Key("vendor", "S900"): Linked("91")}
    (hold,) = run(given(both, propose="auto"), [twice]).holds
    assert hold.reason is HoldReason.VENDOR_SHARED
    assert "already stands for Procore vendor 91" in hold.sentence
    found_again = msgspec.structs.replace(PIT, id="S900", name="Anything", tax_number=None, origin="10/vendor/91")
    assert told(run(given(propose="auto"), [PIT], [found_again])).startswith("link vendor:S900 -> 91"), (
        "its answer was lost"
    )


def test_one_firm_entered_twice_in_procore_is_proposed_once() -> None:
    twin = msgspec.structs.replace(PIT, id="95", tax_number=None)
    decision = run(given(propose="auto"), [PIT, twin])
    assert [intent.key.id for intent in decision.intents] == ["91"]
    (hold,) = decision.holds
    assert (hold.key.id, hold.reason) == ("95", HoldReason.VENDOR_MATCH)
    assert "looks like Procore vendor Red Pit Gravel (91), which is being proposed" in hold.sentence
    other = given(rulings={("95", HoldReason.VENDOR_MATCH): Ruling("new")}, propose="auto")
    assert [intent.key.id for intent in run(other, [PIT, twin]).intents] == ["91", "95"]


def test_a_supplier_made_by_hand_meanwhile_is_linked_although_a_proposal_was_allowed() -> None:
    by_hand = msgspec.structs.replace(PIT, id="S901")
    allowed = given(rulings={("91", HoldReason.VENDOR_PROPOSAL): Ruling("new")})
    assert told(run(allowed, [PIT], [by_hand])).startswith("link vendor:S901 -> 91")


def test_one_that_is_inactive_or_not_to_be_seen_is_held() -> None:
    asleep = msgspec.structs.replace(PIT, active=False)
    (hold,) = run(given(propose="auto"), [asleep]).holds
    assert (hold.reason, hold.waits_for) == (HoldReason.VENDOR_INACTIVE, Key("vendor_there", "91"))
    assert run(given(), [msgspec.structs.replace(HWC, active=False)], [HOLLIS]).intents, "IFS has it: it may be linked"
    (unseen,) = decide(given(propose="auto"), {"91"}, {}).holds
    assert (unseen.reason, unseen.key) == (HoldReason.VENDOR_NOT_LINKED, Key("vendor_there", "91"))
