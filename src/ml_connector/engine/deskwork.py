"""What people do at their desks: answer holds, and keep the mapping complete."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.engine.knowing import hold_of
from ml_connector.engine.reporting import describe
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.mapping import CodeMapping, shadowed
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.situation import mark_of
from ml_connector.records.dimension import Dimension
from ml_connector.store import audit, holds, links, rulings, sources
from ml_connector.store.holds import HoldRow
from ml_connector.store.rulings import RulingRow

ANSWERS: dict[HoldReason, tuple[str, ...]] = {
    HoldReason.PROJECT_MATCH: ("link", "ignore"),
    HoldReason.VENDOR_MATCH: ("link", "new"),
    HoldReason.VENDOR_SHARED: ("link", "new"),
    HoldReason.ORDER_MATCH: ("link", "new", "ignore"),
    HoldReason.UNBUDGETED: ("allow",),
    HoldReason.CHANGED_THERE: ("erp", "projects"),
    HoldReason.CONFLICT: ("erp", "projects"),
    HoldReason.LAPPING: ("erp", "ignore"),
    HoldReason.TOTALS_DIFFER: ("new", "ignore"),
    HoldReason.GONE_THERE: ("new", "link", "ignore"),
    HoldReason.GONE_HERE: ("ignore",),
    HoldReason.INVOICE_MATCH: ("link", "new", "ignore"),
    HoldReason.TWO_PLACES: ("ignore",),
    HoldReason.CREDIT_WAITS: ("allow", "ignore"),
    HoldReason.COMMITMENT_MISSING: ("ignore",),
    HoldReason.LINE_UNKNOWN: ("ignore",),
    HoldReason.SENT_BACK: ("erp", "projects"),
    HoldReason.REVISED: ("erp", "projects"),
    HoldReason.VENDOR_PROPOSAL: ("new", "link", "ignore"),
    HoldReason.BUDGET_STRANGERS: ("erp", "projects"),
    HoldReason.PROPOSAL_ENDED: ("new", "ignore"),
}
"""What a person may answer to each kind of hold; the others end when the missing thing appears."""

ANSWERS_BY_FLOW: dict[tuple[str, HoldReason], tuple[str, ...]] = {
    ("dimensions", HoldReason.CODE_MISSING): ("allow", "ignore"),
    ("dimensions", HoldReason.PART_FORBIDDEN): ("ignore",),
    ("projects", HoldReason.GONE_THERE): ("new",),
    ("purchase_orders", HoldReason.GONE_THERE): ("new", "ignore"),
    ("supplier_invoices", HoldReason.GONE_THERE): ("ignore",),
    ("supplier_invoices", HoldReason.TOTALS_DIFFER): ("ignore",),
    ("payments", HoldReason.SENT_BACK): (),
    ("subcontractor_invoices", HoldReason.GONE_HERE): (),
    ("subcontractor_invoices", HoldReason.LINE_UNKNOWN): (),
    ("subcontractor_invoices", HoldReason.TOTALS_DIFFER): (),
    ("direct_costs", HoldReason.GONE_HERE): (),
    ("direct_costs", HoldReason.TOTALS_DIFFER): (),
    ("subcontractor_invoices", HoldReason.INVOICE_MATCH): ("ignore", "new"),
    ("direct_costs", HoldReason.INVOICE_MATCH): ("ignore", "new"),
    ("subcontractor_invoices", HoldReason.COMMITMENT_MISSING): (),
}
"""Where one flow asks another question under the same reason, or none."""

ANSWERS_BY_KIND: dict[tuple[str, HoldReason], tuple[str, ...]] = {
    ("vendor_there", HoldReason.VENDOR_MATCH): ("link", "new", "ignore"),
    ("vendor_there", HoldReason.VENDOR_SHARED): ("new", "ignore"),
}
"""Where one kind of record asks another question under the same reason: of a vendor born in Procore the other way."""


def answers_to(flow: str, reason: HoldReason, kind: str = "") -> tuple[str, ...]:
    """What a person may answer to a hold on a record of that kind; empty when it ends by itself."""
    of_kind = ANSWERS_BY_KIND.get((kind, reason))
    return ANSWERS_BY_FLOW.get((flow, reason), ANSWERS.get(reason, ())) if of_kind is None else of_kind


_MARKS = 20
"""How many questions about one record keep their answer; an order on several projects may ask several."""


class Answer(msgspec.Struct, frozen=True):
    """One answer to one hold."""

    hold: int
    answer: str
    target: str
    note: str
    actor: str
    at: datetime


def rule(conn: Connection, connection_id: int, given: Answer) -> dict[str, Any]:
    """Remembers an answer and makes the next run look again; the hold as it stands. BadInput when it cannot be so."""
    row = holds.get_hold(conn, connection_id, given.hold)
    hold = hold_of(row)
    if row.released_at:
        raise BadInput(f"Hold {given.hold} went on {row.released_at:%Y-%m-%d %H:%M}: there is nothing left to answer.")
    allowed = answers_to(hold.flow, hold.reason, row.kind)
    if not allowed:
        raise BadInput(
            f"Hold {given.hold} is not a question: it ends by itself once {hold.waits_for} is there.",
            remedy=hold.sentence,
        )
    if given.answer not in allowed:
        raise BadInput(f"Hold {given.hold} takes {' or '.join(allowed)}, not {given.answer!r}.")
    target = given.target or (hold.candidates[0] if len(hold.candidates) == 1 else "")
    if given.answer == "link" and hold.candidates and target not in hold.candidates:
        raise BadInput(f"Say which one with --target: {', '.join(hold.candidates)}.")
    if given.answer == "link" and not target:
        raise BadInput("Say with --target what it is linked to: nobody like it was found, so there is none to choose.")
    if given.answer in ("erp", "projects") and hold.reason is not HoldReason.LAPPING:
        target = _marks(conn, connection_id, row, given.answer)
    if hold.reason in (HoldReason.GONE_THERE, HoldReason.PROPOSAL_ENDED) and given.answer == "new":
        # what was linked is forgotten, and matched or made again by the next run: there is nothing to remember
        links.unlink(conn, connection_id, _links_of(conn, connection_id, row))
    else:
        ruling = RulingRow(row.kind, row.erp_id, row.reason, given.answer, target, given.actor, given.note)
        rulings.put_ruling(conn, connection_id, ruling)
    if row.kind == "order":
        sources.look_again(conn, connection_id, "order", [row.source])
    details = msgspec.json.encode({"answer": given.answer, "target": target, "note": given.note, "reason": row.reason})
    entry = audit.AuditEntry(given.at, given.actor, "ruling:make:done", row.kind, row.erp_id, 0, details.decode())
    audit.append(conn, connection_id, [entry])
    return {**describe(hold), "id": row.id, "answer": given.answer, "target": target}


def _links_of(conn: Connection, connection_id: int, row: HoldRow) -> list[Key]:
    """The links of the record a hold is about: of an order, those of its contracts and of the contracts' changes."""
    if row.reason == HoldReason.PROPOSAL_ENDED.value:
        return [row.waits_for]
    if row.kind != "order":
        return [row.key]
    contracts = [
        one for one in links.links_of(conn, connection_id, "commitment") if one.erp_id.split("@", 1)[0] == row.erp_id
    ]
    changes = links.links_of(conn, connection_id, "change_order")
    mine = tuple(f"{one.once_key}/" for one in contracts)
    return [*(one.key for one in contracts), *(one.key for one in changes if mine and one.erp_id.startswith(mine))]


def _marks(conn: Connection, connection_id: int, row: HoldRow, answer: str) -> str:
    """The marks of the questions answered so; the same answer to another question adds to the former ones."""
    before = rulings.rulings_of(conn, connection_id).get((row.key, row.reason))
    marks = before.target.split() if before and before.answer == answer else []
    return " ".join([*marks, mark_of(row.evidence)][-_MARKS:])


def mapping_gaps(
    conn: Connection, connection_id: int, mapping: CodeMapping, dimensions: Iterable[Dimension], today: date
) -> list[str]:
    """Sentences about rows never reached, values of IFS that lead nowhere, and codes held for want of a row.

    Values are checked where a segment looks at one code part only; a segment of several parts is checked by the code
    strings in use.
    """
    found = [f"cost_code: {one}" for one in shadowed(mapping.cost_code)]
    found += [f"cost_type: {one}" for one in shadowed(mapping.cost_type)]
    valid = [one for one in dimensions if one.valid_from <= today <= one.valid_until]
    for name, rule in (("cost code", mapping.cost_code), ("cost type", mapping.cost_type)):
        if len(rule.looks_at()) != 1:
            continue
        (part,) = rule.looks_at()
        lost = [one.value for one in valid if one.part == part and rule.target({part: one.value}) is None]
        if lost:
            found.append(f"{counted(len(lost), 'value')} of code part {part} lead to no {name}: {listed(lost, 12)}")
    for row in holds.open_holds(conn, connection_id, "cost_codes"):
        if row.reason != HoldReason.CODE_UNMAPPED.value:
            continue
        values = dict(part.split("=", 1) for part in row.waits_id.split(" ")[1:] if "=" in part)
        segment = mapping.cost_type if row.waits_id.startswith("cost_type") else mapping.cost_code
        if segment.target({key: "" if value == "(empty)" else value for key, value in values.items()}) is None:
            found.append(row.sentence)
    return found
