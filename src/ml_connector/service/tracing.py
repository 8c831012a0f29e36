"""Traces, where an OpenTelemetry collector is named: a span for each job, and below it one for each request it sends.

Spans carry the connection and, once there is one, the run. That of a job has its task and number besides; that of a
request its method, side, path without its query, status, and the record it is sent for; never a body, header or token.
Without OTEL_EXPORTER_OTLP_ENDPOINT nothing is recorded and nothing is loaded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ml_connector.engine.taping import Overheard
from ml_connector.kernel.errors import BadInput
from ml_connector.store.evidence import ENGINE
from ml_connector.systems.wire import Exchange

try:
    from opentelemetry import context, trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
except ImportError:  # the extra `traces` is not installed
    _SDK = False
else:
    _SDK = True

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
except ImportError:
    _EXPORTER = False
else:
    _EXPORTER = True

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
"""OpenTelemetry's own variable: where the collector listens, such as http://collector:4318."""

NAME = "ml-connector"
_NS = 1_000_000_000


class Traces:
    """Makes spans, or does nothing when it was made without a provider."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """`provider` decides where spans go."""
        self._provider = provider
        self._tracer = provider.get_tracer(NAME) if provider else None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Traces:
        """As the environment says; BadInput when a collector is named and the extra is not installed."""
        if not environ.get(ENDPOINT):
            return cls()
        if not (_SDK and _EXPORTER):
            raise BadInput(
                f"{ENDPOINT} names a collector, and the libraries for traces are not installed.",
                remedy="Install ml-connector[traces], or unset the variable.",
            )
        provider = TracerProvider(resource=Resource.create({"service.name": NAME}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    @contextmanager
    def span(self, name: str, facts: Mapping[str, str | int]) -> Iterator[None]:
        """A span around a block, the child of the one it stands in; an error that leaves the block marks it."""
        if self._tracer is None:
            yield
            return
        with self._tracer.start_as_current_span(
            name, attributes=dict(facts), record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except Exception as error:
                # the class alone: a sentence may quote what a system said
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
                raise

    def overhearing(self, connection: str) -> Overheard | None:
        """What makes a span of each exchange it is told, below the span of now, in whatever thread it is told."""
        if self._tracer is None:
            return None
        parent, tracer = context.get_current(), self._tracer
        job = trace.get_current_span(parent)

        def hear(exchange: Exchange, run: int, record: str) -> None:
            if exchange.side == ENGINE:
                return  # a decision with its input: nothing was sent
            end = time.time_ns()
            start = end - exchange.milliseconds * (_NS // 1000)
            facts: dict[str, str | int] = {
                "http.request.method": exchange.method,
                "url.path": exchange.path.partition("?")[0],
                "http.response.status_code": exchange.status,
                "ml_connector.side": exchange.side,
                "connection": connection,
            }
            if run:
                facts["run"] = run
                job.set_attribute("run", run)
            if record:
                facts["record"] = record
            span = tracer.start_span(
                f"{exchange.method} {exchange.side}", parent, trace.SpanKind.CLIENT, facts, start_time=start
            )
            if exchange.status == 0 or exchange.status >= 500:
                span.set_status(trace.StatusCode.ERROR)
            span.end(end)

        return hear

    def close(self) -> None:
        """Sends what was not sent yet."""
        if self._provider is not None:
            self._provider.shutdown()
