"""Fills a database with the rows of years, so that pages can be timed: links, steps, exchanges, holds, audit rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from benchmarks.console_records import bill, contract, order, order_id, paid, project_id, vendor_id, vendor_name
from ml_connector.engine.cases import OrdersCase, encode
from ml_connector.engine.given import Given
from ml_connector.engine.naming import entries_of_links
from ml_connector.flows.purchase_orders import Theirs
from ml_connector.kernel.keys import content_hash
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets
from ml_connector.planning.finding import of_order
from ml_connector.planning.plan import Body, HoldReason, pack
from ml_connector.planning.policy import Policies
from ml_connector.records.cost_code import CostCode
from ml_connector.records.project import Project
from ml_connector.records.vendor import Vendor
from ml_connector.store import audit as trail
from ml_connector.store import bulk, links, names, partitions
from ml_connector.store.evidence import EvidenceWriter
from ml_connector.store.links import LinkRow
from ml_connector.store.postgres import Database
from ml_connector.systems.wire import Exchange

BIG = "P500000"
"""The order with thousands of hops."""
BIG_STEPS = 1_700
ORDER, INVOICE, PAYMENT = "P500001", "500001", "SUPAY/500001/1"
"""A document of each kind that is there whenever there are a thousand links."""
_SLICE = 5_000


class Filled(NamedTuple):
    """How many rows were made, and numbers to ask for."""

    orders: int
    exchange: int
    """An exchange that carries a step."""
    run: int
    hold: int


def fill(db: Database, connection_id: int, *, audit: int = 1_000_000, links: int = 100_000) -> Filled:
    """Makes so many audit rows and links, and steps, exchanges (as many as audit rows), runs and holds to match."""
    chance = random.Random(7)  # noqa: S311 - the same rows each time
    runs = _runs(db, connection_id, max(10, links // 50))
    vendors = max(10, links // 50)
    projects = max(2, links // 4_000)
    orders = max(10, links * 45 // 100)
    _masters(db, connection_id, chance, vendors, projects)
    _documents(db, connection_id, chance, (orders, vendors, projects))
    first = _steps(db, connection_id, chance, (orders, runs))
    exchange = _exchanges(db, connection_id, audit, (first, runs))
    hold = _holds(db, connection_id, chance, (orders, runs))
    _decision(db, connection_id, runs[-1], min(500, orders), (vendors, projects))
    _audit(db, connection_id, audit, (orders, runs))
    with db.begin() as conn:
        tables = ("names", "links", "intents", "intent_states", "exchanges", "holds", "audit", "runs", "source_rows")
        bulk.run(conn, f"ANALYZE {', '.join(tables)}")
    return Filled(orders, exchange, runs[-1], hold)


def _runs(db: Database, connection_id: int, number: int) -> list[int]:
    sql = """
        INSERT INTO runs (connection_id, flows, trigger, actor, started_at, finished_at, state)
        SELECT %s, '{purchase_orders,supplier_invoices}', 'schedule', 'service', now() - (%s - n) * interval '15 min',
               now() - (%s - n) * interval '15 min' + interval '40 s', 'done'
        FROM generate_series(1, %s) n RETURNING id
    """
    with db.begin() as conn:
        return sorted(row[0] for row in bulk.fetch(conn, sql, (connection_id, number, number, number)))


def _masters(db: Database, connection_id: int, chance: random.Random, vendors: int, projects: int) -> None:
    rows: list[tuple[str, str, Body, str, str]] = []
    for number in range(projects):
        body = Project(project_id(number), project_id(number), f"Job site {number}", True)
        rows.append(("project", project_id(number), body, str(8_000_000 + number), ""))
        for code in range(40):
            called = f"{code + 1:02d}-{chance.randrange(100, 999)}"
            codes = CostCode("", project_id(number), called, f"Work of {called}")
            rows.append(("cost_code", f"{project_id(number)}/{called}", codes, str(7_000_000 + number * 40 + code), ""))
    for number in range(vendors):
        vendor = Vendor(vendor_id(number), vendor_name(number), f"{10 + number % 80}-{1_000_000 + number}", "US")
        rows.append(("vendor", vendor.id, vendor, str(9_000_000 + number), ""))
    _link(db, connection_id, iter(rows))


def _documents(db: Database, connection_id: int, chance: random.Random, sizes: tuple[int, int, int]) -> None:
    orders, vendors, projects = sizes

    def rows() -> Iterator[tuple[str, str, Body, str, str]]:
        for number in range(orders):
            made = contract(number, vendors, projects, chance)
            key = f"{order_id(number)}@{made.project}"
            yield "commitment", key, made, str(20_000_000 + number), made.once_key
            if number % 10 == 9:
                continue
            asked = bill(number, made)
            yield "subcontractor_invoice", f"{500_000 + number}@{key}", asked, str(30_000_000 + number), asked.once_key
            if number % 5 < 2:
                money = paid(number, made, key)
                yield "payment", f"SUPAY/{500_000 + number}/1@{key}", money, str(40_000_000 + number), money.once_key

    _link(db, connection_id, rows())


def _link(db: Database, connection_id: int, rows: Iterator[tuple[str, str, Body, str, str]]) -> None:
    batch: list[LinkRow] = []
    for kind, key, body, target, once in rows:
        scope = key.rpartition("@")[2] if "@" in key else ""
        batch.append(LinkRow(kind, key, target, scope, once, evidence="Made for timing.", base=pack(body)))
        if len(batch) == _SLICE:
            _put(db, connection_id, batch)
            batch = []
    _put(db, connection_id, batch)


def _put(db: Database, connection_id: int, batch: list[LinkRow]) -> None:
    with db.begin() as conn:
        links.put_links(conn, connection_id, batch)
        names.put(conn, connection_id, entries_of_links(batch), fresh=False)


_INTENTS = (
    *(("id", "int8"), ("connection_id", "int8"), ("run_id", "int8"), ("flow", "text"), ("verb", "text")),
    *(("kind", "text"), ("erp_id", "text"), ("once_key", "text"), ("scope", "text"), ("target", "text")),
    *(("body", "bytea"), ("needs", "text"), ("after", "text"), ("amount", "numeric"), ("currency", "text")),
    *(("reason", "text"), ("source", "text"), ("counts_as", "text"), ("base", "bytea"), ("digest", "bytea")),
)
_STATES = (
    *(("id", "int8"), ("connection_id", "int8"), ("state", "text"), ("target", "text"), ("attempt", "int4")),
    *(("sent_at", "timestamptz"), ("settled_at", "timestamptz")),
)


class _Step(NamedTuple):
    run: int
    flow: str
    verb: str
    kind: str
    record: str
    source: str
    target: str


def _plan(chance: random.Random, orders: int, runs: list[int]) -> Iterator[_Step]:
    """Every step that is made, in order."""
    for one in range(BIG_STEPS):
        run = runs[one * len(runs) // BIG_STEPS]
        yield _Step(run, "purchase_orders", "update", "commitment", f"{BIG}@5000", BIG, "20000000")
    for number in range(1, orders):
        run, made = runs[number * len(runs) // orders], order_id(number)
        record = f"{made}@{project_id(number % max(2, orders * 100 // 45 // 4_000))}"
        for verb in ("create", "fill", "status"):
            yield _Step(run, "purchase_orders", verb, "commitment", record, made, str(20_000_000 + number))
        if number % 10 != 9:
            paper = str(500_000 + number)
            key = f"{paper}@{record}"
            target = str(30_000_000 + number)
            yield _Step(run, "supplier_invoices", "create", "subcontractor_invoice", key, paper, target)
    del chance


def _steps(db: Database, connection_id: int, chance: random.Random, sizes: tuple[int, list[int]]) -> int:
    """Makes steps; the id of the first of them."""
    orders, runs = sizes
    with db.begin() as conn:
        row = bulk.fetch_one(conn, "SELECT nextval('intents_id_seq')")
        first = int(row[0]) if row else 1
        began = {run: datetime.now(UTC) - timedelta(minutes=15 * (runs[-1] - run)) for run in runs}
        body = pack(Project("1", "1", "Body", True))
        made: list[tuple[Any, ...]] = []
        states: list[tuple[Any, ...]] = []
        for number, step in enumerate(_plan(chance, orders, runs), first):
            at = began[step.run] + timedelta(seconds=number % 30)
            money = Decimal(number % 90_000) + Decimal("0.25")
            made.append(
                (
                    *(number, connection_id, step.run, step.flow, step.verb, step.kind, step.record, "", "5000", ""),
                    *(body, "[]", "[]", money, "USD", "Made for timing.", step.source, "", b"", b"d"),
                )
            )
            states.append((number, connection_id, "done", step.target, 1, at, at + timedelta(seconds=2)))
        bulk.copy_in(conn, "intents", _INTENTS, made)
        bulk.copy_in(conn, "intent_states", _STATES, states)
        bulk.fetch(conn, "SELECT setval('intents_id_seq', %s)", (first + len(made),))
    return first


_EXCHANGES = (
    *(("connection_id", "int8"), ("run_id", "int8"), ("side", "text"), ("method", "text"), ("path", "text")),
    *(("status", "int4"), ("request_id", "text"), ("milliseconds", "int4"), ("write", "bool")),
    *(("at", "timestamptz"), ("intent_ids", "int8[]"), ("lasting", "bool")),
)


def _exchanges(db: Database, connection_id: int, number: int, places: tuple[int, list[int]]) -> int:
    """Makes exchanges, one in five with a step; the id of one that has one."""
    first, runs = places
    with db.begin() as conn:
        row = bulk.fetch_one(conn, "SELECT count(*) FROM intents WHERE connection_id = %s", (connection_id,))
        steps = int(row[0]) if row else 0
        now = datetime.now(UTC)
        oldest = now - timedelta(minutes=15 * len(runs))
        months = {partitions.month_of(oldest + timedelta(days=day)) for day in range(0, (now - oldest).days + 40, 20)}
        partitions.make_months(conn, months)

    def rows() -> Iterator[tuple[Any, ...]]:
        for one in range(number):
            place = one * len(runs) // number
            at = now - timedelta(minutes=15 * (len(runs) - 1 - place)) + timedelta(seconds=one % 40)
            writes = one % 5 == 0
            step = first + one * steps // number
            path = f"/rest/v1.0/purchase_order_contracts/{one}/line_items/sync" if writes else f"/rest/v1.0/list/{one}"
            method, carried = ("PATCH", [step]) if writes else ("GET", [])
            yield (
                *(connection_id, runs[place], "projects", method, path, 200, f"req-{one}", 20, writes),
                *(at, carried, False),
            )

    with db.begin() as conn:
        bulk.copy_in(conn, "exchanges", _EXCHANGES, rows())
        found = bulk.fetch_one(
            conn, "SELECT max(id) FROM exchanges WHERE write AND connection_id = %s", (connection_id,)
        )
    return int(found[0]) if found and found[0] else 0


_HOLDS = (
    *(("connection_id", "int8"), ("flow", "text"), ("source", "text"), ("kind", "text"), ("erp_id", "text")),
    *(("reason", "text"), ("waits_kind", "text"), ("waits_id", "text"), ("owner", "text"), ("sentence", "text")),
    *(("amount", "numeric"), ("currency", "text"), ("candidates", "text[]"), ("since", "timestamptz")),
    *(("last_seen_run", "int8"), ("released_at", "timestamptz"), ("released_by", "text")),
)
_REASONS = (HoldReason.CODE_UNMAPPED, HoldReason.VENDOR_NOT_LINKED, HoldReason.CHANGED_THERE, HoldReason.REFUSED)


def _holds(db: Database, connection_id: int, chance: random.Random, sizes: tuple[int, list[int]]) -> int:
    """Makes holds, two hundred of them open where there are so many orders; the number of an open one."""
    orders, runs = sizes

    def rows() -> Iterator[tuple[Any, ...]]:
        now = datetime.now(UTC)
        for one in range(orders // 2):
            number, reason = order_id(one), _REASONS[one % len(_REASONS)]
            gone = None if one < min(200, orders // 10) else now - timedelta(minutes=one % 5_000)
            since = now - timedelta(days=3 + one % 90)
            yield (
                *(connection_id, "purchase_orders", number, "order", number, reason.value, "mapping"),
                *(f"cost_code B=03-{one % 40}", "cost engineer", f"Order {number} waits.", Decimal(one) + 1, "USD", []),
                *(since, chance.choice(runs), gone, "engine" if gone else ""),
            )

    with db.begin() as conn:
        bulk.copy_in(conn, "holds", _HOLDS, rows())
        found = bulk.fetch_one(
            conn, "SELECT min(id) FROM holds WHERE connection_id = %s AND released_at IS NULL", (connection_id,)
        )
    return int(found[0]) if found and found[0] else 0


def _decision(db: Database, connection_id: int, run: int, orders: int, sizes: tuple[int, int]) -> None:
    """One page of orders as it was decided, whole, and those orders as looked at by that run."""
    made = [order(number, *sizes) for number in range(orders)]
    given = Given("10", date(2026, 11, 1), None, Policies(), [], [], [], [], {})
    chart = Chart({}, {})
    budgets = Budgets({}, {}, False)
    case = OrdersCase(given, chart, budgets, made, Theirs({}, {}, {}))
    writer = EvidenceWriter(connection_id, run)
    span = f"{made[0].id} .. {made[-1].id}"
    writer.tape(Exchange("engine", "DECIDE", "purchase_orders", 200, encode(case), b"", span, 0, False))
    writer.flush(db)
    columns = (("connection_id", "int8"), ("kind", "text"), ("erp_id", "text"), ("fingerprint", "bytea"))
    more = (("mapping_version", "int4"), ("run_id", "int8"), ("open", "bool"))
    rows = ((connection_id, "order", one.id, content_hash(one.id.encode())[:16], 1, run, True) for one in made)
    with db.begin() as conn:
        bulk.copy_in(conn, "source_rows", (*columns, *more), rows)
        names.put(conn, connection_id, [of_order(one) for one in made], fresh=True)


def _audit(db: Database, connection_id: int, number: int, sizes: tuple[int, list[int]]) -> None:
    orders, runs = sizes
    now = datetime.now(UTC)
    tags = ("commitment:create:done", "commitment:fill:done", "hold:open:done", "commitment:status:done")
    for begin in range(0, number, 50_000):
        entries = []
        for one in range(begin, min(begin + 50_000, number)):
            made = order_id(one % orders)
            held = tags[one % 4].startswith("hold")
            kind, record = ("order", made) if held else ("commitment", f"{made}@5000")
            at = now - timedelta(seconds=(number - one) * 20)
            run = runs[one * len(runs) // number]
            entries.append(trail.AuditEntry(at, "service", tags[one % 4], kind, record, run))
        with db.begin() as conn:
            trail.append(conn, connection_id, entries)
