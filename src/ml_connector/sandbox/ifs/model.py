"""The vocabulary in which projections, entity sets, types and actions are declared, once, for every use of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """A type of the vendor's model, by its EDM name where it has one (facts/ifs.md 5.3)."""

    TEXT = "Edm.String"
    """Text with an optional length; the empty string is stored as null."""
    INTEGER = "Edm.Int64"
    """A whole number; a JSON string under IEEE754Compatible."""
    DECIMAL = "Edm.Decimal"
    """A Decimal; a JSON string under IEEE754Compatible."""
    BOOLEAN = "Edm.Boolean"
    """true or false."""
    DATE = "Edm.Date"
    """A day."""
    TIMESTAMP = "Edm.DateTimeOffset"
    """Local time behind a `Z` (facts 5.4)."""
    ENUM = "enum"
    """A member identifier of an enumeration of the projection."""


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enumeration: identifiers as JSON and `$filter` use them, each with its value in the database."""

    name: str
    members: tuple[tuple[str, str], ...]

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The member identifiers in order."""
        return tuple(identifier for identifier, _ in self.members)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a logical unit and what a caller may do with it."""

    name: str
    kind: Kind
    length: int | None = None
    enum: EnumType | None = None
    key: bool = False
    mandatory: bool = False
    insertable: bool = True
    updatable: bool = True
    hidden: bool = False

    @property
    def column(self) -> str:
        """The database column the name comes from: BuyQtyDue is BUY_QTY_DUE (facts 5.2)."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).upper()


@dataclass(frozen=True)
class LogicalUnit:
    """A stored kind of record: its attributes and, worked out from them, places and key."""

    name: str
    attributes: tuple[Attribute, ...]
    index: dict[str, int] = field(init=False)
    by_name: dict[str, Attribute] = field(init=False)
    keys: tuple[str, ...] = field(init=False)
    key_places: tuple[int, ...] = field(init=False)
    keyref_parts: tuple[tuple[str, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        index = {attribute.name: place for place, attribute in enumerate(self.attributes)}
        keys = tuple(a.name for a in self.attributes if a.key)
        columns = sorted((self.attributes[index[key]].column, index[key]) for key in keys)
        for name, value in (
            ("index", index),
            ("by_name", {a.name: a for a in self.attributes}),
            ("keys", keys),
            ("key_places", tuple(index[key] for key in keys)),
            ("keyref_parts", tuple(columns)),
        ):
            object.__setattr__(self, name, value)

    @property
    def shown(self) -> tuple[Attribute, ...]:
        """The attributes a caller can see."""
        return tuple(a for a in self.attributes if not a.hidden)


@dataclass(frozen=True, slots=True)
class Nav:
    """A navigation from an entity to another: an array (many) or a reference (one), joined attribute to attribute."""

    name: str
    entity: str
    join: tuple[tuple[str, str], ...]
    many: bool = True
    crud: str = "CRUD"


@dataclass(frozen=True, slots=True)
class Action:
    """An action that is no state event: a bound one is named without its entity's prefix.

    `result` is the kind of what it answers (None: nothing, 204); parameters in `optional` may be left out.
    """

    name: str
    parameters: tuple[tuple[str, Kind], ...] = ()
    result: Kind | None = None
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity type of a projection: a view of a logical unit with navigations, state events and other actions."""

    name: str
    lu: LogicalUnit
    navs: tuple[Nav, ...] = ()
    events: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    actions: tuple[Action, ...] = ()

    def nav(self, name: str) -> Nav | None:
        """The navigation of that name, if there is one."""
        return next((nav for nav in self.navs if nav.name == name), None)


@dataclass(frozen=True, slots=True)
class EntitySet:
    """A named set in a projection's service document; `crud` holds the letters of what may be done."""

    name: str
    entity: str
    crud: str = "CRUD"


@dataclass(frozen=True, slots=True)
class Function:
    """An unbound function: name, parameters with their types, and the kind of its result (None: a structure)."""

    name: str
    parameters: tuple[tuple[str, Kind], ...] = ()
    result: Kind | None = None


@dataclass(frozen=True, slots=True)
class Projection:
    """One service: `entity_service` ones live under /int/.../entity and must be activated."""

    name: str
    description: str
    entities: tuple[Entity, ...]
    sets: tuple[EntitySet, ...]
    functions: tuple[Function, ...] = ()
    entity_service: bool = False
    actions: tuple[Action, ...] = ()

    @property
    def namespace(self) -> str:
        """The schema namespace, also the prefix of qualified names (facts 2.1)."""
        return f"IfsApp.{self.name}"

    def entity(self, name: str) -> Entity:
        """The entity type of that name; it is a fault of the declaration when there is none."""
        return next(entity for entity in self.entities if entity.name == name)

    def entity_set(self, name: str) -> EntitySet | None:
        """The entity set of that name, if there is one."""
        return next((one for one in self.sets if one.name == name), None)

    def enums(self) -> Iterable[EnumType]:
        """Every enumeration that an attribute of the projection uses, once."""
        found: dict[str, EnumType] = {}
        for entity in self.entities:
            for attribute in entity.lu.shown:
                if attribute.enum is not None:
                    found[attribute.enum.name] = attribute.enum
        return found.values()


META_MEMBERS = ("luname", "keyref", "Objgrants")
"""Members that every row carries besides its attributes (facts 5.1)."""

_KINDS = {
    "text": Kind.TEXT,
    "int": Kind.INTEGER,
    "dec": Kind.DECIMAL,
    "bool": Kind.BOOLEAN,
    "date": Kind.DATE,
    "stamp": Kind.TIMESTAMP,
}


def attributes(declaration: str, enums: Iterable[EnumType] = ()) -> tuple[Attribute, ...]:
    """Attributes from lines such as `OrderNo* text 12`, `VendorNo! text 20 new`, `Objstate PurchaseOrderState read`.

    `*` marks a key, `!` a mandatory attribute; `read` forbids setting it, `new` allows it on creation only,
    `hidden` keeps it from callers. Several names may share one line: `A,B text 20`.
    """
    by_name = {enum.name: enum for enum in enums}
    found: list[Attribute] = []
    for line in filter(None, (raw.strip() for raw in declaration.splitlines())):
        names, kind, *rest = line.split()
        for name in names.split(","):
            found.append(_attribute(name, kind, rest, by_name))
    return tuple(found)


def _attribute(name: str, kind: str, rest: list[str], enums: dict[str, EnumType]) -> Attribute:
    key = "*" in name
    length = next((int(word) for word in rest if word.isdigit()), None)
    closed = "read" in rest or "hidden" in rest
    return Attribute(
        name=name.strip("*!"),
        kind=_KINDS.get(kind, Kind.ENUM),
        length=length,
        enum=None if kind in _KINDS else enums[kind],
        key=key,
        mandatory=key or "!" in name,
        insertable=not closed,
        updatable=not (closed or key or "new" in rest),
        hidden="hidden" in rest,
    )


Value = Any
"""What a row holds: str, int, Decimal, bool, date, aware datetime or None."""
