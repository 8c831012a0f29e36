"""The first mapping of a set-up: what the survey saw in use, and rows for what leads nowhere yet."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ml_connector.app import App
from ml_connector.kernel.errors import BadInput
from ml_connector.planning.mapping import CodeMapping
from ml_connector.planning.mapping_editing import Edit, edited
from ml_connector.planning.mapping_use import values_in
from ml_connector.planning.mapping_words import EMPTY
from ml_connector.planning.survey import Survey
from ml_connector.service import mapping_desk, setting_up, surveying
from ml_connector.store import mappings
from ml_connector.wiring import mapping_of


class Answered(msgspec.Struct, frozen=True):
    """Where one gap shall lead; an empty code leaves it."""

    section: str
    looked_at: str
    to: str


def save(app: App, name: str, given: Sequence[Answered]) -> int:
    """Adds a row for each gap that was given a code, as one new version of the mapping; how many. Audited.

    An unsaved draft of this person stays, and is carried over onto it where nothing clashes.

    A row takes its own gap and nothing else: what is empty there must be empty. BadInput for one that would lead what
    has a code elsewhere, and for a cost type that Procore has not: none is ever made there. A cost code may come to be
    with a plan.
    """
    survey, before, version = ground(app, name)
    mapping = before
    rows = 0
    for one in given:
        if one.to:
            if one.section not in ("cost_code", "cost_type"):
                raise BadInput(f"A set-up maps no {one.section!r}.", remedy="Use cost_code or cost_type.")
            if one.section == "cost_type" and survey.cost_types and one.to not in survey.cost_types:
                known = ", ".join(sorted(survey.cost_types))
                raise BadInput(
                    f"Procore has no cost type {one.to!r}, and none is ever made there.",
                    remedy=f"Choose one of {known}, or add it in Procore and look again.",
                )
            values = {part: _plain(value) or EMPTY for part, value in values_in(one.looked_at).items()}
            if not values:
                raise BadInput(f"{one.looked_at!r} names no value.", remedy="Map it on the mapping page.")
            section = "cost_code" if one.section == "cost_code" else "cost_type"
            mapping = edited(mapping, Edit(section=section, what="add", values={**values, "to": one.to}))  # type: ignore[arg-type]
            rows += 1
    if rows:
        mapping_desk.check_recodes_nothing(app, name, before, mapping)
        mapping_desk.keep(app, name, mapping, version)
    setting_up.done(app, name, "mapping")
    return rows


def ground(app: App, name: str) -> tuple[Survey, CodeMapping, int]:
    """The survey, the newest mapping and its version; BadInput before anybody looked at both sides."""
    survey = surveying.surveyed(app, name)
    if survey is None:
        raise BadInput("Nobody has looked at both sides yet.", remedy="See first what is there.")
    return survey, *newest(app, name)


def newest(app: App, name: str) -> tuple[CodeMapping, int]:
    """The newest mapping of a connection and its version."""
    row = setting_up.connection_of(app, name)
    with app.db.begin() as conn:
        latest = mappings.latest(conn, row.id)
    return mapping_of(latest.toml if latest else app.export_mapping(name)), latest.version if latest else 0


def _plain(value: str) -> str:
    """A value as a pattern that fits it alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in value)
