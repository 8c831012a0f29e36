"""The inbox on the command line: what waits for somebody, by its cause, with money and what it blocks."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer

from ml_connector.cli.output import Output
from ml_connector.cli.running import Chosen, MaybeName
from ml_connector.cli.session import session_of
from ml_connector.cli.telling import money
from ml_connector.views import inbox as view
from ml_connector.views import inbox_hold
from ml_connector.views.inbox import InboxLook
from ml_connector.views.inbox_hold import AnswersLook


class SortOf(Enum):
    """Which sort of cause is shown."""

    ALL = "all"
    """Everything."""
    QUESTIONS = "questions"
    """What asks what is what."""
    CONFLICTS = "conflicts"
    """What asks which side stands."""
    REFUSALS = "refusals"
    """What a side refused."""
    UNKNOWN = "unknown"
    """What was sent and had no answer."""
    WAITING = "waiting"
    """What ends by itself once something is there."""


def inbox(
    ctx: typer.Context,
    name: MaybeName = "",
    connection: Chosen = "",
    sort_of: Annotated[SortOf, typer.Option("--only", help="Only one sort of cause.")] = SortOf.ALL,
    owner: Annotated[str, typer.Option("--owner", help="Only what this role can end.")] = "",
    words: Annotated[str, typer.Option("--find", help="Only what has these words.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 50,
    page: Annotated[int, typer.Option(min=1, help="Which page of them.")] = 1,
    answered: Annotated[bool, typer.Option("--answers", help="Show the answers people gave instead.")] = False,
) -> None:
    """List what waits for somebody by its cause, the most money at stake first; and what each cause blocks."""
    session = session_of(ctx)
    with session.app() as app:
        picked = session.pick(app, name, connection)
        if answered:
            given = inbox_hold.answers(app, AnswersLook(connection=picked, size=limit, page=page, q=words))
            session.out.answer(
                {"connection": picked, "answers": given.rows}, lambda out: _tell_answers(out, picked, given.rows)
            )
            return
        chosen: Any = "" if sort_of is SortOf.ALL else sort_of.value
        look = InboxLook(connection=picked, size=limit, page=page, q=words, owner=owner, sort_of=chosen)
        found, stands = view.inbox(app, look), view.standing(app, picked)

    def human(out: Output) -> None:
        headers = ("hold", "what it waits for", "records", "money", "who can act", "since", "blocks", "state")
        rows = [
            (
                row["hold"] or "",
                row["title"],
                row["records"],
                ", ".join(money(cell) for cell in row["money"]),
                row["owner"],
                row["since"],
                row["blocks"],
                row["state"],
            )
            for row in found.rows
        ]
        out.table(headers, rows, right=("hold", "money"), empty="Nothing waits for anybody.")
        if found.more:
            out.line(f"There is more: --page {page + 1}")
        first = next((row["hold"] for row in found.rows if row["hold"]), 0)
        if found.rows:
            out.line()
            out.line(f"Next: ml-connector rule {first} -c {picked}" if first else f"Next: ml-connector now {picked}")

    session.out.answer({"connection": picked, "standing": stands, "causes": found.rows}, human)


def _tell_answers(out: Output, name: str, rows: list[dict[str, Any]]) -> None:
    headers = ("record", "question", "answer", "reason given", "who", "when")
    said = [(r["record"], r["question"], r["answer"], r["note"], r["actor"], r["at"]) for r in rows]
    out.table(headers, said, empty="Nobody has answered anything yet.")
    if rows:
        out.line(f"Next: ml-connector rule HOLD withdraw -c {name}")
