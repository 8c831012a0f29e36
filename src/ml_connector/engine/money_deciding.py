"""Gather and decide for the money flows: each page gets what it may look at, is decided, and is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

import msgspec

from ml_connector.engine.deciding import Decider
from ml_connector.engine.given import given_for_documents, given_for_kinds
from ml_connector.engine.knowing import with_bases
from ml_connector.engine.money_cases import (
    BudgetsCase,
    DimensionsCase,
    DirectCostsCase,
    PaymentsCase,
    ProposalsCase,
    SubcontractorInvoicesCase,
    SupplierInvoicesCase,
)
from ml_connector.engine.money_gathering import MoneyGathered
from ml_connector.engine.money_reading import Money, budgets_looked_at
from ml_connector.engine.numbering import by_number
from ml_connector.engine.spool import Spool, whole_pages
from ml_connector.engine.work import Work
from ml_connector.flows import budgets, direct_costs, subcontractor_invoices, supplier_invoices
from ml_connector.flows.supplier_invoices import Theirs
from ml_connector.kernel.keys import Key
from ml_connector.planning.committing import commitment_key, contract_homes
from ml_connector.planning.names import plain_number
from ml_connector.planning.placing import root_of
from ml_connector.planning.plan import Decision, HoldReason, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.records.commitment import Commitment
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import ContractPayment
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.store import placements

MASTERS = ("project", "vendor", "budget_code", "supplier")
"""Kinds of link every document looks at, without their agreed records."""

RECORDS = ("subcontractor_invoice", "direct_cost")
"""Kinds an IFS invoice becomes in Procore."""

ENTRIES = ("voucher", "erp_invoice")
"""Kinds a Procore document becomes in IFS."""

PAGE = 500
"""Payments decided at a time."""

_Back = TypeVar("_Back", SubcontractorInvoice, DirectCost)


class MoneyDecider:
    """Decides the money flows of one run, after the masters and the orders."""

    def __init__(self, decider: Decider, gathered: MoneyGathered, money: Money) -> None:
        self.decider = decider
        self.gathered = gathered
        self.money = money

    @property
    def work(self) -> Work:
        """The run's own."""
        return self.decider.work

    @property
    def situation(self) -> Situation:
        """What is known by now: it grows with each decision."""
        return self.decider.situation

    @cached_property
    def entries(self) -> dict[str, list[Key]]:
        """What every Procore document had become in IFS when the first of them was decided: each is decided once."""
        return _by_document(self.situation.links, ENTRIES)

    # masters ------------------------------------------------------------------------------------------------------

    def proposals(self) -> None:
        """Vendors born in Procore that documents on their way to IFS need, and those still asked about."""
        known = self.situation.by_target("vendor")
        asked = {key.id for key in self.decider.held_keys("vendors") if key.kind == "vendor_there"}
        if not self.work.scope.whole("vendors"):
            asked &= {vendor for _, vendor in self.work.scope.theirs("vendors")}
        needed = {vendor for vendor in self._vendors_needed() | asked if vendor not in known}
        if not needed:
            return
        theirs = {one.id: one for one in self.gathered.vendors() if one.id in needed}
        given = given_for_kinds(self.situation, "vendor", "supplier")
        case = ProposalsCase(given, needed, theirs, self.work.erp.suppliers())
        self.decider.keep("vendors", self.decider.decide(case), needed)

    def _vendors_needed(self) -> set[str]:
        """Procore vendors of documents that are to cross to IFS and have no supplier there."""
        needed = set[str]()
        homes = self.situation.by_target("commitment")
        projects = self.situation.by_target("project")
        for page in self.money.billed.pages():
            unknown = {(projects[one.project], one.commitment) for one in page if one.commitment not in homes}
            contracts = self.gathered.contracts(unknown)
            situation = _with_entries(self.situation, self._entries_of("subcontractor_invoice", page))
            needed |= subcontractor_invoices.vendors_needed(situation, page, contracts)
        for costs in self.money.costs.pages():
            situation = _with_entries(self.situation, self._entries_of("direct_cost", costs))
            needed |= direct_costs.vendors_needed(situation, costs)
        return needed

    def _entries_of(self, kind: str, page: Iterable[_Back], gone: Iterable[str] = ()) -> set[Key]:
        """What the documents of a page, and those that are gone, became in IFS."""
        ids = (*(one.id for one in page), *gone)
        return {key for one in ids for key in self.entries.get(f"{kind}/{one}", ())}

    def dimensions(self) -> None:
        """Cost codes made in Procore."""
        if self.situation.policies.cost_codes.back == "never":
            self.decider.keep("dimensions", Decision(), (), whole_flow=True)
            return
        projects = sorted(self.gathered.targets)
        theirs = {project: dict(codes) for project, codes in self.gathered.cost_codes(projects).items()}
        given = given_for_kinds(self.situation, "project", "cost_code", "dimension")
        case = DimensionsCase(given, self.gathered.chart(), self.gathered.book(), theirs)
        self.decider.keep("dimensions", self.decider.decide(case), projects, whole_flow=True)

    # IFS to Procore -----------------------------------------------------------------------------------------------

    def budgets(self) -> None:
        """Project estimates, a project's whole budget at a time."""
        if "budgets" in self.work.flows and self.work.scope.whole("budgets"):
            left = budgets.left_out(self.situation)
            if left.skips:
                self.decider.keep("budgets", left, (), whole_flow=True)
                return
        projects = self.budgeted()
        spoilt = Decision(holds=tuple(self.money.spoilt))
        self.decider.keep("budgets", spoilt, {hold.key.id for hold in self.money.spoilt})
        if not projects:
            return
        case = BudgetsCase(
            given_for_kinds(self.situation, "project", "budget_code", "budget", "budget_change"),
            self.gathered.chart(),
            self.money.estimates,
            self.gathered.budgets(projects),
            self.gathered.currencies(projects),
            self.gathered.book().base_currency,
        )
        self.decider.keep("budgets", self.decider.decide(case), projects)

    def budgeted(self) -> list[str]:
        """IFS projects whose budget is to be decided: those with an estimate, and those that had one."""
        if self.situation.policies.budgets.owner != "erp" or "budgets" not in self.work.flows:
            return []
        spoilt = {hold.key.id for hold in self.money.spoilt}
        known = {key.id for key in self.situation.links if key.kind == "budget"}
        known &= set(budgets_looked_at(self.work.scope, self.gathered.targets))
        return sorted(({one.project for one in self.money.estimates} | known) - spoilt)

    def supplier_invoices(self) -> None:
        """Supplier invoices, a page at a time."""
        if self.money.held:
            held = Decision(holds=tuple(self.money.held))
            self.decider.keep("supplier_invoices", held, [hold.key.id for hold in self.money.held])
        self.decider.expect_commitments()
        homes = contract_homes(dict.fromkeys((*self.situation.links, *self.situation.coming)))
        typed = self.situation.by_target("erp_invoice")
        decided = 0
        for page in self.money.invoices.pages():
            self.work.heed()
            born = {Key("erp_invoice", typed[invoice.id]) for invoice in page if invoice.id in typed}
            case = self._invoice_case(page, born, homes)
            self.decider.draft.outline.budgeted |= case.budgets.budgeted
            decision = self.decider.decide(case)
            self.decider.keep("supplier_invoices", decision, [invoice.id for invoice in page])
            decided += len(page)
            self.work.progress("invoices decided", decided)

    def _invoice_case(
        self,
        page: list[SupplierInvoice],
        born: set[Key],
        homes: Mapping[str, Sequence[str]],
    ) -> SupplierInvoicesCase:
        named = {name for invoice in page for name in (invoice.id, invoice.credits) if name}
        records = _by_document((*self.situation.links, *self.situation.coming), RECORDS)
        own = born | {key for name in named for key in records.get(name, ())}
        orders = {line.order for invoice in page for line in invoice.lines if line.order}
        own |= {commitment_key(order, project) for order in orders for project in homes.get(order, ())}
        situation = self._with(own)
        chart = self.gathered.chart()
        wanted = supplier_invoices.wanted(situation, chart, page)
        theirs = self.gathered.there(situation, wanted)
        own |= self._of_seen(theirs)
        situation = self._with(own)
        with self.work.db.begin() as conn:
            places = placements.placed(conn, self.work.connection_id, {invoice.id for invoice in page})
        placed = {f"{invoice}/{line}": record for (invoice, line), record in places.items()}
        return SupplierInvoicesCase(
            given_for_documents(situation, (*MASTERS, "billing_period"), own),
            chart,
            self.gathered.allowances(self.gathered.page_projects(situation, chart, page)),
            self.gathered.taxes(),
            page,
            msgspec.structs.replace(theirs, placed=placed, planned=self._planned(own)),
        )

    def _of_seen(self, theirs: Theirs) -> set[Key]:
        """Links of the documents Procore shows: what they became in IFS, and which of our records stands for each."""
        bills = [one.id for invoices in theirs.invoices.values() for one in invoices]
        costs = [one.id for found in theirs.costs.values() for one in found]
        found: set[Key] = set()
        for kind, ids in zip(RECORDS, (bills, costs), strict=True):
            standing = self.situation.by_target(kind) if ids else {}
            for one in ids:
                found.update(self.entries.get(f"{kind}/{one}", ()))
                if one in standing:
                    found.add(Key(kind, standing[one]))
        return found

    def _planned(self, own: Collection[Key]) -> dict[str, Commitment]:
        """Contracts of this very plan that are no links yet, by key id."""
        found = {}
        for key in own:
            body = unpack(key.kind, self.decider.planned[key]) if key in self.decider.planned else None
            if isinstance(body, Commitment) and key not in self.situation.links:
                found[key.id] = body
        return found

    def payments(self) -> None:
        """Payments in the order of booking; each needs its invoice as IFS has it, and what it became in Procore."""
        unread = self.decider.held_of("payments", HoldReason.BAD_ROW) | {one.key.id for one in self.money.unreadable}
        self.decider.keep("payments", Decision(holds=tuple(self.money.unreadable)), unread)
        if not self.money.payments:
            return
        planned = {key: Linked("", base) for key, base in self.decider.planned.items() if key.kind in RECORDS}
        whole = msgspec.structs.replace(self.situation, links={**planned, **self.situation.links})
        records = _by_document(whole.links, RECORDS)
        mirrored = self._mirrored()
        blocked = self._blocked_invoices()
        # all of one invoice stay together, for each part's share depends on the others
        for page in whole_pages(self.money.payments, lambda one: one.invoice, PAGE):
            invoices = sorted({payment.invoice for payment in page})
            own = {key for invoice in invoices for key in (*records.get(invoice, ()), *mirrored.get(invoice, ()))}
            with self.work.db.begin() as conn:
                situation = with_bases(conn, self.work.connection_id, whole, own)
            given = given_for_documents(situation, (), own)
            found = {one.id: one for one in self.work.erp.invoices_by_id(invoices).invoices}
            decision = self.decider.decide(PaymentsCase(given, page, found, blocked))
            self.decider.keep("payments", decision, [payment.id for payment in page])

    def _mirrored(self) -> dict[str, list[Key]]:
        """IFS invoice to the payments of it that are mirrored: what a part pays depends on all parts before it."""
        keys = {key for key in self.situation.links if key.kind == "payment"}
        known = self._with(keys).links
        found: dict[str, list[Key]] = {}
        for key in keys:
            body = unpack("payment", known[key].base) if known[key].base else None
            if isinstance(body, ContractPayment):
                found.setdefault(body.invoice.partition("@")[0], []).append(key)
        return found

    def _blocked_invoices(self) -> set[str]:
        """Key ids of subcontractor invoices whose Procore document was sent back: payment stops."""
        held = self.decider.held_of("subcontractor_invoices", HoldReason.SENT_BACK, HoldReason.REVISED)
        back = self.situation.by_target("subcontractor_invoice")
        return {back[one] for one in held if one in back}

    # Procore to IFS -----------------------------------------------------------------------------------------------

    def subcontractor_invoices(self) -> None:
        """Subcontractor invoices born in Procore."""
        self._back("subcontractor_invoices", self.money.billed, self._billed_case)

    def direct_costs(self) -> None:
        """Direct costs entered in Procore."""
        self._back("direct_costs", self.money.costs, self._cost_case)

    def _back(
        self,
        flow: str,
        spool: Spool[_Back],
        case_of: Callable[[list[_Back], list[str]], SubcontractorInvoicesCase | DirectCostsCase],
    ) -> None:
        """Documents born in Procore, a page at a time; what is gone, with the first, or alone where there is none."""
        gone = self.money.gone.get(flow, [])
        empty: list[list[_Back]] = [[]] if gone else []
        for page in spool.pages() if spool.records else empty:
            self.work.heed()
            case = case_of(page, gone)
            self.decider.keep(flow, self.decider.decide(case), case.documents())
            gone = []

    def _billed_case(self, page: list[SubcontractorInvoice], gone: list[str]) -> SubcontractorInvoicesCase:
        own = self._entries_of("subcontractor_invoice", page, gone)
        homes = self.situation.by_target("commitment")
        contracts = {one.commitment for one in page}
        at_home = {homes[one] for one in contracts if one in homes}
        own |= {Key("commitment", one) for one in at_home}
        own |= {
            key
            for key in self.situation.links
            if key.kind == "subcontractor_invoice" and root_of(key).id.partition("@")[2] in at_home
        }
        own |= {Key("purchase_requisition", one) for one in contracts if one not in homes}
        if self.situation.policies.subcontractor_invoices.billed_to_date:  # sums over all that was ever billed
            own |= {key for key in self.situation.links if key.kind in (*ENTRIES, "billed_line")}
        situation = self._with(own)
        page = self.gathered.with_line_keys(situation, page)
        wanted = subcontractor_invoices.wanted(_with_entries(situation, own), page, gone)
        ours = subcontractor_invoices.Ours(
            orders=self.gathered.orders(wanted.orders),
            contracts=self.gathered.contracts(wanted.contracts),
            requisitions={one.once_key: one for one in self.work.erp.requisitions(sorted(wanted.requisitions))},
            vouchers={one.once_key: one for one in self.work.erp.vouchers(sorted(wanted.vouchers))},
        )
        return SubcontractorInvoicesCase(
            given_for_documents(situation, MASTERS, own),
            self.gathered.chart(),
            self.gathered.book(),
            page,
            gone,
            ours,
            self._blocked_suppliers(one.vendor for one in page),
        )

    def _cost_case(self, page: list[DirectCost], gone: list[str]) -> DirectCostsCase:
        own = self._entries_of("direct_cost", page, gone) | self._like(page)
        situation = self._with(own)
        wanted = direct_costs.wanted(_with_entries(situation, own), page, gone)
        return DirectCostsCase(
            given_for_documents(situation, MASTERS, own),
            self.gathered.chart(),
            self.gathered.book(),
            page,
            gone,
            {one.once_key: one for one in self.work.erp.vouchers(sorted(wanted.vouchers))},
            self._blocked_suppliers(one.vendor for one in page),
        )

    def _like(self, page: Sequence[DirectCost]) -> set[Key]:
        """Our own direct costs of the same number in the same project, which may be one of a page typed again, and
        those that stand for one of a page."""
        homes, ours = self.situation.by_target("project"), self.situation.by_target("direct_cost")
        found = {Key("direct_cost", ours[one.id]) for one in page if one.id in ours}
        for one in page:
            found.update(self._numbered.get((homes.get(one.project, ""), plain_number(one.number)), ()))
        return found

    @cached_property
    def _numbered(self) -> dict[tuple[str, str], list[Key]]:
        return by_number(self.work, self.situation.links)

    # shared -------------------------------------------------------------------------------------------------------

    def _with(self, keys: Collection[Key]) -> Situation:
        """The situation with the agreed records of some keys."""
        links = self.situation.links
        if all(key not in links or links[key].base for key in keys):
            return self.situation
        with self.work.db.begin() as conn:
            return with_bases(conn, self.work.connection_id, self.situation, keys)

    def _blocked_suppliers(self, vendors: Iterable[str]) -> set[str]:
        """IFS suppliers among these Procore vendors that were only proposed and that IFS still holds back from
        payment."""
        proposed = {key.id for key in self.situation.links if key.kind == "supplier"}
        wanted = proposed.intersection(vendors)
        suppliers = {self.situation.target(Key("supplier", one)) for one in wanted}
        return self.work.erp.blocked(sorted(suppliers)) if suppliers else set()


def _with_entries(situation: Situation, own: Collection[Key]) -> Situation:
    """The situation without what other documents became in IFS: a page says nothing of them."""
    known = {key: link for key, link in situation.links.items() if key.kind not in ENTRIES or key in own}
    return msgspec.structs.replace(situation, links=known)


def _by_document(keys: Iterable[Key], kinds: Collection[str]) -> dict[str, list[Key]]:
    """Link keys of some kinds by the document they come from: an IFS invoice or payment (before `@`), or a Procore
    document (`subcontractor_invoice/5629`)."""
    found: dict[str, list[Key]] = {}
    for key in keys:
        if key.kind in kinds:
            document = key.id.rpartition("/")[0] if key.kind in ENTRIES else key.id.partition("@")[0]
            found.setdefault(document, []).append(key)
    return found
