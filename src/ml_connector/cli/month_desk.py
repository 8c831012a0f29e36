"""How the month is told: a sync with what it reports, both books before and after it, and sums as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ml_connector import desk
from ml_connector.app import App
from ml_connector.cli.demo_teller import NAME, Teller
from ml_connector.cli.month_office import MonthClock, Office
from ml_connector.cli.month_records import ZERO, Look
from ml_connector.cli.month_view import MonthView
from ml_connector.cli.output import Output
from ml_connector.cli.telling import COUNTS, money, tell_requests
from ml_connector.engine.lookup import report_form
from ml_connector.engine.work import Report
from ml_connector.kernel.money import Money
from ml_connector.sandbox.running import RunningSandbox

Sums = Mapping[str, Decimal]
"""Currency to amount."""


class MonthDesk(Teller):
    """Tells on `out`; looks at both books with a fresh sign-in each time, because tokens die while weeks go by."""

    def __init__(
        self, app: App, sandbox: RunningSandbox, clock: MonthClock, out: Output, file: Mapping[str, Any]
    ) -> None:
        """`file` is the connection file's table."""
        super().__init__(app, sandbox, out)
        self.clock = clock
        self._file = file
        self.office = Office(sandbox, clock)
        self.now = self.look()
        self._told: set[int] = set()
        """Holds that were told in full."""
        self.facts["syncs"] = []

    def view(self) -> MonthView:
        """Both systems, signed in afresh."""
        return MonthView(self._file)

    def look(self) -> Look:
        """Both books now."""
        return self.view().look()

    def day(self, day: date, title: str) -> None:
        """Begins a chapter on the morning of that day."""
        self.clock.go_to(day)
        self.open(f"{day:%a} {day.day} {day:%B}: {title}")

    def sync(self, what: str) -> Report:
        """One sync, with what it reports; `now` is both books after it."""
        self.clock.pass_by()
        report = self.run("Syncing")
        self.clock.pass_by()
        self.now = self.look()
        self.out.line(f"Sync {report.run}: {what}", "bold")
        self._tell_counts(report)
        self._tell_holds()
        tell_requests(self.out, report.requests)
        self.facts["syncs"].append({"run": report.run, "what": what, **report_form(report)})
        return report

    def _tell_counts(self, report: Report) -> None:
        """A row for each flow that did something, with its money."""
        moving = [name for name in COUNTS if name != "unchanged"]
        rows = []
        for flow, tally in report.flows.items():
            numbers = [getattr(tally, name) for name in moving]
            applied = {currency: Decimal(one["applied"]) for currency, one in report.money_by_flow[flow].items()}
            if any(numbers):
                rows.append((flow, *numbers, said(applied) if any(applied.values()) else ""))
        self.out.table(("flow", *moving, "money"), rows, right=(*moving, "money"), empty="Nothing to do.")

    def _tell_holds(self) -> None:
        """What is held since this sync in full, what was held before only in number."""
        held = {hold["hold"]: hold for hold in desk.holds(self.app, NAME)}
        for number in held.keys() - self._told:
            hold = held[number]
            facts = (money(hold["money"]), f"waits for {hold['waits_for']}", hold["owner"])
            self.out.line(f"  held: {hold['sentence']} ({', '.join(filter(None, facts))})", "yellow")
        before, gone = len(held.keys() & self._told), len(self._told - held.keys())
        if before or gone:
            self.out.line(f"  still held from before: {before}; gone by itself or answered: {gone}", "dim")
        self._told = set(held)

    def holds(self, reason: str, flow: str | None = None) -> list[dict[str, Any]]:
        """Open holds of a reason, oldest first."""
        return [hold for hold in desk.holds(self.app, NAME, flow) if hold["reason"] == reason]

    def same(self, ours: Sums, theirs: Sums, text: str) -> None:
        """Claims that two sums by currency are equal; `text` says which, and ends before the second."""
        self.claim(_plain(ours) == _plain(theirs), f"{text} {said(theirs)}.")


def summed(amounts: Iterable[tuple[str, Decimal]]) -> Sums:
    """Sums by currency of (currency, amount)."""
    found: dict[str, Decimal] = {}
    for currency, one in amounts:
        found[currency] = found.get(currency, ZERO) + one
    return found


def said(sums: Sums) -> str:
    """Sums as people read them: `80.00 EUR and 1,200.00 USD`."""
    return " and ".join(str(Money(one, currency)) for currency, one in sorted(sums.items()) if one) or "nothing"


def said_list(words: Iterable[str]) -> str:
    """Words one after the other; `none` when there are none."""
    return " and ".join(words) or "none"


def _plain(sums: Sums) -> dict[str, Decimal]:
    return {currency: one for currency, one in sums.items() if one}
