"""The server hands calls over unspoiled, logs them, and cuts connections exactly as the faults say."""

from __future__ import annotations

import http.client
import json
import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.sandbox.server import parse_query


def call(
    stand_ins: RunningSandbox, method: str, target: str, body: str | None = None, headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    """The whole answer of the stand-in that plays IFS; raises what http.client raises on a cut connection."""
    wire = http.client.HTTPConnection(urlsplit(stand_ins.ifs_url).netloc, timeout=5)
    try:
        wire.request(method, target, body, headers or {})
        answer = wire.getresponse()
        answer.content = answer.read()  # type: ignore[attr-defined]
    finally:
        wire.close()
    return answer


def content(answer: http.client.HTTPResponse) -> dict[str, object]:
    value: dict[str, object] = json.loads(answer.content)  # type: ignore[attr-defined]
    return value


def test_query_names_and_values_are_decoded_as_forms_are() -> None:
    raw = b"%24filter=Name%20eq%20'A%2BB'&$top=5&empty=&a=1+2&a=%C3%A9&filters%5Bid%5D[]=7"
    assert parse_query(raw) == (
        ("$filter", "Name eq 'A+B'"), ("$top", "5"), ("empty", ""), ("a", "1 2"), ("a", "é"), ("filters[id][]", "7"),
    )  # fmt: skip


def test_a_call_reaches_the_face_and_comes_back(stand_ins: RunningSandbox) -> None:
    answer = call(stand_ins, "POST", "/Rows(Id='a%20+b')?$top=1", "hello", {"X-Mark": "m"})
    heard = content(answer)
    assert heard == {"path": "/Rows(Id='a +b')", "query": [["$top", "1"]], "rows": 1, "body": "hello"}
    assert answer.getheader("x-seen") == "m"
    assert (stand_ins.ifs.rows, stand_ins.procore.rows) == (1, 0)


def test_the_log_tells_writes_from_reads_and_never_keeps_credentials(stand_ins: RunningSandbox) -> None:
    stand_ins.log.bodies = True
    call(stand_ins, "GET", "/rows?$top=1", headers={"Authorization": "Bearer secret-word", "X-Mark": "m"})
    call(stand_ins, "POST", "/rows", "sent")
    call(stand_ins, "POST", "/oauth/token", "client_secret=secret-word")
    read, write, signs_in = stand_ins.log.exchanges()
    assert (read.method, read.path, read.query, read.status, read.write) == ("GET", "/rows", "$top=1", 200, False)
    assert (write.write, write.changed, write.request_body) == (True, True, "sent")
    assert (signs_in.write, signs_in.request_body, signs_in.headers) == (False, None, {})
    assert (stand_ins.log.calls, stand_ins.log.writes) == (3, 1)
    assert "secret-word" not in str(stand_ins.log.exchanges())
    assert read.headers["x-mark"] == "m"


def test_the_log_is_bare_unless_bodies_are_asked_for(stand_ins: RunningSandbox) -> None:
    call(stand_ins, "POST", "/rows", "sent")
    (write,) = stand_ins.log.exchanges(side="ifs", writes=True)
    assert (write.request_body, write.response_body, write.headers) == (None, None, {})


@pytest.mark.parametrize(
    ("kind", "executed", "held"),
    [("drop_before", 0, False), ("drop_after", 1, False), ("timeout_before", 0, True), ("timeout_after", 1, True)],
)
def test_a_cut_connection_was_executed_or_not(
    stand_ins: RunningSandbox, caplog: pytest.LogCaptureFixture, kind: str, executed: int, held: bool
) -> None:
    stand_ins.faults.add(FaultRule(kind))
    started = time.monotonic()
    with pytest.raises(ConnectionResetError):
        call(stand_ins, "POST", "/rows")
    assert (time.monotonic() - started >= 0.29) is held
    assert stand_ins.ifs.rows == executed
    assert stand_ins.faults.injected == {kind: 1}
    assert [(one.status, one.fault) for one in stand_ins.log.exchanges()] == [(0, kind)]
    assert content(call(stand_ins, "POST", "/rows"))["rows"] == executed + 1
    assert caplog.messages == [], "the server must not complain of what it did on purpose"


def test_a_caller_who_gives_up_first_frees_the_socket(stand_ins: RunningSandbox) -> None:
    stand_ins.faults.add(FaultRule("timeout_before"))
    stand_ins.faults.hold = 30
    wire = http.client.HTTPConnection(urlsplit(stand_ins.ifs_url).netloc, timeout=0.1)
    wire.request("GET", "/rows")
    with pytest.raises(TimeoutError):
        wire.getresponse()
    wire.close()
    stand_ins.faults.hold = 0.3
    assert call(stand_ins, "GET", "/rows").status == 200


def test_half_a_body_is_noticed(stand_ins: RunningSandbox) -> None:
    stand_ins.faults.add(FaultRule("half_body"))
    wire = http.client.HTTPConnection(urlsplit(stand_ins.ifs_url).netloc, timeout=5)
    wire.request("GET", "/big")
    answer = wire.getresponse()
    assert answer.getheader("content-length") == "4000"
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        answer.read()
    wire.close()
    assert [(one.status, one.fault) for one in stand_ins.log.exchanges()] == [(0, "half_body")]


@pytest.mark.parametrize(
    ("kind", "status", "retry_after"),
    [
        ("401", 401, None),
        ("412", 412, None),
        ("423", 423, None),
        ("429", 429, "7"),
        ("429_bare", 429, None),
        ("503", 503, "7"),
        ("503_modified", 503, None),
    ],
)
def test_refusals_are_the_faces_own_and_execute_nothing(
    stand_ins: RunningSandbox, kind: str, status: int, retry_after: str | None
) -> None:
    stand_ins.faults.add(FaultRule(kind, retry_after=7))
    answer = call(stand_ins, "POST", "/rows")
    assert (answer.status, answer.getheader("retry-after")) == (status, retry_after)
    assert content(answer)["kind"] == ("MI_MODIFIED_ERROR" if kind == "503_modified" else None)
    assert stand_ins.ifs.rows == 0


@pytest.mark.parametrize("kind", ["drop_late:60000", "504_late:60000"])
def test_a_call_that_was_given_up_is_executed_when_the_clock_says_so(stand_ins: RunningSandbox, kind: str) -> None:
    stand_ins.faults.add(FaultRule(kind))
    if kind.startswith("504"):
        assert call(stand_ins, "POST", "/rows").status == 504
    else:
        with pytest.raises(ConnectionResetError):
            call(stand_ins, "POST", "/rows")
    assert content(call(stand_ins, "GET", "/rows"))["rows"] == 0
    assert stand_ins.faults.as_json()["owed"] == 1
    stand_ins.clock.advance(timedelta(seconds=60))
    until = time.monotonic() + 5
    while stand_ins.ifs.rows == 0 and time.monotonic() < until:
        time.sleep(0.01)
    assert (stand_ins.ifs.rows, stand_ins.faults.as_json()["owed"]) == (1, 0)
    name = kind.partition(":")[0]
    first, *_, last = stand_ins.log.exchanges()
    assert [(first.fault, first.changed), (last.fault, last.status, last.changed)] == [(name, False), (name, 200, True)]


def test_a_call_that_is_still_to_be_executed_is_forgotten_with_the_faults(stand_ins: RunningSandbox) -> None:
    stand_ins.faults.add(FaultRule("drop_late:60000"))
    with pytest.raises(ConnectionResetError):
        call(stand_ins, "POST", "/rows")
    stand_ins.faults.clear()
    assert stand_ins.faults.due(stand_ins.clock() + timedelta(days=1)) == []
    assert stand_ins.ifs.rows == 0


def test_slow_answers_late(stand_ins: RunningSandbox) -> None:
    stand_ins.faults.add(FaultRule("slow:150"))
    started = time.monotonic()
    assert call(stand_ins, "GET", "/rows").status == 200
    assert time.monotonic() - started >= 0.15


def test_a_spent_connection_serves_many_calls(stand_ins: RunningSandbox) -> None:
    wire = http.client.HTTPConnection(urlsplit(stand_ins.ifs_url).netloc, timeout=5)
    for _ in range(50):
        wire.request("GET", "/rows")
        assert wire.getresponse().read()
    wire.close()
    assert stand_ins.log.calls == 50
