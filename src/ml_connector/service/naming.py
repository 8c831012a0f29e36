"""Writes down what links from before an upgrade are found by: once for each connection, in slices."""

from __future__ import annotations

from collections.abc import Iterator

from ml_connector.app import App
from ml_connector.engine.knowing import hold_of
from ml_connector.engine.naming import entries_of_links
from ml_connector.kernel.keys import Key
from ml_connector.planning.finding import of_hold
from ml_connector.service.duty import Duty
from ml_connector.service.stepping import Step
from ml_connector.store import holds, links, names, sources
from ml_connector.store.connections import ConnectionRow

SLICE = 2_000
"""Links of one transaction."""
_DONE = "names/filled"
"""Watermark: kind and id of the last link that was written down; `all` once nothing is left."""
_KINDS = (
    *("vendor", "supplier", "project", "cost_code", "budget_code", "commitment", "change_order"),
    *("purchase_requisition", "subcontractor_invoice", "direct_cost", "payment", "voucher", "erp_invoice"),
)
"""Kinds of link that say something; vendors first, for their documents are found by their names."""


def naming(duty: Duty, _at: str) -> Iterator[Step]:
    """The step of the night: goes on from where it was left, and has nothing to do once all is written down."""
    assert duty.connection is not None
    while fill_slice(duty.app, duty.connection):
        yield Step("goes on", "")
    yield Step("", "")


def fill(app: App, row: ConnectionRow) -> None:
    """All of it at once."""
    while fill_slice(app, row):
        app.progress("links written down", SLICE)


def fill_slice(app: App, row: ConnectionRow) -> bool:
    """One slice in one transaction; whether anything is left."""
    with app.db.begin() as conn:
        kind, _, record = (sources.watermark(conn, row.id, _DONE) or f"{_KINDS[0]} ").partition(" ")
        if kind not in _KINDS:
            return False
        found = links.listed_behind(conn, row.id, Key(kind, record), SLICE)
        entries = entries_of_links(found)
        names.put(conn, row.id, entries, fresh=False)
        names.inherit(conn, row.id, (Key(entry.kind, entry.id) for entry in entries if not entry.party))
        place = _KINDS.index(kind)
        if len(found) == SLICE:
            stands = f"{kind} {found[-1].erp_id}"
        elif place + 1 < len(_KINDS):
            stands = f"{_KINDS[place + 1]} "
        else:
            held = (of_hold(hold_of(hold)) for hold in holds.open_holds(conn, row.id))
            names.put(conn, row.id, (entry for entry in held if entry), fresh=False)
            stands = "all"
        sources.move_watermarks(conn, row.id, {_DONE: stands})
    return stands != "all"
