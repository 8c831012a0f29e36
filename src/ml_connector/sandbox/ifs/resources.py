"""From an address to what it means: a set, an array, a row, or an operation bound to one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ml_connector.sandbox.ifs.addresses import Segment, key_values
from ml_connector.sandbox.ifs.catalog import MEMBERS_NOT_MODELLED
from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.model import Nav, Projection
from ml_connector.sandbox.ifs.queries import Collection
from ml_connector.sandbox.ifs.refusals import IfsRefused, bad_request, not_found, not_implemented
from ml_connector.sandbox.ifs.wire import row_path


@dataclass(frozen=True, slots=True)
class Target:
    """What an address names. `key` is set for one row, which is None when missing; `operation` is a bound operation."""

    collection: Collection
    key: tuple[Any, ...] | None = None
    row: Row | None = None
    operation: str | None = None

    def present(self) -> Row:
        """The row, or a refusal with 404."""
        if self.row is None:
            raise not_found(f"{self.collection.entity.name} with this key")
        return self.row


def find_target(db: Database, projection: Projection, path: list[Segment]) -> Target:
    """Follows a path through sets, keys and navigations. Refused: 404 for unknown names and missing parents."""
    first, *rest = path
    entity_set = projection.entity_set(first.name)
    if entity_set is None:
        raise unknown_member(first.name, projection.name)
    collection = Collection(projection, projection.entity(entity_set.entity), entity_set.crud, entity_set.name)
    target = _keyed(db, collection, first)
    for segment in rest:
        target = _step(db, target, segment)
    return target


def unknown_member(name: str, owner: str) -> IfsRefused:
    """501 for a member known to exist but not modelled, 404 for one nobody knows."""
    if name in MEMBERS_NOT_MODELLED:
        return not_implemented(f"{name} of {owner}")
    return not_found(f"{name} in {owner}")


def _step(db: Database, target: Target, segment: Segment) -> Target:
    projection, entity = target.collection.projection, target.collection.entity
    if target.operation is not None:
        raise not_implemented("a path after a bound operation")
    if segment.name.startswith(f"{projection.namespace}."):
        return replace(target, operation=segment.name.removeprefix(f"{projection.namespace}."))
    nav = entity.nav(segment.name)
    if nav is None:
        if segment.name in entity.lu.by_name:
            raise not_implemented(f"the address of the single property {segment.name}")
        raise unknown_member(segment.name, entity.name)
    if target.key is None:
        raise bad_request(f"{segment.name} belongs to one {entity.name}; the key is missing.")
    parent = target.present()
    if not nav.many:
        return _reference(db, target.collection, parent, nav)
    return _keyed(db, _array(target.collection, parent, nav), segment)


def _array(collection: Collection, parent: Row, nav: Nav) -> Collection:
    projection = collection.projection
    path = f"{row_path(collection.path, collection.entity, projection.namespace, parent)}/{nav.name}"
    fixed = tuple((child, parent[own]) for own, child in nav.join)
    return Collection(
        projection,
        projection.entity(nav.entity),
        nav.crud,
        path,
        fixed,
        nested=True,
        parents=(*collection.parents, parent),
    )


def _reference(db: Database, collection: Collection, parent: Row, nav: Nav) -> Target:
    path = f"{row_path(collection.path, collection.entity, collection.projection.namespace, parent)}/{nav.name}"
    entity = collection.projection.entity(nav.entity)
    row = referred(db, entity.lu.name, parent, nav)
    return Target(Collection(collection.projection, entity, "R", path), () if row is None else row.key, row)


def referred(db: Database, lu: str, parent: Row, nav: Nav) -> Row | None:
    """The row that a single-valued reference leads to, or None."""
    return db.find(lu, *(parent[own] for own, _ in nav.join))


def _keyed(db: Database, collection: Collection, segment: Segment) -> Target:
    if segment.arguments is None:
        return Target(collection)
    lu = collection.entity.lu
    keys = tuple(lu.by_name[name] for name in lu.keys)
    key = key_values(segment.arguments, keys, collection.projection.namespace)
    row = db.find(lu.name, *key)
    if row is not None and not collection.holds(row):
        row = None
    return Target(collection, key, row)
