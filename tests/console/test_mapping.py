"""The mapping and the policies in a browser: a gap closed after its effect was seen, a late save, a difference."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.requests import Request

from ml_connector.access import users
from ml_connector.access.signing_in import principal_of_cookie
from ml_connector.console import page as asked
from ml_connector.console.pages.mapping import _in_order
from ml_connector.kernel.errors import ConnectorError
from ml_connector.planning.mapping_editing import Edit
from ml_connector.service import mapping_desk as desk
from ml_connector.web.asking import Asker

from .forms import Form, forms_of
from .scene import Answer, Scene

AT = "/c/north/mapping"


def said(page: Page) -> str:
    """What the page says of the last action."""
    return page.inner_text("#said")


def test_a_gap_is_closed_by_a_suggestion_after_its_effect_was_seen(scene: Scene, browser: Browser) -> None:
    text = scene.app.export_mapping("north")
    scene.app.import_mapping("north", text.replace('[[mapping.cost_type.row]]\nA = "413*"\nto = "E"\n\n', ""))
    scene.app.sync("north")
    with scene.context(browser, "otto") as context:
        page = context.new_page()
        page.goto(AT)
        gap = page.locator("tr", has_text="Code part A 4130")
        expect(gap).to_contain_text("names alike")
        money = gap.locator(".money").first.inner_text()
        gap.get_by_role("checkbox").check()
        page.get_by_role("button", name="Take the first suggestion of each").click()
        assert "Nothing is saved yet" in said(page)
        page.get_by_role("link", name="See the effect and save").click()
        expect(page.locator("tr", has_text="Cost type for code part A 4130")).to_contain_text(money)
        page.get_by_role("button", name="Save as version 3").click()
        assert "Saved as version 3" in said(page)
        expect(page.get_by_text("Everything in use finds a code")).to_be_visible()
    scene.app.sync("north")


def test_who_comes_late_is_refused_and_shown_what_changed(scene: Scene, browser: Browser) -> None:
    with scene.context(browser, "otto") as context:
        page = context.new_page()
        page.goto(f"{AT}/row?table=cost_type&row=1")
        page.get_by_label("Cost type", exact=True).select_option("S")
        page.get_by_role("button", name="Put into my draft").click()
        page.goto(f"{AT}/effect")
        expect(page.get_by_role("heading", name="Money that would move")).to_be_visible()
        text = scene.app.export_mapping("north", 2)
        newest = scene.app.import_mapping("north", text)
        page.get_by_role("button", name="Save as version").click()
        expect(page.get_by_role("alert")).to_contain_text(f"version {newest} was saved by")
        page.get_by_role("link", name="Ask IFS which periods are closed").click()
        expect(page.get_by_text("IFS names no closed period")).to_be_visible()
        page.get_by_role("link", name="Compare the versions").click()
        expect(page.locator("tbody")).to_contain_text("removed")
        page.get_by_role("button", name="Carry my changes over").click()
        assert f"carried over onto version {newest}" in said(page)
        expect(page.locator("table.diff")).to_contain_text("Code part A 411* → S")
        newest = scene.app.import_mapping("north", text.replace('to = "M"', 'to = "L"', 1))
        page.goto(f"{AT}/cost_type")
        page.get_by_role("button", name="Carry my changes over").click()
        expect(page.get_by_role("alert").first).to_contain_text(
            "you change code part A 411* → M to code part A 411* → S, and it says"
        )
        page.get_by_role("button", name="Leave these out, carry the others over").click()
        assert f"Version {newest} says all of your draft already" in said(page)
        page.goto(f"{AT}/row?table=cost_type&row=1")
        page.get_by_label("Cost type", exact=True).select_option("S")
        page.get_by_role("button", name="Put into my draft").click()
        page.get_by_role("button", name="Drop my draft").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Drop my draft").click()
        assert "Your draft is gone" in said(page)


def test_hostile_text_is_shown_as_text_and_a_wrong_file_in_words(scene: Scene, browser: Browser) -> None:
    with scene.context(browser, "otto") as context:
        page = context.new_page()
        page.goto(f"{AT}/import")
        wrong = {"name": "../../etc/passwd", "mimeType": "text/plain", "buffer": b"\xff\xfe\x00"}
        page.get_by_label("A file").set_input_files(wrong)  # type: ignore[arg-type]
        page.get_by_role("button", name="Put into my draft").click()
        expect(page.get_by_role("alert")).to_contain_text("not UTF-8 text")
        page.get_by_label("Or the text itself").fill("[mapping.cost_type")
        page.get_by_role("button", name="Put into my draft").click()
        expect(page.get_by_role("alert")).to_contain_text("not valid TOML")
        page.goto(f"{AT}/row?table=cost_code")
        expect(page.locator("#known-A option").first).to_be_attached()
        page.get_by_label("Code part B").fill("<script>alert(1)</script>")
        page.get_by_label("Cost code", exact=True).fill("=1+1")
        page.get_by_role("button", name="Put into my draft").click()
        expect(page.get_by_text("Code part B <script>alert(1)</script>")).to_be_visible()
        assert "'=1+1" in page.request.get(f"{AT}/cost_code?as=csv").text()
        page.get_by_role("button", name="Drop my draft").click()
        page.get_by_role("dialog").get_by_role("button", name="Drop my draft").click()
    with scene.context(browser, "vera") as context:
        page = context.new_page()
        page.goto(f"{AT}/cost_type")
        expect(page.get_by_text("Code part A 411*")).to_be_visible()
        assert page.get_by_role("link", name="Add a row").count() == 0


def test_forms_of_the_mapping_mean_the_row_that_was_shown_and_lose_nothing(scene: Scene) -> None:
    cookie = scene.cookie("otto")
    known = principal_of_cookie(scene.app, cookie)
    assert known is not None

    def post(rest: str, **fields: object) -> Answer:
        data = urlencode({"csrf": known[1], **fields}).encode()
        return scene.ask(f"{AT}/{rest}", cookie, "POST", data, content_type="application/x-www-form-urlencoded")

    def rows() -> list[str]:
        at = "/api/v1/connections/north/mapping/rows?section=cost_type"
        return [one["looks_at"] for one in scene.ask(at, cookie).json()["rows"]]

    post("drop")
    before = rows()
    (form,) = [
        one
        for one in forms_of(AT, scene.ask(f"{AT}/cost_type", cookie).body)
        if ("row", "hidden", "2") in one.fields and ("what", "hidden", "remove") in one.fields
    ]
    fields = {name: value for name, _, value in form.fields}
    assert post("change", **fields).status == 303
    assert rows() == [before[0], *before[2:]]
    post("change", **fields)
    assert rows() == [before[0], *before[2:]], "posted twice, one row goes"
    post("drop")
    told = post("change", table="cost_type", what="change", row=1, **{"part-A": "9*", "part-to": "M"})
    assert (told.status, rows()) == (400, before), "a form that does not say which row it means changes none"
    told = post("change", table="cost_type", what="add", row=99, **{"part-A": "77*", "part-to": "M"})
    assert told.status == 400
    (form,) = [one for one in forms_of(AT, told.body) if any(name == "part-A" for name, _, _ in one.fields)]
    kept = {name: value for name, _, value in form.fields}
    assert (kept["what"], kept["row"], kept["part-A"]) == ("add", "99", "77*"), (
        "it is a new row still, to be put before 99"
    )
    told = post("change", table="cost_type", what="add", row=-1, **{"part-A": "77*", "part-to": "M"})
    assert told.status == 400
    assert 'value="77*"' in told.body
    told = post("settings", table="cost_type", parts="A, Q", join="/", otherwise="same")
    assert told.status == 400
    assert 'value="A" checked' in told.body
    assert 'value="/"' in told.body
    assert rows() == before


def test_checked_parts_keep_the_order_in_which_they_make_a_code() -> None:
    assert _in_order(["", "A", "B", "activity"], "B, A") == "B, A, activity"
    assert _in_order(["", "A", "C"], "B, A") == "A, C"


def test_forms_of_an_older_version_can_be_sent_again(scene: Scene) -> None:
    otto = scene.app.acting_as("otto")
    desk.drop(otto, "north")
    opened = Opened(scene)
    form = opened.form(f"{AT}/row?table=cost_type")
    settings = opened.form(f"{AT}/cost_type", "parts")
    text = scene.app.export_mapping("north")
    scene.app.import_mapping("north", text.replace('to = "S"', 'to = "O"'))
    assert form.send(row="", **{"part-A": "77*", "part-to": "M"}).status == 303, "at the end it passes over nobody"
    told = form.send(row=1, **{"part-A": "78*", "part-to": "M"})
    assert (told.status, "is the newest by now" in told.body or "was begun from" in told.body) == (400, True)
    assert "say again before which row it comes" in told.body
    assert opened.form(AT, "part-A", told).send().status == 303
    rows = desk.standing(otto, "north").now.cost_type.rows
    assert rows[-1].when == (("A", "78*"),), "pressed again it comes before no row that stands there by now"
    told = settings.send(join="/", parts="A")
    assert told.status == 400
    assert opened.form(AT, "parts", told).send(parts="A").status == 303
    late = opened.form(f"{AT}/cost_type", "parts")
    assert late.send(join=".", parts="A").status == 303
    told = late.send(otherwise="same", parts="A")
    assert "join is &#39;.&#39; by now" in told.body
    save = opened.form(f"{AT}/effect", "seen")
    desk.change(otto, "north", [Edit(section="cost_type", what="remove", row=1)])
    told = save.send()
    assert (told.status, "Your draft was changed since this was shown" in told.body) == (400, True)
    assert opened.form(AT, "seen", told).send().status == 303
    scene.app.import_mapping("north", text)


class Opened:
    """Pages of the mapping as somebody has them open."""

    def __init__(self, scene: Scene, name: str = "otto") -> None:
        self._scene = scene
        self._cookie = scene.cookie(name)

    def form(self, address: str, name: str = "part-A", told: Answer | None = None) -> Filled:
        """The form of a page, or of an answer, that has a field; by default the one of a row."""
        body = (told or self._scene.ask(address, self._cookie)).body
        return Filled(
            self, next(one for one in forms_of(address, body) if any(part == name for part, _, _ in one.fields))
        )

    def post(self, form: Form, fields: dict[str, object]) -> Answer:
        """Sends a form with what it has, but for these fields."""
        data = urlencode({**{name: value for name, _, value in form.fields}, **fields}).encode()
        kind = "application/x-www-form-urlencoded"
        return self._scene.ask(form.action, self._cookie, "POST", data, content_type=kind)


class Filled(NamedTuple):
    """A form of an open page."""

    opened: Opened
    form: Form

    def send(self, **fields: object) -> Answer:
        """Sends it, with some fields typed anew."""
        return self.opened.post(self.form, fields)


def test_restoring_says_that_a_draft_goes_and_asks_ifs_when_told(scene: Scene) -> None:
    cookie = scene.cookie("otto")
    page = f"{AT}/versions/1"
    assert "drop_draft" not in scene.ask(page, cookie).body
    assert "Ask IFS which periods are closed" in scene.ask(page, cookie).body
    assert "IFS names no closed period" in scene.ask(f"{page}?ask=yes", cookie).body
    only_looks = scene.ask(f"{page}?ask=yes", scene.cookie("vera")).body
    assert "Months that are over count as closed" in only_looks, "IFS is asked by nobody who may not work"
    assert "Ask IFS" not in only_looks
    api = "/api/v1/connections/north/mapping/gaps"
    assert scene.ask(f"{api}?ask=true", scene.cookie("vera")).status == 403
    assert scene.ask(api, cookie).status == 200
    for path in (f"{api}?ask=true", api):
        assert scene.ask(path, cookie, sec_fetch_site="cross-site").status == 401
    told = scene.ask(f"{page}?ask=yes", cookie, sec_fetch_site="cross-site").body
    assert "Months that are over count as closed" in told, "a link of another site asks nothing of IFS"
    desk.change(scene.app.acting_as("otto"), "north", [Edit(section="cost_type", what="remove", row=1)])
    told = scene.ask(page, cookie).body
    assert "You have an unsaved draft, begun from version" in told
    assert 'name="drop_draft" value="yes"' in told
    scene.app.import_mapping("north", scene.app.export_mapping("north").replace('to = "S"', 'to = "O"'))
    assert "Restore, and drop my draft" in scene.ask(page, cookie).body, "a draft that was overtaken hides nothing"
    desk.drop(scene.app.acting_as("otto"), "north")


def test_a_file_is_of_one_moment_whatever_happens_while_it_is_made(scene: Scene) -> None:
    page = asked.Page(asked.Surroundings(scene.app), Request({"type": "http", "headers": []}), None, None)
    titles: list[str] = []
    with page.still():
        for _ in range(2):
            titles.append(page.app.connection("north").title)
            scene.app.edit_connection("north", {"connection": {"title": f"North, {len(titles)}"}})
        with pytest.raises(ConnectorError):
            page.app.edit_connection("north", {"connection": {"title": "never"}})
    assert titles[0] == titles[1] != page.app.connection("north").title


def test_policies_show_the_difference_before_they_are_saved(scene: Scene, browser: Browser) -> None:
    with scene.context(browser, "adam") as context:
        page = context.new_page()
        page.goto("/c/north/policies")
        page.get_by_label("Money moved").fill("a lot")
        page.get_by_role("button", name="See the difference").click()
        expect(page.get_by_role("alert")).to_contain_text("'a lot', which is no amount")
        page.get_by_label("Money moved").fill("25,000")
        page.get_by_role("button", name="See the difference").click()
        expect(page.locator("tr", has_text="policy.brakes.money")).to_contain_text("25,000")
        page.get_by_role("button", name="Go back").click()
        expect(page.get_by_label("Money moved")).to_have_value("25,000")
        page.get_by_role("button", name="See the difference").click()
        others = {"policy": {"brakes": {"creates": 77}}}  # somebody else's, of the same group
        scene.app.edit_connection("north", {"connection": {"title": "North sites"}, **others})
        page.get_by_role("button", name="Save this change").click()
        expect(page.get_by_role("alert")).to_contain_text("was changed meanwhile")
        expect(page.get_by_label("Money moved")).to_have_value("25,000")
        scene.app.edit_connection("north", {"policy": {"brakes": {"creates": 78}}})
        page.get_by_role("button", name="See the difference").click()
        expect(page.locator("tr.changed")).to_have_count(1)
        page.get_by_role("button", name="Save this change").click()
        assert "Saved: Money moved" in said(page)
        expect(page.get_by_label("Money moved")).to_have_value("25,000")
        scene.app.edit_connection("north", {"schedule": {"days": "mon-fri", "target": "90m"}})
        page.goto("/c/north/policies/hours")
        page.get_by_role("button", name="See the difference").click()
        assert "Nothing was changed" in said(page), "whatever a file calls the days"
        page.get_by_role("group", name="Days", exact=True).first.get_by_label("Friday").uncheck()
        page.get_by_label("From").fill("2026-12-24")
        page.get_by_role("group", name="Flows").get_by_label("Budgets").check()
        page.get_by_role("button", name="See the difference").click()
        changed = page.locator("tr.changed")
        expect(changed).to_have_count(3)
        for text in ("Monday, Tuesday, Wednesday, Thursday", "Freeze window 1: From", "Freeze window 1: Flows"):
            expect(changed.filter(has_text=text)).to_have_count(1)
        scene.app.edit_connection("north", {"schedule": {"days": "mon-sun", "target": "auto"}})
    with scene.context(browser, "vera") as context:
        page = context.new_page()
        page.goto("/c/north/policies")
        expect(page.locator("tr", has_text="Money moved")).to_contain_text("25,000")
        assert page.get_by_role("button", name="See the difference").count() == 0


def test_rows_of_a_table_come_and_go_and_what_cannot_be_kept_comes_back_as_it_was_typed(scene: Scene) -> None:
    address, path = "/c/north/policies/to_procore", "policy.payments.methods"
    opened = Opened(scene, "adam")

    def rows(told: Answer | None = None) -> tuple[Form, list[tuple[str, str]]]:
        """The form without its tables; and the rows of the one that is looked at."""
        form = opened.form(address, f"l:{path}", told).form
        pairs = [[value for name, _, value in form.fields if name == f"{side}:{path}"] for side in "lr"]
        kept = [one for one in form.fields if one[1] == "hidden"]
        return Form(form.action, kept), list(zip(*pairs, strict=True))

    form, there = rows()
    assert [left for left, _ in there] == [""] * 3
    for left, right, says in (
        ("CHK", "", "Row 1 of Payment methods has no method in Procore."),
        ("", "check", "Row 1 of Payment methods has no payment way in IFS."),
        ("A = B", "check", "has an equals sign in it"),
        ("<b>", "gold", "Payment methods knows no &#39;gold&#39;"),
    ):
        told = opened.post(form, {f"l:{path}": left, f"r:{path}": right})
        assert says in told.body
        first = rows(told)[1][0]
        assert first == (left, right or first[1]), "nothing of it is lost"
    told = opened.post(form, {f"l:{path}": "CHK\r\nB = check", f"r:{path}": "check"})
    assert rows(told)[1][0] == ("CHK B = check", "check"), "a line that was brought in makes no row"
    told = opened.post(form, {f"l:{path}": "CHK", f"r:{path}": "check"})
    assert "<ins>CHK: Check</ins>" in told.body
    scene.app.edit_connection("north", {"policy": {"payments": {"methods": {"CHK": "check"}}}})
    form, there = rows()
    assert there[0] == ("CHK", "check")
    told = opened.post(form, {f"l:{path}": "CHK", f"r:{path}": "check", f"x:{path}": "0"})
    assert "<del>CHK: Check</del>" in told.body
    scene.app.edit_connection("north", {"policy": {"payments": {"methods": {"CHK": None}}}})


def test_people_are_called_by_their_own_names_and_who_looks_is_you(scene: Scene) -> None:
    found = principal_of_cookie(scene.app, scene.cookie("adam"))
    assert found is not None
    users.change(scene.app, "otto", title="Otto Lindqvist")
    page = asked.Page(asked.Surroundings(scene.app), Request({"type": "http", "headers": []}), Asker(*found), None)
    called = [page.person(one) for one in ("adam", "otto, by hand", "service")]
    assert called == ["you", "Otto Lindqvist, by hand", "service"]
    assert page.person("adam", begins=True) == "You"
    users.change(scene.app, "otto", title="")


def test_a_freeze_window_is_never_changed_in_place_of_another(scene: Scene) -> None:
    windows = [
        {"start": f"2026-1{month}-01", "end": f"2026-1{month}-05", "note": note} for month, note in enumerate("abc")
    ]
    hours = "/c/north/policies/hours"
    opened = Opened(scene, "adam")

    def freezes(told: Answer | None = None) -> Filled:
        """The form, but for all that is no date or note of a freeze window."""
        form = opened.form(hours, "was", told).form
        texts = (".start", ".end", ".note")
        kept = [one for one in form.fields if not one[0].startswith(("e:", "many:", "do")) or one[0].endswith(texts)]
        return Filled(opened, Form(form.action, kept))

    def ends() -> list[str]:
        found = scene.app.connection("north").config["schedule"].get("freeze", [])
        return [f"{one['note']} {one['end']}" for one in found]

    scene.app.edit_connection("north", {"schedule": {"freeze": windows}})
    form = freezes()
    shown = form.send(**{"e:schedule.freeze.1.end": "2026-11-09"})
    scene.app.edit_connection("north", {"schedule": {"freeze": windows[1:]}})  # another person removes the first
    for told in (
        form.send(**{"e:schedule.freeze.1.end": "2026-11-09"}),
        freezes(shown).send(),
        freezes(shown).send(do="back"),
    ):
        assert "The freeze windows were changed since this form was opened" in told.body
        assert ends() == ["b 2026-11-05", "c 2026-12-05"]
        again = freezes(told)
        placed = {name: text for name, _, text in again.form.fields if name.endswith(".end")}
        assert list(placed.values()) == ["2026-11-09", "2026-12-05", ""], "what was typed is at the window it is of"
    told = form.send(**{"e:schedule.freeze.0.note": "mine", "e:schedule.freeze.1.end": "2026-11-09"})
    assert " of window 1: mine" in told.body, "what has no place any more is said"
    assert freezes(again.send()).send().status == 303
    assert ends() == ["b 2026-11-09", "c 2026-12-05"]
    scene.app.edit_connection("north", {"schedule": {"freeze": []}})
