"""Changes as a caller makes them: the refusals of bodies, keys and tags (facts/ifs.md 7 and 9.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_connector.sandbox.ifs.database import NO_RULES, Database, Row
from ml_connector.sandbox.ifs.model import Entity, Kind
from ml_connector.sandbox.ifs.queries import Collection
from ml_connector.sandbox.ifs.refusals import (
    MANDATORY,
    NOT_INSERTABLE,
    NOT_UPDATABLE,
    TOO_LONG,
    RuleBroken,
    bad_body,
    missing_precondition,
    stale,
)
from ml_connector.sandbox.ifs.wire import Format, decode_values


def refuse_stale(db: Database, row: Row, headers: Mapping[str, str]) -> None:
    """Lets a change pass whose If-Match is the row's present tag: 428 without one, 412 with another."""
    given = headers.get("if-match")
    if given is None:
        raise missing_precondition()
    if given.strip() == "*" and db.switches.accept_star_etag:
        return
    if given.strip() != row.tag:
        raise stale(row.lu.name)


def create(
    db: Database,
    collection: Collection,
    body: dict[str, Any],
    form: Format,
    upsert_keys: Mapping[str, Any] | None = None,
) -> Row:
    """Stores a new row from a body. With `upsert_keys` the key is the address's and what cannot be set is ignored."""
    entity = collection.entity
    values = decode_values(body, entity, form)
    settled = {**dict(collection.fixed), **dict(entity.where), **dict(upsert_keys or {})}
    for name in list(values):
        if name in settled:
            if upsert_keys is None and values[name] not in (None, settled[name]):
                raise bad_body(name, "it contradicts the address")
        elif not entity.lu.by_name[name].insertable and values[name] is not None:
            if upsert_keys is None:
                raise RuleBroken(
                    NOT_INSERTABLE, f"{entity.lu.name}.{name.upper()}", f"{name} may not be set on a new record."
                )
            del values[name]
    values |= settled
    _complete(db, entity, values)
    return db.insert(entity.lu, values)


def _complete(db: Database, entity: Entity, values: dict[str, Any]) -> None:
    rules = db.rules.get(entity.lu.name, NO_RULES)
    if rules.fill:
        rules.fill(db, values)
    for name in entity.lu.index:
        values.setdefault(name, None)
    _refuse_unfit(entity, values)
    if rules.check:
        rules.check(db, values, None)


def _refuse_unfit(entity: Entity, values: Mapping[str, Any]) -> None:
    """Mandatory attributes must have a value, texts must not be too long."""
    for attribute in entity.lu.shown:
        value = values.get(attribute.name)
        if value is None and attribute.mandatory:
            raise RuleBroken(MANDATORY, f"{entity.lu.name}.NULLVALUE", f"The field {attribute.name} must have a value.")
        if attribute.kind == Kind.TEXT and attribute.length and value is not None and len(value) > attribute.length:
            text = f"The field {attribute.name} holds at most {attribute.length} characters."
            raise RuleBroken(TOO_LONG, f"{entity.lu.name}.TOOLONG", text)


def patch(
    db: Database, collection: Collection, row: Row, body: dict[str, Any], form: Format, *, upsert: bool = False
) -> None:
    """Changes a row by a body. In an upsert, keys and what cannot be changed are ignored (facts 7.1)."""
    entity, rules = collection.entity, db.rules.get(collection.entity.lu.name, NO_RULES)
    values = decode_values(body, entity, form)
    for name in list(values):
        if entity.lu.by_name[name].updatable or values[name] == row[name]:
            continue
        if not upsert:
            raise RuleBroken(NOT_UPDATABLE, f"{entity.lu.name}.{name.upper()}", f"{name} may not be modified.")
        del values[name]
    new = {**row.as_dict(), **values}
    _refuse_unfit(entity, new)
    if rules.check:
        rules.check(db, new, row)
    db.update(row, values)


def remove(db: Database, row: Row) -> None:
    """Removes a row unless a rule forbids it."""
    rules = db.rules.get(row.lu.name, NO_RULES)
    if rules.remove:
        rules.remove(db, row)
    db.delete(row)


def defaults(db: Database, collection: Collection) -> dict[str, Any]:
    """The template row of `_Default()`: what a caller could send back, with the server's values in it (facts 7.3).

    Numbers are not drawn from their series for a template.
    """
    entity, rules = collection.entity, db.rules.get(collection.entity.lu.name, NO_RULES)
    values = {**dict(collection.fixed), **dict(entity.where)}
    numbers = dict(db.numbers)
    if rules.fill:
        rules.fill(db, values)
    db.numbers = numbers
    fixed = {name for name, _ in collection.fixed}
    drawn = {key for key in entity.lu.keys if key not in fixed}
    return {a.name: values.get(a.name) for a in entity.lu.shown if a.insertable and a.name not in drawn}
