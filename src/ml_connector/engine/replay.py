"""Decide the past again: a document or a whole run, from kept evidence, with the mapping of then or of now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from ml_connector.engine import cases
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import Intent
from ml_connector.store import evidence, holds, journal, runs, sources
from ml_connector.store.postgres import Database

DECIDED = "DECIDE"
"""Method under which a decision's input is taped, side `engine`."""


def run_of(conn: Connection, connection_id: int, what: str) -> tuple[int, bool]:
    """The run meant by `what`, and whether all of it is: a document of that number comes before a run of it."""
    found = [row.run_id for row in journal.history_of(conn, connection_id, what, 1)]
    found += [row.last_seen_run for row in holds.holds_of(conn, connection_id, what)[:1]]
    if not found and what.isdigit():
        return runs.get_run(conn, connection_id, int(what)).id, True
    if not found:
        raise NothingSuchHere(f"No run of this connection ever decided {what!r}.")
    return max(found), False


def mapping_version_of(conn: Connection, connection_id: int, what: str) -> int:
    """The mapping version that run used; 0 when it ran before any mapping was imported."""
    return runs.get_run(conn, connection_id, run_of(conn, connection_id, what)[0]).mapping_version


KIND_OF = {
    "purchase_orders": "order",
    "supplier_invoices": "supplier_invoice",
    "payments": "payment",
    "subcontractor_invoices": "subcontractor_invoice",
    "direct_costs": "direct_cost",
}
"""Flow to the kind of document whose fingerprints are kept; what other flows decide is looked at by every run."""


def documents_of(conn: Connection, connection_id: int, what: str) -> dict[str, list[str]]:
    """The documents a document's number or a run is about, by the kind their fingerprints are kept under."""
    run, whole = run_of(conn, connection_id, what)
    found: dict[str, list[str]] = {}
    for case, flow in _cases(conn, connection_id, run):
        decided = cases.documents(case) if flow in KIND_OF else []
        mine = decided if whole else [one for one in decided if one == what]
        if mine:
            found.setdefault(KIND_OF[flow], []).extend(mine)
    return found


def forget(db: Database, connection_id: int, documents: dict[str, list[str]]) -> None:
    """Makes the next run decide these documents anew, whatever their fingerprints say."""
    with db.begin() as conn:
        for kind, ids in documents.items():
            sources.look_again(conn, connection_id, kind, ids)


def replay(conn: Connection, connection_id: int, what: str, mapper: Mapper) -> dict[str, Any]:
    """Decides again and compares: what was decided, what would be now, and whether they are the same to the byte."""
    run, whole = run_of(conn, connection_id, what)
    before = {row.digest: row for row in _intents(conn, connection_id, run)}
    now: dict[bytes, Intent] = {}
    held: list[str] = []
    decided = 0
    flows: set[str] = set()
    for case, flow in _cases(conn, connection_id, run):
        if not whole and what not in cases.documents(case):
            continue
        flows.add(flow)
        decision = cases.decide(case, mapper)
        decided += len(cases.documents(case)) if whole else 1
        for intent in decision.intents:
            if whole or intent.source == what:
                now[intent.digest()] = intent
        held += [hold.sentence for hold in decision.holds if whole or hold.key.id == what]
    if not decided:
        raise NothingSuchHere(f"The evidence of run {run} for {what!r} is kept no longer.")
    then = {digest: row for digest, row in before.items() if whole or row.source == what}
    return {
        "run": run,
        "flows": sorted(flows),
        "decided": decided,
        "same": now.keys() == then.keys(),
        "then": [_line(row.verb, row.kind, row.erp_id, row.reason, row.state) for row in then.values()],
        "now": [_line(i.verb.value, i.key.kind, i.key.id, i.reason, "") for i in now.values()],
        "only_then": [_line(r.verb, r.kind, r.erp_id, r.reason, r.state) for d, r in then.items() if d not in now],
        "only_now": [_line(i.verb.value, i.key.kind, i.key.id, i.reason, "") for d, i in now.items() if d not in then],
        "held": held,
    }


def _line(verb: str, kind: str, erp_id: str, reason: str, state: str) -> dict[str, str]:
    return {"verb": verb, "record": f"{kind}:{erp_id}", "reason": reason, **({"state": state} if state else {})}


def _intents(conn: Connection, connection_id: int, run: int) -> Iterator[journal.IntentRow]:
    after = 0
    while rows := journal.plan_of(conn, connection_id, run, after):
        after = rows[-1].id
        yield from rows


def _cases(conn: Connection, connection_id: int, run: int) -> Iterator[tuple[cases.Case, str]]:
    after = 0
    while rows := evidence.exchanges_of(conn, connection_id, run, after=after):
        after = rows[-1].id
        for row in rows:
            if row.method == DECIDED and row.request_hash:
                yield cases.decode(evidence.body_of(conn, row.request_hash)), row.path
