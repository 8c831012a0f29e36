"""A fresh company from the world: projects, vendors, codes, budget and the contracts people typed by hand."""

from __future__ import annotations

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.procore import (
    billing_periods,
    budget_lines,
    company_lists,
    cost_codes,
    cost_types,
    vendors,
    wbs,
)
from ml_connector.sandbox.procore.contract_kinds import PURCHASE_ORDER, ContractKind
from ml_connector.sandbox.procore.order_lines import Lines
from ml_connector.sandbox.procore.purchase_orders import Orders
from ml_connector.sandbox.procore.state import Contract, Project, Record, State, Vendor, cents
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.world import JobSite, ProcoreOrder, ProcoreVendor, World


def company(world: World, clock: SandboxClock) -> State:
    """The state a world starts with. Sites without a Procore number are not projects here."""
    state = State(clock, world.procore_company_id, world.procore_company_name, world.base_currency)
    company_lists.fill(state)
    for code, name, base in world.cost_types:
        cost_types.make(state, {"csv_import_code": code, "name": name, "base_type": base})
    for site in world.sites:
        if site.procore_number is not None and site.procore_name is not None:
            add_project(state, site, site.procore_number, site.procore_name)
    for vendor in world.vendors:
        _add_vendor(state, vendor)
    by_ifs = {project.ifs_id: project for project in state.projects.values()}
    for ifs_id, full_code, name in sorted(world.cost_codes):
        if ifs_id in by_ifs:
            cost_codes.ensure(state, by_ifs[ifs_id], full_code, name)
            _add_standard(state, full_code, name)
    for ifs_id, full_code, kind, amount in world.budget:
        if ifs_id in by_ifs:
            pair = pair_of(state, by_ifs[ifs_id], full_code, kind)
            budgeted = wbs.find_or_make(state, by_ifs[ifs_id], *pair)
            budget_lines.add(state, by_ifs[ifs_id], budgeted.id, cents(amount), {"calculation_strategy": "manual"})
    for typed in world.typed_orders:
        if typed.project_id in by_ifs:
            type_order(state, by_ifs[typed.project_id], typed)
    for project in state.projects.values():
        billing_periods.open_month(state, project)
    state.changes.clear()
    return state


def add_project(state: State, site: JobSite, number: str, name: str) -> Project:
    """A project of the company from a job site, in the company's currency."""
    fields = {
        "name": name,
        "project_number": number,
        "active": True,
        "address": site.address,
        "city": site.city,
        "state_code": site.state_code,
        "country_code": "US",
        "zip": site.zip_code,
        "time_zone": "US/Eastern",
        "tz_name": "America/New_York",
        "description": site.description,
        "origin_id": None,
        "origin_code": None,
        "origin_data": None,
        "currency_iso_code": state.currency,
    }
    project = Project(state.new_id(), fields, *state.birth())
    project.ifs_id, project.permitted = site.project_id, site.permitted
    state.projects[project.id] = project
    state.note("create", "Projects", project.id)
    return project


def pair_of(state: State, project: Project, full_code: str, kind: str) -> tuple[int, int]:
    """Ids of a cost code and a cost type by their codes; a missing cost code is made, as a person would."""
    cost_code = cost_codes.ensure(state, project, full_code, full_code)
    cost_type = next(t.id for t in state.cost_types.values() if t.fields["code"] == kind)
    return cost_code.id, cost_type


def type_order(
    state: State, project: Project, typed: ProcoreOrder, kind: ContractKind = PURCHASE_ORDER, method: str = "unit"
) -> Contract:
    """A contract typed by hand: no origin id; its vendor joins the project directory if need be. By the method
    `amount` its lines say no more than what they come to."""
    open_hand = ProcoreSwitches(approved_freezes_lines=False, vendor_must_be_in_project=False)
    vendor = vendor_by_name(state, typed.vendor_name)
    if project.id not in vendor.projects:
        vendor.projects.append(project.id)
    row = {"number": typed.number, "title": typed.title, "status": typed.status, "vendor_id": vendor.id}
    order = Orders(state, project, open_hand, kind).make({**row, "accounting_method": method})
    lines = Lines(state, project, order, open_hand)
    for full_code, type_, description, quantity, unit_cost in typed.lines:
        cost_code, cost_type = pair_of(state, project, full_code, type_)
        code = {"cost_code_id": cost_code, "line_item_type_id": cost_type, "description": description}
        units = {"quantity": str(quantity), "unit_cost": str(unit_cost), "uom": "EA"}
        lines.make({**code, **(units if method == "unit" else {"amount": str(quantity * unit_cost)})})
    return order


def vendor_by_name(state: State, name: str) -> Vendor:
    """The vendor of that name, made when the directory has none."""
    for vendor in state.vendors.values():
        if vendor.fields["name"] == name:
            return vendor
    return vendors.make(state, {"name": name})


def _add_vendor(state: State, given: ProcoreVendor) -> None:
    row: dict[str, object] = {"name": given.name, "city": given.city, "country_code": given.country}
    row |= {"state_code": given.state, "origin_id": given.origin_id}
    if given.ein:
        row["business_register"] = {"type": "ein", "identifier": given.ein}
    vendor = vendors.make(state, row)
    state.claim("vendor", given.origin_id, vendor.id)


def _add_standard(state: State, full_code: str, name: str) -> None:
    if all(record.fields["full_code"] != full_code for record in state.standard_codes.values()):
        fields = {"code": full_code.rpartition("-")[2], "full_code": full_code, "name": name}
        record = Record(state.new_id(), fields, *state.birth())
        state.standard_codes[record.id] = record
