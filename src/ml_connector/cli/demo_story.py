"""The main job told in eight chapters, every figure read from the two systems or from the run's own report."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ml_connector import desk
from ml_connector.app import App
from ml_connector.cli.demo_view import Contract, Line, View, by_site, sums
from ml_connector.cli.output import Output, shown
from ml_connector.cli.progress import Shown
from ml_connector.cli.telling import amount, money, tell_flows, tell_requests
from ml_connector.engine.lookup import report_form
from ml_connector.engine.work import Report
from ml_connector.kernel.text import counted
from ml_connector.planning.plan import HoldReason
from ml_connector.sandbox.cast import UNKNOWN_COST_CODE
from ml_connector.sandbox.running import RunningSandbox

NAME = "demo"
"""Name of the demo's connection."""

_SITES = 6
"""Job sites shown before the plan's money is only summed."""


class Story:
    """Tells the demo on `out` and keeps what it showed: `facts` for --json, `wrong` for claims that do not hold."""

    def __init__(self, app: App, sandbox: RunningSandbox, view: View, out: Output) -> None:
        self._app = app
        self._sandbox = sandbox
        self._view = view
        self._out = out
        self._chapter = 0
        self.facts: dict[str, Any] = {}
        self.wrong: list[str] = []

    def tell(self) -> None:
        """All chapters, in order."""
        self._two_systems()
        self._check()
        self._plan()
        self._first_sync()
        held = self._held()
        self._release(held)
        self._change()
        self._rest()
        self._audit()

    def _two_systems(self) -> None:
        self._open("Two systems")
        world = self._sandbox.admin("GET", "summary")
        contracts = self._view.contracts()
        self._out.line(f"{world['world']['company']}: one company in both, and nothing joined yet.")
        self._out.facts(
            [
                (
                    "IFS Cloud, simulated",
                    f"{self._sandbox.ifs_url}: {world['world']['orders']:,} purchase orders, "
                    f"{world['world']['lines']:,} lines, {world['ifs'].get('SupplierInfoGeneral', 0):,} suppliers",
                ),
                (
                    "Procore, simulated",
                    f"{self._sandbox.procore_url}: {counted(world['procore']['projects'], 'project')}, "
                    f"{counted(world['procore']['vendors'], 'vendor')}, {counted(len(contracts), 'purchase order')}",
                ),
            ]
        )
        self.facts["systems"] = {"ifs": self._sandbox.ifs_url, "procore": self._sandbox.procore_url, **world["world"]}

    def _check(self) -> None:
        self._open("Check: every right and name the connection needs")
        found = self._app.check(NAME)
        bad = [finding for _, finding in found if not finding.ok]
        for finding in bad:
            self._out.line(f"{finding.name}: {finding.sentence} {finding.remedy}", "red")
        self._claim(not bad, f"{len(found) - len(bad)} of {len(found)} checks pass.")
        self.facts["check"] = {"checks": len(found), "failed": len(bad)}

    def _plan(self) -> None:
        self._open("Plan: what would happen; nothing is written")
        self._listen()
        report = self._run("Planning", apply=False)
        tell_flows(self._out, report.flows)
        places: dict[tuple[str, str], Decimal] = {}
        for place in report.money_by_place:
            key = (place["project"], place["currency"])
            places[key] = places.get(key, Decimal(0)) + Decimal(place["planned"])
        rows = [(*key, amount(value)) for key, value in sorted(places.items())]
        self._out.line()
        self._out.table(("ifs project", "currency", "planned"), rows[:_SITES], right=("planned",))
        for currency, figures in report.money_by_flow["purchase_orders"].items():
            self._out.line(f"Planned in all: {amount(figures['planned'], currency)}", "bold")
        self._claim(self._heard() == 0, f"{counted(self._heard(), 'call')} changed anything in the two systems.")
        self.facts["plan"] = report_form(report)

    def _first_sync(self) -> None:
        self._open("Sync: the purchase orders arrive in Procore")
        before = self._view.contracts()
        report = self._run("Syncing")
        after = self._view.contracts()
        tell_flows(self._out, report.flows)
        self._out.line()
        ours = [one for one in after if one.ours]
        rows = [(site, number, currency, amount(total)) for site, currency, number, total in by_site(ours)]
        headers = ("job site in Procore", "contracts", "currency", "money")
        self._out.table(headers, rows, right=("contracts", "money"))
        arrived = _arrived(before, after)
        for currency, applied in _applied(report).items():
            self._claim(
                arrived.get(currency, Decimal(0)) == applied,
                f"Procore holds {amount(arrived.get(currency, Decimal(0)), currency)} more than before; "
                f"the run reports {amount(applied, currency)}.",
            )
        tell_requests(self._out, report.requests)
        self.facts["sync"] = report_form(report)
        self.facts["sites"] = [
            {"project": site, "currency": currency, "contracts": number, "money": str(total)}
            for site, currency, number, total in by_site(ours)
        ]

    def _held(self) -> list[dict[str, Any]]:
        held = desk.holds(self._app, NAME)
        self._open(f"Held: {counted(len(held), 'order')} cannot go yet")
        for hold in held:
            self._out.line(str(hold["sentence"]), "yellow")
            self._out.facts(
                [("money", money(hold["money"])), ("waits for", hold["waits_for"]), ("can act", hold["owner"])]
            )
        waiting = [hold for hold in held if hold["reason"] == HoldReason.CODE_MISSING.value]
        self._claim(bool(waiting), "The order whose code does not exist waits, with its reason, money and owner.")
        for hold in waiting:
            there = self._view.contract(hold["source"])
            self._claim(there is None, f"Procore has no contract {hold['source']}: not even half of it was sent.")
        self.facts["held"] = held
        return waiting

    def _release(self, held: list[dict[str, Any]]) -> None:
        self._open(f"The cost engineer creates {UNKNOWN_COST_CODE} in IFS")
        self._sandbox.act("ifs", "add_code_value", code_part="B", value=UNKNOWN_COST_CODE, description="Sheet piles")
        report = self._run("Syncing")
        still = {hold["hold"] for hold in desk.holds(self._app, NAME)}
        for hold in held:
            contract = self._view.contract(hold["source"])
            gone = hold["hold"] not in still and contract is not None
            arrived = f": {amount(contract.total, contract.currency)} in {contract.project}" if contract else ""
            self._claim(gone, f"Order {hold['source']} went by itself{arrived}.")
            if contract and hold["money"]:
                same = contract.total == Decimal(hold["money"]["amount"])
                self._claim(same, f"That is the amount that was held, {money(hold['money'])}.")
        tell_requests(self._out, report.requests)
        self.facts["released"] = report_form(report)

    def _change(self) -> None:
        line = self._a_line()
        self._open(f"A buyer changes one price in IFS: order {line.order_no}, line {line.line_no}")
        price = (line.price * Decimal("1.05")).quantize(Decimal("0.01"))
        before = self._view.contract(line.order_no)
        self._sandbox.act(
            "ifs",
            "amend_line",
            order_no=line.order_no,
            line_no=line.line_no,
            release_no=line.release_no,
            price=str(price),
        )
        new = next(one for one in self._view.lines(line.order_no) if one.line_no == line.line_no)
        self._out.line(
            f"{line.description}: {line.quantity:,} at {line.price:,}, now at {new.price:,}; "
            f"IFS says {amount(line.amount, line.currency)}, now {amount(new.amount, line.currency)}."
        )
        report = self._run("Syncing")
        after = self._view.contract(line.order_no)
        changed = {flow: tally.updated for flow, tally in report.flows.items() if tally.updated}
        self._claim(sum(changed.values()) == 1, f"The run reports one change: {shown(changed)}.")
        moved = after.total - before.total if before and after else None
        self._claim(
            moved == new.amount - line.amount,
            f"The contract in Procore moved by {amount(moved, line.currency)}, as the line in IFS did.",
        )
        tell_requests(self._out, report.requests)
        self.facts["changed"] = report_form(report)

    def _rest(self) -> None:
        self._open("Sync again: nothing has changed, so nothing is sent")
        self._listen()
        report = self._run("Syncing")
        tell_requests(self._out, report.requests)
        sent = sum(side["write"] for side in report.requests.values())
        self._claim(sent == 0, f"{counted(sent, 'write')} in the run's report.")
        self._claim(self._heard() == 0, f"{counted(self._heard(), 'call')} changed anything in the two systems.")
        self.facts["rest"] = report_form(report)

    def _audit(self) -> None:
        self._open("Audit: every step is in a chain that cannot be changed unseen")
        [chain] = desk.audit_chains(self._app, NAME)
        for fault in chain["faults"]:
            self._out.line(str(fault), "red")
        self._claim(
            not chain["faults"], f"{counted(chain['rows'], 'row')} verified; the chain ends at {chain['head']}."
        )
        self.facts["audit"] = chain

    def _a_line(self) -> Line:
        """A line bought by quantity: the first one of the first orders that became contracts of ours."""
        numbers = sorted(one.number for one in self._view.contracts() if one.ours)
        lines = (line for number in numbers for line in self._view.lines(number))
        return next(line for line in lines if line.quantity > 1)

    def _run(self, title: str, *, apply: bool = True) -> Report:
        with Shown(sys.stderr, title) as self._app.progress:
            return self._app.sync(NAME) if apply else self._app.plan(NAME)

    def _listen(self) -> None:
        """From now on the two systems count anew."""
        self._sandbox.admin("DELETE", "log")

    def _heard(self) -> int:
        """Writes since then that altered something: a batch of reads is a POST as well, and alters nothing."""
        return sum(call["write"] and call["changed"] for call in self._sandbox.admin("GET", "log")["exchanges"])

    def _open(self, title: str) -> None:
        self._chapter += 1
        self._out.heading(f"{self._chapter}. {title}")

    def _claim(self, holds: bool, text: str) -> None:
        """Says something that was just computed, and whether it is so."""
        self._out.line(f"{'yes' if holds else 'NO '}  {text}", "green" if holds else "bold red")
        if not holds:
            self.wrong.append(text)


def _arrived(before: list[Contract], after: list[Contract]) -> Mapping[str, Decimal]:
    """By how much the contracts of each currency grew."""
    first, last = sums(before), sums(after)
    return {currency: last[currency] - first.get(currency, Decimal(0)) for currency in last}


def _applied(report: Report) -> dict[str, Decimal]:
    return {currency: Decimal(figures["applied"]) for currency, figures in report.money_by_flow["purchase_orders"].items()}
