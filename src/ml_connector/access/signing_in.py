"""Signing in and out, and who a cookie, a token or a link stands for."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ml_connector.access import passwords, throttle, trail
from ml_connector.access.permissions import Role, known_scopes, permissions_of
from ml_connector.access.principal import How, Principal
from ml_connector.access.secrets_drawn import digest, drawn
from ml_connector.app import App
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.text import clipped
from ml_connector.store import api_tokens, once_words, sessions, sign_ins, users
from ml_connector.store.bulk import Transaction
from ml_connector.store.users import UserRow

IDLE = timedelta(hours=8)
"""A session nobody uses for so long is over."""
LASTS = timedelta(hours=24)
"""A session is over after so long, whatever happens."""
MOST = 50
"""Sessions of one user at the same time; the one used longest ago ends for the next."""
LINK_LASTS = timedelta(days=3)
"""How long a new user's link may be spent."""

_LONGEST = 200
"""Characters of a cookie, token or name that are looked at; ours are shorter."""
_WRONG = "The name or the password is not right."
_WRONG_REMEDY = "Try again, or ask an administrator for a new link with which to sign in."


class Session(msgspec.Struct, frozen=True):
    """A session that just began. The cookie is told this once; only its hash is kept."""

    cookie: str
    csrf: str
    """What every form of the session must carry."""
    ends_at: datetime


class Link(msgspec.Struct, frozen=True):
    """A one-time sign-in: its word, told this once, belongs behind /sign-in/once/."""

    word: str
    ends_at: datetime


def sign_in(app: App, name: str, password: str, address: str, agent: str) -> Session:
    """A session for the user of that name and password.

    BadInput when they do not fit, the same whether the name, the password or the user's standing is why; RateLimited,
    with the seconds to wait, when too many attempts failed by that name or from that address.
    """
    typed = name.strip().casefold()[:_LONGEST].replace("\x00", "")
    place = throttle.place_of(address)
    with app.db.begin() as conn:
        user = users.find(conn, typed)
    attempt = throttle.admit(app, user.name if user else throttle.unknown(typed), place)
    kept = user.password if user and user.disabled_at is None else ""
    if not passwords.fits(kept, password) or user is None:
        throttle.refused(app)
        raise BadInput(_WRONG, remedy=_WRONG_REMEDY)
    anew = passwords.hashed(password) if passwords.outdated(kept) else ""
    with app.db.begin() as conn:
        now = users.find(conn, user.name, ours=True)
        if now is None or now.disabled_at is not None or now.password != kept:  # changed while we looked
            raise BadInput(_WRONG, remedy=_WRONG_REMEDY)
        sign_ins.well(conn, attempt)
        if anew:
            users.set_password(conn, user.id, anew, same=True)
        return begin(conn, app, now, "password", (address, agent))


def begin(conn: Transaction, app: App, user: UserRow, how: How, where: tuple[str, str]) -> Session:
    """Begins a session of a user who showed who they are; `where`: the address and the browser. Audited."""
    cookie, csrf = drawn(), drawn()
    address, agent = where
    sessions.prune(conn, IDLE)
    sessions.make_room(conn, user.id, MOST)
    once_words.prune(conn)
    made = sessions.NewSession(
        digest(cookie), user.id, csrf, clipped(address, 60), clipped(agent.replace("\x00", ""), 300), how, LASTS
    )
    ends = sessions.begin(conn, made)
    users.set_seen(conn, user.id)
    throttle.tell(conn, app)
    trail.note(conn, app.acting_as(user.name), "user:sign_in:done", user.name, how=how, address=made.address)
    return Session(cookie, csrf, ends)


def principal_of_cookie(app: App, cookie: str) -> tuple[Principal, str] | None:
    """Who a cookie stands for, and what the forms of its session must carry; None when it holds no more."""
    if not cookie or len(cookie) > _LONGEST:
        return None
    key = digest(cookie)
    with app.db.begin() as conn:
        found = sessions.standing(conn, key, IDLE)
        if found is None:
            return None
        if found.stale:
            sessions.touch(conn, key)
    role = Role(found.role)
    who = Principal(
        user_id=found.user_id,
        name=found.name,
        title=found.title or found.name,
        role=role,
        permissions=permissions_of(role),
        zone=found.zone,
        how=msgspec.convert(found.how, How),
        by=sessions.short(key),
    )
    return who, found.csrf


def principal_of_token(app: App, token: str) -> Principal | None:
    """Who a token stands for, with what its scopes and its user's present role allow; None when it does not hold."""
    if not token or len(token) > _LONGEST:
        return None
    with app.db.begin() as conn:
        found = api_tokens.standing(conn, digest(token))
        if found is None:
            return None
        if found.stale:
            api_tokens.touch(conn, found.id)
    role = Role(found.role)
    return Principal(
        user_id=found.user_id,
        name=found.user,
        title=found.title or found.user,
        role=role,
        permissions=permissions_of(role) & known_scopes(found.scopes),
        zone=found.zone,
        how="token",
        by=str(found.id),
    )


def sign_out(app: App, cookie: str) -> None:
    """Ends the session of a cookie; nothing happens when it is over already. Audited."""
    with app.db.begin() as conn:
        whose = sessions.end(conn, digest(cookie))
        user = users.by_id(conn, whose) if whose is not None else None
        if user:
            trail.note(conn, app.acting_as(user.name), "user:sign_out:done", user.name)


def sign_out_everywhere(app: App, name: str) -> int:
    """Ends every session of a user, and the link they may still have; how many sessions. Audited."""
    with app.db.begin() as conn:
        user = users.get(conn, name, ours=True)
        return ended(conn, app, user)


def ended(conn: Transaction, app: App, user: UserRow) -> int:
    """Ends every session and link of a user within a transaction; how many sessions. Audited where there were some."""
    number = sessions.end_all(conn, user.id)
    once_words.drop(conn, user.id)
    if number:
        trail.note(conn, app, "user:sign_out:done", user.name, sessions=number)
    return number


def once(app: App, name: str, minutes: float | None = None) -> Link:
    """A link with which a user signs in once, instead of any they had; by default for three days. Audited.

    NothingSuchHere for nobody's name, BadInput for somebody who may not sign in.
    """
    with app.db.begin() as conn:
        user = users.get(conn, name, ours=True)
        if user.disabled_at is not None:
            raise BadInput(
                f"{name} may not sign in at present.", remedy=f"Run `ml-connector user enable {name}` first."
            )
        return link_for(conn, app, user, timedelta(minutes=minutes) if minutes is not None else LINK_LASTS)


def link_for(conn: Transaction, app: App, user: UserRow, lasts: timedelta = LINK_LASTS) -> Link:
    """The same within a transaction."""
    word = drawn()
    ends = once_words.put(conn, once_words.NewWord(digest(word), "sign_in", lasts, user.id))
    trail.note(conn, app, "user:change:done", user.name, what="sign-in link", until=ends.isoformat())
    return Link(word, ends)


def enter_once(app: App, word: str, address: str, agent: str) -> Session:
    """A session for whoever has the word of a link, which is spent by it; BadInput when it was, or is past."""
    with app.db.begin() as conn:
        found = once_words.spend(conn, digest(word[:_LONGEST]), "sign_in")
        user = users.by_id(conn, found.user_id) if found and found.user_id is not None else None
        if user is not None and user.disabled_at is None:
            return begin(conn, app, user, "once", (address, agent))
    raise BadInput("This link was used already, or is too old.", remedy="Ask an administrator for a new one.")
