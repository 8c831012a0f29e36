"""Sync calls: always 200, good rows in `entities`, bad ones in `errors`, in no promised order (facts/procore.md 3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore.answers import field_words
from ml_connector.systems.procore.currency import CurrencyRef
from ml_connector.systems.procore.effects import done, refused, unknown


class Entity(msgspec.Struct):
    """A row that was taken, as far as every kind of record has it."""

    id: int
    origin_id: str | None = None
    updated_at: str | None = None
    currency_configuration: CurrencyRef | None = None
    """Contracts only."""

    @property
    def stamp(self) -> str:
        """What changes when anybody changes the record."""
        return self.updated_at or ""


class BadRow(msgspec.Struct):
    """A row that was not taken: what named it, and the sentences per field."""

    id: int | str | None = None
    origin_id: str | None = None
    errors: object = None


class SyncAnswer(msgspec.Struct):
    """The answer to a sync call."""

    entities: Sequence[Entity] | None = None
    errors: list[BadRow] | None = None


decoder = msgspec.json.Decoder(SyncAnswer)
UNMENTIONED = "Procore's answer to the sync call does not mention this row."


def outcomes(
    effects: Sequence[Effect], answer: SyncAnswer, key: Callable[[Effect], str] | None = None
) -> list[Outcome]:
    """One outcome for each effect: found among the answer's rows by once-key (`key`), else by the id it aimed at."""
    entities = answer.entities or []
    by_key = {entity.origin_id: entity for entity in entities if entity.origin_id}
    by_id = {str(entity.id): entity for entity in entities}
    bad = answer.errors or []
    bad_by_key = {row.origin_id: row for row in bad if row.origin_id}
    bad_by_id = {str(row.id): row for row in bad if row.id is not None}
    found: list[Outcome] = []
    for effect in effects:
        once = key(effect) if key else effect.once_key
        wrong = bad_by_key.get(once) or bad_by_id.get(effect.target)
        entity = by_key.get(once) or by_id.get(effect.target)
        if entity is not None and wrong is None:
            found.append(_taken(effect, entity))
        elif wrong is not None or (len(effects) == 1 and bad):
            found.append(refused(effect, f"Procore refused it: {field_words((wrong or bad[0]).errors)}"))
        else:
            found.append(unknown(effect, UNMENTIONED))
    return found


def _taken(effect: Effect, entity: Entity) -> Outcome:
    if effect.target and str(entity.id) != effect.target:
        return refused(
            effect,
            f"Procore has no {effect.kind} {effect.target} with our key any more; the change landed on {entity.id}. "
            "Look at both and rule which one counts.",
        )
    return done(effect, entity.id, entity.stamp)
