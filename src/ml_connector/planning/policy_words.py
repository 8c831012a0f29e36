"""What each policy is called and means, in accounting words; tests/architecture compares it with the policies."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ml_connector.planning.policy import VENDOR_FIELDS
from ml_connector.records.commitment import OF_SUBCONTRACTS, CommitmentStatus
from ml_connector.records.direct_cost import CostKind, CostStatus
from ml_connector.records.purchase_order import OrderState
from ml_connector.records.subcontractor_invoice import InvoiceStatus
from ml_connector.records.supplier_invoice import InvoiceState


class Word(msgspec.Struct, frozen=True):
    """How one entry is shown: its name, its sentence, and what each of its values means."""

    title: str
    sentence: str
    choices: Mapping[str, str] = {}
    """Value to what it means; of a list the values it may hold. Empty: it is typed."""
    keys: tuple[str, ...] = ()
    """Of a table, what may stand on the left; empty: anything."""
    blank: str = ""
    """What it means that nothing stands there."""


def _plain(words: list[str]) -> dict[str, str]:
    return {word: word.replace("_", " ").capitalize() for word in words}


_BILLS = _plain([one.value for one in InvoiceStatus if one is not InvoiceStatus.OTHER])
_COSTS = _plain([one.value for one in CostStatus])
_KINDS = _plain([one.value for one in CostKind])
_CONTRACTS = {one.value: one.value for one in CommitmentStatus if one not in OF_SUBCONTRACTS}

MASTERS: Mapping[str, Word] = {
    "projects.link": Word(
        "Linking projects",
        "A project of IFS and one of Procore have the same number, or the only equal name.",
        {"ask": "Propose the pair and wait for a person", "auto": "Link them"},
    ),
    "vendors.name_match": Word(
        "Same name",
        "One vendor has the supplier's name, legal form aside, and nothing else speaks for or against it.",
        {"link": "It is the same firm: link", "ask": "Ask a person"},
    ),
    "vendors.near": Word("Near names", "Score from 0 to 100 from which a name is near enough to ask about."),
    "vendors.create": Word(
        "New vendors in Procore",
        "A supplier without a partner is needed by an order or direct cost.",
        {"auto": "Create the vendor first", "never": "Hold the document: people keep Procore's directory"},
    ),
    "vendors.project_directory": Word(
        "Project directories",
        "Whether a vendor is added to the directory of a project before its order.",
        {"add": "Add it", "leave": "Leave directories to people"},
    ),
    "vendors.propose": Word(
        "New suppliers in IFS",
        "A vendor born in Procore is named by a document on its way to IFS.",
        {
            "ask": "Ask before it becomes a supplier",
            "auto": "Make the supplier, blocked for payment until IFS's people release it",
            "never": "Hold the document: suppliers are made in IFS only",
        },
    ),
    "vendors.theirs": Word(
        "Fields Procore owns",
        "These vendor fields flow from Procore to IFS. Tax numbers, terms and bank data are IFS's always.",
        _plain(list(VENDOR_FIELDS)),
    ),
    "vendors.drift": Word(
        "Changed by the other side",
        "Somebody changed a vendor's field that the other side owns.",
        {"hold": "Ask which side stands", "restore": "Write the owner's value again"},
    ),
    "cost_codes.create": Word(
        "New codes in Procore",
        "A mapped code that IFS knows is missing in the Procore project.",
        {"auto": "Create it", "never": "Hold what needs it: the code list is closed"},
    ),
    "cost_codes.scope": Word(
        "Which codes",
        "Which values of IFS reach a Procore project.",
        {"used": "Those in use there", "all": "Every valid one"},
    ),
    "cost_codes.back": Word(
        "Codes made in Procore",
        "A cost code was made in Procore that IFS does not know.",
        {
            "ask": "Ask before it becomes a code part value",
            "auto": "Make the value in IFS",
            "never": "Leave it: codes are made in finance only",
        },
    ),
}
"""Projects, vendors and codes."""

ORDERS: Mapping[str, Word] = {
    "purchase_orders.unbudgeted": Word(
        "Codes without budget",
        "An order's line, or a direct cost, lies on a budget code without a budget line in Procore.",
        {
            "ask": "Hold it and ask",
            "allow": "Let it go; Procore adds a zero row",
            "block": "Hold it until it is budgeted",
        },
    ),
    "purchase_orders.foreign_currency": Word(
        "Other currencies",
        "An order or direct cost is in another currency than its Procore project.",
        {"hold": "Hold it", "send": "Send it where Procore keeps currencies; amounts are never converted"},
    ),
    "purchase_orders.drift": Word(
        "Changed in Procore",
        "Somebody in Procore changed what IFS owns on a contract.",
        {"hold": "Ask which side stands", "restore": "Write the IFS value again"},
    ),
    "purchase_orders.laps": Word(
        "Restored at most", "How often one contract is restored in a row, with IFS unchanged, before a person is asked."
    ),
    "purchase_orders.same_number": Word(
        "Typed by hand",
        "A Procore order typed by hand has this number and this vendor.",
        {"link": "It is the same order: link", "ask": "Ask a person"},
    ),
    "purchase_orders.split_number": Word(
        "Numbers of split orders",
        "Number of each contract of an order on several projects; {order} and {project} stand for their numbers.",
    ),
    "purchase_orders.approve": Word(
        "Plans",
        "Whether a plan, of whichever flow, goes by itself or waits for a person.",
        {"manual": "Every plan waits for approval", "auto": "Plans go by themselves unless a brake stops them"},
    ),
    "purchase_orders.status": Word(
        "States that are sent",
        "Which status the contract gets in Procore for each state of the IFS order.",
        _CONTRACTS,
        tuple(one.value for one in OrderState),
    ),
}
"""Purchase orders."""

TO_PROCORE: Mapping[str, Word] = {
    "supplier_invoices.strategy": Word(
        "Invoices on orders",
        "Where an invoice line on an order goes. Chosen once, before anything crossed, and never changed later.",
        {
            "commitment": "The subcontractor invoice of its contract",
            "direct_cost": "A direct cost of type subcontractor invoice; no retention, no payments",
        },
    ),
    "supplier_invoices.budget_view_checked": Word(
        "Budget views were checked",
        "A person has seen that no budget view counts such direct costs twice; needed for invoices as direct costs.",
    ),
    "supplier_invoices.states": Word(
        "Invoice states that cross",
        "States in IFS in which an invoice crosses. One cancelled after it crossed is reversed whatever stands here.",
        _plain([one.value for one in InvoiceState if one is not InvoiceState.CANCELLED]),
    ),
    "supplier_invoices.window_days": Word(
        "Invoices: days looked back",
        "How far back by invoice date each run looks; an open invoice that crossed is always looked at.",
    ),
    "supplier_invoices.status": Word(
        "Status in Procore",
        "Status of the subcontractor invoices made from IFS; people in Procore cannot change these invoices.",
        _BILLS,
    ),
    "supplier_invoices.open_period": Word(
        "No open billing period",
        "The project has no open billing period for the invoice.",
        {"when_none": "Open the calendar month", "never": "Hold the invoice: project teams open periods"},
    ),
    "supplier_invoices.closed_period": Word(
        "Closed billing period",
        "The invoice belongs to a billing period that is closed.",
        {"next_open": "Into the next open one, with its own date", "hold": "Hold it: somebody is to see it"},
    ),
    "supplier_invoices.same_number": Word(
        "Typed by hand",
        "Procore has an invoice of that vendor and number that somebody typed.",
        {"ask": "Ask a person", "link": "It is the same invoice: link"},
    ),
    "supplier_invoices.retention_accounts": Word(
        "Retention accounts",
        "Accounts, or patterns such as 2410*, whose postings are retention and not cost.",
    ),
    "supplier_invoices.tax_tolerance": Word(
        "Tax tolerance",
        "By how much a line's tax may differ from its tax code's rate before it is said.",
    ),
    "direct_costs.kinds": Word(
        "Types of direct costs",
        "Which type of direct cost an IFS account makes; 414* is every account that begins so. Others: invoice.",
        _KINDS,
    ),
    "direct_costs.status": Word(
        "Status of direct costs",
        "Status of the direct costs made from IFS invoices; a draft counts in no budget.",
        _COSTS,
    ),
    "payments.methods": Word(
        "Payment methods",
        "Which method of Procore a payment way of IFS is. Others: electronic.",
        _plain(["check", "credit_card", "electronic"]),
    ),
    "payments.window_days": Word("Payments: days looked back", "How far back by payment date each run looks."),
}
"""Supplier invoices, direct costs and payments to Procore."""

BUDGETS: Mapping[str, Word] = {
    "budgets.owner": Word(
        "Who makes the budget",
        "Whether IFS's project estimate is written to Procore's budget.",
        {"erp": "IFS: its estimate is the budget", "projects": "Procore: its budget is left alone"},
    ),
    "budgets.locked": Word(
        "Locked budgets",
        "IFS's estimate changed after Procore's budget was locked.",
        {"hold": "Hold the difference", "change": "Write it as an approved budget change"},
    ),
    "budgets.strangers": Word(
        "Lines IFS does not know",
        "Procore's budget has lines that are not in IFS's estimate.",
        {"hold": "Hold the project's budget", "leave": "Leave them", "zero": "Set them to zero"},
    ),
    "budgets.amount": Word(
        "Which figure",
        "Which of IFS's figures is the budget.",
        _plain(["estimated", "planned", "baseline"]),
    ),
}
"""Budgets."""

TO_IFS: Mapping[str, Word] = {
    "subcontractor_invoices.statuses": Word(
        "Invoice statuses that cross", "Statuses in which a subcontractor invoice of Procore reaches IFS.", _BILLS
    ),
    "subcontractor_invoices.route": Word(
        "What it becomes in IFS",
        "What an invoice on a contract that is an IFS order becomes.",
        {
            "voucher": "A voucher that waits for approval",
            "supplier_invoice": "A preliminary manual supplier invoice, where IFS is set up to take them",
        },
    ),
    "subcontractor_invoices.unknown": Word(
        "Contracts without order",
        "An invoice is on a Procore contract that has no IFS order.",
        {"requisition": "Propose it as a purchase requisition", "hold": "Hold its invoices"},
    ),
    "subcontractor_invoices.billed_to_date": Word(
        "Billed to date", "Whether the lines of the IFS order are told what has been billed on them."
    ),
    "subcontractor_invoices.site": Word(
        "Sites of requisitions", "For which site requisitions of an IFS project are made; * is every other project."
    ),
    "subcontractor_invoices.requisitioner": Word("Requisitioner", "Who asks for requisitions in IFS; known there."),
    "direct_costs.statuses": Word(
        "Direct cost statuses that cross", "Statuses in which a direct cost becomes a voucher.", _COSTS
    ),
    "direct_costs.types": Word("Direct cost types that cross", "Types of direct costs that become vouchers.", _KINDS),
    "direct_costs.accounts": Word(
        "Credited accounts",
        "Which account a type of direct cost credits; where none stands, the clearing account.",
        {},
        tuple(_KINDS),
    ),
    "vouchers.type": Word("Voucher type", "It must allot numbers by itself."),
    "vouchers.user_group": Word("User group", "Under which vouchers are entered; empty: the service user's default."),
    "vouchers.status": Word(
        "Vouchers are left",
        "How people find vouchers in IFS.",
        {"not_approved": "Not approved", "awaiting_approval": "Awaiting approval"},
    ),
    "vouchers.clearing_account": Word(
        "Clearing account", "Credited for what the supplier's own invoice will bring; every voucher needs one."
    ),
    "vouchers.retention_account": Word(
        "Retention account", "Credited with what is retained, debited with what is released."
    ),
    "vouchers.codes": Word(
        "Code parts of clearing and retention",
        "What the clearing and retention rows have in each code part; the word project stands for their own project.",
        {},
        tuple("BCDEFGHIJ"),
    ),
    "vouchers.closed_period": Word(
        "Closed accounting period",
        "The document's day lies in a closed accounting period.",
        {"hold": "Hold it", "next_open": "Post it on the first day of the next open one"},
    ),
    "vouchers.sent_back": Word(
        "Sent back",
        "A document that crossed was sent back in Procore.",
        {"ask": "Ask a person", "reverse": "Reverse its voucher at once"},
    ),
    "vouchers.revised": Word(
        "Revised",
        "A document that crossed comes again with other amounts.",
        {"reverse": "Reversal and new voucher at once", "ask": "Ask a person"},
    ),
}
"""Subcontractor invoices and direct costs to IFS."""

BRAKES: Mapping[str, Word] = {
    "brakes.creates": Word("Records created", "At most this many in one run, over all flows and both sides."),
    "brakes.updates": Word("Records changed", "At most this many in one run, over all flows and both sides."),
    "brakes.removals": Word("Orders cancelled or closed", "At most this many in one run."),
    "brakes.money": Word(
        "Money moved",
        "At most this much in one run, of all flows together, whatever its sign; "
        "what only goes from one code to another counts in full.",
    ),
    "brakes.money_creates": Word("Money of new records", "At most this much in one run."),
    "brakes.money_updates": Word(
        "Money added", "At most this much in one run, on records that are there; what only changes its code counts."
    ),
    "brakes.money_removals": Word(
        "Money taken away", "At most this much in one run: orders cut or closed, invoices reversed or credited."
    ),
    "brakes.share_creates": Word(
        "Share created", "At most this much of the linked records of one kind is created anew in one run."
    ),
    "brakes.share_updates": Word(
        "Share changed", "At most this much of the linked records of one kind changes in one run."
    ),
    "brakes.share_removals": Word(
        "Share removed", "At most this much of the linked orders is cancelled or closed in one run."
    ),
    "brakes.share_from": Word("Shares from", "Up to this many linked records shares stop nothing: half of few is few."),
    "brakes.vanished": Word(
        "Vanished at once",
        "When Procore no longer shows this much of a project's crossed documents, it is taken for a lost permission.",
    ),
}
"""Brakes: most of it in one run; 0 is no limit."""

APPROVAL: Mapping[str, Word] = {
    "approval.four_eyes_over": Word(
        "Four eyes over",
        "Above this much in a plan, whatever its sign and with what only goes to another code, "
        "whoever asked for it may not approve it; 0 is off.",
    ),
    "approval.flows": Word(
        "Plans of single flows",
        "Whether a flow goes by itself or waits for a person; what needs a step that waits, waits with it.",
        {"auto": "Go by themselves", "manual": "Wait for a person"},
    ),
    "approval.offer_after": Word(
        "Offer automation after", "Clean plans in a row after which it is offered that plans go by themselves; 0 never."
    ),
}
"""Approval."""

POLICY_WORDS: Mapping[str, Word] = {
    **APPROVAL,
    **BRAKES,
    **MASTERS,
    **ORDERS,
    **TO_PROCORE,
    **BUDGETS,
    **TO_IFS,
}
"""Every policy by its path, such as vendors.create."""
