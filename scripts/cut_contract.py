"""Cuts the served operations, and the schemas they need, out of the whole Procore contract.

Usage: python scripts/cut_contract.py <whole contract.json>
Run it after adding a route to the simulated Procore; it rewrites the package's contract.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ml_connector.sandbox.procore.routing import OAUTH, ROUTES

_TARGET = Path(__file__).parents[1] / "src" / "ml_connector" / "sandbox" / "procore" / "contract.json"


def references(value: Any) -> Iterable[str]:
    """Names of the shared schemas a piece of the document points to."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rsplit("/", 1)[-1]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def correct(paths: dict[str, dict[str, Any]]) -> None:
    """Puts right what the document declares too narrowly, for answers only (facts/procore.md 8.1 and 16.1)."""
    for path, shape in (("purchase_order", "PurchaseOrder"), ("work_order", "WorkOrder")):
        orders = answer(paths[f"/rest/v1.0/{path}_contracts"]["get"])
        orders["items"] = {"anyOf": [orders["items"], {"$ref": f"#/components/schemas/{shape}Contract"}]}
    shown = answer(paths["/rest/v1.0/vendors/{id}"]["get"])["anyOf"]
    for path in ("/rest/v1.0/vendors", "/rest/v1.1/vendors"):
        listed = answer(paths[path]["get"])
        listed["items"] = {"anyOf": [listed["items"], *shown]}
    statuses = answer(paths["/rest/v1.0/commitments"]["get"])["items"]["properties"]["status"]["enum"]
    statuses += ["Processing", "Submitted", "Partially Received", "Received", "Closed"]
    content = paths["/rest/v1.0/projects/{project_id}/commitment_change_orders"]["get"]["responses"]["200"]["content"]
    content["application/json"]["schema"] = {"type": "array", "items": content["application/json"]["schema"]}


def answer(operation: dict[str, Any]) -> dict[str, Any]:
    """The schema of an operation's 200 answer."""
    schema: dict[str, Any] = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return schema


def cut(whole: dict[str, Any], served: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The document with only the served (method, path template) pairs and every schema they reach."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path in sorted(served, key=lambda pair: (pair[1], pair[0])):
        paths.setdefault(path, {})[method.lower()] = whole["paths"][path][method.lower()]
    correct(paths)
    schemas: dict[str, Any] = {}
    waiting = list(references(paths))
    while waiting:
        name = waiting.pop()
        if name not in schemas:
            schemas[name] = whole["components"]["schemas"][name]
            waiting += references(schemas[name])
    kept = {name: schemas[name] for name in sorted(schemas)}
    info = {"title": "Procore REST API, the part the sandbox serves", "version": whole["info"]["version"]}
    return {"openapi": whole["openapi"], "info": info, "paths": paths, "components": {"schemas": kept}}


def main() -> None:
    """Reads the whole contract named on the command line and writes the package's part of it."""
    whole = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    served = [*OAUTH, *((route.method, route.path) for route in ROUTES)]
    _TARGET.write_text(json.dumps(cut(whole, served), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
