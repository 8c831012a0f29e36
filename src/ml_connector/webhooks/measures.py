"""What the door measures of itself: how soon it answers, what it answers, and what became of events."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
"""The form of `Measures.text`."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Measures:
    """Counts of one door since it began, in a registry of their own. To be used from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "ml_connector_door_seconds",
            "Seconds from the head of a webhook to its answer.",
            ("door",),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._answers = Counter(
            "ml_connector_door_answers", "Answers to webhooks by status.", ("door", "status"), registry=self.registry
        )
        self._events = Counter(
            "ml_connector_door_events",
            "Events by what became of them: new, again, lost or foreign.",
            ("door", "fate"),
            registry=self.registry,
        )

    def answered(self, door: str, status: int, seconds: float) -> None:
        """Notes an answer; `door` is procore or ifs."""
        self._seconds.labels(door).observe(seconds)
        self._answers.labels(door, str(status)).inc()

    def event(self, door: str, fate: str) -> None:
        """Notes what became of an event."""
        self._events.labels(door, fate).inc()

    def text(self) -> bytes:
        """All of it in Prometheus's text form."""
        return generate_latest(self.registry)
