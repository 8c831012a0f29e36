"""What every demo story does: opens chapters, says claims and whether they hold, runs the product, keeps the facts."""

from __future__ import annotations

import sys
from typing import Any

from ml_connector import desk
from ml_connector.app import App
from ml_connector.cli.output import Output
from ml_connector.cli.progress import Shown
from ml_connector.cli.telling import tell_requests
from ml_connector.engine.lookup import report_form
from ml_connector.engine.work import Report
from ml_connector.kernel.text import counted
from ml_connector.sandbox.running import RunningSandbox

NAME = "demo"
"""Name of the demo's connection."""


class Teller:
    """Tells on `out` and keeps what it showed: `facts` for --json, `wrong` for claims that do not hold."""

    def __init__(self, app: App, sandbox: RunningSandbox, out: Output) -> None:
        self.app = app
        self.sandbox = sandbox
        self.out = out
        self._chapter = 0
        self.facts: dict[str, Any] = {}
        self.wrong: list[str] = []

    def open(self, title: str) -> None:
        """Begins a chapter."""
        self._chapter += 1
        self.out.heading(f"{self._chapter}. {title}")

    def claim(self, holds: bool, text: str) -> None:
        """Says something that was just computed, and whether it is so."""
        self.out.line(f"{'yes' if holds else 'NO '}  {text}", "green" if holds else "bold red")
        if not holds:
            self.wrong.append(text)

    def run(self, title: str, *, apply: bool = True) -> Report:
        """A sync of the demo's connection, or only its plan."""
        with Shown(sys.stderr, title) as self.app.progress:
            return self.app.sync(NAME) if apply else self.app.plan(NAME)

    def listen(self) -> None:
        """From now on the two systems count anew."""
        self.sandbox.admin("DELETE", "log")

    def heard(self) -> int:
        """Writes since then that altered something: a batch of reads is a POST as well, and alters nothing."""
        return sum(call["write"] and call["changed"] for call in self.sandbox.admin("GET", "log")["exchanges"])

    def rest(self) -> None:
        """A chapter in which a sync sends nothing."""
        self.open("Sync again: nothing has changed, so nothing is sent")
        self.listen()
        report = self.run("Syncing")
        tell_requests(self.out, report.requests)
        sent = sum(side["write"] for side in report.requests.values())
        self.claim(sent == 0, f"{counted(sent, 'write')} in the run's report.")
        self.claim(self.heard() == 0, f"{counted(self.heard(), 'call')} changed anything in the two systems.")
        self.facts["rest"] = report_form(report)

    def audit(self) -> None:
        """A chapter in which the audit chain verifies."""
        self.open("Audit: every step is in a chain that cannot be changed unseen")
        [chain] = desk.audit_chains(self.app, NAME)
        for fault in chain["faults"]:
            self.out.line(str(fault), "red")
        self.claim(not chain["faults"], f"{counted(chain['rows'], 'row')} verified; the chain ends at {chain['head']}.")
        self.facts["audit"] = chain
