"""Webhook management of v2.0, at company and project level: flat bodies, string ids (facts/procore.md 13.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ml_connector.sandbox.procore.call import Answer, Call, Route, routes
from ml_connector.sandbox.procore.errors import NO_SUCH_ID
from ml_connector.sandbox.procore.paging import date_range, paged
from ml_connector.sandbox.procore.state import timestamp
from ml_connector.sandbox.procore.webhook_calls import MOST, add_trigger, hook_of, masked, scope, write
from ml_connector.sandbox.procore.webhook_payloads import payload
from ml_connector.sandbox.procore.webhook_resources import offered, version_of
from ml_connector.sandbox.procore.webhooks import Attempt, Delivery, Hook, Trigger

_COMPANY = "/rest/v2.0/companies/{company_id}/webhooks"
_PROJECT = "/rest/v2.0/companies/{company_id}/projects/{project_id}/webhooks"
_EVENTS = {"create": "CREATED", "update": "UPDATED", "delete": "DELETED"}


def _ids(call: Call, hook: Hook) -> dict[str, Any]:
    if hook.project_id is not None:
        return {"company_id": None, "project_id": str(hook.project_id)}
    return {"company_id": str(call.state.company_id), "project_id": None}


def _hook(call: Call, hook: Hook) -> dict[str, Any]:
    return {
        "id": str(hook.id),
        "status": "active" if hook.active else "disabled",
        "payload_version": hook.version,
        "namespace": hook.namespace,
        "destination_headers": masked(hook.authorization),
        "destination_url": hook.url,
        "trigger_count": len(hook.triggers),
        **_ids(call, hook),
        "created_at": hook.created_at,
        "updated_at": hook.updated_at,
        "hook_type": "classic",
    }


def _list(call: Call) -> Answer:
    hooks = [h for h in call.webhooks.hooks.values() if h.project_id == scope(call)]
    space, version = call.request.param("namespace"), call.request.param("payload_version")
    hooks = [h for h in hooks if h.namespace == space and version in (None, h.version)]
    page, headers = paged(call, hooks)
    return Answer(200, {"data": [_hook(call, hook) for hook in page]}, headers)


def _show(call: Call) -> Answer:
    return Answer(200, {"data": _hook(call, hook_of(call, "id"))})


def _create(call: Call) -> Answer:
    hook = write(call, None, call.body, call.body["payload_version"])
    return Answer(201, {"data": _hook(call, hook)}, changed=True)


def _update(call: Call) -> Answer:
    hook = hook_of(call, "id")
    write(call, hook, call.body, call.body.get("payload_version"))
    if call.body.get("status") is not None:
        call.webhooks.set_active(hook, active=call.body["status"] == "active")
    return Answer(200, {"data": _hook(call, hook)}, changed=True)


def _delete(call: Call) -> Answer:
    call.webhooks.remove(hook_of(call, "id"))
    return Answer(204, changed=True)


def _trigger(call: Call, hook: Hook, trigger: Trigger) -> dict[str, Any]:
    named = {"id": str(trigger.id), "webhook_hook_id": str(hook.id), "resource_name": trigger.resource}
    return named | {"event_type": _EVENTS[trigger.event]} | _ids(call, hook)


def _triggers(call: Call) -> Answer:
    hook = hook_of(call)
    page, headers = paged(call, list(hook.triggers.values()))
    return Answer(200, {"data": [_trigger(call, hook, t) for t in page]}, headers)


def _create_trigger(call: Call) -> Answer:
    hook = hook_of(call)
    made = add_trigger(call, hook, call.body)
    if isinstance(made, str):
        raise call.refuse(400, made, "resource_name")
    return Answer(201, {"data": _trigger(call, hook, made)}, changed=True)


def _bulk(call: Call) -> Answer:
    hook, rows = hook_of(call), call.items
    if len(rows) > MOST:
        raise call.refuse(400, f"at most {MOST} triggers in one call")
    done: list[dict[str, Any]] = []
    failed = 0
    for row in rows:
        made = add_trigger(call, hook, row)
        if isinstance(made, str):
            failed += 1
            done.append({"resource_name": row.get("resource_name"), "errors": [made]})
        else:
            done.append(_trigger(call, hook, made))
    return Answer(207 if failed else 201, {"data": done}, changed=failed < len(rows))


def _bulk_delete(call: Call) -> Answer:
    hook = hook_of(call)
    done: list[str] = []
    failed: list[str] = []
    for text in call.items:
        known = hook.triggers.pop(int(text), None) if str(text).isdigit() else None
        (failed if known is None else done).append(text)
    if failed:
        return Answer(207, {"data": {"succeeded": done, "failed": failed}}, changed=bool(done))
    return Answer(200, {"data": {"succeeded": done}}, changed=True)


def _delete_trigger(call: Call) -> Answer:
    if hook_of(call).triggers.pop(call.ids["id"], None) is None:
        raise call.refuse(404, NO_SUCH_ID)
    return Answer(204, changed=True)


def _deliveries(call: Call) -> Answer:
    hook = hook_of(call)
    rows = list(hook.deliveries)
    status = call.request.param("filter[status]")
    if status is not None:
        # The filter says succeeded for what reads show as delivered (facts/procore.md 13.1).
        wanted = "delivered" if status == "succeeded" else status
        rows = [d for d in rows if d.status == wanted]
    for name in ("resource_name", "event_type"):
        text = call.request.param(f"filter[{name}]")
        if text is not None:
            rows = [d for d in rows if text.lower() == _named(d, name)]
    start, end = call.request.param("filter[start]"), call.request.param("filter[end]")
    if start or end:
        low, high = date_range(call, f"{start or '0001-01-01'}...{end or '9999-12-31'}")
        rows = [d for d in rows if low <= timestamp(d.queued_at) <= high]
    if (call.request.param("sort") or "-").startswith("-"):
        rows.reverse()
    page, headers = paged(call, rows)
    return Answer(200, {"data": [_delivery(delivery) for delivery in page]}, headers)


def _named(delivery: Delivery, name: str) -> str:
    change = delivery.event.change
    return (change.resource if name == "resource_name" else change.event).lower()


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": str(delivery.id),
        "status": delivery.status,
        "payload": payload(delivery.event, "v2.0"),
        "delivery_attempts": [_attempt(attempt) for attempt in delivery.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": str(attempt.id),
        "success": attempt.success,
        "response_status": attempt.status,
        "response_body": attempt.body if attempt.body is not None else attempt.error,
        "response_headers": attempt.headers,
        "started_at": timestamp(attempt.started_at),
        "completed_at": timestamp(attempt.completed_at) if attempt.completed_at else None,
    }


def _resources(call: Call) -> Answer:
    version = version_of(call.request.param("payload_version") or "")
    if version is None:
        raise call.refuse(400, "the payload version does not exist", "payload_version")
    shown = []
    for found in offered(call.switches, scope(call) is not None):
        named = {"category": found.category, "tool": found.tool, "name": found.name}
        shown.append(named | {"payload_version": version, "actions": list(found.actions)})
    page, headers = paged(call, shown)
    return Answer(200, {"data": list(page)}, headers)


def _level(base: str) -> tuple[Route, ...]:
    hook = f"{base}/hooks/{{hook_id}}"
    made = routes(
        "webhooks",
        ("GET", f"{base}/hooks", _list),
        ("POST", f"{base}/hooks", _create),
        ("GET", f"{base}/hooks/{{id}}", _show),
        ("PATCH", f"{base}/hooks/{{id}}", _update, "a new address discards what waits for the old one"),
        ("DELETE", f"{base}/hooks/{{id}}", _delete, "what waits for it is discarded"),
        ("GET", f"{hook}/triggers", _triggers),
        ("POST", f"{hook}/triggers", _create_trigger),
        ("POST", f"{hook}/triggers/bulk", _bulk),
        ("DELETE", f"{hook}/triggers/bulk", _bulk_delete),
        ("DELETE", f"{hook}/triggers/{{id}}", _delete_trigger),
        ("GET", f"{hook}/deliveries", _deliveries, "the payload is shown in its v2.0 form"),
        ("GET", f"{base}/resources", _resources, "the resources of facts/procore.md 13.4 only; all versions the same"),
        page=10,
        cap=100,
    )
    return tuple(replace(route, level="standard") for route in made)


ROUTES: tuple[Route, ...] = (*_level(_COMPANY), *_level(_PROJECT))
