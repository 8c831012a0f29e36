"""The console as one ASGI application: pages, what browsers load, and the API beneath /api."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Address
from starlette.staticfiles import StaticFiles

from ml_connector.api.routes import api_routes
from ml_connector.app import App
from ml_connector.console.page import Page, Route, Surroundings
from ml_connector.console.pages_table import PAGES
from ml_connector.console.rendering import STATIC, render
from ml_connector.kernel.errors import BadInput, NotAllowed
from ml_connector.views.menu import MenuCounts
from ml_connector.web.asking import CSRF_FIELD, Asker, asker_of, check_form, comes_from_elsewhere
from ml_connector.web.failures import Failure, failure_of
from ml_connector.web.headers import Application, Receive, Scope, Send, guarded
from ml_connector.web.limits import MOST_FIELDS, Strangers, limited
from ml_connector.web.texts import check_texts
from ml_connector.web.threads import ABROAD, ABROAD_SECONDS, Beside

_TOLD = "ml_connector.told"
"""Where a request keeps the failure that was told of."""
_YEAR = "public, max-age=31536000, immutable"


def console(app: App, *, https: bool = False, playground: Any = None) -> Application:
    """The application. `https`: browsers reach us so, whatever stands between; `playground`: the demo's sandbox."""
    around, beside = Surroundings(app, https, playground, MenuCounts()), Beside()
    told, served = _told(around, beside), _Served(beside, Beside(ABROAD, ABROAD_SECONDS), Strangers())
    routes: list[BaseRoute] = [_address(around, served, one) for one in _merged(PAGES)]
    inner = Starlette(
        routes=[*routes, *api_routes(app, beside, https=https, playground=playground)],
        exception_handlers={404: told, 405: told, Exception: told},
    )
    inner.mount("/static", _Assets(directory=STATIC))
    return guarded(_minded(inner), https=https)


class _Served(NamedTuple):
    """Who does the work of pages: threads for most, others for what asks abroad, and places for strangers' forms."""

    beside: Beside
    abroad: Beside
    strangers: Strangers


def _minded(inner: Application) -> Application:
    """The same application, which raises nothing. Starlette raises again what `_told` told of and logged already."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await inner(scope, receive, send)
        except Exception as error:
            if scope.get(_TOLD) is not error:
                failure_of(error)  # which logs it

    return answer


class _Assets(StaticFiles):
    """Files a browser may keep for good, since their address changes with their content."""

    def file_response(self, *args: Any, **given: Any) -> Response:
        answer = super().file_response(*args, **given)
        scope = args[2] if len(args) > 2 else given["scope"]
        answer.headers["cache-control"] = _YEAR if b"v=" in scope.get("query_string", b"") else "public, max-age=300"
        return answer


def _merged(pages: Sequence[Route]) -> list[tuple[str, dict[str, Route]]]:
    """Pages by address, each with the one that answers each method."""
    found: dict[str, dict[str, Route]] = {}
    for one in pages:
        for method in one.methods:
            if method in found.setdefault(one.path, {}):
                raise AssertionError(f"Two pages answer {method} {one.path}.")
            found[one.path][method] = one
    return list(found.items())


def _address(around: Surroundings, served: _Served, page: tuple[str, dict[str, Route]]) -> Address:
    path, by_method = page

    async def sent(request: Request, asker: Asker | None) -> FormData:
        if asker is not None:
            return await _form(limited(request))
        with served.strangers.one() as place:
            return await _form(limited(request, place))

    async def endpoint(request: Request) -> Response:
        route = by_method.get("GET" if request.method == "HEAD" else request.method)
        assert route is not None
        asker: Asker | None = None
        try:
            check_texts([request.path_params, request.query_params.multi_items()])
            asker = await served.beside(_asker, around, request)
            if asker is None and not route.open:
                return _stranger(request)
            form = await sent(request, asker) if request.method == "POST" else None
            try:
                beside = served.abroad if route.abroad else served.beside
                return await beside(_answer, around, request, route, asker, form)
            finally:
                if form is not None:
                    await form.close()  # uploads lie in files of their own
        except Exception as error:  # no trace reaches a person
            return _failed(around, request, asker, failure_of(error))

    return Address(path, endpoint, methods=list(by_method))


def _asker(around: Surroundings, request: Request) -> Asker | None:
    return asker_of(around.app, request, https=around.https)


def _answer(
    around: Surroundings, request: Request, route: Route, asker: Asker | None, form: FormData | None
) -> Response:
    if asker is not None:
        if form is not None:
            check_form(asker, request, form.get(CSRF_FIELD))
        if not route.open and route.permission not in asker.who.permissions:
            raise NotAllowed(
                f"This page takes the right to {route.permission.value}, which {asker.who.name} does not have.",
                remedy="Ask an administrator for it.",
            )
    elif form is not None:
        check_stranger(request)
    return route.handler(Page(around, request, asker, form))


def check_stranger(request: Request) -> None:
    """NotAllowed when a form of a stranger, such as that of signing in, comes from a page that is not ours."""
    if comes_from_elsewhere(request):
        raise NotAllowed("This form did not come from our own page.", remedy="Open the page here, and use its form.")


async def _form(request: Request) -> FormData:
    """What a form sends; BadInput when it cannot be read, and what the limits of the request raise."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data", ""):
        raise BadInput("The form came in a way we do not read.", remedy="Use the form of the page.")
    try:
        found = await request.form(max_files=4, max_fields=MOST_FIELDS, max_part_size=4 * 1024 * 1024)
    except (MultiPartException, UnicodeDecodeError, ValueError, KeyError):
        raise BadInput("The form cannot be read.", remedy="Load the page again and send it from there.") from None
    try:
        check_texts([value for _, value in found.multi_items() if isinstance(value, str)])
    except BadInput:
        await found.close()  # uploads lie in files of their own
        raise
    return found


def _stranger(request: Request) -> Response:
    """The way to the sign-in page, and back again from there."""
    if request.method not in ("GET", "HEAD"):
        return RedirectResponse("/sign-in", 303)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/sign-in" if here == "/" else f"/sign-in?{urlencode({'to': here})}", 303)


def _told(around: Surroundings, beside: Beside) -> Any:
    async def handler(request: Request, error: Exception) -> Response:
        request.scope[_TOLD] = error
        asker: Asker | None = None
        try:
            asker = await beside(_asker, around, request)
        except Exception as other:  # the database may be what is wrong
            error = other
        failure = failure_of(error)
        if asker is None and failure.status in (404, 405):
            return _stranger(request)
        return _failed(around, request, asker, failure)

    return handler


def _failed(around: Surroundings, request: Request, asker: Asker | None, failure: Failure) -> Response:
    """The page that tells of a failure. It needs no database, which may be what failed."""
    headers = {"retry-after": str(failure.retry_after)} if failure.retry_after else {}
    if failure.status in (408, 413, 503):  # what it sent may not have been read
        headers["connection"] = "close"
    if request.headers.get("hx-request") == "true":
        text = render("failure_part.html", failure=failure)
        return HTMLResponse(text, failure.status, headers | {"hx-retarget": "#said", "hx-reswap": "innerHTML"})
    text = render("failure.html", failure=failure, known=asker is not None, address=request.url.path)
    return HTMLResponse(text, failure.status, headers)
