"""What ten thousand orders cost the store: printed with -s, not asserted, for machines differ."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
from psycopg import conninfo as libpq

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.plan import Intent, Verb
from ml_connector.store import audit, journal, links, sources
from ml_connector.store.evidence import EvidenceWriter
from ml_connector.store.postgres import Database
from ml_connector.store.server import EmbeddedServer

from .cluster import Cluster

_ORDERS = int(os.environ.get("ML_CONNECTOR_COST_ORDERS", "1000"))
_PAGE = 1000


class _Exchange(msgspec.Struct):
    side: str
    method: str
    path: str
    status: int
    request: bytes
    reply: bytes
    request_id: str
    milliseconds: int
    write: bool


@contextmanager
def _cost(what: str, rows: int, server: EmbeddedServer) -> Iterator[None]:
    ours, theirs, wall = time.process_time(), server.cpu(), time.monotonic()
    yield
    spent, served = time.process_time() - ours, server.cpu() - theirs
    wall = time.monotonic() - wall
    each = 1e6 / rows
    print(  # noqa: T201 - the numbers are the point
        f"{what:<22}{rows:>7} rows  client {spent * each:6.1f}  server {served * each:6.1f}  wall {wall * each:6.1f} us"
    )


def _intents(number: int) -> list[Intent]:
    order = f"P{number:06}@1201"
    key = Key("commitment", order)
    verbs = (Verb.CREATE, Verb.FILL, Verb.STATUS)
    return [
        Intent(
            flow="orders",
            verb=verb,
            key=key,
            once_key=f"10/{order}",
            scope="1201",
            target="",
            body=b"line of the schedule " * 30,
            needs=(Key("vendor", "S100"), Key("project", "1201")),
            after=verbs[:place],
            money=Money(Decimal("1234.50"), "USD") if place == 0 else None,
            reason="The order was released and Procore has no contract for it.",
            source=f"P{number:06}",
            counts_as="created" if place == 0 else "",
        )
        for place, verb in enumerate(verbs)
    ]


def _pages(number: int) -> Iterator[range]:
    return (range(start, min(start + _PAGE, number)) for start in range(0, number, _PAGE))


def test_the_load_of_many_orders_by_page(database: Database, cid: int, cluster: Cluster) -> None:
    print()  # noqa: T201
    server, ids = cluster.server, list[int]()
    made = [[intent for number in page for intent in _intents(number)] for page in _pages(_ORDERS)]
    with _cost("digest", _ORDERS * 3, server):
        _ = [intent.digest() for page in made for intent in page]
    with _cost("keep_intents", _ORDERS * 3, server):
        for page in made:
            with database.begin() as conn:
                ids += journal.keep_intents(conn, cid, 1, page)
    with _cost("next_batchable", _ORDERS * 3, server), database.begin() as conn:
        for verb in ("create", "fill", "status"):
            after = ("", 0)
            while rows := journal.next_batchable(conn, journal.Stage(cid, 1, "commitment", verb), after):
                after = (rows[-1].scope, rows[-1].id)
    with _cost("mark_sending", _ORDERS * 3, server):
        for page in _pages(len(ids)):
            with database.begin() as conn:
                journal.mark_sending(conn, ids[page.start : page.stop])
    with _cost("settle", _ORDERS * 3, server):
        for page in _pages(len(ids)):
            settled = [journal.Settled(number, "done", f"9{number}") for number in ids[page.start : page.stop]]
            with database.begin() as conn:
                journal.settle(conn, settled)
    entry = audit.AuditEntry(datetime.now(UTC), "engine", "commitment:create:done", "commitment", "P1@1201", 1, "{}")
    with _cost("audit.append", _ORDERS * 3, server):
        for page in _pages(_ORDERS * 3):
            with database.begin() as conn:
                audit.append(conn, cid, [entry] * len(page))
    with _cost("audit.verify", _ORDERS * 3, server), database.begin() as conn:
        assert audit.verify(conn, cid) == []
    _evidence_cost(database, cid, server)
    with _cost("put_links with base", _ORDERS, server):
        for page in _pages(_ORDERS):
            rows = [links.LinkRow("commitment", f"P{n}", f"9{n}", "1201", f"10/P{n}", base=b"x" * 600) for n in page]
            with database.begin() as conn:
                links.put_links(conn, cid, rows)
    with _cost("put_fingerprints", _ORDERS, server):
        for page in _pages(_ORDERS):
            with database.begin() as conn:
                marks = {f"P{n:06}": b"f" * 16 for n in page}
                sources.put_fingerprints(conn, sources.Seen(cid, "order", 1, 1), marks)
    with _cost("known", _ORDERS, server):
        for page in _pages(_ORDERS):
            with database.begin() as conn:
                assert len(sources.known(conn, cid, "order", [f"P{n:06}" for n in page], 1)) == len(page)


def _evidence_cost(database: Database, cid: int, server: EmbeddedServer) -> None:
    writer = EvidenceWriter(cid, 1)
    body = b'{"origin_id": "10/P100001@1201", "title": "Hydraulic pump", "amount": "1234.50"}' * 12
    taped = [
        _Exchange(
            "projects",
            "POST",
            "/rest/v1.0/purchase_order_contracts",
            201,
            b"%d" % n + body,
            body + b"%d" % n,
            "r",
            9,
            True,
        )
        for n in range(_ORDERS)
    ]
    with _cost("evidence.tape", _ORDERS, server):
        for exchange in taped:
            with writer.sending([1, 2, 3]):
                writer.tape(exchange)
    with _cost("evidence.flush", _ORDERS, server):
        assert writer.flush(database) == _ORDERS


def test_plans_are_made_for_the_values_at_hand_whatever_options_the_url_brings(cluster: Cluster) -> None:
    """A plan kept from the day when the tables were empty once took minutes on the day they were full."""
    url = libpq.make_conninfo(cluster.new_url(), options="-c statement_timeout=61s")
    with Database.open(cluster.home, url) as database, database.begin() as conn:
        told = [conn.exec_driver_sql(f"SHOW {name}").scalar() for name in ("plan_cache_mode", "statement_timeout")]
    assert told == ["force_custom_plan", "61s"]
    cluster.drop(url)
