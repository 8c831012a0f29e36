"""What can be done about users and their sessions, by whoever looks after them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ml_connector.access import signing_in, users
from ml_connector.access.permissions import Permission, permissions_of, role_from
from ml_connector.access.principal import Principal
from ml_connector.access.signing_in import Link
from ml_connector.access.users import Added, Newcomer, User
from ml_connector.actions.action import Action, Call, Nothing
from ml_connector.kernel.errors import NotAllowed
from ml_connector.views import users as look_up
from ml_connector.views.listing import Listing, Words
from ml_connector.views.users import Name, OwnSession, UsersLook

RoleName = Literal["viewer", "operator", "approver", "admin"]
SessionId = Annotated[str, msgspec.Meta(max_length=64)]


class OneUser(msgspec.Struct, frozen=True, kw_only=True):
    """Which user."""

    user: Name


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to be added. They choose their password themselves, by the link that is answered."""

    name: Name
    role: RoleName = "viewer"
    title: Words = ""
    email: Words = ""
    subject: Words = ""
    """What the OpenID provider calls them; found by their e-mail address where it is empty."""


class UserChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changes about a user; what is left out stays."""

    user: Name
    title: Words | None = None
    email: Words | None = None
    subject: Words | None = None


class RoleChange(msgspec.Struct, frozen=True, kw_only=True):
    """Another role for a user."""

    user: Name
    role: RoleName


class OneSession(msgspec.Struct, frozen=True, kw_only=True):
    """Which session of a user."""

    user: Name
    session: SessionId


class Sessions(msgspec.Struct, frozen=True):
    """Sessions that are going, the one used last first."""

    sessions: list[OwnSession]


class SignedOut(msgspec.Struct, frozen=True):
    """How many sessions ended."""

    sessions: int


def _list(call: Call, given: UsersLook) -> Listing:
    return look_up.listed(call.app, given)


def _show(call: Call, given: OneUser) -> User:
    return users.get(call.app, given.user)


def _check_within(who: Principal, role: str) -> None:
    """NotAllowed where a token makes somebody, or becomes known as somebody, who may more than the token itself."""
    more = permissions_of(role_from(role)) - who.permissions - {Permission.OWN}
    if who.how == "token" and more:
        raise NotAllowed(
            f"This token has no right to {sorted(more)[0].value}, so it makes nobody {role}, and changes no account of "
            "anybody who is.",
            remedy="Sign in to the console for it, or use a token with that scope as well.",
        )


def _add(call: Call, given: NewUser) -> Added:
    _check_within(call.who, given.role)
    return users.add(call.app, Newcomer(**msgspec.structs.asdict(given)))


def _change(call: Call, given: UserChange) -> User:
    if given.email is not None or given.subject is not None:  # by which the company's provider lets them in
        _check_within(call.who, users.get(call.app, given.user).role)
    return users.change(call.app, given.user, title=given.title, email=given.email, subject=given.subject)


def _role(call: Call, given: RoleChange) -> User:
    _check_within(call.who, given.role)
    return users.set_role(call.app, given.user, given.role)


def _disable(call: Call, given: OneUser) -> User:
    return users.disable(call.app, given.user)


def _enable(call: Call, given: OneUser) -> User:
    return users.enable(call.app, given.user)


def _remove(call: Call, given: OneUser) -> Nothing:
    users.remove(call.app, given.user)
    return Nothing()


def _link(call: Call, given: OneUser) -> Link:
    if call.who.how == "token":
        raise NotAllowed("A token cannot make a sign-in link.", remedy="Sign in to the console and make it there.")
    return signing_in.once(call.app, given.user)


def _sessions(call: Call, given: OneUser) -> Sessions:
    return Sessions(look_up.sessions_of(call.app, given.user, call.who))


def _end_session(call: Call, given: OneSession) -> Nothing:
    users.end_session(call.app, given.user, given.session)
    return Nothing()


def _sign_out(call: Call, given: OneUser) -> SignedOut:
    return SignedOut(signing_in.sign_out_everywhere(call.app, given.user))


LIST = Action(
    name="users.list",
    permission=Permission.USERS,
    method="GET",
    path="/users",
    takes=UsersLook,
    gives=Listing,
    call=_list,
    command="user list",
    sentence="Lists users with their roles, and how many sessions and tokens they have.",
)
SHOW = Action(
    name="users.show",
    permission=Permission.USERS,
    method="GET",
    path="/users/{user}",
    takes=OneUser,
    gives=User,
    call=_show,
    command="user list",
    sentence="Shows one user.",
)
ADD = Action(
    name="users.add",
    permission=Permission.USERS,
    method="POST",
    path="/users",
    takes=NewUser,
    gives=Added,
    call=_add,
    command="user add",
    sentence="Adds a user, and makes the link with which they sign in once and choose a password.",
)
CHANGE = Action(
    name="users.change",
    permission=Permission.USERS,
    method="PUT",
    path="/users/{user}",
    takes=UserChange,
    gives=User,
    call=_change,
    command="user change",
    sentence="Changes what people call a user, their e-mail address, or what the OpenID provider calls them.",
)
ROLE = Action(
    name="users.role",
    permission=Permission.USERS,
    method="PUT",
    path="/users/{user}/role",
    takes=RoleChange,
    gives=User,
    call=_role,
    command="user role",
    sentence="Gives a user another role; their sessions end, and their tokens may no more than it allows.",
)
DISABLE = Action(
    name="users.disable",
    permission=Permission.USERS,
    method="POST",
    path="/users/{user}/disable",
    takes=OneUser,
    gives=User,
    call=_disable,
    command="user disable",
    sentence="Forbids a user to sign in; their sessions end and their tokens hold no more.",
)
ENABLE = Action(
    name="users.enable",
    permission=Permission.USERS,
    method="POST",
    path="/users/{user}/enable",
    takes=OneUser,
    gives=User,
    call=_enable,
    command="user enable",
    sentence="Lets a disabled user sign in again.",
)
REMOVE = Action(
    name="users.remove",
    permission=Permission.USERS,
    method="DELETE",
    path="/users/{user}",
    takes=OneUser,
    gives=Nothing,
    call=_remove,
    command="user remove",
    sentence="Removes a user with their sessions and tokens; what they did stays in the audit trail.",
)
LINK = Action(
    name="users.link",
    permission=Permission.USERS,
    method="POST",
    path="/users/{user}/link",
    takes=OneUser,
    gives=Link,
    call=_link,
    command="user link",
    sentence="Makes a link with which a user signs in once, instead of any they had. No token can, by the API.",
)
SESSIONS = Action(
    name="users.sessions",
    permission=Permission.USERS,
    method="GET",
    path="/users/{user}/sessions",
    takes=OneUser,
    gives=Sessions,
    call=_sessions,
    command="user sessions",
    sentence="Lists the sessions of a user that are going.",
)
END_SESSION = Action(
    name="users.end_session",
    permission=Permission.USERS,
    method="DELETE",
    path="/users/{user}/sessions/{session}",
    takes=OneSession,
    gives=Nothing,
    call=_end_session,
    command="user sign-out",
    sentence="Ends one session of a user.",
)
SIGN_OUT = Action(
    name="users.sign_out",
    permission=Permission.USERS,
    method="POST",
    path="/users/{user}/sign-out",
    takes=OneUser,
    gives=SignedOut,
    call=_sign_out,
    command="user sign-out",
    sentence="Ends every session of a user.",
)
ACTIONS: tuple[Action, ...] = (
    LIST,
    SHOW,
    ADD,
    CHANGE,
    ROLE,
    DISABLE,
    ENABLE,
    REMOVE,
    LINK,
    SESSIONS,
    END_SESSION,
    SIGN_OUT,
)
"""Everything about users and their sessions."""
