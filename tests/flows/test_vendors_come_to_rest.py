"""Whatever people do to a vendor on both sides, the two systems come to rest, and each field is its owner's word."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.flows.vendors import Wanted, decide
from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping import DEFAULT, Mapper
from ml_connector.planning.matching import VendorIndex
from ml_connector.planning.plan import Decision, Intent, Verb, unpack
from ml_connector.planning.policy import policies_from
from ml_connector.planning.situation import Linked, Ruling, Situation, mark_of
from ml_connector.planning.vendor_sides import COMPARED, alike
from ml_connector.records.vendor import Vendor
from planning.scene import TODAY

MOST_LOOKS = 6
"""Looks after which the two sides must have come to rest, whatever was done to them."""


class Firms:
    """Suppliers in IFS and vendors in Procore; applies intents as the engine and the two systems would."""

    def __init__(self, **policy: Any) -> None:
        self.policies = policies_from({"vendors": policy})
        self.ours: dict[str, Vendor] = {}
        self.theirs: dict[str, Vendor] = {}
        self.links: dict[Key, Linked] = {}
        self.rulings: dict[Any, Ruling] = {}
        self.at_rest: dict[str, Vendor] = {}
        self.clock = 0
        self.answer = "erp"

    def look(self) -> Decision:
        """One decision as things stand; suppliers at rest that did not change are not read."""
        still = {one for one, row in self.at_rest.items() if self.ours.get(one) == row}
        now = Situation("10", TODAY, self.policies, Mapper(DEFAULT), dict(self.links), dict(self.rulings))
        read = {one: row for one, row in self.ours.items() if one not in still}
        wanted = Wanted(frozenset(self.ours), frozenset(), frozenset(still))
        return decide(now, wanted, read, VendorIndex(self.theirs.values()), {})

    def sync(self) -> Decision:
        """Decides, applies in the engine's order, and has a person answer every question."""
        decision = self.look()
        held = {hold.key.id for hold in decision.holds}
        written = {intent.target for intent in decision.intents if intent.key.kind == "supplier"}
        self.at_rest = {one: row for one, row in self.ours.items() if one not in held | written}
        stages = [("vendor", verb) for verb in (Verb.LINK, Verb.ADOPT, Verb.CREATE, Verb.UPDATE)]
        for stage in [*stages, ("supplier", Verb.UPDATE)]:
            for intent in decision.intents:
                if (intent.key.kind, intent.verb) == stage:
                    self._apply(intent)
        for hold in decision.holds:
            self.rulings[(hold.key, hold.reason)] = Ruling(self.answer, mark_of(hold.evidence))
        return decision

    def _apply(self, intent: Intent) -> None:
        body = unpack("vendor", intent.body)
        assert isinstance(body, Vendor)
        assert body.there == (), "what was agreed of the other side is never sent"
        if intent.key.kind == "supplier":
            self.ours[intent.target] = msgspec.structs.replace(body, id=intent.target)
            self.links[intent.key] = Linked(intent.target, intent.base)
            self.links[Key("vendor", intent.target)] = Linked(intent.key.id, intent.base)
            return
        target, stamp = intent.target or f"v{len(self.theirs) + 1}", ""
        if intent.verb is not Verb.LINK:
            if intent.verb is not Verb.ADOPT:
                self.theirs[target] = msgspec.structs.replace(body, id=target)
            stamp = self._touch(target)
        self.links[intent.key] = Linked(target, intent.base, stamp)

    def edit_ours(self, supplier: str, **changes: Any) -> None:
        """Somebody in IFS changes a supplier."""
        self.ours[supplier] = msgspec.structs.replace(self.ours[supplier], **changes)

    def edit_theirs(self, vendor: str, **changes: Any) -> None:
        """Somebody in Procore changes a vendor."""
        self.theirs[vendor] = msgspec.structs.replace(self.theirs[vendor], **changes)
        self._touch(vendor)

    def _touch(self, vendor: str) -> str:
        self.clock += 1
        self.theirs[vendor] = msgspec.structs.replace(self.theirs[vendor], stamp=str(self.clock))
        return str(self.clock)

    def rest(self) -> None:
        """Syncs until nothing is planned and nothing is asked."""
        for _ in range(MOST_LOOKS):
            decision = self.sync()
            if not decision.intents and not decision.holds:
                return
        raise AssertionError(f"no rest after {MOST_LOOKS} looks: {decision}")


words = st.sampled_from(("", "Alpha", "Beta Works", "Gamma", "Delta  Works", "Delta Works"))
texts = st.one_of(st.none(), words)
edits = st.lists(
    st.tuples(
        st.sampled_from(("ours", "theirs", "look")),
        st.sampled_from(COMPARED),
        st.sampled_from(("Alpha", "Beta Works", "Gamma", "Delta  Works", "Delta Works", "", None)),
    ),
    max_size=12,
)


def done(firms: Firms, acts: list[tuple[str, str, str | None]]) -> None:
    """People do these things one after the other; some looks fall in between."""
    for act, field, value in acts:
        if act == "look":
            firms.sync()
        elif value or field != "name":
            (firms.edit_ours if act == "ours" else firms.edit_theirs)("S1" if act == "ours" else "v1", **{field: value})


@settings(max_examples=200, deadline=None)
@given(
    acts=edits,
    owned=st.sets(st.sampled_from(COMPARED)),
    drift=st.sampled_from(("hold", "restore")),
    answer=st.sampled_from(("erp", "projects")),
)
def test_edits_on_both_sides_come_to_rest(
    acts: list[tuple[str, str, str | None]], owned: set[str], drift: str, answer: str
) -> None:
    firms = Firms(theirs=sorted(owned), drift=drift)
    firms.answer = answer
    firms.ours["S1"] = Vendor("S1", "First Firm", "12-3456789", "US", city="Dallas", phone="555 0100")
    firms.rest()
    done(firms, acts)
    firms.rest()
    assert len(firms.theirs) == 1, "nobody was made twice"
    for field in COMPARED:
        same = alike(field, getattr(firms.ours["S1"], field), getattr(firms.theirs["v1"], field))
        may_differ = answer == "projects" and field not in owned
        assert same or may_differ, f"{field}: {firms.ours['S1']} {firms.theirs['v1']}"


@settings(max_examples=100, deadline=None)
@given(acts=edits, city=texts, phone=texts, owned=st.sets(st.sampled_from(COMPARED)))
def test_a_pair_that_never_agreed_comes_to_rest_as_well(
    acts: list[tuple[str, str, str | None]], city: str | None, phone: str | None, owned: set[str]
) -> None:
    firms = Firms(theirs=sorted(owned))
    firms.ours["S1"] = Vendor("S1", "First Firm", "12-3456789", "US", city="Dallas", phone="555 0100")
    firms.theirs["v1"] = Vendor("v1", "First Firm of Texas", "123456789", "US", city=city, phone=phone, stamp="0")
    firms.rest()
    done(firms, acts)
    firms.rest()
    for field in owned:
        there = getattr(firms.theirs["v1"], field)
        assert not there or alike(field, getattr(firms.ours["S1"], field), there), field


@pytest.mark.parametrize("owned", [(), COMPARED])
@given(acts=st.lists(st.tuples(st.just("theirs"), st.sampled_from(COMPARED), words), max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_owners_last_word_stands_without_a_question(
    owned: tuple[str, ...], acts: list[tuple[str, str, str | None]]
) -> None:
    firms = Firms(theirs=list(owned))
    firms.ours["S1"] = Vendor("S1", "First Firm", "12-3456789", "US", city="Dallas", phone="555 0100")
    firms.rest()
    before = dict(firms.theirs)
    turned = [("theirs" if owned else "ours", field, value) for _, field, value in acts]
    done(firms, turned)
    assert firms.look().holds == ()
    firms.rest()
    owner, other = (firms.theirs["v1"], firms.ours["S1"]) if owned else (firms.ours["S1"], firms.theirs["v1"])
    for field in COMPARED:
        assert alike(field, getattr(owner, field), getattr(other, field))
    assert before.keys() == firms.theirs.keys()
