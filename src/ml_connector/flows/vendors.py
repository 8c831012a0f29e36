"""Vendors: suppliers of open orders find their Procore vendor, or get one, before their order goes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.planning.matching import Match, VendorIndex, Verdict
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, Verb, pack, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.records.problem import Problem
from ml_connector.records.vendor import ProjectVendor, Vendor

FLOW = "vendors"
OWNED = ("name", "tax_number", "country", "address", "city", "state", "zip_code", "email", "phone")
"""Fields IFS owns; the rest of a Procore vendor is never touched."""
COUNTS_AS = {Verb.LINK: "linked", Verb.ADOPT: "linked", Verb.CREATE: "created", Verb.UPDATE: "updated"}
"""How each effect of this flow is counted."""


class Wanted(msgspec.Struct, frozen=True):
    """What this run needs of vendors: supplier ids, and which projects each must be known in."""

    suppliers: frozenset[str]
    memberships: frozenset[tuple[str, str]]
    """(supplier id, IFS project id)."""
    settled: frozenset[str] = frozenset()
    """Linked suppliers whose row in IFS is as it was: only their Procore side is looked at."""
    problems: tuple[Problem, ...] = ()
    """Rows of wanted suppliers that could not be used."""


def decide(
    situation: Situation,
    wanted: Wanted,
    ours: Mapping[str, Vendor],
    index: VendorIndex,
    directories: Mapping[str, set[str]],
) -> Decision:
    """Decides every wanted supplier; `directories` maps an IFS project to the Procore vendor ids in its directory."""
    work = _Vendors(situation, index)
    spoilt = {problem.key.id: problem for problem in wanted.problems}
    for supplier in sorted(wanted.suppliers):
        record = ours.get(supplier)
        if record is None and supplier in wanted.settled:
            work.settled(supplier)
        elif record is None and supplier in spoilt:
            work.holds.append(_bad_row(spoilt[supplier]))
        elif record is None:
            work.holds.append(
                _unusable(Key("vendor", supplier), supplier, "it was removed, or our service user may not see it")
            )
        else:
            work.decide(record)
    for supplier, project in sorted(wanted.memberships):
        work.member(supplier, project, directories.get(project, set()))
    return Decision(tuple(work.intents), tuple(work.holds), tuple(work.skips), (), tuple(work.unchanged))


class _Vendors:
    """The vendors of one plan: remembers which Procore vendors are already spoken for."""

    def __init__(self, situation: Situation, index: VendorIndex) -> None:
        self.situation = situation
        self.index = index
        self.intents: list[Intent] = []
        self.holds: list[Hold] = []
        self.skips: list[Skip] = []
        self.unchanged: list[Key] = []
        self.targets: dict[str, str] = {}
        self.made: set[str] = set()
        self.taken = {linked.target: key.id for key, linked in situation.links.items() if key.kind == "vendor"}

    def decide(self, supplier: Vendor) -> None:
        """One supplier: linked already, or matched, or asked about, or created."""
        key = Key("vendor", supplier.id)
        linked = self.situation.links.get(key)
        if linked:
            self._linked(key, supplier, linked)
            return
        if not supplier.purchasable:
            self.holds.append(_unusable(key, supplier.id, "IFS holds no purchase data for it, so no order may name it"))
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
            self.holds.append(_ask(key, supplier, found))
        else:
            best = found.candidates[0]
            self._adopt(key, supplier, self.index.by_id[best.id], ", ".join(best.agrees))

    def settled(self, supplier: str) -> None:
        """A linked supplier that did not change: unchanged, unless its vendor is gone from Procore."""
        key = Key("vendor", supplier)
        target = self.situation.target(key)
        self.targets[supplier] = target
        if target in self.index.by_id:
            self.unchanged.append(key)
        else:
            self.holds.append(_gone(key, supplier, supplier))

    def _linked(self, key: Key, supplier: Vendor, linked: Linked) -> None:
        self.targets[supplier.id] = linked.target
        theirs = self.index.by_id.get(linked.target)
        if theirs is None:
            self.holds.append(_gone(key, supplier.name, supplier.id))
            return
        base = unpack("vendor", linked.base) if linked.base else supplier
        changed = [name for name in OWNED if getattr(supplier, name) != getattr(base, name)]
        if not changed:
            self.unchanged.append(key)
            return
        assert isinstance(base, Vendor)
        written, agreed = supplier, supplier
        if "name" in changed and theirs.name not in (base.name, supplier.name):
            question = _conflict(key, supplier, base, theirs)
            answer = self.situation.answered(key, question.evidence)
            if not answer:
                self.holds.append(question)
                return
            if answer == "projects":  # their name stands for as long as the question is this one
                self.skips.append(Skip(key, FLOW, f"A person kept Procore's {theirs.name} as it is."))
                changed.remove("name")
                written = msgspec.structs.replace(supplier, name=theirs.name)
                agreed = msgspec.structs.replace(supplier, name=base.name)
        if changed:
            reason = f"Changed in IFS: {', '.join(name.replace('_', ' ') for name in changed)}."
            self._intend(Verb.UPDATE, key, written, linked.target, reason, agreed)

    def _new(self, key: Key, supplier: Vendor) -> None:
        if self.situation.policies.vendors.create == "auto":
            self._create(key, supplier, "No Procore vendor has this number or a name like it.")
            return
        self.holds.append(
            Hold(
                key=key,
                flow=FLOW,
                reason=HoldReason.VENDOR_NOT_LINKED,
                waits_for=key,
                owner="project accountant",
                sentence=f"{supplier.name} ({supplier.id}) is not in Procore, and policy forbids creating it there.",
            )
        )

    def _create(self, key: Key, supplier: Vendor, reason: str) -> None:
        self._intend(Verb.CREATE, key, supplier, "", reason, supplier)

    def _adopt(self, key: Key, supplier: Vendor, theirs: Vendor, why: str, *, shared: bool = False) -> None:
        other = self.taken.get(theirs.id)
        if other is not None and not shared:
            self.holds.append(_shared(key, supplier, theirs, other))
            return
        self.taken[theirs.id] = supplier.id
        self.targets[supplier.id] = theirs.id
        origin = once_key(self.situation.company, "vendor", supplier.id)
        stamp = not theirs.origin and not shared
        verb = Verb.ADOPT if stamp else Verb.LINK
        note = "" if stamp or theirs.origin == origin else " Another integration's origin_id stays as it is."
        self._intend(verb, key, supplier, theirs.id, f"Same as {theirs.name} in Procore: {why}.{note}", supplier)

    def _intend(self, verb: Verb, key: Key, supplier: Vendor, target: str, reason: str, agreed: Vendor) -> None:
        self.made.add(supplier.id)
        self.intents.append(
            Intent(
                flow=FLOW,
                verb=verb,
                key=key,
                once_key=once_key(self.situation.company, "vendor", supplier.id),
                scope="",
                target=target,
                body=pack(supplier),
                needs=(),
                after=(),
                money=None,
                reason=reason,
                source=supplier.id,
                counts_as=COUNTS_AS[verb],
                base=pack(agreed),
            )
        )

    def member(self, supplier: str, project: str, directory: set[str]) -> None:
        """Makes the vendor known in a project's directory, unless it is."""
        key = Key("project_vendor", f"{supplier}@{project}")
        vendor, site = Key("vendor", supplier), Key("project", project)
        linked = vendor in self.situation.links or supplier in self.made
        if key in self.situation.links or not linked or not self.situation.available(site):
            return
        there = self.targets.get(supplier, "") in directory and supplier in self.targets
        body = pack(ProjectVendor(supplier, project))
        self.intents.append(
            Intent(
                flow=FLOW,
                verb=Verb.LINK if there else Verb.CREATE,
                key=key,
                once_key="",
                scope=project,
                target=self.targets.get(supplier, "") if there else "",
                body=body,
                needs=(vendor, site),
                after=(),
                money=None,
                reason=f"Supplier {supplier} has orders on project {project}.",
                source=supplier,
            )
        )


def _ask(key: Key, supplier: Vendor, found: Match) -> Hold:
    names = " or ".join(candidate.name for candidate in found.candidates[:3])
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.VENDOR_MATCH,
        waits_for=Key("ruling", str(key)),
        owner="project accountant",
        sentence=f"Is supplier {supplier.name} ({supplier.id}) the Procore vendor {names}?",
        candidates=tuple(candidate.id for candidate in found.candidates),
        evidence=found.evidence,
    )


def _shared(key: Key, supplier: Vendor, theirs: Vendor, other: str) -> Hold:
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.VENDOR_SHARED,
        waits_for=Key("ruling", str(key)),
        owner="project accountant",
        sentence=(
            f"{supplier.name} ({supplier.id}) looks like the Procore vendor {theirs.name}, which already stands "
            f"for supplier {other}. Say whether both are one firm, or that this one is new."
        ),
        candidates=(theirs.id,),
        evidence=f"{theirs.name} [{theirs.id}] is linked to supplier {other}",
    )


def _unusable(key: Key, supplier: str, why: str) -> Hold:
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.VENDOR_UNUSABLE,
        waits_for=key,
        owner="buyer",
        sentence=f"Supplier {supplier} cannot be used: {why}.",
    )


def _bad_row(problem: Problem) -> Hold:
    return Hold(
        key=problem.key,
        flow=FLOW,
        reason=HoldReason.BAD_ROW,
        waits_for=problem.key,
        owner="buyer",
        sentence=problem.sentence,
        evidence=problem.raw[:2000],
    )


def _gone(key: Key, name: str, supplier: str) -> Hold:
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.GONE_THERE,
        waits_for=key,
        owner="administrator",
        sentence=(
            f"The Procore vendor of {name} ({supplier}) cannot be seen any more: merged, made inactive, "
            "or the Directory permission was lost. Nothing was changed."
        ),
    )


def _conflict(key: Key, supplier: Vendor, base: Vendor, theirs: Vendor) -> Hold:
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.CONFLICT,
        waits_for=Key("ruling", str(key)),
        owner="project accountant",
        sentence=(
            f"Both sides renamed {base.name}: IFS says {supplier.name}, Procore says {theirs.name}. "
            "IFS owns the name; say which one stands."
        ),
        evidence=f"base {base.name}; IFS {supplier.name}; Procore {theirs.name}",
    )
