"""What people in accounts payable do: register, post, authorise, credit and cancel invoices, pay and take back."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.act_input import Act, Given, mapped, needed, refuse_unknown, value
from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.invoice_ledger import Payment, items_of, pay, reverse_payment
from ml_connector.sandbox.ifs.invoice_matching import add_posting, free_quantity
from ml_connector.sandbox.ifs.invoice_posting import postings_of
from ml_connector.sandbox.ifs.rates import rounded
from ml_connector.sandbox.ifs.rules_purchasing import receipts_of
from ml_connector.sandbox.ifs.states import fire

_HEAD = {
    "supplier_id": "Identity",
    "invoice_no": "InvoiceNo",
    "date": "InvoiceDate",
    "due_date": "DueDate",
    "voucher_date": "VoucherDate",
    "currency": "Currency",
    "rate": "CurrRate",
    "pay_term": "PayTermId",
    "note": "VoucherText",
    "order_no": "PoRefNumber",
}
_LINE = {"amount": "CurrAmount", "activity_seq": "ProjectActivityId", "text": "Text"}
_LINE_BESIDES = frozenset({"order_no", "line_no", "release_no", "quantity", "price", "codes"})


def _register_invoice(db: Database, given: Given) -> Any:
    """Registers an invoice: `lines` of an order by quantity (matched to receipts, oldest first) or by amount.

    A line may name an `order_no` of its own, of the same supplier. Without an order each line needs an amount and
    codes. `tax` is an amount over all lines, under `tax_code`. `voucher_date` is the day it is posted on, else its own.
    `post` and `authorise` go on at once. `supplier_id` is the order's unless given.
    """
    besides = frozenset({"lines", "tax", "tax_code", "post", "authorise"})
    values = mapped(given, _HEAD, besides)
    order = needed(db, "PurchaseOrder", given["order_no"]) if given.get("order_no") else None
    if order is not None:
        values = {"Identity": order["VendorNo"], "Currency": order["CurrencyCode"], **values}
    invoice = _registered(db, {"InvoiceDate": db.today(), **values})
    for line in given.get("lines") or _whole_order(db, order):
        own = needed(db, "PurchaseOrder", line["order_no"]) if line.get("order_no") else order
        for posting in _postings(db, own, line):
            add_posting(db, invoice, posting)
    return _finish(db, invoice, given)


def _registered(db: Database, values: dict[str, Any]) -> Row:
    """The header, with the checks a caller would meet too: the window makes the same ones."""
    rules, unit = db.rules["ManSuppInvoice"], db.table("ManSuppInvoice").lu
    given = dict.fromkeys(unit.index) | values
    if rules.fill:
        rules.fill(db, given)
    for name in ("Identity", "InvoiceNo"):
        if given[name] is None:
            raise ValueError(f"an invoice needs {'a supplier' if name == 'Identity' else 'the number on it'}")
    if rules.check:
        rules.check(db, given, None)
    return db.insert(unit, given)


def _whole_order(db: Database, order: Row | None) -> list[dict[str, Any]]:
    """A line for each order line with goods that are received and not invoiced."""
    free: dict[tuple[str, str], Decimal] = {}
    for one in receipts_of(db, order["OrderNo"]) if order is not None else ():
        key = (one["LineNo"], one["ReleaseNo"])
        free[key] = free.get(key, Decimal(0)) + free_quantity(one)
    found = [{"line_no": no, "release_no": release, "quantity": left} for (no, release), left in free.items() if left]
    if not found:
        raise ValueError("there are no received goods to invoice, and no lines were given")
    return found


def _postings(db: Database, order: Row | None, line: Given) -> Iterator[dict[str, Any]]:
    values = mapped(line, _LINE, _LINE_BESIDES)
    if order is None or "line_no" not in line:
        if "CurrAmount" not in values:
            raise ValueError("a line without an order line needs an amount")
        yield values | ({"OrderNo": order["OrderNo"]} if order is not None else {})
        return
    row = needed(db, "PurchaseOrderLine", order["OrderNo"], str(line["line_no"]), str(line.get("release_no", "1")))
    values |= {name: row[name] for name in row.lu.keys}
    quantity, price = value("quantity", line.get("quantity")), value("price", line.get("price"))
    if quantity is None:
        if "CurrAmount" not in values:
            raise ValueError("an invoice line needs a quantity or an amount")
        yield values
        return
    yield from _matched(db, row, quantity, price, values)


def _matched(
    db: Database, line: Row, quantity: Decimal, price: Decimal | None, values: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Postings over the receipts of a line until the quantity is used up; an amount given is shared out by quantity."""
    left, amount = quantity, values.get("CurrAmount")
    for receipt in receipts_of(db, *line.key):
        part = min(free_quantity(receipt), left)
        if part <= 0:
            continue
        left -= part
        made = {**values, "ReceiptNo": receipt["ReceiptNo"], "Quantity": part}
        if amount is not None:
            made["CurrAmount"] = rounded(amount * part / quantity)
        elif price is not None:
            made["CurrAmount"] = rounded(part * price)
        yield made
    if left:
        raise ValueError(
            f"only {quantity - left} of line {line['LineNo']} is received and not invoiced, not {quantity}"
        )


def _finish(db: Database, invoice: Row, given: Given) -> dict[str, Any]:
    """Tax over the postings, sums into the header, then as far as was asked."""
    postings = postings_of(db, invoice)
    net = sum((one["CurrAmount"] for one in postings), Decimal(0))
    tax = value("tax", given.get("tax")) or Decimal(0)
    left = tax
    for number, posting in enumerate(postings, start=1):
        if tax:
            share = (
                left if number == len(postings) else rounded(tax * posting["CurrAmount"] / net if net else Decimal(0))
            )
            left -= share
            db.update(posting, {"VatCode": given.get("tax_code", "TAX7"), "VatCurrAmount": share})
    db.update(invoice, {"NetCurrAmount": net, "VatCurrAmount": tax})
    if given.get("post") or given.get("authorise"):
        fire(db, invoice, "Post")
    if given.get("authorise"):
        fire(db, invoice, "Authorize")
    return _shown(db, invoice)


def _shown(db: Database, invoice: Row) -> dict[str, Any]:
    opened = sum((one["OpenAmount"] for one in items_of(db, invoice)), Decimal(0))
    return {
        "invoice_id": invoice["InvoiceId"],
        "state": invoice["Objstate"],
        "gross": str(invoice["GrossCurrAmount"]),
        "open": str(opened),
    }


def _invoice(db: Database, given: Given) -> Row:
    return needed(db, "ManSuppInvoice", db.company, int(given["invoice_id"]))


def _credit_invoice(db: Database, given: Given) -> Any:
    """Registers a credit note on an invoice: all of it, or `percent` of every posting; `invoice_no` is its own."""
    refuse_unknown(given, {"invoice_id", "invoice_no", "date", "percent", "post", "authorise", "note"})
    credited = _invoice(db, given)
    if credited["Objstate"] in ("Preliminary", "Cancelled"):
        raise ValueError(f"an invoice in state {credited['Objstate']} is not credited")
    share = (value("percent", given.get("percent")) or Decimal(100)) / 100
    carried = ("Identity", "Currency", "CurrRate", "DivFactor", "PayTermId", "PoRefNumber")
    values = {name: credited[name] for name in carried} | {"InvoiceNo": given.get("invoice_no")}
    values |= {"InvoiceDate": value("date", given.get("date")) or db.today(), "VoucherText": given.get("note")}
    credit = _registered(db, {**values, "CreditedInvoiceId": credited["InvoiceId"], "InvoiceType": "SUPPCREDIT"})
    own = ("Company", "InvoiceId", "RowId", "DomAmount", "Reference", "ProjectId")
    for one in postings_of(db, credited):
        turned = {name: one_value for name, one_value in one.as_dict().items() if name not in own}
        turned["CurrAmount"] = rounded(-one["CurrAmount"] * share)
        for name in ("Quantity", "VatCurrAmount"):
            turned[name] = None if one[name] is None else rounded(-one[name] * share)
        add_posting(db, credit, turned)
    rows = postings_of(db, credit)
    sums = {name: sum((one[own_name] or Decimal(0) for one in rows), Decimal(0)) for name, own_name in _SUMS}
    db.update(credit, sums)
    return _go_on(db, credit, given)


_SUMS = (("NetCurrAmount", "CurrAmount"), ("VatCurrAmount", "VatCurrAmount"))


def _go_on(db: Database, invoice: Row, given: Given) -> dict[str, Any]:
    for name, event in (("post", "Post"), ("authorise", "Authorize")):
        if given.get(name) and not (event == "Post" and invoice["Objstate"] != "Preliminary"):
            fire(db, invoice, event)
    return _shown(db, invoice)


def _invoice_event(event: str) -> Act:
    def act(db: Database, given: Given) -> Any:
        refuse_unknown(given, {"invoice_id"})
        row = _invoice(db, given)
        fire(db, row, event)
        return _shown(db, row)

    return act


def _pay_invoice(db: Database, given: Given) -> Any:
    refuse_unknown(given, {"invoice_id", "amount", "date", "way", "reference"})
    row = _invoice(db, given)
    amount, day = value("amount", given.get("amount")), value("date", given.get("date"))
    number = pay(db, row, Payment(amount, day, given.get("way", "BANK"), given.get("reference")))
    return {**_shown(db, row), "payment_id": number}


def _run_payment(db: Database, given: Given) -> Any:
    """The payment run: pays every authorised invoice that is due by `date` (None: today) and not blocked."""
    refuse_unknown(given, {"date"})
    until, paid = value("date", given.get("date")) or db.today(), []
    for row in db.table("ManSuppInvoice").under((db.company,)):
        blocked = db.find("IdentityPayInfo", row["Company"], row["Identity"], "Supplier")
        if row["Objstate"] not in ("PostedAuth", "PartlyPaidPosted") or (blocked and blocked["BlockedForPayment"]):
            continue
        due = [one["OpenAmount"] for one in items_of(db, row) if one["DueDate"] <= until]
        if sum(due):
            paid.append(pay(db, row, Payment(sum(due, Decimal(0)), until)))
    return {"payments": paid}


def _reverse_payment(db: Database, given: Given) -> Any:
    refuse_unknown(given, {"payment_id"})
    return {"payment_id": reverse_payment(db, db.company, int(given["payment_id"]))}


def _block_supplier(db: Database, given: Given) -> Any:
    """Sets or lifts the payment block of a supplier."""
    refuse_unknown(given, {"supplier_id", "blocked"})
    needed(db, "SupplierInfoGeneral", given["supplier_id"])
    flag = {"BlockedForPayment": bool(given.get("blocked", True))}
    row = db.find("IdentityPayInfo", db.company, given["supplier_id"], "Supplier")
    if row is None:
        db.add("IdentityPayInfo", {"Company": db.company, "Identity": given["supplier_id"], **flag})
    else:
        db.update(row, flag)
    return {"supplier_id": given["supplier_id"], "blocked": flag["BlockedForPayment"]}


INVOICE_ACTS: dict[str, Act] = {
    "register_invoice": _register_invoice,
    "post_invoice": _invoice_event("Post"),
    "authorise_invoice": _invoice_event("Authorize"),
    "cancel_invoice": _invoice_event("Cancel"),
    "credit_invoice": _credit_invoice,
    "pay_invoice": _pay_invoice,
    "run_payment": _run_payment,
    "reverse_payment": _reverse_payment,
    "block_supplier": _block_supplier,
}
"""Acts by name."""
