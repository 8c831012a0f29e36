"""A run in a browser: it is followed while it goes, stopped by who may, and decided again."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from .scene import Scene, until


def test_a_run_at_work_is_followed_and_stopped(scene: Scene, browser: Browser) -> None:
    until(lambda: not scene.ask("/c/north/runs", scene.cookie("vera")).body.count("Under way"))
    crawl = {"kind": "slow:400", "side": "ifs", "method": "GET", "times": 0}
    scene.box.admin("POST", "faults", {"rules": [crawl]})
    with scene.context(browser, "otto") as context:
        page = context.new_page()
        page.goto("/c/north")
        page.get_by_role("button", name="Run now").first.click()
        row = page.get_by_role("row").filter(has_text="Running")
        expect(row).to_be_visible(timeout=20_000)
        row.get_by_role("link").first.click()
        expect(page.get_by_role("heading", name="Under way")).to_be_visible()
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Stop it").click()
        expect(page.get_by_text("It stops at its next safe point.").first).to_be_visible()
        scene.box.faults.clear()
        expect(page.get_by_role("heading", name="Under way")).to_be_hidden(timeout=20_000)
        expect(page.get_by_role("main")).to_contain_text("by you")
        expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
        page.reload()
        expect(page.get_by_role("main")).to_contain_text("It was cancelled")
        page.goto("/c/north/runs/1/replay")
        expect(page.get_by_role("main")).to_contain_text("The same decision")
        assert scene.ask("/c/north/audit?q=cancel", scene.cookie("vera")).body.count("otto")
