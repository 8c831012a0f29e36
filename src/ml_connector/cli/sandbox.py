"""The command that runs the simulated IFS and Procore."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ml_connector.kernel.errors import BadInput
from ml_connector.sandbox.serve import IFS_PORT, PROCORE_PORT, ServeOptions, serve

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]


class Side(Enum):
    """One simulated system."""

    IFS = "ifs"
    """IFS Cloud."""
    PROCORE = "procore"
    """Procore."""


def sandbox(
    ifs_port: Port = IFS_PORT,
    procore_port: Port = PROCORE_PORT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="Seed of the world; equal seeds give equal worlds.")] = 7,
    orders: Annotated[int, typer.Option(min=24, max=100_000, help="Number of purchase orders.")] = 300,
    connection_file: Annotated[Path | None, typer.Option(help="Write the connection file here.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Write addresses and process id here once serving.")] = None,
    only: Annotated[Side | None, typer.Option(help="Serve one system alone.")] = None,
    ifs_url: Annotated[str | None, typer.Option(help="Address callers use for IFS, when it is another.")] = None,
    procore_url: Annotated[str | None, typer.Option(help="The same for Procore.")] = None,
    log_bodies: Annotated[
        bool, typer.Option("--log-bodies", help="Keep headers and bodies in the request log.")
    ] = False,
) -> None:
    """Run a simulated IFS Cloud and a simulated Procore, one port each, until Ctrl-C.

    The connection file joins the two; give it to `ml-connector connection add`.
    """
    options = ServeOptions(
        ifs_port=ifs_port,
        procore_port=procore_port,
        host=host,
        ifs_url=ifs_url,
        procore_url=procore_url,
        seed=seed,
        orders=orders,
        only=only.value if only else None,
        log_bodies=log_bodies,
        connection_file=connection_file,
        ready_file=ready_file,
    )
    try:
        code = serve(options)
    except (ValueError, OSError, LookupError) as error:
        raise BadInput(
            f"The sandbox cannot start: {error}.", remedy="Choose other ports with --ifs-port and --procore-port."
        ) from error
    if code:
        raise typer.Exit(code)
