"""Every projection this tenant has, found by name, and the ones known to exist that are not modelled."""

from __future__ import annotations

from ml_connector.sandbox.ifs.catalog_accounting import ACCOUNTING
from ml_connector.sandbox.ifs.catalog_organisation import ORGANISATION
from ml_connector.sandbox.ifs.catalog_purchasing import PURCHASING
from ml_connector.sandbox.ifs.catalog_suppliers import SUPPLIERS
from ml_connector.sandbox.ifs.model import LogicalUnit, Projection

PROJECTIONS: dict[str, Projection] = {one.name: one for one in (*PURCHASING, *SUPPLIERS, *ORGANISATION, *ACCOUNTING)}
"""Projection by name without `.svc`."""

NOT_MODELLED = frozenset(
    [
        "PurchaseRequisitionHandling",
        "PurchaseRequisitionsHandling",
        "PurchaseRequisitionEntity",
        "PurchaseOrderLinesHistoryAnalysis",
        "PurchaseOrderLinePartEntity",
        "ConfirmPurchaseOrderWithDifferences",
        "ManualSupplierInvoiceHandling",
        "ManSuppInvoiceHandling",
        "ManSuppInvoiceEntity",
        "SupplierInvoicesHandling",
        "SupplierInvoicesAnalysis",
        "SupplierInvoiceHandling",
        "IncomingSupplierInvoiceHandling",
        "IncomingInvoiceEntity",
        "PostingProposalHandling",
        "LedgerItemEntity",
        "InvoiceLedgerItemEntity",
        "SubContractHandling",
        "SubContractValuationHandling",
        "VoucherHandling",
        "VoucherEntryAssistantHandling",
        "ApproveVouchersHandling",
        "VouchersAnalysis",
        "VoucherDetailsAnalysis",
        "VoucherRowsAnalysis",
        "ProjectVoucherRowsAnalysis",
        "NotUpdatedVoucherAnalysis",
        "VoucherTemplateHandling",
        "MultiCompanyVoucherHandling",
        "ExternalVoucherAssistantHandling",
        "ExternalVouchers",
        "ExternalVoucherLoadInformationHandling",
        "ExternalVoucherBasicDataHandling",
        "CompanyHandling",
        "UserGroupsHandling",
        "UserRelatedData",
        "VoucherTypeHandling",
        "AccountingPeriodsHandling",
        "CurrencyCodesHandling",
        "CurrencyRatesHandling",
        "PaymentTermsHandling",
        "PaymentTermHandling",
        "TaxCodesHandling",
        "ProcessCodesHandling",
        "PostingControlHandling",
        "CombinationRulesHandling",
        "CostRevElementsHanding",
        "CostRevenueElementPerCodePartValueHandling",
        "ProjectHandling",
        "ProjectEntity",
        "ProjectScopeAndScheduleHandling",
        "ActivityTaskEntity",
        "ProjectMonitoringHandling",
        "ActivityService",
        "ActivityEntity",
        "DocReferenceObjectAttachmentHandling",
        "UserGroupPerVoucherSeriesHandling",
        "UserRelatedVoucherData",
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
        "AdditionalCodePartsSet",
        "MultiCompanyAccountSet",
        "SupplierPayments",
        "SupplierInfoContacts",
        "SupplierDeliveryTaxInfoArray",
        "SupplierAddresses",
        "MessageSetups",
        "SuppOutboundAddrInfoArray",
        "SubProjectRef",
        "AccountingProjectRef",
        "CustomerIdRef",
        "AccountingCodestrComplArray",
        "UserFinanceArray",
        "$openapi",
        "$count",
        "$value",
        "$ref",
        "$crossjoin",
    ]
)
"""Members of modelled projections that facts/ifs.md names and this simulation refuses with 501."""


def logical_units() -> dict[str, LogicalUnit]:
    """Every logical unit that some projection shows, by name."""
    return {entity.lu.name: entity.lu for one in PROJECTIONS.values() for entity in one.entities}
