"""What the transport promises about requests that fail: sent again only where that is safe, and never lied about."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest

from ml_connector.kernel.errors import (
    BadInput,
    HostUnreachable,
    Locked,
    OutcomeUnknown,
    RateLimited,
    SignInRefused,
    Unavailable,
)
from ml_connector.systems.pacing import Pacing
from ml_connector.systems.retry import Retry
from ml_connector.systems.transport import HttpSettings, Signer, Transport
from ml_connector.systems.wire import Exchange, WireRequest

from .scripted_server import MovableClock, ScriptedServer, answer

HTTP = HttpSettings(setting="ifs.url", connect_timeout=0.2, read_timeout=0.3, retry=Retry(attempts=4))


class Tokens:
    """A signer that counts."""

    def __init__(self) -> None:
        self.number = 0
        self.lock = threading.Lock()

    def token(self) -> str:
        return f"t{self.number}"

    def renew(self, refused: str) -> str:
        with self.lock:
            if refused == f"t{self.number}":
                self.number += 1
        return f"t{self.number}"


class Bench:
    """A transport with everything movable around it."""

    def __init__(self, sign: Signer | None = None, http: HttpSettings = HTTP, secrets: tuple[str, ...] = ()) -> None:
        self.clock = MovableClock()
        self.tape: list[Exchange] = []
        self.pacing = Pacing(4, max_wait=30, clock=self.clock, pause=self.clock.pause)
        self.call = Transport("IFS", http, self.pacing, sign, self.tape.append, secrets)


def get(server: ScriptedServer, path: str = "/a") -> WireRequest:
    return WireRequest("GET", server.url + path)


def post(server: ScriptedServer, safe: bool = False, body: bytes = b"{}") -> WireRequest:
    return WireRequest("POST", server.url + "/a", body=body, safe=safe)


def test_a_reply_comes_back_whole_and_with_lower_case_headers() -> None:
    with ScriptedServer(answer(404, b"gone", X_Request_Id="r1")) as server:
        bench = Bench()
        reply = bench.call(get(server, "/a?$filter=N eq 'O''Hara'"))
    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (404, b"gone", "r1")
    assert type(reply.body) is bytes
    assert b"GET /a?$filter=" in server.requests[0]
    assert (bench.call.counts.reads, bench.call.counts.writes) == (1, 0)
    (kept,) = bench.tape
    assert (kept.status, kept.request_id, kept.write, kept.reply) == (404, "r1", False, b"gone")


@pytest.mark.parametrize("failure", ["close", "reset", "silence", answer(500), answer(502), answer(504)])
def test_a_write_whose_fate_is_unknown_is_never_sent_twice(failure: bytes | str) -> None:
    with ScriptedServer(failure, answer()) as server:
        bench = Bench()
        with pytest.raises(OutcomeUnknown, match=r"IFS at 127\.0\.0\.1"):
            bench.call(post(server))
        assert len(server.requests) == 1
    assert bench.call.counts.writes == 1
    assert [kept.status for kept in bench.tape] == [0 if isinstance(failure, str) else int(failure[9:12])]


@pytest.mark.parametrize("failure", ["close", "reset", "silence", answer(500), answer(502), answer(504)])
@pytest.mark.parametrize("read", [True, False])
def test_what_is_safe_is_sent_again(failure: bytes | str, read: bool) -> None:
    with ScriptedServer(failure, failure, answer()) as server:
        bench = Bench()
        assert bench.call(get(server) if read else post(server, safe=True)).status == 200
        assert len(server.requests) == 3
    assert len(bench.clock.slept) == 2
    assert bench.clock.slept[0] <= 0.5
    assert bench.clock.slept[1] <= 1.0


@pytest.mark.parametrize("failure", ["close", answer(504)])
def test_a_safe_write_that_may_still_be_carried_out_is_not_sent_again(failure: bytes | str) -> None:
    with ScriptedServer(failure, answer()) as server:
        bench = Bench(http=msgspec.structs.replace(HTTP, grace=60.0))
        with pytest.raises(OutcomeUnknown):
            bench.call(post(server, safe=True))
        assert len(server.requests) == 1
        assert bench.call(WireRequest("DELETE", server.url + "/a", safe=True)).status == 200
    with ScriptedServer(failure, answer()) as server:
        assert bench.call(get(server)).status == 200
        assert len(server.requests) == 2


@pytest.mark.parametrize("failure", ["close", answer(502)])
def test_a_safe_request_that_keeps_failing_is_given_up(failure: bytes | str) -> None:
    with ScriptedServer(failure) as server:
        with pytest.raises(Unavailable):
            Bench().call(get(server))
        assert len(server.requests) == 4


def near(slept: list[float], asked: float) -> bool:
    """Whether it slept once: as long as was asked, and some hundredths more, so that not all come back at once."""
    return len(slept) == 1 and asked < slept[0] <= asked * 1.1


@pytest.mark.parametrize(
    ("status", "error"), [(429, RateLimited), (503, Unavailable), (423, Locked)], ids=["429", "503", "423"]
)
def test_a_write_refused_before_processing_is_sent_again_until_patience_ends(
    status: int, error: type[Exception]
) -> None:
    with ScriptedServer(answer(status, Retry_After="3"), answer()) as server:
        bench = Bench()
        assert bench.call(post(server)).status == 200
        assert near(bench.clock.slept, 3.0)
    with ScriptedServer(answer(status, Retry_After="3")) as server:
        with pytest.raises(error) as caught:
            Bench().call(post(server))
        assert len(server.requests) == 4
        assert caught.value.seconds == 3.0


def test_retry_after_may_be_a_date_and_reset_stands_in_for_it() -> None:
    with ScriptedServer(answer(503, Retry_After="Mon, 02 Mar 2026 12:00:07 GMT"), answer()) as server:
        bench = Bench()
        bench.call(get(server))
        assert near(bench.clock.slept, 7.0)
    bench = Bench()
    reset = str(int(bench.clock().timestamp()) + 9)
    with ScriptedServer(answer(429, X_Rate_Limit_Reset=reset, X_Rate_Limit_Remaining="0"), answer()) as server:
        bench.call(get(server))
        assert near(bench.clock.slept, 9.0)


def test_a_pause_longer_than_the_budget_is_left_to_the_schedule() -> None:
    with ScriptedServer(answer(429, Retry_After="3000")) as server:
        bench = Bench()
        with pytest.raises(RateLimited) as caught:
            bench.call(get(server))
        assert (caught.value.seconds, bench.clock.slept) == (3000.0, [])


def test_metadata_being_refreshed_is_waited_out_even_for_a_write() -> None:
    body = b'{"error":{"code":"MI_MODIFIED_ERROR","message":"x"}}'
    with ScriptedServer(answer(500, body), answer(503, body), answer(201)) as server:
        assert Bench().call(post(server)).status == 201


def test_a_business_rule_answered_with_500_is_an_answer() -> None:
    body = b'{"error":{"code":"DATABASE_ERROR","message":"ORA-20110: X.RULE: no"}}'
    with ScriptedServer(answer(500, body)) as server:
        assert Bench().call(post(server)).body == body
        assert len(server.requests) == 1


def test_a_dead_token_is_replaced_once_and_the_request_replayed() -> None:
    with ScriptedServer(answer(401), answer(201)) as server:
        assert Bench(Tokens()).call(post(server)).status == 201
        assert b"Bearer t0" in server.requests[0]
        assert b"Bearer t1" in server.requests[1]
    with ScriptedServer(answer(401)) as server:
        with pytest.raises(SignInRefused):
            Bench(Tokens()).call(post(server))
        assert len(server.requests) == 2


def test_unsigned_requests_leave_no_trace() -> None:
    with ScriptedServer(answer(401)) as server:
        bench = Bench(Tokens())
        request = WireRequest("POST", server.url + "/token", body=b"client_secret=s", safe=True, signed=False)
        assert bench.call(request).status == 401
        assert b"uthorization" not in server.requests[0]
    assert (bench.call.counts.writes, bench.tape) == (0, [])


def test_nothing_at_that_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(HostUnreachable, match="refused") as caught:
        Bench().call(WireRequest("POST", f"http://127.0.0.1:{port}/"))
    assert "ifs.url" in caught.value.remedy
    with pytest.raises(HostUnreachable, match="DNS") as caught:
        Bench().call(WireRequest("GET", "http://no-such-host.invalid/"))
    assert "host name" in caught.value.remedy
    with pytest.raises(BadInput, match="not an address"):
        Bench().call(WireRequest("GET", "ifs.example/x"))


def test_an_outage_after_the_first_answer_is_waited_for() -> None:
    bench = Bench()
    with ScriptedServer(answer(200, Connection="close")) as server:
        bench.call(get(server))
    with pytest.raises(Unavailable):
        bench.call(post(server))
    assert len(bench.clock.slept) == 3


def test_no_connection_in_time_means_the_write_never_left() -> None:
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = [socket.socket() for _ in range(3)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
    try:
        bench = Bench()
        with pytest.raises(HostUnreachable, match="no connection in time"):
            bench.call(WireRequest("POST", f"http://127.0.0.1:{full.getsockname()[1]}/"))
        assert [(kept.status, kept.left) for kept in bench.tape] == [(0, False)]
    finally:
        for opened in (*fillers, full):
            opened.close()


def test_a_certificate_nobody_vouches_for(tmp_path: Path) -> None:
    key, cert = tmp_path / "k.pem", tmp_path / "c.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2"]
    subprocess.run([*made, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def shake() -> None:
            peer, _ = listening.accept()
            try:
                context.wrap_socket(peer, server_side=True).close()
            except OSError:
                peer.close()

        threading.Thread(target=shake, daemon=True).start()
        with pytest.raises(HostUnreachable, match="certificate") as caught:
            Bench().call(WireRequest("GET", f"https://localhost:{listening.getsockname()[1]}/"))
    assert "SSL_CERT_FILE" in caught.value.remedy


def test_secrets_never_reach_the_tape() -> None:
    echo = b'{"note":"s3cr3t/pass","access_token":"abcdef","ok":1}'
    with ScriptedServer(answer(200, echo)) as server:
        bench = Bench(Tokens(), secrets=("s3cr3t/pass",))
        request = WireRequest("POST", server.url + "/a?k=s3cr3t%2Fpass", body=b'{"password": "hush", "n": 1}')
        assert bench.call(request).body == echo
    (kept,) = bench.tape
    whole = b" ".join((kept.path.encode(), kept.request, kept.reply))
    for secret in (b"s3cr3t", b"abcdef", b"hush", b"Bearer"):
        assert secret not in whole
    assert b'"ok":1' in kept.reply


def test_a_window_that_runs_low_is_spread_and_then_waited_for() -> None:
    bench = Bench()
    reset = bench.clock().timestamp() + 20
    left = iter(["1", "0", "99"])
    with ScriptedServer(
        always=lambda _request: answer(
            X_Rate_Limit_Limit="100", X_Rate_Limit_Remaining=next(left), X_Rate_Limit_Reset=f"{reset:.0f}"
        )
    ) as server:
        for _ in range(3):
            bench.call(get(server))
    assert near(bench.clock.slept, 20.0)


def test_a_window_that_resets_too_late_is_told_not_slept() -> None:
    bench = Bench()
    reset = f"{bench.clock().timestamp() + 1800:.0f}"
    with ScriptedServer(
        answer(X_Rate_Limit_Limit="3600", X_Rate_Limit_Remaining="0", X_Rate_Limit_Reset=reset)
    ) as server:
        bench.call(get(server))
        with pytest.raises(RateLimited) as caught:
            bench.call(get(server))
        assert len(server.requests) == 1
    assert caught.value.seconds == 1800


def test_no_more_in_flight_than_allowed() -> None:
    together, most, lock = 0, 0, threading.Lock()
    gate = threading.Event()

    def busy(_request: bytes) -> bytes:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        gate.wait(0.02)
        with lock:
            together -= 1
        return answer()

    with ScriptedServer(always=busy) as server:
        bench = Bench()
        threads = [threading.Thread(target=lambda: bench.call(get(server))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 1 < most <= 4
    assert bench.call.counts.reads == 20
