"""One accounting code part value, or one project activity: what a code string is made of."""

from __future__ import annotations

from datetime import date

import msgspec


class Dimension(msgspec.Struct, frozen=True):
    """A value of a code part (A is the account, B to J by company), valid from and until a day, both included."""

    part: str
    value: str
    name: str
    valid_from: date
    valid_until: date


class Activity(msgspec.Struct, frozen=True):
    """An IFS project activity; `postable` is false while Planned and once Closed or Cancelled (facts/ifs.md 11.9)."""

    id: str
    project: str
    sub_project: str
    number: str
    name: str
    postable: bool
