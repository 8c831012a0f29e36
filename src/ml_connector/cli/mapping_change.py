"""Commands that say what a change of the mapping would do, and that make, compare and restore versions of it."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import msgspec
import typer

from ml_connector.cli.command import command
from ml_connector.cli.mapping import From, Words, mappings, name_and_path, told_draft
from ml_connector.cli.output import Output
from ml_connector.cli.running import Chosen, MaybeName
from ml_connector.cli.session import session_of, text_from
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.money import Money
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.mapping_compare import RowChange
from ml_connector.planning.mapping_editing import Edit, edited
from ml_connector.service import mapping_desk as desk
from ml_connector.views import mapping as views
from ml_connector.views import mapping_effect as effects
from ml_connector.views import mapping_versions as history
from ml_connector.views.mapping import RowsLook, Section
from ml_connector.views.mapping_effect import Effect
from ml_connector.views.mapping_versions import VersionsLook

Ask = Annotated[bool, typer.Option("--ask", help="Ask IFS, instead of using what the last run saw.")]
_BASED_ON = "Only while this is the newest version; with --draft: while it is the one your draft was begun from."
Number = Annotated[int, typer.Argument(metavar="VERSION", help="Number of the version.")]


@command(mappings, "show", "ml-connector mapping show", "ml-connector mapping show north --table cost_type")
def show(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    table: Annotated[str, typer.Option("--table", help=f"One of {', '.join(get_args(Section))}.")] = "",
) -> None:
    """Show the tables of the mapping; with --table its rows, and how many code strings in use each takes."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        found = views.overview(app, picked)
        look = RowsLook(connection=picked, section=_section(table), size=500) if table else None
        rows = views.rows(app, look).rows if look else []
    form = {**msgspec.to_builtins(found), **({"rows": rows} if table else {})}

    def human(out: Output) -> None:
        out.line(f"{picked} has mapping version {found.version}.")
        if table:
            shown = ((one["row"], one["looks_at"], one["to"], one["uses"], one["state"]) for one in rows)
            out.table(("row", "looks at", "leads to", "in use", "state"), shown, right=("row", "in use"))
        else:
            lines = ((one.section, one.rows, one.never, ", ".join(one.parts), one.otherwise) for one in found.tables)
            out.table(
                ("table", "rows", "never reached", "looks at", "otherwise"), lines, right=("rows", "never reached")
            )

    session.out.answer(form, human)


@command(mappings, "suggest", "ml-connector mapping suggest", "ml-connector mapping suggest north --ask --json")
def suggest(ctx: typer.Context, name: MaybeName = "", connection: Chosen = "", ask: Ask = False) -> None:
    """Say which values and code strings find no code, what money waits for them, and where they might lead."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        found = views.gaps(app, picked, ask=ask)

    def human(out: Output) -> None:
        for one in found.gaps:
            used = f"nothing waits yet; in use: {_sums(one.in_use)}" if one.in_use else "nothing waits yet"
            waits = f"{counted(one.documents, 'document')}, {_sums(one.money)}" if one.documents else used
            out.heading(f"{one.segment.replace('_', ' ')} for {one.looked_at} {one.names}".rstrip())
            out.line(f"  {waits}")
            for better in one.suggestions:
                out.line(f"  {better.to} ({better.score}): {'; '.join(better.evidence)}", "cyan")
        for sentence in (*found.values, *found.never, *filter(None, (found.budgets,))):
            out.line(f"- {sentence}", "yellow")
        if not found.gaps:
            out.line("Everything in use finds a code.", "green")

    session.out.answer(msgspec.to_builtins(found), human)


@command(
    mappings,
    "effect",
    "ml-connector mapping effect mapping.toml",
    "ml-connector mapping effect north --version 3",
    "ml-connector mapping effect north mapping.toml --ask --json",
)
def effect(
    ctx: typer.Context,
    words: Words = None,
    source: From = "",
    connection: Chosen = "",
    version: Annotated[int | None, typer.Option("--version", help="What restoring this version would do.")] = None,
    ask: Ask = False,
) -> None:
    """Say what a mapping would do if it were imported now: what moves, what stays as it is booked, what goes or waits.

    Nothing is saved and nothing is sent. Without a file, what your unsaved draft in the console would do.
    """
    session = session_of(ctx)
    with session.app("Working out the effect") as app:
        name, path = name_and_path(session, app, words or [], source, connection)
        if path and version is not None:
            raise BadInput("A file and a version are named.", remedy="Name one of them.")
        if version is not None:
            found = effects.of_version(app, name, version, ask=ask)
        else:
            found = effects.effect(app, name, text_from(path) if path else None, ask=ask)
    session.out.answer(msgspec.to_builtins(found), lambda out: told(out, found))


@command(
    mappings,
    "edit",
    "ml-connector mapping edit add cost_type A=1910 to=E",
    "ml-connector mapping edit change cost_type row=1 'A=411*' to=M --dry-run",
    "ml-connector mapping edit move cost_type row=7 to_row=1",
    "ml-connector mapping edit remove cost_type row=7 --was 'A=415*' --was to=S -c north",
    "ml-connector mapping edit add cost_type A=1910 to=E --draft",
)
def edit(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT TABLE NAME=VALUE...",
            help="add, change, move, remove or set; the table; the whole row, to=CODE too; row=NUMBER, to_row=NUMBER.",
        ),
    ],
    connection: Chosen = "",
    was: Annotated[
        list[str] | None,
        typer.Option("--was", metavar="NAME=VALUE", help="Only if the row says exactly this; once for each value."),
    ] = None,
    based_on: Annotated[int | None, typer.Option("--based-on", help=_BASED_ON)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do and save nothing.")] = False,
    draft: Annotated[
        bool, typer.Option("--draft", help="Change your draft instead, and say what that would do.")
    ] = False,
) -> None:
    """Change one row, or one setting, of the mapping and save it as a new version, after saying what that does.

    An unsaved draft of yours is carried over onto it; with --draft only the draft changes.
    """
    session = session_of(ctx)
    change = _edit(words, was or [])
    with session.app("Working out the effect") as app:
        name = session.pick(app, connection)
        before = desk.standing(app, name)
        made = edited(before.now if draft else before.saved, change)
        found = effects.of_mapping(app, name, made)
        kept, now = desk.Kept(before.version), before
        if draft and not dry_run:
            now = desk.change(app, name, [change], based_on)
        elif not dry_run and not found.same:
            kept = desk.keep(app, name, made, before.version if based_on is None else based_on)
    became = kept.draft if not draft or dry_run or now.draft is None else "overtaken" if now.overtaken else "waits"
    form = {**msgspec.to_builtins(found), "version": kept.version, "draft": became}

    def human(out: Output) -> None:
        told(out, found)
        if draft and not dry_run:
            told_draft(out, now)
        elif not dry_run and not found.same:
            out.line(f"{name} now has mapping version {kept.version}.", "green")
            if kept.sentence:
                out.line(kept.sentence, "yellow")

    session.out.answer(form, human)


@command(mappings, "versions", "ml-connector mapping versions", "ml-connector mapping versions north --json")
def versions(ctx: typer.Context, name: MaybeName = "", connection: Chosen = "") -> None:
    """List the versions of a mapping, newest first: who saved which when, and what each changed."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        found = history.versions(app, VersionsLook(connection=picked, size=200))
    form = {"connection": picked, "versions": found.rows, "more": found.more}

    def human(out: Output) -> None:
        rows = ((one["version"], one["at"], one["actor"], one["changes"]) for one in found.rows)
        out.table(("version", "saved", "by", "changes"), rows, right=("version",), empty="There is no version yet.")

    session.out.answer(form, human)


@command(mappings, "compare", "ml-connector mapping compare 3 4", "ml-connector mapping compare 3 4 -c north --json")
def compare(ctx: typer.Context, older: Number, newer: Number, connection: Chosen = "") -> None:
    """Compare two versions of a mapping row by row: added, removed, changed, moved."""
    session = session_of(ctx)
    with session.app() as app:
        found = history.compare(app, session.pick(app, connection), older, newer)

    def human(out: Output) -> None:
        _rows(out, found.changes)
        if not found.changes:
            out.line("The two versions say the same.", "green")

    session.out.answer(msgspec.to_builtins(found), human)


@command(mappings, "restore", "ml-connector mapping restore 3", "ml-connector mapping restore 3 -c north")
def restore(
    ctx: typer.Context,
    version: Number,
    connection: Chosen = "",
    based_on: Annotated[
        int | None, typer.Option("--based-on", help="Only while this is the newest version: nobody is passed over.")
    ] = None,
    drop_draft: Annotated[
        bool, typer.Option("--drop-draft", help="Though you have an unsaved draft in the console: it is dropped.")
    ] = False,
) -> None:
    """Make an old version the newest again, as a new version equal to it. The next run decides with it."""
    session = session_of(ctx)
    with session.app() as app:
        name = session.pick(app, connection)
        made = desk.restore(app, name, version, based_on, drop_draft=drop_draft)
    form = {"connection": name, "version": made, "equal_to": version}
    session.out.answer(form, lambda out: out.line(f"Version {made} of {name} equals version {version}.", "green"))


def told(out: Output, found: Effect) -> None:
    """An effect as a person reads it."""
    if found.same:
        out.line(f"It says what version {found.based_on} says: nothing would change.", "green")
        return
    _rows(out, found.changes)
    moves = [one for one in found.moves if one.after]
    out.heading(f"Would move: {counted(found.documents, 'open document')}, {_sums(found.moved) or 'no money'}")
    lines = ((one.project, one.before, one.after, one.gross, one.documents, one.how) for one in moves)
    out.table(("project", "from", "to", "money", "documents", "how"), lines, right=("money", "documents"))
    if found.moves_in_all > len(moves):
        out.line(f"These are the largest {len(moves)} of {found.moves_in_all:,}; the sums are of all of them.")
    if found.held_documents:
        lost = counted(found.held_documents, "open document")
        out.line(f"Would be held, for want of a code: {lost}, {_sums(found.held)}.", "yellow")
    if found.lost_in_all > len(found.moves) - len(moves):
        out.line(f"Shown are the largest {len(found.moves) - len(moves)} places of {found.lost_in_all:,}.")
    for release in found.releases:
        still = f"; {release.still} of them still wait for another row" if release.still else ""
        sums = f", {_sums(release.money)}" if release.money else ""
        out.line(f"Would wait no more for {release.waited_for}: {counted(release.documents, 'document')}{sums}{still}.")
    for stay in found.stays:
        closed = f", {stay.closed_documents} of them ({stay.closed}) in closed periods" if stay.closed_documents else ""
        what = f"{counted(stay.documents, stay.kind.replace('_', ' '))}, {stay.money} net"
        out.line(f"Stays as it is: {what}{closed} ({stay.why}).")
    for sentence in sentences(found):
        out.line(f"- {sentence}", "yellow")


def sentences(found: Effect) -> list[str]:
    """What else a person should know of an effect, a sentence each."""
    said = list(found.notes)
    if found.new_codes:
        what = "would be made" if found.codes_are_made else "are not there, and policy has none made: orders are held"
        said.append(f"{counted(len(found.new_codes), 'budget code')} {what}: {listed(found.new_codes, 12)}.")
    if found.unbudgeted:
        said.append(f"Codes without a budget, which policy asks about or blocks: {listed(found.unbudgeted, 12)}.")
    if found.unknown_types:
        said.append(f"Procore has no cost type {', '.join(found.unknown_types)}: what needs it would be held.")
    if found.future:
        said.append(
            f"{counted(found.future_in_all, 'changed row')} take nothing in use: only documents to come see them."
        )
    if found.assumed:
        said.append(f"{counted(found.assumed, 'contract')} taken to lie on their budget codes' own code strings.")
    if not found.read:
        said.append("Not every kept decision was read yet; ask again to read the rest.")
    return said


def _rows(out: Output, changes: list[RowChange]) -> None:
    lines = ((one.section, one.what, one.place_after or one.place_before, one.before, one.after) for one in changes)
    out.table(("table", "what", "row", "before", "after"), lines, right=("row",))


def _sums(money: list[Money]) -> str:
    return ", ".join(str(one) for one in money)


def _section(word: str) -> Any:
    if word not in get_args(Section):
        raise BadInput(f"A mapping has no table {word!r}.", remedy=f"Use {', '.join(get_args(Section))}.")
    return word


def _edit(words: list[str], was: list[str]) -> Edit:
    pairs, seen = ([one.partition("=") for one in some] for some in (words[2:], was))
    if len(words) < 2 or any(not mark for _, mark, _ in (*pairs, *seen)):
        remedy = "Such as `ml-connector mapping edit add cost_type A=1910 to=E`."
        raise BadInput("Say what to do, in which table, and values as NAME=VALUE.", remedy=remedy)
    values = {name: value for name, _, value in pairs}
    places: dict[str, Any] = {name: values.pop(name) for name in ("row", "to_row") if name in values}
    given: dict[str, Any] = {"what": words[0], "section": words[1], "values": values, **places}
    given["was"] = {name: value for name, _, value in seen} or None
    try:
        return msgspec.convert(given, Edit, strict=False)
    except msgspec.ValidationError as error:
        raise BadInput(
            f"The change cannot be made: {error}.", remedy="See `ml-connector mapping edit --help`."
        ) from None
