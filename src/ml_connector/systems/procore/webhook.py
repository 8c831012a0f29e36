"""Webhooks of one company or project: hooks, their triggers, what is offered, and what became of deliveries.

Reference: v2.0 .../webhooks/hooks, triggers, deliveries, resources (facts/procore.md 13.1). v1.0 is deprecated there
and stands in webhook_v1.py; `open_hooks` there says which of the two is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import Enum
from typing import Protocol

import msgspec

from ml_connector.systems.procore.answers import COMPANY, WEBHOOKS
from ml_connector.systems.procore.client import Client

MOST = 500
"""Triggers in one bulk call (facts/procore.md 13.1)."""
VERSIONS = ("v3.0", "v4.0", "v2.0")
"""Payload versions in the order in which we like them; see docs/webhooks.md."""
_PAGE = 100


class Api(Enum):
    """Which endpoints hooks are managed by."""

    V2 = "v2.0"
    """Those of now."""
    V1 = "v1.0"
    """Deprecated."""


class Hook(msgspec.Struct, frozen=True):
    """One hook as Procore shows it. `shown` is the end of its Authorization header: the rest is never shown."""

    id: str
    url: str
    version: str
    namespace: str
    active: bool = True
    shown: str | None = ""
    """Empty when all of it is masked, None when there is no such header."""


class Wish(msgspec.Struct, frozen=True):
    """What a hook is to be. `authorization` is the whole header, sent once; None leaves the one that is there."""

    url: str
    version: str
    namespace: str
    authorization: str | None = None


class Trigger(msgspec.Struct, frozen=True):
    """What a hook is called for: `action` is create, update or delete."""

    resource: str
    action: str
    id: str = ""


class Fate(Enum):
    """What became of a delivery."""

    DELIVERED = "delivered"
    """The receiver answered well."""
    LOST = "lost"
    """Failed or discarded: it is not sent again."""
    UNDER_WAY = "under way"
    """It is sent, or sent again, by itself."""


class Delivery(msgspec.Struct, frozen=True):
    """One event on its way to a hook. `body` is the payload as Procore shows it, in its v2.0 form."""

    fate: Fate
    body: bytes
    status: int | None = None
    """The receiver's last answer, if there was one."""


class Hooks(Protocol):
    """What both versions of the endpoints offer; the scope (company or one project) is set when it is opened."""

    api: Api
    project: str
    """Procore's id of the project; empty for the company."""

    def hooks(self) -> list[Hook]:
        """Hooks of our namespace in this scope, whoever made them."""
        ...

    def create(self, wish: Wish) -> Hook:
        """Makes a hook. Never sent twice: OutcomeUnknown when no answer came, and `hooks` then tells."""
        ...

    def change(self, hook: str, wish: Wish) -> Hook:
        """Makes a hook what is wished, and active."""
        ...

    def delete(self, hook: str) -> None:
        """Deletes a hook; one that is gone already counts as deleted."""
        ...

    def triggers(self, hook: str) -> list[Trigger]:
        """Triggers of a hook."""
        ...

    def add(self, hook: str, version: str, triggers: Sequence[Trigger]) -> list[Trigger]:
        """Adds triggers and answers those that were taken; the others are not offered."""
        ...

    def drop(self, hook: str, triggers: Sequence[Trigger]) -> None:
        """Removes triggers; those that are gone already count as removed."""
        ...

    def offered(self, version: str) -> dict[str, frozenset[str]]:
        """Resource to the actions that are offered for that payload version; empty when there is no such version."""
        ...

    def deliveries(self, hook: str, since: date, *, every: bool) -> list[Delivery]:
        """What was and is to be sent to a hook from a day on: the lost ones, or with `every` all of them."""
        ...


class Headers(msgspec.Struct, omit_defaults=True):
    """What Procore sends with each event besides the event."""

    authorization: str | None = msgspec.field(name="Authorization", default=None)


class HookRow(msgspec.Struct):
    """A hook of v2.0."""

    id: str | int
    status: str | None = None
    payload_version: str | None = None
    namespace: str | None = None
    destination_url: str | None = None
    destination_headers: Headers | None = None


class _HookBody(msgspec.Struct, omit_defaults=True):
    payload_version: str
    namespace: str
    destination_url: str
    destination_headers: Headers | None = None
    status: str | None = None


class _TriggerRow(msgspec.Struct):
    """A trigger; a refused one of a bulk call (207) has no id."""

    id: str | int | None = None
    resource_name: str | None = None
    event_type: str | None = None


class TriggerBody(msgspec.Struct):
    """A trigger as writes want it."""

    resource_name: str
    event_type: str


class _ResourceRow(msgspec.Struct):
    name: str | None = None
    actions: list[str] | None = None


class _Me(msgspec.Struct):
    id: int


class _Attempt(msgspec.Struct):
    response_status: int | None = None
    started_at: str | None = None


class _DeliveryRow(msgspec.Struct):
    payload: msgspec.Raw
    status: str | None = None
    delivery_attempts: list[_Attempt] | None = None


_hooks = msgspec.json.Decoder(list[HookRow])
_hook = msgspec.json.Decoder(HookRow)
_triggers = msgspec.json.Decoder(list[_TriggerRow])
_resources = msgspec.json.Decoder(list[_ResourceRow])
_deliveries = msgspec.json.Decoder(list[_DeliveryRow])
_me = msgspec.json.Decoder(_Me)
_anything = msgspec.json.Decoder(msgspec.Raw)
_FATES = {
    "delivered": Fate.DELIVERED,
    "succeeded": Fate.DELIVERED,
    "failed": Fate.LOST,
    "discarded": Fate.LOST,
}
_ACTIONS = {"created": "create", "updated": "update", "deleted": "delete"}


class HooksV2:
    """Hooks by the v2.0 endpoints: flat bodies, ids as text."""

    api = Api.V2

    def __init__(self, client: Client, namespace: str, project: str = "") -> None:
        self.project = project
        self._client = client
        self._namespace = namespace
        inner = f"projects/{project}/" if project else ""
        self._base = f"/rest/v2.0/companies/{client.company}/{inner}webhooks"

    def hooks(self) -> list[Hook]:
        """See `Hooks`."""
        rows = self._client.pages(f"{self._base}/hooks", [("namespace", self._namespace)], _hooks, WEBHOOKS, cap=_PAGE)
        return [hook for hook in map(_hook_of, rows) if hook.namespace == self._namespace]

    def create(self, wish: Wish) -> Hook:
        """See `Hooks`."""
        body = _HookBody(wish.version, wish.namespace, wish.url, Headers(wish.authorization))
        return _hook_of(self._client.write("POST", f"{self._base}/hooks", body, _hook, WEBHOOKS))

    def change(self, hook: str, wish: Wish) -> Hook:
        """See `Hooks`."""
        headers = None if wish.authorization is None else Headers(wish.authorization)
        body = _HookBody(wish.version, wish.namespace, wish.url, headers, "active")
        return _hook_of(self._client.upsert(f"{self._base}/hooks/{hook}", body, _hook, WEBHOOKS))

    def delete(self, hook: str) -> None:
        """See `Hooks`."""
        self._client.remove(f"{self._base}/hooks/{hook}", WEBHOOKS)

    def triggers(self, hook: str) -> list[Trigger]:
        """See `Hooks`."""
        rows = self._client.pages(f"{self._base}/hooks/{hook}/triggers", (), _triggers, WEBHOOKS, cap=_PAGE)
        return triggers_of((row.id, row.resource_name, row.event_type) for row in rows)

    def add(self, hook: str, version: str, triggers: Sequence[Trigger]) -> list[Trigger]:
        """See `Hooks`."""
        path = f"{self._base}/hooks/{hook}/triggers/bulk"
        found: list[Trigger] = []
        for some in by_the_most(triggers):
            body = [TriggerBody(one.resource, one.action) for one in some]
            rows = self._client.write("POST", path, body, _triggers, WEBHOOKS)
            found += triggers_of((row.id, row.resource_name, row.event_type) for row in rows)
        return found

    def drop(self, hook: str, triggers: Sequence[Trigger]) -> None:
        """See `Hooks`."""
        path = f"{self._base}/hooks/{hook}/triggers/bulk"
        for some in by_the_most(triggers):
            self._client.write("DELETE", path, [one.id for one in some], _anything, WEBHOOKS)

    def offered(self, version: str) -> dict[str, frozenset[str]]:
        """See `Hooks`."""
        path = f"{self._base}/resources"
        rows = self._client.pages(path, [("payload_version", version)], _resources, WEBHOOKS, cap=_PAGE)
        return {row.name: frozenset(row.actions or ()) for row in rows if row.name}

    def deliveries(self, hook: str, since: date, *, every: bool) -> list[Delivery]:
        """See `Hooks`."""
        path = f"{self._base}/hooks/{hook}/deliveries"
        found: list[Delivery] = []
        for status in (None,) if every else ("failed", "discarded"):
            query: list[tuple[str, str]] = [("filter[start]", since.isoformat())]
            if status:
                query.append(("filter[status]", status))
            for row in self._client.pages(path, query, _deliveries, WEBHOOKS, cap=_PAGE):
                attempts = sorted(row.delivery_attempts or (), key=lambda one: one.started_at or "")
                fate = _FATES.get(row.status or "", Fate.UNDER_WAY)
                found.append(Delivery(fate, bytes(row.payload), attempts[-1].response_status if attempts else None))
        return found


def by_the_most(triggers: Sequence[Trigger]) -> Iterator[Sequence[Trigger]]:
    """As many triggers at a time as one bulk call takes."""
    for start in range(0, len(triggers), MOST):
        yield triggers[start : start + MOST]


def version_of(text: str | None) -> str:
    """A payload version in one spelling: v2 and v2.0 are the same (facts/procore.md 18, row 5)."""
    return f"{text}.0" if text and "." not in text else text or ""


def end_shown(headers: Headers | None) -> str | None:
    """The visible end of a masked Authorization header, its last five characters; see `Hook.shown`."""
    text = headers.authorization if headers else None
    return text.rpartition("*")[2] if text else None


def user_of(client: Client) -> str:
    """Procore's id of the user we sign in as (facts/procore.md 5)."""
    return str(client.get(f"/rest/v1.0/companies/{client.company}/me", (), _me, COMPANY).id)


def triggers_of(rows: Iterable[tuple[str | int | None, str | None, str | None]]) -> list[Trigger]:
    """Triggers from (id, resource, event) as answers show them: events in capitals, CREATE or CREATED."""
    return [
        Trigger(name, _ACTIONS.get((event or "").lower(), (event or "").lower()), str(number))
        for number, name, event in rows
        if number is not None and name
    ]


def _hook_of(row: HookRow) -> Hook:
    return Hook(
        id=str(row.id),
        url=row.destination_url or "",
        version=version_of(row.payload_version),
        namespace=row.namespace or "",
        active=row.status != "disabled",
        shown=end_shown(row.destination_headers),
    )
