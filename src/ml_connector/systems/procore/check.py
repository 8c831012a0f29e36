"""Looks a Procore connection over, right by right, and counts what it holds; sends nothing that changes anything."""

from __future__ import annotations

from collections.abc import Callable

from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.text import counted, listed
from ml_connector.records.project import Project
from ml_connector.systems.finding import Finding
from ml_connector.systems.procore import direct_cost
from ml_connector.systems.procore.answers import COMPANY
from ml_connector.systems.procore.company import company_rows
from ml_connector.systems.procore.settings import environment_of
from ml_connector.systems.procore.system import ProcoreSystem

_NAMED = 10
"""How many projects a finding names."""


def check(system: ProcoreSystem) -> list[Finding]:
    """One finding for each thing the connector needs. A missing right is a finding; only sign-in trouble stops it."""
    findings = [environment(system.settings.url)]
    findings.append(_tried("company", lambda: _company(system)))
    if not findings[-1].ok:
        return findings
    projects: list[Project] = []
    findings.append(_tried("permitted projects", lambda: _projects(system, projects)))
    findings.append(_tried("company directory", lambda: counted(len(system.vendors()), "vendor")))
    findings.append(_tried("cost types", lambda: counted(len(system.cost_types()), "cost type")))
    findings.append(_tried("units of measure", lambda: counted(system.units.count(), "unit")))
    findings.append(_tried("currency", lambda: _currency(system)))
    open_ones = [project for project in projects if project.open]
    for name, read in _tools(system):
        findings.append(_of_projects(name, open_ones, read))
    return findings


def discover(system: ProcoreSystem) -> dict[str, int]:
    """Counts of what the connector can see: company-wide, and summed over open projects."""
    projects = system.projects()
    open_ones = [project for project in projects if project.open]
    counts = {
        "projects": len(projects),
        "open projects": len(open_ones),
        "vendors": len(system.vendors()),
        "cost types": len(system.cost_types()),
    }
    for name, read in _tools(system):
        counts[name] = sum(read(project.id) for project in open_ones)
    return counts


def environment(url: str) -> Finding:
    """Which of Procore's environments the address is (facts/procore.md 1)."""
    return Finding("environment", True, environment_of(url))


def _tools(system: ProcoreSystem) -> list[tuple[str, Callable[[str], int]]]:
    return [
        ("project directory", lambda project: len(system.project_vendors(project))),
        ("cost codes", lambda project: len(system.cost_codes(project))),
        ("budget codes", lambda project: len(system.budget_codes(project))),
        ("commitments", lambda project: len(system.commitments(project))),
        ("billing periods", lambda project: len(system.billing_periods(project))),
        ("direct costs", lambda project: len(direct_cost.headers(system.client, project))),
        ("budget lines", lambda project: len(system.budget(project).lines)),
    ]


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except ConnectorError as error:
        return Finding(name, False, str(error), error.remedy)


def _company(system: ProcoreSystem) -> str:
    client = system.client
    rows = company_rows(client)
    for row in rows:
        if str(row.id) == client.company:
            return f"The app is installed in {row.name or 'the company'} ({row.id})."
    seen = ", ".join(f"{row.name} ({row.id})" for row in rows[:5]) or "none"
    raise ConnectorError(f"The token does not see company {client.company}, only: {seen}.", remedy=COMPANY.right)


def _projects(system: ProcoreSystem, found: list[Project]) -> str:
    found += system.projects()
    if not found:
        raise ConnectorError("The app may see no project of this company.", remedy=COMPANY.right)
    return f"{counted(len(found), 'project')}, {sum(p.open for p in found)} of them open."


def _currency(system: ProcoreSystem) -> str:
    code = system.currencies.company().currency_iso_code
    if code is None:
        raise ConnectorError(
            "The company's currency cannot be read; every order is taken to be in its project's currency.",
            remedy="Give the service account Read or better on the company Admin tool.",
        )
    kept = "contracts may differ from it" if system.keeps_currency() else "the only one contracts may have"
    return f"{code}, {kept}."


def _of_projects(name: str, projects: list[Project], read: Callable[[str], int]) -> Finding:
    """One tool over all open projects: how much is there, or in which projects it may not be read."""
    total, failed = 0, list[str]()
    said = remedy = ""
    for project in projects:
        try:
            total += read(project.id)
        except ConnectorError as error:
            failed.append(project.number or project.id)
            said, remedy = said or str(error), remedy or error.remedy
    if failed:
        named = f"{counted(len(failed), 'project')}: {listed(failed, _NAMED)}"
        of = f"Of {failed[0]}: " if len(failed) > 1 else ""
        return Finding(name, False, f"Not readable in {named}. {of}{said}", remedy)
    return Finding(name, True, f"{total:,} in {counted(len(projects), 'open project')}.")
