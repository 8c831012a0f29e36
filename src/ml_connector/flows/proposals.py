"""Vendors born in Procore: found among IFS's suppliers, or proposed there, before a document of theirs can cross."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.planning.matching import Match, VendorIndex, Verdict
from ml_connector.planning.names import normal_name, normal_number
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, Verb, unpack
from ml_connector.planning.situation import Ruling, Situation
from ml_connector.planning.vendor_holds import ACCOUNTANT, FLOW
from ml_connector.planning.vendor_intents import vendor_intent
from ml_connector.planning.vendor_sides import linked_as
from ml_connector.records.vendor import Vendor

LATER = ("address", "city", "zip_code", "email", "phone")
"""Fields whose values are Procore's until IFS shows what it took of them: they are no change in IFS before that."""


def decide(
    situation: Situation, needed: Collection[str], theirs: Mapping[str, Vendor], ours: Sequence[Vendor] = ()
) -> Decision:
    """Decides the Procore vendors (`needed`, by id) that documents on their way to IFS name and no supplier stands for.

    `theirs` are these vendors by id, `ours` IFS's suppliers as far as they are known; with none every vendor is new.
    """
    work = _Proposals(situation, theirs, ours)
    for vendor in sorted(set(needed) - situation.by_target("vendor").keys()):
        work.decide(vendor)
    return Decision(tuple(work.intents), tuple(work.holds), tuple(work.skips))


class _Proposals:
    """The proposals of one plan: remembers which suppliers are spoken for, and which firms are being proposed."""

    def __init__(self, situation: Situation, theirs: Mapping[str, Vendor], ours: Sequence[Vendor]) -> None:
        self.situation = situation
        self.theirs = theirs
        self.suppliers = VendorIndex(_with_proposed(situation, ours))
        self.complete = bool(ours)
        self.intents: list[Intent] = []
        self.holds: list[Hold] = []
        self.skips: list[Skip] = []
        self.taken = {key.id: linked.target for key, linked in situation.links.items() if key.kind == "vendor"}
        self.proposed: dict[str, Vendor] = {}

    def decide(self, vendor: str) -> None:
        """One vendor: linked to what was proposed, matched, asked about, proposed, or held."""
        theirs = self.theirs.get(vendor)
        if theirs is None:
            why = "cannot be seen in Procore's directory: removed, or the Directory permission was lost"
            self._hold(_named(vendor), HoldReason.VENDOR_NOT_LINKED, f"Vendor {vendor} {why}.")
            return
        made = self.situation.target(Key("supplier", vendor))
        if made:
            self._link(theirs, made, "it was proposed from this vendor")
            return
        match = self._ruling(vendor, HoldReason.VENDOR_MATCH) or self._ruling(vendor, HoldReason.VENDOR_SHARED)
        proposal = self._ruling(vendor, HoldReason.VENDOR_PROPOSAL)
        ruling = proposal or match
        if ruling and ruling.answer == "ignore":
            self.skips.append(Skip(_named(vendor), FLOW, f"A person said that {_called(theirs)} stays out of IFS."))
        elif ruling and ruling.answer == "link" and ruling.target:
            self._link(theirs, ruling.target, "a person said so")
        elif match and match.answer == "new":
            self._new(theirs, allowed=True)
        else:  # who allowed a proposal was shown nobody like it: one who appeared since is looked at all the same
            self._match(theirs, allowed=ruling is not None and ruling.answer == "new")

    def _ruling(self, vendor: str, reason: HoldReason) -> Ruling | None:
        return self.situation.ruled(_named(vendor), reason)

    def _match(self, theirs: Vendor, *, allowed: bool) -> None:
        policy = self.situation.policies.vendors
        origin = once_key(self.situation.company, "vendor", theirs.id)
        found = self.suppliers.find(theirs, origin, near=policy.near, name_links=policy.name_match == "link")
        if found.verdict is Verdict.CERTAIN:
            best = found.candidates[0]
            self._link(theirs, best.id, ", ".join(best.agrees))
        elif found.verdict is Verdict.ASK:
            self.holds.append(_ask(theirs, found))
        else:
            self._new(theirs, allowed=allowed)

    def _new(self, theirs: Vendor, *, allowed: bool) -> None:
        """Nobody in IFS is like it: proposed there when policy or a person lets it."""
        policy = self.situation.policies.vendors.propose
        twin = self._twin(theirs)
        if policy == "never":
            why = "is no supplier in IFS, and policy forbids proposing it there"
            self._hold(_named(theirs.id), HoldReason.VENDOR_NOT_LINKED, f"{_called(theirs)} {why}.")
        elif not theirs.active:
            why = "is inactive in Procore and no supplier in IFS, but a document names it: it is not proposed"
            self._hold(_named(theirs.id), HoldReason.VENDOR_INACTIVE, f"{_called(theirs)} {why}.")
        elif twin is not None and not allowed:
            why = (
                f"looks like {_called(twin)}, which is being proposed to IFS. Merge the two, or say it is another firm"
            )
            self._hold(_named(theirs.id), HoldReason.VENDOR_MATCH, f"{_called(theirs)} {why}.", ruling=True)
        elif policy == "ask" and not allowed:
            why = (
                "is no supplier in IFS, and a document on its way there names it. Answer `new` to propose it (blocked "
                "for payment until IFS's people release it), `link` with a supplier's id, or `ignore`"
            )
            self._hold(_named(theirs.id), HoldReason.VENDOR_PROPOSAL, f"{_called(theirs)} {why}.", ruling=True)
        else:
            why = "a person allowed it" if allowed else "nobody in IFS has its number or a name like it"
            self._propose(theirs, f"{_called(theirs)} is proposed as a supplier: {why}.")

    def _twin(self, theirs: Vendor) -> Vendor | None:
        """The vendor this plan proposes already that has the same number or name."""
        return next((self.proposed[mark] for mark in _marks(theirs) if mark in self.proposed), None)

    def _propose(self, theirs: Vendor, reason: str) -> None:
        self.proposed |= dict.fromkeys(_marks(theirs), theirs)
        made = msgspec.structs.replace(theirs, id="", active=True, origin=None, blocked=True, stamp="", there=())
        body = msgspec.structs.replace(made, tax_number=None)  # tax ids flow only from IFS: its people look them up
        bare = msgspec.structs.replace(body, **dict.fromkeys(LATER))
        held_there = tuple((name, value) for name in LATER if (value := getattr(body, name)))
        key, base = Key("supplier", theirs.id), msgspec.structs.replace(bare, there=held_there)
        self._intend(Verb.CREATE, key, "", (body, base), reason)

    def _link(self, theirs: Vendor, supplier: str, why: str) -> None:
        """Links a supplier IFS has; one that stands for another vendor already cannot stand for two."""
        other = self.taken.get(supplier, theirs.id)
        if other != theirs.id:
            self.holds.append(_shared(theirs, supplier, other))
            return
        record = self.suppliers.by_id.get(supplier)
        if record is None and self.complete:
            sentence = (
                f"{_called(theirs)} was said to be supplier {supplier}, which IFS does not have. Say which it is."
            )
            self._hold(_named(theirs.id), HoldReason.VENDOR_PROPOSAL, sentence, ruling=True)
            return
        self.taken[supplier] = theirs.id
        ours = msgspec.structs.replace(record or theirs, id=supplier, stamp="", there=())
        proposed = self.situation.target(Key("supplier", theirs.id)) == supplier
        # the list of suppliers says too little of one that was not proposed to be what is agreed: the next look does
        agreed = linked_as(ours, theirs, frozenset(self.situation.policies.vendors.theirs)) if proposed else None
        reason = f"{_called(theirs)} is supplier {supplier} in IFS: {why}."
        self._intend(Verb.LINK, Key("vendor", supplier), theirs.id, (ours, agreed), reason)

    def _intend(self, verb: Verb, key: Key, target: str, records: tuple[Vendor, Vendor | None], reason: str) -> None:
        self.intents.append(vendor_intent(self.situation.company, verb, key, target, records, reason))

    def _hold(self, key: Key, reason: HoldReason, sentence: str, *, ruling: bool = False) -> None:
        waits_for = Key("ruling", str(key)) if ruling else key
        self.holds.append(Hold(key, FLOW, reason, waits_for, ACCOUNTANT, sentence))


def _named(vendor: str) -> Key:
    return Key("vendor_there", vendor)


def _called(vendor: Vendor) -> str:
    return f"Procore vendor {vendor.name} ({vendor.id})"


def _marks(vendor: Vendor) -> list[str]:
    """What two records of one firm have in common: its number, its normalised name."""
    number = normal_number(vendor.tax_number, vendor.country)
    return [mark for mark in (f"number {number}" if number else "", f"name {normal_name(vendor.name)}") if mark]


def _with_proposed(situation: Situation, ours: Sequence[Vendor]) -> Iterable[Vendor]:
    """IFS's suppliers, and those we proposed that are not among them yet: so nobody is proposed twice."""
    seen = {supplier.id for supplier in ours}
    yield from ours
    for key, linked in situation.links.items():
        if key.kind == "supplier" and linked.base and linked.target not in seen:
            base = unpack("supplier", linked.base)
            assert isinstance(base, Vendor)
            yield msgspec.structs.replace(base, id=linked.target)


def _ask(theirs: Vendor, found: Match) -> Hold:
    names = " or ".join(f"{candidate.name} ({candidate.id})" for candidate in found.candidates[:3])
    return Hold(
        key=_named(theirs.id),
        flow=FLOW,
        reason=HoldReason.VENDOR_MATCH,
        waits_for=Key("ruling", str(_named(theirs.id))),
        owner=ACCOUNTANT,
        sentence=f"Is {_called(theirs)} the supplier {names}?",
        candidates=tuple(candidate.id for candidate in found.candidates),
        evidence=found.evidence,
    )


def _shared(theirs: Vendor, supplier: str, other: str) -> Hold:
    return Hold(
        key=_named(theirs.id),
        flow=FLOW,
        reason=HoldReason.VENDOR_SHARED,
        waits_for=Key("ruling", str(_named(theirs.id))),
        owner=ACCOUNTANT,
        sentence=(
            f"{_called(theirs)} looks like supplier {supplier}, which already stands for Procore vendor {other}: it "
            "cannot stand for two. Merge the two vendors in Procore, or answer `new` if this is another firm."
        ),
        evidence=f"supplier {supplier} is linked to Procore vendor {other}",
    )
