"""Users, tokens and sessions as they are listed and looked at."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from ml_connector.access.permissions import Permission, Role
from ml_connector.access.principal import Principal
from ml_connector.access.signing_in import IDLE
from ml_connector.access.users import User, shown
from ml_connector.app import App
from ml_connector.store import api_tokens, sessions, users
from ml_connector.store.listing import like, ordered, paged
from ml_connector.views.listing import Column, Listing, Look, listing

Name = Annotated[str, msgspec.Meta(max_length=64)]
"""A user's name."""

_USER_COLUMNS = (
    Column("name", "Name", "link", sortable=True),
    Column("title", "Called", sortable=True),
    Column("role", "Role", sortable=True),
    Column("state", "State", "state", sortable=True),
    Column("email", "E-mail", sortable=True),
    Column("signs_in_by", "Signs in by"),
    Column("sessions", "Sessions", "number", sortable=True),
    Column("tokens", "Tokens", "number", sortable=True),
    Column("seen_at", "Last signed in", "moment", sortable=True),
)
_USER_ORDER = {
    "name": "u.name",
    "title": "u.title",
    "role": "array_position(ARRAY['viewer', 'operator', 'approver', 'admin'], u.role)",
    "state": "state",
    "email": "u.email",
    "sessions": "sessions",
    "tokens": "tokens",
    "seen_at": "u.seen_at",
}
_TOKEN_COLUMNS = (
    Column("name", "What for", sortable=True),
    Column("user", "User", sortable=True),
    Column("state", "State", "state", sortable=True),
    Column("scopes", "May"),
    Column("made_at", "Made", "moment", sortable=True),
    Column("ends_at", "Ends", "moment", sortable=True),
    Column("used_at", "Last used", "moment", sortable=True),
)
_TOKEN_ORDER = {
    "name": "t.name",
    "user": "u.name",
    "state": "state",
    "made_at": "t.made_at",
    "ends_at": "t.ends_at",
    "used_at": "t.used_at",
}


class UsersLook(Look, frozen=True, kw_only=True):
    """How the list of users is asked for."""

    role: Literal["", "viewer", "operator", "approver", "admin"] = ""
    state: Literal["", "active", "invited", "disabled"] = ""


class TokensLook(Look, frozen=True, kw_only=True):
    """How the list of tokens is asked for."""

    user: Name = ""
    """Whose; for those who may look after users. Others see their own."""
    state: Literal["", "active", "ended", "revoked", "disabled"] = ""


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_MACHINES = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


class OwnSession(msgspec.Struct, frozen=True, kw_only=True):
    """One session of a user."""

    id: str
    address: str
    agent: str
    """The browser, as it calls itself."""
    browser: str
    """The same, as people call it: Firefox on Windows."""
    how: str
    made_at: datetime
    seen_at: datetime
    ends_at: datetime
    this: bool
    """Whether it is the one with which this is asked."""


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """The one who asks."""

    user: User
    may: list[str]
    """Permissions of this session or token."""
    how: str
    """How they showed who they are: password, openid, once or token."""


def listed(app: App, look: UsersLook) -> Listing:
    """Users, by name unless sorted otherwise."""
    wanted = users.Wanted(look.role, look.state, tuple(like(look.q)))
    order = ordered(_USER_ORDER, look.sort, down=look.down, otherwise="u.name", unique="u.id")
    with app.db.begin() as conn:
        rows = users.listed(conn, IDLE, wanted, order + paged(look.page, look.size))
    choices: dict[str, list[str]] = {"role": [str(role) for role in Role], "state": ["active", "invited", "disabled"]}
    return listing(_USER_COLUMNS, (_user_row(one) for one in rows), look, choices)


def _user_row(one: users.ListedUser) -> dict[str, Any]:
    user = shown(one.user)
    return {
        "name": user.name,
        "href": f"/users/{user.name}",
        "title": user.title,
        "role": user.role,
        "state": one.state,
        "email": user.email,
        "signs_in_by": ", ".join(user.signs_in_by) or "sign-in link",
        "sessions": one.sessions,
        "tokens": one.tokens,
        "seen_at": user.seen_at,
    }


def tokens(app: App, who: Principal, look: TokensLook) -> Listing:
    """Tokens as somebody may see them: everybody's for who may look after users, else their own."""
    if who.may(Permission.USERS):
        return all_tokens(app, look)
    found = all_tokens(app, msgspec.structs.replace(look, user=who.name))
    return msgspec.structs.replace(found, columns=tuple(one for one in found.columns if one.key != "user"))


def all_tokens(app: App, look: TokensLook) -> Listing:
    """Everybody's tokens, the newest first unless sorted otherwise."""
    if not look.user.isprintable():
        return listing(_TOKEN_COLUMNS, [], look)
    wanted = api_tokens.WantedTokens(look.user, look.state, tuple(like(look.q)))
    order = ordered(_TOKEN_ORDER, look.sort, down=look.down, otherwise="t.id DESC", unique="t.id")
    with app.db.begin() as conn:
        rows = api_tokens.listed(conn, wanted, order + paged(look.page, look.size))
    choices = {"state": ["active", "ended", "revoked", "disabled"]}
    return listing(_TOKEN_COLUMNS, (_token_row(one) for one in rows), look, choices)


def _token_row(one: api_tokens.TokenRow) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "user": one.user,
        "state": one.state,
        "scopes": ", ".join(one.scopes),
        "made_at": one.made_at,
        "ends_at": one.ends_at,
        "used_at": one.used_at,
    }


def sessions_of(app: App, name: str, who: Principal | None = None) -> list[OwnSession]:
    """The sessions of a user that are going, the one used last first; `who` asks."""
    with app.db.begin() as conn:
        rows = sessions.of_user(conn, users.get(conn, name).id, IDLE)
    by = who.by if who is not None and who.how != "token" else ""
    return [OwnSession(**msgspec.structs.asdict(row), browser=browser_of(row.agent), this=row.id == by) for row in rows]


def browser_of(agent: str) -> str:
    """A browser as people call it, from what it calls itself; that itself where it is unheard of."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    machine = next((name for mark, name in _MACHINES if mark in agent), "")
    return f"{browser} on {machine}" if browser and machine else browser or agent or "unknown"


def me(app: App, who: Principal) -> Me:
    """The one who asks, and what they may with this session or token."""
    with app.db.begin() as conn:
        return Me(user=shown(users.get(conn, who.name)), may=sorted(who.permissions), how=who.how)
