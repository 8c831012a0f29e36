"""Commands about one's own draft of the mapping: what it would do, saving it, dropping it, carrying it over."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from ml_connector.cli.command import command, group
from ml_connector.cli.mapping import LEFT, mappings
from ml_connector.cli.mapping_change import Ask, told
from ml_connector.cli.output import Output
from ml_connector.cli.running import Chosen, MaybeName
from ml_connector.cli.session import session_of
from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.service import mapping_desk as desk
from ml_connector.views import mapping_effect as effects

drafts = group(
    "Look at, save, drop or carry over your own draft of the mapping: that of the account at the keyboard.",
    "ml-connector mapping draft show",
    "ml-connector mapping draft save",
)
mappings.add_typer(drafts, name="draft")

BasedOn = Annotated[int | None, typer.Option("--based-on", help="Only where the draft was begun from this version.")]


@command(drafts, "show", "ml-connector mapping draft show", "ml-connector mapping draft show north --ask --json")
def show(ctx: typer.Context, name: MaybeName = "", connection: Chosen = "", ask: Ask = False) -> None:
    """Say what your draft would do if it were saved now. Nothing is saved and nothing is sent."""
    session = session_of(ctx)
    with session.app("Working out the effect") as app:
        picked = session.pick(app, name, connection)
        now = desk.standing(app, picked)
        if now.draft is None:
            raise NothingSuchHere(
                f"You have no draft of the mapping of {picked}.",
                remedy="Begin one: `ml-connector mapping edit add cost_type A=1910 to=E --draft`.",
            )
        found = effects.effect(app, picked, ask=ask)

    def human(out: Output) -> None:
        out.line(f"Your draft of {picked}, begun from version {now.based_on}.")
        told(out, found)
        if now.overtaken:
            out.line(f"Version {now.version} was saved since. {LEFT}", "yellow")

    form = {**msgspec.to_builtins(found), "begun_from": now.based_on, "overtaken": now.overtaken}
    session.out.answer(form, human)


@command(drafts, "save", "ml-connector mapping draft save", "ml-connector mapping draft save north --seen 5d1c0f2b9a7e")
def save(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    based_on: BasedOn = None,
    seen: Annotated[
        str, typer.Option("--seen", help="Only while the draft says what was looked at: `mark` of its effect.")
    ] = "",
) -> None:
    """Make your draft the newest version of the mapping. The next run decides with it."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        version = desk.save(app, picked, based_on, seen)
    form = {"connection": picked, "version": version}
    session.out.answer(form, lambda out: out.line(f"{picked} now has mapping version {version}.", "green"))


@command(drafts, "drop", "ml-connector mapping draft drop", "ml-connector mapping draft drop -c north")
def drop(ctx: typer.Context, name: MaybeName = "", connection: Chosen = "") -> None:
    """Forget your draft; what is saved stays."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        was = desk.standing(app, picked).draft is not None
        desk.drop(app, picked)
    said = "Your draft is gone; what is saved stays as it was." if was else "You had no draft."
    session.out.answer({"connection": picked, "dropped": was}, lambda out: out.line(said, "green"))


@command(drafts, "carry", "ml-connector mapping draft carry", "ml-connector mapping draft carry north --leave-out")
def carry(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Leave out what clashes with the newest version, and carry the rest.")
    ] = False,
) -> None:
    """Carry your draft over onto the version somebody saved since you began it. Nothing is saved by that."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        now = desk.carry(app, picked, leave_out=leave_out)
    said = f"Your draft of {picked} is based on version {now.based_on} now."
    if now.draft is None:
        said = f"Version {now.version} of {picked} says all of your draft already."
    form = {"connection": picked, "based_on": now.based_on, "draft": now.draft is not None}
    session.out.answer(form, lambda out: out.line(said, "green"))
