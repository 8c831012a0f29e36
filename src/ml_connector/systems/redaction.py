"""Keeps secrets out of what is kept of an exchange, without paying for the many bodies that hold none."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

from ml_connector.kernel.text import redacted

_FIELDS = (b"client_secret", b"_token", b"assword", b"uthorization")
"""Parts of the field names kernel.text.redacted looks for, found by plain search in either case of the first letter."""


class Redaction:
    """Takes a body or text and gives it back without the named secrets and without fields that hold secrets."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        """`secrets` shorter than four characters are not looked for: they would tear holes into everything."""
        forms = {
            form
            for secret in secrets
            if len(secret) >= 4
            for form in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
        }
        self._secrets = tuple(sorted(forms, key=len, reverse=True))
        self._marks = (*_FIELDS, *(form.encode() for form in self._secrets))

    def __call__(self, body: bytes) -> bytes:
        """The body itself when nothing in it looks like a secret."""
        for mark in self._marks:
            if mark in body:
                return redacted(body.decode("utf-8", "surrogateescape"), self._secrets).encode(
                    "utf-8", "surrogateescape"
                )
        return body

    def text(self, text: str) -> str:
        """The same for a text such as an address."""
        return self(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
