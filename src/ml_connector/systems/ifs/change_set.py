"""Writes that go together: IFS's atomic change sets, many to a `$batch`, and single requests where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ml_connector.kernel.errors import Bug, ConnectorError, NameMissing, OutcomeUnknown, Wait
from ml_connector.systems.ifs.answers import refusal
from ml_connector.systems.ifs.batch import Unreadable, answer_in, parts_in
from ml_connector.systems.ifs.odata import FULL, Odata
from ml_connector.systems.retry import Verdict, verdict_of
from ml_connector.systems.wire import WireReply, WireRequest

_BATCH = "ml_connector_changes"
_SET = "ml_connector_change_set"
"""Lines of a batch of changes begin with a header's name, a method or a brace, so that none can be taken for these."""
_HEADERS = {
    "content-type": f"multipart/mixed; boundary={_BATCH}",
    "accept": "multipart/mixed",
    "prefer": "odata.continue-on-error",
}
_PART = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
_JSON = {**FULL, "content-type": "application/json;IEEE754Compatible=true"}
_ON_A_ROW = frozenset({"PATCH", "DELETE"})
_bodies = msgspec.json.Encoder(decimal_format="string")


class Part(msgspec.Struct, frozen=True):
    """One request of a change set.

    `path` is below the projection, or begins with `$1` for the row that the part with `content_id` "1" made; the
    header `if-match` may be `$1` for that row's tag.
    """

    method: str
    path: str
    body: Mapping[str, Any] = {}
    headers: tuple[tuple[str, str], ...] = ()
    content_id: str = ""


class ChangeSet(msgspec.Struct, frozen=True):
    """Parts that happen all or none, in their order.

    `tidy` cleans up behind them, in the same change set. Where the tenant takes no batches nothing holds the parts
    together: then `undo` takes back what the first ones did when a later one is refused.
    """

    parts: tuple[Part, ...]
    tidy: tuple[Part, ...] = ()
    undo: tuple[Part, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """What came of one change set: a reply for each of its `parts` when it worked, else the one that says why not."""

    replies: list[WireReply]
    ok: bool


class ChangeSets:
    """Sends change sets of one tenant (facts/ifs.md 8). Thread safe.

    A tenant that refuses a whole batch is sent single requests from then on; only there may a set end half done.
    """

    def __init__(self, odata: Odata, most_parts: int) -> None:
        """`most_parts` requests go into one batch, one change set at least; 0 switches batches off."""
        self._odata = odata
        self._most = most_parts
        self.works = most_parts > 0
        """False once the tenant has refused a batch, or where they are off."""

    def send(self, service: str, sets: Sequence[ChangeSet]) -> list[Answer | None]:
        """The answers to `sets` of one projection (`Odata.service`), in their order.

        None where no answer is known: the connection was lost, the batch stopped before that set, or the answer
        cannot be read. Such a set must be read back before it is sent again. Raises (a pause asked for, set-up
        trouble, our own bugs) only while nothing has been sent that may have happened.
        """
        for one in sets:
            _check(one)
        answers: list[Answer | None] = []
        try:
            for piece in _pieces(sets, self._most):
                end = len(answers) + len(piece)
                if self.works:
                    answers += self._batched(service, piece)
                while len(answers) < end:
                    answers.append(self._singly(service, sets[len(answers)]))
        except ConnectorError:
            if not answers:
                raise
        return answers + [None] * (len(sets) - len(answers))

    def _batched(self, service: str, sets: Sequence[ChangeSet]) -> list[Answer | None]:
        """An answer or None for each of `sets`; none at all when the tenant takes no batches."""
        request = WireRequest("POST", f"{service}$batch", headers=_HEADERS, body=_body(sets))
        try:
            reply = self._odata.call(request)
        except OutcomeUnknown:
            return [None] * len(sets)
        if 200 <= reply.status < 300:
            return _answers(reply, sets)
        if reply.status >= 500 and reply.status != 501:  # a rule, but whose? alone it is known
            return [Answer([reply], False)] if len(sets) == 1 else [None] * len(sets)
        if reply.status == 403 or reply.status < 400:
            raise refusal(reply, "take changes")
        self.works = False
        return []

    def _singly(self, service: str, one: ChangeSet) -> Answer | None:
        """One change set as single requests; None when it may have happened, whole or in part."""
        made: dict[str, str] = {}
        replies: list[WireReply] = []
        for part in one.parts:
            try:
                reply = self._odata.call(self._request(service, part, made))
            except OutcomeUnknown:
                return None
            except ConnectorError as error:
                if replies:
                    self._also(service, one.undo, made)
                if replies and isinstance(error, Wait):
                    return None
                raise
            if not 200 <= reply.status < 300:
                gone = not replies or self._also(service, one.undo, made)
                return Answer([reply], False) if gone else None
            replies.append(reply)
            if part.content_id:
                made[part.content_id] = _address(reply, service)
        self._also(service, one.tidy, made)
        return Answer(replies, True)

    def _also(self, service: str, parts: Sequence[Part], made: Mapping[str, str]) -> bool:
        """Sends what cleans up; False when that did not work, which raises nothing."""
        try:
            needed = [part for part in parts if all(name in made for name in _names(part))]
            replies = [self._odata.call(self._request(service, part, made)) for part in needed]
        except ConnectorError:
            return False
        return all(200 <= reply.status < 300 for reply in replies)

    def _request(self, service: str, part: Part, made: Mapping[str, str]) -> WireRequest:
        """A part as a request of its own, with addresses and tags where it names earlier parts."""
        headers = {**_JSON, **dict(part.headers)}
        tag = headers.get("if-match", "")
        if tag.startswith("$"):
            headers["if-match"] = self._tag(made[tag[1:]])
        body = None if part.method == "DELETE" else _bodies.encode(part.body)
        return WireRequest(part.method, _resolved(service, part.path, made), headers=headers, body=body)

    def _tag(self, address: str) -> str:
        """The tag a row has now: what was done below it may have changed it (facts/ifs.md 7.1)."""
        reply = self._odata.find(address, "read the row that was made", FULL)
        tag = _member(reply, "@odata.etag") or reply.headers.get("etag", "") if reply is not None else ""
        if not tag:
            raise NameMissing("IFS gives no tag for a row that was made a moment ago.")
        return tag


def _check(one: ChangeSet) -> None:
    """Refuses what must never be sent: a change of a row without its tag, a reference to nothing."""
    known: set[str] = set()
    for part in (*one.parts, *one.tidy, *one.undo):
        tag = dict(part.headers).get("if-match", "")
        if tag == "*" or (part.method in _ON_A_ROW and not tag):
            raise Bug(f"A change of {part.path} was about to be sent without the tag of its row.")
        for name in _names(part):
            if name not in known:
                raise Bug(f"A change of {part.path} names ${name}, which no part before it has made.")
        known.add(part.content_id)


def _names(part: Part) -> list[str]:
    """The Content-IDs a part refers to."""
    places = (part.path.partition("/")[0], dict(part.headers).get("if-match", ""))
    return [text[1:] for text in places if text.startswith("$")]


def _pieces(sets: Sequence[ChangeSet], most: int) -> Iterator[Sequence[ChangeSet]]:
    """Runs of `sets` of at most `most` parts together; a set that is longer goes alone."""
    start, used = 0, 0
    for at, one in enumerate(sets):
        size = len(one.parts) + len(one.tidy)
        if at > start and used + size > most:
            yield sets[start:at]
            start, used = at, 0
        used += size
    if start < len(sets):
        yield sets[start:]


def _body(sets: Sequence[ChangeSet]) -> bytes:
    head = f"--{_BATCH}\r\nContent-Type: multipart/mixed; boundary={_SET}\r\n\r\n".encode()
    end = f"--{_SET}--\r\n".encode()
    shown = (b"".join([head, *(_shown(part) for part in (*one.parts, *one.tidy)), end]) for one in sets)
    return b"".join([*shown, f"--{_BATCH}--\r\n".encode()])


def _shown(part: Part) -> bytes:
    named = f"Content-ID: {part.content_id}\r\n" if part.content_id else ""
    headers = "".join(f"{name}: {value}\r\n" for name, value in {**_JSON, **dict(part.headers)}.items())
    body = b"" if part.method == "DELETE" else _bodies.encode(part.body)
    head = f"--{_SET}\r\n{_PART}{named}\r\n{part.method} {part.path} HTTP/1.1\r\n{headers}\r\n"
    return head.encode() + body + b"\r\n"


def _answers(reply: WireReply, sets: Sequence[ChangeSet]) -> list[Answer | None]:
    """The answers in a batch's reply, None for each set without one; all None when the reply cannot be trusted."""
    nothing: list[Answer | None] = [None] * len(sets)
    try:
        parts = parts_in(reply.headers.get("content-type", ""), reply.body)
        if len(parts) > len(sets):
            return nothing
        found = [_answer(headers, content, one) for (headers, content), one in zip(parts, sets, strict=False)]
    except Unreadable:
        return nothing
    return found + nothing[len(found) :]


def _answer(headers: Mapping[str, str], content: bytes, one: ChangeSet) -> Answer | None:
    """What one part of a batch's reply says of its change set. Raises Unreadable."""
    if headers.get("content-type", "").lower().startswith("multipart/mixed"):
        replies = [answer_in(*part) for part in parts_in(headers["content-type"], content)]
    else:
        replies = [answer_in(headers, content)]
    wrong = [reply for reply in replies if not 200 <= reply.status < 300]
    if wrong:
        return None if verdict_of(wrong[0]) is Verdict.UNSURE else Answer(wrong[:1], False)
    whole = len(replies) == len(one.parts) + len(one.tidy)
    return Answer(replies[: len(one.parts)], True) if whole else None


def _resolved(service: str, path: str, made: Mapping[str, str]) -> str:
    first, slash, rest = path.partition("/")
    return f"{made[first[1:]]}{slash}{rest}" if first.startswith("$") else service + path


def _address(reply: WireReply, service: str) -> str:
    """The absolute address of the row a reply shows, below `service` whatever host the server thinks it has.

    Raises NameMissing where the tenant does not tell it.
    """
    told = _member(reply, "@odata.id") or reply.headers.get("location") or reply.headers.get("odata-entityid", "")
    path = urlsplit(told).path.rpartition(".svc/")[2].lstrip("/")
    if not path:
        raise NameMissing("IFS does not tell the address of a row that was made a moment ago.")
    return service + path


def _member(reply: WireReply, name: str) -> str:
    try:
        row = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(row.get(name) or "") if isinstance(row, dict) else ""
