"""Whether a code string may be used on a day: its values, the account's demands, combinations, project, budget.

The order is that of facts/ifs.md 11.8. Constants named there and in 11.9 are the vendor's; MAND..., BLOCK...,
COMBBLOCKED, LEDGERACCOUNT and their kin are ours, because the facts name none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase

from ml_connector.sandbox.ifs.catalog_accounting import VALUE_PARTS
from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.refusals import NOT_EXIST, RULE, RuleBroken


@dataclass(frozen=True, slots=True)
class CodeString:
    """A posting as far as its codes go: values by code part (A is the account), the day, and what goes with them.

    `manual` is false for postings of a sub-ledger, which alone may use ledger accounts.
    """

    company: str
    day: date
    codes: Mapping[str, str | None]
    activity: int | None = None
    quantity: Decimal | None = None
    text: str | None = None
    process_code: str | None = None
    manual: bool = True


def check_code_string(db: Database, one: CodeString) -> None:
    """Refuses a code string that may not be posted on its day, with the first rule it breaks."""
    account = _check_values(db, one)
    _check_demands(account, one)
    _check_combinations(db, one)
    _check_project(db, account, one)
    _check_budget(db, account, one)


def _broken(constant: str, text: str, number: int = RULE) -> RuleBroken:
    return RuleBroken(number, constant, text)


def _check_values(db: Database, one: CodeString) -> Row:
    for part, value in one.codes.items():
        if value is None:
            continue
        owner = "Account" if part == "A" else f"Code{part}"
        definition = db.find("AccountingCodeParts", one.company, part)
        if definition is None or definition["CodePartUsed"] != "Yes":
            raise _broken(f"{owner}.ISNOTUSED", f"Code part {part} is not used in company {one.company}.")
        known = db.find("AccountingCodePartValue", one.company, part, value)
        if known is None:
            text = f"The value {value} of code part {part} does not exist in company {one.company}."
            raise _broken(f"{owner}.NOTEXIST", text, NOT_EXIST)
        if not known["ValidFrom"] <= one.day <= known["ValidUntil"]:
            raise _broken(f"{owner}.NOTVALID", f"The value {value} of code part {part} is not valid on {one.day}.")
    account = db.find("Account", one.company, one.codes.get("A"))
    if account is None:
        raise _broken("Account.NOTEXIST", f"There is no account {one.codes.get('A')}.", NOT_EXIST)
    return account


def _demands(account: Row, one: CodeString) -> Iterator[tuple[str, str, bool]]:
    """What the account says about each thing, with the constant's word for it and whether it is there."""
    for part in VALUE_PARTS:
        yield account[f"ReqCode{part}"], f"CODEPART{part}", one.codes.get(part) is not None
    yield account["ReqQuantity"], "QUANTITY", bool(one.quantity)
    yield account["ReqProcessCode"], "PROCESSCODE", one.process_code is not None
    yield account["ReqText"], "TEXT", one.text is not None


def _check_demands(account: Row, one: CodeString) -> None:
    for demand, word, present in _demands(account, one):
        shown = word.replace("CODEPART", "code part ")
        if demand == "Mandatory" and not present:
            raise _broken(f"Account.MAND{word}", f"Account {account['Account']} demands {shown}.")
        if demand == "Blocked" and present:
            raise _broken(f"Account.BLOCK{word}", f"Account {account['Account']} takes no {shown}.")


def _check_combinations(db: Database, one: CodeString) -> None:
    """The first rule whose patterns all fit decides; without one the code string is allowed. % stands for any text."""
    for rule in db.table("AccountingCodestrComb").under((one.company,)):
        patterns = {"A": rule["Account"], **{part: rule[f"Code{part}"] for part in VALUE_PARTS}}
        if all(_fits(one.codes.get(part), pattern) for part, pattern in patterns.items()):
            if rule["AllowedOrBlocked"] == "Blocked":
                text = f"The combination of code values is blocked by rule {rule['CombRuleId']}."
                raise _broken("AccountingCodestrComb.COMBBLOCKED", text)
            return


def _fits(value: str | None, pattern: str | None) -> bool:
    return pattern is None or fnmatchcase(value or "", pattern.replace("[", "[[]").replace("%", "*"))


def project_part(db: Database, company: str) -> str | None:
    """The code part whose values are projects, or None where the company has none."""
    parts = db.table("AccountingCodeParts").under((company,))
    return next((one["CodePart"] for one in parts if one["CodePartFunction"] == "PRACC"), None)


def project_of(db: Database, company: str, codes: Mapping[str, str | None]) -> str | None:
    """The project a code string is posted to: the value of the code part for projects."""
    part = project_part(db, company)
    return None if part is None else codes.get(part)


def _check_project(db: Database, account: Row, one: CodeString) -> None:
    project_id = project_of(db, one.company, one.codes)
    if one.activity is not None:
        _check_activity(db, account, one.activity, project_id)
    if project_id is None:
        return
    financial = db.find("AccountingProject", one.company, project_id)
    if financial is not None and financial["Objstate"] == "Completed":
        raise _broken("AccountingProject.COMPLETEDFINPROJ", f"Project {project_id} is completed in accounting.")
    born_in_projects = db.find("Project", project_id) is not None
    if born_in_projects and one.activity is None and not account["ExcludeProjFollowup"]:
        raise _broken("VoucherRow.PROJACTIMANDATORY", f"A posting to project {project_id} needs an activity.")


def _check_activity(db: Database, account: Row, sequence: int, project_id: str | None) -> None:
    if project_id is None:
        raise _broken("VoucherRow.NOPROJSPECIFIED", "An activity goes with a project only.")
    if account["ExcludeProjFollowup"]:
        text = f"Account {account['Account']} is left out of project follow-up and takes no activity."
        raise _broken("VoucherRow.PROJACTINOTNULL", text)
    activity = db.find("Activity", sequence)
    if activity is None or activity["ProjectId"] != project_id:
        raise _broken("VoucherRow.ACTIVITYINVALID", f"Activity {sequence} is not of project {project_id}.")
    if activity["Objstate"] in ("Planned", "Closed", "Cancelled"):
        text = f"Activity {sequence} is {activity['Objstate']} and cannot be posted to."
        raise _broken("VoucherRow.ACTIDNOTPOSTABLE", text)


def _check_budget(db: Database, account: Row, one: CodeString) -> None:
    if account["BudAccount"] == "Yes":
        raise _broken("Account.BUDACCONLY", f"Account {account['Account']} is for budgets only.")
    for part, value in one.codes.items():
        row = db.find(f"Code{part}", one.company, value) if part != "A" and value is not None else None
        if row is not None and row["BudgetValue"] == "BudgetAccount":
            raise _broken(f"Code{part}.BUDCODEPARTONLY", f"The value {value} of code part {part} is for budgets only.")
    if one.manual and account["LedgFlag"] == "LedgerAccount":
        text = f"Account {account['Account']} is posted by its sub-ledger only."
        raise _broken("Account.LEDGERACCOUNT", text)
