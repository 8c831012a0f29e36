"""Plans in a browser without scripts: what is approved is shown first, with its money; what fails says what to do."""

from __future__ import annotations

import html
import json
import re
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from ml_connector import console
from ml_connector.kernel.errors import Locked
from ml_connector.service import approving
from ml_connector.views import plans as views
from ml_connector.views.plans import PlanAsked, PlanPage

from .scene import Scene, until
from .test_home_and_runs import Person


@pytest.fixture(scope="module")
def plan(scene: Scene) -> PlanPage:
    """A plan that waits, with changes in two projects."""
    scene.app.edit_connection("north", {"policy": {"purchase_orders": {"approve": "manual"}}})
    with scene.app.db.begin() as conn:
        sql = "SELECT erp_id FROM links WHERE kind = 'commitment' ORDER BY erp_id"
        names = [str(row[0]) for row in conn.exec_driver_sql(sql)]
    by_project: dict[str, str] = {}
    for name in names:
        by_project.setdefault(name.partition("@")[2], name.partition("@")[0])
    prices = ("777.77", "777.77", "1.00")  # some dearer, some cheaper: net is another figure than moved
    for order, price in zip(dict.fromkeys(by_project.values()), prices, strict=False):
        scene.box.act("ifs", "amend_line", order_no=order, line_no="1", price=price)
    made = scene.app.acting_as("otto").plan("north")
    shown = views.shown(scene.app, PlanAsked(connection="north", plan=made.plan))
    assert sum(part.waits for part in shown.projects) > 1
    return shown


def test_chosen_projects_are_shown_with_their_money_before_they_are_approved(scene: Scene, plan: PlanPage) -> None:
    anna, at = Person(scene, "anna"), f"/c/north/plans/{plan.plan}"
    part = next(part for part in plan.projects if part.waits and part.planned)
    asked = anna.does(f"{at}/approval", chosen=part.project)
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", asked.body)).split())
    assert asked.status == 200
    assert plan.plan in text
    assert "Nothing has been sent yet" in text
    for currency, amount in [*part.planned.items(), *part.moved.items()]:
        assert f"{Decimal(amount):,.2f} {currency}" in text.replace("\u2212", "-")
    every = anna.does(f"{at}/approval", chosen=[one.project for one in plan.projects if one.waits]).body
    every = html.unescape(re.sub(r"<[^>]+>", " ", every)).replace("\u2212", "-")
    for currency, amount in plan.rest.moved.items():
        assert f"{Decimal(amount):,.2f} {currency}" in " ".join(every.split())
        assert f"net {Decimal(plan.rest.planned[currency]):,.2f} {currency}" in " ".join(every.split())
    assert approving.working(scene.app, "north", approving.APPROVED) is None, "asking approves nothing"
    assert anna.does(f"{at}/approval", chosen=[part.project, "9999"]).status == 303
    assert approving.working(scene.app, "north", approving.APPROVED) is None
    assert anna.does(f"{at}/approval", chosen=part.project, sure="yes").status == 303
    until(lambda: "approved" in anna.sees(at) and _ended(scene))
    with scene.app.db.begin() as conn:
        sql = "UPDATE agenda SET well_at = NULL, why = %s, remedy = %s WHERE name = %s"
        said = ("Procore forbids it.", "Give the service account its level on Commitments.", approving.APPROVED)
        conn.exec_driver_sql(sql, said)
    text = anna.sees(at)
    assert "Procore forbids it. Give the service account its level on Commitments." in text, "sentence and remedy"
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE agenda SET parked_id = 7 WHERE name = %s", (approving.APPROVED,))
    text = anna.sees(at)
    assert "whoever may approves the plan again" in text
    assert "Put it back" not in text, "nobody can"
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE agenda SET parked_id = 0 WHERE name = %s", (approving.APPROVED,))


def test_a_plan_that_any_run_sends_is_being_sent(scene: Scene, plan: PlanPage) -> None:
    otto, at = Person(scene, "otto"), f"/c/north/plans/{plan.plan}"
    number = scene.app.connection("north").id
    runs = "UPDATE runs SET state = %s WHERE id = (SELECT run_id FROM plans WHERE hash = %s)"
    with ExitStack() as stack:
        until(lambda: _writing(scene, number, stack))
        with scene.app.db.begin() as conn:
            conn.exec_driver_sql(runs, ("running", plan.plan))
        text = otto.sees(at)
        assert "A run goes through it at this moment." in text
        assert f'hx-get="{at}' in scene.ask(at, otto.cookie).body, "it shows by itself what becomes of it"
    assert "A run goes through it" not in otto.sees(at), "its process died: nobody has the right to write"
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql(runs, ("done", plan.plan))


def _writing(scene: Scene, number: int, stack: ExitStack) -> bool:
    """Takes the right to write, unless a run has it."""
    try:
        stack.enter_context(scene.app.db.writer(number))
    except Locked:
        return False
    return True


def test_the_question_says_what_is_moved_as_the_limits_see_it_and_of_the_rest_only(
    scene: Scene, plan: PlanPage
) -> None:
    """After `test_chosen_projects…` one project has gone: the question is of the others."""
    shown = views.shown(scene.app, PlanAsked(connection="north", plan=plan.plan))
    asked = _question(Person(scene, "anna").sees(f"/c/north/plans/{plan.plan}"))
    assert shown.rest.counts["updated"] < shown.counts["updated"], "some of it has gone"
    assert f" {shown.rest.counts['updated']:,} changed" in asked
    assert "What still waits of plan" in asked
    for currency, amount in shown.rest.moved.items():
        assert f"moves {Decimal(amount):,.2f} {currency}" in asked
    assert shown.rest.moved != shown.rest.planned, "the amendments add and take away"
    for currency, amount in shown.rest.planned.items():
        assert f"net {Decimal(amount):,.2f} {currency}" in asked


def _question(text: str) -> str:
    found = re.search(r"What still waits of plan[^.]*[.\d,\u2212 A-Za-z;]*", text.replace("\u2212", "-"))
    return found.group(0) if found else text


_TABLE = re.compile(r"<(table|thead|tbody|tfoot|tr|th|td)\b((?:\{\{.*?\}\}|\{%.*?%\}|[^>{])*)>")


def test_tables_of_plans_stay_tables_where_they_are_stacked() -> None:
    """On a small screen rows are stacked by CSS, and only a role keeps them a table for who hears the page."""
    pages = list((Path(console.__file__).parent / "templates" / "plans").glob("*.html"))
    assert len(pages) > 5
    tags = [(page.name, tag[0]) for page in pages for tag in _TABLE.finditer(page.read_text())]
    assert [one for one in tags if "role=" not in one[1]] == []


def _ended(scene: Scene) -> bool:
    job = approving.working(scene.app, "north", approving.APPROVED)
    return job is not None and job.state == "ended"


def test_pages_of_a_plan_speak_as_accountants_do(scene: Scene, plan: PlanPage) -> None:
    vera, at = Person(scene, "vera"), f"/c/north/plans/{plan.plan}"
    text = vera.sees(at)
    assert "asked for by otto" in text
    assert "nothing is sent for these" not in text
    assert "In all" in text, "each project has a total a flow"
    assert vera.sees(f"{at}/held")
    listed = vera.sees(f"{at}/records")
    for word in ("Superseded", "10/order/"):
        assert word not in listed
    assert "on project 12" in listed
    assert f"Run {plan.run + 1}" in text or "came to the same plan" in text
    change = scene.ask(f"/api/v1/connections/north/plans/{plan.plan}/records", vera.cookie).json()["rows"][0]
    page = vera.sees(f"{at}/record?kind={change['kind_key']}&id={change['record']}")
    assert "Our key" not in page
    assert "Amend commitment" not in page


def test_a_plan_of_which_not_all_went_says_so_and_its_sending_says_whose_it_is(scene: Scene, plan: PlanPage) -> None:
    vera, at = Person(scene, "vera"), f"/c/north/plans/{plan.plan}"
    with scene.app.db.begin() as conn:
        [kept] = conn.exec_driver_sql("SELECT state, summary::text FROM plans WHERE hash = %s", (plan.plan,)).fetchall()

    def as_if(state: str, more: str) -> str:
        sql = "UPDATE plans SET state = %s, summary = %s::jsonb || %s::jsonb WHERE hash = %s"
        with scene.app.db.begin() as conn:
            conn.exec_driver_sql(sql, (state, kept[1], more, plan.plan))
        return " ".join(html.unescape(vera.sees(at)).split())

    short = as_if("applied", '{"went": {"done": 1, "open": 0, "not": 2}}')
    sent = as_if("applied", '{"sends": "ab12", "sent_by": "anna"}')
    assert as_if(kept[0], "{}")
    assert "partly applied" in short.lower()
    assert "Not all of it went" in short
    assert "sending of an approved plan" in sent.lower()
    assert "Anna approved plan ab12" in sent or "anna approved plan ab12" in sent
    with scene.app.db.begin() as conn:
        sql = """
            INSERT INTO runs (connection_id, flows, trigger, actor, state, plan_hash, counts, requests)
            SELECT connection_id, flows, 'schedule', 'schedule', 'stopped', 'cd34', '{}', '{}' FROM runs
            WHERE plan_hash = %s ORDER BY id DESC LIMIT 1 RETURNING id, connection_id
        """
        run, number = conn.exec_driver_sql(sql, (plan.plan,)).one()
        sql = "INSERT INTO plans (connection_id, hash, run_id) VALUES (%s, 'cd34', %s)"
        conn.exec_driver_sql(sql, (number, run))
    part = as_if("partly", '{"went": {"done": 1, "open": 2, "not": 0}}')
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM plans WHERE hash = 'cd34'")
        conn.exec_driver_sql("DELETE FROM runs WHERE id = %s", (run,))
    assert as_if(kept[0], "{}")
    assert "The rest waits for approval in plan cd34." in part
    assert "Another plan took its place" not in part


def test_money_that_only_moves_between_codes_is_said_wherever_money_is(scene: Scene, plan: PlanPage) -> None:
    """What was applied, what is asked about before an approval, and the banner of a plan that went in part."""
    anna, at = Person(scene, "anna"), f"/c/north/plans/{plan.plan}"
    look = "SELECT state, summary::text, outcome::text, parts::text FROM plans WHERE hash = %s"
    put = "UPDATE plans SET state = %s, summary = %s, outcome = %s, parts = %s WHERE hash = %s"
    with scene.app.db.begin() as conn:
        kept = tuple(conn.exec_driver_sql(look, (plan.plan,)).one())
    part = next(part for part in plan.projects if part.waits and part.planned)
    flow, place = "purchase_orders", part.project
    entry = {"project": place, "flows": {flow: {"updated": 1}}, "money": {"USD": "0.00"}, "locked": {}, "codes": []}
    entry |= {"unbudgeted": [], "moved": {flow: {"USD": "185.00"}}, "recoded": {flow: {"USD": "185.00"}}}
    entry["codes"] = [[flow, "a", "USD", "-185.00"], [flow, "b", "USD", "185.00"]]
    parts = json.dumps({"projects": [entry]})
    short = json.dumps({**json.loads(kept[1]), "went": {"done": 2, "open": 0, "not": 1}})
    fates = [[place, flow, "done", "USD", 2, "0.00", "752.53"], [place, flow, "superseded", "USD", 1, "0.00", "185.00"]]
    earlier = [row[:-1] for row in fates]

    def as_if(*row: str) -> str:
        with scene.app.db.begin() as conn:
            conn.exec_driver_sql(put, (*row, plan.plan))
        return _words(anna.sees(at))

    went = as_if("applied", short, json.dumps({"fates": fates}), parts)
    before = as_if("applied", short, json.dumps({"fates": earlier}), parts)
    with scene.app.db.begin() as conn:
        step = """
            SELECT i.id, s.state, i.amount, i.moved FROM intents i JOIN intent_states s ON s.id = i.id
            JOIN plans p ON p.run_id = i.run_id WHERE p.hash = %s AND i.amount <> 0 AND s.state <> 'done' LIMIT 1
        """
        number, state, amount, moved = conn.exec_driver_sql(step, (plan.plan,)).one()
    turn = "WITH one AS (UPDATE intents SET moved = %s WHERE id = %s) UPDATE intent_states SET state = %s WHERE id = %s"
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql(turn, (abs(amount) + Decimal("64.25"), number, "refused", number))
    stayed = as_if("applied", short, json.dumps({"fates": fates}), parts)
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql(turn, (moved, number, state, number))
    as_if("partly", kept[1], json.dumps({"fates": [[place, flow, "waiting", *fates[1][3:]]], "left": []}), parts)
    asked = _words(anna.does(f"{at}/approval", chosen=place).body)
    as_if(*kept)
    assert "0.00 USD net was sent; 752.53 USD moves between codes. The rest" in went
    assert went.count("0.00 USD net; 752.53 USD moves between codes") == 2, "applied, by flow and by project"
    assert re.search(r"1 record, \S+ USD net; 64.25 USD moves between codes\.", stayed), stayed
    assert "0.00 USD was sent. The rest" in before, "what was kept by an earlier release can be read"
    assert "Purchase orders 0.00 USD net; 185.00 USD moves between codes" in asked


def _words(body: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())
