"""The arithmetic of subcontractor invoices: an item's cumulative columns, and the G702 summary (facts/procore.md 9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ml_connector.sandbox.procore.state import ZERO, Contract, Item, Project, Requisition, cents

CERTIFIED = ("approved", "approved_as_noted", "pending_owner_approval")
"""Statuses in which an invoice counts as invoiced on its contract."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Every column of one item, money in the contract's currency; built by `columns`."""

    scheduled: Decimal
    work_before: Decimal
    work: Decimal
    materials: Decimal
    materials_before: Decimal
    materials_moved: Decimal
    total: Decimal
    total_before: Decimal
    held_before: Decimal
    """Retainage on work held when the period began, moved materials' retainage included."""
    held_moved: Decimal
    held_work: Decimal
    """Retainage on work held now."""
    held_materials: Decimal
    all_held_before: Decimal

    @property
    def held(self) -> Decimal:
        """Retainage currently held, on work and on stored materials."""
        return self.held_work + self.held_materials

    @property
    def percent(self) -> Decimal:
        """Completed and stored to date in hundredths of the scheduled value; may pass 100."""
        return cents(self.total / self.scheduled * 100) if self.scheduled else ZERO

    @property
    def gross(self) -> Decimal:
        """Invoiced this period, before retainage."""
        return self.total - self.total_before

    @property
    def net(self) -> Decimal:
        """Invoiced this period, less the change in retainage."""
        return self.gross - (self.held - self.all_held_before)


def columns(item: Item) -> Columns:
    """The item's columns; what comes from before is read from the requisitions before, however long the chain."""
    work, materials, held, held_materials = _before(item)
    moved, held_moved = (materials, held_materials) if item.moves_materials else (ZERO, ZERO)
    return Columns(
        scheduled=item.line.amount,
        work_before=work + moved,
        work=item.work,
        materials=item.materials,
        materials_before=materials,
        materials_moved=moved,
        total=work + moved + item.work + item.materials,
        total_before=work + materials,
        held_before=held + held_moved,
        held_moved=held_moved,
        held_work=held + held_moved + item.retained - item.released,
        held_materials=item.held_on_materials,
        all_held_before=held + held_materials,
    )


def _before(item: Item) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Work, materials, and retainage on each, as they stood at the end of the requisition before."""
    work = materials = held = held_materials = ZERO
    for earlier in reversed(list(chain(item.previous))):
        if earlier.moves_materials:
            work, held = work + materials, held + held_materials
        work, held = work + earlier.work, held + earlier.retained - earlier.released
        materials, held_materials = earlier.materials, earlier.held_on_materials
    return work, materials, held, held_materials


def quantity_before(item: Item) -> Decimal:
    """The quantity of a unit line invoiced before this period."""
    return sum((earlier.quantity for earlier in chain(item.previous)), Decimal(0))


def chain(item: Item | None) -> Iterable[Item]:
    """An item and those it continues, latest first."""
    while item is not None:
        yield item
        item = item.previous


@dataclass(frozen=True, slots=True)
class Summary:
    """The G702 figures of one requisition, in the contract's currency; built by `summary`."""

    original: Decimal
    added: Decimal
    """Positive change order lines, those that are new here included."""
    added_new: Decimal
    taken: Decimal
    """Negative change order lines, as a negative amount."""
    taken_new: Decimal
    completed: Decimal
    held_work: Decimal
    held_materials: Decimal
    work: Decimal
    materials: Decimal
    certified_before: Decimal

    @property
    def contract_sum(self) -> Decimal:
        """Original sum and net change by change orders."""
        return self.original + self.added + self.taken

    @property
    def retainage(self) -> Decimal:
        """Total retainage held."""
        return self.held_work + self.held_materials

    @property
    def earned(self) -> Decimal:
        """Total earned less retainage."""
        return self.completed - self.retainage

    @property
    def due(self) -> Decimal:
        """Current payment due, without tax."""
        return self.earned - self.certified_before

    @property
    def to_finish(self) -> Decimal:
        """Balance to finish, including retainage."""
        return self.contract_sum - self.earned

    @property
    def percent(self) -> Decimal:
        """Completed and stored in hundredths of the contract sum."""
        return cents(self.completed / self.contract_sum * 100) if self.contract_sum else ZERO


def summary(requisition: Requisition) -> Summary:
    """Adds up the items of a requisition."""
    found = dict.fromkeys(("original", "added", "added_new", "taken", "taken_new", "completed"), ZERO)
    found |= dict.fromkeys(("held_work", "held_materials", "work", "materials", "certified_before"), ZERO)
    for item in requisition.items.values():
        row = columns(item)
        if item.change_id is None:
            found["original"] += row.scheduled
        else:
            kind = "added" if row.scheduled >= 0 else "taken"
            found[kind] += row.scheduled
            found[f"{kind}_new"] += row.scheduled if item.previous is None else ZERO
        found["completed"] += row.total
        found["held_work"] += row.held_work
        found["held_materials"] += row.held_materials
        found["work"] += row.work_before + row.work
        found["materials"] += row.materials
        found["certified_before"] += row.total_before - row.all_held_before
    return Summary(**found)


def invoiced(project: Project, order: Contract) -> Decimal:
    """What a contract's certified invoices ask to be paid, all periods together."""
    found = (project.requisitions[r] for r in order.requisitions)
    return sum((summary(r).due for r in found if r.fields["status"] in CERTIFIED), ZERO)


def paid(project: Project, requisition: Requisition) -> Decimal:
    """Payments issued that name the requisition."""
    named = (p for p in project.payments.values() if p.fields.get("requisition_id") == requisition.id)
    return sum((p.amount for p in named), ZERO)
