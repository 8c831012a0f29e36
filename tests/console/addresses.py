"""Every page that is read, at a real address of a scene: what is looked at by axe and at both widths, form by form."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

from ml_connector.console.pages_table import PAGES
from ml_connector.planning.mapping_editing import Edit
from ml_connector.service import mapping_desk

from .scene import Scene
from .weekend import NAME, in_turn, later, lose_row, place, sent_orders, wait_for_approval

LEFT_OUT = {
    "/sandbox": "only a demo has it: test_sandbox_page.py looks at it",
    "/sandbox/faults": "only a demo has it: test_sandbox_page.py looks at it",
    "/sandbox/calls": "only a demo has it: test_sandbox_page.py looks at it",
    "/sign-in": "for strangers: STRANGERS",
    "/sign-in/once/{word}": "for strangers: STRANGERS",
    "/sign-in/company": "leads to the company's provider, of which there is none here: tests/access has one",
    "/sign-in/company/back": "leads on from the company's provider, of which there is none here: tests/access has one",
    "/setup/{setup}": "leads to a step",
    "/setup/{setup}/{step}": "test_set_up.py goes through every step, test_forms.py sends every form",
    "/setup/{setup}/mapping": "test_set_up.py goes through every step, test_forms.py sends every form",
    "/setup/{setup}/pairs/{pairs}": "test_set_up.py goes through every step, test_forms.py sends every form",
    "/setup/{setup}/pairs/{pairs}/{record:path}": "test_set_up.py goes through every step",
    "/c/{connection}/mapping/toml": "a file, no page",
}
"""Pages that are not looked at here, and why."""
STRANGERS = ("/sign-in?to=%2Fusers", "/sign-in/once/a-word-of-nobody")
"""Pages for who is not signed in."""
_REAL = {
    "run": "SELECT id::text FROM runs ORDER BY id LIMIT 1",
    "hash": "SELECT hash FROM plans WHERE asked_by = 'otto' ORDER BY made_at DESC LIMIT 1",
    "hold": "SELECT id::text FROM holds WHERE released_at IS NULL AND reason = 'changed_there' ORDER BY id LIMIT 1",
    "exchange": "SELECT id::text FROM exchanges WHERE request_hash IS NOT NULL AND NOT lasting ORDER BY id LIMIT 1",
    "id": "SELECT erp_id FROM holds WHERE released_at IS NULL AND reason = 'changed_there' ORDER BY id LIMIT 1",
}
"""Part of an address to the statement that finds a value for it."""
_FIXED = {"connection": NAME, "kind": "order", "name": NAME, "user": "otto", "version": "1", "list": "agenda"}
_QUERIES = {
    "/c/{connection}/mapping/compare": "older=1&newer=2",
    "/c/{connection}/mapping/row": "table=cost_type&row=1",
    "/search": "q=P100001",
    "/c/{connection}/runs/{run}/replay": "shown=yes",
}
_PARTS = ("story", "related", "audit", "replay")
"""Further tabs of a document's page."""
_FEW = "size=10"
"""Lists are looked at by the few rows: fifty rows are the same ten, and take five times as long."""


def busy(scene: Scene) -> None:
    """Something of everything is there: holds of several causes, a conflict, an answer, a plan that waits, a draft."""
    lose_row(scene, "412*")
    later(scene)
    place(scene, "4120", "250")
    scene.box.act("procore", "edit_order", order_number=sent_orders(scene)[0], title="Renamed by the site office")
    later(scene)
    wait_for_approval(scene)
    place(scene, "4110", "90")
    planned(scene)
    mapping_desk.change(scene.app.acting_as("adam"), NAME, [Edit(section="cost_type", what="remove", row=1)])


def planned(scene: Scene) -> None:
    """Otto has a plan made, which takes the place of what the service planned by itself."""
    in_turn(lambda: scene.app.acting_as("otto").plan(NAME))


def real(scene: Scene) -> dict[str, str]:
    """Address as declared to the one to look at, with the query it needs; only those of LEFT_OUT are not there."""
    with scene.app.db.begin() as conn:
        values = {name: conn.exec_driver_sql(sql).scalar_one() for name, sql in _REAL.items()} | _FIXED
    queries = {**_QUERIES, **_found(scene, values["hash"])}
    looked_at: dict[str, str] = {}
    for page in PAGES:
        if "GET" not in page.methods or page.path in LEFT_OUT:
            continue
        filled = {name: quote(str(values[name]), safe="") for name in re.findall(r"\{(\w+)(?::path)?\}", page.path)}
        address = page.path.replace(":path}", "}").format(**filled)
        looked_at[page.path] = f"{address}?{queries.get(page.path) or _FEW}"
    document = looked_at["/c/{connection}/documents/{kind}/{id:path}"].partition("?")[0]
    looked_at |= {f"document, {part}": f"{document}?part={part}&{_FEW}" for part in _PARTS}
    return looked_at


def _found(scene: Scene, plan: str) -> dict[str, str]:
    """Queries that only a list knows: of a group of the inbox whose mapping can be mended, of a record of a plan."""
    cookie = scene.cookie("adam")
    group, record = "/c/{connection}/inbox/group", "/c/{connection}/plans/{hash}/record"
    inbox = scene.ask(f"/c/{NAME}/inbox", cookie).body
    records = scene.ask(f"/c/{NAME}/plans/{plan}/records", cookie).body
    return {
        group: unescape(re.findall(r'href="[^"]*/inbox/group\?([^"]*A%3D4120[^"]*)"', inbox)[0]),
        record: unescape(re.findall(r'href="[^"]*/record\?([^"]*)"', records)[0]),
    }
