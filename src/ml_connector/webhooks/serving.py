"""Opens the door in a thread of its own, and closes it so that whoever was let in is answered."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import threading
from collections.abc import Callable, Generator
from typing import Any

import structlog
import uvicorn

from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, Bug
from ml_connector.webhooks.answers import Site
from ml_connector.webhooks.application import Application
from ml_connector.webhooks.protocol import Callers, DoorProtocol

PORT = 8480
"""Where the door is when nobody says otherwise."""
DRAIN_SECONDS = 3.0
"""Seconds the callers inside get when the door closes; as many again for the last commit, and for the audit."""

_START_SECONDS = 10.0
_BACKLOG = 1024
_SENT = 64 * 1024
"""Bytes the system keeps of an answer that is not taken; it would keep megabytes, and would not say how they go."""
_KEEP_ALIVE = 65
"""Seconds an idle connection stays; above the usual minute of a proxy in front, which must be the first to hang up."""

_log = structlog.get_logger()


class Door:
    """The door of an installation: `start` returns when it listens, `stop` when everybody inside was answered."""

    def __init__(
        self,
        app: App,
        host: str = "127.0.0.1",
        port: int = PORT,
        *,
        metrics: Callable[[], bytes] | None = None,
        site: Site | None = None,
    ) -> None:
        """Port 0 takes a free one. `metrics` gives what `/metrics` says besides the door's own measures; `site` answers
        every address that is not the door's own."""
        self.host = host
        self.port = port
        self.application = Application(app, metrics, site)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, as this machine reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.port}"

    @property
    def open(self) -> bool:
        """Whether it serves."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Listens and serves; BadInput when the address cannot be had."""
        listener = _listener(self.host, self.port)
        self.port = listener.getsockname()[1]
        server = self._server = _Server(_config(self.application))
        self.application.receiver.start()
        self._thread = threading.Thread(target=_serve, args=(server, listener), name="door", daemon=True)
        self._thread.start()
        waited = 0.0
        while not server.started:
            self._thread.join(0.005)
            waited += 0.005
            if not self._thread.is_alive() or waited > _START_SECONDS:
                raise Bug("The door did not open.")
        _log.info("door.open", url=self.url)

    def stop(self) -> None:
        """Lets nobody in any more, answers who is inside, commits what waits. Takes eleven seconds at most."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(DRAIN_SECONDS + 2)
        settled = self.application.receiver.stop(DRAIN_SECONDS)
        self.application.refusals.stop(DRAIN_SECONDS / 2)
        self._server = self._thread = None
        _log.info("door.closed", settled=settled)


class _Server(uvicorn.Server):
    """A server that leaves signals to the main thread."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _config(application: Application) -> uvicorn.Config:
    protocol: Any = functools.partial(DoorProtocol, Callers())
    # what uvicorn has to say is about callers' mistakes, and each of them would be a line
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        application,
        http=protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=int(DRAIN_SECONDS),
    )


def _listener(host: str, port: int) -> socket.socket:
    """A listening socket."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT)  # whoever is let in has the same
            listener.bind(address)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else "no such address"
        raise BadInput(
            f"The door cannot listen on {host} port {port}: {said}.", remedy="Choose another host or port."
        ) from None
    return listener


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serves in an event loop of its own until the server is asked to end."""

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(_unheard)
        await server.serve(sockets=[listener])

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(main())


def _unheard(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for, such as a caller that cut its connection; seen with --verbose."""
    _log.debug("door.loop", message=context.get("message", ""))
