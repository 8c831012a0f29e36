"""Every entry of a connection file and every setting of the installation has its place in the pages."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ml_connector import connection_file, settings
from ml_connector.planning.mapping import CodeMapping, SegmentRule
from ml_connector.planning.policy import Policies
from ml_connector.planning.schedule import FlowSchedule, Freeze, HolidayPart, Schedule

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "connection-file.md").read_text(encoding="utf-8")

FIELDS = [
    *(field.name for field in msgspec.structs.fields(connection_file.ConnectionPart)),
    *(field.name for field in msgspec.structs.fields(connection_file.ErpPart)),
    *(field.name for field in msgspec.structs.fields(connection_file.ProjectsPart)),
    *(field.name for field in msgspec.structs.fields(CodeMapping)),
    *(field.encode_name for field in msgspec.structs.fields(SegmentRule) if field.name != "rows"),
]
POLICIES = [
    f"{part.name}.{entry.name}"
    for part in msgspec.structs.fields(Policies)
    for entry in msgspec.structs.fields(part.type)
    if part.name != "brakes"
]
SCHEDULE = [f"schedule.{field.name}" for field in msgspec.structs.fields(Schedule)]
WEBHOOKS = [f"webhooks.{field.name}" for field in msgspec.structs.fields(connection_file.WebhooksPart)]
SCHEDULE_PARTS = [field.name for part in (FlowSchedule, Freeze, HolidayPart) for field in msgspec.structs.fields(part)]


@pytest.mark.parametrize("entry", WEBHOOKS)
def test_an_entry_of_the_webhooks_is_on_its_page(entry: str) -> None:
    assert f"`{entry}`" in PAGE


@pytest.mark.parametrize("entry", [*SCHEDULE, *sorted(set(SCHEDULE_PARTS))])
def test_an_entry_of_the_schedule_is_on_its_page(entry: str) -> None:
    assert f"`{entry}`" in PAGE


@pytest.mark.parametrize("field", sorted(set(FIELDS)))
def test_an_entry_of_the_connection_file_is_on_its_page(field: str) -> None:
    assert field in PAGE


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_is_on_its_page(policy: str) -> None:
    assert f"`policy.{policy}`" in PAGE


@pytest.mark.parametrize("brake", [field.name for field in msgspec.structs.fields(type(Policies().brakes))])
def test_a_brake_is_on_its_page(brake: str) -> None:
    assert brake in PAGE


@pytest.mark.parametrize("variable", [settings.HOME, settings.DATABASE_URL])
def test_a_variable_is_in_the_readme_and_the_operators_page(variable: str) -> None:
    assert variable in (DOCS / "operating.md").read_text(encoding="utf-8")
    assert variable in (DOCS.parent / "README.md").read_text(encoding="utf-8")
