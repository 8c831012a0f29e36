"""Finding any document by any number or name it has in either system; and the list of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from ml_connector.app import App
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import FLOWS_OF, Query, plain, query_of
from ml_connector.store import names
from ml_connector.store.bulk import Transaction
from ml_connector.store.names import NameRow
from ml_connector.views import typed
from ml_connector.views.document_states import KIND_TITLES, Standing, standings
from ml_connector.views.listing import Column, Listing, Look, Words, listing, money

MOST = 50
"""Documents one answer names."""
Kind = Literal[
    "order",
    "contract",
    "supplier_invoice",
    "subcontractor_invoice",
    "direct_cost",
    "payment",
    "vendor",
    "vendor_there",
    "project",
    "cost_code",
]
"""Every kind of document that has a page."""
_KINDS = tuple(FLOWS_OF)
_KIND: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}


def kind_from(word: str) -> Kind:
    """The kind of document of that name; NothingSuchHere when there is none."""
    if word not in _KIND:
        raise NothingSuchHere(f"There is no kind of document called {word!r}.", remedy=f"Kinds: {', '.join(_KIND)}.")
    return _KIND[word]


class SearchLook(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for: words of numbers and names, whole or begun, in any case and order."""

    q: Words = ""
    connection: Words = ""
    """Only in this connection; empty for all."""
    kind: Kind | Literal[""] = ""
    """Only this kind of document; empty for all."""


class Find(msgspec.Struct, frozen=True):
    """One document that was found."""

    connection: str
    kind: str
    kind_title: str
    id: str
    called: str
    title: str
    vendor: str
    """IFS id of its supplier; empty when it has none."""
    vendor_name: str
    project: str
    money: dict[str, str] | None
    at: datetime
    """When its details last changed here: its numbers, title, vendor, project or amount. Its state moves by itself."""
    state: str
    state_word: str
    sentence: str


class Finds(msgspec.Struct, frozen=True):
    """What was found, the best first. `more`: there are others; say more words."""

    q: str
    results: list[Find]
    more: bool


def search(app: App, look: SearchLook) -> Finds:
    """Documents that have every word, in one connection or in all. NothingSuchHere for an unknown connection."""
    query = query_of(look.q)
    rows = [app.connection(look.connection)] if look.connection else app.connections()
    called = {row.id: row.name for row in rows}
    with app.db.begin() as conn:
        found = _found(conn, query, list(called), look.kind)
        best = sorted(found, key=lambda row: _rank(row, query, look.q))
        results = [
            one
            for number in called
            for one in told(conn, called[number], [row for row in best[:MOST] if row.connection_id == number])
        ]
    order = {(called[row.connection_id], row.kind, row.id): place for place, row in enumerate(best[:MOST])}
    results.sort(key=lambda one: order[one.connection, one.kind, one.id])
    return Finds(look.q.strip(), results, len(best) > MOST)


def _found(conn: Transaction, query: Query, connections: Sequence[int], kind: str) -> list[NameRow]:
    """What has the words; where a word like `invoice` narrowed it to nothing, it is taken for a word like others."""
    kinds = (kind,) if kind else query.kinds
    found = names.found(conn, query, connections, kinds)
    if found or kind or not query.kinds:
        return found
    return names.found(conn, query, connections)


def _rank(row: NameRow, query: Query, asked: str) -> tuple[Any, ...]:
    """Best first: called exactly so, then with the words among its own, then begun; orders before codes; newest."""
    called, wanted = plain(row.called).strip(), plain(asked).strip()
    own = {*called.split(), *plain(row.title).split(), plain(row.id)}
    exact = sum(term.whole in own for term in query.terms)
    begun = called.startswith(query.terms[-1].whole) if query.terms else False
    is_it = wanted in (called, plain(row.id)) or any(term.whole in (called, plain(row.id)) for term in query.terms)
    return (not is_it, -exact, not begun, _KINDS.index(row.kind), -row.at.timestamp(), row.id)


def told(conn: Transaction, connection: str, rows: Sequence[NameRow]) -> list[Find]:
    """Rows of one connection's book of names as they are shown, each with how it stands, in the same order."""
    if not rows:
        return []
    number = rows[0].connection_id
    stands = standings(conn, number, [Key(row.kind, row.id) for row in rows])
    vendors = vendor_names(conn, number, (row.party for row in rows))
    return [_find(connection, row, stands[Key(row.kind, row.id)], vendors) for row in rows]


def vendor_names(conn: Transaction, connection_id: int, ids: Iterable[str]) -> dict[str, str]:
    """What some suppliers are called."""
    found = names.get(conn, connection_id, {Key("vendor", one) for one in ids if one})
    return {key.id: row.title for key, row in found.items()}


def _find(connection: str, row: NameRow, stands: Standing, vendors: Mapping[str, str]) -> Find:
    return Find(
        connection=connection,
        kind=row.kind,
        kind_title=KIND_TITLES[row.kind],
        id=row.id,
        called=row.called or row.id,
        title=row.title,
        vendor=row.party,
        vendor_name=vendors.get(row.party, ""),
        project=row.project,
        money=money(row.amount, row.currency),
        at=row.at,
        state=stands.state,
        state_word=stands.word,
        sentence=stands.sentence,
    )


# the list of all --------------------------------------------------------------------------------------------------


class DocumentsLook(Look, frozen=True, kw_only=True):
    """How the list of documents is asked for."""

    connection: Words
    kind: Kind | Literal[""] = ""
    project: Words = ""
    """Only what lies on the project of this IFS id; empty for all."""


COLUMNS = (
    Column("called", "Number", "text", sortable=True),
    Column("kind", "Kind"),
    Column("title", "Title"),
    Column("vendor", "Vendor"),
    Column("project", "Project"),
    Column("money", "Amount", "money", sortable=True),
    Column("state", "State", "state"),
    Column("at", "Details changed", "moment", sortable=True),
)
"""Columns of the list of documents."""


def documents(app: App, look: DocumentsLook) -> Listing:
    """Every document of a connection, those whose details changed last first; where words or a project are asked for,
    orders before invoices, and codes last."""
    row = app.connection(look.connection)
    kinds = (look.kind,) if look.kind else ()
    with app.db.begin() as conn:
        how = (look.sort, look.down, look.page, look.size, typed.plain(look.project))
        found = names.listed(conn, names.Listed(row.id, query_of(look.q), kinds, *how))
        rows = [_row(one) for one in told(conn, row.name, found)]
    return listing(COLUMNS, rows, look, {"kind": _KINDS})


def _row(one: Find) -> dict[str, Any]:
    return {
        "called": one.called,
        "kind": one.kind_title,
        "title": one.title,
        "vendor": f"{one.vendor} {one.vendor_name}".strip(),
        "project": one.project,
        "money": one.money,
        "state": {"state": one.state, "word": one.state_word},
        "at": one.at,
        "kind_id": one.kind,
        "id": one.id,
    }
