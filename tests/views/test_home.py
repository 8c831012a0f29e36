"""Home and health: one sentence that is right, freshness, held money, the figure that must read 0, what one does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.access.permissions import Role, permissions_of
from ml_connector.access.principal import Principal
from ml_connector.actions import health as acts
from ml_connector.actions import home as home_acts
from ml_connector.actions.action import Action, Nothing
from ml_connector.actions.perform import perform
from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, NotAllowed, NothingSuchHere, SignInRefused
from ml_connector.planning.mapping import DEFAULT
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import breaking, exposing, jobs, pausing, proving
from ml_connector.service.duty import Duty
from ml_connector.service.laying import lay_out
from ml_connector.service.status import status
from ml_connector.service.tasks import TASKS
from ml_connector.settings import Settings
from ml_connector.store import agenda, alerts, causes, daily, parked, workers
from ml_connector.store.agenda import Laid
from ml_connector.store.alerts import URGENT, WARNING, Alert
from ml_connector.store.daily import DayRow
from ml_connector.store.parked import GivenUp
from ml_connector.store.signals import Held, signals
from ml_connector.store.workers import WorkerRow
from ml_connector.views import home_flows
from ml_connector.views.days import DAYS, last_days
from ml_connector.views.health import health
from ml_connector.views.home import Card, home
from ml_connector.views.inbox import standing
from ml_connector.views.menu import MenuCounts
from ml_connector.views.under_way import under_way
from ml_connector.views.verdict import FAILED, GOOD, NONE, RETURNED, WAITING, Facts, Verdict, verdict, worst
from ml_connector.wiring import mapping_text
from store.cluster import Cluster


def known(name: str, role: Role) -> Principal:
    return Principal(user_id=1, name=name, title=name, role=role, permissions=permissions_of(role))


OTTO, VERA = known("otto", Role.OPERATOR), known("vera", Role.VIEWER)

# decided without anything ------------------------------------------------------------------------------------------

ORDER: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"broken": "Procore is not called: no."}, FAILED, "Procore is not called: no."),
    ({"exposure": "12.00 USD"}, FAILED, "12.00 USD would be counted twice in Procore."),
    (
        {"worker": False, "paused": ""},
        FAILED,
        "Nothing runs: whoever looks after the installation must start the service.",
    ),
    ({"urgent": "It burns."}, FAILED, "It burns."),
    ({"late": ("payments",)}, FAILED, "Payments is not as fresh as agreed."),
    ({"missing": "5.00 USD"}, RETURNED, "5.00 USD that was placed in Procore is not there any more."),
    ({"paused": "ann: closed"}, NONE, "Paused by ann: closed. Nothing runs until somebody resumes it."),
    ({"parked": 2}, RETURNED, "2 jobs were given up and wait for a person."),
    ({"plans": 1}, WAITING, "A plan waits for approval: nothing of it is sent before."),
    ({"warning": "It smokes."}, RETURNED, "It smokes."),
    (
        {"unknown": 2, "unknown_money": ("8.00 USD", "1.00 EUR")},
        RETURNED,
        "What became of 2 writes (8.00 USD, 1.00 EUR) is not known: the next run asks.",
    ),
    ({"aging": ("payments", "vendors")}, RETURNED, "Payments, vendors are close to being too old."),
    (
        {"exposure_old": "3 days ago"},
        RETURNED,
        "The exposure was computed 3 days ago: whether it reads 0 is not known today.",
    ),
    ({"scheduled": False}, NONE, "Nothing is scheduled yet: no worker has looked at this connection."),
    ({"never": ("payments", "cost_codes")}, NONE, "Not run well yet: payments, cost codes."),
    (
        {"held": 3, "held_money": ("9.00 USD",)},
        WAITING,
        "Payments is paused by ann: closed. Everything else runs and the exposure reads 0. 3 documents wait for a "
        "person (9.00 USD).",
    ),
    (
        {"paused_flows": (("payments", "ann: closed."),)},
        NONE,
        "Payments is paused by ann: closed. Everything else runs, nothing is held, and the exposure reads 0.",
    ),
    ({}, GOOD, "Everything is all right: all flows are fresh, nothing is held, the exposure reads 0."),
)
"""What is true, from the worst on, with the tone and the sentence of the answer."""


def test_the_worst_is_said_first() -> None:
    together: dict[str, Any] = {}
    for facts, tone, sentence in reversed(ORDER):
        if facts == {"scheduled": False}:
            assert verdict(Facts(**facts)).sentence == sentence
            continue
        together |= facts
        found = verdict(Facts(**together))
        assert (found.tone, found.sentence) == (tone, sentence), facts
    unsure = verdict(Facts(exposure_known=False))
    assert "the exposure was not computed yet" in unsure.sentence
    assert unsure.tone == NONE, "what nobody knows is not all right"
    both = verdict(Facts(paused_flows=(("payments", "ann"), ("vendors", "ann")), exposure_known=False))
    assert both.sentence.startswith("Payments, vendors are paused. Everything else runs, nothing is held, and the exp")
    assert verdict(Facts(held=3)).sentence.startswith("Everything runs and the exposure reads 0. 3 documents wait")
    assert verdict(Facts(held=3, hidden=2)).sentence.startswith("Procore does not show us a project any more")
    assert "read 0 when it was computed, before the last sending" in verdict(Facts(exposure_before=True)).sentence
    assert verdict(Facts(paused="ann: x", setting_up=True)).word == "being set up"
    assert verdict(Facts(paused="ann: x", worker=False)).word == "paused", "nothing is to run"


def test_several_connections_are_as_well_as_the_worst_of_them() -> None:
    good, bad = Verdict(GOOD, "all right", "Fine."), Verdict(FAILED, "late", "Late.")
    assert worst([("A", good), ("B", good)]) == good
    assert worst([("A", good), ("B", bad)]) == Verdict(FAILED, "late", "B: Late.")
    assert worst([("A", good), ("B", bad), ("C", bad)]) == Verdict(FAILED, "late", "B: Late. Look at C as well.")
    assert worst([("A", bad)]) == bad
    assert worst([]).tone == NONE


def test_what_is_held_stays_held_until_a_later_day_says_otherwise() -> None:
    today = date(2026, 11, 27)

    def row(back: int, currency: str, moved: str, held: str) -> DayRow:
        return DayRow(today - timedelta(days=back), currency, Decimal(moved), Decimal(held))

    rows = [row(35, "", "9", "4"), row(35, "USD", "9", "40"), row(3, "", "2", "1"), row(3, "USD", "5.5", "7")]
    days = last_days(rows, today)
    assert (len(days), days[0].day, days[-1].day) == (DAYS, date(2026, 10, 29), today)
    assert [(one.moved, one.held) for one in days] == [(0, 4)] * 26 + [(2, 1)] + [(0, 1)] * 3
    assert (days[0].held_money, days[26].moved_money, days[-1].held_money) == (
        {"USD": "40.00"},
        {"USD": "5.50"},
        {"USD": "7.00"},
    )


# over a real connection --------------------------------------------------------------------------------------------


class Room:
    """A connection after its first sync, with a timetable and a worker."""

    def __init__(self, app: App, box: RunningSandbox) -> None:
        self.app = app
        self.box = box
        app.add_connection("north", box.connection_text())
        told = [app.sync("north", ["projects", "vendors"]), app.sync("north")]
        tallies = [tally for report in told for tally in report.flows.values()]
        self.moved = sum(tally.created + tally.updated + tally.linked for tally in tallies)
        self.sync_again()

    def sync_again(self) -> None:
        """The timetable is laid out, every flow has just run well, and a worker is alive."""
        lay_out(self.app, TASKS)
        now = datetime.now(UTC)
        with self.app.db.begin() as conn:
            conn.exec_driver_sql("UPDATE agenda SET well_at = now(), due_at = now() + interval '15 minutes'")
            workers.beat(conn, WorkerRow("w1", "worker", "here", 1, 1, now, now, False))

    @property
    def card(self) -> Card:
        """The connection's card."""
        [card] = home(self.app).cards
        return card

    @property
    def number(self) -> int:
        return self.app.connection("north").id

    def do(self, action: Action, given: Any, who: Principal = OTTO) -> Any:
        return perform(self.app, who, action, given)

    def duty(self, task: str, **args: Any) -> Duty:
        return Duty(self.app, task, self.app.connection("north"), args)


@pytest.fixture(scope="module")
def room(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    url = cluster.new_url()
    with (
        RunningSandbox(orders=24) as box,
        App.open(Settings(tmp_path_factory.mktemp("home"), url), actor="service") as app,
    ):
        yield Room(app, box)
    cluster.drop(url)


def test_a_card_says_what_is_held_moved_and_fresh(room: Room) -> None:
    card = room.card
    assert card.verdict.tone == WAITING
    assert "the exposure was not computed yet" in card.verdict.sentence
    assert card.verdict.sentence.endswith(f"({Decimal(card.held_money['USD']):,} USD).")
    assert card.held_number == sum(one.number for one in card.held)
    [held] = [one for one in card.held if one.money]
    assert (held.money, held.reason) == (card.held_money, "code_missing")
    assert {flow.colour for flow in card.flows} == {"green"}
    assert all(flow.next and not flow.paused for flow in card.flows)
    today = card.days[-1]
    assert (today.held, today.held_money) == (card.held_number, card.held_money)
    assert today.moved == room.moved > 50, "of both runs of the day"
    assert Decimal(today.moved_money["USD"]) > 100_000
    ifs, procore = card.sides
    assert (ifs.title, ifs.state, procore.state) == ("IFS", "closed", "closed")
    assert ifs.token_at
    assert procore.windows
    assert all(0 < one.left <= one.of for one in procore.windows)
    assert room.do(home_acts.HOME, Nothing(), VERA).verdict == card.verdict


def test_a_paused_flow_has_no_next_turn_and_a_paused_connection_has_none_at_all(room: Room) -> None:
    told = room.do(acts.PAUSE, acts.PauseGiven("north", "payments", note="bank holiday"))
    assert "bank holiday" in told.sentences[0]
    flows = {flow.flow: flow for flow in room.card.flows}
    assert (flows["payments"].next, flows["payments"].paused) == (None, "otto: bank holiday")
    assert flows["vendors"].next is not None
    assert room.card.verdict.sentence.startswith("Payments is paused by otto: bank holiday. Everything else runs")
    pausing.pause(room.app, "north", note="closed")
    card = room.card
    assert [flow.next for flow in card.flows] == [None] * len(card.flows)
    assert (card.verdict.tone, card.verdict.word) == (NONE, "paused")
    [one] = status(room.app)["connections"]
    assert {flow["next"] for flow in one["flows"]} == {None}
    assert [row.flow for row in health(room.app, "north").pauses] == ["", "payments"]
    room.do(acts.RESUME, acts.ResumeGiven("north"))
    room.do(acts.RESUME, acts.ResumeGiven("north", "payments"))
    room.sync_again()
    with pytest.raises(NotAllowed):
        room.do(acts.PAUSE, acts.PauseGiven("north"), VERA)
    with pytest.raises(NothingSuchHere):
        room.do(acts.PAUSE, acts.PauseGiven("north", "no_flow"))


def test_a_flow_without_its_mapping_is_not_called_fresh(room: Room) -> None:
    used = unused_flows_of(room)
    assert used.keys() <= {"budgets"}
    assert {flow.flow: flow.unused for flow in room.card.flows if flow.unused} == used
    none = msgspec.structs.replace(DEFAULT, budget_code=None)
    assert "No budget crosses" in home_flows._budgets_stay_out(mapping_text(none), "erp")
    assert home_flows._budgets_stay_out(mapping_text(none), "projects") == ""


def unused_flows_of(room: Room) -> dict[str, str]:
    with room.app.db.begin() as conn:
        return home_flows.unused_flows(conn, room.number, "erp")


def _held(room: Room, reasons: dict[str, tuple[str, ...]]) -> None:
    """Holds besides those of the runs: reason to the amount of each."""
    sql = (
        "INSERT INTO holds (connection_id, flow, source, kind, erp_id, reason, waits_kind, waits_id, owner, sentence, "
        "amount, currency, candidates, last_seen_run) VALUES (%s, 'supplier_invoices', %s, 'supplier_invoice', %s, %s, "
        "'supplier_invoice', %s, 'accountant', 'Test.', %s, 'USD', '{}', 1)"
    )
    with room.app.db.begin() as conn:
        for reason, amounts in reasons.items():
            for number, amount in enumerate(amounts):
                key = f"T-{reason}-{number}"
                conn.exec_driver_sql(sql, (room.number, key, key, reason, key, amount))


def test_a_credit_hides_no_money_and_what_is_not_named_is_summed(room: Room) -> None:
    before = Decimal(room.card.held_money["USD"])
    reasons = {"amount_limit": ("-900.00",), "code_closed": ("500.00", "-500.00")}
    reasons |= {f"reason_{number}": ("100.00",) for number in range(4)}
    _held(room, reasons)
    card = room.card
    assert Decimal(card.held_money["USD"]) == before + 2300, "a credit note waits like an invoice"
    assert {one.reason: one.money for one in card.held}["code_closed"] == {"USD": "1000.00"}
    assert card.held_rest is not None
    assert (len(card.held), card.held_rest.reasons + 5) == (5, len({one.reason for one in _all_held(room)}))
    named, rest = sum(Decimal(one.money.get("USD", "0")) for one in card.held), Decimal(card.held_rest.money["USD"])
    assert (named + rest, card.held_number) == (before + 2300, sum(o.number for o in card.held) + card.held_rest.number)
    day = datetime.now(UTC).date()
    with room.app.db.begin() as conn:
        assert sum(amount or 0 for *_, amount in causes.summed(conn, room.number)) == before + 2300
        daily.note(conn, room.number, day, 0, {})
        kept = {row.currency: row.held for row in daily.days(conn, room.number, day)}
        conn.exec_driver_sql("DELETE FROM holds WHERE sentence = 'Test.'")
        daily.note(conn, room.number, day, 0, {})
    assert kept["USD"] == before + 2300
    assert room.card.held_rest is None


def test_a_write_without_an_answer_is_told_with_its_money_as_the_inbox_tells_it(room: Room) -> None:
    before = room.card
    with room.app.db.begin() as conn:
        sql = "SELECT max(id) FROM intents WHERE amount > 0 AND currency = 'USD'"
        write = conn.exec_driver_sql(sql).scalar_one()
        amount = conn.exec_driver_sql("SELECT abs(amount) FROM intents WHERE id = %s", (write,)).scalar_one()
        conn.exec_driver_sql("UPDATE intent_states SET state = 'unknown' WHERE id = %s", (write,))
    card, counts = room.card, MenuCounts().of(room.app, "north")
    at_stake = standing(room.app, "north").money
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE intent_states SET state = 'done' WHERE id = %s", (write,))
    assert card.verdict.sentence == f"What became of 1 write ({amount:,} USD) is not known: the next run asks."
    assert (card.verdict.tone, card.verdict.word) == (RETURNED, "not known")
    assert card.unknown is not None
    assert (card.unknown.number, card.unknown.money) == (1, {"USD": str(amount)})
    assert Decimal(card.held_money["USD"]) == Decimal(before.held_money["USD"]) + amount
    assert at_stake == [{"currency": "USD", "amount": card.held_money["USD"]}]
    assert counts["inbox"] == card.held_number + 1
    assert (card.held_number, card.held) == (before.held_number, before.held)
    assert (room.card.unknown, room.card.verdict) == (None, before.verdict)


def test_a_run_is_under_way_only_while_somebody_may_write(room: Room) -> None:
    sql = "UPDATE runs SET state = %s, finished_at = CASE %s WHEN 'done' THEN now() END WHERE id = 1"
    with room.app.db.begin() as conn:
        conn.exec_driver_sql(sql, ("running", "running"))
    left_behind = (room.card.running, under_way(room.app, "north").moves)
    with room.app.db.writer(room.number):
        at_work = (room.card.running, under_way(room.app, "north").run)
    with room.app.db.begin() as conn:
        conn.exec_driver_sql(sql, ("done", "done"))
    assert (left_behind, at_work) == ((0, False), (1, 1)), "of a process that died nobody is told that it runs"


def test_what_the_sentence_does_not_tell_of_is_counted(room: Room) -> None:
    def said(*found: Alert) -> tuple[str, int]:
        with room.app.db.begin() as conn:
            for alert in found:
                alerts.raise_alert(conn, room.number, alert, room.app.clock())
        card = room.card
        return card.verdict.word, card.more

    hook = Alert("hook/state", WARNING, "1 webhook no longer calls us.", "Register it.")
    census = Alert("census/extra", WARNING, "1 record that nobody knows.", "Look at it.")
    assert room.card.more == 0
    assert said(Alert("approval/plan", WARNING, "A plan waits.", "Approve it."))[1] == 0
    assert said(hook) == ("look", 0), "the button beside the sentence leads to the plan"
    assert said(census) == ("look", 1)
    assert said(Alert("parked/jobs", URGENT, "A job was given up.", "See it.")) == ("needs you", 2)
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM alerts")


def _all_held(room: Room) -> list[Held]:
    with room.app.db.begin() as conn:
        return signals(conn, room.app.clock()).connections[0].held


def test_the_clock_that_runs_and_alarms_go_by_is_the_clock_of_freshness_and_no_other(room: Room) -> None:
    pausing.pause(room.app, "north", "payments", until="2099-01-01")
    later = datetime.now(UTC) + timedelta(days=20)
    own = room.app.clock
    try:
        room.app.clock = lambda: later
        card = room.card
        assert card.verdict.word == "late"
        assert {flow.flow for flow in card.flows if flow.colour != "red"} == {"payments"}
        assert {one["fresh"] for one in status(room.app)["connections"][0]["flows"]} == {"red", ""}
        assert [one.state for one in health(room.app).processes] == ["alive"], "the database says when it lived last"
        assert all(one.left > 0 for side in card.sides for one in side.windows)
        room.app.clock = lambda: datetime(2100, 1, 1, tzinfo=UTC)
        assert {flow.flow: flow.paused for flow in room.card.flows}["payments"] == ""
    finally:
        room.app.clock = own
        pausing.resume(room.app, "north", "payments")


def test_flows_that_are_late_because_a_plan_waits_are_not_called_late(room: Room) -> None:
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE agenda SET well_at = now() - interval '40 days' WHERE name LIKE 'poll/%%'")
    assert room.card.verdict.word != "late", "a whole run by hand is as good as a poll"
    assert all(flow.as_of and flow.as_of > room.app.clock() - timedelta(days=1) for flow in room.card.flows)
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE runs SET error = 'Told to stop.' WHERE state = 'done'")
    assert room.card.verdict.word == "late"
    with room.app.db.begin() as conn:
        run = conn.exec_driver_sql("SELECT max(id) FROM runs").scalar_one()
        plan = conn.exec_driver_sql("SELECT plan_hash FROM runs WHERE id = %s", (run,)).scalar_one()
        conn.exec_driver_sql("UPDATE runs SET state = 'stopped', error = '' WHERE id = %s", (run,))
        conn.exec_driver_sql("UPDATE plans SET state = 'kept' WHERE hash = %s", (plan,))
    card = room.card
    assert (card.verdict.tone, card.verdict.word, card.plans) == (WAITING, "approval", [plan])
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE runs SET state = 'done' WHERE id = %s", (run,))
        conn.exec_driver_sql("UPDATE plans SET state = 'applied' WHERE hash = %s", (plan,))
    room.sync_again()
    assert room.card.plans == []


def test_the_figure_is_computed_by_a_job_kept_and_told_when_it_is_not_0(room: Room) -> None:
    with pytest.raises(NotAllowed):
        room.do(home_acts.COMPUTE, home_acts.OfConnection("north"), VERA)
    asked = room.do(home_acts.COMPUTE, home_acts.OfConnection("north"))
    assert (asked.task, asked.workers) == ("exposure", True)
    assert room.card.computing == "waits"
    with room.app.db.begin() as conn:
        row = agenda.one(conn, room.number, "exposure")
    assert row is not None
    room.box.log.clear()
    assert proving.exposure(room.duty("exposure", **row.args)).well
    assert not room.box.log.exchanges(writes=True)
    card = room.card
    assert card.exposure is not None
    assert (card.exposure.zero, card.exposure.actor, card.exposure.old) == (True, "otto", False)
    assert "the exposure reads 0" in card.verdict.sentence
    _not_known_and_missing(room)
    _typed_twice(room)
    steps = list(exposing.look(room.duty("nightly"), ""))
    assert len(steps) == len(room.app.exposing("north").parts()), "a point to stop at after each project"
    assert steps[-1].said == "the exposure reads 1,075.00 USD"
    halves = list(exposing.look(room.duty("nightly"), steps[1].at))
    assert (len(halves), halves[-1].said) == (len(steps) - 2, steps[-1].said)
    card = room.card
    assert (card.verdict.word, card.verdict.sentence) == (
        "counted twice",
        "1,075.00 USD would be counted twice in Procore.",
    )
    assert card.exposure is not None
    assert (card.exposure.zero, card.exposure.found) == (False, 1)
    assert [one.key for one in card.alerts] == ["exposure/figure"]
    assert card.alerts[0].sentence.startswith("north: 1,075.00 USD would be counted twice")
    assert card.more == 0, "the sentence tells of it"
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE exposures SET figures = jsonb_set(figures, '{exposure,USD}', '\"0.00\"')")
        alerts.clear_alert(conn, room.number, "exposure/figure", datetime.now(UTC))


def _not_known_and_missing(room: Room) -> None:
    """A figure of three days ago says nothing of today; what was placed and is not there any more is said."""
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE exposures SET at = at - interval '3 days'")
    assert room.card.verdict.sentence == (
        "The exposure was computed 3 days ago: whether it reads 0 is not known today."
    )
    with room.app.db.begin() as conn:
        conn.exec_driver_sql(
            "UPDATE exposures SET at = now(), figures = jsonb_set(figures, '{missing}', '{\"USD\": \"7.00\"}')"
        )
    assert room.card.verdict.sentence == "7.00 USD that was placed in Procore is not there any more."
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE exposures SET figures = jsonb_set(figures, '{missing}', '{}')")


def _typed_twice(room: Room) -> None:
    """A record in Procore with our key that nobody here knows."""
    with room.app.db.begin() as conn:
        sql = "SELECT target_id FROM links WHERE kind = 'vendor' AND erp_id = 'S1005'"
        vendor = int(conn.exec_driver_sql(sql).scalar_one())
    lines = [{"code": "01-310", "type": "O", "amount": "1075.00"}]
    given = {"vendor": vendor, "status": "approved", "invoice_number": "H-1"}
    made = room.box.act("procore", "enter_direct_cost", number="1201", lines=lines, **given)
    company = room.app.connection("north").config["connection"]["erp_company"]

    def mark() -> None:
        for project in room.box.procore._state.projects.values():
            if int(made["id"]) in project.direct_costs:
                project.direct_costs[int(made["id"])].fields["origin_id"] = f"{company}/invoice/999/1201"

    room.box.in_loop(mark)


def test_a_side_that_is_not_called_is_said_and_called_again_when_it_answers(room: Room) -> None:
    error = SignInRefused("Procore refuses the client secret.", remedy="Give it anew.")
    error.side = "projects"
    assert breaking.trip(room.app, room.app.connection("north"), error)
    card = room.card
    assert card.verdict.sentence == "Procore is not called: Procore refuses the client secret."
    assert (card.sides[0].state, card.sides[1].remedy) == ("closed", "Give it anew.")
    told = room.do(acts.PROBE, acts.ProbeGiven("north", "projects"))
    assert told.sentence == "Procore answers again."
    assert room.card.sides[1].state == "probing"
    room.app.sync("north")
    assert room.card.sides[1].state == "closed"
    assert room.do(acts.PROBE, acts.ProbeGiven("north", "erp")).sentence == "IFS answers."


def test_what_was_given_up_is_put_back_or_laid_aside_with_a_reason(room: Room) -> None:
    with room.app.db.begin() as conn:
        numbers = []
        for task in ("hints", "rest/payments"):
            agenda.ask(conn, Laid(room.number, task, datetime.now(UTC), 1))
            given = GivenUp(room.number, 7, task, {}, 3, "It ended three workers.", {"workers": ["w0"]})
            numbers.append(parked.put(conn, given))
            agenda.park(conn, (room.number, task), numbers[-1], "given up")
    found = health(room.app, "north")
    assert [(one.task, one.attempts, one.evidence["workers"]) for one in found.parked] == [
        ("rest/payments", 3, ["w0"]),
        ("hints", 3, ["w0"]),
    ]
    assert room.card.verdict.word == "given up"
    with pytest.raises(BadInput, match="why"):
        room.do(acts.DISMISS, acts.DismissGiven(numbers[1], " "))
    with pytest.raises(NothingSuchHere):  # a page of one connection does nothing about another's
        room.do(acts.DISMISS, acts.DismissGiven(numbers[1], "a wrong number", "south"))
    room.do(acts.DISMISS, acts.DismissGiven(numbers[1], "the invoice was cancelled", "north"))
    room.do(acts.RELEASE, acts.OfParked(numbers[0]))
    with room.app.db.begin() as conn:
        rows = [agenda.one(conn, room.number, task) for task in ("hints", "rest/payments")]
        said = conn.exec_driver_sql("SELECT actor, details FROM audit WHERE tag = 'job:dismiss:done'").one()
    assert [row and (row.parked_id, row.asked, row.attempts) for row in rows] == [(0, True, 0), (0, True, 0)]
    assert (said[0], msgspec.json.decode(said[1])["note"]) == ("otto", "the invoice was cancelled")
    assert health(room.app).parked == []
    with pytest.raises(NothingSuchHere):
        room.do(acts.RELEASE, acts.OfParked(numbers[0]))


def test_health_shows_processes_agenda_secrets_and_the_database(room: Room) -> None:
    found = room.do(acts.ONE, home_acts.OfConnection("north"), VERA)
    assert [(one.id, one.state) for one in found.processes] == [("w1", "alive")]
    assert {"poll/payments", "nightly", "exposure"} <= {one.task for one in found.agenda}
    [one] = found.connections
    assert {"erp_client_secret", "projects_client_secret", "erp_token"} <= {secret.name for secret in one.secrets}
    assert one.counts["requests/projects/write"] > 10
    assert found.database.size > 1_000_000
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE workers SET seen_at = now() - interval '5 minutes'")
    assert [one.state for one in room.do(acts.ALL, Nothing()).processes] == ["silent"]
    assert room.card.verdict.word == "stands still"
    assert room.do(home_acts.COMPUTE, home_acts.OfConnection("north")).workers is False, "a silent process does nothing"
    assert jobs.now(room.app, "north", ["vendors"])["workers"] is False
    going = under_way(room.app, "north")
    assert (going.queued, going.worker, going.moves) == (True, False, False)
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE workers SET seen_at = now(), queue_id = NULL, kind = 'door'")
    assert jobs.now(room.app, "north", ["vendors"])["workers"] is False, "a door alone does nothing"
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE workers SET queue_id = 1, kind = 'worker'")
    assert jobs.now(room.app, "north", ["vendors"])["workers"] is True
    assert under_way(room.app, "north").moves, "it is done by and by"
    room.do(acts.RETRY, acts.RetryGiven("nightly", "north"))
    with room.app.db.begin() as conn:
        row = agenda.one(conn, room.number, "nightly")
    assert row is not None
    assert row.due_at is not None
    assert row.due_at <= datetime.now(UTC)
