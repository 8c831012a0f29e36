"""A new user's path in a browser: from an empty installation to the first approved plan, by number of clicks."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from ml_connector.planning.first_steps import KEYS
from ml_connector.sandbox.connection_file import credentials
from ml_connector.service import setting_up, surveying
from ml_connector.service.setting_up import Half
from ml_connector.store import setups

from .reading import WIDE, too_wide, unreadable
from .scene import PASSWORD, Answer, Scene, until

TO_DISCOVERED, TO_APPROVED = 25, 40
"""Clicks a new user may need: to be connected and discovered, and from there to the first approved plan."""


@dataclass
class Clicks:
    """Somebody at a browser whose clicks are counted; choosing from a list counts as two, typing as none.

    Each page they leave by a button or a link is looked over first, once: `wrong` says what cannot be read there.
    """

    page: Page
    made: list[str] = field(default_factory=list)
    seen: dict[str, list[Any]] = field(default_factory=dict)
    """What axe and a telephone say of each page, by its path or by what it shows."""

    @property
    def wrong(self) -> dict[str, list[Any]]:
        """The pages that cannot be read by everybody."""
        return {path: found for path, found in self.seen.items() if found}

    def look(self, what: str = "") -> None:
        """Looks over the page that is open."""
        found = [*unreadable(self.page), *filter(None, [too_wide(self.page)])]
        self.seen[what or urlsplit(self.page.url).path] = found

    def press(self, name: str, role: Any = "button", *, exact: bool = True) -> None:
        """Clicks what is called so."""
        self.page.wait_for_load_state()
        if urlsplit(self.page.url).path not in self.seen:
            self.look()
        self.page.get_by_role(role, name=name, exact=exact).first.click()
        self.made.append(name)

    def tick(self, label: str) -> None:
        """Chooses one of a few."""
        self.page.get_by_label(label).first.check()
        self.made.append(label)

    def pick(self, label: str, value: str) -> None:
        """Opens a list and chooses from it."""
        self.page.get_by_label(label).first.select_option(value)
        self.made += [label, value]

    def type(self, label: str, text: str) -> None:
        """Types; moving from field to field is done with the keyboard."""
        self.page.get_by_label(label, exact=True).first.fill(text)


def writes(scene: Scene) -> list[str]:
    """Requests that changed something in either system."""
    return [f"{one.side} {one.method} {one.path}" for one in scene.box.log.exchanges(writes=True)]


def test_from_nothing_to_the_first_approved_plan(empty_scene: Scene, browser: Browser) -> None:
    scene = empty_scene
    told = tomllib.loads(scene.box.connection_text())
    keys = credentials(7)
    with scene.context(browser, viewport=WIDE, reduced_motion="reduce") as context:
        page = context.new_page()
        hand = Clicks(page)
        page.goto("/")
        hand.type("Name", "adam")
        hand.type("Password", PASSWORD)
        hand.press("Sign in")
        hand.press("Set-up", "link")
        hand.type("Short name", "north")
        hand.type("What people call it (optional)", "Northern sites")
        hand.press("Begin")
        _connect_both(hand, told, keys)
        assert keys.ifs_client_secret not in page.content()
        hand.press("Test now")
        expect(page.get_by_text(re.compile("All .* checks pass"))).to_be_visible(timeout=15_000)
        expect(page.get_by_role("row", name="Commitments")).to_contain_text("Admin")
        expect(page.get_by_text("The test is under way.")).to_have_count(0)
        expect(page.locator(".head .actions")).to_contain_text(re.compile("all .* pass"))
        hand.look("the rights, tested")
        assert page.get_by_role("link", name="Go on", exact=True).count() == 0  # rights to write are not looked at yet
        hand.tick("I have looked at each of these, on both sides")
        hand.press("Keep this and go on")
        hand.press("Look at both sides")
        expect(page.get_by_text("Open orders in IFS")).to_be_visible(timeout=15_000)
        hand.look("what is on both sides")
        assert len(hand.made) <= TO_DISCOVERED, hand.made
        assert scene.app.connection("north").title == "Northern sites"

    with scene.context(
        browser, "adam", viewport=WIDE, reduced_motion="reduce"
    ) as context:  # another browser goes on where the first one stopped
        page = context.new_page()
        hand = Clicks(page, seen=hand.seen)
        page.goto("/")
        hand.press("Set-up", "link")
        page.locator("main").get_by_role("link", name="Northern sites").click()
        hand.made.append("Northern sites")
        expect(page.get_by_role("heading", name="Who owns what")).to_be_visible()
        _choose(hand)
        assert writes(scene) == []
        hand.press("Make the first plan")
        expect(page.get_by_text(re.compile("Plan .* is made"))).to_be_visible(timeout=20_000)
        assert writes(scene) == []
        expect(page.get_by_text("No budget crosses: the mapping has no budget cost codes")).to_be_visible()
        with scene.app.db.begin() as conn:
            skips = list(conn.exec_driver_sql("SELECT skips FROM run_progress ORDER BY run_id DESC LIMIT 1").scalars())
        assert [one["sentence"][:18] for one in skips[0]["budgets"]] == ["No budget crosses:"], "the run says it, too"
        assert [one["note"] for one in _pauses(scene)] != []
        hand.press("Read the plan", "link")
        _approve(hand)
        until(lambda: writes(scene))
        until(lambda: not _pauses(scene))
        page.goto("/setup/north/approve")
        expect(page.get_by_text("Approved by you")).to_be_visible()
        expect(page.get_by_text("What it held is sent.")).to_be_visible(timeout=20_000)
        hand.look()
        page.goto("/setup/north")
        expect(page.get_by_role("heading", name="Let it run")).to_be_visible()
        assert len(hand.made) <= TO_APPROVED, hand.made
        hand.press("Let it run")
        expect(page.get_by_text("Nobody has said yet that a backup was restored for a try")).to_be_visible()
        hand.tick("I restored a backup of this installation for a try")
        hand.press("Let it run")
        expect(page.get_by_text("It is set up, and works at these times from now on.")).to_be_visible()
    steps = {path.rpartition("/")[2] for path in hand.seen if path.startswith("/setup/north/")}
    assert steps >= set(KEYS), "every step was looked over"
    assert not hand.wrong


def test_a_connection_is_changed_tested_and_removed_with_care(empty_scene: Scene, browser: Browser) -> None:
    scene, hostile = empty_scene, "<script>alert(1)</script>"
    scene.app.add_connection("south", scene.box.connection_text(), paused="tests")
    secret = credentials(7).procore_client_secret
    with scene.context(browser, "adam") as context:
        page = context.new_page()
        hand = Clicks(page)
        page.on("dialog", lambda _dialog: pytest.fail("a script ran"))
        page.goto("/connections/south")
        assert secret not in page.content()
        page.get_by_text("Change addresses, names or secrets").click()
        page.locator("[name=title]").fill(hostile)
        page.locator("[name=erp_url]").fill("http://elsewhere.example.com")
        hand.press("Keep the changes")
        expect(page.get_by_text("credentials only travel over https")).to_be_visible()
        assert page.locator("[name=title]").input_value() == hostile  # what was typed is there to be mended
        page.locator("[name=erp_url]").fill("https://elsewhere.example.com")
        hand.press("Keep the changes")
        expect(page.get_by_text("its client secret was not given")).to_be_visible()
        page.locator("[name=erp_url]").fill(scene.app.connection("south").config["erp"]["url"])
        hand.press("Keep the changes")
        expect(page.get_by_role("heading", name=hostile)).to_be_visible()
        hand.press("Test the rights")
        expect(page.get_by_text(re.compile("Rights: all .* pass"))).to_be_visible(timeout=15_000)
        hand.press("Remove this connection")
        page.locator("[name=typed]").fill("north")
        page.locator("dialog[open] button.danger").click()
        expect(page.get_by_text("is not the name of this connection")).to_be_visible()
        hand.press("Remove this connection")
        page.locator("[name=typed]").fill("south")
        page.locator("dialog[open] button.danger").click()
        expect(page.get_by_text("Connection south is removed.")).to_be_visible()
    assert scene.ask("/setup", scene.cookie("otto")).status == 403
    assert "south" not in [row.name for row in scene.app.connections()]


def test_what_was_typed_is_there_again(empty_scene: Scene) -> None:
    scene, name = empty_scene, "forms"
    app = scene.app.acting_as("adam")
    told = tomllib.loads(scene.box.connection_text())
    setting_up.begin(app, name)
    for side in ("erp", "projects"):
        parts = {key: told[side][key] for key in ("url", "realm", "client_id", "company_id") if key in told[side]}
        setting_up.connect(app, name, Half(side, parts, told[side]["client_secret"]))
    setting_up.choose(app, name, "erp", "10")
    surveying.look(app, name, "survey")
    seen = surveying.surveyed(app, name)
    assert seen
    strange = msgspec.structs.replace(seen.vendors[0], alike=(), verdict="none")
    with app.db.begin() as conn:
        body = msgspec.json.encode(msgspec.structs.replace(seen, vendors=(strange, *seen.vendors[1:])))
        setups.keep(conn, setups.get(conn, name).id, "survey", body)
    cookie, base = scene.cookie("adam"), f"/setup/{name}"
    bench, view = f"{base}/pairs/sites", "state=open&likeness=90"
    shown = scene.ask(f"{bench}?{view}", cookie).body
    word = re.search(r'name="csrf" value="([^"]+)"', shown)
    assert word

    def post(path: str, **fields: Any) -> Answer:
        return scene.ask(path, cookie, "POST", urlencode({"csrf": word[1], **fields}, doseq=True).encode())

    def picked(page: str) -> list[str]:
        return re.findall(r'<option value="([^"]+)" selected>', page.partition("<table")[2])

    rows = re.findall(r'name="row-\d+" value="([^"]+)"', shown)
    link = re.search(r'<option value="(link:[^"]+)"', shown)
    assert link
    chosen = {f"was-{number}": "leave" for number in range(3)} | {"answer-2": "ignore"}
    numbered = {f"row-{number}": rows[number] for number in (2, 0, 1)}  # in no order
    refused = post(f"{bench}?{view}", **numbered, **chosen, **{"answer-0": link[1], "answer-1": link[1]})
    assert refused.status == 400
    assert "two cannot share one" in refused.body
    assert picked(refused.body)[:2] == [link[1], "ignore"]
    assert f'action="{bench}?{view.replace("&", "&amp;")}"' in refused.body
    kept = post(f"{bench}?{view}", **{"row-7": rows[0], "was-7": "leave", "answer-7": "ignore"})
    assert (kept.status, kept.headers["location"]) == (303, f"{bench}?{view}")
    alone = post(f"{bench}/{rows[1]}?back={quote(view)}", answer="ignore")
    assert alone.headers["location"] == f"{bench}?{view}"
    again = post(f"{bench}/{rows[2]}", answer="link", target="1")
    assert (again.status, "Procore shows no project" in again.body) == (400, True)
    for step in ("ownership", "mapping", "plan"):
        told_of = scene.ask(f"{base}/{step}", cookie).body
        assert "No budget crosses: the mapping has no budget cost codes and no budget cost types" in told_of, step
        assert f'href="/c/{name}/mapping/budget_code"' in told_of
    assert "No budget crosses" in scene.ask(f"/c/{name}/mapping", cookie).body
    assert 'value="resume"' not in scene.ask(f"/c/{name}/health", cookie).body, "which a set-up would only refuse"
    assert f'href="/setup/{name}"' in scene.ask(f"/c/{name}/health", cookie).body
    over = scene.ask(f"{base}/survey", cookie, hx_request="true")
    assert over.headers["hx-redirect"] == f"{base}/survey", "who asks whether it is over sees all of the page anew"
    report = scene.ask(f"{base}/survey", cookie).body
    assert report.count("Suppliers of open orders") == 2
    assert "Planned" in report.partition("Open orders in IFS")[2].partition("</div>")[0], "what else is counted is said"
    gaps = re.findall(r'name="looked_at-\d+" value="([^"]+)"', scene.ask(f"{base}/mapping", cookie).body)[:2]
    first = {"section-1": "cost_type", "looked_at-1": gaps[1], "to-1": "S"}
    typed = post(f"{base}/mapping", **first, **{"looked_at-0": gaps[0], "to-0": "ZZZ", "section-0": "cost_type"})
    assert (typed.status, "no cost type" in typed.body) == (400, True)
    assert picked(typed.body)[0] == "S"
    owned = post(f"{base}/ownership", **{"budgets.owner": "projects", "vendors.create": "nobody"})
    assert (owned.status, "projects" in picked(owned.body)) == (400, True)
    assert "The first plan makes it in Procore." in scene.ask(f"{base}/pairs/vendors", cookie).body
    app.edit_connection(name, {"policy": {"vendors": {"create": "never"}}})
    assert "By your policy no vendor is made" in scene.ask(f"{base}/pairs/vendors", cookie).body


def _connect_both(hand: Clicks, told: dict[str, Any], keys: Any) -> None:
    page = hand.page
    hand.type("Address", told["erp"]["url"])
    hand.type("Realm", told["erp"]["realm"])
    hand.type("Client id", told["erp"]["client_id"])
    hand.type("Client secret", "mistyped")
    hand.type("Time zone of IFS", told["connection"]["time_zone"])
    hand.press("Sign in to IFS")
    expect(page.get_by_text("The client id or the client secret is not accepted")).to_be_visible()
    hand.type("Client secret", keys.ifs_client_secret)
    hand.press("Sign in to IFS")
    hand.press("Use this company")
    hand.type("Company number", told["projects"]["company_id"])
    hand.type("Client id", told["projects"]["client_id"])
    hand.type("Client secret", keys.procore_client_secret)
    expect(page.get_by_label("Address of the API")).to_be_hidden()
    hand.pick("Environment", "Another address")
    hand.type("Address of the API", told["projects"]["url"])
    hand.pick("Environment", "Production")
    hand.press("Sign in to Procore")
    expect(page.get_by_text("The environment is Production, but")).to_be_visible()  # nothing was sent to either
    expect(page.get_by_label("Address of the API")).to_have_value(told["projects"]["url"])  # to be taken out again
    hand.type("Client secret", keys.procore_client_secret)
    hand.pick("Environment", "Another address")
    hand.press("Sign in to Procore")
    expect(page.get_by_text("is none of Procore's own addresses: a simulation or a proxy.")).to_be_visible()
    expect(page.get_by_role("heading", name="Test the rights")).to_be_visible()


def _choose(hand: Clicks) -> None:
    """Ownership, pairs, mapping, vendors and the day, as a careful user settles them."""
    page = hand.page
    hand.press("Keep this and go on")
    hand.press(page.get_by_role("button", name=re.compile("Accept")).inner_text())
    hand.press("Go on")
    for row in page.locator("tbody tr").all():
        if not row.locator("select").input_value():
            row.locator("select").select_option(index=1)
            hand.made += ["a list", "a cost type"]
    hand.press("Keep this mapping and go on")
    assert page.locator("form tbody tr").count() > 1
    assert page.locator("form button.sorts").count() == 0, "what is filled in stays in its order"
    hand.press(page.get_by_role("button", name=re.compile("Accept")).inner_text())
    hand.press(page.get_by_role("button", name=re.compile(r"^Go on, \d+ undecided$")).inner_text())
    expect(page.locator(".steps [data-state='good']", has_text="Pair the projects").first).to_be_visible()
    vendors = page.locator(".steps li", has_text="Match the vendors").first
    expect(vendors).to_contain_text(re.compile(r"\d of \d+ decided"))
    expect(vendors).to_have_attribute("data-state", "")
    hand.tick("Everything that is open")
    hand.press("Keep this and go on")


def _approve(hand: Clicks) -> None:
    hand.press("Approve the whole plan…")
    hand.press("Approve and send")


def _pauses(scene: Scene) -> list[dict[str, Any]]:
    with scene.app.db.begin() as conn:
        return [dict(row) for row in conn.exec_driver_sql("SELECT flow, note FROM pauses").mappings()]
