"""Decide the past again: a document or a whole run, from kept evidence, with the mapping of then or of now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ml_connector.engine import cases
from ml_connector.engine.naming import may_be_in
from ml_connector.engine.totals import BY_DOCUMENT
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.plan import Hold, Intent
from ml_connector.store import documents, evidence, holds, journal, runs, sources


def run_of(conn: Connection, connection_id: int, what: str, of: Collection[str] = ()) -> tuple[int, bool]:
    """The run meant by `what`, and whether all of it is: a document of that number comes before a run of it."""
    steps = journal.history_of(conn, connection_id, what, 200 if of else 1)
    found = [row.run_id for row in steps if not of or row.flow in of]
    found += [row.last_seen_run for row in holds.holds_of(conn, connection_id, what) if not of or row.flow in of][:1]
    if not found and (of or not what.isdigit()):  # it was left alone: nothing of it was planned or held
        kinds = [KIND_OF[flow] for flow in of or KIND_OF if flow in KIND_OF]
        found = [run for run in [sources.decided_by(conn, connection_id, kinds, what)] if run]
    if not found and what.isdigit():
        return runs.get_run(conn, connection_id, int(what)).id, True
    if not found:
        raise NothingSuchHere(f"No run of this connection ever decided {what!r}.")
    return max(found), False


def mapping_version_of(conn: Connection, connection_id: int, what: str, of: Collection[str] = ()) -> int:
    """The mapping version that run used; 0 when it ran before any mapping was imported."""
    return runs.get_run(conn, connection_id, run_of(conn, connection_id, what, of)[0]).mapping_version


KIND_OF = {
    "purchase_orders": "order",
    "supplier_invoices": "supplier_invoice",
    "payments": "payment",
    "subcontractor_invoices": "subcontractor_invoice",
    "direct_costs": "direct_cost",
}
"""Flow to the kind of document whose fingerprints are kept; what other flows decide is looked at by every run."""


def documents_of(conn: Connection, connection_id: int, what: str, of: Collection[str] = ()) -> dict[str, list[str]]:
    """The documents a document's number or a run is about, by the kind their fingerprints are kept under."""
    run, whole = run_of(conn, connection_id, what, of)
    return _documents(conn, connection_id, run, "" if whole else what, of)


def documents_of_run(conn: Connection, connection_id: int, run: int) -> dict[str, list[str]]:
    """The same for a whole run, whatever documents have its number."""
    return _documents(conn, connection_id, run)


def _documents(
    conn: Connection, connection_id: int, run: int, document: str = "", of: Collection[str] = ()
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for case, flow in _cases(conn, connection_id, run, document):
        decided = cases.documents(case) if flow in KIND_OF and (not of or flow in of) else []
        mine = [one for one in decided if not document or one == document]
        if mine:
            found.setdefault(KIND_OF[flow], []).extend(mine)
    return found


def forget(conn: Connection, connection_id: int, documents: dict[str, list[str]]) -> None:
    """Makes the next run decide these documents anew, whatever their fingerprints say."""
    for kind, ids in documents.items():
        sources.look_again(conn, connection_id, kind, ids)


class Mappers(NamedTuple):
    """What a past decision is made again with, and what it was made with."""

    now: Mapper
    then: Mapper


def replay(
    conn: Connection, connection_id: int, what: str, mappers: Mappers, of: Collection[str] = ()
) -> dict[str, Any]:
    """Decides again and compares: what was decided, what would be now, and whether they are the same to the byte.

    Documents of two kinds may have the same number: `of` names the flows of the one that is meant. `documents` counts
    orders, invoices, direct costs and payments as the run's own totals do; `decided` whatever was given to be decided,
    and of the other flows that is a whole list of projects, vendors or codes each time. What was held then
    is not kept: `held_same` compares what would be held now with what the same evidence and the mapping of then hold.
    """
    run, whole = run_of(conn, connection_id, what, of)
    before = {row.digest: row for row in _intents(conn, connection_id, run, "" if whole else what)}
    now: dict[bytes, Intent] = {}
    held: list[str] = []
    waiting: set[Key] = set()
    held_same = True
    decided = 0
    counted: set[tuple[str, str]] = set()
    flows: set[str] = set()
    for case, flow in _cases(conn, connection_id, run, "" if whole else what):
        if (not whole and what not in cases.documents(case)) or (of and flow not in of):
            continue
        flows.add(flow)
        decision = cases.decide(case, mappers.now)
        past = decision if mappers.now is mappers.then else cases.decide(case, mappers.then)
        decided += len(cases.documents(case)) if whole else 1
        counted |= {(flow, one) for one in cases.documents(case) if flow in BY_DOCUMENT and (whole or one == what)}
        for intent in decision.intents:
            if whole or intent.source == what:
                now[intent.digest()] = intent
        mine = [hold for hold in decision.holds if whole or hold.key.id == what]
        held += [hold.sentence for hold in mine]
        waiting |= {hold.key for hold in mine}
        held_same &= _held(mine) == _held(hold for hold in past.holds if whole or hold.key.id == what)
    if not decided:
        raise NothingSuchHere(f"The evidence of run {run} for {what!r} is kept no longer.")
    then = {digest: row for digest, row in before.items() if not of or row.flow in of}
    return {
        "run": run,
        "flows": sorted(flows),
        "waiting": len(waiting),
        "held_same": held_same,
        "decided": decided,
        "documents": len(counted),
        "same": now.keys() == then.keys(),
        "then": [_line(row.verb, row.kind, row.erp_id, row.reason, row.state) for row in then.values()],
        "now": [_line(i.verb.value, i.key.kind, i.key.id, i.reason, "") for i in now.values()],
        "only_then": [_line(r.verb, r.kind, r.erp_id, r.reason, r.state) for d, r in then.items() if d not in now],
        "only_now": [_line(i.verb.value, i.key.kind, i.key.id, i.reason, "") for d, i in now.items() if d not in then],
        "held": held,
    }


def _held(found: Iterable[Hold]) -> set[tuple[Key, str, Key]]:
    """What waits, why, and for what."""
    return {(one.key, one.reason.value, one.waits_for) for one in found}


def _line(verb: str, kind: str, erp_id: str, reason: str, state: str) -> dict[str, str]:
    return {"verb": verb, "record": f"{kind}:{erp_id}", "reason": reason, **({"state": state} if state else {})}


def _intents(conn: Connection, connection_id: int, run: int, document: str) -> Iterator[journal.IntentRow]:
    """The steps a run decided, of one document where it is named."""
    if document:
        yield from reversed([row for row in journal.history_of(conn, connection_id, document) if row.run_id == run])
        return
    after = 0
    while rows := journal.plan_of(conn, connection_id, run, after):
        after = rows[-1].id
        yield from rows


def _cases(conn: Connection, connection_id: int, run: int, document: str = "") -> Iterator[tuple[cases.Case, str]]:
    """The inputs of a run's decisions, of those that may be about a document where it is named."""
    for row in documents.inputs_of(conn, connection_id, run):
        if not document or may_be_in(row.span, document):
            yield cases.decode(evidence.body_of(conn, row.hash)), row.flow
