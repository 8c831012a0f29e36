"""Deciding in the inbox: what an answer or a mapping row would do is shown first, and what was seen is saved."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import msgspec
from starlette.responses import Response

from ml_connector.actions import inbox as actions
from ml_connector.actions.inbox import Answering, CauseGiven, Mapping, OfConnection, OfHold
from ml_connector.console.page import Page
from ml_connector.console.pages.inbox_shown import CAUSE, group_page, hold_page, home_of, sort_of
from ml_connector.console.showing import moment_text
from ml_connector.kernel.errors import AskPerson, BadInput, ConnectorError, NotAllowed, NothingSuchHere
from ml_connector.kernel.text import counted
from ml_connector.planning.blocking import UNKNOWN
from ml_connector.planning.plan import HoldReason
from ml_connector.views.hold_words import choice_of
from ml_connector.views.inbox import NextRun, Standing
from ml_connector.views.inbox_effect import Effect
from ml_connector.views.inbox_group import GroupLook
from ml_connector.web.failures import failure_of


def decide(page: Page) -> Response:
    """Shows what an answer or a mapping row would do; saves it when that was seen, and that only.

    What is wrong stands on the page it was typed on, with all that was typed.
    """
    mapped, saving = page.field("what") == "map", page.field("step") == "save"
    try:
        if saving:
            return _save_row(page) if mapped else _save_answer(page)
        return _row_effect(page) if mapped else _answer_effect(page)
    except NotAllowed:
        raise
    except (BadInput, AskPerson) as error:
        if not saving:
            return _again(page, error)
        try:
            return _row_effect(page, error) if mapped else _answer_effect(page, error)
        except (BadInput, NothingSuchHere):
            return _again(page, error)


def _save_answer(page: Page) -> Response:
    done = page.do(actions.ANSWER, _answering(page))
    standing: Standing = page.do(actions.STANDING, OfConnection(page.connection))
    return page.redirect(home_of(page), f"{counted(done.answered, 'hold')} answered. {_when(page, standing)}")


def _answer_effect(page: Page, error: ConnectorError | None = None) -> Response:
    given = _answering(page)
    effect: Effect = page.do(actions.EFFECT, given)
    reason = page.field("reason")
    known = sort_of(reason) and reason != UNKNOWN and given.answer
    return page.render(
        "inbox/effect.html",
        status=failure_of(error).status if error else 200,
        title="What this answer would do",
        effect=effect,
        choice=choice_of(HoldReason(reason), given.answer) if known else None,
        hidden=[*_hidden(page, given.holds), ("expect", effect.seen)],
        needs_note=given.answer == "ignore",
        note=given.note,
        what="answer",
        back=_back(page),
        row=None,
        error=error,
    )


def _save_row(page: Page) -> Response:
    done = page.do(actions.MAP, _mapped(page))
    standing: Standing = page.do(actions.STANDING, OfConnection(page.connection))
    said = ["The mapping has the row, as version", f"{done.mapping_version}.", done.about_draft, _when(page, standing)]
    return page.redirect(home_of(page), " ".join(one for one in said if one))


def _row_effect(page: Page, error: ConnectorError | None = None) -> Response:
    given = _mapped(page)
    effect: Effect = page.do(actions.MAP_EFFECT, given)
    return page.render(
        "inbox/effect.html",
        status=failure_of(error).status if error else 200,
        title="What this row would do",
        effect=effect,
        choice=None,
        hidden=[*_hidden(page, []), ("version", str(effect.mapping_version))],
        needs_note=False,
        note="",
        what="map",
        back=_back(page),
        row=given.values,
        error=error,
    )


def _again(page: Page, error: ConnectorError) -> Response:
    """The page the form stood on, with what is wrong and what was typed."""
    status = failure_of(error).status
    back, home = _back(page), f"{home_of(page)}/holds/"
    number = back.removeprefix(home)
    if back.startswith(home) and number.isdecimal() and len(number) < 19:
        return hold_page(page, OfHold(page.connection, int(number)), error, status)
    cause = _cause(page)
    if cause is None:
        raise error
    try:
        return group_page(page, _look(page, cause, back), error, status)
    except NothingSuchHere:
        raise error from None


def _look(page: Page, cause: CauseGiven, back: str) -> GroupLook:
    """The list of a cause as it was looked at."""
    names = {"connection": page.connection, **msgspec.structs.asdict(cause)}
    shown = {name: values[-1] for name, values in parse_qs(urlsplit(back).query).items() if name not in CAUSE}
    try:
        return msgspec.convert({**shown, **names}, GroupLook, strict=False)
    except msgspec.ValidationError:
        return GroupLook(**names)


def _answering(page: Page) -> Answering:
    return Answering(
        connection=page.connection,
        answer=page.field("answer"),
        holds=_chosen(page),
        cause=_cause(page),
        target=page.field("target"),
        note=page.field("note"),
        expect=page.field("expect"),
    )


def _mapped(page: Page) -> Mapping:
    values = {name.removeprefix("part-"): page.field(name) for name in page.form if name.startswith("part-")}
    version = page.field("version")
    return Mapping(
        connection=page.connection,
        cause=_cause(page) or CauseGiven("", ""),
        values={**{part: pattern for part, pattern in values.items() if pattern}, "to": page.field("to")},
        version=int(version) if version.isdecimal() and len(version) < 10 else None,
    )


def _chosen(page: Page) -> list[int]:
    """Numbers of the holds meant; none where all of the cause are."""
    if page.field("scope", "chosen") == "all":
        return []
    found = page.fields("chosen")
    if not found:
        raise BadInput("No row was chosen.", remedy="Choose rows below, or answer all of them.")
    try:
        numbers = [int(one) for one in found]
    except ValueError:
        raise BadInput("A row that was chosen is no hold.", remedy="Open the page again.") from None
    if any(not 0 < one <= 2**62 for one in numbers):
        raise BadInput("A row that was chosen is no hold.", remedy="Open the page again.")
    return numbers


def _cause(page: Page) -> CauseGiven | None:
    return page.posted(CauseGiven) if page.field("reason") else None


def _hidden(page: Page, holds: list[int]) -> list[tuple[str, str]]:
    """What the form that saves sends besides the note and what was seen: the same as was typed."""
    names = [*CAUSE, "answer", "target", "to", "what", "back", "scope"]
    kept = [(name, page.field(name)) for name in names if page.field(name)]
    kept += [(name, page.field(name)) for name in page.form if name.startswith("part-")]
    return [*kept, *(("chosen", str(one)) for one in holds)]


def _back(page: Page) -> str:
    """Where the form stood; the inbox for an address that is not of it."""
    home, back = home_of(page), page.field("back")
    return back if back.startswith((f"{home}/holds/", f"{home}/group?")) else home


def _when(page: Page, stands: Standing) -> str:
    """When what was saved has its effect."""
    following: NextRun = stands.next_run
    if following.paused:
        return "Nothing runs by itself while the connection is paused."
    if following.at is None:
        return "The next run decides with it."
    return f"The next run, at {moment_text(following.at, page.zone)}, decides with it."
