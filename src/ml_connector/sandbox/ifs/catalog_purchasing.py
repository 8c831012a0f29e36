"""Purchase orders and their three kinds of line, as facts/ifs.md 11.3 lists them."""

from __future__ import annotations

from ml_connector.sandbox.ifs.model import Entity, EntitySet, EnumType, LogicalUnit, Nav, Projection, attributes


def states(name: str, *identifiers: str) -> EnumType:
    """An enumeration of states whose database values equal their identifiers."""
    return EnumType(name, tuple((identifier, identifier) for identifier in identifiers))


_AFTER_RELEASE = ("Released", "Confirmed", "Stopped", "Arrived", "Received", "Closed", "Cancelled")
ORDER_STATE = states("PurchaseOrderState", "Planned", *_AFTER_RELEASE)
LINE_STATE = states("PurchaseOrderLineState", *_AFTER_RELEASE)

ORDER = LogicalUnit(
    "PurchaseOrder",
    attributes(
        """
        OrderNo* text 12
        Objstate PurchaseOrderState read
        VendorNo! text 20
        Contract! text 5 new
        Company text 20 read
        OrderDate date
        WantedReceiptDate date
        BuyerCode text 20
        AuthorizeCode text 20
        CurrencyCode text 3
        AddrNo text 50
        DocAddrNo text 50
        DocumentAddressId text 50
        DeliveryTerms text 5
        ShipViaCode text 3
        PurchaseCode text 20
        NoteId int read
        NoteText text 2000
        IntrastatExempt bool
        PreAccountingId int read
        Revision int read
        """,
        (ORDER_STATE,),
    ),
)

LINE = LogicalUnit(
    "PurchaseOrderLine",
    attributes(
        """
        OrderNo* text 12
        LineNo* text 4
        ReleaseNo* text 4
        LineKind text hidden
        Objstate PurchaseOrderLineState read
        PartNo text 25 new
        Description! text 200
        VendorPartNo text 80
        VendorNo text 20 read
        Contract text 5 read
        PurchaseSite text 5 read
        StatGrp text 5
        ServiceType text 20
        ProcessType text 10
        BuyQtyDue! dec
        BuyUnitMeas! text 10
        UnitMeas text 10
        ConvFactor dec
        RevisedQty dec read
        QtyOnOrder dec read
        CloseCode text 20
        CloseTolerance dec
        OverDeliveryTolerance dec
        BuyUnitPrice dec read
        FbuyUnitPrice dec
        BuyUnitPriceInclTax dec read
        PriceUnitMeas text 10
        PriceConvFactor dec
        Discount dec
        CurrencyCode text 3 read
        NetAmtCurr,NetAmountBase,NetAmtBase,TaxAmount,TaxAmountBase,GrossAmtCurr,GrossAmtBase dec read
        DateEntered stamp read
        WantedDeliveryDate,PlannedDeliveryDate,PlannedReceiptDate date
        PromisedDeliveryDate,PlannedArrivalDate,LatestOrderDate date
        CodeA,CodeB,CodeC,CodeD,CodeE,CodeF,CodeG,CodeH,CodeI,CodeJ text 20
        TaxLiability text 20
        FeeCode text 20
        ProjectId text 10
        ProjectName text 35 read
        SubProjectId text 10 read
        ActivitySeq int
        ActivityNo text 10 read
        RequisitionNo text 12 read
        DemandCode text 20
        BlanketOrder text 12
        BlanketLine int
        CustomerOrderNo text 12
        InvoicingSupplier text 20
        RouteId text 12
        AddressId text 50
        ReceiveCase text 50
        InspectionCode text 20
        SerialNo text 50
        LotBatchNo text 20
        NoteText text 2000
        """,
        (LINE_STATE,),
    ),
)

_TO_LINE = (("OrderNo", "OrderNo"),)
_HEADER = Entity(
    "PurchaseOrder",
    ORDER,
    navs=(
        Nav("LinePartArray", "PurchaseOrderLinePart", _TO_LINE),
        Nav("LineNopartArray", "PurchaseOrderLineNopart", _TO_LINE),
        Nav("LineRentalPartArray", "PurchaseOrderLineRentalPart", _TO_LINE),
    ),
    events=("Release", "Confirm", "StopOrder", "Cancel", "Close"),
)
_LINE_EVENTS = ("Cancel", "Close")
_LINES = (
    Entity("PurchaseOrderLinePart", LINE, events=_LINE_EVENTS, where=(("LineKind", "part"),)),
    Entity("PurchaseOrderLineNopart", LINE, events=_LINE_EVENTS, where=(("LineKind", "nopart"),)),
    Entity("PurchaseOrderLineRentalPart", LINE, events=_LINE_EVENTS, where=(("LineKind", "rental"),)),
)

PURCHASING = (
    Projection(
        "PurchaseOrderHandling",
        "Purchase orders with their lines",
        (_HEADER, *_LINES),
        (
            EntitySet("PurchaseOrderSet", "PurchaseOrder"),
            EntitySet("PurchaseOrderLineNopartSet", "PurchaseOrderLineNopart"),
        ),
    ),
    Projection(
        "PurchaseOrdersHandling",
        "List of purchase orders",
        (Entity("PurchaseOrder", ORDER),),
        (EntitySet("PurchaseOrderSet", "PurchaseOrder", "R"),),
    ),
    Projection(
        "PurchaseOrderLinesHandling",
        "All lines of all purchase orders",
        (Entity("PurchaseOrderLine", LINE),),
        (EntitySet("PurchaseOrderLineSet", "PurchaseOrderLine", "R"),),
    ),
    Projection(
        "PurchaseOrderEntity",
        "Entity service of PurchaseOrder",
        (Entity("PurchaseOrder", ORDER),),
        (EntitySet("PurchaseOrderSet", "PurchaseOrder", "R"),),
        entity_service=True,
    ),
    Projection(
        "PurchaseOrderLineEntity",
        "Entity service of PurchaseOrderLine",
        (Entity("PurchaseOrderLine", LINE),),
        (EntitySet("PurchaseOrderLineSet", "PurchaseOrderLine", "R"),),
        entity_service=True,
    ),
)
