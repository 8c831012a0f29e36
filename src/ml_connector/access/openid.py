"""Signing in with the company's OpenID provider: authorization code, PKCE, state and nonce kept here, used once."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from ml_connector.access import throttle, trail
from ml_connector.access.openid_provider import Provider
from ml_connector.access.permissions import Role
from ml_connector.access.secrets_drawn import digest, drawn
from ml_connector.access.signing_in import Session, begin
from ml_connector.access.users import give_role, highest, name_like
from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, SignInRefused
from ml_connector.kernel.text import clipped
from ml_connector.settings import OpenId
from ml_connector.store import once_words, users
from ml_connector.store.bulk import Transaction
from ml_connector.store.users import UserRow

LASTS = timedelta(minutes=10)
"""How long somebody may take at the provider."""

MOST = 2000
"""Sign-ins from one address that may be under way, so that nobody fills the table with them; those begun first make
room. Behind a proxy that is not named all come from one address, so that nobody is refused for the others."""

_SCOPES = "openid profile email"
_STRANGER = "Nobody here knows you by this account."


class Going(msgspec.Struct, frozen=True):
    """A sign-in that begins: where the browser goes, and what its own cookie must hold when it comes back."""

    url: str
    browser: str


class Arrived(msgspec.Struct, frozen=True):
    """A session, and the page its user wanted."""

    session: Session
    to: str


def is_set_up(app: App) -> bool:
    """Whether people may sign in this way."""
    return app.settings.openid is not None


def go(app: App, back: str, to: str = "/", address: str = "") -> Going:
    """Begins a sign-in. `back`: the address the provider leads back to; `to`: the page wanted then.

    BadInput when no provider is set up; Unavailable or SignInRefused when it does not answer as it should. Where too
    many were begun from that address and not ended, the oldest of them is forgotten.
    """
    provider = _provider(_settings(app))
    document = provider.document()
    state, nonce, verifier, browser = drawn(), drawn(), drawn(), drawn()
    about = {"nonce": nonce, "verifier": verifier, "browser": digest(browser).hex(), "back": back, "to": to[:1000]}
    about["place"] = throttle.place_of(address)
    with app.db.begin() as conn:
        once_words.prune(conn)
        once_words.make_room(conn, about["place"], MOST)
        once_words.put(conn, once_words.NewWord(digest(state), "openid", LASTS, about=about))
    url = prepare_grant_uri(
        document.authorization_endpoint,
        provider.settings.client_id,
        "code",
        redirect_uri=back,
        scope=_SCOPES,
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return Going(str(url), browser)


def come_back(app: App, answer: Mapping[str, str], browser: str, where: tuple[str, str]) -> Arrived:
    """A session for whoever the provider says came back. `answer`: the query of the address; `where`: address, browser.

    SignInRefused when the answer does not fit what was asked from this very browser, the provider said no, its token
    does not hold, or nobody may sign in by that account; Unavailable when the provider is away.
    """
    settings = _settings(app)
    with app.db.begin() as conn:
        found = once_words.spend(conn, digest(answer.get("state", "")[:200]), "openid")
    if found is None or not hmac.compare_digest(found.about["browser"], digest(browser).hex()):
        raise SignInRefused(
            "This sign-in was not begun in this browser, or took too long.", remedy="Begin again from the sign-in page."
        )
    provider = _provider(settings)
    if answer.get("iss", provider.document().issuer) != provider.document().issuer:
        raise SignInRefused("The answer came from another provider than was asked.")
    code = answer.get("code", "")
    if not code:
        raise SignInRefused(
            "The OpenID provider did not sign you in.",
            remedy="Try again from the sign-in page.",
            reference=clipped(answer.get("error", "no code"), 60),
        )
    about = found.about
    claims = provider.claims(code, about["verifier"], about["nonce"], about["back"])
    return Arrived(_let_in(app, settings, claims, where), str(about["to"]))


def _let_in(app: App, settings: OpenId, claims: Mapping[str, Any], where: tuple[str, str]) -> Session:
    """A session for the user of that account."""
    role = _claimed_role(settings, claims)
    if not settings.role_claim or role is not None:
        with app.db.begin() as conn:
            able = users.able_admins(conn)
            user = _user_of(conn, app, settings, claims)
            if user is not None and user.disabled_at is None:
                if role is not None and role != user.role and able != [user.id]:
                    give_role(conn, app.acting_as("openid"), user, role)
                return begin(conn, app, user, "openid", where)
    throttle.refused(app)
    raise SignInRefused(
        "Your account has no role here." if settings.role_claim and role is None else _STRANGER,
        remedy="Ask an administrator to add you, with the e-mail address of that account.",
    )


def _user_of(conn: Transaction, app: App, settings: OpenId, claims: Mapping[str, Any]) -> UserRow | None:
    """The user known by that account, or by its verified e-mail address, or added now because of its domain; locked."""
    subject, email = str(claims["sub"]), _verified_email(claims)
    known = users.by_subject(conn, settings.issuer, subject)
    if known is not None:
        return users.find(conn, known.name, ours=True)
    invited = users.by_email(conn, email) if email else None
    if invited is not None:
        row = users.get(conn, invited.name, ours=True)
        if row.subject or row.disabled_at is not None:
            return None  # bound to another account already: an address may be given to somebody else
        users.change(conn, row.id, issuer=settings.issuer, subject=subject)
        trail.note(conn, app.acting_as("openid"), "user:change:done", row.name, what="account", email=email)
        return users.get(conn, row.name)
    if not email or email.rpartition("@")[2].casefold() not in settings.domains:
        return None
    return _added(conn, app, settings, claims, email)


def _added(conn: Transaction, app: App, settings: OpenId, claims: Mapping[str, Any], email: str) -> UserRow | None:
    """Somebody of one of the domains, added as a viewer under their e-mail address, or a name as like it as names may
    be; None when that is taken."""
    name = name_like(email)
    if users.find(conn, name) is not None:
        return None
    title = " ".join(str(claims.get("name") or "").split())
    row = users.add(conn, name, clipped("".join(one for one in title if one.isprintable()), 200), email, Role.VIEWER)
    users.change(conn, row.id, issuer=settings.issuer, subject=str(claims["sub"]))
    trail.note(conn, app.acting_as("openid"), "user:add:done", name, role=row.role, email=email, number=row.id)
    return users.get(conn, name)


def _verified_email(claims: Mapping[str, Any]) -> str:
    """The e-mail address of an account, if the provider says that it is theirs."""
    email = claims.get("email")
    return email if isinstance(email, str) and claims.get("email_verified") is True and len(email) <= 200 else ""


def _claimed_role(settings: OpenId, claims: Mapping[str, Any]) -> Role | None:
    """The greatest role the role claim names; None when there is no such claim or it names none."""
    if not settings.role_claim:
        return None
    value = claims.get(settings.role_claim)
    values = {str(one) for one in value} if isinstance(value, list) else {str(value)}
    return highest([Role(role) for meant, role in settings.roles if meant in values])


def _settings(app: App) -> OpenId:
    if app.settings.openid is None:
        raise BadInput("No OpenID provider is set up here.", remedy="Sign in with your password.")
    return app.settings.openid


@lru_cache(maxsize=4)
def _provider(settings: OpenId) -> Provider:
    """The provider of some settings; what it says of itself is remembered."""
    return Provider(settings)
