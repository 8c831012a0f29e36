"""The main job told in eight chapters, every figure read from the two systems or from the run's own report."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ml_connector import desk
from ml_connector.app import App
from ml_connector.cli.demo_teller import NAME, Teller
from ml_connector.cli.demo_view import Contract, Line, View, by_site, sums
from ml_connector.cli.output import Output, shown
from ml_connector.cli.telling import amount, money, tell_flows, tell_requests
from ml_connector.engine.lookup import report_form
from ml_connector.engine.work import Report
from ml_connector.kernel.text import counted
from ml_connector.planning.plan import HoldReason
from ml_connector.sandbox.cast import UNKNOWN_COST_CODE
from ml_connector.sandbox.running import RunningSandbox

_SITES = 6
"""Job sites shown before the plan's money is only summed."""


class Story(Teller):
    """Tells how purchase orders travel, from nothing joined to a sync that sends nothing."""

    def __init__(self, app: App, sandbox: RunningSandbox, view: View, out: Output) -> None:
        super().__init__(app, sandbox, out)
        self._view = view

    def tell(self) -> None:
        """All chapters, in order."""
        self._two_systems()
        self._check()
        self._plan()
        self._first_sync()
        held = self._held()
        self._release(held)
        self._change()
        self.rest()
        self.audit()

    def _two_systems(self) -> None:
        self.open("Two systems")
        world = self.sandbox.admin("GET", "summary")
        contracts = self._view.contracts()
        self.out.line(f"{world['world']['company']}: one company in both, and nothing joined yet.")
        self.out.facts(
            [
                (
                    "IFS Cloud, simulated",
                    f"{self.sandbox.ifs_url}: {world['world']['orders']:,} purchase orders, "
                    f"{world['world']['lines']:,} lines, {world['ifs'].get('SupplierInfoGeneral', 0):,} suppliers",
                ),
                (
                    "Procore, simulated",
                    f"{self.sandbox.procore_url}: {counted(world['procore']['projects'], 'project')}, "
                    f"{counted(world['procore']['vendors'], 'vendor')}, {counted(len(contracts), 'purchase order')}",
                ),
            ]
        )
        self.facts["systems"] = {"ifs": self.sandbox.ifs_url, "procore": self.sandbox.procore_url, **world["world"]}

    def _check(self) -> None:
        self.open("Check: every right and name the connection needs")
        found = self.app.check(NAME)
        bad = [finding for _, finding in found if not finding.ok]
        for finding in bad:
            self.out.line(f"{finding.name}: {finding.sentence} {finding.remedy}", "red")
        self.claim(not bad, f"{len(found) - len(bad)} of {len(found)} checks pass.")
        self.facts["check"] = {"checks": len(found), "failed": len(bad)}

    def _plan(self) -> None:
        self.open("Plan: what would happen; nothing is written")
        self.listen()
        report = self.run("Planning", apply=False)
        tell_flows(self.out, report.flows)
        places: dict[tuple[str, str], Decimal] = {}
        for place in report.money_by_place:
            key = (place["project"], place["currency"])
            places[key] = places.get(key, Decimal(0)) + Decimal(place["planned"])
        rows = [(*key, amount(value)) for key, value in sorted(places.items())]
        self.out.line()
        self.out.table(("ifs project", "currency", "planned"), rows[:_SITES], right=("planned",))
        for currency, figures in report.money_by_flow["purchase_orders"].items():
            self.out.line(f"Planned in all: {amount(figures['planned'], currency)}", "bold")
        self.claim(self.heard() == 0, f"{counted(self.heard(), 'call')} changed anything in the two systems.")
        self.facts["plan"] = report_form(report)

    def _first_sync(self) -> None:
        self.open("Sync: the purchase orders arrive in Procore")
        before = self._view.contracts()
        report = self.run("Syncing")
        after = self._view.contracts()
        tell_flows(self.out, report.flows)
        self.out.line()
        ours = [one for one in after if one.ours]
        rows = [(site, number, currency, amount(total)) for site, currency, number, total in by_site(ours)]
        headers = ("job site in Procore", "contracts", "currency", "money")
        self.out.table(headers, rows, right=("contracts", "money"))
        arrived = _arrived(before, after)
        for currency, applied in _applied(report).items():
            self.claim(
                arrived.get(currency, Decimal(0)) == applied,
                f"Procore holds {amount(arrived.get(currency, Decimal(0)), currency)} more than before; "
                f"the run reports {amount(applied, currency)}.",
            )
        tell_requests(self.out, report.requests)
        self.facts["sync"] = report_form(report)
        self.facts["sites"] = [
            {"project": site, "currency": currency, "contracts": number, "money": str(total)}
            for site, currency, number, total in by_site(ours)
        ]

    def _held(self) -> list[dict[str, Any]]:
        held = desk.holds(self.app, NAME)
        self.open(f"Held: {counted(len(held), 'order')} cannot go yet")
        for hold in held:
            self.out.line(str(hold["sentence"]), "yellow")
            self.out.facts(
                [("money", money(hold["money"])), ("waits for", hold["waits_for"]), ("can act", hold["owner"])]
            )
        waiting = [hold for hold in held if hold["reason"] == HoldReason.CODE_MISSING.value]
        self.claim(bool(waiting), "The order whose code does not exist waits, with its reason, money and owner.")
        for hold in waiting:
            there = self._view.contract(hold["source"])
            self.claim(there is None, f"Procore has no contract {hold['source']}: not even half of it was sent.")
        self.facts["held"] = held
        return waiting

    def _release(self, held: list[dict[str, Any]]) -> None:
        self.open(f"The cost engineer creates {UNKNOWN_COST_CODE} in IFS")
        self.sandbox.act("ifs", "add_code_value", code_part="B", value=UNKNOWN_COST_CODE, description="Sheet piles")
        report = self.run("Syncing")
        still = {hold["hold"] for hold in desk.holds(self.app, NAME)}
        for hold in held:
            contract = self._view.contract(hold["source"])
            gone = hold["hold"] not in still and contract is not None
            arrived = f": {amount(contract.total, contract.currency)} in {contract.project}" if contract else ""
            self.claim(gone, f"Order {hold['source']} went by itself{arrived}.")
            if contract and hold["money"]:
                same = contract.total == Decimal(hold["money"]["amount"])
                self.claim(same, f"That is the amount that was held, {money(hold['money'])}.")
        tell_requests(self.out, report.requests)
        self.facts["released"] = report_form(report)

    def _change(self) -> None:
        line = self._a_line()
        self.open(f"A buyer changes one price in IFS: order {line.order_no}, line {line.line_no}")
        price = (line.price * Decimal("1.05")).quantize(Decimal("0.01"))
        before = self._view.contract(line.order_no)
        self.sandbox.act(
            "ifs",
            "amend_line",
            order_no=line.order_no,
            line_no=line.line_no,
            release_no=line.release_no,
            price=str(price),
        )
        new = next(one for one in self._view.lines(line.order_no) if one.line_no == line.line_no)
        self.out.line(
            f"{line.description}: {line.quantity:,} at {line.price:,}, now at {new.price:,}; "
            f"IFS says {amount(line.amount, line.currency)}, now {amount(new.amount, line.currency)}."
        )
        report = self.run("Syncing")
        after = self._view.contract(line.order_no)
        changed = {flow: tally.updated for flow, tally in report.flows.items() if tally.updated}
        self.claim(sum(changed.values()) == 1, f"The run reports one change: {shown(changed)}.")
        moved = after.total - before.total if before and after else None
        self.claim(
            moved == new.amount - line.amount,
            f"The contract in Procore moved by {amount(moved, line.currency)}, as the line in IFS did.",
        )
        tell_requests(self.out, report.requests)
        self.facts["changed"] = report_form(report)

    def _a_line(self) -> Line:
        """A line bought by quantity: the first one of the first orders that became contracts of ours."""
        numbers = sorted(one.number for one in self._view.contracts() if one.ours)
        lines = (line for number in numbers for line in self._view.lines(number))
        return next(line for line in lines if line.quantity > 1)


def _arrived(before: list[Contract], after: list[Contract]) -> Mapping[str, Decimal]:
    """By how much the contracts of each currency grew."""
    first, last = sums(before), sums(after)
    return {currency: last[currency] - first.get(currency, Decimal(0)) for currency in last}


def _applied(report: Report) -> dict[str, Decimal]:
    return {
        currency: Decimal(figures["applied"]) for currency, figures in report.money_by_flow["purchase_orders"].items()
    }
