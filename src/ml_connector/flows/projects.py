"""Projects: IFS projects find their Procore partners; none is ever created in Procore."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.matching import Candidate, Match, Verdict, match_project
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, Verb, pack
from ml_connector.planning.situation import Situation
from ml_connector.records.project import Project

FLOW = "projects"


def decide(situation: Situation, ours: Sequence[Project], theirs: Sequence[Project]) -> Decision:
    """Links each open IFS project to the one Procore project of its number or name, or says why not."""
    intents: list[Intent] = []
    holds: list[Hold] = []
    skips: list[Skip] = []
    unchanged: list[Key] = []
    visible = {project.id: project for project in theirs}
    taken = {linked.target: key for key, linked in situation.links.items() if key.kind == "project"}
    for project in ours:
        key = Key("project", project.id)
        linked = situation.links.get(key)
        if linked:
            if linked.target in visible:
                unchanged.append(key)
            else:
                holds.append(_gone(key, project))
            continue
        if not project.open:
            continue
        found = _ruled(situation, key, visible) or match_project(project, theirs)
        free = found.candidates and found.candidates[0].id not in taken
        if found.verdict is Verdict.NONE:
            skips.append(Skip(key, FLOW, f"Project {project.number} {project.name} has no partner in Procore."))
        elif found.verdict is Verdict.CERTAIN and not free:
            holds.append(_taken(key, project, found, taken[found.candidates[0].id]))
        elif found.verdict is Verdict.CERTAIN and _may_link(situation, key):
            taken[found.candidates[0].id] = key
            intents.append(_link(key, project, found))
        else:
            holds.append(_ask(key, project, found))
    return Decision(tuple(intents), tuple(holds), tuple(skips), (), tuple(unchanged))


def _may_link(situation: Situation, key: Key) -> bool:
    ruled = situation.ruled(key, HoldReason.PROJECT_MATCH)
    return situation.policies.projects.link == "auto" or (ruled is not None and ruled.answer == "link")


def _ruled(situation: Situation, key: Key, visible: dict[str, Project]) -> Match | None:
    ruling = situation.ruled(key, HoldReason.PROJECT_MATCH)
    if ruling is None:
        return None
    chosen = visible.get(ruling.target)
    if ruling.answer == "ignore":
        return Match(Verdict.NONE)
    if chosen is None:
        return None
    return Match(Verdict.CERTAIN, (Candidate(chosen.id, chosen.name, 100, ("a person said so",)),))


def _link(key: Key, project: Project, found: Match) -> Intent:
    partner = found.candidates[0]
    return Intent(
        flow=FLOW,
        verb=Verb.LINK,
        key=key,
        once_key="",
        scope="",
        target=partner.id,
        body=pack(project),
        needs=(),
        after=(),
        money=None,
        reason=f"Project {project.number} is {partner.name} in Procore: {', '.join(partner.agrees)}.",
        source=project.number,
        counts_as="linked",
        base=pack(project),
    )


def _ask(key: Key, project: Project, found: Match) -> Hold:
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.PROJECT_MATCH,
        waits_for=Key("ruling", str(key)),
        owner="project accountant",
        sentence=f"Is project {project.number} {project.name} the Procore project {found.candidates[0].name}?",
        candidates=tuple(candidate.id for candidate in found.candidates),
        evidence=found.evidence,
    )


def _taken(key: Key, project: Project, found: Match, other: Key) -> Hold:
    hold = _ask(key, project, found)
    sentence = (
        f"Project {project.number} {project.name} looks like the Procore project {found.candidates[0].name}, which "
        f"already stands for project {other.id}. Two projects cannot share one: answer `ignore` to leave this one out."
    )
    return msgspec.structs.replace(hold, sentence=sentence)


def _gone(key: Key, project: Project) -> Hold:
    return Hold(
        key=key,
        flow=FLOW,
        reason=HoldReason.GONE_THERE,
        waits_for=Key("procore_project", f"{project.number} {project.name}"),
        owner="administrator",
        sentence=(
            f"Project {project.number} {project.name} cannot be seen in Procore any more. Nothing was removed: "
            "unless it was deleted there, a Procore administrator adds it to the permitted projects of the app again."
        ),
    )
