"""The reading half of the money flows: what changed in IFS and in Procore, once, to spools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import msgspec

from ml_connector.engine.back_reading import BACK, CENSUS, MADE, MANY, PAGE, WHERE, BackReader, read_again, settled
from ml_connector.engine.gathering import Gathered
from ml_connector.engine.reading import Demand
from ml_connector.engine.scope import Scope
from ml_connector.engine.spool import Spool
from ml_connector.engine.standing import Standing
from ml_connector.engine.work import Draft, Work
from ml_connector.flows import budgets, payments, supplier_invoices
from ml_connector.kernel.keys import fingerprint
from ml_connector.planning.budgeting import missing_tables
from ml_connector.planning.plan import Hold
from ml_connector.planning.situation import Situation
from ml_connector.records.budget import BudgetEstimate
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import Payment
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import ENDED, SupplierInvoice
from ml_connector.store import holds, sources
from ml_connector.systems.port import InvoicePage

__all__ = [
    "BACK",
    "CENSUS",
    "INVOICE",
    "MADE",
    "MANY",
    "PAGE",
    "PAYMENT",
    "WHERE",
    "Money",
    "MoneyReader",
    "budgets_looked_at",
    "read_again",
]

INVOICE, PAYMENT = "supplier_invoice", "payment"
"""Kinds of IFS documents, as their fingerprints are kept."""


@dataclass
class Money:
    """What the money flows of one run have read, until they are decided."""

    invoices: Spool[SupplierInvoice] = field(default_factory=lambda: Spool(SupplierInvoice))
    billed: Spool[SubcontractorInvoice] = field(default_factory=lambda: Spool(SubcontractorInvoice))
    costs: Spool[DirectCost] = field(default_factory=lambda: Spool(DirectCost))
    held: list[Hold] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    unreadable: list[Hold] = field(default_factory=list)
    """Payments whose row cannot be used."""
    estimates: list[BudgetEstimate] = field(default_factory=list)
    gone: dict[str, list[str]] = field(default_factory=dict)
    """Flow to the ids of documents that crossed, or waited to, and that Procore lists no more."""
    spoilt: list[Hold] = field(default_factory=list)
    """Budgets whose estimate has a row that cannot be used."""

    def close(self) -> None:
        """Gives the disk space back."""
        for spool in (self.invoices, self.billed, self.costs):
            spool.close()


class MoneyReader:
    """Reads for the money flows of one run; what is unchanged since it came to rest is passed over."""

    def __init__(self, work: Work, draft: Draft, gathered: Gathered, situation: Situation) -> None:
        self.work = work
        self.draft = draft
        self.gathered = gathered
        self.situation = situation
        self.money = Money()

    def read(self, demand: Demand) -> Money:
        """Reads for every flow of this run, and notes what the documents ask of vendors and codes."""
        projects = self.work.projects
        back = BackReader(self.work, self.draft, self.gathered, self.situation, self.money.gone)
        readings: dict[str, Callable[[], None]] = {
            "budgets": self._estimates,
            "supplier_invoices": lambda: self._invoices(demand),
            "subcontractor_invoices": lambda: back.read(
                "subcontractor_invoices", self.money.billed, projects.subcontractor_invoices
            ),
            "direct_costs": lambda: back.read("direct_costs", self.money.costs, projects.direct_costs),
            "payments": self._payments,
        }
        standing = Standing(self.work, self.draft)
        try:
            for flow, read in readings.items():
                if flow in self.work.flows and not self.work.scope.idle(flow) and not self._skips(flow):
                    with standing.apart(flow):
                        read()
            back.following.note()
        except BaseException:
            self.money.close()
            raise
        return self.money

    def _skips(self, flow: str) -> bool:
        """Whether an earlier flow has taken enough for this run; where the next look begins then stays."""
        if self.draft.bites.skips(flow):
            self.draft.bites.leave(flow, self.gathered.targets)
            return True
        return False

    # IFS ----------------------------------------------------------------------------------------------------------

    def _invoices(self, demand: Demand) -> None:
        work = self.work
        since = self.situation.today - timedelta(days=self.situation.policies.supplier_invoices.window_days)
        if self.situation.go_live:
            with work.db.begin() as conn:
                first = not sources.open_ids(conn, work.connection_id, INVOICE)
            since = self.situation.go_live if first else max(since, self.situation.go_live)
        if not work.scope.whole("supplier_invoices"):
            self._named_invoices(demand, since)
            return
        seen: set[str] = set()

        def knows(ids: Sequence[str]) -> dict[str, bytes]:
            with work.db.begin() as conn:
                return sources.known(conn, work.connection_id, INVOICE, ids, work.mapping_version)

        with work.db.begin() as conn:
            held = holds.held_sources(conn, work.connection_id, "supplier_invoices")
            last = held | settled(conn, work, self.draft, INVOICE)
        with Spool(SupplierInvoice) as late:
            marks: dict[str, bytes] = {}
            for page in work.erp.invoices(knows, since):
                seen.update(page.seen)
                invoices, waits = self.draft.bites.fit("supplier_invoices", page.invoices, lambda one: one.id in last)
                late.put(waits)
                marks.update((one.id, page.seen[one.id]) for one in waits)
                self._take(msgspec.structs.replace(page, invoices=tuple(invoices)), demand)
                work.progress("invoices read", len(seen))
                work.tape.spill(work.db)
                work.point("read.page")
                work.heed()
                if self.draft.bites.cut:
                    return
            for invoices in late.pages():
                self._take(InvoicePage(tuple(invoices), (), marks), demand)
        self.draft.count("supplier_invoices", "unchanged", len(seen) - self.money.invoices.records)
        with work.db.begin() as conn:
            kept = sources.open_ids(conn, work.connection_id, INVOICE) | held
        missing = kept - seen
        if missing:
            page = work.erp.invoices_by_id(sorted(missing))
            self._take(page, demand)
            self.draft.ended[INVOICE] = {one.id for one in page.invoices if one.state in ENDED}
            self.money.held += [supplier_invoices.gone_hold(one) for one in sorted(missing - page.seen.keys())]
            work.tape.spill(work.db)

    def _named_invoices(self, demand: Demand, since: date) -> None:
        """The named ones that changed. One from before the window that we never had stays out, as it does else."""
        work = self.work
        with work.db.begin() as conn:
            ids = sorted(work.scope.ours("supplier_invoices"))
            known = sources.known(conn, work.connection_id, INVOICE, ids, work.mapping_version)
            kept = sources.open_ids(conn, work.connection_id, INVOICE)
            kept |= holds.held_sources(conn, work.connection_id, "supplier_invoices")
        page = work.erp.invoices_by_id(ids)
        fresh = [
            one
            for one in page.invoices
            if page.seen[one.id] != known.get(one.id) and (one.id in kept or max(one.dated, one.posted_on) >= since)
        ]
        self._take(msgspec.structs.replace(page, invoices=tuple(fresh)), demand)
        self.draft.count("supplier_invoices", "unchanged", len(page.invoices) - len(fresh))
        gone = kept.intersection(ids) - page.seen.keys()
        self.money.held += [supplier_invoices.gone_hold(one) for one in sorted(gone)]
        work.tape.spill(work.db)

    def _take(self, page: InvoicePage, demand: Demand) -> None:
        self.money.invoices.put(page.invoices)
        self.money.held += supplier_invoices.problem_holds(page.problems)
        kept = self.draft.documents.setdefault(INVOICE, {})
        kept.update((one.id, page.seen[one.id]) for one in page.invoices)
        if page.invoices:
            demand.take_invoices(page.invoices, self.situation, self.gathered.chart())

    def _payments(self) -> None:
        work = self.work
        window = timedelta(days=self.situation.policies.payments.window_days)
        with work.db.begin() as conn:  # one that waits is read as long as it waits, however old it is by now
            waiting = [row.since.date() for row in holds.open_holds(conn, work.connection_id, "payments")]
        since = min([self.situation.today, *waiting]) - window
        found, problems = work.erp.payments(since)
        self.money.unreadable = payments.problem_holds(problems)
        prints = {payment.id: fingerprint(msgspec.msgpack.encode(payment)) for payment in found}
        with work.db.begin() as conn:
            known = sources.known(conn, work.connection_id, PAYMENT, list(prints), 0)
            last = holds.held_sources(conn, work.connection_id, "payments")
            last |= settled(conn, work, self.draft, PAYMENT)
        changed = [one for one in found if known.get(one.id) != prints[one.id]]
        now, late = self.draft.bites.fit("payments", changed, lambda one: one.id in last, lambda one: one.invoice)
        taken = {one.id for one in (now if self.draft.bites.cut else [*now, *late])}
        self.money.payments = [one for one in changed if one.id in taken]
        self.draft.documents[PAYMENT] = {one.id: prints[one.id] for one in self.money.payments}
        self.draft.count("payments", "unchanged", len(found) - len(changed))
        work.tape.spill(work.db)

    def _estimates(self) -> None:
        if self.situation.policies.budgets.owner != "erp" or missing_tables(self.situation.mapper.mapping):
            return  # `budgets.left_out` says the latter
        projects = budgets_looked_at(self.work.scope, self.gathered.targets)
        found, problems = self.work.erp.estimates(projects, self.situation.policies.budgets.amount)
        spoilt = {problem.key.id for problem in problems}
        self.money.estimates = [one for one in found if one.project not in spoilt]
        self.money.spoilt = budgets.problem_holds(problems)
        self.work.tape.spill(self.work.db)

    # Procore ------------------------------------------------------------------------------------------------------


def budgets_looked_at(scope: Scope, targets: Mapping[str, str]) -> list[str]:
    """IFS projects whose budgets a run looks at: all that are linked, or the named ones of them."""
    if scope.whole("budgets"):
        return sorted(targets)
    there = {project or record for project, record in scope.theirs("budgets")}
    return sorted(ours for ours, theirs in targets.items() if ours in scope.ours("budgets") or theirs in there)
