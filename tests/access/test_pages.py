"""The pages of coming in and going out, of users, tokens and oneself, over the real door."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import msgspec
import pytest
from structlog.testing import capture_logs

from ml_connector.access import openid, signing_in
from ml_connector.access.openid_provider import Provider
from ml_connector.access.throttle import place_of
from ml_connector.console import application
from ml_connector.console.application import console
from ml_connector.console.pages.sign_in import BACK, inside
from ml_connector.settings import OpenId
from ml_connector.web import limits
from ml_connector.web.threads import AT_ONCE
from ml_connector.webhooks import protocol
from ml_connector.webhooks.serving import Door

from .people import ADAM, ANNA, PASSWORD, Hall
from .provider import CLIENT, SECRET, provided
from .test_openid import visit as at_the_provider
from .visitor import Visitor


@pytest.fixture(scope="module")
def door(people: Hall) -> Iterator[Door]:
    """The console's door."""
    made = Door(people.app, port=0, site=console(people.app))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def visitor(people: Hall, door: Door) -> Visitor:
    """Somebody nobody knows, where nobody tried to sign in."""
    people.do("DELETE FROM sign_ins")
    return Visitor(door.url)


def entered(visitor: Visitor, name: str, password: str = PASSWORD, to: str = "") -> str:
    """Signs in at the page; where it leads."""
    visitor.get("/sign-in")
    return visitor.post("/sign-in", ("name", name), ("password", password), ("to", to))


def begun(door: Door, length: int = 1000, body: bytes = b"n") -> socket.socket:
    """A stranger who begins to sign in, and sends no more than the beginning."""
    wire = socket.create_connection(("127.0.0.1", door.port), timeout=5)
    head = f"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n"
    wire.sendall(head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body)
    return wire


def test_strangers_who_send_slowly_keep_nobody_out(
    door: Door, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Neither by the places of their forms nor, further on, by their connections."""
    monkeypatch.setattr(limits, "STRANGERS", 5)
    slow = [begun(door) for _ in range(8)]
    request.addfinalizer(lambda: [wire.close() for wire in slow])
    assert entered(visitor, ANNA) == "/"
    slow[0].settimeout(2)
    said = slow[0].recv(10_000).lower()
    assert said.startswith(b"http/1.1 503 ")
    assert b"\r\nretry-after: 5\r\n" in said
    monkeypatch.setattr(limits, "STRANGERS", 500)
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 20)
    slow += [begun(door) for _ in range(40)]
    assert visitor.get("/sign-in?to=/tokens") == "/tokens"
    assert Visitor(door.url).get("/healthz") == "ok\n"


def test_a_stranger_sends_little_and_soon(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STRANGE_SECONDS", 0.2)
    with begun(door) as slow:
        assert slow.recv(10_000).startswith(b"HTTP/1.1 408 ")
    with begun(door, 20_000, b"name=" + b"x" * 19_995) as large:
        said = large.recv(10_000)
        assert said.startswith(b"HTTP/1.1 413 ")
        assert b"more than 16 KB" in said + large.recv(100_000)


def test_who_hangs_up_is_no_failure_of_ours_and_one_of_ours_is_logged_once(
    door: Door, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "ANSWER_SECONDS", 0.1)
    font = b"GET /static/inter-latin-ext.woff2 HTTP/1.1\r\nHost: x\r\n\r\n"
    with capture_logs() as logged:
        begun(door).close()
        with socket.socket() as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            silent.connect(("127.0.0.1", door.port))
            silent.sendall(font * 10)
            time.sleep(0.3)
            silent.settimeout(2)
            heard = b"."
            with suppress(ConnectionResetError):
                while heard:
                    heard = silent.recv(100_000)
        visitor.get("/healthz")
        assert logged == []
        monkeypatch.setattr(application, "_stranger", lambda _: 1 // 0)
        visitor.get("/nothing")
        Visitor(door.url).get("/healthz")
    assert visitor.status == 500
    assert [(one["event"], one["error"]) for one in logged] == [("console.failed", "ZeroDivisionError")]
    assert logged[0]["reference"] in visitor.text


def test_a_provider_that_takes_long_keeps_only_those_waiting_who_come_by_it(
    people: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "ABROAD_SECONDS", 0.2)
    door = Door(people.app, port=0, site=console(people.app))
    door.start()
    visitor = Visitor(door.url)
    entered(visitor, ANNA)
    over = threading.Event()
    before = people.app.settings
    people.app.settings = msgspec.structs.replace(before, openid=OpenId("https://slow.example", CLIENT, SECRET))
    monkeypatch.setattr(Provider, "_fetched", lambda *_: over.wait(10) and b"{}")
    openid._provider.cache_clear()
    callers = [socket.create_connection(("127.0.0.1", door.port), timeout=8) for _ in range(AT_ONCE + 4)]
    try:
        for wire in callers:
            wire.sendall(b"GET /sign-in/company HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        began = time.monotonic()
        for _ in range(3):
            assert ANNA in visitor.get("/me")
        assert callers[-1].recv(1000).startswith(b"HTTP/1.1 503 ")
        assert time.monotonic() - began < 3
    finally:
        over.set()
        for wire in callers:
            wire.close()
        people.app.settings = before
        openid._provider.cache_clear()
        door.stop()


def test_a_stranger_is_led_to_the_sign_in_page_and_back(visitor: Visitor) -> None:
    assert visitor.get("/me?x=1") == "/sign-in?to=%2Fme%3Fx%3D1"
    assert 'value="/me?x=1"' in visitor.get("/sign-in?to=%2Fme%3Fx%3D1")
    assert visitor.headers["cache-control"] == "no-store"
    assert entered(visitor, ANNA, to="/me?x=1") == "/me?x=1"
    assert set(visitor.cookies) == {"mlc"}
    assert ANNA in visitor.get("/me")
    assert "&lt;b&gt;browser" in visitor.text
    assert visitor.get("/sign-in?to=/tokens") == "/tokens"


def test_the_cookie_is_for_no_script_and_no_other_site(people: Hall, visitor: Visitor, door: Door) -> None:
    entered(visitor, ANNA)
    said = visitor.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert "path=/" in said
    assert "domain" not in said
    safe = Door(people.app, port=0, site=console(people.app, https=True))
    safe.start()
    try:
        other = Visitor(safe.url)
        entered(other, ANNA)
        assert set(other.cookies) == {"__Host-mlc"}
        assert "; secure" in other.headers["set-cookie"].lower()
    finally:
        safe.stop()


@pytest.mark.parametrize(
    ("to", "leads"),
    [
        ("/c/north/inbox?q=1", "/c/north/inbox?q=1"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/ok\r\nset-cookie: x", "/"),
        ("me", "/"),
        ("/sign-out", "/"),
        ("/sign-in", "/"),
        ("/c/north/inbox?q=" + "x" * 4000, "/"),
        ("/c/north/inbox?q=" + "é" * 1000, "/"),
    ],
    ids=lambda text: text[:30],
)
def test_signing_in_leads_to_no_other_site(to: str, leads: str) -> None:
    assert inside(to) == leads


def test_a_long_address_keeps_nobody_out(people: Hall, visitor: Visitor) -> None:
    assert entered(visitor, ANNA, to="/c/north/inbox?q=" + "x" * 5000) == "/"
    assert ANNA in visitor.get("/me")


def test_a_wrong_password_is_said_beside_the_form(visitor: Visitor) -> None:
    entered(visitor, 'anna"><script>', "wrong <b>")
    assert visitor.status == 400
    assert "The name or the password is not right." in visitor.text
    assert "<script>alert" not in visitor.text
    assert "anna&#34;&gt;&lt;script&gt;" in visitor.text
    assert "wrong" not in visitor.text
    for _ in range(5):
        entered(visitor, ANNA, "wrong")
    assert entered(visitor, ANNA)
    assert visitor.status == 429
    assert int(visitor.headers["retry-after"]) in (1, 2)
    assert "Try again in" in visitor.text
    for wrong in ("\x00", "\ud800", "x" * 100_000):
        visitor.post("/sign-in", ("name", wrong.encode(errors="replace").decode()), ("password", "p"))
        assert visitor.status in (400, 413, 429)


def test_a_form_of_another_site_signs_nobody_in_or_out(people: Hall, visitor: Visitor) -> None:
    visitor.post("/sign-in", ("name", ANNA), ("password", PASSWORD), sec_fetch_site="cross-site")
    assert visitor.status == 403
    assert not visitor.cookies
    entered(visitor, ANNA)
    visitor.get("/me")
    visitor.post("/sign-out", csrf="guessed")
    assert visitor.status == 403
    visitor.post("/sign-out", sec_fetch_site="cross-site")
    assert visitor.status == 403
    visitor.get("/me")
    assert visitor.status == 200


def test_signing_out_ends_a_stolen_cookie(visitor: Visitor, door: Door) -> None:
    entered(visitor, ANNA)
    thief = Visitor(door.url)
    thief.cookies = dict(visitor.cookies)
    assert ANNA in thief.get("/me")
    visitor.get("/me")
    assert visitor.post("/sign-out") == "/sign-in"
    assert visitor.cookies.keys() <= {"mlc-said"}
    assert thief.get("/me").startswith("/sign-in")
    assert thief.post("/me/zone", ("zone", "UTC")) == "/sign-in"


def test_a_link_is_spent_by_its_button_and_a_newcomer_chooses_a_password(people: Hall, visitor: Visitor) -> None:
    entered(visitor, ADAM)
    visitor.get("/users")
    fields = (("name", "nora"), ("role", "operator"), ("title", "<i>Nora</i>"), ("email", "nora@north.example"))
    visitor.post("/users", *fields)
    assert visitor.status == 200
    assert "&lt;i&gt;Nora" in visitor.text
    path = "/sign-in/once/" + visitor.found(r"/sign-in/once/([A-Za-z0-9_-]+)")
    newcomer = Visitor(f"http://{visitor.netloc}")
    for _ in range(2):
        newcomer.get(path)
        assert newcomer.status == 200
        assert not newcomer.cookies
    assert newcomer.post(path) == "/me"
    assert "Choose a password now" in newcomer.get("/me")
    newcomer.post("/me/password", ("new", "short"), ("again", "short"))
    assert newcomer.status == 400
    newcomer.post("/me/password", ("new", "nine green kettles"), ("again", "ten green kettles"))
    assert "not the same" in newcomer.text
    before = dict(newcomer.cookies)
    assert newcomer.post("/me/password", ("new", PASSWORD), ("again", PASSWORD)) == "/me"
    assert newcomer.cookies["mlc"] != before["mlc"]
    assert "Present password" in newcomer.get("/me")
    late = Visitor(f"http://{visitor.netloc}")
    late.get(path)
    late.post(path)
    assert late.status == 400
    assert "used already" in late.text
    assert entered(late, "nora") == "/"


def test_an_administrator_looks_after_users(people: Hall, visitor: Visitor, door: Door) -> None:
    name = people.somebody("operator", PASSWORD)
    theirs = Visitor(door.url)
    entered(theirs, name)
    entered(visitor, ADAM)
    page = f"/users/{name}"
    visitor.get(page)
    assert "a &lt;b&gt;browser" in visitor.text
    assert visitor.post(page, ("title", "Somebody Else"), ("email", f"{name}@north.example")) == page
    assert visitor.post(f"{page}/role", ("role", "approver")) == page
    assert theirs.get("/me").startswith("/sign-in")
    assert "Somebody Else" in visitor.get(page)
    entered(theirs, name)
    session = users_session(visitor, page)
    assert visitor.post(f"{page}/sessions", ("session", session)) == page
    visitor.post(f"{page}/sessions", ("session", session))
    assert visitor.status == 404
    visitor.get(page)
    assert visitor.post(f"{page}/disable") == page
    visitor.post(f"{page}/link")
    assert visitor.status == 400
    assert visitor.post(f"{page}/enable") == page
    visitor.post(f"{page}/link")
    assert "/sign-in/once/" in visitor.text
    visitor.post(page, ("email", "no address"))
    assert visitor.status == 400
    assert "is no e-mail address" in visitor.text
    visitor.post(f"{page}/role", ("role", "king"))
    assert visitor.status == 400
    visitor.get("/users")
    assert visitor.post(f"{page}/remove") == "/users"
    visitor.get(page)
    assert visitor.status == 404
    visitor.get("/users?sort=role&down=true&role=admin&state=active&q=ad")
    assert f'href="/users/{ADAM}"' in visitor.text
    visitor.get("/users?sort=password")
    assert visitor.status == 400
    assert "Name,Called,Role" in visitor.get("/users?as=csv")
    people.do("UPDATE users SET role = 'approver' WHERE name = 'ada'")
    visitor.get(f"/users/{ADAM}")
    visitor.post(f"/users/{ADAM}/role", ("role", "viewer"))
    assert "last administrator" in visitor.text
    people.do("UPDATE users SET role = 'admin' WHERE name = 'ada'")


def users_session(visitor: Visitor, page: str) -> str:
    """The short id of the one session a user's page lists."""
    visitor.get(page)
    return visitor.found(r'name="session" value="([0-9a-f]+)"')


def test_others_see_no_users_and_only_their_own_tokens(people: Hall, visitor: Visitor, door: Door) -> None:
    entered(visitor, ANNA)
    for path in ("/users", f"/users/{ADAM}"):
        visitor.get(path)
        assert visitor.status == 403
    visitor.get("/tokens")
    assert "configure" not in visitor.found(r'(?s)id="add"(.*?)</form>')
    made = (("name", "=report <b>"), ("scopes", "look"), ("scopes", "work"), ("days", "30"))
    visitor.post("/tokens", *made)
    token = visitor.found(r"(mlc_[A-Za-z0-9_-]+)")
    found = signing_in.principal_of_token(people.app, token)
    assert found is not None
    assert sorted(found.permissions) == ["look", "work"]
    assert token not in visitor.get("/tokens")
    assert "=report &lt;b&gt;" in visitor.text
    assert "Look, Work<" in visitor.text
    assert "'=report" in visitor.get("/tokens?as=csv")
    visitor.get("/tokens")
    for wrong in (
        (("name", ""), ("scopes", "look"), ("days", "30")),
        (("name", "x"), ("days", "30")),
        (("name", "x"), ("scopes", "users"), ("days", "30")),
        (("name", "x"), ("scopes", "look"), ("days", "9000")),
        (("name", "x"), ("scopes", "look"), ("days", "soon")),
    ):
        visitor.post("/tokens", *wrong)
        assert visitor.status == 400
    other = Visitor(door.url)
    entered(other, "ada")
    assert ANNA in other.get("/tokens?user=anna.f")
    number = found.by
    stranger = Visitor(door.url)
    stranger.cookies["mlc"] = people.session(people.somebody("operator")).cookie
    assert "=report" not in stranger.get(f"/tokens?user={ANNA}")
    stranger.post(f"/tokens/{number}/revoke")
    assert stranger.status == 404
    assert visitor.post(f"/tokens/{number}/revoke", csrf=visitor.word) == "/tokens"
    assert signing_in.principal_of_token(people.app, token) is None


def test_ones_own_zone_and_sessions(people: Hall, visitor: Visitor, door: Door) -> None:
    entered(visitor, ANNA)
    other = Visitor(door.url)
    entered(other, ANNA)
    visitor.get("/me")
    assert visitor.post("/me/zone", ("zone", "Europe/Oslo")) == "/me"
    visitor.get("/me")
    assert '<option value="Europe/Oslo" selected>' in visitor.text
    visitor.post("/me/zone", ("zone", "../../etc/passwd"))
    assert visitor.status == 400
    visitor.get("/me")
    visitor.post("/me/password", ("old", "not it at all"), ("new", "x" * 30), ("again", "x" * 30))
    assert visitor.status == 400
    assert visitor.post("/me/sign-out") == "/sign-in"
    assert other.get("/me").startswith("/sign-in")
    people.do("UPDATE users SET zone = ''")


def test_the_company_signs_people_in(people: Hall, visitor: Visitor, door: Door) -> None:
    assert "company" not in visitor.get("/sign-in")
    visitor.get("/sign-in/company")
    assert visitor.status == 400
    with provided() as provider:
        before = people.app.settings
        people.app.settings = msgspec.structs.replace(before, openid=OpenId(provider.url, CLIENT, SECRET))
        openid._provider.cache_clear()
        people.do("UPDATE users SET issuer = %s, subject = 'u-1' WHERE name = %s", provider.url, ANNA)
        try:
            assert 'href="/sign-in/company?to=%2Fme"' in visitor.get("/sign-in?to=/me")
            url = visitor.get("/sign-in/company?to=/me")
            assert set(visitor.cookies) == {"mlc-openid"}
            answer = back_from(url, door.url)
            thief = Visitor(door.url)
            thief.get(answer)
            assert thief.status == 403
            url = visitor.get("/sign-in/company?to=/me")
            assert visitor.get(back_from(url, door.url)) == "/me"
            assert set(visitor.cookies) == {"mlc"}
            assert "OpenID" in visitor.get("/me")
            provider.wrong = {"down": True}
            openid._provider.cache_clear()
            thief.get("/sign-in/company")
            assert thief.status == 503
        finally:
            people.app.settings = before


def back_from(url: str, door: str) -> str:
    """The path a browser comes back to from the provider."""
    return at_the_provider(url, door + BACK)


def test_a_proxy_of_ours_says_where_somebody_comes_from(people: Hall, visitor: Visitor) -> None:
    before = people.app.settings
    people.app.settings = msgspec.structs.replace(before, proxies=("127.0.0.1/32",))
    try:
        visitor.post("/sign-in", ("name", ANNA), ("password", PASSWORD), x_forwarded_for="made up, 198.51.100.9")
    finally:
        people.app.settings = before
    assert people.do("SELECT address FROM sign_ins WHERE well") == [(place_of("198.51.100.9"),)]
