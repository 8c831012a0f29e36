"""Lines of subcontractor invoices: made from the schedule of values, written by period values (facts/procore.md 9)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.procore.requisition_figures import columns
from ml_connector.sandbox.procore.state import ZERO, Contract, Item, Line, Project, Requisition, State, cents, number
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.sync import Row, RowRefused

CONTRACT, CHANGE, DETAIL = "contract_item", "change_order_item", "contract_detail_item"
_NUMBERS = (
    "work_completed_this_period",
    "work_completed_this_period_quantity",
    "materials_presently_stored",
    "new_materials",
    "new_materials_quantity",
    "stored_materials",
    "stored_materials_quantity",
    "work_completed_retainage_retained_this_period",
    "materials_stored_retainage_currently_retained",
    "work_completed_retainage_released_this_period",
    "work_completed_retainage_percent_this_period",
    "materials_stored_retainage_percent_this_period",
    "subcontractor_claimed_amount",
)
_KEPT = ("comment", "status")
Values = dict[str, Any]


def kind_of(item: Item) -> str:
    """Its item_type. Subcontractor schedules of values are not modelled, so there are no contract_detail_items."""
    return CONTRACT if item.change_id is None else CHANGE


def by_quantity(order: Contract, item: Item) -> bool:
    """Whether the item is billed in units: a line with a unit cost on a unit contract."""
    return order.fields["accounting_method"] == "unit" and item.line.unit_cost is not None


class Items:
    """The items of one requisition: how they come to be and what may be written to them."""

    def __init__(
        self, state: State, project: Project, order: Contract, requisition: Requisition, switches: ProcoreSwitches
    ) -> None:
        self.state = state
        self.project = project
        self.order = order
        self.requisition = requisition
        self.switches = switches

    def generate(self) -> None:
        """One item for each line of the contract, and for each line of its approved change orders."""
        for line in self.order.lines.values():
            self._add(line, None)
        for change_id in self.order.change_orders:
            if self.project.change_orders[change_id].fields["status"] == "approved":
                self.add_package(change_id)

    def add_package(self, change_id: int) -> list[Item]:
        """Items for the lines of a change order. Raises RowRefused when it is not approved or is here already."""
        change = self.project.change_orders[change_id]
        if change.fields["status"] != "approved":
            raise RowRefused({"change_order_package_id": ["is not approved"]})
        if change_id in self.requisition.packages:
            raise RowRefused({"change_order_package_id": ["is on the invoice already"]})
        self.requisition.packages.append(change_id)
        return [self._add(line, change_id) for line in change.lines.values()]

    def remove_package(self, change_id: int) -> None:
        """Takes a change order off again. Raises RowRefused when it is not here, or was billed here or before."""
        if change_id not in self.requisition.packages:
            raise RowRefused({"change_order_package_id": ["is not on the invoice"]})
        gone = [item for item in self.requisition.items.values() if item.change_id == change_id]
        if any(columns(item).total for item in gone):
            raise RowRefused({"change_order_package_id": ["has been billed"]})
        self.requisition.packages.remove(change_id)
        for item in gone:
            del self.requisition.items[item.id]

    def _add(self, line: Line, change_id: int | None) -> Item:
        before = self.project.requisitions.get(self.requisition.previous_id or 0)
        previous = next((i for i in before.items.values() if i.line is line), None) if before is not None else None
        item = Item(self.state.new_id(), {"status": "no_action", "comment": None}, *self.state.birth(), line=line)
        item.change_id, item.previous = change_id, previous
        item.position = len(self.requisition.items) + 1
        item.moves_materials = self.order.invoicing.get("move_materials_to_previous_work_completed", True)
        if previous is not None and not item.moves_materials:
            item.materials, item.held_on_materials = previous.materials, previous.held_on_materials
        self.requisition.items[item.id] = item
        return item

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, rows: Iterable[Row]) -> bool:
        """Writes rows over items, all or none; True when something changed. Raises RowRefused for the first bad row."""
        plan = [(item, self._read(item, row)) for row in rows for item in (self._meant(row),)]
        changed = [(item, values) for item, values in plan if self._differs(item, values)]
        for item, values in changed:
            self._apply(item, values)
        return bool(changed)

    def _meant(self, row: Row) -> Item:
        """The item a row names, by its own id or by its line's. Raises RowRefused."""
        kind = row.get("item_type")
        if kind == DETAIL or row.get("detail_line_item_id") is not None:
            raise RowRefused({"item_type": ["the contract has no subcontractor schedule of values"]})
        if row.get("id") is not None:
            found = self.requisition.items.get(row["id"])
        else:
            found = next((i for i in self.requisition.items.values() if i.line.id == row.get("line_item_id")), None)
        if found is None:
            name = "id" if row.get("id") is not None else "line_item_id"
            raise RowRefused({name: ["is not an item of the invoice"]})
        if kind is not None and kind != kind_of(found):
            raise RowRefused({"item_type": [f"is not {kind} for that line"]})
        return found

    def _read(self, item: Item, row: Row) -> Values:
        """What a row would make of an item. Raises RowRefused; what the contract's method ignores is ignored."""
        bad = [name for name in _NUMBERS if row.get(name) not in (None, "") and number(row[name]) is None]
        if bad:
            raise RowRefused({name: ["is not a number"] for name in bad})
        given = {name: found for name in _NUMBERS if (found := number(row.get(name))) is not None}
        values: Values = {name: row[name] for name in _KEPT if name in row}
        if "subcontractor_claimed_amount" in given:
            values["claimed"] = cents(given["subcontractor_claimed_amount"])
        values |= self._work(item, given)
        values["materials"] = self._materials(item, given)
        self._retain(item, given, values)
        return values

    def _work(self, item: Item, given: dict[str, Decimal]) -> Values:
        if by_quantity(self.order, item):
            quantity = given.get("work_completed_this_period_quantity", item.quantity)
            return {"quantity": quantity, "work": cents(quantity * (item.line.unit_cost or ZERO))}
        return {"quantity": Decimal(0), "work": cents(given.get("work_completed_this_period", item.work))}

    def _materials(self, item: Item, given: dict[str, Decimal]) -> Decimal:
        before = columns(item).materials_before if not item.moves_materials else ZERO
        if by_quantity(self.order, item):
            cost = item.line.unit_cost or ZERO
            if "new_materials_quantity" not in given and "stored_materials_quantity" not in given:
                return item.materials
            stored = given.get("stored_materials_quantity")
            new = given.get("new_materials_quantity", ZERO)
            return cents(new * cost + (stored * cost if stored is not None else before))
        if "new_materials" in given or "stored_materials" in given:
            return cents(given.get("new_materials", ZERO) + given.get("stored_materials", before))
        return cents(given.get("materials_presently_stored", item.materials))

    def _retain(self, item: Item, given: dict[str, Decimal], values: Values) -> None:
        values["retained"], values["work_percent"] = self._share(
            (item.work, values["work"], item.retained),
            given.get("work_completed_retainage_retained_this_period"),
            given.get("work_completed_retainage_percent_this_period"),
            item.fields.get("work_percent"),
        )
        values["held_on_materials"], values["materials_percent"] = self._share(
            (item.materials, values["materials"], item.held_on_materials),
            given.get("materials_stored_retainage_currently_retained"),
            given.get("materials_stored_retainage_percent_this_period"),
            item.fields.get("materials_percent"),
        )
        released = cents(given.get("work_completed_retainage_released_this_period", item.released))
        base = columns(item).held_before + values["retained"]
        if released and not 0 < abs(released) <= abs(base):
            text = "needs retainage that is held" if not base else "is more than the retainage held"
            raise RowRefused({"work_completed_retainage_released_this_period": [text]})
        values["released"] = released

    def _share(
        self,
        amounts: tuple[Decimal, Decimal, Decimal],
        given: Decimal | None,
        percent: Decimal | None,
        kept: Decimal | None,
    ) -> tuple[Decimal, Decimal | None]:
        """The retained amount and the percent kept for later, from (base before, base now, retained before)."""
        was, now, retained = amounts
        if percent is not None and not now:
            kept = percent  # facts/procore.md 9: percents are only kept while their base is zero
        if given is not None:
            return cents(given), kept
        if was == now:
            return retained, kept
        if kept is None and self.switches.retainage_from_contract:
            kept_or_default = number(self.order.fields.get("retainage_percent")) or ZERO
        else:
            kept_or_default = kept or ZERO
        return cents(now * kept_or_default / 100), kept

    def _differs(self, item: Item, values: Values) -> bool:
        return any(_now(item, name) != value for name, value in values.items())

    def _apply(self, item: Item, values: Values) -> None:
        user, stamp = self.state.user(), self.state.stamp()
        for name, value in values.items():
            old = _now(item, name)
            if old == value:
                continue
            _set(item, name, value)
            self.requisition.history.append(
                {
                    "id": self.state.new_id(),
                    "column": _COLUMNS.get(name, name),
                    "old_value": None if old is None else str(old),
                    "new_value": None if value is None else str(value),
                    "action_by": user["name"],
                    "action_by_id": user["id"],
                    "created_at": stamp,
                    "ref_id": item.id,
                    "ref_type": kind_of(item),
                }
            )
        item.updated_at = stamp


_COLUMNS = {
    "work": "work_completed_this_period",
    "quantity": "work_completed_this_period_quantity",
    "materials": "materials_presently_stored",
    "retained": "work_completed_retainage_retained_this_period",
    "released": "work_completed_retainage_released_this_period",
    "held_on_materials": "materials_stored_retainage_currently_retained",
    "work_percent": "work_completed_retainage_percent_this_period",
    "materials_percent": "materials_stored_retainage_percent_this_period",
    "claimed": "subcontractor_claimed_amount",
}
_ATTRIBUTES = ("work", "quantity", "materials", "retained", "released", "held_on_materials")


def _now(item: Item, name: str) -> Any:
    return getattr(item, name) if name in _ATTRIBUTES else item.fields.get(name)


def _set(item: Item, name: str, value: Any) -> None:
    if name in _ATTRIBUTES:
        setattr(item, name, value)
    else:
        item.fields[name] = value
