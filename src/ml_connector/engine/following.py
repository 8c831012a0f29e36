"""Follows what we made in IFS until its end is known: approved, posted, paid; and when Procore's people approved it.

Cheap by design: vouchers that wait are in the look at the hold table which each run takes anyway, and the ledger is
asked only for those that left it. What has come to its end is never asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType

from ml_connector.engine.work import Draft, Work
from ml_connector.kernel.errors import NameMissing, Refused, RightMissing
from ml_connector.kernel.keys import Key, once_key
from ml_connector.planning.situation import Situation
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import ENDED, InvoiceState
from ml_connector.records.voucher import VoucherHead, VoucherStatus
from ml_connector.store import standings
from ml_connector.store.standings import GONE, Stood

MOST = 300
"""Vouchers a run looks for in the ledger, thirty to a request; the others have their turn in later runs."""
FEW = 60
"""Supplier invoices of ours, and requisitions, a run asks for."""
MOST_NAMED = 30
"""The same of a run that looks at named records only: one request."""
BOOKED = (VoucherStatus.UPDATED.value, VoucherStatus.CANCELLED.value)
"""Ends of a voucher."""
CLOSED = ("Closed", "Cancelled", "POCreated")
"""Ends of a purchase requisition (facts/ifs.md 11.4)."""
FLOWS = ("subcontractor_invoices", "direct_costs")
"""Flows of which a run must look at everything to ask for invoices and requisitions of ours."""
ENDS = MappingProxyType(
    {"voucher": BOOKED, "erp_invoice": tuple(state.value for state in ENDED), "purchase_requisition": CLOSED}
)
"""Kinds that are followed, and their ends."""
PLANNED = "Planned"
"""How a requisition of ours is left."""
_LACKING = (RightMissing, NameMissing, Refused)


class Following:
    """How what crossed stands, as one run sees it."""

    def __init__(self, work: Work, draft: Draft, situation: Situation) -> None:
        self.work = work
        self.draft = draft
        self.situation = situation
        self.waiting: list[VoucherHead] | None = None
        """Vouchers of ours in the hold table; None where this run had no reason to look."""
        self.seen: list[Stood] = []

    def documents(self, kind: str, found: Iterable[SubcontractorInvoice | DirectCost]) -> None:
        """Takes how documents stand in Procore, such as count and such as counted before.

        Procore names no day of approval: its last change is the nearest moment there is.
        """
        policies = self.situation.policies
        billed = kind == "subcontractor_invoice"
        counting = policies.subcontractor_invoices.statuses if billed else policies.direct_costs.statuses
        now = self.work.clock()
        for one in found:
            status = one.status.value
            before = "" if status in counting else status
            self.seen.append(Stood(Key(kind, one.id), status, _moment(one.updated_at, now), before))

    def note(self) -> None:
        """Looks at what is still open in IFS, and writes down what changed. What cannot be read is said, no more."""
        looks = [self._vouchers] if self.waiting is not None else []
        if any(flow in self.work.flows and self.work.scope.whole(flow) for flow in FLOWS):
            looks += [self._invoices, self._requisitions]
        for look in looks:
            try:
                look()
            except _LACKING as error:
                said = f"How what crossed stands in IFS by now could not be read: {error}"
                if said not in self.draft.notes:
                    self.draft.notes.append(said)
        if self.seen:
            with self.work.db.begin() as conn:
                standings.note(conn, self.work.connection_id, self.work.run_id, self.seen, ENDS)

    def _vouchers(self) -> None:
        work, left = self.work, self.situation.policies.vouchers.status
        own = f"{work.company}/"
        held = {one.once_key.removeprefix(own) for one in self.waiting or ()}
        for one in self.waiting or ():
            if one.status is not None:
                self._take(Key("voucher", one.once_key.removeprefix(own)), one, before=left)
        most = MOST if work.scope.whole("subcontractor_invoices") else MOST_NAMED
        asked = self._open("voucher", most, held)
        named = {key: once_key(work.company, key.id) for key in asked}
        posted = {one.once_key: one for one in work.erp.posted_vouchers(sorted(named.values()))}
        for key, once in named.items():
            found = posted.get(once)
            if found is not None:
                self._take(key, found)
            else:
                self._stood(key, GONE)

    def _invoices(self) -> None:
        asked = self._open("erp_invoice", FEW)
        if not asked:
            return
        page = self.work.erp.invoices_by_id(sorted(asked.values()))
        states = {one.id: one.state.value for one in page.invoices}
        for key, target in asked.items():
            if target in states:
                self._stood(key, states[target], before=InvoiceState.PRELIMINARY.value)
            elif target not in page.seen:
                self._stood(key, GONE)

    def _requisitions(self) -> None:
        asked = self._open("purchase_requisition", FEW)
        if not asked:
            return
        named = {once_key(self.work.company, "commitment", key.id): key for key in asked}
        found = {one.once_key: one for one in self.work.erp.requisitions(sorted(named))}
        for once, key in named.items():
            self._stood(key, found[once].state if once in found else GONE, before=PLANNED)

    def _open(self, kind: str, most: int, without: Iterable[str] = ()) -> dict[Key, str]:
        work, look = self.work, standings.Wanted(ENDS[kind], tuple(without), self.work.run_id, most)
        with work.db.begin() as conn:
            return {one.key: one.target for one in standings.still_open(conn, work.connection_id, kind, look)}

    def _take(self, key: Key, head: VoucherHead, before: str = "") -> None:
        approved = head.status is VoucherStatus.APPROVED
        day = head.approved_on if approved else head.dated if head.status is VoucherStatus.UPDATED else None
        who = head.approved_by if approved else ""
        note = head.error if head.status is VoucherStatus.ERROR else ""
        state = head.status.value if head.status else ""
        self.seen.append(Stood(key, state, self.work.clock(), before, day, who, note))

    def _stood(self, key: Key, state: str, before: str = "") -> None:
        self.seen.append(Stood(key, state, self.work.clock(), before))


def _moment(text: str, now: datetime) -> datetime:
    """The moment that the stamp of a document begins with; `now` where it names none that has been."""
    with suppress(ValueError):
        said = datetime.fromisoformat(text.partition(" ")[0].replace("Z", "+00:00"))
        if said.tzinfo is not None and said < now:
            return said
    return now
