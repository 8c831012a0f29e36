"""Which names this tenant uses for what we read: data, because IFS may rename them in any release (facts/ifs.md 13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.records.purchase_order import OrderState
from ml_connector.records.supplier_invoice import InvoiceState
from ml_connector.systems.ifs import finance_profile as finance
from ml_connector.systems.ifs.set_profile import SetProfile, code_parts
from ml_connector.systems.ifs.voucher_profile import VoucherProfile, check_vouchers
from ml_connector.systems.ifs.writing_profile import WriteSet, WritingProfile, check_writing

_PROJECT = SetProfile(
    "ProjectsHandling",
    "Projects",
    ("id",),
    {"id": "ProjectId", "name": "Name", "state": "Objstate", "company": "Company"},
    ("ProjectHandling/Projects", "ProjectEntity/ProjectSet"),
)
_ACTIVITY = SetProfile(
    "ActivityListHandling",
    "Activities",
    ("id",),
    {
        "id": "ActivitySeq",
        "project": "ProjectId",
        "sub_project": "SubProjectId",
        "number": "ActivityNo",
        "name": "Description",
        "state": "Objstate",
        "company": "Company",
    },
    ("ActivityService/Activities", "ActivityEntity/ActivitySet"),
    number_keys=("id",),
)
_DIMENSION = SetProfile(
    "CodeStringCompletionHandling",
    "AccountingCodePartValueSet",
    ("part", "value"),
    {
        "company": "Company",
        "part": "CodePart",
        "value": "CodePartValue",
        "name": "Description",
        "valid_from": "ValidFrom",
        "valid_until": "ValidUntil",
    },
    ("AccountingCodePartValueEntity/AccountingCodePartValueSet", "CodePartValuesHandling/CodePartValueSet"),
)
_ACCOUNT = SetProfile(
    "AccountHandling",
    "AccountSet",
    ("value",),
    {
        "company": "Company",
        "value": "Account",
        "name": "Description",
        "valid_from": "ValidFrom",
        "valid_until": "ValidUntil",
    },
    ("AccountsHandling/AccountSet",),
)
_SUPPLIER = SetProfile(
    "SupplierHandling",
    "SupplierInfoGeneralSet",
    ("id",),
    {
        "id": "SupplierId",
        "name": "Name",
        "tax_number": "AssociationNo",
        "country_code": "CountryCode",
        "country": "Country",
    },
    ("SuppliersHandling/SupplierInfoGeneralSet", "SupplierInfoGeneralEntity/SupplierInfoGeneralSet"),
)
_ORDER = SetProfile(
    "PurchaseOrderHandling",
    "PurchaseOrderSet",
    ("id",),
    {
        "id": "OrderNo",
        "company": "Company",
        "vendor": "VendorNo",
        "site": "Contract",
        "state": "Objstate",
        "currency": "CurrencyCode",
        "dated": "OrderDate",
        "buyer": "BuyerCode",
        "text": "NoteText",
        "revision": "Revision",
    },
    ("PurchaseOrdersHandling/PurchaseOrderSet", "PurchaseOrderEntity/PurchaseOrderSet"),
    state_enum="PurchaseOrderState",
)
_ORDER_LINE = SetProfile(
    "PurchaseOrderLinesHandling",
    "PurchaseOrderLineSet",
    ("id", "line", "release"),
    {
        "id": "OrderNo",
        "line": "LineNo",
        "release": "ReleaseNo",
        "state": "Objstate",
        "part": "PartNo",
        "description": "Description",
        "quantity": "BuyQtyDue",
        "unit": "BuyUnitMeas",
        # the order's own currency: BuyUnitPrice is the company's (facts/ifs.md 11.3, 14)
        "unit_price": "FbuyUnitPrice",
        "amount": "NetAmtCurr",
        "discount": "Discount",
        "currency": "CurrencyCode",
        "wanted": "WantedDeliveryDate",
        "project": "ProjectId",
        "activity": "ActivitySeq",
        "requisition": "RequisitionNo",
        **code_parts(),
    },
    ("PurchaseOrderLineEntity/PurchaseOrderLineSet",),
    state_enum="PurchaseOrderLineState",
)
_SITE = SetProfile(
    "CompanySiteHandling", "SiteSet", ("id",), {"id": "Contract", "company": "Company", "name": "Description"}
)
_COMPANY = SetProfile(
    "UsersPerCompanyHandling",
    "CompanyFinanceSet",
    ("id",),
    {"id": "Company", "name": "Description", "currency": "CurrencyCode"},
    ("UserRelatedData/CompanyFinances",),
)

_STATES = {
    "Planned": "planned",
    "Released": "released",
    "Confirmed": "confirmed",
    "Stopped": "stopped",
    "Arrived": "received",
    "Received": "received",
    "Closed": "closed",
    "Cancelled": "cancelled",
}

LINE_NAVS = {"part": "LinePartArray", "nopart": "LineNopartArray", "rental": "LineRentalPartArray"}
"""The three collections an order's lines are spread over, by kind of line (facts/ifs.md 11.3)."""

SUPPLIER_NAVS = {
    "addresses": "SupplierInfoAddresses",
    "contacts": "AddressCommunicationMethods",
    "purchases": "SupplierPurchases",
    "invoices": "SupplierInvoiceCompanies",
    "payments": "SupplierPayments",
}
"""Where a supplier's details stand below it, contacts below an address (facts/ifs.md 11.2)."""


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every name and habit of one tenant; the defaults are those of facts/ifs.md section 13."""

    project: SetProfile = _PROJECT
    activity: SetProfile = _ACTIVITY
    dimension: SetProfile = _DIMENSION
    account: SetProfile = _ACCOUNT
    supplier: SetProfile = _SUPPLIER
    order: SetProfile = _ORDER
    order_line: SetProfile = _ORDER_LINE
    site: SetProfile = _SITE
    company: SetProfile = _COMPANY
    invoice: SetProfile = finance.INVOICE
    invoice_line: SetProfile = finance.INVOICE_LINE
    tax_code: SetProfile = finance.TAX_CODE
    payment: SetProfile = finance.PAYMENT
    estimate: SetProfile = finance.ESTIMATE
    ledger_account: SetProfile = finance.LEDGER_ACCOUNT
    code_part: SetProfile = finance.CODE_PART
    budget_value: SetProfile = finance.BUDGET_VALUE
    year: SetProfile = finance.YEAR
    period: SetProfile = finance.PERIOD
    combination: SetProfile = finance.COMBINATION
    voucher_right: SetProfile = finance.VOUCHER_RIGHT
    user_group: SetProfile = finance.USER_GROUP
    accounting_project: SetProfile = finance.ACCOUNTING_PROJECT
    period_navs: dict[str, str] = msgspec.field(default_factory=finance.PERIOD_NAVS.copy)
    """An empty name leaves unread whether periods are open in the ledger, or for user groups; IFS then judges."""
    order_lines: Literal["all_lines", "three_collections"] = "all_lines"
    """`all_lines` reads the set of all lines beside the headers; `three_collections` three arrays per changed order."""
    line_navs: dict[str, str] = msgspec.field(default_factory=LINE_NAVS.copy)
    supplier_navs: dict[str, str] = msgspec.field(default_factory=SUPPLIER_NAVS.copy)
    """An empty name leaves that detail unread; without `purchases` every supplier counts as one that can be ordered,
    without `invoices` as one that never expires."""
    state_filter: Literal["server", "client"] = "server"
    """`client` where the tenant answers 400 to every filter on Objstate (facts/ifs.md 6)."""
    order_states: dict[str, str] = msgspec.field(default_factory=_STATES.copy)
    """The tenant's state identifier to ours, for orders and lines alike."""
    invoice_states: dict[str, str] = msgspec.field(default_factory=finance.INVOICE_STATES.copy)
    """The tenant's state identifier of a supplier invoice to ours."""
    payment_states: dict[str, Literal["booked", "other"]] = msgspec.field(default_factory=finance.PAYMENT_STATES.copy)
    """The tenant's state of a ledger transaction to `booked` (it counts) or `other` (it is left out)."""
    ledger: str = "00"
    """Id of the general ledger, whose periods must be open."""
    page_size: int = 1000
    batch_parts: int = 100
    """Most reads in one `$batch` (facts/ifs.md 8: the limit is not documented); 0 sends every read by itself."""
    batch_from: int = 100
    """Suppliers from which their details are read in batches; fewer go singly, because a batch of reads travels as a
    POST, which a tenant's own log takes for a change."""
    vouchers: VoucherProfile = VoucherProfile()
    """Where vouchers are entered and read, and under which names."""
    writes: WritingProfile = WritingProfile()
    """Where and under which names we write requisitions, suppliers, code values, order lines and invoices."""

    def sets(self) -> dict[str, SetProfile]:
        """Every kind of row by our word for it, in the order in which a check looks at them."""
        words = ("company", "site", "project", "activity", "dimension", "account", "supplier", "order", "order_line")
        return {word: getattr(self, word) for word in words}

    def finance_sets(self) -> dict[str, SetProfile]:
        """The same for what only the flows of money need; orders go without any of them."""
        return {word: getattr(self, word) for word in finance.WITHOUT}

    def way_back_sets(self) -> dict[str, SetProfile]:
        """The sets that what comes back from Procore is written to and found again in, by their profile entry.

        A set that is not named, as manual supplier invoices are not until somebody chooses that route, is left out.
        """
        found = {f"vouchers.{word}": getattr(self.vouchers, word) for word in finance.VOUCHER_SETS}
        for word in finance.WRITE_SETS:
            where: WriteSet = getattr(self.writes, word)
            if where.place:
                found[f"writes.{word}"] = where.as_read()
        return found

    def ended_states(self) -> tuple[str, ...]:
        """Identifiers of the states in which an order is finished, in the tenant's spelling."""
        ended = (OrderState.CLOSED.value, OrderState.CANCELLED.value)
        return tuple(name for name, ours in self.order_states.items() if ours in ended)


def profile_from(overrides: Mapping[str, Any]) -> Profile:
    """The default profile with `overrides` laid over it, table by table (a connection's TOML). Raises BadInput."""
    merged = _laid_over(msgspec.to_builtins(Profile()), overrides)
    try:
        profile = msgspec.convert(merged, Profile)
    except msgspec.ValidationError as error:
        raise BadInput(f"The IFS profile cannot be used: {error}.", remedy="Mend the [erp.profile] table.") from None
    unknown = set(profile.order_states.values()) - {state.value for state in OrderState}
    if unknown:
        raise BadInput(f"The IFS profile maps a state to {sorted(unknown)[0]!r}, which is none of ours.")
    unknown = set(profile.invoice_states.values()) - {state.value for state in InvoiceState}
    if unknown:
        raise BadInput(f"The IFS profile maps an invoice state to {sorted(unknown)[0]!r}, which is none of ours.")
    if not 1 <= profile.page_size < 5000:
        raise BadInput("The page size of the IFS profile must be between 1 and 4999 rows.")
    if not 0 <= profile.batch_parts <= 1000:
        raise BadInput("The batch_parts of the IFS profile must be between 0 (no batches) and 1000.")
    check_writing(profile.writes)
    check_vouchers(profile.vouchers)
    return profile


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        merged[name] = _laid_over(under, value) if isinstance(under, dict) and isinstance(value, Mapping) else value
    return merged
