"""Cost codes of a project, tier under tier, and the company's cost types (facts/procore.md 7.1)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ml_connector.records.cost_code import CostCode, CostType
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore import sync
from ml_connector.systems.procore.answers import COST_CODES, COST_TYPES, field_words
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.effects import body_of, done, number_of, project_of, refused
from ml_connector.systems.procore.segment import Segments

_LIST = "/rest/v1.0/cost_codes"


class CostCodeRow(msgspec.Struct):
    """The members of a cost code row we use."""

    id: int
    full_code: str | None = None
    code: str | None = None
    name: str | None = None
    origin_id: str | None = None
    updated_at: str | None = None


class CostTypeRow(msgspec.Struct):
    """The members of a cost type (line item type) we use."""

    id: int
    code: str | None = None
    name: str | None = None


class CostCodeWrite(msgspec.Struct, omit_defaults=True):
    """One row of PATCH /rest/v1.0/cost_codes/sync."""

    id: int | None = None
    origin_id: str | None = None
    code: str | None = None
    name: str | None = None
    parent_id: int | None = None


class CostCodeSync(msgspec.Struct):
    """The body of a cost code sync: the project stands in the query (trap 4)."""

    updates: list[CostCodeWrite]


_rows = msgspec.json.Decoder(list[CostCodeRow])
_types = msgspec.json.Decoder(list[CostTypeRow])


def parse(row: CostCodeRow, project: str) -> CostCode:
    """A row as a record; `full_code` joins the tiers."""
    return CostCode(str(row.id), project, row.full_code or row.code or "", row.name or "", row.origin_id or None)


def read(client: Client, project: str) -> list[CostCode]:
    """Cost codes of a project by full code, parents included."""
    found = [parse(row, project) for row in _listed(client, project)]
    return sorted(found, key=lambda code: code.code)


def read_types(client: Client) -> list[CostType]:
    """Cost types of the company; `company_id` alone is right, whatever the reference says (facts/procore.md 16.1)."""
    rows = client.pages("/rest/v1.0/line_item_types", (("company_id", client.company),), _types, COST_TYPES)
    return [CostType(str(row.id), row.code or "", row.name or "") for row in rows]


def _listed(client: Client, project: str, *filters: tuple[str, str]) -> list[CostCodeRow]:
    return client.pages(_LIST, (("project_id", project), *filters), _rows, COST_CODES)


def _synced(client: Client, project: str, rows: list[CostCodeWrite]) -> sync.SyncAnswer:
    return client.upsert(f"{_LIST}/sync?project_id={project}", CostCodeSync(rows), sync.decoder, COST_CODES)


def adopt(client: Client, effects: Sequence[Effect]) -> list[Outcome]:
    """Stamps our once-key on cost codes that were there before us."""
    rows = [CostCodeWrite(id=number_of(effect.target), origin_id=effect.once_key) for effect in effects]
    path = f"{_LIST}/sync?project_id={project_of(effects)}"
    return sync.outcomes(effects, client.write("PATCH", path, CostCodeSync(rows), sync.decoder, COST_CODES))


def update(client: Client, effects: Sequence[Effect]) -> list[Outcome]:
    """Renames cost codes."""
    rows = [CostCodeWrite(id=number_of(e.target), name=body_of(e, CostCode).name) for e in effects]
    return sync.outcomes(effects, _synced(client, project_of(effects), rows))


def find(client: Client, effect: Effect) -> Outcome | None:
    """The cost code with our once-key and full code; for a rename, with the name."""
    project, body = project_of((effect,)), body_of(effect, CostCode)
    by = ("filters[id]", effect.target) if effect.verb == "update" else ("filters[origin_id]", effect.once_key)
    for row in _listed(client, project, by):
        if row.full_code == body.code and (effect.verb != "update" or row.name == body.name):
            return done(effect, row.id, row.updated_at)
    return None


class Tree:
    """Makes cost codes under their parents: `03-310` is the child `310` of `03`, which must be there first."""

    def __init__(self, client: Client, segments: Segments) -> None:
        self._client = client
        self._segments = segments

    def send(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Creates the codes, missing parents first. A full code that is there already is taken as it is."""
        project = project_of(effects)
        delimiter = self._segments.tiers(project).delimiter
        known = {row.full_code: row for row in _listed(self._client, project) if row.full_code}
        ended: dict[int, Outcome] = {}
        ids = {code: row.id for code, row in known.items()}
        wrong: dict[str, str] = {}
        try:
            for level in levels(effects, delimiter, ids):
                wrong |= self._make(project, delimiter, level, ids)
            left = []
            for effect in effects:
                code = body_of(effect, CostCode).code
                above = above_of(code, delimiter)
                there = known.get(code)
                if there is not None and there.origin_id not in (None, "", effect.once_key):
                    ended[effect.intent_id] = done(effect, there.id, there.updated_at)
                elif above in wrong:
                    ended[effect.intent_id] = refused(effect, f"Its parent {above} was refused: {wrong[above]}")
                else:
                    left.append(effect)
            if left:
                rows = [_row(effect, delimiter, ids) for effect in left]
                for outcome in sync.outcomes(left, _synced(self._client, project, rows)):
                    ended[outcome.intent_id] = outcome
        finally:
            self._segments.forget(project)
        return [ended[effect.intent_id] for effect in effects]

    def _make(self, project: str, delimiter: str, level: dict[str, Parent], ids: dict[str, int]) -> dict[str, str]:
        """One tier of missing parents, by full code: new ids go into `ids`, refusals come back as sentences."""
        wrong = {code: "its own parent was refused" for code in level if above_of(code, delimiter) not in ("", *ids)}
        rows = [
            CostCodeWrite(
                origin_id=parent.once_key,
                code=code.rpartition(delimiter)[2],
                name=parent.name,
                parent_id=ids.get(above_of(code, delimiter)),
            )
            for code, parent in level.items()
            if code not in wrong
        ]
        if not rows:
            return wrong
        answer = _synced(self._client, project, rows)
        made = {entity.origin_id: entity.id for entity in answer.entities or []}
        bad = {row.origin_id: field_words(row.errors) for row in answer.errors or []}
        for code, parent in level.items():
            if parent.once_key in made:
                ids[code] = made[parent.once_key]
            else:
                wrong.setdefault(code, bad.get(parent.once_key, sync.UNMENTIONED))
        return wrong


def above_of(code: str, delimiter: str) -> str:
    """The full code one tier up; empty at the top."""
    return code.rpartition(delimiter)[0] if delimiter else ""


class Parent(msgspec.Struct, frozen=True):
    """A tier that must be made first: its once-key and name."""

    once_key: str
    name: str


def levels(effects: Sequence[Effect], delimiter: str, known: dict[str, int]) -> list[dict[str, Parent]]:
    """The parents that are not there yet, by depth: full code to key and name, its own where it is asked for too."""
    if not delimiter:
        return []
    depths: dict[int, dict[str, Parent]] = {}
    asked = {body_of(effect, CostCode).code: effect for effect in effects}
    for effect in effects:
        code = body_of(effect, CostCode).code
        tiers = code.split(delimiter)
        for depth in range(1, len(tiers)):
            parent = delimiter.join(tiers[:depth])
            if parent in known:
                continue
            own = asked.get(parent)
            key = own.once_key if own else parent_key(effect.once_key, code, parent)
            name = (body_of(own, CostCode).name if own else "") or parent
            depths.setdefault(depth, {}).setdefault(parent, Parent(key, name))
    return [depths[depth] for depth in sorted(depths)]


def parent_key(once_key: str, code: str, parent: str) -> str:
    """The once-key of a parent, made from its child's: `10/1201/03-310` gives `10/1201/03`."""
    stem = once_key[: -len(code)] if once_key.endswith(code) else f"{once_key.rpartition('/')[0]}/"
    return stem + parent


def _row(effect: Effect, delimiter: str, ids: dict[str, int]) -> CostCodeWrite:
    body = body_of(effect, CostCode)
    there = ids.get(body.code)
    if there is not None:
        return CostCodeWrite(id=there, origin_id=effect.once_key)
    own = body.code.rpartition(delimiter)[2] if delimiter else body.code
    parent = ids.get(above_of(body.code, delimiter))
    return CostCodeWrite(origin_id=effect.once_key, code=own, name=body.name or body.code, parent_id=parent)
