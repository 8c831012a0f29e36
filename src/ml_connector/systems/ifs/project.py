"""IFS projects as records (facts/ifs.md 11.12)."""

from __future__ import annotations

from ml_connector.records.project import Project
from ml_connector.systems.ifs.odata import text_literal
from ml_connector.systems.ifs.rows import Row
from ml_connector.systems.ifs.set_profile import SetProfile

KIND = "project"

_OVER = frozenset({"Completed", "Closed", "Cancelled"})


def project_of(row: Row) -> Project:
    """The project in `row`; Reject without an id. IFS's number and id are one; its currency is the company's."""
    identity = row.required("id")
    return Project(identity, identity, row.text("name") or identity, row.text("state") not in _OVER)


def of_company(where: SetProfile, company: str, condition: str = "") -> str:
    """The filter that keeps other companies' rows out, where the set names the company, and `condition` beside it."""
    name = where.name("company")
    own = f"{name} eq {text_literal(company)}" if name else ""
    return " and ".join(part for part in (own, condition) if part)
