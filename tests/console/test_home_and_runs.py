"""Home, runs, health and audit over HTTP, as a browser without scripts has them; each thing done is done by a form."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec import structs

from ml_connector.access.signing_in import principal_of_cookie
from ml_connector.console.pages.health import busy
from ml_connector.console.pages.health_lists import LISTS, HealthLook, listed
from ml_connector.console.rendering import environment
from ml_connector.kernel.errors import BadInput
from ml_connector.service import pausing, proving
from ml_connector.store import agenda, alerts, paces
from ml_connector.store.agenda import Laid
from ml_connector.store.alerts import URGENT, WARNING, Alert
from ml_connector.views.health import Waiting, health

from .scene import Answer, Scene, until

EMPTY = {
    "plans": "No plan yet",
    "documents": "No document yet",
    "runs": "No run yet",
    "inbox": "Nothing waits for anybody",
    "inbox/answers": "Nobody has answered anything yet",
    "mapping/cost_code": "Every value is its own code.",
    "health/lists/queue": "What is due next stands in the agenda.",
    "health/lists/given-up": "Nothing was given up",
}
"""Lists of a connection that was only just added, and what they say: nothing was asked for, so nothing does not fit."""


class Person:
    """Somebody signed in."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene = scene
        self.cookie = scene.cookie(name)
        found = principal_of_cookie(scene.app, self.cookie)
        assert found is not None
        self.csrf = found[1]

    def sees(self, path: str, status: int = 200) -> str:
        """The text of a page, its tags and spaces left out."""
        told = self.scene.ask(path, self.cookie)
        assert told.status == status, told.body[-2000:]
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", told.body)).split())

    def does(self, path: str, **fields: Any) -> Answer:
        """Sends a form."""
        data = urlencode({**fields, "csrf": self.csrf}, doseq=True).encode()
        return self.scene.ask(path, self.cookie, "POST", data, content_type="application/x-www-form-urlencoded")


@pytest.fixture(scope="module")
def otto(scene: Scene) -> Person:
    """An operator, once the service has run by itself."""
    person = Person(scene, "otto")
    until(lambda: "10 of 10" in person.sees("/"))
    return person


def test_home_answers_at_once_and_everything_on_it_is_done_by_forms(scene: Scene, otto: Person) -> None:
    assert "Everything runs and the exposure was not computed yet" in otto.sees("/")
    assert otto.does("/c/north/exposure").status == 303
    until(lambda: "Everything runs and the exposure reads 0" in otto.sees("/c/north"))
    vera = Person(scene, "vera")
    assert "Run now" not in vera.sees("/")
    assert vera.does("/c/north/exposure").status == vera.does("/c/north/run").status == 403
    assert otto.does("/c/north/health", what="pause", flow="payments", note="<b>holiday</b>").status == 303
    assert "paused by otto: <b>holiday</b>" in otto.sees("/c/north")
    told = otto.does("/c/north/health", what="pause", flow="payments", until="yesterday", note="<i>month end</i>")
    assert (told.status, 'value="yesterday"' in told.body, "is no time" in told.body) == (400, True, True)
    assert 'value="payments" selected' in told.body
    assert "&lt;i&gt;month end&lt;/i&gt;" in told.body
    assert otto.does("/c/north/run", flows=["payments"]).headers["location"] == "/c/north/runs"
    assert otto.does("/c/north/runs/1/again").headers["location"] == "/c/north/runs/1", "payments are paused"
    otto.does("/c/north/health", what="resume", flow="payments")
    assert "paused by" not in otto.sees("/c/north")
    told = otto.does("/c/north/health", what="probe", side="erp", back="/c/north")
    assert told.headers["location"] == "/c/north"
    assert otto.does("/c/north/health", what="probe", back="https://evil.example").headers["location"] != "https:"
    assert otto.does("/c/north/health", what="everything").status in (303, 400)


def test_a_run_is_followed_to_its_totals(scene: Scene, otto: Person) -> None:
    assert otto.does("/c/north/run", flows=["projects", "vendors"]).headers["location"] == "/c/north/runs"
    number = until(lambda: re.search(r"No change (\d+) Done", otto.sees("/c/north/runs?trigger=person")))
    page = otto.sees(f"/c/north/runs/{number[1]}")
    assert "All that came in" not in page
    assert "Balanced Adds up all that came in is accounted for" in page
    assert re.search(r"Started [^.]+ by you, by hand: projects, vendors\.", page), page
    assert "0.00 USD no money was planned" in page, "in the currency of the company"
    listed = re.findall(r'href="([^"]+/documents\?flow=[^"]*)"', scene.ask("/c/north/runs/2", otto.cookie).body)
    lists = [otto.sees(html.unescape(address)) for address in listed]
    assert lists
    assert not any("Nothing fits" in one for one in lists), "no number leads to an empty list"
    row = otto.sees("/c/north/runs?trigger=person&size=1")
    assert re.search(r"Balanced [^.]+ You, by hand projects, vendors [1-9]", row), row
    figures = [int(one) for one in re.findall(r" (\d+)(?= )", row[row.index("projects, vendors ") :])][:6]
    assert figures[0] == sum(figures[1:]) > 0, row
    first = otto.sees("/c/north/runs/1")
    assert re.search(r"Purchase orders 22 20 1 0 0 0 1 0 0 0", first), first
    assert "Orders that are planned in IFS: not sent yet." in first
    left = "/c/north/runs/1/documents?flow=purchase_orders&fate=skipped"
    assert f'<a href="{html.escape(left)}">1</a>' in scene.ask("/c/north/runs/1", otto.cookie).body
    told = scene.ask(left, otto.cookie).body
    [address] = set(re.findall(r'<a href="(/c/north/documents/order/P\d+)">Order P', told))
    assert "is planned in IFS: not sent yet. Run 1 left it alone for that." in otto.sees(address)
    assert len(scene.ask(f"{left}&as=csv", otto.cookie).body.splitlines()) == 2
    assert "Nothing fits" in otto.sees("/c/north/runs/1/documents?fate=gone")
    orders = scene.ask("/c/north/runs/1?as=csv&of=totals", otto.cookie).body
    assert "\nPurchase orders,22,20,1," in orders.replace("\r", "")
    assert "Out,Out currency" in scene.ask("/c/north/runs/1?as=csv&of=money", otto.cookie).body.splitlines()[0]
    assert "Orders that are planned in IFS" in scene.ask("/c/north/runs/1?as=csv&of=skips", otto.cookie).body
    assert scene.ask("/c/north/runs/1?as=xlsx&of=skips", otto.cookie).status == 200
    assert scene.ask("/c/north/runs/1?as=csv&of=else", otto.cookie).status == 400
    assert "It is being decided again" in otto.sees("/c/north/runs/1/replay?mapping=then")
    assert "The same decision" in otto.sees("/c/north/runs/1/replay?mapping=then&shown=yes")
    skips = scene.ask("/c/north/runs/1?as=csv&of=skips", otto.cookie).body
    assert "order P1" in skips
    assert "order:P1" not in skips
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE runs SET state = 'running', finished_at = NULL WHERE id = 1")
        doing = {
            "phase": "sends",
            "step": "commitment create",
            "done": 7,
            "of": 193,
            "pauses": {"projects": {"away": 3}},
        }
        sql = "UPDATE run_progress SET totals = '{}', doing = %s, at = now() WHERE run_id = 1"
        conn.exec_driver_sql(sql, (json.dumps(doing),))
    live = scene.ask("/c/north/runs/1", otto.cookie).body
    assert until(lambda: "every 3s" not in scene.ask("/", otto.cookie).body), "nobody does it, and Home waits for none"
    assert 'hx-get="/c/north/runs/1" hx-trigger="every 2s"' in live
    page = otto.sees("/c/north/runs/1")
    assert "It sends what was decided. Commitment create: 7 of 193 steps." in page
    assert "away (502, 503, 504): 3" in page
    assert "hx-refresh" not in scene.ask("/c/north/runs/1", otto.cookie, hx_request="true").headers
    with scene.app.db.writer(scene.app.connection("north").id):
        for address in ("/", "/c/north"):
            assert f'hx-get="{address}" hx-trigger="every 3s"' in scene.ask(address, otto.cookie).body, (
                "Home goes along"
            )
            assert "hx-refresh" not in scene.ask(address, otto.cookie, hx_request="true").headers
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE run_progress SET at = now() - interval '2 minutes' WHERE run_id = 1")
    with scene.app.db.writer(scene.app.connection("north").id):
        assert "every 2s" in scene.ask("/c/north/runs/1", otto.cookie).body, "somebody may do it"
    dead = scene.ask("/c/north/runs/1", otto.cookie, hx_request="true")
    assert (dead.headers["hx-refresh"], "every 2s" in dead.body) == ("true", False), "nobody does it any more"
    assert "The process that did it has said nothing since" in dead.body
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE runs SET state = 'done', finished_at = now() WHERE id = 1")
    assert scene.ask("/c/north/runs/1", otto.cookie, hx_request="true").headers["hx-refresh"] == "true"
    until(lambda: "every 3s" not in scene.ask("/c/north", otto.cookie).body)
    told = otto.does("/c/north/runs/1/cancel")
    assert told.status == 404
    assert "not done by a job that could be stopped" in html.unescape(told.body)
    assert otto.sees("/c/north/runs/999999", 404)
    assert otto.sees("/c/north/runs/abc", 400)
    assert otto.scene.ask("/c/north/runs?as=csv", otto.cookie).body.startswith("\ufeffRun,State,Started (UTC)")


def test_what_was_typed_about_a_user_or_a_pause_is_still_there(scene: Scene, otto: Person) -> None:
    adam = Person(scene, "adam")
    adam.does("/users/vera", email="vera@example.com")
    told = adam.does("/users/otto", title="Otto of Site 7", email="vera@example.com")
    assert told.status == 400
    assert 'value="Otto of Site 7"' in told.body
    assert 'value="vera@example.com"' in told.body
    assert "Otto of Site 7" not in adam.sees("/users")
    told = otto.does("/connections/north/pause", note="n" * 1001)
    assert (told.status, "n" * 1001 in told.body, "at most 1,000 characters" in told.body) == (400, True, True)


def test_the_list_of_connections_is_sorted_searched_and_given_away(scene: Scene, otto: Person) -> None:
    assert "north" in otto.sees("/connections?sort=last_run&down=true&q=north&state=active")
    assert "Nothing fits" in otto.sees("/connections?state=paused")
    assert "cannot be sorted" in otto.sees("/connections?sort=secret", 400)
    lines = scene.ask("/connections?as=csv", otto.cookie).body.splitlines()
    assert lines[0].startswith("\ufeffConnection,Name,State,IFS company,")
    assert lines[1].split(",")[1:3] == ["north", "Active"]


def test_a_run_that_cannot_be_queued_is_told_beside_the_one_at_work(scene: Scene, otto: Person) -> None:
    def told_at(address: str) -> bool:
        """Whether the answer leads to run 1, which stands as if it were at work; the service may put that right."""
        with scene.app.db.begin() as conn:
            row = conn.exec_driver_sql("SELECT id FROM connections").scalar_one()
            agenda.ask(conn, Laid(row, "now/payments", None, 40))
            conn.exec_driver_sql("UPDATE agenda SET running_job = 9 WHERE name = 'now/payments'")
            sql = "UPDATE runs SET state = 'running', flows = '{payments}', finished_at = NULL WHERE id = 1"
            conn.exec_driver_sql(sql)
        told = otto.does(address, flows=["payments"])
        return told.status == 303 and told.headers["location"] == "/c/north/runs/1"

    with scene.app.db.writer(scene.app.connection("north").id):
        assert until(lambda: told_at("/c/north/run"), 5)
        assert until(lambda: told_at("/c/north/runs/1/again"), 5)
        page = scene.ask("/c/north/runs", otto.cookie).body
        assert 'hx-get="/c/north/runs" hx-trigger="every 3s"' in page
    assert otto.does("/c/north/runs/999999/again").status == 404
    page = scene.ask("/c/north/runs?flow=payments&state=running", otto.cookie).body
    form, live = page.index('class="toolbar"'), page.index('id="live"')
    assert form < live, "what is being chosen in the filter is not swapped away"
    assert page.count('class="toolbar"') == 1
    assert 'hx-get="/c/north/runs?flow=payments&amp;state=running"' in page[live:]
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE runs SET state = 'done', finished_at = now() WHERE id = 1")
        conn.exec_driver_sql("UPDATE agenda SET running_job = 0 WHERE running_job = 9")


def test_a_run_that_waits_is_told_in_the_list_and_what_is_parked_beside_the_button(scene: Scene, otto: Person) -> None:
    number = scene.app.connection("north").id
    until(lambda: "every 3s" not in scene.ask("/c/north/runs", otto.cookie).body)
    later = datetime.now(UTC) + timedelta(days=1)
    with scene.app.db.begin() as conn:
        agenda.ask(conn, Laid(number, "now/budgets", later, 40))
        for task in ("exposure", "verify"):
            agenda.ask(conn, Laid(number, task, None, 40))
            conn.exec_driver_sql("UPDATE agenda SET parked_id = 7 WHERE name = %s AND connection_id <> 0", (task,))
    try:
        page = scene.ask("/c/north/runs", otto.cookie).body
        assert 'hx-get="/c/north/runs" hx-trigger="every 3s"' in page
        assert "A run is queued before everything else. It begins as soon as a worker is free." in otto.sees(
            "/c/north/runs"
        )
        for path, back in (("/c/north/exposure", "/c/north"), ("/c/north/audit/verify", "/c/north/audit")):
            told = otto.does(path)
            assert (told.status, told.headers["location"]) == (303, back), "no bare page of a failure"
    finally:
        with scene.app.db.begin() as conn:
            sql = "DELETE FROM agenda WHERE connection_id = %s AND (name = 'now/budgets' OR parked_id = 7)"
            conn.exec_driver_sql(sql, (number,))
    assert "A run is queued" not in otto.sees("/c/north/runs")


def test_a_bare_time_is_of_today() -> None:
    def clock(at: datetime, zone: str = "") -> str:
        form = '{% import "home/parts.html" as part with context %}{{ part.clock(at, now) }}'
        made = environment().from_string(form).render(at=at, now=noon, page=SimpleNamespace(zone=zone))
        assert 'data-clock="2026-11-27T09:00:00+00:00"' in made
        return re.sub(r"<[^>]+>", "", made)

    noon = datetime(2026, 11, 27, 9, tzinfo=UTC)
    assert clock(noon - timedelta(hours=4)) == "05:00"
    assert clock(noon - timedelta(hours=15, minutes=30)) == "26 Nov 2026, 17:30"
    assert clock(noon - timedelta(hours=4), "America/Chicago") == "26 Nov 2026, 23:00", "yesterday where the person is"
    assert clock(noon + timedelta(hours=14), "Europe/Berlin") == "28 Nov 2026, 00:00"


def test_the_trail_is_searched_given_away_and_verified(scene: Scene, otto: Person) -> None:
    page = otto.sees("/c/north/audit")
    assert "Not verified yet" in page
    assert "From (America/Chicago)" in page
    assert "Until (UTC)" in otto.sees("/audit")
    assert "Until (Europe/Rome)" in otto.sees("/audit?zone=Europe/Rome")
    assert "is not a zone such as" in otto.sees("/audit?zone=Mars", 400)
    assert otto.does("/me/zone", zone="Asia/Tokyo").status == 303
    assert "From (Asia/Tokyo)" in otto.sees("/c/north/audit"), "as the rows are"
    assert otto.does("/me/zone", zone="").status == 303
    page = otto.sees("/c/north/audit?record=P100009&tag=hold:open:done")
    assert "reason: A code part value is not valid in IFS; waits for: code part" in page
    assert "Held" in page
    assert "Nothing fits" in otto.sees("/c/north/audit?actor=nobody")
    assert "type the number of a document as it is shown here" in otto.sees("/c/north/audit?record=PM-9999")
    body = scene.ask("/c/north/audit?oldest=true&size=5", otto.cookie).body
    rows = [int(row) for row in re.findall(r'data-label="Row"><span>(\d+) <', body)]
    assert len(rows) == 5
    assert f"after={rows[-1]}" in body
    assert 'aria-sort="ascending"' in body
    assert "before=" not in body
    assert "is no time" in otto.sees("/c/north/audit?since=soon", 400)
    lines = scene.ask("/c/north/audit?as=jsonl&tag=run:start:done", otto.cookie).body.splitlines()
    assert json.loads(lines[-1])["record"] == "run:1"
    nothing = scene.ask("/c/north/audit?as=jsonl&record=PM-9999", otto.cookie)
    assert (nothing.status, nothing.body) == (200, "")
    assert scene.ask("/c/north/audit?as=exe", otto.cookie).status == 400
    assert scene.ask("/c/south/audit?as=csv", otto.cookie).status == 404
    assert scene.ask("/audit?as=csv", "").status in (303, 401)
    assert otto.does("/c/north/audit/verify").status == 303
    until(lambda: "Whole up to row" in otto.sees("/c/north/audit"))
    assert otto.does("/audit/verify").status == 303
    until(lambda: "Whole up to row" in otto.sees("/audit"))
    assert "You Audit trail verified" in otto.sees("/audit?tag=audit:verify:done")


def test_what_was_given_up_is_dealt_with_on_the_page_of_health(scene: Scene, otto: Person) -> None:
    with scene.app.db.begin() as conn:
        conn.exec_driver_sql(
            "INSERT INTO parked (connection_id, job_id, task, attempts, sentence, evidence) "
            """SELECT id, 9, 'sweep', 3, 'It ended <i>three</i> workers.', '{"workers": ["w0"]}' FROM connections"""
        )
    page = otto.sees("/c/north/health")
    assert "It ended <i>three</i> workers. Tried 3 times." in page
    place = "/c/north/health/lists/given-up"
    assert "It ended <i>three</i> workers." in otto.sees(f"{place}?q=three&sort=at&down=true")
    body = scene.ask(place, otto.cookie).body
    assert f'name="back" value="{place}"' in body
    assert "It ended <i>three</i> workers." in scene.ask(f"{place}?as=csv", otto.cookie).body.splitlines()[1]
    assert otto.does("/c/north/health", what="release", number="999999", back=place).headers["location"] == place
    back = otto.does("/c/north/health", what="release", number="999999", back=f"{place}/../..").headers["location"]
    assert back == "/c/north/health"
    number = re.search(r'name="number" value="(\d+)"', scene.ask("/health", otto.cookie).body)
    assert number
    told = otto.does("/health", what="dismiss", number=number[1], note="w" * 1001)
    assert (told.status, "w" * 1001 in told.body, f'value="{number[1]}"' in told.body) == (400, True, True)
    assert otto.does("/health", what="dismiss", number=number[1], note="").status == 400
    assert "It ended" in otto.sees("/health"), "without a reason nothing is laid aside"
    otto.does("/health", what="dismiss", number=number[1], note="old")
    assert "It ended" not in otto.sees("/health")
    asked_for = {"hx_request": "true"}
    until(lambda: "hx-refresh" in scene.ask("/c/north/health", otto.cookie, **asked_for).headers)
    assert "hx-refresh" not in scene.ask("/c/north/health", otto.cookie).headers
    asked = proving.ask(scene.app, "north", "verify")
    assert asked["workers"] is True


def test_an_alarm_stands_on_home_once_with_its_remedy(scene: Scene, otto: Person) -> None:
    loud = Alert("audit/chain", URGENT, "The trail is broken.", "Verify it.")
    number = scene.app.connection("north").id

    def alarmed() -> str:
        with scene.app.db.begin() as conn:
            alerts.raise_alert(conn, number, loud, scene.app.clock())  # the watch may have cleared it meanwhile
        seen = otto.sees("/c/north")
        return seen if loud.sentence in seen else ""

    try:
        page = until(alarmed)
        assert page.count("The trail is broken. Verify it.") == page.count("The trail is broken.") == 1
    finally:
        with scene.app.db.begin() as conn:
            alerts.clear_alert(conn, number, loud.key, scene.app.clock())


def test_home_of_two_connections_says_of_each_what_its_own_page_says(scene: Scene, otto: Person) -> None:
    scene.app.add_connection("south", scene.box.connection_text(), paused=pausing.BEING_SET_UP)
    alert = Alert("audit/chain", WARNING, "The trail was not verified.", "Verify it.")
    with scene.app.db.begin() as conn:
        alerts.raise_alert(conn, scene.app.connection("south").id, alert, scene.app.clock())
        hour = ("hour", 3600, 3000, scene.app.clock().timestamp() + 3600)
        paces.learn(conn, scene.app.connection("north").id, "projects", [hour])
    try:
        page = otto.sees("/")
        assert "It is being set up: nothing runs" in page
        assert page.count("more thing to do") == 1, "beside what the sentence says"
        north, south = page.split(" Open ")[1:3]
        for part in (north, south):
            assert "Freshness" in part
            assert "Held money, by reason" in part
            assert "Exposure" in part
            assert "IFS" in part
            assert "Procore" in part
        assert re.search(r"Payments Fresh as of [\w ,]*\d\d:\d\d , next [\w ,]*\d\d:\d\d", north), north
        assert re.search(r"[\d,]+ of [\d,]+ requests left \(this hour\)", north), north
        assert re.search(r"A code part value is not valid in IFS 1 [\d,.]+ USD", north), north
        body = scene.ask("/", otto.cookie).body
        assert body.count('<li><a href="/c/south">') == 2, "the menu leads to its home"
        whole = Person(scene, "adam").sees("/c/south")
        assert "Go on with the set-up" in whole
        assert "Nothing has run yet" in whole
        assert "Run now" not in whole, "nothing runs before its first plan is approved"
        assert whole.count("being set up") == 2, "in the sentence and above the table"
        for one, says in EMPTY.items():
            told = otto.sees(f"/c/south/{one}")
            assert says in told, one
            assert "Nothing fits" not in told, one
    finally:
        scene.app.remove_connection("south", force=True)


def test_the_lists_of_health_sort_filter_page_and_go_to_files(scene: Scene, otto: Person) -> None:
    found = health(scene.app)
    queue = [Waiting(n, ("north", "")[n % 2], "poll/cost_codes", "waiting", f"w{n % 3}", 1) for n in range(1, 8)]
    found = structs.replace(found, queue=[*queue, Waiting(9, "north", "nightly", "at work", "", 1)])

    def jobs(**wanted: Any) -> list[int]:
        return [row["number"] for row in listed(found, "queue", HealthLook(**wanted)).rows]

    assert jobs(sort="number", down=True) == [9, 7, 6, 5, 4, 3, 2, 1]
    assert jobs(sort="worker")[-1] == 9, "what says nothing comes last"
    assert jobs(sort="worker", down=True)[-1] == 9
    assert jobs(state="At work") == jobs(q="night") == [9]
    assert jobs(connection="installation") == [1, 3, 5, 7]
    assert (jobs(size=3, page=2), listed(found, "queue", HealthLook(size=3)).more) == ([4, 5, 6], True)
    with pytest.raises(BadInput):
        jobs(sort="key")
    for name in LISTS:
        assert otto.sees(f"/health/lists/{name}")
        head = scene.ask(f"/health/lists/{name}?as=csv", otto.cookie).body.splitlines()[0]
        assert "Connection" in head or name == "processes"
    assert "Looking for changes: payments" in otto.sees("/c/north/health/lists/agenda?q=payments&sort=due")
    assert "Nothing fits" in otto.sees("/c/north/health/lists/agenda?q=nothing")
    assert "cannot be sorted" in otto.sees("/c/north/health/lists/agenda?sort=secret", 400)
    assert otto.sees("/c/north/health/lists/else", 404)
    assert otto.sees("/c/south/health/lists/queue", 404)


def test_health_looks_again_while_something_is_at_work(scene: Scene, otto: Person) -> None:
    found = health(scene.app, "north")
    job = Waiting(1, "north", "nightly", "waiting", "", 1)
    assert busy(structs.replace(found, queue=[job]))
    assert not busy(structs.replace(found, queue=[]))
    nobody = structs.replace(found, processes=[])
    assert not busy(structs.replace(nobody, queue=[job])), "what waits for nobody is not waited for"
    assert busy(structs.replace(nobody, queue=[structs.replace(job, state="at work")]))
