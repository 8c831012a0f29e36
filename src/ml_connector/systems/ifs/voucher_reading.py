"""Our own vouchers wherever they stand by now: in the hold table, or in the general ledger (facts/ifs.md 11.9)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused
from ml_connector.records.problem import Reject
from ml_connector.records.voucher import ZERO, RowRole, Voucher, VoucherHead, VoucherRow, VoucherStatus
from ml_connector.systems.ifs.company import company_reading
from ml_connector.systems.ifs.odata import Odata, any_of, text_literal
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.project import of_company
from ml_connector.systems.ifs.rows import Row
from ml_connector.systems.ifs.set_profile import SetProfile
from ml_connector.systems.port import Mark

_KEYS_AT_ONCE = 30
"""Once-keys, or beginnings of them, in one condition: at about a hundred characters each it stays within an address of
6 kB."""
_WHAT = "read vouchers"


class Head(msgspec.Struct, frozen=True):
    """A voucher's header as it came, with the once-key it carries and the key its rows share."""

    once_key: str
    type: str
    year: str
    number: str
    row: Row

    @property
    def id(self) -> str:
        """`TYPE/YEAR/NUMBER`."""
        return f"{self.type}/{self.year}/{self.number}"


class VoucherReading:
    """Reads vouchers of one company by the once-keys at the beginning of their texts."""

    def __init__(self, odata: Odata, profile: Profile, company: str) -> None:
        self._odata = odata
        self._profile = profile
        self._where = profile.vouchers
        self._company = company
        self._currency = ""

    def ids(self, once_keys: Sequence[str], everywhere: bool = False) -> dict[str, list[str]]:
        """Ids (`TYPE/YEAR/NUMBER`) of the vouchers that carry each once-key; keys that none carries are absent.

        The ledger is asked for what the hold table does not have; with `everywhere` for all, so that doubles show.
        """
        found = _by_key(self._heads(self._where.held, once_keys))
        rest = once_keys if everywhere else [key for key in once_keys if key not in found]
        for key, ids in _by_key(self._heads(self._where.ledger, rest)).items():
            found[key] = list(dict.fromkeys([*found.get(key, ()), *ids]))  # one that moves just now is in both
        return found

    def vouchers(self, once_keys: Sequence[str]) -> list[Voucher]:
        """The vouchers that carry `once_keys`, with rows and status; those that are nowhere are absent.

        Raises Refused for one that cannot be read, NameMissing for a status the profile does not know.
        """
        heads = self._heads(self._where.held, once_keys)
        rows = self._rows(self._where.held_row, heads)
        settled = {head.once_key for head in heads if head.id in rows}
        gone = self._heads(self._where.ledger, [key for key in once_keys if key not in settled])
        rows |= self._rows(self._where.ledger_row, gone)
        moved = {head.id for head in gone}
        held = [self._voucher(head, rows, None) for head in heads if head.id not in moved]
        return held + [self._voucher(head, rows, VoucherStatus.UPDATED) for head in gone]

    def waiting(self) -> list[VoucherHead]:
        """Every voucher of ours in the hold table by its header, those that people cancelled there too."""
        where = self._where.held
        begins = f"startswith({where.name('text')},{text_literal(f'{self._company}/')})"
        condition = of_company(where, self._company, begins)
        found = []
        for raw in self._odata.rows(self._odata.reading(where, _WHAT, condition)):
            row = Row(raw, where)
            once_key = self._carried(row.text("text"))
            if once_key:
                found.append(self._waiting(once_key, row))
        return found

    def posted(self, once_keys: Sequence[str]) -> list[VoucherHead]:
        """Those of `once_keys` that are in the general ledger, by their headers."""
        heads = self._heads(self._where.ledger, once_keys) if once_keys else []
        with _told("voucher"):
            return [self._told_head(head.once_key, head.row, VoucherStatus.UPDATED) for head in heads]

    def _waiting(self, once_key: str, row: Row) -> VoucherHead:
        try:
            ours = self._where.statuses.get(row.text("status"))
            return self._told_head(once_key, row, VoucherStatus(ours) if ours else None)
        except Reject:
            return VoucherHead(once_key, "", None)

    def _told_head(self, once_key: str, row: Row, status: VoucherStatus | None) -> VoucherHead:
        id_ = "/".join(row.required(word) for word in ("type", "year", "number"))
        on, by = row.day("approved_on"), row.text("approved_by")
        return VoucherHead(once_key, id_, status, row.day("dated"), on, by, row.text("error"))

    def marks(self) -> list[Mark]:
        """Every voucher of ours in the hold table and the ledger; one that moves just then is there once."""
        found: dict[str, Mark] = {}
        for where in (self._where.held, self._where.ledger):
            begins = f"startswith({where.name('text')},{text_literal(f'{self._company}/')})"
            reading = self._odata.reading(where, "count vouchers", of_company(where, self._company, begins))
            for raw in self._odata.rows(reading):
                with _told("voucher"):
                    row = Row(raw, where)
                    once_key = self._carried(row.text("text"))
                    ended = self._where.statuses.get(row.text("status")) == VoucherStatus.CANCELLED.value
                    if once_key:
                        id_ = "/".join(row.required(word) for word in ("type", "year", "number"))
                        found[id_] = Mark(id_, once_key, ended=ended)
        return list(found.values())

    def _heads(self, where: SetProfile, once_keys: Sequence[str]) -> list[Head]:
        """The headers in one set that carry any of `once_keys`.

        More keys than one condition holds are looked for by what they begin with, all together. Before vouchers are
        entered none is there, as a rule: that takes one request, not one for every thirty keys. Others of ours may
        begin alike, thousands of them; after as many pages as the keys themselves take requests those are asked for,
        so that it is never more than twice as many. No day bounds the look: a closed month moves a voucher's, and
        people may.
        """
        wanted = frozenset(once_keys)
        keys = sorted(wanted)
        pieces = [keys[at : at + _KEYS_AT_ONCE] for at in range(0, len(keys), _KEYS_AT_ONCE)]
        if len(pieces) > 1:
            found = self._beginning(where, _beginnings(keys), wanted, len(pieces))
            if found is not None:
                return found
        return [head for piece in pieces for head in self._beginning(where, [f"{key} " for key in piece], wanted) or ()]

    def _beginning(
        self, where: SetProfile, texts: Sequence[str], wanted: Collection[str], most: int = 0
    ) -> list[Head] | None:
        """The headers that begin with one of `texts` and carry a wanted key; None once `most` pages are not all."""
        begins = " or ".join(f"startswith({where.name('text')},{text_literal(text)})" for text in texts)
        company = of_company(where, self._company)
        condition = f"{company} and ({begins})" if company else begins
        found: list[Head] = []
        for number, page in enumerate(self._odata.pages(self._odata.reading(where, _WHAT, condition)), start=1):
            for raw in page.rows:
                with _told("voucher"):
                    row = Row(raw, where)
                    once_key = self._carried(row.text("text"))
                    if once_key in wanted:
                        type_, year, voucher = (row.required(word) for word in ("type", "year", "number"))
                        found.append(Head(once_key, type_, year, voucher, row))
            if number == most and (page.link is not None or page.more):
                return None
        return found

    def _carried(self, text: str) -> str:
        """The once-key a voucher's text begins with, up to the first space behind the company's id; empty where nothing
        follows: ours go on (see `voucher.py`), so that `10/x/1` is never found in `10/x/12`."""
        company = text[: len(self._company)]
        rest, space, _ = text[len(company) :].partition(" ")
        return f"{company}{rest}" if space else ""

    def _rows(self, where: SetProfile, heads: Iterable[Head]) -> dict[str, list[Row]]:
        """The rows of some vouchers by voucher id, in the order of their numbers."""
        found: dict[str, list[Row]] = {}
        for condition in self._of(where, heads):
            for raw in self._odata.rows(self._odata.reading(where, "read voucher rows", condition)):
                with _told("voucher row"):
                    row = Row(raw, where)
                    voucher = "/".join(row.required(word) for word in ("type", "year", "voucher"))
                found.setdefault(voucher, []).append(row)
        return found

    def _of(self, where: SetProfile, heads: Iterable[Head]) -> Iterator[str]:
        """Conditions for the rows of `heads`: by type and year, as many numbers as fit."""
        ordered = sorted(heads, key=lambda head: (head.type, head.year, head.number))
        for (kind, year), group in groupby(ordered, key=lambda head: (head.type, head.year)):
            fixed = [
                of_company(where, self._company),
                f"{where.name('type')} eq {text_literal(kind)}",
                f"{where.name('year')} eq {year}",
            ]
            for numbers in any_of(where.name("voucher"), (head.number for head in group), number=True):
                yield " and ".join([*(part for part in fixed if part), f"({numbers})"])

    def _voucher(self, head: Head, rows: Mapping[str, Sequence[Row]], status: VoucherStatus | None) -> Voucher:
        """A record of what came; `status` None is told by the header."""
        mine = rows.get(head.id, ())
        with _told(f"voucher {head.id}"):
            currencies = {row.text("currency") for row in mine}
            own = len(currencies) > 1  # such rows add up in the company's own currency only
            dated = head.row.day("dated")
            if dated is None:
                raise Reject("it has no date")
            return Voucher(
                once_key=head.once_key,
                type=head.type,
                dated=dated,
                user_group=head.row.text("user_group"),
                currency=self._own_currency() if own else next(iter(currencies), ""),
                text=head.row.text("text")[len(head.once_key) + 1 :],
                status=status or self._status(head.row),
                rows=tuple(_row(row, own) for row in mine),
                id=head.id,
            )

    def _status(self, row: Row) -> VoucherStatus:
        name = row.required("status")
        ours = self._where.statuses.get(name)
        if ours is None:
            raise NameMissing(
                f"IFS has a voucher in status {name}, which the profile does not know.",
                remedy=f"Name {name} in [erp.profile.vouchers.statuses].",
            )
        return VoucherStatus(ours)

    def _own_currency(self) -> str:
        """The company's currency, asked once it is needed and kept once it is told."""
        if not self._currency:
            where = self._profile.company
            reading = company_reading(self._odata, where, self._company, "read the company's currency")
            found = (Row(raw, where).required("currency") for raw in self._odata.rows(reading))
            self._currency = next(found, "")
        return self._currency


def _beginnings(keys: Collection[str]) -> list[str]:
    """What all keys begin with, in the fewest texts that one condition holds, cut as late as that allows."""
    longest = max(len(key) for key in keys) + 1
    found = {""}
    for length in range(1, longest + 1):
        more = {f"{key} "[:length] for key in keys}
        if len(more) > _KEYS_AT_ONCE:
            break
        found = more
    return sorted(found)


def _row(row: Row, own: bool) -> VoucherRow:
    """A row of the record. What a row was for IFS does not say: with an activity it is cost, else it clears."""
    activity = row.text("activity")
    before = "own_" if own else ""
    return VoucherRow(
        role=RowRole.COST if activity else RowRole.CLEARING,
        codes=row.codes(),
        debit=row.number(f"{before}debit", ZERO),
        credit=row.number(f"{before}credit", ZERO),
        project=row.text("project"),
        activity=activity,
        text=row.text("text"),
        series=row.text("series"),
        number=row.text("number"),
        party=row.text("party"),
        quantity=row.number("quantity", ZERO),
    )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turns a Reject into a Refused that names what was being read."""
    try:
        yield
    except Reject as why:
        raise Refused(f"IFS sent a {what} of ours, but {why}.") from None


def _by_key(heads: Iterable[Head]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for head in heads:
        found.setdefault(head.once_key, []).append(head.id)
    return found
