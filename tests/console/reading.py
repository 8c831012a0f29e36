"""Whether a page in a browser can be read by everybody: axe on what it shows, light and dark, and its width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
"""The program that looks a page over."""
SERIOUS = ("serious", "critical")
"""What may not be found."""
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
"""The two widths of the issue."""
_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RUN = """([kind, values]) => axe.run(document, {resultTypes: ['violations'], runOnly: {type: kind, values: values}})
    .then((found) => found.violations.map((one) =>
        [one.impact, one.id, one.nodes[0].html.slice(0, 200), one.nodes[0].failureSummary]))"""


def serious(page: Page, *rules: str) -> list[Any]:
    """What axe finds on a page that is serious or worse: of all its rules, or of those named."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate(_RUN, ["rule", list(rules)] if rules else ["tag", list(_TAGS)])
    return [one for one in found if one[0] in SERIOUS]


def unreadable(page: Page, *, dark: bool = True) -> list[Any]:
    """What is wrong with the page that is open: every rule in light, the contrast in dark as well."""
    found = serious(page)
    if dark:
        page.emulate_media(color_scheme="dark")
        found += [("dark", *one) for one in serious(page, "color-contrast")]
        page.emulate_media(color_scheme="light")
    return found


def too_wide(page: Page) -> str:
    """How wide the page that is open is on a telephone, in words; empty when it fits."""
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    return f"{width} pixels wide" if width > NARROW["width"] else ""
