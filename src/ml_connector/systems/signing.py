"""Signing in: how one side's bearer token is got, kept while it lives, and replaced, by one thread at a time.

Written by hand rather than with Authlib: its OAuth2 clients are bound to a requests- or httpx-like session, and the
part that would remain (reading a token answer) is a struct of five fields here. Authlib still serves the console.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Literal, NoReturn, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from ml_connector.kernel.clock import Clock
from ml_connector.kernel.errors import ConnectorError, OutcomeUnknown, SignInRefused
from ml_connector.systems.wire import Call, WireReply, WireRequest

IFS_SCOPE = "openid microprofile-jwt"
"""The scope IFS documents for service accounts (facts/ifs.md 3)."""

KeptT = TypeVar("KeptT")

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
    state: Literal["", "sent", "dead"] = ""
    """`sent`: a refresh is under way, or its answer never came. `dead`: only a person's authorization helps."""
    renew_at: float = 0.0
    """When to replace it, a little before it dies; 0 when nobody noted it."""


class Shelved(msgspec.Struct, frozen=True):
    """An access token all processes of a connection share: for which sign-in it was given, and when to replace it."""

    access: str
    renew_at: float
    made_for: str


class Shelf(Protocol[KeptT]):
    """Where all processes of a connection keep a token of one side; wiring.py has one over the store and the vault."""

    def alone(self) -> AbstractContextManager[None]:
        """While it is entered no other process signs in for this side."""
        ...

    def look(self) -> KeptT | None:
        """What is kept at this moment; None when nothing is, or nothing that can be opened."""
        ...

    def put(self, token: KeptT, /) -> None:
        """Keeps it durably, whole or not at all, before it returns."""
        ...


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
        self._made_for = sha256("\0".join((self._url, *self._form.values())).encode()).hexdigest()
        self._clock = clock
        self._call = call
        self._shelf: Shelf[Shelved] | None = None
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def shared(self, shelf: Shelf[Shelved] | None) -> ClientCredentials:
        """Itself, with its token on a shelf that other processes look at, too."""
        self._shelf = shelf
        return self

    def token(self) -> str:
        """A token good for now, from memory or the shelf while it is not about to expire. Raises SignInRefused."""
        token = self._token
        if token and self._clock().timestamp() < self._renew_at:
            return token
        with self._lock:
            if self._token and self._clock().timestamp() < self._renew_at:  # another thread was faster
                return self._token
            return self._new(self._token)

    def renew(self, refused: str) -> str:
        """Another token; when somebody else has already replaced `refused`, that one."""
        with self._lock:
            return self._token if self._token and self._token != refused else self._new(refused)

    def _new(self, refused: str) -> str:
        """A token another process has got meanwhile, or a new one that the others will find."""
        if self._shelf is None:
            return self._fetch()
        if self._found(self._shelf.look(), refused):
            return self._token
        with self._shelf.alone():
            if not self._found(self._shelf.look(), refused):
                self._fetch()
                self._shelf.put(Shelved(self._token, self._renew_at, self._made_for))
            return self._token

    def _found(self, kept: Shelved | None, refused: str) -> bool:
        if kept is None or kept.made_for != self._made_for or kept.access == refused:
            return False
        if self._clock().timestamp() >= kept.renew_at:
            return False
        self._token, self._renew_at = kept.access, kept.renew_at
        return True

    def _fetch(self) -> str:
        now = self._clock().timestamp()
        reply = self._call(_token_request(self._url, self._form, safe=True))
        answer = _accepted(reply, self._url)
        self._renew_at = _renewal(now, _life(answer))
        self._token = answer.access_token
        return self._token


class RefreshToken:
    """The refresh grant for a person's authorization: every refresh token works once.

    The new pair goes to the shelf before anybody uses it. A refresh whose answer is lost kills the pair
    (facts/procore.md 1): so the pair is marked as sent before it is, and whoever finds the mark without its sender
    knows. A dead pair is not tried again; the `otherwise` signer takes its place, or the error says that a person must
    authorize again.
    """

    def __init__(
        self,
        client: SignInClient,
        shelf: Shelf[TokenPair],
        clock: Clock,
        call: Call,
        otherwise: ClientCredentials | None = None,
    ) -> None:
        """`shelf` holds the pair; `otherwise` signs in once the pair is dead, where the connection allows it."""
        self._client = client
        self._shelf = shelf
        self._clock = clock
        self._call = call
        self._otherwise = otherwise
        self._lock = threading.Lock()
        self._pair = TokenPair("", "")
        self._renew_at = 0.0
        self._unkept = False

    def token(self) -> str:
        """A token good for now. Raises SignInRefused when the pair is dead and there is no other way in."""
        if not self._unkept and self._clock().timestamp() < self._renew_at:
            return self._pair.access
        with self._lock:
            if self._clock().timestamp() < self._renew_at:
                self._store()
                return self._pair.access
            return self._or_otherwise("", lambda: self._shared(""))

    def renew(self, refused: str) -> str:
        """Another token; when somebody else has already replaced `refused`, that one."""
        with self._lock:
            if self._pair.access and self._pair.access != refused and self._renew_at:
                self._store()
                return self._pair.access
            return self._or_otherwise(refused, lambda: self._shared(refused))

    def _or_otherwise(self, refused: str, refresh: Callable[[], str]) -> str:
        """A token by the pair; by the other way in once the pair is dead."""
        try:
            return refresh()
        except _Dead as dead:
            if self._otherwise is None:
                raise
            try:
                return self._otherwise.renew(refused) if refused else self._otherwise.token()
            except SignInRefused as error:
                raise SignInRefused(f"{dead.sentence} {error.sentence}", remedy=dead.remedy) from None

    def _store(self) -> None:
        """Keeps the pair unless it is kept; a pair that could not be kept is not used, and not forgotten."""
        if self._unkept:
            self._shelf.put(self._pair)
            self._unkept = False

    def _shared(self, refused: str) -> str:
        """The token of a pair another process has got meanwhile, or of a new one."""
        self._store()
        if self._found(refused):
            return self._pair.access
        with self._shelf.alone():
            if self._found(refused):
                return self._pair.access
            if self._pair.state == "sent":  # its sender is gone, for we are alone
                self._kill("the answer to the last refresh never came")
            if self._pair.state == "dead":
                raise _Dead("it was found dead before")
            if not self._pair.refresh:
                raise _Dead("there is no refresh token")
            return self._refresh()

    def _found(self, refused: str) -> bool:
        """Whether the pair on the shelf has a token that can be used."""
        kept = self._shelf.look() or TokenPair("", "")
        now = self._clock().timestamp()
        self._pair = kept
        good = kept.access and not kept.state
        self._renew_at = (kept.renew_at or kept.expires_at - _MARGIN) if good else 0.0
        return now < self._renew_at and kept.access != refused

    def _refresh(self) -> str:
        """Sends the pair's refresh token, once. The pair is marked before, and the mark says what became of it."""
        pair, client = self._pair, self._client
        form = {
            "grant_type": "refresh_token",
            "client_id": client.client_id,
            "client_secret": client.client_secret,
            "refresh_token": pair.refresh,
        }
        if client.redirect_uri:
            form["redirect_uri"] = client.redirect_uri
        now = self._clock().timestamp()
        self._renew_at = 0.0
        self._shelf.put(msgspec.structs.replace(pair, state="sent"))
        try:
            answer = _accepted(self._call(_token_request(client.token_url, form, safe=False)), client.token_url)
        except OutcomeUnknown as lost:
            self._kill("the answer to the last refresh was lost", lost)
        except ConnectorError as error:
            if (error.reference or "").endswith(" invalid_grant"):
                self._kill("the refresh token is not accepted any more", error)
            self._shelf.put(pair)  # it never left, or was refused before it was looked at
            raise
        life = _life(answer)
        self._renew_at = _renewal(now, life)
        self._pair = TokenPair(answer.access_token, answer.refresh_token, now + life, renew_at=self._renew_at)
        self._unkept = True
        self._store()
        return self._pair.access

    def _kill(self, why: str, cause: Exception | None = None) -> NoReturn:
        """Remembers that the pair is dead, for every process and for good."""
        self._pair = msgspec.structs.replace(self._pair, state="dead")
        self._shelf.put(self._pair)
        raise _Dead(why) from cause


class _Dead(SignInRefused):
    """The pair of a person's authorization cannot be used any more."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The sign-in of this connection is dead: {why}, and refresh tokens work once.",
            remedy="Authorize the connection again and set its new refresh_token; prefer client credentials (a service "
            "account), which cannot die so.",
        )


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
