"""Vouchers: virtual ones in the entry assistant, those in the hold table, those in the ledger (facts/ifs.md 11.9)."""

from __future__ import annotations

from ml_connector.sandbox.ifs.catalog_accounting import YES_NO
from ml_connector.sandbox.ifs.catalog_organisation import AMOUNT_METHOD
from ml_connector.sandbox.ifs.catalog_purchasing import states
from ml_connector.sandbox.ifs.catalog_suppliers import PARTY_TYPE
from ml_connector.sandbox.ifs.model import (
    Action,
    Entity,
    EntitySet,
    EnumType,
    Kind,
    LogicalUnit,
    Nav,
    Projection,
    attributes,
)

STATUS_OF_STATE = {
    "Waiting": "NotApproved",
    "AwaitingApproval": "AwaitingApproval",
    "PartiallyApproved": "PartiallyApproved",
    "Confirmed": "Approved",
    "Error": "Error",
    "Cancelled": "Cancelled",
}
"""State in the database to the status callers see: the two names of one thing (facts 11.9)."""

VOUCHER_STATE = states("VoucherState", *STATUS_OF_STATE)
VOUCHER_STATUS = EnumType("VoucherStatus", tuple((status, state) for state, status in STATUS_OF_STATE.items()))
TAX_DIRECTION = states("TaxDirection", "TaxReceived", "TaxDisbursed", "NoTax")
_ENUMS = (VOUCHER_STATE, VOUCHER_STATUS, TAX_DIRECTION, YES_NO, AMOUNT_METHOD, PARTY_TYPE)

_KEY = """
    Company* text 20
    VoucherType* text 3
    AccountingYear* int
    VoucherNo* int
    """
_REFERENCES = """
    VoucherTypeReference text 3 new
    VoucherNoReference int new
    AccountingYearReference int new
    """
_HEAD = f"""
    VoucherDate! date
    UserGroup text 30
    AccountingPeriod int read
    DateReg date read
    Userid text 30 read
    VoucherText2 text 2000
    AmountMethod DefAmountMethod
    UseCorrectionRows bool
    FunctionGroup text 10 read
    {_REFERENCES}
    InterimVoucher FinanceYesNo
    """
_ROW = """
    Account! text 20
    CodeB,CodeC,CodeD,CodeE,CodeF,CodeG,CodeH,CodeI,CodeJ text 20
    CurrencyCode text 3
    CurrencyRateType text 10
    CurrencyRate,ConversionFactor dec
    CurrencyDebetAmount,CurrencyCreditAmount dec
    CurrencyAmount dec read
    DebetAmount,CreditAmount dec
    Amount dec read
    ThirdCurrencyDebitAmount,ThirdCurrencyCreditAmount dec
    Quantity dec
    Text text 200
    ProcessCode text 10
    OptionalCode text 20
    TaxDirection TaxDirection
    TaxAmount,CurrencyTaxAmount,TaxBaseAmount dec
    ProjectId text 10 read
    ProjectActivityId int
    ReferenceSerie text 50
    ReferenceNumber text 50
    PartyType PartyType
    PartyTypeId text 20
    TransCode text 100
    RowGroupId int
    AccountingPeriod int read
    AutoTaxVouEntry bool read
    UpdateError text 200 read
    DelivTypeId text 20
    """

VOUCHER = LogicalUnit(
    "Voucher",
    attributes(
        f"""{_KEY}
        Objstate VoucherState read
        VoucherStatus VoucherStatus read
        {_HEAD}
        ApprovedByUserid text 30 read
        ApprovalDate date read
        SecondApproverId text 30 read
        CurrencyBalance,Balance dec read
        SimulationVoucher bool read
        ApprovalRuleId text 20 read
        UpdateError text 200 read
        MultiCompanyId text 20 read
        """,
        _ENUMS,
    ),
)
ROW = LogicalUnit("VoucherRow", attributes(f"{_KEY}\nRowNo* int\n{_ROW}", _ENUMS))
APPROVER = LogicalUnit("VoucherApprover", attributes(f"{_KEY}\nApproverNo* int\nApproverId text 30\nApprovalDate date"))
VIRTUAL = LogicalUnit(
    "VoucherEntryVirtual",
    attributes(
        f"""
        Objkey* text 50
        Company! text 20
        VoucherType! text 3
        VoucherNo int
        AccountingYear int read
        VoucherStatus VoucherStatus
        {_HEAD}
        CreatedAt stamp hidden
        """,
        _ENUMS,
    ),
)
VIRTUAL_ROW = LogicalUnit(
    "VoucherPostingVirtual",
    attributes(f"Objkey* text 50\nHeadObjkey text 50 hidden\nRowNo int read\n{_ROW}", _ENUMS),
)
LEDGER_VOUCHER = LogicalUnit("GenLedVoucher", VOUCHER.attributes)
LEDGER_ROW = LogicalUnit("GenLedVoucherRow", ROW.attributes)

EVENTS = ("ReadyToUpdate", "ReadyApprove", "DelayUpdate", "CancelApprove")
_TO_ROW = tuple((key, key) for key in ("Company", "VoucherType", "AccountingYear", "VoucherNo"))


def _reading(
    projection: str, text: str, entity_set: str, entity: str, lu: LogicalUnit, service: bool = False
) -> Projection:
    return Projection(
        projection, text, (Entity(entity, lu),), (EntitySet(entity_set, entity, "R"),), entity_service=service
    )


_ENTRY = Entity(
    "VoucherEntry",
    VOUCHER,
    navs=(
        Nav("VoucherPostingArray", "VoucherPosting", _TO_ROW),
        Nav("VoucherRowArray", "VoucherRow", _TO_ROW, crud="R"),
        Nav("VoucherApproversArray", "VoucherApprover", _TO_ROW, crud="R"),
    ),
    events=EVENTS,
)
_ASSISTANT = Entity(
    "VoucherEntry",
    VIRTUAL,
    navs=(Nav("VoucherPostingArray", "VoucherPosting", (("Objkey", "HeadObjkey"),)),),
    actions=(Action("CreateVoucher", result=Kind.INTEGER), Action("RemoveTempVoucher")),
)
_APPROVE = Action(
    "VouchApproval",
    (
        ("Company", Kind.TEXT),
        ("AccountingYear", Kind.INTEGER),
        ("VoucherType", Kind.TEXT),
        ("VoucherNo", Kind.INTEGER),
        ("UserGroup", Kind.TEXT),
    ),
    optional=frozenset({"UserGroup"}),
)

VOUCHERS = (
    Projection(
        "VoucherEntryAssistantHandling",
        "Entry of new vouchers, on virtual rows",
        (_ASSISTANT, Entity("VoucherPosting", VIRTUAL_ROW)),
        (EntitySet("VoucherSet", "VoucherEntry"),),
        actions=(Action("ValidateVoucherPosting", (("Objkey", Kind.TEXT),)),),
    ),
    Projection(
        "VoucherHandling",
        "Vouchers in the hold table",
        (_ENTRY, Entity("VoucherPosting", ROW), Entity("VoucherRow", ROW), Entity("VoucherApprover", APPROVER)),
        (EntitySet("VoucherSet", "VoucherEntry", "RU"),),
    ),
    Projection(
        "ApproveVouchersHandling",
        "Approval of many vouchers",
        (Entity("VoucherApproval", VOUCHER),),
        (EntitySet("VoucherApprovalSet", "VoucherApproval", "R"),),
        actions=(_APPROVE,),
    ),
    _reading("VouchersAnalysis", "Vouchers in the hold table", "VoucherSet", "Voucher", VOUCHER),
    Projection(
        "VoucherDetailsAnalysis",
        "A voucher with its rows",
        (
            Entity("Voucher", VOUCHER, navs=(Nav("VoucherRowArray", "VoucherRow", _TO_ROW, crud="R"),)),
            Entity("VoucherRow", ROW),
        ),
        (EntitySet("VoucherSet", "Voucher", "R"),),
    ),
    _reading("VoucherRowsAnalysis", "Rows of vouchers in the hold table", "VoucherRowSet", "VoucherRow", ROW),
    _reading("ProjectVoucherRowsAnalysis", "The same, for projects", "VoucherRowQuerySet", "VoucherRow", ROW),
    _reading("NotUpdatedVoucherAnalysis", "Vouchers not yet in the ledger", "VoucherSet", "Voucher", VOUCHER),
    _reading("GenLedVouchersAnalysis", "Vouchers in the ledger", "GenLedVoucherSet", "GenLedVoucher", LEDGER_VOUCHER),
    _reading("GenLedVoucherRowsAnalysis", "Rows in the ledger", "GenLedVoucherRowSet", "GenLedVoucherRow", LEDGER_ROW),
    _reading(
        "GenLedVoucherEntity",
        "Entity service of GenLedVoucher",
        "GenLedVoucherSet",
        "GenLedVoucher",
        LEDGER_VOUCHER,
        service=True,
    ),
    _reading(
        "GenLedVoucherRowEntity",
        "Entity service of GenLedVoucherRow",
        "GenLedVoucherRowSet",
        "GenLedVoucherRow",
        LEDGER_ROW,
        service=True,
    ),
)
