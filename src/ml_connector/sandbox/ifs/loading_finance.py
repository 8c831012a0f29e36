"""The basic data of accounting that every tenant starts with: settings, people, types, periods, terms, taxes, control.

All of it is invented; a world needs only its company, its codes and its suppliers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.database import Database
from ml_connector.sandbox.ifs.rates import RATES
from ml_connector.sandbox.world import World

Store = Callable[[Database, str, Iterable[Mapping[str, Any]]], Any]
"""Stores rows of one logical unit through its defaults, past its checks."""

CONNECTOR, PEOPLE = "ML_CONNECTOR", ("AP_CLERK", "CONTROLLER")
GROUPS = {"AC": "Accounting", "AP": "Accounts payable, approval", "AI": "Interfaces"}
"""User groups: the connector enters under AI; AP may only approve vouchers of type M."""
VOUCHER_TYPES = {
    "M": ("Manual vouchers", "M", True),
    "X": ("Manual vouchers with typed numbers", "M", False),
    "I": ("Supplier invoices", "I", True),
    "P": ("Supplier payments", "U", True),
}
"""Voucher type: description, function group, whether the server numbers."""
TERMS = {"0": ((0, 100),), "10": ((10, 100),), "30": ((30, 100),), "45": ((45, 100),), "2X30": ((30, 50), (60, 50))}
"""Payment term: days and percentage of each instalment."""
TAXES = {"TAX0": ("No tax", "0"), "TAX7": ("Sales tax 7 percent", "7"), "TAX10": ("Sales tax 10 percent", "10")}
CONTROL = {
    "IP1": ("Cost of invoices without order", None),
    "IP2": ("Debt to suppliers", "2010"),
    "IP4": ("Tax on invoices", "2410"),
    "M10": ("Goods received", "2020"),
    "PP1": ("Bank", "1010"),
}
"""Posting type: our meaning of it, and its account. The facts give such names without meanings."""
ELEMENTS = {"MATERIAL": "4110", "SUBCONTRACT": "4120", "EQUIPMENT": "4130", "LABOR": "4140", "OTHER": "4150"}
"""Project cost element to the account it gathers."""
_LAST = date(2049, 12, 31)
_FIRST = date(2020, 1, 1)


def load_finance(db: Database, world: World, store: Store) -> None:
    """Fills the finance tables of an empty database."""
    company = {"Company": world.company}
    _settings(db, world, store)
    store(db, "UserFinance", ({**company, "Userid": user, "DefaultCompany": "Yes"} for user in (CONNECTOR, *PEOPLE)))
    store(db, "UserGroupFinance", ({**company, "UserGroup": one, "Description": text} for one, text in GROUPS.items()))
    members = [("AI", CONNECTOR, "Yes"), ("AP", CONNECTOR, "No"), *(("AC", person, "Yes") for person in PEOPLE)]
    store(
        db,
        "UserGroupMemberFinance",
        ({**company, "UserGroup": group, "Userid": user, "DefaultGroup": first} for group, user, first in members),
    )
    years = range(min(db.today().year, 2026) - 1, db.today().year + 2)
    _voucher_types(db, company, years, store)
    _periods(db, company, years, store)
    _currencies(db, world, store)
    _terms_and_taxes(db, company, store)
    _control(db, world, store)
    requisitioners = sorted({job.manager for job in world.sites} | {CONNECTOR})
    store(db, "PurchaseRequisitioner", ({"RequisitionerCode": one, "Name": one.title()} for one in requisitioners))


def _settings(db: Database, world: World, store: Store) -> None:
    company = {"Company": world.company}
    store(db, "Company", [{**company, "Name": world.company_name, "TemplateCompany": False}])
    flags = {
        "UsePostingProposal": False,
        "VoucherAtInvEntry": False,
        "SepInvAuth": False,
        "MatchInvoiceAtArrival": False,
    }
    tolerance = {"PercentTolerance": Decimal(0), "AmountTolerance": Decimal(0)}
    store(db, "CompanyInvoiceInfo", [{**company, "UniqueSuppInvNo": True, **flags, **tolerance}])
    store(db, "CompanyProcurementInfo", [{**company, "AllowChangesToPo": True}])
    projects = [("Project", job.project_id, job.name) for job in world.sites]
    born = {job.project_id for job in world.sites}
    values = [one for one in world.code_values if one.code_part == "E" and one.value not in born]
    projects += [("GeneralLedger", one.value, one.description) for one in values]
    store(
        db,
        "AccountingProject",
        (
            {**company, "ProjectId": number, "Description": name, "ProjectOrigin": origin, "Objstate": "Open"}
            for origin, number, name in projects
        ),
    )


def _voucher_types(db: Database, company: Mapping[str, Any], years: Iterable[int], store: Store) -> None:
    kinds = [{**company, "VoucherType": kind, "_": given} for kind, given in VOUCHER_TYPES.items()]
    no = dict.fromkeys(("UseApprovalWorkflow", "SeparateUserApproval", "SimulationVoucher"), False)
    for one in kinds:
        text, group, numbered = one.pop("_")
        allot = "Yes" if numbered else "No"
        flags = {"AutomaticAllot": allot, **no, "LedgerId": "00", "SingleFunctionGroup": True}
        store(db, "VoucherType", [{**one, "Description": text, **flags}])
        detail = {"FunctionGroup": group, "RowGroupValidation": False, "ReferenceMandatory": False}
        store(db, "VoucherTypeDetail", [{**one, **detail}])
        rights = [(group_id, "ApproveOnly" if group_id == "AP" else "Approved") for group_id in GROUPS]
        store(
            db,
            "VoucherTypeUserGroup",
            (
                {**one, "AccountingYear": year, "UserGroup": holder, "FunctionGroup": group, "AuthorizeLevel": level,
                 "DefaultType": "Yes" if one["VoucherType"] == "M" else "No"}
                for year in years for holder, level in rights
            ),
        )  # fmt: skip


def _periods(db: Database, company: Mapping[str, Any], years: Iterable[int], store: Store) -> None:
    """Twelve months a year; years before 2026 are closed."""
    months = list(_months(company, years))
    store(db, "AccountingYear", ({**company, "AccountingYear": year, "YearStatus": _status(year)} for year in years))
    store(db, "AccountingPeriod", months)
    keys = [{name: one[name] for name in ("Company", "AccountingYear", "AccountingPeriod")} for one in months]
    status = [{**one, "PeriodStatus": _status(one["AccountingYear"])} for one in keys]
    store(db, "AccPeriodLedger", ({**one, "LedgerId": "00"} for one in status))
    store(db, "UserGroupPeriod", ({**one, "UserGroup": group} for group in GROUPS for one in status))


def _status(year: int) -> str:
    return "Open" if year >= 2026 else "Closed"


def _months(company: Mapping[str, Any], years: Iterable[int]) -> Iterator[dict[str, Any]]:
    for year in years:
        for month in range(1, 13):
            first = date(year, month, 1)
            last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            key = {**company, "AccountingYear": year, "AccountingPeriod": month}
            yield {
                **key,
                "Description": f"{first:%B %Y}",
                "DateFrom": first,
                "DateUntil": last,
                "YearEndPeriod": "Ordinary",
            }


def _currencies(db: Database, world: World, store: Store) -> None:
    """Rates as everywhere in the sandbox; the Nordic ones are quoted for a hundred, which a reader must divide by."""
    company, base = {"Company": world.company}, RATES[world.base_currency]
    store(db, "CurrencyCode", ({**company, "CurrencyCode": code, "CurrencyRounding": 2} for code in RATES))
    kind = {**company, "CurrencyType": "1"}
    store(db, "CurrencyType", [{**kind, "Description": "Daily rates", "RefCurrencyCode": world.base_currency}])
    rows = []
    for code, value in RATES.items():
        factor = Decimal(100) if code in ("SEK", "NOK", "DKK") else Decimal(1)
        rate = {"CurrencyRate": value / base * factor, "ConvFactor": factor, "RefCurrencyCode": world.base_currency}
        rows.append({**kind, "CurrencyCode": code, "ValidFrom": _FIRST, **rate})
    store(db, "CurrencyRate", rows)


def _terms_and_taxes(db: Database, company: Mapping[str, Any], store: Store) -> None:
    texts = {term: f"{parts[0][0]} days net" if len(parts) == 1 else "Two instalments" for term, parts in TERMS.items()}
    store(db, "PaymentTerm", ({**company, "PayTermId": term, "Description": text} for term, text in texts.items()))
    store(
        db,
        "PaymentTermDetails",
        (
            {**company, "PayTermId": term, "InstallmentNumber": number, "DaysToDueDate": days,
             "NetAmountPercentage": Decimal(percent)}
            for term, parts in TERMS.items() for number, (days, percent) in enumerate(parts, start=1)
        ),
    )  # fmt: skip
    valid = {**company, "ValidFrom": _FIRST, "ValidUntil": _LAST}
    store(
        db,
        "StatutoryFee",
        (
            {**valid, "FeeCode": code, "Description": text, "FeeRate": Decimal(rate),
             "FeeType": "Tax" if rate != "0" else "NoTax", "Deductible": Decimal(100)}
            for code, (text, rate) in TAXES.items()
        ),
    )  # fmt: skip
    store(db, "AccountProcessCode", [{**valid, "ProcessCode": "10", "Description": "Project work"}])


def _control(db: Database, world: World, store: Store) -> None:
    company = {"Company": world.company}
    store(
        db,
        "PostingCtrl",
        (
            {**company, "PostingType": kind, "CodePart": "A", "Description": text,
             "ControlType": "AC1" if account else "AC7", "FixedValue": account}
            for kind, (text, account) in CONTROL.items()
        ),
    )  # fmt: skip
    _elements(db, company, world, store)
    known = [(one, account) for one, account in ELEMENTS.items() if db.find("Account", company["Company"], account)]
    store(
        db,
        "CostElementToAccount",
        (
            {**company, "Account": account, "ValidFrom": _FIRST, "ProjectCostElement": one, "CodePart": "A"}
            for one, account in known
        ),
    )


def _elements(db: Database, company: Mapping[str, Any], world: World, store: Store) -> None:
    """Elements that gather cost by account, and where projects are estimated one for each cost code and cost type.

    Those have no account: an estimate is made before anybody knows where its cost will be posted.
    """
    texts = {one: one.title() for one in ELEMENTS}
    if world.estimates:
        codes = [one for one in world.code_values if one.code_part == "B"]
        kinds = [(kind, name.lower()) for kind, name, _ in world.cost_types]
        texts |= {f"{one.value}-{kind}": f"{one.description}, {name}" for one in codes for kind, name in kinds}
    default = {"ElementType": "COST", "DefaultNoBase": False}
    store(
        db,
        "ProjectCostElement",
        (
            {**company, "ProjectCostElement": one, "Description": text, "DefaultCostElement": one == "OTHER"} | default
            for one, text in texts.items()
        ),
    )
