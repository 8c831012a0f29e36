"""What a change of the mapping would do: what moves from code to code, what stays as it is booked, what goes or waits.

Orders follow their code strings, on the contract or by a change order; direct costs by a correction in the current
month; subcontractor invoices, vouchers and payments stay as they were written, whatever the mapping says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

import msgspec

from ml_connector.kernel.money import Money
from ml_connector.planning.costing import BACK
from ml_connector.planning.mapping import Target

ZERO = Decimal(0)
SHOWN = 12
"""Documents named with a group; the rest are counted."""
Codes = tuple[tuple[str, str], ...]
HELD = ""
"""Code of what would lead nowhere."""
APPROVED = frozenset({"Approved", "Closed", "Complete", "Terminated", "Void"})
"""Statuses under which lines of a contract move by a change order (records/commitment.py FROZEN)."""


class AgreedLine(msgspec.Struct, frozen=True, gc=False):
    """What is looked at of a line that both sides agreed on."""

    budget_code: str = ""
    amount: Decimal = ZERO
    once_key: str = ""
    line: str = ""
    """Of a subcontractor invoice: once-key of the contract line."""
    flat: str = ""
    """Of a budget."""
    id: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    """Of an invoice of ours in IFS."""
    project: str = ""


class AgreedRow(msgspec.Struct, frozen=True, gc=False):
    """What is looked at of a voucher's row."""

    role: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    project: str = ""
    series: str = ""

    @property
    def amount(self) -> Decimal:
        """What it puts on the project."""
        return self.debit - self.credit


class Agreed(msgspec.Struct, frozen=True, gc=False):
    """What is looked at of a record that both sides agreed on, of whatever kind."""

    currency: str = ""
    once_key: str = ""
    status: str = ""
    lines: tuple[AgreedLine, ...] = ()
    rows: tuple[AgreedRow, ...] = ()
    dated: date | None = None
    end: date | None = None
    codes: tuple[tuple[str, str], ...] = ()
    """Of a budget code: the code string it was made for."""
    flat: str = ""


_agreed = msgspec.msgpack.Decoder(Agreed)


def agreed_of(base: bytes) -> Agreed:
    """The agreed record of a link, as far as it matters here."""
    return _agreed.decode(base)


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a document whose code string leads elsewhere after the change."""

    kind: str
    """order, supplier_invoice or budget."""
    document: str
    line: str
    project: str
    amount: Decimal
    currency: str
    open: bool
    """Whether a run looks at the document again."""
    after: Target
    before: Target = Target()


class Move(msgspec.Struct, frozen=True):
    """Money that would move from one budget code to another, in one project and currency."""

    kind: str
    """commitment, direct_cost or budget."""
    project: str
    before: str
    after: str
    """Empty: it would lead nowhere, and its documents would be held."""
    how: str
    """How it would be done, in words."""
    money: Money
    """What the code after gains, and the code before loses: credits are taken off."""
    gross: Money
    """What moves, whatever its sign: a debit of 100 and a credit of 90 come to 190."""
    lines: int
    documents: int
    shown: tuple[str, ...] = ()
    """Some of the documents."""


class Stay(msgspec.Struct, frozen=True):
    """Money that stays where it was written though its code string leads elsewhere now."""

    kind: str
    why: str
    money: Money
    """What the books say: credits are taken off."""
    documents: int
    closed: Money
    """Of it: in periods and months that are over."""
    closed_documents: int
    shown: tuple[str, ...] = ()


class Release(msgspec.Struct, frozen=True):
    """What waits for a row of the mapping and would wait no more."""

    waited_for: str
    money: list[Money]
    """By currency."""
    documents: int
    still: int
    """Of the documents: those with another line that would still lead nowhere."""
    shown: tuple[str, ...] = ()


class _Sum:
    """A group on its way: lines, money, documents."""

    def __init__(self) -> None:
        self.amount = ZERO
        self.gross = ZERO
        self.lines = 0
        self.documents: dict[str, None] = {}
        self.closed: dict[str, None] = {}
        self.closed_amount = ZERO

    def add(self, document: str, amount: Decimal, *, closed: bool = False) -> None:
        self.amount += amount
        self.gross += abs(amount)
        self.lines += 1
        self.documents[document] = None
        if closed:
            self.closed[document] = None
            self.closed_amount += amount

    def shown(self) -> tuple[str, ...]:
        return tuple(list(self.documents)[:SHOWN])


class Tally:
    """Collects moves and stays; what is dated before `open_from` lies in periods that are over."""

    def __init__(self, open_from: date) -> None:
        self.open_from = open_from
        self._moves: dict[tuple[str, str, str, str, str, str], _Sum] = {}
        self._stays: dict[tuple[str, str, str], _Sum] = {}
        self._billed: dict[str, str] = {}

    def orders(self, lines: Iterable[Line], contracts: Mapping[str, Agreed]) -> set[str]:
        """Lines of orders, with their contracts by `ORDER@PROJECT`; once-keys of the contract lines they are about."""
        touched = set()
        places: dict[str, dict[str, AgreedLine]] = {}
        for line in lines:
            name = f"{line.document}@{line.project}"
            contract = contracts.get(name)
            if contract is None:
                continue
            by_key = places.get(name)
            if by_key is None:
                by_key = places[name] = {one.once_key: one for one in contract.lines}
            there = by_key.get(f"{contract.once_key}/{line.line}")
            if there is None:
                continue
            touched.add(there.once_key)
            how = "change order" if contract.status in APPROVED else "on the contract"
            self._line("commitment", line, (there.budget_code, there.amount, contract.currency), how)
        return touched

    def costs(self, lines: Iterable[Line], costs: Mapping[str, list[Agreed]]) -> None:
        """Postings of supplier invoices that are direct costs, with their records by `INVOICE@PROJECT`."""
        for line in lines:
            records = costs.get(f"{line.document}@{line.project}", [])
            stands: dict[str, Decimal] = {}
            earlier = ZERO
            for record in records:
                for one in record.lines:
                    if one.once_key.removeprefix(f"{record.once_key}/").removesuffix(BACK) != line.line:
                        continue
                    stands[one.budget_code] = stands.get(one.budget_code, ZERO) + one.amount
                    if record.dated and record.dated < self.open_from:
                        earlier += one.amount
            for flat, amount in stands.items():
                if amount:
                    place = (flat, amount, records[0].currency)
                    self._line("direct_cost", line, place, "correction dated this month")
            if earlier and line.open:
                why = "written in a month that is over; a correction comes this month"
                self._stays.setdefault(("direct_cost", why, records[0].currency), _Sum()).add(
                    line.document, earlier, closed=True
                )

    def budgets(self, lines: Iterable[Line], budgets: Mapping[str, Agreed]) -> None:
        """Rows of estimates of projects whose budget crossed."""
        for line in lines:
            budget = budgets.get(line.project)
            if budget is not None:
                place = (line.before.flat if not line.before.missing else HELD, line.amount, budget.currency)
                self._line("budget", line, place, "budget line, or budget change once it is locked")

    def _line(self, kind: str, line: Line, place: tuple[str, Decimal, str], how: str) -> None:
        before, amount, currency = place
        after = HELD if line.after.missing else line.after.flat
        if before == after:
            return
        if not line.open:
            why = "ended in IFS: no run looks at it again"
            self._stays.setdefault((kind, why, currency), _Sum()).add(line.document, amount)
            return
        key = (kind, line.project, before, after, how if after else "held", currency)
        found = self._moves.get(key)
        if found is None:
            found = self._moves[key] = _Sum()
        found.add(line.document, amount)

    def billed(self, invoice: str, record: Agreed, touched: set[str]) -> None:
        """A subcontractor invoice; what it bills on touched contract lines stays.

        Its parts on several contracts, and its corrections, are one document, named by the first of them.
        """
        amount = sum((one.amount for one in record.lines if one.line in touched), ZERO)
        if any(one.line in touched for one in record.lines):
            why = "billed: an invoice stays on the lines it was written on"
            closed = bool(record.end and record.end < self.open_from)
            self._stays.setdefault(("subcontractor_invoice", why, record.currency), _Sum()).add(
                self._billed.setdefault(invoice.partition("~")[0].partition("@")[0], invoice), amount, closed=closed
            )

    def booked(self, kind: str, name: str, record: Agreed, turns: Callable[[str, Codes], bool]) -> None:
        """A voucher or invoice of ours in IFS's books; what of it lies on code strings that turn stays.

        `turns` says of a project and a code string whether the change leads it elsewhere.
        """
        rows = [(row.project, row.codes, row.amount) for row in record.rows if row.role == "cost"]
        rows += [(one.project, one.codes, one.amount) for one in record.lines if not one.id.startswith("R")]
        mine = [amount for project, codes, amount in rows if turns(project, codes)]
        if mine:
            closed = bool(record.dated and record.dated < self.open_from)
            why = "booked in IFS: what is posted is never moved"
            self._stays.setdefault((kind, why, record.currency), _Sum()).add(name, sum(mine, ZERO), closed=closed)

    def moves(self) -> list[Move]:
        """Every move, the largest first."""
        return sorted(self._made(), key=_by_size)

    def _made(self) -> Iterator[Move]:
        for (kind, project, before, after, how, currency), one in self._moves.items():
            rest = (one.lines, len(one.documents), one.shown())
            yield Move(
                kind, project, before, after, how, Money(one.amount, currency), Money(one.gross, currency), *rest
            )

    def documents(self, *, held: bool) -> set[tuple[str, str]]:
        """Kind and id of the documents that would move, or with `held` would have a line that leads nowhere."""
        return {
            (kind, document)
            for (kind, _, _, after, _, _), one in self._moves.items()
            if bool(after) != held
            for document in one.documents
        }

    def stays(self) -> list[Stay]:
        """Everything that stays, by kind."""
        return [
            Stay(
                kind,
                why,
                Money(one.amount, currency),
                len(one.documents),
                Money(one.closed_amount, currency),
                len(one.closed),
                one.shown(),
            )
            for (kind, why, currency), one in sorted(self._stays.items())
        ]


def _by_size(one: Move) -> tuple[Decimal, str, str, str, str]:
    return -one.gross.amount, one.project, one.before, one.after, one.kind
