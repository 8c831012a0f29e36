"""Bad data is a value: a row we could not accept, kept and reported, never thrown away."""

from __future__ import annotations

import msgspec

from ml_connector.kernel.keys import Key


class Problem(msgspec.Struct, frozen=True):
    """One row a system sent that cannot be used: which, why in plain words, and the raw text it came as."""

    key: Key
    sentence: str
    raw: str


class Reject(ValueError):
    """Raised inside a parser when a row cannot be used; the parser's caller makes it a Problem."""
