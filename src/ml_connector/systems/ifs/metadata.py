"""What a projection's `$metadata` says there is: sets, properties, navigations and enumeration members."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element  # the type only; parsing is defusedxml's

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from ml_connector.systems.ifs.answers import not_odata


class Metadata(msgspec.Struct, frozen=True):
    """One projection: entity set to its properties, to its navigations, and enumeration to its identifiers."""

    sets: dict[str, frozenset[str]]
    navigations: dict[str, frozenset[str]]
    enums: dict[str, frozenset[str]]


def metadata_of(body: bytes, what: str) -> Metadata:
    """The metadata in an EDMX 4.0 document (facts/ifs.md 2.1); raises when it is none."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException):
        raise not_odata(what) from None
    types = {one.get("Name", ""): one for one in _all(root, "EntityType")}
    sets = {one.get("Name", ""): one.get("EntityType", "").rpartition(".")[2] for one in _all(root, "EntitySet")}
    return Metadata(
        sets={name: _names(types, kind, "Property") for name, kind in sets.items()},
        navigations={name: _names(types, kind, "NavigationProperty") for name, kind in sets.items()},
        enums={
            one.get("Name", ""): frozenset(member.get("Name", "") for member in _all(one, "Member"))
            for one in _all(root, "EnumType")
        },
    )


def _names(types: dict[str, Element], kind: str, tag: str) -> frozenset[str]:
    """Names under an entity type and the types it is derived from."""
    found: set[str] = set()
    seen: set[str] = set()
    while kind in types and kind not in seen:
        seen.add(kind)
        found.update(one.get("Name", "") for one in _all(types[kind], tag))
        kind = types[kind].get("BaseType", "").rpartition(".")[2]
    return frozenset(found)


def _all(root: Element, tag: str) -> Iterator[Element]:
    """Every element of that name, in whatever namespace version."""
    return (one for one in root.iter() if one.tag.rpartition("}")[2] == tag)
