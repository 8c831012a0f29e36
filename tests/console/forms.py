"""Finds the forms of a page, as a browser would, and fills them in as nobody should."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

TYPED = frozenset(
    {"text", "search", "password", "email", "url", "tel", "number", "date", "time", "datetime-local", "textarea"}
)
"""Kinds of fields that a person types into; of the others a browser sends what the page put there."""
FILE = "file"
"""The kind of a field that takes a file."""
BAD_NAME = "../../../../etc/passwd"
"""What every uploaded file is called."""
_BOUNDARY = "a-boundary-of-these-tests"


@dataclass
class Form:
    """One form that is sent by POST: where to, and its fields with what the page put in them."""

    action: str
    fields: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, kind (hidden, text, number, select, submit, ...) and value; of a list what is chosen."""
    several: bool = False
    """Whether it uploads files."""

    def takes(self, *, typed: bool) -> bool:
        """Whether a person types something here; or whether it sends something that they cannot type."""
        kinds = {kind for name, kind, _ in self.fields if name != "csrf"}
        return bool(kinds & {*TYPED, FILE}) if typed else bool(kinds - {*TYPED, FILE})

    def presses(self) -> list[Form]:
        """The form once for each of its named buttons: a browser sends the one that is pressed, and no other."""
        buttons = [one for one in self.fields if one[1] in ("submit", "button")]
        others = [one for one in self.fields if one not in buttons]
        return [Form(self.action, [*others, one], self.several) for one in buttons] or [self]

    def filled(self, evil: str, csrf: str, *, everything: bool = False) -> bytes:
        """The body with `evil` in every field a person types in; with `everything` also in what the page put there."""
        pairs = [
            (name, kind, evil if everything or kind in TYPED or kind == FILE else value)
            for name, kind, value in self.fields
            if name != "csrf"
        ]
        pairs.append(("csrf", "hidden", csrf))
        return _parts(pairs) if self.several else urlencode([(name, value) for name, _, value in pairs]).encode()

    @property
    def content_type(self) -> str:
        """How the body is written."""
        return f"multipart/form-data; boundary={_BOUNDARY}" if self.several else "application/x-www-form-urlencoded"


def _parts(pairs: Iterable[tuple[str, str, str]]) -> bytes:
    body = b""
    for name, kind, value in pairs:
        named = f'; filename="{BAD_NAME}"\r\nContent-Type: text/plain' if kind == FILE else ""
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        body += head.encode() + value.encode() + b"\r\n"
    return body + f"--{_BOUNDARY}--\r\n".encode()


class _Forms(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.found: list[Form] = []
        self.outside: list[tuple[str, tuple[str, str, str]]] = []
        self.named: dict[str, Form] = {}
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = None
            if given.get("method", "get").lower() == "post":
                self._open = Form(given.get("action") or self.address, several="multipart" in given.get("enctype", ""))
                self.found.append(self._open)
                self.named[given.get("id", "")] = self._open
        elif tag in ("input", "textarea", "select", "button") and given.get("name"):
            kind = given.get("type", {"input": "text", "button": "submit"}.get(tag, tag))
            self._take((given["name"], kind, given.get("value", "")), given)
        elif tag == "option" and self._open is not None and self._open.fields:
            name, kind, chosen = self._open.fields[-1]
            if kind == "select" and ("selected" in given or not chosen):
                self._open.fields[-1] = (name, kind, given.get("value", ""))

    def _take(self, one: tuple[str, str, str], given: dict[str, str]) -> None:
        if given.get("form") is not None:
            self.outside.append((given["form"], one))
        elif self._open is not None:
            known = next((at for at, old in enumerate(self._open.fields) if old[:2] == one[:2]), None)
            if one[1] != "radio" or known is None:
                self._open.fields.append(one)
            elif "checked" in given:
                self._open.fields[known] = one

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


def forms_of(address: str, page: str) -> list[Form]:
    """Every form of a page that is sent by POST."""
    parser = _Forms(address)
    parser.feed(page)
    for name, one in parser.outside:
        if name in parser.named:
            parser.named[name].fields.append(one)
    return parser.found
