"""Reads what people wrote in Procore and what is to come into IFS's books: what changed, or what was named."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from ml_connector.engine.following import Following
from ml_connector.engine.gathering import Gathered
from ml_connector.engine.spool import Spool, whole_pages
from ml_connector.engine.work import Draft, Work
from ml_connector.kernel.errors import RightMissing
from ml_connector.kernel.keys import Key, fingerprint
from ml_connector.planning.plan import pack
from ml_connector.planning.situation import Situation
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.voucher import VoucherStatus
from ml_connector.store import holds, links, sources

WHERE = "where/"
"""Under which names the project of a held document born in Procore is kept: its next look needs it."""

CENSUS = "census/"
"""Under which names the day is kept on which crossed documents were last looked for, where there are many."""

MANY = 200
"""Crossed documents of a project up to which every run looks whether all are still there; above it once a day."""

FEW = 3
"""Documents that must be missed at once before it can be a lost permission."""

PAGE = 500
"""Documents born in Procore that are decided at a time, or few more."""

BACK = {"subcontractor_invoices": "subcontractor_invoice", "direct_costs": "direct_cost"}
"""Flow from Procore to the kind of document it takes."""

MADE = ("voucher", "erp_invoice")
"""Kinds of record in IFS that such a document becomes."""

_Back = TypeVar("_Back", SubcontractorInvoice, DirectCost)


class BackReader:
    """Reads the documents of one run that were born in Procore; what is unchanged since it came to rest is passed over.

    `gone` takes the ids of documents that crossed, or waited to, and that Procore lists no more.
    """

    def __init__(
        self, work: Work, draft: Draft, gathered: Gathered, situation: Situation, gone: dict[str, list[str]]
    ) -> None:
        self.work = work
        self.draft = draft
        self.gathered = gathered
        self.situation = situation
        self.gone = gone
        self.following = Following(work, draft, situation)
        """How what crossed stands by now."""

    def read(self, flow: str, spool: Spool[_Back], read: Callable[..., list[_Back]]) -> None:
        """Documents of every project that changed there, and those we must look at again whatever changed."""
        kind, work = BACK[flow], self.work
        if not work.scope.whole(flow):
            self._named(flow, spool, read)
            return
        with work.db.begin() as conn:
            crossed = _crossed(conn, work.connection_id, kind)
            where = sources.marks(conn, work.connection_id, f"{WHERE}{flow}/")
            since = sources.marks(conn, work.connection_id, f"{flow}/")
            counted = sources.marks(conn, work.connection_id, f"{CENSUS}{flow}/")
        cancelled = self._cancelled(kind) if crossed else {}
        today = self.situation.today.isoformat()
        left = sorted(self.gathered.targets)
        for project, target in sorted(self.gathered.targets.items()):
            work.heed()
            found = {one.id: one for one in read(target, since.get(project))}
            changed = frozenset(found) if project in since else frozenset[str]()
            mine = crossed.get(project, set())
            # a mark stays as long as a document is held or its steps did not end well: no list may show it again
            again = {one for one, home in where.items() if home == project} | cancelled.keys() & mine
            again -= found.keys()
            looked_for = set[str]()
            if mine and (len(mine) <= MANY or counted.get(project) != today):
                looked_for = mine - found.keys()
                self.draft.census[f"{CENSUS}{flow}/{project}"] = today
            if again | looked_for:
                found |= {one.id: one for one in read(target, ids=sorted(again | looked_for))}
            missed = (again | looked_for) - found.keys()
            self._check_vanished(flow, project, missed - where.keys(), mine - where.keys())
            self._gone(flow, project, missed)
            fresh = self._fresh(flow, (project, mine), found.values(), cancelled, first=where.keys())
            told = {f"{target}/{one.id}": one.updated_at.partition(" ")[0] for one in fresh if one.id in changed}
            self.draft.found.setdefault(flow, {}).update(told)
            self._put(spool, fresh)
            if self.draft.bites.cut:
                self.draft.bites.leave(flow, left)
                self.draft.census.pop(f"{CENSUS}{flow}/{project}", None)
                return
            left.remove(project)

    def _named(self, flow: str, spool: Spool[_Back], read: Callable[..., list[_Back]]) -> None:
        """The named documents, in the projects they were named in, or in any where nobody said in which."""
        kind, work, targets = BACK[flow], self.work, self.gathered.targets
        asked: dict[str, set[str]] = {}
        for there, document in sorted(work.scope.theirs(flow)):
            for project, target in sorted(targets.items()):
                if there in ("", target):
                    asked.setdefault(project, set()).add(document)
        named = {document for ids in asked.values() for document in ids}
        with work.db.begin() as conn:
            crossed = _crossed(conn, work.connection_id, kind, self._entries_of(kind, named))
            where = sources.marks(conn, work.connection_id, f"{WHERE}{flow}/")
        cancelled = self._cancelled(kind) if crossed else {}
        for project, ids in asked.items():
            work.heed()
            target, mine = targets[project], crossed.get(project, set())
            found = {one.id: one for one in read(target, ids=sorted(ids))}
            missed = (ids - found.keys()) & (mine | {one for one, home in where.items() if home == project})
            self._gone(flow, project, missed)
            self._put(spool, self._fresh(flow, (project, mine), found.values(), cancelled))

    def _entries_of(self, kind: str, documents: Collection[str]) -> set[Key]:
        """What documents born in Procore became in IFS."""
        return {
            key
            for key in self.situation.links
            if key.kind in MADE and key.id.startswith(f"{kind}/") and key.id.split("/")[1] in documents
        }

    def _check_vanished(self, flow: str, project: str, missed: Collection[str], crossed: Collection[str]) -> None:
        """Raises RightMissing when most of a project's crossed documents cannot be seen from one look to the next.

        Procore says 404 of what is gone and of what we may not see (facts/procore.md 2.4): so many at once are taken
        for the latter, and none of them is decided. Those that were missed before are counted in neither.
        """
        share, gone = self.situation.policies.brakes.vanished, len(set(missed) & set(crossed))
        if not share or gone < FEW or gone * 100 < share * len(crossed):
            return
        error = RightMissing(
            f"Procore shows {gone} of {len(crossed)} {flow.replace('_', ' ')} of project {project} that crossed no "
            "more, all at once: that is a lost permission rather than deletions, and nothing was taken back.",
            remedy="Give the service account its right in that project again. If people did delete them, set "
            "policy.brakes.vanished to 0 for one run: each of them is then asked about.",
        )
        error.side = "projects"
        raise error

    def _gone(self, flow: str, project: str, ids: Collection[str]) -> None:
        """Notes documents that crossed, or waited to, and cannot be seen any more."""
        self.gone.setdefault(flow, []).extend(sorted(ids))
        self.draft.ledger.gone(flow, ids)
        self.draft.where.setdefault(flow, {}).update(dict.fromkeys(sorted(ids), project))

    def _put(self, spool: Spool[_Back], fresh: Sequence[_Back]) -> None:
        """Puts what is to be decided aside, by the page."""
        for page in whole_pages(fresh, _home, PAGE):
            spool.put(page)
        self.work.tape.spill(self.work.db)
        self.work.point("read.page")

    def _cancelled(self, kind: str) -> dict[str, bytes]:
        """Documents of which somebody cancelled a voucher in IFS, to what was cancelled: it changes how they look."""
        if self.following.waiting is None:
            self.following.waiting = self.work.erp.waiting_vouchers()
        withdrawn = (one for one in self.following.waiting if one.status is VoucherStatus.CANCELLED)
        found: dict[str, bytes] = {}
        for one in sorted(head.once_key for head in withdrawn):
            _, what, document, *version = [*one.split("/"), ""]
            if what == kind:
                found[document] = found.get(document, b"") + f" {version[0]}".encode()
        return found

    def _fresh(
        self,
        flow: str,
        where: tuple[str, Collection[str]],
        found: Collection[_Back],
        cancelled: Mapping[str, bytes],
        *,
        first: Collection[str] = (),
    ) -> list[_Back]:
        """Those that are to be decided: not ours, not older than go-live, and not as they were at rest.

        `where`: the project and its documents that crossed; `cancelled`: what people cancelled of each in IFS; `first`:
        those that have their turn before others where not all can be taken.
        """
        work, kind = self.work, BACK[flow]
        project, crossed = where
        own = f"{self.situation.company}/"
        ours = self.situation.by_target(kind)
        theirs = []
        seen = {one.id: fingerprint(pack(one) + cancelled.get(one.id, b"")) for one in found}
        for one in found:
            if one.once_key.startswith(own) or (one.id in ours and one.id not in crossed):
                self.draft.echoes += 1
            elif one.id in crossed or not (self.situation.go_live and one.dated and one.dated < self.situation.go_live):
                theirs.append(one)
        if not theirs:
            return []
        with work.db.begin() as conn:
            ids = [one.id for one in theirs]
            known = sources.known(conn, work.connection_id, kind, ids, work.mapping_version)
            last = holds.held_sources(conn, work.connection_id, flow) | settled(conn, work, self.draft, kind)
        changed = [one for one in theirs if known.get(one.id) != seen[one.id]]
        self.draft.count(flow, "unchanged", len(theirs) - len(changed))
        if self.draft.bites.most:
            changed.sort(key=lambda one: one.id not in first)
        fresh: list[_Back]
        fresh, late = self.draft.bites.fit(flow, changed, lambda one: one.id in last, _home)
        if not self.draft.bites.cut:
            fresh += late
        self.draft.where.setdefault(flow, {}).update((one.id, project) for one in fresh)
        self.draft.documents.setdefault(kind, {}).update((one.id, seen[one.id]) for one in fresh)
        self.following.documents(kind, fresh)
        return fresh


def settled(conn: Connection, work: Work, draft: Draft, kind: str) -> set[str]:
    """Documents that were at rest once: where a run does not take all that changed, these come last."""
    return sources.settled_ids(conn, work.connection_id, kind) if draft.bites.most else set()


def read_again(conn: Connection, connection_id: int) -> None:
    """Has the next run read every document born in Procore: one passed over so far may count from now on."""
    for flow in BACK:
        names = [f"{flow}/{project}" for project in sources.marks(conn, connection_id, f"{flow}/")]
        sources.drop_watermarks(conn, connection_id, names)


def _home(document: _Back) -> str:
    """What stays on one page: a requisition that proposes a commitment, and what is billed to date on its lines, are
    made of all its invoices."""
    return document.commitment if isinstance(document, SubcontractorInvoice) else document.id


def _crossed(
    conn: Connection, connection_id: int, kind: str, only: Collection[Key] | None = None
) -> dict[str, set[str]]:
    """IFS project to the Procore ids of its documents that became a voucher or an invoice in IFS, or by `only` those
    of some links."""
    found: dict[str, set[str]] = {}
    rows: Iterable[links.LinkRow]
    if only is None:
        rows = [row for made in MADE for row in links.links_of(conn, connection_id, made, links.LINKED)]
    else:
        rows = links.load_many(conn, connection_id, only).values()
    for row in rows:
        what, _, rest = row.erp_id.partition("/")
        if what == kind and row.state == links.LINKED:
            found.setdefault(row.scope, set()).add(rest.partition("/")[0])
    return found
