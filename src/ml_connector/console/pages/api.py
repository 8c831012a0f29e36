"""The page of the API: every action with what it takes, who may, and the command that does the same."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from starlette.responses import Response

from ml_connector.actions.action import Action
from ml_connector.actions.table import ACTIONS
from ml_connector.api.openapi import ROOT, described
from ml_connector.console.page import Page, Route


def index(page: Page) -> Response:
    """Every action, area by area."""
    ordered = sorted(ACTIONS, key=lambda one: (_area(one), one.path, one.method))
    areas = [(area, [_shown(one) for one in found]) for area, found in groupby(ordered, key=_area)]
    return page.render("api/index.html", areas=areas, root=ROOT)


def _area(action: Action) -> str:
    return action.name.partition(".")[0]


def _shown(action: Action) -> dict[str, Any]:
    told = described()["paths"][ROOT + action.path][action.method.lower()]
    fields = [
        {
            "name": one["name"],
            "where": one["in"],
            "kind": _kind(one["schema"]),
            "required": one["required"],
        }
        for one in told.get("parameters", ())
    ]
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields += [
        {"name": name, "where": "body", "kind": _kind(schema), "required": name in body["required"]}
        for name, schema in body.get("properties", {}).items()
    ]
    return {
        "name": action.name,
        "method": action.method,
        "path": ROOT + action.path,
        "sentence": action.sentence,
        "right": action.permission.value,
        "command": action.command,
        "fields": fields,
    }


def _kind(schema: dict[str, Any]) -> str:
    """What a field holds, in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    kind = str(schema.get("format") or schema.get("type", "anything"))
    return f"list of {_kind(schema['items'])}" if kind == "array" and "items" in schema else kind


PAGES: tuple[Route, ...] = (Route("/api", index),)
"""The API's own page."""
