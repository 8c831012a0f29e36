"""Calls about direct costs and their lines in v1.0 and v1.1; each write to one may meet another and answer 409."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.direct_cost_shapes import V10, V11, CostShapes
from ml_connector.sandbox.procore.direct_costs import KIND, LINE_KIND, Busy, DirectCosts
from ml_connector.sandbox.procore.errors import NO_SUCH_ID, TAKEN
from ml_connector.sandbox.procore.paging import by_field, by_origin, by_range, listed, pick, values
from ml_connector.sandbox.procore.state import DirectCost, Line
from ml_connector.sandbox.procore.sync import Row, RowRefused, Target, create, sync, write

_TOOL = "direct_costs"
_LINES = f"{V10}/{{direct_cost_id}}/line_items"
_CURRENCY = ("currency_iso_code", "currency_exchange_rate")
_BUSY = "Another change to the same direct cost is running; send this one again later."
_Done = TypeVar("_Done")


def _costs(call: Call) -> DirectCosts:
    return DirectCosts(call.state, call.project, call.switches)


def _shapes(call: Call) -> CostShapes:
    return CostShapes(call.state, call.project, call.switches)


def _target(call: Call) -> Target[DirectCost]:
    costs = _costs(call)
    return Target(KIND, call.project.direct_costs, costs.make, costs.change, _shapes(call).shown)


@contextmanager
def _refusing(call: Call) -> Iterator[None]:
    """Turns the engine's refusals into 400 and 409."""
    try:
        yield
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
    except Busy:
        raise call.refuse(409, _BUSY) from None


def _writing(call: Call, cost: DirectCost, work: Callable[[DirectCosts], _Done]) -> _Done:
    """One write to an existing direct cost: unlocked, alone, then done."""
    costs = _costs(call)
    with _refusing(call):
        costs.begin(cost)
        costs.refuse_locked(cost)
        return work(costs)


def _list(call: Call) -> Answer:
    rows = by_origin(call, KIND, list(call.project.direct_costs.values()))
    rows = by_field(call, rows, "invoice_number", lambda c: c.fields["invoice_number"])
    for name in ("payment_date", "received_date"):
        rows = by_range(call, rows, name, lambda c, n=name: c.fields[n])  # type: ignore[misc]
    return listed(call, rows, _shapes(call).listed)


def _show_v10(call: Call) -> Answer:
    return Answer(200, _shapes(call).shown(pick(call, call.project.direct_costs)))


def _show_v11(call: Call) -> Answer:
    return Answer(200, _shapes(call).whole(pick(call, call.project.direct_costs)))


def _create_v10(call: Call) -> Answer:
    made = create(call, _target(call), _without_currency(call.part("item")))
    return Answer(201, _shapes(call).shown(made), changed=True)


def _update_v10(call: Call) -> Answer:
    cost, row = pick(call, call.project.direct_costs), _without_currency(call.part("item"))
    _writing(call, cost, lambda _: write(call, _target(call), cost, row))
    return Answer(200, _shapes(call).shown(cost), changed=True)


def _without_currency(row: Row) -> dict[str, Any]:
    """v1.0 writes take no currency; unknown members are ignored (facts/procore.md 11)."""
    return {name: value for name, value in row.items() if name != "currency_configuration"}


def _given_lines(call: Call, row: Row) -> list[dict[str, Any]]:
    lines = row.get("line_items") or []
    if len(lines) > call.switches.direct_cost_line_limit:
        text = f"at most {call.switches.direct_cost_line_limit} line items in one call"
        raise call.refuse(400, text, "line_items")
    return list(lines)


def _refs(cost: DirectCost, lines: list[dict[str, Any]], before: set[int]) -> dict[int, Any]:
    """What the request called each line: named ones by id, new ones in order."""
    new = iter(sorted(set(cost.lines) - before))
    return {row["id"] if row.get("id") is not None else next(new): row.get("ref") for row in lines}


def _create_v11(call: Call) -> Answer:
    row = call.part("direct_cost")
    lines = [{k: v for k, v in line.items() if k != "id"} for line in _given_lines(call, row)]
    costs, origin = _costs(call), row.get("origin_id")
    with _refusing(call):
        if call.state.taken(KIND, origin):
            raise RowRefused({"origin_id": [TAKEN]})
        made = costs.make(row, lines)
    call.state.claim(KIND, origin, made.id)
    return Answer(201, _shapes(call).whole(made, _refs(made, lines, set())), changed=True)


def _update_v11(call: Call) -> Answer:
    cost, row = pick(call, call.project.direct_costs), call.part("direct_cost")
    lines, before = _given_lines(call, row), set(cost.lines)
    header = {k: v for k, v in row.items() if k != "invoice_number"}

    def work(costs: DirectCosts) -> None:
        """Header and lines together, so that a bad line leaves the header alone."""
        write(call, replace(_target(call), update=lambda c, r: costs.change(c, r, lines)), cost, header)

    _writing(call, cost, work)
    return Answer(200, _shapes(call).whole(cost, _refs(cost, lines, before)), changed=True)


def _delete(call: Call) -> Answer:
    cost = pick(call, call.project.direct_costs)
    _writing(call, cost, lambda costs: costs.remove(cost))
    return Answer(200, {"id": cost.id}, changed=True)


def _begin_named(call: Call, costs: DirectCosts, named: set[int]) -> None:
    with _refusing(call):
        for cost_id in sorted(named):
            costs.begin(call.project.direct_costs[cost_id])


def _sync(call: Call) -> Answer:
    table, origins = call.project.direct_costs, call.state.origins[KIND]
    rows = [row for row in call.rows("updates") if isinstance(row, dict)]
    costs = _costs(call)
    _begin_named(call, costs, _named(rows, table, origins))
    return sync(
        call,
        replace(
            _target(call),
            create=lambda row: costs.make(_with_currency(row)),
            update=lambda cost, row: costs.change(cost, _with_currency(row)),
        ),
    )


def _with_currency(row: Row) -> dict[str, Any]:
    """A sync row, whose currency is flat, as the v1.1 writes have it."""
    return {**row, "currency_configuration": {name: row.get(name) for name in _CURRENCY}}


def _named(rows: list[dict[str, Any]], table: Mapping[int, Any], origins: Mapping[str, int]) -> set[int]:
    """Ids of the existing records that sync rows are about, by id or origin id."""
    given = {i for row in rows for i in (row.get("id"), origins.get(str(row.get("origin_id")))) if isinstance(i, int)}
    return given & table.keys()


# -- lines of v1.0 ----------------------------------------------------------------------------------------------------


def _cost(call: Call) -> DirectCost:
    return pick(call, call.project.direct_costs, "direct_cost_id")


def _by_code(call: Call, rows: list[Line]) -> list[Line]:
    for name, key in (("cost_code_id", "cost_code"), ("line_item_type_id", "cost_type")):
        wanted = set(values(call, f"filters[{name}]"))
        if wanted:
            rows = [r for r in rows if r.wbs and str(getattr(call.project.wbs[r.wbs], key)) in wanted]
    return rows


def _lines(call: Call) -> Answer:
    cost, shapes = _cost(call), _shapes(call)
    return listed(call, _by_code(call, list(cost.lines.values())), lambda line: shapes.line(cost, line))


def _all_lines(call: Call) -> Answer:
    costs, shapes = call.project.direct_costs, _shapes(call)
    rows = _by_code(call, [line for cost in costs.values() for line in cost.lines.values()])
    rows = by_field(call, rows, "direct_cost_id", lambda line: line.contract_id)
    return listed(call, rows, lambda line: shapes.of_project(costs[line.contract_id], line))


def _show_line(call: Call) -> Answer:
    cost = _cost(call)
    return Answer(200, _shapes(call).line(cost, pick(call, cost.lines)))


def _create_line(call: Call) -> Answer:
    cost, row = _cost(call), call.part("line_item")
    made = _writing(call, cost, lambda costs: costs.write_lines(cost, [row | {"id": None}]))[0]
    return Answer(201, _shapes(call).line(cost, made), changed=True)


def _update_line(call: Call) -> Answer:
    cost, row = _cost(call), call.part("line_item")
    line = pick(call, cost.lines)
    _writing(call, cost, lambda costs: costs.write_lines(cost, [row | {"id": line.id}]))
    return Answer(200, _shapes(call).line(cost, line), changed=True)


def _delete_line(call: Call) -> Answer:
    cost = _cost(call)
    line = pick(call, cost.lines)
    _writing(call, cost, lambda costs: costs.remove_line(cost, line))
    return Answer(200, changed=True)


def _sync_lines(call: Call) -> Answer:
    costs, shapes = _costs(call), _shapes(call)
    table = {line.id: line for cost in call.project.direct_costs.values() for line in cost.lines.values()}
    origins = call.state.origins[LINE_KIND]
    rows = [row for row in call.rows("updates") if isinstance(row, dict)]
    named = {table[i].contract_id for i in _named(rows, table, origins)}
    given = {row["direct_cost_id"] for row in rows if isinstance(row.get("direct_cost_id"), int)}
    named |= given & call.project.direct_costs.keys()
    _begin_named(call, costs, named)

    def make(row: Row) -> Line:
        """A new line; the row must name its direct cost."""
        cost = call.project.direct_costs.get(row.get("direct_cost_id") or 0)
        if cost is None:
            raise RowRefused({"direct_cost_id": [NO_SUCH_ID]})
        line = costs.write_lines(cost, [{**row, "id": None}])[0]
        table[line.id] = line
        return line

    def change(line: Line, row: Row) -> None:
        """A line stays with its direct cost."""
        costs.write_lines(call.project.direct_costs[line.contract_id], [{**row, "id": line.id}])

    def shown(line: Line) -> Any:
        """The line in answer shape."""
        return shapes.line(call.project.direct_costs[line.contract_id], line)

    return sync(call, Target(LINE_KIND, table, make, change, shown))


ROUTES: tuple[Route, ...] = routes(
    _TOOL,
    ("GET", V10, _list),
    ("POST", V10, _create_v10, "attachments are accepted and not kept"),
    ("PATCH", f"{V10}/sync", _sync, "passes the lock of a synced direct cost"),
    ("GET", f"{V10}/line_items", _all_lines, "sub_job_id is null"),
    ("PATCH", f"{V10}/line_items/sync", _sync_lines, "passes the lock of a synced direct cost"),
    ("GET", f"{V10}/{{id}}", _show_v10),
    ("PATCH", f"{V10}/{{id}}", _update_v10),
    ("DELETE", f"{V10}/{{id}}", _delete),
    ("GET", _LINES, _lines),
    ("POST", _LINES, _create_line),
    ("GET", f"{_LINES}/{{id}}", _show_line),
    ("PATCH", f"{_LINES}/{{id}}", _update_line),
    ("DELETE", f"{_LINES}/{{id}}", _delete_line, "answers 200 with an empty body"),
    ("GET", V11, _list),
    ("POST", V11, _create_v11, "employees are not modelled"),
    ("GET", f"{V11}/{{id}}", _show_v11),
    ("PATCH", f"{V11}/{{id}}", _update_v11),
    ("DELETE", f"{V11}/{{id}}", _delete),
)
