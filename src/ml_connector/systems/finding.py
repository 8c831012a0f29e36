"""What a set-up check found: one line for the operator, good or bad, with what to do about it."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing a check looked at: whether it is as it should be, one sentence, and the remedy when it is not."""

    name: str
    ok: bool
    sentence: str
    remedy: str = ""
    flows: tuple[str, ...] = ()
    """Flows that cannot run as things stand, where all others can; such a finding is no failure of the check."""
