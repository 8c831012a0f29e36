"""A stranger at the door gets one and the same answer, keeps nothing, learns nothing, and holds nobody up."""

from __future__ import annotations

import hmac
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from ml_connector.service import hook_book, refusals
from ml_connector.store import hooks
from ml_connector.webhooks import application, gatekeeper, protocol
from ml_connector.webhooks.serving import Door

from .house import COMPANY, Hook, House, add_connection, add_hook, body_of, call, flood


def strangers(house: House) -> dict[str, tuple[str, dict[str, str]]]:
    """Ways to be nobody: address and headers."""
    add_connection(house.db, "south", COMPANY + 1)
    other = add_hook(house.db, "south")
    ifs = add_hook(house.db, "north", "ifs")
    house.look()
    path, right = house.hook.path, {"Authorization": house.hook.authorization}
    return {
        "no secret": (path, {}),
        "an empty secret": (path, {"Authorization": ""}),
        "a wrong secret": (path, {"Authorization": house.hook.authorization[:-1]}),
        "another hook's secret": (path, {"Authorization": other.authorization}),
        "the bare secret": (path, {"Authorization": house.hook.authorization.removeprefix("Bearer ")}),
        "another connection's hook": (path.replace("north", "south"), right),
        "an unknown hook": (path[:-1], right),
        "an unknown connection": ("/webhooks/procore/west/x", right),
        "the other door": (path.replace("procore", "ifs"), right),
        "IFS's hook at Procore's door": (ifs.path.replace("/ifs/", "/procore/"), {"Authorization": ifs.authorization}),
    }


def test_whatever_is_wrong_the_answer_is_the_same_and_nothing_is_kept(house: House) -> None:
    said = {}
    for name, (path, headers) in strangers(house).items():
        found = house.call("POST", path, body_of(1), **headers)
        said[name] = (found.status, found.body, tuple(sorted(found.headers.items())))
    [(status, body, headers)] = set(said.values())
    assert (status, body) == (401, b"")
    assert dict(headers) == {"www-authenticate": "Bearer", "content-length": "0"}
    assert house.kept() == []


def test_two_secrets_in_one_request_are_none(house: House) -> None:
    line = f"Authorization: {house.hook.authorization}\r\nConnection: close\r\n".encode()
    body = body_of(1)
    head = f"POST {house.hook.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
    assert house.raw(head + line + b"\r\n" + body).startswith(b"HTTP/1.1 202 ")
    assert house.raw(head + line + line + b"\r\n" + body).startswith(b"HTTP/1.1 401 ")


def test_a_new_hook_and_a_new_secret_are_known_at_once_and_a_removed_one_soon_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gatekeeper, "EAGER", 0.05)
    monkeypatch.setattr(gatekeeper, "FRESH", 0.1)
    assert house.tell(body_of(1)).status == 202
    time.sleep(0.06)
    second = add_hook(house.db, "north")
    assert house.tell(body_of(2), second).status == 202
    with house.db.begin() as conn:
        conn.exec_driver_sql("UPDATE hooks SET state = 'gone'")
    time.sleep(0.11)
    house.tell(body_of(3))  # may still be let in, and is the reason to look
    deadline = time.monotonic() + 2
    while house.tell(body_of(3)).status != 401:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_strangers_make_the_door_look_up_hooks_once_a_second_at_most(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert house.tell(body_of(1)).status == 202
    looks: list[float] = []
    at_the_door = hooks.at_the_door
    monkeypatch.setattr(hooks, "at_the_door", lambda conn: (looks.append(time.monotonic()), at_the_door(conn))[1])
    until = time.monotonic() + 1.3
    while time.monotonic() < until:
        assert house.call("POST", "/webhooks/procore/west/x", b"{}").status == 401
    assert 1 <= len(looks) <= 2


def test_an_event_of_another_company_is_refused_and_audited_but_not_a_row_each(own: House) -> None:
    for number in range(1, 31):
        assert own.tell(body_of(number, company_id=str(COMPANY + 1))).status == 403
    assert own.kept() == []
    own.door.stop()
    rows = own.rows("SELECT actor, tag, details FROM audit ORDER BY seq")
    assert 1 <= len(rows) <= 2
    assert {row[:2] for row in rows} == {("door", "event:receive:refused")}
    assert sum(json.loads(row[2])["times"] for row in rows) == 30
    assert json.loads(rows[0][2])["company"] == str(COMPANY + 1)
    assert own.rows("SELECT name, value FROM counters") == [(refusals.FOREIGN, 30)]
    [alert] = own.rows("SELECT key, severity, sentence, remedy FROM alerts")
    assert alert[:2] == ("refused/company", "warning")
    assert "projects.company_id" in alert[3]
    assert "webhooks sync" not in alert[3], "a new secret does not help"


def test_an_event_that_cannot_be_read_holds_procore_up_and_people_hear_of_it(own: House) -> None:
    closed = add_hook(own.db, "north", "ifs")
    own.look()
    assert own.tell(b"{}").status == 400
    assert own.tell(b"x" * (application.MOST_BODY + 1)).status == 413
    assert own.tell(b"{}", closed).status == 400
    own.door.stop()
    rows = own.rows("SELECT details FROM audit WHERE tag = 'event:receive:refused' ORDER BY seq")
    assert {json.loads(row[0])["hook"] for row in rows} == {one.path.rpartition("/")[2] for one in (own.hook, closed)}
    assert own.rows("SELECT name, value FROM counters") == [(refusals.UNREADABLE, 3)]
    assert [row[0] for row in own.rows("SELECT key FROM alerts")] == ["refused/unread"]


def test_what_ifs_sends_and_nobody_can_read_is_audited_and_no_alarm(own: House) -> None:
    closed = add_hook(own.db, "north", "ifs")
    own.look()
    assert own.tell(b"{}", closed).status == 400
    own.door.stop()
    assert len(own.rows("SELECT 1 FROM audit WHERE tag = 'event:receive:refused'")) == 1
    assert own.rows("SELECT key FROM alerts") == []


def test_a_refusal_is_logged_with_its_connection_and_a_name_that_is_none_of_ours_is_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "_QUIET", 0.0)
    house.door.application._refusals.clear()
    with capture_logs() as logged:
        house.tell(b"{}")
        house.tell(b"{}", Authorization="Bearer of nothing")
        house.call("POST", "/webhooks/procore/hush/x", b"{}")
        until = time.monotonic() + 5
        while len(logged) < 3 and time.monotonic() < until:
            time.sleep(0.005)
    assert [(one["connection"], one["status"]) for one in logged] == [("north", 400), ("north", 401), ("", 401)]
    assert {one["event"] for one in logged} == {"door.refused"}


def test_secrets_are_compared_by_hashes_of_one_length_in_constant_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int, bool]] = []

    class Watched:
        @staticmethod
        def compare_digest(one: bytes, other: bytes) -> bool:
            same = hmac.compare_digest(one, other)
            compared.append((len(one), len(other), same))
            return same

    monkeypatch.setattr(hook_book, "hmac", Watched)
    book, slug = house.door.application.gate.book, house.hook.path.rpartition("/")[2]
    right = house.hook.authorization.encode()
    book.refresh()
    for about in (
        ("procore", "north", slug),
        ("procore", "north", "x"),
        ("procore", "west", slug),
        ("ifs", "north", slug),
    ):
        for secret in (right, right[:-1], b"", b"x" * 5000):
            before = len(compared)
            let_in = book.admit(*about, secret) is not None
            assert let_in == (about == ("procore", "north", slug) and secret == right)
            [(mine, kept, same)] = compared[before:]
            assert (mine, kept, same) == (32, 32, let_in)


NO_EVENTS = [
    b"", b"null", b"[]", b"{", b'{"id": 1}', b"[" * 60_000, b'{"x":' * 12_000, body_of(1, company_id=...),
    body_of(1, id=...), body_of(1, id=""), body_of(1, id="\0"), body_of(1, id="x" * 201), body_of(1, id=[1]),
    body_of(1, id=True), body_of(1, id=1.5), body_of(1, resource_id=...), body_of(1, resource_type=None),
    body_of(1, project_id={}), body_of(1)[:-1], body_of(1) + b"x", b"\xff" + body_of(1),
    body_of(1).replace(b"Purchase", b"\xff"),
]  # fmt: skip


def test_what_is_no_event_is_refused_and_not_kept(house: House) -> None:
    for body in NO_EVENTS:
        said = house.tell(body)
        assert (said.status, said.body) == (400, b""), body[:60]
    assert house.kept() == []


def test_an_odd_time_is_no_reason_to_lose_an_event(house: House) -> None:
    odd = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "yesterday", 12, None, "2026-11-27T12:00:00"]
    for number, at in enumerate(odd, 1):
        assert house.tell(body_of(number, timestamp=at)).status == 202
    assert [row[0] is not None for row in house.rows("SELECT happened_at FROM inbox ORDER BY id")] == [False] * 5 + [
        True
    ]


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(house: House) -> None:
    head = _head(house.hook, f"Content-Length: {application.MOST_BODY + 1}")
    assert house.raw(head).startswith(b"HTTP/1.1 413 ")
    assert house.tell(body_of(1, data="x" * (application.MOST_BODY - 1000))).status == 202


def test_an_endless_body_is_cut_off_at_the_limit(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.door.port), timeout=5) as wire:
        wire.sendall(_head(house.hook, "Transfer-Encoding: chunked"))
        assert flood(wire, b"4000\r\n" + b"x" * 0x4000 + b"\r\n", 20_000_000) < 5_000_000
    assert house.kept() == []


def test_a_slow_body_is_not_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "BODY_SECONDS", 0.2)
    body = body_of(1)
    with socket.create_connection(("127.0.0.1", house.door.port), timeout=5) as wire:
        wire.sendall(_head(house.hook, f"Content-Length: {len(body)}") + body[:10])
        time.sleep(0.1)
        wire.sendall(body[10:11])
        heard = wire.recv(1000)
        assert heard.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in heard
        assert wire.recv(1000) == b""
    assert house.kept() == []


@pytest.mark.parametrize("start", [b"", b"POST /web", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n"])
def test_a_slow_head_is_not_waited_for(house: House, monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    """Also not one that begins after an answer, nor one that never begins: both keep nobody's place."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", house.door.port), timeout=5) as wire:
        wire.sendall(start)
        if start.startswith(b"GET"):
            assert wire.recv(1000).startswith(b"HTTP/1.1 200 ")
        wire.sendall(b"\r\n" if start in (b"\r\n", b"") or start.startswith(b"GET") else b"hooks")
        began = time.monotonic()
        assert wire.recv(1000) == b""
        assert time.monotonic() - began < 2


def test_an_endless_head_is_cut_off(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.door.port), timeout=5) as wire:
        wire.sendall(b"POST /x HTTP/1.1\r\n")
        assert flood(wire, b"x: " + b"y" * 10_000 + b"\r\n", 20_000_000) < 12_000_000, "what both kernels hold"


@pytest.mark.parametrize(
    ("start", "part", "status"),
    [(b"GET /x", b"y" * 10_000, b"414"), (b"GET /x HTTP/1.1\r\nHost: x\r\nCookie: ", b"y" * 10_000, b"431")],
)
def test_a_head_that_is_too_long_is_told_so(house: House, start: bytes, part: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", house.door.port), timeout=5) as wire:
        wire.sendall(start)
        for _ in range(6):
            wire.sendall(part)
            time.sleep(0.01)
        said = wire.recv(1000)
        assert said.startswith(b"HTTP/1.1 " + status + b" ")
        assert b"connection: close" in said
        assert wire.recv(1000) == b""


def test_who_only_occupies_a_place_makes_room_for_who_has_something_to_say(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 20)
    idlers = [socket.create_connection(("127.0.0.1", house.door.port), timeout=5) for _ in range(40)]
    try:
        assert house.tell(body_of(1)).status == 202
        assert idlers[0].recv(10) == b""
    except ConnectionResetError:
        assert house.kept()
    finally:
        for wire in idlers:
            wire.close()


LARGE = 1_000_000


async def large(scope: Any, _receive: Any, send: Any) -> None:
    """A site all of whose answers are large, and made part by part or all at once."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
    parts = 1 if scope["path"] == "/whole" else 20
    for part in range(1, parts + 1):
        await send({"type": "http.response.body", "body": b"x" * (LARGE // parts), "more_body": part < parts})


@pytest.fixture(scope="module")
def hall(standing: House) -> Iterator[Door]:
    """A door with a site behind it."""
    door = Door(standing.app, port=0, site=large)
    door.start()
    yield door
    door.stop()


def asked(door: Door, times: int = 1, most: int = 4096, path: str = "/") -> socket.socket:
    """A caller with a small buffer who asked for that, and has taken nothing of it."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, most)
    wire.settimeout(5)
    wire.connect(("127.0.0.1", door.port))
    wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * times)
    return wire


def taken(wire: socket.socket, part: int = 1_000_000, pause: float = 0.0) -> int:
    """How many bytes of an answer come, until there are enough or the door hangs up."""
    found = 0
    with suppress(OSError):
        while found < LARGE and (some := wire.recv(part)):
            found += len(some)
            time.sleep(pause)
    return found


@pytest.mark.parametrize("path", ["/", "/whole"])
def test_who_takes_no_answer_makes_room(hall: Door, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 10)
    with ExitStack() as held:
        silent = [held.enter_context(asked(hall, path=path)) for _ in range(15)]
        time.sleep(0.1)
        for _ in range(5):
            assert call(hall.port, "GET", "/healthz").status == 200
        assert taken(silent[0]) < LARGE, "the one that came first went first"


def test_an_answer_that_nobody_takes_is_not_kept_and_one_taken_slowly_is(
    hall: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "ANSWER_SECONDS", 0.2)
    with capture_logs() as logged, ExitStack() as held:
        silent, slow = held.enter_context(asked(hall, 3)), held.enter_context(asked(hall, most=50_000))
        assert taken(slow, 50_000, 0.03) >= LARGE
        assert taken(silent) < LARGE
        time.sleep(0.05)
    assert [one for one in logged if one["event"] == "door.failed"] == []


def test_nobody_asks_far_ahead_of_the_answers(hall: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    with asked(hall, protocol.MOST_AHEAD) as eager:
        assert taken(eager) >= LARGE
    with asked(hall, protocol.MOST_AHEAD + 2) as greedy:
        assert taken(greedy) < LARGE


def test_known_callers_have_a_limit_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "MOST_AT_ONCE", 0)
    assert house.tell(body_of(1)).status == 503
    assert house.kept() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_refused_without_a_word(house: House, method: str) -> None:
    said = house.call(method, house.hook.path, Authorization=house.hook.authorization)
    assert (said.status, said.body) == (405, b"")
    other = house.call(method, "/webhooks/procore/north")
    assert other.status == 404
    assert other.body == (b"" if method == "HEAD" else b"not found\n")


def test_no_answer_names_what_serves_it(house: House) -> None:
    for method, path in (("GET", "/"), ("GET", "/healthz"), ("POST", house.hook.path), ("GET", "/docs")):
        said = house.call(method, path)
        assert not {"server", "date", "x-powered-by"} & set(said.headers)
    assert b"uvicorn" not in house.raw(b"\x16\x03\x01 nonsense\r\n\r\n").lower()


def _head(hook: Hook, line: str) -> bytes:
    return f"POST {hook.path} HTTP/1.1\r\nHost: x\r\nAuthorization: {hook.authorization}\r\n{line}\r\n\r\n".encode()
