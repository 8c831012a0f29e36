"""The sign-in server: short-lived bearer tokens for one realm and client, in Keycloak's manner (facts/ifs.md 3)."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.http import Request, Response, json_response
from ml_connector.sandbox.ifs.refusals import IfsRefused
from ml_connector.sandbox.ifs.switches import IfsSwitches

_NO_STORE = (("cache-control", "no-store"),)


class SignIn:
    """One realm with one client, and the tokens it has given out. Tokens die by the sandbox clock."""

    def __init__(
        self, clock: SandboxClock, switches: IfsSwitches, base_url: str, realm: str, client: tuple[str, str]
    ) -> None:
        self._clock, self._switches, self._base, self.realm = clock, switches, base_url, realm
        self._client_id, self._client_secret = client
        self._tokens: dict[str, datetime] = {}

    def handle(self, request: Request) -> Response:
        """Answers everything under /auth: token endpoint and discovery of this realm, 404 for the rest."""
        _, _, _, realm, *rest = [*request.path.split("/"), "", "", ""]
        if realm != self.realm:
            return json_response(404, {"error": "Realm does not exist"})
        tail = "/".join(rest).rstrip("/")
        if tail == ".well-known/openid-configuration" and request.method == "GET":
            return json_response(200, self._discovery())
        if tail == "protocol/openid-connect/token":
            return self._token(request)
        return json_response(404, {"error": "HTTP 404 Not Found"})

    def _discovery(self) -> dict[str, object]:
        root = f"{self._base}/auth/realms/{self.realm}"
        return {
            "issuer": root,
            "token_endpoint": f"{root}/protocol/openid-connect/token",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": ["openid", "microprofile-jwt"],
        }

    def _token(self, request: Request) -> Response:
        if request.method != "POST":
            return json_response(405, {"error": "HTTP 405 Method Not Allowed"})
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        given = _basic(request.headers.get("authorization", "")) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        if not self._is_client(given):
            return _refused(401, "invalid_client", "The client or its secret is not known.")
        grant = form.get("grant_type")
        if grant is None:
            return _refused(400, "invalid_request", "The parameter grant_type is missing.")
        if grant != "client_credentials":
            return _refused(400, "unauthorized_client", f"This client may not use the grant {grant}.")
        return self._issued(form.get("scope", "openid microprofile-jwt"))

    def _is_client(self, given: tuple[str, str]) -> bool:
        known = (self._client_id, self._client_secret)
        return all(hmac.compare_digest(one.encode(), other.encode()) for one, other in zip(given, known, strict=True))

    def _issued(self, scope: str) -> Response:
        token, now = secrets.token_urlsafe(32), self._clock()
        self._tokens = {one: until for one, until in self._tokens.items() if until > now}
        self._tokens[token] = now + timedelta(seconds=self._switches.token_ttl)
        answer = {"access_token": token, "expires_in": self._switches.token_ttl, "refresh_expires_in": 0}
        return json_response(200, {**answer, "token_type": "Bearer", "not-before-policy": 0, "scope": scope}, _NO_STORE)

    def check(self, authorization: str) -> None:
        """Lets a call with a living bearer token pass; refuses every other with 401."""
        kind, _, token = authorization.partition(" ")
        until = self._tokens.get(token.strip())
        if kind.lower() != "bearer" or until is None or until <= self._clock():
            text = "The access token is missing, unknown or no longer valid."
            raise IfsRefused(401, "UNAUTHORIZED", text, headers=(("www-authenticate", "Bearer"),))


def _basic(header: str) -> tuple[str, str] | None:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    return name, secret


def _refused(status: int, error: str, description: str) -> Response:
    return json_response(status, {"error": error, "error_description": description}, _NO_STORE)
