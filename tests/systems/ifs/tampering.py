"""A gateway between us and the tenant that spoils batches on their way, as gateways do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ml_connector.systems.wire import Call, WireReply, WireRequest

_PART = re.compile(rb"(HTTP/1\.1 )(\d{3} [^\r\n]*)(.*?\r\n\r\n)(.*)", re.DOTALL)
_MARK = b"--batch_answer"


class Tampering:
    """Implements `wire.Call`: lets everything pass to `call` but answers to the first or to every batch."""

    def __init__(
        self,
        call: Call,
        *,
        instead: int = 0,
        spoil: str = "",
        stops: bool = False,
        parts: Mapping[int, int] | None = None,
        body: bytes = b"",
    ) -> None:
        """`instead` of every batch's answer a status; `parts` of the first batch get another status and `body`."""
        self._call = call
        self._instead = instead
        self._spoil = spoil
        self._stops = stops
        self._parts = parts or {}
        self._body = body
        self.batches = 0

    def __call__(self, request: WireRequest, /) -> WireReply:
        """The reply, spoilt if it is a batch's."""
        if not request.url.endswith("/$batch"):
            return self._call(request)
        self.batches += 1
        if self._instead:
            return WireReply(self._instead, {}, b"")
        reply = self._call(request)
        pieces = reply.body.split(_MARK)[1:-1]
        headers = dict(reply.headers)
        if self.batches == 1:
            for number, status in self._parts.items():
                pieces[number] = _with_status(pieces[number], status, self._body)
        if self._stops:
            bad = next((at for at, piece in enumerate(pieces) if b"HTTP/1.1 4" in piece), len(pieces))
            pieces = pieces[: bad + 1]
        end = b"--\r\n"
        if self._spoil == "cut":
            pieces, end = pieces[:-1], b""
        elif self._spoil == "html":
            headers["content-type"] = "text/html"
        elif self._spoil == "too_many":
            pieces.append(pieces[-1])
        elif self._spoil == "no_status":
            pieces[0] = pieces[0].replace(b"HTTP/1.1 200", b"ICY 200")
        elif self._spoil == "set":
            pieces[0] = pieces[0].replace(b"application/http", b"multipart/mixed; boundary=x")
        body = b"".join(_MARK + piece for piece in pieces) + (_MARK + end if end else b"")
        return WireReply(reply.status, headers, body)


def _with_status(piece: bytes, status: int, body: bytes) -> bytes:
    found = _PART.search(piece)
    assert found is not None
    return piece[: found.start()] + found[1] + f"{status} Spoilt".encode() + b"\r\n\r\n" + body + b"\r\n"
