"""Every page in a real browser: axe finds nothing serious in light or dark, nothing overflows at 390 pixels, nothing is
loaded from elsewhere, no script or style is refused."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from .addresses import STRANGERS, busy, planned, real
from .reading import WIDE, too_wide, unreadable
from .scene import Scene


@pytest.fixture(scope="module")
def full(scene: Scene) -> Scene:
    """A scene that has something to show on every page."""
    busy(scene)
    return scene


def opened(page: Page, address: str) -> None:
    """Opens an address that answers 200 with a page, there and nowhere else."""
    answer = page.goto(address, wait_until="domcontentloaded")
    assert answer is not None
    assert (answer.status, answer.request.redirected_from) == (200, None), f"{address}: {answer.status}, {page.url}"
    assert "html" in answer.headers["content-type"], address
    page.wait_for_load_state()
    page.evaluate("document.fonts.ready.then(() => true)")


def listening(scene: Scene, context: BrowserContext) -> tuple[Page, list[str]]:
    """A page, and what its browser complains of or asks of others."""
    page, wrong = context.new_page(), []
    page.on("console", lambda said: wrong.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on("request", lambda one: None if one.url.startswith((scene.url, "data:")) else wrong.append(one.url))
    return page, wrong


def looked_over(page: Page, declared: str) -> list[str]:
    """What is wrong with the page that is open."""
    found: list[Any] = [*unreadable(page), *filter(None, [too_wide(page)])]
    return [f"{declared}: {one}" for one in found]


def test_every_page_can_be_read_by_everybody(full: Scene, browser: Browser) -> None:
    looked_at = real(full)
    assert len(looked_at) >= 50
    wrong: list[str] = []
    for who, pages in (("adam", looked_at), ("", {address: address for address in STRANGERS})):
        context = full.context(browser, who, viewport=WIDE, reduced_motion="reduce")
        page, heard = listening(full, context)
        for declared, address in pages.items():
            opened(page, address)
            wrong += looked_over(page, declared)
        wrong += heard
        context.close()
    assert not wrong, "\n".join(wrong)


def test_dialogs_and_what_an_answer_would_do_can_be_read_too(full: Scene, browser: Browser) -> None:
    planned(full)
    looked_at = real(full)
    wrong: list[str] = []
    with full.context(browser, "adam", viewport=WIDE, reduced_motion="reduce") as context:
        page, heard = listening(full, context)
        opened(page, looked_at["/c/{connection}/plans/{hash}"])
        page.get_by_role("button", name="Approve the whole plan…").click()
        assert page.get_by_role("dialog").is_visible()
        wrong += looked_over(page, "the question before a plan is sent")
        opened(page, looked_at["/c/{connection}/inbox/group"])
        page.get_by_label("Leads to").fill("S")
        page.get_by_role("button", name="See what it would do").last.click()
        page.get_by_role("heading", name="What this row would do").wait_for()
        wrong += looked_over(page, "what a row would do")
        opened(page, looked_at["/c/{connection}/inbox/holds/{hold}"])
        page.get_by_role("button", name="Procore stands").click()
        page.get_by_role("heading", name="What this answer would do").wait_for()
        wrong += looked_over(page, "what an answer would do")
        answer = page.goto("/c/nowhere/inbox")
        assert answer is not None
        assert answer.status == 404
        wrong += looked_over(page, "a page that is not there")
        wrong += [one for one in heard if "404" not in one]
    assert not wrong, "\n".join(wrong)


def test_pages_are_read_without_scripts(full: Scene, browser: Browser) -> None:
    context = full.context(browser, "vera", java_script_enabled=False)
    page = context.new_page()
    for address in ("/", "/c/north/inbox", "/c/north/plans", "/c/north/runs", "/c/north/mapping", "/search?q=P100001"):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        assert page.locator("main h1").inner_text(), address
    context.close()


@pytest.mark.parametrize("address", ["/", "/nothing-here", "/c/nowhere/inbox"])
def test_a_failure_is_a_page_too(full: Scene, address: str) -> None:
    told = full.ask(address, full.cookie("vera"))
    assert told.status == (200 if address == "/" else 404)
    assert "Traceback" not in told.body
    assert "<main" in told.body
