"""What can be done about what waits: look at it, see what an answer would do, answer one or many, map, take back."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.planning.blocking import Cause
from ml_connector.planning.plan import HoldReason
from ml_connector.service import inbox_desk
from ml_connector.service.inbox_desk import Picked
from ml_connector.views import inbox as view
from ml_connector.views import inbox_group, inbox_hold
from ml_connector.views.inbox import InboxLook, Standing
from ml_connector.views.inbox_effect import Effect, effect_named
from ml_connector.views.inbox_group import Group, GroupLook, LongWords
from ml_connector.views.inbox_hold import AnswersLook, Hold
from ml_connector.views.listing import Listing, Words

HoldNumber = Annotated[int, msgspec.Meta(ge=1, le=2**62)]
Note = Annotated[str, msgspec.Meta(max_length=2000)]


class OfConnection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connection."""

    connection: Words


class OfHold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One hold of a connection."""

    connection: Words
    hold: HoldNumber


class CauseGiven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cause, as rows of the inbox name it."""

    reason: Words
    waits_kind: Words
    waits_id: LongWords = ""
    flow: Words = ""
    kind: Words = ""

    def cause(self) -> Cause:
        """The cause meant."""
        return Cause(self.reason, self.waits_kind, self.waits_id.replace("\x00", ""), self.flow, self.kind)


class Answering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer to some holds, or to every open hold of a cause when none is named."""

    connection: Words
    answer: Words
    holds: Annotated[list[HoldNumber], msgspec.Meta(max_length=20_000)] = []
    cause: CauseGiven | None = None
    target: Words = ""
    """The candidate that is meant, where one hold is answered with `link`."""
    note: Note = ""
    """Why; compulsory with `ignore`."""
    expect: Words = ""
    """`seen` of the effect that was looked at: saved only while the same holds wait and say the same."""


class Ruling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer to one hold."""

    connection: Words
    hold: HoldNumber
    answer: Words
    target: Words = ""
    note: Note = ""
    expect: Words = ""


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row for what a cause waits for."""

    connection: Words
    cause: CauseGiven
    values: Annotated[dict[str, Words], msgspec.Meta(max_length=20)]
    """The row by its names in TOML, such as {"A": "191*", "to": "M"}."""
    version: Annotated[int, msgspec.Meta(ge=0, le=2**31)] | None = None
    """Only while this is the newest version of the mapping."""


class Withdrawing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer to be taken back, by the record and the question."""

    connection: Words
    kind: Words
    id: LongWords
    reason: Words


class Answered(msgspec.Struct, frozen=True):
    """What was answered, and to how many holds."""

    connection: str
    answer: str
    answered: int
    holds: list[int]


class Mapped(msgspec.Struct, frozen=True):
    """The version of the mapping that has the new row."""

    connection: str
    mapping_version: int
    row: dict[str, str]
    about_draft: str = ""
    """What became of an unsaved draft of the mapping that whoever saved the row has; empty without one."""


class Withdrawn(msgspec.Struct, frozen=True):
    """An answer that was taken back."""

    connection: str
    record: str
    reason: str
    was: str
    by: str


def _list(call: Call, given: InboxLook) -> Listing:
    return view.inbox(call.app, given)


def _standing(call: Call, given: OfConnection) -> Standing:
    return view.standing(call.app, given.connection)


def _group(call: Call, given: GroupLook) -> Group:
    return inbox_group.group(call.app, given)


def _hold(call: Call, given: OfHold) -> Hold:
    return inbox_hold.hold(call.app, given.connection, given.hold)


def _answers(call: Call, given: AnswersLook) -> Listing:
    return inbox_hold.answers(call.app, given)


def _effect(call: Call, given: Answering) -> Effect:
    words = {"target": _clean(given.target), "note": _clean(given.note)}
    found = inbox_desk.answer_effect(call.app, given.connection, _picked(given), given.answer, **words)
    return effect_named(call.app, given.connection, found)


def _answer(call: Call, given: Answering) -> Answered:
    words = {"target": _clean(given.target), "note": _clean(given.note)}
    done = inbox_desk.answer(call.app, given.connection, _picked(given), given.answer, **words)
    return Answered(**done)


def _rule(call: Call, given: Ruling) -> Answered:
    picked = Picked(holds=(given.hold,), expect=given.expect)
    words = {"target": _clean(given.target), "note": _clean(given.note)}
    return Answered(**inbox_desk.answer(call.app, given.connection, picked, given.answer, **words))


def _map_effect(call: Call, given: Mapping) -> Effect:
    found = inbox_desk.map_effect(call.app, given.connection, given.cause.cause(), given.values)
    return effect_named(call.app, given.connection, found)


def _map(call: Call, given: Mapping) -> Mapped:
    done = inbox_desk.map_code(call.app, given.connection, given.cause.cause(), given.values, given.version)
    return Mapped(**done)


def _withdraw(call: Call, given: Withdrawing) -> Withdrawn:
    if given.reason not in {reason.value for reason in HoldReason}:
        raise BadInput(f"There is no reason {given.reason!r}.", remedy="Name it as the list of answers does.")
    key = Key(_clean(given.kind), _clean(given.id))
    return Withdrawn(**inbox_desk.withdraw(call.app, given.connection, key, given.reason))


def _retry(call: Call, given: OfConnection) -> dict[str, Any]:
    return inbox_desk.run_now(call.app, given.connection)


def _picked(given: Answering) -> Picked:
    if not given.holds and given.cause is None:
        raise BadInput("Nothing was chosen.", remedy="Choose holds, or name their cause.")
    return Picked(tuple(given.holds), given.cause.cause() if given.cause else None, given.expect)


def _clean(text: str) -> str:
    """Text without the one character no database keeps."""
    return text.replace("\x00", "")


LIST = Action(
    name="inbox.list",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/inbox",
    takes=InboxLook,
    gives=Listing,
    call=_list,
    command="inbox",
    sentence="List what waits for somebody, by its cause, the most money at stake first.",
)
STANDING = Action(
    name="inbox.standing",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/inbox/standing",
    takes=OfConnection,
    gives=Standing,
    call=_standing,
    command="inbox",
    sentence="Say what is held in all, which writes had no answer, and when the next run looks at everything.",
)
GROUP = Action(
    name="inbox.group",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/inbox/group",
    takes=GroupLook,
    gives=Group,
    call=_group,
    command="inbox",
    sentence="Show one cause: its holds, what may be answered, what it blocks, and the mapping row it waits for.",
)
HOLD = Action(
    name="holds.show",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/holds/{hold}",
    takes=OfHold,
    gives=Hold,
    call=_hold,
    command="rule",
    sentence="Show one hold: both sides and what was agreed, candidates, what it blocks, what was answered.",
)
EFFECT = Action(
    name="holds.effect",
    permission=Permission.LOOK,
    method="POST",
    path="/connections/{connection}/holds/effect",
    takes=Answering,
    gives=Effect,
    call=_effect,
    command="rule",
    sentence="Say what an answer would do: which holds would end and which documents would go. Saves nothing.",
)
ANSWER = Action(
    name="inbox.answer",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/inbox/answer",
    takes=Answering,
    gives=Answered,
    call=_answer,
    command="rule",
    sentence="Answer many holds alike, all or none of them; the next run uses the answer.",
)
RULE = Action(
    name="holds.rule",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/holds/{hold}/ruling",
    takes=Ruling,
    gives=Answered,
    call=_rule,
    command="rule",
    sentence="Answer one hold; the answer is remembered, and the next run uses it.",
)
MAP_EFFECT = Action(
    name="inbox.map_effect",
    permission=Permission.LOOK,
    method="POST",
    path="/connections/{connection}/inbox/mapping-row/effect",
    takes=Mapping,
    gives=Effect,
    call=_map_effect,
    command="rule",
    sentence="Say what a new row of the mapping would let go. Saves nothing.",
)
MAP = Action(
    name="inbox.map",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/inbox/mapping-row",
    takes=Mapping,
    gives=Mapped,
    call=_map,
    command="rule",
    sentence="Add the row of the mapping that something waits for, at the end of its table.",
)
ANSWERS = Action(
    name="answers.list",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/answers",
    takes=AnswersLook,
    gives=Listing,
    call=_answers,
    command="inbox",
    sentence="List the answers people gave, the newest first, with who gave them and why.",
)
WITHDRAW = Action(
    name="answers.withdraw",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/answers/withdrawal",
    takes=Withdrawing,
    gives=Withdrawn,
    call=_withdraw,
    command="rule",
    sentence="Take an answer back, so that the next run asks again.",
)
RETRY = Action(
    name="inbox.retry",
    permission=Permission.WORK,
    method="POST",
    path="/connections/{connection}/inbox/retry",
    takes=OfConnection,
    gives=dict[str, Any],
    call=_retry,
    command="now",
    sentence="Have everything looked at now: what was answered goes, and what was refused is tried again.",
)

ACTIONS = (LIST, STANDING, GROUP, HOLD, EFFECT, ANSWER, RULE, MAP_EFFECT, MAP, ANSWERS, WITHDRAW, RETRY)
"""Everything about the inbox."""
