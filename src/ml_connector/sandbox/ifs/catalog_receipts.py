"""Receipts of purchase order lines, and the line history that is always on (facts/ifs.md 10 and 11.5).

The facts name no projection for receipts; the names here are guesses in the vendor's manner.
"""

from __future__ import annotations

from ml_connector.sandbox.ifs.catalog_purchasing import states
from ml_connector.sandbox.ifs.model import Entity, EntitySet, LogicalUnit, Projection, attributes

RECEIPT_STATE = states("PurchaseReceiptState", "Arrived", "Received", "Cancelled")

RECEIPT = LogicalUnit(
    "PurchaseReceipt",
    attributes(
        """
        OrderNo* text 12
        LineNo* text 4
        ReleaseNo* text 4
        ReceiptNo* int
        Objstate PurchaseReceiptState read
        VendorNo text 20 read
        Contract text 5 read
        Company text 20 read
        ReceiptDate date read
        ReceiptReference text 50
        QtyArrived dec read
        QtyInspected dec read
        QtyInvoiced dec read
        BuyUnitMeas text 10 read
        FbuyUnitPrice dec read
        CurrencyCode text 3 read
        Receiver text 30 read
        """,
        (RECEIPT_STATE,),
    ),
)
LINE_HISTORY = LogicalUnit(
    "PurchaseOrderLineHist",
    attributes(
        """
        OrderNo* text 12
        LineNo* text 4
        ReleaseNo* text 4
        HistoryNo* int
        MessageText text 2000
        Objstate text 20
        Userid text 30
        DateEntered stamp
        """
    ),
)

RECEIPTS = (
    Projection(
        "PurchaseReceiptsHandling",
        "Receipts of purchase order lines, with what is invoiced of them",
        (Entity("PurchaseReceipt", RECEIPT),),
        (EntitySet("PurchaseReceiptSet", "PurchaseReceipt", "R"),),
    ),
    Projection(
        "PurchaseReceiptEntity",
        "Entity service of PurchaseReceipt",
        (Entity("PurchaseReceipt", RECEIPT),),
        (EntitySet("PurchaseReceiptSet", "PurchaseReceipt", "R"),),
        entity_service=True,
    ),
    Projection(
        "PurchaseOrderLinesHistoryAnalysis",
        "What happened to purchase order lines, in words",
        (Entity("PurchaseOrderLineHist", LINE_HISTORY),),
        (EntitySet("PurchaseOrderLineHistorySet", "PurchaseOrderLineHist", "R"),),
    ),
)
