"""Vendors: suppliers of open orders find their Procore vendor, or get one, before their order goes; both ways after."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.planning import vendor_holds
from ml_connector.planning.matching import Match, VendorIndex, Verdict
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, Verb, bad_row, pack, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.planning.vendor_holds import FLOW
from ml_connector.planning.vendor_intents import vendor_intent
from ml_connector.planning.vendor_sides import Difference, Sides, linked_as, named
from ml_connector.records.problem import Problem
from ml_connector.records.vendor import ProjectVendor, Vendor

NEVER_NEAR = 101
"""A likeness no name has: only number and name count where a linked vendor is looked for again."""


class Wanted(msgspec.Struct, frozen=True):
    """What this run needs of vendors: supplier ids, and which projects each must be known in."""

    suppliers: frozenset[str]
    memberships: frozenset[tuple[str, str]]
    """(supplier id, IFS project id)."""
    settled: frozenset[str] = frozenset()
    """Linked suppliers whose row in IFS is as it was: only their Procore side is looked at."""
    problems: tuple[Problem, ...] = ()
    """Rows of wanted suppliers that could not be used."""
    in_use: frozenset[str] = frozenset()
    """Suppliers that open documents name: a vendor of theirs that is inactive is a question."""


def decide(
    situation: Situation,
    wanted: Wanted,
    ours: Mapping[str, Vendor],
    index: VendorIndex,
    directories: Mapping[str, set[str]],
) -> Decision:
    """Decides every wanted supplier; `directories` maps an IFS project to the Procore vendor ids in its directory."""
    work = _Vendors(situation, index, wanted.in_use)
    spoilt = {problem.key.id: problem for problem in wanted.problems}
    for supplier in sorted(wanted.suppliers):
        record = ours.get(supplier)
        if record is None and supplier in wanted.settled:
            work.settled(supplier)
        elif record is None and supplier in spoilt:
            problem = spoilt[supplier]
            work.holds.append(bad_row(problem, problem.key, FLOW, "buyer"))
        elif record is None:
            work.holds.append(
                vendor_holds.unusable(
                    Key("vendor", supplier), supplier, "it was removed, or our service user may not see it"
                )
            )
        else:
            work.decide(record)
    for supplier, project in sorted(wanted.memberships):
        work.member(supplier, project, directories.get(project, set()))
    return Decision(tuple(work.intents), tuple(work.holds), tuple(work.skips), (), tuple(work.unchanged))


class _Vendors:
    """The vendors of one plan: remembers which Procore vendors are already spoken for."""

    def __init__(self, situation: Situation, index: VendorIndex, in_use: frozenset[str]) -> None:
        self.situation = situation
        self.index = index
        self.in_use = in_use
        self.owned_there = frozenset(situation.policies.vendors.theirs)
        self.intents: list[Intent] = []
        self.holds: list[Hold] = []
        self.skips: list[Skip] = []
        self.unchanged: list[Key] = []
        self.targets: dict[str, str] = {}
        self.made: set[str] = set()
        self.written_back: set[str] = set()
        self.taken = {linked.target: key.id for key, linked in situation.links.items() if key.kind == "vendor"}

    def decide(self, supplier: Vendor) -> None:
        """One supplier: linked already, or matched, or asked about, or created."""
        key = Key("vendor", supplier.id)
        linked = self.situation.links.get(key)
        if linked:
            self._linked(key, supplier, linked)
            return
        if not supplier.purchasable:
            self.holds.append(
                vendor_holds.unusable(key, supplier.id, "IFS holds no purchase data for it, so no order may name it")
            )
            return
        ruling = self.situation.ruled(key, HoldReason.VENDOR_MATCH) or self.situation.ruled(
            key, HoldReason.VENDOR_SHARED
        )
        if ruling and ruling.answer == "link" and ruling.target in self.index.by_id:
            self._adopt(key, supplier, self.index.by_id[ruling.target], "a person said so", shared=True)
            return
        if ruling and ruling.answer == "new":
            self._create(key, supplier, "A person said it is a new vendor.")
            return
        policy = self.situation.policies.vendors
        origin = once_key(self.situation.company, "vendor", supplier.id)
        found = self.index.find(supplier, origin, near=policy.near, name_links=policy.name_match == "link")
        if found.verdict is Verdict.NONE:
            self._new(key, supplier)
        elif found.verdict is Verdict.ASK:
            self.holds.append(vendor_holds.ask(key, supplier, found))
        else:
            best = found.candidates[0]
            self._adopt(key, supplier, self.index.by_id[best.id], ", ".join(best.agrees))

    def settled(self, supplier: str) -> None:
        """A linked supplier that did not change in IFS: what was last agreed stands for it."""
        key = Key("vendor", supplier)
        linked = self.situation.links[key]
        base = unpack("vendor", linked.base) if linked.base else Vendor(supplier, supplier, None, None)
        assert isinstance(base, Vendor)
        if linked.base or linked.target not in self.index.by_id:
            self._linked(key, msgspec.structs.replace(base, id=supplier, there=()), linked)
            return
        self.targets[supplier] = linked.target
        self.unchanged.append(key)

    def _linked(self, key: Key, supplier: Vendor, linked: Linked) -> None:
        self.targets[supplier.id] = linked.target
        theirs = self.index.by_id.get(linked.target)
        if theirs is None:
            self._lost(key, supplier)
            return
        base = unpack("vendor", linked.base) if linked.base else supplier
        assert isinstance(base, Vendor)
        agreed = not (supplier.active and base.active)  # it ended in IFS, or ended there and is open again
        if not theirs.active and supplier.id in self.in_use and not agreed:
            self.holds.append(vendor_holds.inactive(key, supplier, theirs))
            return
        if not linked.base:
            why = "Linked before it was read in full: each side keeps what it has."
            body = linked_as(supplier, theirs, self.owned_there)
            self._intend(Verb.LINK, key, (supplier, body), theirs.id, why, counts_as="")
            return
        touched = theirs.stamp != linked.stamp if theirs.stamp and linked.base else None
        self._align(key, Sides(supplier, theirs, base, self.owned_there, touched))

    def _align(self, key: Key, sides: Sides) -> None:
        """What one side changed goes to the other by the owner of each field; the rest is asked, and waits for it."""
        ours, theirs = sides.ours, sides.theirs
        difference = sides.difference()
        if self.situation.policies.vendors.drift == "restore":
            difference = difference.restored(self.owned_there)
        asked = (*difference.conflicts, *difference.drift)
        kept: list[str] = []
        if asked:
            evidence = sides.evidence(asked)
            answer = self.situation.answered(key, evidence)
            if not answer:
                self.holds.append(vendor_holds.question(key, ours, difference, self.owned_there, evidence))
                return
            difference = difference.settled(answer, self.owned_there)
            kept = [name for name in asked if name not in (*difference.there, *difference.back)]
        if difference.there:
            self._send(key, sides, difference)
        if difference.back and theirs.id not in self.written_back:
            self._send_back(key, sides, difference)
        if not difference.there and not difference.back:
            if kept or sides.stale(difference):
                agreed = sides.agreed(difference)
                why = f"A person kept Procore's {named(kept)}." if kept else "Both sides say the same by now."
                self._intend(Verb.LINK, key, (ours, agreed), theirs.id, why, counts_as="")
            else:
                self.unchanged.append(key)

    def _send(self, key: Key, sides: Sides, difference: Difference) -> None:
        """Writes in Procore what IFS changed. What comes back at the same time is agreed only once it is written."""
        forth = msgspec.structs.replace(difference, back=())
        why = f"Changed in IFS: {named(difference.there)}."
        body = sides.for_procore(difference.there)
        self._intend(Verb.UPDATE, key, (body, sides.agreed(forth)), sides.theirs.id, why)

    def _send_back(self, key: Key, sides: Sides, difference: Difference) -> None:
        """Writes in IFS what Procore owns; several suppliers of one vendor are written one a run."""
        theirs, supplier = sides.theirs, sides.ours
        self.written_back.add(theirs.id)
        why = f"Procore owns it and has another: {named(difference.back)}."
        records = sides.for_ifs(difference.back), sides.agreed(difference)
        back = vendor_intent(self.situation.company, Verb.UPDATE, Key("supplier", theirs.id), supplier.id, records, why)
        after = (Verb.UPDATE,) if difference.there else ()
        self.intents.append(msgspec.structs.replace(back, needs=(key,), after=after, source=supplier.id))

    def _lost(self, key: Key, supplier: Vendor) -> None:
        """The linked vendor cannot be seen: perhaps it was merged into another, which a person may say."""
        ruling = self.situation.ruled(key, HoldReason.GONE_THERE)
        if ruling and ruling.answer == "link" and ruling.target in self.index.by_id:
            theirs = self.index.by_id[ruling.target]
            self._adopt(key, supplier, theirs, "a person said so", shared=theirs.id in self.taken)
            return
        if ruling and ruling.answer == "ignore":
            self.skips.append(Skip(key, FLOW, f"A person said that {supplier.name} ({supplier.id}) is left alone."))
            return
        origin = once_key(self.situation.company, "vendor", supplier.id)
        found = self.index.find(supplier, origin, near=NEVER_NEAR, name_links=True)
        merged = found if len(found.candidates) == 1 else Match(Verdict.NONE)
        self.holds.append(vendor_holds.gone(key, supplier, merged))

    def _new(self, key: Key, supplier: Vendor) -> None:
        if not supplier.active:
            self.holds.append(vendor_holds.expired(key, supplier))
        elif self.situation.policies.vendors.create == "auto":
            self._create(key, supplier, "No Procore vendor has this number or a name like it.")
        else:
            self.holds.append(vendor_holds.not_linked(key, supplier))

    def _create(self, key: Key, supplier: Vendor, reason: str) -> None:
        self._intend(Verb.CREATE, key, (supplier, supplier), "", reason)

    def _adopt(self, key: Key, supplier: Vendor, theirs: Vendor, why: str, *, shared: bool = False) -> None:
        other = self.taken.get(theirs.id)
        if other is not None and not shared:
            self.holds.append(vendor_holds.shared(key, supplier, theirs, other))
            return
        self.taken[theirs.id] = supplier.id
        self.targets[supplier.id] = theirs.id
        origin = once_key(self.situation.company, "vendor", supplier.id)
        stamp = not theirs.origin and not shared
        verb = Verb.ADOPT if stamp else Verb.LINK
        note = "" if stamp or theirs.origin == origin else " Another integration's origin_id stays as it is."
        agreed = linked_as(supplier, theirs, self.owned_there)
        reason = f"Same as {theirs.name} in Procore: {why}.{note}"
        self._intend(verb, key, (supplier, agreed), theirs.id, reason)
        if not theirs.active and supplier.id in self.in_use:
            self.holds.append(vendor_holds.inactive(key, supplier, theirs))

    def _intend(
        self,
        verb: Verb,
        key: Key,
        records: tuple[Vendor, Vendor],
        target: str,
        reason: str,
        *,
        counts_as: str | None = None,
    ) -> None:
        """Plans one effect on a vendor; `records` are what is sent and what is agreed once it is done."""
        self.made.add(key.id)
        made = vendor_intent(self.situation.company, verb, key, target, records, reason)
        self.intents.append(made if counts_as is None else msgspec.structs.replace(made, counts_as=counts_as))

    def member(self, supplier: str, project: str, directory: set[str]) -> None:
        """Makes the vendor known in a project's directory, unless it is."""
        key = Key("project_vendor", f"{supplier}@{project}")
        vendor, site = Key("vendor", supplier), Key("project", project)
        linked = vendor in self.situation.links or supplier in self.made
        target = self.targets.get(supplier, "")
        known = self.situation.links.get(key)
        stands = known is not None and (not target or known.target in ("", target))  # one linked anew joins anew
        if stands or not linked or not self.situation.available(site):
            return
        there = bool(target) and target in directory
        body = pack(ProjectVendor(supplier, project))
        self.intents.append(
            Intent(
                flow=FLOW,
                verb=Verb.LINK if there else Verb.CREATE,
                key=key,
                once_key="",
                scope=project,
                target=target if there else "",
                body=body,
                needs=(vendor, site),
                after=(),
                money=None,
                reason=f"Supplier {supplier} has orders on project {project}.",
                source=supplier,
            )
        )
