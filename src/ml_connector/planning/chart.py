"""The IFS side of coding: which code part values and activities exist, and when they are valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from ml_connector.records.dimension import Activity, Dimension


class Chart(msgspec.Struct, frozen=True):
    """The IFS side of coding: code part values by (part, value) and activities by id."""

    dimensions: Mapping[tuple[str, str], Dimension]
    activities: Mapping[str, Activity]

    def unknown(self, codes: Iterable[tuple[str, str]]) -> bool:
        """Whether a code part value does not exist at all; whether it is valid is for the order's own date to say."""
        return any(code not in self.dimensions for code in codes)

    def missing(self, codes: Iterable[tuple[str, str]], on: date) -> tuple[str, str, str] | None:
        """The first code part value that does not exist or is not valid on that day, with why; None when all are."""
        for part, value in codes:
            dimension = self.dimensions.get((part, value))
            if dimension is None:
                return part, value, "does not exist in IFS"
            if not dimension.valid_from <= on <= dimension.valid_until:
                return part, value, f"is valid in IFS only from {dimension.valid_from} until {dimension.valid_until}"
        return None

    def looked_at(self, activity: str) -> tuple[str, str]:
        """What a mapping rule may know of an activity: its number and its sub-project."""
        found = self.activities.get(activity)
        return (found.number, found.sub_project) if found else ("", "")
