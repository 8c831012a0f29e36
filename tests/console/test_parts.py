"""The parts of the design system in a browser: axe finds nothing, nothing breaks the policy or scrolls sideways."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import axe_playwright_python
import pytest
from msgspec import structs
from playwright.sync_api import Browser, Page, Route

from ml_connector.actions.runs import Line, Replayed
from ml_connector.console.pages.runs import sent_words
from ml_connector.console.rendering import STATIC, render
from ml_connector.console.showing import ago_text, figure, look_url, moment_exact, moment_short, moment_text
from ml_connector.console.tones import tone
from ml_connector.views.runs import RunPage
from ml_connector.web.headers import POLICY

from . import gallery

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js"))
ADDRESS = "http://gallery.test/"


@pytest.fixture(params=[("light", 1280), ("dark", 390)], ids=["light-wide", "dark-narrow"])
def shown(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, list[str]]]:
    """The gallery in a browser, under the console's own policy, and what the browser complained of."""
    theme, width = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("**/*", _answer)
    page.goto(ADDRESS)
    page.evaluate("document.fonts.ready")
    yield page, complaints
    context.close()


def _answer(route: Route) -> None:
    path = route.request.url.removeprefix(ADDRESS).partition("?")[0]
    if path == "anew":
        route.fulfill(body="", headers={"HX-Refresh": "true"})
        return
    if not path:
        headers = {"content-security-policy": POLICY}
        route.fulfill(body=gallery.text(), content_type="text/html; charset=utf-8", headers=headers)
        return
    file = STATIC / path.removeprefix("static/")
    kind = {".woff2": "font/woff2"}.get(file.suffix) or mimetypes.guess_type(file.name)[0]
    route.fulfill(body=file.read_bytes(), content_type=kind)


def test_the_gallery_is_accessible_and_keeps_the_policy(shown: tuple[Page, list[str]]) -> None:
    page, complaints = shown
    assert complaints == []
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run()")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert page.evaluate("document.fonts.check('14px Inter')")
    assert page.evaluate("document.querySelectorAll('[style], [onclick]').length") == 0
    # what comes from a person is text, never markup
    assert page.get_by_text("<script>alert(1)</script>").is_visible()


def test_what_scripts_add(browser: Browser) -> None:
    """Choosing rows, the dialog that asks first, the theme that is remembered, times in the browser's zone."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="America/Chicago")
    page = context.new_page()
    page.route("**/*", _answer)
    page.goto(ADDRESS)
    bulk = page.locator("form.bulk")
    assert bulk.is_hidden()
    page.get_by_label("Choose all rows").check()
    assert bulk.get_by_text("3 chosen").is_visible()
    page.get_by_role("button", name="Remove…").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_text("Links and mappings go with it.").is_visible()
    dialog.get_by_role("button", name="Go back").click()
    assert dialog.is_hidden()
    assert page.locator("dd time").first.inner_text() == "29 May 2026, 09:05"
    table = page.get_by_role("table", name="By project")
    names = table.locator("tbody th")
    assert table.locator("thead button").all_inner_texts() == ["Project", "Money", "Last"]
    for heading, way, wanted in (
        ("Money", "ascending", ["Mill 10", "Harbour", "Abbey", "Mill 9", "All"]),
        ("Money", "descending", ["Abbey", "Harbour", "Mill 10", "Mill 9", "All"]),
        ("Money", None, ["Harbour", "Abbey", "Mill 10", "Mill 9", "All"]),
        ("Last", "ascending", ["Abbey", "Mill 10", "Harbour", "Mill 9", "All"]),
        ("Project", "ascending", ["Abbey", "Harbour", "Mill 9", "Mill 10", "All"]),
    ):
        table.get_by_role("button", name=heading).press("Enter")
        assert names.all_inner_texts() == wanted
        assert table.get_by_role("columnheader", name=heading).get_attribute("aria-sort") == way
        assert table.locator("[aria-sort]").count() == (1 if way else 0)
    assert page.locator("table.diff button, table:has(thead a) thead button, form thead button").count() == 0
    table = page.get_by_role("table", name="By flow")
    assert table.locator("thead button").all_inner_texts() == ["Flow", "Share", "Sum"], "of several figures none counts"
    for heading, wanted in (
        ("Share", ["Invoices", "Payments", "Orders", "Costs"]),
        ("Sum", ["Costs", "Invoices", "Payments", "Orders"]),
    ):
        table.get_by_role("button", name=heading).press("Enter")
        assert table.locator("tbody th").all_inner_texts() == wanted
    page.get_by_role("button", name="Remove…").click()
    page.evaluate("window.mark = 'typed'; htmx.ajax('GET', '/anew', 'body')")  # it waits for the answer
    assert page.evaluate("window.mark") == "typed", "a page is not loaded anew while it asks something"
    dialog.get_by_role("button", name="Go back").click()
    with page.expect_event("load"):
        page.evaluate("void htmx.ajax('GET', '/anew', 'body')")
    assert page.evaluate("window.mark") is None
    page.locator(".side .person summary").click()
    page.locator(".side [data-theme-switch]").click()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    context.close()


def test_without_scripts_everything_can_be_read_and_the_menu_opens(browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900}, java_script_enabled=False)
    page = context.new_page()
    page.route("**/*", _answer)
    page.goto(ADDRESS)
    page.locator(".small-bar > summary").click()
    assert page.get_by_role("navigation", name="Menu").get_by_role("link", name="Policies").is_visible()
    page.keyboard.press("Escape")
    page.locator(".small-bar > summary").click()
    page.get_by_role("button", name="Remove…").click()
    assert page.locator("#sure").is_visible()
    context.close()


def test_figures_moments_and_states_as_people_read_them() -> None:
    assert [figure("1234567.5", "USD"), figure("-0.125", "USD"), figure("1500", "JPY"), figure(None)] == [
        "1,234,567.50",
        "\u22120.125",
        "1,500",
        "\u2013",
    ]
    at = datetime(2026, 5, 29, 23, 30, tzinfo=UTC)
    assert moment_text(at, "Europe/Warsaw") == "30 May 2026, 01:30"
    assert moment_short(at, at, "Europe/Warsaw") == "30 May, 01:30"
    assert moment_short(at, at + timedelta(days=300)) == "29 May 2026, 23:30"
    assert moment_exact(at.isoformat(), "") == "Friday 29 May 2026, 23:30:00 UTC"
    assert moment_text("soon", "No/Where") == "soon"
    spans = (timedelta(seconds=20), timedelta(minutes=5), timedelta(hours=30), timedelta(days=9), timedelta(hours=-3))
    assert [ago_text(at - span, at) for span in spans] == ["just now", "5 min ago", "30 h ago", "9 days ago", "in 3 h"]
    assert [tone(word) for word in ("Held", "in sync", "sent-back", "refused", "paused", "nonsense")] == [
        "waiting",
        "good",
        "returned",
        "failed",
        "none",
        "none",
    ]


def test_a_replay_is_told_in_words_and_every_row_has_the_cells_of_its_head() -> None:
    then = [Line("create", "supplier_invoice:138", "cost_codes changed", "done"), Line("void", "order:P1", "")]
    now = [Line("fill", "commitment:P2", "new")]
    found = Replayed(12, ["cost_codes"], 2, 1, False, 2, 1, then, now, [], 0, held_same=True)
    run = SimpleNamespace(run=12)
    values = {"page": gallery.page(), "run": run, "trouble": None, "base": "/c/north/runs", "documents": 1}

    def cells(replayed: Replayed) -> list[list[str]]:
        shown = render("runs/replay.html", **values, replayed=replayed, which="now", shown=True)
        rows = re.findall(r"<tr>(.*?)</tr>", shown, re.S)
        return [re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.S) for row in rows]

    rows = cells(found)
    assert [len(row) for row in rows] == [4, 4, 4, 3, 3]
    assert [len(row) for row in cells(structs.replace(found, only_then=[]))] == [3, 3]
    assert rows[1][:3] == ["invoice 138", "Make the supplier invoice", "cost codes changed"]
    assert rows[4][:2] == ["contract P2", "Write the lines of the contract"]
    same = structs.replace(found, same=True, then=0, now=0, only_then=[], only_now=[], waiting=4)
    for held_same, says in ((True, "the same 4 records wait."), (False, "but not the same records wait: 4")):
        shown = render(
            "runs/replay.html", **values, replayed=structs.replace(same, held_same=held_same), which="now", shown=True
        )
        assert f"Nothing was to be sent then, and nothing would be now; {says}" in shown


def test_a_run_that_only_recoded_money_says_how_much_and_never_that_none_was_planned() -> None:
    run = RunPage(
        7, "north", "done", "schedule", "schedule", ["purchase_orders"], gallery.NOW, gallery.NOW, 2.0, "abc", 1, "",
        "", "", 0, 0, None, {"USD": "0.00"}, {"USD": "0.00"}, [], [], True, [], 0, False, False, {"USD": "938572.26"},
        {"USD": "938572.26"}, "USD",
    )  # fmt: skip
    values = {"told": [], "all_told": {}, "money": [], "unknown": 0, "says": "", "begun": "", "all_flows": False}
    shown = render("runs/one.html", page=gallery.page(), run=run, sent=sent_words(run), base="/", **values)
    text = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
    told = "0.00 USD net; 938,572.26 USD moves between codes"
    assert f"Money sent {told} all that this run planned" in text, text
    assert f"Money planned {told}" in text, text
    nothing: dict[str, str] = {}
    unsent = {"applied": nothing, "recoded_applied": nothing}
    for said, changes in {
        "no money was planned": {**unsent, "planned": nothing, "recoded": nothing},
        "nothing of what was planned": unsent,
        "of what was planned, see below": {"recoded_applied": {"USD": "2.00"}},
        "nothing is sent by a plan": {"trigger": "plan"},
        "it has not decided yet": {"state": "running", "planned": nothing},
    }.items():
        assert sent_words(structs.replace(run, **changes)) == said


def test_a_list_keeps_what_it_was_asked_for() -> None:
    look = {"sort": "money", "down": True, "page": 3, "size": 50, "q": "a&b", "reason": "code_missing"}
    assert look_url("/x", look, page=4) == "/x?sort=money&down=true&page=4&q=a%26b&reason=code_missing"
    assert look_url("/x", look, sort="since", down=False) == "/x?sort=since&q=a%26b&reason=code_missing"
    assert look_url("/x", {"sort": "", "down": False, "page": 1, "size": 50, "q": ""}) == "/x"
