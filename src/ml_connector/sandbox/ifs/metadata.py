"""Service documents and `$metadata`, generated from the declarations that serve the data (facts/ifs.md 2.1, 12)."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ml_connector.sandbox.ifs.model import (
    META_MEMBERS,
    Action,
    Attribute,
    Entity,
    EntitySet,
    EnumType,
    Function,
    Kind,
    Projection,
)

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_CAPABILITIES = (("C", "Insert", "Insertable"), ("U", "Update", "Updatable"), ("D", "Delete", "Deletable"))


def service_document(projection: Projection, root: str) -> dict[str, object]:
    """The list of entity sets at the service root."""
    sets = [{"name": one.name, "url": one.name} for one in projection.sets]
    return {"@odata.context": f"{root}/$metadata", "value": sets}


def edmx(projection: Projection) -> bytes:
    """The EDMX 4.0 document of a projection: types, enumerations, actions, functions, sets, capabilities."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<edmx:Edmx Version="4.0" xmlns:edmx="{_EDMX}"><edmx:DataServices>',
        f'<Schema Namespace="{projection.namespace}" xmlns="{_EDM}">',
        *(line for enum in projection.enums() for line in _enum(enum)),
        *(line for entity in projection.entities for line in _entity_type(projection, entity)),
        *(line for entity in projection.entities for line in _operations(projection, entity)),
        *(line for function in projection.functions for line in _function(projection, function)),
        *(line for action in projection.actions for line in _action(action.name, action)),
        *_container(projection),
        "</Schema></edmx:DataServices></edmx:Edmx>",
    ]
    return "\n".join(lines).encode()


def _enum(enum: EnumType) -> Iterator[str]:
    yield f'<EnumType Name="{enum.name}">'
    for number, identifier in enumerate(enum.identifiers):
        yield f'<Member Name="{identifier}" Value="{number}"/>'
    yield "</EnumType>"


def _entity_type(projection: Projection, entity: Entity) -> Iterator[str]:
    yield f'<EntityType Name="{entity.name}"><Key>'
    yield from (f'<PropertyRef Name="{key}"/>' for key in entity.lu.keys)
    yield "</Key>"
    yield from (_property(projection, attribute) for attribute in entity.lu.shown)
    yield from (f'<Property Name="{name}" Type="Edm.String"/>' for name in META_MEMBERS)
    for nav in entity.navs:
        target = f"{projection.namespace}.{nav.entity}"
        shown = f"Collection({target})" if nav.many else target
        yield f'<NavigationProperty Name="{nav.name}" Type="{shown}"/>'
    yield "</EntityType>"


def _property(projection: Projection, attribute: Attribute) -> str:
    kind = f"{projection.namespace}.{attribute.enum.name}" if attribute.enum else attribute.kind
    facets = ' Nullable="false"' if attribute.mandatory else ""
    if attribute.length:
        facets += f' MaxLength="{attribute.length}"'
    if attribute.kind == Kind.DECIMAL:
        facets += ' Scale="variable"'
    return f'<Property Name="{attribute.name}" Type="{escape(str(kind))}"{facets}/>'


def _operations(projection: Projection, entity: Entity) -> Iterator[str]:
    bound = f"{projection.namespace}.{entity.name}"
    for event in entity.events:
        yield f'<Action Name="{entity.name}_{event}" IsBound="true"><Parameter Name="record" Type="{bound}"/></Action>'
    for action in entity.actions:
        yield from _action(f"{entity.name}_{action.name}", action, bound)
    yield f'<Function Name="{entity.name}_Default" IsBound="true">'
    yield f'<Parameter Name="records" Type="Collection({bound})"/><ReturnType Type="{bound}"/></Function>'


def _action(name: str, action: Action, bound: str | None = None) -> Iterator[str]:
    yield f'<Action Name="{name}" IsBound="true">' if bound else f'<Action Name="{name}">'
    if bound:
        yield f'<Parameter Name="record" Type="{bound}"/>'
    for parameter, kind in action.parameters:
        needed = "" if parameter in action.optional else ' Nullable="false"'
        yield f'<Parameter Name="{parameter}" Type="{kind}"{needed}/>'
    if action.result is not None:
        yield f'<ReturnType Type="{action.result}"/>'
    yield "</Action>"


def _function(projection: Projection, function: Function) -> Iterator[str]:
    if function.result is None:
        yield f'<ComplexType Name="{function.name}Result" OpenType="true"/>'
    yield f'<Function Name="{function.name}">'
    yield from (f'<Parameter Name="{name}" Type="{kind}"/>' for name, kind in function.parameters)
    result = function.result or f"{projection.namespace}.{function.name}Result"
    yield f'<ReturnType Type="{result}"/></Function>'


def _container(projection: Projection) -> Iterator[str]:
    yield f'<EntityContainer Name="{projection.name}Container">'
    for one in projection.sets:
        yield from _set(projection, one)
    for function in projection.functions:
        yield f'<FunctionImport Name="{function.name}" Function="{projection.namespace}.{function.name}"/>'
    for action in projection.actions:
        yield f'<ActionImport Name="{action.name}" Action="{projection.namespace}.{action.name}"/>'
    yield "</EntityContainer>"


def _set(projection: Projection, one: EntitySet) -> Iterator[str]:
    yield f'<EntitySet Name="{one.name}" EntityType="{projection.namespace}.{one.entity}">'
    for letter, restriction, member in _CAPABILITIES:
        allowed = "true" if letter in one.crud else "false"
        yield f'<Annotation Term="Org.OData.Capabilities.V1.{restriction}Restrictions"><Record>'
        yield f'<PropertyValue Property="{member}" Bool="{allowed}"/></Record></Annotation>'
    yield "</EntitySet>"
