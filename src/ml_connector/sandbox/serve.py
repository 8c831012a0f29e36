"""Runs the sandbox as a process of its own, with its command line: `python -m ml_connector.sandbox.serve`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ml_connector.sandbox.face import SIDES
from ml_connector.sandbox.server import SandboxServers, bind, run_in_new_loop
from ml_connector.sandbox.sides import simulated
from ml_connector.sandbox.simulation import Sandbox
from ml_connector.sandbox.world import World
from ml_connector.sandbox.world_maker import make_world

IFS_PORT = 8441
PROCORE_PORT = 8442


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve a sandbox. Port 0 takes a free port; `*_url` is the address callers use, when it is another."""

    ifs_port: int = IFS_PORT
    procore_port: int = PROCORE_PORT
    host: str = "127.0.0.1"
    ifs_url: str | None = None
    procore_url: str | None = None
    seed: int = 7
    orders: int = 300
    only: str | None = None
    """`ifs` or `procore` to serve one alone."""
    log_bodies: bool = False
    connection_file: Path | None = None
    """Where to write the connection file before the first call is answered."""
    ready_file: Path | None = None
    """Where to write addresses and process id, in JSON, once every side answers."""


def serve(options: ServeOptions) -> int:
    """Serves until SIGINT or SIGTERM; answers the exit code. ValueError for bad numbers, OSError for a taken port."""
    world = make_world(options.seed, options.orders)
    sandbox = simulated(options.only)
    ports = {"ifs": options.ifs_port, "procore": options.procore_port}
    with ExitStack() as opened:
        listeners = {side: opened.enter_context(bind(options.host, ports[side])) for side in sandbox.sides}
        _prepare(sandbox, world, options, listeners)
        servers = SandboxServers(sandbox, listeners)

        def ready(loop: asyncio.AbstractEventLoop) -> None:
            for number in (signal.SIGINT, signal.SIGTERM):
                # Windows loops know no signal handlers; there the process is simply ended.
                with suppress(NotImplementedError):
                    loop.add_signal_handler(number, servers.stop)
            _announce(sandbox, options)

        run_in_new_loop(servers, ready)
    return 0


def _prepare(sandbox: Sandbox, world: World, options: ServeOptions, listeners: Mapping[str, socket.socket]) -> None:
    """Names the addresses, loads the world and writes the connection file."""
    sandbox.log.bodies = options.log_bodies
    sandbox.urls.update({side: _url(options.host, listener.getsockname()[1]) for side, listener in listeners.items()})
    given = {"ifs": options.ifs_url, "procore": options.procore_url}
    sandbox.urls.update({side: url.rstrip("/") for side, url in given.items() if url})
    sandbox.load(world)
    if options.connection_file is not None:
        _write(options.connection_file, sandbox.connection_text())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the sandbox; answers the exit code, 2 when it cannot start."""
    options = parse_arguments(arguments)
    try:
        return serve(options)
    except (ValueError, OSError, LookupError) as error:
        sys.stderr.write(f"The sandbox cannot start: {error}\n")
        return 2


def parse_arguments(arguments: Sequence[str] | None = None) -> ServeOptions:
    """Command line words as options; ends the process with a message when they make no sense, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="ml-connector sandbox", description="Simulated IFS Cloud and Procore, one port each."
    )
    parser.add_argument("--ifs-port", type=int, default=IFS_PORT, help="port of the simulated IFS (0: any free one)")
    parser.add_argument("--procore-port", type=int, default=PROCORE_PORT, help="port of the simulated Procore")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--ifs-url", help="address callers reach IFS under, when it is not host and port")
    parser.add_argument("--procore-url", help="the same for Procore")
    parser.add_argument("--seed", type=int, default=7, help="seed of the world")
    parser.add_argument("--orders", type=int, default=300, help="number of purchase orders, at least 24")
    parser.add_argument("--only", choices=SIDES, help="serve one system alone")
    parser.add_argument("--log-bodies", action="store_true", help="keep headers and bodies in the request log")
    parser.add_argument("--connection-file", type=Path, help="write the connection file here")
    parser.add_argument("--ready-file", type=Path, help="write addresses and process id here once serving")
    return ServeOptions(**vars(parser.parse_args(arguments)))


def _announce(sandbox: Sandbox, options: ServeOptions) -> None:
    if options.ready_file is not None:
        _write(options.ready_file, msgspec.json.encode(_ready(sandbox.urls)).decode())
    for side in sandbox.sides:
        sys.stderr.write(f"Simulated {side} at {sandbox.urls[side]}\n")
    sys.stderr.flush()


def _ready(urls: Mapping[str, str]) -> dict[str, str | int | None]:
    return {"ifs_url": urls.get("ifs"), "procore_url": urls.get("procore"), "pid": os.getpid()}


def _url(host: str, port: int) -> str:
    """Nobody can call 0.0.0.0, so the address of a sandbox on all interfaces names the machine itself."""
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - compared, not bound


def _write(path: Path, text: str) -> None:
    """Writes the file in one step, so that whoever waits for it never reads half of it."""
    half = path.with_name(f"{path.name}.half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


if __name__ == "__main__":
    sys.exit(main())
