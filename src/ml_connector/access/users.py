"""Users are added, given a role, sent away and brought back; somebody who can do that always stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ml_connector.access import passwords, throttle, trail
from ml_connector.access.permissions import RANKS, Permission, Role, permissions_of, role_from
from ml_connector.access.principal import Principal
from ml_connector.access.signing_in import IDLE, Link, Session, begin, ended, link_for
from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, NotAllowed, NothingSuchHere
from ml_connector.store import once_words, sessions, sign_ins, users
from ml_connector.store.bulk import Transaction
from ml_connector.store.sessions import SessionRow
from ml_connector.store.users import UserRow

RESERVED = frozenset({"service", "door", "root", "operator", "system", "worker", "scheduler", "openid"})
"""Names under which the product itself acts in the audit trail; nobody is called so."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
_NO_NAME = re.compile(r"[^a-z0-9._@+-]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST = 200


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user as people and programs see them; nothing with which to sign in."""

    name: str
    title: str
    email: str
    role: str
    zone: str
    signs_in_by: list[str]
    """password, openid, both or neither."""
    made_at: datetime
    seen_at: datetime | None
    disabled_at: datetime | None


class Added(msgspec.Struct, frozen=True):
    """A user who was just added, and the link with which they sign in first; none when a password was given."""

    user: User
    link: Link | None


class Newcomer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to be added."""

    name: str
    role: str = "viewer"
    title: str = ""
    email: str = ""
    subject: str = ""
    """What the OpenID provider of the settings calls them; found by their e-mail address where it is empty."""
    password: str = ""
    """Empty: they get a link and choose one themselves."""


def shown(row: UserRow) -> User:
    """A user without what nobody needs to see."""
    ways = [way for way, there in (("password", row.password), ("openid", row.subject)) if there]
    return User(
        name=row.name,
        title=row.title or row.name,
        email=row.email,
        role=row.role,
        zone=row.zone,
        signs_in_by=ways,
        made_at=row.made_at,
        seen_at=row.seen_at,
        disabled_at=row.disabled_at,
    )


def add_user(app: App, name: str, *, role: str = "viewer", password: str = "", **more: str) -> Added:
    """Adds a user; `more`: title, email, subject. BadInput for what cannot be used. Audited."""
    return add(app, Newcomer(name=name, role=role, password=password, **more))


def add(app: App, who: Newcomer) -> Added:
    """Adds a user. Without a password they get a link with which they sign in once and choose one. Audited."""
    name, title, email = _name(who.name), _words(who.title, "The title"), _email(who.email)
    role = role_from(who.role)
    issuer = app.settings.openid.issuer if app.settings.openid else ""
    if who.subject and not issuer:
        raise BadInput(
            "No OpenID provider is set up, so nobody can be known by a subject.",
            remedy="Set ML_CONNECTOR_OIDC_ISSUER first, or leave the subject out.",
        )
    if who.password:
        passwords.check(who.password, name, title, email)
    hashed = passwords.hashed(who.password) if who.password else ""
    with app.db.begin() as conn:
        row = users.add(conn, name, title, email, role)
        if hashed:
            users.set_password(conn, row.id, hashed)
        if who.subject:
            _link_subject(conn, row, issuer, _words(who.subject, "The subject"))
        trail.note(conn, app, "user:add:done", name, role=role, email=email, subject=who.subject, number=row.id)
        link = None if hashed else link_for(conn, app, row)
        return Added(shown(users.get(conn, name)), link)


def _link_subject(conn: Transaction, row: UserRow, issuer: str, subject: str) -> None:
    other = users.by_subject(conn, issuer, subject)
    if other is not None and other.id != row.id:
        raise BadInput(f"{other.name} is known by this subject already.")
    users.change(conn, row.id, issuer=issuer, subject=subject)


def get(app: App, name: str) -> User:
    """One user; NothingSuchHere when there is none of that name."""
    with app.db.begin() as conn:
        return shown(users.get(conn, name))


def change(
    app: App, name: str, *, title: str | None = None, email: str | None = None, subject: str | None = None
) -> User:
    """Changes what people call a user, where they are written to, or what the OpenID provider calls them. Audited."""
    about: dict[str, Any] = {}
    with app.db.begin() as conn:
        row = users.get(conn, name, ours=True)
        if title is not None:
            about["title"] = _words(title, "The title")
        if email is not None:
            about["email"] = _email(email)
            other = users.by_email(conn, about["email"]) if about["email"] else None
            if other is not None and other.id != row.id:
                raise BadInput(f"{other.name} has the e-mail address {about['email']} already.")
        if about:
            users.change(conn, row.id, **about)
        if subject is not None:
            issuer = app.settings.openid.issuer if app.settings.openid else row.issuer
            about["subject"] = _words(subject, "The subject")
            if about["subject"]:
                _link_subject(conn, row, issuer, about["subject"])
            else:
                users.change(conn, row.id, issuer="", subject="")
            ended(conn, app, row)
        if about:
            trail.note(conn, app, "user:change:done", name, **about)
        return shown(users.get(conn, name))


def set_role(app: App, name: str, role: str) -> User:
    """Gives a user another role; their sessions end, their tokens follow. BadInput: nobody could look after users."""
    wanted = role_from(role)
    with app.db.begin() as conn:
        row = _other_than_the_last_admin(conn, name, unless=wanted is Role.ADMIN)
        if row.role != wanted:
            give_role(conn, app, row, wanted)
        return shown(users.get(conn, name))


def give_role(conn: Transaction, app: App, row: UserRow, role: Role) -> None:
    """Writes another role within a transaction, ends the user's sessions, and audits both."""
    users.change(conn, row.id, role=role)
    trail.note(conn, app, "user:change:done", row.name, role=role, before=row.role)
    ended(conn, app, row)


def disable(app: App, name: str) -> User:
    """Forbids a user to sign in; their sessions end and their tokens hold no more. BadInput for the last admin."""
    with app.db.begin() as conn:
        row = _other_than_the_last_admin(conn, name)
        if row.disabled_at is None:
            users.set_disabled(conn, row.id, disabled=True)
            trail.note(conn, app, "user:disable:done", name)
            ended(conn, app, row)
        return shown(users.get(conn, name))


def enable(app: App, name: str) -> User:
    """Lets a user sign in again, as the role they had; their tokens that have not ended hold again. Audited."""
    with app.db.begin() as conn:
        row = users.get(conn, name, ours=True)
        if row.disabled_at is not None:
            users.set_disabled(conn, row.id, disabled=False)
            trail.note(conn, app, "user:enable:done", name)
        return shown(users.get(conn, name))


def remove(app: App, name: str) -> None:
    """Removes a user with sessions and tokens; the audit trail keeps their name. BadInput for the last admin."""
    with app.db.begin() as conn:
        row = _other_than_the_last_admin(conn, name)
        ended(conn, app, row)
        users.remove(conn, row.id)
        trail.note(conn, app, "user:remove:done", name, role=row.role, number=row.id)


def _other_than_the_last_admin(conn: Transaction, name: str, *, unless: bool = False) -> UserRow:
    """The user, locked. BadInput when nobody could look after users without them, `unless` they stay what they are."""
    able = users.able_admins(conn)  # first, and all of them: two who are taken away at once wait for each other
    row = users.get(conn, name, ours=True)
    if able == [row.id] and not unless:
        raise BadInput(
            f"{name} is the last administrator who can sign in, and stays one.",
            remedy="Make somebody else an administrator first, and have them sign in.",
        )
    return row


def set_password(app: App, name: str, password: str) -> User:
    """Gives a user another password; their sessions end. For the command line, whose machine may do everything."""
    with app.db.begin() as conn:
        row = users.get(conn, name)
    passwords.check(password, name, row.title, row.email)
    hashed = passwords.hashed(password)
    with app.db.begin() as conn:
        row = users.get(conn, name, ours=True)
        _put_password(conn, app, row, hashed)
        return shown(users.get(conn, name))


def change_password(app: App, who: Principal, old: str, new: str, where: tuple[str, str]) -> Session:
    """A person's own password: all their sessions end, and this new one begins. `where`: address and browser.

    The old one is asked for, but for somebody who just came by a link, or never had one. Whoever signs in by the
    company's provider gets their first one by a link only, for it would outlive that account. BadInput when
    it is not right or the new one too easy; RateLimited after too many tries; NotAllowed for a token.
    """
    with _with_another_password(app, who, old, new, where[0]) as (conn, row):
        return begin(conn, app, row, "password", where)


def change_only_password(app: App, who: Principal, old: str, new: str) -> None:
    """The same for whoever has no browser to go on in: all their sessions end, and none begins."""
    with _with_another_password(app, who, old, new, ""):
        return


@contextmanager
def _with_another_password(
    app: App, who: Principal, old: str, new: str, address: str
) -> Iterator[tuple[Transaction, UserRow]]:
    """A person's own password as it was put, within the transaction that did it."""
    if who.how == "token":
        raise NotAllowed("A token cannot change a password.", remedy="Sign in to the console for it.")
    with app.db.begin() as conn:
        row = users.get(conn, who.name)
    if row.subject and not row.password and who.how != "once":
        raise BadInput(
            "You sign in by your company's account, so you have no password here.",
            remedy="If you need one besides, an administrator makes a link with which you choose it.",
        )
    passwords.check(new, row.name, row.title, row.email)
    if row.password and who.how != "once":
        attempt = throttle.admit(app, row.name, throttle.place_of(address))
        if not passwords.fits(row.password, old):
            throttle.refused(app)
            raise BadInput("The present password is not right.", remedy="Type it again.")
        with app.db.begin() as conn:
            sign_ins.well(conn, attempt)
    hashed = passwords.hashed(new)
    with app.db.begin() as conn:
        now = users.get(conn, who.name, ours=True)
        if now.password != row.password or now.disabled_at is not None:
            raise BadInput("The password was changed meanwhile.", remedy="Sign in again.")
        _put_password(conn, app, now, hashed)
        yield conn, now


def _put_password(conn: Transaction, app: App, row: UserRow, hashed: str) -> None:
    users.set_password(conn, row.id, hashed)
    trail.note(conn, app, "user:change:done", row.name, what="password")
    ended(conn, app, row)
    once_words.drop(conn, row.id)


def set_zone(app: App, name: str, zone: str) -> str:
    """The time zone a user reads in, such as America/Chicago; empty for the browser's. BadInput for none there is."""
    wanted = zone.strip()
    if wanted:
        try:
            ZoneInfo(wanted)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadInput(
                f"There is no time zone {wanted[:60]!r}.", remedy="Name one such as America/Chicago."
            ) from None
    with app.db.begin() as conn:
        users.change(conn, users.get(conn, name).id, zone=wanted)
    return wanted


def sessions_of(app: App, name: str) -> list[SessionRow]:
    """The sessions of a user that are going, the one used last first."""
    with app.db.begin() as conn:
        return sessions.of_user(conn, users.get(conn, name).id, IDLE)


def end_session(app: App, name: str, session: str) -> None:
    """Ends one session of a user by its short id; NothingSuchHere when it is over. Audited."""
    with app.db.begin() as conn:
        row = users.get(conn, name)
        if not sessions.end_one(conn, row.id, session):
            raise NothingSuchHere(f"{name} has no such session any more.", remedy="Look at the list again.")
        trail.note(conn, app, "user:sign_out:done", name, session=session)


def lacks(app: App, name: str, permission: Permission) -> str:
    """Why somebody may not do a thing at this moment, in a sentence; nothing where they may. For what they asked for
    earlier and is done now."""
    with app.db.begin() as conn:
        row = users.find(conn, name)
    if row is None:
        return f"{name or 'Whoever asked for it'} is no user any more."
    if row.disabled_at is not None:
        return f"{name} is disabled."
    if permission not in permissions_of(role_from(row.role)):
        return f"{name} has the right to {permission.value} no more."
    return ""


def titles(app: App) -> dict[str, str]:
    """What people call each user who has another name than the one they sign in with, by that one."""
    with app.db.begin() as conn:
        return users.titles(conn)


def any_user(app: App) -> bool:
    """Whether anybody was ever added."""
    with app.db.begin() as conn:
        return users.any_user(conn)


def highest(roles: list[Role]) -> Role | None:
    """The greatest of some roles; None for none."""
    return max(roles, key=RANKS.index, default=None)


def name_like(text: str) -> str:
    """A name as users have them that is as like a text, such as an e-mail address, as can be."""
    name = _NO_NAME.sub("-", text.casefold()).lstrip("._@+-")[:64]
    return name if name and name not in RESERVED else f"user-{name}"[:64]


def _name(text: str) -> str:
    name = text.strip().casefold()
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{text[:80]!r} cannot be a user's name.",
            remedy="Use 1 to 64 small letters, figures and . _ @ + -, and begin with a letter or a figure.",
        )
    if name in RESERVED:
        raise BadInput(f"{name!r} is how the product itself is called in the audit trail.", remedy="Take another name.")
    return name


def _email(text: str) -> str:
    email = text.strip()
    if email and not (len(email) <= _LONGEST and email.isprintable() and _EMAIL.fullmatch(email)):
        raise BadInput(f"{email[:80]!r} is no e-mail address.", remedy="Write it as name@example.com.")
    return email


def _words(text: str, what: str) -> str:
    found = " ".join(text.split())
    if len(found) > _LONGEST or not found.isprintable():
        raise BadInput(f"{what} cannot be used.", remedy=f"Use at most {_LONGEST} plain characters.")
    return found
