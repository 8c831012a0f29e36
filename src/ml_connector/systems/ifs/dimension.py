"""Accounting code part values and project activities as records (facts/ifs.md 11.8, 11.12)."""

from __future__ import annotations

from datetime import date

from ml_connector.records.dimension import Activity, Dimension
from ml_connector.systems.ifs.rows import Row

_NOT_POSTABLE = frozenset({"Planned", "Closed", "Cancelled"})
"""States of an activity that take no cost (facts/ifs.md 11.9, ACTIDNOTPOSTABLE)."""

ACCOUNT_PART = "A"


def dimension_of(row: Row) -> Dimension:
    """The code part value in `row`; a missing day of validity leaves that side open. Reject without part or value."""
    return _dimension(row, row.required("part"))


def account_of(row: Row) -> Dimension:
    """The account in `row`, as a value of code part A."""
    return _dimension(row, ACCOUNT_PART)


def activity_of(row: Row) -> Activity:
    """The project activity in `row`; its id is the activity sequence. Reject without id or project."""
    return Activity(
        id=row.required("id"),
        project=row.required("project"),
        sub_project=row.text("sub_project"),
        number=row.text("number"),
        name=row.text("name"),
        postable=row.text("state") not in _NOT_POSTABLE,
    )


def _dimension(row: Row, part: str) -> Dimension:
    return Dimension(
        part=part,
        value=row.required("value"),
        name=row.text("name"),
        valid_from=row.day("valid_from") or date.min,
        valid_until=row.day("valid_until") or date.max,
    )
