"""Spans say which job and which requests, and never what was in them."""

from __future__ import annotations

import threading

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ml_connector.kernel.errors import BadInput, Unavailable
from ml_connector.service import tracing
from ml_connector.service.tracing import ENDPOINT, Traces
from ml_connector.systems.wire import Exchange


def said(status: int) -> Exchange:
    return Exchange("erp", "POST", "/orders?secret=hush", status, b"hush", b"hush", "r1", 40, write=True)


def ask_in_threads(traces: Traces) -> None:
    with traces.span("job poll", {"connection": "north", "job": 7}):
        hear = traces.overhearing()
        assert hear
        for status in (201, 503):
            sender = threading.Thread(target=hear, args=(said(status),))
            sender.start()
            sender.join()
        raise Unavailable("IFS said: hush.")


def test_a_request_is_a_span_below_its_job_whatever_thread_sends_it() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces = Traces(provider)
    with pytest.raises(Unavailable):
        ask_in_threads(traces)
    traces.close()
    first, second, job = exporter.get_finished_spans()
    assert first.parent == second.parent == job.context
    assert dict(job.attributes or {}) == {"connection": "north", "job": 7}
    assert [span.status.is_ok for span in (first, second, job)] == [True, False, False]
    assert first.start_time is not None
    assert first.end_time is not None
    assert first.end_time - first.start_time == 40_000_000
    assert "hush" not in "".join(span.to_json() for span in (first, second, job))


def test_without_a_collector_nothing_is_recorded() -> None:
    traces = Traces.of({})
    with traces.span("job", {}):
        assert traces.overhearing() is None
    traces.close()


def test_a_collector_without_the_libraries_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_EXPORTER", False)
    with pytest.raises(BadInput, match="libraries for traces"):
        Traces.of({ENDPOINT: "http://127.0.0.1:4318"})
