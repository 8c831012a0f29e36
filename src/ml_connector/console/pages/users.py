"""Users and tokens: who may sign in and as what, whose sessions are going, which programs have a token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from ml_connector.access.permissions import Permission, Role
from ml_connector.access.tokens import MOST_DAYS
from ml_connector.actions import own, users
from ml_connector.actions.action import Action
from ml_connector.actions.own import NewToken, OneToken
from ml_connector.actions.users import NewUser, OneSession, OneUser, RoleChange, UserChange
from ml_connector.console.exporting import export
from ml_connector.console.page import Page, Route, taken
from ml_connector.console.titles import way_title
from ml_connector.kernel.errors import BadInput, ConnectorError, NotAllowed
from ml_connector.views.listing import Listing
from ml_connector.views.users import TokensLook, UsersLook

ROLES: tuple[tuple[str, str, str], ...] = (
    (Role.VIEWER, "Viewer", "Sees everything but secrets, changes nothing."),
    (Role.OPERATOR, "Operator", "Plans, runs, answers holds, maps, checks again, pauses."),
    (Role.APPROVER, "Approver", "All of that, and approves plans."),
    (Role.ADMIN, "Admin", "All of that, and sets up connections, policies and users."),
)
"""What each role is, in words."""
SCOPES: tuple[tuple[str, str, str], ...] = (
    (Permission.LOOK, "Look", "See everything but secrets."),
    (Permission.WORK, "Work", "Plan, run, answer holds, map, check again, pause."),
    (Permission.APPROVE, "Approve", "Approve plans."),
    (Permission.CONFIGURE, "Set up", "Change connections, policies, secrets, webhooks."),
    (Permission.USERS, "Look after users", "Add, change and remove users; end their sessions and tokens."),
    (Permission.OWN, "Own tokens", "List and take back its user's own tokens and sessions."),
)
"""What each scope lets a token do: its value, what it is called, and that in a sentence."""
_SCOPE_TITLES = {str(scope): title for scope, title, _ in SCOPES}
DAYS = (7, 30, 90, 180, MOST_DAYS)
"""For how long tokens are made here."""


def listed(page: Page) -> Response:
    """Every user, and a form for another one."""
    look = page.query(UsersLook)
    how = page.request.query_params.get("as")
    if how:
        return export(page, how, "users", look, lambda one: page.do(users.LIST, one))
    return _list(page, look)


def _list(
    page: Page, look: UsersLook, typed: dict[str, str] | None = None, error: ConnectorError | None = None
) -> Response:
    found = page.do(users.LIST, look)
    for row in found.rows:
        row["role"] = row["role"].capitalize()
        row["signs_in_by"] = ", ".join(way_title(way) for way in row["signs_in_by"].split(", "))
    return page.render(
        "users/list.html",
        status=400 if error else 200,
        listing=found,
        roles=ROLES,
        typed={"name": "", "title": "", "email": "", "subject": "", "role": "viewer", **(typed or {})},
        error=error,
        openid=page.app.settings.openid is not None,
    )


def add(page: Page) -> Response:
    """Adds a user, and shows their link this once."""
    try:
        given = page.posted(NewUser)
        made = page.do(users.ADD, given)
    except BadInput as error:
        fields = ("name", "title", "email", "subject", "role")
        return _list(page, UsersLook(), {one: page.field(one)[:200] for one in fields}, error)
    return _link(page, made.user.name, made.link, f"{made.user.title} is added as {made.user.role}.")


def _link(page: Page, name: str, link: Any, said: str) -> Response:
    base = page.app.settings.console_url or f"{page.request.url.scheme}://{page.request.url.netloc}"
    page.say(said)
    url = f"{base}/sign-in/once/{link.word}"
    return page.render("users/link.html", name=name, url=url, ends_at=link.ends_at, href=_at(name))


def one(page: Page) -> Response:
    """One user: who they are, what they may, their sessions and tokens."""
    return _one(page)


def _one(page: Page, error: ConnectorError | None = None, typed: Mapping[str, str] | None = None) -> Response:
    name = page.part("user")
    user = page.do(users.SHOW, OneUser(user=name))
    return page.render(
        "users/one.html",
        status=400 if error else 200,
        user=user,
        href=_at(user.name),
        sessions=page.do(users.SESSIONS, OneUser(user=name)).sessions,
        tokens=_tokens_found(page, TokensLook(user=user.name, state="active", size=200)),
        roles=ROLES,
        typed={"title": user.title, "email": user.email, "subject": "", "role": user.role, **(typed or {})},
        error=error,
        openid=page.app.settings.openid is not None,
    )


def change(page: Page) -> Response:
    """What people call them, their e-mail address, what the OpenID provider calls them."""
    typed = {one: page.field(one)[:200] for one in ("title", "email", "subject") if one in page.form}
    try:
        page.do(users.CHANGE, page.posted(UserChange))
    except BadInput as error:
        return _one(page, error, typed)
    return page.redirect(_at(page.part("user")), "Saved.")


def role(page: Page) -> Response:
    """Another role."""
    given = page.posted(RoleChange)
    return _done(page, users.ROLE, given, f"{given.user} is {given.role} now, and signs in again.")


def link(page: Page) -> Response:
    """A new link with which to sign in, shown this once."""
    name = page.part("user")
    try:
        made = page.do(users.LINK, OneUser(user=name))
    except BadInput as error:
        return _one(page, error)
    return _link(page, name, made, "The link is made; any former one is void.")


def end_session(page: Page) -> Response:
    """Ends one session."""
    given = OneSession(user=page.part("user"), session=page.field("session")[:64])
    return _done(page, users.END_SESSION, given, "The session is ended.")


def _act(action: Action, said: str, to: str = "") -> Callable[[Page], Response]:
    """A handler of a button that says nothing but which user; where it leads is their page, or `to`."""

    def handler(page: Page) -> Response:
        name = page.part("user")
        return _done(page, action, OneUser(user=name), said.format(name=name), to)

    return handler


def _done(page: Page, action: Action, given: Any, said: str, to: str = "") -> Response:
    try:
        page.do(action, given)
    except BadInput as error:
        return _one(page, error)
    return page.redirect(to or _at(page.part("user")), said)


def tokens(page: Page) -> Response:
    """One's own tokens, or everybody's, and a form for another one."""
    look = page.query(TokensLook)
    how = page.request.query_params.get("as")
    if how:
        return export(page, how, "tokens", look, lambda one: _tokens_found(page, one))
    return _tokens(page, look)


def _tokens_found(page: Page, look: TokensLook) -> Listing:
    """Tokens, with what each may in the words of the form that makes them."""
    found: Listing = page.do(own.TOKENS, look)
    for row in found.rows:
        row["scopes"] = _may(row["scopes"].split(", "))
    return found


def _may(scopes: Iterable[str]) -> str:
    """What a token may, as people call it."""
    return ", ".join(_SCOPE_TITLES.get(str(scope), str(scope)) for scope in scopes)


def _tokens(
    page: Page, look: TokensLook, typed: dict[str, Any] | None = None, error: ConnectorError | None = None
) -> Response:
    return page.render(
        "users/tokens.html",
        status=400 if error else 200,
        listing=_tokens_found(page, look),
        scopes=[scope for scope in SCOPES if scope[0] in page.who.permissions],
        days=[(number, f"{number} days" if number != MOST_DAYS else "a year") for number in DAYS],
        typed={"name": "", "scopes": ["look"], "days": "90", **(typed or {})},
        error=error,
    )


def token_add(page: Page) -> Response:
    """Makes a token, and shows it this once."""
    typed = {"name": page.field("name"), "scopes": page.fields("scopes"), "days": page.field("days")}
    try:
        made = page.do(own.TOKEN_ADD, taken(NewToken, typed))
    except (BadInput, NotAllowed) as error:
        kept = {**typed, "name": page.field("name")[:200]}
        return _tokens(page, TokensLook(), kept, error)
    page.say("The token is made.")
    return page.render("users/token.html", token=made.token, row=made.row, may=_may(made.row.scopes))


def token_revoke(page: Page) -> Response:
    """Takes a token back."""
    row = page.do(own.TOKEN_REVOKE, taken(OneToken, {"token": page.part("token")}))
    return page.redirect("/tokens", f"{row.name} holds no more.")


def _at(name: str) -> str:
    return f"/users/{quote(name, safe='')}"


_USERS = Permission.USERS
PAGES: tuple[Route, ...] = (
    Route("/users", listed, permission=_USERS),
    Route("/users", add, ("POST",), permission=_USERS),
    Route("/users/{user}", one, permission=_USERS),
    Route("/users/{user}", change, ("POST",), permission=_USERS),
    Route("/users/{user}/role", role, ("POST",), permission=_USERS),
    Route("/users/{user}/link", link, ("POST",), permission=_USERS),
    Route("/users/{user}/sessions", end_session, ("POST",), permission=_USERS),
    Route(
        "/users/{user}/disable",
        _act(users.DISABLE, "{name} may not sign in any more; their sessions ended."),
        ("POST",),
        permission=_USERS,
    ),
    Route("/users/{user}/enable", _act(users.ENABLE, "{name} may sign in again."), ("POST",), permission=_USERS),
    Route(
        "/users/{user}/sign-out",
        _act(users.SIGN_OUT, "Every session of {name} is ended."),
        ("POST",),
        permission=_USERS,
    ),
    Route("/users/{user}/remove", _act(users.REMOVE, "{name} is removed.", "/users"), ("POST",), permission=_USERS),
    Route("/tokens", tokens, permission=Permission.OWN),
    Route("/tokens", token_add, ("POST",), permission=Permission.OWN),
    Route("/tokens/{token}/revoke", token_revoke, ("POST",), permission=Permission.OWN),
)
"""Users and tokens."""
