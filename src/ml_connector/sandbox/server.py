"""Serves the simulated systems over real sockets, one port a side, and breaks connections where a fault says so."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import parse_qsl

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ml_connector.sandbox.admin import PREFIX, Admin
from ml_connector.sandbox.dispatching import deliver
from ml_connector.sandbox.exchange_log import Heard
from ml_connector.sandbox.faults import LATE, LATE_MS, Fault, FaultKind
from ml_connector.sandbox.http import Request, Response
from ml_connector.sandbox.simulation import Sandbox

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_EXTENSION: Final = "ml_connector.transport"
_BACKLOG = 512
_REFUSALS: Final[Mapping[FaultKind, int]] = {
    FaultKind.UNAUTHORISED: 401,
    FaultKind.STALE: 412,
    FaultKind.LOCKED: 423,
    FaultKind.TOO_MANY: 429,
    FaultKind.TOO_MANY_BARE: 429,
    FaultKind.UNAVAILABLE: 503,
    FaultKind.MODIFIED: 503,
}
_WITH_RETRY_AFTER = (FaultKind.TOO_MANY, FaultKind.UNAVAILABLE)
_CUT_BEFORE = (FaultKind.TIMEOUT_BEFORE, FaultKind.DROP_BEFORE)
_OWED_SECONDS = 0.02
"""How often it is looked whether a call that is to be executed late is due."""
_HOLDING = (FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER)


class _TransportProtocol(HttpToolsProtocol):
    """Hands the transport to the application: ASGI itself has no way to cut a connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"transport": self.transport}}


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs the sandbox, since two of them share one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class SideApplication:
    """The ASGI application of one side: admin calls, faults, the face, the log."""

    def __init__(self, sandbox: Sandbox, side: str) -> None:
        self._sandbox = sandbox
        self._side = side
        self._admin = Admin(sandbox)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one call, or cuts its connection. Faces run here in the loop's thread, one call at a time."""
        request = await _read_request(scope, receive)
        if request is None:
            return
        if request.path.startswith(PREFIX):
            await _send_response(send, self._admin.handle(request))
            return
        call = _Call(self._sandbox, self._side, request, scope, receive, send)
        await call.serve()


@dataclass(slots=True)
class _Call:
    """One call on its way through faults, face and log."""

    _sandbox: Sandbox
    _side: str
    _request: Request
    _scope: Scope
    _receive: Receive
    _send: Send
    _ms: float = 0.0

    async def serve(self) -> None:
        request, faults = self._request, self._sandbox.faults
        drawn = faults.before(self._side, request.method, request.path)
        if drawn is not None and drawn.kind in _CUT_BEFORE:
            self._note(None, drawn)
            await self._cut(drawn)
            return
        if drawn is not None and drawn.kind in LATE:
            await self._put_off(drawn)
            return
        if drawn is not None and drawn.kind in _REFUSALS:
            await self._answer(self._refusal(drawn), drawn)
            return
        response, self._ms = self._sandbox.answer(self._side, request)
        if response.changed:
            late = faults.after(self._side, request.method, request.path, drawn)
            if late is not None:
                self._note(None, late, changed=True)
                await self._cut(late)
                return
        if drawn is not None and drawn.kind is FaultKind.HALF_BODY:
            self._note(None, drawn, changed=response.changed)
            await self._send_half(response)
            return
        if drawn is not None and drawn.kind is FaultKind.SLOW:
            await asyncio.sleep(drawn.delay_ms / 1000)
            await self._answer(response, drawn)
            return
        await self._answer(response, None)

    def _refusal(self, fault: Fault) -> Response:
        """The face's own words for it. What the face says of Retry-After is replaced by what the fault says."""
        face = self._sandbox.side(self._side).face
        retry_after = fault.retry_after if fault.kind in _WITH_RETRY_AFTER else None
        kind = "MI_MODIFIED_ERROR" if fault.kind is FaultKind.MODIFIED else None
        over = retry_after if fault.retry_after else 0  # with 0 the window opens again at once, named or not
        response = face.refusal(_REFUSALS[fault.kind], over, kind)
        headers = tuple(header for header in response.headers if header[0].lower() != "retry-after")
        if retry_after is not None:
            headers = (*headers, ("retry-after", str(retry_after)))
        return Response(response.status, headers, response.body)

    async def _answer(self, response: Response, fault: Fault | None) -> None:
        # Noted first: whoever has the answer must be able to find the call in the log.
        self._note(response, fault, changed=response.changed)
        date = formatdate(int(self._sandbox.clock().timestamp()), usegmt=True)  # the sandbox's day, not the machine's
        dated = Response(response.status, (*response.headers, ("date", date)), response.body, response.changed)
        await _send_response(self._send, dated)

    def _note(self, response: Response | None, fault: Fault | None, *, changed: bool = False) -> None:
        request = self._request
        self._sandbox.note(
            Heard(
                side=self._side,
                method=request.method,
                path=request.path,
                query=self._scope["query_string"].decode("latin-1"),
                status=response.status if response else 0,
                ms=self._ms,
                changed=changed,
                fault=fault.kind.value if fault else None,
                headers=request.headers,
                request_body=request.body,
                response_body=response.body if response else b"",
            )
        )

    async def _cut(self, fault: Fault) -> None:
        """Cuts the connection, after the hold time where the fault is a timeout, or when the caller gives up first."""
        if fault.kind in _HOLDING:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._sandbox.faults.hold):
                    await self._gone()
        await self._abort()

    async def _put_off(self, fault: Fault) -> None:
        """Cuts the connection, or answers 504 as a gateway does; the call itself is executed when its moment comes."""
        moment = self._sandbox.clock() + timedelta(milliseconds=fault.delay_ms or LATE_MS)
        self._sandbox.faults.put_off(moment, lambda: self._execute(fault))
        if fault.kind is FaultKind.DROP_LATE:
            self._note(None, fault)
            await self._abort()
            return
        headers = (("content-type", "text/html"),)
        await self._answer(Response(504, headers, b"<html><h1>504 Gateway Time-out</h1></html>"), fault)

    def _execute(self, fault: Fault) -> None:
        """What was put off: nobody hears the answer, but the log."""
        response, self._ms = self._sandbox.answer(self._side, self._request)
        self._note(response, fault, changed=response.changed)

    async def _send_half(self, response: Response) -> None:
        await self._send(_start_of(response))
        await self._send(
            {"type": "http.response.body", "body": response.body[: len(response.body) // 2], "more_body": True}
        )
        # abort() throws away what the socket has not taken yet; close() would wait, but then the server must not
        # write on. Giving the loop a turn is enough for the little that half an answer is.
        await asyncio.sleep(0.02)
        await self._abort()

    async def _abort(self) -> None:
        """Cuts the connection and waits for uvicorn to notice, which else would answer 500 for an unfinished call."""
        self._scope["extensions"][_EXTENSION]["transport"].abort()
        await self._gone()

    async def _gone(self) -> None:
        """Returns once the connection is lost."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _read_request(scope: Scope, receive: Receive) -> Request | None:
    """The whole call, or None when the caller went away while sending it."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Request(scope["method"], scope["path"], parse_query(scope["query_string"]), headers, body)


def parse_query(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Query pairs in order, decoded: a plus is a blank, `%2B` a plus, empty values stay, names such as $top too."""
    if not raw:
        return ()
    return tuple(parse_qsl(raw.decode("latin-1"), keep_blank_values=True, encoding="utf-8", errors="replace"))


def _start_of(response: Response) -> dict[str, Any]:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    if response.status not in (204, 304) and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(response.body)).encode()))
    return {"type": "http.response.start", "status": response.status, "headers": headers}


async def _send_response(send: Send, response: Response) -> None:
    await send(_start_of(response))
    await send({"type": "http.response.body", "body": response.body})


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on that address; port 0 takes a free one. OSError when the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


class SandboxServers:
    """The servers of a sandbox, one a side, in one event loop."""

    def __init__(self, sandbox: Sandbox, listeners: Mapping[str, socket.socket]) -> None:
        self._sandbox = sandbox
        self._listeners = dict(listeners)
        self._servers = {side: _Server(_config(SideApplication(sandbox, side))) for side in listeners}
        for face in self._telling():
            face.faults = sandbox.faults

    async def run(self, when_ready: Callable[[], None]) -> None:
        """Serves until `stop`. Calls `when_ready` once every side answers."""
        serving = [
            asyncio.create_task(server.serve(sockets=[self._listeners[side]])) for side, server in self._servers.items()
        ]
        while not all(server.started for server in self._servers.values()):
            if any(task.done() for task in serving):
                break
            await asyncio.sleep(0.005)
        else:
            when_ready()
        sending = [
            asyncio.create_task(deliver(lambda face=face: face.webhooks, self._sandbox.clock))  # type: ignore[misc]
            for face in self._telling()
        ]
        sending.append(asyncio.create_task(self._late()))
        await asyncio.gather(*serving)
        for task in sending:
            task.cancel()

    async def _late(self) -> None:
        """Executes calls that were put off, in the loop's thread like every other, until it is cancelled."""
        while True:
            for execute in self._sandbox.faults.due(self._sandbox.clock()):
                execute()
            await asyncio.sleep(_OWED_SECONDS)

    def _telling(self) -> list[Any]:
        """The faces that have webhooks to send."""
        faces = [self._sandbox.side(side).face for side in self._servers]
        return [face for face in faces if hasattr(face, "webhooks")]

    def stop(self) -> None:
        """Asks every server to end; open calls get a second. To be called from the loop's thread."""
        for server in self._servers.values():
            server.should_exit = True


def _config(application: SideApplication) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=_TransportProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,  # seconds, as usual proxies have it: longer than our client keeps an idle connection
    )


def run_in_new_loop(servers: SandboxServers, when_ready: Callable[[asyncio.AbstractEventLoop], None]) -> None:
    """Runs the servers in an event loop of their own (uvloop where there is one) until they are stopped."""
    factory = uvicorn.Config(app=_nothing, loop="auto", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        loop = runner.get_loop()
        runner.run(servers.run(lambda: when_ready(loop)))


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """Stands in for an application where uvicorn is only asked for its event loop."""
