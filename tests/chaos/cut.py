"""Wires that can be cut: every call to a simulated system runs through one, over real sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from urllib.parse import urlsplit


class State(Enum):
    """What a wire does."""

    WHOLE = "whole"
    REFUSED = "refused"
    """Nobody answers at the address, and what was open is reset."""
    SILENT = "silent"
    """Everything is taken and nothing comes through, in either direction, until it is whole again."""


class Wire:
    """One address of ours that leads to one of theirs."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        self.target = (parts.hostname, parts.port)
        self.url = ""
        self.state = State.WHOLE
        self.whole = asyncio.Event()
        self.whole.set()
        self.open: set[asyncio.StreamWriter] = set()


class Wires:
    """All wires, in a thread of their own."""

    def __init__(self, targets: list[str]) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._thread.start()
        self.wires = asyncio.run_coroutine_threadsafe(self._lay(targets), self._loop).result(30)

    async def _lay(self, targets: list[str]) -> list[Wire]:
        found = []
        for target in targets:
            wire = Wire(target)
            server = await asyncio.start_server(lambda r, w, wire=wire: self._carry(wire, r, w), "127.0.0.1", 0)
            self._servers.append(server)
            wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            found.append(wire)
        return found

    async def _carry(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if wire.state is State.REFUSED:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection(*wire.target)
        except OSError:
            writer.transport.abort()
            return
        wire.open |= {writer, there_writer}
        try:
            await asyncio.gather(self._pump(wire, reader, there_writer), self._pump(wire, there_reader, writer))
        finally:
            wire.open -= {writer, there_writer}
            writer.transport.abort()
            there_writer.transport.abort()

    @staticmethod
    async def _pump(wire: Wire, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await wire.whole.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.transport.close()

    def set(self, wire: Wire, state: State) -> None:
        """Cuts a wire, or mends it."""
        asyncio.run_coroutine_threadsafe(self._set(wire, state), self._loop).result(10)

    @staticmethod
    async def _set(wire: Wire, state: State) -> None:
        wire.state = state
        if state is State.SILENT:
            wire.whole.clear()
        else:
            wire.whole.set()
        if state is State.REFUSED:
            for writer in list(wire.open):
                writer.transport.abort()

    def close(self) -> None:
        """Takes them all down."""

        async def end() -> None:
            for server in self._servers:
                server.close()
            for wire in self.wires:
                for writer in list(wire.open):
                    writer.transport.abort()
            await asyncio.sleep(0.05)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def wired(targets: list[str]) -> Iterator[Wires]:
    """Wires to some addresses, in their order."""
    made = Wires(targets)
    try:
        yield made
    finally:
        made.close()
