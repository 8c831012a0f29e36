"""What `GET /metrics` says: the whole installation from one look at the database, in Prometheus's own text form.

Every process that answers says the same, for nothing is counted in memory here; the door adds how quick it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ml_connector.app import App
from ml_connector.service.fresh import POLL, Colours, colours
from ml_connector.store.counters import REQUESTS
from ml_connector.store.signals import Signals, Standing, signals

PREFIX = "ml_connector_"


def render(app: App, besides: Iterable[CollectorRegistry] = ()) -> bytes:
    """The metrics of the installation, then those of the registries `besides`. Raises when the database is away."""
    with app.db.begin() as conn:
        found = signals(conn, app.clock())
    fresh = colours(app, found, found.now)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(found, fresh))
    return b"".join(generate_latest(one) for one in (registry, *besides))


class _Snapshot(Collector):
    """Families made of one look."""

    def __init__(self, found: Signals, fresh: Colours) -> None:
        self._found = found
        self._fresh = fresh

    def collect(self) -> Iterator[Metric]:
        """Every family, in the order of docs/watching.md."""
        found = self._found
        yield from _flows(found, self._fresh)
        yield from _trouble(found)
        yield from _queue(found)
        yield from _sides(found)
        yield from _counts(found)


def _flows(found: Signals, fresh: Colours) -> Iterator[Metric]:
    lag = GaugeMetricFamily(
        f"{PREFIX}flow_lag_seconds",
        "Seconds since a poll of the flow last ended well, or since the connection was made.",
        labels=("connection", "flow"),
    )
    for one in found.connections:
        for due in one.agenda:
            if due.name.startswith(POLL):
                lag.add_metric((one.name, due.name.removeprefix(POLL)), _lag(found, due.well_at, one.added_at))
    yield lag
    age = GaugeMetricFamily(
        f"{PREFIX}flow_age_seconds",
        "Time in which the flow could have run since it last ended well, in seconds.",
        labels=("connection", "flow", "colour"),
    )
    for name, flows in fresh.items():
        for flow, how in flows.items():
            age.add_metric((name, flow, how.colour), how.age.total_seconds())
    yield age
    last = GaugeMetricFamily(
        f"{PREFIX}last_good_run_age_seconds", "Seconds since a run last ended well.", labels=("connection",)
    )
    for one in found.connections:
        if one.last and one.last.well_at:
            last.add_metric((one.name,), _age(found, one.last.well_at))
    yield last


def _trouble(found: Signals) -> Iterator[Metric]:
    labels = ("connection", "reason", "owner", "currency")
    money = GaugeMetricFamily(f"{PREFIX}held_money", "Money of open holds whatever its sign.", labels=labels)
    number = GaugeMetricFamily(f"{PREFIX}holds", "Open holds.", labels=labels)
    for one in found.connections:
        for held in one.held:
            where = (one.name, held.reason, held.owner, held.currency)
            number.add_metric(where, held.number)
            if held.currency:
                money.add_metric(where, float(held.money))
    yield money
    yield number
    yield _each(found, "unknown_outcomes", "Writes whose outcome is not known yet.", lambda one: one.unknown)
    yield _each(found, "plans_waiting", "Plans that wait for approval.", lambda one: len(one.waiting_plans))
    yield _each(found, "parked_jobs", "Jobs given up until a person looks.", lambda one: one.parked)
    census = GaugeMetricFamily(
        f"{PREFIX}census_findings", "Keys the last census found wrong and left so.", labels=("connection", "what")
    )
    for one in found.connections:
        for what, count in one.census.items():
            census.add_metric((one.name, what), count)
    yield census


def _queue(found: Signals) -> Iterator[Metric]:
    depth = GaugeMetricFamily(f"{PREFIX}jobs", "Jobs in the queue.", labels=("task", "state"))
    for (task, state), count in sorted(found.jobs.items()):
        depth.add_metric((task, "waiting" if state == "todo" else "running"), count)
    yield depth
    yield _each(found, "inbox_waiting", "Events that no run has taken yet.", lambda one: one.inbox)
    oldest = GaugeMetricFamily(
        f"{PREFIX}inbox_oldest_seconds", "Age of the oldest event not taken.", labels=("connection",)
    )
    for one in found.connections:
        oldest.add_metric((one.name,), _age(found, one.inbox_since) if one.inbox_since else 0.0)
    yield oldest
    looked = GaugeMetricFamily(
        f"{PREFIX}event_seconds",
        "Seconds from an event's arrival until a run had looked, for 95 of 100 of the last quarter of an hour.",
        labels=("connection",),
    )
    for one in found.connections:
        if one.event_seconds is not None:
            looked.add_metric((one.name,), one.event_seconds)
    yield looked
    seen = GaugeMetricFamily(
        f"{PREFIX}worker_seen_seconds", "Seconds since a process gave a sign of life.", labels=("worker", "kind")
    )
    for worker in found.workers:
        seen.add_metric((worker.id, worker.kind), _age(found, worker.seen_at))
    yield seen


def _sides(found: Signals) -> Iterator[Metric]:
    labels = ("connection", "system")
    left = GaugeMetricFamily(
        f"{PREFIX}requests_left", "Requests left in a window, as the system last said.", labels=(*labels, "window")
    )
    standing = GaugeMetricFamily(f"{PREFIX}breaker_open", "1 while nothing is sent to that side.", labels=labels)
    age = GaugeMetricFamily(
        f"{PREFIX}secret_age_seconds", "Seconds since a secret or token was sealed.", labels=("connection", "field")
    )
    hooks = GaugeMetricFamily(f"{PREFIX}webhooks", "Webhooks registered in Procore.", labels=("connection", "state"))
    now = found.at.timestamp()
    for one in found.connections:
        for window in one.windows:
            if window.resets_at > now:
                left.add_metric((one.name, window.side, window.window), max(0.0, window.left_over))
        for breaker in one.breakers:
            standing.add_metric((one.name, breaker.side), float(breaker.state != "closed"))
        for field, sealed in one.token_at.items():
            age.add_metric((one.name, field), _age(found, sealed))
        for state, count in one.hooks.items():
            hooks.add_metric((one.name, state), count)
    yield from (left, standing, age, hooks)


def _counts(found: Signals) -> Iterator[Metric]:
    used = CounterMetricFamily(f"{PREFIX}requests", "Requests sent.", labels=("connection", "system", "kind"))
    events = CounterMetricFamily(
        f"{PREFIX}events",
        "Things counted: echoes, missed_and_recovered, polls_skipped, takeovers and more.",
        labels=("connection", "what"),
    )
    for name, counts in (("", found.counts), *((one.name, one.counts) for one in found.connections)):
        for what, number in sorted(counts.items()):
            if what.startswith(REQUESTS):
                side, _, kind = what.removeprefix(REQUESTS).partition("/")
                used.add_metric((name, side, kind), number)
            else:
                events.add_metric((name, what), number)
    yield from (used, events)


def _each(found: Signals, name: str, what: str, number: Callable[[Standing], int]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}{name}", what, labels=("connection",))
    for one in found.connections:
        family.add_metric((one.name,), float(number(one)))
    return family


def _lag(found: Signals, well_at: datetime | None, added_at: datetime) -> float:
    """How long ago a poll ended well, by the app's clock, or the connection was added, by the database's."""
    return max(0.0, (found.now - well_at).total_seconds()) if well_at else _age(found, added_at)


def _age(found: Signals, then: datetime) -> float:
    return max(0.0, (found.at - then).total_seconds())
