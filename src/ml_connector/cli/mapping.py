"""Commands about the mapping of code strings to cost codes and cost types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_connector import desk
from ml_connector.app import App
from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output
from ml_connector.cli.running import Chosen, MaybeName
from ml_connector.cli.session import Session, session_of, text_from, write_text
from ml_connector.cli.trouble import FOUND_WRONG
from ml_connector.kernel.errors import BadInput
from ml_connector.service import mapping_desk as work

mappings = group(
    "Carry the mapping of code strings in and out, and check that it is complete.",
    "ml-connector mapping export > mapping.toml",
    "ml-connector mapping check mapping.toml",
    "ml-connector mapping import mapping.toml",
)

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME PATH", help="Connection, when there are many, and TOML file; - for standard input."),
]
From = Annotated[str, typer.Option("--from", help="TOML file; the same as PATH.")]


@command(
    mappings,
    "import",
    "ml-connector mapping import mapping.toml",
    "ml-connector mapping import north mapping.toml",
    "ml-connector mapping import mapping.toml --draft",
)
def import_mapping(
    ctx: typer.Context,
    words: Words = None,
    source: From = "",
    connection: Chosen = "",
    draft: Annotated[bool, typer.Option("--draft", help="Put it into your draft: nothing is saved yet.")] = False,
    drop_draft: Annotated[
        bool, typer.Option("--drop-draft", help="With --draft, though you have an unsaved draft: it is dropped.")
    ] = False,
) -> None:
    """Take a mapping from a TOML file as a new version. The next run decides with it. A draft of yours stays."""
    session = session_of(ctx)
    if drop_draft and not draft:
        raise BadInput(
            "--drop-draft goes with --draft: a version that is saved leaves your draft as it is.",
            remedy="Say both, or drop it by `ml-connector mapping draft drop`.",
        )
    with session.app() as app:
        name, path = name_and_path(session, app, words or [], source, connection)
        if not path:
            raise BadInput("No mapping file is named.", remedy="Such as `ml-connector mapping import mapping.toml`.")
        text = text_from(path)
        if draft and not drop_draft and work.standing(app, name).draft is not None:
            raise BadInput(
                "You have an unsaved draft, which this would take the place of.",
                remedy="Save or drop it first (`ml-connector mapping draft`), or say --drop-draft.",
            )
        version = 0 if draft else app.import_mapping(name, text)
        now = work.bring(app, name, text) if draft else work.standing(app, name)

    def human(out: Output) -> None:
        if draft:
            told_draft(out, now)
            return
        out.line(f"{name} now has mapping version {version}.", "green")
        if now.overtaken:
            out.line(LEFT, "yellow")

    session.out.answer({"connection": name, "version": now.version, "draft": now.draft is not None}, human)


LEFT = "Your unsaved draft stays as it was: `ml-connector mapping draft carry` carries it over, or drop it."
"""What is said where another version than that a draft was begun from is the newest."""


def told_draft(out: Output, now: work.Standing) -> None:
    """What became of a draft that was just changed, as a person reads it."""
    if now.draft is None:
        out.line(f"Your draft would say what version {now.version} says: none waits, and there is nothing to save.")
    elif now.overtaken:
        out.line(f"It waits in your draft, and version {now.version} was saved since you began that.", "yellow")
        out.line("Before it can be saved, `ml-connector mapping draft carry` carries it over.", "yellow")
    else:
        out.line("It waits in your draft: `ml-connector mapping draft save` saves it.", "green")


@command(
    mappings, "export", "ml-connector mapping export > mapping.toml", "ml-connector mapping export north --version 3"
)
def export_mapping(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    version: Annotated[int | None, typer.Option("--version", help="Which version; default: the newest.")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write it to this file.")] = None,
) -> None:
    """Print a mapping as TOML, fit for import."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        text = app.export_mapping(picked, version)
        versions = desk.mapping_versions(app, picked)
    if to is not None:
        write_text(to, text)

    def human(out: Output) -> None:
        if to is None:
            out.raw(text)
        else:
            out.line(f"The mapping is in {to}.", "green")

    session.out.answer({"connection": picked, "toml": text, "versions": versions}, human)


@command(mappings, "check", "ml-connector mapping check", "ml-connector mapping check mapping.toml -c north")
def check_mapping(
    ctx: typer.Context,
    words: Words = None,
    source: From = "",
    connection: Chosen = "",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 15 when there are findings.")] = False,
) -> None:
    """Say which rows are never reached, which values of IFS lead nowhere, and which codes in use find no row."""
    session = session_of(ctx)
    with session.app("Checking the mapping") as app:
        name, path = name_and_path(session, app, words or [], source, connection)
        found = app.check_mapping(name, text_from(path) if path else None)

    def human(out: Output) -> None:
        for sentence in found:
            out.line(f"- {sentence}", "yellow")
        if not found:
            out.line("The mapping is complete.", "green")

    session.out.answer({"connection": name, "ok": not found, "findings": found}, human)
    if found and strict:
        raise typer.Exit(FOUND_WRONG)


def name_and_path(session: Session, app: App, words: list[str], source: str, chosen: str) -> tuple[str, str]:
    """The connection and file that up to two words, --from and -c mean; one word is a name when one is called so."""
    if len(words) > 2:
        raise BadInput(f"{words[2]!r} is one word too many.", remedy="Give a connection and a file.")
    name, path = chosen, source
    if len(words) == 2:
        name, path = _once(chosen, words[0]), _once(source, words[1])
    elif words and (source or words[0] in {row.name for row in app.connections()}):
        name = _once(chosen, words[0])
    elif words:
        path = words[0]
    return session.pick(app, name), path


def _once(option: str, word: str) -> str:
    if option and option != word:
        raise BadInput(f"Both {option!r} and {word!r} are named.", remedy="Name one.")
    return word
