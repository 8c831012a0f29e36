"""Webhooks by the v1.0 endpoints, which are deprecated, and the choice between them and those of v2.0.

Reference: /rest/v1.0/webhooks/hooks, triggers, deliveries, resources: company or project in the query of reads and
deletes, in the body of writes (facts/procore.md 13.1). A v1.0 hook cannot be switched off or on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from ml_connector.kernel.errors import ConnectorError, NameMissing, Refused
from ml_connector.systems.procore import project as job_sites
from ml_connector.systems.procore.answers import WEBHOOKS, NotSeen
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.effects import number_of
from ml_connector.systems.procore.webhook import (
    Api,
    Delivery,
    Fate,
    Headers,
    Hook,
    Hooks,
    HooksV2,
    Trigger,
    TriggerBody,
    Wish,
    by_the_most,
    end_shown,
    triggers_of,
    version_of,
)

_PATH = "/rest/v1.0/webhooks"
_PAGE = 100
_OF_COMPANY = ("Company Vendors", "Projects")
"""Resources of a company (facts/procore.md 13.4)."""
_LOST = {"failed": Fate.LOST, "discarded": Fate.LOST, "ok": Fate.DELIVERED}


class _HookRow(msgspec.Struct):
    id: int
    api_version: str | None = None
    namespace: str | None = None
    destination_url: str | None = None
    destination_headers: Headers | None = None


class _Inner(msgspec.Struct, omit_defaults=True):
    api_version: str
    namespace: str
    destination_url: str
    destination_headers: Headers | None = None


class _HookBody(msgspec.Struct, omit_defaults=True):
    hook: _Inner
    company_id: int | None = None
    project_id: int | None = None


class _TriggerRow(msgspec.Struct):
    id: int
    resource_name: str | None = None
    event_type: str | None = None


class _Made(msgspec.Struct):
    success: list[_TriggerRow] | None = None


class _TriggersBody(msgspec.Struct, omit_defaults=True):
    triggers: list[TriggerBody] | list[int]
    api_version: str | None = None
    company_id: int | None = None
    project_id: int | None = None


class _ResourceRow(msgspec.Struct, rename={"without": "except"}):
    tools: str | None = None
    without: list[str] | None = None
    create: str | None = None
    update: str | None = None
    delete: str | None = None


class _Event(msgspec.Struct):
    timestamp: str | None = None


class _DeliveryRow(msgspec.Struct):
    event: msgspec.Raw
    event_id: int | None = None
    outcome: str | None = None
    response_status: int | None = None


_hooks = msgspec.json.Decoder(list[_HookRow])
_hook = msgspec.json.Decoder(_HookRow)
_triggers = msgspec.json.Decoder(list[_TriggerRow])
_made = msgspec.json.Decoder(_Made)
_resources = msgspec.json.Decoder(list[_ResourceRow])
_deliveries = msgspec.json.Decoder(list[_DeliveryRow])
_event = msgspec.json.Decoder(_Event)
_anything = msgspec.json.Decoder(msgspec.Raw)


class HooksV1:
    """Hooks by the v1.0 endpoints: wrapped bodies, ids as numbers."""

    api = Api.V1

    def __init__(self, client: Client, namespace: str, project: str = "") -> None:
        self.project = project
        self._client = client
        self._namespace = namespace
        name, number = ("project_id", project) if project else ("company_id", client.company)
        self._query = [(name, number)]
        self._where = f"?{name}={number}"
        self._company_id = None if project else number_of(client.company)
        self._project_id = number_of(project) if project else None

    def hooks(self) -> list[Hook]:
        """See `Hooks`."""
        query = [*self._query, ("namespace", self._namespace)]
        rows = self._client.get(f"{_PATH}/hooks", query, _hooks, WEBHOOKS)
        return [hook for hook in map(_hook_of, rows) if hook.namespace == self._namespace]

    def create(self, wish: Wish) -> Hook:
        """See `Hooks`."""
        return _hook_of(self._client.write("POST", f"{_PATH}/hooks", self._body(wish), _hook, WEBHOOKS))

    def change(self, hook: str, wish: Wish) -> Hook:
        """See `Hooks`."""
        return _hook_of(self._client.upsert(f"{_PATH}/hooks/{hook}", self._body(wish), _hook, WEBHOOKS))

    def delete(self, hook: str) -> None:
        """See `Hooks`."""
        self._client.remove(f"{_PATH}/hooks/{hook}{self._where}", WEBHOOKS)

    def triggers(self, hook: str) -> list[Trigger]:
        """See `Hooks`."""
        rows = self._client.get(f"{_PATH}/hooks/{hook}/triggers", self._query, _triggers, WEBHOOKS)
        return triggers_of((row.id, row.resource_name, row.event_type) for row in rows)

    def add(self, hook: str, version: str, triggers: Sequence[Trigger]) -> list[Trigger]:
        """See `Hooks`."""
        path = f"{_PATH}/hooks/{hook}/triggers/bulk"
        found: list[Trigger] = []
        for some in by_the_most(triggers):
            rows = [TriggerBody(one.resource, one.action) for one in some]
            body = _TriggersBody(rows, version, self._company_id, self._project_id)
            made = self._client.write("POST", path, body, _made, WEBHOOKS).success or ()
            found += triggers_of((row.id, row.resource_name, row.event_type) for row in made)
        return found

    def drop(self, hook: str, triggers: Sequence[Trigger]) -> None:
        """See `Hooks`."""
        path = f"{_PATH}/hooks/{hook}/triggers/bulk"
        for some in by_the_most(triggers):
            ids = [number_of(one.id) for one in some]
            body = _TriggersBody(ids, None, self._company_id, self._project_id)
            self._client.write("DELETE", path, body, _anything, WEBHOOKS)

    def offered(self, version: str) -> dict[str, frozenset[str]]:
        """See `Hooks`. This list is the same whatever the version, and there is one for projects only: a company is
        answered with that of its first project and with what we know its own resources to be."""
        known = {} if self.project else dict.fromkeys(_OF_COMPANY, frozenset(("create", "update")))
        project = self.project or next((one.id for one in job_sites.read(self._client)), "")
        if not project:
            return known
        rows = self._client.get(f"{_PATH}/resources", [("project_id", project)], _resources, WEBHOOKS)
        return known | {row.tools: _actions(row) for row in rows if row.tools}

    def deliveries(self, hook: str, since: date, *, every: bool) -> list[Delivery]:
        """See `Hooks`. Pages go by the last event's number, and a day cannot be asked for."""
        path, found = f"{_PATH}/hooks/{hook}/deliveries", list[Delivery]()
        for status in ("any",) if every else ("failing", "discarded"):
            start: int | None = None
            while True:
                query = [*self._query, ("filters[status]", status), ("page_size", str(_PAGE))]
                query += [("page_start", str(start))] if start is not None else []
                rows = self._client.get(path, query, _deliveries, WEBHOOKS)
                found += [_delivery_of(row) for row in rows if _day(row) >= since.isoformat()]
                last = rows[-1].event_id if rows else None
                if len(rows) < _PAGE or last is None or last == start:
                    break
                start = last
        return found if every else [one for one in found if one.fate is Fate.LOST]

    def _body(self, wish: Wish) -> _HookBody:
        headers = None if wish.authorization is None else Headers(wish.authorization)
        inner = _Inner(wish.version, wish.namespace, wish.url, headers)
        return _HookBody(inner, self._company_id, self._project_id)


def open_hooks(client: Client, namespace: str, api: Api | None = None, project: str = "") -> Hooks:
    """Hooks of the company, or of a project, by the named endpoints; without a name v2.0 where it answers, else v1.0.

    Raises what v2.0 answered when v1.0 does not answer either: it is then no question of the version.
    """
    if api is not None:
        return HooksV1(client, namespace, project) if api is Api.V1 else HooksV2(client, namespace, project)
    newer = HooksV2(client, namespace, project)
    try:
        newer.hooks()
    except (NameMissing, NotSeen) as error:
        older = HooksV1(client, namespace, project)
        try:
            older.hooks()
        except ConnectorError:
            raise error from None
        return older
    return newer


def offered_or_none(hooks: Hooks, version: str) -> dict[str, frozenset[str]]:
    """What is offered for a payload version; nothing where that version is refused."""
    try:
        return hooks.offered(version)
    except Refused:
        return {}


def _hook_of(row: _HookRow) -> Hook:
    return Hook(
        id=str(row.id),
        url=row.destination_url or "",
        version=version_of(row.api_version),
        namespace=row.namespace or "",
        shown=end_shown(row.destination_headers),
    )


def _actions(row: _ResourceRow) -> frozenset[str]:
    named = {"create": row.create, "update": row.update, "delete": row.delete}
    return frozenset(action for action, text in named.items() if text and action not in (row.without or ()))


def _delivery_of(row: _DeliveryRow) -> Delivery:
    return Delivery(_LOST.get(row.outcome or "", Fate.UNDER_WAY), bytes(row.event), row.response_status)


def _day(row: _DeliveryRow) -> str:
    """The day of an event; one that does not say it counts as of today and later."""
    try:
        text = _event.decode(row.event).timestamp or ""
        return datetime.fromisoformat(text).date().isoformat()
    except (msgspec.DecodeError, ValueError):
        return "9999-12-31"
