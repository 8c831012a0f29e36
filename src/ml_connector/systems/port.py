"""What a system must offer to take part: read pages of records, send batches of effects, find what it has.

An `ErpSystem` plays the role erp (IFS), a `ProjectsSystem` the role projects (Procore). The engine sees only these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Protocol

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.records.accounting import Book
from ml_connector.records.budget import Budget, BudgetEstimate
from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentKind
from ml_connector.records.cost_code import BudgetCode, CostCode, CostType
from ml_connector.records.dimension import Activity, Dimension
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import Payment
from ml_connector.records.problem import Problem
from ml_connector.records.project import Project
from ml_connector.records.purchase_order import PurchaseOrder
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.subcontractor_invoice import BillingPeriod, SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice, TaxCode
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import Voucher, VoucherHead


class OrderPage(msgspec.Struct, frozen=True):
    """Some orders in ascending id: those that changed, fully read; the fingerprints of all that were seen."""

    orders: tuple[PurchaseOrder, ...]
    problems: tuple[Problem, ...]
    seen: dict[str, bytes]
    """Order id to the fingerprint of its rows as they came."""


class VendorPage(msgspec.Struct, frozen=True):
    """Suppliers asked for: those that changed, fully read; the fingerprints of all that were found."""

    vendors: tuple[Vendor, ...]
    problems: tuple[Problem, ...]
    seen: dict[str, bytes]
    """Supplier id to the fingerprint of its row as it came."""


class InvoicePage(msgspec.Struct, frozen=True):
    """Some supplier invoices in ascending id: those that changed, fully read; fingerprints of all that were seen."""

    invoices: tuple[SupplierInvoice, ...]
    problems: tuple[Problem, ...]
    seen: dict[str, bytes]
    """Invoice id to the fingerprint of its header and posting rows as they came."""


class Mark(msgspec.Struct, frozen=True):
    """A record as a list shows it: enough to count it and to tell whether it changed, not to decide about it."""

    id: str
    once_key: str = ""
    """The key our create carried; empty where it carries none."""
    moment: str = ""
    """When it last changed, ISO 8601, as its system says; empty where it does not."""
    stamp: str = ""
    """As `Outcome.stamp`, where the list tells all that stands in it; else empty."""
    dated: date | None = None
    ended: bool = False
    """Whether people cancelled it: it is there and counts no more."""


class Knows(Protocol):
    """Asks the store what it knew of some records of one kind: id to fingerprint, for those that need no new look."""

    def __call__(self, ids: Sequence[str], /) -> Mapping[str, bytes]:
        """Fingerprints of the given records that are settled; unknown or unsettled ones are absent."""
        ...


class Writes(Protocol):
    """What both rooms offer the engine for writing, reading back included."""

    def batch_size(self, kind: str, verb: str) -> int:
        """How much of that kind goes in one batch, by `weight`; 1 where there is no batch."""
        ...

    def weight(self, effect: Effect) -> int:
        """How much of its batch an effect takes; 1 where a batch is a number of effects."""
        ...

    def chain(self, effect: Effect) -> str:
        """What an effect goes on from: those of one chain go in their order, in one hand; empty where each is alone."""
        ...

    def send(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Sends one batch (same kind, verb and scope, at most `batch_size` together); one outcome for each effect.

        One effect, or one chain, may weigh more.
        """
        ...

    def find(self, effect: Effect) -> Outcome | None:
        """Reads back whether an effect of unknown outcome happened: DONE with its id, or None when it did not."""
        ...


class ErpSystem(Writes, Protocol):
    """The erp's room. Every method raises a `ConnectorError` of the tree; rows it cannot use come as Problems."""

    def projects(self) -> tuple[list[Project], list[Problem]]:
        """Every project of the connection's company."""
        ...

    def activities(self) -> tuple[list[Activity], list[Problem]]:
        """Every project activity of the company."""
        ...

    def dimensions(self) -> tuple[list[Dimension], list[Problem]]:
        """Every accounting code part value of the company, accounts (part A) included."""
        ...

    def vendors(self, ids: Iterable[str], knows: Knows) -> VendorPage:
        """The named suppliers; one whose fingerprint `knows` has equal is not read in full; unknown ids are absent."""
        ...

    def blocked(self, ids: Sequence[str]) -> set[str]:
        """Those of the named suppliers held back from payment, or of whom the erp does not say that it is not."""
        ...

    def suppliers(self) -> list[Vendor]:
        """Every supplier by number, name and country, without details."""
        ...

    def orders(self, knows: Knows) -> Iterator[OrderPage]:
        """Open orders in ascending id, a page at a time; an order whose fingerprint `knows` has equal is not parsed."""
        ...

    def orders_by_id(self, ids: Sequence[str]) -> OrderPage:
        """The named orders in any state, in full; ids not found are absent from `seen`."""
        ...

    # money ----------------------------------------------------------------------------------------------------

    def invoices(self, knows: Knows, since: date) -> Iterator[InvoicePage]:
        """Supplier invoices dated or posted on or after a day, by id, a page at a time; see `orders` for `knows`."""
        ...

    def invoices_by_id(self, ids: Sequence[str]) -> InvoicePage:
        """The named invoices in any state, in full; ids not found are absent from `seen`."""
        ...

    def tax_codes(self) -> list[TaxCode]:
        """Tax codes of the company."""
        ...

    def payments(self, since: date) -> tuple[list[Payment], list[Problem]]:
        """Booked payments and reversals dated on or after a day, in the order of booking."""
        ...

    def estimates(self, projects: Sequence[str], amount: str) -> tuple[list[BudgetEstimate], list[Problem]]:
        """Estimate rows of some projects; `amount` is estimated, planned or baseline (policy `budgets.amount`)."""
        ...

    def book(self) -> Book:
        """The rules of the company's books: accounts, code parts, periods, combinations, who may enter what.

        What a tenant does not let us read is left out; IFS then judges for itself.
        """
        ...

    def waiting_vouchers(self) -> list[VoucherHead]:
        """Our vouchers that the ledger has not taken, those that people cancelled too, by their headers."""
        ...

    def posted_vouchers(self, once_keys: Sequence[str]) -> list[VoucherHead]:
        """Those of our vouchers that the ledger has taken, by their headers; the absent ones are not there."""
        ...

    def vouchers(self, once_keys: Sequence[str]) -> list[Voucher]:
        """Vouchers of ours by once-key, in the hold table or in the ledger; the absent ones are not there."""
        ...

    def requisitions(self, once_keys: Sequence[str]) -> list[PurchaseRequisition]:
        """Purchase requisitions of ours by once-key."""
        ...

    def marks(self, kind: str) -> list[Mark]:
        """Every record of a kind that carries our once-key: voucher, purchase_requisition, erp_invoice."""
        ...


class Result(Enum):
    """How one effect ended."""

    DONE = "done"
    """It is there, and its id is known."""
    REFUSED = "refused"
    """Their rules said no; `sentence` holds their words."""
    UNKNOWN = "unknown"
    """No answer came; it must be looked up before anything is sent again."""
    WAITING = "waiting"
    """Not done for now: rate, lock or a service that is away."""


class Effect(msgspec.Struct, frozen=True):
    """An intent made ready to send: body and the other side's ids for everything it needs."""

    intent_id: int
    verb: str
    kind: str
    once_key: str
    scope: str
    target: str
    body: object
    """The canonical record; see planning.plan.Body."""
    ids: Mapping[Key, str]
    """The other side's id for each needed link: {("vendor", "S100"): "5629...", ("project", "1201"): ...}."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one effect. `target` is the other side's id; `stamp` its last-changed mark, for echoes."""

    intent_id: int
    result: Result
    target: str = ""
    stamp: str = ""
    sentence: str = ""
    reference: str = ""


class ProjectsSystem(Writes, Protocol):
    """The projects system's room. Project arguments are its own project ids."""

    def projects(self) -> list[Project]:
        """Every project we may see."""
        ...

    def vendors(self) -> list[Vendor]:
        """The company directory, active and inactive; `origin` holds any once-key."""
        ...

    def project_vendors(self, project: str) -> set[str]:
        """Ids of the vendors in a project's directory."""
        ...

    def cost_codes(self, project: str) -> list[CostCode]:
        """Cost codes of a project, by full code."""
        ...

    def cost_types(self) -> list[CostType]:
        """Cost types of the company."""
        ...

    def budget_codes(self, project: str) -> list[BudgetCode]:
        """Combinations of a project, with whether each has a budget line."""
        ...

    def commitments(
        self, project: str, since: str | None = None, kind: CommitmentKind = CommitmentKind.PURCHASE_ORDER
    ) -> list[Commitment]:
        """Headers (no lines) of a project's contracts of one kind; `since` an ISO moment limits to changed ones."""
        ...

    def commitment_lines(self, project: str, commitment: str) -> Commitment | None:
        """One contract with its lines, or None when it cannot be seen."""
        ...

    def contracts(self, project: str, ids: Sequence[str]) -> dict[str, Commitment]:
        """The named contracts of a project with their lines, by id; those that cannot be seen are absent."""
        ...

    def change_orders(self, project: str, commitment: str) -> list[ChangeOrder]:
        """Change orders of one contract, with their lines; `reference` is our once-key where we wrote them."""
        ...

    def billing_periods(self, project: str) -> list[BillingPeriod]:
        """Billing periods of a project, open and closed, by their first day."""
        ...

    def subcontractor_invoices(
        self, project: str, since: str | None = None, ids: Sequence[str] = (), commitment: str = ""
    ) -> list[SubcontractorInvoice]:
        """Subcontractor invoices of a project with their lines; changed ones only with `since`, named ones by `ids`,
        those of one commitment (its own id) with `commitment`.

        An id that is not there any more is absent.
        """
        ...

    def direct_costs(self, project: str, since: str | None = None, ids: Sequence[str] = ()) -> list[DirectCost]:
        """Direct costs of a project with their lines; `since` and `ids` as for subcontractor invoices."""
        ...

    def marks(self, project: str, kind: str, contracts: Sequence[str] = ()) -> list[Mark]:
        """Every record of a kind in a project, as cheaply as lists allow, deleted ones left out.

        Kinds are commitment, subcontractor_invoice, direct_cost, and payment, which is listed for `contracts` only.
        """
        ...

    def budget(self, project: str) -> Budget:
        """A project's original budget by code, whether it is locked, and its approved changes."""
        ...

    def currency_of(self, project: str) -> str:
        """The currency a project keeps its money in (ISO 4217); empty when the system does not say."""
        ...

    def keeps_currency(self) -> bool:
        """Whether a contract may carry a currency other than its project's."""
        ...


Progress = Callable[[str, int], None]
"""Told of long work: what is being done and how many so far."""
