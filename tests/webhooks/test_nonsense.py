"""Whatever arrives at the socket: no 5xx, nothing kept that was not proved, and only the answers of the list."""

from __future__ import annotations

import json
import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .house import House, add_hook, body_of, event_at

NAMES = re.compile(rb"^(connection|content-length|content-type|cache-control|www-authenticate|allow|retry-after): ")
STATUSES = {200, 202, 400, 401, 403, 404, 405, 408, 413}
BODIES = {b"", b"ok\n", b"ready\n", b"not found\n", b"Invalid HTTP request received."}
GENTLE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

junk = st.binary(max_size=200)
part = st.one_of(
    st.sampled_from([b"webhooks", b"procore", b"ifs", b"north", b"..", b"%2e%2e", b"%00", b"", b"%ff", b"healthz"]),
    st.binary(max_size=20),
)
paths = st.lists(part, max_size=7).map(b"/".join)
methods = st.sampled_from(
    [b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT", b"TRACE", b"CONNECT", b"PRI", b"post", b"\x16"]
)
headers = st.lists(
    st.tuples(
        st.sampled_from(
            [b"Authorization", b"Content-Length", b"Transfer-Encoding", b"Expect", b"Upgrade", b"Connection", b"Host"]
        ),
        st.one_of(
            st.sampled_from(
                [b"Bearer x", b"0", b"5", b"-1", b"99999999999999999999", b"chunked", b"100-continue", b"websocket",
                 b"upgrade", b"close", b"5, 5", b"\xff"]
            ),
            st.binary(max_size=30),
        ),
    ),
    max_size=5,
)  # fmt: skip


def answers(heard: bytes) -> list[int]:
    """The statuses in what was heard; AssertionError for a header or a body that is on no list."""
    found = []
    for one in re.split(rb"(?=HTTP/1\.1 \d{3})", heard):
        if not one or one.startswith(b"HTTP/1.1 100"):
            continue
        head, _, body = one.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        found.append(int(lines[0].split()[1]))
        assert all(NAMES.match(line) for line in lines[1:]), head
        assert body in BODIES, one
    return found


@GENTLE
@given(method=methods, path=paths, lines=headers, body=junk)
@example(method=b"POST", path=b"/webhooks/procore/north/" + b"x" * 9000, lines=[], body=b"")
@example(method=b"POST", path=b"/webhooks/procore/north/x?" + b"x" * 9000, lines=[(b"Content-Length", b"0")], body=b"")
@example(method=b"GET", path=b"http://[::1/metrics", lines=[], body=b"")
@example(method=b"GET", path=b"/\xff", lines=[], body=b"")
def test_whatever_a_stranger_sends(
    house: House, method: bytes, path: bytes, lines: list[tuple[bytes, bytes]], body: bytes
) -> None:
    head = b"".join(name + b": " + value + b"\r\n" for name, value in [(b"Connection", b"close"), *lines])
    heard = house.raw(method + b" /" + path + b" HTTP/1.1\r\n" + head + b"\r\n" + body, seconds=0.05)
    assert set(answers(heard)) <= STATUSES - {202, 413}
    assert house.kept() == []


@GENTLE
@given(data=st.binary(max_size=600))
def test_whatever_bytes_come(house: House, data: bytes) -> None:
    assert set(answers(house.raw(data, seconds=0.02))) <= STATUSES - {202}
    assert house.kept() == []


leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
value = st.recursive(leaf, lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=5), deeper))
member = st.sampled_from(
    ["id", "ulid", "timestamp", "company_id", "project_id", "resource_type", "resource_name", "resource_id", "reason",
     "event_type", "metadata", "data"]
)  # fmt: skip


@GENTLE
@given(version=st.sampled_from(["v2.0", "v3.0", "v4.0"]), over=st.dictionaries(member, value, max_size=3))
def test_whatever_a_known_caller_says(house: House, version: str, over: dict[str, object]) -> None:
    """What is accepted is there, once, and can be read; what is not accepted is not there."""
    body = body_of(1, version, **over)
    house.tell(body)
    status = house.tell(body).status
    assert status in (202, 400, 403)
    with house.db.begin() as conn:
        conn.exec_driver_sql("SELECT happened_at FROM inbox").fetchall()
    assert [row[0] for row in house.rows("SELECT body FROM inbox")] == ([body] if status == 202 else [])
    with house.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM inbox")


def test_whatever_ifs_says(house: House) -> None:
    hook = add_hook(house.db, "north", "ifs")
    house.look()

    @GENTLE
    @given(form=st.dictionaries(st.text(max_size=12) | st.sampled_from(["object", "id", "company"]), value, max_size=4))
    @example(form={"object": "PurchaseOrder", "id": 1, "ID": "2"})
    def says(form: dict[str, object]) -> None:
        assert house.tell(json.dumps(form).encode(), hook).status in (202, 400, 403)

    says()


def test_a_replayed_request_is_kept_once_and_one_to_another_hook_is_none(house: House) -> None:
    other = add_hook(house.db, "north")
    house.look()
    body = body_of(1)
    for _ in range(3):
        assert house.tell(body).status == 202
        assert house.tell(body, other).status == 202
        assert house.call("POST", other.path, body, Authorization=house.hook.authorization).status == 401
    assert house.kept() == [event_at(1).ulid]
