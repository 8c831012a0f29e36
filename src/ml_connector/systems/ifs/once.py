"""Creates that happen once: what carries our key is looked for before, and again where no answer came.

IFS has no idempotency key (facts/ifs.md 7.2), so our once-key stands in a property that can be searched: alone, or at
the beginning of a text that goes on for people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ml_connector.kernel.errors import Bug, ConnectorError, FixSetup, Refused
from ml_connector.kernel.text import clipped
from ml_connector.systems.ifs.answers import not_odata, refusal
from ml_connector.systems.ifs.change_set import Answer, ChangeSet, ChangeSets, Part
from ml_connector.systems.ifs.odata import Odata, Reading, text_literal
from ml_connector.systems.outcomes import all_of, done, ended, refused, unknown
from ml_connector.systems.port import Effect, Mark, Outcome, Result

Render = Callable[[Effect], ChangeSet]
"""The change set that makes what an effect carries; its first part makes the row that bears our key."""

Whole = Callable[[Effect, str], bool]
"""Whether the record found by its id has everything an effect carries: where a tenant takes no change sets, a lost
answer may have left half of it."""

HEADER = "1"
"""Content-ID of that first part."""
_AT_ONCE = 40
"""Keys looked for in one request: their conditions stay well below the 6 kB an address may have."""


class _Listed(msgspec.Struct):
    value: list[msgspec.Raw]


_rows = msgspec.json.Decoder(dict[str, Any])
_listed = msgspec.json.Decoder(_Listed)


class Place(msgspec.Struct, frozen=True):
    """Where rows of ours are looked for and made."""

    what: str
    """One of them, for messages: `purchase requisition`."""
    projection: str
    entity_set: str
    id: str
    """The property whose value is the outcome's target."""
    reference: str
    """The property that holds our key."""
    leading: bool
    """Whether the key only begins it."""
    select: tuple[str, ...]
    filter: str = ""
    number: bool = False
    """Whether `id` is a number."""
    state: str = ""
    ended: tuple[str, ...] = ()
    """Values of the property `state` in which a row stands for nothing any more: another may be made in its place."""


def note(once_key: str, text: str, limit: int) -> str:
    """A text that begins with our key and goes on for people, within `limit` characters."""
    return clipped(f"{once_key} {text}".rstrip(), limit)


def begins_with(text: str, once_key: str) -> bool:
    """Whether `text` begins with exactly that key: `10/x/1` does not begin a text that is about `10/x/12`."""
    return text.startswith(once_key) and (text[len(once_key) : len(once_key) + 1] or " ").isspace()


class Once:
    """Makes rows of one kind once. Thread safe."""

    def __init__(self, odata: Odata, sets: ChangeSets, place: Place, whole: Whole) -> None:
        self._odata = odata
        self._sets = sets
        self._place = place
        self._whole = whole
        self._service = odata.service(place.projection)

    def rows(self, once_keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """The rows that carry each of `once_keys`, with every property the place selects; absent keys have none."""
        keys = list(dict.fromkeys(once_keys))
        found: dict[str, list[dict[str, Any]]] = {}
        for at in range(0, len(keys), _AT_ONCE):
            some = keys[at : at + _AT_ONCE]
            for raw in self._odata.rows(self._reading(some)):
                row = _rows.decode(raw)
                text = str(row.get(self._place.reference) or "")
                for key in some:
                    if begins_with(text, key) if self._place.leading else text == key:
                        found.setdefault(key, []).append(row)
        return found

    def marks(self, beginning: str) -> list[Mark]:
        """What carries a key that begins so."""
        place = self._place
        condition = f"startswith({place.reference},{text_literal(beginning)})"
        select = tuple(dict.fromkeys((place.id, place.reference, *place.select)))
        reading = Reading(
            address=self._service + place.entity_set,
            what=f"count {place.what}s",
            keys=(place.id,),
            select=select,
            numbers=(place.id,) if place.number else (),
            filter=f"{place.filter} and {condition}" if place.filter else condition,
        )
        found = [_rows.decode(raw) for raw in self._odata.rows(reading)]
        return [
            Mark(
                str(row.get(place.id)),
                str(row.get(place.reference)).split(maxsplit=1)[0],
                ended=str(row.get(place.state)) in place.ended,
            )
            for row in found
        ]

    def find(self, effect: Effect) -> Outcome | None:
        """DONE with its id when it is there; REFUSED when it is there twice or in part, None when it is not there."""
        return self._settled(effect, self.rows([effect.once_key]))

    def create(self, effects: Sequence[Effect], render: Render) -> list[Outcome]:
        """Makes what is not there yet, each in a change set of its own, as many of them to a request as may be.

        Raises what `ChangeSets.send` raises, and set-up trouble that struck before anything was done.
        """
        if any(not effect.once_key for effect in effects):
            raise Bug(f"A {self._place.what} was about to be made without a once-key.")
        there = self.rows([effect.once_key for effect in effects])
        outcomes: dict[int, Outcome] = {}
        sent: list[tuple[int, Effect, ChangeSet]] = []
        for at, effect in enumerate(effects):
            settled = self._settled(effect, there)
            if settled is not None:
                outcomes[at] = settled
                continue
            try:
                sent.append((at, effect, render(effect)))
            except Refused as error:
                outcomes[at] = ended((effect,), error)[0]
        if sent:
            answers = self._sets.send(self._service, [one for _, _, one in sent])
            self._take(sent, answers, outcomes)
        return [outcomes[at] for at in range(len(effects))]

    def _take(
        self,
        sent: Sequence[tuple[int, Effect, ChangeSet]],
        answers: Sequence[Answer | None],
        outcomes: dict[int, Outcome],
    ) -> None:
        lost: list[tuple[int, Effect]] = []
        for (at, effect, _), answer in zip(sent, answers, strict=True):
            identity = self._identity(answer)
            if identity:
                outcomes[at] = done(effect, identity)
            elif answer is None or answer.ok:
                lost.append((at, effect))
        some_done = any(one.result is Result.DONE for one in outcomes.values())
        for (at, effect, _), answer in zip(sent, answers, strict=True):
            if answer is not None and not answer.ok:
                outcomes[at] = refused_by(answer, effect, f"create a {self._place.what}", some_done or bool(lost))
        found = self._look_again([effect for _, effect in lost]) if lost else []
        for (at, effect), settled in zip(lost, found, strict=True):
            sentence = f"IFS did not say whether it made the {self._place.what} {effect.once_key}."
            outcomes[at] = settled or unknown(effect, sentence)

    def _look_again(self, effects: Sequence[Effect]) -> list[Outcome | None]:
        """A second look, which may fail like any other: what it does not show stays unknown."""
        try:
            there = self.rows([effect.once_key for effect in effects])
            return [self._settled(effect, there) for effect in effects]
        except ConnectorError:
            return [None] * len(effects)

    def _settled(self, effect: Effect, there: Mapping[str, list[dict[str, Any]]]) -> Outcome | None:
        place = self._place
        rows = [row for row in there.get(effect.once_key, []) if str(row.get(place.state)) not in place.ended]
        if len(rows) > 1:
            ids = " and ".join(sorted(str(row.get(self._place.id)) for row in rows))
            return refused(effect, f"IFS has more than one {self._place.what} of {effect.once_key}: {ids}.")
        if not rows:
            return None
        identity = str(rows[0].get(self._place.id))
        if self._whole(effect, identity):
            return done(effect, identity)
        text = f"IFS has the {self._place.what} {identity} of {effect.once_key} in part only, after an answer was lost."
        return refused(effect, f"{text} It must be removed there; then it is made anew.")

    def _identity(self, answer: Answer | None) -> str:
        """The id of the row that a change set made; empty when its answer does not tell."""
        if answer is None or not answer.ok:
            return ""
        try:
            return str(_rows.decode(answer.replies[0].body).get(self._place.id) or "")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ""

    def _reading(self, keys: Sequence[str]) -> Reading:
        place = self._place
        name = place.reference
        literals = [text_literal(key) for key in keys]
        parts = [f"startswith({name},{one})" if place.leading else f"{name} eq {one}" for one in literals]
        condition = " or ".join(parts)
        if place.filter:
            condition = f"{place.filter} and ({condition})" if len(parts) > 1 else f"{place.filter} and {condition}"
        select = tuple(dict.fromkeys((place.id, name, *place.select)))
        numbers = (place.id,) if place.number else ()
        return Reading(
            self._service + place.entity_set, f"look for {place.what}s", (place.id,), select, numbers, condition
        )


def count_of(odata: Odata, address: str) -> int:
    """How many rows stand in the set or array at `address`; none where there is no such array."""
    reply = odata.find(f"{address}{'&' if '?' in address else '?'}$top={odata.page_size}", "count what was made")
    if reply is None:
        return 0
    try:
        return len(_listed.decode(reply.body).value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise not_odata("count what was made") from None


def refused_by(answer: Answer, effect: Effect, what: str, begun: bool) -> Outcome:
    """How an effect ended whose change set was refused: by a rule, or to be tried later.

    Trouble with the set-up is raised, unless others of the same batch are done already (`begun`): then it is this
    record's refusal, and the next run meets the trouble by itself.
    """
    error = refusal(answer.replies[0], what)
    if begun and isinstance(error, FixSetup):
        return all_of((effect,), Result.REFUSED, error)[0]
    return ended((effect,), error)[0]


def remove_header() -> tuple[Part, ...]:
    """What takes a half-made record back where the tenant takes no change sets: its first row, with all below it."""
    return (Part("DELETE", f"${HEADER}", headers=(("if-match", f"${HEADER}"),)),)
