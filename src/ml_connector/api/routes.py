"""Addresses of the API: one for each action of the table, beneath /api/v1, and its own description."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Address

from ml_connector.access.principal import Principal
from ml_connector.actions.action import Action
from ml_connector.actions.perform import check_right, perform
from ml_connector.actions.playground import Playground
from ml_connector.actions.table import ACTIONS
from ml_connector.api.openapi import ROOT, described
from ml_connector.app import App
from ml_connector.kernel.errors import BadInput
from ml_connector.web.asking import asker_of, comes_from_elsewhere, program_of
from ml_connector.web.failures import Failure, failure_of
from ml_connector.web.limits import limited
from ml_connector.web.texts import check_texts
from ml_connector.web.threads import Beside

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_encoder = msgspec.json.Encoder(decimal_format="string")


def api_routes(app: App, beside: Beside, *, https: bool, playground: Playground | None = None) -> list[Address]:
    """Every address, with what answers it. Programs bring a token; reading works with a session's cookie as well.

    `playground` is the sandbox of a demo.
    """
    by_path: dict[str, dict[str, Action]] = {}
    for action in ACTIONS:
        by_path.setdefault(action.path, {})[action.method] = action
    ground = _Ground(app, https, playground)
    found = [_address(ground, beside, path, actions) for path, actions in by_path.items()]

    async def description(request: Request) -> Response:
        if await beside(_who, app, request, https, True) is None:
            return _unknown()
        return Response(_encoder.encode(described()), media_type=_JSON)

    return [Address(f"{ROOT}/openapi.json", description, methods=["GET"]), *found]


class _Ground(NamedTuple):
    """What all addresses share."""

    app: App
    https: bool
    playground: Playground | None


def _address(ground: _Ground, beside: Beside, path: str, actions: dict[str, Action]) -> Address:
    async def endpoint(request: Request) -> Response:
        action = actions["GET" if request.method == "HEAD" else request.method]
        try:
            who = await beside(_who, ground.app, request, ground.https, not action.writes)
            if who is None:
                return _unknown()
            check_right(who, action)
            given = _given(action, request, await limited(request).body() if action.writes else b"")
            return await beside(_done, ground, who, action, given)
        except Exception as error:  # no trace reaches a program
            return _failed(failure_of(error))

    return Address(ROOT + path, endpoint, methods=sorted(actions))


def _who(app: App, request: Request, https: bool, reading: bool) -> Principal | None:
    """Who asks. A cookie alone may only read here, and not for another site's page, which could make a browser send
    it."""
    if request.headers.get("authorization"):
        return program_of(app, request)
    asker = asker_of(app, request, https=https) if reading and not comes_from_elsewhere(request) else None
    return asker.who if asker else None


def _given(action: Action, request: Request, body: bytes) -> Any:
    """The action's input from path, query and body; BadInput says what is off."""
    asked = request.query_params
    known = {field.encode_name: field for field in msgspec.structs.fields(action.takes)}
    given: dict[str, Any] = {}
    if action.writes:
        if body.strip():
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != _JSON:
                raise BadInput("The body is not JSON by its content type.", remedy=f"Send it as {_JSON}.")
            try:
                given = msgspec.json.decode(body, type=dict[str, Any])
            except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
                raise BadInput("The body is no JSON object.", remedy="Send one object, in UTF-8.") from None
        strays = set(asked)
    else:
        many = {name for name, field in known.items() if getattr(field.type, "__origin__", None) in (list, tuple)}
        given = {name: asked.getlist(name) if name in many else asked[name] for name in asked}
        strays = set()
    strays |= given.keys() - known.keys()
    if strays:
        raise BadInput(f"There is no field {sorted(strays)[0][:80]!r}.", remedy=f"Fields: {', '.join(known)}.")
    check_texts([given, request.path_params])
    try:
        # what an address holds is always text; a body says itself what is text and what is a number
        for name, text in request.path_params.items():
            given[name] = msgspec.convert(text, known[name].type, strict=False)
        return msgspec.convert(given, action.takes, strict=action.writes)
    except msgspec.ValidationError as error:
        raise BadInput(f"The request cannot be used: {error}.", remedy="See /api for every field.") from None


def _done(ground: _Ground, who: Principal, action: Action, given: Any) -> Response:
    answer = perform(ground.app, who, action, given, ground.playground)
    return Response(_encoder.encode(answer), media_type=_JSON)


def _unknown() -> Response:
    failure = Failure(401, "No valid token came with the request.", "Send Authorization: Bearer with a token of yours.")
    return _failed(failure, {"www-authenticate": "Bearer"})


def _failed(failure: Failure, headers: dict[str, str] | None = None) -> Response:
    form = {
        "status": failure.status,
        "title": failure.sentence,
        "detail": failure.remedy,
        **({"reference": failure.reference} if failure.reference else {}),
    }
    wait = {"retry-after": str(failure.retry_after)} if failure.retry_after else {}
    return Response(_encoder.encode(form), failure.status, {**(headers or {}), **wait}, media_type=_PROBLEM)
