"""Every form of every page takes what is wrong, empty, huge or hostile, and answers in a sentence."""

from __future__ import annotations

import re

import pytest

from ml_connector.access.signing_in import principal_of_cookie
from ml_connector.access.users import add_user
from ml_connector.planning.first_steps import KEYS
from ml_connector.service import pausing

from .addresses import STRANGERS, busy, real
from .answers import EVIL, SCRIPT, Sent, foreign, sent, told_by, wrong
from .forms import BAD_NAME, Form, forms_of
from .scene import PASSWORD, Scene
from .weekend import begin_setup

_LEAVE = re.compile(r"/sign-out|/users/adam")
"""Forms that would end the session this test works with; test_sandbox_page.py sends those of the sandbox."""
_OWN = re.compile(r"/me/|/users/mia")
"""Forms that somebody of their own sends, so that the others go on."""
VENDOR = "S1005"
"""The supplier of the orders that are placed here."""
SETUP = "begun"
"""A set-up that stands before its pairs: both sides are known and were looked at."""


@pytest.fixture(scope="module")
def addresses(scene: Scene) -> list[str]:
    """Every page, those of a set-up with them, in a world in which a vendor has a name that no vendor has."""
    scene.box.act("ifs", "rename_supplier", supplier_id=VENDOR, name=SCRIPT)
    busy(scene)
    begin_setup(scene, SETUP)
    add_user(scene.app, "mia", role="admin", password=PASSWORD)
    pairs = f"/setup/{SETUP}/pairs/sites"
    row = re.search(r'name="row-0" value="([^"]+)"', scene.ask(pairs, scene.cookie("adam")).body)
    assert row
    steps = [f"/setup/{SETUP}/{step}" for step in KEYS if step not in ("sites", "vendors")]
    return [*real(scene).values(), "/users/mia", *steps, pairs, f"{pairs}/{row[1]}", f"/setup/{SETUP}/pairs/vendors"]


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


def _wrong(scene: Scene, forms: list[Form], kind: str, *, everything: bool) -> list[str]:
    """What is wrong with the answers to forms, each sent by who may."""
    own = [form for form in forms if _OWN.match(form.action)]
    others = [form for form in forms if form not in own]
    pausing.resume(scene.app, "north")
    told = [*sent(scene, "adam", others, EVIL[kind], everything=everything),
            *sent(scene, "mia", own, EVIL[kind], everything=everything)]  # fmt: skip
    return [why for one in told for why in wrong(one, EVIL[kind], typed=not everything)]


def test_a_script_in_the_name_of_a_vendor_is_a_text_on_every_page(scene: Scene, addresses: list[str]) -> None:
    """Before any form is sent: only a person in IFS typed it."""
    cookie, shown = scene.cookie("adam"), set()
    vendor = f"/c/north/documents/vendor/{VENDOR}"
    others = ["/search?q=onerror", vendor, f"{vendor}?part=story", f"{vendor}?part=audit", "/c/north/audit?q=alert"]
    for address in [*addresses, *others]:
        told = told_by(scene.ask(address, cookie).body)
        assert not list(foreign(told)), address
        if SCRIPT in told.text:
            shown.add(re.sub(r"\w*\d\w*", "1", address.partition("?")[0]))
    assert {"/search", "/c/north/documents", "/c/north/documents/order/1", "/c/north/documents/vendor/1"} <= shown
    assert {"/c/north/plans/1/record", f"/setup/{SETUP}/pairs/vendors"} <= shown


@pytest.mark.parametrize("kind", EVIL)
def test_every_form_survives_what_is_typed(scene: Scene, forms: list[Form], kind: str) -> None:
    typed = [form for form in forms if form.takes(typed=True)]
    assert len(typed) >= 20
    assert any(form.several for form in typed)
    assert any(form.action.startswith("/setup/") for form in typed)
    assert {"/me/password", "/users/mia"} <= {form.action for form in typed}
    found = _wrong(scene, typed, kind, everything=False)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", ["empty", "script", "nul", "number"])
def test_every_form_survives_what_nobody_can_type(scene: Scene, forms: list[Form], kind: str) -> None:
    """What the page put into hidden fields, buttons and lists is wrong, too."""
    found = _wrong(scene, [form for form in forms if form.takes(typed=False)], kind, everything=True)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", EVIL)
def test_the_ways_in_survive(scene: Scene, kind: str) -> None:
    for address in STRANGERS:
        (form,) = forms_of(address.partition("?")[0], scene.ask(address).body)
        word = next(value for name, _, value in form.fields if name == "csrf")
        for everything in (False, True):
            data = form.filled(EVIL[kind], word, everything=everything)
            told = scene.ask(form.action, "", "POST", data, content_type=form.content_type)
            assert not [one for one in wrong(Sent(form, told, False), "", typed=False) if told.status != 403], kind
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


@pytest.mark.parametrize("name", ["/etc/passwd", "C:\\Windows\\win.ini", "a%00b.toml", "x" * 9000, "", "..", SCRIPT])
def test_a_file_may_be_called_anything_since_nobody_looks(scene: Scene, forms: list[Form], name: str) -> None:
    uploads = [form for form in forms if form.several]
    assert {form.action for form in uploads} == {"/c/north/mapping/import"}, "the only ones that take a file"
    cookie = scene.cookie("adam")
    known = principal_of_cookie(scene.app, cookie)
    assert known is not None
    for form in uploads:
        data = form.filled("no = [", known[1]).replace(BAD_NAME.encode(), name.replace('"', "%22").encode())
        told = scene.ask(form.action, cookie, "POST", data, content_type=form.content_type)
        assert told.status == 400
        assert not list(wrong(Sent(form, told, False), "no = [", typed=len(name) < 256))  # no system has longer names


def test_what_is_larger_than_anything_is_refused(scene: Scene) -> None:
    told = scene.ask("/c/north/mapping/import", scene.cookie("adam"), "POST", b"x=" + b"y" * 5_000_000)
    assert told.status == 413
    assert "MB" in told.body
