"""What each reason of a hold means and what ends it, in accounting words: docs/holds.md says the same at length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from ml_connector.kernel.text import counted
from ml_connector.planning.blocking import UNKNOWN
from ml_connector.planning.plan import HoldReason


class Words(NamedTuple):
    """A short heading, and what ends it."""

    means: str
    remedy: str


_R = HoldReason

WORDS: Mapping[HoldReason, Words] = {
    _R.PROJECT_NOT_LINKED: Words(
        "The project has no confirmed partner",
        "Give the Procore project the IFS project number, or confirm the pair that is proposed.",
    ),
    _R.PROJECT_HIDDEN: Words(
        "The linked project cannot be seen in Procore",
        "A Procore administrator adds it to the permitted projects of the app again.",
    ),
    _R.PROJECT_MATCH: Words("Is this the same project?", "Confirm the pair, or leave the IFS project out."),
    _R.VENDOR_NOT_LINKED: Words(
        "The supplier has no partner yet", "Make the vendor on the other side, or settle the vendor's own question."
    ),
    _R.VENDOR_MATCH: Words("Is this the same vendor?", "Say which one it is, or that it is a new one."),
    _R.VENDOR_SHARED: Words(
        "The vendor stands for another one already", "Say that both are one firm, or that this one is new."
    ),
    _R.VENDOR_UNUSABLE: Words(
        "IFS does not offer the supplier",
        "Restore it in IFS, complete its purchase data, or grant the right to see it.",
    ),
    _R.CODE_MISSING: Words(
        "A code part value is not valid in IFS", "Make the value valid on that date in IFS, or code the line anew."
    ),
    _R.CODE_UNMAPPED: Words("No row of the mapping leads anywhere", "Add the row of the mapping."),
    _R.COST_CODE_MISSING: Words(
        "The cost code is not in the Procore project", "Add the code to the project in Procore, or let it be made."
    ),
    _R.COST_TYPE_MISSING: Words(
        "Procore has no such cost type", "Add the cost type in Procore's company settings, or map to another one."
    ),
    _R.UNBUDGETED: Words("The budget code has no budget", "Budget the code in Procore, or allow it where policy asks."),
    _R.ACTIVITY_CLOSED: Words(
        "The activity takes no postings", "Open the activity in IFS, or put the line on another one."
    ),
    _R.PROJECT_MISSING: Words("A line names no project", "Enter the project on the line in IFS."),
    _R.CURRENCY_OFF: Words(
        "The currencies differ",
        "Switch currencies on in Procore and in the policy, or mend the document's currency. Nothing is converted.",
    ),
    _R.CHANGED_THERE: Words(
        "Procore's people changed what IFS owns", "Say which side stands, or set the field back in Procore."
    ),
    _R.LAPPING: Words(
        "It is changed back again and again", "Find out who or what insists in Procore; go on restoring, or leave it."
    ),
    _R.CONFLICT: Words("Both sides changed the same", "Say which side stands, or make both sides equal."),
    _R.VENDOR_FROZEN: Words(
        "The vendor of an approved contract cannot change",
        "Put the order back on its supplier, cancel it, or set the contract back to Draft in Procore.",
    ),
    _R.ORDER_MATCH: Words("Is this contract the order?", "Say whether it is this order, another one, or none of ours."),
    _R.GONE_THERE: Words(
        "It cannot be seen in Procore any more", "Restore it or its permission in Procore, or say what becomes of it."
    ),
    _R.GONE_HERE: Words("It cannot be seen in IFS any more", "Make it seen again in IFS, or leave it as it is."),
    _R.REFUSED: Words("The other side refused it", "Mend what it complained about; the next run tries it again."),
    _R.BAD_ROW: Words("The row cannot be used", "Mend the row where it was made."),
    _R.TOTALS_DIFFER: Words(
        "Header and lines do not add up", "Mend the document where it was made, or say that it is another one."
    ),
    _R.COMMITMENT_MISSING: Words(
        "The order has no contract in Procore yet", "Settle what holds the order; both then go in one run."
    ),
    _R.LINE_UNKNOWN: Words(
        "No line of the contract can take it", "Bring the line to the contract, or name the order line on the posting."
    ),
    _R.BILLING_PERIOD_MISSING: Words(
        "No billing period takes the invoice's day", "Open a billing period for that day in Procore, or let us open it."
    ),
    _R.BILLING_PERIOD_CLOSED: Words(
        "The billing period is closed", "Open the period again, or let policy move invoices to the next open one."
    ),
    _R.CREDIT_WAITS: Words(
        "The credited invoice has not crossed",
        "Bring the invoice across, enter its number, or let the credit go alone.",
    ),
    _R.INVOICE_MATCH: Words("Is this bill there twice?", "Say whether it is the same bill or another one."),
    _R.TWO_PLACES: Words(
        "A line would be counted twice", "Code the posting in IFS so that it belongs where it stands in Procore."
    ),
    _R.BUDGET_LOCKED: Words(
        "The Procore budget is locked", "Unlock it, or let policy write budget changes to locked budgets."
    ),
    _R.BUDGET_STRANGERS: Words(
        "Procore's budget has lines IFS does not know", "Say whether they are set to zero or left."
    ),
    _R.INVOICE_MISSING: Words("The paid invoice has not crossed", "Settle what holds the invoice."),
    _R.BOOKS_REFUSE: Words("IFS's books would refuse it", "Change the rule in IFS, or the code string."),
    _R.ERP_PERIOD_CLOSED: Words(
        "The accounting period is closed", "Open the period in IFS, or let policy post in the next open one."
    ),
    _R.CODE_AMBIGUOUS: Words(
        "The budget code leads to more than one code string, or to none", "Add a row for the way back to the mapping."
    ),
    _R.ACCOUNT_MISSING: Words("A policy names no account", "Enter the account in the policy."),
    _R.ORDER_MISSING: Words(
        "The contract is no order in IFS yet", "Release the requisition in IFS and make an order of it."
    ),
    _R.PROPOSAL_ENDED: Words(
        "The requisition was ended in IFS", "Say whether to propose the contract again or to leave its invoices there."
    ),
    _R.SENT_BACK: Words(
        "It was sent back after it crossed", "Say whether the voucher is kept or taken back; do not pay it meanwhile."
    ),
    _R.REVISED: Words(
        "It was changed after it crossed", "Say whether IFS keeps it or it is reversed and entered anew."
    ),
    _R.VENDOR_PROPOSAL: Words(
        "May this vendor become a supplier?", "Allow it, name the supplier it is, or leave it out of IFS."
    ),
    _R.VENDOR_UNAPPROVED: Words(
        "IFS has not released the supplier for payment", "Enter its bank data and take off the payment block in IFS."
    ),
    _R.VENDOR_INACTIVE: Words(
        "The vendor is out of use on one side", "Make it active again, or put the documents on another vendor."
    ),
    _R.RIGHT_MISSING: Words(
        "A right is missing, and a whole flow stands still", "Grant the right, or take the flow out of the connection."
    ),
    _R.PART_FORBIDDEN: Words(
        "IFS takes no such value from outside", "Use another code in Procore, or make the value in IFS's own window."
    ),
}
"""Every reason with its words."""

QUESTIONS = frozenset(
    {
        *(_R.PROJECT_MATCH, _R.VENDOR_MATCH, _R.VENDOR_SHARED, _R.ORDER_MATCH, _R.INVOICE_MATCH, _R.VENDOR_PROPOSAL),
        *(_R.PROPOSAL_ENDED, _R.CREDIT_WAITS, _R.TWO_PLACES),
    }
)
"""Reasons that ask what is what."""
CONFLICTS = frozenset(
    {_R.CONFLICT, _R.CHANGED_THERE, _R.LAPPING, _R.SENT_BACK, _R.REVISED, _R.BUDGET_STRANGERS, _R.GONE_THERE}
)
"""Reasons that ask which side stands, or what becomes of what is gone."""
SIDED = frozenset({_R.CONFLICT, _R.CHANGED_THERE})
"""Those of them whose question is nothing but which side stands."""
REFUSALS = frozenset({_R.REFUSED, _R.BOOKS_REFUSE, _R.BAD_ROW, _R.RIGHT_MISSING, _R.TOTALS_DIFFER})
"""Reasons under which a side, or our own sums, said no."""
UNKNOWN_WORDS = Words(
    "Nobody knows whether it was carried out", "The next run asks what became of it before it sends anything."
)
"""The words for what was sent and had no answer, which is no hold."""


def words_of(reason: str) -> Words:
    """What a reason of a cause means, and what ends it."""
    return UNKNOWN_WORDS if reason == UNKNOWN else WORDS[HoldReason(reason)]


SORTS: Mapping[str, frozenset[HoldReason]] = {
    "questions": QUESTIONS,
    "conflicts": CONFLICTS,
    "refusals": REFUSALS,
    "waiting": frozenset(HoldReason) - QUESTIONS - CONFLICTS - REFUSALS,
}
"""Sorts of holds, each reason in one of them."""

_KINDS: Mapping[str, tuple[str, str]] = {
    "order": ("order", "orders"),
    "commitment": ("contract", "contracts"),
    "supplier_invoice": ("invoice", "invoices"),
    "subcontractor_invoice": ("subcontractor invoice", "subcontractor invoices"),
    "direct_cost": ("direct cost", "direct costs"),
    "vendor_there": ("vendor in Procore", "vendors in Procore"),
    "combination": ("code string", "code strings"),
    "procore_document": ("document of Procore", "documents of Procore"),
    "project_vendor": ("directory entry", "directory entries"),
    "dimension": ("code part value", "code part values"),
    "erp_invoice": ("invoice in IFS", "invoices in IFS"),
}


def kind_words(kind: str, number: int) -> str:
    """`3 orders`: how many records of a kind, as people call them."""
    plain = kind.replace("_", " ")
    one, many = _KINDS.get(kind, (plain, f"{plain}s"))
    return counted(number, one, many)


def record_words(kind: str, number: str, called: str = "") -> str:
    """`order P100001`: one record, as people call it; by `called` where its id is a number of its system only."""
    if kind == "combination":
        project, _, looked = number.partition(" ")
        return f"{looked} in project {project}"
    if kind in _OF_A_SYSTEM:
        return _THINGS[kind].format(called or number)
    return f"{_KINDS.get(kind, (kind.replace('_', ' '), ''))[0]} {called or number}"


def thing_words(kind: str, number: str) -> str:
    """What is waited for, as people call it: `budget code 03-310.M in project 1201`, `supplier S1007`."""
    if kind == "ruling":
        return "an answer"
    if kind == "mapping":
        section, _, looked = number.partition(" ")
        return f"a {section.replace('_', ' ')} for {looked}" if section != "reverse" else f"the way back of {looked}"
    if kind == "commitment":
        order, _, project = number.rpartition("@")
        return f"the contract of order {order} in project {project}"
    if kind in ("budget_code", "cost_code", "budget_line") and "/" in number:
        project, _, code = number.partition("/")
        called = "a budget for" if kind == "budget_line" else kind.replace("_", " ")
        return f"{called} {code} in project {project}"
    if kind == "dimension" and "=" in number:
        part, _, value = number.partition("=")
        return f"code part {part} value {value or '(empty)'}"
    if kind == "policy":
        return f"policy {number}"
    special = _special_words(kind, number)
    if special:
        return special
    return _THINGS.get(kind, f"{kind.replace('_', ' ')} {{}}").format(number)


_THINGS: Mapping[str, str] = {
    "budget_lock": "the budget of project {} in Procore, unlocked",
    "commitment_there": "contract {} in Procore",
    "erp_invoice": "invoice {} in IFS",
    "procore_document": "document {} of Procore",
    "procore_project": "project {} in Procore",
    "project_there": "project {} in Procore",
    "project_vendor": "directory entry {}",
    "supplier_release": "the release of supplier {} for payment in IFS",
    "vendor": "supplier {}",
    "vendor_there": "vendor {} in Procore",
}
"""What is waited for, where that is more than its kind and its number."""
_OF_A_SYSTEM = frozenset({"erp_invoice", "procore_document", "vendor_there"})
"""Kinds whose words name the system: it comes after the number."""


def _special_words(kind: str, number: str) -> str:
    """The words for a thing whose id says more than a number; empty for any other."""
    if kind == "currency":
        project, mark, currency = number.rpartition("=")
        return f"currency {currency} on project {project}" if mark else f"one currency for project {number}"
    if kind == "accounting_period":
        company, mark, period = number.rpartition("=")
        return f"accounting period {period} of company {company}" if mark else f"an accounting period for {number}"
    if kind == "agreed_record" and ":" in number:
        record, _, rest = number.partition(":")
        return f"what was agreed of {record_words(record, rest)}"
    if kind == "commitment_line" and "/" in number:
        contract, _, line = number.partition("/")
        return f"line {line} of contract {contract} in Procore"
    if kind == "user_group" and number.count("/") == 2:
        group, voucher, year = number.split("/")
        return f"user group {group} for voucher type {voucher} in {year}"
    if kind == "billing_period" and "/" in number:
        project, _, day = number.partition("/")
        return f"a billing period for {day} in project {project}"
    return ""


class Choice(msgspec.Struct, frozen=True):
    """One answer a person may give, in words."""

    answer: str
    label: str
    means: str


_MEANS: Mapping[str, tuple[str, str]] = {
    "erp": ("IFS stands", "What IFS says is written in Procore again."),
    "projects": ("Procore stands", "What Procore says is left as it is; IFS is not changed."),
    "link": ("It is the same", "Both are linked as one; nothing is made a second time."),
    "new": ("It is another one", "A record of its own is made, beside the one that looks like it."),
    "allow": ("Allow it", "Nothing else is asked of it: the next run takes it up."),
    "ignore": (
        "Leave it alone",
        "It stays as it is on both sides, and nobody is asked again until this is taken back.",
    ),
}
_MEANS_BY_REASON: Mapping[tuple[HoldReason, str], tuple[str, str]] = {
    (_R.SENT_BACK, "erp"): ("IFS keeps it", "The voucher stays as it was entered."),
    (_R.SENT_BACK, "projects"): ("Take it back in IFS", "A reversing voucher, or a credit, is entered."),
    (_R.REVISED, "erp"): ("IFS keeps what crossed", "The change in Procore is left there."),
    (_R.REVISED, "projects"): ("Follow Procore", "What crossed is reversed in IFS and entered anew."),
    (_R.BUDGET_STRANGERS, "erp"): ("Set the lines to zero", "Procore's budget then equals IFS's estimate."),
    (_R.BUDGET_STRANGERS, "projects"): ("Leave the lines", "Each run says by how much the budgets differ."),
    (_R.LAPPING, "erp"): ("Go on restoring", "Each run writes the IFS value again."),
    (_R.GONE_THERE, "new"): ("Match it anew", "The link is forgotten; the next run finds it again or makes a new one."),
    (_R.GONE_THERE, "link"): ("It was merged", "The vendor named is the one."),
    (_R.GONE_HERE, "ignore"): ("Leave it in Procore", "What is in Procore stays, and nobody is asked again."),
    (_R.PROPOSAL_ENDED, "new"): ("Propose it again", "A new requisition is made in IFS."),
    (_R.PROPOSAL_ENDED, "ignore"): ("Leave the invoice there", "This invoice stays out of IFS."),
    (_R.VENDOR_PROPOSAL, "new"): ("Propose the supplier", "It is made in IFS without bank data, blocked for payment."),
    (_R.VENDOR_PROPOSAL, "link"): ("It is a supplier we have", "The supplier named is the one; nothing is made."),
    (_R.PROJECT_MATCH, "ignore"): ("Leave the project out", "Nothing of this IFS project crosses."),
    (_R.CODE_MISSING, "allow"): ("Make the value in IFS", "The cost code becomes a code part value in IFS."),
    (_R.CREDIT_WAITS, "allow"): ("Let the credit go alone", "It crosses without the invoice it credits."),
    (_R.UNBUDGETED, "allow"): ("Allow it unbudgeted", "The order goes although the code has no budget."),
}


ANSWERS = frozenset(_MEANS)
"""Every answer there is."""


def choice_of(reason: HoldReason, answer: str) -> Choice:
    """What an answer to a hold of that reason is called, and what it does."""
    return Choice(answer, *_MEANS_BY_REASON.get((reason, answer), _MEANS[answer]))
