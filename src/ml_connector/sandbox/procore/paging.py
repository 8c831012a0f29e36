"""Lists: filters, sorting, date ranges, pages and the headers that go with them (facts/procore.md 2.1, 2.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from ml_connector.sandbox.procore.call import Answer, Call
from ml_connector.sandbox.procore.errors import NO_SUCH_ID
from ml_connector.sandbox.procore.state import Record, timestamp

R = TypeVar("R", bound=Record)
T = TypeVar("T")


def listed(call: Call, found: Iterable[R], render: Callable[[R], Any], *, stamps: bool = True) -> Answer:
    """One page of records in answer shape; filters on id, created_at and updated_at apply where they are declared."""
    rows = settled(call, found)
    if stamps:
        rows = by_ids(call, rows)
        rows = by_range(call, rows, "created_at", lambda r: r.created_at)
        rows = by_range(call, rows, "updated_at", lambda r: r.updated_at)
    page, headers = paged(call, rows)
    return Answer(200, [render(row) for row in page], headers)


def settled(call: Call, found: Iterable[R]) -> list[R]:
    """Leaves out what is too young to show in lists, by the `settle` switch."""
    if not call.switches.settle:
        return list(found)
    limit = call.state.clock() - timedelta(seconds=call.switches.settle)
    return [row for row in found if row.born <= limit]


def values(call: Call, name: str) -> list[str]:
    """All values of a filter: repeated, as `[]`, or comma separated. An undeclared filter is ignored."""
    declared = call.operation.query
    if name not in declared and f"{name}[]" not in declared:
        return []
    given = call.request.params(name) + call.request.params(f"{name}[]")
    return [part.strip() for value in given for part in value.strip("[]").split(",") if part.strip()]


def by_ids(call: Call, rows: list[R]) -> list[R]:
    """filters[id], one or several."""
    wanted = set(values(call, "filters[id]"))
    return [row for row in rows if str(row.id) in wanted] if wanted else rows


def by_field(call: Call, rows: list[R], name: str, read: Callable[[R], Any]) -> list[R]:
    """A filter on equality with any of the given values, as text."""
    wanted = set(values(call, f"filters[{name}]"))
    return [row for row in rows if _text(read(row)) in wanted] if wanted else rows


def by_origin(call: Call, kind: str, rows: list[R]) -> list[R]:
    """filters[origin_id], through the index."""
    wanted = call.request.param("filters[origin_id]")
    if wanted is None or "filters[origin_id]" not in call.operation.query:
        return rows
    found = call.state.origins[kind].get(wanted)
    return [row for row in rows if row.id == found]


def by_range(call: Call, rows: list[R], name: str, read: Callable[[R], str | None]) -> list[R]:
    """A filter A...B on a stamp, both ends included."""
    if f"filters[{name}]" not in call.operation.query:
        return rows
    given = call.request.param(f"filters[{name}]")
    if not given:
        return rows
    low, high = date_range(call, given)
    return [row for row in rows if low <= (read(row) or "") <= high]


def date_range(call: Call, text: str) -> tuple[str, str]:
    """Both ends of A...B as stamps; quotes are allowed, a single day stands for itself. Malformed: 400."""
    parts = text.strip().strip('"').split("...")
    if len(parts) > 2:
        raise call.refuse(400, "a range is written A...B", "filters")
    try:
        return _end(parts[0], time.min), _end(parts[-1], time(23, 59, 59))
    except ValueError:
        raise call.refuse(400, "a range is written A...B with ISO dates", "filters") from None


def _end(text: str, of_day: time) -> str:
    text = text.strip().strip('"').replace(" ", "+")
    if len(text) == 10:
        return timestamp(datetime.combine(date.fromisoformat(text), of_day, UTC))
    moment = datetime.fromisoformat(text)
    return timestamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def ordered(call: Call, rows: list[R], keys: dict[str, Callable[[R], Any]]) -> list[R]:
    """Sorts by `sort=a,-b`; names the endpoint does not know are ignored."""
    for part in reversed((call.request.param("sort") or "").split(",")):
        read = keys.get(part.strip().removeprefix("-"))
        if read is not None:
            rows = sorted(rows, key=read, reverse=part.strip().startswith("-"))
    return rows


def paged(call: Call, rows: Sequence[T]) -> tuple[Sequence[T], tuple[tuple[str, str], ...]]:
    """The asked page and its headers. Link targets carry page and per_page only."""
    if "page" not in call.operation.query:
        return rows, ()
    size = min(_positive(call.request.param("per_page"), call.route.page), call.route.cap)
    page = _positive(call.request.param("page"), 1)
    if call.route.path in call.switches.ignore_page_endpoints:
        page = 1
    total = len(rows)
    last = max(1, -(-total // size))
    headers = [("Total", str(total)), ("Per-Page", str(size))]
    rels = []
    if page > 1:
        rels.append(("first", 1))
    if page > 2:
        rels.append(("prev", min(page - 1, last)))
    if page < last:
        rels += [("next", page + 1), ("last", last)]
    if rels:
        at = f"{call.base_url}{call.request.path}"
        headers.append(("Link", ", ".join(f'<{at}?page={n}&per_page={size}>; rel="{rel}"' for rel, n in rels)))
    return rows[(page - 1) * size : page * size], tuple(headers)


def pick(call: Call, table: dict[int, R], name: str = "id") -> R:
    """The record of a path id; 404 when there is none."""
    found = table.get(call.ids[name])
    if found is None:
        raise call.refuse(404, NO_SUCH_ID)
    return found


def _positive(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() and int(text) > 0 else default


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
