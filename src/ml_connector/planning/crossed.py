"""What of a Procore document is in IFS already: its versions, which of them were taken back, what they came to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.names import plain_number
from ml_connector.planning.plan import unpack
from ml_connector.planning.situation import Linked
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import InvoiceLine, SupplierInvoice
from ml_connector.records.voucher import RowRole, Voucher, VoucherRow

ZERO = Decimal(0)
KINDS = ("voucher", "erp_invoice")
"""Kinds of record a Procore document becomes in IFS's books."""
RETAINED = "R"
"""How the id of an invoice line that is retention, not cost, begins."""

_Bill = TypeVar("_Bill", SubcontractorInvoice, DirectCost)

Figures = dict[tuple[str, str], Decimal]
"""Debits less credits by (role, reference series), zeroes left out: what a version says, whatever its code strings."""


class Version(msgspec.Struct, frozen=True):
    """One version of a document in IFS, or the reversal of one."""

    key: Key
    number: int
    target: str
    """IFS id."""
    body: Voucher | SupplierInvoice

    def rows(self) -> tuple[VoucherRow, ...]:
        """Its rows; the lines of an invoice read as rows."""
        return self.body.rows if isinstance(self.body, Voucher) else tuple(_row(line) for line in self.body.lines)

    def project(self) -> str:
        """The erp project it lies on."""
        return next((row.project for row in self.rows() if row.project), "")

    def document(self) -> Key:
        """The Procore document it stands for."""
        kind, _, rest = self.key.id.partition("/")
        return Key(kind, rest.rpartition("/")[0])

    def dated(self) -> date:
        """The day it was posted on."""
        return self.body.dated if isinstance(self.body, Voucher) else self.body.posted_on

    def number_there(self) -> str:
        """The number the document had in Procore."""
        if isinstance(self.body, Voucher):
            return next((row.number for row in self.body.rows), "")
        return self.body.number.removesuffix(f" ({self.number})")

    def party(self) -> str:
        """The supplier it was posted on; empty when none was told."""
        if isinstance(self.body, Voucher):
            return next((row.party for row in self.body.rows if row.party), "")
        return self.body.vendor

    def cost(self) -> Money:
        """What it puts on the project."""
        return cost_of(self.rows(), self.body.currency)


class Bills(Generic[_Bill]):
    """Records of one kind that came from IFS, as far as they are at hand, by their place and plain number."""

    def __init__(
        self, links: Mapping[Key, Linked], kind: str, of: type[_Bill], place: Callable[[_Bill], tuple[str, ...]]
    ) -> None:
        self._known: dict[tuple[tuple[str, ...], str], Key] = {}
        for key, linked in links.items():
            body = unpack(kind, linked.base) if key.kind == kind and linked.base else None
            if isinstance(body, of):
                self._known.setdefault((place(body), plain_number(body.number)), key)

    def numbered(self, place: tuple[str, ...], number: str) -> Key | None:
        """The one with that number in a place; an empty number is nobody's."""
        plain = plain_number(number)
        return self._known.get((place, plain)) if plain else None


class History(msgspec.Struct, frozen=True):
    """Every version of one document, and what was taken back."""

    versions: tuple[Version, ...] = ()
    reversals: tuple[Version, ...] = ()
    unread: tuple[str, ...] = ()
    """IFS ids of versions whose agreed record is not at hand."""

    @property
    def live(self) -> Version | None:
        """The last version, unless it was taken back."""
        gone = {one.number for one in self.reversals}
        last = self.versions[-1] if self.versions else None
        return last if last and last.number not in gone else None

    @property
    def next(self) -> int:
        """Number of the next version; a version that was ever named is never named again."""
        return 1 + max((one.number for one in (*self.versions, *self.reversals)), default=0)


def histories(links: Mapping[Key, Linked]) -> dict[str, History]:
    """Every document that crossed (`subcontractor_invoice/5629499`) with its history; made once for many documents."""
    versions: dict[str, list[Version]] = {}
    reversals: dict[str, list[Version]] = {}
    unread: dict[str, list[str]] = {}
    for key, linked in links.items():
        if key.kind not in KINDS:
            continue
        document, _, tail = key.id.rpartition("/")
        number = tail.removeprefix("r")
        if not document or not number.isdecimal():
            continue
        body = unpack(key.kind, linked.base) if linked.base else None
        if not isinstance(body, Voucher | SupplierInvoice):
            unread.setdefault(document, []).append(linked.target)
        else:
            into = reversals if tail.startswith("r") else versions
            into.setdefault(document, []).append(Version(key, int(number), linked.target, body))
    return {
        document: History(
            _sorted(versions.get(document, ())),
            _sorted(reversals.get(document, ())),
            tuple(sorted(unread.get(document, ()))),
        )
        for document in sorted({*versions, *reversals, *unread})
    }


def _sorted(found: Iterable[Version]) -> tuple[Version, ...]:
    return tuple(sorted(found, key=lambda one: (one.number, one.key)))


def figures(rows: Iterable[VoucherRow]) -> Figures:
    """What some rows say, clearing left out: it is what the others come to.

    Code strings are no part of it: an order line that is recoded in IFS, or a mapping that changes, re-routes what
    crosses later and never what is booked (facts/users-and-accounting.md 5.2, cost type).
    """
    found: Figures = {}
    for row in rows:
        if row.role is not RowRole.CLEARING:
            place = (row.role.value, row.series)
            found[place] = found.get(place, ZERO) + row.debit - row.credit
    return {place: amount for place, amount in found.items() if amount}


def cost_of(rows: Iterable[VoucherRow], currency: str) -> Money:
    """What some rows put on projects: debits less credits of the cost rows."""
    return Money(sum((row.debit - row.credit for row in rows if row.role is RowRole.COST), ZERO), currency)


def swapped(row: VoucherRow) -> VoucherRow:
    """The row that takes a row back."""
    return msgspec.structs.replace(row, debit=row.credit, credit=row.debit, quantity=-row.quantity)


def sided(amount: Decimal) -> tuple[Decimal, Decimal]:
    """(debit, credit) of a signed amount: never negative, never both."""
    return (amount, ZERO) if amount > 0 else (ZERO, -amount)


def _row(line: InvoiceLine) -> VoucherRow:
    debit, credit = sided(line.amount)
    return VoucherRow(
        role=RowRole.RETENTION if line.id.startswith(RETAINED) else RowRole.COST,
        codes=line.codes,
        debit=debit,
        credit=credit,
        project=line.project,
        activity=line.activity,
        text=line.description,
        series=f"{line.order} {line.order_line}".strip(),
        quantity=line.quantity,
    )
