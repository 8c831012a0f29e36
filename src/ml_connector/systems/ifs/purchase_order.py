"""A purchase order's header and line rows as one record; a row that cannot be used rejects the whole order."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ml_connector.records.problem import Problem, Reject
from ml_connector.records.purchase_order import OrderLine, OrderState, PurchaseOrder
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.rows import Row, problem

KIND = "purchase_order"

_NONE = Decimal(0)
_HUNDRED = Decimal(100)
_STATES = {state.value: state for state in OrderState}

KindedRow = tuple[str, msgspec.Raw]
"""A line row and the kind of line its collection says it is; an empty kind is told from the part number."""


def order_or_problem(
    identity: str, header: msgspec.Raw, lines: Sequence[KindedRow], profile: Profile
) -> PurchaseOrder | Problem:
    """The order, or the Problem that says which of its rows cannot be used: half an order is none."""
    try:
        row = Row(header, profile.order)
        currency = row.currency("currency")
        parsed = tuple(_line(raw, kind, currency, profile) for kind, raw in lines)
        return PurchaseOrder(
            id=row.required("id"),
            vendor=row.required("vendor"),
            site=row.text("site"),
            state=_state(row, profile),
            currency=currency,
            dated=row.day("dated"),
            buyer=row.text("buyer"),
            text=row.text("text"),
            lines=parsed,
            revision=row.text("revision"),
        )
    except _LineReject as why:
        return problem(KIND, identity, str(why), header, why.raw)
    except Reject as why:
        return problem(KIND, identity, str(why), header)


def expected_amount(line: OrderLine) -> Decimal:
    """Quantity times price less discount, unrounded: what NetAmtCurr should be near. For information only."""
    return line.quantity * line.unit_price * (1 - line.discount / _HUNDRED)


class _LineReject(Reject):
    def __init__(self, sentence: str, raw: msgspec.Raw) -> None:
        super().__init__(sentence)
        self.raw = raw


def _line(raw: msgspec.Raw, kind: str, currency: str, profile: Profile) -> OrderLine:
    name = "?"
    try:
        row = Row(raw, profile.order_line)
        name = f"{row.required('line')}/{row.required('release')}"
        own = row.text("currency")
        if own and own != currency:
            raise Reject(f"it is in {own} while the order is in {currency}")
        return OrderLine(
            id=name,
            kind=kind or ("part" if row.text("part") else "nopart"),
            description=row.text("description") or row.text("part"),
            quantity=row.number("quantity"),
            unit=row.text("unit"),
            unit_price=row.number("unit_price", _NONE),
            amount=row.number("amount"),
            state=_state(row, profile),
            project=row.text("project"),
            activity=row.activity(),
            codes=row.codes(),
            wanted=row.day("wanted"),
            discount=row.number("discount", _NONE),
            requisition=row.text("requisition"),
        )
    except Reject as why:
        raise _LineReject(f"on line {name} {why}", raw) from None


def _state(row: Row, profile: Profile) -> OrderState:
    name = row.required("state")
    ours = profile.order_states.get(name)
    if ours is None:
        raise Reject(f"the state {name!r} is not in the profile")
    return _STATES[ours]
