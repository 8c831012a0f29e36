"""Which IFS supplier a Procore vendor is, and whether money may be posted to it."""

from __future__ import annotations

from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.situation import Situation


class Suppliers:
    """Every vendor of a situation by its Procore id; `blocked` are IFS suppliers held back from payment."""

    def __init__(self, situation: Situation, blocked: frozenset[str]) -> None:
        self._situation = situation
        self._linked = situation.by_target("vendor")
        self._blocked = blocked

    def of(self, vendor: str) -> str:
        """The supplier a Procore vendor is linked to, whichever side it was born on; empty when to none."""
        return self._linked.get(vendor, "") or self._situation.target(Key("supplier", vendor))

    def link(self, vendor: str) -> Key:
        """The link that says so."""
        linked = self._linked.get(vendor)
        return Key("vendor", linked) if linked else Key("supplier", vendor)

    def trouble(self, called: str, vendor: str) -> tuple[HoldReason, Key, str, str] | None:
        """Why a document on a Procore vendor cannot go, as reason, what it waits for, owner, sentence; else None."""
        supplier = self.of(vendor)
        if not supplier:
            sentence = f"{called} is on Procore vendor {vendor or '(none)'}, which is no supplier in IFS yet."
            return HoldReason.VENDOR_NOT_LINKED, Key("vendor_there", vendor), "project accountant", sentence
        return self.unapproved(called, supplier)

    def unapproved(self, called: str, supplier: str) -> tuple[HoldReason, Key, str, str] | None:
        """Why nothing is posted to a supplier; None when it may be."""
        if supplier not in self._blocked:
            return None
        sentence = (
            f"{called} is on supplier {supplier}, which was proposed from Procore, and IFS does not say that it is "
            "free for payment: money is posted to it once somebody there has released it."
        )
        return HoldReason.VENDOR_UNAPPROVED, Key("supplier_release", supplier), "project accountant", sentence
