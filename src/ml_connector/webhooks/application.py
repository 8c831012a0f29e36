"""The door's addresses. A caller is known before anything it sends is read, and answered after the commit."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import structlog

from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, Unavailable
from ml_connector.service.hook_book import Hook, HookBook
from ml_connector.service.payloads import Told, ifs_told, procore_told
from ml_connector.service.readiness import not_ready
from ml_connector.service.receiving import PATIENCE, Event, Fate, Receiver, Ticket
from ml_connector.service.refusals import Refusals
from ml_connector.webhooks import answers, measures
from ml_connector.webhooks.answers import Answer, Receive, Scope, Send, Site
from ml_connector.webhooks.gatekeeper import Gatekeeper
from ml_connector.webhooks.threads import OneAtATime

MOST_BODY = 64 * 1024
"""Bytes of an event; real ones have less than a thousand."""
BODY_SECONDS = 10.0
"""Seconds a caller may take to send them."""
MOST_AT_ONCE = 1000
"""Known callers that are served at the same time; the next ones are told to come again."""
SOURCES = ("procore", "ifs")

_READY_SECONDS = 2.0
_READY_KEPT = 1.0
_METRICS_SECONDS = 10.0
_QUIET = 10.0

_OURS = ("/healthz", "/readyz", "/metrics", "/webhooks")

_log = structlog.get_logger()


class Application:
    """The ASGI application of the door. Made in any thread, used from one event loop."""

    def __init__(self, app: App, metrics: Callable[[], bytes] | None = None, site: Site | None = None) -> None:
        """`metrics` adds to what `/metrics` says of the door itself; it may block, and is asked in another thread.

        `site` answers every address that is not the door's own, such as the console's pages.
        """
        self._site = site
        self.measures = measures.Measures()
        self.receiver = Receiver(app.db, self._told)
        self.refusals = Refusals(app.db, app.clock)
        self.clock = app.clock
        self._token = (app.settings.metrics_token or "").encode()
        self.gate = Gatekeeper(HookBook(app.db))
        self._ready = OneAtATime(lambda: not_ready(app.db))
        self._ready_until = float("-inf")
        self._said = answers.NOT_READY
        self._metrics = OneAtATime(lambda: self.measures.text() + (metrics() if metrics else b""))
        self._at_once = 0
        self._fates: deque[tuple[Ticket, Fate]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._refusals: dict[tuple[str, int, str], int] = {}
        self._logged_at = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, whatever happens."""
        began = time.perf_counter()
        door = connection = ""
        try:
            parts = scope["path"].split("/")
            if len(parts) == 5 and parts[1] == "webhooks" and parts[2] in SOURCES:
                door, connection = parts[2:4]
                answer = await self._webhook(scope, receive, door, connection, parts[4])
            elif self._site is not None and not self._ours(scope):
                await self._site(scope, receive, send)
                return
            else:
                answer = await self._other(scope)
        except _Gone:
            return
        except asyncio.CancelledError:  # the door closes, and this one took longer than it waits
            answer = answers.AWAY
        except Exception as error:  # no trace reaches a caller
            _log.error("door.failed", error=type(error).__name__)
            answer = answers.AWAY
        await answer.send(send, close=_unread(scope, answer))
        if door:
            self.measures.answered(door, answer.status, time.perf_counter() - began)
        if answer.why:
            self._refused(answer, connection if self.gate.book.knows(connection) else "")

    # webhooks -------------------------------------------------------------------------------------------------

    async def _webhook(self, scope: Scope, receive: Receive, source: str, connection: str, slug: str) -> Answer:
        if scope["method"] != "POST":
            return answers.NOT_SO
        try:
            hook = await self.gate.admit(source, connection, slug, _authorization(scope))
        except Unavailable:
            return answers.AWAY
        if hook is None:
            return answers.WHO_ARE_YOU
        if self._at_once >= MOST_AT_ONCE:
            return answers.AWAY
        self._at_once += 1
        try:
            body = await _body(scope, receive)
            if isinstance(body, Answer):
                if body is answers.TOO_LARGE:
                    self.refusals.note(hook, body.status)
                return body
            return await self._event(hook, body)
        finally:
            self._at_once -= 1

    async def _event(self, hook: Hook, body: bytes) -> Answer:
        try:
            told = procore_told(body) if hook.source == "procore" else ifs_told(body, self.clock())
        except BadInput:
            self.refusals.note(hook, answers.NO_EVENT.status)
            return answers.NO_EVENT
        if told.company != hook.company and (told.company or hook.source == "procore"):
            self.refusals.note(hook, answers.OTHER_COMPANY.status, told.company)
            self.measures.event(hook.source, "foreign")
            return answers.OTHER_COMPANY
        fate = await self._kept(_row(hook, told, body))
        self.measures.event(hook.source, fate.value)
        return answers.AWAY if fate is Fate.LOST else answers.ACCEPTED

    async def _kept(self, event: Event) -> Fate:
        """What became of an event, once its commit returned; lost when it does not in time."""
        self._loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Fate] = self._loop.create_future()
        if not self.receiver.offer(waiting, event):
            return Fate.LOST
        try:
            async with asyncio.timeout(PATIENCE):
                return await waiting
        except TimeoutError:
            return Fate.LOST

    def _told(self, fates: Sequence[tuple[Ticket, Fate]]) -> None:
        """Takes over the fates of a batch from the writer's thread, and wakes the loop once for all of them."""
        self._fates.extend(fates)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        while self._fates:
            ticket, fate = self._fates.popleft()
            waiting = cast("asyncio.Future[Fate]", ticket)
            if not waiting.done():
                waiting.set_result(fate)

    # everything else ------------------------------------------------------------------------------------------

    def _ours(self, scope: Scope) -> bool:
        """Whether an address is the door's, and no page's."""
        path = scope["path"]
        return path in _OURS or path.startswith("/webhooks/")

    async def _other(self, scope: Scope) -> Answer:
        if scope["method"] not in ("GET", "HEAD"):
            return answers.NOT_HERE
        if scope["path"] == "/healthz":
            return answers.ALIVE
        if scope["path"] == "/readyz":
            return await self._readiness()
        if scope["path"] == "/metrics" and self._may_measure(scope):
            return await self._measured()
        return answers.NOT_HERE

    async def _readiness(self) -> Answer:
        """Asks the database at most once a second, however many want to know."""
        if time.monotonic() >= self._ready_until:
            try:
                why = await self._ready.within(_READY_SECONDS)
            except TimeoutError:
                why = "The database does not answer."
            if why and self._said is answers.READY:
                _log.warning("door.not_ready", sentence=why)
            self._said = answers.NOT_READY if why else answers.READY
            self._ready_until = time.monotonic() + _READY_KEPT
        return self._said

    def _may_measure(self, scope: Scope) -> bool:
        """Who brings the token. Where none is set nobody may: whoever is on this machine is a stranger, too."""
        return bool(self._token) and hmac.compare_digest(_authorization(scope), b"Bearer " + self._token)

    async def _measured(self) -> Answer:
        return answers.text(200, await self._metrics.within(_METRICS_SECONDS), measures.CONTENT_TYPE)

    def _refused(self, answer: Answer, connection: str) -> None:
        """Logs refusals in a few lines now and then: a stranger must not be able to fill a disk with them."""
        key = (connection, answer.status, answer.why)
        self._refusals[key] = self._refusals.get(key, 0) + 1
        if time.monotonic() - self._logged_at >= _QUIET:
            self._logged_at = time.monotonic()
            for (name, status, why), times in sorted(self._refusals.items()):
                _log.warning("door.refused", connection=name, status=status, why=why, times=times)
            self._refusals.clear()


class _Gone(Exception):
    """The caller hung up in the middle of its request."""


async def _body(scope: Scope, receive: Receive) -> bytes | Answer:
    """What the caller sends; an answer instead when it is too much or too slow. No more than the limit is kept."""
    if (_length(scope) or 0) > MOST_BODY:
        return answers.TOO_LARGE
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                part: bytes = message.get("body", b"")
                size += len(part)
                if size > MOST_BODY:
                    return answers.TOO_LARGE
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        return answers.TOO_SLOW


def _authorization(scope: Scope) -> bytes:
    """The one Authorization header; nothing when there is none, or more than one."""
    found = _header(scope, b"authorization")
    return found[0] if len(found) == 1 else b""


def _length(scope: Scope) -> int | None:
    """How long the caller says its body is; None when it does not say."""
    found = _header(scope, b"content-length")
    return int(found[0]) if found and found[0].isdigit() else None


def _header(scope: Scope, wanted: bytes) -> list[bytes]:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return [value for name, value in headers if name == wanted]


def _unread(scope: Scope, answer: Answer) -> bool:
    """Whether to hang up after a refusal, because of a body nobody will read: a long one, or one without an end."""
    if answer.status not in (401, 404, 405, 503) or scope["method"] in ("GET", "HEAD"):
        return False
    return (_length(scope) if not _header(scope, b"expect") else None) is None or (_length(scope) or 0) > MOST_BODY


def _row(hook: Hook, told: Told, body: bytes) -> Event:
    given: dict[str, Any] = {name: getattr(told, name) for name in Told.__struct_fields__ if name != "company"}
    return Event(connection_id=hook.connection_id, slug=hook.slug, source=hook.source, body=body, **given)
