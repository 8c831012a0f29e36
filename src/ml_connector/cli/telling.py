"""Reports, holds and lives of documents as people read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from ml_connector.cli.output import Output, shown
from ml_connector.engine.work import Report, Tally
from ml_connector.kernel.text import counted

COUNTS = ("created", "updated", "linked", "unchanged", "held", "refused", "unknown")
_ROWS = 20
"""Rows of money shown before the rest is only counted."""


def amount(value: object, currency: str = "") -> str:
    """An exact amount with thousands, as people read it; nothing for no amount."""
    if value is None or value == "":
        return ""
    return f"{Decimal(str(value)):,} {currency}".rstrip()


def money(form: dict[str, Any] | None) -> str:
    """The money of a hold, or nothing."""
    return amount(form["amount"], form["currency"]) if form else ""


def tell_flows(out: Output, flows: dict[str, Tally], taken_over: Mapping[str, int] | None = None) -> None:
    """The table of counts of a plan or a sync; with `taken_over`, those apart from what is only linked."""
    apart = taken_over or {}
    counts = ("created", "updated", "taken over", *COUNTS[2:]) if any(apart.values()) else COUNTS
    rows = []
    for name, tally in flows.items():
        numbers = {**asdict(tally), "taken over": apart.get(name, 0), "linked": tally.linked - apart.get(name, 0)}
        rows.append((name, *(numbers[count] for count in counts)))
    out.table(("flow", *counts), rows, right=counts)


def tell_report(out: Output, report: Report, *, applied: bool, everything: bool) -> None:
    """A whole report: counts, money, what waits, notes."""
    tell_flows(out, report.flows, report.taken_over)
    if any(report.taken_over.values()):
        out.line("Taken over: in Procore already; marked and brought to IFS's state, so Procore may lock it.", "dim")
    if report.money:
        out.heading("Money")
        rows = [
            (flow, currency, *(amount(m[what]) for what in (("planned", "applied") if applied else ("planned",))))
            for flow, sums in report.money_by_flow.items()
            for currency, m in sums.items()
        ]
        headers = ("flow", "currency", "planned", *(("applied",) if applied else ()))
        out.table(headers, rows, right=headers[2:])
        for currency, money in report.recoded.items():
            out.line(f"Net; {amount(money['applied' if applied else 'planned'], currency)} moves between codes.", "dim")
    if not applied or everything:
        tell_places(out, report.money_by_place, everything=everything)
    tell_holds(out, report.holds, everything=everything)
    if report.notes:
        out.heading("Left alone")
        for note in report.notes if everything else report.notes[:_ROWS]:
            out.line(f"- {note}")
        _more(out, len(report.notes), everything)
    out.line()
    tell_requests(out, report.requests)


def tell_requests(out: Output, requests: dict[str, dict[str, int]]) -> None:
    """How often each side was asked and written to."""
    parts = [
        f"{name} {shown(requests[side]['read'])} reads, {shown(requests[side]['write'])} writes"
        for side, name in (("erp", "IFS"), ("projects", "Procore"))
    ]
    out.line(f"Requests: {'; '.join(parts)}.", "dim")


def tell_places(out: Output, places: list[dict[str, str]], *, everything: bool) -> None:
    """Planned money by project, and by project and cost code."""
    if not places:
        return
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for place in places:
        sums[place["project"], place["currency"]] += Decimal(place["planned"])
    out.heading("Money by project")
    out.table(("project", "currency", "planned"), [(*k, amount(v)) for k, v in sums.items()], right=("planned",))
    out.heading("Money by project and cost code")
    rows = [(p["project"], p["budget_code"], p["currency"], amount(p["planned"])) for p in places]
    headers = ("project", "cost code", "currency", "planned")
    out.table(headers, rows if everything else rows[:_ROWS], right=("planned",))
    _more(out, len(rows), everything)


def tell_holds(out: Output, holds: list[dict[str, Any]], *, everything: bool = True) -> None:
    """What waits, why, for whom, and with how much money; `everything` lifts the limit on rows."""
    if not holds:
        return
    out.heading("Held")
    for hold in holds if everything else holds[:_ROWS]:
        number = f"{hold['hold']}: " if "hold" in hold else ""
        facts = [fact for fact in (money(hold["money"]), f"waits for {hold['waits_for']}", hold["owner"]) if fact]
        out.line(f"- {number}{hold['sentence']} ({'; '.join(facts)})", "yellow")
    _more(out, len(holds), everything)


def tell_life(out: Output, life: dict[str, Any]) -> None:
    """The life of a document on one page."""
    out.line(f"Order {life['order']}", "bold")
    for contract in life["contracts"]:
        out.heading(f"Contract {contract.get('number', contract['record'])} in Procore")
        total = amount(contract.get("total"), contract.get("currency", ""))
        out.facts(
            [
                ("title", contract.get("title")),
                ("status", contract.get("status")),
                ("total", total),
                ("id in Procore", contract["procore_id"]),
                ("once-key", contract["once_key"]),
                ("linked because", contract["why"]),
            ]
        )
        lines = [(one["line"], one["code"], amount(one["amount"])) for one in contract.get("lines", ())]
        out.table(("line", "cost code", "amount"), lines, right=("amount",))
    _tell_rest(out, life)


def tell_document(out: Output, life: dict[str, Any]) -> None:
    """The life of an invoice, payment or direct cost on one page: what it became on the other side, and how."""
    out.line(f"Document {life['document']}", "bold")
    for record in life["records"]:
        out.heading(f"{record['record']} is {record['other_side']} there")
        agreed = record["agreed"] or {}
        facts = [
            (name.replace("_", " "), agreed.get(name)) for name in ("number", "status", "dated", "currency", "text")
        ]
        out.facts([*facts, ("once-key", record["once_key"]), ("because", record["why"])])
        lines = agreed.get("lines") or agreed.get("rows") or ()
        if lines:
            _tell_lines(out, lines)
    _tell_rest(out, life)


def _tell_lines(out: Output, lines: Sequence[dict[str, Any]]) -> None:
    """Lines of an invoice with what is retained, or rows of a voucher with both sides."""
    if "debit" in lines[0]:
        rows = [
            (" ".join(f"{part}={value}" for part, value in one["codes"]), amount(one["debit"]), amount(one["credit"]))
            for one in lines
        ]
        out.table(("code string", "debit", "credit"), rows, right=("debit", "credit"))
        return
    plain = [(one.get("description"), one.get("budget_code"), amount(one.get("amount"))) for one in lines]
    out.table(("line", "cost code", "amount"), plain, right=("amount",))


def _tell_rest(out: Output, life: dict[str, Any]) -> None:
    if life["holds"]:
        out.heading("Holds")
        rows = [
            (
                h["id"],
                h["reason"],
                money(h["money"]),
                _at(h["since"]),
                _at(h["released_at"]) or "waiting",
                h["sentence"],
            )
            for h in life["holds"]
        ]
        out.table(("hold", "reason", "money", "since", "released", "sentence"), rows, right=("money",))
    _tell_steps(out, life)
    if life["audit"]:
        out.heading("Audit")
        audited = [(a["seq"], _at(a["at"]), a["actor"], a["tag"]) for a in life["audit"]]
        out.table(("row", "at", "actor", "what"), audited)


def _tell_steps(out: Output, life: dict[str, Any]) -> None:
    out.heading("Steps")
    steps = [step for step in life["steps"] if step["state"] != "superseded"]
    rows = [
        (s["run"], s["step"], s["record"], s["state"], amount(s["amount"], s["currency"]), s["reason"], s["answer"])
        for s in steps
    ]
    headers = ("run", "step", "record", "state", "money", "reason", "answer")
    out.table(headers, rows, right=("money",), empty="Nothing was ever sent.")
    if len(steps) < len(life["steps"]):
        out.line(
            f"{counted(len(life['steps']) - len(steps), 'step')} planned, never sent, replaced by a later plan.", "dim"
        )
    if life["exchanges"]:
        out.heading("Requests it caused")
        calls = [
            (_at(x["at"]), x["method"], unquote(x["path"].split("?")[0]), x["status"], x["milliseconds"])
            for x in life["exchanges"]
        ]
        out.table(("at", "method", "path", "status", "ms"), calls, right=("ms",))


def tell_replay(out: Output, found: dict[str, Any]) -> None:
    """Then and now, side by side."""
    verdict = "The same, to the byte." if found["same"] else "Not the same."
    out.line(f"Run {found['run']} decided again: {counted(found['decided'], 'record')}. {verdict}", "bold")
    for key, title in (("only_then", "Decided then, not now"), ("only_now", "Decided now, not then")):
        if found[key]:
            out.heading(title)
            rows = [(one["verb"], one["record"], one.get("state", ""), one["reason"]) for one in found[key]]
            out.table(("step", "record", "state", "reason"), rows)
    if found["held"]:
        out.heading("Held")
        for sentence in found["held"]:
            out.line(f"- {sentence}", "yellow")


def _at(text: str | None) -> str:
    return shown(datetime.fromisoformat(text)) if text else ""


def _more(out: Output, number: int, everything: bool) -> None:
    if not everything and number > _ROWS:
        out.line(f"... and {number - _ROWS:,} more: --all shows them.", "dim")
