"""Looks at every screen of the console on the demo's month, light and dark, at two widths: `make screenshots`.

It walks from the first page along the console's own links, so that a screen nobody can reach is told as missing.
"""

from __future__ import annotations

import argparse
import base64
import io
import re
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from re import Pattern
from typing import Any, NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from starlette.routing import compile_path

from ml_connector.app import App
from ml_connector.cli.demo import told_month
from ml_connector.cli.demo_open import Opened, bring_up_to_now, last_touch, opened
from ml_connector.cli.month_office import MonthClock, begin
from ml_connector.cli.month_start import FIRST_DAY
from ml_connector.cli.output import Output
from ml_connector.cli.playground import DemoPlayground
from ml_connector.console.pages_table import PAGES
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings
from ml_connector.store import alerts

FOLDER = Path(__file__).parent.parent / "docs" / "screenshots"
"""Where they are kept."""
THEMES = ("light", "dark")
WIDTHS = {1280: 4000, 390: 6000}
"""Width of the window to the most of a page's height that is kept: nearly every page is there as a whole."""

_CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
              "--disable-component-update", "--force-color-profile=srgb", "--font-render-hinting=none")  # fmt: skip
_QUALITY = 40
_PATIENCE = 150
"""Seconds for the first look at what people must hear of, which comes every minute."""
_ALIKE = 3
"""Addresses of one page whose links are followed; the first of them is its picture."""
_FIRST = (
    "/",
    "/c/demo",
    "/c/demo/documents/order/P100001",
    "/search?q=P100001",
    "/c/demo/mapping/row?table=cost_type",
    "/c/demo/mapping/compare?older=1&newer=2",
    "/c/demo/mapping/versions/1",
    "/me",
)
"""Where the walk begins: the first page, what is better looked at for something that went over, and what only a form
leads to."""
_NO_PICTURE = ("/c/{connection}/mapping/toml", "/c/{connection}/plans/{hash}/changes")
"""A file, and what is there only when a plan was overtaken by another."""
_NO_SCREEN = ("/sign-out", "/static", "/api/v1")


class Screen(NamedTuple):
    """One address of the pages' table with a real address of it."""

    path: str
    address: str

    @property
    def name(self) -> str:
        """The name of its pictures: its fixed words, and `one` for what it is about."""
        words = [word for word in self.path.strip("/").split("/") if word not in ("c", "{connection}")]
        name = "-".join("one" if word.startswith("{") else word.replace("_", "-") for word in words)
        if self.path == "/c/{connection}":
            return "home-of-one"
        whole = not self.path.startswith("/c/") and any(one.path == f"/c/{{connection}}{self.path}" for one in PAGES)
        return f"installation-{name}" if whole and name else name or "home"


_UNTOUCHED = (Screen("home-empty", "/"), Screen("connections-empty", "/connections"), Screen("setup-empty", "/setup"))
"""What an installation shows in which nothing was set up yet."""


@contextmanager
def consoles(home: Path, orders: int) -> Iterator[tuple[Opened, Opened]]:
    """The demo's month with the console open on it, and the console of an installation with nothing in it."""
    with RunningSandbox(orders=orders, spawn=True) as sandbox:
        clock = MonthClock(sandbox)
        begin(sandbox, clock, FIRST_DAY)
        with App.open(Settings(home), "demo", clock=clock) as app, App.open(Settings(home / "new"), "demo") as new:
            story = told_month(app, sandbox, clock, Output(io.StringIO()))
            bring_up_to_now(story)
            ground = DemoPlayground(sandbox, clock)
            found, empty = opened(app, ground, 0), opened(new, ground, 0)
            try:
                found.service.start()
                last_touch(story)
                empty.service.start()
                alarmed(app)
                yield found, empty
            finally:
                empty.service.stop(5)
                found.service.stop(5)


def alarmed(app: App) -> None:
    """Waits until the service has looked for what people must hear of, so that every picture of a page has it."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with app.db.begin() as conn:
            if any(alert.key == "approval/plan" for alert in alerts.standing(conn)):
                return
        time.sleep(0.5)
    raise RuntimeError("No alarm tells that a plan waits.")


def screens(page: Page, base: str) -> list[Screen]:
    """A real address for each page that the console's links lead to, in the order in which they are met."""
    known = [(one.path, compile_path(one.path)[0]) for one in PAGES if "GET" in one.methods]
    found: dict[str, str] = {}
    looked: Counter[str] = Counter()
    waiting = list(_FIRST)
    seen = set(waiting)
    while waiting:
        # what is of a page not met yet comes first
        address = next((one for one in waiting if not looked[_page_of(known, one)]), waiting[0])
        waiting.remove(address)
        path = _page_of(known, address)
        if looked[path] >= _ALIKE or not _is_page(page, base + address):
            continue
        looked[path] += 1
        page.goto(base + address)
        if path:
            found.setdefault(path, address)
        links = page.eval_on_selector_all("a[href]:not([download])", "all => all.map(one => one.href)")
        for link in links:
            there = urldefrag(urljoin(base, link)).url
            short = there.removeprefix(base)
            if there.startswith(base) and short not in seen and not short.startswith(_NO_SCREEN):
                seen.add(short)
                waiting.append(short)
    return [Screen(path, address) for path, address in found.items()]


def _is_page(page: Page, url: str) -> bool:
    """Whether a page is there, and not a file or a failure."""
    answer = page.request.get(url)
    return answer.status == 200 and "html" in answer.headers.get("content-type", "")


def _page_of(known: Sequence[tuple[str, Pattern[str]]], address: str) -> str:
    return next((path for path, pattern in known if pattern.match(urlsplit(address).path)), "")


def walked(page: Page, base: str, told: Mapping[str, Any]) -> list[Screen]:
    """The set-up wizard, walked by hand as far as the discovery; its steps."""
    page.goto(f"{base}/setup")
    _typed(page, {"Short name": "north", "What people call it (optional)": "Northern sites"}, "Begin")
    erp, projects = told["erp"], told["projects"]
    mine = {"Address": erp["url"], "Realm": erp["realm"], "Client id": erp["client_id"]}
    zone = {"Client secret": erp["client_secret"], "Time zone of IFS": told["connection"]["time_zone"]}
    _typed(page, {**mine, **zone}, "Sign in to IFS")
    _typed(page, {}, "Use this company")
    theirs = {"Company number": str(projects["company_id"]), "Client id": projects["client_id"]}
    secret = {"Client secret": projects["client_secret"], "Address of the API": projects["url"]}
    page.get_by_label("Environment").first.select_option("Another address")
    _typed(page, {**theirs, **secret}, "Sign in to Procore")
    _typed(page, {}, "Test now")
    page.get_by_label("I have looked at each of these, on both sides").check(timeout=60_000)
    _typed(page, {}, "Keep this and go on")
    _typed(page, {}, "Look at both sides")
    page.get_by_text("Open orders in IFS").wait_for(timeout=30_000)
    page.get_by_role("link", name="Go on", exact=True).first.click()
    _typed(page, {}, "Keep this and go on")
    page.get_by_role("button", name=re.compile("^Accept .* sure pairs$")).click()
    _typed(page, {}, "Go on")
    for row in page.locator("tbody tr").all():
        if not row.locator("select").input_value():
            row.locator("select").select_option(index=1)
    _typed(page, {}, "Keep this mapping and go on")
    page.get_by_role("button", name=re.compile("^Go on, .* undecided$")).click()  # so has a picture, too
    page.get_by_label("Everything that is open").first.check()
    _typed(page, {}, "Keep this and go on")
    steps = page.eval_on_selector_all(".steps a[href]", "all => all.map(one => one.getAttribute('href'))")
    return [Screen(step, step) for step in dict.fromkeys(steps)]


def _typed(page: Page, fields: Mapping[str, str], button: str) -> None:
    for label, text in fields.items():
        page.get_by_label(label, exact=True).first.fill(text)
    page.get_by_role("button", name=button, exact=True).first.click()
    page.wait_for_load_state()


def take(page: Page, file: Path, most: int) -> None:
    """A picture of the whole page, or of its beginning when it is long; webp, or png by the file's name."""
    page.locator("[hx-trigger=load]").wait_for(state="detached")
    size = page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], most), "scale": 1}
    how = {"format": "png"} if file.suffix == ".png" else {"format": "webp", "quality": _QUALITY}
    wire = page.context.new_cdp_session(page)
    answer = wire.send("Page.captureScreenshot", {**how, "clip": clip, "captureBeyondViewport": True})
    file.write_bytes(base64.b64decode(answer["data"]))
    wire.detach()


def signed_in(browser: Browser, link: str) -> list[Any]:
    """The cookies of somebody who used the one-time link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.locator("main form button").first.click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    cookies: list[Any] = list(context.cookies())
    context.close()
    return cookies


class Shoot(NamedTuple):
    """One console to take pictures of: where it is, as whom, what of it, and how the pictures are kept."""

    base: str
    cookies: list[Any]
    screens: list[Screen]
    folder: Path
    ending: str

    def take(self, browser: Browser, only: str) -> None:
        """Each screen whose name begins so, in both themes and both widths."""
        for theme in THEMES:
            for width, most in WIDTHS.items():
                with _context(browser, theme, width, self.cookies) as context:
                    page = context.new_page()
                    for screen in (one for one in self.screens if one.name.startswith(only)):
                        page.goto(self.base + screen.address)
                        page.evaluate("document.fonts.ready")
                        take(page, self.folder / f"{screen.name}-{theme}-{width}.{self.ending}", most)


def main(words: list[str]) -> int:
    """Takes all pictures; 0 when every page was seen, 1 when no link leads to some of them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--folder", type=Path, default=FOLDER, help="where to put the pictures")
    asked.add_argument("--png", action="store_true", help="png instead of webp, for tools that read no webp")
    asked.add_argument("--only", default="", help="only screens whose name begins so")
    asked.add_argument("--orders", type=int, default=120, help="size of the world")
    given = asked.parse_args(words)
    ending = "png" if given.png else "webp"
    given.folder.mkdir(parents=True, exist_ok=True)
    if not given.only:
        for old in given.folder.glob(f"*.{ending}"):
            old.unlink()
    with tempfile.TemporaryDirectory(prefix="mlc-") as home, consoles(Path(home), given.orders) as (found, empty):
        told = tomllib.loads((Path(home) / "connection.toml").read_text("utf-8"))
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=_CHROMIUM, args=list(_ARGUMENTS))
            untouched = Shoot(_url(empty), signed_in(browser, empty.link), list(_UNTOUCHED), given.folder, ending)
            untouched.take(browser, given.only)  # before anything is set up
            shoots = [_of_demo(browser, found, given.folder, ending), _of_wizard(browser, untouched, told)]
            shoots.append(Shoot(shoots[0].base, [], [Screen("sign-in", "/sign-in")], given.folder, ending))
            for one in shoots:
                one.take(browser, given.only)
            browser.close()
    wanted = {one.path for one in PAGES if "GET" in one.methods and not one.open and not one.path.startswith("/setup/")}
    missing = sorted(wanted - {one.path for one in shoots[0].screens} - set(_NO_PICTURE))
    for path in missing:
        sys.stderr.write(f"No link leads to {path}.\n")
    return 1 if missing else 0


def _of_demo(browser: Browser, found: Opened, folder: Path, ending: str) -> Shoot:
    base, cookies = _url(found), signed_in(browser, found.link)
    with _context(browser, "light", 1280, cookies) as context:
        page = context.new_page()
        page.goto(f"{base}/c/demo/mapping/row?table=cost_type")
        page.get_by_label("Cost type", exact=True).select_option("M")
        _typed(page, {"Code part A": "1530"}, "Put into my draft")
        return Shoot(base, cookies, screens(page, base), folder, ending)


def _of_wizard(browser: Browser, untouched: Shoot, told: Mapping[str, Any]) -> Shoot:
    with _context(browser, "light", 1280, untouched.cookies) as context:
        return untouched._replace(screens=walked(context.new_page(), untouched.base, told))


def _url(found: Opened) -> str:
    door = found.service.door
    assert door is not None
    return door.url


def _context(browser: Browser, theme: str, width: int, cookies: list[Any]) -> BrowserContext:
    made = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        timezone_id="America/Chicago",
    )
    made.add_cookies(cookies)
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
