"""The fewest requests the two APIs allow for what a run did with documents of money, and how that number is made up.

It is worked out from the journal: what was planned and done, and what had to be read for it. What does not grow with
the documents (projects, codes, charts, periods, vendors) is not in it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ml_connector.app import App
from ml_connector.planning.plan import unpack
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.voucher import Voucher
from ml_connector.store import journal
from ml_connector.store.journal import IntentRow

ROWS = 1000
"""Rows in one request: our page in IFS, and what Procore's sync calls take (facts/procore.md 3)."""
HEAVY = 200
"""Procore's documents with their lines in one page (facts/procore.md 18, row 22: use 100 to 300)."""
PARTS = 100
"""Parts of one `$batch` (facts/ifs.md 8: not documented; one tool uses 50 to 200)."""
AROUND = 3
"""Parts of a voucher's change set besides its rows: head, CreateVoucher, RemoveTempVoucher."""


@dataclass
class Least:
    """Requests by what they are for."""

    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.reads.values()) + sum(self.writes.values())


def invoices(app: App, run: int, documents: int, lines: int) -> Least:
    """IFS invoices on orders: no batch in Procore, one POST each; contracts are read with their lines by the page."""
    rows = [row for row in done(app, run) if row.kind == "subcontractor_invoice" and row.verb == "create"]
    homes = {(row.scope, row.erp_id.partition("@")[2]) for row in rows}
    contracts = Counter(scope for scope, _ in homes)
    return Least(
        reads={"invoices": pages(documents), "postings": pages(lines), "contracts with lines": paged(contracts, HEAVY)},
        writes={"POST an invoice": len(rows)},
    )


def costs(app: App, run: int, documents: int, lines: int) -> Least:
    """IFS invoices on no order: headers as drafts, lines, status last; each a sync of a thousand rows and a project."""
    headers, rows = Counter[str](), Counter[str]()
    for row in done(app, run):
        if (row.kind, row.verb) == ("direct_cost", "fill"):
            body = unpack(row.kind, row.body)
            headers[row.scope] += 1
            rows[row.scope] += len(body.lines) if isinstance(body, DirectCost) else 0
    synced = {"headers": paged(headers), "lines": paged(rows), "status": paged(headers)}
    return Least(reads={"invoices": pages(documents), "postings": pages(lines)}, writes=synced)


def subcontractor_invoices(app: App, run: int, orders: int, order_lines: int) -> Least:
    """Procore invoices to vouchers: their pages, the contracts' lines they bill, the orders behind, change sets."""
    documents, homes, sizes = Counter[str](), set[tuple[str, str]](), []
    for row in done(app, run):
        body = unpack(row.kind, row.body) if row.kind == "voucher" else None
        if isinstance(body, Voucher):
            documents[row.scope] += 1
            homes |= {(row.scope, need.id) for need in row.needs if need.kind == "commitment"}
            sizes.append(len(body.rows) + AROUND)
    contracts = Counter(scope for scope, _ in homes)
    reads = {"invoices": paged(documents, HEAVY), "contracts with lines": paged(contracts, HEAVY)}
    reads |= {"orders": pages(orders), "order lines": pages(order_lines)}
    return Least(reads=reads, writes={"$batch": batches(sizes)})


def direct_costs(app: App, run: int, lines: int) -> Least:
    """Procore direct costs to vouchers: pages of headers and of lines, change sets."""
    documents, sizes = Counter[str](), []
    for row in done(app, run):
        body = unpack(row.kind, row.body) if row.kind == "voucher" else None
        if isinstance(body, Voucher):
            documents[row.scope] += 1
            sizes.append(len(body.rows) + AROUND)
    each = lines / max(sum(documents.values()), 1)
    rows = Counter({project: math.ceil(number * each) for project, number in documents.items()})
    return Least(reads={"headers": paged(documents), "lines": paged(rows)}, writes={"$batch": batches(sizes)})


def done(app: App, run: int) -> Iterator[IntentRow]:
    """What a run did, in the order in which it was planned."""
    number, after = app.connection("bench").id, 0
    with app.db.begin() as conn:
        while rows := journal.plan_of(conn, number, run, after):
            after = rows[-1].id
            yield from (row for row in rows if row.state == "done" and row.verb != "link")


def pages(rows: int, size: int = ROWS) -> int:
    """Requests for so many rows of one list."""
    return math.ceil(rows / size)


def paged(rows: Counter[str], size: int = ROWS) -> int:
    """Requests for rows that are asked for or sent project by project."""
    return sum(pages(number, size) for number in rows.values())


def batches(sizes: list[int]) -> int:
    """Requests for change sets of so many parts each, which may not be torn apart, in their order."""
    number, used = 0, PARTS
    for size in sizes:
        if used + size > PARTS:
            number, used = number + 1, 0
        used += size
    return number
