"""The Thursday search in a browser: somebody calls about invoice 88, and the clerk reads out what became of it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, expect

from ml_connector.console.rendering import environment
from ml_connector.planning.finding import Entry
from ml_connector.sandbox.running import SandboxFailed
from ml_connector.store import names
from ml_connector.views import search as finding
from ml_connector.views.documents import DocumentLook, show
from ml_connector.views.search import DocumentsLook

from .scene import Scene, until
from .weekend import later, sent_orders

DUE = "2027-06-01"


def test_a_document_is_headed_by_its_number_once(scene: Scene) -> None:
    papers = (("payment", "SUPAY/990/1", "Payment 22"), ("supplier_invoice", "990", "S1024-0002"))
    with scene.app.db.begin() as conn:
        number = scene.app.connection("north").id
        names.put(conn, number, [Entry(kind, one, called) for kind, one, called in papers], fresh=True)
    cookie = scene.cookie("otto")
    for path, title in (
        ("payment/SUPAY/990/1", "Payment 22"),
        ("payment/SUPAY/990/1?part=audit", "Payment 22"),
        ("supplier_invoice/990?part=story", "Supplier invoice S1024-0002"),
    ):
        body = scene.ask(f"/c/north/documents/{path}", cookie).body
        assert re.search(r"<h1[^>]*>([^<]+)</h1>", body)[1] == title, path  # type: ignore[index]
        assert f"<title>{title}" in body


@pytest.fixture(scope="module")
def bill(scene: Scene) -> tuple[str, str]:
    """An order and the invoice of it that was registered in IFS and has crossed; both by their ids."""
    look = DocumentsLook(connection="north", kind="order", sort="called")
    for row in finding.documents(scene.app, look).rows:
        if row["state"]["state"] == "in_sync" and row["project"]:
            try:
                scene.box.act("ifs", "receive_goods", order_no=row["id"])
            except SandboxFailed:
                continue
            made = scene.box.act(
                "ifs",
                "register_invoice",
                order_no=row["id"],
                invoice_no="INV-0088",
                due_date=DUE,
                post=True,
                authorise=True,
            )
            later(scene)
            return row["id"], str(made["invoice_id"])
    raise AssertionError("No order can be received.")


def test_the_clerk_finds_invoice_88_and_reads_out_what_became_of_it(
    scene: Scene, browser: Browser, bill: tuple[str, str]
) -> None:
    order, invoice = bill
    context = scene.context(browser, "otto")
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto("/c/north/documents")
    page.keyboard.press("/")
    page.keyboard.type("invoice 88")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="INV-0088", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Supplier invoice INV-0088")
    assert page.url.endswith(f"/c/north/documents/supplier_invoice/{invoice}")
    expect(page.locator("#main")).to_contain_text("In sync")
    amount = page.get_by_role("row", name=re.compile("^Amount")).get_by_role("cell")
    assert amount.nth(0).inner_text() == amount.nth(1).inner_text() != ""
    due = _said(page.get_by_role("table", name="What each side says"), "Due")[0]
    assert due == "1 Jun 2027", "of an invoice in IFS the day is known"
    story = page.locator("ol.hops")
    expect(story).to_contain_text("Answered by Procore: create the subcontractor invoice")
    story.locator("details summary").filter(has_text="POST").first.click()
    expect(story).to_contain_text("INV-0088")  # the request as it was sent, loaded when it was opened
    page.get_by_role("link", name=order, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Purchase order {order}")
    expect(page.get_by_role("table", name="Lines of both sides")).to_contain_text("Invoiced")
    expect(page.get_by_role("table", name="Supplier invoices")).to_contain_text("INV-0088")
    assert faults == []
    context.close()


def test_where_is_invoice_88(scene: Scene, browser: Browser, bill: tuple[str, str]) -> None:
    """A subcontractor calls. The clerk reads out: approved in Procore, its check failed, fixed, entered and approved in
    IFS, posted, due."""
    called, month = _billed(scene, besides=bill[0]), f"{scene.box.clock():%Y-%m}"
    scene.box.act("ifs", "close_period", month=month)
    later(scene)
    scene.box.act("ifs", "open_period", month=month)
    later(scene)
    voucher = _voucher(scene, called)
    kind, year, number = voucher.split("/")
    before = _asked_the_ledger(scene)
    scene.box.act("ifs", "approve_voucher", voucher_type=kind, year=int(year), voucher_no=number)
    later(scene)
    assert _asked_the_ledger(scene) == before > 0, "what waits in the hold table is seen there"
    scene.box.act("ifs", "gl_update")
    later(scene)
    after = _asked_the_ledger(scene)
    later(scene)
    assert _asked_the_ledger(scene) == after == before + 1, "once it is posted it is asked for no more"
    with scene.context(browser, "otto") as context:
        page = context.new_page()
        page.goto("/c/north")
        page.keyboard.press("/")
        page.keyboard.type("88")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="88", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Subcontractor invoice 88")
        assert page.url.endswith(f"/documents/subcontractor_invoice/{called}")
        sides = page.get_by_role("table", name="What each side says")
        assert _said(sides, "Status") == ["Posted", "Approved", "–"]
        assert _said(sides, "Due")[0] == "not known in IFS yet"
        hops = page.locator("ol.hops > li")
        told = [(one.locator("strong").inner_text(), one.locator("p.soft").all_inner_texts()) for one in hops.all()]
        read = "Read from both systems"
        assert [title for title, _ in reversed(told) if title != read] == [
            "Approved in Procore",
            "Held: The accounting period is closed",
            "Decided: create the voucher",
            "Released: The accounting period is closed",
            "Sent to IFS: create the voucher",
            "Answered by IFS: create the voucher",
            f"Approved in IFS: voucher {voucher}",
            f"Posted in IFS: voucher {voucher}",
        ]
        why = " ".join(" ".join(text) for _, text in reversed(told))
        assert re.search(rf"Accounting period {month.replace('-', '/')} of [-0-9]+ is closed in IFS", why)
        assert "Who can act: project accountant." in why
        assert re.search(r"88 of order P\d+ is approved in Procore and not in IFS yet", why)
        assert re.search(r"IFS has it as M/\d+/\d+", why)
        days = "|".join(f"{scene.box.clock() - timedelta(days=ago):%-d %b %Y}" for ago in (0, 1))  # IFS is in Chicago
        assert re.search(rf"Approved by \w+ on ({days}), as IFS says", why)
        assert re.search(r"stands in the general ledger, with voucher date \d+ \w+ \d{4}\. IFS does not tell", why)
        times = [one.get_attribute("datetime") or "" for one in hops.locator("time").all()]
        assert len(times) == len(told)
        assert times == sorted(times, reverse=True)
        expect(hops.filter(has_text="Decided: create the voucher")).to_contain_text("service, on the command line")


def test_a_suppliers_number_that_looks_like_a_day_stays_as_it_is() -> None:
    source = '{% import "documents/parts.html" as part with context %}{{ part.side(said, kind) }}'
    template = environment().from_string(source)
    assert template.render(said="2027-01-15", kind="text").strip() == "2027-01-15"
    assert template.render(said="2027-01-15", kind="day").strip() == "15 Jan 2027"


def _billed(scene: Scene, besides: str) -> str:
    """The id of invoice 88, of a tenth of a contract nobody has billed, which the project manager has approved."""
    for order in [one for one in sent_orders(scene) if one != besides]:
        try:
            made = scene.box.act("procore", "add_requisition", order_number=order, invoice_number="88", share="0.1")
        except SandboxFailed:
            continue
        scene.box.act("procore", "approve_requisition", id=made["id"])
        return str(made["id"])
    raise AssertionError("No contract can be billed.")


def _voucher(scene: Scene, called: str) -> str:
    """The number in IFS of what a subcontractor invoice became."""
    page = show(scene.app, DocumentLook(connection="north", kind="subcontractor_invoice", id=called))
    return next(one.id for one in page.records if one.kind == "voucher")


def _asked_the_ledger(scene: Scene) -> int:
    """How often the general ledger was asked for vouchers that waited before."""
    with scene.app.db.begin() as conn:
        sql = "SELECT count(*) FROM exchanges WHERE path LIKE '%%GenLedVoucherSet%%'"
        return int(conn.exec_driver_sql(sql).scalar_one())


def _said(sides: Locator, fact: str) -> list[str]:
    """What IFS, Procore and the agreement say of a fact."""
    cells = sides.get_by_role("row", name=re.compile(f"^{fact}")).get_by_role("cell")
    expect(cells).to_have_count(3)
    return cells.all_inner_texts()


def test_a_past_decision_is_replayed_and_applied_by_who_works(
    scene: Scene, browser: Browser, bill: tuple[str, str]
) -> None:
    order, _ = bill
    for name, may in (("vera", False), ("otto", True)):
        context = scene.context(browser, name)
        page = context.new_page()
        page.goto(f"/c/north/documents/order/{order}?part=replay&mapping=then")
        expect(page.locator("#main")).to_contain_text("it comes out the same to the byte")
        expect(page.get_by_role("button", name="Apply…")).to_have_count(1 if may else 0)
        if may:
            before = _last_looked_at(scene, order)
            page.get_by_role("button", name="Apply…").click()
            page.get_by_role("button", name="Decide it again").click()
            expect(page.locator("#said")).to_contain_text("decided again")
            until(lambda before=before: _last_looked_at(scene, order) > before)
        context.close()


def _last_looked_at(scene: Scene, order: str) -> int:
    """The newest run that decided the document."""
    read = show(scene.app, DocumentLook(connection="north", kind="order", id=order)).read
    assert read is not None
    return read.run


def test_pages_stand_wrong_and_hostile_words_and_read_without_scripts(
    scene: Scene, browser: Browser, bill: tuple[str, str]
) -> None:
    order, invoice = bill
    cookie = scene.cookie("vera")
    hostile = scene.ask("/search?q=%3Cscript%3Ealert(1)%3C/script%3E'%22%7C%26", cookie)
    assert hostile.status == 200
    assert "<script>alert" not in hostile.body
    assert scene.ask(f"/search?q={'x' * 5000}", cookie).status == 400
    assert scene.ask("/c/north/documents/order/P%00", cookie).status == 400
    assert scene.ask("/c/north/documents/order/P999999", cookie).status == 404
    assert scene.ask(f"/c/north/documents/order/{order}?part=nonsense", cookie).status == 400
    assert scene.ask("/c/north/exchanges/99999999999", cookie).status == 404
    assert scene.ask("/c/south/documents", cookie).status == 404
    record = scene.ask(f"/c/north/documents/commitment/{order}%401201", cookie)
    assert (record.status, record.headers["location"]) == (303, f"/c/north/documents/order/{order}")
    listed = scene.ask("/c/north/documents?as=csv&kind=supplier_invoice", cookie)
    assert "INV-0088" in listed.body
    context = scene.context(browser, "vera", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/c/north/documents/supplier_invoice/{invoice}?part=story")
    page.locator("ol.hops details summary").first.click()
    page.get_by_role("link", name="Request and answer, exactly as sent").first.click()
    expect(page.locator("#exchange")).to_contain_text("Answer of Procore")
    expect(page.locator("#exchange time")).to_have_count(1)
    expect(page.locator("#exchange")).to_contain_text(re.compile(r"20\d, accepted"))
    expect(page.get_by_role("link", name=re.compile(r"^run \d+$"))).to_be_visible()
    context.close()
