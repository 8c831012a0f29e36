"""Commands about the installation itself: init, the vault's key, backup, restore."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ml_connector import desk
from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output, shown
from ml_connector.cli.session import actor, session_of
from ml_connector.kernel.text import counted
from ml_connector.settings import HOME
from ml_connector.store.backup import Backup
from ml_connector.store.upgrading import Upgrade

vaults = group("Look after the key that seals the secrets.", "ml-connector vault rotate")


def init(ctx: typer.Context) -> None:
    """Make the folder, the sealing key and the database, and say where everything is. Safe to run again."""
    session = session_of(ctx)
    with session.app("Starting the database") as app:
        form = desk.begin(app)

    def human(out: Output) -> None:
        out.line("ml-connector is ready.", "bold green")
        out.facts(
            [
                ("folder", f"{form['home']} (set {HOME} for another)"),
                ("database", form["database"]),
                ("sealing key", form["key"]),
                ("connections", form["connections"]),
            ]
        )
        if form["key_made_now"]:
            out.line("The sealing key is new. Keep a copy of it apart from backups: without it secrets stay sealed.")
        out.line()
        out.line("Next: ml-connector connection add NAME --from FILE   (or ml-connector demo)")

    session.out.answer(form, human)


@command(vaults, "rotate", "ml-connector vault rotate")
def rotate(
    ctx: typer.Context,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Only make the next key, for other machines to copy first.")
    ] = False,
) -> None:
    """Make a new sealing key, seal every secret anew with it, and drop the old key."""
    session = session_of(ctx)
    with session.app() as app:
        if prepare:
            key, path = app.prepare_key()
            said = f"Copy {path} to the same place on every other machine. Next: ml-connector vault rotate"
            session.out.answer({"prepared": key, "path": path}, lambda out: out.line(said))
            return
        number, dropped = app.rotate_keys()

    def human(out: Output) -> None:
        out.line(f"{counted(number, 'secret')} sealed anew.", "green")
        if not dropped:
            out.line("The former key is still read, for others who have it alone. Give all of them the new one first,")
            out.line("then run this again where it is in a file, or take it out of the variable.")

    session.out.answer({"resealed": number, "former_dropped": dropped}, human)


def backup(
    ctx: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="PATH", help="File to write; default: ml-connector-DATE-TIME.backup in this folder."),
    ] = None,
) -> None:
    """Write the whole database to one file, as of one moment, while runs go on. The sealing key is not in it."""
    session = session_of(ctx)
    target = path or Path(f"ml-connector-{datetime.now().astimezone():%Y%m%d-%H%M%S}.backup")
    made = desk.backup(session.settings, target)

    def human(out: Output) -> None:
        out.line(
            f"The backup is {made.path} ({shown(made.size)} bytes, {counted(made.connections, 'connection')}).", "green"
        )
        out.line("Secrets in it stay sealed. Keep the sealing key apart from it.")

    session.out.answer(_form(made), human)


def restore(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file `backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Also when the database holds connections.")] = False,
) -> None:
    """Put a backup in place of what the database holds: wholly or not at all. Audit chains are checked."""
    session = session_of(ctx)
    made = desk.restore(session.settings, path, replace=replace)

    def human(out: Output) -> None:
        out.line(f"{made.path} is restored: {counted(made.connections, 'connection')}, audit trail whole.", "green")
        if made.moved:
            out.line(f"The data directory of the other PostgreSQL version is now {made.moved}.")

    session.out.answer(_form(made), human)


def upgrade(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    copy: Annotated[
        Path | None, typer.Option("--backup", metavar="PATH", help="Write a backup to this file first.")
    ] = None,
) -> None:
    """Bring a database that an older release made to this release's schema, all or nothing, and say what is done."""
    session = session_of(ctx)
    planned = desk.upgrade(session.settings, actor(), dry_run=True)
    advised = bool(planned.steps and planned.connections and not copy)
    if planned.steps and not dry_run:
        if copy:
            desk.backup(session.settings, copy)
        planned = desk.upgrade(session.settings, actor(), dry_run=False)

    def human(out: Output) -> None:
        if not planned.steps:
            out.line(f"Nothing to do: {planned.where} has schema {planned.wants}.", "green")
            return
        what = "is now at" if planned.done else "would go to"
        out.line(f"{planned.where} {what} schema {planned.wants}, from {planned.stands or 'nothing'}:", "bold")
        for step in planned.steps:
            out.line(f"  {step.revision}  {step.sentence}")
        if planned.done:
            out.line("Done. Start the processes again.", "green")
            return
        if planned.others:
            out.line(f"Stop these first: {', '.join(planned.others)}.", "yellow")
        if advised:
            out.line(
                f"It holds {counted(planned.connections, 'connection')}: make a backup, or use --backup.", "yellow"
            )
        out.line("Next: ml-connector upgrade")

    session.out.answer({**msgspec.to_builtins(planned), "steps": _steps(planned), "backup_advised": advised}, human)


def _steps(planned: Upgrade) -> list[dict[str, str]]:
    return [step._asdict() for step in planned.steps]


def _form(made: Backup) -> dict[str, Any]:
    return {
        "path": made.path,
        "size": made.size,
        "revision": made.revision,
        "connections": made.connections,
        "heads": {str(chain): head for chain, head in made.heads.items()},
        "moved": made.moved,
    }
