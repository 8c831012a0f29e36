"""Many reads in one request: IFS's multipart `$batch`, and single requests where a tenant takes none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from itertools import pairwise

from ml_connector.systems.ifs.odata import JSON, Odata
from ml_connector.systems.retry import Verdict, verdict_of
from ml_connector.systems.wire import WireReply, WireRequest

_BOUNDARY = "ml_connector_reads"
"""Lines of a batch of reads begin with a header's name or GET, so that no line can be taken for it."""
_HEADERS = {
    "content-type": f"multipart/mixed; boundary={_BOUNDARY}",
    "accept": "multipart/mixed",
    "prefer": "odata.continue-on-error",
}
_AT_ONCE = 4
"""Requests in flight of one reading; the transport's pacing keeps the tenant's own limit."""
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?: |\r?\n|\Z)")


class Unreadable(ValueError):
    """An answer that is no multipart of HTTP answers, or not a whole one; the text says what is wrong with it."""


class Batch:
    """Reads many addresses of one projection with few requests (facts/ifs.md 8). Thread safe.

    A tenant that does not take batches as we write them costs one try: from then on every read goes by itself, and
    says itself what is wrong, if anything is.
    """

    def __init__(self, odata: Odata, most: int) -> None:
        """`most` reads go into one batch; 0 switches batches off."""
        self._odata = odata
        self._most = most
        self.works = most > 0
        """False once the tenant has refused a batch or answered it with something else, or where they are off."""

    def read(self, service: str, paths: Sequence[str], batched: bool = True) -> list[WireReply]:
        """The answers to GET of each of `paths` below `service`, in their order, whatever their status.

        Without `batched` each goes by itself.

        An answer inside a batch that asks for patience (401, 423, 429, 5xx) is asked for again by itself, by which
        the transport waits, signs in or gives up as with any request; raises what it raises.
        """
        answers: list[WireReply] = []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            if self.works and batched:
                pieces = [paths[at : at + self._most] for at in range(0, len(paths), self._most)]
                for piece, found in zip(pieces, pool.map(lambda one: self._batched(service, one), pieces), strict=True):
                    answers += found + [_NONE] * (len(piece) - len(found))
            else:
                answers = [_NONE] * len(paths)
            open_ones = [at for at, answer in enumerate(answers) if not _final(answer)]
            singles = pool.map(lambda at: self._single(service + paths[at]), open_ones)
            for at, answer in zip(open_ones, singles, strict=True):
                answers[at] = answer
        return answers

    def _single(self, url: str) -> WireReply:
        return self._odata.call(WireRequest("GET", url, headers=JSON, safe=True))

    def _batched(self, service: str, paths: Sequence[str]) -> list[WireReply]:
        """Answers to the first of `paths`: to all of them, unless the tenant turns out not to take batches.

        A tenant that stops at the first error in spite of our asking is sent the rest as another batch.
        """
        found: list[WireReply] = []
        while self.works and len(found) < len(paths):
            rest = paths[len(found) :]
            reply = self._odata.call(
                WireRequest("POST", f"{service}$batch", headers=_HEADERS, body=_body(rest), safe=True, reading=True)
            )
            more = _answers(reply, len(rest))
            if not more:
                self.works = False
            found += more
        return found


_NONE = WireReply(503, {}, b"")
"""Stands where a batch gave no answer: to be asked for again, like any 503."""


def _final(answer: WireReply) -> bool:
    return verdict_of(answer) is Verdict.FINAL


def _body(paths: Sequence[str]) -> bytes:
    accept = f"Accept: {JSON['accept']}"
    part = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    parts = [f"--{_BOUNDARY}\r\n{part}GET {path} HTTP/1.1\r\n{accept}\r\n\r\n\r\n" for path in paths]
    return "".join([*parts, f"--{_BOUNDARY}--\r\n"]).encode()


def _answers(reply: WireReply, most: int) -> list[WireReply]:
    """The answers in a batch's reply; none when it is a refusal or cannot be trusted."""
    if not 200 <= reply.status < 300:
        return []
    try:
        found = answers_in(reply.headers.get("content-type", ""), reply.body)
    except Unreadable:
        return []
    return found if len(found) <= most else []


def answers_in(content_type: str, body: bytes) -> list[WireReply]:
    """The HTTP answers in a multipart body, in their order. Raises Unreadable, also when its end is missing."""
    return [answer_in(headers, content) for headers, content in parts_in(content_type, body)]


def parts_in(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """The parts of a multipart body as headers (lower case) and content; a part may be a multipart itself.

    Raises Unreadable, also when its end is missing.
    """
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_boundary()
    if not boundary or head.get_content_type() != "multipart/mixed":
        raise Unreadable("it is no multipart")
    # it begins with the boundary itself, which is found fast; whether a line begins there is seen afterwards
    mark = re.compile(re.escape(b"--" + boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    marks = [one for one in mark.finditer(body) if body[max(one.start() - 1, 0) : one.start()] in (b"", b"\n")]
    if not marks or not marks[-1][1] or any(one[1] for one in marks[:-1]):
        raise Unreadable("it has no end, or more than one")
    parts = (_halves(body[before.end() : _line_end(body, behind.start())]) for before, behind in pairwise(marks))
    return [(_headers(lines), content) for lines, content in parts]


def _line_end(body: bytes, at: int) -> int:
    """Where the line before the one that begins at `at` ends, its line break left out."""
    end = at - 1 if body[at - 1 : at] == b"\n" else at
    return end - 1 if end > 0 and body[end - 1 : end] == b"\r" else end


def answer_in(headers: Mapping[str, str], content: bytes) -> WireReply:
    """The HTTP answer a part of a multipart holds. Raises Unreadable when it is none."""
    if not headers.get("content-type", "").lower().startswith("application/http"):
        raise Unreadable("a part is no HTTP answer")
    head, inside = _halves(content)
    status = _STATUS_LINE.match(head)
    if status is None:
        raise Unreadable("a part has no status")
    return WireReply(int(status[1]), _headers(head.partition(b"\n")[2]), inside)


def _halves(text: bytes) -> tuple[bytes, bytes]:
    """What stands before and after the first empty line; all of it before when there is none."""
    blank = _BLANK_LINE.search(text)
    return (text, b"") if blank is None else (text[: blank.start()], text[blank.end() :])


def _headers(lines: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines.decode("utf-8", "replace").splitlines() if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
