"""Computes the figure that must read 0, project by project: in the night, and whenever a person asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.kernel.errors import ConnectorError, Unavailable
from ml_connector.service import breaking
from ml_connector.service.duty import Duty
from ml_connector.service.stepping import Step
from ml_connector.service.timetable import timetable_of
from ml_connector.store import alerts
from ml_connector.store.alerts import URGENT, Alert


class _Reached(msgspec.Struct):
    """Where a look was cut: the project it goes on with, and what was found until then."""

    project: str
    found: list[dict[str, Any]]


def look(duty: Duty, at: str) -> Iterator[Step]:
    """Compares what Procore shows in every linked project with what was placed there, and keeps the answer.

    An alarm stands as long as the figure is not 0.
    """
    row = duty.connection
    assert row is not None
    shut = breaking.standing(duty.app, row)
    if shut:
        raise Unavailable(shut)  # it is not called for now; tried again like whatever has to wait
    paused = timetable_of(duty.app, row, duty.app.clock()).paused("")
    if paused:  # neither side is asked anything then
        yield Step("", f"no exposure: paused by {paused.actor}")
        return
    actor = str(duty.args.get("actor") or duty.app.actor)
    whole = duty.app.acting_as(actor).exposing(row.name)
    reached = msgspec.json.decode(at, type=_Reached) if at else _Reached("", [])
    parts = whole.parts()
    found = reached.found
    for part in parts[parts.index(reached.project) if reached.project in parts else 0 :]:
        try:
            found.append(whole.take(part))
        except ConnectorError as error:
            breaking.trip(duty.app, row, error)
            raise
        if part != parts[-1]:
            after = _Reached(parts[parts.index(part) + 1], found)
            yield Step(msgspec.json.encode(after).decode(), "")
    yield Step("", _told(duty, whole.kept(found)))


def _told(duty: Duty, answer: dict[str, Any]) -> str:
    """Raises or clears the alarm; what the figure is, in words, unless it is 0."""
    row, now = duty.connection, duty.app.clock()
    assert row is not None
    off = {currency: figure for currency, figure in answer["exposure"].items() if Decimal(figure)}
    with duty.app.db.begin() as conn:
        if not off:
            alerts.clear_alert(conn, row.id, "exposure/figure", now)
            return ""
        said = ", ".join(f"{Decimal(figure):,} {currency}" for currency, figure in off.items())
        sentence = f"{row.name}: {said} would be counted twice in Procore: {answer['findings'][0]['sentence']}"
        remedy = f"Run `ml-connector exposure {row.name}`: it names each record; take away the one too many in Procore."
        alerts.raise_alert(conn, row.id, Alert("exposure/figure", URGENT, sentence, remedy, "controller"), now)
    return f"the exposure reads {said}"
