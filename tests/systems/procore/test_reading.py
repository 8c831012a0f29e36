"""Reading a company: every list comes whole, whatever the page size, and in records."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from ml_connector.kernel.errors import FixSetup, RightMissing, Unavailable
from ml_connector.records.commitment import CommitmentStatus
from ml_connector.records.project import Project
from ml_connector.systems.procore.answers import COMMITMENTS
from ml_connector.systems.procore.check import _of_projects, check, discover
from ml_connector.systems.procore.settings import BudgetList

from .office import COMPANY, SETTINGS, WORLD, Office, only, reply


def test_projects_come_with_number_and_currency() -> None:
    system = Office().system
    found = {p.number: p for p in system.projects()}
    assert set(found) == {site.procore_number or site.project_id for site in WORLD.sites if site.procore_name}
    assert found["1201"].name == "Harbor Terminal Crane Rail"
    assert found["1201"].open
    assert system.currency_of(found["1201"].id) == "USD"


def test_a_company_of_one_currency_is_asked_once() -> None:
    office = Office(multi_currency=False)
    assert {office.system.currency_of(p.id) for p in office.system.projects()} == {"USD"}
    assert not office.system.keeps_currency()
    assert sum("currency_configuration" in request.url for request in office.said) == 1
    assert Office().system.keeps_currency()


def test_small_pages_give_the_same_vendors_and_no_request_too_many() -> None:
    office = Office(msgspec.structs.replace(SETTINGS, page_size=10))
    small = office.system.vendors()
    pages = sum("/rest/v1.0/vendors?" in request.url for request in office.said)
    assert small == Office().system.vendors()
    assert pages == -(-len(WORLD.vendors) // 10)
    assert any(vendor.tax_number for vendor in small)


def test_budget_codes_know_their_budget_from_either_source() -> None:
    office = Office()
    by_lines = office.system.budget_codes(office.project())
    assert any(code.budgeted for code in by_lines)
    for other in (
        Office(budget_line_list=False),
        Office(msgspec.structs.replace(SETTINGS, budget_list=BudgetList.VIEWS)),
    ):
        other.checking = False  # a call that is switched off stands in no contract
        assert other.system.budget_codes(other.project()) == by_lines


def test_an_unreadable_budget_names_the_right_that_is_missing() -> None:
    office = Office(permissions={"directory": "admin", "admin": "admin", "commitments": "admin", "budget": "none"})
    with pytest.raises(RightMissing) as caught:
        office.system.budget_codes(office.project())
    assert "Budget" in caught.value.remedy


def test_a_typed_order_reads_with_its_lines() -> None:
    office = Office()
    typed = WORLD.typed_orders[0]
    project = office.project(typed.project_id)
    header = next(c for c in office.system.commitments(project) if c.number == typed.number)
    full = office.system.commitment_lines(project, header.id)
    assert full is not None
    assert header.lines == ()
    assert header.once_key == ""
    assert header.status is CommitmentStatus(typed.status)
    assert [line.budget_code for line in full.lines] == [f"{code}.{kind}" for code, kind, *_ in typed.lines]
    assert full.total == sum((line.amount for line in full.lines), Decimal(0))
    assert office.system.commitment_lines(project, "1") is None


def test_since_brings_only_what_changed() -> None:
    office = Office()
    project = office.project(WORLD.typed_orders[0].project_id)
    assert office.system.commitments(project, "2026-03-02T09:00:00+01:00")
    assert office.system.commitments(project, "2026-03-02T08:00:01Z") == []
    office.clock.advance(timedelta(hours=1))
    office.face.acts["edit_order"]({"order_number": WORLD.typed_orders[0].number, "title": "Changed"})
    assert [c.title for c in office.system.commitments(project, "2026-03-02T08:30:00+00:00")] == ["Changed"]


def test_a_list_that_ignores_page_is_noticed() -> None:
    settings = msgspec.structs.replace(SETTINGS, page_size=5)
    office = Office(settings, ignore_page_endpoints={"/rest/v1.0/vendors"})
    with pytest.raises(Unavailable, match="repeats page 1"):
        office.system.vendors()


def test_a_list_without_headers_is_read_until_it_is_empty_or_repeats() -> None:
    office = Office()
    rows = [{"id": 1, "code": "M", "name": "Materials"}]
    office.before = lambda request: reply(200, rows) if "line_item_types" in request.url else None
    assert [t.code for t in office.system.cost_types()] == ["M"]
    assert len(office.said) == 2
    office.said.clear()
    office.before = lambda request: reply(200, rows if "page=1&" in request.url else [])
    assert [t.code for t in office.system.cost_types()] == ["M"]
    assert len(office.said) == 2


def test_too_many_pages_stop_with_a_remedy() -> None:
    office = Office(msgspec.structs.replace(SETTINGS, page_size=1, max_pages=3))
    with pytest.raises(FixSetup, match="more than 3 pages") as caught:
        office.system.vendors()
    assert "max_pages" in caught.value.remedy


def test_the_check_finds_nothing_wrong_with_a_good_company() -> None:
    office = Office()
    findings = check(office.system)
    assert [f for f in findings if not f.ok] == []
    assert {"environment", "company", "permitted projects", "commitments", "budget codes"} <= {f.name for f in findings}
    assert office.writes == []
    assert discover(office.system)["projects"] == 5 - sum(site.procore_name is None for site in WORLD.sites)


@pytest.mark.parametrize(
    ("tool", "finding", "remedy"),
    [
        ("commitments", "commitments", COMMITMENTS.right),
        ("directory", "company directory", "Directory"),
        ("budget", "budget codes", "Budget"),
    ],
)
def test_the_check_names_the_missing_tool(tool: str, finding: str, remedy: str) -> None:
    levels = {"directory": "admin", "admin": "admin", "commitments": "admin", "budget": "admin"} | {tool: "none"}
    found = {f.name: f for f in check(Office(permissions=levels).system)}
    assert not found[finding].ok
    assert remedy in found[finding].remedy


def test_an_uninstalled_app_and_a_wrong_company_are_set_up_matters() -> None:
    office = Office(app_installed=False)
    with pytest.raises(FixSetup, match="not installed") as caught:
        office.system.vendors()
    assert "App Management" in caught.value.remedy
    assert caught.value.reference
    findings = check(office.system)
    assert [f.ok for f in findings] == [True, False]
    wrong = Office(msgspec.structs.replace(SETTINGS, company_id="12"))
    assert not check(wrong.system)[-1].ok


def test_every_project_in_which_a_tool_may_not_be_read_is_named() -> None:
    def read(project: str) -> int:
        if project == "7":
            return 3
        raise RightMissing(f"Procore could not read contracts of {project}.", remedy="Give it Read.")

    numbers = [Project(str(one), f"12{one:02}", "Site", True) for one in range(1, 14)]
    found = _of_projects("commitments", numbers, read)
    assert found.sentence == (
        "Not readable in 12 projects: 1201, 1202, 1203, 1204, 1205, 1206, 1208, 1209, 1210, 1211 and 2 more. "
        "Of 1201: Procore could not read contracts of 1."
    )
    assert (found.ok, found.remedy) == (False, "Give it Read.")
    alone = _of_projects("commitments", numbers[:1], read)
    assert alone.sentence == "Not readable in 1 project: 1201. Procore could not read contracts of 1."


def test_a_missing_company_header_is_told_as_such() -> None:
    office = Office()
    text = {"message": "Missing Procore-Company-Id header! Send it.", "exception": "X"}
    office.before = only("vendors", lambda: reply(404, text))
    with pytest.raises(FixSetup, match="did not accept the company") as caught:
        office.system.vendors()
    assert "company_id" in caught.value.remedy
    assert all(dict(request.headers)["Procore-Company-Id"] == COMPANY for request in office.said)
