"""One run over one connection, from reading to a report.

    recover   intents without an answer are read back first
    read      changed orders since we last looked, and contracts touched in Procore     -> spool, demand
    decide    projects, vendors, cost codes, orders; each pure, each kept at once        -> journal, holds
    gate      brakes, and approval by hash where the policy wants it                     -> free intents
    apply     stage by stage, once each                                                  -> outcomes
    settle    one transaction a slice                                                    -> links, audit
    finish    fingerprints of orders at rest, watermarks, the report

Deciding again every held record on each run is what releases holds: nobody has to name them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import msgspec
from sqlalchemy import Connection

from ml_connector.engine.applying import Applier, Recovery
from ml_connector.engine.deciding import LAPS, Decider
from ml_connector.engine.gate import check_gate
from ml_connector.engine.gathering import Gathered
from ml_connector.engine.knowing import load_links, load_rulings
from ml_connector.engine.reading import ORDER, changed_there, read_orders
from ml_connector.engine.reporting import report
from ml_connector.engine.settling import Settler
from ml_connector.engine.spool import Spool
from ml_connector.engine.work import Draft, Report, Work
from ml_connector.kernel.errors import AskPerson, ConnectorError
from ml_connector.planning.chart import Chart
from ml_connector.planning.plan import plan_hash
from ml_connector.planning.situation import Situation
from ml_connector.store import audit, holds, journal, runs, sources

OVERLAP = timedelta(minutes=5)
"""How far each look at Procore's changes reaches back over the last (facts/procore.md 18, row 23)."""


class Runner:
    """Runs a connection. `requests` tells how many requests each side has had, by read and write."""

    def __init__(self, work: Work, requests: Callable[[], dict[str, dict[str, int]]]) -> None:
        self.work = work
        self.requests = requests
        self.draft = Draft()
        self.settler = Settler(work, self.draft)
        self.looked_at: frozenset[str] = frozenset()
        """IFS projects whose changes in Procore this run has read: only their watermarks move."""
        """IFS projects whose partner Procore shows."""

    def plan(self) -> Report:
        """Decides and keeps a plan; writes nothing on either side."""
        with self.work.db.writer(self.work.connection_id) as lock:
            self.work.guard = lock.check
            return self._recorded("plan", self._plan)

    def sync(self, approved: str | None = None) -> Report:
        """Plans and applies; `approved` names a kept plan, and only what it holds is sent."""
        with self.work.db.writer(self.work.connection_id) as lock:
            self.work.guard = lock.check
            return self._recorded("sync", lambda: self._sync(approved))

    def _recorded(self, trigger: str, act: Callable[[], Report]) -> Report:
        work = self.work
        with work.db.begin() as conn:
            new = runs.NewRun(list(work.flows), trigger, work.actor, work.mapping_version)
            work.run_id = runs.start_run(conn, work.connection_id, new)
            runs.fail_left_over(conn, work.connection_id, work.run_id)
            audit.append(conn, work.connection_id, [self._entry("run:start:done")])
        work.tape.begin(work.connection_id, work.run_id)
        work.point("run.started")
        try:
            done = act()
        except BaseException as error:
            state = "stopped" if isinstance(error, AskPerson) else "failed"
            said = str(error) if isinstance(error, ConnectorError) else type(error).__name__
            with suppress(ConnectorError):  # the database may be what failed; the first error is the one to tell
                self._close(state, "", said)
            raise
        self._close("done", done.plan, "", done)
        return done

    def _close(self, state: str, plan: str, error: str, done: Report | None = None) -> None:
        work = self.work
        with work.db.begin() as conn:
            counts = {name: vars(tally) for name, tally in done.flows.items()} if done else {}
            runs.finish_run(conn, work.run_id, runs.RunEnd(state, counts, self.requests(), error))
            audit.append(conn, work.connection_id, [self._entry(f"run:finish:{state}")])
        work.tape.flush(work.db)

    def _entry(self, tag: str) -> audit.AuditEntry:
        return audit.AuditEntry(
            at=self.work.clock(),
            actor=self.work.actor,
            tag=tag,
            kind="run",
            erp_id=str(self.work.run_id),
            run_id=self.work.run_id,
        )

    def _plan(self) -> Report:
        name = self._decide()
        with self.work.db.begin() as conn:
            runs.keep_plan(conn, self.work.connection_id, self.work.run_id, name, {})
        return report(self.work, self.draft, self.settler, self.requests(), name)

    def _sync(self, approved: str | None) -> Report:
        work = self.work
        Recovery(work, self.settler).recover()
        started = work.clock()
        name = self._decide()
        with work.db.begin() as conn:
            runs.keep_plan(conn, work.connection_id, work.run_id, name, {})
        with work.db.begin() as conn:
            check_gate(conn, work, self.draft, name, approved)
        work.point("plan.kept")
        Applier(work, self.draft, self.settler).apply()
        Recovery(work, self.settler).recover()
        if not self.settler.waiting:
            with work.db.begin() as conn:
                for plan in {name, approved or name}:
                    runs.set_plan_state(conn, work.connection_id, plan, "applied")
        self._finish((started - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ"))
        return report(work, self.draft, self.settler, self.requests(), name, applied=True)

    def _decide(self) -> str:
        work, draft = self.work, self.draft
        with work.db.begin() as conn:
            journal.supersede(conn, work.connection_id, work.run_id)
            situation = self._situation(conn)
        gathered = Gathered(work)
        decider = Decider(work, draft, gathered, situation)
        if "projects" in work.flows:
            decider.projects()
        gathered.learn(decider.situation)
        decider.situation = _without_hidden(decider.situation, frozenset(gathered.targets))
        if {"vendors", "cost_codes", "purchase_orders"} & set(work.flows):
            self._documents(decider, gathered)
        return plan_hash(draft.digests)

    def _documents(self, decider: Decider, gathered: Gathered) -> None:
        work, draft = self.work, self.draft
        with Spool() as spool:
            touched = set[str]()
            if "purchase_orders" in work.flows:
                touched = changed_there(work, draft, decider.situation.links, gathered.targets)
                self.looked_at = frozenset(gathered.targets)
            with work.db.begin() as conn:  # what is held or half done is not agreed, however long ago it was touched
                touched |= sources.unsettled_ids(conn, work.connection_id, ORDER)
                touched |= holds.held_sources(conn, work.connection_id, "purchase_orders")
            decider.situation = msgspec.structs.replace(decider.situation, touched=frozenset(touched))
            demand = read_orders(work, draft, spool, decider.situation)
            chart = gathered.chart() if spool.orders else None
            if "vendors" in work.flows:
                decider.vendors(demand)
            if chart and "cost_codes" in work.flows:
                decider.cost_codes(demand, chart)
            if "purchase_orders" in work.flows:
                decider.purchase_orders(spool, demand, chart or Chart({}, {}))

    def _situation(self, conn: Connection) -> Situation:
        work = self.work
        return Situation(
            company=work.company,
            today=work.clock().astimezone(work.zone).date(),
            policies=work.policies,
            go_live=work.go_live,
            mapper=work.mapper,
            links=load_links(conn, work.connection_id),
            rulings=load_rulings(conn, work.connection_id),
            laps=sources.counters(conn, work.connection_id, LAPS),
        )

    def _finish(self, started: str) -> None:
        """Orders at rest are remembered with what they looked like; the next look at Procore starts where this did."""
        work, draft = self.work, self.draft
        work.point("run.finishing")
        at_rest = {
            order: draft.fingerprints[order]
            for order in draft.resting
            if order in draft.fingerprints and order not in self.settler.failed_sources | draft.parked
        }
        with work.db.begin() as conn:
            self.settler.rest(conn, at_rest)
            held = holds.held_sources(conn, work.connection_id, "vendors")
            rows = {
                s: f for s, f in draft.vendors.items() if s not in self.settler.failed_sources | draft.parked | held
            }
            sources.put_fingerprints(conn, sources.Seen(work.connection_id, "vendor", work.run_id, 0), rows)
            for project in sorted(self.looked_at):
                sources.move_watermark(conn, work.connection_id, f"commitments/{project}", started)
        work.tape.flush(work.db)


def _without_hidden(situation: Situation, visible: frozenset[str]) -> Situation:
    """A linked project that Procore does not show takes nothing: its records wait, and nothing is made again."""
    links = {key: link for key, link in situation.links.items() if key.kind != "project" or key.id in visible}
    return msgspec.structs.replace(situation, links=links)
