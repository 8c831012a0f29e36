"""Every part of the design system on one page, with made-up data: looked at by people, and by axe."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ml_connector.console.rendering import environment
from ml_connector.views.listing import Column, Look, listing, money

NOW = datetime(2026, 5, 29, 14, 5, tzinfo=UTC)
"""The present of the gallery."""

_PAGE = Path(__file__).with_name("gallery.html")


def text() -> str:
    """The gallery's page."""
    rows = [
        {
            "source": f"P10000{n}",
            "vendor": name,
            "reason": {"state": state, "word": word},
            "money": money(amount, "USD"),
            "since": NOW - timedelta(hours=7 * n),
            "lines": n * 1000,
            "id": n,
            "href": f"/documents/{n}",
        }
        for n, (name, state, word, amount) in enumerate(
            [
                ("Northside Concrete", "waiting", "Code missing", "128400.00"),
                ("Łódź Steel & Sons", "returned", "Changed there", "-940.25"),
                ("<script>alert(1)</script>", "failed", "Refused by IFS", "12.5"),
            ],
            1,
        )
    ]
    columns = (
        Column("source", "Document", "code", True),
        Column("vendor", "Vendor", "text", True),
        Column("reason", "State", "state"),
        Column("lines", "Lines", "number", True),
        Column("money", "Money", "money", True),
        Column("since", "Since", "moment", True),
    )
    look = _Look(sort="money", down=True, size=3, page=2)
    shown = listing(columns, [*rows, rows[0]], look, {"reason": ["code_missing", "changed_there"]})
    values: dict[str, Any] = {
        "page": page(),
        "rows": shown,
        "hours_ago": lambda hours: NOW - timedelta(hours=hours),
        "none_there": listing(columns, [], Look()),
        "days": [
            {"day": (NOW - timedelta(days=30 - n)).date(), "moved": (n * 37) % 90, "held": n % 7} for n in range(30)
        ],
    }
    return environment().from_string(_PAGE.read_text("utf-8")).render(**values)


def page() -> SimpleNamespace:
    """A page as the handlers give it, without a request."""
    one = SimpleNamespace(name="north", title="Northern Building")
    return SimpleNamespace(
        asker=object(),
        who=SimpleNamespace(name="adam", title="Adam Novak", role="admin"),
        csrf="word",
        said=[("good", "The mapping is saved.")],
        demo=True,
        zone="",
        now=NOW,
        connection="north",
        connection_title=one.title,
        connections=[one, SimpleNamespace(name="south", title="")],
        counts={"inbox": 14, "plans": 1},
        can=lambda _permission: True,
        person=lambda name, _begins=False: name,
        request=SimpleNamespace(query_params={}),
    )


class _Look(Look, frozen=True, kw_only=True):
    reason: str = "code_missing"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), "utf-8")
