"""The one seam to the outside: sends a request once, or again where that is safe, and says honestly what came of it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Protocol

import msgspec
from pyreqwest.client import SyncClient, SyncClientBuilder
from pyreqwest.exceptions import PoolTimeoutError, RequestError

from ml_connector.kernel.errors import (
    BadInput,
    ConnectorError,
    HostUnreachable,
    Locked,
    OutcomeUnknown,
    RateLimited,
    SignInRefused,
    Unavailable,
)
from ml_connector.systems.pacing import Pacing
from ml_connector.systems.redaction import Redaction
from ml_connector.systems.retry import Retry, Verdict, backoff, pause_asked, spread, verdict_of
from ml_connector.systems.wire import Exchange, Tape, WireReply, WireRequest

IDLE = 20.0
"""Seconds after which an unused connection is closed by us: the other side, closing it first, would make the outcome of
the next write unknown."""


class Signer(Protocol):
    """Gives the bearer token of one side; signing.py has two of them."""

    def token(self) -> str:
        """A token good for now; signs in when there is none. Raises SignInRefused."""
        ...

    def renew(self, refused: str) -> str:
        """Another token after `refused` was answered with 401; many threads asking at once cause one sign-in."""
        ...


class HttpSettings(msgspec.Struct, frozen=True):
    """How to reach one side; all times in seconds."""

    setting: str = "url"
    """Name of the setting that holds the address, for remedies."""
    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    """Longest silence while waiting for an answer or the next piece of it."""
    total_timeout: float = 660.0
    """Longest a request may take in all; IFS lets a query run for ten minutes on /int (facts/ifs.md 9.5)."""
    retry: Retry = Retry()
    user_agent: str = "ml-connector"
    grace: float = 0.0
    """As long as the other side may still be doing what it gave no answer to: where it is not 0, a write that left is
    not sent again by itself, not even one that may be sent twice, for the first could come last and undo it."""
    ca_certificates: bytes | None = None
    """PEM of certificates to trust besides the usual ones, for tenants behind a company's own authority."""


class Counts:
    """Requests that were sent, sign-in left out, each attempt counted."""

    def __init__(self) -> None:
        """Both counts start at nought."""
        self.reads = 0
        self.writes = 0


class NoAnswer(Exception):
    """One attempt ended without a reply: `left` says whether the request may have reached the other side."""

    def __init__(self, left: bool, why: str) -> None:
        super().__init__(why)
        self.left = left
        self.why = why


_READS = frozenset({"GET", "HEAD"})


def keep_nothing(_exchange: Exchange) -> None:
    """The tape of those who keep no evidence."""


def nothing() -> None:
    """What is asked before a request leaves by those who may always write."""


class Transport:
    """Sends requests of one side of one connection; thread safe; implements `wire.Call`.

    It does not read bodies beyond telling whether a 5xx was processed; what an answer means is the room's business.
    """

    def __init__(
        self,
        side: str,
        http: HttpSettings,
        pacing: Pacing,
        sign: Signer | None = None,
        tape: Tape = keep_nothing,
        secrets: tuple[str, ...] = (),
    ) -> None:
        """`secrets` never reach the tape, wherever they stand in a body or address."""
        self.side = side
        self.counts = Counts()
        self.leaving: Callable[[], None] = nothing
        """Asked right before each request that writes leaves, once it has its turn; raises when it must not."""
        self._http = http
        self.pacing = pacing
        self._sign = sign
        self._tape = tape
        self._clean = Redaction(secrets)
        self._client = _client(
            http.connect_timeout, http.read_timeout, http.total_timeout, http.user_agent, http.ca_certificates
        )
        self._lock = threading.Lock()
        self._answered = False
        """Whether this address has ever answered: silence is then an outage, not a wrong setting."""

    def __call__(self, request: WireRequest, /) -> WireReply:
        """The reply to `request`, whatever its status; raises as `wire.Call` says, and the error names the side."""
        try:
            return self._persist(request)
        except ConnectorError as error:
            error.side = error.side or self.side
            raise

    def bearer(self) -> str:
        """The token requests are signed with for now; signs in when there is none. Raises as a request would."""
        try:
            return self._token()
        except ConnectorError as error:
            error.side = error.side or self.side
            raise

    def _persist(self, request: WireRequest) -> WireReply:
        retry = self._http.retry
        started, waited = time.monotonic(), 0.0
        attempt, renewed, token = 0, False, ""
        error: Unavailable | Locked | RateLimited
        while True:
            attempt += 1
            signed = request.signed and self._sign is not None
            if signed and not token:
                token = self._token()
            try:
                reply, turn = self._attempt(request, token)
            except NoAnswer as lost:
                self._check_lost(request, lost, attempt >= retry.attempts)
                seconds, verdict = backoff(attempt, retry, random.random()), None  # noqa: S311  # jitter, no secret
                error = Unavailable(f"{self._name(request)} did not answer: {lost.why}.", seconds=seconds)
            else:
                waited += turn
                verdict = verdict_of(reply)
                if verdict is Verdict.FINAL or (verdict is Verdict.SIGN_IN and not signed):
                    return reply
                if verdict is Verdict.SIGN_IN:
                    token = self._renewed(token, renewed, request)
                    renewed = True
                    attempt -= 1
                    continue
                error, seconds = self._pause_for(request, reply, verdict, attempt)
            spent = max(waited, time.monotonic() - started)
            if attempt >= retry.attempts or spent + seconds > retry.budget:
                raise error
            if verdict is not Verdict.SLOW_DOWN:  # after 429 everybody waits, at the gate of the pacing
                self.pacing.pause(seconds)
                waited += seconds

    def _token(self) -> str:
        return self._asked(self._sign.token) if self._sign is not None else ""

    def _asked(self, ask: Callable[[], str]) -> str:
        """What the signer answers; its refusal says which side it is about."""
        try:
            return ask()
        except SignInRefused as error:
            raise SignInRefused(
                f"Signing in to {self.side} failed: {error.sentence}", remedy=error.remedy, reference=error.reference
            ) from None

    def _renewed(self, refused: str, again: bool, request: WireRequest) -> str:
        if again or self._sign is None:
            raise SignInRefused(
                f"{self._name(request)} refuses a token that was issued a moment ago (401).",
                remedy=f"Check that {self._http.setting} and the sign-in address belong to the same environment, "
                "and that the account is enabled there.",
            )
        sign = self._sign
        return self._asked(lambda: sign.renew(refused))

    def _attempt(self, request: WireRequest, token: str) -> tuple[WireReply, float]:
        """One request on the wire: its reply and the seconds it waited for the window. Raises NoAnswer."""
        if not request.signed:  # sign-in: not paced, not counted, not taped
            return self._send(request, ""), 0.0
        waited = self.pacing.enter()
        write = not _reads(request)
        if write:
            self._ask_leave()
        with self._lock:
            if write:
                self.counts.writes += 1
            else:
                self.counts.reads += 1
        reply: WireReply | None = None
        left = True
        started = time.perf_counter()
        try:
            reply = self._send(request, token)
        except NoAnswer as lost:
            left = lost.left
            raise
        finally:
            took = time.perf_counter() - started
            self.pacing.leave(None if reply is None else reply.headers)
            if self._tape is not keep_nothing:
                self._keep(request, reply, int(took * 1000), left)
        return reply, waited

    def _ask_leave(self) -> None:
        """Gives the turn back when the request must not leave."""
        try:
            self.leaving()
        except BaseException as error:
            self.pacing.leave(None)
            if isinstance(error, ConnectorError):
                error.side = error.side or "store"
            raise

    def _send(self, request: WireRequest, token: str) -> WireReply:
        try:
            builder = self._client.request(request.method, request.url)
        except ValueError as error:
            raise BadInput(
                f"{request.url[:80]!r} is not an address: {error}.", remedy=f"Mend the setting {self._http.setting}."
            ) from None
        if token:
            builder = builder.header("authorization", f"Bearer {token}", is_sensitive=True)
        if request.headers:
            builder = builder.headers(request.headers)
        if request.body is not None:
            builder = builder.body_bytes(request.body)
        try:
            answer = builder.build().send()
            body = bytes(answer.bytes())
        except RequestError as error:
            raise _no_answer(error) from None
        self._answered = True
        return WireReply(answer.status, dict(answer.headers.items()), body)

    def _check_lost(self, request: WireRequest, lost: NoAnswer, last: bool) -> None:
        """Raises when the request must not be sent again by itself."""
        if not lost.left:
            if not self._answered or "certificate" in lost.why:
                raise HostUnreachable(
                    f"{self._name(request)} cannot be reached: {lost.why}.",
                    remedy=_remedy(self._http.setting, lost.why),
                )
        elif not self._may_go_again(request):
            raise OutcomeUnknown(
                f"{self._name(request)} gave no answer to {request.method} {_path(request.url)[:120]}: {lost.why}."
            )
        elif last:
            raise Unavailable(f"{self._name(request)} keeps giving no answer: {lost.why}.")

    def _may_go_again(self, request: WireRequest) -> bool:
        """Whether a request that left and has no answer may be sent again at once. To sign in, to delete: always."""
        if _reads(request) or not request.safe:
            return _reads(request)
        return not self._http.grace or not request.signed or request.method == "DELETE"

    def _pause_for(
        self, request: WireRequest, reply: WireReply, verdict: Verdict, attempt: int
    ) -> tuple[Unavailable | Locked | RateLimited, float]:
        """The error to raise if this was the last attempt, and the seconds to pause if it was not."""
        if verdict is Verdict.UNSURE and not self._may_go_again(request):
            raise OutcomeUnknown(
                f"{self._name(request)} answered {reply.status} to {request.method} {_path(request.url)[:120]}; "
                "whether it was carried out is not known."
            )
        asked = None if verdict is Verdict.UNSURE else pause_asked(reply.headers, self.pacing.clock())
        draw = random.random()  # noqa: S311  # jitter, no secret
        seconds = backoff(attempt, self._http.retry, draw) if asked is None else asked
        name = self._name(request)
        if verdict is Verdict.SLOW_DOWN or (verdict is Verdict.AWAY and asked):
            self.pacing.hold(seconds)
        if verdict is Verdict.SLOW_DOWN:
            error = RateLimited(f"{name} asks us to slow down (429).", seconds=seconds)
            error.again_at = self.pacing.clock() + timedelta(seconds=seconds)
            return error, seconds
        pause = seconds if asked is None else spread(seconds, draw)
        if verdict is Verdict.LOCKED:
            return Locked(f"{name} says that somebody holds the row (423).", seconds=seconds), pause
        return Unavailable(f"{name} is away for now ({reply.status}).", seconds=seconds), pause

    def _keep(self, request: WireRequest, reply: WireReply | None, milliseconds: int, left: bool) -> None:
        headers = {} if reply is None else reply.headers
        self._tape(
            Exchange(
                side=self.side,
                method=request.method,
                path=self._clean.text(_path(request.url)),
                status=0 if reply is None else reply.status,
                request=self._clean(request.body or b""),
                reply=b"" if reply is None else self._clean(reply.body),
                request_id=headers.get("x-request-id") or headers.get("x-correlation-id") or "",
                milliseconds=milliseconds,
                write=not _reads(request),
                left=left,
            )
        )

    def _name(self, request: WireRequest) -> str:
        """How messages name the other side: which one, and its host."""
        return f"{self.side} at {request.url.split('/', 3)[2] if '//' in request.url else request.url}"


def _reads(request: WireRequest) -> bool:
    """Whether the request cannot change anything over there."""
    return request.reading or request.method in _READS


@lru_cache(maxsize=64)
def _client(connect: float, read: float, total: float, agent: str, certificates: bytes | None) -> SyncClient:
    """The client of all transports with these times and certificates: it takes milliseconds to make one, and a door
    that was opened a minute ago need not be opened again. Who an answer is for is told by the request alone."""
    # the read timeout runs while connecting, too: were it the shorter one, no failed connection could be told
    silence = max(read, connect * 1.2)
    builder = (
        SyncClientBuilder()
        .connect_timeout(timedelta(seconds=connect))
        .read_timeout(timedelta(seconds=silence))
        .timeout(timedelta(seconds=total))
        .pool_idle_timeout(timedelta(seconds=IDLE))
        .user_agent(agent)
        .follow_redirects(False)  # a redirected write would be sent where nobody meant it to go
        .referer(False)
    )
    if certificates is not None:
        builder = builder.add_root_certificate_pem(certificates)
    return builder.build()


def _no_answer(error: RequestError) -> NoAnswer:
    """Whether the request left, read from the causes.

    pyreqwest 0.15 raises ConnectError and ConnectTimeoutError for connections that broke *after* the request was
    sent, too, so the class alone proves nothing; only the cause "client error (Connect)" means no byte of it left.
    """
    causes = [cause["message"] for cause in (error.details.get("causes") or ())]
    left = "client error (Connect)" not in causes and not isinstance(error, PoolTimeoutError)
    why = causes[-1] if causes else error.message
    if not left and any("dns" in cause for cause in causes):
        why = "its name is not known to DNS"
    elif "Connection refused" in why:
        why = "the connection is refused"
    elif "timed out" in why or "elapsed" in why:
        why = "no answer in time" if left else "no connection in time"
    return NoAnswer(left, why.rstrip("."))


def _remedy(setting: str, why: str) -> str:
    if "DNS" in why:
        return f"Check the host name in {setting}."
    if "certificate" in why or "corrupt message" in why or "tls" in why.lower():
        return (
            f"Check that {setting} begins with the right scheme and port, and that the server's certificate is issued "
            "for that name by an authority this machine trusts; add yours there, or name a file with all to be trusted "
            "in SSL_CERT_FILE."
        )
    return f"Check host and port in {setting}, and that no firewall stands between."


def _path(url: str) -> str:
    """Path and query of an absolute address."""
    start = url.find("/", url.find("//") + 2)
    return "/" if start < 0 else url[start:]
