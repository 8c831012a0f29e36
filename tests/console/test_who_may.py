"""Every page and every action from every role: who has the right gets in, nobody else does, least of all a stranger."""

from __future__ import annotations

import re

import pytest

from ml_connector.access import tokens as api_tokens
from ml_connector.access.permissions import Role, permissions_of
from ml_connector.access.signing_in import principal_of_cookie
from ml_connector.actions.action import Action
from ml_connector.actions.table import ACTIONS
from ml_connector.console.page import Route
from ml_connector.console.pages_table import PAGES

from .scene import PEOPLE, Answer, Scene

OPEN = {"/sign-in", "/sign-in/once/{word}", "/sign-in/company", "/sign-in/company/back"}
"""What a stranger gets besides the door: the ways to sign in."""

NAMES = {role: name for name, role in reversed(PEOPLE.items())}


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "999999", path)


def _asked(scene: Scene, cookies: dict[str, str], role: Role, page: Route) -> Answer:
    """What somebody of a role gets; a form carries the word of their session, and nothing else."""
    path, method = _filled(page.path), page.methods[0]
    known = principal_of_cookie(scene.app, cookies[role])
    if known is None:  # a form before this one was that of signing out
        cookies[role] = scene.cookie(NAMES[role])
        known = principal_of_cookie(scene.app, cookies[role])
    assert known is not None
    return scene.ask(path, cookies[role], method, None if method == "GET" else f"csrf={known[1]}".encode())


@pytest.fixture(scope="module")
def cookies(scene: Scene) -> dict[str, str]:
    """Role to the cookie of somebody who has it."""
    return {role: scene.cookie(name) for role, name in NAMES.items()}


@pytest.fixture(scope="module")
def tokens(scene: Scene) -> dict[str, str]:
    """Role to a token of somebody who has it, with every scope."""
    return {
        role: api_tokens.add_for(scene.app, name, "tests", [one.value for one in permissions_of(Role(role))], 1).token
        for role, name in NAMES.items()
    }


def test_only_the_ways_to_sign_in_are_open() -> None:
    assert {page.path for page in PAGES if page.open} <= OPEN


@pytest.mark.parametrize("page", [one for one in PAGES if not one.open], ids=lambda one: f"{one.methods[0]} {one.path}")
def test_a_page_lets_in_who_has_the_right(scene: Scene, cookies: dict[str, str], page: Route) -> None:
    path, method = _filled(page.path), page.methods[0]
    stranger = scene.ask(path, method=method)
    assert stranger.status == 303
    assert stranger.headers["location"].startswith("/sign-in")
    for role in Role:
        told = _asked(scene, cookies, role, page)
        if page.permission in permissions_of(role):
            assert told.status not in (401, 403), role
        else:
            assert told.status == 403, role


@pytest.mark.parametrize("action", ACTIONS, ids=lambda one: one.name)
def test_an_action_is_done_for_who_has_the_right(scene: Scene, tokens: dict[str, str], action: Action) -> None:
    path = "/api/v1" + _filled(action.path)
    body = b"{}" if action.writes else None
    given = {"content_type": "application/json"}
    assert scene.ask(path, "", action.method, body, **given).status == 401
    assert scene.ask(path, "", action.method, body, authorization="Bearer mlc_none", **given).status == 401
    for role in Role:
        told = scene.ask(path, "", action.method, body, authorization=f"Bearer {tokens[role]}", **given)
        if action.name == "users.link":
            assert told.status == 403, "a session by a link may more than the token"
        elif action.permission in permissions_of(role):
            assert told.status not in (401, 403), (role, told.body)
        else:
            assert told.status == 403, (role, told.body)


def test_a_cookie_alone_changes_nothing_by_the_api(scene: Scene) -> None:
    cookie = scene.cookie(NAMES[Role.ADMIN])  # the one of before may have been ended by an action
    for action in ACTIONS:
        told = scene.ask("/api/v1" + _filled(action.path), cookie, action.method, b"{}" if action.writes else None)
        assert (told.status == 401) == action.writes, action.name


def test_a_stranger_gets_nothing_else(scene: Scene) -> None:
    assert scene.ask("/metrics").status == 404
    for path in ("/", "/nothing", "/api/v1/openapi.json", "/c/north/inbox", "/search?q=P100001"):
        told = scene.ask(path)
        assert told.status in (303, 401), path
        assert "P100001" not in told.body
    assert scene.ask("/healthz").status == 200
    assert scene.ask("/static/../page.py").status in (303, 404)
    assert scene.ask("/sign-in").status == 200
