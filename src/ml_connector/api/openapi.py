"""What the API offers, in its own words: an OpenAPI 3.1 document made from the table of actions."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from string import Formatter
from typing import Any

import msgspec

from ml_connector.actions.action import Action
from ml_connector.actions.table import ACTIONS

ROOT = "/api/v1"
"""Where the API begins."""

_PROBLEMS = {
    "400": "Something in the request cannot be used.",
    "401": "No valid token came with it.",
    "403": "The token or its user may not do this.",
    "404": "There is nothing of that name or number.",
    "408": "The body took too long to come.",
    "409": "Not as things stand now; the title says why.",
    "413": "The body is too large.",
    "422": "A setting, right or name must be mended first.",
    "429": "Too much at once: come again later.",
    "502": "The other system did not answer, so the outcome is not known.",
    "503": "Away for a moment: come again later.",
}


@lru_cache(maxsize=1)
def described() -> dict[str, Any]:
    """The document, as plain data."""
    kinds = [action.takes for action in ACTIONS] + [action.gives for action in ACTIONS]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    takes, gives = schemas[: len(ACTIONS)], schemas[len(ACTIONS) :]
    paths: dict[str, dict[str, Any]] = {}
    for action, taken, given in zip(ACTIONS, takes, gives, strict=True):
        paths.setdefault(ROOT + action.path, {})[action.method.lower()] = _operation(action, taken, given, components)
    try:
        number = version("ml-connector")
    except PackageNotFoundError:
        number = "0"
    return {
        "openapi": "3.1.0",
        "info": {"title": "ml-connector", "version": number, "description": "IFS Cloud and Procore, joined."},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


_PROBLEM = {
    "type": "object",
    "required": ["status", "title", "detail"],
    "properties": {
        "status": {"type": "integer"},
        "title": {"type": "string", "description": "What went wrong."},
        "detail": {"type": "string", "description": "What to do."},
        "reference": {"type": "string"},
    },
}


def _operation(
    action: Action, taken: dict[str, Any], given: dict[str, Any], components: dict[str, Any]
) -> dict[str, Any]:
    shape = components[taken["$ref"].rpartition("/")[2]] if "$ref" in taken else taken
    fields: dict[str, Any] = shape.get("properties", {})
    required = set(shape.get("required", ()))
    in_path = {name for _, name, _, _ in Formatter().parse(action.path) if name}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _in_path(fields[name])} for name in sorted(in_path)
    ]
    said: dict[str, Any] = {
        "operationId": action.name,
        "summary": action.sentence,
        "description": f"Takes the right to {action.permission.value}. Command: `ml-connector {action.command}`.",
        "tags": [action.name.partition(".")[0]],
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": given}}},
            **{
                status: {
                    "description": why,
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                for status, why in _PROBLEMS.items()
            },
        },
    }
    rest = {name: schema for name, schema in fields.items() if name not in in_path}
    if action.writes and rest:
        body = {
            "type": "object",
            "properties": rest,
            "required": sorted(required - in_path),
            "additionalProperties": False,
        }
        said["requestBody"] = {"required": bool(required - in_path), "content": {"application/json": {"schema": body}}}
    elif not action.writes:
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in rest.items()
        ]
    return said | ({"parameters": parameters} if parameters else {})


def _in_path(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a part of the address, which is never empty and holds no slash."""
    return {**schema, "minLength": 1, "pattern": "^[^/]+$"} if schema.get("type") == "string" else schema
