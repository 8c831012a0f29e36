"""What a change of the mapping would do, before it is saved: worked out from what is kept, nobody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.engine import code_uses as kept
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.budgeting import missing_tables
from ml_connector.planning.finding_linked import document_of
from ml_connector.planning.mapping import CodeMapping
from ml_connector.planning.mapping_compare import RowChange, compared
from ml_connector.planning.mapping_effect import (
    Agreed,
    Codes,
    Line,
    Move,
    Release,
    Stay,
    Tally,
    agreed_of,
)
from ml_connector.planning.mapping_use import Reader, Turn, Use, reach, turned, values_in
from ml_connector.planning.placing import root_of
from ml_connector.service.mapping_desk import closed_until, mapping_from_text, standing
from ml_connector.store import code_uses, mappings
from ml_connector.store.bulk import Transaction
from ml_connector.store.code_uses import UseRow
from ml_connector.views.called import Shown, shown_on
from ml_connector.views.document_states import record_title

PATIENCE = 30.0
"""Seconds that may be spent on reading decisions kept since the last look; afterwards they are known."""
_SHOWN = 200
"""Differences, moves and losses shown, so many of each; the rest are counted."""
NAMED = 4
"""Documents of each that are named."""


class Effect(msgspec.Struct, frozen=True):
    """Everything a person should know before a mapping is saved."""

    connection: str
    based_on: int
    """The version it is compared with: the newest."""
    mark: str
    """Names the mapping that was looked at: given back when a draft is saved, so that nothing else is."""
    same: bool
    """Whether nothing would change at all."""
    changes: list[RowChange]
    changes_in_all: int
    moves: list[Move]
    """Open documents whose money would move, by project and code; those that would lead nowhere have no code after. The
    largest of each."""
    moves_in_all: int
    """Groups of money that would move to another code."""
    lost_in_all: int
    """Groups of money that would lead nowhere."""
    moved: list[Money]
    """Sum of what would move, by currency, whatever the sign of a line: a credit moves, too."""
    documents: int
    """Open documents that would move."""
    held: list[Money]
    """Money of the documents that would be held because a line would lead nowhere: they wait as a whole, whatever
    their sign."""
    held_documents: int
    releases: list[Release]
    """What waits for a row and would wait no more."""
    stays: list[Stay]
    """What is booked, billed or ended on these code strings and stays as it is."""
    named: dict[str, Shown]
    """`kind:id` of documents of `moves` and `stays` to what people call each, and to the document of its page."""
    future: list[RowChange]
    """Rows that change and take nothing in use: only documents to come see them. The first of them."""
    future_in_all: int
    new_codes: list[str]
    """Budget codes (`1201/03-310.M`) that would be used and are not in Procore yet."""
    codes_are_made: bool
    """Whether policy has them made; if not, what needs them is held."""
    unbudgeted: list[str]
    """Of the codes that would be used: those without a budget line, where policy does not simply allow it."""
    unknown_types: list[str]
    """Cost types that would be used and that the Procore company does not have: what needs them is held."""
    assumed: int
    """Contracts whose lines' code strings are not kept: they were taken to be those of their budget codes."""
    read: bool
    """Whether all kept decisions were looked at."""
    closed_until: date | None
    """Last closed day of IFS's books, when IFS was asked."""
    asked: bool
    """Whether IFS was asked; if not, or where it names no closed period, months that are over stand for closed ones."""
    notes: list[str]


def effect(app: App, connection: str, toml: str | None = None, *, ask: bool = False) -> Effect:
    """What a mapping (TOML; by default this person's draft) would do if it were saved now; BadInput when it is wrong.

    With `ask` IFS is asked how far its books are closed; else months that are over stand for closed ones.
    """
    now = standing(app, connection)
    wanted = mapping_from_text(toml) if toml is not None else now.now
    return of_mapping(app, connection, wanted, ask=ask)


def of_version(app: App, connection: str, version: int, *, ask: bool = False) -> Effect:
    """What restoring a version would do."""
    return effect(app, connection, app.export_mapping(connection, version), ask=ask)


def of_mapping(app: App, connection: str, wanted: CodeMapping, *, ask: bool = False) -> Effect:
    """The same of a mapping that was read already."""
    row = app.connection(connection)
    now = standing(app, connection)
    read = kept.catch_up(app.db, row.id, PATIENCE)
    closed = closed_until(app, connection) if ask else None
    changes = compared(now.saved, wanted)
    before, after = Reader(now.saved), Reader(wanted)
    open_from = closed + timedelta(days=1) if closed else app.clock().date().replace(day=1)
    with app.db.begin() as conn:
        work = _Work(conn, row.id, (before, after), open_from)
        work.everything()
        there = code_uses.codes_there(conn, row.id)
        budgeted = kept.newest_budgeted(conn, row.id)
        case = kept.newest_codes(conn, row.id)
        waiting = _released(conn, row.id, before, after)
        taken = reach(after, work.uses)
        held = work.held()
        stays = work.tally.stays()
        moves = [one for one in work.tally.moves() if one.after]
        lost = [one for one in work.tally.moves() if not one.after]
        named = _named(conn, row.id, [*moves[:_SHOWN], *lost[:_SHOWN], *stays])
    into = {(one.project, one.after) for one in moves}
    fresh = {f"{project}/{flat}" for project, flat in into}
    types = {flat.rpartition(".")[2] for _, flat in into}
    future = [one for one in changes if _only_future(one, taken.of(one.section, one.place_after))]
    policy = config_from(row.config).policy
    notes = [_WAY_BACK] if any(one.section == "reverse" for one in changes) else []
    notes += _of_budgets(now.saved, wanted) if policy.budgets.owner == "erp" else []
    return Effect(
        connection=connection,
        based_on=now.version,
        mark=wanted.version(),
        same=not changes,
        changes=changes[:_SHOWN],
        changes_in_all=len(changes),
        moves=[*moves[:_SHOWN], *lost[:_SHOWN]],
        moves_in_all=len(moves),
        lost_in_all=len(lost),
        moved=_summed(moves),
        documents=len(work.tally.documents(held=False)),
        held=held,
        held_documents=len(work.tally.documents(held=True)),
        releases=waiting,
        stays=stays,
        named=named,
        future=future[:_SHOWN],
        future_in_all=len(future),
        new_codes=sorted(fresh - there),
        codes_are_made=policy.cost_codes.create == "auto",
        unbudgeted=_unbudgeted(into, budgeted) if policy.purchase_orders.unbudgeted != "allow" else [],
        unknown_types=sorted(types - case.coding.cost_types.keys()) if case and case.coding.cost_types else [],
        assumed=work.assumed,
        read=read,
        closed_until=closed,
        asked=ask,
        notes=notes,
    )


_WAY_BACK = (
    "Rows of the way back decide for what comes from Procore after they are saved; vouchers that are in IFS stay as "
    "they are booked."
)


def _of_budgets(before: CodeMapping, after: CodeMapping) -> list[str]:
    """What a change says of all budgets, when it takes away a table they need or brings the last of them."""
    if missing_tables(after) and not missing_tables(before):
        return ["No budget crosses any more: a table that budgets need is gone. What is in Procore stays as it is."]
    if missing_tables(before) and not missing_tables(after):
        return ["Budgets cross from now on. What that changes in Procore is shown by the next plan, not here."]
    return []


def _only_future(change: RowChange, taken: int) -> bool:
    return change.what in ("added", "changed") and change.section != "reverse" and not taken


def _named(conn: Transaction, connection_id: int, told: Iterable[Move | Stay]) -> dict[str, Shown]:
    """The first documents of what is told by their numbers: it has the ids of records, or of orders and projects."""
    keys = {f"{one.kind}:{name}": _document(one.kind, name) for one in told for name in one.shown[:NAMED]}
    shown = shown_on(conn, connection_id, keys.values())
    return {
        name: msgspec.structs.replace(shown[key], text=shown[key].text.removeprefix(f"{record_title(key.kind)} "))
        for name, key in keys.items()
    }


def _document(kind: str, name: str) -> Key:
    if kind == "budget":
        return Key("project", name)
    if kind == "commitment" and "@" not in name:
        return Key("order", name)
    return document_of(kind, name) or Key(kind, name)


def _unbudgeted(into: Iterable[tuple[str, str]], budgeted: Mapping[str, frozenset[str]]) -> list[str]:
    """Of the codes money would move into, those without a budget line, on projects whose budget is known."""
    return sorted(
        f"{project}/{flat}" for project, flat in into if project in budgeted and flat not in budgeted[project]
    )


def _summed(moves: Iterable[Move]) -> list[Money]:
    sums: dict[str, Decimal] = {}
    for one in moves:
        sums[one.gross.currency] = sums.get(one.gross.currency, Decimal(0)) + one.gross.amount
    return [Money(amount, currency) for currency, amount in sorted(sums.items())]


class _Work:
    """One effect on its way: first the uses that turn, then only what lies on them."""

    def __init__(self, conn: Transaction, connection_id: int, readers: tuple[Reader, Reader], open_from: date) -> None:
        self.conn = conn
        self.id = connection_id
        self.readers = readers
        self.tally = Tally(open_from)
        self.assumed = 0
        self.uses = code_uses.uses(conn, connection_id)
        self._projects: set[str] = set()
        self._contracts: set[str] = set()
        old, new = (one.mapping for one in readers)
        self._budgets_cross = not missing_tables(old) and not missing_tables(new)
        self._recodes = (old.cost_code, old.cost_type) != (new.cost_code, new.cost_type)
        self._known: dict[Use, bool] = {}

    def everything(self) -> None:
        """Orders, then what was billed and booked on them; direct costs; budgets."""
        turns = {turn.use: turn for turn in turned(*self.readers, self.uses)}
        by_kind: dict[str, list[Line]] = {}
        for row, turn in code_uses.lines_on(self.conn, self.id, turns) if turns else ():
            by_kind.setdefault(row.kind, []).append(_line(row, turn))
        orders = by_kind.get("order", [])
        touched = self._orders(orders)
        touched |= self._assumed()
        projects = sorted({line.project for lines in by_kind.values() for line in lines} | self._projects)
        if touched:
            for invoice, kept_base in code_uses.billed_on(self.conn, self.id, sorted(self._contracts)):
                self.tally.billed(invoice, agreed_of(kept_base), touched)
        self._costs(by_kind.get("supplier_invoice", []), projects)
        budgets = by_kind.get("budget", []) if self._budgets_cross else []
        self.tally.budgets(budgets, self._of("budget", {line.project for line in budgets}))
        if self._recodes:
            everywhere = sorted(code_uses.projects_linked(self.conn, self.id))
            for kind in ("voucher", "erp_invoice"):
                for name, base in self._in(kind, everywhere).items():
                    self.tally.booked(kind, name, base, self._turns)

    def _turns(self, project: str, codes: Codes) -> bool:
        use = Use(project, codes)
        known = self._known.get(use)
        if known is None:
            known = self._known[use] = bool(codes) and bool(turned(*self.readers, [use]))
        return known

    def held(self) -> list[Money]:
        """What the documents that would be held come to, whole."""
        sums: dict[str, Decimal] = {}
        names = {"commitment": "order", "direct_cost": "supplier_invoice", "budget": "budget"}
        found = self.tally.documents(held=True)
        for kind in sorted({kind for kind, _ in found}):
            documents = sorted(document for of, document in found if of == kind)
            for currency, amount in code_uses.sums_of(self.conn, self.id, names[kind], documents).items():
                sums[currency] = sums.get(currency, Decimal(0)) + amount
        return [Money(amount, currency) for currency, amount in sorted(sums.items())]

    def _orders(self, lines: Sequence[Line]) -> set[str]:
        wanted = {f"{line.document}@{line.project}" for line in lines}
        self._contracts |= wanted
        return self.tally.orders(lines, self._of("commitment", wanted))

    def _costs(self, lines: Sequence[Line], projects: Sequence[str]) -> None:
        costs: dict[str, list[Agreed]] = {}
        if lines:
            for name, base in sorted(self._in("direct_cost", projects).items()):
                costs.setdefault(root_of(Key("direct_cost", name)).id, []).append(base)
        self.tally.costs(lines, costs)

    def _assumed(self) -> set[str]:
        """Contracts of which no decision is kept: their lines are taken to lie on their budget codes' own strings."""
        turns: dict[tuple[str, str], Turn] = {}
        for name, base in code_uses.budget_codes(self.conn, self.id):
            project, _, flat = name.partition("/")
            code = agreed_of(base)
            use = Use(project, code.codes)
            if code.codes and self.readers[0].target(use).flat == flat:
                for turn in turned(*self.readers, [use]):
                    turns[project, flat] = turn
        self._projects = {project for project, _ in turns}
        touched: set[str] = set()
        found = code_uses.unread_contracts(self.conn, self.id, sorted(self._projects)) if turns else []
        for name, base in found:
            order, _, project = name.rpartition("@")
            contract = agreed_of(base)
            lines = [
                Line(
                    kind="order",
                    document=order,
                    line=one.once_key.removeprefix(f"{contract.once_key}/"),
                    project=project,
                    amount=one.amount,
                    currency=contract.currency,
                    open=contract.status != "Closed",
                    after=turns[project, one.budget_code].after,
                    before=turns[project, one.budget_code].before,
                )
                for one in contract.lines
                if (project, one.budget_code) in turns
            ]
            if lines:
                self.assumed += 1
                self._contracts.add(name)
                touched |= self.tally.orders(lines, {name: contract})
        return touched

    def _of(self, kind: str, ids: Iterable[str]) -> Mapping[str, Agreed]:
        wanted = sorted(ids)
        return {name: agreed_of(base) for name, base in code_uses.bases(self.conn, self.id, kind, wanted)}

    def _in(self, kind: str, projects: Sequence[str]) -> Mapping[str, Agreed]:
        return {name: agreed_of(base) for name, base in code_uses.bases_in(self.conn, self.id, kind, projects)}


def _line(row: UseRow, turn: Turn) -> Line:
    rest = (row.use.project, row.amount, row.currency, row.open, turn.after, turn.before)
    return Line(row.kind, row.document, row.line, *rest)


def _released(conn: Transaction, connection_id: int, before: Reader, after: Reader) -> list[Release]:
    """What is held for want of a row that would be there."""
    ends: dict[str, list[mappings.Waiting]] = {}
    for one in mappings.waiting(conn, connection_id):
        segment, _, looked = one.waits_for.partition(" ")
        if segment in ("cost_code", "cost_type", "budget_code", "budget_type"):
            values = values_in(looked)
            if after.segment(segment, values)[0] is not None and before.segment(segment, values)[0] is None:
                ends.setdefault(one.waits_for, []).append(one)
    documents: dict[str, set[tuple[str, str]]] = {}
    for waits_for, kind, document in mappings.held_for(conn, connection_id, list(ends)) if ends else ():
        documents.setdefault(waits_for, set()).add((kind, document))
    still = _still_lost(conn, connection_id, after, {one for found in documents.values() for one in found})
    return [
        Release(
            waited_for=waits_for,
            money=[Money(one.amount, one.currency) for one in rows if one.amount is not None and one.currency],
            documents=len(documents.get(waits_for, ())),
            still=len(documents.get(waits_for, set()) & still),
            shown=tuple(dict.fromkeys(name for one in rows for name in one.shown))[:12],
        )
        for waits_for, rows in ends.items()
    ]


def _still_lost(
    conn: Transaction, connection_id: int, after: Reader, documents: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those of some held documents that have another line that would lead nowhere even then."""
    lost: set[tuple[str, str]] = set()
    for kind in {kind for kind, _ in documents}:
        names = sorted(name for of, name in documents if of == kind)
        for row in code_uses.lines_of(conn, connection_id, kind, names):
            if after.target(row.use).missing:
                lost.add((kind, row.document))
    return lost
