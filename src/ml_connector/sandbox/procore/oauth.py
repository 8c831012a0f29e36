"""Sign-in: codes, access tokens by the sandbox clock, single-use refresh tokens, revocation (facts/procore.md 1)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.http import Request, Response, json_response
from ml_connector.sandbox.procore.switches import ProcoreSwitches

_CODE_LIFE = timedelta(minutes=10)
_OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


@dataclass(slots=True)
class Token:
    """An access token: whether a person or the service account holds it, and its life."""

    text: str
    of_user: bool
    created: datetime
    expires: datetime
    refresh: str | None


class SignIn:
    """The login host of the simulation: it knows one application."""

    def __init__(
        self, clock: SandboxClock, switches: ProcoreSwitches, *, client_id: str, client_secret: str, owner: int
    ) -> None:
        self._clock = clock
        self._switches = switches
        self._client_id = client_id
        self._client_secret = client_secret
        self._owner = owner
        self._codes: dict[str, tuple[str, datetime]] = {}
        self._tokens: dict[str, Token] = {}
        self._refresh: dict[str, str] = {}

    def token(self, header: str | None) -> Token | None:
        """The live token of an Authorization header; None when it is missing, unknown, revoked or expired."""
        kind, _, text = (header or "").partition(" ")
        found = self._tokens.get(text.strip()) if kind.lower() == "bearer" else None
        return found if found is not None and self._clock() < found.expires else None

    def handle(self, request: Request) -> Response:
        """Answers /oauth/*; 404 for anything else there."""
        what = (request.method, request.path)
        if what == ("GET", "/oauth/authorize"):
            return self._authorize(request)
        if what == ("GET", "/oauth/token/info"):
            return self._info(request)
        if what == ("POST", "/oauth/token"):
            return self._grant(_form(request))
        if what == ("POST", "/oauth/revoke"):
            return self._revoke(_form(request))
        return json_response(404, {"error": "not_found", "error_description": "No such login endpoint."})

    def _authorize(self, request: Request) -> Response:
        redirect = request.param("redirect_uri")
        if request.param("client_id") != self._client_id:
            return _refused(401, "invalid_client", "The application is not known.")
        if request.param("response_type") != "code" or not redirect:
            return _refused(400, "invalid_request", "response_type must be code and redirect_uri must be given.")
        code = self._mint("code")
        self._codes[code] = (redirect, self._clock() + _CODE_LIFE)
        back = {"code": code}
        if request.param("state") is not None:
            back["state"] = request.param("state") or ""
        target = "/oauth/authorize/native" if redirect == _OUT_OF_BAND else redirect
        joint = "&" if "?" in target else "?"
        return Response(302, (("location", f"{target}{joint}{urlencode(back)}"),), b"", True)

    def _grant(self, form: dict[str, str]) -> Response:
        grant = form.get("grant_type")
        refresh = form.get("refresh_token", "")
        owner_of_refresh = self._refresh.pop(refresh, None) if grant == "refresh_token" else None
        if form.get("client_id") != self._client_id or form.get("client_secret") != self._client_secret:
            return _refused(401, "invalid_client", "Client authentication failed.")
        if grant == "client_credentials":
            return self._issue(of_user=False)
        if grant == "authorization_code":
            redirect, until = self._codes.pop(form.get("code", ""), ("", self._clock()))
            if not redirect or redirect != form.get("redirect_uri") or self._clock() >= until:
                return _refused(400, "invalid_grant", "The authorization code is invalid, expired or already used.")
            return self._issue(of_user=True)
        if grant == "refresh_token":
            if owner_of_refresh is None:
                return _refused(401, "invalid_grant", "The refresh token is invalid")
            self._tokens.pop(owner_of_refresh, None)
            return self._issue(of_user=True)
        return _refused(400, "unsupported_grant_type", "The grant type is not supported.")

    def _issue(self, *, of_user: bool) -> Response:
        now = self._clock()
        life = self._switches.token_ttl
        refresh = self._mint("refresh") if of_user else None
        token = Token(self._mint("access"), of_user, now, now + timedelta(seconds=life), refresh)
        self._tokens[token.text] = token
        body: dict[str, Any] = {"access_token": token.text, "token_type": "bearer", "expires_in": life}
        if refresh is not None:
            self._refresh[refresh] = token.text
            body["refresh_token"] = refresh
        body["created_at"] = int(now.timestamp())
        return json_response(200, body, changed=True)

    def _info(self, request: Request) -> Response:
        token = self.token(request.headers.get("authorization"))
        if token is None:
            return _refused(401, "invalid_token", "The access token is invalid")
        left = int((token.expires - self._clock()).total_seconds())
        body = {"resource_owner_id": self._owner, "scopes": [], "expires_in_seconds": left}
        return json_response(
            200, body | {"application": {"uid": self._client_id}, "created_at": int(token.created.timestamp())}
        )

    def _revoke(self, form: dict[str, str]) -> Response:
        text = form.get("token", "")
        access = self._refresh.pop(text, text)
        found = self._tokens.pop(access, None)
        if found is not None and found.refresh is not None:
            self._refresh.pop(found.refresh, None)
        return json_response(200, {}, changed=found is not None)

    def _mint(self, kind: str) -> str:
        return f"{kind}-{secrets.token_hex(24)}"


def _form(request: Request) -> dict[str, str]:
    if "json" in request.headers.get("content-type", ""):
        try:
            decoded = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            return {}
        return {k: str(v) for k, v in decoded.items()} if isinstance(decoded, dict) else {}
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _refused(status: int, error: str, text: str) -> Response:
    return json_response(status, {"error": error, "error_description": text})
