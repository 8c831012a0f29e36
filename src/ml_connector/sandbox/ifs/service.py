"""One call to one projection: read, create, change, remove, fire an event, ask for defaults (facts/ifs.md 6, 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ml_connector.sandbox.http import Response
from ml_connector.sandbox.ifs.addresses import Segment, pairs, segments, unquoted
from ml_connector.sandbox.ifs.changes import create, defaults, patch, refuse_stale, remove
from ml_connector.sandbox.ifs.database import NO_RULES, Database, Row
from ml_connector.sandbox.ifs.loading import list_projections
from ml_connector.sandbox.ifs.metadata import edmx, service_document
from ml_connector.sandbox.ifs.model import Action, Entity, Function, Kind, Projection
from ml_connector.sandbox.ifs.operations import UNBOUND, read_parameters
from ml_connector.sandbox.ifs.project_cost import refresh_costs
from ml_connector.sandbox.ifs.queries import Collection, Options, next_link, parse_options, read
from ml_connector.sandbox.ifs.refusals import IfsRefused, bad_request, not_allowed, not_found, not_implemented
from ml_connector.sandbox.ifs.resources import Target, find_target, referred
from ml_connector.sandbox.ifs.states import fire
from ml_connector.sandbox.ifs.wire import Encoder, Format, decode_object, row_path, wanted_format

_VERSION = ("odata-version", "4.0")


@dataclass(frozen=True, slots=True)
class Call:
    """A call below a service root: `path` is relative to `root`, which is the absolute address of the projection."""

    projection: Projection
    root: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Result:
    """An answer and, for a create, the address and row of what was made: what `$1` means in a change set."""

    response: Response
    made: tuple[str, Row] | None = None


def serve(db: Database, call: Call) -> Result:
    """Carries out one call. Raises IfsRefused for every refusal; the caller commits or takes back."""
    if "if-none-match" in call.headers:
        raise not_implemented("If-None-Match")
    path = segments(call.path)
    if not path or path[0].name == "$metadata":
        return _document(call, path)
    if call.projection.name == "AllProjections":
        list_projections(db)
    if call.projection.name == "ProjectMonitoringHandling":
        refresh_costs(db)
    action = next((one for one in call.projection.actions if one.name == path[0].name), None)
    if action is not None:
        return _unbound(db, call, action, path)
    function = next((one for one in call.projection.functions if one.name == path[0].name), None)
    if function is not None:
        return _function(db, call, function, path)
    target = find_target(db, call.projection, path)
    form = wanted_format(call.headers, db.switches)
    if target.operation is not None:
        return _operation(db, call, target, form)
    if target.key is None:
        return _on_collection(db, call, target.collection, form)
    return _on_row(db, call, target, form)


def _json(form: Format, body: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = (_VERSION,)) -> Response:
    return Response(status, (("content-type", form.content_type), *headers), form.encode(body))


def _document(call: Call, path: list[Segment]) -> Result:
    if call.method != "GET" or len(path) > 1:
        raise not_allowed(f"{call.method} on the service document or metadata")
    if path:
        return Result(Response(200, (("content-type", "application/xml"), _VERSION), edmx(call.projection)))
    return Result(_json(Format(), service_document(call.projection, call.root)))


# -- functions and actions


def _function(db: Database, call: Call, function: Function, path: list[Segment]) -> Result:
    if call.method != "GET" or len(path) > 1 or path[0].arguments is None:
        raise not_allowed(f"anything but GET {function.name}(...)")
    given = dict(pairs(path[0].arguments))
    if set(given) != {name for name, _ in function.parameters}:
        raise bad_request(f"{function.name} takes other parameters.")
    body: dict[str, Any] = {"@odata.context": f"{call.root}/$metadata#{function.name}"}
    if function.name == "GetCurrentUserInformation":
        body |= {"UserId": db.user, "Name": "Service user of the connector", "Language": "en", "Company": db.company}
    else:
        parts = db.table("AccountingCodeParts").under((_parameter(given["Company"]),))
        base = next((part["CodePart"] for part in parts if part["BaseForPfe"] == "Yes"), None)
        if base is None:
            raise not_found("base code part of this company")
        body |= {"value": base}
    return Result(_json(Format(), body))


def _parameter(text: str) -> str:
    try:
        return unquoted(text)
    except ValueError as error:
        raise bad_request(f"{text} is no quoted text.") from error


def _operation(db: Database, call: Call, target: Target, form: Format) -> Result:
    entity, name = target.collection.entity, (target.operation or "").removesuffix("()")
    if name == f"{entity.name}_Default":
        return _default(db, call, target, form)
    event = name.removeprefix(f"{entity.name}_")
    action = next((one for one in entity.actions if one.name == event), None)
    if not name.startswith(f"{entity.name}_") or (event not in entity.events and action is None):
        raise not_found(f"operation {name} on {entity.name}")
    if call.method != "POST":
        raise not_allowed(f"{call.method} on the action {name}")
    row = target.present()
    refuse_stale(db, row, call.headers)
    given = decode_object(call.body)
    if action is None and given:
        raise bad_request(f"{name} takes no parameters.")
    if db.switches.action_needs_ieee754 and not form.ieee754:
        raise IfsRefused(500, "INTERNAL_ERROR", "The action failed unexpectedly.")
    if action is None:
        fire(db, row, event)
        return Result(Response(204, (_VERSION,)))
    work = db.rules.get(entity.lu.name, NO_RULES).actions[event]
    return _outcome(call, action, work(db, row, read_parameters(action, given, form)), form)


def _unbound(db: Database, call: Call, action: Action, path: list[Segment]) -> Result:
    if call.method != "POST" or len(path) > 1 or path[0].arguments is not None:
        raise not_allowed(f"anything but POST {action.name}")
    form = wanted_format(call.headers, db.switches)
    parameters = read_parameters(action, decode_object(call.body), form)
    return _outcome(call, action, UNBOUND[action.name](db, parameters), form)


def _outcome(call: Call, action: Action, value: Any, form: Format) -> Result:
    if action.result is None:
        return Result(Response(204, (_VERSION,)))
    shown = str(value) if form.ieee754 and action.result == Kind.INTEGER and value is not None else value
    return Result(_json(form, {"@odata.context": f"{call.root}/$metadata#{action.result}", "value": shown}))


def _default(db: Database, call: Call, target: Target, form: Format) -> Result:
    entity, collection = target.collection.entity, target.collection
    if call.method != "GET" or target.key is not None:
        raise not_allowed(f"anything but GET on the defaults of {entity.name}")
    values = defaults(db, collection)
    shown = Encoder(collection.projection, entity, form, tuple(values))
    row = Row(entity.lu, [values.get(name) for name in entity.lu.index], "", "")
    body = {"@odata.context": f"{call.root}/$metadata#{collection.path}/$entity", **shown.attributes(row)}
    return Result(_json(form, body))


# -- collections


def _on_collection(db: Database, call: Call, collection: Collection, form: Format) -> Result:
    if call.method == "GET":
        return Result(_read(db, call, collection, form))
    if call.method != "POST" or "C" not in collection.crud:
        raise not_allowed(f"{call.method} on {collection.path}")
    row = create(db, collection, decode_object(call.body), form)
    return _made(db, call, collection, row, form)


def _made(db: Database, call: Call, collection: Collection, row: Row, form: Format) -> Result:
    path = row_path(collection.path, collection.entity, collection.projection.namespace, row)
    headers = (("location", f"{call.root}/{path}"), ("etag", row.tag), _VERSION)
    if form.minimal_return:
        return Result(Response(204, headers), (path, row))
    return Result(_json(form, _single(db, call, collection, row, form), 201, headers), (path, row))


def _read(db: Database, call: Call, collection: Collection, form: Format) -> Response:
    options = parse_options(call.query, collection.entity, many=True)
    page = read(db, collection, options)
    shown = Encoder(collection.projection, collection.entity, form, _columns(db, collection, options))
    tagged = form.full or not collection.nested
    rows: list[dict[str, Any]] = []
    for row in page.rows:
        member: dict[str, Any] = {"@odata.etag": row.tag} if tagged else {}
        if form.full:
            member |= shown.links(call.root, collection.path, row)
        member |= shown.meta_members(row)
        member |= shown.attributes(row)
        if options.expand:
            member |= _expanded(db, collection, row, options, form)
        rows.append(member)
    body: dict[str, Any] = {"@odata.context": _context(call, collection, options)}
    if page.total is not None:
        body["@odata.count"] = str(page.total) if form.ieee754 else page.total
    body["value"] = rows
    link = next_link(page, call.root, collection.path, call.query)
    if link is not None:
        body["@odata.nextLink"] = link
    return _json(form, body)


def _columns(db: Database, collection: Collection, options: Options) -> tuple[str, ...] | None:
    if options.select is None and collection.nested and db.switches.nested_needs_select:
        return ("luname", "keyref", "Objgrants")
    return options.select


def _context(call: Call, collection: Collection, options: Options) -> str:
    columns = f"({','.join(options.select)})" if options.select is not None else ""
    return f"{call.root}/$metadata#{collection.path}{columns}"


def _expanded(db: Database, collection: Collection, row: Row, options: Options, form: Format) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, select in options.expand:
        nav = collection.entity.nav(name)
        if nav is None:
            continue
        entity: Entity = collection.projection.entity(nav.entity)
        parse_options((("$select", ",".join(select)),) if select else (), entity, many=True)
        other = referred(db, entity.lu.name, row, nav)
        shown = Encoder(collection.projection, entity, form, select)
        found[name] = None if other is None else {**shown.meta_members(other), **shown.attributes(other)}
    return found


# -- rows


def _on_row(db: Database, call: Call, target: Target, form: Format) -> Result:
    collection = target.collection
    if call.method == "GET":
        return Result(_answer(db, call, collection, target.present(), form))
    if call.method == "PUT":
        raise not_implemented("PUT; use PATCH")
    letter = {"PATCH": "U", "DELETE": "D"}.get(call.method)
    if letter is None or letter not in collection.crud:
        raise not_allowed(f"{call.method} on {collection.entity.name}")
    if letter == "D":
        row = target.present()
        refuse_stale(db, row, call.headers)
        remove(db, row)
        return Result(Response(204, (_VERSION,)))
    return _patched(db, call, target, form)


def _patched(db: Database, call: Call, target: Target, form: Format) -> Result:
    collection, body = target.collection, decode_object(call.body)
    upsert = "if-match" not in call.headers and db.switches.patch_without_if_match == "upsert"
    if upsert and target.row is None:
        keys = dict(zip(collection.entity.lu.keys, target.key or (), strict=True))
        if "C" not in collection.crud:
            raise not_allowed(f"creating {collection.entity.name}")
        return _made(db, call, collection, create(db, collection, body, form, upsert_keys=keys), form)
    row = target.present()
    if not upsert:
        refuse_stale(db, row, call.headers)
    patch(db, collection, row, body, form, upsert=upsert)
    if form.minimal_return:
        return Result(Response(204, (("etag", row.tag), _VERSION)))
    return Result(_answer(db, replace(call, query=()), collection, row, form))


def _answer(db: Database, call: Call, collection: Collection, row: Row, form: Format) -> Response:
    return _json(form, _single(db, call, collection, row, form), 200, (("etag", row.tag), _VERSION))


def _single(db: Database, call: Call, collection: Collection, row: Row, form: Format) -> dict[str, Any]:
    options = parse_options(call.query, collection.entity, many=False)
    shown = Encoder(collection.projection, collection.entity, form, options.select)
    body: dict[str, Any] = {"@odata.context": f"{_context(call, collection, options)}/$entity", "@odata.etag": row.tag}
    if form.full:
        body |= shown.links(call.root, collection.path, row)
    return {**body, **shown.meta_members(row), **shown.attributes(row), **_expanded(db, collection, row, options, form)}
