"""Every form of every page takes what is wrong, empty, huge or hostile, and answers in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ml_connector.access.signing_in import principal_of_cookie
from ml_connector.planning.first_steps import KEYS

from .addresses import STRANGERS, busy, real
from .forms import Form, forms_of
from .scene import Scene
from .weekend import begin_setup

SCRIPT = "<script>alert('mlc')</script>\"'><img src=x onerror=alert(1)>"
LINK = "`page https://evil.example/x|Sign in again` \ue000//evil.example\ue001Sign in again\ue002"
"""What asks a sentence of ours to lead elsewhere, in the marks that console/wording.py uses or once used."""
EVIL = {
    "empty": "",
    "script": SCRIPT + LINK,
    "nul": "a\x00b",
    "formula": '=HYPERLINK("http://evil.example","x")',
    "path": "../../../../etc/passwd",
    "number": "99999999999999999999999999999999",
    "unicode": "\u202e\ufdd0\U0010ffff e\u0301",
    "huge": "x" * 200_000,
}
_LEAVE = re.compile(r"/sign-out|/me/|/users/adam|/sandbox")
"""Forms that would end the session this test works with, and the sandbox's own, of which there is none here."""
SETUP = "begun"
"""A set-up that stands before its pairs: both sides are known and were looked at."""


@pytest.fixture(scope="module")
def addresses(scene: Scene) -> list[str]:
    """Every page, those of a set-up with them."""
    busy(scene)
    begin_setup(scene, SETUP)
    pairs = f"/setup/{SETUP}/pairs/sites"
    row = re.search(r'name="row-0" value="([^"]+)"', scene.ask(pairs, scene.cookie("adam")).body)
    assert row
    steps = [f"/setup/{SETUP}/{step}" for step in KEYS if step not in ("sites", "vendors")]
    return [*real(scene).values(), *steps, pairs, f"{pairs}/{row[1]}", f"/setup/{SETUP}/pairs/vendors"]


@pytest.fixture(scope="module")
def forms(scene: Scene, addresses: list[str]) -> list[Form]:
    """Every form there is, once for each of its buttons; those of one address with the same fields count as one."""
    cookie = scene.cookie("adam")
    found: dict[tuple[str, tuple[str, ...]], Form] = {}
    for address in addresses:
        told = scene.ask(address, cookie)
        assert told.status == 200, f"{address}: {told.status}"
        for form in (one for every in forms_of(address, told.body) for one in every.presses()):
            shape = re.sub(r"\d+", "9", form.action.partition("?")[0])
            said = (f"{name} {value if name in _MEANS else ''}" for name, _, value in form.fields)
            found.setdefault((shape, tuple(sorted(set(said)))), form)
    return [form for form in found.values() if not _LEAVE.search(form.action)]


_MEANS = ("what", "step")
"""Hidden fields that say what a form is for."""


def _asked(scene: Scene, forms: list[Form], evil: str, *, everything: bool) -> Iterator[tuple[Form, int, str]]:
    cookie = scene.cookie("adam")
    for form in forms:
        known = principal_of_cookie(scene.app, cookie)
        if known is None:
            cookie = scene.cookie("adam")
            known = principal_of_cookie(scene.app, cookie)
        assert known is not None
        data = form.filled(evil, known[1], everything=everything)
        told = scene.ask(form.action, cookie, "POST", data, content_type=form.content_type)
        yield form, told.status, told.body


def _wrong(form: Form, status: int, body: str) -> Iterator[str]:
    """What an answer to a form may not be."""
    if status >= 500:
        yield f"{form.action} {[name for name, _, _ in form.fields]}: {status} {body[-300:]}"
    if SCRIPT in body or "<script>alert" in body or "<img src=x" in body:
        yield f"{form.action}: the text came back as it was sent"
    if re.search(r'href="[^/#]*//evil', body):
        yield f"{form.action}: what was typed became a link"
    if status >= 400 and not re.search(r"[A-Z][^<]{10,}\.", body):
        yield f"{form.action}: no sentence with {status}"
    if status == 403:
        yield f"{form.action}: it was not even looked at"


@pytest.mark.parametrize("kind", EVIL)
def test_every_form_survives_what_is_typed(scene: Scene, forms: list[Form], kind: str) -> None:
    typed = [form for form in forms if form.takes(typed=True)]
    assert len(typed) >= 20
    assert any(form.several for form in typed)
    assert any(form.action.startswith("/setup/") for form in typed)
    told = list(_asked(scene, typed, EVIL[kind], everything=False))
    wrong = [one for form, status, body in told for one in _wrong(form, status, body)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", ["empty", "script", "nul", "number"])
def test_every_form_survives_what_nobody_can_type(scene: Scene, forms: list[Form], kind: str) -> None:
    """What the page put into hidden fields, buttons and lists is wrong, too."""
    told = _asked(scene, [form for form in forms if form.takes(typed=False)], EVIL[kind], everything=True)
    wrong = [one for form, status, body in told for one in _wrong(form, status, body)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", EVIL)
def test_the_ways_in_survive(scene: Scene, kind: str) -> None:
    for address in STRANGERS:
        (form,) = forms_of(address.partition("?")[0], scene.ask(address).body)
        word = next(value for name, _, value in form.fields if name == "csrf")
        for everything in (False, True):
            data = form.filled(EVIL[kind], word, everything=everything)
            told = scene.ask(form.action, "", "POST", data, content_type=form.content_type)
            assert not [one for one in _wrong(form, told.status, told.body) if told.status != 403], kind
            assert told.status in (400, 403, 413), kind
            assert "set-cookie" not in told.headers or "mlc=;" in told.headers["set-cookie"], "nobody got in"
        scene.forget_sign_ins()


def test_a_form_of_another_page_or_session_is_not_taken(scene: Scene, forms: list[Form]) -> None:
    cookie, other = scene.cookie("adam"), principal_of_cookie(scene.app, scene.cookie("adam"))
    assert other is not None
    for form in [one for one in forms if not one.several][:10]:
        for data in (form.filled("x", ""), form.filled("x", other[1])):
            assert scene.ask(form.action, cookie, "POST", data).status == 403
        own = principal_of_cookie(scene.app, cookie)
        assert own is not None
        data = form.filled("x", own[1])
        assert scene.ask(form.action, cookie, "POST", data, sec_fetch_site="cross-site").status == 403
        assert scene.ask(form.action, cookie, "POST", data, origin="https://evil.example").status == 403


def test_what_is_larger_than_anything_is_refused(scene: Scene) -> None:
    told = scene.ask("/c/north/mapping/import", scene.cookie("adam"), "POST", b"x=" + b"y" * 5_000_000)
    assert told.status == 413
    assert "MB" in told.body
