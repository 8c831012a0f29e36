"""An OpenID provider on this machine: real socket, real keys, PKCE checked, and knobs with which it goes wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "ml-connector", "a client's secret: with a colon"


class Provider:
    """The company's provider. Who signs in there is `account`; `wrong` says what it does wrong, if anything."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        self.shown = [self.key]
        self.account: dict[str, Any] = {}
        self.wrong: dict[str, Any] = {}
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answers a browser, or somebody who reads the documents."""
                outer.answer(self, "")

            def do_POST(self) -> None:
                """Answers somebody who has a code."""
                outer.answer(self, self.rfile.read(int(self.headers["content-length"])).decode())

            def log_message(self, *_given: Any) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is, which is also its name."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Ends."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def turn_key(self) -> None:
        """Signs with another key from now on, and shows both."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})
        self.shown.append(self.key)

    def answer(self, request: BaseHTTPRequestHandler, body: str) -> None:
        """Answers one request."""
        parts = urlsplit(request.path)
        self.asked.append(parts.path)
        if self.wrong.get("down"):
            self._send(request, 503, {})
        elif parts.path == "/.well-known/openid-configuration":
            self._send(request, 200, self._document())
        elif parts.path == "/keys":
            self._send(request, 200, KeySet(self.shown).as_dict(private=False))
        elif parts.path == "/authorize":
            request.send_response(302)
            request.send_header("location", self._authorized(parse_qs(parts.query)))
            request.end_headers()
        elif parts.path == "/token":
            self._token(request, {name: values[0] for name, values in parse_qs(body).items()})
        else:
            self._send(request, 404, {})

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.wrong.get("issuer_of_document", self.url),
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": self.wrong.get("token_endpoint", f"{self.url}/token"),
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": self.wrong.get("methods", ["client_secret_basic"]),
        }

    def _authorized(self, query: dict[str, list[str]]) -> str:
        given = {name: values[0] for name, values in query.items()}
        assert given["response_type"] == "code"
        assert given["client_id"] == CLIENT
        assert "openid" in given["scope"].split()
        assert given["code_challenge_method"] == "S256"
        answer = {"state": given["state"]}
        if "error" in self.wrong:
            answer["error"] = self.wrong["error"]
        else:
            answer["code"] = secrets.token_hex(8)
            self._codes[answer["code"]] = given
        if "iss_of_answer" in self.wrong:
            answer["iss"] = self.wrong["iss_of_answer"]
        return f"{given['redirect_uri']}?{urlencode(answer)}"

    def _token(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        given = self._codes.pop(form.get("code", ""), None)
        challenge = _octets(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            given is None
            or not self._is_client(request, form)
            or form.get("redirect_uri") != given["redirect_uri"]
            or challenge != given["code_challenge"]
        ):
            self._send(request, 400, {"error": "invalid_grant"})
            return
        access = secrets.token_hex(8)
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.url,
            "sub": "u-1",
            "aud": CLIENT,
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "nonce": given["nonce"],
            "at_hash": _octets(half),
            **self.account,
            **self.wrong.get("claims", {}),
        }
        left = {name: value for name, value in claims.items() if value is not None}
        self._send(request, 200, {"id_token": self._signed(left), "access_token": access, "token_type": "Bearer"})

    def _is_client(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> bool:
        if "methods" in self.wrong:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        kind, _, word = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(word).decode().partition(":")
        quoted = parse_qs(f"secret={secret}")["secret"][0]
        return kind == "Basic" and (name, quoted) == (CLIENT, SECRET)

    def _signed(self, claims: dict[str, Any]) -> str:
        way = self.wrong.get("signature", "")
        if way == "none":
            return f"{_plain({'alg': 'none', 'typ': 'JWT'})}.{_plain(claims)}."
        if way == "other key":
            other = RSAKey.generate_key(2048, {"kid": self.key.kid or ""})
            return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, other)
        if way == "public key as secret":
            text = f"{_plain({'alg': 'HS256', 'kid': self.key.kid})}.{_plain(claims)}"
            return f"{text}.{_octets(hmac.digest(self.key.as_pem(private=False), text.encode(), 'sha256'))}"
        text = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        if way == "changed":
            head, body, sign = text.split(".")
            told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | {"sub": "somebody-else"}
            return f"{head}.{_plain(told)}.{sign}"
        return text

    def _send(self, request: BaseHTTPRequestHandler, status: int, form: dict[str, Any]) -> None:
        body = json.dumps(form).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


def _plain(form: dict[str, Any]) -> str:
    return _octets(json.dumps(form).encode())


def _octets(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


@contextmanager
def provided() -> Iterator[Provider]:
    """A provider while the block lasts."""
    made = Provider()
    try:
        yield made
    finally:
        made.close()
