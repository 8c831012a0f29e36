"""One kind of row of a tenant: where it is read and what its properties are called there (facts/ifs.md 13)."""

from __future__ import annotations

from typing import Literal

import msgspec


class SetProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of row: where it is read, what its properties are called there, and where else it may be found."""

    projection: str
    entity_set: str
    keys: tuple[str, ...]
    """Logical names of the key, in key order; rows are read in this order."""
    properties: dict[str, str]
    """Our word to the tenant's property; an empty text switches a property off that is not required."""
    candidates: tuple[str, ...] = ()
    """Other `Projection/Set` names seen in the field, best first."""
    number_keys: tuple[str, ...] = ()
    """Those of `keys` that are numbers."""
    state_enum: str = ""
    """Name of the enumeration of its state, for qualified literals."""
    service: Literal["projection", "entity"] = "projection"
    """`entity` for an entity service, which lives under /int and must be activated (facts/ifs.md 2.2)."""
    nav: str = ""
    """Where the rows stand below a row of the set; keys and properties are then theirs, not the set's."""
    above: dict[str, str] = {}
    """With `nav`: our word to the tenant's property in the key of the row above."""

    def name(self, word: str) -> str:
        """The tenant's property for our `word`; empty when it is switched off."""
        return self.properties.get(word, "")

    def select(self) -> tuple[str, ...]:
        """Every property we read, each once, in a fixed order."""
        return tuple(dict.fromkeys(name for name in self.properties.values() if name))


def code_parts() -> dict[str, str]:
    """Our words for the ten code parts, `code_a` to `code_j`, to the properties that IFS everywhere calls CodeA on."""
    return {f"code_{letter.lower()}": f"Code{letter}" for letter in "ABCDEFGHIJ"}
