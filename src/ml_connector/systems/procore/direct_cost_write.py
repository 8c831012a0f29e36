"""Sending direct costs: headers in batches, their lines packed into full requests, the status last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from threading import Lock

import msgspec

from ml_connector.kernel.errors import Locked
from ml_connector.records.direct_cost import DirectCost, DirectCostLine
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.procore import commitment, direct_cost, sync
from ml_connector.systems.procore.answers import DIRECT_COSTS, TooLarge
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.commitment_write import LineEntity, plain, plain_day, refused_lines
from ml_connector.systems.procore.currency import Currencies
from ml_connector.systems.procore.effects import (
    Work,
    body_of,
    done,
    guarded,
    id_of,
    number_of,
    project_of,
    refused,
    unknown,
)
from ml_connector.systems.procore.exact import exact

LINES = 100
"""Most lines of one direct cost in one request (facts/procore.md 11)."""
_PAUSES = (0.2, 0.5)
"""Seconds before a request that met another writer (409) is tried again."""
_SHORT = 4
"""Most decimals of a unit cost we state; a price that needs more is left out, and the amount says it all."""
_WORST = (Result.UNKNOWN, Result.REFUSED, Result.WAITING, Result.DONE)
"""What counts when a direct cost's lines went in several requests that ended differently."""


class CostWrite(msgspec.Struct, omit_defaults=True):
    """One row of PATCH .../direct_costs/sync; what we do not say stays as it is there."""

    id: int | None = None
    origin_id: str | None = None
    direct_cost_type: str | None = None
    vendor_id: int | None = None
    invoice_number: str | None = None
    direct_cost_date: str | None = None
    received_date: str | None = None
    description: str | None = None
    status: str | None = None
    currency_iso_code: str | None = None


class CostSync(msgspec.Struct):
    """The body of a header sync: the project stands in the path."""

    updates: list[CostWrite]


class CostAnswer(sync.SyncAnswer):
    """The answer to a header sync: every entity is a whole header."""

    entities: Sequence[direct_cost.CostRow] | None = None


class CostLineWrite(msgspec.Struct, omit_defaults=True):
    """A line as written: amounts are JSON numbers (trap 5)."""

    origin_id: str
    direct_cost_id: int
    wbs_code_id: int
    amount: msgspec.Raw
    extended_type: str
    description: str | None = None
    quantity: msgspec.Raw | None = None
    unit_cost: msgspec.Raw | None = None


class CostLineSync(msgspec.Struct):
    """The body of a line sync: lines of any direct costs of the project, the project stands in the path."""

    updates: list[CostLineWrite]


class CostLineEntity(LineEntity):
    """A line that was taken, and the direct cost it stands on."""

    holder: commitment.Named | None = None


class CostLineAnswer(msgspec.Struct):
    """The answer to a line sync."""

    entities: list[CostLineEntity] | None = None
    errors: list[sync.BadRow] | None = None


_headers = msgspec.json.Decoder(CostAnswer)
_lines = msgspec.json.Decoder(CostLineAnswer)


def render(effect: Effect, own: str) -> CostWrite:
    """A new header, a draft that counts nowhere yet; the currency only where it is not `own`, the project's."""
    body = body_of(effect, DirectCost)
    return CostWrite(
        origin_id=body.once_key,
        direct_cost_type=body.kind.value,
        vendor_id=number_of(id_of(effect, "vendor", body.vendor)) if body.vendor else None,
        invoice_number=body.number,
        direct_cost_date=plain_day(body.dated),
        received_date=plain_day(body.received),
        description=body.description or None,
        status="draft",
        currency_iso_code=body.currency if _foreign(body, own) else None,
    )


def render_line(effect: Effect, line: DirectCostLine, cost: int) -> CostLineWrite:
    """A line as a sync row; the amount is ours and stands, a price beside it only where the two agree exactly."""
    price = _price(line)
    code = id_of(effect, "budget_code", f"{body_of(effect, DirectCost).project}/{line.budget_code}")
    return CostLineWrite(
        origin_id=line.once_key,
        direct_cost_id=cost,
        wbs_code_id=number_of(code),
        amount=exact(line.amount),
        extended_type="manual",
        description=line.description or None,
        quantity=None if price is None else exact(line.quantity),
        unit_cost=None if price is None else exact(price),
    )


def _price(line: DirectCostLine) -> Decimal | None:
    if not line.quantity:
        return None
    price = round(line.amount / line.quantity, _SHORT)
    return price if price * line.quantity == line.amount else None


def _foreign(body: DirectCost, own: str) -> bool:
    return bool(own) and body.currency not in ("", own)


def packed(effects: Sequence[Effect], rows: int) -> list[list[Effect]]:
    """The lines of `effects` as requests of at most `rows` lines, at most `LINES` of one direct cost in each.

    Each part is its effect with some of the lines. Long ones begin first, so that no request is emptier than need be.
    """
    left = [(effect, body_of(effect, DirectCost).lines) for effect in effects]
    left = [(effect, lines) for effect, lines in left if lines]
    requests: list[list[Effect]] = []
    while left:
        left.sort(key=lambda one: -len(one[1]))
        room, request, rest = rows, [], []
        for effect, lines in left:
            take = min(LINES, room, len(lines))
            if take:
                request.append(_part(effect, lines[:take]))
            if take < len(lines):
                rest.append((effect, lines[take:]))
            room -= take
        requests.append(request)
        left = rest
    return requests


def _part(effect: Effect, lines: tuple[DirectCostLine, ...]) -> Effect:
    return msgspec.structs.replace(effect, body=msgspec.structs.replace(body_of(effect, DirectCost), lines=lines))


class Costs:
    """Writes direct costs of one company; one writer at a time in a project, because a second one meets 409.

    `pause` waits some seconds.
    """

    def __init__(self, client: Client, currencies: Currencies, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._currencies = currencies
        self._pause = pause
        self._own = Lock()
        self._projects: dict[str, Lock] = {}

    def create(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Headers as drafts, by once-key; those in a currency Procore cannot keep are refused unsent."""
        project = project_of(effects)
        own = self._currencies.project(project) or ""
        ended: dict[int, Outcome] = {}
        if not self._currencies.several():
            for effect in effects:
                currency = body_of(effect, DirectCost).currency
                if _foreign(body_of(effect, DirectCost), own):
                    sentence = f"The cost is in {currency}, and this Procore company keeps one currency only."
                    ended[effect.intent_id] = refused(effect, sentence)
        left = [effect for effect in effects if effect.intent_id not in ended]
        with self._writing(project):
            for outcome in self._patient(left, lambda few: self._create(project, few, own)):
                ended[outcome.intent_id] = outcome
        return [ended[effect.intent_id] for effect in effects]

    def _create(self, project: str, effects: Sequence[Effect], own: str) -> list[Outcome]:
        answer = self._synced(project, [render(effect, own) for effect in effects])
        made = {entity.origin_id: entity for entity in answer.entities or []}
        outcomes = sync.outcomes(effects, answer, _once)
        return [_checked(effect, made.get(_once(effect)), out) for effect, out in zip(effects, outcomes, strict=True)]

    def status(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Only the status, last; a header whose lines add up to something else than ours is told."""
        project = project_of(effects)
        with self._writing(project):
            return self._patient(effects, lambda few: self._status(project, few))

    def _status(self, project: str, effects: Sequence[Effect]) -> list[Outcome]:
        rows = [
            CostWrite(
                id=number_of(effect.target) if effect.target else None,
                origin_id=_once(effect),
                status=body_of(effect, DirectCost).status.value,
            )
            for effect in effects
        ]
        answer = self._synced(project, rows)
        moved = {entity.origin_id: entity for entity in answer.entities or []}
        outcomes = sync.outcomes(effects, answer, _once)
        return [_footed(effect, moved.get(_once(effect)), out) for effect, out in zip(effects, outcomes, strict=True)]

    def _synced(self, project: str, rows: list[CostWrite]) -> CostAnswer:
        path = f"{direct_cost.path(project)}/sync"
        return self._client.upsert(path, CostSync(rows), _headers, DIRECT_COSTS)

    # -- lines --------------------------------------------------------------------------------------------------------

    def fill(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Writes the lines of many direct costs, by once-key; a direct cost is done when every line of it is."""
        project = project_of(effects)
        ended: dict[int, list[Outcome]] = {effect.intent_id: [] for effect in effects}
        with self._writing(project):
            found = [self._aimed(project, effect, ended) for effect in effects]
            for request in packed([effect for effect in found if effect], self._client.settings.batch_rows):
                for outcome in self._patient(request, lambda few: self._fill(project, few)):
                    ended[outcome.intent_id].append(outcome)
        return [_whole(effect, ended[effect.intent_id]) for effect in effects]

    def _aimed(self, project: str, effect: Effect, ended: dict[int, list[Outcome]]) -> Effect | None:
        """The effect with Procore's id of its direct cost; None, with its ending noted, when there is none."""
        if effect.target:
            return effect
        row = direct_cost.by_origin(self._client, project, _once(effect))
        if row is not None:
            return msgspec.structs.replace(effect, target=str(row.id))
        sentence = f"Procore shows no direct cost with our key {_once(effect)}."
        ended[effect.intent_id].append(refused(effect, sentence))
        return None

    def _fill(self, project: str, parts: Sequence[Effect]) -> list[Outcome]:
        rows = [
            render_line(part, line, number_of(part.target))
            for part in parts
            for line in body_of(part, DirectCost).lines
        ]
        path = f"{direct_cost.path(project)}/line_items/sync"
        try:
            answer = self._client.upsert(path, CostLineSync(rows), _lines, DIRECT_COSTS)
        except TooLarge:
            if len(parts) > 1 or len(rows) < 2:
                raise
            lines = body_of(parts[0], DirectCost).lines
            halves = (_part(parts[0], lines[: len(lines) // 2]), _part(parts[0], lines[len(lines) // 2 :]))
            return [_whole(parts[0], [out for half in halves for out in self._fill(project, (half,))])]
        taken = {entity.origin_id: entity for entity in answer.entities or [] if entity.origin_id}
        bad = {row.origin_id: row for row in answer.errors or [] if row.origin_id}
        return [_filled(part, taken, bad) for part in parts]

    # -- one writer at a time -----------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self, project: str) -> Iterator[None]:
        with self._own:
            lock = self._projects.setdefault(project, Lock())
        with lock:
            yield

    def _patient(self, effects: Sequence[Effect], work: Work) -> list[Outcome]:
        """The outcomes of `work`. On 409 it is tried again after short pauses, then in halves, until the one direct
        cost somebody else is writing stands alone: that one waits for the next run, and the others are through."""

        def attempt(few: Sequence[Effect]) -> list[Outcome]:
            for pause in _PAUSES if len(few) in (1, len(effects)) else ():
                try:
                    return work(few)
                except Locked:
                    self._pause(pause)
            try:
                return work(few)
            except Locked:
                if len(few) < 2:
                    raise
            half = len(few) // 2
            return guarded(few[:half], attempt) + guarded(few[half:], attempt)

        return guarded(effects, attempt) if effects else []


def _once(effect: Effect) -> str:
    return body_of(effect, DirectCost).once_key


def _checked(effect: Effect, entity: sync.Entity | None, outcome: Outcome) -> Outcome:
    """Refuses a direct cost that came into being in another currency than its own; it is a draft and counts nowhere."""
    wanted = body_of(effect, DirectCost).currency
    stated = entity.currency_configuration if entity else None
    if stated is None or stated.currency_iso_code in (None, "", wanted) or not wanted:
        return outcome
    return refused(effect, f"The cost is in {wanted}, and Procore keeps it in {stated.currency_iso_code}.")


def _footed(effect: Effect, entity: direct_cost.CostRow | None, outcome: Outcome) -> Outcome:
    """Refuses a direct cost that adds up to something else than what we sent, for then a line of it is not ours."""
    ours = body_of(effect, DirectCost).money().amount
    if outcome.result is not Result.DONE or entity is None or entity.total in (None, ours):
        return outcome
    return refused(
        effect,
        f"Procore took the status, but its lines add up to {plain(entity.total or Decimal(0))} and ours to "
        f"{plain(ours)}. Look at the direct cost: it has a line that did not come from us.",
    )


def _filled(part: Effect, taken: dict[str, CostLineEntity], bad: dict[str, sync.BadRow]) -> Outcome:
    lines = body_of(part, DirectCost).lines
    wrong = [bad[line.once_key] for line in lines if line.once_key in bad]
    if wrong:
        return refused_lines(part, wrong, len(lines))
    for line in lines:
        entity = taken.get(line.once_key)
        if entity is None:
            return unknown(part, f"{sync.UNMENTIONED} Line {line.once_key}.")
        if entity.amount is not None and entity.amount != line.amount:
            sent, kept = plain(line.amount), plain(entity.amount)
            return refused(part, f"Line {line.once_key}: we sent {sent}, and Procore keeps {kept}.")
        if entity.holder is not None and str(entity.holder.id) != part.target:
            return refused(part, f"Line {line.once_key} is on another direct cost in Procore, {entity.holder.id}.")
    return done(part, part.target)


def _whole(effect: Effect, parts: Sequence[Outcome]) -> Outcome:
    """How a direct cost ended whose lines went in several requests: the worst of their endings."""
    return min(parts, key=lambda part: _WORST.index(part.result), default=done(effect, effect.target))
