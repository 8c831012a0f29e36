"""The voucher entry assistant: virtual rows that become a voucher, or are thrown away (facts/ifs.md 7.5 and 11.9).

Virtual rows are drafts: a caller may leave them half filled. Everything is checked by ValidateVoucherPosting for one
row and by CreateVoucher for all; that the vendor checks no earlier is a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Row, Rules
from ml_connector.sandbox.ifs.periods import open_period
from ml_connector.sandbox.ifs.refusals import MANDATORY, NOT_EXIST, RULE, RuleBroken
from ml_connector.sandbox.ifs.rules_vouchers import (
    MANUAL,
    check_posting,
    derive_posting,
    fill_posting,
    refuse_unbalanced,
)
from ml_connector.sandbox.ifs.voucher_approval import refuse_same_person
from ml_connector.sandbox.ifs.voucher_entry import enter, with_tax_rows

_STATE_OF_STATUS = {"Approved": "Confirmed", "NotApproved": "Waiting", "AwaitingApproval": "AwaitingApproval"}
_KEPT = timedelta(days=1)
"""How long abandoned rows stay before they are purged; the facts say only that they are."""


def _fill(db: Database, values: dict[str, Any]) -> None:
    defaults = {
        "Objkey": _object_key(db),
        "Company": db.company,
        "VoucherDate": db.today(),
        "DateReg": db.today(),
        "Userid": db.user,
        "VoucherStatus": "NotApproved",
        "AmountMethod": "NetAmountEntry",
        "FunctionGroup": MANUAL,
        "InterimVoucher": "No",
        "UseCorrectionRows": False,
        "CreatedAt": db.now(),
    }
    for name, default in defaults.items():
        if values.get(name) is None:
            values[name] = default
    if values.get("UserGroup") is None:
        values["UserGroup"] = default_group(db, values["Company"])


def _object_key(db: Database) -> str:
    return f"{db.next_number('Objkey'):032X}"


def default_group(db: Database, company: str) -> str | None:
    """The caller's user group where none is named: the one marked as default."""
    members = db.table("UserGroupMemberFinance").under((company,))
    mine = [one for one in members if one["Userid"] == db.user]
    return next((str(one["UserGroup"]) for one in mine if one["DefaultGroup"] == "Yes"), None)


def _saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
    if old is None:
        for head in [one for one in db.table("VoucherEntryVirtual") if one["CreatedAt"] < db.now() - _KEPT]:
            db.delete(head)


def _postings(db: Database, head: Row) -> list[Row]:
    found = [row for row in db.table("VoucherPostingVirtual") if row["HeadObjkey"] == head["Objkey"]]
    return sorted(found, key=lambda row: int(row["RowNo"]))


def _removed(db: Database, head: Row) -> None:
    for row in _postings(db, head):
        db.delete(row)


def _refuse_used(db: Database, head: Row | None) -> None:
    if head is not None and head["AccountingYear"] is not None:
        text = f"This draft has become voucher {head['VoucherNo']}; it can only be cleaned up."
        raise RuleBroken(RULE, "VoucherEntry.ALREADYCREATED", text)


def _check(db: Database, new: dict[str, Any], old: Row | None) -> None:
    _refuse_used(db, old)


def _check_posting(db: Database, new: dict[str, Any], old: Row | None) -> None:
    _refuse_used(db, db.find("VoucherEntryVirtual", new["HeadObjkey"]))


def _fill_posting(db: Database, values: dict[str, Any]) -> None:
    fill_posting(db, values)
    if values.get("Objkey") is None:
        values["Objkey"] = _object_key(db)
    head = db.find("VoucherEntryVirtual", values.get("HeadObjkey"))
    values["RowNo"] = max((row["RowNo"] for row in _postings(db, head)), default=0) + 1 if head is not None else 1


def _posting_saved(db: Database, row: Row, old: Mapping[str, Any] | None) -> None:
    head = db.find("VoucherEntryVirtual", row["HeadObjkey"])
    if head is not None:
        db.touch(head)


def _posting_removed(db: Database, row: Row) -> None:
    _posting_saved(db, row, None)


# -- actions


def validate_posting(db: Database, given: Mapping[str, Any]) -> None:
    """The unbound ValidateVoucherPosting: refuses one virtual posting as CreateVoucher would."""
    row = db.find("VoucherPostingVirtual", given["Objkey"])
    head = db.find("VoucherEntryVirtual", row["HeadObjkey"]) if row is not None else None
    if row is None or head is None:
        raise RuleBroken(NOT_EXIST, "VoucherPosting.NOTEXIST", "There is no such posting in the assistant.")
    check_posting(db, head.as_dict(), row.as_dict())


def create_voucher(db: Database, head: Row, given: Mapping[str, Any]) -> int:
    """The bound CreateVoucher: checks head and rows and puts the voucher into the hold table; gives its number.

    Refused: every rule of facts 11.9 that a new voucher can break, and a draft that has become a voucher already.
    """
    _refuse_used(db, head)
    _check_company_and_type(db, head)
    _check_group(db, head)
    _check_status(db, head)
    postings = _postings(db, head)
    if not postings:
        raise RuleBroken(RULE, "VoucherEntry.NOROWS", "A voucher needs postings.")
    open_period(db, head["Company"], head["VoucherDate"], head["UserGroup"])
    for row in postings:
        check_posting(db, head.as_dict(), row.as_dict())
    rows = with_tax_rows(db, head.as_dict(), [_stored_part(db, row) for row in postings])
    if head["VoucherStatus"] != "NotApproved":
        refuse_unbalanced(rows)
    voucher = enter(db, _stored_head(db, head), rows)
    if db.switches.voucher_draft_after_create == "remove":
        db.delete(head)
    else:
        db.update(head, {"VoucherNo": voucher["VoucherNo"], "AccountingYear": voucher["AccountingYear"]})
    return int(voucher["VoucherNo"])


def _check_company_and_type(db: Database, head: Row) -> None:
    company = db.find("Company", head["Company"])
    if company is None:
        raise RuleBroken(NOT_EXIST, "CompanyFinance.NOTEXIST", f"The company {head['Company']} does not exist.")
    if company["TemplateCompany"]:
        raise RuleBroken(RULE, "Voucher.TEMPLATECOMP", "Vouchers cannot be entered in a template company.")
    kind = db.find("VoucherType", head["Company"], head["VoucherType"])
    if kind is None:
        raise RuleBroken(NOT_EXIST, "VoucherType.NOTEXIST", f"The voucher type {head['VoucherType']} does not exist.")
    if kind["AutomaticAllot"] == "Yes" and head["VoucherNo"] is not None:
        raise RuleBroken(
            RULE, "Voucher.NOTMANUAL", f"Vouchers of type {head['VoucherType']} are numbered by the server."
        )
    if kind["AutomaticAllot"] != "Yes" and head["VoucherNo"] is None:
        raise RuleBroken(MANDATORY, "Voucher.NULLVALUE", "The field VoucherNo must have a value for this type.")


def _check_group(db: Database, head: Row) -> None:
    company, group = head["Company"], head["UserGroup"]
    if group is None or db.find("UserGroupMemberFinance", company, group, db.user) is None:
        text = f"The user {db.user} is not in user group {group} of company {company}."
        raise RuleBroken(NOT_EXIST, "UserGroupMemberFinance.NOTEXIST", text)
    right = db.find("VoucherTypeUserGroup", company, head["VoucherDate"].year, group, head["VoucherType"])
    if right is None:
        text = f"User group {group} may not use voucher type {head['VoucherType']} in this year."
        raise RuleBroken(NOT_EXIST, "VoucherTypeUserGroup.NOTEXIST", text)
    if right["AuthorizeLevel"] == "ApproveOnly":
        text = f"User group {group} approves vouchers of this type but does not enter them."
        raise RuleBroken(RULE, "Voucher.APPROVEONLYVOUENTRY", text)


def _check_status(db: Database, head: Row) -> None:
    if head["VoucherStatus"] not in _STATE_OF_STATUS:
        text = f"A new voucher cannot start as {head['VoucherStatus']}."
        raise RuleBroken(RULE, "VoucherEntry.INVALIDSTATUS", text)
    if head["VoucherStatus"] == "Approved":
        refuse_same_person(db, head["Company"], head["VoucherType"], head["Userid"])


def _stored_head(db: Database, head: Row) -> dict[str, Any]:
    unit = db.table("Voucher").lu
    values = {name: value for name, value in head.as_dict().items() if name in unit.index}
    del values["AccountingYear"]
    state = _STATE_OF_STATUS[head["VoucherStatus"]]
    approved = {"ApprovedByUserid": db.user, "ApprovalDate": db.today()} if state == "Confirmed" else {}
    return {**values, "Objstate": state, **approved}


def _stored_part(db: Database, row: Row) -> dict[str, Any]:
    unit = db.table("VoucherRow").lu
    return {name: value for name, value in row.as_dict().items() if name in unit.index}


def _remove_draft(db: Database, head: Row, given: Mapping[str, Any]) -> None:
    db.delete(head)


ASSISTANT_RULES = {
    "VoucherEntryVirtual": Rules(
        fill=_fill,
        check=_check,
        saved=_saved,
        removed=_removed,
        actions={"CreateVoucher": create_voucher, "RemoveTempVoucher": _remove_draft},
    ),
    "VoucherPostingVirtual": Rules(
        fill=_fill_posting, check=_check_posting, derive=derive_posting, saved=_posting_saved, removed=_posting_removed
    ),
}
"""The rules of this module by logical unit."""
