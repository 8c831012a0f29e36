"""`$batch`: a multipart of requests and atomic change sets, carried out in order (facts/ifs.md section 8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from ml_connector.sandbox.http import Response
from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.refusals import IfsRefused, bad_request, not_allowed
from ml_connector.sandbox.ifs.service import Call, Result, serve

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_REFERENCE = re.compile(r"^/?\$([^/?]+)")
_RESPONSE_BOUNDARY = "batch_answer"
_SET_BOUNDARY = "changeset_answer"

_REASONS = {200: "OK", 201: "Created", 204: "No Content"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body: its own headers (lower case) and what follows them."""

    headers: Mapping[str, str]
    content: bytes

    @property
    def content_id(self) -> str | None:
        """The Content-ID of the part."""
        return self.headers.get("content-id")


Made = dict[str, tuple[str, Row]]
"""What earlier parts of a change set created, by Content-ID: address and row."""


def serve_batch(db: Database, call: Call) -> Response:
    """Answers a batch with 200 and a part per request; a failed change set leaves no trace and gives one error part.

    Without `Prefer: odata.continue-on-error` nothing is done after the first error. The channel has authorised the
    whole batch already.
    """
    if call.method != "POST":
        raise not_allowed(f"{call.method} on $batch")
    goes_on = "continue-on-error" in call.headers.get("prefer", "").lower()
    answers: list[bytes] = []
    for part in _parts(call.body, call.headers.get("content-type", "")):
        answer, failed = _part(db, call, part)
        answers.append(answer)
        if failed and not goes_on:
            break
    kind = f"multipart/mixed; boundary={_RESPONSE_BOUNDARY}"
    return Response(200, (("content-type", kind), ("odata-version", "4.0")), _joined(answers, _RESPONSE_BOUNDARY))


def _part(db: Database, call: Call, part: Part) -> tuple[bytes, bool]:
    if part.headers.get("content-type", "").startswith("multipart/mixed"):
        return _change_set(db, call, part)
    mark = db.mark()
    try:
        response = _single(db, call, part, {}).response
    except IfsRefused as refused:
        db.rollback(mark)
        response = refused.response(db.switches)
    return _shown(response, part.content_id), response.status >= 400


def _change_set(db: Database, call: Call, part: Part) -> tuple[bytes, bool]:
    mark, made, answers = db.mark(), Made(), []
    inner: Part | None = None
    try:
        for inner in _parts(part.content, part.headers["content-type"]):
            answers.append(_shown(_in_set(db, call, inner, made).response, inner.content_id))
    except IfsRefused as refused:
        db.rollback(mark)
        return _shown(refused.response(db.switches), inner.content_id if inner else None), True
    head = f"Content-Type: multipart/mixed; boundary={_SET_BOUNDARY}\r\n\r\n".encode()
    return head + _joined(answers, _SET_BOUNDARY), False


def _in_set(db: Database, call: Call, part: Part, made: Made) -> Result:
    result = _single(db, call, part, made, in_set=True)
    if result.made is not None and part.content_id is not None:
        made[part.content_id] = result.made
    return result


def _single(db: Database, call: Call, part: Part, made: Made, *, in_set: bool = False) -> Result:
    request = _request(call, part, made)
    if in_set and request.method == "GET":
        raise bad_request("A change set takes no GET.")
    if request.path.strip("/") == "$batch":
        raise bad_request("A batch takes no batch.")
    return serve(db, request)


def _request(call: Call, part: Part, made: Made) -> Call:
    if not part.headers.get("content-type", "").startswith("application/http"):
        raise bad_request("A part of a batch must be application/http.")
    head, _, body = _lines(part.content).partition(b"\n\n")
    first, *lines = head.decode("utf-8", "replace").strip("\n").split("\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        raise bad_request(f"The request line '{first}' of a part cannot be understood.")
    headers = _headers(lines)
    tag = headers.get("if-match", "")
    if tag.startswith("$"):
        headers["if-match"] = _made(made, tag[1:])[1].tag
    path, _, query = _address(call, words[1], made).partition("?")
    return replace(
        call,
        method=words[0].upper(),
        path=path,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        body=body.strip(),
    )


def _address(call: Call, url: str, made: Made) -> str:
    """The path below the service root: relative to it or absolute; `$1` becomes the address of its row."""
    reference = _REFERENCE.match(url)
    if reference is not None and not reference[1].startswith(("batch", "metadata")):
        return _made(made, reference[1])[0] + url[reference.end() :]
    local = "/" + call.root.split("://", 1)[-1].partition("/")[2]
    for start in (call.root, local):
        if url.startswith(f"{start}/"):
            return url[len(start) + 1 :]
    if url.startswith(("http://", "https://", "/main/", "/int/", "/b2b/")):
        raise bad_request("A batch stays within one projection.")
    return url.lstrip("/")


def _made(made: Made, content_id: str) -> tuple[str, Row]:
    if content_id not in made:
        raise bad_request(f"${content_id} refers to nothing that this change set has created.")
    return made[content_id]


# -- multipart


def _parts(body: bytes, content_type: str) -> list[Part]:
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise bad_request("The content type names no boundary.")
    mark = b"--" + found[1].strip().encode()
    text = b"\n" + _lines(body)
    pieces = text.split(b"\n" + mark)
    if len(pieces) < 2:
        raise bad_request("The body does not contain the boundary that its content type names.")
    return [_read_part(piece) for piece in pieces[1:] if not piece.startswith(b"--")]


def _read_part(piece: bytes) -> Part:
    head, _, content = piece.lstrip(b" \t").removeprefix(b"\n").partition(b"\n\n")
    return Part(_headers(head.decode("utf-8", "replace").split("\n")), content)


def _headers(lines: list[str]) -> dict[str, str]:
    split = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in split}


def _lines(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n")


def _shown(response: Response, content_id: str | None) -> bytes:
    echoed = f"Content-ID: {content_id}\r\n" if content_id is not None else ""
    head = f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{echoed}\r\n"
    reason = _REASONS.get(response.status, "Refused")
    fields = "".join(f"{name}: {value}\r\n" for name, value in response.headers)
    length = f"content-length: {len(response.body)}\r\n"
    return f"{head}HTTP/1.1 {response.status} {reason}\r\n{fields}{length}\r\n".encode() + response.body


def _joined(answers: list[bytes], boundary: str) -> bytes:
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + answer + b"\r\n" for answer in answers) + mark + b"--\r\n"
