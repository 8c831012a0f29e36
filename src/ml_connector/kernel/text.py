"""Text made fit for people and for logs."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SECRET_FIELDS = re.compile(
    r"(?i)(\"?(?:client_secret|access_token|refresh_token|id_token|password|authorization)\"?\s*[:=]\s*\"?)(?:(?:Bearer|Basic|Digest)\s+)?[^\"&\s,}]+"
)


def redacted(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` without the named secrets and without the values of fields that hold secrets by name."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "[redacted]")
    return _SECRET_FIELDS.sub(r"\1[redacted]", text)


def clipped(text: str, limit: int) -> str:
    """`text` cut to `limit` characters with an ellipsis, for fields of limited length."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "\u2026"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`3 orders`, `1 order`: a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(things: Sequence[str], most: int, join: str = ", ") -> str:
    """`a, b and 3 more`: the first `most` of some things, and how many are left."""
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return f"{join.join(things[:most])}{more}"
