"""Our own direct costs by their number: one that somebody typed in Procore may be one of them."""

from __future__ import annotations

from collections.abc import Iterable

from ml_connector.engine.work import Work
from ml_connector.kernel.keys import Key
from ml_connector.planning.names import plain_number
from ml_connector.planning.placing import root_of
from ml_connector.planning.plan import unpack
from ml_connector.records.direct_cost import DirectCost
from ml_connector.store import links

PAGE = 500
"""Agreed records read at a time."""


def by_number(work: Work, linked: Iterable[Key]) -> dict[tuple[str, str], list[Key]]:
    """IFS project and plain number to the direct costs that bear it, each with its corrections and reversals."""
    keys = sorted(key for key in linked if key.kind == "direct_cost")
    chains: dict[Key, list[Key]] = {}
    for key in keys:  # corrections have a number of their own and belong to the first
        chains.setdefault(root_of(key), []).append(key)
    found: dict[tuple[str, str], list[Key]] = {}
    for at in range(0, len(keys), PAGE):
        with work.db.begin() as conn:
            rows = links.load_many(conn, work.connection_id, keys[at : at + PAGE])
        for key, row in rows.items():
            body = unpack("direct_cost", row.base) if row.base else None
            if isinstance(body, DirectCost):
                found.setdefault((body.project, plain_number(body.number)), []).extend(chains[root_of(key)])
    return found
