"""What keeps a vendor back, in words: which question is asked, and what would end it."""

from __future__ import annotations

from collections.abc import Collection

from ml_connector.kernel.keys import Key
from ml_connector.planning.matching import Match
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.planning.vendor_sides import Difference, named
from ml_connector.records.vendor import Vendor

FLOW = "vendors"
ACCOUNTANT = "project accountant"


def _held(key: Key, reason: HoldReason, sentence: str, *, owner: str = ACCOUNTANT, ruling: bool = False) -> Hold:
    waits_for = Key("ruling", str(key)) if ruling else key
    return Hold(key, FLOW, reason, waits_for, owner, sentence)


def ask(key: Key, supplier: Vendor, found: Match) -> Hold:
    """Vendors that look like this supplier: which is it?"""
    names = " or ".join(candidate.name for candidate in found.candidates[:3])
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.VENDOR_MATCH,
        waits_for=Key("ruling", str(key)),
        owner=ACCOUNTANT,
        sentence=f"Is supplier {supplier.name} ({supplier.id}) the Procore vendor {names}?",
        candidates=tuple(candidate.id for candidate in found.candidates),
        evidence=found.evidence,
    )


def shared(key: Key, supplier: Vendor, theirs: Vendor, other: str) -> Hold:
    """The vendor found is another supplier's already."""
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.VENDOR_SHARED,
        waits_for=Key("ruling", str(key)),
        owner=ACCOUNTANT,
        sentence=(
            f"{supplier.name} ({supplier.id}) looks like the Procore vendor {theirs.name}, which already stands "
            f"for supplier {other}. Say whether both are one firm, or that this one is new."
        ),
        candidates=(theirs.id,),
        evidence=f"{theirs.name} [{theirs.id}] is linked to supplier {other}",
    )


def unusable(key: Key, supplier: str, why: str) -> Hold:
    """IFS holds nothing an order could be placed with."""
    sentence = f"Supplier {supplier} cannot be used: {why}."
    return _held(key, HoldReason.VENDOR_UNUSABLE, sentence, owner="buyer")


def not_linked(key: Key, supplier: Vendor) -> Hold:
    """Nobody like it is in Procore, and policy makes nobody."""
    sentence = f"{supplier.name} ({supplier.id}) is not in Procore, and policy forbids creating it there."
    return _held(key, HoldReason.VENDOR_NOT_LINKED, sentence)


def expired(key: Key, supplier: Vendor) -> Hold:
    """The supplier of an order has expired in IFS, and was never in Procore."""
    return _held(
        key,
        HoldReason.VENDOR_INACTIVE,
        f"{supplier.name} ({supplier.id}) has expired in IFS and is not in Procore, but a document names it: "
        "no vendor is made for it. Move its expiry date in IFS, or name another supplier.",
    )


def inactive(key: Key, supplier: Vendor, theirs: Vendor) -> Hold:
    """The vendor is inactive in Procore, and open documents name its supplier."""
    return _held(
        key,
        HoldReason.VENDOR_INACTIVE,
        f"The Procore vendor {theirs.name} of supplier {supplier.name} ({supplier.id}) is inactive, and open documents "
        "name it. Nothing of it is changed until somebody makes it active again in Procore's directory.",
    )


def gone(key: Key, supplier: Vendor, merged: Match) -> Hold:
    """The linked vendor cannot be seen; `merged` holds the one vendor that looks like the supplier, if there is one."""
    who = " or ".join(str(candidate.name) for candidate in merged.candidates)
    perhaps = f" Perhaps it was merged into {who}: answer `link` if so." if who else ""
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.GONE_THERE,
        waits_for=key,
        owner="administrator",
        sentence=(
            f"The Procore vendor of {supplier.name} ({supplier.id}) cannot be seen any more: merged, removed, "
            f"or the Directory permission was lost. Nothing was changed.{perhaps}"
        ),
        candidates=tuple(candidate.id for candidate in merged.candidates),
        evidence=merged.evidence,
    )


def question(key: Key, supplier: Vendor, difference: Difference, owned_there: Collection[str], evidence: str) -> Hold:
    """Which side stands, where both changed a field, or people of the side that does not own it."""
    reason = HoldReason.CONFLICT
    who = f"{supplier.name} ({supplier.id})"
    asked = (*difference.conflicts, *difference.drift)
    procores = [name for name in asked if name in owned_there]
    if difference.conflicts or 0 < len(procores) < len(asked):
        sentence = f"Both sides changed the {named(asked)} of {who}."
    elif procores:
        sentence = f"IFS's people changed the {named(asked)} of {who}, which Procore owns."
    else:
        reason = HoldReason.CHANGED_THERE
        sentence = f"Procore's people changed the {named(asked)} of {who}, which IFS owns."
    return Hold(
        key=key,
        flow=FLOW,
        reason=reason,
        waits_for=Key("ruling", str(key)),
        owner=ACCOUNTANT,
        sentence=f"{sentence} Say which side stands.",
        evidence=evidence,
    )
