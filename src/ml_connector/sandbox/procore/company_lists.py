"""Lists of the company that other records name: units, currency, taxes, sub jobs, standard cost codes."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import NO_SUCH_ID
from ml_connector.sandbox.procore.paging import by_origin, listed
from ml_connector.sandbox.procore.state import Record, State

CATEGORIES = {
    "Count": ("EA", "PCS", "SET", "PR", "BOX"),
    "Time": ("HR", "DAY", "WK", "MO"),
    "Lump Sum": ("LS", "LOT"),
    "Length": ("M", "FT", "LF", "KM"),
    "Area": ("M2", "SF", "SY"),
    "Volume": ("M3", "CY", "L", "GAL"),
    "Weight": ("KG", "T", "TON", "LB"),
}
"""Units of measure every company of the simulation starts with, by category."""


def fill(state: State) -> None:
    """Gives a new company its units of measure and tax codes."""
    for category, names in CATEGORIES.items():
        state.uom_categories[category] = state.new_id()
        for name in names:
            add_unit(state, name, category, standard=True)
    for code, rate in (("EXEMPT", 0.0), ("STD", 8.25)):
        fields = {"code": code, "description": f"{code} {rate} %", "rate1": rate}
        record = Record(state.new_id(), fields, *state.birth())
        state.tax_codes[record.id] = record


def add_unit(state: State, name: str, category: str, *, standard: bool = False) -> Record:
    """A unit of measure for the company's list."""
    record = Record(state.new_id(), {"name": name, "category": category, "standard": standard}, *state.birth())
    state.uoms[name] = record
    return record


def _unit(state: State, record: Record) -> dict[str, Any]:
    fields = record.fields
    category = {"id": state.uom_categories[fields["category"]], "name": fields["category"]}
    shown = {"id": record.id, "is_standard": fields["standard"], "name": fields["name"]}
    return shown | {"description": fields["name"], "uom_category": category}


def _units(call: Call) -> Answer:
    return listed(call, call.state.uoms.values(), lambda u: _unit(call.state, u))


def _categories(call: Call) -> Answer:
    return Answer(200, [{"id": i, "name": name} for name, i in call.state.uom_categories.items()])


def _sync_units(call: Call) -> Answer:
    state, entities, errors = call.state, [], []
    by_id = {record.id: record for record in state.uoms.values()}
    categories = {i: name for name, i in state.uom_categories.items()}
    members = contract().row_members(call.operation)
    for row in call.rows("updates"):
        problem = contract().row_problems(members, row) or _unit_problem(state, row, by_id, categories)
        if problem:
            errors.append({**row, "errors": problem})
            continue
        category = categories.get(row.get("uom_category_id") or 0, "Count")
        if row.get("id") is None:
            record = add_unit(state, row["name"], category)
        else:
            record = by_id[row["id"]]
            del state.uoms[record.fields["name"]]
            record.fields["name"] = row.get("name") or record.fields["name"]
            record.fields["category"] = category if row.get("uom_category_id") else record.fields["category"]
            state.uoms[record.fields["name"]] = record
        entities.append(_unit(state, record))
    for uom_id in call.body.get("deletes") or ():
        if uom_id in by_id and not by_id[uom_id].fields["standard"]:
            state.uoms.pop(by_id[uom_id].fields["name"], None)
    changed = bool(entities or call.body.get("deletes"))
    return Answer(200, {"entities": entities, "errors": errors}, changed=changed)


def _unit_problem(
    state: State, row: dict[str, Any], by_id: dict[int, Record], categories: dict[int, str]
) -> dict[str, list[str]]:
    known = by_id.get(row.get("id") or 0)
    if row.get("id") is not None and known is None:
        return {"id": [NO_SUCH_ID]}
    if known is not None and known.fields["standard"]:
        return {"id": ["a standard unit cannot be changed"]}
    if known is None and not row.get("name"):
        return {"name": ["can't be blank"]}
    if row.get("name") and state.uoms.get(row["name"]) not in (None, known):
        return {"name": ["has already been taken"]}
    if row.get("uom_category_id") is not None and row["uom_category_id"] not in categories:
        return {"uom_category_id": ["is not a category of the company"]}
    return {}


def _company_currency(call: Call) -> Answer:
    shown = {
        "company_id": call.state.company_id,
        "currency_iso_code": call.state.currency,
        "currency_display": "symbol",
    }
    on = call.switches.multi_currency
    return Answer(
        200,
        shown
        | {
            "multicurrency_enabled": on,
            "multicurrency_enabled_effective_date": None,
            "eligible_for_multicurrency": on,
        },
    )


def _project_currency(call: Call) -> Answer:
    on = call.switches.multi_currency
    return Answer(
        200,
        {
            "company_id": call.state.company_id,
            "project_id": call.project.id,
            "currency_iso_code": call.project.fields["currency_iso_code"],
            "currency_display": "symbol",
            "company_currency_exchange_rate_override": None,
            "multicurrency_enabled": on,
            "eligible_for_financial_objs_multicurrency": on,
        },
    )


def _sub_jobs(call: Call) -> Answer:
    return listed(call, list[Record](), lambda _: None)


def _standard_lists(call: Call) -> Answer:
    shown = {"id": call.state.standard_list_id, "name": "Standard Cost Codes", "is_erp_list": False}
    return Answer(200, [shown | {"available_to_use_on_new_projects": True}])


def _standard_codes(call: Call) -> Answer:
    state = call.state
    if call.request.param("standard_cost_code_list_id") != str(state.standard_list_id):
        raise call.refuse(404, NO_SUCH_ID)
    full = call.view("default") == "extended"

    def shown(record: Record) -> dict[str, Any]:
        """A standard cost code; the default view gives ids only."""
        brief = {"id": record.id, "standard_cost_code_list_id": state.standard_list_id}
        return brief | {"parent_id": None, "origin_id": None, "origin_data": None, **record.fields} if full else brief

    return listed(call, by_origin(call, "standard_cost_code", list(state.standard_codes.values())), shown)


_COMPANY = "/rest/v1.0/companies/{company_id}"

ROUTES: tuple[Route, ...] = (
    *routes(
        "admin",
        ("GET", f"{_COMPANY}/uoms", _units),
        ("GET", f"{_COMPANY}/uom_categories", _categories),
        ("PATCH", f"{_COMPANY}/uoms/sync", _sync_units, "standard units cannot be changed or deleted"),
        ("GET", f"{_COMPANY}/currency_configuration", _company_currency),
        ("GET", f"{_COMPANY}/projects/{{project_id}}/currency_configuration", _project_currency),
        ("GET", "/rest/v1.0/sub_jobs", _sub_jobs, "always empty"),
        ("GET", "/rest/v1.0/standard_cost_code_lists", _standard_lists, "one list"),
        ("GET", "/rest/v1.0/standard_cost_codes", _standard_codes, "default view gives ids only"),
    ),
)
