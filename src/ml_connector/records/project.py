"""A project (job site), as either system knows it."""

from __future__ import annotations

import msgspec


class Project(msgspec.Struct, frozen=True):
    """`id` is the id in its own system; `number` the number people use; `open` false once closed or cancelled."""

    id: str
    number: str
    name: str
    open: bool
    origin: str | None = None
    """The once-key found on the other side's record, if any."""
