"""What a visitor of the demo may do in the two simulated systems, as people at a desk would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ml_connector.actions.playground import Act, Entry
from ml_connector.sandbox.cast import SITES
from ml_connector.sandbox.running import RunningSandbox

Given = Mapping[str, str]


class Deed(NamedTuple):
    """An act as the page shows it, and how it is done; the answer says what happened."""

    act: Act
    do: Callable[[RunningSandbox, Given], str]


_ORDER = Entry("order_no", "Purchase order", "P100001", "Its number in IFS, which is its contract's in Procore.")
_CONTRACT = Entry("order_number", "Contract", "P100001", "Its number in Procore.")
_SITE = Entry(
    "number", "Project", options=tuple((site.procore_number, site.name) for site in SITES if site.procore_number)
)


def _receive(box: RunningSandbox, given: Given) -> str:
    box.act("ifs", "receive_goods", order_no=given["order_no"])
    return f"All that was open on {given['order_no']} has arrived."


def _bill(box: RunningSandbox, given: Given) -> str:
    made = box.act("ifs", "register_invoice", **given, post=True, authorise=True)
    return f"Invoice {given['invoice_no']} on {given['order_no']} is posted and authorised, as {made['invoice_id']}."


def _price(box: RunningSandbox, given: Given) -> str:
    box.act("ifs", "amend_line", **given, release_no="1")
    return f"Line {given['line_no']} of {given['order_no']} costs {given['price']} apiece now."


def _code(box: RunningSandbox, given: Given) -> str:
    box.act("ifs", "add_code_value", code_part="B", **given)
    return f"Cost code {given['value']} exists in IFS now."


def _cancel(box: RunningSandbox, given: Given) -> str:
    box.act("ifs", "cancel_line", **given, release_no="1")
    return f"Line {given['line_no']} of {given['order_no']} is cancelled."


def _pay(box: RunningSandbox, _given: Given) -> str:
    paid = box.act("ifs", "run_payment")["payments"]
    return f"The payment run paid {len(paid)} invoices."


def _block(box: RunningSandbox, given: Given) -> str:
    blocked = given["blocked"] == "yes"
    box.act("ifs", "block_supplier", supplier_id=given["supplier_id"], blocked=blocked)
    return f"Supplier {given['supplier_id']} is {'blocked for' if blocked else 'free for'} payment."


def _claim(box: RunningSandbox, given: Given) -> str:
    made = box.act("procore", "add_requisition", **given)
    box.act("procore", "approve_requisition", id=made["id"])
    return f"Subcontractor invoice {given['invoice_number']} on {given['order_number']} is approved in Procore."


def _send_back(box: RunningSandbox, given: Given) -> str:
    box.act("procore", "send_back_requisition", **given)
    return f"The latest subcontractor invoice on {given['order_number']} was sent back for revision."


def _card(box: RunningSandbox, given: Given) -> str:
    line = {"code": given["code"], "type": "O", "amount": given["amount"]}
    box.act(
        "procore",
        "enter_direct_cost",
        number=given["number"],
        vendor=given["vendor"],
        invoice_number=given["invoice_number"],
        type="expense",
        status="approved",
        lines=[line],
    )
    return f"{given['amount']} paid by card is a direct cost in Procore."


def _title(box: RunningSandbox, given: Given) -> str:
    box.act("procore", "edit_order", **given)
    return f"Contract {given['order_number']} is called {given['title']!r} in Procore now."


def _status(box: RunningSandbox, given: Given) -> str:
    box.act("procore", "set_order_status", **given)
    return f"Contract {given['order_number']} is {given['status']} in Procore now."


def _rename(box: RunningSandbox, given: Given) -> str:
    box.act("procore", "rename_vendor", **given)
    return f"{given['name']} is called {given['to']} in Procore now."


def _permit(box: RunningSandbox, given: Given) -> str:
    may = given["may"] == "yes"
    box.act("procore", "permit_project" if may else "revoke_project", number=given["number"])
    return f"The service account {'sees' if may else 'no longer sees'} project {given['number']}."


_IFS: tuple[Deed, ...] = (
    Deed(
        Act(
            "receive",
            "ifs",
            "Goods arrive",
            "Stores receive all that is open on an order. Nothing goes to Procore yet: an invoice must follow.",
            (_ORDER,),
        ),
        _receive,
    ),
    Deed(
        Act(
            "bill",
            "ifs",
            "Register a supplier invoice",
            "Accounts payable registers, posts and authorises an invoice of what was received. It goes to Procore.",
            (_ORDER, Entry("invoice_no", "Invoice number", "DEMO-1001", "As the supplier printed it; each once.")),
        ),
        _bill,
    ),
    Deed(
        Act(
            "price",
            "ifs",
            "Change a price",
            "A buyer amends a line. The contract in Procore follows, or a question is asked where it may not.",
            (_ORDER, Entry("line_no", "Line", "1"), Entry("price", "New price", "99.50")),
        ),
        _price,
    ),
    Deed(
        Act("cancel", "ifs", "Cancel a line", "A buyer cancels a line.", (_ORDER, Entry("line_no", "Line", "2"))),
        _cancel,
    ),
    Deed(
        Act(
            "code",
            "ifs",
            "Create a cost code",
            "The cost engineer adds a value of code part B. What was held for it goes by itself.",
            (Entry("value", "Cost code", "31-660"), Entry("description", "Name", "Sheet pile driving")),
        ),
        _code,
    ),
    Deed(
        Act("pay", "ifs", "Run a payment", "Every authorised invoice that is due is paid, and Procore shows it.", ()),
        _pay,
    ),
    Deed(
        Act(
            "block",
            "ifs",
            "Block a supplier",
            "Somebody sets or lifts the payment block.",
            (
                Entry("supplier_id", "Supplier", "S1007"),
                Entry("blocked", "Payment", "yes", options=(("yes", "Block it"), ("no", "Lift the block"))),
            ),
        ),
        _block,
    ),
)
_PROCORE: tuple[Deed, ...] = (
    Deed(
        Act(
            "claim",
            "procore",
            "Approve a subcontractor invoice",
            "A project manager writes what a subcontractor asks for. It waits in IFS as a voucher to be approved.",
            (
                _CONTRACT,
                Entry("invoice_number", "Invoice number", "DEMO-PM-1"),
                Entry("share", "Share of what is open", "0.25", "1 is all of it."),
            ),
        ),
        _claim,
    ),
    Deed(
        Act(
            "send_back",
            "procore",
            "Send an invoice back",
            "The latest invoice of a contract is to be revised. What is in IFS already becomes a question.",
            (_CONTRACT,),
        ),
        _send_back,
    ),
    Deed(
        Act(
            "card",
            "procore",
            "Pay by card",
            "Somebody on a job site enters a direct cost. It waits in IFS as a voucher.",
            (
                _SITE,
                Entry("vendor", "Vendor", "Alder Creek Landscaping LLC", "Its name in Procore."),
                Entry("code", "Cost code", "01-310"),
                Entry("amount", "Amount", "118.60"),
                Entry("invoice_number", "Receipt", "DEMO-CARD-1"),
            ),
        ),
        _card,
    ),
    Deed(
        Act(
            "title",
            "procore",
            "Rename a contract",
            "Somebody edits what IFS owns. The connector asks whose word stands.",
            (_CONTRACT, Entry("title", "Title", "Our own name for it")),
        ),
        _title,
    ),
    Deed(
        Act(
            "status",
            "procore",
            "Move a contract",
            "Somebody sets a contract's status by hand.",
            (
                _CONTRACT,
                Entry("status", "Status", "Draft", options=tuple((one, one) for one in ("Draft", "Approved", "Void"))),
            ),
        ),
        _status,
    ),
    Deed(
        Act(
            "rename",
            "procore",
            "Rename a vendor",
            "Somebody edits a vendor in Procore's directory.",
            (
                Entry("name", "Vendor", "Alder Creek Landscaping LLC"),
                Entry("to", "New name", "Alder Creek Grounds LLC"),
            ),
        ),
        _rename,
    ),
    Deed(
        Act(
            "permit",
            "procore",
            "Take a right away",
            "An administrator of Procore forbids the service account a project, or lets it see one again.",
            (_SITE, Entry("may", "The account", "no", options=(("no", "May not see it"), ("yes", "May see it again")))),
        ),
        _permit,
    ),
)
DEEDS: tuple[Deed, ...] = (*_IFS, *_PROCORE)
"""Every act a visitor may do, in the order of the page."""
