"""What `rule` does with an answer: one hold or all alike, a mapping row, or taking it back; and what it would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ml_connector.app import App
from ml_connector.cli.output import Output
from ml_connector.cli.telling import money
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.text import counted
from ml_connector.service import inbox_desk
from ml_connector.service.inbox_desk import MAP, Picked
from ml_connector.views.inbox_effect import Effect, effect_named

WITHDRAW = "withdraw"
"""What a person says to take an answer back."""


class Said(NamedTuple):
    """What was typed."""

    hold: int
    answer: str
    target: str
    note: str
    like: bool
    """Whether every hold of the same cause is meant."""
    when: tuple[str, ...]
    """What a mapping row looks at, such as `A=191*`."""
    expect: str = ""
    """What `--effect` said was looked at."""


def done(app: App, name: str, said: Said, effect: bool) -> dict[str, Any]:
    """Does what was said, or with `effect` says what it would do; as the one value `rule --json` prints."""
    if said.answer == WITHDRAW:
        if effect:
            raise BadInput("Taking an answer back changes nothing by itself: the next run asks again.")
        return inbox_desk.withdraw_of_hold(app, name, said.hold)
    if said.answer == MAP:
        cause = inbox_desk.cause_of_hold(app, name, said.hold)
        _, wanted = inbox_desk.place_of(cause.waits_id)
        values = {
            **(_patterns(said.when) or {part: value for part, value in wanted.items() if value}),
            "to": said.target,
        }
        if effect:
            return _form(effect_named(app, name, inbox_desk.map_effect(app, name, cause, values)))
        return inbox_desk.map_code(app, name, cause, values, _version(said.expect))
    picked = Picked(holds=(said.hold,), expect=said.expect)
    if said.like:
        picked = Picked(cause=inbox_desk.cause_of_hold(app, name, said.hold), expect=said.expect)
    if effect:
        given = inbox_desk.answer_effect(app, name, picked, said.answer, target=said.target, note=said.note)
        return _form(effect_named(app, name, given))
    if not said.like and not said.expect:
        return app.rule(name, said.hold, said.answer, target=said.target, note=said.note)
    return inbox_desk.answer(app, name, picked, said.answer, target=said.target, note=said.note)


def tell(out: Output, name: str, found: dict[str, Any]) -> None:
    """What was done, or would be, for a person."""
    if "outcomes" in found:
        tell_effect(out, found)
        return
    if "mapping_version" in found:
        row = ", ".join(f"{part} {value}" for part, value in found["row"].items())
        out.line(f"The mapping has a row more, version {found['mapping_version']}: {row}.", "green")
        if found["about_draft"]:
            out.line(found["about_draft"])
    elif "was" in found:
        out.line(f"The answer {found['was']} about {found['record']} is taken back: the next run asks again.", "green")
    elif "answered" in found:
        out.line(f"{counted(found['answered'], 'hold')} answered: {found['answer']}.", "green")
    else:
        meant = f" ({found['target']})" if found["target"] else ""
        out.line(f"Hold {found['id']} is answered: {found['answer']}{meant}.", "green")
    out.line(f"Next: ml-connector sync {name}")


def tell_effect(out: Output, found: dict[str, Any]) -> None:
    """What something would do, by what becomes of each document."""
    out.line(f"{counted(found['ends'], 'hold')} would end. Nothing is saved.", "bold")
    for one in found["outcomes"]:
        amounts = ", ".join(money(cell) for cell in one["money"])
        out.line(f"{one['records']} {one['title']}{f': {amounts}' if amounts else ''}")
        rows = [(line["record"], money(line["money"]), _what(line)) for line in one["documents"][:20]]
        out.table(("record", "money", "what"), rows, right=("money",))
    for what, number in found["made"].items():
        out.line(f"Besides: {what} ({counted(number, 'record')})")
    if found["left_out"]:
        out.line(f"{counted(found['left_out'], 'record')} more were not looked at one by one.", "yellow")
    if found["about_draft"]:
        out.line(found["about_draft"], "yellow")
    seen = found["seen"] if found["mapping_version"] is None else found["mapping_version"]
    out.line(f"To save this and nothing else: the same with --expect {seen} in place of --effect.")


def _what(line: dict[str, Any]) -> str:
    recoded = f" Recoded between budget codes: {money(line['recoded'])}." if line["recoded"] else ""
    return f"{line['sentence']}{recoded}"


def _form(effect: Effect) -> dict[str, Any]:
    form: dict[str, Any] = msgspec.to_builtins(effect)
    return form


def _version(expect: str) -> int | None:
    if expect and not expect.isdecimal():
        raise BadInput(f"{expect!r} is no version of the mapping.", remedy="Give the one that --effect names.")
    return int(expect) if expect else None


def _patterns(when: Sequence[str]) -> dict[str, str]:
    found = {}
    for one in when:
        part, mark, pattern = one.partition("=")
        if not mark or not part.strip():
            raise BadInput(f"{one!r} is no pattern.", remedy="Write it as --when 'A=191*'.")
        found[part.strip()] = pattern
    return found
