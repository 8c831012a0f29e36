"""One's own settings: password, time zone, and the sessions that are going."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

from starlette.responses import Response

from ml_connector.access import users as people
from ml_connector.access.passwords import LEAST
from ml_connector.access.permissions import Permission
from ml_connector.actions import own
from ml_connector.actions.action import Nothing
from ml_connector.actions.own import MySession, Zone
from ml_connector.console.page import Page, Route
from ml_connector.console.pages.sign_in import let_in, whence
from ml_connector.console.pages.users import SCOPES
from ml_connector.kernel.errors import BadInput, ConnectorError, RateLimited

_OWN = "Look after your own password, time zone, sessions and tokens."
"""What everybody may, in words; a token has less of it."""


def mine(page: Page) -> Response:
    """The page."""
    return _shown(page)


def _shown(page: Page, error: ConnectorError | None = None, field: str = "") -> Response:
    me = page.do(own.ME, Nothing())
    status = 200 if error is None else 429 if isinstance(error, RateLimited) else 400
    return page.render(
        "users/me.html",
        status=status,
        me=me,
        sessions=page.do(own.MY_SESSIONS, Nothing()).sessions,
        zones=_zones(),
        least=LEAST,
        rights=[_OWN if scope == Permission.OWN else text for scope, _, text in SCOPES if scope in me.may],
        asks_old="password" in me.user.signs_in_by and me.how != "once",
        errors={field: error} if error else {},
    )


def password(page: Page) -> Response:
    """Another password; every session ends, and this browser gets a new one."""
    old, new, again = (str(page.form.get(name, "")) for name in ("old", "new", "again"))
    if new != again:
        return _shown(page, BadInput("The two new passwords are not the same.", remedy="Type them again."), "again")
    try:
        session = people.change_password(page.app, page.who, old, new, whence(page))
    except (BadInput, RateLimited) as error:
        wrong_old = isinstance(error, RateLimited) or "present password" in error.sentence
        return _shown(page, error, "old" if wrong_old else "new")
    page.say("The password is changed, and every other session is ended.")
    return let_in(page, session, "/me")


def zone(page: Page) -> Response:
    """The time zone one reads in."""
    try:
        page.do(own.MY_ZONE, Zone(zone=page.field("zone")[:200]))
    except BadInput as error:
        return _shown(page, error, "zone")
    return page.redirect("/me", "Times are shown in that zone from now on.")


def end_session(page: Page) -> Response:
    """Ends one of one's sessions."""
    page.do(own.MY_SESSION_END, MySession(session=page.field("session")[:64]))
    return page.redirect("/me", "The session is ended.")


def everywhere(page: Page) -> Response:
    """Ends all of them, this one as well."""
    page.do(own.MY_SIGN_OUT, Nothing())
    return page.redirect("/sign-in", "You are signed out everywhere.")


@lru_cache(maxsize=1)
def _zones() -> list[str]:
    """Time zones as they are named by place."""
    old = ("Etc/", "SystemV/", "US/", "posix/", "right/")
    return ["UTC", *sorted(one for one in available_timezones() if "/" in one and not one.startswith(old))]


PAGES: tuple[Route, ...] = (
    Route("/me", mine, permission=Permission.OWN),
    Route("/me/password", password, ("POST",), permission=Permission.OWN),
    Route("/me/zone", zone, ("POST",), permission=Permission.OWN),
    Route("/me/sessions", end_session, ("POST",), permission=Permission.OWN),
    Route("/me/sign-out", everywhere, ("POST",), permission=Permission.OWN),
)
"""One's own settings."""
