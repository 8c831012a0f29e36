"""What people do in Procore's own windows while the connector is not looking."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.procore import cost_codes, load, vendors
from ml_connector.sandbox.procore.billing_acts import BillingActs
from ml_connector.sandbox.procore.contract_kinds import PURCHASE_ORDER, SUBCONTRACT
from ml_connector.sandbox.procore.finding import Given, order_named, project_named
from ml_connector.sandbox.procore.purchase_orders import Orders
from ml_connector.sandbox.procore.state import Contract, Project, State, Vendor
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.sync import RowRefused, Target
from ml_connector.sandbox.world import JobSite, ProcoreOrder

Act = Callable[[Given], Any]

_KINDS = {"purchase_order": (PURCHASE_ORDER, "unit"), "subcontract": (SUBCONTRACT, "amount")}
"""What people call a kind of contract, and how its lines are kept unless they say otherwise."""
_BY_HAND = ProcoreSwitches(vendor_must_be_in_project=False)


class Acts:
    """The acts of one loaded company. Each takes its arguments by name and raises ValueError when they will not do."""

    def __init__(self, state: State, switches: ProcoreSwitches) -> None:
        self._state = state
        self._billing = BillingActs(state, switches)
        self.project_ids = {p.ifs_id: p.id for p in state.projects.values() if p.ifs_id is not None}

    def by_name(self) -> dict[str, Act]:
        """Every act under the name the admin surface calls it by."""
        acts: tuple[Act, ...] = (
            self.rename_vendor,
            self.add_vendor,
            self.edit_vendor,
            self.merge_vendors,
            self.add_cost_code,
            self.type_order,
            self.set_order_status,
            self.edit_order,
            self.delete_order,
            self.lock_budget,
            self.revoke_project,
            self.permit_project,
            self.add_project,
            *self._billing.acts(),
        )
        return {act.__name__: _telling(act) for act in acts}

    def add_vendor(self, given: Given) -> dict[str, Any]:
        """{name, ein?, city?, state_code?, country_code?, projects?}: a new company in the directory."""
        row = {k: v for k, v in given.items() if k not in ("ein", "projects")}
        if given.get("ein"):
            row["business_register"] = {"type": "ein", "identifier": given["ein"]}
        projects = [self._project(p).id for p in given.get("projects", ())]
        vendor = vendors.make(self._state, row)
        vendor.projects = projects
        return {"id": vendor.id, "name": vendor.fields["name"]}

    def rename_vendor(self, given: Given) -> dict[str, Any]:
        """{id or name, to}: a vendor gets another name."""
        known = self._vendor(given)
        vendors.change(self._state, known, {"name": given["to"]})
        return {"id": known.id, "name": known.fields["name"]}

    def edit_vendor(self, given: Given) -> dict[str, Any]:
        """{id or name, fields: {address?, city?, zip?, business_phone?, is_active?, ...}}: somebody edits a vendor."""
        known = self._vendor(given)
        vendors.change(self._state, known, dict(given["fields"]))
        return {"id": known.id, **given["fields"]}

    def merge_vendors(self, given: Given) -> dict[str, Any]:
        """{id or name, into (an id)}: a vendor is merged into another, which takes its contracts, costs and places.

        What becomes of an origin id when companies are merged is not documented: here it goes with the one that goes.
        """
        gone, stays = self._vendor(given), self._vendor({"id": given["into"]})
        if gone is stays:
            raise ValueError("a vendor is merged into another one")
        for project in self._state.projects.values():
            for record in (*project.contracts.values(), *project.direct_costs.values()):
                if record.fields.get("vendor_id") == gone.id:
                    record.fields["vendor_id"] = stays.id
        stays.projects += [one for one in gone.projects if one not in stays.projects]
        del self._state.vendors[gone.id]
        self._state.free("vendor", gone.fields.get("origin_id"))
        return {"id": stays.id, "name": stays.fields["name"]}

    def add_cost_code(self, given: Given) -> dict[str, Any]:
        """{project_id or number, code (full, such as 03-310), name}: a cost code, with the codes above it."""
        project = self._project(given)
        if given["code"] in project.by_code:
            raise ValueError("the project has that cost code already")
        code = cost_codes.ensure(self._state, project, given["code"], given["name"])
        return {"id": code.id, "full_code": code.full_code}

    def type_order(self, given: Given) -> dict[str, Any]:
        """{project_id or number, order_number, title, vendor, status, kind?, accounting_method?, lines: [{code, type,
        description, quantity, unit_cost}]}: a contract typed by hand, without an origin id. Its kind is purchase_order
        (by unit) or subcontract (by amount)."""
        project = self._project(given)
        lines = tuple(
            (x["code"], x["type"], x["description"], Decimal(str(x["quantity"])), Decimal(str(x["unit_cost"])))
            for x in given["lines"]
        )
        kinds = {t.fields["code"] for t in self._state.cost_types.values()}
        if any(line[1] not in kinds for line in lines):
            raise ValueError("no such cost type")
        if given.get("kind", "purchase_order") not in _KINDS:
            raise ValueError("no such kind of contract: purchase_order or subcontract")
        kind, method = _KINDS[given.get("kind", "purchase_order")]
        status = given.get("status", "Draft")
        if status not in kind.statuses:
            raise ValueError("no such status")
        typed = ProcoreOrder(
            project.ifs_id or "", given["order_number"], given["title"], given["vendor"], status, lines
        )
        method = given.get("accounting_method", method)
        if method not in ("amount", "unit"):
            raise ValueError("no such accounting method: amount or unit")
        order = load.type_order(self._state, project, typed, kind, method)
        return {"id": order.id, "number": order.fields["number"]}

    def set_order_status(self, given: Given) -> dict[str, Any]:
        """{id or order_number, status}: somebody moves a contract."""
        project, order = self._order(given)
        if given["status"] not in order.kind.statuses:
            raise ValueError("no such status")
        self._target(project, order).update(order, {"status": given["status"]})
        return {"id": order.id, "status": order.fields["status"]}

    def edit_order(self, given: Given) -> dict[str, Any]:
        """{id or order_number, title?, number?, description?}: somebody edits a header."""
        project, order = self._order(given)
        row = {name: given[name] for name in ("title", "number", "description") if name in given}
        self._target(project, order).update(order, row)
        return {"id": order.id, **row}

    def delete_order(self, given: Given) -> dict[str, Any]:
        """{id or order_number}: somebody deletes a contract; an approved one cannot be."""
        project, order = self._order(given)
        Orders(self._state, project, _BY_HAND, order.kind).remove(order)
        return {"id": order.id, "deleted_at": order.deleted_at}

    def lock_budget(self, given: Given) -> dict[str, Any]:
        """{project_id or number, locked?}: locks the project's budget, or unlocks it with locked false."""
        project = self._project(given)
        project.budget_locked = bool(given.get("locked", True))
        return {"id": project.id, "locked": project.budget_locked}

    def revoke_project(self, given: Given) -> dict[str, Any]:
        """{project_id or number}: the service account may no longer see the project."""
        return self._permit(given, False)

    def permit_project(self, given: Given) -> dict[str, Any]:
        """{project_id or number}: the service account may see the project."""
        return self._permit(given, True)

    def add_project(self, given: Given) -> dict[str, Any]:
        """{number, name, ifs_project_id?, permitted?}: a new project; by default not yet permitted, as in Procore."""
        ifs_id = given.get("ifs_project_id", "")
        permitted = bool(given.get("permitted", False))
        place = {
            "address": given.get("address", ""),
            "city": given.get("city", ""),
            "state_code": given.get("state", ""),
        }
        site = JobSite(
            project_id=ifs_id,
            name=given["name"],
            description=given.get("description", given["name"]),
            site="",
            manager="",
            state="",
            procore_number=given["number"],
            procore_name=given["name"],
            zip_code=given.get("zip", ""),
            permitted=permitted,
            **place,
        )
        project = load.add_project(self._state, site, given["number"], given["name"])
        project.ifs_id = ifs_id or None
        if ifs_id:
            self.project_ids[ifs_id] = project.id
        return {"id": project.id, "permitted": permitted}

    def _permit(self, given: Given, permitted: bool) -> dict[str, Any]:
        project = self._project(given)
        project.permitted = permitted
        return {"id": project.id, "permitted": permitted}

    def _vendor(self, given: Given) -> Vendor:
        known = self._state.vendors.get(int(given.get("id") or 0))
        if known is None:
            known = next((v for v in self._state.vendors.values() if v.fields["name"] == given.get("name")), None)
        if known is None:
            raise ValueError("no such vendor")
        return known

    def _project(self, given: Any) -> Project:
        return project_named(self._state, given)

    def _order(self, given: Given) -> tuple[Project, Contract]:
        return order_named(self._state, given)

    def _target(self, project: Project, order: Contract) -> Target[Contract]:
        return Orders(self._state, project, _BY_HAND, order.kind).target()


def _telling(act: Act) -> Act:
    def wrapped(given: Given) -> Any:
        """The act, with every refusal as a ValueError."""
        try:
            return act(given)
        except RowRefused as refused:
            raise ValueError(refused.sentence) from None
        except KeyError as missing:
            raise ValueError(f"{missing.args[0]} is missing") from None

    return wrapped
