"""Raw requests and replies, redacted before they come here, compressed, kept once a month under their content hash.

A body that comes again in a later month is kept again: a month may then be dropped as a whole, and no exchange that
stays has lost what it refers to.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Protocol

import msgspec
import zstandard
from sqlalchemy import Connection

from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import content_hash
from ml_connector.store import bulk, partitions
from ml_connector.store.postgres import Database

_LEVEL = 1
_REMEMBERED = 50_000
"""Hashes a writer remembers as kept, so that a reply that comes again is not compressed again."""
_COLUMNS = (
    ("connection_id", "int8"),
    ("run_id", "int8"),
    ("side", "text"),
    ("method", "text"),
    ("path", "text"),
    ("status", "int4"),
    ("request_hash", "bytea"),
    ("reply_hash", "bytea"),
    ("request_id", "text"),
    ("milliseconds", "int4"),
    ("write", "bool"),
    ("at", "timestamptz"),
    ("intent_ids", "int8[]"),
    ("lasting", "bool"),
)
_NAMES = ", ".join(name for name, _ in _COLUMNS if name not in ("connection_id", "lasting"))

ENGINE = "engine"
"""Side of an exchange that is a decision with its input: those last as long as their run, for replay needs them."""

_AT = [name for name, _ in _COLUMNS].index("at")
_Place = tuple[bytes, bool, date]
"""Where a body is kept: under its hash, with the decisions or not, in a month."""


class Taped(Protocol):
    """An exchange as the systems' rooms tape it, already redacted; `status` 0 means no answer came."""

    @property
    def side(self) -> str:
        """erp or projects."""

    @property
    def method(self) -> str:
        """HTTP method."""

    @property
    def path(self) -> str:
        """Path and query."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def request(self) -> bytes:
        """Request body."""

    @property
    def reply(self) -> bytes:
        """Reply body."""

    @property
    def request_id(self) -> str:
        """The other side's name for the request."""

    @property
    def milliseconds(self) -> int:
        """How long the answer took."""

    @property
    def write(self) -> bool:
        """Whether it was meant to change something."""


class ExchangeRow(msgspec.Struct, frozen=True, gc=False):
    """One exchange as it is kept; a hash leads to its body by `body_of`, None means the body was empty."""

    id: int
    run_id: int
    side: str
    method: str
    path: str
    status: int
    request_hash: bytes | None
    reply_hash: bytes | None
    request_id: str
    milliseconds: int
    write: bool
    at: datetime
    intent_ids: list[int]


class EvidenceWriter:
    """Collects the exchanges of one run from any thread and writes them down by the page.

    `tape` fits `systems.wire.Tape`. Hashing and compressing happen in the calling thread, outside the lock.
    """

    def __init__(self, connection_id: int, run_id: int) -> None:
        """For one run of one connection."""
        self._owner = (connection_id, run_id)
        self._lock = threading.Lock()
        self._local = threading.local()
        self._bodies: dict[_Place, tuple[int, bytes]] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._kept: set[_Place] = set()
        self._months: set[date] = set()
        """Months known to be there, by their first days."""
        self._weight = 0

    @property
    def pending(self) -> int:
        """Exchanges not written down yet."""
        return len(self._rows)

    @property
    def weight(self) -> int:
        """Compressed bytes not written down yet: flush before it grows large."""
        return self._weight

    @contextmanager
    def sending(self, intent_ids: Sequence[int]) -> Iterator[None]:
        """Exchanges taped by this thread inside the block carry these intents."""
        self._local.intents = list(intent_ids)
        try:
            yield
        finally:
            self._local.intents = []

    def tape(self, exchange: Taped) -> None:
        """Takes one exchange for keeping."""
        at, lasting = datetime.now(UTC), exchange.side == ENGINE
        request, request_body = self._packed(exchange.request, lasting, at)
        reply, reply_body = self._packed(exchange.reply, lasting, at)
        row = (
            *self._owner,
            exchange.side,
            exchange.method,
            exchange.path,
            exchange.status,
            request[0] if request else None,
            reply[0] if reply else None,
            exchange.request_id,
            exchange.milliseconds,
            exchange.write,
            at,
            getattr(self._local, "intents", []),
            lasting,
        )
        with self._lock:
            self._rows.append(row)
            for place, body in ((request, request_body), (reply, reply_body)):
                if place is not None and body is not None and place not in self._bodies:
                    self._bodies[place] = body
                    self._weight += len(body[1])

    def flush(self, database: Database) -> int:
        """Writes down what was collected, in a transaction of its own; how many exchanges.

        When the database fails, at the commit too, everything goes back and the next flush tries again.
        """
        with self._lock:
            rows, self._rows = self._rows, []
            bodies, self._bodies = self._bodies, {}
            self._weight = 0
        if not rows:
            return 0
        try:
            self._make_room(database, rows)
            with database.begin() as conn:
                _keep(conn, bodies, rows)
        except BaseException:
            with self._lock:
                self._rows = rows + self._rows
                self._bodies = {**bodies, **self._bodies}
                self._weight = sum(len(packed) for _, packed in self._bodies.values())
            raise
        with self._lock:
            if len(self._kept) > _REMEMBERED:
                self._kept.clear()
            self._kept.update(bodies)
        return len(rows)

    def _make_room(self, database: Database, rows: list[tuple[Any, ...]]) -> None:
        """Makes the months of these rows where nobody has yet, in a transaction of its own."""
        firsts = {partitions.month_of(row[_AT]) for row in rows} - self._months
        if firsts:
            with database.begin() as conn:
                partitions.make_months(conn, firsts)
            self._months |= firsts

    def _packed(self, body: bytes, lasting: bool, at: datetime) -> tuple[_Place | None, tuple[int, bytes] | None]:
        """Where a body will be kept, None for an empty one; and its size and packed form unless it is there."""
        if not body:
            return None, None
        place = (content_hash(body), lasting, partitions.month_of(at))
        if place in self._kept or place in self._bodies:
            return place, None
        return place, (len(body), self._compressor().compress(body))

    def _compressor(self) -> zstandard.ZstdCompressor:
        """This thread's compressor; one may not be used by two threads at once."""
        found: zstandard.ZstdCompressor | None = getattr(self._local, "compressor", None)
        if found is None:
            found = self._local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        return found


def body_of(conn: Connection, digest: bytes) -> bytes:
    """The plain body kept under a hash; NothingSuchHere when it was never kept, or is kept no longer."""
    row = bulk.fetch_one(conn, "SELECT body, size FROM evidence WHERE hash = %s LIMIT 1", (digest,))
    if row is None:
        raise NothingSuchHere(f"There is no evidence {digest.hex()[:12]} any more.")
    return zstandard.ZstdDecompressor().decompress(row[0], max_output_size=row[1])


def exchanges_of(
    conn: Connection, connection_id: int, run_id: int, *, after: int = 0, limit: int = 500
) -> list[ExchangeRow]:
    """The exchanges of a run in the order they were written down, behind id `after`."""
    sql = (
        f"SELECT id, {_NAMES} FROM exchanges WHERE run_id = %s AND connection_id = %s AND id > %s ORDER BY id LIMIT %s"
    )
    return [ExchangeRow(*row) for row in bulk.fetch(conn, sql, (run_id, connection_id, after, limit))]


def exchanges_about(conn: Connection, connection_id: int, source: str, limit: int = 500) -> list[ExchangeRow]:
    """The exchanges that carried an intent about one erp document, oldest first."""
    names = ", ".join(f"e.{name.strip()}" for name in _NAMES.split(","))
    sql = f"""
        SELECT e.id, {names} FROM exchanges e,
             (SELECT run_id, array_agg(id) AS ids FROM intents WHERE connection_id = %s AND source = %s GROUP BY 1) i
        WHERE e.connection_id = %s AND e.run_id >= i.run_id AND e.intent_ids && i.ids ORDER BY e.id LIMIT %s
    """
    return [ExchangeRow(*row) for row in bulk.fetch(conn, sql, (connection_id, source, connection_id, limit))]


def _keep(conn: Connection, bodies: dict[_Place, tuple[int, bytes]], rows: list[tuple[Any, ...]]) -> None:
    """Writes bodies, each once whoever brings it first, and exchanges."""
    if bodies:
        # In order of the hash, so that two writers of the same bodies do not wait for each other crosswise.
        ordered = sorted(bodies.items())
        sql = """
            INSERT INTO evidence (hash, lasting, month, size, body)
            SELECT * FROM unnest(%b::bytea[], %b::bool[], %b::date[], %b::int4[], %b::bytea[])
            ON CONFLICT DO NOTHING
        """
        places = [place for place, _ in ordered]
        packed = [body for _, body in ordered]
        fields = ([place[column] for place in places] for column in range(3))
        bulk.run(conn, sql, (*fields, [size for size, _ in packed], [body for _, body in packed]))
    if rows:
        bulk.copy_in(conn, "exchanges", _COLUMNS, rows)
