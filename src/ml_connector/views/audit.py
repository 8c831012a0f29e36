"""The audit trail: searched by the page, given away whole, and how far it is proved to be whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import check_zone, config_from
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import FLOWS_OF, query_of
from ml_connector.service.nightly import VERIFIED, WALKED
from ml_connector.service.proving import VERIFY
from ml_connector.store import agenda, alerts, audit, audit_search, documents, names, sources
from ml_connector.store.audit import AuditRow
from ml_connector.store.audit_search import Sought
from ml_connector.store.bulk import Transaction
from ml_connector.store.documents import About
from ml_connector.views.called import called_of
from ml_connector.views.listing import PageSize, Words
from ml_connector.views.typed import plain

BATCH = 5000
"""Rows of an export that are fetched at a time."""

_Number = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class AuditLook(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows; what is empty filters nothing. An empty connection is the installation's own trail.

    `since` and `until` are days or moments such as 2026-11-27 or 2026-11-27T14:05, in `zone` where they name none; a
    day of `until` is looked at to its end.
    """

    connection: Words = ""
    actor: Words = ""
    tag: Words = ""
    record: Words = ""
    """A number as people call a document by it, such as PM-0075 or P100001: its rows and those of all it became; or
    the id of one record."""
    run: _Number = 0
    since: Words = ""
    until: Words = ""
    zone: Words = ""
    """The zone of `since` and `until`, such as America/Chicago; empty for that of the connection, or UTC."""
    before: _Number = 0
    """Only rows below this number; 0: up to the newest."""
    oldest: bool = False
    """Whether the oldest come first."""
    after: _Number = 0
    """Only rows above this number."""
    size: PageSize = 50


class Row(msgspec.Struct, frozen=True):
    """One row of the trail."""

    seq: int
    at: datetime
    actor: str
    tag: str
    kind: str
    record: str
    run: int
    """0 for none."""
    details: dict[str, Any]
    hash: str
    called: str = ""
    """What people call the record, where its id is only a number of its system; on a page of rows alone."""


class Proof(msgspec.Struct, frozen=True):
    """How far the trail is proved to be whole."""

    rows: int
    """How many there are."""
    whole_to: int
    """The row up to which it was found whole last; 0 before the first time."""
    verified_at: datetime | None
    walked_on: str
    """The day on which all of it was walked from its first row, the last time."""
    broken: str
    """What is wrong with it; empty when nothing is known to be."""
    at_work: bool
    """Whether somebody is verifying it now, or is going to."""
    reached: int
    """While it is verified: the row that was reached."""


class AuditPage(msgspec.Struct, frozen=True):
    """One page of rows; `next` is the `before` of the following page, or its `after` where the oldest come first; 0
    when there is none."""

    rows: list[Row]
    next: int
    look: dict[str, Any]
    actors: list[str]
    tags: list[str]
    proof: Proof
    zone: str
    """The zone in which days and moments that name none are meant."""


def page(app: App, look: AuditLook) -> AuditPage:
    """A page of the trail."""
    number, zone, sought = _sought(app, look)
    with app.db.begin() as conn:
        sought = _numbered(conn, sought)
        found = audit_search.rows(conn, sought, None, look.size + 1, oldest=look.oldest)
        actors = audit_search.choices(conn, number, "actor")
        tags = audit_search.choices(conn, number, "tag")
        called = called_of(conn, number, [Key(one.entry.kind, one.entry.erp_id) for one in found]) if number else {}
    more = len(found) > look.size
    return AuditPage(
        rows=[_row(one, called.get(Key(one.entry.kind, one.entry.erp_id), "")) for one in found[: look.size]],
        next=found[look.size - 1].seq if more else 0,
        look=msgspec.structs.asdict(look),
        actors=actors,
        tags=tags,
        proof=proof(app, look.connection),
        zone=zone,
    )


def every(app: App, look: AuditLook) -> Iterator[list[Row]]:
    """All rows a look finds, in its order, in batches, each from a transaction of its own: rows never change."""
    *_, sought = _sought(app, look)
    beyond: int | None = None
    while True:
        with app.db.begin() as conn:
            sought = _numbered(conn, sought)
            found = audit_search.rows(conn, sought, beyond, BATCH, oldest=look.oldest)
        if found:
            yield [_row(one) for one in found]
            beyond = found[-1].seq
        if len(found) < BATCH:
            return


def batches(app: App, look: AuditLook, most: int) -> Iterator[list[Row]]:
    """The same, but at most so many rows altogether."""
    for batch in every(app, look):
        yield batch[:most]
        most -= len(batch)
        if most <= 0:
            return


def row_form(row: Row) -> dict[str, Any]:
    """A row as commands and files tell it: record and kind in one word, no run where there is none."""
    return {
        "seq": row.seq,
        "at": row.at,
        "actor": row.actor,
        "tag": row.tag,
        "record": f"{row.kind}:{row.record}" if row.kind else row.record,
        "run": row.run or None,
        "details": row.details,
        "hash": row.hash,
    }


def proof(app: App, name: str) -> Proof:
    """How far the trail of a connection, or of the installation, is proved to be whole."""
    number = app.connection(name).id if name else audit.INSTALLATION
    with app.db.begin() as conn:
        end = audit.head(conn, number)
        job = agenda.one(conn, number, VERIFY)
        keys = ("audit/chain",) if number else (f"audit/{number}",)
        broken = next((one.sentence for one in alerts.standing(conn, number) if one.key in keys), "")
        if number:
            noted, verified_at = sources.moved(conn, number, VERIFIED)
            walked = sources.watermark(conn, number, WALKED) or ""
            reached = audit.head_from(noted).seq
        else:
            last = audit_search.rows(conn, Sought(number, tag="audit:verify:done"), limit=1)
            reached = audit.head_from(_details(last[0]).get("end", "")).seq if last else 0
            verified_at = last[0].entry.at if last else None
            walked = f"{verified_at:%Y-%m-%d}" if verified_at else ""
    at_work = bool(job and not job.parked_id and (job.running_job or job.waiting_job or job.due_at))
    part = str(job.args.get("at", "")).rpartition("whole:")[2] if job and at_work else ""
    return Proof(end.seq, reached, verified_at, walked, broken, at_work, int(part.partition(":")[0] or 0))


def _sought(app: App, look: AuditLook) -> tuple[int, str, Sought]:
    number, called = audit.INSTALLATION, "UTC"
    if look.connection:
        row = app.connection(look.connection)
        number, called = row.id, config_from(row.config).connection.time_zone
    called = check_zone(look.zone, "zone") if look.zone else called
    zone = ZoneInfo(called)
    record = plain(look.record.rpartition(":")[2] if ":" in look.record else look.record)
    since, until = _moment(look.since, zone, end=False), _moment(look.until, zone, end=True)
    said = (plain(look.actor), plain(look.tag), record, look.run, since, until)
    return number, called, Sought(number, *said, above=look.after, below=look.before)


def _numbered(conn: Transaction, sought: Sought) -> Sought:
    """The same with what a number stands for: the documents that are called so, and all they became."""
    if not (sought.connection_id and sought.record) or sought.keys:
        return sought
    query = query_of(sought.record)
    said = " ".join(term.whole for term in query.terms)
    numbers = {sought.record.casefold(), said, f"payment {said}"}
    keys = names.called(conn, sought.connection_id, query, sorted(numbers))
    found = set(keys)
    for kind in {key.kind for key in keys}:
        ids = tuple(key.id for key in keys if key.kind == kind)
        found |= set(documents.records_of(conn, About(sought.connection_id, ids, FLOWS_OF[kind])))
    return msgspec.structs.replace(sought, keys=tuple(sorted(found)))


def _moment(text: str, zone: tzinfo, *, end: bool) -> datetime | None:
    """The moment a person typed; of a day the first one, or with `end` the last one."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if end and len(text) == len("2026-11-27"):
            found = found.replace(hour=23, minute=59, second=59, microsecond=999_999)
        if not 1970 <= found.year <= 9000:
            raise ValueError(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{text!r} is no time.", remedy="Write it as 2026-11-27 or 2026-11-27T14:05.") from None


def _row(one: AuditRow, called: str = "") -> Row:
    entry = one.entry
    about = (entry.kind, entry.erp_id, entry.run_id)
    return Row(one.seq, entry.at, entry.actor, entry.tag, *about, _details(one), one.hash.hex(), called)


def _details(one: AuditRow) -> dict[str, Any]:
    found = msgspec.json.decode(one.entry.details) if one.entry.details else {}
    return found if isinstance(found, dict) else {"details": found}
