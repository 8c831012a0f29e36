"""The command that answers "is everything all right?"."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from socket import gethostname
from typing import Annotated, Any

import typer

from ml_connector.cli.output import Output
from ml_connector.cli.running import MaybeName
from ml_connector.cli.session import session_of
from ml_connector.cli.telling import amount
from ml_connector.cli.trouble import FOUND_WRONG
from ml_connector.service.status import status
from ml_connector.views.home import Card, ExposureNow, home
from ml_connector.views.verdict import FAILED, GOOD, NONE

Here = Annotated[bool, typer.Option("--here", help="Fail unless a process of this host is at work: for health checks.")]
_ALIVE = timedelta(seconds=30)
"""A process that has been silent for longer is not counted."""
_STYLES = {FAILED: "bold red", GOOD: "green", NONE: ""}
"""Tone of what is said of a connection to how it looks; the others say that a person should look."""


def show(ctx: typer.Context, name: MaybeName = "", here: Here = False) -> None:
    """Show how everything stands: freshness, held money, both systems, processes, queue, and what a person must do."""
    session = session_of(ctx)
    with session.app() as app:
        found = status(app, name or None)
        cards = {card.name: card for card in home(app, name).cards}
    judged = [(one, cards.get(one["connection"])) for one in found["connections"]]
    found["connections"] = [_judged(one, card) for one, card in judged if card]
    session.out.answer(found, lambda out: _tell(out, found))
    if here and not any(w["host"] == gethostname() and found["at"] - w["seen"] < _ALIVE for w in found["workers"]):
        raise typer.Exit(FOUND_WRONG)


def _judged(one: dict[str, Any], card: Card) -> dict[str, Any]:
    """What is known of a connection, with what Home says of it: the same sentence, the exposure, the money."""
    said = card.verdict
    lost = card.unknown
    return {
        **one,
        "state": said.word,
        "tone": said.tone,
        "why": said.sentence,
        "exposure": _exposure(card.exposure),
        "unknown_outcomes": lost.number if lost else 0,
        "unknown_money": lost.money if lost else {},
    }


def _exposure(now: ExposureNow | None) -> dict[str, Any] | None:
    """The figure that must read 0, as it was last computed; None before it ever was."""
    if now is None:
        return None
    figures = {name: now.figures[name] for name in ("exposure", "missing")}
    return {"at": now.at, "reads": now.word, **figures, "old": now.old}


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
    out.line(f"{one['state'].capitalize()}: {one['why']}", _STYLES.get(one["tone"], "yellow"))
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
        ("exposure", _told(one["exposure"])),
        ("outcomes unknown", _with(one["unknown_outcomes"], one["unknown_money"])),
        ("events waiting", one["events_waiting"]),
        ("plans waiting", ", ".join(one["plans_waiting"])),
        ("webhooks", ", ".join(f"{number} {state}" for state, number in one["webhooks"].items())),
        ("requests left", ", ".join(f"{w['left']:,} of {w['of']:,} ({w['window']})" for w in one["requests_left"])),
    ]
    out.facts((what, value) for what, value in facts if value)


def _told(exposure: dict[str, Any] | None) -> str:
    if exposure is None:
        return "not computed yet"
    off = [
        f"{_sums(exposure[name])} {what}"
        for name, what in (("exposure", "counted twice"), ("missing", "missing"))
        if any(Decimal(figure) for figure in exposure[name].values())
    ]
    age = ", too long ago to say anything of today" if exposure["old"] else ""
    return f"{', '.join(off) or '0'}; computed {exposure['at']:%Y-%m-%d %H:%M} UTC{age}"


def _with(number: int, money: dict[str, str]) -> str:
    return (f"{number:,}, {_sums(money)}" if money else f"{number:,}") if number else ""


def _sums(money: dict[str, str]) -> str:
    return " and ".join(amount(figure, currency) for currency, figure in money.items() if Decimal(figure))
