"""Basic data of accounting: settings, user groups, voucher types, periods, currencies, terms, taxes (facts 11.1).

Attribute and array names that the facts do not give are guesses in the vendor's manner; coverage says which.
"""

from __future__ import annotations

from ml_connector.sandbox.ifs.catalog_accounting import YES_NO
from ml_connector.sandbox.ifs.catalog_organisation import COMPANY
from ml_connector.sandbox.ifs.catalog_purchasing import states
from ml_connector.sandbox.ifs.model import Entity, EntitySet, LogicalUnit, Nav, Projection, attributes

PERIOD_STATUS = states("AccPerStatus", "Open", "Closed")
YEAR_END = states("PeriodType", "YearOpening", "Ordinary", "YearClosing")
AUTHORIZE = states("AuthorizeLevel", "Approved", "NotApproved", "ApproveOnly")
FEE_TYPE = states("FeeType", "Tax", "UseTax", "CalculatedTax", "NoTax")
ALLOWED = states("AllowedOrBlocked", "Allowed", "Blocked")
_CODES = ",".join(f"Code{part}" for part in "BCDEFGHIJ")
_ENUMS = (YES_NO, PERIOD_STATUS, YEAR_END, AUTHORIZE, FEE_TYPE, ALLOWED)


def _unit(name: str, declaration: str) -> LogicalUnit:
    return LogicalUnit(name, attributes(declaration.replace("; ", "\n"), _ENUMS))


_UNITS = {
    unit.name: unit
    for unit in (
        _unit("Company", "Company* text 20; Name text 100; TemplateCompany bool read; SourceCompany text 20 read"),
        _unit(
            "CompanyInvoiceInfo",
            "Company* text 20; UniqueSuppInvNo bool; UsePostingProposal bool; PercentTolerance dec; "
            "AmountTolerance dec; VoucherAtInvEntry bool; SepInvAuth bool; MatchInvoiceAtArrival bool",
        ),
        _unit("CompanyProcurementInfo", "Company* text 20; AuthRoutingOption text 20; AllowChangesToPo bool"),
        _unit("UserFinance", "Company* text 20; Userid* text 30; DefaultCompany FinanceYesNo"),
        _unit(
            "UserGroupFinance",
            "Company* text 20; UserGroup* text 30; Description! text 100; AllowedAccountingPeriod text 20",
        ),
        _unit(
            "UserGroupMemberFinance",
            "Company* text 20; UserGroup* text 30; Userid* text 30; DefaultGroup FinanceYesNo",
        ),
        _unit(
            "VoucherType",
            "Company* text 20; VoucherType* text 3; Description! text 100; AutomaticAllot FinanceYesNo; "
            "UseApprovalWorkflow bool; SeparateUserApproval bool; SimulationVoucher bool; LedgerId text 10; "
            "SingleFunctionGroup bool",
        ),
        _unit(
            "VoucherTypeDetail",
            "Company* text 20; VoucherType* text 3; FunctionGroup* text 10; RowGroupValidation bool; "
            "ReferenceMandatory bool",
        ),
        _unit(
            "VoucherTypeUserGroup",
            "Company* text 20; AccountingYear* int; UserGroup* text 30; VoucherType* text 3; FunctionGroup text 10; "
            "AuthorizeLevel! AuthorizeLevel; DefaultType FinanceYesNo",
        ),
        _unit("AccountingYear", "Company* text 20; AccountingYear* int; YearStatus AccPerStatus"),
        _unit(
            "AccountingPeriod",
            "Company* text 20; AccountingYear* int; AccountingPeriod* int; Description text 100; DateFrom! date; "
            "DateUntil! date; YearEndPeriod PeriodType",
        ),
        _unit(
            "AccPeriodLedger",
            "Company* text 20; AccountingYear* int; AccountingPeriod* int; LedgerId* text 10; "
            "PeriodStatus! AccPerStatus",
        ),
        _unit(
            "UserGroupPeriod",
            "Company* text 20; AccountingYear* int; AccountingPeriod* int; UserGroup* text 30; "
            "PeriodStatus! AccPerStatus",
        ),
        _unit("CurrencyCode", "Company* text 20; CurrencyCode* text 3; Description text 100; CurrencyRounding int"),
        _unit("CurrencyType", "Company* text 20; CurrencyType* text 10; Description text 100; RefCurrencyCode text 3"),
        _unit(
            "CurrencyRate",
            "Company* text 20; CurrencyType* text 10; CurrencyCode* text 3; ValidFrom* date; CurrencyRate! dec; "
            "ConvFactor! dec; RefCurrencyCode text 3",
        ),
        _unit("PaymentTerm", "Company* text 20; PayTermId* text 20; Description! text 100"),
        _unit(
            "PaymentTermDetails",
            "Company* text 20; PayTermId* text 20; InstallmentNumber* int; DaysToDueDate! int; "
            "NetAmountPercentage! dec",
        ),
        _unit(
            "StatutoryFee",
            "Company* text 20; FeeCode* text 20; Description! text 100; FeeRate! dec; ValidFrom! date; "
            "ValidUntil! date; FeeType FeeType; VatReceived text 20; VatDisbursed text 20; Deductible dec",
        ),
        _unit(
            "AccountProcessCode",
            "Company* text 20; ProcessCode* text 10; Description! text 100; ValidFrom! date; ValidUntil! date",
        ),
        _unit(
            "PostingCtrl",
            "Company* text 20; PostingType* text 10; CodePart* text 1; Description text 100; ControlType text 10; "
            "FixedValue text 20",
        ),
        _unit(
            "PostingCtrlDetail",
            "Company* text 20; PostingType* text 10; CodePart* text 1; ControlTypeValue* text 20; "
            "CodePartValue! text 20",
        ),
        _unit(
            "AccountingCodestrComb",
            f"Company* text 20; CombRuleId* int; Account text 20; {_CODES} text 20; AllowedOrBlocked! AllowedOrBlocked",
        ),
        _unit(
            "ProjectCostElement",
            "Company* text 20; ProjectCostElement* text 100; Description! text 100; ElementType text 20; "
            "DefaultCostElement bool; DefaultNoBase bool",
        ),
        _unit(
            "CostElementToAccount",
            "Company* text 20; Account* text 20; ValidFrom* date; ProjectCostElement! text 100; CodePart text 1",
        ),
    )
}


def _entity(name: str, *navs: Nav) -> Entity:
    return Entity(name, _UNITS[name], navs=navs)


def _down(array: str, entity: str, *keys: str, crud: str = "CRUD") -> Nav:
    return Nav(array, entity, tuple((key, key) for key in keys), crud=crud)


def _flat(projection: str, text: str, entity_set: str, entity: str, crud: str = "CRUD") -> Projection:
    return Projection(projection, text, (_entity(entity),), (EntitySet(entity_set, entity, crud),))


_FINANCE_COMPANY = Entity("CompanyFinance", COMPANY, navs=(_down("UserFinanceArray", "UserFinance", "Company"),))
_GROUP = ("Company", "UserGroup")
_PERIOD = ("Company", "AccountingYear", "AccountingPeriod")
_CONTROL = ("Company", "PostingType", "CodePart")

FINANCE = (
    Projection(
        "UsersPerCompanyHandling",
        "Companies in accounting, with their base currency and users",
        (_FINANCE_COMPANY, _entity("UserFinance")),
        (EntitySet("CompanyFinanceSet", "CompanyFinance", "R"),),
    ),
    Projection(
        "CompanyHandling",
        "Company settings for supplier invoices and purchasing",
        (
            _entity(
                "Company",
                _down("CompanyInvoiceInfoArray", "CompanyInvoiceInfo", "Company", crud="RU"),
                _down("CompanyProcurementInfoArray", "CompanyProcurementInfo", "Company", crud="RU"),
            ),
            _entity("CompanyInvoiceInfo"),
            _entity("CompanyProcurementInfo"),
        ),
        (EntitySet("CompanySet", "Company", "R"),),
    ),
    Projection(
        "UserGroupsHandling",
        "User groups in accounting",
        (_entity("UserGroupFinance"),),
        (EntitySet("UserGroupFinanceSet", "UserGroupFinance"),),
    ),
    Projection(
        "UserRelatedData",
        "Companies and user groups with their members",
        (
            Entity("CompanyFinance", COMPANY),
            _entity("UserGroupFinance", _down("UserGroupMemberFinanceArray", "UserGroupMemberFinance", *_GROUP)),
            _entity("UserGroupMemberFinance"),
        ),
        (EntitySet("CompanyFinances", "CompanyFinance", "R"), EntitySet("UserGroupFinances", "UserGroupFinance", "R")),
    ),
    Projection(
        "VoucherTypeHandling",
        "Voucher types",
        (
            _entity("VoucherType", _down("VoucherTypeDetailArray", "VoucherTypeDetail", "Company", "VoucherType")),
            _entity("VoucherTypeDetail"),
        ),
        (EntitySet("VoucherTypes", "VoucherType"),),
    ),
    _flat(
        "UserGroupPerVoucherSeriesHandling",
        "Which user group may enter which voucher type",
        "VoucherTypeUserGroupSet",
        "VoucherTypeUserGroup",
    ),
    _flat("UserRelatedVoucherData", "The same, to read", "VoucherTypeUserGroupSet", "VoucherTypeUserGroup", "R"),
    Projection(
        "AccountingPeriodsHandling",
        "Accounting years and periods, open and closed",
        (
            _entity(
                "AccountingYear",
                _down("AccountingPeriodDetailArray", "AccountingPeriod", "Company", "AccountingYear", crud="R"),
            ),
            _entity(
                "AccountingPeriod",
                _down("AccPerDetailArray", "AccPeriodLedger", *_PERIOD, crud="RU"),
                _down("UserGroupPeriodArray", "UserGroupPeriod", *_PERIOD, crud="RU"),
            ),
            _entity("AccPeriodLedger"),
            _entity("UserGroupPeriod"),
        ),
        (EntitySet("AccountingYearSet", "AccountingYear", "R"),),
    ),
    _flat("CurrencyCodesHandling", "Currencies of a company", "CurrencyCodeSet", "CurrencyCode", "R"),
    Projection(
        "CurrencyRatesHandling",
        "Currency rates by type",
        (_entity("CurrencyType"), _entity("CurrencyRate")),
        (EntitySet("CurrencyTypeSet", "CurrencyType", "R"), EntitySet("CurrencyRateSet", "CurrencyRate", "R")),
    ),
    _flat("PaymentTermsHandling", "List of payment terms", "PaymentTermSet", "PaymentTerm", "R"),
    Projection(
        "PaymentTermHandling",
        "A payment term with its instalments",
        (
            _entity("PaymentTerm", _down("PaymentTermDetailsArray", "PaymentTermDetails", "Company", "PayTermId")),
            _entity("PaymentTermDetails"),
        ),
        (EntitySet("PaymentTermSet", "PaymentTerm"),),
    ),
    _flat("TaxCodesHandling", "Tax codes", "TaxCodeSet", "StatutoryFee"),
    _flat("ProcessCodesHandling", "Process codes", "AccountProcessCodeSet", "AccountProcessCode"),
    Projection(
        "PostingControlHandling",
        "Which account each posting type leads to",
        (
            _entity("PostingCtrl", _down("PostingCtrlDetailArray", "PostingCtrlDetail", *_CONTROL)),
            _entity("PostingCtrlDetail"),
        ),
        (EntitySet("PostingCtrlSet", "PostingCtrl"),),
    ),
    _flat(
        "CombinationRulesHandling",
        "Allowed and blocked code strings",
        "AccountingCodestrCombSet",
        "AccountingCodestrComb",
    ),
    _flat("CostRevElementsHanding", "Project cost elements", "ProjectCostElementSet", "ProjectCostElement"),
    _flat(
        "CostRevenueElementPerCodePartValueHandling",
        "Cost element of each account",
        "CostElementToAccountSet",
        "CostElementToAccount",
    ),
)
