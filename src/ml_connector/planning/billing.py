"""The postings of one invoice on one commitment as lines of a subcontractor invoice, and what later ones must correct.

Cost goes to the contract line its order line made, a tolerance posting to the line it belongs to, retention to the
lines it is held on. Amounts are exact; whatever is spread foots to the cent (largest remainders).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

import msgspec

from ml_connector.kernel.money import smallest
from ml_connector.kernel.text import clipped
from ml_connector.planning.routing import Role
from ml_connector.records.commitment import Commitment, CommitmentLine
from ml_connector.records.subcontractor_invoice import BillingLine, InvoiceStatus, SubcontractorInvoice
from ml_connector.records.supplier_invoice import InvoiceLine

ZERO = Decimal(0)
UNDECIDED = frozenset({InvoiceStatus.DRAFT, InvoiceStatus.REVISE})
"""Statuses in which what an invoice retains is not held yet."""


class Posting(msgspec.Struct, frozen=True):
    """A posting with what it costs: its net amount and the tax on it that nobody gives back."""

    line: InvoiceLine
    role: Role
    cost: Decimal
    flat: str = ""
    """Budget code its own code string leads to; empty when it leads to none."""


class Billed(msgspec.Struct, frozen=True):
    """The commitment postings are placed on."""

    once_key: str
    """Of the commitment: `COMPANY/order/ORDER/PROJECT`."""
    order: str
    currency: str
    contract: Commitment | None = None
    """With its lines; None while only its existence is known: then every order line is taken to be on it."""
    held: Mapping[str, Decimal] = {}
    """Retention that other invoices hold on each contract line, by its once-key."""
    before: tuple[BillingLine, ...] = ()
    """What this invoice's records bill already, summed by line."""


class Bill(msgspec.Struct, frozen=True):
    """The lines postings come to, and what a reader should know about them."""

    lines: tuple[BillingLine, ...]
    notes: tuple[str, ...] = ()


class Unplaced(Exception):
    """A posting that no line of its contract can take; the text says which and why."""


def spread(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """`total` over weights (none negative, some positive) so that the parts foot: largest remainders get the cents.

    Parts have the currency's decimals; what `total` has beyond them goes to the largest weight.
    """
    unit = smallest(currency)
    units = int((abs(total) / unit).to_integral_value(ROUND_DOWN))
    whole = sum((Fraction(weight) for weight in weights), Fraction(0))
    exact = [Fraction(weight) * units / whole for weight in weights]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda n: (parts[n] - exact[n], n))
    for n in by_remainder[: units - sum(parts)]:
        parts[n] += 1
    sign = -1 if total < 0 else 1
    amounts = [sign * part * unit for part in parts]
    largest = max(range(len(weights)), key=lambda n: (weights[n], -n))
    amounts[largest] += total - sum(amounts, ZERO)
    return amounts


def held_on(invoices: Iterable[SubcontractorInvoice], own: str) -> dict[str, Decimal]:
    """Retention that a commitment's invoices hold on each line, by once-key; those whose once-key begins with `own`
    (this erp invoice's) are left out, and so are those nobody has decided on."""
    balance: dict[str, Decimal] = {}
    for invoice in invoices:
        if invoice.once_key.startswith(own) or invoice.status in UNDECIDED:
            continue
        for line in invoice.lines:
            if line.line:
                balance[line.line] = balance.get(line.line, ZERO) + line.retained - line.released
    return balance


def bill(place: Billed, postings: Sequence[Posting]) -> Bill:
    """The lines of one subcontractor invoice; raises Unplaced when a posting has no line.

    The sum of amounts less retained plus released equals the sum of the postings' costs.
    """
    work = _Bill(place)
    for posting in postings:
        if posting.role is Role.COST:
            work.cost(posting)
    for posting in postings:
        if posting.role is Role.TOLERANCE:
            work.tolerance(posting)
    work.retention([one for one in postings if one.role is Role.RETENTION])
    return Bill(work.lines(), tuple(work.notes))


class _Bill:
    """One invoice's postings on one commitment, on their way to its lines."""

    def __init__(self, place: Billed) -> None:
        self.place = place
        contract = place.contract
        self.schedule: dict[str, CommitmentLine] = {one.once_key: one for one in contract.lines} if contract else {}
        self.amounts: dict[str, Decimal] = {}
        self.quantities: dict[str, Decimal | None] = {}
        self.retained: dict[str, Decimal] = {}
        self.released: dict[str, Decimal] = {}
        self.texts: dict[str, tuple[str, str]] = {}
        self.notes: list[str] = []

    def _line(self, posting: Posting) -> str:
        key = f"{self.place.once_key}/{posting.line.order_line}"
        if self.place.contract and key not in self.schedule:
            raise Unplaced(
                f"Posting {posting.line.id} is for line {posting.line.order_line} of order {self.place.order}, "
                "which is not on its contract in Procore"
            )
        return key

    def cost(self, posting: Posting) -> None:
        """What was delivered: to the line of its order line."""
        key = self._line(posting)
        self.texts.setdefault(key, (posting.line.description, posting.flat))
        self.amounts[key] = self.amounts.get(key, ZERO) + posting.cost
        before, more = self.quantities.get(key, ZERO), posting.line.quantity
        self.quantities[key] = None if before is None or (posting.cost and not more) else before + more

    def tolerance(self, posting: Posting) -> None:
        """A difference of matching: to the line it belongs to."""
        key = self._belongs_to(posting)
        self.texts.setdefault(key, (posting.line.description, posting.flat))
        self.amounts[key] = self.amounts.get(key, ZERO) + posting.cost
        where = key.removeprefix(f"{self.place.once_key}/")
        self.notes.append(f"Posting {posting.line.id} ({posting.cost}) is a tolerance: with line {where}.")

    def _belongs_to(self, posting: Posting) -> str:
        """Of this invoice's lines on the same budget code the largest; else the contract's only line on that code;
        else the invoice's only line; else the contract's only line."""
        codes = {key: one.budget_code for key, one in self.schedule.items()}
        codes.update((key, flat) for key, (_, flat) in self.texts.items() if key not in codes)
        billed = sorted(self.amounts, key=lambda key: -abs(self.amounts[key]))
        same = [key for key in billed if posting.flat and codes.get(key) == posting.flat]
        if same:
            return same[0]
        live = [key for key, one in self.schedule.items() if one.amount or one.quantity]
        coded = [key for key in live if posting.flat and codes[key] == posting.flat]
        for choice in (coded, billed, live):
            if len(choice) == 1:
                return choice[0]
        raise Unplaced(
            f"Posting {posting.line.id} names order {self.place.order} and no line of it, "
            "and which line of the contract it belongs to cannot be told"
        )

    def retention(self, postings: Sequence[Posting]) -> None:
        """What is held back or given free: on the lines postings name, the rest spread."""
        wanted = {what: self._wanted(postings, sign) for what, sign in (("retained", -1), ("released", 1))}
        stands = {what: {one.line: getattr(one, what) for one in self.place.before} for what in wanted}
        without = _without_returned(stands, wanted)
        for what, into in (("retained", self.retained), ("released", self.released)):
            named, rest = wanted[what]
            kept = _as_before(named, rest, stands[what]) or _as_before(named, rest, without[what])
            into.update(kept or self._afresh(named, rest, what))
            total = sum(into.values(), ZERO)
            if total:
                self.notes.append(f"Retention {what}: {total}.")
        self._say_release()

    def _wanted(self, postings: Sequence[Posting], sign: int) -> tuple[dict[str, Decimal], Decimal]:
        """What the postings of one sign come to on the lines they name, and what names no line."""
        named: dict[str, Decimal] = {}
        rest = ZERO
        for posting in postings:
            if sign * posting.cost <= 0:
                continue
            if posting.line.order_line:
                key = self._line(posting)
                named[key] = named.get(key, ZERO) + abs(posting.cost)
            else:
                rest += abs(posting.cost)
        return named, rest

    def _afresh(self, named: Mapping[str, Decimal], rest: Decimal, what: str) -> dict[str, Decimal]:
        found = dict(named)
        if not rest:
            return found
        weights = self._weights(what)
        parts = spread(rest, list(weights.values()), self.place.currency)
        for key, part in zip(weights, parts, strict=True):
            found[key] = found.get(key, ZERO) + part
        return found

    def _weights(self, what: str) -> dict[str, Decimal]:
        """By what retention is spread: a release by what is held on each line; else by the invoice's own amounts."""
        held = {key: amount for key, amount in self.place.held.items() if amount > 0}
        if what == "released" and held:
            return held
        way = sum(self.amounts.values(), ZERO)
        own = {key: abs(amount) for key, amount in self.amounts.items() if amount and (amount > 0) == (way > 0)}
        live = {key: Decimal(1) for key, one in self.schedule.items() if one.amount or one.quantity}
        if own:
            return own
        if len(live) == 1:
            return live
        raise Unplaced(
            f"The invoice has retention {what} on order {self.place.order}, names no line for it and bills none, "
            "and Procore holds nothing on the contract's lines"
        )

    def _say_release(self) -> None:
        released = sum(self.released.values(), ZERO)
        held = sum(self.place.held.values(), ZERO) + sum(self.retained.values(), ZERO)
        if not released:
            return
        if released > held:
            self.notes.append(f"More is released than Procore holds on the contract ({held}).")
        elif released == held:
            self.notes.append("Final release: nothing is held on the contract any more. It needs explicit approval.")

    def lines(self) -> tuple[BillingLine, ...]:
        """The lines in the order of the contract, without those that bill nothing."""
        used = dict.fromkeys([*self.amounts, *self.retained, *self.released])
        ranked = [key for key in dict.fromkeys([*self.schedule, *used]) if key in used]
        made = []
        for key in ranked:
            theirs = self.schedule.get(key)
            text, flat = self.texts.get(key, ("Retention", ""))
            line = BillingLine(
                line=key,
                description=clipped(theirs.description if theirs else text, 255),
                budget_code=theirs.budget_code if theirs else flat,
                amount=self.amounts.get(key, ZERO),
                quantity=self.quantities.get(key) or ZERO,
                retained=self.retained.get(key, ZERO),
                released=self.released.get(key, ZERO),
                id=theirs.id if theirs else "",
            )
            if line.amount or line.retained or line.released:
                made.append(line)
        return tuple(made)


def _as_before(named: Mapping[str, Decimal], rest: Decimal, before: Mapping[str, Decimal]) -> dict[str, Decimal] | None:
    """The spread that stands already, when what is to be spread is what was: later invoices must not move it."""
    keys = dict.fromkeys([*named, *before])
    over = {key: before.get(key, ZERO) - named.get(key, ZERO) for key in keys}
    same = sum(over.values(), ZERO) == rest and all(amount >= 0 for amount in over.values())
    return {key: before.get(key, ZERO) for key in keys} if before and same else None


def _without_returned(
    stands: Mapping[str, Mapping[str, Decimal]], wanted: Mapping[str, tuple[Mapping[str, Decimal], Decimal]]
) -> dict[str, dict[str, Decimal]]:
    """What stands, without what was released too much and retained anew for it (see `deltas`): it is no retention that
    anybody asked for, and would make a spread look like another one."""
    found = {what: dict(lines) for what, lines in stands.items()}
    named, rest = wanted["released"]
    over = sum(found["released"].values(), ZERO) - sum(named.values(), ZERO) - rest
    for line in found["released"]:
        free = [found[what][line] - wanted[what][0].get(line, ZERO) for what in found]
        back = max(ZERO, min(over, *free))
        over -= back
        for lines in found.values():
            lines[line] -= back
    return found


def summed(records: Iterable[SubcontractorInvoice]) -> tuple[BillingLine, ...]:
    """What some records of one invoice bill together, by contract line; the lines that come to nothing stay in."""
    found: dict[str, BillingLine] = {}
    for line in (one for record in records for one in record.lines):
        before = found.get(line.line)
        found[line.line] = _plus(before, line, 1) if before else line
    return tuple(found.values())


def deltas(wanted: Sequence[BillingLine], have: Sequence[BillingLine]) -> tuple[BillingLine, ...]:
    """What must be billed more (or less, when negative) so that `have` comes to `wanted`, line by line.

    A quantity alone is no reason: the amount is the truth. What is released less is retained anew: nobody knows whether
    Procore takes a negative release, and it may be more than a line still holds.
    """
    old = {line.line: line for line in have}
    new = {line.line: line for line in wanted}
    made = []
    for key in dict.fromkeys([*new, *old]):
        line = new.get(key) or _plus(old[key], old[key], -1)
        delta = _plus(line, old[key], -1) if key in old else line
        if delta.released < 0:
            delta = msgspec.structs.replace(delta, retained=delta.retained - delta.released, released=ZERO)
        if delta.amount or delta.retained or delta.released:
            made.append(delta)
    return tuple(made)


def _plus(one: BillingLine, other: BillingLine, sign: int) -> BillingLine:
    return msgspec.structs.replace(
        one,
        amount=one.amount + sign * other.amount,
        quantity=one.quantity + sign * other.quantity,
        retained=one.retained + sign * other.retained,
        released=one.released + sign * other.released,
    )
