"""IFS in the role erp: everything the engine reads of it, by one company's eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

import msgspec

from ml_connector.kernel.clock import Clock, system_clock
from ml_connector.records.accounting import Book, Period
from ml_connector.records.budget import BudgetEstimate
from ml_connector.records.dimension import Activity, Dimension
from ml_connector.records.payment import Payment
from ml_connector.records.problem import Problem
from ml_connector.records.project import Project
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.supplier_invoice import TaxCode
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import Voucher, VoucherHead
from ml_connector.systems.ifs import project as projects
from ml_connector.systems.ifs.batch import Batch
from ml_connector.systems.ifs.book_reading import BookReading
from ml_connector.systems.ifs.dimension import ACCOUNT_PART, account_of, activity_of, dimension_of
from ml_connector.systems.ifs.estimate import estimates_of
from ml_connector.systems.ifs.invoice_reading import InvoiceReading
from ml_connector.systems.ifs.odata import Odata
from ml_connector.systems.ifs.order_reading import OrderReading
from ml_connector.systems.ifs.payment import payments_since
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.rows import Row, parsed
from ml_connector.systems.ifs.sending import Sending
from ml_connector.systems.ifs.set_profile import SetProfile
from ml_connector.systems.ifs.supplier_invoice import tax_code_of
from ml_connector.systems.ifs.vendor import SupplierReading, named_of
from ml_connector.systems.port import Effect, InvoicePage, Knows, Mark, OrderPage, Outcome, VendorPage
from ml_connector.systems.wire import Call

_Record = TypeVar("_Record")


class IfsSettings(msgspec.Struct, frozen=True):
    """Which tenant and company: `url` is scheme and host, `channel` int or main, `company` the IFS company id."""

    url: str
    company: str
    channel: str = "int"
    profile: Profile = Profile()


class IfsSystem:
    """Implements `port.ErpSystem`. Thread safe; rows of other companies are never returned."""

    def __init__(self, call: Call, settings: IfsSettings, clock: Clock = system_clock) -> None:
        """`call` signs, paces and retries (systems.transport); by `clock` it is told whether a supplier has expired."""
        self.clock = clock
        self.settings = settings
        self.profile = settings.profile
        self.odata = Odata(call, settings.url, settings.channel, settings.profile.page_size)
        self.batch = Batch(self.odata, settings.profile.batch_parts)
        self.sending = Sending(self.odata, settings.profile, settings.company)

    def projects(self) -> tuple[list[Project], list[Problem]]:
        """Every project of the company, with a Problem for each row that cannot be used."""
        return self._read(self.profile.project, "read projects", projects.project_of, projects.KIND)

    def companies(self) -> list[tuple[str, str]]:
        """Companies the service user sees, as id and name, by id."""
        where = self.profile.company
        reading = self.odata.reading(where, "list companies")
        found, _ = parsed(
            self.odata.rows(reading), lambda row: (row.required("id"), row.text("name")), where, "company"
        )
        return sorted(found)

    def activities(self) -> tuple[list[Activity], list[Problem]]:
        """Every project activity of the company, with a Problem for each row without id or project."""
        return self._read(self.profile.activity, "read project activities", activity_of, "activity")

    def dimensions(self) -> tuple[list[Dimension], list[Problem]]:
        """Every code part value; accounts come from their own set where the set of all values leaves them out."""
        values, problems = self._read(self.profile.dimension, "read code part values", dimension_of, "dimension")
        if not any(one.part == ACCOUNT_PART for one in values):
            accounts, more = self._read(self.profile.account, "read accounts", account_of, "dimension")
            return values + accounts, problems + more
        return values, problems

    def vendors(self, ids: Iterable[str], knows: Knows) -> VendorPage:
        """The named suppliers, in full where `knows` has another fingerprint. Suppliers belong to no company."""
        return self.supplier_reading().vendors(list(ids), knows)

    def suppliers(self) -> list[Vendor]:
        """Every supplier by number, name and country, without details: whom a vendor born in Procore may be."""
        return self._read(self.profile.supplier, "read suppliers", named_of, "vendor")[0]

    def supplier_reading(self) -> SupplierReading:
        """Reads suppliers and their details, in batches where the tenant takes them."""
        today = self.clock().date()
        return SupplierReading(self.odata, self.batch, self.profile, self.settings.company, today)

    def orders(self, knows: Knows) -> Iterator[OrderPage]:
        """Open orders in ascending id, a page at a time, parsed only where `knows` has another fingerprint."""
        return self.order_reading().open_orders(knows)

    def orders_by_id(self, ids: Sequence[str]) -> OrderPage:
        """The named orders in any state, in full; ids not found are absent from `seen`."""
        return self.order_reading().named(ids)

    def order_reading(self) -> OrderReading:
        """Reads orders; asks for the company's sites first where orders do not name their company."""
        sites = None if self.profile.order.name("company") else self.sites()
        return OrderReading(self.odata, self.profile, self.settings.company, sites)

    def sites(self) -> frozenset[str]:
        """The sites of the company."""
        found = self._read(self.profile.site, "read sites", lambda row: row.required("id"), "site")[0]
        return frozenset(found)

    def blocked(self, ids: Sequence[str]) -> set[str]:
        """Those of the named suppliers that the company holds back from payment, or may hold back as far as we see."""
        return self.supplier_reading().blocked(ids)

    def invoices(self, knows: Knows, since: date) -> Iterator[InvoicePage]:
        """Supplier invoices dated on or after a day, in ascending id, parsed where `knows` has another fingerprint."""
        return self.invoice_reading().since(knows, since)

    def invoices_by_id(self, ids: Sequence[str]) -> InvoicePage:
        """The named invoices in any state, in full; ids not found are absent from `seen`."""
        return self.invoice_reading().named(ids)

    def invoice_reading(self) -> InvoiceReading:
        """Reads supplier invoices and their postings."""
        return InvoiceReading(self.odata, self.profile, self.settings.company)

    def tax_codes(self) -> list[TaxCode]:
        """Tax codes of the company; one without a rate is left out."""
        return self._read(self.profile.tax_code, "read tax codes", tax_code_of, "tax code")[0]

    def payments(self, since: date) -> tuple[list[Payment], list[Problem]]:
        """Booked payments and reversals of supplier invoices dated on or after a day, in the order of booking."""
        return payments_since(self.odata, self.profile, self.settings.company, since)

    def estimates(self, projects: Sequence[str], amount: str) -> tuple[list[BudgetEstimate], list[Problem]]:
        """Estimate rows of some projects; `amount` is estimated, planned or baseline. One request a project."""
        return estimates_of(self.odata, self.profile, projects, amount)

    def book(self) -> Book:
        """The rules of the company's books, as far as the tenant lets us read them."""
        return BookReading(self.odata, self.batch, self.profile, self.settings.company).book()

    def periods(self) -> list[Period]:
        """Accounting periods of the years that are open, as far as the tenant lets us read them."""
        return BookReading(self.odata, self.batch, self.profile, self.settings.company).periods()

    def vouchers(self, once_keys: Sequence[str]) -> list[Voucher]:
        """Vouchers of ours by once-key, in the hold table or in the ledger; the absent ones are not there."""
        return self.sending.vouchers.reading.vouchers(once_keys)

    def waiting_vouchers(self) -> list[VoucherHead]:
        """Our vouchers that are not in the ledger, cancelled ones too, by their headers."""
        return self.sending.vouchers.reading.waiting()

    def posted_vouchers(self, once_keys: Sequence[str]) -> list[VoucherHead]:
        """Those of our vouchers that are in the ledger, by their headers."""
        return self.sending.vouchers.reading.posted(once_keys)

    def requisitions(self, once_keys: Sequence[str]) -> list[PurchaseRequisition]:
        """Purchase requisitions of ours by once-key, with their no-part lines; the absent ones are not there."""
        return self.sending.requisitions.requisitions(once_keys)

    def marks(self, kind: str) -> list[Mark]:
        """Every voucher, purchase requisition or supplier invoice that carries our once-key."""
        return self.sending.marks(kind)

    def batch_size(self, kind: str, verb: str) -> int:
        """How much of that kind and verb goes in one request, by `weight`."""
        return self.sending.batch_size(kind, verb)

    def weight(self, effect: Effect) -> int:
        """How much of its request an effect takes."""
        return self.sending.weight(effect)

    def chain(self, effect: Effect) -> str:
        """Empty: what we write to IFS does not go on from anything."""
        return ""

    def send(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Sends one batch of one kind, verb and scope; one outcome each, in order. Set-up trouble is raised."""
        return self.sending.send(effects)

    def find(self, effect: Effect) -> Outcome | None:
        """Reads back whether an effect of unknown outcome happened."""
        return self.sending.find(effect)

    def _read(
        self, where: SetProfile, what: str, parse: Callable[[Row], _Record], kind: str
    ) -> tuple[list[_Record], list[Problem]]:
        reading = self.odata.reading(where, what, projects.of_company(where, self.settings.company))
        return parsed(self.odata.rows(reading), parse, where, kind)
