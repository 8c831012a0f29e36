"""The estimate of a project as IFS keeps it: an amount by activity and cost element (facts/ifs.md 11.12)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from ml_connector.kernel.errors import Bug
from ml_connector.kernel.keys import Key
from ml_connector.records.budget import BudgetEstimate
from ml_connector.records.problem import Problem
from ml_connector.systems.ifs.odata import Odata, text_literal
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.rows import Row, parsed

KIND = "estimate"
AMOUNTS = ("estimated", "planned", "baseline")
"""The figures of a project that may be its budget."""


def estimates_of(
    odata: Odata, profile: Profile, projects: Sequence[str], amount: str
) -> tuple[list[BudgetEstimate], list[Problem]]:
    """The rows of each of `projects`, in company currency, one request a project and page.

    `amount` is one of AMOUNTS, else Bug. A row without that amount, such as one that only carries cost, is left out.
    """
    if amount not in AMOUNTS:
        raise Bug(f"IFS was asked for the estimate's figure {amount!r}, which is none of {', '.join(AMOUNTS)}.")
    where = profile.estimate
    estimates: list[BudgetEstimate] = []
    problems: list[Problem] = []
    for project in dict.fromkeys(projects):
        reading = odata.below(where, {"id": text_literal(project)}, f"read the estimate of project {project}")
        found, bad = parsed(odata.rows(reading), partial(_estimate, project, amount), where, KIND)
        estimates.extend(one for one in found if one is not None)
        # a sum without one of its rows would be wrong, so the problem is the project's
        problems.extend(msgspec.structs.replace(one, key=Key(KIND, project)) for one in bad)
    return estimates, problems


def _estimate(project: str, amount: str, row: Row) -> BudgetEstimate | None:
    if not row.text(amount):
        return None
    return BudgetEstimate(
        project=project,
        activity=row.activity(),
        element=row.required("element"),
        amount=row.number(amount),
    )
