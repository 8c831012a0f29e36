"""Every projection this tenant has, found by name, and the ones known to exist that are not modelled."""

from __future__ import annotations

from ml_connector.sandbox.ifs.catalog_accounting import ACCOUNTING
from ml_connector.sandbox.ifs.catalog_finance import FINANCE
from ml_connector.sandbox.ifs.catalog_invoices import INVOICES
from ml_connector.sandbox.ifs.catalog_organisation import ORGANISATION, PROJECT_ESTIMATE
from ml_connector.sandbox.ifs.catalog_purchasing import PURCHASING
from ml_connector.sandbox.ifs.catalog_receipts import RECEIPTS
from ml_connector.sandbox.ifs.catalog_requisitions import REQUISITIONS
from ml_connector.sandbox.ifs.catalog_suppliers import SUPPLIERS
from ml_connector.sandbox.ifs.catalog_vouchers import VOUCHERS
from ml_connector.sandbox.ifs.model import LogicalUnit, Projection

_DECLARED = (
    *PURCHASING, *REQUISITIONS, *RECEIPTS, *SUPPLIERS, *ORGANISATION, *ACCOUNTING, *FINANCE, *INVOICES, *VOUCHERS,
)  # fmt: skip
PROJECTIONS: dict[str, Projection] = {one.name: one for one in _DECLARED}
"""Projection by name without `.svc`."""

NOT_MODELLED = frozenset(
    [
        "PurchaseOrderLinePartEntity",
        "ConfirmPurchaseOrderWithDifferences",
        "IncomingSupplierInvoiceHandling",
        "IncomingInvoiceEntity",
        "PostingProposalHandling",
        "SubContractHandling",
        "SubContractValuationHandling",
        "VoucherTemplateHandling",
        "MultiCompanyVoucherHandling",
        "ExternalVoucherAssistantHandling",
        "ExternalVouchers",
        "ExternalVoucherLoadInformationHandling",
        "ExternalVoucherBasicDataHandling",
        "ProjectHandling",
        "ProjectEntity",
        "ProjectScopeAndScheduleHandling",
        "ActivityTaskEntity",
        "ActivityService",
        "ActivityEntity",
        "DocReferenceObjectAttachmentHandling",
        "CodeKHandling",
        "CodeLHandling",
        "CodeNHandling",
        "CodeOHandling",
        "CodePHandling",
        "CodeQHandling",
        "CodeRHandling",
        "CodeSHandling",
        "CodeTHandling",
    ]
)
"""Services named in facts/ifs.md that this simulation refuses with 501 rather than pretend they are missing."""

MEMBERS_NOT_MODELLED = frozenset(
    [
        "CopyPurchaseOrderLines",
        "CopyGenledVoucher",
        "CopyTemplateRows",
        "CompanyPayments",
        "CompanyInvoiceSuppInvWorkflows",
        "ProjectAnalysisArray",
        "AdditionalCodePartsSet",
        "MultiCompanyAccountSet",
        "SupplierInfoContacts",
        "SupplierDeliveryTaxInfoArray",
        "SupplierAddresses",
        "MessageSetups",
        "SuppOutboundAddrInfoArray",
        "SubProjectRef",
        "CustomerIdRef",
        "AccountingCodestrComplArray",
        "$openapi",
        "$count",
        "$value",
        "$ref",
        "$crossjoin",
    ]
)
"""Members of modelled projections that facts/ifs.md names and this simulation refuses with 501."""


def logical_units() -> dict[str, LogicalUnit]:
    """Every logical unit that some projection shows, by name, and the estimate behind the cost of projects."""
    shown = {entity.lu.name: entity.lu for one in PROJECTIONS.values() for entity in one.entities}
    return {**shown, PROJECT_ESTIMATE.name: PROJECT_ESTIMATE}
