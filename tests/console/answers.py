"""Sends a form as nobody should, and judges what comes back as the person reads it who sent it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import NamedTuple

from ml_connector.access.signing_in import principal_of_cookie

from .forms import TYPED, Form
from .scene import Answer, Scene

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
TYPED_ANEW = frozenset({"typed"})
"""Fields that are asked for as a proof, each time anew."""
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "use", "wbr"})
_VALUE = "a name of a setting or value"
_NO_WORDS = {
    _VALUE: r"\b[a-z]+(?:_[a-z0-9]+)+\b|\b(?:policy|schedule|erp|projects|connection|webhooks)\.[a-z]",
    "a variable": r"ML_CONNECTOR|\$\.",
    "a command": r"`|(?<!\S)--?[a-z]|\brun again\b",
    "what a program says": r"\bExpected `?\w+`?, got|\bRFC ?\d|[Tt]raceback|<class|Decimal\(|docs/",
    "a value of a program": r"\b(?:None|True|False)\b",
    "a name of a class": r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b",
}
"""What is in no sentence that a person reads."""


@dataclass
class Told:
    """A page, as somebody reads it who sent a form."""

    alerts: list[str] = field(default_factory=list)
    """What stands where refusals stand: banners of failures, and sentences beneath fields. Code is in back-ticks."""
    banners: list[str] = field(default_factory=list)
    """What every other banner says."""
    fields: list[tuple[str, str]] = field(default_factory=list)
    """Name and value of every entry, as it comes back."""
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Every element with its attributes."""
    text: str = ""
    """Everything that can be read."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.told = Told()
        self._open: list[tuple[str, list[str] | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.told.elements.append((tag, given))
        if tag == "input" and given.get("name"):
            self.told.fields.append((given["name"], given.get("value", "")))
        if tag in _VOID:
            return
        texts: list[str] | None = None
        if given.get("role") == "alert" or "error" in given.get("class", "").split():
            texts = self.told.alerts
        elif given.get("role") == "status":
            texts = self.told.banners
        elif tag == "textarea" and given.get("name"):
            self.told.fields.append((given["name"], ""))
        if texts is not None:
            texts.append("")
        self._open.append((tag, texts))
        if tag == "code":
            self._say("`")

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._say("`")
        if any(name == tag for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.told.text += data
        if self._open and self._open[-1][0] == "textarea" and self.told.fields:
            name, value = self.told.fields[-1]
            self.told.fields[-1] = (name, value + data)
        self._say(data)

    def _say(self, text: str) -> None:
        for _, texts in self._open:
            if texts is not None:
                texts[-1] += text


def told_by(page: str) -> Told:
    """What a page tells."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    told = reader.told
    told.alerts, told.banners = ([" ".join(one.split()) for one in texts] for texts in (told.alerts, told.banners))
    return told


def foreign(told: Told) -> Iterator[str]:
    """Elements that are none of ours: scripts that stand in the page, what has a handler, and pictures of elsewhere."""
    for tag, given in told.elements:
        handlers = [name for name in given if name.startswith("on")]
        ours = given.get("src", "/static/").startswith("/static/") and (tag != "script" or "src" in given)
        if handlers or not ours:
            yield f"<{tag} {given}>"


class Sent(NamedTuple):
    """A form that was sent with something in it, and what came of it."""

    form: Form
    answer: Answer
    changed: bool
    """Whether the audit has something of the sender since."""


def sent(scene: Scene, who: str, forms: Iterable[Form], evil: str, *, everything: bool) -> Iterator[Sent]:
    """Sends forms with `evil` in what is typed, or in `everything`; who was signed out by one signs in again."""
    cookie = scene.cookie(who)
    for form in forms:
        known = principal_of_cookie(scene.app, cookie)
        if known is None:
            scene.forget_sign_ins()
            cookie = scene.cookie(who)
            known = principal_of_cookie(scene.app, cookie)
        assert known is not None
        data = form.filled(evil, known[1], everything=everything)
        before = _acts(scene, who)
        answer = scene.ask(form.action, cookie, "POST", data, content_type=form.content_type)
        yield Sent(form, answer, _acts(scene, who) != before)


def _acts(scene: Scene, who: str) -> int:
    with scene.app.db.begin() as conn:
        return int(conn.exec_driver_sql("SELECT count(*) FROM audit WHERE actor LIKE %s", (f"{who}%",)).scalar_one())


def wrong(one: Sent, evil: str, *, typed: bool = True) -> Iterator[str]:
    """What an answer to a form may not be. With `typed` a person can have sent it: what was typed has to stand in the
    form again, and the sentence has no value of a hidden field or of a list, which only a program can have got wrong.
    """
    form, answer, body = one.form, one.answer, one.answer.body
    called = f"{form.action} {[name for name, _, _ in form.fields][:8]}: {answer.status}"
    if answer.status >= 500 or answer.status == 403:
        yield f"{called}, it was not looked at: {body[-300:]}"
    if SCRIPT in body or "<script>alert" in body or "<img src=x" in body:
        yield f"{called}, the text came back as it was sent"
    if re.search(r'href="[^/#]*//evil', body):
        yield f"{called}, what was typed became a link"
    told = told_by(body)
    if answer.status < 400:
        if one.changed and not told.banners and not said_with(answer):
            yield f"{called}, something was changed, and nothing is said of it"
        return
    if one.changed:
        yield f"{called}, it was refused, and something was changed"
    if not any(re.search(r"[A-Z'][^.]{8,}\.", text) for text in told.alerts):
        yield f"{called}, no sentence in an alert: {told.alerts}"
    unclear_so = [(why, text) for text in told.alerts for why in unclear(text) if typed or why != _VALUE]
    yield from (f"{called}, {why} in {text[:300]!r}" for why, text in unclear_so)
    if typed and answer.status != 413 and "\x00" not in evil:
        yield from (f"{called}, what was typed in {name} is lost" for name in _lost(form, told, evil))


def unclear(text: str) -> Iterator[str]:
    """What is in a sentence that nobody who keeps books would say, whatever was typed into it."""
    ours = text
    for typed in EVIL.values():
        for form in (typed, repr(typed)[1:-1], typed.replace("`", "")):
            ours = ours.replace(form, "") if len(form) > 3 else ours
    ours = re.sub(r"(?<!\w)'(?:[^'\\]|\\.)*'|\"[^\"]*\"|\S*evil\S*", "''", ours)
    for why, pattern in _NO_WORDS.items():
        if re.search(pattern, ours):
            yield why


def said_with(answer: Answer) -> str:
    """What an answer has said on the page it leads to."""
    found = re.search(r'mlc-said="?([\w=-]+)', answer.headers.get("set-cookie", ""))
    return " ".join(text for _, text in json.loads(base64.urlsafe_b64decode(found[1]))) if found else ""


def _lost(form: Form, told: Told, evil: str) -> Iterator[str]:
    typed = {name for name, kind, _ in form.fields if kind in TYPED - {"password"} and name not in TYPED_ANEW}
    back = {(name, value.strip()[:40]) for name, value in told.fields}
    return (name for name in sorted(typed) if evil.strip() and (name, evil.strip()[:40]) not in back)
