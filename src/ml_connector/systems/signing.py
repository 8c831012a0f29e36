"""Signing in: how one side's bearer token is got, kept while it lives, and replaced, by one thread at a time.

Written by hand rather than with Authlib: its OAuth2 clients are bound to a requests- or httpx-like session, and the
part that would remain (reading a token answer) is a struct of five fields here. Authlib still serves the console.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

from ml_connector.kernel.clock import Clock
from ml_connector.kernel.errors import OutcomeUnknown, SignInRefused
from ml_connector.systems.wire import Call, WireReply, WireRequest

IFS_SCOPE = "openid microprofile-jwt"
"""The scope IFS documents for service accounts (facts/ifs.md 3)."""

_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_MARGIN = 30.0
_SHARE = 0.1


class SignInClient(msgspec.Struct, frozen=True):
    """Who signs in, and where: the token address and the registered client. `redirect_uri` where the grant wants it."""

    token_url: str
    client_id: str
    client_secret: str
    redirect_uri: str = ""


class TokenPair(msgspec.Struct, frozen=True):
    """An access token, the single-use refresh token that replaces it, and when it dies (unix seconds)."""

    access: str
    refresh: str
    expires_at: float = 0.0


class _Answer(msgspec.Struct):
    """What a token endpoint says, good or bad (RFC 6749 5.1 and 5.2)."""

    access_token: str = ""
    refresh_token: str = ""
    expires_in: float | str | None = None
    error: object = ""
    error_description: object = ""


_answers = msgspec.json.Decoder(_Answer, strict=False)


class ClientCredentials:
    """The client credentials grant: the preferred way in for both sides; a lost answer does no harm."""

    def __init__(
        self, token_url: str, client_id: str, client_secret: str, scope: str, clock: Clock, call: Call
    ) -> None:
        """`scope` may be empty; `call` is a transport of its own, without a signer."""
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        if scope:
            self._form["scope"] = scope
        self._url = token_url
        self._clock = clock
        self._call = call
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def token(self) -> str:
        """A token good for now, from memory while it is not about to expire. Raises SignInRefused."""
        token = self._token
        if token and self._clock().timestamp() < self._renew_at:
            return token
        with self._lock:
            if self._token and self._clock().timestamp() < self._renew_at:  # another thread was faster
                return self._token
            return self._fetch()

    def renew(self, refused: str) -> str:
        """Another token; when somebody else has already replaced `refused`, that one."""
        with self._lock:
            return self._token if self._token and self._token != refused else self._fetch()

    def _fetch(self) -> str:
        now = self._clock().timestamp()
        reply = self._call(_token_request(self._url, self._form, safe=True))
        answer = _accepted(reply, self._url)
        self._renew_at = _renewal(now, _life(answer))
        self._token = answer.access_token
        return self._token


class RefreshToken:
    """The refresh grant for a person's authorization: every refresh token works once.

    The new pair goes to `keep` before anybody uses it. A refresh whose answer is lost kills the pair (facts/procore.md,
    OAuth): then only a person can authorize again, and that is what the error says. Callers that share one pair
    between processes must hold a lock of their own around it.
    """

    def __init__(
        self, client: SignInClient, pair: TokenPair, keep: Callable[[TokenPair], None], clock: Clock, call: Call
    ) -> None:
        """`keep` stores the new pair durably, whole or not at all, before it returns."""
        self._client = client
        self._pair = pair
        self._keep = keep
        self._clock = clock
        self._call = call
        self._lock = threading.Lock()
        self._kept = True
        self._renew_at = _renewal(clock().timestamp(), pair.expires_at - clock().timestamp())

    def token(self) -> str:
        """A token good for now. Raises SignInRefused when the pair is dead."""
        if self._kept and self._clock().timestamp() < self._renew_at:
            return self._pair.access
        with self._lock:
            if self._clock().timestamp() < self._renew_at:
                self._store()
                return self._pair.access
            return self._fetch()

    def renew(self, refused: str) -> str:
        """Another token; when somebody else has already replaced `refused`, that one."""
        with self._lock:
            if self._pair.access != refused:
                self._store()
                return self._pair.access
            return self._fetch()

    def _store(self) -> None:
        """Hands the pair to `keep` unless it has it; a pair that could not be kept is not used, and not forgotten."""
        if not self._kept:
            self._keep(self._pair)
            self._kept = True

    def _fetch(self) -> str:
        self._store()
        if not self._pair.refresh:
            raise _dead("there is no refresh token")
        client, now = self._client, self._clock().timestamp()
        form = {
            "grant_type": "refresh_token",
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "refresh_token": self._pair.refresh,
        }
        if client.redirect_uri:
            form["redirect_uri"] = client.redirect_uri
        try:
            reply = self._call(_token_request(client.token_url, form, safe=False))
        except OutcomeUnknown as lost:
            self._pair = TokenPair("", "")
            raise _dead("the answer to the last refresh was lost") from lost
        answer = _accepted(reply, client.token_url)
        life = _life(answer)
        self._pair = TokenPair(answer.access_token, answer.refresh_token, now + life)
        self._renew_at = _renewal(now, life)
        self._kept = False
        self._store()
        return self._pair.access


def _token_request(url: str, form: dict[str, str], safe: bool) -> WireRequest:
    return WireRequest("POST", url, headers=_FORM, body=urlencode(form).encode(), safe=safe, signed=False)


def _life(answer: _Answer) -> float:
    """Seconds the token lives; a server that does not say gets the shortest life seen in the field (180 s)."""
    try:
        return float(answer.expires_in) if answer.expires_in is not None else 180.0
    except ValueError:
        return 180.0


def _renewal(now: float, life: float) -> float:
    """When to replace a token of that life: half a minute early, or a tenth of a short life."""
    return now + life - min(_MARGIN, life * _SHARE)


def _dead(why: str) -> SignInRefused:
    return SignInRefused(
        f"The sign-in of this connection is dead: {why}, and refresh tokens work once.",
        remedy="Authorize the connection again; prefer client credentials (a service account), which cannot die so.",
    )


def _accepted(reply: WireReply, url: str) -> _Answer:
    """The token answer in `reply`. Raises SignInRefused that says which setting is likely wrong."""
    try:
        answer = _answers.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = _Answer()
    if reply.status == 200 and answer.access_token:
        return answer
    code, said = str(answer.error), str(answer.error_description)
    sentence, remedy = _why_refused(reply.status, code, said, url)
    raise SignInRefused(sentence, remedy=remedy, reference=f"{reply.status} {code}".strip())


def _why_refused(status: int, code: str, said: str, url: str) -> tuple[str, str]:
    """Sentence and remedy by Keycloak's and OAuth's error codes (facts/ifs.md 3; RFC 6749 5.2)."""
    realm = url.split("/realms/", 1)[1].split("/", 1)[0] if "/realms/" in url else ""
    if status == 404:
        if realm:
            return (
                f"The sign-in server knows no realm {realm!r}.",
                "Check the realm: it is the tenant's name, seldom the host name (API Explorer shows it).",
            )
        return f"There is no sign-in at {url}.", "Check the sign-in address of this environment."
    if code == "unauthorized_client" and "secret" not in said.lower():
        return (
            "The client may not sign in by itself.",
            "Switch Service Accounts on for this client, or use a client that has it.",
        )
    if code in ("invalid_client", "unauthorized_client") or (status == 401 and not code):
        return (
            "The client id or the client secret is not accepted.",
            "Check both: the id is written exactly as registered, and the secret may have been replaced.",
        )
    if code == "invalid_grant":
        return (
            "The refresh token or the account behind it is not accepted any more.",
            "Authorize the connection again, and check that the account is enabled.",
        )
    if code == "invalid_scope":
        return "The requested scope is not granted to the client.", "Grant the client the scope, or change the setting."
    if code:
        return f"The sign-in was refused with {code!r}.", "Check host, realm, client id and secret."
    return (
        f"The address {url} answered {status} but no token: it is probably no sign-in address.",
        "Check host and sign-in address of this environment.",
    )
