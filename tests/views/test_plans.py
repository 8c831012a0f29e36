"""What a person sees of a plan before and after approving it, and who may: over a real plan of both systems."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest

from ml_connector.access.permissions import Role, permissions_of
from ml_connector.access.principal import Principal
from ml_connector.access.users import add_user, set_role
from ml_connector.actions import plans as acts
from ml_connector.actions.perform import perform
from ml_connector.app import App
from ml_connector.engine.outcome import keep_outcome
from ml_connector.kernel.errors import (
    ApprovalNeeded,
    AskPerson,
    BadInput,
    NotAllowed,
    NothingSuchHere,
    Paused,
    PlanUnknown,
)
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import approving, jobs, pausing, running
from ml_connector.service.duty import PERSON, Done, Duty
from ml_connector.service.tasks import TASKS, known
from ml_connector.settings import Settings
from ml_connector.store import agenda, parked, plan_left, plan_steps
from ml_connector.store.parked import GivenUp
from ml_connector.views import plan_held, plan_records, plans
from ml_connector.views.plan_held import HeldLook
from ml_connector.views.plan_records import ChangesAsked, RecordAsked, RecordsLook
from ml_connector.views.plans import PlanAsked, PlanPage, PlansLook
from store.cluster import Cluster


class Room(NamedTuple):
    """A connection whose plans wait for approval, and the systems behind it."""

    app: App
    box: RunningSandbox

    def done(self, task: str) -> Done:
        """Does what was asked for as a worker would, and writes down that it ended."""
        row = self.app.connection("north")
        with self.app.db.begin() as conn:
            wish = agenda.one(conn, row.id, task)
            assert wish is not None
            assert wish.due_at is not None, f"{task} was not asked for"
            conn.exec_driver_sql("UPDATE agenda SET due_at = NULL WHERE name = %s", (task,))
        found = known(task, TASKS)
        assert found is not None
        return found.do(Duty(self.app, task, row, wish.args))

    def page(self, plan: str) -> PlanPage:
        return plans.shown(self.app, PlanAsked(connection="north", plan=plan))


@pytest.fixture(scope="module")
def room(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """The same room for every test of this module, each of which begins where the one before it ended."""
    url = cluster.new_url()
    with (
        RunningSandbox(orders=24) as box,
        App.open(Settings(tmp_path_factory.mktemp("home"), url), actor="marta") as app,
    ):
        app.add_connection("north", box.connection_text())
        app.edit_connection("north", {"policy": {"purchase_orders": {"approve": "manual"}}})
        add_user(app, "anna", role="approver")
        add_user(app, "maria", role="admin")
        yield Room(app, box)
    cluster.drop(url)


def who(name: str, role: Role) -> Principal:
    return Principal(user_id=1, name=name, title=name, role=role, permissions=permissions_of(role))


SITE = "1204"
"""Where order P100001 lies."""
ANNA = who("anna", Role.APPROVER)


def money(amounts: dict[str, str]) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in amounts.items()}


def added(parts: list[dict[str, str]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for part in parts:
        for currency, amount in part.items():
            sums[currency] = sums.get(currency, Decimal(0)) + Decimal(amount)
    return {currency: amount for currency, amount in sums.items() if amount}


@pytest.fixture(scope="module")
def first(room: Room) -> str:
    """The first plan: asked for on a page, made by a job."""
    asked = perform(room.app, who("olga", Role.OPERATOR), acts.MAKE, acts.PlanWanted(connection="north"))
    assert asked.workers is False, "nobody is there to do it, and the answer says so"
    with pytest.raises(BadInput, match="being made already"):
        approving.make(room.app, "north")
    assert room.done(approving.PLANNED).well
    rows = plans.listed(room.app, PlansLook(connection="north")).rows
    assert [row["asked_by"] for row in rows] == ["olga"]
    assert {one["currency"] for one in rows[0]["money"]} >= {"USD"}, "all its currencies are in one column"
    return str(rows[0]["plan"]["text"])


def test_the_parts_of_a_plan_add_up_to_the_plan(room: Room, first: str) -> None:
    page = room.page(first[:6])
    assert (page.plan, page.stands, page.approvals) == (first, "waiting", [])
    assert page.planned
    assert page.counts["created"] > 20
    assert added([part.planned for part in page.projects]) == money(page.planned)
    sums = "sum(moved), sum(moved - abs(amount))"
    gross = f"SELECT currency, {sums} FROM intents WHERE run_id = %s AND amount <> 0 GROUP BY 1"
    with room.app.db.begin() as conn:
        rows = list(conn.exec_driver_sql(gross, (page.run,)))
    moved = {str(row[0]): row[1] for row in rows}
    assert money(page.moved) == added([part.moved for part in page.projects]) == moved, "whatever its sign"
    recoded = {str(row[0]): row[2] for row in rows if row[2]}
    assert money(page.recoded) == added([flow.recoded for flow in page.by_flow]) == recoded != {}
    assert page.rest.counts == page.counts, "nothing went yet: all of it can be approved"
    assert (money(page.rest.moved), money(page.rest.planned)) == (money(page.moved), money(page.planned))
    assert all(code.applied is None for part in page.projects for code in part.codes)
    for part in page.projects:
        codes = [{code.currency: code.planned} for code in part.codes]
        assert added(codes) == money(part.planned), f"the codes of {part.project} add up to it, to the cent"
    assert page.projects[-1].project == "-", "what lies in no project comes last"
    site = next(part for part in page.projects if part.project == SITE)
    assert site.name
    assert any(code.code.endswith(".M") for code in site.codes)
    assert page.locked["commitment"] == sum(part.locked.get("commitment", 0) for part in page.projects)
    assert 0 < page.locked["commitment"] < page.steps, "only what becomes Approved freezes"
    loose = {(code.code, code.currency) for part in page.projects for code in part.unbudgeted}
    assert loose
    assert page.unbudgeted == sum(len(part.unbudgeted) for part in page.projects)
    assert page.held
    assert money(page.held_money)


def records(room: Room, plan: str, **more: Any) -> list[dict[str, Any]]:
    return plan_records.records(room.app, RecordsLook(connection="north", plan=plan, size=500, **more)).rows


def test_records_are_found_by_project_word_and_what_becomes_of_them(room: Room, first: str) -> None:
    everything = records(room, first)
    turned = [Decimal(row["recoded"]["amount"]) if row["recoded"] else Decimal(0) for row in everything]
    amounts = [abs(Decimal(row["money"]["amount"])) for row in everything if row["money"]]
    moved = [amount + more for amount, more in zip(amounts, turned, strict=False)]
    assert moved == sorted(moved, reverse=True), "what moves most money first"
    assert sum(turned) == sum(money(room.page(first).recoded).values()) > 0, "and what it recodes is said"
    by_turned = records(room, first, sort="recoded", down=True)
    most = [Decimal(row["recoded"]["amount"]) for row in by_turned if row["recoded"]]
    assert most == sorted(filter(None, turned), reverse=True)
    assert by_turned[0]["recoded"], "what recodes nothing comes last"
    here = records(room, first, project=SITE)
    assert {row["project"] for row in here} == {SITE}
    assert {row["kind_key"] for row in records(room, first, project="-")} == {"vendor"}
    assert [row["record"] for row in records(room, first, q="p100001")] == ["P100001@1204"]
    assert records(room, first, state="done") == []
    with pytest.raises(BadInput, match="cannot be sorted"):
        records(room, first, sort="body")
    with pytest.raises(PlanUnknown):
        records(room, "no\x00such")


def test_a_new_contract_is_shown_whole_with_what_it_locks(room: Room, first: str) -> None:
    page = plan_records.record(
        room.app, RecordAsked(connection="north", plan=first, kind="commitment", id="P100001@1204")
    )
    assert [step.does for step in page.steps] == [
        "make the contract",
        "write the lines of the contract",
        "set the status of the contract",
    ]
    assert page.called == "P100001 on project 1204"
    assert not {"our key", "once key"} & {one["name"] for one in page.fields}
    assert not page.taken_over
    assert {line["mark"] for line in page.lines} == {"new"}
    total = sum(Decimal(one["after"]) for line in page.lines for one in line["fields"] if one["name"] == "amount")
    filled = next(step.money for step in page.steps if step.money)
    assert filled is not None
    assert total == Decimal(filled["amount"])
    assert "freeze" in page.locks
    vendor = next(one["after"] for one in page.fields if one["name"] == "vendor")
    assert page.names[vendor]
    assert (page.document.text, page.document.kind) == ("order P100001", "order")
    assert f"vendor {vendor} {page.names[vendor]}" in [one.text for one in page.needs]
    assert page.known_before
    with pytest.raises(NothingSuchHere, match="has nothing of contract P9"):
        plan_records.record(room.app, RecordAsked(connection="north", plan=first, kind="commitment", id="P9"))


def test_what_is_taken_over_is_told_apart_from_links_and_compared_with_procore(room: Room, first: str) -> None:
    """Order P100004 was typed by hand into Procore: it is marked, brought to IFS's state, and not made."""
    taken = records(room, first, what="adopted")
    (adopted,) = [row for row in taken if row["kind_key"] == "commitment"]
    assert (adopted["record"][:7], adopted["does"]) == ("P100004", "taken over")
    counts = room.page(first).counts
    links = records(room, first, what="linked")
    assert (counts["adopted"], counts["linked"]) == (len(taken), len(links))
    assert {row["steps"] for row in links} == {1}
    assert not {(row["kind"], row["record"]) for row in links} & {(row["kind"], row["record"]) for row in taken}
    page = plan_records.record(
        room.app, RecordAsked(connection="north", plan=first, kind="commitment", id=adopted["record"])
    )
    assert page.steps[0].does == "take over the contract"
    assert len(page.steps) > 1, "and things are sent for it"
    assert (page.taken_over, page.known_before) == (True, True)
    assert [one for one in page.fields if one["before"]], "what Procore has stands before"
    assert not all(one["mark"] == "new" for one in page.fields)
    number = next(one for one in page.fields if one["name"] == "vendor")
    assert number["mark"] == "same", "the vendor is the same, by its link"
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE kept AS SELECT id, request_hash FROM exchanges WHERE lasting")
        conn.exec_driver_sql("UPDATE exchanges SET request_hash = NULL WHERE lasting")
    lost = plan_records.record(
        room.app, RecordAsked(connection="north", plan=first, kind="commitment", id=adopted["record"])
    )
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE exchanges e SET request_hash = k.request_hash FROM kept k WHERE k.id = e.id")
        conn.exec_driver_sql("DROP TABLE kept")
    assert (lost.taken_over, lost.known_before) == (True, False), "nothing is made up where the evidence is gone"


def test_a_budget_that_is_in_procore_already_is_shown_and_counted_against_what_it_is_there(
    room: Room, first: str
) -> None:
    page = plan_records.record(room.app, RecordAsked(connection="north", plan=first, kind="budget", id="1202"))
    assert (page.taken_over, page.known_before) == (True, True)
    assert "new" not in {one["mark"] for one in page.fields}
    assert page.steps[0].recoded == {"amount": "700.00", "currency": "USD"}
    changed = {line["line"]: {one["name"]: one for one in line["fields"]}["amount"] for line in page.lines}
    told = {flat: Decimal(one["after"]) - Decimal(one["before"]) for flat, one in changed.items()}
    part = next(part for part in room.page(first).projects if part.project == "1202")
    codes = {code.code: Decimal(code.planned) for code in part.codes if code.flow == "budgets"}
    assert codes == told
    assert sorted(told.values()) == [Decimal(-700), Decimal(1500)]


def test_of_other_kinds_it_is_said_that_they_are_not_shown_and_where_they_are(room: Room, first: str) -> None:
    """A record of IFS is in IFS; and nothing is said to be gone that was never kept to be shown."""
    link = next(row for row in records(room, first, what="linked") if row["kind_key"] == "cost_code")
    asked = RecordAsked(connection="north", plan=first, kind="cost_code", id=link["record"])
    page = plan_records.record(room.app, asked)
    assert (page.taken_over, page.known_before, page.told, page.side) == (True, False, False, "Procore")
    vendor = next(row for row in records(room, first, what="adopted") if row["kind_key"] == "vendor")
    asked = RecordAsked(connection="north", plan=first, kind="vendor", id=vendor["record"])
    page = plan_records.record(room.app, asked)
    assert (page.known_before, page.told, page.side) == (True, True, "Procore")
    with room.app.db.begin() as conn:
        became = "UPDATE intents SET kind = %s WHERE kind = %s AND erp_id = %s"
        conn.exec_driver_sql(became, ("supplier", "vendor", vendor["record"]))
    page = plan_records.record(room.app, msgspec.structs.replace(asked, kind="supplier"))
    with room.app.db.begin() as conn:
        conn.exec_driver_sql(became, ("vendor", "supplier", vendor["record"]))
    assert (page.taken_over, page.told, page.side) == (True, False, "IFS")
    assert {step.side for step in page.steps} == {"IFS"}


def test_what_is_held_beside_a_plan_is_told_by_project(room: Room, first: str) -> None:
    page = room.page(first)
    assert sum(part.held for part in page.projects) == page.held
    assert added([part.held_money for part in page.projects]) == money(page.held_money)
    assert [part for part in page.projects if part.held and part.project != "-"], "some of it lies in a project"
    assert all(part.name for part in page.projects), "one of which all is held has its name, too"
    rows = plan_held.held(room.app, HeldLook(connection="north", plan=first, size=500)).rows
    assert len(rows) == page.held
    amounts = [abs(Decimal(row["money"]["amount"])) for row in rows if row["money"]]
    assert amounts == sorted(amounts, reverse=True)
    for part in page.projects:
        here = plan_held.held(room.app, HeldLook(connection="north", plan=first, size=500, project=part.project)).rows
        assert len(here) == part.held
    some = next(row for row in rows if row["project"] != "-" and row["kind_key"] == "order")
    assert f"{some['record']}@{some['project']}" not in {row["record"] for row in records(room, first)}
    assert all("_" not in row["means"] for row in rows)


@pytest.mark.parametrize("role", list(Role))
def test_only_an_approver_approves_and_only_an_administrator_lets_go(room: Room, first: str, role: Role) -> None:
    given = acts.PlanApproval(connection="north", plan=first, projects=["9999"])
    may = NothingSuchHere if role in (Role.APPROVER, Role.ADMIN) else NotAllowed
    with pytest.raises(may):
        perform(room.app, who("zoe", role), acts.APPROVE, given)
    lets = AskPerson if role is Role.ADMIN else NotAllowed
    with pytest.raises(lets) as refused:
        perform(room.app, who("zoe", role), acts.AUTOMATIC, acts.Automatic(connection="north", automatic=True))
    assert (role is Role.ADMIN) == ("went clean" in str(refused.value))


def test_four_eyes_are_wanted_before_anything_is_queued(room: Room, first: str) -> None:
    room.app.edit_connection("north", {"policy": {"approval": {"four_eyes_over": "1000"}}})
    page = room.page(first)
    assert page.limit == "1,000.00"
    assert page.four_eyes
    with pytest.raises(NotAllowed, match="olga asked for the plan"):
        perform(room.app, who("olga", Role.APPROVER), acts.APPROVE, acts.PlanApproval(connection="north", plan=first))
    assert approving.working(room.app, "north", approving.APPROVED) is None


def test_what_stands_still_is_not_approved(room: Room, first: str) -> None:
    pausing.pause(room.app, "north", "vendors", note="stock-taking")
    with pytest.raises(Paused):
        perform(room.app, ANNA, acts.APPROVE, acts.PlanApproval(connection="north", plan=first))
    pausing.resume(room.app, "north", "vendors")


def approve(room: Room, plan: str, *projects: str) -> approving.Asked:
    given = acts.PlanApproval(connection="north", plan=plan, projects=list(projects))
    asked: approving.Asked = perform(room.app, ANNA, acts.APPROVE, given)
    return asked


def test_a_plan_is_approved_by_its_whole_hash(room: Room, first: str) -> None:
    for beginning in (first[:1], first[:12], first[:-1]):
        with pytest.raises(PlanUnknown):
            approve(room, beginning)
    assert approving.working(room.app, "north", approving.APPROVED) is None


def test_what_is_sent_was_approved_by_somebody_who_still_may(room: Room, first: str) -> None:
    approve(room, first, SITE)
    set_role(room.app, "anna", "operator")
    done = room.done(approving.APPROVED)
    assert not done.well
    assert done.why.startswith("anna has the right to approve no more. Nothing was sent")
    assert (room.page(first).stands, room.page(first).applied) == ("waiting", {})
    with pytest.raises(BadInput, match="approves the plan again"):  # an operator would approve so
        jobs.retry(room.app, "north", approving.APPROVED)
    set_role(room.app, "anna", "approver")


def test_an_approval_that_was_cancelled_or_given_up_is_put_back_by_nobody(room: Room, first: str) -> None:
    number = room.app.connection("north").id
    approve(room, first, SITE)
    with room.app.db.begin() as conn:
        agenda.dropped(conn, (number, approving.APPROVED), 0, "Cancelled by olga.")
    assert room.done(approving.APPROVED).why.startswith("The approval was taken back.")
    approve(room, first, SITE)
    with room.app.db.begin() as conn:
        given_up = parked.put(conn, GivenUp(number, 7, approving.APPROVED, {}, 3, "It ended three workers."))
        agenda.park(conn, (number, approving.APPROVED), given_up, "given up")
    with pytest.raises(BadInput, match="approves the plan again"):
        jobs.release(room.app, given_up)
    assert approve(room, first, SITE).plan == first, "who may approves it again, and the one given up is laid aside"
    with room.app.db.begin() as conn:
        assert parked.listed(conn, number) == []
        conn.exec_driver_sql("DELETE FROM agenda WHERE name = %s", (approving.APPROVED,))


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_of_two_who_approve_at_the_same_moment_the_second_is_told(room: Room, first: str) -> None:
    said: list[object] = []

    def second() -> None:
        try:
            said.append(approve(room, first, SITE))
        except BadInput as error:
            said.append(error.sentence)

    number = room.app.connection("north").id
    with room.app.db.begin() as conn:  # as it is once somebody has approved before
        agenda.held(conn, number, approving.APPROVED, PERSON)
    with room.app.db.begin() as conn:  # the first has looked, and has not asked yet
        agenda.held(conn, number, approving.APPROVED, PERSON)
        other = threading.Thread(target=second)
        other.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        until(lambda: conn.exec_driver_sql(waits).scalar_one() > 0)
        agenda.ask(conn, agenda.Laid(number, approving.APPROVED, room.app.clock(), PERSON))
    other.join(10)
    assert said == ["An approved plan is being sent already for north."]
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM agenda WHERE name = %s", (approving.APPROVED,))


def test_one_project_goes_and_the_page_shows_applied_beside_planned(room: Room, first: str) -> None:
    made = room.page(first)
    began = (made.made_at, made.run, made.trigger)
    assert (made.again_run, made.again_at) == (0, None)
    asked = perform(room.app, ANNA, acts.APPROVE, acts.PlanApproval(connection="north", plan=first, projects=[SITE]))
    assert (asked.plan, asked.projects) == (first, (SITE,))
    job = room.page(first).job
    assert job is not None
    assert (job.state, job.actor, job.projects) == ("waits", "anna", (SITE,))
    with pytest.raises(BadInput, match="being sent already"):
        perform(room.app, ANNA, acts.APPROVE, acts.PlanApproval(connection="north", plan=first))
    assert room.done(approving.APPROVED).well
    again = page = room.page(first)
    assert again.again_run > again.run
    assert again.again_at is not None
    assert (again.made_at, again.run, again.trigger) == began, "the run that sent it is not the one that made it"
    assert page.stands == "partly"
    assert [(one.actor, one.projects) for one in page.approvals] == [("anna", [SITE])]
    by_project = {part.project: part for part in page.projects}
    site, other = by_project[SITE], by_project["1202"]
    assert money(site.applied) == money(site.planned)
    assert not site.waits
    assert other.applied == {}
    assert other.waits
    assert set(other.states) == {"waiting"}
    assert money(page.applied) == money(site.applied)
    assert page.meter.clean == 0, "the rest of it still waits"
    assert page.held_at == page.again_at > page.made_at, "what is held is as the last run saw it"
    waiting = [part for part in page.projects if part.waits]
    assert page.rest.projects == len(waiting) < len(page.projects)
    left = added([flow.moved for part in waiting for flow in part.flows if flow.waits])
    assert money(page.rest.moved) == left
    gone = money(site.moved)
    assert left == {cur: amount - gone.get(cur, Decimal(0)) for cur, amount in money(page.moved).items()}
    assert all(code.applied == code.planned for code in site.codes), "all of it went, by cost code as well"
    assert all(Decimal(code.applied or "1") == 0 for code in other.codes)
    before = plan_records.record(
        room.app, RecordAsked(connection="north", plan=first, kind="commitment", id="P100001@1204")
    )
    assert {line["mark"] for line in before.lines} == {"new"}, "it still shows what the plan did, not what is there now"


def test_what_was_applied_is_told_by_code_where_one_step_was_refused(room: Room, first: str) -> None:
    """Applied by code is the journal's: without the lines of the contract that Procore refused."""
    state = """
        UPDATE intent_states s SET state = %s FROM intents i
        WHERE i.id = s.id AND i.erp_id = 'P100001@1204' AND i.verb = 'fill' AND s.state = %s
    """
    number = room.app.connection("north").id
    asked = RecordAsked(connection="north", plan=first, kind="commitment", id="P100001@1204")
    lines = plan_records.record(room.app, asked).lines
    with room.app.db.begin() as conn:
        assert conn.exec_driver_sql(state, ("refused", "done")).rowcount == 1
        keep_outcome(conn, number, first)
    before = room.page(first)
    site = next(part for part in before.projects if part.project == SITE)
    with room.app.db.begin() as conn:  # as a run leaves it that was told to stop
        assert conn.exec_driver_sql(state, ("planned", "refused")).rowcount == 1
        keep_outcome(conn, number, first)
    stopped = room.page(first)
    with room.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE plans SET outcome = outcome - 'left' WHERE hash = %s", (first,))
    assert room.page(first).rest == stopped.rest, "the same where it is not written down, as while a run is at it"
    with room.app.db.begin() as conn:
        conn.exec_driver_sql(state, ("done", "planned"))
        keep_outcome(conn, number, first)
    refused: dict[str, Decimal] = {}
    for line in lines:
        found = {one["name"]: one["after"] for one in line["fields"]}
        refused[found["cost code"]] = refused.get(found["cost code"], Decimal(0)) + Decimal(found["amount"])
    assert any(refused.values())
    more = {what: number - before.rest.counts[what] for what, number in stopped.rest.counts.items()}
    assert more == {"created": 0, "updated": 1, "adopted": 0, "linked": 0}, "the contract is there, its lines are not"
    waits = {**money(before.rest.planned), "USD": money(before.rest.planned)["USD"] + sum(refused.values())}
    assert money(stopped.rest.planned) == waits, "what went of its flow does not wait once more"
    for code in site.codes:
        less = refused.pop(code.code, Decimal(0)) if code.flow == "purchase_orders" else Decimal(0)
        assert Decimal(code.applied or "0") == Decimal(code.planned) - less
    assert refused == {}
    assert added([{code.currency: code.applied or "0"} for code in site.codes]) == money(site.applied)


def test_the_rest_is_another_plan_and_an_old_one_says_what_changed(room: Room, first: str) -> None:
    room.box.clock.advance(timedelta(seconds=2))
    elsewhere = next(
        row["source"]
        for row in records(room, first, state="superseded") + records(room, first, state="waiting")
        if row["kind_key"] == "commitment"
    )
    for order in ("P100001", elsewhere):
        room.box.act("ifs", "amend_line", order_no=order, line_no="1", price="999.99")
    rest = room.app.acting_as("anna").plan("north").plan
    page = room.page(first)
    assert (page.stands, page.newer, page.rest_waits) == ("short", rest, True), "its part went, the rest waits there"
    assert money(page.applied)
    assert page.meter.clean == 1, "no more of it waits"
    [row] = plans.listed(room.app, PlansLook(connection="north", stands="short")).rows
    assert (row["plan"]["text"], row["stands"]["word"], row["approved_by"]) == (first, "partly applied", "anna")
    changed = plan_records.changes(room.app, ChangesAsked(connection="north", plan=first))
    assert changed.other == rest
    assert {row["record"] for row in changed.steps if row["side"] == "gone"} == {
        row["record"] for row in records(room, first, q=elsewhere) if row["kind_key"] == "commitment"
    }, "what went under the first plan has not changed"
    new = [row["record"] for row in changed.steps if row["side"] == "new"]
    assert all("P100001" in record or elsewhere in record for record in new)
    assert any("P100001" in record for record in new)
    with pytest.raises(ApprovalNeeded, match=r"has changed since: [\d,]+ steps of it are not planned any more") as old:
        perform(room.app, who("marta", Role.ADMIN), acts.APPROVE, acts.PlanApproval(connection="north", plan=first))
    assert rest in old.value.remedy
    row = next(one for one in records(room, rest, q="P100001") if one["kind_key"] != "vendor")
    page = plan_records.record(
        room.app, RecordAsked(connection="north", plan=rest, kind=row["kind_key"], id=row["record"])
    )
    line = next(one for one in page.lines if one["mark"] == "changed")
    prices = {one["name"]: (one["before"], one["after"]) for one in line["fields"] if one["mark"] == "changed"}
    assert prices["unit price"][1] == "999.99"
    assert prices["amount"][0] != prices["amount"][1]
    assert page.unchanged_lines
    assert page.known_before


def test_the_rest_goes_and_a_clean_row_offers_to_let_go(room: Room) -> None:
    rest = str(plans.listed(room.app, PlansLook(connection="north", stands="waiting")).rows[0]["plan"]["text"])
    maria = who("maria", Role.ADMIN)
    perform(room.app, maria, acts.APPROVE, acts.PlanApproval(connection="north", plan=rest))
    assert room.done(approving.APPROVED).well
    page = room.page(rest)
    assert page.stands == "applied"
    assert money(page.applied) == money(page.planned)
    assert money(page.recoded_applied) == money(page.recoded) != {}
    _of_what_does_not_go_it_is_said_what_it_recodes(room, rest)
    with pytest.raises(PlanUnknown, match="it is applied"):
        perform(room.app, maria, acts.APPROVE, acts.PlanApproval(connection="north", plan=rest))
    assert page.meter.clean == 2
    assert not page.meter.offers
    room.app.edit_connection("north", {"policy": {"approval": {"offer_after": 2}}})
    assert room.page(rest).meter.offers
    given = acts.Automatic(connection="north", automatic=True)
    assert perform(room.app, maria, acts.AUTOMATIC, given).automatic
    assert msgspec.json.encode(page)


def _of_what_does_not_go_it_is_said_what_it_recodes(room: Room, plan: str) -> None:
    state = """
        UPDATE intent_states s SET state = %s FROM intents i
        WHERE i.id = s.id AND i.kind = 'budget' AND i.erp_id = '1202' AND s.state = %s
    """
    number = room.app.connection("north").id
    with room.app.db.begin() as conn:
        scene, _ = plans.scene_of(conn, number, plans.found_plan(conn, number, plan))
        conn.exec_driver_sql(state, ("superseded", "done"))
        away = plan_left.not_gone(conn, scene)
        conn.exec_driver_sql(state, ("waiting", "superseded"))
        waits = plan_steps.left(conn, scene, [("1202", "budgets")])
        conn.exec_driver_sql(state, ("done", "waiting"))
    assert [(one.place, one.recoded) for one in away if one.flow == "budgets"] == [("1202", 700)]
    assert [(one.recoded, one.moved - abs(one.amount)) for one in waits] == [(700, 700)]


def test_the_job_of_an_approval_is_a_person_s(room: Room) -> None:
    assert known(approving.APPROVED, TASKS) is TASKS["now"]
    assert TASKS["now"].do is running.now
