"""The command that answers "is everything all right?"."""

from __future__ import annotations

from datetime import timedelta
from socket import gethostname
from typing import Annotated, Any

import typer

from ml_connector.cli.output import Output
from ml_connector.cli.running import MaybeName
from ml_connector.cli.session import session_of
from ml_connector.cli.telling import amount
from ml_connector.cli.trouble import FOUND_WRONG
from ml_connector.service.status import ASKS, BROKEN, PAUSED, status

Here = Annotated[bool, typer.Option("--here", help="Fail unless a process of this host is at work: for health checks.")]
_ALIVE = timedelta(seconds=30)
"""A process that has been silent for longer is not counted."""
_STYLES = {PAUSED: "yellow", BROKEN: "bold red", ASKS: "yellow"}


def show(ctx: typer.Context, name: MaybeName = "", here: Here = False) -> None:
    """Show how everything stands: freshness, held money, both systems, processes, queue, and what a person must do."""
    session = session_of(ctx)
    with session.app() as app:
        found = status(app, name or None)
    session.out.answer(found, lambda out: _tell(out, found))
    if here and not any(w["host"] == gethostname() and found["at"] - w["seen"] < _ALIVE for w in found["workers"]):
        raise typer.Exit(FOUND_WRONG)


def _tell(out: Output, found: dict[str, Any]) -> None:
    if not found["connections"]:
        out.line("There is no connection yet. Next: ml-connector connection add NAME --from FILE")
    for one in found["connections"]:
        _connection(out, one)
    out.heading("Processes")
    rows = [
        (w["worker"], w["kind"], w["since"], w["seen"], "leaving" if w["stopping"] else "") for w in found["workers"]
    ]
    out.table(("process", "kind", "since", "seen", ""), rows, empty="None. Next: ml-connector serve")
    if found["jobs"]:
        jobs = [(job["task"], job["state"], job["number"]) for job in found["jobs"]]
        out.table(("job", "state", "number"), jobs, right=("number",))
    out.heading("What a person must do")
    for alert in found["alerts"]:
        style = "bold red" if alert["severity"] == "urgent" else "yellow"
        out.line(f"{alert['severity']}: {alert['sentence']} {alert['remedy']}", style)
    if not found["alerts"]:
        out.line("Nothing.", "green")


def _connection(out: Output, one: dict[str, Any]) -> None:
    out.heading(one["connection"])
    out.line(f"{one['state']}{': ' if one['why'] else ''}{one['why']}", _STYLES.get(one["state"], "green"))
    rows = [(f["flow"], f["fresh"], f["as_of"], f["next"], f["failures"] or "", f["why"]) for f in one["flows"]]
    headers = ("flow", "fresh", "as of", "next", "failures", "")
    out.table(headers, rows, right=("failures",), empty="Nothing is scheduled.")
    held = [
        (
            h["number"],
            h["reason"],
            amount(h["money"]["amount"], h["money"]["currency"]) if h["money"] else "",
            h["owner"],
        )
        for h in one["held"]
    ]
    if held:
        out.table(("held", "reason", "money", "owner"), held, right=("held", "money"))
    facts = [
        ("outcomes unknown", one["unknown_outcomes"]),
        ("events waiting", one["events_waiting"]),
        ("plans waiting", ", ".join(one["plans_waiting"])),
        ("webhooks", ", ".join(f"{number} {state}" for state, number in one["webhooks"].items())),
        ("requests left", ", ".join(f"{w['left']:,} of {w['of']:,} ({w['window']})" for w in one["requests_left"])),
    ]
    out.facts((what, value) for what, value in facts if value)
