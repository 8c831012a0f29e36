"""The sync engine: rows in, entities and errors out, always 200 (facts/procore.md 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ml_connector.sandbox.procore.call import Answer, Call
from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.errors import NO_SUCH_ID, TAKEN
from ml_connector.sandbox.procore.state import Record

R = TypeVar("R", bound=Record)
Row = Mapping[str, Any]


class RowRefused(Exception):
    """Raised while one row is checked, before anything changed: sentences per field."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__(str(fields))
        self.fields = fields

    @property
    def sentence(self) -> str:
        """The whole refusal as one line, for endpoints that answer with a message."""
        return "; ".join(f"{name}: {text}" for name, texts in self.fields.items() for text in texts)


@dataclass(frozen=True, slots=True)
class Target(Generic[R]):
    """What a sync writes to: the object type, its records in reach, and how one is made, changed and shown."""

    kind: str
    table: dict[int, R]
    create: Callable[[Row], R]
    update: Callable[[R, Row], None]
    render: Callable[[R], Any]
    takes_id: bool = True


def sync(call: Call, target: Target[R], *, too_many: int = 400) -> Answer:
    """Applies body.updates row by row. A bad row is an error row, the others still go through; keys the row
    does not document are ignored."""
    rows = call.rows("updates")
    if len(rows) > call.switches.sync_row_limit:
        raise call.refuse(too_many, f"updates may hold at most {call.switches.sync_row_limit} rows", "updates")
    members = contract().row_members(call.operation)
    entities: list[Any] = []
    errors: list[Any] = []
    for row in rows:
        problems = contract().row_problems(members, row)
        try:
            if problems:
                raise RowRefused(problems)
            known = {name: value for name, value in row.items() if name in members or name == "id"}
            entities.append(target.render(_apply(call, target, known)))
        except RowRefused as refused:
            errors.append({**row, "errors": refused.fields})
    return Answer(200, {"entities": entities, "errors": errors}, changed=bool(entities))


def _apply(call: Call, target: Target[R], row: Row) -> R:
    origin = row.get("origin_id")
    known = call.state.origins[target.kind].get(str(origin)) if origin not in (None, "") else None
    wanted = row.get("id") if target.takes_id else None
    if wanted is not None:
        if wanted not in target.table:
            raise RowRefused({"id": [NO_SUCH_ID]})
        if known not in (None, wanted):
            raise RowRefused({"origin_id": [TAKEN]})
        return write(call, target, target.table[wanted], row)
    if known is None:
        record = target.create(row)
        call.state.claim(target.kind, origin, record.id)
        return record
    if known not in target.table:
        raise RowRefused({"origin_id": [TAKEN]})
    return write(call, target, target.table[known], row)


def write(call: Call, target: Target[R], record: R, row: Row) -> R:
    """Changes a record; its origin id moves with it. Raises RowRefused when the row or the origin id will not do."""
    old = record.fields.get("origin_id")
    new = row.get("origin_id", old)
    if call.state.taken(target.kind, new, record):
        raise RowRefused({"origin_id": [TAKEN]})
    target.update(record, row)
    if new != old:
        call.state.free(target.kind, old)
        call.state.claim(target.kind, new, record.id)
    return record


def create(call: Call, target: Target[R], row: Row) -> R:
    """Makes one record for a POST; 400 in the endpoint's shape when the row will not do."""
    try:
        origin = row.get("origin_id")
        if call.state.taken(target.kind, origin):
            raise RowRefused({"origin_id": [TAKEN]})
        record = target.create(row)
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
    call.state.claim(target.kind, row.get("origin_id"), record.id)
    return record


def update(call: Call, target: Target[R], record: R, row: Row) -> R:
    """Changes one record for a PATCH; 400 in the endpoint's shape when the row will not do."""
    try:
        return write(call, target, record, row)
    except RowRefused as refused:
        raise call.refuse(400, refused.sentence, ",".join(refused.fields)) from None
