"""A browser as far as these pages need one: cookies, forms with their own word, no redirect followed by itself."""

from __future__ import annotations

import http.client
import re
from html import unescape
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit


class Visitor:
    """Somebody in front of the console."""

    def __init__(self, url: str) -> None:
        self.netloc = urlsplit(url).netloc
        self.cookies: dict[str, str] = {}
        self.status = 0
        self.text = ""
        self.headers: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> str:
        """A page; its text, or where it leads."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, *fields: tuple[str, str], csrf: str | None = None, **headers: str) -> str:
        """A form sent with the word of the page before, or with another."""
        word = csrf if csrf is not None else self.word
        return self._ask("POST", path, urlencode([*fields, ("csrf", word)]), headers)

    @property
    def word(self) -> str:
        """The word the last page's forms carry."""
        found = re.search(r'name="csrf" value="([^"]*)"', self.text)
        return found[1] if found else ""

    def found(self, pattern: str) -> str:
        """A piece of the last page."""
        found = re.search(pattern, self.text)
        assert found, self.text[:3000]
        return unescape(found[1])

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> str:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given["user-agent"] = "a <b>browser</b>"
        if body is not None:
            given["content-type"] = "application/x-www-form-urlencoded"
        link = http.client.HTTPConnection(self.netloc, timeout=20)
        try:
            link.request(method, path, body, given)
            answer = link.getresponse()
            text = answer.read().decode()
        finally:
            link.close()
        self.status, self.headers = answer.status, {name.lower(): value for name, value in answer.getheaders()}
        for line in answer.headers.get_all("set-cookie") or ():
            for name, one in SimpleCookie(line).items():
                self.cookies.pop(name, None)
                if one["max-age"] != "0":
                    self.cookies[name] = one.value
        if answer.status in (302, 303):
            return str(answer.headers["location"])
        self.text = text
        return text
