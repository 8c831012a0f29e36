"""The holds of one contract, in accounting words."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.committing import FLOW, order_money
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.records.commitment import Commitment, CommitmentLine
from ml_connector.records.purchase_order import PurchaseOrder


def lapping(order: PurchaseOrder, done: int) -> Hold:
    """What we restore is changed in Procore again and again."""
    return _hold(
        order,
        HoldReason.LAPPING,
        _ruling(order),
        "integration engineer",
        f"The contract of order {order.id} was restored {done} times and is changed in Procore each time: "
        "find out who or what does it there.",
    )


def gone(order: PurchaseOrder, key: Key) -> Hold:
    """The linked contract cannot be seen."""
    return _hold(
        order,
        HoldReason.GONE_THERE,
        key,
        "administrator",
        f"The contract of order {order.id} cannot be seen in Procore any more: deleted, or a lost permission. "
        "Nothing was created again.",
    )


def ended(order: PurchaseOrder, key: Key, theirs: Commitment) -> Hold:
    """The order changed, and people ended its subcontract."""
    return _hold(
        order,
        HoldReason.GONE_THERE,
        key,
        "project accountant",
        f"Subcontract {theirs.number} of order {order.id} is {theirs.status.value} in Procore, and the order says "
        "something else. Nothing was written there: end the order in IFS too, or set the subcontract back.",
    )


def currencies(order: PurchaseOrder, key: Key, ours: Commitment, theirs: Commitment) -> Hold:
    """Somebody typed the contract in another currency."""
    return _hold(
        order,
        HoldReason.CURRENCY_OFF,
        key,
        "project accountant",
        f"Order {order.id} is in {ours.currency}; the contract typed by hand in {theirs.currency}.",
    )


def vendor_frozen(order: PurchaseOrder, key: Key, ours: Commitment) -> Hold:
    """The order moved to another supplier, too late."""
    return _hold(
        order,
        HoldReason.VENDOR_FROZEN,
        key,
        "buyer",
        f"Order {order.id} moved to supplier {ours.vendor} in IFS, and Procore freezes the vendor of an approved "
        "contract. Cancel the order and write a new one, or set the contract back to Draft in Procore.",
    )


def strangers(order: PurchaseOrder, theirs: Commitment, lines: Sequence[CommitmentLine]) -> Hold:
    """The contract has lines that nothing of the order explains."""
    texts = "; ".join(f"{line.budget_code} {line.description} {line.amount}" for line in lines[:5])
    hold = _hold(
        order,
        HoldReason.TOTALS_DIFFER,
        _ruling(order),
        "project accountant",
        f"Contract {theirs.number} in Procore has lines that order {order.id} does not explain: {texts}.",
    )
    return msgspec.structs.replace(hold, candidates=(theirs.id,))


def changed(order: PurchaseOrder, reason: HoldReason, fields: Sequence[str], evidence: str) -> Hold:
    """Somebody changed in Procore what IFS owns."""
    who = "Both sides changed" if reason is HoldReason.CONFLICT else "Procore's people changed"
    named = ", ".join(name.replace("_", " ") for name in fields[:6])
    hold = _hold(
        order,
        reason,
        _ruling(order),
        "project accountant",
        f"{who} {named} on the contract of order {order.id}, which IFS owns. Say which side stands.",
    )
    return msgspec.structs.replace(hold, evidence=evidence)


def _ruling(order: PurchaseOrder) -> Key:
    return Key("ruling", f"order:{order.id}")


def _hold(order: PurchaseOrder, reason: HoldReason, waits_for: Key, owner: str, sentence: str) -> Hold:
    return Hold(Key("order", order.id), FLOW, reason, waits_for, owner, sentence, order_money(order))
