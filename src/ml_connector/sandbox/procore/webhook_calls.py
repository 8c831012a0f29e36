"""Webhook management of v1.0, deprecated there: hooks, triggers, deliveries, resources (facts/procore.md 13.1)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.errors import NO_SUCH_ID, TAKEN, Refused
from ml_connector.sandbox.procore.state import timestamp
from ml_connector.sandbox.procore.webhook_payloads import payload
from ml_connector.sandbox.procore.webhook_resources import ACTIONS, VERSIONS, find, offered, version_of
from ml_connector.sandbox.procore.webhooks import Delivery, Hook, Trigger

_PATH = "/rest/v1.0/webhooks"
_NAMESPACE = re.compile(r"[a-z0-9-]+")
_SHOWN = 5
MOST = 500
"""Most triggers in one bulk call."""
_OUTCOMES = {"delivered": "ok", "retrying": "retried", "discarded": "discarded", "enqueued": None}
_FILTERS = {"successful": ("ok",), "failing": ("retried", "failed"), "discarded": ("discarded",)}


def masked(text: str | None) -> dict[str, Any]:
    """The static header as answers show it: all but the last five characters hidden."""
    if text is None:
        return {}
    return {"Authorization": "*" * max(0, len(text) - _SHOWN) + text[-_SHOWN:]}


def scope(call: Call) -> int | None:
    """The project a call about hooks is for; None for the company's own."""
    return call.found_project.id if call.found_project is not None else None


def hook_of(call: Call, name: str = "hook_id") -> Hook:
    """The hook of a path id within the call's scope; 404 otherwise."""
    found = call.webhooks.hooks.get(call.ids[name])
    if found is None or found.project_id != scope(call):
        raise call.refuse(404, NO_SUCH_ID)
    return found


def write(call: Call, hook: Hook | None, row: dict[str, Any], version: str | None) -> Hook:
    """Makes a hook or writes over one; 400 for a bad namespace, address or payload version."""
    known = version_of(version) if version is not None else (hook.version if hook else None)
    if known is None:
        raise call.refuse(400, f"the payload version is one of {', '.join(VERSIONS)}", "payload_version")
    space = row.get("namespace") or (hook.namespace if hook else "procore")
    if not _NAMESPACE.fullmatch(space):
        raise call.refuse(400, "a namespace has small letters, digits and hyphens only", "namespace")
    url = row.get("destination_url") or (hook.url if hook else None)
    if url is None or not url.startswith(("http://", "https://")):
        raise call.refuse(400, "destination_url is not an address", "destination_url")
    if hook is None:
        hook = Hook(call.state.new_id(), {}, *call.state.birth())
        hook.project_id, hook.url = scope(call), url
        call.webhooks.hooks[hook.id] = hook
    elif url != hook.url:
        call.webhooks.move(hook, url)
    if row.get("destination_headers") is not None:
        hook.authorization = row["destination_headers"].get("Authorization")
    hook.namespace, hook.version, hook.updated_at = space, known, call.state.stamp()
    return hook


def add_trigger(call: Call, hook: Hook, row: dict[str, Any]) -> Trigger | str:
    """A new trigger of a hook, or the reason why there is none."""
    name, event = row.get("resource_name"), str(row.get("event_type")).lower()
    resource = find(call.switches, hook.project_id is not None, str(name))
    if resource is None:
        return "resource_name is not offered"
    if event not in ACTIONS or event not in resource.actions:
        return "event_type is not offered for the resource"
    if any(t.resource == name and t.event == event for t in hook.triggers.values()):
        return TAKEN
    made = Trigger(call.state.new_id(), {}, *call.state.birth(), resource=resource.name, event=event)
    hook.triggers[made.id] = made
    return made


def _hook(call: Call, hook: Hook) -> dict[str, Any]:
    return {
        "id": hook.id,
        "api_version": hook.version,
        "destination_headers": masked(hook.authorization),
        "destination_url": hook.url,
        "owned_by_company_id": None if hook.project_id else call.state.company_id,
        "owned_by_project_id": hook.project_id,
        "owned_by_user_id": None,
        "namespace": hook.namespace,
    }


def _trigger(call: Call, hook: Hook, trigger: Trigger) -> dict[str, Any]:
    return {
        "id": trigger.id,
        "webhook_hook_id": hook.id,
        "resource_name": trigger.resource,
        "resource_id": None,
        "event_type": trigger.event.upper(),
        "company_id": None if hook.project_id else call.state.company_id,
        "project_id": hook.project_id,
        "user_id": None,
    }


def _list(call: Call) -> Answer:
    hooks = [hook for hook in call.webhooks.hooks.values() if hook.project_id == scope(call)]
    space, version = call.request.param("namespace"), call.request.param("api_version")
    hooks = [h for h in hooks if space in (None, h.namespace) and version in (None, h.version, h.version[:2])]
    return Answer(200, [_hook(call, hook) for hook in hooks])


def _create(call: Call) -> Answer:
    row = call.part("hook")
    return Answer(201, _hook(call, write(call, None, row, row.get("api_version"))), changed=True)


def _update(call: Call) -> Answer:
    hook, row = hook_of(call, "id"), call.part("hook")
    return Answer(200, _hook(call, write(call, hook, row, row.get("api_version"))), changed=True)


def _delete(call: Call) -> Answer:
    call.webhooks.remove(hook_of(call, "id"))
    return Answer(200, changed=True)


def _triggers(call: Call) -> Answer:
    hook = hook_of(call)
    return Answer(200, [_trigger(call, hook, t) for t in hook.triggers.values()])


def _create_trigger(call: Call) -> Answer:
    hook = hook_of(call)
    made = add_trigger(call, hook, call.part("trigger"))
    if isinstance(made, str):
        raise call.refuse(400, made, "trigger")
    return Answer(201, _trigger(call, hook, made), changed=True)


def _delete_trigger(call: Call) -> Answer:
    hook = hook_of(call)
    if hook.triggers.pop(call.ids["id"], None) is None:
        raise call.refuse(404, NO_SUCH_ID)
    return Answer(200, changed=True)


def _bulk(call: Call) -> Answer:
    hook, rows = hook_of(call), call.body.get("triggers") or []
    if len(rows) > MOST:
        raise Refused(413, {"errors": f"at most {MOST} triggers in one call"})
    done, failed = [], []
    for row in rows:
        made = add_trigger(call, hook, row)
        if isinstance(made, str):
            named = {"resource_name": row.get("resource_name")}
            failed.append({"code": "invalid", "message": made, "trigger": named, "errors": {"event_type": made}})
        else:
            done.append(_trigger(call, hook, made))
    if failed:
        return Answer(207, {"success": done, "failed": failed}, changed=bool(done))
    return Answer(200, {"success": done}, changed=True)


def _bulk_delete(call: Call) -> Answer:
    hook, ids = hook_of(call), call.body.get("triggers") or []
    if len(ids) > MOST:
        raise Refused(413, {"errors": f"at most {MOST} triggers in one call"})
    done = [i for i in ids if hook.triggers.pop(i, None) is not None]
    failed = [{"code": "not_found", "trigger": i} for i in ids if i not in done]
    if failed:
        return Answer(207, {"success": done, "failed": failed}, changed=bool(done))
    return Answer(200, {"success": done}, changed=True)


def _deliveries(call: Call) -> Answer:
    hook, start = hook_of(call), call.request.param("page_start")
    size = int(call.request.param("page_size") or 100)
    wanted = _FILTERS.get(call.request.param("filters[status]") or call.request.param("filter[status]") or "any")
    rows = [d for d in hook.deliveries if d.attempts or d.status == "discarded"]
    rows = [d for d in rows if wanted is None or _OUTCOMES[d.status] in wanted]
    rows = [d for d in rows if start is None or d.event.id > int(start)]
    return Answer(200, [_delivery(d) for d in rows[:size]])


def _delivery(delivery: Delivery) -> dict[str, Any]:
    last = delivery.attempts[-1] if delivery.attempts else None
    ended = last.completed_at if last else None
    return {
        "event": payload(delivery.event, "v2.0"),
        "event_id": delivery.event.id,
        "outcome": _OUTCOMES[delivery.status],
        "response_body": last.body if last else None,
        "response_error": last.error if last else None,
        "started_at": timestamp(last.started_at) if last else None,
        "completed_at": timestamp(ended) if ended else None,
        "response_status": last.status if last else None,
        "response_headers": last.headers if last else None,
    }


def _resources(call: Call) -> Answer:
    shown = []
    for resource in offered(call.switches, scope(call) is not None):
        events = {name: f"{resource.name} {name}" if name in resource.actions else None for name in ACTIONS}
        missing = [name for name in ACTIONS if name not in resource.actions]
        named: dict[str, Any] = {"api_version": "v2.0", "product_category": resource.category, "tools": resource.name}
        shown.append(named | {"except": missing} | events)
    return Answer(200, shown)


def _versions(call: Call) -> Answer:
    return Answer(200, list(VERSIONS))


_HOOK = f"{_PATH}/hooks/{{hook_id}}"

ROUTES: tuple[Route, ...] = tuple(
    replace(route, level="standard")
    for route in routes(
        "webhooks",
        ("GET", f"{_PATH}/hooks", _list),
        ("POST", f"{_PATH}/hooks", _create),
        ("PATCH", f"{_PATH}/hooks/{{id}}", _update),
        ("DELETE", f"{_PATH}/hooks/{{id}}", _delete, "what waits for it is discarded"),
        ("GET", f"{_HOOK}/triggers", _triggers),
        ("POST", f"{_HOOK}/triggers", _create_trigger),
        ("POST", f"{_HOOK}/triggers/bulk", _bulk),
        ("DELETE", f"{_HOOK}/triggers/bulk", _bulk_delete),
        ("DELETE", f"{_HOOK}/triggers/{{id}}", _delete_trigger),
        ("GET", f"{_HOOK}/deliveries", _deliveries, "one row a delivery, with its last attempt"),
        ("GET", f"{_PATH}/resources", _resources, "the resources of facts/procore.md 13.4 only"),
        ("GET", f"{_PATH}/resources/api_versions", _versions),
    )
)
