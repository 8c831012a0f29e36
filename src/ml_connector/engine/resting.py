"""Documents that came to rest are remembered as they looked, so that they are passed over until they change."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, partial

from sqlalchemy import Connection

from ml_connector.engine.knowing import hold_entries, hold_of
from ml_connector.engine.money_reading import PAYMENT, WHERE
from ml_connector.engine.standing import APART
from ml_connector.engine.work import Draft, Work
from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import HoldReason
from ml_connector.store import audit, holds, sources
from ml_connector.store.holds import Change

FLOW_OF = {kind: flow for flow, kind in APART.items() if kind}
"""Kind of document to the flow that decides it."""


class Rest:
    """What of one run may be passed over next time: what is held, failed or was left out of the plan may not."""

    def __init__(self, work: Work, draft: Draft, restless: Collection[tuple[str, str]]) -> None:
        """`restless`: (flow, document) of every document with a step that did not end well."""
        self.work = work
        self.draft = draft
        self.restless = restless

    def orders(self) -> dict[str, bytes]:
        """Orders at rest, with the fingerprint they were decided with."""
        known = self.draft.fingerprints
        return {
            order: known[order]
            for order in self.draft.resting
            if order in known and ("purchase_orders", order) not in self.restless
        }

    def vendors(self, conn: Connection) -> None:
        """Suppliers at rest."""
        self._keep(conn, "vendor", self._waiting(conn, "vendors"), self.draft.vendors, 0)

    def refused(self, conn: Connection, well: Collection[Key]) -> None:
        """What was refused and has gone well now waits no more, whatever it hangs on: a vendor, a code, a contract.

        One with a step that was left out of the plan still waits.
        """
        work = self.work
        refused = [row for row in holds.open_holds(conn, work.connection_id) if row.reason == HoldReason.REFUSED.value]
        tried = [row for row in refused if (row.flow, row.source) not in self.restless]
        done = [row.id for row in tried if hold_of(row).key in well]
        gone = holds.release(conn, work.connection_id, done, work.actor)
        change = Change([], gone)
        audit.append(conn, work.connection_id, hold_entries(change, work.clock(), work.actor, work.run_id))
        self.draft.released += len(gone)

    def documents(self, conn: Connection) -> None:
        """Invoices, payments and what was born in Procore; of the held ones, where to look for them again."""
        number, waiting = self.work.connection_id, cache(partial(self._waiting, conn))
        for kind, prints in self.draft.documents.items():
            if prints:
                version = 0 if kind == PAYMENT else self.work.mapping_version
                self._keep(conn, kind, waiting(FLOW_OF[kind]), prints, version)
        for kind, ids in self.draft.ended.items():
            if ids:
                sources.mark_missing(conn, number, kind, ids - waiting(FLOW_OF[kind]))
        for flow, where in self.draft.where.items():
            if not where:
                continue
            held = waiting(flow)
            kept = {f"{WHERE}{flow}/{one}": where[one] for one in sorted(where.keys() & held)}
            sources.move_watermarks(conn, number, kept)
            sources.drop_watermarks(conn, number, [f"{WHERE}{flow}/{one}" for one in where.keys() - held])
        sources.move_watermarks(conn, number, self.draft.census)

    def _waiting(self, conn: Connection, flow: str) -> set[str]:
        """Documents of a flow that are held, failed or were left out."""
        held = holds.held_sources(conn, self.work.connection_id, flow)
        return held | {document for one, document in self.restless if one == flow}

    def _keep(self, conn: Connection, kind: str, waiting: set[str], prints: dict[str, bytes], version: int) -> None:
        rows = {one: seen for one, seen in prints.items() if one not in waiting}
        seen = sources.Seen(self.work.connection_id, kind, self.work.run_id, version)
        sources.put_fingerprints(conn, seen, rows)
