"""The documents of one run, one by one: what its control totals count, but for what was unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from ml_connector.app import App
from ml_connector.engine.totals import BY_DOCUMENT, KEPT
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import FLOWS_OF, query_of
from ml_connector.registry import FLOWS
from ml_connector.store import names, run_documents, runs
from ml_connector.store.bulk import Transaction
from ml_connector.store.names import NameRow
from ml_connector.store.run_documents import DocumentRow
from ml_connector.views.called import Shown, shown_on
from ml_connector.views.listing import Column, Listing, Look, Words, listing, money
from ml_connector.views.runs import RunNumber
from ml_connector.views.search import vendor_names
from ml_connector.views.typed import plain

WORDS: Mapping[str, str] = {
    "out": "Out",
    "held": "Held",
    "refused": "Refused",
    "unknown": "Unknown",
    "left": "Left",
    "skipped": "Skipped",
    "gone": "Gone",
}
"""What became of a document to the word of the control totals."""
_WHY: Mapping[str, str] = {
    "unknown": "It was sent and no answer came: it is read back first.",
    "left": "It was planned and not sent: it waits for approval, for time, or for the next share of a long work.",
    "gone": "It was looked for and is not there any more.",
    "held": "A step of it waits for what it needs, or for another plan.",
    "refused": "The other side refused a step of it.",
}
_COLUMNS = (
    Column("document", "Document", "link"),
    Column("flow", "Flow"),
    Column("fate", "What became of it", "state"),
    Column("why", "Why"),
    Column("title", "Title"),
    Column("vendor", "Vendor"),
    Column("money", "Amount", "money"),
)


class RunDocumentsLook(Look, frozen=True, kw_only=True):
    """Which documents of a run: of a flow, and by what became of them; an empty filter leaves none out."""

    connection: Words
    run: RunNumber
    flow: Words = ""
    fate: Words = ""


def listed(app: App, look: RunDocumentsLook) -> Listing:
    """A page of a run's documents, in the order of the flows. NothingSuchHere when the connection has no such run."""
    if look.sort:
        raise BadInput("This list has one order, that of the flows.", remedy="Leave out the sorting.")
    row = app.connection(look.connection)
    with app.db.begin() as conn:
        runs.get_run(conn, row.id, look.run)
        query = query_of(look.q)
        called = [one.id for one in names.found(conn, query, [row.id])] if query.terms else []
        wanted = run_documents.Wanted(
            look.run, plain(look.flow), plain(look.fate), plain(look.q), called, tuple(FLOWS), KEPT
        )
        found = run_documents.found(conn, wanted, look.page, look.size)
        known = _known(conn, row.id, look.run, found)
    rows = [_row(look.connection, one, known) for one in found]
    return listing(_COLUMNS, rows, look, {"flow": tuple(FLOWS), "fate": tuple(WORDS)})


class _Known(NamedTuple):
    """What was looked up for a page."""

    keys: Mapping[DocumentRow, Key]
    names: Mapping[Key, NameRow]
    shown: Mapping[Key, Shown]
    vendors: Mapping[str, str]
    held: Mapping[tuple[str, str], str]


def _known(conn: Transaction, connection_id: int, run: int, rows: Sequence[DocumentRow]) -> _Known:
    maybe = {row: _keys(row) for row in rows}
    named = names.get(conn, connection_id, {key for keys in maybe.values() for key in keys})
    keys = {row: next((key for key in found if key in named), found[0]) for row, found in maybe.items()}
    held = [keys[row].id for row in rows if row.fate in ("held", "refused")]
    return _Known(
        keys,
        named,
        shown_on(conn, connection_id, keys.values()),
        vendor_names(conn, connection_id, (row.party for row in named.values())),
        run_documents.held_because(conn, connection_id, run, held) if held else {},
    )


def _keys(row: DocumentRow) -> list[Key]:
    """What a document may be: the invoices and the contracts of Procore go in one flow."""
    if row.flow in BY_DOCUMENT:
        return [Key(kind, row.unit) for kind, flows in reversed(FLOWS_OF.items()) if row.flow in flows]
    kind, _, number = row.unit.partition(":")
    return [Key(kind, number)]


def _row(connection: str, row: DocumentRow, known: _Known) -> dict[str, Any]:
    key = known.keys[row]
    shown, named = known.shown[key], known.names.get(key)
    text = shown.text[:1].upper() + shown.text[1:]
    href = f"/c/{quote(connection, safe='')}/documents/{shown.kind}/{quote(shown.id, safe='/')}" if shown.kind else ""
    return {
        "document": {"href": href, "text": text} if href else text,
        "flow": row.flow.replace("_", " ").capitalize(),
        "fate": {"state": row.fate, "word": WORDS[row.fate]},
        "why": row.why or known.held.get((row.flow, key.id), "") or _WHY.get(row.fate, ""),
        "title": named.title if named else "",
        "vendor": f"{named.party} {known.vendors.get(named.party, '')}".strip() if named else "",
        "money": money(named.amount, named.currency) if named else None,
        "kind_id": key.kind,
        "id": key.id,
    }
