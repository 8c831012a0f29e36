"""Commands that find documents and show them: search, and one document from every side."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ml_connector.cli.command import command
from ml_connector.cli.output import Output
from ml_connector.cli.people import shows
from ml_connector.cli.running import Chosen
from ml_connector.cli.session import session_of
from ml_connector.cli.telling import amount, money
from ml_connector.kernel.errors import BadInput
from ml_connector.service.naming import fill
from ml_connector.views import document_hops as stories
from ml_connector.views import documents as pages
from ml_connector.views import search as finding
from ml_connector.views.documents import Document, DocumentLook, RelatedLook, Row
from ml_connector.views.search import DocumentsLook, Find, Kind, SearchLook

__all__ = ["search", "shows"]

KindOf = Annotated[Kind, typer.Argument(metavar="KIND", help="Which kind of document.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id in the system that bore it, as `search` shows it.")]
PageOf = Annotated[int, typer.Option("--page", min=1, max=100_000, help="Which page.")]


def search(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="Numbers and names, whole or by their beginning.")
    ] = None,
    connection: Annotated[str, typer.Option("--connection", "-c", help="Only in this connection.")] = "",
    kind: Annotated[Kind | None, typer.Option("--kind", help="Only this kind of document.")] = None,
    project: Annotated[str, typer.Option(help="With -c and no words: only what lies on this IFS project.")] = "",
    again: Annotated[
        bool, typer.Option("--fill", help="First write down what links from before an upgrade are found by.")
    ] = False,
) -> None:
    """Find any document by any number or name it has in IFS or Procore: order, invoice, vendor, payment, code."""
    session = session_of(ctx)
    asked = " ".join(words or ())
    if not asked and not (connection or again):
        raise BadInput("Say what to look for.", remedy="Type a number or a name, or list all with -c NAME.")
    with session.app("Writing names down" if again else "") as app:
        for row in app.connections() if again else ():
            fill(app, row)
        if asked:
            found = finding.search(app, SearchLook(q=asked, connection=connection, kind=kind or ""))
            session.out.answer(found, lambda out: _tell_finds(out, found.results, more=found.more))
        elif connection:
            page = finding.documents(app, DocumentsLook(connection=connection, kind=kind or "", project=project))
            session.out.answer(page, lambda out: _tell_list(out, page.rows))


@command(shows, "page", "ml-connector show page order P100001", "ml-connector show page vendor S1007 --json")
def show_page(ctx: typer.Context, kind: KindOf, number: Id, connection: Chosen = "") -> None:
    """Show a document as its page does: how it stands, both sides side by side, line by line, what belongs to it."""
    session = session_of(ctx)
    with session.app() as app:
        look = DocumentLook(connection=session.pick(app, connection), kind=kind, id=number)
        found = pages.show(app, look)
    session.out.answer(found, lambda out: _tell_page(out, found))


@command(shows, "related", "ml-connector show related vendor S1007", "ml-connector show related order P100001")
def show_related(ctx: typer.Context, kind: KindOf, number: Id, connection: Chosen = "", page: PageOf = 1) -> None:
    """List what belongs to a document: an order's invoices and payments, a vendor's documents."""
    session = session_of(ctx)
    with session.app() as app:
        look = RelatedLook(connection=session.pick(app, connection), kind=kind, id=number, page=page)
        found = pages.related(app, look)
    session.out.answer(found, lambda out: _tell_finds(out, found.results, more=found.more))


@command(shows, "story", "ml-connector show story order P100001", "ml-connector show story supplier_invoice 105")
def show_story(ctx: typer.Context, kind: KindOf, number: Id, connection: Chosen = "", page: PageOf = 1) -> None:
    """Tell what happened to a document, the latest first: decided, held, approved, sent, answered."""
    session = session_of(ctx)
    with session.app() as app:
        look = RelatedLook(connection=session.pick(app, connection), kind=kind, id=number, page=page)
        found = stories.hops(app, look)

    def human(out: Output) -> None:
        rows = [
            (
                hop.at,
                hop.title,
                amount(hop.money["amount"], hop.money["currency"]) if hop.money else "",
                hop.run or "",
                hop.who,
                ", ".join(str(one.exchange) for one in hop.exchanges),
                hop.sentence,
            )
            for hop in found.hops
        ]
        headers = ("at", "what", "money", "run", "who", "exchanges", "why")
        out.table(headers, rows, right=("money",), empty="Nothing happened to it yet.")

    session.out.answer(found, human)


@command(shows, "exchange", "ml-connector show exchange 1205", "ml-connector show exchange 1205 -c north --json")
def show_exchange(
    ctx: typer.Context,
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=0, help="Its number, as `show story` names it.")],
    connection: Chosen = "",
) -> None:
    """Show one request to IFS or Procore and its answer, exactly as sent, without secrets."""
    session = session_of(ctx)
    with session.app() as app:
        found = stories.exchange(app, session.pick(app, connection), number)

    def human(out: Output) -> None:
        out.line(f"{found.system}: {found.method} {found.path}", "bold")
        names = ("at", "run", "status", "request_id", "milliseconds")
        out.facts([(name.replace("_", " "), getattr(found, name)) for name in names])
        for name, body in (("Request", found.request), ("Answer", found.answer)):
            out.heading(name)
            out.raw((body.text if body.kept else "It is kept no longer.") if body else "It was empty.")

    session.out.answer(found, human)


def _tell_finds(out: Output, finds: list[Find], *, more: bool) -> None:
    rows = [
        (
            one.connection,
            one.kind,
            one.id,
            one.called,
            one.title,
            f"{one.vendor} {one.vendor_name}".strip(),
            money(one.money),
            one.state_word,
        )
        for one in finds
    ]
    headers = ("connection", "kind", "id", "number", "title", "vendor", "amount", "state")
    out.table(headers, rows, right=("amount",), empty="Nothing of that number or name is known.")
    if more:
        out.line("There are more: add a word.")


def _tell_list(out: Output, rows: list[dict[str, Any]]) -> None:
    headers = ("kind", "id", "number", "title", "vendor", "amount", "state")
    cells = [
        (
            row["kind_id"],
            row["id"],
            row["called"],
            row["title"],
            row["vendor"],
            money(row["money"]),
            row["state"]["word"],
        )
        for row in rows
    ]
    out.table(headers, cells, right=("amount",), empty="No document was looked at yet.")


def _tell_page(out: Output, found: Document) -> None:
    out.line(f"{found.kind_title} {found.called}: {found.state_word}", "bold")
    out.line(found.sentence)
    out.heading("Both sides")
    facts = [(one["name"], _said(one["erp"]), _said(one["projects"]), _said(one["agreed"])) for one in found.facts]
    out.table(("", "IFS", "Procore", "agreed"), facts)
    if found.lines:
        out.heading("Lines")
        headers = ("line", "text", "IFS", "Procore", "code", "invoiced", "")
        out.table(headers, [_line(row) for row in found.lines], right=("IFS", "Procore", "invoiced"))
    if found.records:
        out.heading("On the other side")
        records = [(one.system, one.kind, one.id, one.why) for one in found.records]
        out.table(("system", "record", "id", "because"), records)
    if found.holds:
        out.heading("Holds")
        holds = [(one.hold, one.means, one.owner, one.since, one.released_at or "waiting") for one in found.holds]
        out.table(("hold", "why", "owner", "since", "until"), holds)
    if found.above or found.below:
        out.heading("Belongs together")
        _tell_finds(out, [*found.above, *found.below], more=found.more_below)


def _line(row: Row) -> tuple[object, ...]:
    code = " = ".join(side["code"] for side in (row.erp, row.projects) if side and side["code"])
    sums = (money(side["money"]) if side else "" for side in (row.erp, row.projects))
    return (row.key, row.text, *sums, code, money(row.invoiced), "differs" if row.differs else "")


def _said(value: Any) -> str:
    return money(value) if isinstance(value, dict) else str(value or "")
