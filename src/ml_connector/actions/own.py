"""What anybody can do about their own tokens, sessions and time zone."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ml_connector.access import signing_in, tokens, users
from ml_connector.access.permissions import Permission
from ml_connector.access.tokens import MOST_DAYS, Made
from ml_connector.actions.action import Action, Call, Nothing
from ml_connector.actions.users import SessionId, Sessions
from ml_connector.store.api_tokens import TokenRow
from ml_connector.views import users as look_up
from ml_connector.views.listing import Listing, Words
from ml_connector.views.users import Me, TokensLook

Secret = Annotated[str, msgspec.Meta(max_length=1000)]
"""A password as it is typed."""
Scope = Literal["look", "work", "approve", "configure", "users", "own"]


class MySession(msgspec.Struct, frozen=True, kw_only=True):
    """Which session of one's own."""

    session: SessionId


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token to be made: what it is for, what it may, and for how many days."""

    name: Words
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=6)]
    days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] = 90


class SignedOut(msgspec.Struct, frozen=True):
    """How many sessions were ended."""

    sessions: int


class OneToken(msgspec.Struct, frozen=True, kw_only=True):
    """Which token, by its number."""

    token: Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class OwnPassword(msgspec.Struct, frozen=True, kw_only=True):
    """Another password of one's own, and the present one; it may be left out by who just came by a link."""

    new: Secret
    old: Secret = ""


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A time zone such as America/Chicago; empty for the browser's."""

    zone: Words


def _tokens(call: Call, given: TokensLook) -> Listing:
    return look_up.tokens(call.app, call.who, given)


def _token_add(call: Call, given: NewToken) -> Made:
    return tokens.add(call.app, call.who, given.name, given.scopes, given.days)


def _token_revoke(call: Call, given: OneToken) -> TokenRow:
    return tokens.revoke(call.app, call.who, given.token)


def _me(call: Call, _given: Nothing) -> Me:
    return look_up.me(call.app, call.who)


def _my_zone(call: Call, given: Zone) -> Zone:
    return Zone(zone=users.set_zone(call.app, call.who.name, given.zone))


def _my_password(call: Call, given: OwnPassword) -> Nothing:
    users.change_only_password(call.app, call.who, given.old, given.new)
    return Nothing()


def _my_sign_out(call: Call, _given: Nothing) -> SignedOut:
    return SignedOut(signing_in.sign_out_everywhere(call.app, call.who.name))


def _my_sessions(call: Call, _given: Nothing) -> Sessions:
    return Sessions(look_up.sessions_of(call.app, call.who.name, call.who))


def _my_session_end(call: Call, given: MySession) -> Nothing:
    users.end_session(call.app, call.who.name, given.session)
    return Nothing()


TOKENS = Action(
    name="tokens.list",
    permission=Permission.OWN,
    method="GET",
    path="/tokens",
    takes=TokensLook,
    gives=Listing,
    call=_tokens,
    command="token list",
    sentence="Lists one's own tokens; everybody's for who may look after users.",
)
TOKEN_ADD = Action(
    name="tokens.add",
    permission=Permission.OWN,
    method="POST",
    path="/tokens",
    takes=NewToken,
    gives=Made,
    call=_token_add,
    command="token add",
    sentence="Makes a token of one's own, which is answered this once. A token cannot make another.",
)
TOKEN_REVOKE = Action(
    name="tokens.revoke",
    permission=Permission.OWN,
    method="DELETE",
    path="/tokens/{token}",
    takes=OneToken,
    gives=TokenRow,
    call=_token_revoke,
    command="token revoke",
    sentence="Takes a token back at once: one's own, or anybody's for who may look after users.",
)
ME = Action(
    name="me.show",
    permission=Permission.OWN,
    method="GET",
    path="/me",
    takes=Nothing,
    gives=Me,
    call=_me,
    command="user list",
    sentence="Shows who asks, and what they may.",
)
MY_ZONE = Action(
    name="me.zone",
    permission=Permission.OWN,
    method="PUT",
    path="/me/zone",
    takes=Zone,
    gives=Zone,
    call=_my_zone,
    command="user change",
    sentence="Sets the time zone one reads in.",
)
MY_PASSWORD = Action(
    name="me.password",
    permission=Permission.OWN,
    method="PUT",
    path="/me/password",
    takes=OwnPassword,
    gives=Nothing,
    call=_my_password,
    command="user password",
    sentence="Changes one's own password; every session ends. Only for who is signed in: a token cannot.",
)
MY_SIGN_OUT = Action(
    name="me.sign_out",
    permission=Permission.OWN,
    method="DELETE",
    path="/me/sessions",
    takes=Nothing,
    gives=SignedOut,
    call=_my_sign_out,
    command="user sign-out",
    sentence="Ends every session of one's own.",
)
MY_SESSIONS = Action(
    name="me.sessions",
    permission=Permission.OWN,
    method="GET",
    path="/me/sessions",
    takes=Nothing,
    gives=Sessions,
    call=_my_sessions,
    command="user sessions",
    sentence="Lists one's own sessions that are going.",
)
MY_SESSION_END = Action(
    name="me.end_session",
    permission=Permission.OWN,
    method="DELETE",
    path="/me/sessions/{session}",
    takes=MySession,
    gives=Nothing,
    call=_my_session_end,
    command="user sign-out",
    sentence="Ends one of one's own sessions.",
)

ACTIONS: tuple[Action, ...] = (
    *(TOKENS, TOKEN_ADD, TOKEN_REVOKE, ME, MY_ZONE),
    *(MY_PASSWORD, MY_SIGN_OUT, MY_SESSIONS, MY_SESSION_END),
)
"""Everything about oneself."""
