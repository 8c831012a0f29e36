"""The command that asks whether a side answers."""

from __future__ import annotations

from typing import Annotated

import typer

from ml_connector.cli.running import Name
from ml_connector.cli.session import session_of
from ml_connector.service.probing import probe as probed


def probe(
    ctx: typer.Context, name: Name, side: Annotated[str, typer.Argument(metavar="SIDE", help="erp or projects.")]
) -> None:
    """Sign in to one side anew and ask who it is; a side that was not called is called again if it answers."""
    session = session_of(ctx)
    with session.app() as app:
        said = probed(app, name, side)
    session.out.answer({"connection": name, "side": side, "sentence": said}, lambda out: out.line(said, "green"))
