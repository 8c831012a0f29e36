"""Projects the app may see: GET /rest/v1.1/projects, whose pages hold at most 300 (facts/procore.md 2.1, 5)."""

from __future__ import annotations

import msgspec

from ml_connector.records.project import Project
from ml_connector.systems.procore.answers import PROJECTS
from ml_connector.systems.procore.client import Client

PAGE = 300


class ProjectRow(msgspec.Struct):
    """The members of a project row we use."""

    id: int
    name: str | None = None
    display_name: str | None = None
    project_number: str | None = None
    active: bool | None = None
    origin_id: str | None = None


_rows = msgspec.json.Decoder(list[ProjectRow])


def parse(row: ProjectRow) -> Project:
    """A row as a record; without a name the display name stands in."""
    return Project(
        id=str(row.id),
        number=(row.project_number or "").strip(),
        name=row.name or row.display_name or "",
        open=row.active is not False,
        origin=row.origin_id or None,
    )


def read(client: Client) -> list[Project]:
    """Every project we may see, closed ones included."""
    query = (("company_id", client.company), ("view", "normal"), ("filters[by_status]", "All"))
    rows = client.pages("/rest/v1.1/projects", query, _rows, PROJECTS, PAGE)
    return [parse(row) for row in rows]
