"""Looks at both sides before anything is planned, and says what is there and what looks alike. Sends no change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.text import counted
from ml_connector.planning import survey as surveys
from ml_connector.planning.mapping import Mapper
from ml_connector.planning.matching import Verdict
from ml_connector.planning.survey import Odd, OrderSums, Survey, Typed, Used
from ml_connector.planning.workbench import (
    Pair,
    Weight,
    known_projects,
    known_vendors,
    pair_projects,
    pair_vendors,
)
from ml_connector.records.project import Project
from ml_connector.systems.port import ErpSystem, Progress, ProjectsSystem


class Ground(msgspec.Struct, frozen=True):
    """What a survey is told besides the two systems."""

    company: str
    mapper: Mapper
    near: int
    """Score from which a vendor's name is near enough to ask about; see policy `vendors.near`."""
    counts: Mapping[str, Mapping[str, Any]]
    """Side (erp, projects) to what its room counts."""
    progress: Progress


def survey(erp: ErpSystem, projects: ProjectsSystem, ground: Ground) -> Survey:
    """Reads every open order once, the suppliers it names, and of Procore what a pair of projects needs."""
    sums = OrderSums()
    odd: list[Odd] = []
    for page in erp.orders(lambda _ids: {}):
        sums.take(page.orders)
        odd += [Odd(problem.sentence) for problem in page.problems]
        ground.progress("orders read", len(sums.all.seen))
    ours, bad_projects = erp.projects()
    odd += [Odd(problem.sentence) for problem in bad_projects]
    theirs = projects.projects()
    found = erp.vendors(sorted(sums.of_supplier), lambda _ids: {})
    odd += [Odd(problem.sentence) for problem in found.problems]
    directory = projects.vendors()
    pairs = pair_projects(ours, theirs, surveys.weights(sums.of_project))
    codes, missing, typed, troubles = _of_pairs(projects, pairs, sums, ground)
    used = surveys.used_codes(sums)
    suppliers = surveys.weights(sums.of_supplier)
    return Survey(
        erp=dict(ground.counts["erp"]),
        projects=dict(ground.counts["projects"]),
        orders=sums.all.weight(),
        first=sums.first,
        last=sums.last,
        currencies=tuple(sorted(sums.all.money)),
        pairs=pairs,
        sites=known_projects(theirs),
        vendors=pair_vendors(ground.company, found.vendors, directory, suppliers, ground.near),
        directory=known_vendors(directory),
        used=used,
        names=_names(erp, used),
        cost_types={one.code: one.name for one in projects.cost_types()},
        cost_codes=codes,
        missing_codes=missing,
        typed=tuple(typed),
        odd=(*surveys.oddities(sums, found.vendors, directory, _open(ours)), *troubles, *odd),
    )


def _names(erp: ErpSystem, used: Sequence[Used]) -> dict[str, str]:
    """Names of the code part values in use."""
    wanted = {part for one in used for part in one.codes}
    values, _ = erp.dimensions()
    return {f"{one.part}={one.value}": one.name for one in values if (one.part, one.value) in wanted}


def _open(ours: Sequence[Project]) -> set[str]:
    return {one.id for one in ours if one.open}


def _of_pairs(
    projects: ProjectsSystem, pairs: Sequence[Pair], sums: OrderSums, ground: Ground
) -> tuple[dict[str, str], dict[str, tuple[str, ...]], list[Typed], list[Odd]]:
    """Of each pair that looks certain: Procore's cost codes, mapped ones it lacks, orders typed by hand, troubles."""
    codes: dict[str, str] = {}
    missing: dict[str, tuple[str, ...]] = {}
    typed: list[Typed] = []
    troubles: list[Odd] = []
    wanted = surveys.wanted_codes(sums, ground.mapper)
    certain = [pair for pair in pairs if pair.verdict == Verdict.CERTAIN.value and pair.weight != Weight()]
    for number, pair in enumerate(certain, 1):
        try:
            there = {one.code: one.name for one in projects.cost_codes(pair.alike[0].id)}
            codes |= there
            typed += surveys.typed_by_hand(sums, pair.number, projects.commitments(pair.alike[0].id))
        except ConnectorError as error:
            troubles.append(Odd(f"Project {pair.number} could not be looked at: {error}", error.remedy))
            continue
        if lacking := sorted(wanted.get(pair.id, set()) - there.keys()):
            missing[pair.number] = tuple(lacking)
        ground.progress(f"{counted(len(certain), 'pair')} of projects", number)
    return codes, missing, typed, troubles
