"""Spans say which job and which requests, and never what was in them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, Unavailable
from ml_connector.service import tracing
from ml_connector.service.duty import PERSON
from ml_connector.service.serving import Service
from ml_connector.service.tracing import ENDPOINT, Traces
from ml_connector.store import agenda, hooks
from ml_connector.store.agenda import Laid
from ml_connector.store.hooks import HookRow
from ml_connector.systems.wire import Exchange


def said(status: int) -> Exchange:
    return Exchange("erp", "POST", "/orders?secret=hush", status, b"hush", b"hush", "r1", 40, write=True)


def ask_in_threads(traces: Traces) -> None:
    with traces.span("job poll", {"connection": "north", "job": 7}):
        hear = traces.overhearing("north")
        assert hear
        for status in (201, 503):
            sender = threading.Thread(target=hear, args=(said(status), 12, "commitment P1@1201"))
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
    assert dict(job.attributes or {}) == {"connection": "north", "job": 7, "run": 12}
    about = dict(first.attributes or {})
    assert (about["connection"], about["run"], about["record"]) == ("north", 12, "commitment P1@1201")
    assert [span.status.is_ok for span in (first, second, job)] == [True, False, False]
    assert first.start_time is not None
    assert first.end_time is not None
    assert first.end_time - first.start_time == 40_000_000
    assert "hush" not in "".join(span.to_json() for span in (first, second, job))


def test_without_a_collector_nothing_is_recorded() -> None:
    traces = Traces.of({})
    with traces.span("job", {}):
        assert traces.overhearing("north") is None
    traces.close()


def test_a_collector_without_the_libraries_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_EXPORTER", False)
    with pytest.raises(BadInput, match="libraries for traces"):
        Traces.of({ENDPOINT: "http://127.0.0.1:4318"})


# with a collector ----------------------------------------------------------------------------------------------------


class Collector:
    """Takes what the real exporter sends, and nothing else."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.raw = b""

    def take(self, path: str, body: bytes) -> None:
        """One request of the exporter."""
        assert path == "/v1/traces"
        self.raw += body
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            of = {one.key: one.value.string_value for one in part.resource.attributes}
            for scope in part.scope_spans:
                for span in scope.spans:
                    found = {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
                    about = {"name": span.name, "id": span.span_id, "parent": span.parent_span_id}
                    self.spans.append({**found, **about, "service": of["service.name"]})

    def below(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Spans below another."""
        return [one for one in self.spans if one["parent"] == job["id"]]


@contextmanager
def listening() -> Iterator[tuple[Collector, str]]:
    """A collector while the block lasts, and where it listens."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield collector, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def done(app: App, *names: str) -> bool:
    """Whether these rows of the agenda have had a turn."""
    with app.db.begin() as conn:
        rows = {row.name: row for row in agenda.listed(conn, app.connection("north").id)}
    return all(name in rows and rows[name].finished_at for name in names)


def test_a_collector_hears_of_every_job_with_its_run_and_of_every_request_with_its_record(
    north: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = north.connection("north").id
    with north.db.begin() as conn:
        hooks.put(conn, HookRow(connection_id=number, slug="s", remote_id="1", secret_hash=b"x", url="https://x.y/z"))
        asked = {"flows": ["projects", "vendors"], "actor": "anna"}
        agenda.ask(conn, Laid(number, "now/vendors", north.clock(), PERSON, asked))
    with listening() as (collector, url):
        monkeypatch.setenv(ENDPOINT, url)
        service = Service(north, slots=1)
        service.start()
        until = time.monotonic() + 30
        while not done(north, "now/vendors", "sweep") and time.monotonic() < until:
            time.sleep(0.05)
        assert service.stop(10)
    with north.db.begin() as conn:
        run = conn.exec_driver_sql("SELECT id FROM runs WHERE trigger = 'person'").scalar_one()
    jobs = {one["task"]: one for one in collector.spans if one["name"] == "job" and one["connection"] == "north"}
    assert {one["service"] for one in collector.spans} == {"ml-connector"}
    assert jobs["now/vendors"]["run"] == run
    sent = collector.below(jobs["now/vendors"])
    assert {(one["connection"], one["run"]) for one in sent} == {("north", run)}
    assert {one["ml_connector.side"] for one in sent} == {"erp", "projects"}
    assert any(one.get("record", "").startswith("vendor S1") for one in sent)
    swept = collector.below(jobs["sweep"])
    assert swept, "a sweep is no run, and its requests are told of as well"
    assert {(one["connection"], one.get("run")) for one in swept} == {("north", None)}
    assert b"Bearer" not in collector.raw
