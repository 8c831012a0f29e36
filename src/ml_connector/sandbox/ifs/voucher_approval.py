"""From the hold table towards the ledger: the state events of a voucher and who may fire them (facts/ifs.md 11.9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ml_connector.sandbox.ifs.database import Database, Event, Row
from ml_connector.sandbox.ifs.refusals import NOT_EXIST, RULE, RuleBroken
from ml_connector.sandbox.ifs.rules_vouchers import HOLD_RULES, MANUAL, refuse_unbalanced, rows_of
from ml_connector.sandbox.ifs.states import fire


def refuse_same_person(db: Database, company: str, voucher_type: str, entered_by: str | None) -> None:
    """SEPUSERAPP where the voucher type wants an approver other than whoever entered the voucher."""
    kind = db.find("VoucherType", company, voucher_type)
    if kind is not None and kind["SeparateUserApproval"] and entered_by == db.user:
        raise RuleBroken(RULE, "Voucher.SEPUSERAPP", f"Vouchers of type {voucher_type} need another approver.")


def _approve(db: Database, voucher: Row) -> None:
    refuse_unbalanced(rows_of(db, voucher))
    refuse_same_person(db, voucher["Company"], voucher["VoucherType"], voucher["Userid"])
    marks = {"ApprovedByUserid": db.user, "ApprovalDate": db.today(), "UpdateError": None}
    if voucher["Objstate"] == "PartiallyApproved":
        marks = {"SecondApproverId": db.user, "UpdateError": None}
    db.update(voucher, marks)


def _ask_approval(db: Database, voucher: Row) -> None:
    _refuse_automatic(db, voucher)
    refuse_unbalanced(rows_of(db, voucher))


def _refuse_automatic(db: Database, voucher: Row) -> None:
    if voucher["FunctionGroup"] != MANUAL:
        raise RuleBroken(RULE, "Voucher.AUTOMATICVOUCHER", "A voucher of a sub-ledger cannot be held back.")


def _take_back(db: Database, voucher: Row) -> None:
    _refuse_automatic(db, voucher)
    for approver in db.table("VoucherApprover").under(voucher.key):
        db.delete(approver)
    db.update(voucher, {"ApprovedByUserid": None, "ApprovalDate": None, "SecondApproverId": None})


VOUCHER_EVENTS = {
    "ReadyToUpdate": Event(("Waiting", "AwaitingApproval", "PartiallyApproved", "Error"), "Confirmed", _approve),
    "ReadyApprove": Event(("Waiting", "Error"), "AwaitingApproval", _ask_approval),
    "DelayUpdate": Event(("AwaitingApproval", "PartiallyApproved", "Confirmed", "Error"), "Waiting", _take_back),
    "CancelApprove": Event(("PartiallyApproved", "Confirmed"), "AwaitingApproval", _take_back),
    "Cancel": Event(("Waiting", "AwaitingApproval"), "Cancelled"),
}
"""State events by name. Cancel is for people's windows only: the facts give callers the first four."""


def approve(db: Database, voucher: Row) -> None:
    """Approves a voucher; under an approval workflow the first approver leaves it partly approved.

    Refused: what the event refuses, and the same approver twice.
    """
    kind = db.find("VoucherType", voucher["Company"], voucher["VoucherType"])
    if kind is None or not kind["UseApprovalWorkflow"]:
        fire(db, voucher, "ReadyToUpdate")
        return
    refuse_unbalanced(rows_of(db, voucher))
    refuse_same_person(db, voucher["Company"], voucher["VoucherType"], voucher["Userid"])
    earlier = db.table("VoucherApprover").under(voucher.key)
    if any(one["ApproverId"] == db.user for one in earlier):
        raise RuleBroken(RULE, "Voucher.SEPUSERAPP", f"{db.user} has approved this voucher already.")
    key = dict(zip(voucher.lu.keys, voucher.key, strict=True))
    number = len(earlier) + 1
    db.add("VoucherApprover", {**key, "ApproverNo": number, "ApproverId": db.user, "ApprovalDate": db.today()})
    if earlier:
        fire(db, voucher, "ReadyToUpdate")
    elif voucher["Objstate"] != "AwaitingApproval":
        text = f"A voucher in state {voucher['Objstate']} does not wait for approval."
        raise RuleBroken(RULE, "Voucher.FND_STATE", text)
    else:
        marks = {"ApprovedByUserid": db.user, "ApprovalDate": db.today()}
        db.update(voucher, {"Objstate": "PartiallyApproved", **marks})


def approve_by_key(db: Database, given: Mapping[str, Any]) -> None:
    """The unbound VouchApproval. Refused: no such voucher, a group the caller is not in, what `approve` refuses."""
    names = ("Company", "VoucherType", "AccountingYear", "VoucherNo")
    voucher = db.find("Voucher", *(given[name] for name in names))
    if voucher is None:
        raise RuleBroken(NOT_EXIST, "Voucher.NOTEXIST", "There is no such voucher in the hold table.")
    group = given["UserGroup"]
    if group is not None and db.find("UserGroupMemberFinance", given["Company"], group, db.user) is None:
        text = f"The user {db.user} is not in user group {group}."
        raise RuleBroken(NOT_EXIST, "UserGroupMemberFinance.NOTEXIST", text)
    approve(db, voucher)


VOUCHER_RULES = {**HOLD_RULES, "Voucher": replace(HOLD_RULES["Voucher"], events=VOUCHER_EVENTS)}
"""The rules of the hold table by logical unit, with their events."""
