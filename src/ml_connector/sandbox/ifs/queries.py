"""Reading a collection: the query options the provider has, and the shortest way to the rows they ask for."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from ml_connector.sandbox.ifs.database import Database, Row, Table
from ml_connector.sandbox.ifs.filters import compile_filter, key_range, parse_filter
from ml_connector.sandbox.ifs.model import META_MEMBERS, Entity, Projection
from ml_connector.sandbox.ifs.refusals import bad_request, not_implemented
from ml_connector.sandbox.ifs.switches import IfsSwitches, default_page

_KNOWN = {"$filter", "$select", "$orderby", "$top", "$skip", "$count", "$expand", "$skiptoken"}
_ROW_OPTIONS = {"$select", "$expand"}


@dataclass(frozen=True, slots=True)
class Collection:
    """A set or an array as addressed: what it shows, what may be done, and what the address has already fixed."""

    projection: Projection
    entity: Entity
    crud: str
    path: str
    fixed: tuple[tuple[str, Any], ...] = ()
    nested: bool = False
    parents: tuple[Row, ...] = ()

    def fixed_prefix(self) -> tuple[Any, ...]:
        """The leading key values that the address fixes."""
        fixed, prefix = dict(self.fixed), []
        for key in self.entity.lu.keys:
            if key not in fixed:
                break
            prefix.append(fixed[key])
        return tuple(prefix)

    def holds(self, row: Row) -> bool:
        """Whether a row of the logical unit belongs to this collection."""
        return all(row[name] == value for name, value in (*self.fixed, *self.entity.where))


@dataclass(frozen=True, slots=True)
class Options:
    """The query options of one read, checked and in Python's types."""

    filter: str | None = None
    select: tuple[str, ...] | None = None
    order: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    expand: tuple[tuple[str, tuple[str, ...] | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What a read found: the rows, how many there are in all (None: not asked), and where the next page starts."""

    rows: list[Row]
    total: int | None = None
    next_skip: int | None = None
    link: str = "none"


def parse_options(query: Iterable[tuple[str, str]], entity: Entity, *, many: bool) -> Options:
    """The options of a query string. Refused: 501 for options not modelled, 400 for bad values and unknown names."""
    given: dict[str, str] = {}
    for name, value in query:
        if name == "odata-debug":
            raise not_implemented("odata-debug, which would turn every answer into 200")
        if not name.startswith("$"):
            continue
        if name not in _KNOWN:
            raise not_implemented(f"the query option {name}")
        if not many and name not in _ROW_OPTIONS:
            raise bad_request(f"{name} does not go with a single row.")
        if name in given:
            raise bad_request(f"{name} is given twice.")
        given[name] = value
    return Options(
        filter=given.get("$filter"),
        select=_select(given.get("$select"), entity),
        order=_order(given.get("$orderby"), entity),
        top=_whole("$top", given.get("$top")),
        skip=(_whole("$skip", given.get("$skip")) or 0) + (_whole("$skiptoken", given.get("$skiptoken")) or 0),
        count=_boolean("$count", given.get("$count", "false")),
        expand=_expand(given.get("$expand"), entity),
    )


def _whole(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise bad_request(f"{name} takes a whole number that is not negative.")
    return int(text)


def _boolean(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise bad_request(f"{name} takes true or false.")
    return text == "true"


def _select(text: str | None, entity: Entity) -> tuple[str, ...] | None:
    if text is None or text.strip() == "*":
        return None
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        _known_name(name, entity, "$select")
    return names


def _known_name(name: str, entity: Entity, option: str) -> None:
    attribute = entity.lu.by_name.get(name)
    if (attribute is None or attribute.hidden) and name not in META_MEMBERS:
        raise bad_request(f"{option} names '{name}', which {entity.name} does not have.")


def _order(text: str | None, entity: Entity) -> tuple[tuple[str, bool], ...]:
    found: list[tuple[str, bool]] = []
    for part in text.split(",") if text is not None else ():
        name, *direction = part.split()[:3] or [""]
        if "(" in part or "/" in part:
            raise not_implemented("an expression in $orderby")
        _known_name(name, entity, "$orderby")
        if name in META_MEMBERS:
            raise not_implemented(f"$orderby by {name}")
        if direction not in ([], ["asc"], ["desc"]):
            raise bad_request(f"$orderby takes asc or desc after {name}.")
        found.append((name, direction == ["desc"]))
    return tuple(found)


def _expand(text: str | None, entity: Entity) -> tuple[tuple[str, tuple[str, ...] | None], ...]:
    if text is None:
        return ()
    found: list[tuple[str, tuple[str, ...] | None]] = []
    for part in _outside_parentheses(text):
        name, _, rest = part.strip().partition("(")
        nav = entity.nav(name)
        if nav is None:
            raise not_implemented(f"$expand of {name}, which is no modelled reference of {entity.name}")
        if nav.many:
            raise not_implemented(f"$expand of the array {name}")
        if rest and not rest.startswith("$select="):
            raise not_implemented(f"options other than $select inside $expand of {name}")
        chosen = rest.removeprefix("$select=").removesuffix(")")
        found.append((name, tuple(one.strip() for one in chosen.split(",")) if rest else None))
    return tuple(found)


def _outside_parentheses(text: str) -> Iterator[str]:
    depth, current = 0, ""
    for sign in text:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            yield current
            current = ""
        else:
            current += sign
    yield current


@lru_cache(maxsize=512)
def _tree(text: str) -> Any:
    return parse_filter(text)


def read(db: Database, collection: Collection, options: Options) -> Page:
    """The rows that the options ask for, in the order they ask for, as far as the tenant's page limits let."""
    options, cut, link = _limited(options, db.switches)
    table = db.table(collection.entity.lu.name)
    tree = _tree(options.filter) if options.filter is not None else None
    test = _test(db, collection, tree)
    keys = _range(table, collection, tree)
    shuffled = not options.order and db.switches.unordered_shuffle
    if not shuffled and _is_key_order(collection, options):
        found = (row for row in map(table.rows.__getitem__, keys) if test(row))
        return _page(found, options, cut, link)
    rows = [row for row in map(table.rows.__getitem__, keys) if test(row)]
    if shuffled:
        turn = str(db.next_number("shuffle"))
        rows.sort(key=lambda row: zlib.crc32(f"{turn}{row.rowid}".encode()))
    for name, descending in reversed(options.order):
        _sort(rows, name, descending)
    return _page(iter(rows), options, cut, link)


def _limited(options: Options, switches: IfsSwitches) -> tuple[Options, bool, str]:
    """The options under the tenant's limits; whether the page was cut without being asked; the kind of link then."""
    mode, _, limit = switches.max_top.partition(":")
    if options.top is None:
        size, link = default_page(switches)
        return (options, False, "none") if size is None else (replace(options, top=size), True, link)
    if limit and options.top > int(limit):
        if mode == "reject":
            raise bad_request(f"$top may not be greater than {limit}.")
        return replace(options, top=int(limit)), False, "none"
    return options, False, "none"


def _test(db: Database, collection: Collection, tree: Any) -> Callable[[Row], bool]:
    """The test a row must pass beyond what its key range has settled."""
    index, prefix = collection.entity.lu.index, collection.fixed_prefix()
    settled = set(collection.entity.lu.keys[: len(prefix)])
    left = [
        (index[name], value) for name, value in (*collection.fixed, *collection.entity.where) if name not in settled
    ]
    passes = None
    if tree is not None:
        passes = compile_filter(tree, collection.entity, collection.projection.namespace, db.switches, db.now())
    if passes is None:
        return lambda row: all(row.values[place] == value for place, value in left)
    condition = passes
    if not left:
        return lambda row: condition(row.values)
    return lambda row: all(row.values[place] == value for place, value in left) and condition(row.values)


def _range(table: Table, collection: Collection, tree: Any) -> list[Any]:
    prefix, lu = collection.fixed_prefix(), collection.entity.lu
    low: tuple[Any, ...] = prefix
    high: tuple[Any, ...] | None = prefix or None
    if tree is not None and len(prefix) < len(lu.keys):
        least, greatest = key_range(tree, lu.by_name[lu.keys[len(prefix)]])
        low = prefix if least is None else (*prefix, least)
        high = high if greatest is None else (*prefix, greatest)
    start, stop = table.span(low, high)
    return table.ordered[start:stop]


def _is_key_order(collection: Collection, options: Options) -> bool:
    """Whether the asked order is the order in which keys are kept, given what the address fixes."""
    fixed = {name for name, _ in collection.fixed}
    asked = [name for name, _ in options.order if name not in fixed]
    kept = [key for key in collection.entity.lu.keys if key not in fixed]
    return not any(descending for _, descending in options.order) and asked == kept[: len(asked)]


def _sort(rows: list[Row], name: str, descending: bool) -> None:
    # As in the vendor's database, nulls come last going up and first going down.
    place = rows[0].lu.index[name] if rows else 0
    rows.sort(
        key=lambda row: ((value := row.values[place]) is None, value if value is not None else 0), reverse=descending
    )


def _page(found: Iterator[Row], options: Options, cut: bool, link: str) -> Page:
    wanted = None if options.top is None else options.skip + options.top
    if options.count:
        every = list(found)
        rows, total, more = every[options.skip : wanted], len(every), wanted is not None and len(every) > wanted
    else:
        total, rows, more = None, [], False
        for place, row in enumerate(found):
            if wanted is not None and place >= wanted:
                more = True
                break
            if place >= options.skip:
                rows.append(row)
    following = wanted if cut and more and link != "none" else None
    return Page(rows, total, following, link)


def next_link(page: Page, root: str, path: str, query: Iterable[tuple[str, str]]) -> str | None:
    """The link to the next page: relative to the service root or absolute, as the switch says; None at the end."""
    if page.next_skip is None:
        return None
    kept = [(name, value) for name, value in query if name not in ("$skiptoken", "$skip")]
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in [*kept, ("$skiptoken", str(page.next_skip))])
    start = f"{root}/" if page.link == "absolute" else ""
    return f"""{start}{quote(path, safe="/()',=.")}?{text}"""
