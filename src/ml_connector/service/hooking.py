"""Registers, repairs and removes a connection's hooks, so that they are exactly what its flows want."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import WebhooksPart, config_from, door_address
from ml_connector.kernel.errors import BadInput
from ml_connector.planning import hints
from ml_connector.registry import FLOWS
from ml_connector.service.hook_fitting import Fitting, Steps, Wanted
from ml_connector.service.pausing import check_set_up
from ml_connector.store import audit, bulk, hooks, links, sources
from ml_connector.store.connections import ConnectionRow
from ml_connector.store.hooks import HookRow
from ml_connector.systems.procore.answers import NotSeen
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.webhook import VERSIONS, Api, Hooks, user_of
from ml_connector.systems.procore.webhook_v1 import offered_or_none, open_hooks

STATE = "webhooks/state"
"""Under which name it is kept, as a watermark, what the last sync found out; see `Known`."""
IFS_DOOR = "/webhooks/ifs"
_OWN_PROCORE = frozenset({"direct_costs", "subcontractor_invoices", "dimensions"})
"""Flows that start in Procore alone; the others start in IFS as well, which has no webhooks (facts/ifs.md 1)."""


class Known(msgspec.Struct, frozen=True):
    """What the last sync of a connection's hooks found out."""

    user: str = ""
    """Our own user in Procore."""
    flows: tuple[str, ...] = ()
    """Flows whose records hooks tell of."""
    since: str = ""
    """From when on they do, in ISO 8601."""


@dataclass(frozen=True)
class Asked:
    """What a person wants of a sync besides what the connection's file says."""

    url: str = ""
    rotate: bool = False
    """Every hook gets a new address and secret."""
    dry: bool = False
    """Only look and say what would be done."""


@dataclass
class _Plan:
    """What is offered, and what is wanted of it at each scope."""

    version: str = ""
    offered: dict[str, frozenset[str]] = field(default_factory=dict)
    company: dict[str, frozenset[str]] = field(default_factory=dict)
    project: dict[str, frozenset[str]] = field(default_factory=dict)


def sync(app: App, name: str, asked: Asked | None = None) -> dict[str, Any]:
    """Makes the hooks of a connection what its flows want, and says what was done and how each flow hears of changes.

    Only hooks of our namespace that lead to this connection, or that we registered, are touched. A second sync changes
    nothing. BadInput when nobody said where our door is, or while it is being set up; errors of the tree when Procore
    does not let us.
    """
    row = app.connection(name)
    if asked is None or not asked.dry:
        check_set_up(app, row)
    with app.wiring.asking(row) as sides:
        return _synced(app, row, asked or Asked(), sides.projects.system.client)


def _synced(app: App, row: ConnectionRow, asked: Asked, client: Client) -> dict[str, Any]:
    settings = config_from(row.config).webhooks
    base = _base(app, row, settings, asked)
    opened = opener(client, settings)
    projects = _projects(app, row)
    company = opened("")
    steps = Steps()
    plan = _plan(settings, company, opened, projects, steps)
    fitting = Fitting(app, row, Wanted(base, settings.namespace, plan.version, asked.rotate, asked.dry), steps)
    fitting.fit(company, plan.company)
    scoped = projects if plan.project else []
    for project in scoped:
        fitting.fit(opened(project), plan.project)
    for project in sorted(fitting.scopes() - {"", *scoped}):
        try:
            fitting.clear(opened(project))
        except NotSeen:
            fitting.forget_scope(project, f"Project {project} cannot be seen any more: its hook is forgotten.")
    told = hints.told_of(steps.told)
    if not asked.dry:
        _keep(app, row, user_of(client), told, steps)
    return {
        "connection": row.name,
        "url": base,
        "payload_version": plan.version,
        "changed": bool(steps.done) and not asked.dry,
        "dry_run": asked.dry,
        "steps": steps.done,
        "flows": _ways(told, plan.version),
        "notes": steps.notes,
    }


def listed(app: App, name: str) -> dict[str, Any]:
    """The hooks of a connection as we keep them; no secret is among it. Nothing is contacted."""
    row = app.connection(name)
    with app.db.begin() as conn:
        rows = hooks.of_connection(conn, row.id)
    shown = [
        {
            "source": one.source,
            "project": one.project,
            "hook": one.remote_id,
            "url": one.url,
            "payload_version": one.version,
            "state": one.state,
            "synced_at": one.synced_at,
        }
        for one in rows
    ]
    return {"connection": name, "hooks": shown, "flows": list(known(app, row).flows)}


def remove(app: App, name: str) -> dict[str, Any]:
    """Removes every hook of ours in Procore and here, and closes the door for IFS; what is on its way is not heard."""
    row = app.connection(name)
    settings = config_from(row.config).webhooks
    with app.db.begin() as conn:
        rows = hooks.of_connection(conn, row.id)
    base = next((_origin(one.url) for one in rows if one.url), settings.url or "nowhere")
    steps = Steps()
    fitting = Fitting(app, row, Wanted(base, settings.namespace, settings.payload_version), steps)
    with app.wiring.asking(row) as sides:
        opened = opener(sides.projects.system.client, settings)
        for project in sorted(fitting.scopes() | {""}):
            try:
                fitting.clear(opened(project), "as asked for")
            except NotSeen:
                if not project:
                    raise
                fitting.forget_scope(project, f"Project {project} cannot be seen any more: its hook is forgotten.")
    with app.db.begin() as conn:
        for one in rows:
            if one.source == "ifs":
                hooks.remove(conn, row.id, one.slug)
                steps.add("remove", "", "The door for IFS is closed.")
                audit.append(conn, row.id, [_entry(app, "webhook:remove:done", one.slug, {"source": "ifs"})])
        sources.drop_watermarks(conn, row.id, [STATE])
    return {"connection": name, "steps": steps.done, "notes": steps.notes}


def open_for_ifs(app: App, name: str, url: str = "", *, rotate: bool = False) -> dict[str, Any]:
    """An address for an event action of IFS, with the header it must send. The header is told this once.

    With one there already nothing changes, unless `rotate` asks for a new one; the old one is closed then.
    """
    row = app.connection(name)
    base = _base(app, row, config_from(row.config).webhooks, Asked(url))
    with app.db.begin() as conn:
        old = [one for one in hooks.of_connection(conn, row.id) if one.source == "ifs"]
        if old and not rotate:
            return {"connection": name, "url": old[0].url, "authorization": None, "made": False}
        slug, authorization = hooks.new_slug(), hooks.new_authorization()
        made = HookRow(
            connection_id=row.id,
            slug=slug,
            source="ifs",
            secret_hash=hooks.secret_hash(authorization),
            url=f"{base}{IFS_DOOR}/{name}/{slug}",
            synced_at=app.clock(),
        )
        hooks.put(conn, made)
        for one in old:
            hooks.remove(conn, row.id, one.slug)
        tag = "webhook:rotate:done" if old else "webhook:add:done"
        audit.append(conn, row.id, [_entry(app, tag, slug, {"source": "ifs", "url": made.url})])
    return {"connection": name, "url": made.url, "authorization": authorization, "made": True}


def known(app: App, row: ConnectionRow) -> Known:
    """What the last sync found out; nothing before the first."""
    with app.db.begin() as conn:
        text = sources.watermark(conn, row.id, STATE)
    return msgspec.json.decode(text, type=Known) if text else Known()


def opener(client: Client, settings: WebhooksPart) -> Callable[[str], Hooks]:
    """Opens the hooks of a connection in Procore, by project, the company's by the empty text.

    Which endpoints are there is asked once, with the first scope.
    """
    chosen: list[Api | None] = [None if settings.api == "auto" else Api(settings.api)]

    def opened(project: str) -> Hooks:
        found = open_hooks(client, settings.namespace, chosen[0], project)
        chosen[0] = chosen[0] or found.api
        return found

    return opened


def _base(app: App, row: ConnectionRow, settings: WebhooksPart, asked: Asked) -> str:
    """Where our door is: as asked for, as the file says, or as it was registered before."""
    if asked.url:
        return door_address(asked.url)
    if settings.url:
        return door_address(settings.url, "webhooks.url")
    with app.db.begin() as conn:
        found = next((one.url for one in hooks.of_connection(conn, row.id) if one.url), "")
    if not found:
        raise BadInput(
            f"Nobody has said where the other side reaches the door of connection {row.name}.",
            remedy="Give --url https://HOST once, or write url under [webhooks] in the connection file.",
        )
    return _origin(found)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _projects(app: App, row: ConnectionRow) -> list[str]:
    """Procore's ids of the linked projects."""
    with app.db.begin() as conn:
        return sorted({one.target_id for one in links.links_of(conn, row.id, "project", links.LINKED)})


def _plan(
    settings: WebhooksPart, company: Hooks, opened: Callable[[str], Hooks], projects: Collection[str], steps: Steps
) -> _Plan:
    """Which payload version, and which triggers at which scope."""
    plan = _Plan()
    for version in (settings.payload_version, *VERSIONS):
        plan.offered = offered_or_none(company, version)
        if plan.offered:
            plan.version = version
            break
    else:
        raise BadInput(
            "Procore offers no resource of any payload version we know.",
            remedy="Give the service account Standard on the Webhooks API, and see whether its tools are on.",
        )
    if plan.version != settings.payload_version:
        steps.notes.append(f"Payload {settings.payload_version} is not offered: {plan.version} is used instead.")
    _tell_newer(plan, company, steps)
    plan.company = hints.wanted(FLOWS, plan.offered)
    if settings.scope == "projects":
        if not projects:
            steps.notes.append("No project is linked yet: run a sync of the connection first.")
        else:
            inner = offered_or_none(opened(min(projects)), plan.version)
            plan.project = hints.wanted(FLOWS, inner)
            plan.company = {name: actions for name, actions in plan.company.items() if name not in plan.project}
    return plan


def _tell_newer(plan: _Plan, company: Hooks, steps: Steps) -> None:
    """Says when payload v4.0 tells of more flows than the one in use (facts/procore.md 18, row 3)."""
    if plan.version == "v4.0" or company.api is Api.V1:
        return
    newer = hints.told_of(hints.wanted(FLOWS, offered_or_none(company, "v4.0")))
    more = newer - hints.told_of(hints.wanted(FLOWS, plan.offered))
    if more:
        steps.notes.append(
            f"Payload v4.0 would tell of {', '.join(sorted(more))}, too: set webhooks.payload_version to v4.0."
        )


def _ways(told: Collection[str], version: str) -> list[dict[str, str]]:
    """How each flow hears of changes: webhook, polling, or both."""
    starting = hints.starting_in_procore()
    found = []
    for flow in FLOWS:
        if flow in told and flow in _OWN_PROCORE:
            by, why = "webhook", f"Procore tells of {', '.join(starting[flow])}."
        elif flow in told:
            by, why = "both", "Procore tells of what changes there; what changes in IFS is polled."
        elif flow in starting:
            by, why = "polling", f"Procore does not offer {', '.join(starting[flow])} with payload {version}."
        else:
            by, why = "polling", "It starts in IFS, which has no webhooks."
        found.append({"flow": flow, "by": by, "why": why})
    return found


def _keep(app: App, row: ConnectionRow, user: str, told: Collection[str], steps: Steps) -> None:
    before = known(app, row)
    fresh = steps.made or not before.since or bool(set(told) - set(before.flows))
    since = app.clock().isoformat() if fresh else before.since
    text = msgspec.json.encode(Known(user, tuple(sorted(told)), since)).decode()
    with app.db.begin() as conn:
        sources.move_watermarks(conn, row.id, {STATE: text})


def _entry(app: App, tag: str, slug: str, details: Mapping[str, Any]) -> audit.AuditEntry:
    return audit.AuditEntry(
        at=app.clock(), actor=app.actor, tag=tag, kind="webhook", erp_id=slug, details=bulk.json_text(details)
    )
