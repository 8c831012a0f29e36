"""Cost of projects by activity and cost element, worked out from orders, receipts and vouchers (facts/ifs.md 11.12).

Amounts are in company currency. Planned committed: on orders not yet released. Committed: released and not yet
received. Used: received and not invoiced, or on a voucher. Actual: in the ledger. Estimated is what people typed
for an activity and element, and Planned is the same; an element that is only estimated has no cost, and one that only
carries cost has no estimate. Other budget figures stay empty.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.rates import rounded

_Key = tuple[str, int, str]
_ENDED = ("Closed", "Cancelled")
_AMOUNTS = ("PlannedCommitted", "Committed", "Used", "Actual")
_Amounts = dict[str, Decimal | None]


def refresh_costs(db: Database) -> None:
    """Brings the cost rows up to date, unless nothing has changed since. Rows that stay as they are keep their tags."""
    table, state = db.table("ProjectCost"), (db.generation, db.mark())
    if db.seen.get("ProjectCost") == state:
        return
    db.seen["ProjectCost"] = state
    fresh = _worked_out(db)
    for key in [key for key in table.ordered if key not in fresh]:
        table.drop(key)
    for key, amounts in fresh.items():
        values = {**dict(zip(table.lu.keys, key, strict=True)), **amounts}
        present = table.rows.get(key)
        if present is not None and all(present[name] == value for name, value in amounts.items()):
            continue
        if present is not None:
            table.drop(key)
        table.add(db.new_row(table.lu, values))


def _worked_out(db: Database) -> dict[_Key, _Amounts]:
    elements, sums = _Elements(db), defaultdict[_Key, dict[str, Decimal]](lambda: dict.fromkeys(_AMOUNTS, Decimal(0)))
    _orders(db, elements, sums)
    cancelled = {one.key for one in db.table("Voucher") if one["Objstate"] == "Cancelled"}
    for table, names in (("VoucherRow", ("Used",)), ("GenLedVoucherRow", ("Used", "Actual"))):
        for row in db.table(table):
            if row["ProjectActivityId"] is None or row["ProjectId"] is None or row.key[:4] in cancelled:
                continue
            key = (row["ProjectId"], row["ProjectActivityId"], elements.of(row["Account"]))
            for name in names:
                sums[key][name] += row["Amount"] or 0
    estimates = {one.key: one["Estimated"] for one in db.table("ProjectEstimate")}
    found: dict[_Key, _Amounts] = {}
    for key in [*sums, *(key for key in estimates if key not in sums)]:
        costs: _Amounts = {name: rounded(amount) for name, amount in sums[key].items()}
        found[key] = costs | dict.fromkeys(("Estimated", "Planned"), estimates.get(key))
    return found


def _orders(db: Database, elements: _Elements, sums: dict[_Key, dict[str, Decimal]]) -> None:
    arrived: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    waiting: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for receipt in db.table("PurchaseReceipt"):
        arrived[receipt.key[:3]] += receipt["QtyArrived"]
        waiting[receipt.key[:3]] += receipt["QtyInspected"] - receipt["QtyInvoiced"]
    planned = {one["OrderNo"] for one in db.table("PurchaseOrder") if one["Objstate"] == "Planned"}
    for line in db.table("PurchaseOrderLine").rows.values():
        if line["ActivitySeq"] is None or line["ProjectId"] is None or not line["BuyQtyDue"]:
            continue
        price = line["NetAmtBase"] / line["BuyQtyDue"]
        amounts = sums[line["ProjectId"], line["ActivitySeq"], elements.of(line["CodeA"])]
        if line["Objstate"] not in _ENDED:
            left = max(line["BuyQtyDue"] - arrived[line.key], Decimal(0))
            amounts["PlannedCommitted" if line["OrderNo"] in planned else "Committed"] += left * price
        amounts["Used"] += waiting[line.key] * price


class _Elements:
    """The cost element of each account: as mapped, else the company's default element."""

    def __init__(self, db: Database) -> None:
        rows: list[Row] = db.table("CostElementToAccount").under((db.company,))
        self._mapped = {row["Account"]: str(row["ProjectCostElement"]) for row in rows}
        elements = db.table("ProjectCostElement").under((db.company,))
        self._default = next((str(one["ProjectCostElement"]) for one in elements if one["DefaultCostElement"]), "OTHER")

    def of(self, account: str | None) -> str:
        """The element of an account."""
        return self._mapped.get(account or "", self._default)
