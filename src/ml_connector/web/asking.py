"""Who asks: by the cookie of a session, or by the token a program brings."""

from __future__ import annotations

import hmac
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request

from ml_connector.access.principal import Principal
from ml_connector.access.signing_in import principal_of_cookie, principal_of_token
from ml_connector.app import App
from ml_connector.kernel.errors import NotAllowed

CSRF_FIELD = "csrf"
"""Field of every form that holds the session's own word; scripts send it as a header."""
CSRF_HEADER = "x-csrf-token"


class Asker(NamedTuple):
    """Somebody known, and the word their forms must carry; empty for a program."""

    who: Principal
    csrf: str


def cookie_name(*, https: bool) -> str:
    """The name of the cookie that holds a session; over https no neighbouring host can set it."""
    return "__Host-mlc" if https else "mlc"


def asker_of(app: App, request: Request, *, https: bool) -> Asker | None:
    """Who asks by cookie; None for a stranger."""
    cookie = request.cookies.get(cookie_name(https=https), "")
    found = principal_of_cookie(app, cookie) if cookie else None
    return Asker(*found) if found else None


def program_of(app: App, request: Request) -> Principal | None:
    """Which program asks, by its bearer token; None when there is none or it does not hold."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return principal_of_token(app, token.strip()) if kind.lower() == "bearer" and token else None


def comes_from_elsewhere(request: Request) -> bool:
    """Whether the browser itself says that another site's page sends this."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")


def check_form(asker: Asker, request: Request, given: Any) -> None:
    """NotAllowed unless a form came from one of our own pages in this very session."""
    word = request.headers.get(CSRF_HEADER) or (given if isinstance(given, str) else "")
    if comes_from_elsewhere(request) or not hmac.compare_digest(word.encode(), asker.csrf.encode()):
        raise NotAllowed(
            "This form did not come from a page of your present session, so nothing was done.",
            remedy="Load the page again, and send the form from there.",
        )
