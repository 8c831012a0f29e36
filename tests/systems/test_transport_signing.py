"""How tokens are got, kept, replaced and refused."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from ml_connector.kernel.errors import HostUnreachable, OutcomeUnknown, SignInRefused
from ml_connector.systems.signing import ClientCredentials, RefreshToken, SignInClient, TokenPair
from ml_connector.systems.wire import WireReply, WireRequest

from .scripted_server import MovableClock

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


def refresh(server: TokenServer, clock: MovableClock, kept: list[TokenPair]) -> RefreshToken:
    pair = TokenPair("a0", "r0", clock().timestamp() + 100)
    return RefreshToken(SignInClient("http://h/oauth/token", "c", "s", "urn:x"), pair, kept.append, clock, server)


def test_a_new_pair_is_kept_before_it_is_used() -> None:
    server, clock, kept = TokenServer(5400), MovableClock(), list[TokenPair]()
    sign = refresh(server, clock, kept)
    assert sign.token() == "a0"
    clock.now += timedelta(seconds=95)
    assert sign.token() == "a1"
    assert [pair.refresh for pair in kept] == ["r1"]
    assert b"refresh_token=r0" in (server.asked[0].body or b"")
    assert not server.asked[0].safe
    assert sign.renew("a1") == "a2"
    assert sign.renew("a1") == "a2"
    assert len(server.asked) == 2


def test_a_pair_that_cannot_be_kept_is_not_used_and_not_lost() -> None:
    server, clock = TokenServer(5400), MovableClock()
    kept: list[TokenPair] = []
    full = [True]

    def keep(pair: TokenPair) -> None:
        if full.pop() if full else False:
            raise OSError("disk full")
        kept.append(pair)

    sign = RefreshToken(SignInClient("http://h/t", "c", "s"), TokenPair("a0", "r0", 0), keep, clock, server)
    with pytest.raises(OSError, match="disk full"):
        sign.token()
    assert sign.token() == "a1"
    assert ([pair.access for pair in kept], len(server.asked)) == (["a1"], 1)


def test_a_lost_answer_kills_the_pair_and_only_that() -> None:
    server, clock, kept = TokenServer(), MovableClock(), list[TokenPair]()
    sign = refresh(server, clock, kept)
    server.error = HostUnreachable("away")
    with pytest.raises(HostUnreachable):
        sign.renew("a0")
    server.error = OutcomeUnknown("lost")
    with pytest.raises(SignInRefused, match="dead"):
        sign.renew("a0")
    server.error = None
    with pytest.raises(SignInRefused, match="no refresh token"):
        sign.renew("")
    assert kept == []
