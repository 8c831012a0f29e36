"""What an OpenID provider says of itself, and what it answers: its addresses, its keys, an ID token for a code."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus, urlsplit

import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pyreqwest.client import SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError

from ml_connector.kernel.errors import SignInRefused, Unavailable
from ml_connector.settings import OIDC_CLIENT_ID, OIDC_ISSUER, OpenId

ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "Ed25519", "EdDSA")
"""Signatures we take: made with a key whose public half the provider shows. Never none, never a shared secret."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""
FRESH = 3600.0
"""Seconds for which what a provider says of itself is believed without asking again."""

AWAY = 30.0
"""Seconds for which a provider that did not say of itself what it must is not asked again: whoever signs in meanwhile
is told so at once, and waits for nothing."""

_PATIENCE = timedelta(seconds=10)
_MOST = 1_000_000
_ASK_AGAIN = 30.0
"""Seconds after which keys may be fetched again for a token that none of those known signed."""


class Document(msgspec.Struct, frozen=True):
    """The part of a discovery document that is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    """A provider's answer to a code."""

    id_token: str
    access_token: str = ""


class Provider:
    """One provider, for all threads of this process."""

    def __init__(self, settings: OpenId) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._document: Document | None = None
        self._document_at = 0.0
        self._away: Unavailable | None = None
        self._away_at = 0.0
        self._keys: KeySet | None = None
        self._keys_at = 0.0

    def document(self) -> Document:
        """What it says of itself. SignInRefused when that is not the provider of the settings; Unavailable where it
        does not answer, or did not within the last `AWAY` seconds."""
        with self._lock:
            if self._document is not None and time.monotonic() - self._document_at <= FRESH:
                return self._document
            if self._away is not None and time.monotonic() - self._away_at < AWAY:
                raise Unavailable(self._away.sentence, remedy=self._away.remedy, reference=self._away.reference)
            try:
                self._document = self._discovered()
            except Unavailable as error:
                self._away, self._away_at = error, time.monotonic()
                raise
            self._away, self._document_at = None, time.monotonic()
            return self._document

    def claims(self, code: str, verifier: str, nonce: str, back: str) -> dict[str, Any]:
        """Trades a code for an ID token and gives what that says, once all of it is proved to be meant for us.

        SignInRefused for a token that is not; what is wrong with it is in the reference, nothing of the token.
        """
        tokens = self._traded(code, verifier, back)
        token = self._verified(tokens.id_token)
        options = {
            "iss": {"essential": True, "value": self.document().issuer},
            "aud": {"essential": True, "value": self.settings.client_id},
            "exp": {"essential": True},
        }
        params = {"nonce": nonce, "client_id": self.settings.client_id, "access_token": tokens.access_token}
        claims = CodeIDToken(token.claims, token.header, options, params)
        try:
            claims.validate(now=int(time.time()), leeway=LEEWAY)
        except (JoseError, ValueError, TypeError) as error:
            raise _not_ours(error) from None
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise _not_ours(ValueError("sub"))
        return dict(claims)

    def _discovered(self) -> Document:
        url = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = msgspec.json.decode(self._fetched(url), type=Document)
        except msgspec.DecodeError:
            raise SignInRefused(
                "The OpenID provider does not say of itself what it must.", remedy=f"Check {OIDC_ISSUER}."
            ) from None
        if found.issuer != self.settings.issuer:
            raise SignInRefused(
                f"The OpenID provider calls itself {found.issuer}, not {self.settings.issuer}.",
                remedy=f"Correct {OIDC_ISSUER}, to the letter, if it is the right one.",
            )
        for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if not _is_safe(address, self.settings.issuer):
                raise SignInRefused("The OpenID provider names an address without https.")
        return found

    def _traded(self, code: str, verifier: str, back: str) -> _Tokens:
        document, settings = self.document(), self.settings
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        more = {"code": code, "code_verifier": verifier}
        if settings.client_secret and "client_secret_basic" in document.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}"
            headers["authorization"] = "Basic " + b64encode(pair.encode()).decode()
        else:
            more |= {"client_id": settings.client_id, "client_secret": settings.client_secret}
        body = prepare_token_request("authorization_code", redirect_uri=back, **more)
        answer = self._fetched(document.token_endpoint, body=str(body), headers=headers)
        try:
            return msgspec.json.decode(answer, type=_Tokens)
        except msgspec.DecodeError:
            raise SignInRefused("The OpenID provider gave no ID token.", remedy=f"Check {OIDC_CLIENT_ID}.") from None

    def _verified(self, text: str) -> jwt.Token:
        """The token, its signature checked; keys are fetched again once when none of those known made it."""
        keys, old = self._key_set(fresh=False)
        try:
            return jwt.decode(text, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError) as error:
            if not old:
                raise _not_ours(error) from None
        keys, _ = self._key_set(fresh=True)
        try:
            return jwt.decode(text, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError) as error:
            raise _not_ours(error) from None

    def _key_set(self, *, fresh: bool) -> tuple[KeySet, bool]:
        """Its keys, and whether they are old enough to be asked for again."""
        address = self.document().jwks_uri
        with self._lock:
            age = time.monotonic() - self._keys_at
            if self._keys is None or fresh or age > FRESH:
                try:
                    self._keys = KeySet.import_key_set(msgspec.json.decode(self._fetched(address)))
                except (JoseError, msgspec.DecodeError, ValueError, TypeError, KeyError):
                    raise SignInRefused("The OpenID provider's keys cannot be read.") from None
                self._keys_at, age = time.monotonic(), 0.0
            return self._keys, age > _ASK_AGAIN

    def _fetched(self, url: str, *, body: str = "", headers: Mapping[str, str] | None = None) -> bytes:
        """What stands at an address of the provider; no redirect is followed."""
        try:
            with SyncClientBuilder().timeout(_PATIENCE).follow_redirects(False).referer(False).build() as client:
                asked = client.post(url).body_text(body) if body else client.get(url)
                for name, value in (headers or {}).items():
                    asked = asked.header(name, value)
                reply = asked.build().send()
                content = bytes(reply.bytes())
        except PyreqwestError as error:
            raise Unavailable(
                "The OpenID provider does not answer.",
                remedy="Try again, or sign in with your password.",
                reference=type(error).__name__,
            ) from None
        if reply.status >= 500 or reply.status == 429:
            raise Unavailable(
                "The OpenID provider cannot answer now.", remedy="Try again.", reference=f"HTTP {reply.status}"
            )
        if reply.status >= 300 or len(content) > _MOST:
            raise SignInRefused(
                "The OpenID provider did not accept this sign-in.",
                remedy="Try again from the sign-in page; if it goes on, an administrator checks the OpenID settings.",
                reference=f"HTTP {reply.status}",
            )
        return content


def _not_ours(error: Exception) -> SignInRefused:
    """A token we do not take, and by what rule; nothing of the token itself."""
    return SignInRefused(
        "What the OpenID provider sent does not prove who you are, so you were not signed in.",
        remedy="Try again from the sign-in page; if it goes on, tell an administrator the reference.",
        reference=f"{getattr(error, 'error', type(error).__name__)} {getattr(error, 'claim', '') or ''}".strip(),
    )


def _is_safe(address: str, issuer: str) -> bool:
    """Whether an address is over https, or on this machine where the issuer is."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == urlsplit(issuer).hostname)
