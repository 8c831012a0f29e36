"""What people do in the inbox: answer one hold or many alike, add the mapping row they wait for, take an answer back.

Before anything is saved, each of these says what it would do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.engine import answering
from ml_connector.engine.answering import Given
from ml_connector.engine.foreseeing import MOST_HELD, Laid, foresee
from ml_connector.kernel.errors import AskPerson, BadInput, NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.kernel.text import counted
from ml_connector.planning.blocking import Cause, cause_of
from ml_connector.planning.foreseen import Foreseen
from ml_connector.planning.mapping import DEFAULT, CodeMapping, Mapper
from ml_connector.planning.mapping_editing import Edit, edited
from ml_connector.planning.mapping_use import values_in
from ml_connector.planning.situation import mark_of
from ml_connector.service import jobs, mapping_desk
from ml_connector.store import causes, holds, mappings
from ml_connector.store.bulk import Transaction
from ml_connector.store.holds import HoldRow
from ml_connector.store.rulings import RulingRow
from ml_connector.wiring import mapping_of

MAP = "map"
"""What a person says to a hold that waits for a row of the mapping: not an answer, but the row."""

MAPPED = ("cost_code", "cost_type", "budget_code", "budget_type")
"""Tables of the mapping to which a row can be added from the inbox."""


class Picked(msgspec.Struct, frozen=True):
    """Which holds are meant: those of these numbers, or every open one of a cause when there are none."""

    holds: tuple[int, ...] = ()
    cause: Cause | None = None
    expect: str = ""
    """What `Foreseen.seen` said of them when they were looked at; empty where nobody looked."""


def answer(app: App, name: str, picked: Picked, word: str, *, target: str = "", note: str = "") -> dict[str, Any]:
    """Answers every hold picked, all or none of them; how many. BadInput says which does not take it. Audited.

    AskPerson where something is `expect`ed and other holds are picked by now, or they say something else.
    """
    row = app.connection(name)
    with app.db.begin() as conn:
        found = rows_of(conn, row.id, picked)
        _check_seen(found, picked.expect)
        answering.answer(conn, row.id, found, Given(word, target, note, app.actor, app.clock()))
    return {"connection": name, "answer": word, "answered": len(found), "holds": [one.id for one in found[:1000]]}


def answer_effect(app: App, name: str, picked: Picked, word: str, *, target: str = "", note: str = "") -> Foreseen:
    """What that answer would do; writes nothing and asks neither system. BadInput as `answer` raises it."""
    row = app.connection(name)
    with app.db.begin() as conn:
        found = rows_of(conn, row.id, picked)
        shown = note or ("shown only" if word == "ignore" else "")  # the reason is asked for when it is saved
        given = Given(word, target, shown, app.actor, app.clock())
        verdict = answering.judge(conn, row.id, found, given)
        mapper = Mapper(_mapping(conn, row.id)[0])
        laid = Laid(mapper, verdict.laid(), frozenset(verdict.unlinked))
        effect = foresee(conn, row.id, [*found, *_behind(conn, row.id, found)], mapper, laid)
    return msgspec.structs.replace(effect, seen=seen_of(found))


def map_code(
    app: App, name: str, cause: Cause, values: Mapping[str, str], version: int | None = None
) -> dict[str, Any]:
    """Adds the row a cause waits for at the end of its table, where it can take nothing from another row. Audited.

    `values` is the row by its names in TOML. With `version` only while that is the newest mapping. BadInput when the
    row does not fit what waits, or would lead elsewhere what has a code without any row. `about_draft` says what
    became of this person's draft of the mapping; empty without one.
    """
    _, made, newest = _changed(app, name, cause, values)
    saved = mapping_desk.keep(app, name, made, newest if version is None else version)
    return {
        "connection": name,
        "mapping_version": saved.version,
        "row": dict(values),
        "about_draft": saved.sentence,
    }


def map_effect(app: App, name: str, cause: Cause, values: Mapping[str, str]) -> Foreseen:
    """What that row would do to everything it fits and to what waits behind; saves nothing. BadInput as `map_code`.

    A wide pattern fits more than the cause: every open hold that waits for a row and would have it is looked at, too.
    """
    row = app.connection(name)
    before, made, newest = _changed(app, name, cause, values)
    with app.db.begin() as conn:
        found = rows_of(conn, row.id, Picked(cause=cause))
        first = {one.id for one in found}
        fitting = [one for one in causes.rows_wanted(conn, row.id) if not leads(before, one) and leads(made, one)]
        found += [one for one in causes.holds_for_rows(conn, row.id, fitting) if one.id not in first]
        more = _behind(conn, row.id, found)
        effect = foresee(conn, row.id, [*found, *more], Mapper(before), Laid(Mapper(made)))
    draft = mapping_desk.about_draft(app, name, made)
    return msgspec.structs.replace(effect, seen=seen_of(found), mapping_version=newest, about_draft=draft)


def withdraw(app: App, name: str, record: Key, reason: str) -> dict[str, Any]:
    """Takes an answer back, so that the next run asks again; what it was. Audited. NothingSuchHere without one."""
    row = app.connection(name)
    with app.db.begin() as conn:
        before: RulingRow = answering.withdraw(conn, row.id, (record, reason), (app.actor, app.clock()))
    return {"connection": name, "record": str(record), "reason": reason, "was": before.answer, "by": before.actor}


def withdraw_of_hold(app: App, name: str, hold: int) -> dict[str, Any]:
    """The same by the number of the hold that was answered, open or gone."""
    row = app.connection(name)
    with app.db.begin() as conn:
        found = holds.get_hold(conn, row.id, hold)
    return withdraw(app, name, found.key, found.reason)


def run_now(app: App, name: str) -> dict[str, Any]:
    """Has everything looked at now: what was answered goes, and what was refused is tried again."""
    return jobs.now(app, name)


def cause_of_hold(app: App, name: str, hold: int) -> Cause:
    """The cause of one hold; NothingSuchHere when there is none of that number."""
    row = app.connection(name)
    with app.db.begin() as conn:
        return cause_of_row(holds.get_hold(conn, row.id, hold))


def cause_of_row(row: HoldRow) -> Cause:
    """The cause of a hold as it is kept."""
    return cause_of(row.reason, (row.waits_kind, row.waits_id), row.flow, (row.kind, row.erp_id))


def rows_of(conn: Transaction, connection_id: int, picked: Picked) -> list[HoldRow]:
    """The holds picked; NothingSuchHere for a number there is none of, or when none is left."""
    if not picked.holds:
        rows = [row for row, _ in causes.held_by(conn, connection_id, picked.cause)] if picked.cause else []
        if not rows:
            raise NothingSuchHere("Nothing waits for that any more.", remedy="Look at the inbox again.")
        return rows
    rows = causes.holds_numbered(conn, connection_id, picked.holds)
    missing = sorted(set(picked.holds) - {row.id for row in rows})
    if missing:
        raise NothingSuchHere(f"There is no hold {missing[0]} for this connection.")
    return rows


def place_of(waits_id: str) -> tuple[str, dict[str, str]]:
    """The table of the mapping a hold waits for a row of, and the values the row must fit; empty when it is none."""
    section, _, looked = waits_id.partition(" ")
    return (section, values_in(looked)) if section in MAPPED else ("", {})


def leads(mapping: CodeMapping, waits_id: str) -> bool:
    """Whether the mapping leads somewhere from what a hold says was looked at: then the next run lets it go."""
    section, wanted = place_of(waits_id)
    rule = getattr(mapping, section) if section else None
    return rule is not None and rule.target(wanted) is not None


def seen_of(rows: Collection[HoldRow]) -> str:
    """How many holds were looked at, and a mark of which they are and of what they say."""
    said = sorted(f"{row.id} {row.amount} {row.sentence} {row.evidence}" for row in rows)
    return f"{len(rows)}-{mark_of(chr(10).join(said))}"


def _check_seen(rows: Collection[HoldRow], expect: str) -> None:
    if not expect or expect == seen_of(rows):
        return
    number = expect.partition("-")[0]
    more = len(rows) - int(number) if number.isdecimal() and len(number) < 10 else 0
    if more > 0:
        what = f"{counted(more, 'hold')} more {'waits' if more == 1 else 'wait'} for the same by now."
    elif more < 0:
        what = f"{counted(-more, 'hold')} of those that were shown {'has' if more == -1 else 'have'} gone by now."
    else:
        what = "What waits is no longer what was shown."
    raise AskPerson(f"{what} Nothing was saved.", remedy="Look at what the answer would do again, then save it.")


def _behind(conn: Transaction, connection_id: int, rows: Collection[HoldRow]) -> list[HoldRow]:
    return causes.blocked_by(conn, connection_id, [row.id for row in rows], MOST_HELD)


def _mapping(conn: Transaction, connection_id: int) -> tuple[CodeMapping, int]:
    """The newest mapping and its version; 0 before the first."""
    newest = mappings.latest(conn, connection_id)
    return (mapping_of(newest.toml), newest.version) if newest else (DEFAULT, 0)


def _changed(app: App, name: str, cause: Cause, values: Mapping[str, str]) -> tuple[CodeMapping, CodeMapping, int]:
    """The newest mapping, the same with the row, and the version of the former; BadInput where it would recode."""
    row = app.connection(name)
    with app.db.begin() as conn:
        before, newest = _mapping(conn, row.id)
        made = _with_row(before, cause, values)
    mapping_desk.check_recodes_nothing(app, name, before, made)
    return before, made, newest


def _with_row(before: CodeMapping, cause: Cause, values: Mapping[str, str]) -> CodeMapping:
    section, wanted = place_of(cause.waits_id) if cause.waits_kind == "mapping" else ("", {})
    if not section:
        raise BadInput(
            "This does not wait for a row of the mapping.", remedy="Open it and see what it waits for instead."
        )
    made = edited(before, Edit(section=section, what="add", values=dict(values)))  # type: ignore[arg-type]
    looked = " ".join(f"{part}={value or '(empty)'}" for part, value in wanted.items())
    old, rule = getattr(before, section), getattr(made, section)
    if old is not None and old.target(wanted) is not None:
        raise BadInput(
            f"The mapping leads {looked} to {old.target(wanted)} by now: the next run lets what waits for it go.",
            remedy="Run now, or change that row on the mapping page.",
        )
    if rule is None or rule.target(wanted) is None:
        raise BadInput(f"The row does not fit what waits: {looked}.", remedy="Give patterns that fit these values.")
    return made
