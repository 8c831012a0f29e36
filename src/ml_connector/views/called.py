"""What people call records whose id is only a number of its system, out of the book of names: a page at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.planning.finding_linked import document_of
from ml_connector.store import names
from ml_connector.store.bulk import Transaction
from ml_connector.store.names import NameRow
from ml_connector.views.document_states import record_title

_NUMBERED = ("supplier_invoice", "subcontractor_invoice", "direct_cost", "payment", "contract", "vendor_there")
"""Kinds of document whose id is a number that only the system itself knows."""

NO_NAMES: Mapping[Key, str] = {}
"""For records that are called by their ids."""


def called_of(conn: Transaction, connection_id: int, keys: Iterable[Key]) -> dict[Key, str]:
    """Records to what people call them: `PM-0044` for a subcontractor invoice, or for a voucher of it; those whose id
    says as much, and those nobody wrote down, are left out."""
    documents = {key: document for key in keys if (document := document_key(key)) is not None}
    wanted = {one for one in documents.values() if one.kind in _NUMBERED}
    rows = names.get(conn, connection_id, wanted) if wanted else {}
    found = {key: _name(rows[document]) for key, document in documents.items() if document in rows}
    return {key: name for key, name in found.items() if name}


def record_called(key: Key, names: Mapping[Key, str] = NO_NAMES) -> str:
    """A record as lists of records call it, without its kind: `P100001 on project 1201`, `change 2 of P100001 on
    project 1201`; `names` as `called_of` gives them."""
    name, parts = names.get(key, ""), key.id.split("/")
    if key.kind in ("change_order", "commitment_line") and len(parts) > 4 and parts[1] == "order":
        order, project, rest = parts[2], parts[3], "/".join(parts[4:])
        what = f"change {rest.removeprefix('R')}" if key.kind == "change_order" else f"line {rest}"
        return f"{what} of {order} on project {project}"
    if name and key.kind in ("voucher", "erp_invoice"):
        part = parts[-1]
        return f"reversal of {name}" if part.startswith("r") else name if part == "1" else f"{name}, version {part}"
    own, *above = key.id.split("@")
    if not above or "/" in above[-1]:
        return name or key.id
    of_order = f" of order {above[0]}" if len(above) > 1 else ""
    return f"{name or own}{of_order} on project {above[-1]}"


def projects_called(conn: Transaction, connection_id: int, projects: Iterable[str]) -> dict[str, str]:
    """IFS project ids to what the projects are called, as far as that was ever read."""
    wanted = {Key("project", one) for one in projects if one}
    found = names.get(conn, connection_id, wanted) if wanted else {}
    return {key.id: row.title for key, row in found.items() if row.title}


class Shown(msgspec.Struct, frozen=True):
    """A record in words, and the document whose page shows it; kind and id are empty where there is no such page."""

    text: str
    kind: str = ""
    id: str = ""


def shown_on(conn: Transaction, connection_id: int, keys: Iterable[Key]) -> dict[Key, Shown]:
    """Records to what people call them, vendors and projects by their names, too, and to where they are shown."""
    documents = {key: document_key(key) for key in sorted(set(keys))}
    rows = names.get(conn, connection_id, {one for one in documents.values() if one is not None})
    numbered = {document: name for document, row in rows.items() if document.kind in _NUMBERED and (name := _name(row))}
    called = {key: numbered[document] for key, document in documents.items() if document in numbered}
    found = {}
    for key, document in documents.items():
        row = rows.get(document) if document else None
        name = f" {row.title}" if row and row.title and key.kind in ("vendor", "project") else ""
        text = f"{record_title(key.kind)} {record_called(key, called)}{name}"
        found[key] = Shown(text, row.kind, row.id) if row else Shown(text)
    return found


def document_key(key: Key) -> Key | None:
    """The document a record is, or is a part of; None for what has no page."""
    if key.kind == "procore_document":
        kind, mark, number = key.id.partition("/")
        return Key(kind, number) if mark else None
    if key.kind in FLOWS_OF and "@" not in key.id:
        return key
    return document_of(*key)


def _name(row: NameRow) -> str:
    """What a document is called, where that is another word than its id."""
    if row.called and row.called != row.id:
        return row.called.removeprefix("Payment ")
    return row.title if row.kind == "vendor_there" else ""
