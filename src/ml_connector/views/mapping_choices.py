"""What a row of the mapping may look at and lead to, as far as it is known: offered where a row is written."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ml_connector.app import App
from ml_connector.engine import code_uses as kept
from ml_connector.engine.cases import CostCodesCase
from ml_connector.planning.mapping import BUDGET_PARTS, PARTS, REVERSE_PARTS, Row
from ml_connector.planning.mapping_compare import rows_of
from ml_connector.planning.mapping_words import EMPTY
from ml_connector.service.mapping_desk import standing
from ml_connector.store import code_uses

MOST = 400
"""Values offered for one part; what is further down is typed."""

_Named = dict[str, str]


class RowChoices(msgspec.Struct, frozen=True):
    """What is known of both sides, each with what it is called."""

    values: dict[str, _Named]
    """Of each part a row may look at or lead to: its values."""
    leads: _Named
    """Codes of Procore the table may lead to; none for the way back."""


def row_choices(app: App, connection: str, section: str) -> RowChoices:
    """Values and codes as the last run saw them, and those the table's rows have already; nobody is asked."""
    row = app.connection(connection)
    mapping = standing(app, connection).now
    with app.db.begin() as conn:
        case = kept.newest_codes(conn, row.id)
        used = code_uses.uses(conn, row.id) if section in ("budget_code", "budget_type") else []
    known = _of_ifs(case)
    known["element"] = dict.fromkeys(sorted({dict(use.codes)["element"] for use in used if use.of_budget}), "")
    known["cost_code"], known["cost_type"] = _codes(case), _types(case)
    parts: Iterable[str] = BUDGET_PARTS if section.startswith("budget") else PARTS
    back = section == "reverse"
    if back:
        parts = (*REVERSE_PARTS, *"ABCDEFGHIJ", "activity")
    leads = {} if back else known["cost_type" if section.endswith("type") else "cost_code"]
    there = {one.to: "" for one in rows_of(mapping, section) if isinstance(one, Row) and one.to}
    empty = {} if back else {EMPTY: "no value at all"}
    return RowChoices(
        values={part: {**dict(list(known.get(part, {}).items())[:MOST]), **empty} for part in parts},
        leads=dict(list({**there, **leads}.items())[:MOST]),
    )


def _of_ifs(case: CostCodesCase | None) -> dict[str, _Named]:
    """Code part values that are valid, activities and sub-projects, by part."""
    found: dict[str, _Named] = {}
    if case is None:
        return found
    today = case.given.today
    for (part, value), one in sorted(case.chart.dimensions.items()):
        if one.valid_from <= today <= one.valid_until:
            found.setdefault(part, {})[value] = one.name
    numbers = {case.chart.looked_at(activity) for activity in case.chart.activities}
    found["activity"] = dict.fromkeys(sorted({number for number, _ in numbers if number}), "")
    found["sub_project"] = dict.fromkeys(sorted({sub for _, sub in numbers if sub}), "")
    return found


def _types(case: CostCodesCase | None) -> _Named:
    types = case.coding.cost_types if case else {}
    return {code: one.name for code, one in sorted(types.items())}


def _codes(case: CostCodesCase | None) -> _Named:
    found: _Named = {}
    for codes in case.coding.cost_codes.values() if case else ():
        found |= {code: one.name for code, one in codes.items()}
    return dict(sorted(found.items()))
