"""The mapping step of a set-up: code strings in use that lead nowhere yet, and where they might lead."""

from __future__ import annotations

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.planning.budgeting import stay_out
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.mapping_suggesting import Known, Suggester
from ml_connector.planning.mapping_use import values_in
from ml_connector.planning.survey import gaps_of
from ml_connector.service import setting_up
from ml_connector.service.first_mapping import ground, newest
from ml_connector.views.listing import money


class GapView(msgspec.Struct, frozen=True):
    """Values that lead nowhere: what is missing, what hangs on them, and the best guess with its evidence."""

    section: str
    """cost_code or cost_type."""
    looked_at: str
    values: dict[str, str]
    names: list[str]
    strings: int
    """Code strings in use that have these values."""
    money: list[dict[str, str]]
    guess: str
    evidence: list[str]


class FirstMapping(msgspec.Struct, frozen=True):
    """How far the mapping reaches before the first plan."""

    version: int
    used: int
    """Different code strings in use."""
    gaps: list[GapView]
    cost_types: dict[str, str]
    """Procore's, code to name; what a gap of that section may lead to."""
    cost_codes: dict[str, str]
    missing_codes: dict[str, list[str]]
    """IFS project to mapped cost codes its Procore project lacks, which the policy may let us make."""
    budgets: str = ""
    """Why no budget will cross, in a sentence; empty where budgets are mapped, or Procore's are left alone."""


def first_mapping(app: App, name: str) -> FirstMapping:
    """The gaps of the newest mapping over what the survey saw in use, the heaviest first."""
    survey, mapping, version = ground(app, name)
    names = {tuple(key.split("=", 1)): value for key, value in survey.names.items()}
    known = {
        "cost_type": Known({(key[0], key[1]): value for key, value in names.items()}, survey.cost_types),
        "cost_code": Known({(key[0], key[1]): value for key, value in names.items()}, survey.cost_codes),
    }
    suggesters = {section: Suggester(getattr(mapping, section), one) for section, one in known.items()}
    gaps = []
    for gap in gaps_of(survey.used, Mapper(mapping)):
        values = values_in(gap.looked_at)
        found = suggesters[gap.missing].suggest(values)
        cells = [money(amount, currency) for currency, amount in gap.money.items()]
        gaps.append(
            GapView(
                section=gap.missing,
                looked_at=gap.looked_at,
                values=values,
                names=[
                    survey.names[key] for part, value in values.items() if (key := f"{part}={value}") in survey.names
                ],
                strings=gap.strings,
                money=[cell for cell in cells if cell],
                guess=found[0].to if found else "",
                evidence=list(found[0].evidence) if found else [],
            )
        )
    return FirstMapping(
        version,
        len(survey.used),
        gaps,
        survey.cost_types,
        survey.cost_codes,
        {project: list(codes) for project, codes in survey.missing_codes.items()},
        budgets_left_out(app, name),
    )


def budgets_left_out(app: App, name: str) -> str:
    """Why no budget crosses as the policies and the newest mapping are, in a sentence; else empty."""
    owner = config_from(setting_up.connection_of(app, name).config).policy.budgets.owner
    return stay_out(newest(app, name)[0], owner)
