"""The census of keys: what both systems list is laid beside the links, at night, so that nothing is missed for long.

    missing   linked, and its system lists it no more: reported; never made again, nothing is taken as deleted
    extra     there with our once-key and not linked, a lost answer nobody read back: its document is decided again,
              and the once-key leads to the record, which is compared and linked
    stale     changed, and no run has looked since (a lost webhook and a missed poll): looked at by the next run

Where most of a kind is gone from a project at once, a right was lost: that is said once, and no record is marked.
Documents of Procore that crossed to IFS and are gone are not asked about here: every run does (decision 0015).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection

from ml_connector.engine.money_reading import BACK, INVOICE, MADE, PAYMENT, WHERE
from ml_connector.engine.reading import ORDER
from ml_connector.engine.standing import LACKING
from ml_connector.engine.work import Work
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.keys import Key, fingerprint, once_key
from ml_connector.kernel.text import counted
from ml_connector.planning.committing import FLOW as ORDERS
from ml_connector.store import census, counters, holds, links, sources
from ml_connector.store.census import EXTRA, MISSING, STALE, CensusRow, Finding
from ml_connector.store.links import LinkRow
from ml_connector.systems.port import Mark

COMPANY, ERP, PROJECT = "company", "erp", "project/"
"""Parts of a census: projects and vendors, what is in the erp, and each linked project's records."""

FEW = 3
"""Missing records of a kind up to which each is told by itself, whatever their share."""

REPAIRED = "census_repaired"
"""Counter: keys that a census found off and set on their way to be right."""

_CODES = ("cost_code", "budget_code")
_CARRIED = ("commitment", "subcontractor_invoice", "direct_cost", "payment")
_WRITTEN = ("voucher", "erp_invoice", "purchase_requisition")
_FLOW_OF = {kind: flow for flow, kind in BACK.items()}
_SOURCES = {"order": ORDER, "invoice": INVOICE, "payment": PAYMENT}
"""Second part of a once-key to the kind of erp document it stands for."""
_HELPLESS = " That was done before and did not help: a person must look."
_NAMES = {"erp_invoice": "supplier invoice"}


@dataclass
class _Counted:
    """What one part has come to."""

    scope: str
    kinds: list[str] = field(default_factory=list)
    """Kinds that were counted; of the others what was found before stays."""
    found: list[Finding] = field(default_factory=list)
    again: list[tuple[str, str, bytes]] = field(default_factory=list)
    """(kind of source, its id, how it looked): what the next run must look at again."""


class Census:
    """Counts one connection, part by part, each in a few lists. What it writes it writes at the end of a part."""

    def __init__(self, work: Work, *, repair: bool, requests: Callable[[], dict[str, dict[str, int]]]) -> None:
        """`repair`: whether what is found is kept, and what is extra or stale set on its way; else it is only told.

        `requests` tells how many requests each side has had, by read and write.
        """
        self.work = work
        self.repair = repair
        self._requests = requests
        self._used = Counter[str]()
        self._visible: set[str] | None = None

    def parts(self) -> list[str]:
        """What there is to count, in its order; findings of projects that are linked no more are forgotten."""
        with self.work.db.begin() as conn:
            mine = sorted(row.erp_id for row in self._links(conn, ("project",), None))
            census.drop_besides(conn, self.work.connection_id, mine)
        return [COMPANY, ERP, *(f"{PROJECT}{one}" for one in mine)]

    def take(self, part: str) -> list[Finding]:
        """Counts one part and keeps what is off in it. Raises what reading raises, but for a missing right."""
        work, free = self.work, self.work.db
        with free.writer(work.connection_id) as lock:  # no run may link anything between the lists and the links
            work.db = free.fenced(lock)
            try:
                if part == COMPANY:
                    return self._kept(self._company())
                if part == ERP:
                    return self._kept(self._erp())
                return self._kept(self._project(part.removeprefix(PROJECT)))
            finally:
                work.db = free
                self._count()

    def _count(self) -> None:
        """Adds the requests of this part to those that were sent."""
        used = Counter(counters.sent(self._requests()))
        more, self._used = used - self._used, used
        with suppress(ConnectorError), self.work.db.begin() as conn:
            counters.bump(conn, self.work.connection_id, more)

    # what is counted ----------------------------------------------------------------------------------------------

    def _company(self) -> _Counted:
        done = _Counted("")
        with self.work.db.begin() as conn:
            rows = self._links(conn, ("project", "vendor"), None)
            still = census.open_keys(conn, self.work.connection_id)
        by_kind = _by_kind(rows)
        self._missing(done, "project", by_kind["project"], self._shown())
        directory = self.work.projects.vendors
        there = self._read(done, "vendor", lambda: [Mark(one.id, one.origin or "") for one in directory()])
        if there is not None:
            self._missing(done, "vendor", by_kind["vendor"], {one.id for one in there})
            self._extra(done, "vendor", by_kind["vendor"], there, still)
        return done

    def _erp(self) -> _Counted:
        """Vouchers, requisitions and invoices of ours in the erp, by the once-key in their text."""
        done = _Counted("")
        with self.work.db.begin() as conn:
            by_kind = _by_kind(self._links(conn, _WRITTEN, None))
            still = census.open_keys(conn, self.work.connection_id)
        for kind in _WRITTEN:
            rows = by_kind[kind]
            if not rows and kind != "voucher":
                continue
            there = self._read(done, kind, lambda kind=kind: self.work.erp.marks(kind))  # type: ignore[misc]
            if there is not None:
                self._missing(done, kind, rows, {one.once_key for one in there})
                self._extra(done, kind, rows, there, still)
        return done

    def _project(self, project: str) -> _Counted:
        done = _Counted(project)
        with self.work.db.begin() as conn:
            key = Key("project", project)
            target = links.targets(conn, self.work.connection_id, [key]).get(key)
            by_kind = _by_kind(self._links(conn, (*_CODES, *_CARRIED), project))
            still = census.open_keys(conn, self.work.connection_id)
            since = {kind: self._since(conn, kind, project) for kind in _CARRIED}
        if target is None or target not in self._shown():
            return done  # told with the projects; nothing in it is taken as gone
        codes: dict[str, Callable[[], list[Mark]]] = {
            "cost_code": lambda: [Mark(one.id) for one in self.work.projects.cost_codes(target)],
            "budget_code": lambda: [Mark(one.id) for one in self.work.projects.budget_codes(target)],
        }
        for kind, listed in codes.items():
            there = self._read(done, kind, listed) if by_kind[kind] else None
            if there is not None:
                self._missing(done, kind, by_kind[kind], {one.id for one in there})
        for kind in _CARRIED:
            there = self._carried(done, target, by_kind, kind, since[kind])
            if there is not None:
                self._missing(done, kind, by_kind[kind], {one.id for one in there})
                self._extra(done, kind, by_kind[kind], there, still)
                self._stale(done, kind, by_kind[kind], there, since[kind])
        return done

    def _carried(
        self, done: _Counted, target: str, by_kind: dict[str, list[LinkRow]], kind: str, since: str | None
    ) -> list[Mark] | None:
        """The records of one kind there; None where none of ours can be there, or they cannot be read."""
        if kind == "payment":
            contracts = _paid(by_kind)
            if not contracts:
                return None
            return self._read(done, kind, lambda: self.work.projects.marks(target, kind, contracts))
        if not by_kind[kind] and since is None and kind != "commitment":
            return None
        return self._read(done, kind, lambda: self.work.projects.marks(target, kind))

    def _read(self, done: _Counted, kind: str, listed: Callable[[], list[Mark]]) -> list[Mark] | None:
        """A list, or None and a finding where a right or a name is missing."""
        done.kinds.append(kind)
        try:
            return listed()
        except LACKING as error:
            sentence = f"{_named(kind).capitalize()}s{_of(done.scope)} cannot be counted: {error} {error.remedy}"
            done.found.append(Finding(kind, _whole(done.scope), MISSING, sentence, done.scope))
            return None

    # what is off --------------------------------------------------------------------------------------------------

    def _missing(self, done: _Counted, kind: str, rows: Sequence[LinkRow], there: Collection[str]) -> None:
        """What is linked and not there: by its id, and in the erp by its once-key, for a voucher moves on."""
        if kind not in done.kinds:
            done.kinds.append(kind)
        gone = [row for row in rows if (row.once_key if kind in _WRITTEN else row.target_id) not in there]
        side = "IFS" if kind in _WRITTEN else "Procore"
        if len(gone) > FEW and len(gone) * 2 > len(rows):
            ours = counted(len(rows), _named(kind))
            sentence = (
                f"{side} shows {len(rows) - len(gone)} of our {ours}{_of(done.scope)}. So many gone at once is a lost "
                "permission rather than a deletion: nothing was marked. Give the right back."
            )
            done.found.append(Finding(kind, _whole(done.scope), MISSING, sentence, done.scope))
            return
        for row in gone:
            sentence = (
                f"{_named(kind).capitalize()} {row.erp_id} is linked to {side}'s {row.target_id}, which is not listed "
                "any more: deleted there, or hidden from us. It is not made again by itself."
            )
            done.found.append(Finding(kind, row.erp_id, MISSING, sentence, done.scope))

    def _extra(
        self, done: _Counted, kind: str, rows: Sequence[LinkRow], there: Sequence[Mark], still: set[str]
    ) -> None:
        """What carries our key and is not linked; what the engine is about to read back itself is left to it."""
        own = f"{self.work.company}/"
        targets, known = {row.target_id for row in rows}, {row.once_key: row for row in rows if row.once_key}
        for one in there:
            if one.ended or not one.once_key.startswith(own) or one.id in targets or one.once_key in still:
                continue
            side = "IFS" if kind in _WRITTEN else "Procore"
            said = f"{side}'s {_named(kind)} {one.id} carries our key {one.once_key}"
            if one.once_key in known:
                if kind in _WRITTEN and known[one.once_key].target_id == one.id:
                    continue
                said += f", as {known[one.once_key].target_id} does, which is linked: one of the two is too many."
                done.found.append(Finding(kind, one.id, EXTRA, said, done.scope))
                continue
            source = _source_of(self.work.company, one.once_key)
            if source is None:
                said += " and is not linked. It is linked when a document needs it; else a person must look."
            else:
                done.again.append((*source, b""))
                document = f"{source[0].replace('_', ' ').capitalize()} {source[1]}"
                said += f" and is not linked: an answer was lost. {document} is decided again, and its key leads to it."
            done.found.append(Finding(kind, one.id, EXTRA, said, done.scope, repaired=source is not None))

    def _stale(
        self, done: _Counted, kind: str, rows: Sequence[LinkRow], there: Sequence[Mark], since: str | None
    ) -> None:
        """Changed before the point from which the next run looks on, and after the last run that decided it."""
        if since is None or kind == "payment":
            return
        changed = dict(self._changed(kind, rows, there, _moment(since)))
        if not changed:
            return
        source = ORDER if kind == "commitment" else kind
        with self.work.db.begin() as conn:
            decided = census.last_decided(conn, self.work.connection_id, source, list(changed))
            held = holds.held_sources(conn, self.work.connection_id, _FLOW_OF.get(kind, ORDERS))
            before = census.noticed(conn, self.work.connection_id, source, list(changed))
        for id_, one in changed.items():
            looked, look = decided.get(id_), _look(one)
            waits = id_ in held or (id_ in decided and looked is None)  # every run looks at it
            if waits or (looked and looked >= _moment(one.moment)) or before.get(id_) == look:
                continue
            sentence = (
                f"Procore's {_named(kind)} {one.id} changed at {one.moment} and no run has looked since: neither a "
                "webhook nor a poll brought it. It is looked at again."
            )
            done.found.append(Finding(kind, id_, STALE, sentence, done.scope, repaired=True))
            done.again.append((source, id_, look))

    def _changed(
        self, kind: str, rows: Sequence[LinkRow], there: Sequence[Mark], since: datetime
    ) -> Iterator[tuple[str, Mark]]:
        """What is not as we left it, by the id it is looked at under: our contracts, and documents born in Procore."""
        stamps = {row.target_id: row for row in rows}
        own = f"{self.work.company}/"
        for one in there:
            if not one.moment or _moment(one.moment) >= since:
                continue
            if kind == "commitment":
                row = stamps.get(one.id)
                if row is not None and row.stamp and row.stamp != one.stamp:
                    yield row.erp_id.rpartition("@")[0], one
            elif not one.once_key.startswith(own) and one.id not in stamps and not self._before(one):
                yield one.id, one

    def _before(self, one: Mark) -> bool:
        """Whether it is from before go-live, and so not ours to look at."""
        return bool(self.work.go_live and one.dated and one.dated < self.work.go_live)

    # keeping ------------------------------------------------------------------------------------------------------

    def _kept(self, done: _Counted) -> list[Finding]:
        """Writes one part: what is off, and what the next run must look at again. Only told where nothing is mended."""
        if not self.repair:
            return [msgspec.structs.replace(one, repaired=False) for one in done.found]
        work = self.work
        with work.db.begin() as conn:
            known = {(row.kind, row.erp_id): row for row in census.listed(conn, work.connection_id)}
            found = [_as_told(one, known.get((one.kind, one.erp_id))) for one in done.found]
            census.put(conn, work.connection_id, (done.scope, done.kinds), found, work.clock())
            self._look_again(conn, done)
            fresh = [one for one in found if one.repaired and (one.kind, one.erp_id) not in known]
            stale = sum(one.what == STALE for one in fresh)
            counters.bump(conn, work.connection_id, {REPAIRED: len(fresh) - stale, counters.RECOVERED: stale})
        return found

    def _look_again(self, conn: Connection, done: _Counted) -> None:
        number = self.work.connection_id
        for kind in sorted({kind for kind, _, _ in done.again}):
            ids = {id_: look for one, id_, look in done.again if one == kind}
            sources.look_again(conn, number, kind, ids)
            looks = {id_: look for id_, look in ids.items() if look}
            sources.put_fingerprints(conn, sources.Seen(number, f"census/{kind}", 0, 0), looks)
            if kind in _FLOW_OF:
                where = self._homes(conn, done.scope, ids)
                sources.move_watermarks(conn, number, {f"{WHERE}{_FLOW_OF[kind]}/{id_}": where[id_] for id_ in where})

    def _homes(self, conn: Connection, scope: str, ids: Iterable[str]) -> dict[str, str]:
        """The erp project in which each document lies; one of which that is not known is looked for nowhere."""
        if scope:
            return dict.fromkeys(ids, scope)
        rows = self._links(conn, MADE, None)
        homes = {row.erp_id.split("/")[1]: row.scope for row in rows if row.erp_id.count("/") > 1}
        return {id_: homes[id_] for id_ in ids if id_ in homes}

    def _links(self, conn: Connection, kinds: Sequence[str], scope: str | None) -> list[LinkRow]:
        return census.linked_in(conn, self.work.connection_id, kinds, scope)

    def _since(self, conn: Connection, kind: str, project: str) -> str | None:
        """From where on the next run looks at changes of a kind; None before its first."""
        name = "commitments" if kind == "commitment" else _FLOW_OF.get(kind)
        return sources.watermark(conn, self.work.connection_id, f"{name}/{project}") if name else None

    def _shown(self) -> set[str]:
        if self._visible is None:
            self._visible = {one.id for one in self.work.projects.projects()}
        return self._visible


def _as_told(one: Finding, before: CensusRow | None) -> Finding:
    """A finding that an earlier census had set on its way and that is still there needs a person."""
    if before is None or not one.repaired or not before.what == one.what == EXTRA:
        return one
    if before.repaired or before.sentence.endswith(_HELPLESS):
        return msgspec.structs.replace(one, repaired=False, sentence=one.sentence + _HELPLESS)
    return one


def _by_kind(rows: Iterable[LinkRow]) -> dict[str, list[LinkRow]]:
    found: dict[str, list[LinkRow]] = {kind: [] for kind in ("project", "vendor", *_CODES, *_CARRIED, *_WRITTEN)}
    for row in rows:
        found[row.kind].append(row)
    return found


def _paid(by_kind: dict[str, list[LinkRow]]) -> list[str]:
    """Contracts that have a payment of ours: the last two parts of its once-key are order and project."""
    contracts = {row.erp_id: row.target_id for row in by_kind["commitment"]}
    homes = ("@".join(row.once_key.split("/")[-2:]) for row in by_kind["payment"])
    return sorted({contracts[one] for one in homes if one in contracts})


def _source_of(company: str, key: str) -> tuple[str, str] | None:
    """The kind and id of the document whose decision makes what carries a once-key; None for what none makes alone."""
    kind, _, rest = key.removeprefix(once_key(company, "")).partition("/")
    if kind in _SOURCES and rest:
        return _SOURCES[kind], rest.rpartition("/")[0] if kind == "order" else rest.partition("/")[0]
    if kind in _FLOW_OF and rest:
        return kind, rest.partition("/")[0]
    return None


def _look(one: Mark) -> bytes:
    return fingerprint(one.moment.encode(), one.stamp.encode())


def _moment(text: str) -> datetime:
    """An ISO moment, aware; one that cannot be read counts as just now, which is never stale."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _whole(scope: str) -> str:
    """Under what a finding about all of a kind is kept."""
    return f"{scope}/*"


def _named(kind: str) -> str:
    return _NAMES.get(kind, kind.replace("_", " "))


def _of(scope: str) -> str:
    return f" of project {scope}" if scope else ""
