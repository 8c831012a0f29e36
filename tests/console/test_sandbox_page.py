"""The sandbox's page: people act, time goes by, things break and are mended; elsewhere there is no such page."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from ml_connector.access import tokens as api_tokens
from ml_connector.access.permissions import Permission
from ml_connector.cli.month_office import MonthClock
from ml_connector.cli.playground import DemoPlayground
from ml_connector.console.application import console
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.webhooks.serving import Door
from store.cluster import Cluster

from .answers import EVIL, sent, wrong
from .forms import forms_of
from .reading import WIDE, too_wide, unreadable
from .scene import Answer, Scene, playing, until

ORDER = "P100001"


@pytest.fixture(scope="module")
def ground(cluster: Cluster, served: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A demo's installation, without a connection: the page needs none."""
    play = DemoPlayground(served, MonthClock(served))
    with playing(cluster, served, tmp_path_factory.mktemp("ground"), connected=False, playground=play) as made:
        yield made


@pytest.fixture(scope="module")
def otto(ground: Scene) -> str:
    """The cookie of an operator."""
    return ground.cookie("otto")


def send(scene: Scene, cookie: str, path: str, **fields: str) -> Answer:
    """A form of the sandbox's page, sent as a browser would."""
    word = re.search(r'name="csrf" value="([^"]+)"', scene.ask("/sandbox", cookie).body)
    data = urlencode({"csrf": word[1] if word else "", **fields}).encode()
    return scene.ask(path, cookie, "POST", data, content_type="application/x-www-form-urlencoded")


def test_people_in_both_systems_do_what_is_typed(ground: Scene, otto: str, served: RunningSandbox) -> None:
    page = ground.ask("/sandbox", otto).body
    for act in DemoPlayground(served, MonthClock(served)).acts():
        assert f'id="act-{act.key}"' in page
    assert send(ground, otto, "/sandbox", act="receive", order_no=ORDER).status == 303
    assert send(ground, otto, "/sandbox", act="bill", order_no=ORDER, invoice_no="DEMO-1").status == 303
    again = send(ground, otto, "/sandbox", act="bill", order_no=ORDER, invoice_no="DEMO-1")
    assert again.status == 400  # IFS has it already
    made = send(ground, otto, "/sandbox", act="claim", order_number="P100001", invoice_number="PM-1", share="0.5")
    assert made.status == 400  # no contract of that order is in Procore yet


def test_what_cannot_be_done_comes_back_with_what_was_typed(ground: Scene, otto: str) -> None:
    hostile = "<script>alert(1)</script>"
    refused = send(ground, otto, "/sandbox", act="price", order_no=hostile, line_no="1", price="9")
    assert refused.status == 400
    assert "refused" in refused.body
    assert hostile not in refused.body
    assert "&lt;script&gt;" in refused.body
    assert send(ground, otto, "/sandbox", act="nonsense").status == 404


@pytest.mark.parametrize("kind", EVIL)
def test_every_form_of_it_survives_what_is_sent(ground: Scene, otto: str, kind: str) -> None:
    pages = [(path, ground.ask(path, otto).body) for path in ("/sandbox", "/sandbox/faults")]
    forms = {str(one.fields): one for path, body in pages for one in forms_of(path, body)}.values()
    assert {"/sandbox", "/sandbox/clock", "/sandbox/faults"} <= {form.action for form in forms}
    found: list[str] = []
    for everything in (False, True):
        asked = [form for form in forms if form.takes(typed=not everything)]
        told = sent(ground, "otto", asked, EVIL[kind], everything=everything)
        found += [why for one in told for why in wrong(one, EVIL[kind], typed=not everything)]
    assert not found, "\n".join(found)


def test_time_goes_by_in_both_systems(ground: Scene, otto: str, served: RunningSandbox) -> None:
    before = served.clock()
    assert send(ground, otto, "/sandbox/clock", seconds="3600").status == 303
    assert 3600 <= (served.clock() - before).total_seconds() < 3700
    for seconds in ("-5", "1e99", "tomorrow", ""):
        assert send(ground, otto, "/sandbox/clock", seconds=seconds).status == 400


def test_something_breaks_and_is_mended(ground: Scene, otto: str, served: RunningSandbox) -> None:
    assert send(ground, otto, "/sandbox/faults", kind="429", side="ifs", times="5").status == 303
    assert send(ground, otto, "/sandbox/faults", kind="423", side="procore", times="0").status == 303
    rules = served.faults.as_json()["rules"]
    assert [(rule["kind"], rule["side"], rule["times"]) for rule in rules] == [("429", "ifs", 5), ("423", "ifs", 0)]
    page = ground.ask("/sandbox/faults", otto).body
    assert "5 to come" in page
    assert "goes on until it is mended" in page
    assert send(ground, otto, "/sandbox/faults", kind="meteor").status == 400
    assert send(ground, otto, "/sandbox/faults", kind="429", side="moon").status == 400
    assert send(ground, otto, "/sandbox/mend").status == 303
    assert served.faults.as_json()["rules"] == []
    assert "Nothing is broken" in ground.ask("/sandbox/faults", otto).body


def test_what_was_called_can_be_looked_through(ground: Scene, otto: str, served: RunningSandbox) -> None:
    served.log.clear()
    assert "Nobody has called yet" in ground.ask("/sandbox/calls", otto).body
    ground.app.add_connection("north", served.connection_text(), paused="for this test")
    ground.app.check("north")
    everything = ground.ask("/sandbox/calls", otto).body
    assert everything.count("<tr") > 5
    assert "IFS" in everything
    assert "Nothing fits" in ground.ask("/sandbox/calls?q=nowhere-at-all", otto).body
    assert ground.ask("/sandbox/calls?side=moon", otto).status == 400


def test_a_program_does_the_same_with_a_token(ground: Scene, served: RunningSandbox) -> None:
    served.faults.clear()
    otto, vera = (
        f"Bearer {api_tokens.add_for(ground.app, who, 'tests', [one.value for one in may], 1).token}"
        for who, may in (("otto", (Permission.LOOK, Permission.WORK)), ("vera", (Permission.LOOK,)))
    )

    def call(method: str, path: str, body: dict[str, Any] | None = None, *, token: str = otto, good: int = 200) -> Any:
        data = None if method == "GET" else json.dumps(body or {}).encode()
        path = f"/api/v1/sandbox/{path}"
        told = ground.ask(path, "", method, data, authorization=token, content_type="application/json")
        assert told.status == good, told.body
        return json.loads(told.body)

    before = served.clock()
    said = call("POST", "clock", {"seconds": 3600})["said"]
    assert said == "1 hour went by in both systems, and for the service."
    assert (served.clock() - before).total_seconds() >= 3600
    acts = call("GET", "acts", token=vera)["acts"]
    assert {one["key"] for one in acts} == {one.key for one in DemoPlayground(served, MonthClock(served)).acts()}
    assert "Cost code 31-777 exists" in call("POST", "acts/code", {"typed": {"value": "31-777"}})["said"]
    call("POST", "acts/code", {"typed": {"value": "31-777"}}, good=400)  # IFS has it already
    call("POST", "acts/code", {"typed": {"nonsense": "1"}}, good=400)
    call("POST", "acts/nonsense", good=404)
    call("POST", "faults", {"kind": "429", "side": "ifs", "times": 0})
    assert [one["left"] for one in call("GET", "faults")["standing"]] == [None]
    call("DELETE", "faults")
    assert call("GET", "faults")["standing"] == []
    assert "calls" in call("GET", "calls?side=ifs&limit=2", token=vera)
    call("GET", "calls?side=moon", good=400)
    for method, path, body in (
        ("POST", "clock", {"seconds": 60}),
        ("POST", "acts/pay", {}),
        ("POST", "faults", {"kind": "429"}),
        ("DELETE", "faults", {}),
    ):
        call(method, path, body, token=vera, good=403)


def test_the_service_follows_a_clock_that_another_terminal_moves(served: RunningSandbox) -> None:  # until() fails
    clock = MonthClock(served)
    clock.follow()
    with DemoPlayground(served, clock).following():
        before = clock()
        MonthClock(RunningSandbox.at({"ifs": served.ifs_url, "procore": served.procore_url})).pass_by(7200)
        until(lambda: (clock() - before).total_seconds() >= 7200)


class Slowly(RunningSandbox):
    """A sandbox of which some answers are handed on late."""

    late: ClassVar[list[float]] = []
    """Seconds by which the next answers are late."""

    def admin(self, method: str, name: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = super().admin(method, name, body)
        time.sleep(self.late.pop() if self.late else 0)
        return answer


def test_an_answer_that_comes_late_moves_the_clock_neither_back_nor_on(served: RunningSandbox) -> None:
    box = Slowly.at({"ifs": served.ifs_url, "procore": served.procore_url})
    clock = MonthClock(box)
    clock.follow()
    Slowly.late.append(0.3)
    before = threading.Thread(target=clock.pass_by)
    before.start()
    until(lambda: not Slowly.late)
    clock.pass_by(7200)  # while somebody waits for what was answered before
    before.join()
    assert abs((served.clock() - clock()).total_seconds()) < 1
    moves = len(clock.moves)
    Slowly.late.append(1.5)
    clock.follow()
    assert len(clock.moves) == moves


def test_a_viewer_looks_and_does_nothing(ground: Scene, served: RunningSandbox) -> None:
    vera, before = ground.cookie("vera"), served.clock()
    assert ground.ask("/sandbox", vera).status == 200
    assert send(ground, vera, "/sandbox/clock", seconds="3600").status == 403
    assert send(ground, vera, "/sandbox", act="pay").status == 403
    assert (served.clock() - before).total_seconds() < 600


def test_the_pages_can_be_read_by_everybody(ground: Scene, browser: Browser) -> None:
    with ground.context(browser, "otto", viewport=WIDE, reduced_motion="reduce") as context:
        page = context.new_page()
        for path in ("/sandbox", "/sandbox/faults", "/sandbox/calls?size=10"):
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 200
            assert (path, unreadable(page), too_wide(page)) == (path, [], "")


def test_real_systems_are_no_playground(ground: Scene) -> None:
    real = Door(ground.app, port=0, site=console(ground.app))
    real.start()
    try:
        there = Scene(ground.app, ground.box, real, ground.service)
        adam = there.cookie("adam")
        for path in ("/sandbox", "/sandbox/faults", "/sandbox/calls"):
            assert there.ask(path, adam).status == 404
        assert 'href="/sandbox"' not in there.ask("/me", adam).body
        token = api_tokens.add_for(ground.app, "adam", "tests", [one.value for one in Permission], 1).token
        for method, path, body in (
            ("POST", "clock", b'{"seconds": 60}'),
            ("GET", "acts", None),
            ("DELETE", "faults", b""),
        ):
            told = there.ask(f"/api/v1/sandbox/{path}", "", method, body, authorization=f"Bearer {token}",
                             content_type="application/json")  # fmt: skip
            assert told.status == 404
            assert "ml-connector demo" in told.body
    finally:
        real.stop()
