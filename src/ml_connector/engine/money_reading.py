"""The reading half of the money flows: what changed in IFS and in Procore, once, to spools."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from ml_connector.engine.gathering import Gathered
from ml_connector.engine.reading import Demand
from ml_connector.engine.spool import Spool, whole_pages
from ml_connector.engine.standing import Standing
from ml_connector.engine.work import Draft, Work
from ml_connector.flows import budgets, payments, supplier_invoices
from ml_connector.kernel.keys import fingerprint
from ml_connector.planning.plan import Hold, pack
from ml_connector.planning.situation import Situation
from ml_connector.records.budget import BudgetEstimate
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import Payment
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import ENDED, SupplierInvoice
from ml_connector.store import holds, links, sources
from ml_connector.systems.port import InvoicePage

INVOICE, PAYMENT = "supplier_invoice", "payment"
"""Kinds of IFS documents, as their fingerprints are kept."""

WHERE = "where/"
"""Under which names the project of a held document born in Procore is kept: its next look needs it."""

CENSUS = "census/"
"""Under which names the day is kept on which crossed documents were last looked for, where there are many."""

MANY = 200
"""Crossed documents of a project up to which every run looks whether all are still there; above it once a day."""

PAGE = 500
"""Documents born in Procore that are decided at a time, or few more."""

BACK = {"subcontractor_invoices": "subcontractor_invoice", "direct_costs": "direct_cost"}
"""Flow from Procore to the kind of document it takes."""

_Back = TypeVar("_Back", SubcontractorInvoice, DirectCost)


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
        self._withdrawn: list[str] | None = None

    def read(self, demand: Demand) -> Money:
        """Reads for every flow of this run, and notes what the documents ask of vendors and codes."""
        projects = self.work.projects
        readings: dict[str, Callable[[], None]] = {
            "supplier_invoices": lambda: self._invoices(demand),
            "payments": self._payments,
            "budgets": self._estimates,
            "subcontractor_invoices": lambda: self._back(
                "subcontractor_invoices", self.money.billed, projects.subcontractor_invoices
            ),
            "direct_costs": lambda: self._back("direct_costs", self.money.costs, projects.direct_costs),
        }
        standing = Standing(self.work, self.draft)
        try:
            for flow, read in readings.items():
                if flow in self.work.flows:
                    with standing.apart(flow):
                        read()
        except BaseException:
            self.money.close()
            raise
        return self.money

    # IFS ----------------------------------------------------------------------------------------------------------

    def _invoices(self, demand: Demand) -> None:
        work = self.work
        since = self.situation.today - timedelta(days=self.situation.policies.supplier_invoices.window_days)
        if self.situation.go_live:
            with work.db.begin() as conn:
                first = not sources.open_ids(conn, work.connection_id, INVOICE)
            since = self.situation.go_live if first else max(since, self.situation.go_live)
        seen: set[str] = set()

        def knows(ids: Sequence[str]) -> dict[str, bytes]:
            with work.db.begin() as conn:
                return sources.known(conn, work.connection_id, INVOICE, ids, work.mapping_version)

        for page in work.erp.invoices(knows, since):
            seen.update(page.seen)
            self._take(page, demand)
            work.progress("invoices read", len(seen))
            work.tape.spill(work.db)
            work.point("read.page")
        self.draft.count("supplier_invoices", "unchanged", len(seen) - self.money.invoices.records)
        with work.db.begin() as conn:
            kept = sources.open_ids(conn, work.connection_id, INVOICE)
            kept |= holds.held_sources(conn, work.connection_id, "supplier_invoices")
        missing = kept - seen
        if missing:
            page = work.erp.invoices_by_id(sorted(missing))
            self._take(page, demand)
            self.draft.ended[INVOICE] = {one.id for one in page.invoices if one.state in ENDED}
            self.money.held += [supplier_invoices.gone_hold(one) for one in sorted(missing - page.seen.keys())]
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
        self.money.payments = [one for one in found if known.get(one.id) != prints[one.id]]
        self.draft.documents[PAYMENT] = {one.id: prints[one.id] for one in self.money.payments}
        self.draft.count("payments", "unchanged", len(found) - len(self.money.payments))
        work.tape.spill(work.db)

    def _estimates(self) -> None:
        if self.situation.policies.budgets.owner != "erp" or self.situation.mapper.mapping.budget_code is None:
            return
        projects = sorted(self.gathered.targets)
        found, problems = self.work.erp.estimates(projects, self.situation.policies.budgets.amount)
        spoilt = {problem.key.id for problem in problems}
        self.money.estimates = [one for one in found if one.project not in spoilt]
        self.money.spoilt = budgets.problem_holds(problems)
        self.work.tape.spill(self.work.db)

    # Procore ------------------------------------------------------------------------------------------------------

    def _back(self, flow: str, spool: Spool[_Back], read: Callable[..., list[_Back]]) -> None:
        """Documents of every project that changed there, and those we must look at again whatever changed."""
        kind, work = BACK[flow], self.work
        with work.db.begin() as conn:
            crossed = _crossed(conn, work.connection_id, kind)
            where = sources.marks(conn, work.connection_id, f"{WHERE}{flow}/")
            since = sources.marks(conn, work.connection_id, f"{flow}/")
            counted = sources.marks(conn, work.connection_id, f"{CENSUS}{flow}/")
        cancelled = self._cancelled(kind) if crossed else {}
        today = self.situation.today.isoformat()
        prints = self.draft.documents.setdefault(kind, {})
        for project, target in sorted(self.gathered.targets.items()):
            found = {one.id: one for one in read(target, since.get(project))}
            mine = crossed.get(project, set())
            # a mark stays as long as a document is held or its steps did not end well: no list may show it again
            again = {one for one, home in where.items() if home == project} | cancelled.keys() & mine
            again -= found.keys()
            looked_for = set[str]()
            if mine and (len(mine) <= MANY or counted.get(project) != today):
                looked_for = mine - found.keys()
                self.draft.census[f"{CENSUS}{flow}/{project}"] = today
            if again | looked_for:
                found |= {one.id: one for one in read(target, ids=sorted(again | looked_for))}
            gone = sorted((again | looked_for) - found.keys())
            self.money.gone.setdefault(flow, []).extend(gone)
            self.draft.where.setdefault(flow, {}).update(dict.fromkeys(gone, project))
            seen = {one.id: fingerprint(pack(one) + cancelled.get(one.id, b"")) for one in found.values()}
            fresh = self._fresh(flow, (project, mine), found.values(), seen)
            prints.update((one.id, seen[one.id]) for one in fresh)
            for page in whole_pages(fresh, _home, PAGE):
                spool.put(page)
            work.tape.spill(work.db)
            work.point("read.page")

    def _cancelled(self, kind: str) -> dict[str, bytes]:
        """Documents of which somebody cancelled a voucher in IFS, to what was cancelled: it changes how they look."""
        if self._withdrawn is None:
            self._withdrawn = sorted(self.work.erp.cancelled_vouchers())
        found: dict[str, bytes] = {}
        for one in self._withdrawn:
            _, what, document, *version = [*one.split("/"), ""]
            if what == kind:
                found[document] = found.get(document, b"") + f" {version[0]}".encode()
        return found

    def _fresh(
        self, flow: str, where: tuple[str, Collection[str]], found: Iterable[_Back], seen: Mapping[str, bytes]
    ) -> list[_Back]:
        """Those that are to be decided: not ours, not older than go-live, and not as they were at rest.

        `where`: the project and its documents that crossed; `seen`: how each looks.
        """
        work, kind = self.work, BACK[flow]
        project, crossed = where
        own = f"{self.situation.company}/"
        ours = self.situation.by_target(kind)
        theirs = []
        for one in found:
            if one.once_key.startswith(own) or (one.id in ours and one.id not in crossed):
                self.draft.echoes += 1
            elif one.id in crossed or not (self.situation.go_live and one.dated and one.dated < self.situation.go_live):
                theirs.append(one)
        with work.db.begin() as conn:
            ids = [one.id for one in theirs]
            known = sources.known(conn, work.connection_id, kind, ids, work.mapping_version)
        fresh = [one for one in theirs if known.get(one.id) != seen[one.id]]
        self.draft.count(flow, "unchanged", len(theirs) - len(fresh))
        self.draft.where.setdefault(flow, {}).update((one.id, project) for one in fresh)
        return fresh


def read_again(conn: Connection, connection_id: int) -> None:
    """Has the next run read every document born in Procore: one passed over so far may count from now on."""
    for flow in BACK:
        names = [f"{flow}/{project}" for project in sources.marks(conn, connection_id, f"{flow}/")]
        sources.drop_watermarks(conn, connection_id, names)


def _home(document: _Back) -> str:
    """What stays on one page: a requisition that proposes a commitment, and what is billed to date on its lines, are
    made of all its invoices."""
    return document.commitment if isinstance(document, SubcontractorInvoice) else document.id


def _crossed(conn: Connection, connection_id: int, kind: str) -> dict[str, set[str]]:
    """IFS project to the Procore ids of its documents that became a voucher or an invoice in IFS."""
    found: dict[str, set[str]] = {}
    for made in ("voucher", "erp_invoice"):
        for row in links.links_of(conn, connection_id, made, links.LINKED):
            what, _, rest = row.erp_id.partition("/")
            if what == kind:
                found.setdefault(row.scope, set()).add(rest.partition("/")[0])
    return found
