"""What happened after the month, up to this morning, and what was left open for whoever opens the console."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ml_connector import desk
from ml_connector.cli.demo_teller import NAME
from ml_connector.cli.month_case import Case
from ml_connector.cli.month_desk import MonthDesk
from ml_connector.cli.month_office import number_of
from ml_connector.cli.month_records import Order, OrderLine
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.text import counted
from ml_connector.sandbox.running import SandboxFailed

_BACK = 27
"""Days before today from which on something happens, so that the last thirty days are not empty."""
_STEP = 3
"""Days from one working day that is told to the next."""
_NEW_CODE = "31-660"
"""A cost code that a buyer uses before anybody has created it."""
_DELIVERY = timedelta(weeks=3)
"""How long after the day of an order its goods are wanted."""
_LIMIT = "250000"
"""Money of new records above which a run of the demo stops for a person."""
_SITES = ("1201", "1203")
"""Job sites on which it is used."""
_MORE = """
[[mapping.cost_type.row]]
A = "1410"
to = "M"
"""
"""A row somebody added to the mapping: stock counts as material, too."""
_SUPPLIER, _KNOWN = "S1001", "HOLLIS AND WEBB CONCRETE INCORPORATED"
"""A supplier, and what Procore's people call it: both names are changed at once."""


def days_since(last: date, today: date) -> list[date]:
    """Working days after `last` and before today on which something happens, all of them in the last weeks."""
    first = max(last + timedelta(days=2), today - timedelta(days=_BACK))
    days = (first + timedelta(days=n) for n in range(0, max(0, (today - first).days), _STEP))
    return [day + timedelta(days=2) if day.weekday() == 5 else day for day in days if day.weekday() != 6]


def weeks_since(told: MonthDesk, case: Case, now: datetime) -> None:
    """Ordinary days from the end of the month until now: invoices on both sides, a sync a day."""
    days = [day for day in days_since(told.clock().date(), now.date()) if day < now.date()]
    if not days:
        return
    told.open(f"Since then: {counted(len(days), 'ordinary day')}")
    for day in days:
        told.clock.go_to(day)
        with suppress(ConnectorError):  # a world that has run out of orders has quiet days
            for order in case.pool.take("ifs", day, 1)[:3]:
                told.office.receive(order)
                told.office.bill(order)
        with suppress(ConnectorError):
            for order in case.pool.take("procore", day, 1)[:2]:
                _claim(told, order, day)
        told.clock.pass_by()
        report = told.run("Syncing")
        moved = sum(tally.created + tally.updated for tally in report.flows.values())
        told.out.line(f"  {day:%a} {day.day} {day:%B}: {counted(moved, 'record')} moved")


def _claim(told: MonthDesk, order: Order, day: date) -> None:
    """A project manager approves progress; where the month was closed, the next one is opened first."""
    try:
        told.office.claim_progress(order, "0.4")
    except SandboxFailed:
        first = day.replace(day=1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        number = number_of(min(order.projects))
        told.office.procore("open_billing_period", number=number, start=first.isoformat(), end=last.isoformat())
        told.office.claim_progress(order, "0.4")


def leave_questions(told: MonthDesk, case: Case, now: datetime) -> None:
    """This morning: a question, a conflict, and something that is held for a missing code."""
    told.open("This morning: what waits for a person")
    ahead = (now - timedelta(hours=2) - told.clock()).total_seconds()
    if ahead > 0:
        told.clock.pass_by(ahead)
    office = told.office
    office.procore("send_back_requisition", id=list(case.progress)[1])
    piles = (("18", "412.50", "Sheet pile driving"), ("40", "388.00", "Sheet piles, left in place"))
    for number, (site, what) in enumerate(zip(_SITES, piles, strict=True)):
        like = _open_order(case, site)
        _order(told, like, f"P90001{number}", [_line(like.lines[0], "1", what, B=_NEW_CODE)])
    told.app.import_mapping(NAME, told.app.export_mapping(NAME) + _MORE)
    office.ifs("rename_supplier", supplier_id=_SUPPLIER, name="Hollis & Webb Concrete Group, Inc.")
    office.procore("rename_vendor", name=_KNOWN, to="Hollis Webb Concrete (Moline)")
    told.clock.pass_by()
    told.run("Syncing")
    for hold in desk.holds(told.app, NAME):
        told.out.line(f"  {hold['sentence']}", "yellow")


def leave_plan(told: MonthDesk, case: Case) -> None:
    """A large order, and a brake: a plan that waits for approval."""
    like = _open_order(case, _SITES[0])
    line = like.lines[0]
    lines = [
        _line(line, "1", ("24", "14200.00", "Crane rail, 60 kg per metre")),
        _line(line, "2", ("6", "3850.00", "Rail clips and pads, by the lot")),
    ]
    _order(told, like, "P900020", lines)
    told.app.edit_connection(NAME, {"policy": {"brakes": {"money_creates": _LIMIT}}})
    with suppress(ConnectorError):  # it stops for a person, which is what is wanted
        told.run("Syncing")


def _order(told: MonthDesk, like: Order, number: str, lines: list[dict[str, Any]]) -> None:
    """A buyer makes an order like one that is there, with lines of their own, by the day of the tenant's own clock."""
    zone = ZoneInfo(told.app.connection(NAME).config["connection"]["time_zone"])
    day = told.clock().astimezone(zone).date()
    told.sandbox.act("ifs", "create_order", order_no=number, supplier_id=like.supplier, site=like.site, buyer="MHALE",
                     state="Released", order_date=day.isoformat(), wanted=(day + _DELIVERY).isoformat(),
                     lines=lines)  # fmt: skip


def _open_order(case: Case, site: str) -> Order:
    return next(order for order in case.orders.values() if order.projects == {site} and order.state == "Released")


def _line(like: OrderLine, number: str, what: tuple[str, str, str], **codes: str) -> dict[str, Any]:
    """A line of a new order on the project, activity and codes of another; `what`: quantity, price, description."""
    quantity, price, text = what
    return {
        "line_no": number, "quantity": quantity, "price": price, "description": text, "project_id": like.project,
        "activity_seq": int(like.activity), "codes": {**like.codes, **codes}, "state": "Released",
    }  # fmt: skip
