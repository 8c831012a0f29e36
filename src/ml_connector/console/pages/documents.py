"""Pages of documents: the list, one document from every side, and one request with its answer."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import documents as acts
from ml_connector.console.exporting import export
from ml_connector.console.page import Page, Route
from ml_connector.kernel.errors import AskPerson, BadInput, NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.views.document_states import KIND_TITLES
from ml_connector.views.documents import DocumentLook, RelatedLook, called, document_for, finds_by_kind
from ml_connector.views.listing import PageNumber
from ml_connector.views.search import DocumentsLook, Find, kind_from

FIRST_HOPS = 12
"""Hops the first part of a page shows."""
DECIDED_ONCE = frozenset({"order", "supplier_invoice", "payment", "subcontractor_invoice", "direct_cost"})
"""Kinds of document that come to rest, so that one can be decided again; the others are looked at by every run."""
MANY: dict[str, str] = {
    "order": "Orders",
    "contract": "Contracts from Procore",
    "supplier_invoice": "Supplier invoices",
    "subcontractor_invoice": "Subcontractor invoices",
    "direct_cost": "Direct costs",
    "payment": "Payments",
    "vendor": "Vendors",
    "vendor_there": "Vendors from Procore",
    "project": "Projects",
    "cost_code": "Cost codes",
}
"""What several documents of a kind are called."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a document's page is wanted, and which page of that part."""

    part: Literal["", "story", "related", "audit", "replay"] = ""
    page: PageNumber = 1
    mapping: Literal["then", "now"] = "now"


def address_of(connection: str, kind: str, number: str) -> str:
    """Where a document's page is."""
    return f"/c/{quote(connection, safe='')}/documents/{quote(kind, safe='')}/{quote(number, safe='/')}"


def addressed(find: Find) -> dict[str, Any]:
    """A found document with the addresses of its page and its vendor's."""
    vendor = address_of(find.connection, "vendor", find.vendor) if find.vendor else ""
    return {
        **msgspec.structs.asdict(find),
        "href": address_of(find.connection, find.kind, find.id),
        "vendor_href": vendor,
    }


def documents(page: Page) -> Response:
    """Every document of a connection."""
    look = page.query(DocumentsLook)
    how = page.request.query_params.get("as", "")
    if how in ("csv", "xlsx"):
        return export(page, how, "documents", look, lambda one: page.do(acts.LIST, one))
    listing = page.do(acts.LIST, look)
    for row in listing.rows:
        row["href"] = address_of(page.connection, row["kind_id"], row["id"])
    return page.render("documents/list.html", listing=listing)


def document(page: Page) -> Response:
    """One document; the address of one of its records leads to it."""
    key = document_for(page.app, page.connection, page.part("kind"), page.part("id"))
    if key.kind != page.part("kind"):
        return page.redirect(address_of(page.connection, *key))
    asked = page.query(Part)
    look = DocumentLook(connection=page.connection, kind=kind_from(key.kind), id=key.id)
    if asked.part:
        return _part(page, key, asked)
    shown = page.do(acts.SHOW, look)
    story = page.do(
        acts.STORY, RelatedLook(connection=page.connection, kind=kind_from(key.kind), id=key.id, size=FIRST_HOPS)
    )
    groups = finds_by_kind(shown.below)
    return page.render(
        "documents/one.html",
        **_frame(page, key, "", _titled(shown.kind_title, shown.called)),
        document=shown,
        above=[addressed(one) for one in shown.above],
        groups=[(MANY[kind], [addressed(one) for one in found]) for kind, found in groups.items()],
        hops=_hops(page, story.hops),
        more=story.more,
        vendor_href=address_of(page.connection, "vendor", shown.vendor) if shown.vendor else "",
        project_href=address_of(page.connection, "project", shown.project) if shown.project else "",
    )


def _part(page: Page, key: Key, asked: Part) -> Response:
    look = RelatedLook(connection=page.connection, kind=kind_from(key.kind), id=key.id, page=asked.page)
    title = _titled(KIND_TITLES[key.kind], called(page.app, page.connection, key))
    frame = _frame(page, key, asked.part, title) | {"number": asked.page}
    if asked.part == "story":
        story = page.do(acts.STORY, look)
        return page.render("documents/story.html", **frame, hops=_hops(page, story.hops), more=story.more)
    if asked.part == "related":
        found = page.do(acts.RELATED, look)
        finds = [addressed(one) for one in found.results]
        return page.render("documents/related.html", **frame, finds=finds, more=found.more)
    if asked.part == "audit":
        rows = page.do(acts.AUDIT, look)
        return page.render("documents/audit.html", **frame, rows=rows.rows, more=rows.more)
    return _replay(page, key, asked.mapping, frame)


def _replay(page: Page, key: Key, mapping: Literal["then", "now"], frame: dict[str, Any]) -> Response:
    look = acts.ReplayLook(connection=page.connection, kind=kind_from(key.kind), id=key.id, mapping=mapping)
    gone = ""
    try:
        again = page.do(acts.REPLAY, look)
    except NothingSuchHere as error:
        again, gone = None, error.sentence
    return page.render(
        "documents/replay.html",
        **frame,
        again=again,
        gone=gone,
        mapping=mapping,
        applies=key.kind in DECIDED_ONCE and page.can("work"),
        action=address_of(page.connection, *key).replace("/documents/", "/again/", 1),
    )


def apply(page: Page) -> Response:
    """Has a document decided again for real."""
    back = address_of(page.connection, page.part("kind"), page.part("id"))
    try:
        given = page.posted(acts.Again)
        asked = page.do(acts.AGAIN, given)
    except (BadInput, AskPerson) as error:
        return page.redirect(f"{back}?part=replay", f"{error.sentence} {error.remedy}", "bad")
    said = "It is decided again now; this page tells what came of it."
    if not asked.workers:
        said = "It is to be decided again. A run does that as soon as a process that works is there."
    return page.redirect(back, said, "good" if asked.workers else "info")


def exchange(page: Page) -> Response:
    """One request and its answer."""
    found = page.do(acts.EXCHANGE, page.query(acts.ExchangeLook))
    return page.render("documents/exchange.html", exchange=found)


def _frame(page: Page, key: Key, part: str, title: str) -> dict[str, Any]:
    """What every part of a document's page has."""
    home = address_of(page.connection, *key)
    tabs = [
        ("", "Overview", home, None),
        ("story", "Story", f"{home}?part=story", None),
        ("related", "Belongs together", f"{home}?part=related", None),
        ("replay", "Replay", f"{home}?part=replay", None),
        ("audit", "Audit", f"{home}?part=audit", None),
    ]
    return {"key": key, "home": home, "tabs": tabs, "current": part, "title": title, "list": _list(page)}


def _titled(kind: str, called: str) -> str:
    """`Order P100001`, and `Payment 22` where a payment's number says already what it is."""
    return called if called.startswith(f"{kind} ") else f"{kind} {called}"


def _list(page: Page) -> str:
    return f"/c/{quote(page.connection, safe='')}/documents"


def _hops(page: Page, hops: list[Any]) -> list[dict[str, Any]]:
    """Hops with the addresses of their runs and requests."""
    base = f"/c/{quote(page.connection, safe='')}"
    return [
        {
            "at": hop.at,
            "state": hop.state,
            "title": hop.title,
            "text": hop.sentence,
            "who": hop.who,
            "run": hop.run,
            "run_href": f"{base}/runs/{hop.run}" if hop.run else "",
            "money": hop.money,
            "reference": hop.reference,
            "record": hop.record,
            "exchanges": [{"one": one, "href": f"{base}/exchanges/{one.exchange}"} for one in hop.exchanges],
        }
        for hop in hops
    ]


PAGES: tuple[Route, ...] = (
    Route("/c/{connection}/documents", documents),
    Route("/c/{connection}/documents/{kind}/{id:path}", document),
    Route("/c/{connection}/again/{kind}/{id:path}", apply, ("POST",), Permission.WORK),
    Route("/c/{connection}/exchanges/{exchange}", exchange),
)
"""Documents."""
