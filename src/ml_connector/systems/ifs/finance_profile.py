"""Where invoices, payments, estimates and the rules of the books are read, by the best names known (facts/ifs.md 11).

Names of invoice and payment projections are not confirmed by any public source: the best candidate is the default.
"""

from __future__ import annotations

from typing import Literal

from ml_connector.systems.ifs.set_profile import SetProfile, code_parts

INVOICE = SetProfile(
    "ManualSupplierInvoiceHandling",
    "ManSuppInvoiceSet",
    ("id",),
    {
        "company": "Company",
        "id": "InvoiceId",
        "vendor": "Identity",
        "number": "InvoiceNo",
        "series": "SeriesId",
        "state": "Objstate",
        "currency": "Currency",
        "dated": "InvoiceDate",
        "posted_on": "VoucherDate",
        "voucher_date": "VoucherDateRef",
        "due": "DueDate",
        "text": "VoucherText",
        "net": "NetCurrAmount",
        "tax": "VatCurrAmount",
        "credits": "CreditedInvoiceId",
        "order": "PoRefNumber",
    },
    (
        "ManSuppInvoiceHandling/ManSuppInvoiceSet",
        "SupplierInvoicesHandling/ManSuppInvoiceSet",
        "SupplierInvoicesAnalysis/ManSuppInvoiceSet",
        "SupplierInvoiceHandling/ManSuppInvoiceSet",
        "ManSuppInvoiceEntity/ManSuppInvoiceSet",
    ),
    number_keys=("id",),
    state_enum="ManSuppInvoiceState",
)
"""Headers of supplier invoices (11.5). `voucher_date` is the day of the voucher made, `posted_on` the one wanted."""

INVOICE_LINE = SetProfile(
    "SupplierInvoicePostingsAnalysis",
    "ManSuppInvoicePostingsSet",
    ("id", "line"),
    {
        "company": "Company",
        "id": "InvoiceId",
        "line": "RowId",
        "posting_type": "PostingType",
        "order": "OrderNo",
        "order_line": "LineNo",
        "order_release": "ReleaseNo",
        "receipt": "ReceiptNo",
        "quantity": "Quantity",
        "amount": "CurrAmount",
        "project": "ProjectId",
        "activity": "ProjectActivityId",
        "tax_code": "VatCode",
        "tax": "VatCurrAmount",
        "description": "Text",
        **code_parts(),
    },
    (
        "SupplierInvoicePostingsHandling/ManSuppInvoicePostingsSet",
        "ManSuppInvoicePostingsAnalysis/ManSuppInvoicePostingsSet",
        "ManSuppInvoicePostingsEntity/ManSuppInvoicePostingsSet",
    ),
    number_keys=("id", "line"),
)
"""Accounting rows of supplier invoices (11.5)."""

TAX_CODE = SetProfile(
    "TaxCodesHandling",
    "TaxCodeSet",
    ("code",),
    {"company": "Company", "code": "FeeCode", "rate": "FeeRate", "deductible": "Deductible"},
    ("StatutoryFeeEntity/StatutoryFeeSet",),
)
"""Tax codes (11.1)."""

PAYMENT = SetProfile(
    "LedgerTransactionsAnalysis",
    "LedgerTransactionSet",
    ("series", "payment", "transaction"),
    {
        "company": "Company",
        "series": "SeriesId",
        "payment": "PaymentId",
        "transaction": "TransId",
        "state": "Objstate",
        "party_type": "PartyType",
        "invoice": "InvoiceId",
        "dated": "PaymentDate",
        "currency": "Currency",
        "amount": "CurrAmount",
        "method": "WayId",
        "reference": "PaymentReference",
        "reverses": "ReversedPaymentId",
    },
    ("LedgerTransactionsHandling/LedgerTransactionSet", "LedgerTransactionEntity/LedgerTransactionSet"),
    number_keys=("payment", "transaction"),
)
"""Booked payments, a row for each ledger item they settle (11.5)."""

ESTIMATE = SetProfile(
    "ProjectMonitoringHandling",
    "Projects",
    ("activity", "element"),
    {
        "activity": "ActivitySeq",
        "element": "ProjectCostElement",
        "estimated": "Estimated",
        "planned": "Planned",
        "baseline": "Baseline",
    },
    number_keys=("activity",),
    nav="ProjectCostArray",
    above={"id": "ProjectId"},
)
"""A project's estimate by activity and cost element (11.12)."""

LEDGER_ACCOUNT = SetProfile(
    "AccountHandling",
    "AccountSet",
    ("id",),
    {
        "company": "Company",
        "id": "Account",
        "name": "Description",
        "valid_from": "ValidFrom",
        "valid_until": "ValidUntil",
        **{f"demand_{letter.lower()}": f"ReqCode{letter}" for letter in "BCDEFGHIJ"},
        "demand_quantity": "ReqQuantity",
        "demand_process_code": "ReqProcessCode",
        "demand_text": "ReqText",
        "ledger": "LedgFlag",
        "budget_only": "BudAccount",
        "no_follow_up": "ExcludeProjFollowup",
    },
    ("AccountsHandling/AccountSet",),
)
"""Accounts with what each demands of a posting (11.8)."""

CODE_PART = SetProfile(
    "DefineCodeStringHandling",
    "AccountingCodePartsSet",
    ("part",),
    {
        "company": "Company",
        "part": "CodePart",
        "name": "CodeName",
        "used": "CodePartUsed",
        "function": "CodePartFunction",
        "length": "MaxNumberOfChar",
    },
)
"""Definitions of the code parts (11.8)."""

BUDGET_VALUE = SetProfile(
    "Code{part}Handling",
    "Code{part}Set",
    ("value",),
    {"company": "Company", "value": "Code{part}", "budget": "BudgetValue"},
    ("CodePartValuesHandling/Code{part}Array",),
    state_enum="BudgetAccountFlag",
)
"""Values of one code part that are for budgets only (11.8); `{part}` stands for its letter."""

YEAR = SetProfile(
    "AccountingPeriodsHandling",
    "AccountingYearSet",
    ("year",),
    {"company": "Company", "year": "AccountingYear", "status": "YearStatus"},
    number_keys=("year",),
)
"""Accounting years; below them stand the periods (11.1)."""

PERIOD = SetProfile(
    "AccountingPeriodsHandling",
    "AccountingYearSet",
    ("period",),
    {"period": "AccountingPeriod", "start": "DateFrom", "until": "DateUntil", "kind": "YearEndPeriod"},
    number_keys=("period",),
    nav="AccountingPeriodDetailArray",
    above={"company": "Company", "year": "AccountingYear"},
)
"""Accounting periods of a year (11.1)."""

COMBINATION = SetProfile(
    "CombinationRulesHandling",
    "AccountingCodestrCombSet",
    ("id",),
    {
        "company": "Company",
        "id": "CombRuleId",
        **code_parts(),
        "code_a": "Account",
        "verdict": "AllowedOrBlocked",
    },
    number_keys=("id",),
)
"""Combination rules of code strings (11.8)."""

VOUCHER_RIGHT = SetProfile(
    "UserGroupPerVoucherSeriesHandling",
    "VoucherTypeUserGroupSet",
    ("year", "group", "type"),
    {
        "company": "Company",
        "year": "AccountingYear",
        "group": "UserGroup",
        "type": "VoucherType",
        "level": "AuthorizeLevel",
    },
    ("UserRelatedVoucherData/VoucherTypeUserGroupSet",),
    number_keys=("year",),
)
"""Which user group may enter which voucher type in which year (11.1)."""

USER_GROUP = SetProfile(
    "UserRelatedData",
    "UserGroupFinances",
    ("user",),
    {"user": "Userid", "default": "DefaultGroup"},
    ("UserGroupsHandling/UserGroupFinanceSet",),
    nav="UserGroupMemberFinanceArray",
    above={"company": "Company", "id": "UserGroup"},
)
"""User groups with their members (11.1)."""

ACCOUNTING_PROJECT = SetProfile(
    "ProjectsHandling",
    "Projects",
    ("state",),
    {"state": "Objstate"},
    nav="AccountingProjectRef",
    above={"company": "Company", "id": "ProjectId"},
)
"""How a project stands in accounting, by the reference every project has (11.12)."""

PERIOD_NAVS = {"ledger": "AccPerDetailArray", "group": "UserGroupPeriodArray"}
"""Below a period: whether it is open in a ledger and for a user group (11.1)."""

INVOICE_STATES = {
    "Preliminary": "preliminary",
    "Posted": "posted",
    "PostedAuth": "authorised",
    "PartlyPaidPosted": "partly_paid",
    "PaidPosted": "paid",
    "Cancelled": "cancelled",
}
"""The tenant's state of an invoice to ours (11.5)."""

PAYMENT_STATES: dict[str, Literal["booked", "other"]] = {"Booked": "booked", "Reversed": "booked"}
"""The tenant's state of a ledger transaction to `booked` (it counts; a reversed one too, beside its reversal) or
`other` (left out). No public source names these states."""

_VOUCHERS = "Without it a voucher is sent unchecked in this point, and IFS judges it"
WITHOUT = {
    "invoice": "Without it the flow supplier_invoices cannot run",
    "invoice_line": "Without it the flow supplier_invoices cannot run",
    "tax_code": "Without it the flow supplier_invoices cannot tell what tax is recoverable, and does not run",
    "payment": "Without it the flow payments cannot run",
    "estimate": "Without it the flow budgets cannot run",
    "ledger_account": _VOUCHERS,
    "code_part": _VOUCHERS,
    "budget_value": _VOUCHERS,
    "year": _VOUCHERS,
    "period": _VOUCHERS,
    "combination": _VOUCHERS,
    "voucher_right": _VOUCHERS,
    "user_group": _VOUCHERS,
    "accounting_project": _VOUCHERS,
}
"""Our word for each set to what cannot be done without it, a clause. Orders go without any of them."""

FLOWS = {
    "invoice": ("supplier_invoices",),
    "invoice_line": ("supplier_invoices",),
    "tax_code": ("supplier_invoices",),
    "payment": ("payments",),
    "estimate": ("budgets",),
}
"""Our word for a set to the flows that cannot run without it; without the others every flow runs."""

VOUCHER_SETS = ("entry", "held", "held_row", "ledger", "ledger_row")
"""The sets in which vouchers are entered and found again, by their words in [erp.profile.vouchers]."""

WRITE_SETS = {
    "requisition": ("subcontractor_invoices",),
    "requisition_line": ("subcontractor_invoices",),
    "invoice": ("subcontractor_invoices",),
}
"""The sets in [erp.profile.writes] that are read as well, to the flows that cannot run without them."""

BACK = ("subcontractor_invoices", "direct_costs")
"""Flows that enter vouchers."""
