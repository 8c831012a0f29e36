"""What a person says about pairs before the first plan: projects and vendors of both sides, one by one or in bulk."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.planning.survey import Paired
from ml_connector.planning.workbench import QUESTIONS, Decided, Known, Pair, acceptable
from ml_connector.service import setting_up, surveying
from ml_connector.store import audit, bulk, links, rulings, setups
from ml_connector.store.bulk import Transaction
from ml_connector.store.rulings import RulingRow

ANSWERS = {"project": ("link", "ignore", "leave"), "vendor": ("link", "new", "leave")}
"""What may be said of each: link it, leave it out or make it anew, or leave the question open."""
_MOST = 5000


class Said(msgspec.Struct, frozen=True):
    """What a person says of one record: an answer, and for `link` the record of Procore."""

    id: str
    answer: str
    target: str = ""


def pairs_of(found: Paired, kind: str) -> tuple[tuple[Pair, ...], tuple[Known, ...]]:
    """The rows of a workbench, and what may be chosen by hand."""
    return (found.pairs, found.sites) if kind == "project" else (found.vendors, found.directory)


def decided(app: App, name: str, kind: str) -> dict[str, Decided]:
    """What stands about each record of a kind: links, and answers that wait for the next plan."""
    row = setting_up.connection_of(app, name)
    with app.db.begin() as conn:
        return _decided(conn, row.id, kind)


def any_project(app: App, name: str) -> bool:
    """Whether some project is paired, or policy pairs by itself those that are certain: else no plan has anything to
    do."""
    paired = any(one.answer in ("link", "linked") for one in decided(app, name, "project").values())
    return paired or config_from(setting_up.connection_of(app, name).config).policy.projects.link == "auto"


def say(app: App, name: str, kind: str, given: Collection[Said]) -> int:
    """Remembers answers, all of them or none; how many. BadInput when one cannot be so. Audited one by one."""
    if kind not in QUESTIONS:
        raise BadInput(f"There are no pairs of {kind!r}.", remedy="Use project or vendor.")
    if len(given) > _MOST:
        raise BadInput(f"{len(given)} answers are too many at once.", remedy=f"Send {_MOST} at most.")
    row, found = setting_up.connection_of(app, name), _survey(app, name)
    ours, theirs = pairs_of(found, kind)
    with app.db.begin() as conn:
        before = _decided(conn, row.id, kind)
        _fit(kind, given, {one.id: one for one in ours}, {one.id: one for one in theirs}, before)
        reason = QUESTIONS[kind].value
        kept = [RulingRow(kind, one.id, reason, one.answer, _target(one), app.actor) for one in given if _says(one)]
        rulings.put_rulings(conn, row.id, kept)
        back = [rulings.withdraw(conn, row.id, Key(kind, one.id), reason) for one in given if not _says(one)]
        if any(back):
            setups.mark(conn, setting_up.of_connection(conn, app, name).id, setups.WITHDRAWN, app.actor)
        audit.append(conn, row.id, [_entry(app, kind, one, reason) for one in given])
    return len(given)


def accept(app: App, name: str, kind: str, threshold: int) -> int:
    """Links every pair a person may accept in one go (see `workbench.acceptable`); how many."""
    if not 0 <= threshold <= 100:
        raise BadInput(f"{threshold} is no likeness.", remedy="It is a number from 0 to 100.")
    ours, _ = pairs_of(_survey(app, name), kind)
    there = decided(app, name, kind)
    given = [Said(one, "link", target) for one, target in acceptable(ours, there, threshold).items()]
    return say(app, name, kind, given) if given else 0


def _survey(app: App, name: str) -> Paired:
    found = surveying.paired(app, name)
    if found is None:
        raise BadInput(
            "Nobody has looked at both sides yet.", remedy=f"Run `ml-connector setup look {name} survey` first."
        )
    return found


def _decided(conn: Transaction, connection_id: int, kind: str) -> dict[str, Decided]:
    reason = QUESTIONS[kind].value
    found = {
        key.id: Decided(row.answer, row.target, row.actor)
        for (key, why), row in rulings.rulings_of(conn, connection_id).items()
        if key.kind == kind and why == reason
    }
    linked = {row.erp_id: Decided("linked", row.target_id) for row in links.links_of(conn, connection_id, kind)}
    return {**found, **linked}


def _fit(
    kind: str,
    given: Collection[Said],
    ours: Mapping[str, Pair],
    theirs: Mapping[str, Known],
    before: Mapping[str, Decided],
) -> None:
    """BadInput for an answer that cannot be so: an unknown record, two of ours for one project of theirs."""
    if len({one.id for one in given}) != len(given):
        raise BadInput("One record was answered for twice.", remedy="Say it once.")
    standing = {key: one.target for key, one in before.items() if one.answer in ("link", "linked")}
    for one in given:
        if one.id not in ours:
            raise BadInput(f"The survey knows no {kind} {one.id!r}.", remedy="Look again at both sides first.")
        if one.answer not in ANSWERS[kind]:
            raise BadInput(f"{one.answer!r} is no answer.", remedy=f"Use {', '.join(ANSWERS[kind])}.")
        if one.answer == "link" and one.target not in theirs:
            raise BadInput(f"Procore shows no {kind} {one.target!r}.", remedy=f"Choose the {kind} of {one.id}.")
        if one.answer == "new" and not ours[one.id].purchasable:
            raise BadInput(
                f"IFS has no purchase data for {ours[one.id].name}, so no plan makes it in Procore.",
                remedy="Complete it in IFS, then look again at both sides; or link it, or leave it open.",
            )
        if before.get(one.id, Decided()).answer == "linked":
            raise BadInput(f"{ours[one.id].name} is linked already.", remedy="Change it in the inbox.")
        standing.pop(one.id, None)
    for one in given:
        if kind == "project" and one.answer == "link":
            other = next((key for key, target in standing.items() if target == one.target), "")
            if other:
                raise BadInput(
                    f"{theirs[one.target].name} is paired with project {other} already: two cannot share one.",
                    remedy="Choose another one, or leave one of them out.",
                )
            standing[one.id] = one.target


def _says(one: Said) -> bool:
    return one.answer != "leave"


def _target(one: Said) -> str:
    return one.target if one.answer == "link" else ""


def _entry(app: App, kind: str, one: Said, reason: str) -> audit.AuditEntry:
    tag = "ruling:make:done" if _says(one) else "ruling:withdraw:done"
    details = bulk.json_text({"answer": one.answer, "target": _target(one), "note": "set-up", "reason": reason})
    return audit.AuditEntry(app.clock(), app.actor, tag, kind, one.id, 0, details)
