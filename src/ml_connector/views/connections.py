"""Connections as a person looks at them: the list, and one with both sides, its state and its webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ml_connector import desk
from ml_connector.app import App
from ml_connector.connection_file import SECRET_FIELDS, config_from
from ml_connector.kernel.errors import BadInput
from ml_connector.service import hooking, pausing
from ml_connector.store import connections, identities, runs, setups
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.runs import RunRow
from ml_connector.systems.procore.settings import environment_of
from ml_connector.views.listing import Column, Listing, Look, listing
from ml_connector.views.typed import plain


class ConnectionLine(msgspec.Struct, frozen=True):
    """One connection in the list."""

    name: str
    title: str
    erp_url: str
    erp_company: str
    projects_url: str
    company_id: str
    environment: str
    state: str
    """active, paused, or set-up while its first plan is not approved."""
    last_run: datetime | None
    last_state: str


STATES = ("active", "paused", "set-up")
"""How a connection stands."""

_COLUMNS = (
    Column("title", "Connection", sortable=True),
    Column("name", "Name", "code", sortable=True),
    Column("state", "State", "state", sortable=True),
    Column("erp_company", "IFS company", sortable=True),
    Column("erp_url", "IFS address", sortable=True),
    Column("company_id", "Procore company", sortable=True),
    Column("projects_url", "Procore address", sortable=True),
    Column("last_run", "Last run", "moment", sortable=True),
    Column("last_state", "Last run ended", "state", sortable=True),
)
_ENDED = {"stopped": "Waits for a person"}
"""States of a run by which nobody would know how it ended."""
_SORTS = tuple(one.key for one in _COLUMNS if one.sortable)


class ConnectionsLook(Look, frozen=True, kw_only=True):
    """How the list of connections is asked for."""

    state: Literal["", "active", "paused", "set-up"] = ""


class SideView(msgspec.Struct, frozen=True):
    """One side of a connection: its settings, never its secret."""

    side: str
    settings: dict[str, Any]
    secret: bool
    tied_to: dict[str, str]
    """What it said of itself when the connection was tied to it; empty before."""
    tied_by: str
    tied_at: datetime | None


class ConnectionView(msgspec.Struct, frozen=True):
    """One connection on its page."""

    name: str
    title: str
    time_zone: str
    go_live: str
    state: str
    environment: str
    pauses: list[dict[str, Any]]
    sides: list[SideView]
    hooks: list[dict[str, Any]]
    door: str
    """Where Procore reaches our door, as it was said; empty before."""
    history: bool
    """Whether something was sent or linked, so that removing it forgets what is linked to what."""
    in_setup: bool
    """Whether a set-up of it is begun and not over."""


def listed(app: App) -> list[ConnectionLine]:
    """Every connection, by name, with its last run."""
    rows = app.connections()
    with app.db.begin() as conn:
        last = {row.id: next(iter(runs.list_runs(conn, row.id, limit=1)), None) for row in rows}
    return [_line(app, row, last[row.id]) for row in rows]


def found(app: App, look: ConnectionsLook) -> Listing:
    """A page of them as a list: filtered, sorted, and as files."""
    words = plain(look.q).lower().split()
    lines = [
        line
        for line in listed(app)
        if look.state in ("", line.state) and all(word in _searched(line) for word in words)
    ]
    if look.sort:
        if look.sort not in _SORTS:
            remedy = f"Sort by {', '.join(_SORTS)}."
            raise BadInput(f"The list cannot be sorted by {look.sort!r}.", remedy=remedy)
        known = [line for line in lines if getattr(line, look.sort) is not None]
        known.sort(key=lambda line: (getattr(line, look.sort), line.name), reverse=look.down)
        lines = [*known, *(line for line in lines if getattr(line, look.sort) is None)]
    start = (look.page - 1) * look.size
    rows = [_row(line) for line in lines[start : start + look.size + 1]]
    return listing(_COLUMNS, rows, look, {"state": STATES})


def _searched(line: ConnectionLine) -> str:
    said = (line.name, line.title, line.erp_company, line.erp_url, line.company_id, line.projects_url)
    return " ".join(said).lower()


def _row(line: ConnectionLine) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(line),
        "state": {"state": "waiting" if line.state == "set-up" else line.state, "word": line.state.capitalize()},
        "last_state": {"state": line.last_state, "word": _ENDED.get(line.last_state, line.last_state.capitalize())}
        if line.last_state
        else None,
        "href": f"/connections/{line.name}",
    }


def one(app: App, name: str) -> ConnectionView:
    """One connection; NothingSuchHere when there is none of that name."""
    row = app.connection(name)
    config = config_from(row.config)
    form = desk.connection_form(app, name)
    with app.db.begin() as conn:
        tied = identities.of(conn, row.id)
        history = connections.has_history(conn, row.id)
        begun = setups.of(conn, name)
    sides = []
    for side, field in SECRET_FIELDS.items():
        bond = tied.get(side)
        sides.append(
            SideView(
                side=side,
                settings=_settings(side, form["config"]),
                secret=field in form["sealed"],
                tied_to=dict(bond.facts) if bond else {},
                tied_by=bond.bound_by if bond else "",
                tied_at=bond.bound_at if bond else None,
            )
        )
    return ConnectionView(
        name=name,
        title=row.title,
        time_zone=config.connection.time_zone,
        go_live=config.connection.go_live.isoformat() if config.connection.go_live else "",
        state=_state(app, name),
        environment=environment_of(config.projects.url),
        pauses=pausing.paused(app, name),
        sides=sides,
        hooks=hooking.listed(app, name)["hooks"],
        door=config.webhooks.url,
        history=history,
        in_setup=begun is not None and begun.finished_at is None,
    )


def _settings(side: str, config: dict[str, Any]) -> dict[str, Any]:
    own = {key: value for key, value in config[side].items() if key not in ("system", "profile")}
    return {"company": config["connection"]["erp_company"], **own} if side == "erp" else own


def _line(app: App, row: ConnectionRow, last: RunRow | None) -> ConnectionLine:
    config = row.config
    return ConnectionLine(
        name=row.name,
        title=row.title,
        erp_url=str(config["erp"]["url"]),
        erp_company=str(config["connection"]["erp_company"]),
        projects_url=str(config["projects"]["url"]),
        company_id=str(config["projects"]["company_id"]),
        environment=environment_of(str(config["projects"]["url"])),
        state=_state(app, row.name),
        last_run=last.started_at if last else None,
        last_state=last.state if last else "",
    )


def _state(app: App, name: str) -> str:
    whole = [pause for pause in pausing.paused(app, name) if not pause["flow"]]
    if any(pause["setting_up"] for pause in whole):
        return "set-up"
    return "paused" if whole else "active"
