"""How tokens are got, kept, replaced and refused."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Generic

import msgspec
import pytest

from ml_connector.kernel.errors import HostUnreachable, OutcomeUnknown, SignInRefused, Unavailable
from ml_connector.store.postgres import _STUCK
from ml_connector.systems import opening
from ml_connector.systems.opening import SIGN_IN, Access, transport_of
from ml_connector.systems.retry import Retry
from ml_connector.systems.signing import ClientCredentials, KeptT, RefreshToken, Shelved, SignInClient, TokenPair
from ml_connector.systems.transport import Transport, keep_nothing
from ml_connector.systems.wire import Call, WireReply, WireRequest

from .scripted_server import MovableClock, ScriptedServer, Step, answer

URL = "http://h/auth/realms/acmeprod/protocol/openid-connect/token"


class TokenServer:
    """Answers token requests from memory."""

    def __init__(self, life: float = 180) -> None:
        self.life = life
        self.asked: list[WireRequest] = []
        self.reply: WireReply | None = None
        self.error: Exception | None = None

    def __call__(self, request: WireRequest, /) -> WireReply:
        self.asked.append(request)
        if self.error:
            raise self.error
        number = len(self.asked)
        body = {"access_token": f"a{number}", "refresh_token": f"r{number}", "expires_in": self.life}
        return self.reply or WireReply(200, {}, json.dumps(body).encode())


def credentials(server: TokenServer, clock: MovableClock) -> ClientCredentials:
    return ClientCredentials(URL, "svc", "secret", "openid", clock, server)


def test_a_token_is_kept_until_shortly_before_it_dies() -> None:
    server, clock = TokenServer(180), MovableClock()
    sign = credentials(server, clock)
    assert [sign.token(), sign.token()] == ["a1", "a1"]
    clock.now += timedelta(seconds=161)
    assert sign.token() == "a1"
    clock.now += timedelta(seconds=2)
    assert sign.token() == "a2"
    assert server.asked[0].body == (b"grant_type=client_credentials&client_id=svc&client_secret=secret&scope=openid")
    assert not server.asked[0].signed
    assert server.asked[0].safe


def test_many_threads_with_one_dead_token_cause_one_sign_in() -> None:
    server = TokenServer(5400)
    sign = credentials(server, MovableClock())
    dead = sign.token()
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(sign.renew(dead))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(server.asked), set(found)) == (2, {"a2"})


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (404, '{"error":"Realm does not exist"}', "realm 'acmeprod'"),
        (401, '{"error":"invalid_client","error_description":"Invalid client credentials"}', "client id or the client"),
        (401, '{"error":"unauthorized_client","error_description":"Invalid client secret"}', "client secret"),
        (400, '{"error":"unauthorized_client","error_description":"not enabled"}', "by itself"),
        (400, '{"error":"invalid_scope"}', "scope"),
        (400, '{"error":"unsupported_grant_type"}', "unsupported_grant_type"),
        (200, "<html>welcome</html>", "no sign-in address"),
        (302, "", "no sign-in address"),
    ],
)
def test_a_refusal_says_what_is_likely_wrong(status: int, body: str, word: str) -> None:
    server = TokenServer()
    server.reply = WireReply(status, {}, body.encode())
    with pytest.raises(SignInRefused, match=word) as caught:
        credentials(server, MovableClock()).token()
    assert caught.value.remedy
    assert "secret'" not in str(caught.value)


class Pile(Generic[KeptT]):
    """A shelf in memory that several signers share, as processes do, and that remembers everything it was given."""

    def __init__(self, kept: KeptT | None = None) -> None:
        self.kept = kept
        self.given: list[KeptT] = []
        self.lock = threading.Lock()
        self.full = False

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self.lock:
            yield

    def look(self) -> KeptT | None:
        return self.kept

    def put(self, token: KeptT, /) -> None:
        if self.full:
            raise OSError("disk full")
        self.kept = token
        self.given.append(token)


CLIENT = SignInClient("http://h/oauth/token", "c", "s", "urn:x")


def refresh(server: TokenServer, clock: MovableClock, pile: Pile[TokenPair]) -> RefreshToken:
    return RefreshToken(CLIENT, pile, clock, server)


def pair(clock: MovableClock, life: float = 100) -> Pile[TokenPair]:
    return Pile(TokenPair("a0", "r0", clock().timestamp() + life))


def test_a_pair_is_marked_before_it_is_sent_and_kept_before_it_is_used() -> None:
    server, clock = TokenServer(5400), MovableClock()
    pile = pair(clock)
    sign = refresh(server, clock, pile)
    assert sign.token() == "a0"
    clock.now += timedelta(seconds=95)
    assert sign.token() == "a1"
    assert [(one.refresh, one.state) for one in pile.given] == [("r0", "sent"), ("r1", "")]
    assert b"refresh_token=r0" in (server.asked[0].body or b"")
    assert not server.asked[0].safe
    assert sign.renew("a1") == "a2"
    assert sign.renew("a1") == "a2"
    assert len(server.asked) == 2


def test_a_pair_that_cannot_be_kept_is_not_used_and_not_lost() -> None:
    server, clock = TokenServer(5400), MovableClock()
    pile = pair(clock, 0)
    sign = refresh(server, clock, pile)
    fetch = server.__call__

    def full(request: WireRequest, /) -> WireReply:
        pile.full = True
        return fetch(request)

    sign._call = full
    with pytest.raises(OSError, match="disk full"):
        sign.token()
    pile.full = False
    assert sign.token() == "a1"
    assert ([one.access for one in pile.given], len(server.asked)) == (["a0", "a1"], 1)


def test_a_lost_answer_kills_the_pair_for_everybody_and_only_that() -> None:
    server, clock = TokenServer(), MovableClock()
    pile = pair(clock)
    sign = refresh(server, clock, pile)
    for harmless in (HostUnreachable("away"), Unavailable("busy")):
        server.error = harmless
        with pytest.raises(type(harmless)):
            sign.renew("a0")
        assert pile.kept == TokenPair("a0", "r0", clock().timestamp() + 100)
    server.error = OutcomeUnknown("lost")
    with pytest.raises(SignInRefused, match="dead"):
        sign.renew("a0")
    server.error = None
    asked = len(server.asked)
    for one in (sign, refresh(server, clock, pile)):
        with pytest.raises(SignInRefused, match="found dead"):
            one.token()
    assert len(server.asked) == asked
    pile.kept = TokenPair("", "r9")  # a person authorized again
    assert sign.token() == f"a{asked + 1}"


def test_a_mark_whose_sender_is_gone_means_a_lost_answer() -> None:
    server, clock = TokenServer(), MovableClock()
    pile = Pile(TokenPair("a0", "r0", 0, "sent"))
    with pytest.raises(SignInRefused, match="never came") as caught:
        refresh(server, clock, pile).token()
    assert "Authorize the connection again" in caught.value.remedy
    assert server.asked == []
    assert pile.kept is not None
    assert pile.kept.state == "dead"


def test_a_burnt_refresh_token_is_not_tried_again() -> None:
    server, clock = TokenServer(), MovableClock()
    pile = pair(clock, 0)
    server.reply = WireReply(401, {}, b'{"error":"invalid_grant","error_description":"The refresh token is invalid"}')
    for _ in range(2):
        with pytest.raises(SignInRefused, match="dead"):
            refresh(server, clock, pile).token()
    assert len(server.asked) == 1


def test_a_dead_pair_gives_way_to_the_service_account_where_the_connection_allows_it() -> None:
    server, clock = TokenServer(5400), MovableClock()
    pile, tokens = Pile(TokenPair("a0", "r0", 0, "dead")), Pile[Shelved]()
    service = credentials(server, clock).shared(tokens)
    sign = RefreshToken(CLIENT, pile, clock, server, service)
    assert [sign.token(), sign.token()] == ["a1", "a1"]
    assert sign.renew("a1") == "a2"
    assert all(b"client_credentials" in (one.body or b"") for one in server.asked)
    assert [one.access for one in tokens.given] == ["a1", "a2"]


def test_processes_that_share_a_shelf_sign_in_once() -> None:
    server, clock, pile = TokenServer(180), MovableClock(), Pile[Shelved]()
    mine, theirs = (credentials(server, clock).shared(pile) for _ in range(2))
    assert [mine.token(), theirs.token()] == ["a1", "a1"]
    assert theirs.renew("a1") == "a2"
    assert mine.renew("a1") == "a2"
    other = ClientCredentials(URL, "svc", "a new secret", "openid", clock, server).shared(pile)
    assert other.token() == "a3"  # a token of another sign-in is nobody's proof
    clock.now += timedelta(seconds=170)
    assert mine.token() == "a4"


def test_many_processes_refresh_one_pair_once() -> None:
    server, clock = TokenServer(5400), MovableClock()
    pile = pair(clock, 0)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(refresh(server, clock, pile).token())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(server.asked), set(found)) == (1, {"a1"})


def opened(server: ScriptedServer, clock: MovableClock, at_once: int = 4, company: str = "10") -> Transport:
    """A side opened as a connection opens it."""

    def sign(call: Call) -> ClientCredentials:
        return ClientCredentials(f"{server.url}/token", "svc", "secret", "", clock, call)

    access = Access("secret", keep_nothing, clock, at_once)
    return transport_of("erp", "url", access, sign, tenant=f"{server.url} {company}")


def test_a_sign_in_is_given_up_before_the_database_ends_the_session_that_keeps_others_waiting() -> None:
    idle = int(_STUCK.rpartition("=")[2]) / 1000
    assert SIGN_IN.retry.budget + SIGN_IN.total_timeout <= idle - 5
    assert SIGN_IN.read_timeout <= SIGN_IN.total_timeout
    assert SIGN_IN.connect_timeout < SIGN_IN.total_timeout


@pytest.mark.parametrize("answers", ["never", "by drops", "away"])
def test_an_opened_side_signs_in_within_those_times_whatever_its_other_requests_may_take(
    answers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = Retry(attempts=99, first=0.05, longest=0.1, budget=0.2)
    limits = msgspec.structs.replace(SIGN_IN, connect_timeout=0.2, read_timeout=0.3, total_timeout=0.4, retry=quick)
    monkeypatch.setattr(opening, "SIGN_IN", limits)
    steps: dict[str, Step] = {
        "never": "silence",
        "by drops": b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{",
        "away": answer(503, retry_after="60"),
    }

    def drop_by_drop(peer: socket.socket) -> None:
        while True:
            peer.sendall(b" ")
            time.sleep(0.1)

    with ScriptedServer(steps[answers], then=drop_by_drop if answers == "by drops" else None) as server:
        started = time.monotonic()
        with pytest.raises(Unavailable):
            opened(server, MovableClock()).bearer()
        assert time.monotonic() - started < 3
        assert len(server.requests) == 1


def test_all_openings_on_one_tenant_share_the_places_for_requests() -> None:
    token = answer(200, b'{"access_token": "a", "expires_in": 999}')
    lock, most, now, started = threading.Lock(), [0], [0], threading.Semaphore(0)
    go = threading.Event()

    def count(request: bytes) -> bytes:
        if request.startswith(b"POST"):
            return token
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        started.release()
        go.wait(5)
        with lock:
            now[0] -= 1
        return answer()

    with ScriptedServer(always=count) as server:
        clock = MovableClock()
        first, second, other = opened(server, clock, 3), opened(server, clock, 3), opened(server, clock, 3, "20")
        sides = [first, second] * 5 + [other]
        for side in [*sides[:2], other]:
            side.bearer()
        threads = [threading.Thread(target=side, args=(WireRequest("GET", server.url),)) for side in sides]
        for thread in threads:
            thread.start()
        for _ in range(4):  # three of the one tenant and one of the other, whose places are its own
            assert started.acquire(timeout=5)
        assert not started.acquire(timeout=0.2)
        go.set()
        for thread in threads:
            thread.join()
    assert most[0] == 4
    assert len(server.requests) == 3 + len(sides)


def test_who_waits_for_its_turn_leaves_its_place_to_others_on_the_tenant() -> None:
    clock = MovableClock()
    with ScriptedServer(answer(200, b'{"access_token": "a", "expires_in": 999}')) as server:
        held, free = opened(server, clock, 1), opened(server, clock, 1)
        held.bearer(), free.bearer()
        held.pacing.hold(20)
        passed: list[int] = []

        def pause(seconds: float) -> None:
            other = threading.Thread(
                target=lambda: passed.append(free(WireRequest("GET", server.url)).status), daemon=True
            )
            other.start()
            other.join(5)
            clock.pause(seconds)

        held.pacing.pause = pause
        assert held(WireRequest("GET", server.url)).status == 200
        assert passed[:1] == [200]
