"""A scene in which every flow has work: what people in IFS and in Procore did before a sync, the same every time.

`set_up` is the first half, before any sync: each flow has something to carry in its first sync. `go_on` is the second
half, after it: what crossed is revised, taken back, cancelled, credited, paid and re-estimated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from .money_proof import MoneyProof
from .money_windows import dec
from .office import UNKNOWN_CODE, Office
from .proof import Proof

CLOSED_SITE = "NG-04"
"""Its billing period is closed and no other is open: invoices make the next one."""
LOCKED_SITE = "1202"
"""Its budget was locked before IFS estimated two lines of it anew."""

WHOLE, SPLIT, RETAINED, CREDITED, CANCELLED = "P100002", "P100014", "P100003", "P100005", "P100013"
"""Orders: billed in one piece, billed over two projects, with retention, credited in part, cancelled in time."""
TYPED, TYPED_TOO = "P100004", "P100033"
"""Orders that people typed into Procore by hand as well, and bill there."""
OURS, OURS_TOO = "P100012", "P100030"
"""Orders whose contracts are made by the first sync, and billed in Procore after it."""
UNKNOWN_THERE = "SITE-7"
"""A contract of Procore that is no order in IFS, with a vendor that is no supplier there."""
NEW_VENDOR, NEW_TOO = "Foxglove Interiors LLC", "Granite State Surveyors, Inc."
"""Vendors of Procore that IFS does not know."""
NEW_CODE = "33-420"
"""A cost code made in Procore."""

POLICIES: dict[str, dict[str, Any]] = {
    "vendors": {"propose": "auto"},
    "cost_codes": {"back": "auto"},
    "budgets": {"locked": "change", "strangers": "leave"},
    "vouchers": {"sent_back": "reverse", "revised": "reverse"},
}
"""Under which nothing in the scene needs an answer."""


MOST_SYNCS = 4
"""How many syncs a half may take to its rest: what waits for what another sync made comes one sync later."""


def set_up(office: Office) -> None:
    """The first half: IFS and Procore before the first sync; `office.money` compares the two systems later."""
    office.policy(**POLICIES)
    payable(office)
    estimates(office)
    site_office(office)
    text = office.box.connection_text()
    office.proof = Proof(text)  # what people did in Procore was there before us
    money = office.money = MoneyProof(text, office.app)
    office.proof.ifs, office.proof.procore = money.ifs, money.procore


def carried(office: Office) -> None:
    """The first half, carried to its rest."""
    set_up(office)
    carry(office)


def released(office: Office) -> None:
    """The first half after its first sync, the suppliers that it proposed released for payment."""
    set_up(office)
    office.sync()
    assert release_suppliers(office)


def gone_on(office: Office) -> None:
    """The second half before its first sync."""
    carried(office)
    go_on(office)


def carry(office: Office) -> None:
    """Syncs until one sends nothing at all; the suppliers proposed on the way are released for payment."""
    for _ in range(MOST_SYNCS):
        office.box.log.clear()
        report = office.sync()
        sent = office.written()
        if not release_suppliers(office) and not sent:
            office.assert_sent_nothing(report)
            return
    raise AssertionError([f"{one.method} {one.path}" for one in sent])


# the first half -------------------------------------------------------------------------------------------------------


def payable(office: Office) -> None:
    """Goods are received, and invoices registered, posted, credited, cancelled and paid."""
    for order in (WHOLE, SPLIT, RETAINED, CREDITED, CANCELLED):
        office.ifs("receive_goods", order_no=order)
    whole = office.ifs("register_invoice", order_no=WHOLE, invoice_no="HW-1001", authorise=True)
    office.ifs("register_invoice", order_no=SPLIT, invoice_no="AB-77", tax="310.20", authorise=True)
    retained = office.ifs("register_invoice", invoice_no="SC-31", authorise=True, **_retained())
    credited = office.ifs("register_invoice", order_no=CREDITED, invoice_no="OM-5", post=True)
    office.ifs("credit_invoice", invoice_id=credited["invoice_id"], invoice_no="OM-5-C", percent="25", post=True)
    office.ifs("register_invoice", invoice_no="WA-12", authorise=True, **_without_order())
    cancelled = office.ifs("register_invoice", order_no=CANCELLED, invoice_no="MD-9", post=True)
    office.ifs("cancel_invoice", invoice_id=cancelled["invoice_id"])
    office.ifs("pay_invoice", invoice_id=whole["invoice_id"], amount="40000.00")
    office.ifs("pay_invoice", invoice_id=retained["invoice_id"])


def _retained() -> dict[str, Any]:
    """The first two lines of an order less a tenth that is held back."""
    return {
        "order_no": RETAINED,
        "lines": [
            {"line_no": "1", "quantity": "1"},
            {"line_no": "2", "quantity": "36"},
            {"amount": "-3260.63", "codes": {"A": "2030"}, "text": "Retention 10 percent"},
        ],
    }


def _without_order() -> dict[str, Any]:
    """Three lines that nobody ordered, on two projects."""
    rows = (
        ("1201", 100101, "01-740", "4150", "412.50"),
        ("1201", 100101, "01-310", "4150", "88.00"),
        ("1202", 100201, "01-540", "4150", "120.75"),
    )
    return {
        "supplier_id": "S1040",
        "lines": [
            {"amount": amount, "activity_seq": activity, "codes": {"A": account, "B": code, "C": "410", "E": project}}
            for project, activity, code, account, amount in rows
        ],
    }


def estimates(office: Office) -> None:
    """Two cost elements are estimated anew."""
    office.ifs("set_estimate", project_id="1201", activity_seq=100101, element="03-310-M", amount="9100.00")
    office.ifs("set_estimate", project_id="1203", activity_seq=100303, element="33-410-M", amount="25000.00")


def site_office(office: Office) -> None:
    """What project managers typed, billed and approved in Procore, and what they bought without an order."""
    office.procore("close_billing_period", number=CLOSED_SITE)
    office.procore("lock_budget", number=LOCKED_SITE)
    office.procore("add_cost_code", number="1201", code=NEW_CODE, name="Storm water treatment")
    office.procore("type_order", **typed_again(office, TYPED_TOO, "P-1205"))
    office.procore(
        "type_order",
        number="1202",
        order_number=UNKNOWN_THERE,
        title="Interior fit-out, typed by the site office",
        vendor=NEW_VENDOR,
        status="Approved",
        lines=[
            {"code": "09-910", "type": "S", "description": "Painting", "quantity": "1", "unit_cost": "8000.00"},
            {"code": "08-110", "type": "M", "description": "Doors", "quantity": "4", "unit_cost": "610.25"},
        ],
    )
    for order, invoice, share in ((TYPED, "CS-1", "0.5"), (TYPED_TOO, "OM-21", "0.25"), (UNKNOWN_THERE, "FX-1", "0.4")):
        bill(office, order, invoice, share)
    direct_cost(office, "1202", "Voltaire Electric Company", "VE-310", ("26-050", "M", "120.50"), ("26-510", "M", "80"))
    direct_cost(office, "1201", NEW_TOO, "GS-2", ("01-450", "O", "1240.00"))


def typed_again(office: Office, order: str, number: str) -> dict[str, Any]:
    """An order as a site office would type it into Procore too: same number, vendor and lines."""
    world = office.box.sandbox.world
    found = next(one for one in world.orders if one.order_no == order)
    vendor = next(one.name for one in world.suppliers if one.supplier_id == found.supplier_id)
    kinds = {"4110": "M", "4120": "S", "4130": "E", "4140": "L", "4150": "O"}
    lines = [
        {
            "code": dict(line.codes)["B"],
            "type": kinds[dict(line.codes)["A"]],
            "description": line.description,
            "quantity": str(line.quantity),
            "unit_cost": str(line.unit_price),
        }
        for line in found.lines
    ]
    title = f"{vendor}, typed by the site office"
    return {"number": number, "order_number": order, "title": title, "vendor": vendor, "lines": lines}


def bill(office: Office, order: str, invoice: str, share: str) -> int:
    """The subcontractor bills a share of what its contract has open, and the project manager approves."""
    made = office.procore("add_requisition", order_number=order, invoice_number=invoice, share=share)
    office.procore("approve_requisition", id=made["id"])
    return int(made["id"])


def direct_cost(office: Office, site: str, vendor: str, invoice: str, *lines: tuple[str, str, str]) -> int:
    """Somebody enters an approved direct cost."""
    rows = [{"code": code, "type": kind, "amount": amount} for code, kind, amount in lines]
    made = office.procore(
        "enter_direct_cost", number=site, vendor=vendor, invoice_number=invoice, status="approved", lines=rows
    )
    return int(made["id"])


# the second half ------------------------------------------------------------------------------------------------------


def go_on(office: Office) -> None:
    """The second half: what crossed changes on both sides, and contracts of ours are billed in Procore."""
    revise(office)
    accounts_go_on(office)


def release_suppliers(office: Office) -> int:
    """The suppliers proposed from Procore are released for payment in IFS; how many were blocked."""
    ifs = office.proof.ifs
    made = [row["SupplierId"] for row in ifs.suppliers().values() if row["Name"] in (NEW_VENDOR, NEW_TOO)]
    payable_to = [
        row
        for supplier in sorted(made)
        for row in ifs.rows(f"{SUPPLIERS}(SupplierId='{supplier}')/SupplierPayments", "Company,Identity,PartyType")
    ]
    blocked = [row["Identity"] for row in payable_to if row["BlockedForPayment"]]
    for supplier in blocked:
        office.ifs("block_supplier", supplier_id=supplier, blocked=False)
    return len(blocked)


def revise(office: Office) -> None:
    """Invoices that crossed come back with other amounts, are sent back, or are deleted; others are new."""
    office.procore("send_back_requisition", order_number=TYPED)
    office.procore("bill_requisition", order_number=TYPED, items=[{"position": 1, "quantity": "1.5"}])
    office.procore("approve_requisition", order_number=TYPED)
    office.procore("send_back_requisition", order_number=TYPED_TOO)
    bill(office, OURS, "VE-1", "0.5")
    bill(office, OURS_TOO, "SC-90", "0.3")
    cost = direct_cost(office, "1202", "Voltaire Electric Company", "VE-311", ("26-050", "M", "60.00"))
    office.procore("set_direct_cost_status", id=cost, status="pending")
    office.procore("set_direct_cost_status", invoice_number="VE-310", status="draft")


def accounts_go_on(office: Office) -> None:
    """An invoice is cancelled, one paid to its end, a payment taken back, a budget locked and estimated anew."""
    rows = {row["InvoiceNo"]: row["InvoiceId"] for row in office.proof.ifs.rows(INVOICES, "Company,InvoiceId")}
    office.ifs("cancel_invoice", invoice_id=rows["AB-77"])
    office.ifs("pay_invoice", invoice_id=rows["HW-1001"])
    office.ifs("reverse_payment", payment_id=1)
    office.ifs("receive_goods", order_no=OURS)
    office.ifs(
        "register_invoice", order_no=OURS, invoice_no="VE-2", lines=[{"line_no": "1", "quantity": "100"}], post=True
    )
    office.procore("lock_budget", number="1203")
    office.ifs("set_estimate", project_id="1203", activity_seq=100303, element="33-410-M", amount="26500.00")
    office.ifs("rename_supplier", supplier_id="S1030", name="Bigelow Crane and Hoist Rental, Inc.")


SUPPLIERS = "SupplierHandling.svc/SupplierInfoGeneralSet"
INVOICES = "SupplierInvoicesHandling.svc/ManSuppInvoiceSet"


# judgement ------------------------------------------------------------------------------------------------------------


def prove(office: Office) -> None:
    """Both systems agree to the cent, each thing is there once and nothing is lost; the audit chain is whole."""
    money = office.money
    assert money
    found = money.differences()
    found += office.proof.differences((UNKNOWN_CODE,), (UNKNOWN_THERE,))
    found += [*_once(money), *_made_in_ifs(office, money)]
    assert not found, "\n".join(found)
    assert office.app.verify_audit("demo") == []
    assert [(hold["reason"], hold["kind"]) for hold in office.holds()] == HELD, office.holds()


HELD = [("code_missing", "order"), ("order_missing", "subcontractor_invoice")]
"""What waits at the end: the order on a code nobody knows, and the invoice whose contract is only proposed to IFS."""


def _once(money: MoneyProof) -> Iterator[str]:
    """What carries a key of ours in its text carries it alone, cancelled or not."""
    ifs, procore = money.ifs, money.procore
    changes = [row for target in money.projects.values() for row in procore.budget_changes(target)]
    yield from _twice("voucher", (row["VoucherText2"] for row in ifs.vouchers()))
    yield from _twice("purchase requisition", (row["NoteText"] for row in ifs.requisitions().values()))
    yield from _twice("budget change", (row["title"].rpartition("[")[2] for row in changes))
    periods = [
        (project, row["start_date"]) for project, at in money.projects.items() for row in procore.billing_periods(at)
    ]
    yield from _twice("billing period", (f"10/{project}/{start}" for project, start in periods))


def _twice(what: str, texts: Iterable[str | None]) -> Iterator[str]:
    keys = Counter(text.split(" ")[0].rstrip("]") for text in texts if text and text.startswith("10/"))
    yield from (f"{what} {key} is there {number} times" for key, number in keys.items() if number > 1)


def _made_in_ifs(office: Office, money: MoneyProof) -> Iterator[str]:
    """What Procore's people began is in IFS: two suppliers, a code value, a requisition worth its contract."""
    ifs = money.ifs
    names = Counter(row["Name"] for row in ifs.suppliers().values())
    yield from (f"supplier {name}: {names[name]} in IFS" for name in (NEW_VENDOR, NEW_TOO) if names[name] != 1)
    values = [row["CodeB"] for row in ifs.rows("CodeBHandling.svc/CodeBSet", "Company,CodeB")]
    if NEW_CODE not in values:
        yield f"code value {NEW_CODE} is not in IFS"
    contract = office.proof.paper(UNKNOWN_THERE)
    mine = [
        one
        for one in ifs.requisitions().values()
        if (one["NoteText"] or "").startswith(f"10/commitment/{contract.id} ")
    ]
    if len(mine) != 1:
        yield f"{len(mine)} requisitions propose {UNKNOWN_THERE}"
    worth = sum((dec(x["OriginalQty"]) * dec(x["FbuyUnitPrice"]) for one in mine for x in one["lines"]), Decimal(0))
    if worth != contract.original:
        yield f"requisition of {UNKNOWN_THERE} is worth {worth}, its contract {contract.original}"
