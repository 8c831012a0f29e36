"""The invariant: every invoice line stands in exactly one place, and the places add up to the invoice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.routing import Bucket
from ml_connector.records.supplier_invoice import SupplierInvoice

ZERO = Decimal(0)
_SUFFIX = re.compile(r"~[cr]\d+$")
RECORDS = frozenset({Bucket.INVOICE, Bucket.COST, Bucket.LINKED})
"""Buckets whose lines stand in a record of the projects system."""


class Place(msgspec.Struct, frozen=True):
    """One place some lines of an invoice stand in, with what the records there come to once the plan is done.

    The amount of a subcontractor invoice is what it asks to be paid (gross less retained plus released), that of a
    direct cost the sum of its lines, corrections and reversals included; outside and linked, that of the postings.
    """

    bucket: Bucket
    key: Key
    """The record without suffix: a correction stands where its first record does. Outside: the invoice itself."""
    lines: tuple[str, ...]
    """Ids of the invoice lines in it now."""
    amount: Decimal


class Breach(msgspec.Struct, frozen=True):
    """The invariant does not hold: nothing of the invoice may be sent."""

    reason: HoldReason
    key: Key
    """What to look at."""
    sentence: str


def root_of(key: Key) -> Key:
    """The record a correction (`~c1`) or reversal (`~r1`) belongs to; a first record itself."""
    return Key(key.kind, _SUFFIX.sub("", key.id))


def check(
    invoice: SupplierInvoice, shares: Mapping[str, Decimal], places: Sequence[Place], placed: Mapping[str, Key]
) -> Breach | None:
    """The first breach, or None.

    `shares` is the tax that is cost by line id. `placed` says where a line stands already, by `INVOICE/LINE`.
    1. No line in two places of this plan, and none in a record while it stands in another.
    2. Every line in one place.
    3. The amounts of all places, outside and linked included, come to the net amount plus the tax that is cost.
    """
    return (
        _twice(invoice, places)
        or _elsewhere(invoice, places, placed)
        or _nowhere(invoice, places)
        or _sums(invoice, shares, places)
    )


def _twice(invoice: SupplierInvoice, places: Sequence[Place]) -> Breach | None:
    seen: dict[str, Key] = {}
    for place in places:
        for line in place.lines:
            if line in seen:
                return _breach_of_line(invoice, line, seen[line], place.key)
            seen[line] = place.key
    return None


def _elsewhere(invoice: SupplierInvoice, places: Sequence[Place], placed: Mapping[str, Key]) -> Breach | None:
    for place in places:
        for line in place.lines if place.bucket in RECORDS else ():
            stands = placed.get(f"{invoice.id}/{line}")
            if stands is not None and root_of(stands) != place.key:
                return _breach_of_line(invoice, line, root_of(stands), place.key)
    return None


def _nowhere(invoice: SupplierInvoice, places: Sequence[Place]) -> Breach | None:
    known = {line for place in places for line in place.lines}
    lost = next((line.id for line in invoice.lines if line.id not in known), None)
    if lost is None:
        return None
    sentence = f"Posting {lost} of invoice {invoice.id} has no place in the plan."
    return Breach(HoldReason.TOTALS_DIFFER, Key("supplier_invoice", invoice.id), sentence)


def _sums(invoice: SupplierInvoice, shares: Mapping[str, Decimal], places: Sequence[Place]) -> Breach | None:
    ours = invoice.net + sum(shares.values(), ZERO)
    theirs = sum((place.amount for place in places), ZERO)
    if ours == theirs:
        return None
    sentence = (
        f"Invoice {invoice.id} comes to {Money(ours, invoice.currency)} with the tax that is cost, "
        f"its places in Procore to {Money(theirs, invoice.currency)}."
    )
    return Breach(HoldReason.TOTALS_DIFFER, Key("supplier_invoice", invoice.id), sentence)


def _breach_of_line(invoice: SupplierInvoice, line: str, stands: Key, wanted: Key) -> Breach:
    sentence = (
        f"Posting {line} of invoice {invoice.id} stands in {_named(stands)}, and would be in {_named(wanted)} as well: "
        "it would be counted twice. Cancel the invoice in IFS and register it anew."
    )
    return Breach(HoldReason.TWO_PLACES, stands, sentence)


def _named(key: Key) -> str:
    return f"{key.kind.replace('_', ' ')} {key.id}"
