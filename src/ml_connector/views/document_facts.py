"""What both sides say of a document, one fact at a time, as JSON and pages take it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ml_connector.kernel.money import Money
from ml_connector.planning.sides import Fact, Value
from ml_connector.views.listing import money


def fact_form(one: Fact, people: Mapping[str, str]) -> dict[str, Any]:
    """A fact with what its values are; `people`: what vendors are called, by their id in either system."""
    known = people if one.name == "Vendor" else {}
    return {
        "name": one.name,
        "kind": _kind(one),
        "erp": _plain(one.erp, known),
        "projects": _plain(one.projects, known),
        "agreed": _plain(one.agreed, known),
        "differs": one.differs,
    }


def _kind(one: Fact) -> str:
    """Money, day or text, by what the values are: a supplier's number may look like a day, and is none."""
    said = (one.erp, one.projects, one.agreed)
    if any(isinstance(value, Money) for value in said):
        return "money"
    return "day" if any(isinstance(value, date) for value in said) else "text"


def _plain(value: Value, people: Mapping[str, str]) -> Any:
    """A fact as JSON and pages take it: money as a cell, a day as its text."""
    if isinstance(value, Money):
        return money(value.amount, value.currency)
    if isinstance(value, date):
        return value.isoformat()
    return f"{people[value]} ({value})" if value and value in people else value or ""
