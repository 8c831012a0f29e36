"""One run as people read it on a terminal: how far it is, what it came to, what was left alone."""

from __future__ import annotations

from typing import Any

import msgspec

from ml_connector.cli.output import Output
from ml_connector.cli.telling import amount
from ml_connector.views.listing import Listing
from ml_connector.views.runs import FlowTotals, RunPage

_FATES = ("out", "held", "refused", "unknown", "left", "skipped", "gone", "unchanged", "off")
_MONEY = ("out", "held", "refused", "unknown", "left", "off")


def tell_run(out: Output, page: RunPage) -> None:
    """What a run page has besides its counts: progress, pauses, control totals, and what was left alone."""
    if page.state == "running":
        step = f": {page.step}" if page.step else ""
        out.line(f"It {page.phase or 'runs'}{step} {_of(page)}".rstrip(), "cyan")
    if page.lost:
        out.line("Its process is gone: the next run reads back what it had sent, and closes it.", "red")
    pauses = [(side.title, side.pauses) for side in page.sides if side.pauses]
    out.facts((f"{title} asked to wait", told) for title, told in pauses)
    if page.totals:
        _tell_totals(out, page)
    if page.skips:
        out.heading("Left alone")
        rows = [(one.flow, one.number, one.sentence, one.records) for one in page.skips]
        out.table(("flow", "number", "why", "such as"), rows, right=("number",))


def tell_documents(out: Output, found: Listing) -> None:
    """A page of a run's documents, and what became of each."""
    rows = [
        (
            one["document"]["text"] if isinstance(one["document"], dict) else one["document"],
            one["fate"]["word"].lower(),
            amount(one["money"]["amount"], one["money"]["currency"]) if one["money"] else "",
            one["why"],
        )
        for one in found.rows
    ]
    out.table(("document", "became", "money", "why"), rows, right=("money",), empty="No document of that kind is kept.")
    if found.more:
        out.line("There are more: ask for the next page with --page.")


def run_form(page: RunPage) -> dict[str, Any]:
    """The same as `--json` has it, besides what a list of runs has."""
    money = ("planned", "applied", "recoded", "recoded_applied")
    kept = ("phase", "step", "done", "of", *money, "sides", "totals", "balanced", "skips", "job", "lost")
    return {name: msgspec.to_builtins(getattr(page, name)) for name in kept}


def _of(page: RunPage) -> str:
    return f"{page.done:,} of {page.of:,}" if page.of else f"{page.done:,}" if page.done else ""


def _tell_totals(out: Output, page: RunPage) -> None:
    out.heading("Control totals")
    told = [one for one in page.totals if one.came]
    rows = [(one.flow, one.came, *(getattr(one, fate) for fate in _FATES)) for one in told]
    out.table(("flow", "in", *_FATES), rows, right=("in", *_FATES), empty="Nothing came in.")
    money = [
        (one.flow, m.currency, amount(m.came), *(amount(getattr(m, fate)) for fate in _MONEY))
        for one in told
        for m in one.money
    ]
    if money:
        out.table(("flow", "currency", "in", *_MONEY), money, right=("in", *_MONEY))
    if page.balanced:
        out.line("They balance: all that came in is accounted for.", "green")
        return
    out.line("They do NOT balance: something that came in is not accounted for.", "bold red")
    for one in page.totals:
        if one.examples:
            out.line(f"{one.flow}: {_named(one)}", "red")


def _named(one: FlowTotals) -> str:
    return ", ".join(one.examples)
