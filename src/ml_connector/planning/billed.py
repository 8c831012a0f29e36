"""Billed to date on each order line: the cost of every voucher of ours on it that stands, this plan's own included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.crossed import Version
from ml_connector.planning.plan import Intent, Verb, pack, unpack
from ml_connector.planning.vouchering import Desk
from ml_connector.records.billed_line import BilledLine
from ml_connector.records.purchase_order import OrderLine, PurchaseOrder
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.records.voucher import RowRole, Voucher

ZERO = Decimal(0)


class _Sum(msgspec.Struct):
    """What came together for one order line: its amount, the last invoice's number, what must be entered first."""

    amount: Decimal = ZERO
    number: str = ""
    needs: tuple[Key, ...] = ()
    project: str = ""
    document: str = ""
    """Procore's id of the last document on it: what is looked at again when the writing fails."""


def billed_lines(desk: Desk, made: Sequence[Intent], orders: Mapping[str, PurchaseOrder]) -> list[Intent]:
    """Updates of the order lines that the intents of this plan bill.

    The sum is over the vouchers whose links the desk's situation holds: all of an order's must be among them. One that
    a person cancelled in IFS does not count.
    """
    sums: dict[str, _Sum] = {}
    for version in _versions(desk, made):
        new = version.target == ""
        for row in version.rows():
            if row.role is RowRole.COST and row.series:
                one = sums.setdefault(row.series, _Sum())
                one.amount += row.debit - row.credit
                one.document = version.document().id
                one.project = one.project or row.project
                if new:
                    one.number, one.needs = version.number_there(), (*one.needs, version.key)
                    one.project = row.project
    lines = {f"{order.id} {line.id}": (order, line) for order in orders.values() for line in order.lines}
    return [intent for series, one in sums.items() if series in lines for intent in _update(desk, lines[series], one)]


def _versions(desk: Desk, made: Sequence[Intent]) -> Iterable[Version]:
    """Every version and reversal that stands in IFS, then those of this plan: their sum is what counts."""
    for history in desk.histories.values():
        yield from (one for one in (*history.versions, *history.reversals) if not desk.cancelled(one))
    for intent in made:
        body = unpack(intent.key.kind, intent.base) if intent.base else None
        if isinstance(body, Voucher | SupplierInvoice):
            yield Version(intent.key, 0, "", body)


def _update(desk: Desk, place: tuple[PurchaseOrder, OrderLine], one: _Sum) -> Iterable[Intent]:
    order, line = place
    key = Key("billed_line", f"{order.id} {line.id}")
    linked = desk.situation.links.get(key)
    money = Money(one.amount, order.currency)
    as_of = f" as of invoice {one.number}" if one.number else ""
    body = BilledLine(
        order=order.id,
        line=line.id,
        kind=line.kind,
        amount=one.amount,
        currency=order.currency,
        text=f"Procore billed to date {money}{as_of}",
    )
    told = unpack("billed_line", linked.base) if linked and linked.base else None
    if isinstance(told, BilledLine) and (told.amount, told.currency) == (body.amount, body.currency):
        return
    yield Intent(
        flow=desk.flow,
        verb=Verb.UPDATE,
        key=key,
        once_key="",
        scope=one.project,
        target=linked.target if linked else "",
        body=pack(body),
        needs=tuple(dict.fromkeys(one.needs)),
        after=(),
        money=None,
        reason=f"Line {line.id} of order {order.id} has {money} billed to date in Procore.",
        source=one.document or order.id,
        base=pack(body),
    )
