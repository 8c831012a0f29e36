"""Text from outside: what no database and no page can hold is refused before anybody looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ml_connector.kernel.errors import BadInput

_DEEPEST = 40


def check_texts(given: Any, deep: int = 0) -> None:
    """BadInput when a text anywhere in plain data holds a NUL, or half a character that cannot be written."""
    if deep > _DEEPEST:
        raise BadInput("The request is nested too deeply.", remedy="Send it flat, as the description shows.")
    if isinstance(given, str):
        _check(given)
    elif isinstance(given, Mapping):
        for name, value in given.items():
            check_texts(name, deep + 1)
            check_texts(value, deep + 1)
    elif isinstance(given, Iterable) and not isinstance(given, bytes):
        for value in given:
            check_texts(value, deep + 1)


def _check(text: str) -> None:
    wrong = "\x00" in text
    if not wrong and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            wrong = True
    if wrong:
        raise BadInput("The request holds a character that no text can hold.", remedy="Type it again without it.")
