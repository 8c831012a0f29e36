"""Code parts, their values and the accounts (facts/ifs.md 11.7 and 11.8)."""

from __future__ import annotations

from ml_connector.sandbox.ifs.catalog_organisation import COMPANY
from ml_connector.sandbox.ifs.catalog_purchasing import states
from ml_connector.sandbox.ifs.model import (
    Entity,
    EntitySet,
    EnumType,
    Function,
    Kind,
    LogicalUnit,
    Nav,
    Projection,
    attributes,
)

VALUE_PARTS = "BCDEFGHIJ"
"""The code parts beside the account (A) that have a value set of their own."""

YES_NO = EnumType("FinanceYesNo", (("Yes", "Y"), ("No", "N")))
LOGICAL_PART = states("LogicalCodePart", "CostCenter", "Project", "Object", "NotUsed")
PART_FUNCTION = states("AccountingCodePartFunction", "NOFUNC", "PRACC", "FAACC", "ELIM", "CURR", "INTERN")
BUDGET = EnumType("BudgetAccountFlag", (("BudgetAccount", "Y"), ("NotBudgetAccount", "N")))
ACCOUNT_TYPE = EnumType(
    "AccountType",
    (
        ("Assets", "A"),
        ("Liabilities", "L"),
        ("Revenues", "R"),
        ("Cost", "C"),
        ("Statistics", "S"),
        ("StatisticsOpeningBalance", "O"),
    ),
)
DEMAND = EnumType("AccountRequest", (("Can", "K"), ("Mandatory", "M"), ("Blocked", "S")))
TEXT_DEMAND = EnumType("AccountRequestText", (("Can", "K"), ("Mandatory", "M")))
LEDGER = EnumType("LedgerFlag", (("LedgerAccount", "Y"), ("NotLedgerAccount", "N")))
TAX = EnumType("TaxHandlingValue", (("Restricted", "RESTRICTED"), ("All", "ALL"), ("Blocked", "BLOCKED")))

CODE_PARTS = LogicalUnit(
    "AccountingCodeParts",
    attributes(
        """
        Company* text 20
        CodePart* text 1
        CodeName! text 20
        Description! text 100
        CodePartUsed FinanceYesNo
        CodePartUsedDb bool read
        CodePartFunction AccountingCodePartFunction
        MaxNumberOfChar! int
        LogicalCodePart LogicalCodePart
        BaseForPfe FinanceYesNo
        ViewName text 30 read
        PkgName text 30 read
        """,
        (YES_NO, LOGICAL_PART, PART_FUNCTION),
    ),
)


def _value_unit(part: str) -> LogicalUnit:
    declaration = f"""
        Company* text 20
        Code{part}* text 20
        CodePart text 1 read
        Description! text 100
        ValidFrom! date
        ValidUntil! date
        AccountingTextId int
        Text text 2000
        SortValue text 20 read
        BudgetValue BudgetAccountFlag
        """
    return LogicalUnit(f"Code{part}", attributes(declaration, (BUDGET,)))


VALUES = {part: _value_unit(part) for part in VALUE_PARTS}
"""The logical unit of each code part's values: B is CodeB, and so on."""

_DEMANDS = ",".join(f"ReqCode{part}" for part in VALUE_PARTS)
_BUDGET_DEMANDS = ",".join(f"ReqBudgetCode{part}" for part in VALUE_PARTS)
ACCOUNT = LogicalUnit(
    "Account",
    attributes(
        f"""
        Company* text 20
        Account* text 20
        Description! text 100
        ValidFrom! date
        ValidUntil! date
        AccntGroup! text 20
        AccntType! text 20
        LogicalAccountType AccountType
        {_DEMANDS},ReqQuantity,ReqProcessCode AccountRequest
        ReqText AccountRequestText
        {_BUDGET_DEMANDS},ReqBudgetQuantity AccountRequest
        LedgFlag LedgerFlag
        CurrBalance FinanceYesNo
        BudAccount FinanceYesNo
        StatAccount FinanceYesNo
        TaxHandlingValue TaxHandlingValue
        TaxCodeMandatory bool
        ProcessCode text 10
        ExcludeProjFollowup bool
        Text text 2000
        SortValue text 20 read
        """,
        (ACCOUNT_TYPE, DEMAND, TEXT_DEMAND, LEDGER, YES_NO, TAX),
    ),
)
ANY_VALUE = LogicalUnit(
    "AccountingCodePartValue",
    attributes(
        """
        Company* text 20
        CodePart* text 1
        CodePartValue* text 20
        Description text 100
        ValidFrom date
        ValidUntil date
        CodePartName text 20
        CodeStringCompletionExists bool
        ReportingEntity text 20
        Text text 2000
        SortValue text 20
        """
    ),
)

_IN_COMPANY = (("Company", "Company"),)
_VALUE_ENTITIES = tuple(Entity(f"Code{part}", VALUES[part]) for part in VALUE_PARTS)

ACCOUNTING = (
    Projection(
        "DefineCodeStringHandling",
        "Which code parts a company uses",
        (Entity("AccountingCodeParts", CODE_PARTS),),
        (EntitySet("AccountingCodePartsSet", "AccountingCodeParts", "RU"),),
        (Function("GetBaseCodePart", (("Company", Kind.TEXT),), Kind.TEXT),),
    ),
    *(
        Projection(
            f"Code{part}Handling",
            f"Values of code part {part}",
            (Entity(f"Code{part}", VALUES[part]),),
            (EntitySet(f"Code{part}Set", f"Code{part}"),),
        )
        for part in VALUE_PARTS
    ),
    Projection(
        "CodePartValuesHandling",
        "Values of all code parts of a company",
        (
            Entity(
                "CompanyFinance",
                COMPANY,
                navs=tuple(Nav(f"Code{part}Array", f"Code{part}", _IN_COMPANY) for part in VALUE_PARTS),
            ),
            *_VALUE_ENTITIES,
        ),
        (EntitySet("CompanyFinanceSet", "CompanyFinance", "R"),),
    ),
    Projection(
        "CodeStringCompletionHandling",
        "All code part values in one list",
        (Entity("AccountingCodePartValue", ANY_VALUE),),
        (EntitySet("AccountingCodePartValueSet", "AccountingCodePartValue", "R"),),
    ),
    Projection(
        "AccountingCodePartValueEntity",
        "Entity service of AccountingCodePartValue",
        (Entity("AccountingCodePartValue", ANY_VALUE),),
        (EntitySet("AccountingCodePartValueSet", "AccountingCodePartValue", "R"),),
        entity_service=True,
    ),
    Projection("AccountHandling", "An account", (Entity("Account", ACCOUNT),), (EntitySet("AccountSet", "Account"),)),
    Projection(
        "AccountsHandling",
        "List of accounts",
        (Entity("Account", ACCOUNT),),
        (EntitySet("AccountSet", "Account", "R"),),
    ),
)
