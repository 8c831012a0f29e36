"""Sending contracts: headers in batches, lines of one contract, adopting what was there before us, of either kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from ml_connector.kernel.errors import Bug
from ml_connector.kernel.keys import Key
from ml_connector.kernel.text import listed
from ml_connector.records.commitment import Commitment, CommitmentKind, CommitmentLine
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore import commitment, sync
from ml_connector.systems.procore.answers import COMMITMENTS, TooLarge, field_words
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.currency import Currencies
from ml_connector.systems.procore.effects import (
    body_of,
    done,
    guarded,
    id_of,
    number_of,
    one_by_one,
    project_of,
    refused,
    unknown,
)
from ml_connector.systems.procore.unit import Units


class OrderWrite(msgspec.Struct, omit_defaults=True):
    """The header members we write, as a sync row or alone; what we do not say stays as it is there."""

    origin_id: str | None = None
    origin_code: str | None = None
    number: str | None = None
    title: str | None = None
    description: str | None = None
    status: str | None = None
    accounting_method: str | None = None
    vendor_id: int | None = None
    contract_date: str | None = None
    delivery_date: str | None = None
    currency_iso_code: str | None = None
    """Single creates only: the sync row has no currency (facts/procore.md 3)."""


class OrderSync(msgspec.Struct):
    """The body of a contract sync: the project stands in it (trap 4)."""

    project_id: int
    updates: list[OrderWrite]


class OrderSingle(msgspec.Struct):
    """The body of a single create or change."""

    project_id: int
    purchase_order_contract: OrderWrite


class SubcontractSingle(msgspec.Struct):
    """The body of a change of a subcontract."""

    project_id: int
    work_order_contract: OrderWrite


class LineWrite(msgspec.Struct, omit_defaults=True):
    """A line as written: amounts are strings (trap 5)."""

    origin_id: str | None = None
    description: str | None = None
    quantity: str | None = None
    unit_cost: str | None = None
    uom: str | None = None
    amount: str | None = None
    extended_type: str | None = None
    wbs_code_id: int | None = None


class LineSync(msgspec.Struct):
    """The body of a line sync: the project stands in the query (trap 4)."""

    updates: list[LineWrite]


class LineSingle(msgspec.Struct):
    """The body of a single line change."""

    project_id: int
    line_item: LineWrite


class LineEntity(msgspec.Struct):
    """A line that was taken."""

    id: int
    origin_id: str | None = None
    amount: Decimal | None = None
    updated_at: str | None = None


class LineAnswer(msgspec.Struct):
    """The answer to a line sync."""

    entities: list[LineEntity] | None = None
    errors: list[sync.BadRow] | None = None


class OrderAnswer(sync.SyncAnswer):
    """The answer to a header sync: every entity is a whole header."""

    entities: Sequence[commitment.OrderRow] | None = None


_entity = msgspec.json.Decoder(commitment.OrderRow)
_headers = msgspec.json.Decoder(OrderAnswer)
_lines = msgspec.json.Decoder(LineAnswer)
_line = msgspec.json.Decoder(LineEntity)


def plain(amount: Decimal) -> str:
    """A decimal as Procore takes it: `1234.50`, no exponent, no separators."""
    return f"{amount:f}"


def plain_day(day: date | None) -> str | None:
    """A day as Procore takes it; None where there is none."""
    return day.isoformat() if day else None


def render(effect: Effect) -> OrderWrite:
    """A new header: a Draft by unit, because Approved freezes its lines before they are there."""
    body = body_of(effect, Commitment)
    return OrderWrite(
        origin_id=body.once_key,
        origin_code=body.number,
        number=body.number,
        title=body.title,
        description=body.description or None,
        status="Draft",
        accounting_method="unit",
        vendor_id=number_of(id_of(effect, "vendor", body.vendor)),
        contract_date=plain_day(body.dated),
        delivery_date=plain_day(body.delivery),
    )


def render_update(effect: Effect) -> OrderWrite:
    """The header fields we own. A date that is gone goes as empty text, which Procore stores as null (facts 2).

    A subcontract has no delivery date (8.1).
    """
    body = body_of(effect, Commitment)
    delivers = body.kind is CommitmentKind.PURCHASE_ORDER
    vendor = effect.ids.get(Key("vendor", body.vendor))
    return OrderWrite(
        origin_id=body.once_key,
        origin_code=body.number,
        number=body.number,
        title=body.title,
        description=body.description,
        vendor_id=number_of(vendor) if vendor else None,
        contract_date=plain_day(body.dated) or "",
        delivery_date=(plain_day(body.delivery) or "") if delivers else None,
    )


def render_line(line: CommitmentLine, budget_code: str, units: dict[str, str]) -> LineWrite:
    """A line as a sync row; the amount is ours, not quantity times cost, so that both ledgers agree to the cent.

    Without a budget code the line keeps the one it has in Procore.
    """
    return LineWrite(
        origin_id=line.once_key,
        description=line.description,
        quantity=plain(line.quantity),
        unit_cost=plain(line.unit_cost),
        uom=units.get(line.unit),
        amount=plain(line.amount),
        extended_type="manual",
        wbs_code_id=number_of(budget_code) if budget_code else None,
    )


def _once(effect: Effect) -> str:
    return body_of(effect, Commitment).once_key


class Orders:
    """Writes contracts of one company."""

    def __init__(self, client: Client, currencies: Currencies, units: Units) -> None:
        self._client = client
        self._currencies = currencies
        self._units = units

    def create(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Headers by sync; those in another currency than the project's singly, for only that call takes a currency."""
        own = self._currencies.project(project_of(effects))
        foreign = {e.intent_id for e in effects if own and body_of(e, Commitment).currency not in ("", own)}
        batch = [effect for effect in effects if effect.intent_id not in foreign]
        ended = {outcome.intent_id: outcome for outcome in guarded(batch, self._create_batch)} if batch else {}
        for outcome in one_by_one([e for e in effects if e.intent_id in foreign], self._create_foreign):
            ended[outcome.intent_id] = outcome
        return [ended[effect.intent_id] for effect in effects]

    def _create_batch(self, effects: Sequence[Effect]) -> list[Outcome]:
        answer = self._synced(project_of(effects), [render(effect) for effect in effects])
        made = {entity.origin_id: entity for entity in answer.entities or []}
        outcomes = sync.outcomes(effects, answer, _once)
        return [_checked(effect, made.get(_once(effect)), out) for effect, out in zip(effects, outcomes, strict=True)]

    def _create_foreign(self, effect: Effect) -> Outcome:
        body, project = body_of(effect, Commitment), project_of((effect,))
        there = commitment.by_origin(self._client, project, body.once_key)
        if there is not None:
            return done(effect, there.id, there.stamp)
        if not self._currencies.several():
            return refused(
                effect, f"The order is in {body.currency}, and this Procore company keeps one currency only."
            )
        header = render(effect)
        header.currency_iso_code = body.currency
        single = OrderSingle(number_of(project), header)
        entity = self._client.write("POST", commitment.PATHS[body.kind], single, _entity, COMMITMENTS)
        return _checked(effect, entity, done(effect, entity.id, entity.stamp))

    def update(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Header fields by once-key; each kind of contract has its own sync."""
        ended: dict[int, Outcome] = {}
        for kind in CommitmentKind:
            few = [effect for effect in effects if body_of(effect, Commitment).kind is kind]
            if few:
                answer = self._synced(project_of(few), [render_update(effect) for effect in few], kind)
                ended |= {outcome.intent_id: outcome for outcome in sync.outcomes(few, answer, _once)}
        return [ended[effect.intent_id] for effect in effects]

    def status(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Only the status, last: Approved freezes the lines (facts/procore.md 4). That of a subcontract is people's."""
        rows = [OrderWrite(origin_id=_once(e), status=body_of(e, Commitment).status.value) for e in effects]
        return sync.outcomes(effects, self._synced(project_of(effects), rows), _once)

    def _synced(
        self, project: str, rows: list[OrderWrite], kind: CommitmentKind = CommitmentKind.PURCHASE_ORDER
    ) -> OrderAnswer:
        body = OrderSync(number_of(project), rows)
        return self._client.upsert(f"{commitment.PATHS[kind]}/sync", body, _headers, COMMITMENTS)

    # -- lines --------------------------------------------------------------------------------------------------------

    def fill(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Writes the lines named in each effect, by once-key; other lines of the contract stay."""
        return one_by_one(effects, self._fill)

    def _fill(self, effect: Effect) -> Outcome:
        body, project = body_of(effect, Commitment), project_of((effect,))
        contract = commitment.contract_of(self._client, effect, body.once_key)
        units = self._units.fitted(line.unit for line in body.lines)
        rows = [render_line(line, _budget_code(effect, body, line), units) for line in body.lines]
        path = f"{commitment.PATHS[body.kind]}/{contract}/line_items/sync?project_id={project}"
        size = self._client.settings.batch_rows
        taken: dict[str, LineEntity] = {}
        bad: list[sync.BadRow] = []
        for start in range(0, len(rows), size):
            for answer in self._line_answers(path, rows[start : start + size]):
                taken |= {entity.origin_id: entity for entity in answer.entities or [] if entity.origin_id}
                bad += answer.errors or []
        return _filled(effect, contract, body.lines, taken, bad)

    def _line_answers(self, path: str, rows: list[LineWrite]) -> list[LineAnswer]:
        """The answers to some rows, halved as long as Procore finds them too many."""
        try:
            return [self._client.upsert(path, LineSync(rows), _lines, COMMITMENTS)]
        except TooLarge:
            half = len(rows) // 2
            if not half:
                raise
            return self._line_answers(path, rows[:half]) + self._line_answers(path, rows[half:])

    def adopt(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Stamps our once-keys on contracts, and on those of their lines that are ours, which were there before us."""
        return one_by_one(effects, self._adopt)

    def _adopt(self, effect: Effect) -> Outcome:
        body, project = body_of(effect, Commitment), project_of((effect,))
        row = commitment.show(self._client, project, effect.target)
        if row.origin_id and row.origin_id != body.once_key:
            return refused(effect, f"Another integration owns this Procore contract: its origin id is {row.origin_id}.")
        stamp, kind = row.stamp, commitment.kind_of(self._client, effect.target)
        path = f"{commitment.PATHS[kind]}/{effect.target}"
        if row.origin_id != body.once_key:
            header = OrderWrite(origin_id=body.once_key, origin_code=body.number)
            wrapped = OrderSingle if kind is CommitmentKind.PURCHASE_ORDER else SubcontractSingle
            single = wrapped(number_of(project), header)
            stamp = self._client.write("PATCH", path, single, _entity, COMMITMENTS).stamp
        for line_id, once_key in matched(body.lines, row.line_items or []):
            change = LineSingle(number_of(project), LineWrite(origin_id=once_key))
            self._client.write("PATCH", f"{path}/line_items/{line_id}", change, _line, COMMITMENTS)
            stamp = ""  # the header has moved on with its line; the next look finds it unchanged
        return done(effect, effect.target, stamp)


def matched(ours: Sequence[CommitmentLine], theirs: Sequence[commitment.LineRow]) -> list[tuple[str, str]]:
    """Which lines take which once-key: as planned by id, else by budget code and amount where only one fits."""
    taken = {row.origin_id for row in theirs if row.origin_id}
    free = {str(row.id): commitment.parse_line(row) for row in theirs if not row.origin_id}
    found: list[tuple[str, str]] = []
    left: list[CommitmentLine] = []
    for line in ours:
        if line.once_key in taken:
            continue
        if line.id and free.pop(line.id, None) is not None:
            found.append((line.id, line.once_key))
        else:
            left.append(line)
    for line in left:
        like = [i for i, row in free.items() if (row.budget_code, row.amount) == (line.budget_code, line.amount)]
        same = [i for i in like if free[i].description == line.description] or like
        rivals = [x for x in left if (x.budget_code, x.amount) == (line.budget_code, line.amount)]
        if len(same) == 1 and (len(rivals) == 1 or free[same[0]].description == line.description):
            found.append((same[0], line.once_key))
            del free[same[0]]
    return found


def _budget_code(effect: Effect, body: Commitment, line: CommitmentLine) -> str:
    """The id of a line's budget code; empty for a line that keeps the one it has there, which may be none of ours."""
    found = commitment.budget_code_of(effect.ids, body.project, line.budget_code)
    if not found and not line.id:
        raise Bug(f"Intent {effect.intent_id} was sent without the id of budget code {line.budget_code}.")
    return found or ""


def _checked(effect: Effect, entity: sync.Entity | None, outcome: Outcome) -> Outcome:
    """Refuses a contract that came into being in another currency than the order's."""
    wanted = body_of(effect, Commitment).currency
    stated = entity.currency_configuration if entity else None
    if stated is None or stated.currency_iso_code in (None, "", wanted) or not wanted:
        return outcome
    return refused(effect, f"The order is in {wanted}, and Procore keeps the contract in {stated.currency_iso_code}.")


def refused_lines(effect: Effect, bad: Sequence[sync.BadRow], sent: int) -> Outcome:
    """Some of the lines that were sent were not taken: which, and in Procore's words why."""
    texts = [f"line {row.origin_id or '?'}: {field_words(row.errors)}" for row in bad]
    return refused(effect, f"Procore refused {len(bad)} of {sent} lines: {listed(texts, 5, '; ')}")


def _filled(
    effect: Effect,
    contract: str,
    lines: Sequence[CommitmentLine],
    taken: dict[str, LineEntity],
    bad: Sequence[sync.BadRow],
) -> Outcome:
    if bad:
        return refused_lines(effect, bad, len(lines))
    for line in lines:
        entity = taken.get(line.once_key)
        if entity is None:
            return unknown(effect, f"{sync.UNMENTIONED} Line {line.once_key}.")
        if entity.amount is not None and entity.amount != line.amount:
            sent, kept = plain(line.amount), plain(entity.amount)
            return refused(effect, f"Line {line.once_key}: we sent {sent}, and Procore keeps {kept}.")
    return done(effect, contract)
