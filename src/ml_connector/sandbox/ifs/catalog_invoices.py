"""Supplier invoices, their postings, their ledger items and payments (facts/ifs.md 11.5).

The facts confirm units, columns and states, not projections: the best candidate of each is there, the others only when
the switch `missing_projections` is told so. Array and action names are guesses in the vendor's manner.
"""

from __future__ import annotations

from ml_connector.sandbox.ifs.catalog_purchasing import states
from ml_connector.sandbox.ifs.catalog_suppliers import PARTY_TYPE
from ml_connector.sandbox.ifs.model import Action, Entity, EntitySet, Kind, LogicalUnit, Nav, Projection, attributes

_STATES = ("Preliminary", "Posted", "PostedAuth", "PartlyPaidPosted", "PaidPosted", "Cancelled")
INVOICE_STATE = states("ManSuppInvoiceState", *_STATES)
LEDGER_STATE = states("InvoiceLedgerItemState", *_STATES)
TRANSACTION_STATE = states("LedgerTransactionState", "Booked", "Reversed")

INVOICE = LogicalUnit(
    "ManSuppInvoice",
    attributes(
        """
        Company* text 20
        InvoiceId* int
        Objstate ManSuppInvoiceState read
        Identity! text 20 new
        PartyType PartyType read
        Name text 100 read
        SeriesId text 20
        InvoiceNo! text 50
        InvoiceDate! date
        DueDate date
        PayTermId text 20
        InvoiceType text 20
        DeliveryDate,ArrivalDate date
        CreationDate date read
        Currency text 3 new
        CurrRate,DivFactor dec
        PlPayDate date
        NetCurrAmount,VatCurrAmount dec
        GrossCurrAmount,NetDomAmount,VatDomAmount dec read
        PoRefNumber text 50
        AdvInv bool
        VoucherText text 200
        VoucherDate date
        InvoiceRecipient text 20
        NcfReference text 50
        CreditedInvoiceId int new
        ProposalExist bool read
        Creator text 30 read
        AuthId text 20 read
        VoucherTypeRef text 3 read
        VoucherNoRef,AccountingYearRef int read
        VoucherDateRef date read
        """,
        (INVOICE_STATE, PARTY_TYPE),
    ),
)
POSTING = LogicalUnit(
    "ManSuppInvoicePostings",
    attributes(
        """
        Company* text 20
        InvoiceId* int
        RowId* int
        PostingType text 10
        Reference text 200 read
        OrderNo text 12
        LineNo,ReleaseNo text 4
        ReceiptNo int
        Quantity dec
        CurrAmount! dec
        DomAmount dec read
        CodeA! text 20
        CodeB,CodeC,CodeD,CodeE,CodeF,CodeG,CodeH,CodeI,CodeJ text 20
        ProjectId text 10 read
        ProjectActivityId int
        VatCode text 20
        VatCurrAmount dec
        Text text 200
        """
    ),
)
LEDGER_ITEM = LogicalUnit(
    "InvoiceLedgerItem",
    attributes(
        """
        Company* text 20
        Identity* text 20
        PartyType* PartyType
        LedgerItemSeriesId* text 20
        LedgerItemId* text 50
        LedgerItemVersion* int
        Objstate InvoiceLedgerItemState
        InvoiceId int
        InvoiceNo text 50
        InvoiceDate,DueDate date
        Currency text 3
        FullCurrAmount,InvDomAmount,OpenAmount,OpenDomAmount dec
        PoRefNumber text 50
        Name text 100
        AuthId,FirstAuthId text 20
        VoucherTypeRef text 3
        VoucherNoRef,AccountingYearRef int
        VoucherDateRef date
        PayTermId text 20
        AdvInv bool
        """,
        (LEDGER_STATE, PARTY_TYPE),
    ),
)
TRANSACTION = LogicalUnit(
    "LedgerTransaction",
    attributes(
        """
        Company* text 20
        SeriesId* text 20
        PaymentId* int
        TransId* int
        Objstate LedgerTransactionState
        Identity text 20
        PartyType PartyType
        InvoiceId int
        LedgerItemSeriesId text 20
        LedgerItemId text 50
        LedgerItemVersion int
        PaymentDate date
        Currency text 3
        CurrAmount,DomAmount dec
        WayId text 20
        PaymentReference text 50
        ReversedPaymentId int
        VoucherTypeRef text 3
        VoucherNoRef,AccountingYearRef int
        """,
        (TRANSACTION_STATE, PARTY_TYPE),
    ),
)

_IN_INVOICE = (("Company", "Company"), ("InvoiceId", "InvoiceId"))
_MATCH = Action("MatchReceipts", (("Selection", Kind.TEXT),), Kind.INTEGER)
_INVOICE_ENTITY = Entity(
    "ManSuppInvoice",
    INVOICE,
    navs=(
        Nav("ManSuppInvoicePostingsArray", "ManSuppInvoicePostings", _IN_INVOICE),
        Nav("InvoiceLedgerItemArray", "InvoiceLedgerItem", _IN_INVOICE, crud="R"),
        Nav("LedgerTransactionArray", "LedgerTransaction", _IN_INVOICE, crud="R"),
    ),
    events=("Post", "Authorize", "Cancel"),
    actions=(_MATCH,),
)
_PARTS = (
    _INVOICE_ENTITY,
    Entity("ManSuppInvoicePostings", POSTING),
    Entity("InvoiceLedgerItem", LEDGER_ITEM),
    Entity("LedgerTransaction", TRANSACTION),
)
_WRITING = {
    "ManualSupplierInvoiceHandling": "Manual supplier invoices with postings, ledger items and payments",
    "ManSuppInvoiceHandling": "The same under its second candidate name",
}
_READING = {
    "SupplierInvoicesHandling": "List of supplier invoices",
    "SupplierInvoicesAnalysis": "The same under its second candidate name",
    "SupplierInvoiceHandling": "The same under its third candidate name",
}
_LISTS = (
    ("SupplierLedgerItemsAnalysis", "Supplier ledger", "InvoiceLedgerItemSet", "InvoiceLedgerItem", LEDGER_ITEM),
    ("LedgerTransactionsAnalysis", "Payments", "LedgerTransactionSet", "LedgerTransaction", TRANSACTION),
    ("SupplierInvoicePostingsAnalysis", "Postings of all supplier invoices", "ManSuppInvoicePostingsSet",
     "ManSuppInvoicePostings", POSTING),
)  # fmt: skip
_SERVICES = (
    ("ManSuppInvoiceEntity", "ManSuppInvoiceSet", "ManSuppInvoice", INVOICE),
    ("InvoiceLedgerItemEntity", "InvoiceLedgerItemSet", "InvoiceLedgerItem", LEDGER_ITEM),
    ("LedgerItemEntity", "LedgerItemSet", "LedgerItem", LEDGER_ITEM),
    ("LedgerTransactionEntity", "LedgerTransactionSet", "LedgerTransaction", TRANSACTION),
)

INVOICES = (
    *(
        Projection(name, text, _PARTS, (EntitySet("ManSuppInvoiceSet", "ManSuppInvoice"),))
        for name, text in _WRITING.items()
    ),
    *(
        Projection(
            name, text, (Entity("ManSuppInvoice", INVOICE),), (EntitySet("ManSuppInvoiceSet", "ManSuppInvoice", "R"),)
        )
        for name, text in _READING.items()
    ),
    *(
        Projection(name, text, (Entity(entity, lu),), (EntitySet(entity_set, entity, "R"),))
        for name, text, entity_set, entity, lu in _LISTS
    ),
    *(
        Projection(
            name,
            f"Entity service of {entity}",
            (Entity(entity, lu),),
            (EntitySet(entity_set, entity, "R"),),
            entity_service=True,
        )
        for name, entity_set, entity, lu in _SERVICES
    ),
)
