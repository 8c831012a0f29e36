"""A multipart answer is taken apart part by part, or not at all."""

from __future__ import annotations

import pytest

from ml_connector.systems.ifs.batch import Unreadable, answers_in

KIND = "multipart/mixed; boundary=b1"
WHOLE = (
    b"--b1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b'HTTP/1.1 200 OK\r\nOData-Version: 4.0\r\n\r\n{"value":["--b1 inside"]}\r\n'
    b"--b1\r\ncontent-type: application/http; msgtype=response\r\n\r\nHTTP/1.1 404 \r\n\r\n\r\n"
    b"--b1\r\nContent-Type: Application/HTTP\r\n\r\nHTTP/1.1 204 No Content\r\n"
    b"--b1--\r\nand an epilogue"
)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (KIND, WHOLE),
        (KIND, WHOLE.replace(b"\r\n", b"\n")),
        ('Multipart/Mixed; charset=utf-8; Boundary="b1"', b"a preamble\r\n" + WHOLE),
        ('multipart/mixed; boundary="a+(b)?"', WHOLE.replace(b"--b1", b"--a+(b)?").replace(b"a+(b)? in", b"b1 in")),
    ],
)
def test_every_spelling_of_the_same_answer_reads_the_same(kind: str, body: bytes) -> None:
    first, second, third = answers_in(kind, body)
    assert (first.status, first.headers, first.body) == (200, {"odata-version": "4.0"}, b'{"value":["--b1 inside"]}')
    assert (second.status, third.status, third.body) == (404, 204, b"")


def test_a_boundary_ends_a_part_only_where_a_line_begins_with_it_and_holds_nothing_else() -> None:
    inside = b"x--b1\r\n--b1x\r\n ----b1--\r\n--b1 -\r\nx--b1--"
    (one, *rest) = answers_in(KIND, WHOLE.replace(b'{"value":["--b1 inside"]}', inside))
    assert (one.body, len(rest)) == (inside, 2)


def test_no_parts_are_no_answers() -> None:
    with pytest.raises(Unreadable):
        answers_in(KIND, b"")
    assert answers_in(KIND, b"--b1--\r\n") == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", WHOLE),
        ("application/json", WHOLE),
        ("multipart/mixed", WHOLE),
        ("multipart/mixed; boundary=b2", WHOLE),
        (KIND, WHOLE.replace(b"--b1--", b"")),
        (KIND, WHOLE.replace(b"--b1--", b"--b1-")),
        (KIND, WHOLE + WHOLE),
        (KIND, WHOLE[: len(WHOLE) // 2]),
        (KIND, WHOLE.replace(b"HTTP/1.1 404 ", b"HTTP/1.1 40 ")),
        (KIND, WHOLE.replace(b"HTTP/1.1 200", b"200")),
        (KIND, WHOLE.replace(b"Content-Type: application/http\r\n", b"")),
        (KIND, b"\xff\xfe--b1\x00"),
    ],
)
def test_what_is_no_whole_batch_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(Unreadable):
        answers_in(kind, body)
