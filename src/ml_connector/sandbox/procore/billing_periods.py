"""Billing periods of a project: spans that do not overlap, one of them open (facts/procore.md 9)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.paging import by_field, listed, pick
from ml_connector.sandbox.procore.state import BillingPeriod, Project, State, day, merge
from ml_connector.sandbox.procore.sync import Row, RowRefused

_PATH = "/rest/v1.0/projects/{project_id}/billing_periods"
_NAMES = ("start_date", "end_date", "due_date")


def make(state: State, project: Project, row: Row) -> BillingPeriod:
    """A new period. Raises RowRefused for bad dates, an overlap, or a second open period."""
    values = _checked(project, row, None)
    made = BillingPeriod(state.new_id(), values, *state.birth())
    made.project_id = project.id
    made.position = max((p.position for p in project.periods.values()), default=0) + 1
    project.periods[made.id] = made
    return made


def change(state: State, project: Project, period: BillingPeriod, row: Row) -> None:
    """Writes a row over a period; the same rules hold."""
    merge(state, period, _checked(project, row, period))


def open_month(state: State, project: Project) -> BillingPeriod:
    """The present month as an open period, due ten days after its end, as a company starts with."""
    first = state.clock().date().replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    days = {"start_date": first, "end_date": last, "due_date": last + timedelta(days=10)}
    return make(state, project, {name: value.isoformat() for name, value in days.items()} | {"status": "open"})


def named_or_open(project: Project, period_id: int | None) -> BillingPeriod | None:
    """The named period, or the open one when none is named; None when there is none."""
    if period_id is not None:
        return project.periods.get(period_id)
    return next((p for p in project.periods.values() if p.fields["status"] == "open"), None)


def _checked(project: Project, row: Row, own: BillingPeriod | None) -> dict[str, Any]:
    values = {name: day(row.get(name)) for name in _NAMES}
    wrong = [name for name, value in values.items() if value is None]
    if wrong:
        raise RowRefused({name: ["is not a date"] for name in wrong})
    status = row.get("status")
    if status not in ("open", "closed"):
        raise RowRefused({"status": ["is not included in the list"]})
    start, end = date.fromisoformat(str(values["start_date"])), date.fromisoformat(str(values["end_date"]))
    if end < start:
        raise RowRefused({"end_date": ["is before start_date"]})
    for other in project.periods.values():
        if other is own:
            continue
        if other.fields["start_date"] <= end.isoformat() and start.isoformat() <= other.fields["end_date"]:
            raise RowRefused({"start_date": ["overlaps another billing period"]})
        if status == "open" and other.fields["status"] == "open":
            raise RowRefused({"status": ["another billing period is open"]})
    return {**values, "status": status}


def _shown(period: BillingPeriod) -> dict[str, Any]:
    stamps = {"created_at": period.created_at, "updated_at": period.updated_at}
    return {"id": period.id, "position": period.position, "project_id": period.project_id, **period.fields, **stamps}


def _list(call: Call) -> Answer:
    rows = by_field(call, list(call.project.periods.values()), "status", lambda p: p.fields["status"])
    return listed(call, rows, _shown)


def _show(call: Call) -> Answer:
    return Answer(200, _shown(pick(call, call.project.periods)))


def _create(call: Call) -> Answer:
    try:
        made = make(call.state, call.project, call.part("billing_period"))
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    return Answer(201, _shown(made), changed=True)


def _update(call: Call) -> Answer:
    period = pick(call, call.project.periods)
    try:
        change(call.state, call.project, period, call.part("billing_period"))
    except RowRefused as refused:
        raise call.refuse(422, refused.sentence, ",".join(refused.fields)) from None
    return Answer(200, _shown(period), changed=True)


def _delete(call: Call) -> Answer:
    period = pick(call, call.project.periods)
    if any(r.fields["period_id"] == period.id for r in call.project.requisitions.values()):
        raise call.refuse(422, "The billing period has invoices.", "id")
    del call.project.periods[period.id]
    return Answer(200, changed=True)


ROUTES: tuple[Route, ...] = routes(
    "commitments",
    ("GET", _PATH, _list),
    ("POST", _PATH, _create),
    ("GET", f"{_PATH}/{{id}}", _show),
    ("PATCH", f"{_PATH}/{{id}}", _update),
    ("DELETE", f"{_PATH}/{{id}}", _delete, "refused while an invoice is written in it"),
)
