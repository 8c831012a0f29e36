"""Answers to "where is it and why": the life of one document on one page, pairs of projects, reports as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.engine.knowing import hold_of
from ml_connector.engine.reporting import describe
from ml_connector.engine.work import Report
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.planning.matching import Verdict, match_project
from ml_connector.planning.plan import unpack
from ml_connector.records.commitment import Commitment
from ml_connector.records.project import Project
from ml_connector.store import audit, documents, holds, journal, links
from ml_connector.store.journal import IntentRow


def report_form(report: Report) -> dict[str, Any]:
    """A report as the one object `plan --json` and `sync --json` print."""
    return {
        "connection": report.connection,
        "flows": {name: asdict(tally) for name, tally in report.flows.items()},
        "requests": report.requests,
        "money": report.money,
        "money_by_flow": report.money_by_flow,
        "recoded": report.recoded,
        "plan": report.plan,
    }


def likely_pairs(ours: Sequence[Project], theirs: Sequence[Project]) -> list[dict[str, str]]:
    """Open IFS projects and the Procore project each looks like, with what agrees."""
    found = []
    for project in ours:
        if not project.open:
            continue
        match = match_project(project, theirs)
        best = match.candidates[0] if match.verdict is not Verdict.NONE else None
        found.append(
            {
                "erp": f"{project.number} {project.name}",
                "projects": best.name if best else "",
                "why": ", ".join(best.agrees) if best else "nothing alike",
            }
        )
    return found


def life_of_order(conn: Connection, connection_id: int, number: str) -> dict[str, Any]:
    """Everything known of one IFS order: links, agreed contracts, every step, every hold, every exchange it caused."""
    steps = journal.history_of(conn, connection_id, number)
    held = holds.holds_of(conn, connection_id, number)
    keys = sorted({row.erp_id for row in steps if row.kind == "commitment"})
    linked = links.load_links(conn, connection_id, "commitment", keys)
    if not steps and not held:
        raise NothingSuchHere(f"Order {number} has never been looked at for this connection, or was left alone.")
    return {
        "order": number,
        "contracts": [
            {"record": row.erp_id, "procore_id": row.target_id, "once_key": row.once_key, "why": row.evidence}
            | _contract(row.base)
            for row in linked.values()
        ],
        "holds": [_hold(row) for row in held],
        "steps": [_step(row) for row in reversed(steps)],
        "exchanges": _exchanges(conn, connection_id, steps),
        "audit": _audited(conn, connection_id, [number, *keys]),
    }


def life_of_document(conn: Connection, connection_id: int, number: str) -> dict[str, Any]:
    """Everything known of one document by its own system's id: an IFS invoice or payment, a Procore invoice or cost.

    Its records on the other side with what was agreed about each, every step, hold, exchange and audit row.
    """
    steps = journal.history_of(conn, connection_id, number)
    held = holds.holds_of(conn, connection_id, number)
    if not steps and not held:
        raise NothingSuchHere(f"Document {number} has never been looked at for this connection, or was left alone.")
    keys = sorted({row.key for row in steps})
    linked = links.load_many(conn, connection_id, keys)
    return {
        "document": number,
        "records": [
            {
                "record": str(key),
                "other_side": row.target_id,
                "once_key": row.once_key,
                "why": row.evidence,
                "agreed": msgspec.to_builtins(unpack(key.kind, row.base)) if row.base else None,
            }
            for key, row in sorted(linked.items())
        ],
        "holds": [_hold(row) for row in held],
        "steps": [_step(row) for row in reversed(steps)],
        "exchanges": _exchanges(conn, connection_id, steps),
        "audit": _audited(conn, connection_id, [number, *(key.id for key in keys)]),
    }


def _hold(row: holds.HoldRow) -> dict[str, Any]:
    return {
        **describe(hold_of(row)),
        "id": row.id,
        "since": row.since.isoformat(),
        "released_at": row.released_at.isoformat() if row.released_at else None,
        "released_by": row.released_by,
    }


def _audited(conn: Connection, connection_id: int, records: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"seq": row.seq, "at": row.entry.at.isoformat(), "actor": row.entry.actor, "tag": row.entry.tag}
        for record in dict.fromkeys(records)
        for row in audit.entries(conn, connection_id, erp_id=record)
    ]


def _contract(base: bytes | None) -> dict[str, Any]:
    if not base:
        return {}
    agreed = unpack("commitment", base)
    assert isinstance(agreed, Commitment)
    return {
        "number": agreed.number,
        "title": agreed.title,
        "status": agreed.status.value,
        "total": str(agreed.money().amount),
        "currency": agreed.currency,
        "lines": [
            {"line": "/".join(line.once_key.split("/")[-2:]), "code": line.budget_code, "amount": str(line.amount)}
            for line in agreed.lines
        ],
    }


def _step(row: IntentRow) -> dict[str, Any]:
    body = unpack(row.kind, row.body)
    lines = len(getattr(body, "lines", ()) or getattr(body, "rows", ()))
    return {
        "run": row.run_id,
        "step": f"{row.verb} {row.kind}",
        "record": row.erp_id,
        "state": row.state,
        "lines": lines,
        "amount": str(row.amount) if row.amount is not None else None,
        "currency": row.currency,
        "reason": row.reason,
        "answer": row.result,
        "reference": row.reference,
        "sent_at": row.sent_at.isoformat() if row.sent_at else None,
        "settled_at": row.settled_at.isoformat() if row.settled_at else None,
    }


def _exchanges(conn: Connection, connection_id: int, steps: Sequence[IntentRow]) -> list[dict[str, Any]]:
    sent = {row.id: row.sent_at for row in steps if row.sent_at}
    found = documents.exchanges_for(conn, connection_id, sent)
    return [
        {
            "at": row.at.isoformat(),
            "method": row.method,
            "path": row.path,
            "status": row.status,
            "request_id": row.request_id,
            "milliseconds": row.milliseconds,
        }
        for row in found
    ]
