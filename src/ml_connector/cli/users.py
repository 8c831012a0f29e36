"""Commands about who may sign in to the console, and about the tokens of programs."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import msgspec
import typer

from ml_connector.access import signing_in, tokens, users
from ml_connector.access.permissions import Permission, Role
from ml_connector.access.signing_in import Link
from ml_connector.access.users import Newcomer, User
from ml_connector.app import App
from ml_connector.cli.command import command, group
from ml_connector.cli.output import Output
from ml_connector.cli.session import Session, session_of, text_from
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.text import counted
from ml_connector.settings import CONSOLE_URL
from ml_connector.views import users as look_up
from ml_connector.views.listing import MOST_ROWS
from ml_connector.views.users import TokensLook, UsersLook

people = group(
    "Say who may sign in to the console, and as what.",
    "ml-connector user add anna --role admin --email anna@example.com",
    "ml-connector user list",
    "ml-connector user link anna",
)
programs = group(
    "Give programs tokens for the API, and take them back.",
    "ml-connector token add anna --name 'month-end report' --scope look --days 90",
    "ml-connector token list",
)

User_ = Annotated[str, typer.Argument(metavar="NAME", help="The name they sign in with.")]
RoleName = Annotated[str, typer.Option("--role", help=f"What they may do: {', '.join(Role)}.")]
Title = Annotated[str | None, typer.Option("--title", help="What people call them.")]
Email = Annotated[str | None, typer.Option("--email", help="Where they are written to; OpenID knows them by it.")]
Subject = Annotated[str | None, typer.Option("--subject", help="What the OpenID provider calls them.")]

_HERE = "http://127.0.0.1:8480"
_LINK = "/sign-in/once/"


@command(
    people, "add", "ml-connector user add anna --role admin", "ml-connector user add otto --email otto@example.com"
)
def add(
    ctx: typer.Context,
    name: User_,
    role: RoleName = "viewer",
    title: Title = None,
    email: Email = None,
    subject: Subject = None,
) -> None:
    """Add a user, and print the link with which they sign in once and choose a password."""
    session = session_of(ctx)
    given = Newcomer(name=name, role=role, title=title or "", email=email or "", subject=subject or "")
    with session.app() as app:
        made = users.add(app, given)
        assert made.link is not None
        form = {"user": msgspec.to_builtins(made.user), "link": _link_form(app, made.link)}

    def human(out: Output) -> None:
        out.line(f"{made.user.name} may sign in as {made.user.role}.", "green")
        _tell_link(out, session, form["link"])

    session.out.answer(form, human)


@command(people, "list", "ml-connector user list", "ml-connector user list --json")
def list_users(ctx: typer.Context) -> None:
    """List users: their role, how they sign in, and how many sessions and tokens they have."""
    session = session_of(ctx)
    with session.app() as app:
        rows = look_up.listed(app, UsersLook(size=MOST_ROWS)).rows

    def human(out: Output) -> None:
        headers = ("name", "called", "role", "state", "e-mail", "signs in by", "sessions", "tokens", "last signed in")
        keys = ("name", "title", "role", "state", "email", "signs_in_by", "sessions", "tokens", "seen_at")
        out.table(
            headers,
            [[row[key] for key in keys] for row in rows],
            right={"sessions", "tokens"},
            empty="Nobody yet. Next: ml-connector user add NAME --role admin",
        )

    session.out.answer({"users": [{key: row[key] for key in row if key != "href"} for row in rows]}, human)


@command(people, "role", "ml-connector user role anna approver")
def role_(
    ctx: typer.Context,
    name: User_,
    role: Annotated[str, typer.Argument(metavar="ROLE", help=f"One of {', '.join(Role)}.")],
) -> None:
    """Give a user another role. Their sessions end; their tokens may no more than it allows."""
    session = session_of(ctx)
    with session.app() as app:
        found = users.set_role(app, name, role)
    _tell(session, found, f"{found.name} is {found.role} now.")


@command(people, "change", "ml-connector user change anna --email anna@example.com --zone America/Chicago")
def change(
    ctx: typer.Context,
    name: User_,
    title: Title = None,
    email: Email = None,
    subject: Subject = None,
    zone: Annotated[
        str | None, typer.Option("--zone", help="The time zone they read in, such as America/Chicago.")
    ] = None,
) -> None:
    """Change what people call a user, their e-mail address, what OpenID calls them, or their time zone."""
    session = session_of(ctx)
    with session.app() as app:
        if zone is not None:
            users.set_zone(app, name, zone)
        found = users.change(app, name, title=title, email=email, subject=subject)
    _tell(session, found, f"{found.name} is kept as {found.title}, {found.email or 'without an e-mail address'}.")


@command(people, "disable", "ml-connector user disable anna")
def disable(ctx: typer.Context, name: User_) -> None:
    """Forbid a user to sign in. Their sessions end and their tokens hold no more."""
    session = session_of(ctx)
    with session.app() as app:
        found = users.disable(app, name)
    _tell(session, found, f"{found.name} may not sign in any more.")


@command(people, "enable", "ml-connector user enable anna")
def enable(ctx: typer.Context, name: User_) -> None:
    """Let a disabled user sign in again, in the role they had."""
    session = session_of(ctx)
    with session.app() as app:
        found = users.enable(app, name)
    _tell(session, found, f"{found.name} may sign in as {found.role}.")


@command(people, "password", "ml-connector user password anna", "pass show anna | ml-connector user password anna -")
def password(
    ctx: typer.Context,
    name: User_,
    where: Annotated[str, typer.Argument(metavar="[-]", help="- reads it from standard input; else it is asked.")] = "",
) -> None:
    """Give a user another password; their sessions end. A link (`user link`) lets them choose one themselves."""
    session = session_of(ctx)
    if where not in ("", "-"):
        raise BadInput("A password is not given on the command line, where others see it.", remedy="Leave it out.")
    typed = text_from("-").rstrip("\r\n") if where == "-" else _asked()
    with session.app() as app:
        found = users.set_password(app, name, typed)
    _tell(session, found, f"{found.name} has another password.")


@command(people, "link", "ml-connector user link anna", "ml-connector user link anna --minutes 30")
def link(
    ctx: typer.Context,
    name: User_,
    minutes: Annotated[
        int | None, typer.Option("--minutes", min=1, max=10080, help="How long it may be used; default three days.")
    ] = None,
) -> None:
    """Print a link with which a user signs in once, instead of any they had: for a lost password, too."""
    session = session_of(ctx)
    with session.app() as app:
        form = _link_form(app, signing_in.once(app, name, minutes))
    session.out.answer({"user": name, "link": form}, lambda out: _tell_link(out, session, form))


@command(people, "sessions", "ml-connector user sessions anna")
def sessions(ctx: typer.Context, name: User_) -> None:
    """List the sessions of a user that are going."""
    session = session_of(ctx)
    with session.app() as app:
        found = look_up.sessions_of(app, name)

    def human(out: Output) -> None:
        headers = ("session", "from", "by", "began", "last used", "ends", "browser")
        rows = [(one.id, one.address, one.how, one.made_at, one.seen_at, one.ends_at, one.browser) for one in found]
        out.table(headers, rows, empty=f"{name} has no session.")

    form = [{key: value for key, value in msgspec.structs.asdict(one).items() if key != "this"} for one in found]
    session.out.answer({"sessions": form}, human)


@command(people, "sign-out", "ml-connector user sign-out anna", "ml-connector user sign-out anna 3f2a9c01d4e5b677")
def sign_out(
    ctx: typer.Context,
    name: User_,
    which: Annotated[str, typer.Argument(metavar="SESSION", help="One session; without it all of them.")] = "",
) -> None:
    """End every session of a user, or one of them."""
    session = session_of(ctx)
    with session.app() as app:
        number = 1
        if which:
            users.end_session(app, name, which)
        else:
            number = signing_in.sign_out_everywhere(app, name)
    session.out.answer({"ended": number}, lambda out: out.line(f"{counted(number, 'session')} ended.", "green"))


@command(people, "remove", "ml-connector user remove anna")
def remove(ctx: typer.Context, name: User_) -> None:
    """Remove a user with their sessions and tokens. What they did stays in the audit trail, under their name."""
    session = session_of(ctx)
    with session.app() as app:
        users.remove(app, name)
    session.out.answer({"removed": name}, lambda out: out.line(f"{name} is removed.", "green"))


@command(
    programs,
    "add",
    "ml-connector token add anna --name 'month-end report' --scope look",
    "ml-connector token add anna --name scheduler --scope look --scope work --days 30",
)
def token_add(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="Whose it is: it may no more than they may.")],
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    scope: Annotated[
        list[str], typer.Option("--scope", help=f"What it may; can be repeated: {', '.join(Permission)}.")
    ],
    days: Annotated[int, typer.Option("--days", help=f"For how long it holds, at most {tokens.MOST_DAYS}.")] = 90,
) -> None:
    """Make a token for the API. It is shown this once and cannot be shown again."""
    session = session_of(ctx)
    with session.app() as app:
        made = tokens.add_for(app, user, name, scope, days)

    def human(out: Output) -> None:
        out.line(made.token, "bold")
        out.line(f"Holds until {made.row.ends_at:%Y-%m-%d %H:%M} UTC and may {', '.join(made.row.scopes)}.")
        out.line("Write it down now: it is not kept and cannot be shown again.", "bold")

    session.out.answer({"token": made.token, "number": made.row.id, "ends_at": made.row.ends_at}, human)


@command(programs, "list", "ml-connector token list", "ml-connector token list anna")
def token_list(
    ctx: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="Only those of this user.")] = "",
) -> None:
    """List tokens, the newest first. Of each only its number and name are known."""
    session = session_of(ctx)
    with session.app() as app:
        if user:
            users.get(app, user)
        rows = look_up.all_tokens(app, TokensLook(user=user, size=MOST_ROWS)).rows

    def human(out: Output) -> None:
        keys = ("id", "name", "user", "state", "scopes", "made_at", "ends_at", "used_at")
        headers = ("number", "what for", "user", "state", "may", "made", "ends", "last used")
        out.table(headers, [[row[key] for key in keys] for row in rows], empty="No token.")

    session.out.answer({"tokens": rows}, human)


@command(programs, "revoke", "ml-connector token revoke 4")
def token_revoke(
    ctx: typer.Context, number: Annotated[int, typer.Argument(metavar="NUMBER", min=0, max=2**62, help="Which token.")]
) -> None:
    """Take a token back; it holds no more from this moment on."""
    session = session_of(ctx)
    with session.app() as app:
        found = tokens.revoke(app, None, number)
    said = f"Token {number} of {found.user} ({found.name}) holds no more."
    session.out.answer({"revoked": number}, lambda out: out.line(said, "green"))


def _tell(session: Session, user: User, sentence: str) -> None:
    session.out.answer(msgspec.to_builtins(user), lambda out: out.line(sentence, "green"))


def _link_form(app: App, made: Link) -> dict[str, str]:
    url = (app.settings.console_url or _HERE) + _LINK + made.word
    return {"url": url, "ends_at": made.ends_at.isoformat()}


def _tell_link(out: Output, session: Session, form: dict[str, str]) -> None:
    out.line(f"Sign in once, until {form['ends_at'][:16].replace('T', ' ')}: {form['url']}")
    if not session.settings.console_url:
        out.line(f"Replace its beginning by the console's own address where that is another, or set {CONSOLE_URL}.")


def _asked() -> str:
    """A password typed twice at the terminal."""
    if not sys.stdin.isatty():
        raise BadInput("There is no terminal to ask for the password.", remedy="Give - and send it on standard input.")
    typed = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != typed:
        raise BadInput("The two are not the same; nothing was changed.", remedy="Type it again.")
    return typed
