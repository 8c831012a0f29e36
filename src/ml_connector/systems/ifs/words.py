"""What IFS's refusal constants mean in accounting words, and who can mend it (facts/ifs.md 11.8, 11.9).

IFS's own sentences are translated and differ by release; its constants do not, so they are the key of this table.
"""

from __future__ import annotations

import re

import msgspec

_ACCOUNTANT = "The project accountant"
_FINANCE = "Whoever keeps the books in IFS"
_ENGINEER = "The cost engineer"
_MANAGER = "The project manager"
_ADMIN = "The IFS administrator"


class Meaning(msgspec.Struct, frozen=True):
    """What a constant says about a record, without a full stop, and one sentence on who mends it and how."""

    why: str
    mend: str


_CODES = {
    "INVALIDCHARVALUE": Meaning(
        "a code value is not in upper case, or has a ^ in it",
        f"{_ENGINEER} gives the value another name.",
    ),
    "TOOMANYCHARS": Meaning(
        "a code value is longer than its code part allows",
        f"{_ENGINEER} gives the value a shorter name.",
    ),
    "ISNOTUSED": Meaning(
        "the company does not use that code part",
        f"{_FINANCE} puts the code part into use, or the mapping leaves it empty.",
    ),
    "DATESINVALID": Meaning(
        "a code value would end before it begins",
        f"{_ENGINEER} corrects the days from and until which the value is valid.",
    ),
    "PRACCCODEPARTCANNOTMODIFY": Meaning(
        "the values of the code part for projects are made with the projects, never by themselves",
        f"{_MANAGER} makes or ends the project in IFS, and its code value follows.",
    ),
    "FAACCCODEPARTCANNOTMODIFY": Meaning(
        "the values of the code part for fixed assets are made with the assets, never by themselves",
        f"{_FINANCE} makes the fixed asset object in IFS, and its code value follows.",
    ),
    "NODIRECTINSERT": Meaning(
        "the company receives its code values from another company and takes none directly",
        f"{_FINANCE} adds the value in the company it comes from.",
    ),
    "NODIRECTREMOVE": Meaning(
        "the company receives its code values from another company, and they are removed only there",
        f"{_FINANCE} removes the value in the company it comes from.",
    ),
    "CODEBEXISTSVOUCHER": Meaning(
        "the code value stands in vouchers that wait for the ledger",
        f"{_FINANCE} ends its validity instead of removing it.",
    ),
    "CODEPARTEXISTS": Meaning(
        "the code value has been posted in the ledger",
        f"{_FINANCE} ends its validity instead of removing it.",
    ),
    "CODEBPOSTEXISTS": Meaning(
        "posting control posts to the code value",
        f"{_FINANCE} changes posting control first, or ends the value's validity.",
    ),
    "EXISTCTRL": Meaning(
        "a detail of posting control posts to the code value",
        f"{_FINANCE} changes posting control first, or ends the value's validity.",
    ),
    "NOTEXIST": Meaning(
        "something the record names is not there, or not any more",
        f"{_ACCOUNTANT} makes it in IFS, or corrects the mapping that names it.",
    ),
}
"""Code parts and their values (facts/ifs.md 11.8)."""

_VOUCHERS = {
    "NOTOPENPERIOD": Meaning(
        "the day is in no accounting period that is open for the user group",
        f"{_FINANCE} opens the period for the group, or the document gets a day in an open one.",
    ),
    "NOOPENPERIODSERROR": Meaning(
        "no accounting period at all is open for the user group",
        f"{_FINANCE} opens a period for the group.",
    ),
    "PERCLOSED": Meaning(
        "the accounting period of that day is closed in the ledger",
        f"{_FINANCE} opens it again, or the document gets a day in an open period.",
    ),
    "NOTMANUAL": Meaning(
        "a voucher number was given, and IFS numbers vouchers of this type by itself",
        f"{_FINANCE} names another voucher type for the connection, or lets IFS number this one.",
    ),
    "INCORRECTAMOUNTS": Meaning(
        "a posting is in debit and in credit at once",
        f"{_ACCOUNTANT} corrects the amounts of the document.",
    ),
    "NOAMOUNT": Meaning(
        "a posting has neither an amount nor a quantity",
        f"{_ACCOUNTANT} corrects the amounts of the document.",
    ),
    "AWAITINGAPPROVALMUSTBEBALANCE": Meaning(
        "debit and credit differ in the company's currency, so that the voucher cannot go to approval",
        f"{_ACCOUNTANT} balances it in IFS, for which the connection leaves such vouchers not approved.",
    ),
    "BASECURRSAME": Meaning(
        "a posting in the company's own currency has a rate other than 1",
        f"{_FINANCE} corrects the rate of the company's own currency.",
    ),
    "NEGATIVECURRRATE": Meaning(
        "a currency rate is not greater than nought",
        f"{_FINANCE} corrects the currency rate of that day.",
    ),
    "NOTAXDIRECTION": Meaning(
        "a posting has a tax code and does not say whether the tax is paid or received",
        f"{_FINANCE} completes the tax set-up of the account.",
    ),
    "TAXCODENULL": Meaning(
        "a posting has tax and no tax code",
        f"{_ACCOUNTANT} maps the document's tax to a tax code.",
    ),
    "TAXAMOUNTNULL": Meaning(
        "a posting has a tax code with a rate and no tax amount",
        f"{_ACCOUNTANT} completes the tax amount of the document.",
    ),
    "PROJACTIMANDATORY": Meaning(
        "a posting to a project names no activity",
        f"{_ENGINEER} maps the document's code to an activity.",
    ),
    "ACTIVITYINVALID": Meaning(
        "an activity does not belong to the project it is posted with",
        f"{_ENGINEER} corrects the mapping of the document's code to an activity.",
    ),
    "ACTIDNOTPOSTABLE": Meaning(
        "an activity is planned, closed or cancelled and takes no postings",
        f"{_MANAGER} releases the activity in IFS, or the cost engineer maps the code to another one.",
    ),
    "NOPROJSPECIFIED": Meaning(
        "a posting has an activity and no project",
        f"{_ENGINEER} corrects the mapping, so that the project goes with the activity.",
    ),
    "PROJACTINOTNULL": Meaning(
        "an account that is left out of project follow-up is posted with an activity",
        f"{_ENGINEER} maps the cost to an account that is followed up, or takes the activity away.",
    ),
    "COMPLETEDFINPROJ": Meaning(
        "the project is completed in accounting",
        f"{_FINANCE} opens the project in accounting again, or the cost goes to another one.",
    ),
    "BUDACCONLY": Meaning(
        "an account is for budgets only",
        f"{_ENGINEER} maps the cost to an account that takes postings.",
    ),
    "BUDCODEPARTONLY": Meaning(
        "a code value is for budgets only",
        f"{_ENGINEER} maps the cost to a value that takes postings.",
    ),
    "SEPUSERAPP": Meaning(
        "vouchers of this type are approved by somebody other than who entered them",
        "Another person with the right to approve does it in IFS.",
    ),
    "TEMPLATECOMP": Meaning(
        "the company is a template and takes no vouchers",
        f"{_ADMIN} names the real company in the connection's settings.",
    ),
    "APPROVEONLYVOUENTRY": Meaning(
        "the user group approves vouchers of this type and does not enter them",
        f"{_ADMIN} lets the group enter them, or the connection names another user group.",
    ),
    "CANTMODIFYAPPROVED": Meaning(
        "the voucher is approved and is not changed any more",
        f"{_ACCOUNTANT} corrects it by another voucher.",
    ),
    "CANCELLEDVOU": Meaning(
        "the voucher was cancelled in IFS",
        f"{_ACCOUNTANT} says whether it is to be entered again.",
    ),
    "AUTOMATICVOUCHER": Meaning(
        "the voucher was made by a sub-ledger and is changed only there",
        f"{_ACCOUNTANT} corrects the document it came from.",
    ),
}
"""Vouchers and their rows (facts/ifs.md 11.9)."""

MEANINGS = {**_CODES, **_VOUCHERS}
"""Constant, without its unit, to its meaning. CODEB... stands for every code part."""

_OF_PART = re.compile(r"CODE[A-J](EXISTSVOUCHER|POSTEXISTS)")
_KNOWN = re.compile(
    r"\b(?:(?P<unit>[A-Za-z][A-Za-z0-9]*)\.)?(?P<name>CODE[A-J](?:EXISTSVOUCHER|POSTEXISTS)|"
    + "|".join(MEANINGS)
    + r")\b"
)


def meaning_of(constant: str) -> Meaning | None:
    """The meaning of `Unit.CONSTANT` or `CONSTANT`; None for one that is not in the table."""
    return MEANINGS.get(_OF_PART.sub(r"CODEB\1", constant.rpartition(".")[2]))


def constant_in(text: str) -> str:
    """The first constant of the table anywhere in `text`, with its unit where that stands before it; else empty."""
    found = _KNOWN.search(text)
    return found[0] if found else ""
