"""Purchase requisitions and their two kinds of line, as facts/ifs.md 11.4 lists them."""

from __future__ import annotations

from ml_connector.sandbox.ifs.catalog_purchasing import states
from ml_connector.sandbox.ifs.model import (
    Action,
    Entity,
    EntitySet,
    EnumType,
    Kind,
    LogicalUnit,
    Nav,
    Projection,
    attributes,
)

_STATES = (
    "Planned", "Released", "PartiallyAuthorized", "Authorized", "RequestCreated", "POCreated",
    "ChangeOrderCreated", "Closed", "Cancelled",
)  # fmt: skip
REQUISITION_STATE = states("PurchaseRequisitionState", *_STATES)

REQUISITION = LogicalUnit(
    "PurchaseRequisition",
    attributes(
        """
        RequisitionNo* text 12
        Objstate PurchaseRequisitionState read
        Contract! text 5 new
        RequisitionerCode! text 20
        Company text 20 read
        OrderCode text 3
        RequisitionDate date
        MarkForUser text 30
        NoteText text 2000
        """,
        (REQUISITION_STATE,),
    ),
)


def _line_unit(state: EnumType) -> LogicalUnit:
    """The lines of both kinds are one table; the two entities differ in the name of their state enumeration."""
    declaration = f"""
        RequisitionNo* text 12
        LineNo* text 4
        ReleaseNo* text 4
        LineKind text hidden
        Objstate {state.name} read
        PartNo text 25 new
        Description! text 200
        Contract text 5 read
        Company text 20 read
        OriginalQty! dec
        UnitMeas text 10
        BuyUnitMeas text 10
        WantedReceiptDate date
        BuyerCode text 20
        VendorNo text 20
        StatGrp text 5
        FbuyUnitPrice dec
        CurrencyCode text 3
        CodeA,CodeB,CodeC,CodeD,CodeE,CodeF,CodeG,CodeH,CodeI,CodeJ text 20
        ProjectId text 10
        SubProjectId text 10 read
        ActivitySeq int
        ActivityNo text 10 read
        NoteText text 2000
        OrderNo,AssgLineNo,AssgReleaseNo text 12 read
        """
    return LogicalUnit("PurchaseReqLine", attributes(declaration, (state,)))


PART_LINE = _line_unit(states("PurchaseReqLineState", *_STATES))
NOPART_LINE = _line_unit(states("PurchaseReqLineNopartState", *_STATES))
REQUISITIONER = LogicalUnit("PurchaseRequisitioner", attributes("RequisitionerCode* text 20\nName text 100"))

_EVENTS = ("Release", "Cancel", "Close")
_TO_LINE = (("RequisitionNo", "RequisitionNo"),)
_HEADER = Entity(
    "PurchaseRequisition",
    REQUISITION,
    navs=(
        Nav("PurchaseReqLinePartArray", "PurchaseReqLinePart", _TO_LINE),
        Nav("PurchaseReqLineNopartArray", "PurchaseReqLineNopart", _TO_LINE),
    ),
    events=_EVENTS,
)
_CONVERT = Action(
    "CreateRequisitionLineToOrder",
    (
        ("Selection", Kind.TEXT),
        ("OwnPoNumber", Kind.TEXT),
        ("CentralOrderFlag", Kind.TEXT),
        ("BuyerCode", Kind.TEXT),
        ("AuthorizeCode", Kind.TEXT),
        ("OrderNo", Kind.TEXT),
    ),
    Kind.TEXT,
    frozenset({"OwnPoNumber", "CentralOrderFlag", "BuyerCode", "AuthorizeCode", "OrderNo"}),
)

REQUISITIONS = (
    Projection(
        "PurchaseRequisitionHandling",
        "Purchase requisitions with their lines",
        (
            _HEADER,
            Entity("PurchaseReqLinePart", PART_LINE, events=_EVENTS, where=(("LineKind", "part"),)),
            Entity("PurchaseReqLineNopart", NOPART_LINE, events=_EVENTS, where=(("LineKind", "nopart"),)),
            Entity("PurchaseRequisitioner", REQUISITIONER),
        ),
        (
            EntitySet("PurchaseRequisitionSet", "PurchaseRequisition"),
            EntitySet("PurchaseReqLinePartSet", "PurchaseReqLinePart"),
            EntitySet("PurchaseReqLineNopartSet", "PurchaseReqLineNopart"),
            EntitySet("Reference_PurchaseRequisitioner", "PurchaseRequisitioner", "R"),
        ),
        actions=(_CONVERT,),
    ),
    Projection(
        "PurchaseRequisitionsHandling",
        "List of purchase requisitions",
        (Entity("PurchaseRequisition", REQUISITION),),
        (EntitySet("PurchaseRequisitionSet", "PurchaseRequisition", "R"),),
    ),
    Projection(
        "PurchaseRequisitionEntity",
        "Entity service of PurchaseRequisition",
        (Entity("PurchaseRequisition", REQUISITION),),
        (EntitySet("PurchaseRequisitionSet", "PurchaseRequisition"),),
        entity_service=True,
    ),
)
