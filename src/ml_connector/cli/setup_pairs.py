"""Commands of a set-up about pairs of projects and vendors, and about codes that lead nowhere yet."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import typer

from ml_connector.cli.command import command
from ml_connector.cli.output import Output
from ml_connector.cli.session import session_of
from ml_connector.cli.setup import Name, setups
from ml_connector.kernel.errors import BadInput
from ml_connector.service import first_mapping as mapped
from ml_connector.service import pairing
from ml_connector.service.first_mapping import Answered
from ml_connector.service.pairing import Said
from ml_connector.views import first_mapping, pairs
from ml_connector.views.listing import MOST_ROWS
from ml_connector.views.pairs import PairLook, PairView

Kind = Annotated[str, typer.Argument(metavar="KIND", help="project or vendor.")]


@command(setups, "pairs", "ml-connector setup pairs north vendor --open", "ml-connector setup pairs north project")
def show_pairs(
    ctx: typer.Context,
    name: Name,
    kind: Kind,
    only_open: Annotated[bool, typer.Option("--open", help="Only those nobody decided yet.")] = False,
    words: Annotated[str, typer.Option("--find", help="Words in number, name or place.")] = "",
    page: Annotated[int, typer.Option("--page", min=1, help="Which page.")] = 1,
) -> None:
    """Show projects or suppliers of IFS, what looks like each in Procore with the evidence, and what was said."""
    session = session_of(ctx)
    with session.app() as app:
        look = PairLook(
            connection=name, kind=_kind(kind), state="open" if only_open else "", q=words, page=page, size=MOST_ROWS
        )
        found = pairs.workbench(app, look)

    def human(out: Output) -> None:
        cells = [
            (one.id, one.name, one.orders, _best(one), one.answer or one.verdict, one.target_name) for one in found.rows
        ]
        out.table(("id", "name", "orders", "looks like", "answer", "record"), cells, right=("orders",))
        out.line(f"{found.open} of {found.total} are open.")

    session.out.answer(found, human)


@command(setups, "find", "ml-connector setup find north vendor 'calumet steel'")
def find(
    ctx: typer.Context,
    name: Name,
    kind: Kind,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="Words in name, number or place.")],
) -> None:
    """Look for a project or vendor of Procore, to pair it by hand."""
    session = session_of(ctx)
    with session.app() as app:
        found = pairs.searched(app, name, _kind(kind), words)

    def human(out: Output) -> None:
        cells = [(one.id, one.name, one.number, one.place, one.active) for one in found]
        out.table(("id", "name", "number", "place", "active"), cells, empty="Nothing has these words.")

    session.out.answer({"found": found}, human)


@command(
    setups,
    "pair",
    "ml-connector setup pair north vendor S1001 link --target 562949953421388",
    "ml-connector setup pair north vendor S1002 new",
    "ml-connector setup pair north project 1203 ignore",
)
def pair(
    ctx: typer.Context,
    name: Name,
    kind: Kind,
    record: Annotated[str, typer.Argument(metavar="ID", help="Id in IFS.")],
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="link, new, ignore or leave.")],
    target: Annotated[str, typer.Option("--target", help="For link: the record of Procore.")] = "",
) -> None:
    """Say what one record is in Procore; the first plan uses it."""
    session = session_of(ctx)
    with session.app() as app:
        pairing.say(app, name, _kind(kind), [Said(record, answer, target)])
        found = pairs.pair(app, name, kind, record)
    session.out.answer(
        found, lambda out: out.line(f"{found.name}: {answer} {found.target_name}".rstrip() + ".", "green")
    )


@command(setups, "accept", "ml-connector setup accept north vendor --from 95")
def accept(
    ctx: typer.Context,
    name: Name,
    kind: Kind,
    threshold: Annotated[int, typer.Option("--from", min=0, max=100, help="Likeness from which on.")] = 95,
) -> None:
    """Link in one go the pairs that stand alone, differ in nothing and reach a likeness."""
    session = session_of(ctx)
    with session.app() as app:
        number = pairing.accept(app, name, _kind(kind), threshold)
    session.out.answer(
        {"connection": name, "linked": number}, lambda out: out.line(f"{number} pairs are accepted.", "green")
    )


@command(setups, "map", "ml-connector setup map north", "ml-connector setup map north cost_type:A=4120:S --guesses")
def map_codes(
    ctx: typer.Context,
    name: Name,
    answers: Annotated[
        list[str] | None,
        typer.Argument(metavar="TABLE:VALUES:CODE", help="Where values lead, such as cost_type:A=4120:S."),
    ] = None,
    guesses: Annotated[
        bool, typer.Option("--guesses", help="Take the guess for every other gap that has one.")
    ] = False,
) -> None:
    """Show code strings in use that lead nowhere, with a guess for each, or add rows for them to the mapping."""
    session = session_of(ctx)
    with session.app() as app:
        found = first_mapping.first_mapping(app, name)
        given = {(one.section, one.looked_at): one for one in (_answered(text) for text in answers or ())}
        if guesses:
            for gap in found.gaps:
                given.setdefault((gap.section, gap.looked_at), Answered(gap.section, gap.looked_at, gap.guess))
        if given:
            mapped.save(app, name, list(given.values()))
            found = first_mapping.first_mapping(app, name)

    def human(out: Output) -> None:
        cells = [(one.section, one.looked_at, one.names, one.strings, one.guess, one.evidence) for one in found.gaps]
        empty = "Every code string in use leads somewhere."
        out.table(("table", "values", "names", "strings", "guess", "why"), cells, right=("strings",), empty=empty)
        if found.budgets:
            out.line(f"- {found.budgets}", "yellow")

    session.out.answer(msgspec.to_builtins(found), human)


def _answered(text: str) -> Answered:
    section, first, rest = text.partition(":")
    values, second, code = rest.rpartition(":")
    if not first or not second:
        raise BadInput(f"{text!r} is not TABLE:VALUES:CODE.", remedy="Such as cost_type:A=4120:S.")
    return Answered(section, values, code)


def _kind(word: str) -> Literal["project", "vendor"]:
    if word == "project":
        return "project"
    if word == "vendor":
        return "vendor"
    raise BadInput(f"There are no pairs of {word!r}.", remedy="Use project or vendor.")


def _best(one: PairView) -> str:
    if not one.alike:
        return one.waits
    best = one.alike[0]
    return f"{best.name} {best.score} % ({', '.join(best.agrees)}) {one.waits}".rstrip()
