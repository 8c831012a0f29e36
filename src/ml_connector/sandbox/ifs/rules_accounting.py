"""What the database does around code parts and their values; constants as in facts/ifs.md 11.8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_connector.sandbox.ifs.catalog_accounting import VALUE_PARTS
from ml_connector.sandbox.ifs.database import Database, Row, Rules
from ml_connector.sandbox.ifs.refusals import RULE, USED, RuleBroken


def part_of(lu: str) -> str:
    """The code part whose values a logical unit holds: A for Account, B for CodeB."""
    return "A" if lu == "Account" else lu.removeprefix("Code")


def _rules_for(lu: str) -> Rules:
    part = part_of(lu)

    def fill(db: Database, values: dict[str, Any]) -> None:
        for name, default in (_ACCOUNT_DEFAULTS if part == "A" else _VALUE_DEFAULTS).items():
            if values.get(name) is None:
                values[name] = default

    def check(db: Database, new: dict[str, Any], old: Row | None) -> None:
        _check_part(db, lu, part, new["Company"])
        _refuse_from_source(db, lu, new["Company"], "NODIRECTINSERT")
        _check_value(db, lu, part, new)

    def derive(db: Database, values: dict[str, Any]) -> None:
        values["SortValue"] = values.get(lu)
        if part != "A":
            values["CodePart"] = part

    def saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
        shown = _shown(db, lu, part, row)
        present = db.find("AccountingCodePartValue", row["Company"], part, row[lu])
        if present is None:
            db.insert(db.table("AccountingCodePartValue").lu, shown)
        else:
            db.update(present, shown)

    def remove(db: Database, row: Row) -> None:
        _check_part(db, lu, part, row["Company"])
        _refuse_from_source(db, lu, row["Company"], "NODIRECTREMOVE")
        _refuse_used(db, lu, part, row[lu])

    def removed(db: Database, row: Row) -> None:
        present = db.find("AccountingCodePartValue", row["Company"], part, row[lu])
        if present is not None:
            db.delete(present)

    return Rules(fill, check, derive, saved, remove, removed)


def _refuse_from_source(db: Database, lu: str, company: str, constant: str) -> None:
    """A company that receives its basic data from a source company keeps none of its own."""
    row = db.find("Company", company)
    if row is not None and row["SourceCompany"] is not None:
        text = f"Company {company} receives these values from company {row['SourceCompany']}."
        raise RuleBroken(RULE, f"{lu}.{constant}", text)


def _refuse_used(db: Database, lu: str, part: str, value: str) -> None:
    """Looks where the value is used: hold table, ledger, posting control, then documents (facts 11.8).

    Which of the two constants for posting control means what is a guess.
    """
    code, account = f"Code{part}", "Account" if part == "A" else f"Code{part}"
    places = (
        ("VoucherRow", account, RULE, f"CODE{part}EXISTSVOUCHER", "vouchers in the hold table"),
        ("GenLedVoucherRow", account, RULE, "CODEPARTEXISTS", "vouchers in the ledger"),
        ("PostingCtrl", "FixedValue", RULE, f"CODE{part}POSTEXISTS", "posting control"),
        ("PostingCtrlDetail", "CodePartValue", RULE, "EXISTCTRL", "details of posting control"),
        ("PurchaseOrderLine", code, USED, "CONSTRAINT", "purchase order lines"),
        ("PurchaseReqLine", code, USED, "CONSTRAINT", "requisition lines"),
        ("ManSuppInvoicePostings", code, USED, "CONSTRAINT", "supplier invoices"),
    )
    for table, name, number, constant, words in places:
        rows = db.table(table)
        place = rows.lu.index[name]
        control = rows.lu.index.get("PostingType") if table.startswith("PostingCtrl") else None
        for row in rows.rows.values():
            if row.values[place] == value and (control is None or row["CodePart"] == part):
                raise RuleBroken(number, f"{lu}.{constant}", f"The value {value} is used in {words}.")


_VALUE_DEFAULTS = {"BudgetValue": "NotBudgetAccount"}
_ACCOUNT_DEFAULTS = {
    "LogicalAccountType": "Cost",
    "LedgFlag": "NotLedgerAccount",
    "CurrBalance": "No",
    "BudAccount": "No",
    "StatAccount": "No",
    "TaxHandlingValue": "All",
    "TaxCodeMandatory": False,
    "ExcludeProjFollowup": False,
    "ReqText": "Can",
    "ReqQuantity": "Can",
    "ReqProcessCode": "Can",
    "ReqBudgetQuantity": "Can",
    **{f"ReqCode{part}": "Can" for part in VALUE_PARTS},
    **{f"ReqBudgetCode{part}": "Can" for part in VALUE_PARTS},
}


def _check_part(db: Database, lu: str, part: str, company: str) -> None:
    """The part must be in use and its values must not belong to projects or fixed assets."""
    definition = db.find("AccountingCodeParts", company, part)
    if definition is None or definition["CodePartUsed"] != "Yes":
        raise RuleBroken(RULE, f"{lu}.ISNOTUSED", f"Code part {part} is not used in company {company}.")
    owner = definition["CodePartFunction"]
    if owner in ("PRACC", "FAACC"):
        window = "projects" if owner == "PRACC" else "fixed assets"
        text = f"Values of code part {part} are kept in the windows for {window} only."
        raise RuleBroken(RULE, f"{lu}.{owner}CODEPARTCANNOTMODIFY", text)


def _check_value(db: Database, lu: str, part: str, new: Mapping[str, Any]) -> None:
    value = new[lu]
    definition = db.find("AccountingCodeParts", new["Company"], part)
    if value != value.upper() or "^" in value:
        raise RuleBroken(RULE, f"{lu}.INVALIDCHARVALUE", f"The value {value} must be upper case and without ^.")
    if definition is not None and len(value) > definition["MaxNumberOfChar"]:
        text = f"A value of code part {part} has at most {definition['MaxNumberOfChar']} characters."
        raise RuleBroken(RULE, f"{lu}.TOOMANYCHARS", text)
    if new["ValidFrom"] > new["ValidUntil"]:
        raise RuleBroken(RULE, f"{lu}.DATESINVALID", "The first valid day must not come after the last.")


def _shown(db: Database, lu: str, part: str, row: Row) -> dict[str, Any]:
    """The row of the one list of all values that a value of one part brings with it."""
    definition = db.find("AccountingCodeParts", row["Company"], part)
    return {
        "Company": row["Company"],
        "CodePart": part,
        "CodePartValue": row[lu],
        "Description": row["Description"],
        "ValidFrom": row["ValidFrom"],
        "ValidUntil": row["ValidUntil"],
        "CodePartName": definition["CodeName"] if definition is not None else None,
        "CodeStringCompletionExists": False,
        "Text": row["Text"],
        "SortValue": row["SortValue"],
    }


def _derive_definition(db: Database, values: dict[str, Any]) -> None:
    values["CodePartUsedDb"] = values.get("CodePartUsed") == "Yes"


ACCOUNTING_RULES = {
    "AccountingCodeParts": Rules(derive=_derive_definition),
    "Account": _rules_for("Account"),
    **{f"Code{part}": _rules_for(f"Code{part}") for part in VALUE_PARTS},
}
"""The rules of this module by logical unit."""
