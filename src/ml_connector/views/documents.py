"""One document on one page: how it stands, both sides side by side, line by line, and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.engine.comparing import Seen, last_seen
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.planning.finding_linked import document_of
from ml_connector.planning.plan import ERP_KINDS, HoldReason, unpack
from ml_connector.planning.sides import Compared, Line, Pair, compared, side_of
from ml_connector.planning.vendor_sides import as_left
from ml_connector.records.vendor import Vendor
from ml_connector.store import documents, links, names, run_documents
from ml_connector.store import standings as noticed
from ml_connector.store.bulk import Transaction
from ml_connector.store.documents import About
from ml_connector.store.holds import HoldRow
from ml_connector.store.links import LinkRow
from ml_connector.store.names import NameRow
from ml_connector.store.standings import StandingRow
from ml_connector.views.document_facts import fact_form
from ml_connector.views.document_states import KIND_TITLES, LINKED_BY_ITSELF, record_title, standings
from ml_connector.views.hold_words import WORDS, thing_words
from ml_connector.views.invoiced import invoiced
from ml_connector.views.listing import PageNumber, PageSize, Words, money
from ml_connector.views.search import Find, Kind, told, vendor_names
from ml_connector.views.standing_words import side_now
from ml_connector.views.typed import plain

FIRST_RELATED = 20
"""Related documents a page shows at once; the others are a list of their own."""
BORN_THERE = frozenset({"contract", "subcontractor_invoice", "direct_cost", "vendor_there"})
"""Kinds of document that were born in Procore: their records are written in IFS."""


class DocumentLook(msgspec.Struct, frozen=True, kw_only=True):
    """Which document is meant: its kind, and its id in the system that bore it."""

    connection: Words
    kind: Kind
    id: Words

    @property
    def key(self) -> Key:
        """The document."""
        return Key(self.kind, plain(self.id))


class RecordOf(msgspec.Struct, frozen=True):
    """One record the document became on the other side."""

    kind: str
    title: str
    key: str
    system: str
    """IFS or Procore: where it is."""
    id: str
    """Its id there."""
    why: str
    decided_by: str
    at: datetime | None


class HoldOf(msgspec.Struct, frozen=True):
    """One hold of the document. `released_at` is None while it holds."""

    hold: int
    reason: str
    means: str
    remedy: str
    sentence: str
    owner: str
    waits_for: str
    money: dict[str, str] | None
    since: datetime
    released_at: datetime | None
    released_by: str


class Row(msgspec.Struct, frozen=True):
    """One line of both sides; a side that has no such line is None."""

    key: str
    text: str
    project: str
    erp: dict[str, Any] | None
    projects: dict[str, Any] | None
    agreed: dict[str, str] | None
    invoiced: dict[str, str] | None
    """What was invoiced on it so far, of an order."""
    differs: bool


class Read(msgspec.Struct, frozen=True):
    """When both sides were last read for a decision about it, and by which run."""

    run: int
    at: datetime


class Document(msgspec.Struct, frozen=True):
    """Everything about one document but its story, which is paged by itself."""

    connection: str
    kind: str
    kind_title: str
    id: str
    called: str
    title: str
    born_in: str
    """IFS or Procore."""
    state: str
    state_word: str
    sentence: str
    vendor: str
    vendor_name: str
    project: str
    project_name: str
    money: dict[str, str] | None
    read: Read | None
    """None where the evidence of the last decision is kept no longer."""
    written_at: datetime | None
    """When we wrote it after that; the side we write is then shown as we wrote it."""
    facts: list[dict[str, Any]]
    """`name`, `kind` (money, day or text), `erp`, `projects`, `agreed`, `differs`: what IFS says, what Procore has,
    what was last agreed."""
    lines: list[Row]
    differs: bool
    """Whether the two sides differed when they were last read."""
    records: list[RecordOf]
    holds: list[HoldOf]
    """Open ones first, then the latest of those that went."""
    above: list[Find]
    """What it belongs to: its vendor, project, order, invoice."""
    below: list[Find]
    """What belongs to it, the first of them."""
    more_below: bool


def show(app: App, look: DocumentLook) -> Document:
    """A document's page. NothingSuchHere when it was never looked at for this connection."""
    row, key = app.connection(look.connection), look.key
    with app.db.begin() as conn:
        about = About(row.id, (key.id,), FLOWS_OF[key.kind])
        named = names.get(conn, row.id, [key]).get(key)
        known = linked_records(conn, about, key)
        held = documents.holds_of(conn, about, offset=0, limit=10)
        if named is None and not known and not held:
            raise unheard_of(key)
        targets = [one.target_id for one in known if one.target_id]
        seen = last_seen(conn, row.id, key.kind, key.id, targets)
        written = _written_since(seen, known)
        stood = noticed.latest(conn, row.id, {one.key for one in known})
        both = _compared(key, seen, (known, stood), written=written is not None)
        rows = _rows(both, invoiced(conn, row.id, key.id) if key.kind == "order" else {})
        above = told(conn, row.name, list(names.get(conn, row.id, names.above(conn, row.id, key)).values()))
        below = names.of_document(conn, row.id, key, limit=FIRST_RELATED + 1)
        stands = standings(conn, row.id, [key])[key]
        people = _people(conn, row.id, key, named, both)
        sentence = _why_left(conn, about, key) if stands.state == "left" else ""
        return Document(
            connection=row.name,
            kind=key.kind,
            kind_title=KIND_TITLES[key.kind],
            id=key.id,
            called=(named.called if named else "") or key.id,
            title=named.title if named else "",
            born_in="Procore" if key.kind in BORN_THERE else "IFS",
            state=stands.state,
            state_word=stands.word,
            sentence=sentence or stands.sentence,
            vendor=named.party if named else "",
            vendor_name=people.get(named.party, "") if named else "",
            project=named.project if named else "",
            project_name=next((one.title for one in above if one.kind == "project" and named.project == one.id), "")
            if named
            else "",
            money=money(named.amount, named.currency) if named else None,
            read=Read(seen.run, seen.at) if seen else None,
            written_at=written,
            facts=[
                fact for fact in (fact_form(one, people) for one in both.facts) if any(fact[side] for side in _SIDES)
            ],
            lines=rows,
            differs=both.differs,
            records=[_record(one) for one in known if one.target_id and one.kind not in _SHARED],
            holds=[hold_form(one) for one in held],
            above=above,
            below=told(conn, row.name, below[:FIRST_RELATED]),
            more_below=len(below) > FIRST_RELATED,
        )


def document_for(app: App, connection: str, kind: str, number: str) -> Key:
    """The document whose page shows a record: `commitment P100001@1201` is shown on the page of order P100001.

    NothingSuchHere for a kind of record that is on no page.
    """
    row, number = app.connection(connection), plain(number)
    if kind in FLOWS_OF:
        return Key(kind, number)
    if kind == "procore_document":
        born = [Key(one, number) for one in ("subcontractor_invoice", "direct_cost", "contract")]
        with app.db.begin() as conn:
            known = names.get(conn, row.id, born)
        found = next((key for key in born if key in known), None)
    else:
        found = document_of(kind, number)
    if found is None or found.kind not in FLOWS_OF or not found.id:
        raise NothingSuchHere(
            f"{kind.replace('_', ' ').capitalize()} {number} has no page of its own.",
            remedy="Search for the document it belongs to.",
        )
    return found


def called(app: App, connection: str, key: Key) -> str:
    """What people call a document: its number, or its id where nobody wrote one down."""
    row = app.connection(connection)
    with app.db.begin() as conn:
        named = names.get(conn, row.id, [key]).get(key)
    return (named.called if named else "") or key.id


def unheard_of(key: Key) -> NothingSuchHere:
    """The error for a document nobody has ever looked at."""
    return NothingSuchHere(
        f"{KIND_TITLES[key.kind]} {key.id} has never been looked at for this connection, or was left alone.",
        remedy="Search for it by another number or name; what was made since the last run is found after the next.",
    )


def linked_records(conn: Transaction, about: About, key: Key) -> list[LinkRow]:
    """The links of a document's records, by kind and key."""
    keys = set(documents.records_of(conn, about))
    if key.kind in LINKED_BY_ITSELF:
        keys.add(key)
    return [row for _, row in sorted(links.load_many(conn, about.connection_id, keys).items())]


def hold_form(row: HoldRow) -> HoldOf:
    """A hold as pages show it."""
    words = WORDS[HoldReason(row.reason)]
    return HoldOf(
        hold=row.id,
        reason=row.reason,
        means=words.means,
        remedy=words.remedy,
        sentence=row.sentence,
        owner=row.owner,
        waits_for=thing_words(row.waits_kind, row.waits_id),
        money=money(row.amount, row.currency),
        since=row.since,
        released_at=row.released_at,
        released_by=row.released_by,
    )


def _why_left(conn: Transaction, about: About, key: Key) -> str:
    """Why a document was left alone and by which run; empty where that is kept no longer."""
    run = documents.last_looked(conn, about, key.kind)
    why = run_documents.left_because(conn, run, about.flows, key.id) if run else ""
    return f"{why} Run {run} left it alone for that." if why else ""


def _written_since(seen: Seen | None, known: Sequence[LinkRow]) -> datetime | None:
    """When the document's records were last written, if that was after both sides were read."""
    moments = [row.at for row in known if row.at and row.kind not in _SHARED]
    last = max(moments, default=None)
    return last if seen and last and last > seen.at else None


def _compared(
    key: Key,
    seen: Seen | None,
    ours_there: tuple[Sequence[LinkRow], Mapping[Key, StandingRow]],
    *,
    written: bool,
) -> Compared:
    """Both sides as they were last read; where that is not at hand, or we wrote since, as they were last agreed.

    `ours_there`: the records it became, and how each was last seen to stand, which may be later than either.
    """
    known, stood = ours_there
    agreed_rows = [unpack(row.kind, row.base) for row in known if row.base and row.kind in _AGREED.get(key.kind, ())]
    agreed = side_of(agreed_rows)
    ours = side_now(seen.erp, known, stood) if seen else None
    theirs = side_of(seen.projects) if seen else None
    if key.kind in BORN_THERE:
        left = side_now([_with_id(row) for row in known if row.base and row.kind in _AGREED[key.kind]], known, stood)
        ours = left if written else ours or left
        return compared(ours, theirs, agreed, lines_alike=key.kind != "contract")
    left = side_of([as_left(row) if isinstance(row, Vendor) else row for row in agreed_rows])
    theirs = left if written else theirs or left
    return compared(ours or (agreed if not seen else None), theirs, agreed)


def _with_id(row: LinkRow) -> Any:
    """The agreed record under its id in IFS, which it had not when it was agreed."""
    return msgspec.structs.replace(unpack(row.kind, row.base or b""), id=row.target_id)


_SIDES = ("erp", "projects", "agreed")
_SHARED = ("billing_period",)
"""Kinds of record that many documents share."""
_AGREED: Mapping[str, tuple[str, ...]] = {
    "order": ("commitment",),
    "contract": ("purchase_requisition",),
    "supplier_invoice": ("subcontractor_invoice", "direct_cost"),
    "subcontractor_invoice": ("voucher", "erp_invoice"),
    "direct_cost": ("voucher", "erp_invoice"),
    "payment": ("payment",),
    "vendor": ("vendor",),
    "vendor_there": ("supplier",),
    "project": ("project",),
    "cost_code": ("cost_code",),
}
"""Kind of document to the kinds of record whose agreed form is laid beside it."""


def _people(conn: Transaction, connection_id: int, key: Key, named: NameRow | None, both: Compared) -> dict[str, str]:
    """What vendors are called, by their id in either system, as far as the page names them."""
    told_ids = {str(value) for one in both.facts if one.name == "Vendor" for value in (one.erp, one.projects) if value}
    told_ids |= {named.party} if named and named.party else set()
    there = links.linked_to(conn, connection_id, "vendor", sorted(told_ids)) if told_ids else {}
    ours = {one: there.get(one, [one])[0] for one in told_ids}
    called = vendor_names(conn, connection_id, ours.values())
    return {one: called[mine] for one, mine in ours.items() if mine in called}


def _rows(both: Compared, billed: Mapping[str, Any]) -> list[Row]:
    return [_row(pair, both.currency, billed) for pair in both.lines]


def _row(pair: Pair, currency: str, billed: Mapping[str, Any]) -> Row:
    shown = next(line for line in (pair.erp, pair.projects, pair.agreed) if line)
    return Row(
        key=pair.key,
        text=shown.text,
        project=shown.place,
        erp=_line(pair.erp, currency),
        projects=_line(pair.projects, currency),
        agreed=money(pair.agreed.amount, currency) if pair.agreed else None,
        invoiced=money(billed[pair.key], currency) if pair.key in billed else None,
        differs=pair.differs,
    )


def _line(line: Line | None, currency: str) -> dict[str, Any] | None:
    if line is None:
        return None
    quantity = f"{line.quantity.normalize():f} {line.unit}".strip() if line.quantity is not None else ""
    return {"quantity": quantity, "money": money(line.amount, currency), "code": line.code, "text": line.text}


def _record(row: LinkRow) -> RecordOf:
    system = "IFS" if row.kind in ERP_KINDS else "Procore"
    return RecordOf(
        row.kind, record_title(row.kind), row.erp_id, system, row.target_id, row.evidence, row.decided_by, row.at
    )


class RelatedLook(DocumentLook, frozen=True, kw_only=True):
    """Whose related documents are wanted, and which page of them."""

    page: PageNumber = 1
    size: PageSize = 50


class Related(msgspec.Struct, frozen=True):
    """One page of related documents. `more`: whether another page follows."""

    results: list[Find]
    more: bool


def related(app: App, look: RelatedLook) -> Related:
    """What belongs to a document, such as a vendor's documents, a page at a time; the latest changed first."""
    row = app.connection(look.connection)
    with app.db.begin() as conn:
        found = names.of_document(conn, row.id, look.key, offset=(look.page - 1) * look.size, limit=look.size + 1)
        return Related(told(conn, row.name, found[: look.size]), len(found) > look.size)


def finds_by_kind(finds: Iterable[Find]) -> dict[str, list[Find]]:
    """Related documents put together by what they are, in the order of the kinds."""
    found: dict[str, list[Find]] = {}
    for one in finds:
        found.setdefault(one.kind, []).append(one)
    return {kind: found[kind] for kind in FLOWS_OF if kind in found}
