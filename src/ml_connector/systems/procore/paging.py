"""Reading a whole list page by page: `page` and `per_page` out, `Total` and `Per-Page` back (facts/procore.md 2.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ml_connector.kernel.errors import FixSetup, Unavailable
from ml_connector.kernel.keys import fingerprint
from ml_connector.systems.procore.answers import Place, reference
from ml_connector.systems.wire import WireReply

T = TypeVar("T")


def read_all(
    fetch: Callable[[int], WireReply], decode: Callable[[WireReply], list[T]], max_pages: int, place: Place
) -> list[T]:
    """All rows of a list. `fetch` brings a page (from 1). The url is ours on every page: `Link` drops the filters.

    Raises Unavailable when a list repeats its page although more rows were promised, FixSetup past `max_pages`.
    """
    rows: list[T] = []
    before = b""
    for page in range(1, max_pages + 1):
        reply = fetch(page)
        found = decode(reply)
        mark = fingerprint(reply.body)
        total = number(reply, "total")
        if page > 1 and mark == before:
            if total is not None and total > len(rows):
                raise Unavailable(
                    f"Procore repeats page {page - 1} of {place.what}: {len(rows)} of {total} rows can be read.",
                    reference=reference(reply) or None,
                )
            return rows
        before = mark
        rows += found
        if is_last(reply, len(found), len(rows), total):
            return rows
    raise FixSetup(
        f"Procore has more than {max_pages} pages of {place.what}.",
        remedy="Raise `max_pages` or `page_size` of the Procore connection.",
    )


def is_last(reply: WireReply, found: int, collected: int, total: int | None) -> bool:
    """Whether no page follows. Without headers only an empty page is the last: the server may cap `per_page`."""
    if found == 0:
        return True
    if total is not None:
        return collected >= total
    per_page = number(reply, "per-page")
    return per_page is not None and found < per_page


def number(reply: WireReply, header: str) -> int | None:
    """A header that is a count; None when it is absent or no number."""
    text = reply.headers.get(header, "")
    return int(text) if text.isdigit() else None
