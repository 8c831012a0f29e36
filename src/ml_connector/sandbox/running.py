"""A sandbox that runs for the length of a `with` block: in a thread of this process, or as a process of its own."""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

import ml_connector
from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.exchange_log import ExchangeLog
from ml_connector.sandbox.faults import Faults
from ml_connector.sandbox.server import SandboxServers, bind, run_in_new_loop
from ml_connector.sandbox.sides import simulated
from ml_connector.sandbox.simulation import Sandbox
from ml_connector.sandbox.world_maker import make_world

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_Answer = TypeVar("_Answer")


class SandboxFailed(RuntimeError):
    """The sandbox did not start, or a call to its admin surface was refused; the text says why."""


class RunningSandbox:
    """Both simulated systems on free ports of 127.0.0.1 while the block lasts.

    In a thread (the default) the faces, the faults, the clock and the log are at hand as objects. With `spawn`
    the sandbox is another process, reached over its addresses and `admin` only. A ready-made `sandbox` (stand-in
    faces, one side alone) may be given instead of the full one.
    """

    def __init__(
        self, *, seed: int = 7, orders: int = 300, spawn: bool = False, sandbox: Sandbox | None = None
    ) -> None:
        self._seed = seed
        self._orders = orders
        self._spawn = spawn
        self._sandbox = sandbox
        self._urls: dict[str, str] = {}
        self._servers: SandboxServers | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def at(cls, urls: Mapping[str, str]) -> RunningSandbox:
        """One that somebody else runs at these addresses, by side: reached over them and `admin` only, never ended."""
        made = cls(spawn=True)
        made._urls = dict(urls)
        return made

    def __enter__(self) -> RunningSandbox:
        if self._spawn:
            self._start_process()
        else:
            self._start_thread()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)
        if self._loop is not None and self._servers is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._servers.stop)
            self._thread.join(_STOP_SECONDS)

    @property
    def ifs_url(self) -> str:
        """Base address of the simulated IFS."""
        return self._urls["ifs"]

    @property
    def procore_url(self) -> str:
        """Base address of the simulated Procore; login and API in one."""
        return self._urls["procore"]

    @property
    def ifs(self) -> Any:
        """The IFS face. Read it freely; change it through `act` or `in_loop`, which keep out of the server's way."""
        return self._here().side("ifs").face

    @property
    def procore(self) -> Any:
        """The Procore face; the same as for `ifs` holds."""
        return self._here().side("procore").face

    @property
    def faults(self) -> Faults:
        """The faults in force; may be changed from here."""
        return self._here().faults

    @property
    def clock(self) -> SandboxClock:
        """The sandbox's clock; may be moved from here."""
        return self._here().clock

    @property
    def log(self) -> ExchangeLog:
        """The calls so far."""
        return self._here().log

    @property
    def sandbox(self) -> Sandbox:
        """All of it in one object; SandboxFailed when it runs in another process."""
        return self._here()

    def reset(self) -> None:
        """Same world again, no faults, empty log, first switches, first clock."""
        if self._spawn:
            self.admin("POST", "reset")
        else:
            self.in_loop(self._here().reset)

    def act(self, side: str, act: str, **arguments: Any) -> Any:
        """Lets a person in that system do something; answers what the face says. SandboxFailed when it is refused."""
        return self.admin("POST", "act", {"side": side, "act": act, **arguments})["result"]

    def connection_text(self) -> str:
        """The connection file's text."""
        return str(self.admin("GET", "connection"))

    def write_connection_file(self, path: Path) -> Path:
        """Writes the connection file to `path` and answers `path`."""
        path.write_text(self.connection_text(), encoding="utf-8")
        return path

    def admin(self, method: str, name: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call to `/_sandbox/name`: its JSON value, or its text. SandboxFailed with the reason when refused."""
        host = urlsplit(next(iter(self._urls.values()))).netloc
        wire = http.client.HTTPConnection(host, timeout=_START_SECONDS)
        try:
            wire.request(method, f"/_sandbox/{name}", None if body is None else msgspec.json.encode(body))
            answer = wire.getresponse()
            content = answer.read()
        finally:
            wire.close()
        if answer.status != 200:
            raise SandboxFailed(f"{method} {name}: {answer.status} {content.decode()}")
        is_json = (answer.getheader("content-type") or "").startswith("application/json")
        return msgspec.json.decode(content) if is_json else content.decode()

    def in_loop(self, work: Callable[[], _Answer]) -> _Answer:
        """Does `work` in the server's thread between two calls, and answers what it answers."""
        if self._loop is None:
            raise SandboxFailed("the sandbox is not running in this process")
        done: Future[_Answer] = Future()

        def step() -> None:
            try:
                done.set_result(work())
            except Exception as error:  # handed to the caller's thread, whatever it is
                done.set_exception(error)

        self._loop.call_soon_threadsafe(step)
        return done.result(_START_SECONDS)

    def _here(self) -> Sandbox:
        if self._sandbox is None:
            raise SandboxFailed("the sandbox runs in another process; use its admin surface")
        return self._sandbox

    def _start_thread(self) -> None:
        sandbox = self._sandbox = self._sandbox or simulated()
        listeners = {side: bind("127.0.0.1", 0) for side in sandbox.sides}
        for side, listener in listeners.items():
            self._urls[side] = sandbox.urls[side] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        sandbox.load(make_world(self._seed, self._orders))
        servers = self._servers = SandboxServers(sandbox, listeners)
        ready = threading.Event()

        def note(loop: asyncio.AbstractEventLoop) -> None:
            self._loop = loop
            ready.set()

        self._thread = threading.Thread(target=run_in_new_loop, args=(servers, note), name="sandbox", daemon=True)
        self._thread.start()
        if not ready.wait(_START_SECONDS):
            raise SandboxFailed("the sandbox did not come up in time")

    def _start_process(self) -> None:
        with tempfile.TemporaryDirectory(prefix="ml-connector-sandbox-") as folder:
            ready = Path(folder, "ready.json")
            words = ["--ifs-port", "0", "--procore-port", "0", "--ready-file", str(ready)]
            words += ["--seed", str(self._seed), "--orders", str(self._orders)]
            # The child must find this package even where it is not installed.
            root = str(Path(ml_connector.__file__).parent.parent)
            path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
            self._process = subprocess.Popen(  # noqa: S603 - our own module, our own words
                [sys.executable, "-m", "ml_connector.sandbox.serve", *words],
                env={**os.environ, "PYTHONPATH": path},
                stderr=subprocess.DEVNULL,
            )
            self._wait_for(self._process, ready)
            urls = msgspec.json.decode(ready.read_bytes())
        self._urls = {"ifs": urls["ifs_url"], "procore": urls["procore_url"]}

    def _wait_for(self, process: subprocess.Popen[bytes], ready: Path) -> None:
        until = time.monotonic() + _START_SECONDS
        while not ready.exists():
            if process.poll() is not None:
                raise SandboxFailed(f"the sandbox ended with code {process.returncode} before it was ready")
            if time.monotonic() > until:
                process.kill()
                raise SandboxFailed("the sandbox did not come up in time")
            time.sleep(0.02)
