"""One run over one connection, from reading to a report.

    recover   intents without an answer are read back first; what may still come keeps its document back
    read      changed orders since we last looked, and contracts touched in Procore     -> spool, demand
    decide    projects, vendors, cost codes, orders; each pure, each kept at once        -> journal, holds
    gate      brakes, and approval by hash where the policy wants it                     -> free intents
    apply     stage by stage, once each                                                  -> outcomes
    settle    one transaction a slice                                                    -> links, audit
    finish    fingerprints of orders at rest, watermarks, the report

Deciding again every held record on each run is what releases holds: nobody has to name them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import msgspec
from sqlalchemy import Connection
from structlog.contextvars import bound_contextvars

from ml_connector.engine.applying import Applier, Recovery
from ml_connector.engine.bites import Bites
from ml_connector.engine.deciding import LAPS, Decider
from ml_connector.engine.gate import Approval, check_gate, stood_still
from ml_connector.engine.holding_back import hold_back
from ml_connector.engine.knowing import load_links, load_rulings, pairs
from ml_connector.engine.meter import Meter
from ml_connector.engine.money_deciding import MoneyDecider
from ml_connector.engine.money_gathering import MoneyGathered
from ml_connector.engine.money_reading import BACK, MoneyReader
from ml_connector.engine.outcome import keep_outcome
from ml_connector.engine.outline import held_rows
from ml_connector.engine.reading import (
    ORDER,
    Demand,
    changed_there,
    read_named,
    read_orders,
    touched_there,
)
from ml_connector.engine.reporting import COUNTED, report
from ml_connector.engine.resting import Rest
from ml_connector.engine.settling import Settler
from ml_connector.engine.spool import Spool
from ml_connector.engine.standing import Standing
from ml_connector.engine.totals import Step
from ml_connector.engine.work import Draft, Halted, Outdated, Report, Work
from ml_connector.flows import budgets, cost_codes
from ml_connector.kernel.errors import AskPerson, ConnectorError
from ml_connector.planning.chart import Chart
from ml_connector.planning.plan import plan_hash
from ml_connector.planning.situation import Situation
from ml_connector.records.purchase_order import PurchaseOrder
from ml_connector.store import audit, counters, daily, holds, journal, names, plans, progress, runs, sources

ORDERS = {"vendors", "cost_codes", "purchase_orders"}
"""Flows that start from the open orders."""

OVERLAP = timedelta(minutes=5)
"""How far each look at Procore's changes reaches back over the last (facts/procore.md 18, row 23)."""


class Runner:
    """Runs a connection. `requests` tells how many requests each side has had, by read and write."""

    def __init__(self, work: Work, requests: Callable[[], dict[str, dict[str, int]]]) -> None:
        self.work = work
        self.requests = requests
        self.draft = Draft(bites=Bites(work.errand.most))
        self.settler = Settler(work, self.draft)
        self.standing = Standing(work, self.draft)
        self.meter = Meter(work, self.draft, self.settler)
        self.looked_at: frozenset[str] = frozenset()
        """IFS projects whose partner Procore shows and whose changes this run has read: only their watermarks move."""

    def plan(self) -> Report:
        """Decides and keeps a plan; writes nothing on either side."""
        with self._writing():
            return self._recorded("plan", self._plan)

    def sync(self, approval: Approval | None = None) -> Report:
        """Plans and applies; `approval` names a kept plan, and only what it holds is sent, or some projects of it.

        Outdated, and nothing is begun, when the connection was changed since this was opened; `plan` likewise.
        """
        with self._writing():
            return self._recorded("sync", lambda: self._sync(approval))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Holds the right to write: it is asked for before each batch and each request, and under each transaction."""
        work = self.work
        with work.db.writer(work.connection_id) as lock:
            work.db, work.guard, work.tape.leaving = work.db.fenced(lock), lock.check, lock.stands
            if not work.current():  # somebody changed them while this run waited for its turn
                raise Outdated
            yield

    def _recorded(self, trigger: str, act: Callable[[], Report]) -> Report:
        work = self.work
        with work.db.begin() as conn:
            new = runs.NewRun(list(work.flows), work.errand.trigger or trigger, work.actor, work.mapping_version)
            work.run_id = runs.start_run(conn, work.connection_id, new)
            runs.fail_left_over(conn, work.connection_id, work.run_id)
            if work.errand.job:  # at once, so that it can be stopped from the moment it is seen
                progress.put(conn, work.run_id, {"phase": "begins", "job": work.errand.job})
            audit.append(conn, work.connection_id, [self._entry("run:start:done")])
            work.errand.begin(conn)
        work.tape.begin(work.connection_id, work.run_id)
        work.point("run.started")
        try:
            with bound_contextvars(connection=work.name, run=work.run_id), self.meter.telling():
                work.known()
                done = act()
        except BaseException as error:
            state = "stopped" if isinstance(error, AskPerson) else "failed"
            said = str(error) if isinstance(error, ConnectorError) else type(error).__name__
            with suppress(ConnectorError):  # the database may be what failed; the first error is the one to tell
                self._close(state, "", said)
            raise
        self._close("done", done.plan, done.stopped, done)
        return done

    def _close(self, state: str, plan: str, error: str, done: Report | None = None) -> None:
        work = self.work
        with work.db.begin() as conn:
            counts = {name: vars(tally) for name, tally in done.flows.items()} if done else {}
            used = self.requests()
            runs.finish_run(conn, work.run_id, runs.RunEnd(state, counts, used, error))
            counters.bump(conn, work.connection_id, counters.sent(used))
            audit.append(conn, work.connection_id, [self._entry(f"run:finish:{state}")])
            self._sum_up(conn)
        work.tape.flush(work.db)

    def _sum_up(self, conn: Connection) -> None:
        """What it came to: the control totals, what was left alone, and what it adds to its day."""
        work, draft = self.work, self.draft
        steps = [Step(*row) for row in journal.outcomes(conn, work.connection_id, work.run_id)]
        totals = draft.ledger.totals(steps, {flow: counts["unchanged"] for flow, counts in draft.counts.items()})
        came = progress.Came(totals, draft.ledger.skips(), draft.ledger.documents(steps))
        progress.close(conn, work.run_id, self.meter.doing(), came)
        if work.errand.trigger != "plan":
            moved = sum(number for (_, what), number in self.settler.done.items() if what in COUNTED)
            day = work.clock().astimezone(work.zone).date()
            daily.note(conn, work.connection_id, day, moved, self.settler.applied)

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
        self._keep_plan(name)
        return report(self.work, self.draft, self.settler, self.requests(), name)

    def _keep_plan(self, name: str, *, approving: bool = False) -> None:
        """Keeps the plan with its outline, and who asked for it; a schedule and an event that nobody hurried are
        nobody."""
        work, draft = self.work, self.draft
        by_hand = work.errand.trigger in ("", "person")
        asked = runs.Asked(work.actor if by_hand else work.errand.asked_by, approving)
        held = pairs(draft.holds)
        with work.db.begin() as conn:
            places = names.projects_of(conn, work.connection_id, {source for source, _ in held})
            draft.outline.held = held_rows(held, places)
            runs.keep_plan(conn, work.connection_id, work.run_id, name, draft.outline.form(draft.holds), asked)
            plans.put_parts(conn, work.connection_id, name, draft.outline.parts())

    def _sync(self, approval: Approval | None) -> Report:
        work = self.work
        Recovery(work, self.settler).recover()
        started = work.clock()
        try:
            name = self._decide()
        except Halted as halted:
            return self._halted(str(halted))
        self._keep_plan(name, approving=approval is not None)
        kept = hold_back(work, self.draft)
        through = {name}
        if approval is not None or kept < len(self.draft.digests):
            with work.db.begin() as conn:
                through = check_gate(conn, work, self.draft, name, approval)
        work.point("plan.kept")
        Applier(work, self.draft, self.settler).apply()
        Recovery(work, self.settler).recover()
        self._leave()
        with work.db.begin() as conn:
            through = stood_still(conn, work, self.draft, through, approval)
            if not self.settler.waiting and not self.settler.unknown and not self.draft.left:
                for plan in through:
                    runs.set_plan_state(conn, work.connection_id, plan, "applied")
        self._finish((started - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ"))
        with work.db.begin() as conn:
            for plan in sorted({name, approval.plan if approval else name}):
                keep_outcome(conn, work.connection_id, plan)
        return report(work, self.draft, self.settler, self.requests(), name, applied=True)

    def _halted(self, why: str) -> Report:
        """The report of a run that was told to end before it sent anything: nothing of it is remembered as at rest."""
        self.draft.stopped = why
        self._leave()
        return report(self.work, self.draft, self.settler, self.requests(), "", applied=True)

    def _decide(self) -> str:
        work, draft = self.work, self.draft
        with work.db.begin() as conn:
            situation = self._situation(conn)
        gathered = MoneyGathered(work)
        decider = Decider(work, draft, gathered, situation)
        if "projects" in work.flows and not work.scope.idle("projects"):
            decider.projects()
        gathered.learn(decider.situation)
        decider.situation = _without_hidden(decider.situation, frozenset(gathered.targets))
        self.looked_at = frozenset(gathered.targets)
        if set(work.flows) - {"projects"}:
            self._documents(decider, gathered)
        self._put_aside()
        return plan_hash(draft.digests)

    def _put_aside(self) -> None:
        """What earlier runs left of the flows that were decided anew; of one that stands still it waits as it did."""
        work, draft = self.work, self.draft
        looked = [flow for flow in work.flows if flow not in draft.still]
        with work.db.begin() as conn:
            if not work.scope.keyed:  # it decides again only what was named: all else that waits still does
                journal.supersede(conn, work.connection_id, work.run_id, looked)
            if draft.still:
                runs.looked_at(conn, work.run_id, looked)

    def _documents(self, decider: Decider, gathered: MoneyGathered) -> None:
        """Everything is read before anything is decided: vendors and codes are asked for by orders and invoices."""
        work, draft = self.work, self.draft
        with Spool(PurchaseOrder) as spool:
            demand = self._orders(decider, gathered, spool) if self._wants_orders() else Demand()
            if draft.bites.cut:  # contracts touched there are asked for again by the next run
                draft.bites.leave("commitments", gathered.targets)
                draft.found.clear()
            money = MoneyReader(work, draft, gathered, decider.situation).read(demand)
            try:
                later = MoneyDecider(decider, gathered, money)
                self._masters(decider, later, demand, gathered)
                if "purchase_orders" in work.flows:
                    chart = gathered.chart() if spool.records else Chart({}, {})
                    decider.purchase_orders(spool, demand, chart)
                for flow, act in (
                    ("budgets", later.budgets),
                    ("supplier_invoices", later.supplier_invoices),
                    ("subcontractor_invoices", later.subcontractor_invoices),
                    ("direct_costs", later.direct_costs),
                    ("payments", later.payments),  # last: what was just seen to be sent back is not paid
                ):
                    takes_part = flow in work.flows and not work.scope.idle(flow)
                    if takes_part and flow not in draft.still and flow not in draft.bites.skipped:
                        with self.standing.apart(flow):
                            act()
            finally:
                money.close()

    def _wants_orders(self) -> bool:
        """Whether orders are to be read: for themselves, or for the vendors and codes that all of them need."""
        work = self.work
        return "purchase_orders" in work.flows or any(work.scope.whole(flow) for flow in ORDERS & set(work.flows))

    def _orders(self, decider: Decider, gathered: MoneyGathered, spool: Spool[PurchaseOrder]) -> Demand:
        work, draft = self.work, self.draft
        touched = set[str]()
        if not work.scope.whole("purchase_orders"):
            return self._named_orders(decider, gathered, spool)
        if "purchase_orders" in work.flows:
            touched = changed_there(work, draft, decider.situation.links, gathered.targets)
        with work.db.begin() as conn:  # what is held or half done is not agreed, however long ago it was touched
            touched |= sources.unsettled_ids(conn, work.connection_id, ORDER)
            touched |= holds.held_sources(conn, work.connection_id, "purchase_orders")
        decider.situation = msgspec.structs.replace(decider.situation, touched=frozenset(touched))
        return read_orders(work, draft, spool, decider.situation)

    def _named_orders(self, decider: Decider, gathered: MoneyGathered, spool: Spool[PurchaseOrder]) -> Demand:
        """Only the orders that were named, by themselves or by their contract; of what is not agreed both sides."""
        work = self.work
        touched = touched_there(work, self.draft, decider.situation, gathered.targets)
        with work.db.begin() as conn:
            open_ones = sources.unsettled_ids(conn, work.connection_id, ORDER)
            open_ones |= holds.held_sources(conn, work.connection_id, "purchase_orders")
        touched |= open_ones & work.scope.ours("purchase_orders")
        decider.situation = msgspec.structs.replace(decider.situation, touched=frozenset(touched))
        return read_named(work, self.draft, spool, decider.situation)

    def _masters(self, decider: Decider, later: MoneyDecider, demand: Demand, gathered: MoneyGathered) -> None:
        flows, estimates = self.work.flows, later.money.estimates
        scope = self.work.scope
        if "vendors" in flows:
            decider.vendors(demand)
            later.proposals()
        if estimates and "budgets" not in self.draft.still:
            zeroed = self.work.policies.budgets.strangers == "zero"
            with self.standing.apart("budgets"):
                theirs = gathered.budgets(later.budgeted()) if zeroed else None
                demand.extra |= budgets.wanted_codes(decider.situation, gathered.chart(), estimates, theirs)
                demand.projects |= {one.project for one in demand.extra}
        all_codes = "cost_codes" in flows and scope.whole("cost_codes")
        if all_codes and any(key.kind == "cost_code" for key in decider.situation.links):
            renamed = cost_codes.renamed(decider.situation, gathered.chart())
            demand.extra |= renamed
            ended = cost_codes.ended(decider.situation, gathered.chart())
            demand.projects |= ({one.project for one in renamed} | ended) & gathered.targets.keys()
        else:
            ended = set()
        everything = all_codes and self.work.policies.cost_codes.scope == "all"
        if "cost_codes" in flows and (demand.combinations or demand.extra or ended or everything):
            decider.cost_codes(demand, gathered.chart())
        if "dimensions" in flows and not scope.idle("dimensions"):
            with self.standing.apart("dimensions"):
                later.dimensions()

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

    def _leave(self) -> None:
        """What was not sent because it was enough stays planned; its documents are looked at again by the next run."""
        if self.draft.stopped:
            with self.work.db.begin() as conn:
                left = journal.left_planned(conn, self.work.connection_id, self.work.run_id)
            self.draft.left += sum(left.values())
            self.draft.parked |= left.keys()

    def _finish(self, started: str) -> None:
        """Orders at rest are remembered with what they looked like; the next look at Procore starts where this did."""
        work, draft = self.work, self.draft
        work.point("run.finishing")
        rest = Rest(work, draft, self.settler.failed_sources | draft.parked | draft.unsure)
        with work.db.begin() as conn:
            self.settler.rest(conn, rest.orders())
            rest.refused(conn, self.settler.well)
            rest.vendors(conn)
            rest.documents(conn)
            self.standing.released(conn)
            whole = [flow for flow in work.flows if work.scope.whole(flow) and flow not in draft.still]
            readings = ["commitments"] if "purchase_orders" in whole else []
            readings += [flow for flow in BACK if flow in whole]
            read = {f"{reading}/{project}" for project in self.looked_at for reading in readings} - draft.bites.unread
            sources.move_watermarks(conn, work.connection_id, dict.fromkeys(sorted(read), started))
        work.tape.flush(work.db)


def _without_hidden(situation: Situation, visible: frozenset[str]) -> Situation:
    """A linked project that Procore does not show takes nothing: its records wait, and nothing is made again."""
    hidden = {key for key in situation.links if key.kind == "project" and key.id not in visible}
    links = {key: link for key, link in situation.links.items() if key not in hidden}
    return msgspec.structs.replace(situation, links=links, hidden=frozenset(key.id for key in hidden))
