"""Monday, 8:00: the inbox in a browser, from the cause to the empty page; a conflict; and what a role may not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from ml_connector.access import tokens as api_tokens
from ml_connector.access.signing_in import principal_of_cookie
from ml_connector.service import approving
from ml_connector.views.document_hops import HopsLook, hops

from .reading import NARROW
from .scene import Scene, until
from .weekend import NAME, in_turn, later, lose_row, place, sent_orders, wait_for_approval

THEIRS = "Renamed by the site office"
OURS = "Shotcrete, night shift"


class Monday(NamedTuple):
    """The scene; three orders of one account without a row; and contracts that were renamed in Procore: one there
    alone, one on both sides, and a spare one."""

    scene: Scene
    placed: tuple[str, str, str]
    renamed: str
    both: str
    spare: str


@pytest.fixture(scope="module")
def monday(scene: Scene) -> Monday:
    """A row of the mapping was narrowed before the weekend, orders were placed, and contracts were renamed."""
    lose_row(scene, "411*", "4110")
    later(scene)
    renamed, both, spare = sent_orders(scene)[:3]
    placed = (place(scene, "4115", "40"), place(scene, "4115", "90"), place(scene, "4115", "250"))
    for order in (renamed, both, spare):
        scene.box.act("procore", "edit_order", order_number=order, title=THEIRS)
    scene.box.act("ifs", "amend_line", order_no=both, line_no="1", release_no="1", description=OURS)
    later(scene)
    return Monday(scene, placed, renamed, both, spare)


@pytest.fixture
def by_hand(monday: Monday) -> Iterator[None]:
    """Every plan waits for approval while the test lasts."""
    wait_for_approval(monday.scene)
    yield
    approving.let_go(monday.scene.app, NAME, automatic=True)


@pytest.fixture
def desk(monday: Monday, browser: Browser) -> Iterator[Page]:
    """The project accountant's browser, on the inbox."""
    with monday.scene.context(browser, "otto") as context:
        page = context.new_page()
        page.goto(f"/c/{NAME}/inbox")
        yield page


def rows(scene: Scene, sql: str, *values: Any) -> list[Any]:
    """What the database answers, row by row; of a single column its values."""
    with scene.app.db.begin() as conn:
        found = conn.exec_driver_sql(sql, values).all()
    return [row[0] if len(row) == 1 else tuple(row) for row in found]


def waiting(scene: Scene, reason: str) -> int:
    sql = "SELECT count(*) FROM holds WHERE reason = %s AND released_at IS NULL"
    return int(rows(scene, sql, reason)[0])


def open_hold(scene: Scene, order: str) -> int:
    """The number of the hold that an order's contract waits in."""
    sql = "SELECT id FROM holds WHERE released_at IS NULL AND erp_id LIKE %s"
    return int(rows(scene, sql, f"{order}%")[0])


def contracts(scene: Scene) -> set[str]:
    """Orders that have a contract in Procore."""
    return {
        one.split("@")[0]
        for one in rows(scene, "SELECT erp_id FROM links WHERE kind = 'commitment' AND target_id <> ''")
    }


def writes(scene: Scene, side: str) -> list[str]:
    """What was changed in a system so far, request by request."""
    return [f"{one.method} {one.path}" for one in scene.box.log.exchanges(writes=True) if one.side == side]


def told(desk: Page, order: str) -> tuple[Any, ...]:
    """What the page of a conflict says of the title: as it was agreed, in IFS and in Procore."""
    cells = desk.get_by_role("row", name=re.compile("^Title")).first.get_by_role("cell")
    return tuple(cells.nth(number).inner_text() for number in range(3))


def test_one_side_changed_and_ours_stands(monday: Monday, desk: Page) -> None:
    desk.goto(f"/c/{NAME}/inbox/holds/{open_hold(monday.scene, monday.renamed)}")
    expect(desk.get_by_role("heading", level=1)).to_have_text(f"Order {monday.renamed}")
    agreed, ours, theirs = told(desk, monday.renamed)
    assert agreed == ours != theirs
    assert theirs.startswith(THEIRS)
    before = rows(monday.scene, "SELECT count(*) FROM rulings")
    desk.get_by_role("button", name="IFS stands").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("What this answer would do")
    expect(desk.get_by_text("1 order would go with the next run").first).to_be_visible()
    assert rows(monday.scene, "SELECT count(*) FROM rulings") == before, "looking saved nothing"
    desk.get_by_role("button", name="Save the answer").click()
    expect(desk.get_by_text("1 hold answered")).to_be_visible()
    desk.goto(f"/c/{NAME}/inbox/answers")
    expect(desk.get_by_role("row", name=re.compile(monday.renamed))).to_contain_text("IFS stands")


def test_both_sides_changed_and_procore_stands(monday: Monday, desk: Page) -> None:
    scene, order = monday.scene, monday.both
    desk.get_by_role("link", name="Conflicts").click()
    desk.goto(f"/c/{NAME}/inbox/holds/{open_hold(scene, order)}")
    agreed, ours, theirs = told(desk, order)
    assert OURS in ours
    assert THEIRS in theirs
    assert agreed
    assert OURS not in agreed
    assert THEIRS not in agreed
    desk.get_by_role("button", name="Procore stands").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("What this answer would do")
    desk.get_by_role("button", name="Save the answer").click()
    expect(desk.get_by_text("1 hold answered")).to_be_visible()
    ours_before = writes(scene, "ifs")
    later(scene)
    later(scene)
    assert not rows(scene, "SELECT id FROM holds WHERE released_at IS NULL AND erp_id LIKE %s", f"{order}%")
    assert writes(scene, "ifs") == ours_before, "IFS is not written over"
    desk.goto(f"/c/{NAME}/documents/order/{order}")
    cells = desk.get_by_role("table", name="What each side says").get_by_role("row", name=re.compile("^Title"))
    assert OURS in cells.get_by_role("cell").nth(0).inner_text()
    assert THEIRS in cells.get_by_role("cell").nth(1).inner_text(), "their own title is theirs still"


def test_the_monday_inbox(monday: Monday, desk: Page, browser: Browser, by_hand: None) -> None:
    scene = monday.scene
    shown = [re.findall(r"([\d,.]+)\s+USD", one) for one in desk.locator("tbody tr .money-cell").all_inner_texts()]
    money = [Decimal(one[0].replace(",", "")) for one in shown if one]
    assert len(money) >= 2
    assert money == sorted(money, reverse=True), "the most money first"
    title = "No row of the mapping leads anywhere: a cost type for A=4115"
    cause = desk.get_by_role("row", name=re.compile(re.escape(title)))
    expect(cause).to_contain_text("3 orders")
    expect(cause).to_contain_text("3,800.00")
    desk.get_by_role("link", name=title).click()
    expect(desk.get_by_text("Cost engineer").first).to_be_visible()
    for order in monday.placed:
        expect(desk.get_by_role("table", name="Holds that wait for the same")).to_contain_text(order)
    suggested = desk.locator("form", has_text=re.compile(r"\d+ of 100")).first
    expect(suggested).to_contain_text("names alike")
    suggested.get_by_role("button", name="See what it would do").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("What this row would do")
    goes = "3 orders would go into the next plan, which waits for approval"
    expect(desk.get_by_role("heading", name=goes)).to_be_visible()
    for order in monday.placed:
        expect(desk.get_by_role("link", name=f"order {order}")).to_be_visible()
    desk.get_by_role("button", name="Save the row").click()
    expect(desk.get_by_text("The mapping has the row")).to_be_visible()
    expect(desk.get_by_text("Goes into the next plan").first).to_be_visible()
    desk.get_by_role("button", name="Run now").click()
    until(
        lambda: (
            waiting(scene, "code_unmapped") < 4
            and "for approval" in scene.ask(f"/c/{NAME}/inbox", scene.cookie("anna")).body
        )
    )
    assert not set(monday.placed) & contracts(scene), "nothing was sent before somebody approved it"
    _approved_on_a_telephone(scene, browser)
    until(lambda: set(monday.placed) <= contracts(scene))
    desk.goto(f"/c/{NAME}/inbox?q=A%3D4115")
    expect(desk.get_by_text("Nothing fits")).to_be_visible()
    story = hops(scene.app, HopsLook(connection=NAME, kind="order", id=monday.placed[0])).hops[::-1]
    approved = next(place for place, hop in enumerate(story) if hop.what == "approved")
    sent = {hop.run for hop in story if hop.what == "sent"}
    assert all(approved < place for place, hop in enumerate(story) if hop.run in sent and hop.what == "decided")
    aside = [hop.sentence for hop in story if hop.title.startswith("Put aside")]
    assert set(aside) == {"It was not sent: a later run decided it anew."}


def _approved_on_a_telephone(scene: Scene, browser: Browser) -> None:
    """The controller comes from the inbox to the plan, and approves it."""
    with scene.context(browser, "anna", viewport=NARROW, has_touch=True) as context:
        phone = context.new_page()
        phone.goto(f"/c/{NAME}/inbox")
        phone.get_by_role("link", name="Look at it").click()
        expect(phone.get_by_role("heading", level=1)).to_contain_text("Plan")
        assert phone.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        phone.get_by_role("button", name="Approve the whole plan…").click()
        phone.get_by_role("dialog").get_by_role("button", name="Approve and send").click()
        expect(phone.locator("#said")).to_contain_text("The whole plan is approved.")


def test_an_answer_is_taken_back(monday: Monday, desk: Page) -> None:
    _answered(monday)
    desk.get_by_role("link", name="Answers given").click()
    row = desk.get_by_role("row", name=re.compile(monday.spare))
    row.get_by_role("button", name="Take back").click()
    desk.get_by_role("button", name="Take it back").locator("visible=true").click()
    expect(desk.get_by_text("is taken back")).to_be_visible()
    expect(desk.get_by_role("row", name=re.compile(monday.spare))).to_have_count(0)
    assert not rows(monday.scene, "SELECT 1 FROM rulings WHERE erp_id LIKE %s", f"{monday.spare}%")


def test_who_only_looks_is_offered_nothing_to_do(monday: Monday, browser: Browser) -> None:
    _answered(monday)
    with monday.scene.context(browser, "vera") as context:
        page = context.new_page()
        page.goto(f"/c/{NAME}/inbox")
        assert page.get_by_role("button", name="Run now").count() == 0
        page.goto(f"/c/{NAME}/inbox/answers")
        expect(page.get_by_role("row", name=re.compile(monday.spare))).to_be_visible()
        assert page.get_by_role("button", name="Take back").count() == 0


def _answered(monday: Monday) -> None:
    """The hold of the spare contract has an answer."""
    scene, known = monday.scene, "SELECT 1 FROM rulings WHERE erp_id LIKE %s"
    if not rows(scene, known, f"{monday.spare}%"):
        scene.app.acting_as("otto").rule(NAME, open_hold(scene, monday.spare), "erp", note="As the order has it.")


def forced(page: Page, scene: Scene, name: str, path: str, **fields: str) -> Any:
    """What a form gets that nobody was offered, sent with the right word of the session."""
    (cookie,) = (one["value"] for one in page.context.cookies() if one["name"] == "mlc")
    known = principal_of_cookie(scene.app, cookie)
    assert known is not None
    assert known[0].name == name
    return page.request.post(path, form={**fields, "csrf": known[1]}, max_redirects=0)


def test_force_does_not_help_who_may_not(monday: Monday, browser: Browser, by_hand: None) -> None:
    scene = monday.scene
    place(scene, "4110", "70")
    plan = in_turn(lambda: scene.app.acting_as("otto").plan(NAME)).plan
    before = rows(scene, "SELECT count(*) FROM rulings")
    number = rows(scene, "SELECT max(id) FROM holds WHERE erp_id LIKE %s", f"{monday.spare}%")[0]
    approval = f"/c/{NAME}/plans/{plan}/approval"
    answer = {"what": "answer", "step": "save", "answer": "projects", "chosen": str(number), "reason": "changed_there"}
    with scene.context(browser, "vera") as context:
        page = context.new_page()
        page.goto(f"/c/{NAME}/plans/{plan}")
        assert page.get_by_role("button", name="Approve").count() == 0
        for path, fields in (
            (f"/c/{NAME}/inbox/group", answer),
            (f"/c/{NAME}/inbox/run", {}),
            (approval, {"whole": "yes"}),
        ):
            assert forced(page, scene, "vera", path, **fields).status == 403, path
    with scene.context(browser, "otto") as context:
        page = context.new_page()
        page.goto(f"/c/{NAME}/plans/{plan}")
        expect(page.get_by_text("approving takes the right to approve")).to_be_visible()
        assert page.get_by_role("button", name="Approve").count() == 0
        refused = forced(page, scene, "otto", approval, whole="yes")
        assert refused.status == 403
        assert "takes the right to approve" in refused.text()
    assert rows(scene, "SELECT count(*) FROM rulings") == before
    sql = "SELECT 1 FROM audit WHERE tag = 'job:ask:done' AND erp_id = %s AND actor IN ('vera', 'otto')"
    assert not rows(scene, sql, approving.APPROVED)


@pytest.fixture
def four_eyes(monday: Monday) -> Iterator[None]:
    """Above 1,000 somebody else approves what one asked for, while the test lasts."""
    monday.scene.app.edit_connection(NAME, {"policy": {"approval": {"four_eyes_over": "1000"}}})
    yield
    monday.scene.app.edit_connection(NAME, {"policy": {"approval": {"four_eyes_over": "0"}}})


def test_who_asked_for_a_plan_over_the_limit_is_not_the_one_to_approve_it(
    monday: Monday, browser: Browser, by_hand: None, four_eyes: None
) -> None:
    scene = monday.scene
    order = place(scene, "4110", "500")
    plan = in_turn(lambda: scene.app.acting_as("anna").plan(NAME)).plan
    with scene.context(browser, "anna") as context:
        page = context.new_page()
        page.goto(f"/c/{NAME}/plans/{plan}")
        why = page.get_by_role("status").filter(has_text="Four eyes")
        expect(why).to_contain_text("You asked for this plan, and it moves")
        expect(why).to_contain_text("somebody else approves it")
        assert page.get_by_role("button", name="Approve").count() == 0
        told = forced(page, scene, "anna", f"/c/{NAME}/plans/{plan}/approval", whole="yes")
        assert told.status == 303
        page.goto(f"/c/{NAME}/plans/{plan}")
        said = page.locator("#said")
        expect(said).to_contain_text("anna asked for the plan, which moves")
        expect(said).to_contain_text("over the limit of 1,000.00 somebody else approves it. Nothing was sent.")
        bearer = api_tokens.add_for(scene.app, "anna", "tests", ["look", "approve"], 1).token
        told = scene.ask(f"/api/v1/connections/{NAME}/plans/{plan}/approval", "", "POST", b"{}",
                         authorization=f"Bearer {bearer}", content_type="application/json")  # fmt: skip
        assert (told.status, "somebody else approves it" in told.body) == (403, True), "nor by a program"
        assert "The whole plan is approved" not in page.content()
        expect(page.get_by_text("Nobody has approved it yet.")).to_be_visible()
    assert order not in contracts(scene)
    with scene.context(browser, "abel") as context:
        page = context.new_page()
        page.goto(f"/c/{NAME}/plans/{plan}")
        page.get_by_role("button", name="Approve the whole plan…").click()
        page.get_by_role("dialog").get_by_role("button", name="Approve and send").click()
        until(lambda: order in contracts(scene))


def test_wrong_entries_are_answered_with_a_sentence(monday: Monday) -> None:
    cookie = monday.scene.cookie("otto")
    lost = monday.scene.ask(f"/c/{NAME}/inbox/holds/999999", cookie)
    assert (lost.status, "There is no hold 999999" in lost.body) == (404, True)
    gone = monday.scene.ask(f"/c/{NAME}/inbox/group?reason=conflict&waits_kind=ruling", cookie)
    assert (gone.status, "Nothing waits for that any more" in gone.body) == (404, True)
    for query in ("sort=evil", "page=0", "state=odd", "q=" + "x" * 300):
        assert monday.scene.ask(f"/c/{NAME}/inbox?{query}", cookie).status == 400, query
    assert monday.scene.ask(f"/c/{NAME}/inbox?q=%00", cookie).status == 400
    hostile = monday.scene.ask(f"/c/{NAME}/inbox?q=%3Cscript%3Ealert(1)%3C/script%3E", cookie)
    assert (hostile.status, "<script>alert" in hostile.body) == (200, False)
    listed = monday.scene.ask(f"/c/{NAME}/inbox?as=csv", cookie).body
    assert listed.startswith("\ufeffWhat it waits for,")
    assert not re.search(r",(waiting|answered|changed_there|code_missing|vendor_match),", listed), "codes are no words"
    given = monday.scene.ask(f"/c/{NAME}/inbox/answers?as=csv", cookie).body
    assert re.search(r"(?m)^Order P\d+,.*,(IFS|Procore) stands,", given)
