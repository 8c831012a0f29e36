"""The part of Procore's published contract the simulation serves, read for shapes and for checking both directions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

Schema = Mapping[str, Any]

_IDS = re.compile(r"/\d+(?=/|$)")
_NAMES = re.compile(r"\{[^}]*\}")
_FREE = "Any value present in the Company list of Units of Measure"
_WRAPPER_ROWS = ("updates", "bulk", "budget_line_items")


class Operation:
    """One served operation: its declared query parameters, request body and answers."""

    def __init__(self, method: str, template: str, declared: Schema) -> None:
        self.method = method
        self.template = template
        self.declared = declared
        parameters = [p for p in declared.get("parameters", ()) if p["in"] == "query"]
        self.query: dict[str, Schema] = {p["name"]: p["schema"] for p in parameters}
        self.required = frozenset(p["name"] for p in parameters if p.get("required"))
        content = declared.get("requestBody", {}).get("content", {})
        self.body: Schema | None = content.get("application/json", {}).get("schema")
        self.path_names = tuple(name[1:-1] for name in _NAMES.findall(template))

    def answer(self, status: int) -> Schema | None:
        """The schema declared for that status; None when the contract names none."""
        response = self.declared["responses"].get(str(status), {})
        schema: Schema | None = response.get("content", {}).get("application/json", {}).get("schema")
        return schema


class Contract:
    """contract.json, resolved: which operations there are and what their bodies look like."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self._operations: dict[str, Operation] = {}
        for template, methods in document["paths"].items():
            for method, declared in methods.items():
                if method != "parameters":
                    operation = Operation(method.upper(), template, declared)
                    self._operations[f"{method.upper()} {_NAMES.sub('{}', template)}"] = operation

    @property
    def operations(self) -> Iterable[Operation]:
        """Every operation in the cut, in file order."""
        return self._operations.values()

    def find(self, method: str, path: str) -> Operation | None:
        """The operation of a concrete path such as /rest/v1.0/vendors/12; None when it is not in the cut."""
        return self._operations.get(f"{method} {_IDS.sub('/{}', path)}")

    def resolve(self, schema: Schema) -> Schema:
        """Follows `$ref` to the schema itself."""
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rsplit("/", 1)[-1]]
        return schema

    def members(self, schema: Schema) -> dict[str, Schema]:
        """Documented member names of an object schema, custom field placeholders left out."""
        properties: Mapping[str, Schema] = self.resolve(schema).get("properties", {})
        return {name: s for name, s in properties.items() if "%{" not in name}

    def blank(self, schema: Schema | str, branch: int = 0) -> dict[str, Any]:
        """All documented members of an object shape, empty: null, [] for lists, {} for custom fields."""
        found = self.resolve(self.schemas[schema] if isinstance(schema, str) else schema)
        if "anyOf" in found:
            found = self.resolve(found["anyOf"][branch])
        return {name: self._empty(name, s) for name, s in self.members(found).items()}

    def blank_of(self, method: str, template: str, branch: int = 0, status: int = 200) -> dict[str, Any]:
        """The blank shape of an operation's answer, looked up through `data` and lists."""
        operation = self._operations[f"{method} {_NAMES.sub('{}', template)}"]
        schema = self.resolve(operation.answer(status) or {})
        while True:
            if schema.get("type") == "array":
                schema = self.resolve(schema["items"])
            elif set(schema.get("properties", ())) == {"data"}:
                schema = self.resolve(schema["properties"]["data"])
            else:
                return self.blank(schema, branch)

    def _empty(self, name: str, schema: Schema) -> Any:
        if name == "custom_fields":
            return {}
        return [] if self.resolve(schema).get("type") == "array" else None

    # -- checking -------------------------------------------------------------------------------------------------

    def body_problems(self, operation: Operation, body: Any, *, strict: bool) -> list[str]:
        """What is wrong with a request body. Not strict: rows of a sync are left to the sync engine, extras allowed."""
        if operation.body is None:
            return []
        if self.resolve(operation.body).get("type") == "array":
            if not isinstance(body, list):
                return ["the body must be a JSON list"]
        elif not isinstance(body, dict):
            return ["the body must be a JSON object"]
        found: list[str] = []
        self._check(operation.body, body, "", found, _Reading(strict=strict, rows=strict, nulls=True))
        return found

    def row_members(self, operation: Operation) -> dict[str, Schema]:
        """Documented members of one row of a sync operation, by name."""
        properties = self.resolve(operation.body or {}).get("properties", {})
        rows = next(properties[name] for name in _WRAPPER_ROWS if name in properties)
        return self.members(self.resolve(rows)["items"])

    def row_problems(self, members: Mapping[str, Schema], row: Mapping[str, Any]) -> dict[str, list[str]]:
        """What is wrong with one sync row, per field, as it stands in the row's `errors`."""
        problems: dict[str, list[str]] = {}
        for name, value in row.items():
            if value is None or name not in members:
                continue
            found: list[str] = []
            self._check(members[name], value, name, found, _LENIENT)
            if found:
                problems[name] = [text.removeprefix(name).strip() for text in found]
        return problems

    def query_problems(self, operation: Operation, query: Sequence[tuple[str, str]], *, strict: bool) -> list[str]:
        """Missing required parameters and values of the wrong type; strict also names undocumented parameters."""
        given: dict[str, str] = {}
        for name, value in query:
            given[name] = value
        found = [f"query parameter {name} is missing" for name in sorted(operation.required) if not given.get(name)]
        either = operation.template.endswith("/line_item_types") or "v1.0/webhooks/" in operation.template
        if either and ("company_id" in given or "project_id" in given):
            found = []  # facts/procore.md 16.1: both flagged required where one of the two is meant
        for name, value in given.items():
            schema = operation.query.get(name) or operation.query.get(name.removesuffix("[]"))
            if schema is None:
                if strict:
                    found.append(f"query parameter {name} is not documented")
                continue
            wanted = schema.get("type")
            if wanted == "integer" and not value.isdigit():
                found.append(f"query parameter {name} must be an integer")
            elif strict and "enum" in schema and value not in schema["enum"]:
                found.append(f"query parameter {name} is not one of {schema['enum']}")
        return found

    def _check(self, schema: Schema, value: Any, where: str, found: list[str], how: _Reading) -> None:
        schema = self.resolve(schema)
        if value is None:
            if not how.nulls and not schema.get("nullable"):
                found.append(f"{where} is null")
            return
        if "anyOf" in schema:
            self._check_any(schema["anyOf"], value, where, found, how)
            return
        wanted = schema.get("type")
        if wanted is not None and not _is(wanted, value):
            found.append(f"{where} must be {wanted}")
        elif "enum" in schema and schema["enum"] != [_FREE] and value not in schema["enum"]:
            found.append(f"{where} is not included in the list")
        elif wanted == "object":
            self._check_object(schema, value, where, found, how)
        elif wanted == "array":
            for position, item in enumerate(value):
                if item is None and not how.answers:
                    found.append(f"{where}[{position}] is null")
                self._check(schema.get("items", {}), item, f"{where}[{position}]", found, how)

    def _check_any(self, branches: Sequence[Schema], value: Any, where: str, found: list[str], how: _Reading) -> None:
        best: list[str] | None = None
        for branch in branches:
            attempt: list[str] = []
            self._check(branch, value, where, attempt, how)
            if not attempt:
                return
            if best is None or len(attempt) < len(best):
                best = attempt
        found.extend(best or ())

    def _check_object(self, schema: Schema, value: dict[str, Any], where: str, found: list[str], how: _Reading) -> None:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        for name in schema.get("required", ()):
            if value.get(name) is None and not how.answers:
                found.append(f"{where}.{name}".lstrip(".") + " is missing")
        for name, inner in value.items():
            declared = properties.get(name)
            at = f"{where}.{name}".lstrip(".")
            if declared is None:
                open_ended = schema.get("additionalProperties") or not properties or "field_name" in properties
                if how.strict and not open_ended and not name.startswith("custom_field_"):
                    found.append(f"{at} is not documented")
            elif how.rows or where or name not in _WRAPPER_ROWS:
                self._check(declared, inner, at, found, how)
            elif not isinstance(inner, list) or not all(isinstance(row, dict) for row in inner):
                found.append(f"{at} must be a list of objects")

    def answer_problems(self, operation: Operation, status: int, body: Any) -> list[str]:
        """What an answer says that the contract does not declare: wrong types, undocumented members, unknown status."""
        schema = operation.answer(status)
        if schema is None:
            declared = operation.declared["responses"]
            known = str(status) in declared or "default" in declared or status in (401, 403, 404, 429, 500, 503)
            return [] if known else [f"status {status} is not declared"]
        found: list[str] = []
        if operation.template.endswith(("/sync", "/bulk_create")) and isinstance(body, dict) and status < 400:
            found += [
                f"errors[{n}] names no field" for n, row in enumerate(body.get("errors") or ()) if not row["errors"]
            ]
            body = {**body, "errors": []}  # the rest of an error row is the row as it was sent (facts/procore.md 3)
        self._check(schema, body, "", found, _Reading(strict=status < 400, rows=True, nulls=True, answers=True))
        return found

    def missing_members(self, operation: Operation, status: int, body: Any) -> list[str]:
        """Documented members an answer leaves out, looked for through lists and nested objects."""
        schema = operation.answer(status)
        return [] if schema is None else sorted(set(self._missing(schema, body, "")))

    def _missing(self, schema: Schema, value: Any, where: str) -> list[str]:
        schema = self.resolve(schema)
        if value is None:
            return []
        if "anyOf" in schema:
            attempts = [self._missing(branch, value, where) for branch in schema["anyOf"]]
            return min(attempts, key=len)
        if isinstance(value, list):
            return [text for item in value for text in self._missing(schema.get("items", {}), item, f"{where}[]")]
        if not isinstance(value, dict):
            return []
        absent = []
        for name, inner in self.members(schema).items():
            at = f"{where}.{name}".lstrip(".")
            if name not in value:
                absent.append(at)
            else:
                absent += self._missing(inner, value[name], at)
        return absent


class _Reading:
    """How strictly a value is read: undocumented members, sync rows, nulls, and whether it is an answer."""

    __slots__ = ("answers", "nulls", "rows", "strict")

    def __init__(self, *, strict: bool, rows: bool, nulls: bool, answers: bool = False) -> None:
        self.strict = strict
        self.rows = rows
        self.nulls = nulls
        self.answers = answers


_LENIENT = _Reading(strict=False, rows=True, nulls=True)


def _is(wanted: str, value: Any) -> bool:
    if wanted == "string":
        return isinstance(value, str)
    if wanted == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if wanted == "number":
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if wanted == "boolean":
        return isinstance(value, bool)
    return isinstance(value, dict if wanted == "object" else list)


@cache
def contract() -> Contract:
    """The contract of the served operations, read once from the package's contract.json."""
    return Contract(msgspec.json.decode(files(__package__).joinpath("contract.json").read_bytes()))


def check_request(method: str, path: str, query: Sequence[tuple[str, str]], body: Any) -> list[str]:
    """Everything a request says that the contract does not document; [] when it is clean. `body` is parsed JSON."""
    operation = contract().find(method, path)
    if operation is None:
        return [f"{method} {path} is not an operation of the served contract"]
    found = contract().query_problems(operation, query, strict=True)
    if operation.body is not None:
        return found + contract().body_problems(operation, body, strict=True)
    return found if body is None else [*found, "a body is sent where none is documented"]


def check_response(method: str, path: str, status: int, body: Any) -> list[str]:
    """Everything an answer says that the contract does not declare; [] when it is clean. `body` is parsed JSON."""
    operation = contract().find(method, path)
    if operation is None:
        return [f"{method} {path} is not an operation of the served contract"]
    return contract().answer_problems(operation, status, body)
