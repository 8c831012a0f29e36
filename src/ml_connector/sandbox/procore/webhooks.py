"""The webhook dispatcher: hooks, triggers, and a queue an endpoint with pause, back-off and discard; no sockets here.

Whoever runs the simulation asks `due(now)` what to send, sends it, and tells `settle` how it went (facts/procore.md
13.3). All times are the sandbox clock's, so moving it moves pauses and the discard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from ml_connector.sandbox.faults import FaultKind, Faults
from ml_connector.sandbox.procore.state import Change, Record, State
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.procore.webhook_payloads import Cause, Event, payload, ulid

LONGEST_PAUSE = timedelta(hours=1)
DISCARD_AFTER = timedelta(hours=12)
HELD_BACK = timedelta(seconds=2)
"""How long a late event waits for one to pass it, when the fault does not say."""
_KEPT = 5000
_ENCODER = msgspec.json.Encoder()


@dataclass(slots=True)
class Trigger(Record):
    """What a hook is called for: a resource name and create, update or delete."""

    resource: str = ""
    event: str = ""


@dataclass(slots=True)
class Hook(Record):
    """Where events go. `project_id` None: a hook of the company. `version`: v2.0, v3.0 or v4.0."""

    project_id: int | None = None
    url: str = ""
    authorization: str | None = None
    namespace: str = "procore"
    version: str = "v2.0"
    active: bool = True
    triggers: dict[int, Trigger] = field(default_factory=dict)
    deliveries: deque[Delivery] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """What was and is to be sent, oldest first."""

    def wants(self, change: Change) -> bool:
        """Whether a trigger of an active hook is about that change."""
        if not self.active or self.project_id not in (None, change.project_id):
            return False
        return any(t.resource == change.resource and t.event == change.event for t in self.triggers.values())


@dataclass(slots=True)
class Attempt:
    """One sending: `status` None means no answer within the time, or no connection at all; `error` says which."""

    id: int
    started_at: datetime
    completed_at: datetime | None = None
    status: int | None = None
    body: str | None = None
    headers: dict[str, str] | None = None
    error: str | None = None

    @property
    def success(self) -> bool:
        """Any 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(slots=True, eq=False)
class Delivery:
    """One event on its way to one hook. `status`: enqueued, retrying, delivered or discarded.

    With `held_until` it is late: what was queued after it goes first, and it is sent then, or at that moment alone.
    """

    id: int
    hook: Hook
    event: Event
    body: bytes
    queued_at: datetime
    held_until: datetime | None = None
    status: str = "enqueued"
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where to POST `body`."""
        return self.hook.url

    @property
    def headers(self) -> dict[str, str]:
        """The headers to send with it: JSON, and the static Authorization of the hook."""
        known = {"content-type": "application/json; charset=utf-8", "user-agent": "procore-webhooks"}
        return known if self.hook.authorization is None else known | {"authorization": self.hook.authorization}


@dataclass(frozen=True, slots=True)
class Heard:
    """How a sending went: the receiver's status with its body and headers, or None and why."""

    status: int | None
    body: str | None = None
    headers: Mapping[str, str] | None = None
    error: str | None = None


@dataclass(slots=True)
class _Endpoint:
    """The queue of one address: a failure pauses all of it."""

    queue: deque[Delivery] = field(default_factory=deque)
    in_flight: Delivery | None = None
    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None

    def next(self, now: datetime) -> Delivery | None:
        """What to send: the first that is not late, else the first late one that has waited long enough."""
        late = None
        for delivery in self.queue:
            if delivery.held_until is None:
                return delivery
            if late is None and delivery.held_until <= now:
                late = delivery
        return late

    def take_out(self, delivered: Delivery) -> None:
        """Ends a delivery; late ones that it has passed wait no longer."""
        for waiting in self.queue:
            if waiting.event.id >= delivered.event.id:
                break
            waiting.held_until = None
        self.queue.remove(delivered)

    def recover(self) -> None:
        """A success, or a flush: the pauses start over."""
        self.failures, self.failing_since, self.paused_until = 0, None, None


class Webhooks:
    """Hooks and queues of one loaded company, with the faults that strike deliveries. To be used from one thread."""

    def __init__(self, state: State, switches: ProcoreSwitches, faults: Callable[[], Faults]) -> None:
        self.hooks: dict[int, Hook] = {}
        self._state = state
        self._switches = switches
        self._faults = faults
        self._endpoints: dict[str, _Endpoint] = {}
        self._events = 0
        self._deliveries = 0

    @property
    def timeout(self) -> float:
        """Seconds of the machine's time a receiver has; no answer by then is a failure."""
        return self._switches.webhook_timeout

    def hear(self, changes: Iterable[Change], cause: Cause) -> None:
        """Queues what active hooks want of these changes. A record changed twice in one call is told once."""
        if not any(hook.active and hook.triggers for hook in self.hooks.values()):
            return
        now = self._state.clock()
        for change in _told_once(changes):
            hooks = [hook for hook in self.hooks.values() if hook.wants(change)]
            if not hooks:
                continue
            self._events += 1
            event = Event(self._events, ulid(now, self._events), now, self._state.company_id, change, cause)
            for hook in hooks:
                self._queue(hook, event, now)

    def due(self, now: datetime) -> list[Delivery]:
        """What to send now: at most one an endpoint, in order; each must be settled before the next is given.

        An endpoint in pause gives nothing. One that has failed for 12 hours is flushed: its events are discarded.
        """
        found = []
        for endpoint in self._endpoints.values():
            if endpoint.in_flight is not None or not endpoint.queue:
                continue
            if endpoint.failing_since is not None and now - endpoint.failing_since >= DISCARD_AFTER:
                self._discard(endpoint, list(endpoint.queue))
                endpoint.recover()
                continue
            if endpoint.paused_until is not None and now < endpoint.paused_until:
                continue
            ready = endpoint.next(now)
            if ready is not None:
                endpoint.in_flight = ready
                ready.attempts.append(Attempt(len(ready.attempts) + 1, now))
                found.append(ready)
        return found

    def settle(self, delivery: Delivery, heard: Heard, now: datetime) -> None:
        """Takes note of how a sending went: a 2xx ends it, anything else pauses the endpoint, 1 s doubling to 1 h."""
        attempt = delivery.attempts[-1]
        attempt.completed_at, attempt.status, attempt.body, attempt.error = now, heard.status, heard.body, heard.error
        attempt.headers = dict(heard.headers) if heard.headers is not None else None
        endpoint = self._endpoints.get(delivery.hook.url)
        if endpoint is None or endpoint.in_flight is not delivery:
            return
        endpoint.in_flight = None
        if attempt.success:
            delivery.status = "delivered"
            endpoint.take_out(delivery)
            endpoint.recover()
            return
        delivery.status = "retrying"
        endpoint.failing_since = endpoint.failing_since or now
        endpoint.paused_until = now + min(timedelta(seconds=2 ** min(endpoint.failures, 12)), LONGEST_PAUSE)
        endpoint.failures += 1
        limit = self._switches.webhook_disable_after
        if limit and endpoint.failures >= limit:
            self.set_active(delivery.hook, active=False)

    def waiting(self) -> int:
        """How many deliveries are not settled yet."""
        return sum(len(endpoint.queue) for endpoint in self._endpoints.values())

    def set_active(self, hook: Hook, *, active: bool) -> None:
        """Switches a hook on or off; what waits for one that is switched off is discarded."""
        hook.active = active
        hook.updated_at = self._state.stamp()
        if not active:
            self._drop(hook)

    def remove(self, hook: Hook) -> None:
        """Deletes a hook and what waits for it."""
        del self.hooks[hook.id]
        self._drop(hook)

    def move(self, hook: Hook, url: str) -> None:
        """Gives a hook another address; what waits is discarded with the old one."""
        self._drop(hook)
        hook.url = url

    def _queue(self, hook: Hook, event: Event, now: datetime) -> None:
        fault = self._faults().delivery(hook.url, event.change.resource, event.change.event)
        kind = None if fault is None else fault.kind
        body = _ENCODER.encode(payload(event, hook.version))
        for _ in range(2 if kind is FaultKind.WEBHOOK_TWICE else 1):
            self._deliveries += 1
            delivery = Delivery(self._deliveries, hook, event, body, now)
            hook.deliveries.append(delivery)
            if fault is not None and kind is FaultKind.WEBHOOK_LATE:
                delivery.held_until = now + (timedelta(milliseconds=fault.delay_ms) or HELD_BACK)
            if kind is FaultKind.WEBHOOK_LOST:
                delivery.status = "discarded"
            else:
                self._endpoints.setdefault(hook.url, _Endpoint()).queue.append(delivery)

    def _drop(self, hook: Hook) -> None:
        endpoint = self._endpoints.get(hook.url)
        if endpoint is not None:
            self._discard(endpoint, [d for d in endpoint.queue if d.hook is hook])
            if not endpoint.queue:
                endpoint.recover()

    def _discard(self, endpoint: _Endpoint, gone: list[Delivery]) -> None:
        for delivery in gone:
            delivery.status = "discarded"
            endpoint.queue.remove(delivery)
            if endpoint.in_flight is delivery:
                endpoint.in_flight = None


def _told_once(changes: Iterable[Change]) -> list[Change]:
    """One change a record: a record made in the call is told as made, one made and deleted in it as nothing."""
    found: dict[tuple[str, int, int | None], Change] = {}
    for change in changes:
        key = (change.resource, change.record_id, change.project_id)
        before = found.get(key)
        if before is not None and before.event == "create" and change.event == "delete":
            del found[key]
        elif before is None or change.event == "delete":
            found[key] = change
    return list(found.values())
