"""Commands about connections: add, list, show, edit, remove; check and discover what is on both sides."""

from __future__ import annotations

import sys
import tomllib
from typing import Annotated, Any

import msgspec
import tomlkit
import typer

from ml_connector import desk
from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output
from ml_connector.cli.session import ERP_SECRET, PROJECTS_SECRET, Session, session_of, text_from
from ml_connector.cli.trouble import SETUP
from ml_connector.connection_file import SECRET_FIELDS, laid_over, read_toml
from ml_connector.kernel.errors import BadInput
from ml_connector.service import elsewhere, policy_desk
from ml_connector.service.policy_desk import Changes
from ml_connector.systems.finding import Finding

connections = group(
    "Add, show and change connections: one IFS company joined to one Procore company.",
    "ml-connector connection add north --from north.toml",
    "ml-connector connection edit north --set policy.purchase_orders.approve=manual",
    "ml-connector connection show north --json",
)

SIDES = {"erp": "IFS", "projects": "Procore"}
"""A role to the system that plays it, as people call it."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the connection.")]
ErpSecret = Annotated[
    str, typer.Option("--client-secret-erp", envvar=ERP_SECRET, help="IFS client secret; better in the variable.")
]
ProjectsSecret = Annotated[
    str,
    typer.Option("--client-secret-projects", envvar=PROJECTS_SECRET, help="Procore client secret, likewise."),
]


@command(
    connections,
    "add",
    "ml-connector connection add north --from north.toml",
    "cat north.toml | ml-connector connection add north --from -",
)
def add(
    ctx: typer.Context,
    name: Name,
    source: Annotated[str, typer.Option("--from", help="Connection file in TOML; - for standard input.")],
    client_secret_erp: ErpSecret = "",
    client_secret_projects: ProjectsSecret = "",
) -> None:
    """Add a connection from its file. Secrets are sealed and never shown again.

    A secret that is not in the file is taken from its option or variable, or asked for on a terminal.
    """
    session = session_of(ctx)
    text = text_from(source)
    data = read_toml(text, "The connection file")
    _learn(session, data)
    given = {"erp": client_secret_erp, "projects": client_secret_projects}
    missing = [part for part in SECRET_FIELDS if not _part(data, part).get("client_secret")]
    for part in missing:
        secret = given[part] or _asked(SIDES[part], source)
        session.redactor.learn(secret)
        if secret and isinstance(data.get(part), dict):
            data[part]["client_secret"] = secret
    with session.app() as app:
        app.add_connection(name, tomlkit.dumps(data) if missing else text)
        form = desk.connection_form(app, name)

    def human(out: Output) -> None:
        out.line(f"Connection {name} is added; its secrets are sealed.", "green")
        out.line(f"Next: ml-connector check {name}")

    session.out.answer(form, human)


@command(connections, "list", "ml-connector connection list", "ml-connector connection list --json")
def list_connections(ctx: typer.Context) -> None:
    """List every connection with its systems and its last run."""
    session = session_of(ctx)
    with session.app() as app:
        rows = [
            _summary(row.name, row.title, row.config, desk.runs(app, row.name, limit=1)) for row in app.connections()
        ]

    def human(out: Output) -> None:
        headers = ("name", "title", "ifs", "procore", "company", "last run", "state")
        cells = [
            (r["name"], r["title"], r["erp_url"], r["projects_url"], r["company_id"], r["last_run"], r["last_state"])
            for r in rows
        ]
        out.table(headers, cells, empty="No connection yet. Next: ml-connector connection add NAME --from FILE")

    session.out.answer({"connections": rows}, human)


@command(connections, "show", "ml-connector connection show north")
def show(ctx: typer.Context, name: Name) -> None:
    """Show a connection's settings as its file has them, without secrets and mapping."""
    session = session_of(ctx)
    with session.app() as app:
        form = desk.connection_form(app, name)

    def human(out: Output) -> None:
        out.line(f"# {form['name']}: {form['title']}", "bold")
        out.raw(tomlkit.dumps(form["config"]))
        out.line(f"# sealed: {', '.join(form['sealed'])}", "dim")

    session.out.answer(form, human)


@command(
    connections,
    "edit",
    "ml-connector connection edit north --set policy.purchase_orders.approve=manual",
    "ml-connector connection edit north --set erp.in_flight=8 --set connection.title='North sites'",
    "ml-connector connection edit north --from changes.toml",
    "ml-connector connection edit north --set policy.vendors.create=never --dry-run",
)
def edit(
    ctx: typer.Context,
    name: Name,
    source: Annotated[str, typer.Option("--from", help="TOML with what changes; - for standard input.")] = "",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One entry; may be repeated.")
    ] = None,
    client_secret_erp: ErpSecret = "",
    client_secret_projects: ProjectsSecret = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change; saves nothing.")] = False,
) -> None:
    """Change entries of a connection; what is not named stays as it is."""
    session = session_of(ctx)
    data: dict[str, Any] = read_toml(text_from(source), "The changes") if source else {}
    with session.app() as app:
        config = desk.connection_form(app, name)["config"]
    for change in changes or ():
        data = laid_over(data, change_of(change, config))
    for part, secret in (("erp", client_secret_erp), ("projects", client_secret_projects)):
        if secret:
            data = laid_over(data, {part: {"client_secret": secret}})
    if not data:
        raise BadInput("Nothing to change was named.", remedy="Use --set KEY=VALUE or --from FILE.")
    _learn(session, data)
    if dry_run:
        with session.app() as app:
            _tell_difference(session, policy_desk.difference(app, name, data))
        return
    with session.app() as app:
        changed = elsewhere.changed(app, name, data)
        form = desk.connection_form(app, name)
    said = "is changed" if changed else "is as it was: all that was named stood so already"
    session.out.answer(form, lambda out: out.line(f"Connection {name} {said}.", "green"))


@command(connections, "remove", "ml-connector connection remove north", "ml-connector connection remove north --force")
def remove(
    ctx: typer.Context,
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Also when it has links and a journal.")] = False,
) -> None:
    """Remove a connection. Nothing is removed in IFS or Procore, and its audit trail stays."""
    session = session_of(ctx)
    with session.app() as app:
        app.remove_connection(name, force=force)
    session.out.answer({"removed": name}, lambda out: out.line(f"Connection {name} is removed.", "green"))


@command(connections, "rebind", "ml-connector connection rebind north")
def rebind(ctx: typer.Context, name: Name) -> None:
    """Tie a connection to the IFS tenant and the Procore company that answer now. Make sure first that they are right.

    A run stops when a side says of itself that it is another one than before: a clone, a refreshed sandbox.
    """
    session = session_of(ctx)
    with session.app(f"Asking both sides of {name}") as app:
        found = app.rebind(name)

    def human(out: Output) -> None:
        out.line(f"Connection {name} is tied to these:", "green")
        out.table(("side", "what", "is"), [(SIDES[side], *fact) for side in found for fact in found[side].items()])

    session.out.answer({"connection": name, "tied_to": found}, human)


def check(ctx: typer.Context, name: Name) -> None:
    """Ping both systems and list every right and name the connection needs, with the remedy for what fails."""
    session = session_of(ctx)
    with session.app(f"Checking {name}") as app:
        found = app.check(name)
    bad = [finding for _, finding in found if not finding.ok]
    parts = [finding for _, finding in found if finding.ok and finding.flows]
    form = {
        "connection": name,
        "ok": not bad,
        "checks": [_finding_form(side, finding) for side, finding in found],
    }

    def human(out: Output) -> None:
        rows = [(_mark(one), SIDES[side], one.name, one.sentence) for side, one in found]
        out.table(("", "side", "what", "finding"), rows)
        for one in bad:
            out.line(f"FAIL {one.name}: {one.remedy or one.sentence}", "bold red")
        for one in parts:
            out.line(f"part {one.name}: {one.remedy or one.sentence} Until then these wait: {', '.join(one.flows)}.")
        out.line()
        if bad:
            out.line(f"{len(bad)} of {len(found)} checks fail.", "bold red")
        else:
            less = f", {len(parts)} of them in part" if parts else ""
            out.line(f"All {len(found)} checks pass{less}. Next: ml-connector plan {name}", "green")

    session.out.answer(form, human)
    if bad:
        raise typer.Exit(SETUP)


def discover(ctx: typer.Context, name: Name) -> None:
    """Count what is on both sides, currencies included, and name the projects that look like pairs. Read-only."""
    session = session_of(ctx)
    with session.app(f"Looking at {name}") as app:
        found = app.discover(name)

    def human(out: Output) -> None:
        for side, title in SIDES.items():
            out.heading(title)
            out.facts((key.replace("_", " "), value) for key, value in found[side].items())
        out.heading("Likely pairs of projects")
        pairs = [(pair["erp"], pair["projects"] or "none", pair["why"]) for pair in found["pairs"]]
        out.table(("ifs", "procore", "what agrees"), pairs, empty="IFS has no open project.")

    session.out.answer({"connection": name, **found}, human)


def change_of(text: str, config: dict[str, Any]) -> dict[str, Any]:
    """`policy.brakes.creates=50` as nested tables. BadInput without an `=`.

    The value is TOML; it is text when it is no TOML, or where `config` (the settings of now) has a text.
    """
    key, equals, value = text.partition("=")
    steps = [step.strip() for step in key.split(".")]
    if not equals or not all(steps):
        raise BadInput(f"{text!r} is not KEY=VALUE.", remedy="Such as --set policy.purchase_orders.approve=manual.")
    try:
        inner: Any = tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        inner = value
    now: Any = config
    for step in steps:
        now = now.get(step) if isinstance(now, dict) else None
    if isinstance(now, str) and not isinstance(inner, str):
        inner = value
    for step in reversed(steps):
        inner = {step: inner}
    changed: dict[str, Any] = inner
    return changed


def _tell_difference(session: Session, found: Changes) -> None:
    def human(out: Output) -> None:
        rows = [(one.path, one.before or "nothing", one.after or "nothing") for one in found.changes]
        out.table(("entry", "now", "afterwards"), rows, empty="Nothing would change: every entry is as it was.")
        for note in found.notes:
            out.line(note)
        out.line("Nothing was saved.", "bold")

    session.out.answer(msgspec.to_builtins(found), human)


def _asked(system: str, source: str) -> str:
    """The secret a person types, where there is a person; else nothing, and the App says what is missing."""
    if source == "-" or not sys.stdin.isatty():
        return ""
    return str(typer.prompt(f"{system} client secret", hide_input=True, err=True))


def _learn(session: Session, data: dict[str, Any]) -> None:
    for part in SECRET_FIELDS:
        for field in ("client_secret", "refresh_token"):
            session.redactor.learn(str(_part(data, part).get(field) or ""))


def _part(data: dict[str, Any], part: str) -> dict[str, Any]:
    found = data.get(part)
    return found if isinstance(found, dict) else {}


def _summary(name: str, title: str, config: dict[str, Any], last: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "erp_url": config["erp"]["url"],
        "projects_url": config["projects"]["url"],
        "erp_company": config["connection"]["erp_company"],
        "company_id": config["projects"]["company_id"],
        "last_run": last[0]["started_at"] if last else None,
        "last_state": last[0]["state"] if last else None,
    }


def _mark(finding: Finding) -> str:
    """pass, FAIL, or part where only some flows cannot run."""
    if not finding.ok:
        return "FAIL"
    return "part" if finding.flows else "pass"


def _finding_form(side: str, finding: Finding) -> dict[str, Any]:
    return {
        "side": side,
        "name": finding.name,
        "ok": finding.ok,
        "sentence": finding.sentence,
        "remedy": finding.remedy,
        "flows": list(finding.flows),
    }
