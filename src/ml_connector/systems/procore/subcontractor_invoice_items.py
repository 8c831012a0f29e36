"""Which items of a contract an invoice bills: amounts put on contract and change order lines (facts/procore.md 9).

Procore makes an invoice's items from the schedule of values; we only fill this period's columns. Where change orders
changed a line, the contract item is filled up first, then the change order items, and what is over stands on the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from ml_connector.kernel.errors import Refused
from ml_connector.records.subcontractor_invoice import BillingLine
from ml_connector.systems.procore.commitment_write import plain
from ml_connector.systems.procore.subcontractor_invoice import ZERO, InvoiceRow

CONTRACT = "contract_item"
CHANGE = "change_order_item"
_CENT = Decimal("0.01")
_HALF_A_CENT = Decimal("0.005")
_PLACES = 10
"""Most decimals of a quantity."""


class Billable(msgspec.Struct):
    """A line of the contract, or of an approved change order, as an invoice can bill it. Money is the contract's."""

    line_id: str
    kind: str
    """contract_item or change_order_item."""
    once_key: str
    budget_code: str
    scheduled: Decimal
    unit_cost: Decimal | None
    """Set where it is billed by quantity, on contracts by unit; None where the amount is written."""
    billed: Decimal = ZERO
    """Completed and stored to date, before the invoice at hand."""
    held: Decimal = ZERO
    """Retainage held on it, before the invoice at hand."""


class Share(msgspec.Struct):
    """What one invoice bills on one item, this period."""

    item: Billable
    amount: Decimal = ZERO
    quantity: Decimal | None = None
    """Set where the item is billed by quantity; what the lines say themselves until `settled`."""
    retained: Decimal = ZERO
    released: Decimal = ZERO


class Schedule:
    """The items of one contract, with what is billed on them to date."""

    def __init__(self, contract: str, number: str, currency: str, items: Sequence[Billable]) -> None:
        self.contract = contract
        self.number = number
        self.currency = currency
        self.known = False
        """Whether what is billed to date has been told."""
        self._items = {(item.kind, item.line_id): item for item in items}
        self._by_key: dict[str, list[Billable]] = defaultdict(list)
        for item in sorted(items, key=lambda item: item.kind == CHANGE):
            self._by_key[item.once_key or item.line_id].append(item)

    def of(self, line: BillingLine) -> list[Billable]:
        """The items of a line: those of its budget code first, the contract's own before those of change orders.

        Raises Refused when the contract has no such line.
        """
        key = self.key_of_line(line)
        found = self._by_key.get(key)
        if not found:
            named = key or line.description
            raise Refused(f"Procore's contract {self.number} has no line {named}, so nothing can be billed on it.")
        return sorted(found, key=lambda item: item.budget_code != line.budget_code)

    def split(self, lines: Sequence[BillingLine]) -> bool:
        """Whether any of these lines has several items, so that what is billed to date decides. May raise Refused."""
        return any(len(self.of(line)) > 1 for line in lines)

    def tell(self, row: InvoiceRow | None) -> None:
        """Takes what is billed and retained to date from the latest invoice; None says that there is none yet."""
        self.known = True
        for item in (row.items if row else None) or ():
            found = self._items.get((item.item_type or CONTRACT, item.line))
            if found is not None:
                found.billed, found.held = item.to_date, item.held

    def key_of(self, kind: str | None, line_id: str) -> str:
        """What a line is called in our invoices: its once-key, or its own id where it is none of ours."""
        found = self._items.get((kind or CONTRACT, line_id))
        return (found.once_key if found else "") or line_id

    def key_of_line(self, line: BillingLine) -> str:
        """The same for a line of a planned invoice. Where it names a contract line by id as well, that line carries no
        mark (Procore had frozen it before it could): it is known by the once-key from then on."""
        own = self._items.get((CONTRACT, line.id))
        if line.line and own is not None and not own.once_key:
            own.once_key = line.line
            self._by_key[line.line].insert(0, own)
        return line.line or self.key_of(CONTRACT, line.id)

    def shares(self, lines: Sequence[BillingLine]) -> list[Share]:
        """How these lines are billed, one share an item. Raises Refused when one cannot be.

        `tell` must have been called where `split` says so.
        """
        shares = {key: Share(item) for key, item in self._items.items()}
        billed: list[Share] = []
        for line in lines:
            if not any((line.amount, line.quantity, line.retained, line.released)):
                continue
            own = [shares[item.kind, item.line_id] for item in self.of(line)]
            touched = self._bill(line, own)
            billed += [share for share in touched if not any(share is other for other in billed)]
        for share in billed:
            self._settle(share)
        return billed

    def _bill(self, line: BillingLine, own: Sequence[Share]) -> list[Share]:
        parts = self._spread(line.amount, own)
        touched = [share for share, part in zip(own, parts, strict=True) if part] or [own[0]]
        for share, part in zip(own, parts, strict=True):
            share.amount += part
        if len(touched) == 1 and line.quantity:
            touched[0].quantity = (touched[0].quantity or ZERO) + line.quantity
        for share, part in zip(own, _by_weight(line.retained, parts), strict=True):
            share.retained += part
        for share, part in zip(own, _released(line.released, own), strict=True):
            share.released += part
            touched += [share] if part and not any(share is other for other in touched) else []
        return touched

    def _spread(self, amount: Decimal, own: Sequence[Share]) -> list[Decimal]:
        """The amount on each item: up to what each has left, the rest on the first; credits the other way round."""
        parts = [ZERO] * len(own)
        rest = abs(amount)
        if amount >= 0:
            for n, share in enumerate(own):
                parts[n] = min(rest, max(self._left(share), ZERO))
                rest -= parts[n]
            parts[0] += rest
            return parts
        over = min(max(-self._left(own[0]), ZERO), rest)
        rest -= over
        for n in range(len(own) - 1, 0, -1):
            part = min(max(own[n].item.billed + own[n].amount, ZERO), rest)
            parts[n] = -part
            rest -= part
        parts[0] = -(over + rest)
        return parts

    def _left(self, share: Share) -> Decimal:
        """What is open on an item; change orders that take from the same line and code lower the contract's item."""
        item = share.item
        left = item.scheduled - item.billed - share.amount
        if item.kind == CONTRACT:
            for other in self._by_key[item.once_key or item.line_id]:
                if other.kind == CHANGE and other.budget_code == item.budget_code and other.scheduled < 0:
                    left += min(other.scheduled - other.billed, ZERO)
        return left

    def _settle(self, share: Share) -> None:
        """Sets the quantity that makes the amount. Raises Refused when there is none."""
        cost = share.item.unit_cost
        if cost is None:
            share.quantity = None
            return
        named = share.item.once_key or share.item.line_id
        if cost == 0 and share.amount:
            raise Refused(
                f"Line {named} of Procore's contract {self.number} has the unit cost 0, and contracts by unit are "
                f"billed by quantity: {plain(share.amount)} cannot be billed on it. Give the line a price."
            )
        share.quantity = quantity_for(share.amount, cost, share.quantity)
        if share.quantity is None:
            raise Refused(
                f"No quantity with up to {_PLACES} decimals times the unit cost {plain(cost)} makes "
                f"{plain(share.amount)} on line {named} of Procore's contract {self.number}."
            )


def quantity_for(amount: Decimal, cost: Decimal, own: Decimal | None) -> Decimal | None:
    """The quantity that, times `cost` and rounded to cents, makes `amount`: `own` if it does, else with the fewest
    decimals. None when there is none with ten. A product that lies on half a cent is not relied on."""
    if not amount:
        return ZERO
    if own is not None and _makes(own, cost, amount):
        return own
    for places in range(_PLACES + 1):
        found = (amount / cost).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if _makes(found, cost, amount):
            return found
    return None


def _makes(quantity: Decimal, cost: Decimal, amount: Decimal) -> bool:
    return abs(quantity * cost - amount) < _HALF_A_CENT


def _by_weight(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """An amount in cents by weight, the rest of the division on the last that weighs; on the first when none does."""
    parts = [ZERO] * len(weights)
    total = sum(weights, ZERO)
    if not total:
        parts[0] = amount
        return parts
    last = max(n for n, weight in enumerate(weights) if weight)
    for n, weight in enumerate(weights):
        if n != last:
            parts[n] = (amount * weight / total).quantize(_CENT, ROUND_HALF_UP)
    parts[last] = amount - sum(parts, ZERO)
    return parts


def _released(amount: Decimal, own: Sequence[Share]) -> list[Decimal]:
    """Retainage given free, from each item what it holds, the rest on the first: Procore wants a base that is held."""
    parts = [ZERO] * len(own)
    rest = amount
    for n, share in enumerate(own):
        held = share.item.held + share.retained - share.released
        parts[n] = min(rest, max(held, ZERO)) if rest > 0 else ZERO
        rest -= parts[n]
    parts[0] += rest
    return parts
