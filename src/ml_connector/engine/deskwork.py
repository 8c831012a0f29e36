"""What people do at their desks: answer holds, and keep the mapping complete."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from ml_connector.engine import answering
from ml_connector.engine.answering import Given
from ml_connector.engine.knowing import hold_of
from ml_connector.engine.questions import ANSWERS, ANSWERS_BY_FLOW, ANSWERS_BY_KIND, answers_to
from ml_connector.engine.reporting import describe
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.mapping import CodeMapping, shadowed
from ml_connector.planning.plan import HoldReason
from ml_connector.records.dimension import Dimension
from ml_connector.store import holds

__all__ = ["ANSWERS", "ANSWERS_BY_FLOW", "ANSWERS_BY_KIND", "Answer", "answers_to", "mapping_gaps", "rule"]


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
    said = Given(given.answer, given.target, given.note, given.actor, given.at)
    told = answering.answer(conn, connection_id, [row], said)
    return {**describe(hold_of(row)), "id": row.id, "answer": given.answer, "target": told[row.id]}


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
