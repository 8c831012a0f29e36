"""Which addresses the bench of pages asks for: every page that is read, with real values in its gaps and queries."""

from __future__ import annotations

import http.client
import random
import re
import string
import tomllib
from html import unescape
from urllib.parse import quote, urlsplit

from ml_connector.app import App
from ml_connector.console.pages_table import PAGES
from ml_connector.planning.first_steps import KEYS
from ml_connector.planning.mapping_editing import Edit
from ml_connector.service import mapping_desk, setting_up, surveying
from ml_connector.service.setting_up import Half
from ml_connector.store import bulk

NORTH, SOUTH = "north", "south"
"""The connection at work, and one that is being set up."""
LEFT_OUT = {
    "/sandbox": "only a demo has it",
    "/sandbox/calls": "only a demo has it",
    "/sandbox/faults": "only a demo has it",
}
"""Pages that are not measured, and why."""
_TRIES = 20
_SAMPLES = {
    "run": "SELECT id::text FROM runs WHERE connection_id = %s ORDER BY id DESC LIMIT 20",
    "hash": "SELECT hash FROM plans WHERE connection_id = %s LIMIT 5",
    "hold": "SELECT id::text FROM holds WHERE connection_id = %s AND released_at IS NULL LIMIT 20",
    "exchange": "SELECT id::text FROM exchanges WHERE connection_id = %s LIMIT 20",
}
"""Part of an address to the statement that finds values for it."""
_DOCUMENTS = "SELECT kind, id FROM names WHERE connection_id = %s ORDER BY md5(id) LIMIT 500"
_QUERIES = {
    "/c/{connection}/mapping/row": "table=cost_type&row=1",
    "/c/{connection}/mapping/compare": "older=1&newer=2",
}
_FROM_LISTS = {
    "/c/{connection}/inbox/group": ("/c/north/inbox", r'href="([^"]*/inbox/group\?[^"]*)"'),
    "/c/{connection}/plans/{hash}/record": ("/c/north/plans/{hash}/records", r'href="([^"]*/record\?[^"]*)"'),
    "/setup/{setup}/pairs/{pairs}/{record:path}": (
        "/setup/south/pairs/vendors?show=all",
        r'href="(/setup/south/pairs/vendors/[^"]*)"',
    ),
}
"""Pages to which only a list leads: the list, and how their addresses stand there."""


def prepare(app: App, papers: str) -> None:
    """Two versions of the mapping and an unsaved draft, and a second connection half set up over the same systems."""
    edit = [Edit(section="cost_type", what="remove", row=1)]
    mapping_desk.change(app, NORTH, edit)
    mapping_desk.save(app, NORTH)
    mapping_desk.change(app, NORTH, edit)
    told = tomllib.loads(papers)
    erp, projects = told["erp"], told["projects"]
    setting_up.begin(app, SOUTH, "Southern sites")
    parts = {name: erp[name] for name in ("url", "realm", "client_id")}
    setting_up.connect(app, SOUTH, Half("erp", parts, erp["client_secret"], "America/Chicago"))
    setting_up.choose(app, SOUTH, "erp", "10")
    parts = {name: projects[name] for name in ("url", "client_id", "company_id")}
    setting_up.connect(app, SOUTH, Half("projects", parts, projects["client_secret"]))
    for look in ("check", "survey"):
        surveying.ask(app, SOUTH, look)


def addresses(app: App, connection: int, url: str, cookie: str) -> dict[str, list[str]]:
    """Every page that is read, by the address it is declared under, to addresses of it."""
    with app.db.begin() as conn:
        samples = {name: [row[0] for row in bulk.fetch(conn, sql, (connection,))] for name, sql in _SAMPLES.items()}
        ids = bulk.fetch(conn, _DOCUMENTS, (connection,))
        sql = "SELECT (tsvector_to_array(words))[1] FROM names WHERE connection_id = %s LIMIT 500"
        words = [row[0] for row in bulk.fetch(conn, sql, (connection,))]
    fixed = {"connection": NORTH, "name": NORTH, "user": "bench", "version": "1", "setup": SOUTH, "list": "agenda"}
    chance = random.Random(5)  # noqa: S311 - which rows are asked for
    found: dict[str, list[str]] = {}
    for page in PAGES:
        if "GET" not in page.methods or page.open or page.path in {*LEFT_OUT, *_FROM_LISTS}:
            continue
        path = page.path.replace(":path", "")
        gaps = {name for _, name, _, _ in string.Formatter().parse(path) if name}
        made = []
        for _ in range(_TRIES):
            kind, erp_id = chance.choice(ids)
            values = {
                "kind": kind,
                "id": erp_id,
                "step": chance.choice(KEYS),
                "pairs": chance.choice(("sites", "vendors")),
            }
            values |= fixed | {name: chance.choice(known) for name, known in samples.items() if known}
            made.append(path.format(**{name: quote(values[name], safe="") for name in gaps}))
        found[page.path] = [f"{one}?{_QUERIES[page.path]}" if page.path in _QUERIES else one for one in made]
    for name, (where, pattern) in _FROM_LISTS.items():
        found[name] = _linked(url, cookie, where.format(hash=samples["hash"][0]), pattern)
    found["/search?q=..."] = [f"/search?q={quote(chance.choice(words)[: chance.randint(3, 12)])}" for _ in range(40)]
    return found


def _linked(url: str, cookie: str, where: str, pattern: str) -> list[str]:
    """The addresses of one kind that a list leads to."""
    parts = urlsplit(url)
    session = http.client.HTTPConnection(parts.hostname or "", parts.port)
    session.request("GET", where, headers={"cookie": f"mlc={cookie}"})
    body = session.getresponse().read().decode()
    session.close()
    return [unescape(one) for one in re.findall(pattern, body)][:_TRIES]
