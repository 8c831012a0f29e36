"""Coming in and going out: by password, by a one-time link, by the company's OpenID provider."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from ml_connector.access import openid, signing_in, throttle, users
from ml_connector.access.openid import LASTS as OPENID_LASTS
from ml_connector.access.permissions import Permission
from ml_connector.access.signing_in import LASTS, Session
from ml_connector.console.page import MOST_ADDRESS, Page, Route
from ml_connector.kernel.errors import BadInput, ConnectorError, RateLimited, SignInRefused, Unavailable
from ml_connector.web.asking import cookie_name

BACK = "/sign-in/company/back"
"""Where an OpenID provider leads back to, under the console's own address."""


def form(page: Page) -> Response:
    """The sign-in page; who is signed in goes on."""
    to = inside(page.request.query_params.get("to", ""))
    if page.asker is not None:
        return page.redirect(to)
    return _shown(page, to)


def enter(page: Page) -> Response:
    """A name and a password."""
    to, name = inside(page.field("to")), page.field("name")[:200]
    word = page.form.get("password")
    try:
        session = signing_in.sign_in(page.around.app, name, word if isinstance(word, str) else "", *whence(page))
    except (BadInput, RateLimited) as error:
        return _shown(page, to, name, error)
    return let_in(page, session, to)


def once(page: Page) -> Response:
    """What a one-time link shows: a button, so that programs that look at links in mails do not spend them."""
    return page.render("sign_in/once.html")


def enter_once(page: Page) -> Response:
    """The button of a one-time link."""
    try:
        session = signing_in.enter_once(page.around.app, page.part("word"), *whence(page))
    except BadInput as error:
        return _shown(page, "/", "", error)
    found = signing_in.principal_of_cookie(page.around.app, session.cookie)
    if found and not users.get(page.around.app, found[0].name).signs_in_by:
        if page.demo:
            page.say("Welcome. That link is spent: to come again, choose a password under your name.", "info")
            return let_in(page, session, "/")
        page.say("Welcome. Choose a password now: the link you came by is spent.", "info")
        return let_in(page, session, "/me")
    return let_in(page, session, "/")


def company(page: Page) -> Response:
    """The way to the company's OpenID provider."""
    to = inside(page.request.query_params.get("to", ""))
    base = page.app.settings.console_url or f"{page.request.url.scheme}://{page.request.url.netloc}"
    try:
        going = openid.go(page.around.app, base + BACK, to, whence(page)[0])
    except (BadInput, SignInRefused, Unavailable, RateLimited) as error:
        return _shown(page, to, "", error)
    answer = RedirectResponse(going.url, 303)
    _keep(page, answer, _openid_cookie(page), going.browser, int(OPENID_LASTS.total_seconds()))
    return answer


def company_back(page: Page) -> Response:
    """The way back from there."""
    given = dict(page.request.query_params)
    browser = page.request.cookies.get(_openid_cookie(page), "")
    try:
        arrived = openid.come_back(page.around.app, given, browser, whence(page))
    except (BadInput, SignInRefused, Unavailable) as error:
        return _forgotten(page, _shown(page, "/", "", error), _openid_cookie(page))
    return _forgotten(page, let_in(page, arrived.session, inside(arrived.to)), _openid_cookie(page))


def leave(page: Page) -> Response:
    """Signs out; whoever stole the cookie is out as well."""
    name = cookie_name(https=page.around.https)
    signing_in.sign_out(page.app, page.request.cookies.get(name, ""))
    return _forgotten(page, page.redirect("/sign-in", "You are signed out."), name)


def let_in(page: Page, session: Session, to: str) -> Response:
    """Leads to a page of ours with the cookie of a session that just began; a session before it ends."""
    name = cookie_name(https=page.around.https)
    before = page.request.cookies.get(name, "")
    if page.asker is not None and before:
        signing_in.sign_out(page.app, before)
    answer = page.redirect(to)
    _keep(page, answer, name, session.cookie, int(LASTS.total_seconds()))
    return answer


def whence(page: Page) -> tuple[str, str]:
    """The address somebody comes from, and their browser as it calls itself."""
    client = page.request.client
    heard = ",".join(page.request.headers.getlist("x-forwarded-for"))
    address = throttle.whence(client.host if client else "", heard, page.app.settings.proxies)
    return address, page.request.headers.get("user-agent", "")


def inside(to: str) -> str:
    """An address of ours to go to; the home page for everything that is none, such as another site's, or too long."""
    if not to.isprintable() or not to.startswith("/") or to.startswith(("//", "/\\")) or len(quote(to)) > MOST_ADDRESS:
        return "/"
    parts = urlsplit(to)
    safe = not parts.netloc and not parts.scheme
    return to if safe and not parts.path.startswith(("/sign-in", "/sign-out", "/api/")) else "/"


def _shown(page: Page, to: str, name: str = "", error: ConnectorError | None = None) -> Response:
    status = 200 if error is None else 400
    status = {RateLimited: 429, SignInRefused: 403, Unavailable: 503}.get(type(error), status)
    values: dict[str, Any] = {
        "error": error,
        "name": name,
        "to": to if to != "/" else "",
        "company": f"/sign-in/company?{urlencode({'to': to})}" if openid.is_set_up(page.app) else "",
        "nobody": not users.any_user(page.app),
    }
    answer = page.render("sign_in/form.html", status=status, **values)
    if isinstance(error, RateLimited) and error.seconds:
        answer.headers["retry-after"] = str(round(error.seconds))
    return answer


def _openid_cookie(page: Page) -> str:
    return "__Host-mlc-openid" if page.around.https else "mlc-openid"


def _keep(page: Page, answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(name, value, seconds, secure=page.around.https, httponly=True, samesite="lax", path="/")


def _forgotten(page: Page, answer: Response, name: str) -> Response:
    answer.delete_cookie(name, path="/", secure=page.around.https, httponly=True, samesite="lax")
    return answer


PAGES: tuple[Route, ...] = (
    Route("/sign-in", form, open=True),
    Route("/sign-in", enter, ("POST",), open=True),
    Route("/sign-in/once/{word}", once, open=True),
    Route("/sign-in/once/{word}", enter_once, ("POST",), open=True),
    Route("/sign-in/company", company, open=True, abroad=True),
    Route(BACK, company_back, open=True, abroad=True),
    Route("/sign-out", leave, ("POST",), permission=Permission.OWN),
)
"""Coming in and going out."""
