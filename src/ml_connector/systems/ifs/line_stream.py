"""The lines of many documents, read once in key order and dealt out to those that ask, a page of them at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from ml_connector.systems.ifs.odata import Odata, Page, Reading, after, text_literal

_DIGITS = 20
"""Numbers are written this wide to be compared as text; Edm.Int64 has at most nineteen digits."""

Lines = dict[str, list[msgspec.Raw]]
"""Document id to its line rows as they came."""


class LineStream:
    """One pass over the set of all lines, alongside ascending orders; lines of orders nobody asked for are dropped.

    "Order" stands for any document with lines: supplier invoices are read in the same way. Numbers are compared as
    numbers.

    Where a page ends at an order that is not wanted, the next one begins at the next wanted order, so that closed
    orders between open ones are jumped over. Ids are compared here as the server orders them only while both agree
    (plain byte order); where they do not, each page of orders is read by its own range, which the server compares.
    """

    def __init__(self, odata: Odata, reading: Reading) -> None:
        """`reading` is of the whole set, its key beginning with the order's id."""
        self._odata = odata
        self._reading = reading
        self._numbered = reading.keys[0] in reading.numbers
        self._page: Page | None = None
        self._at = 0
        self._ended = False
        self._agrees = True
        self._last = ""

    def take(self, ids: Sequence[str]) -> Lines:
        """The lines of the orders `ids`, which follow each other as the server orders them; none is asked for twice."""
        wanted: Lines = {one: [] for one in ids}
        marks = [self._mark(one) for one in ids]
        self._agrees = self._agrees and all(one < other for one, other in pairwise((self._last, *marks)))
        self._last = marks[-1]
        if self._agrees and self._deal(marks, dict(zip(marks, wanted.values(), strict=True))):
            return wanted
        self._agrees = False
        return self._ranged(ids)

    def _mark(self, order: str | int | None) -> str:
        """An id as text that sorts as the server sorts ids; empty where there is none."""
        if self._numbered:
            number = str(order)
            return number.rjust(_DIGITS) if number.isdecimal() else ""
        return order if isinstance(order, str) else ""

    def _deal(self, ids: Sequence[str], wanted: Lines) -> bool:
        """Deals rows out up to the last of `ids`, all of them marks; False when the server's order is not ours."""
        last, before = ids[-1], ""
        while not self._ended:
            page = self._page
            if page is None:
                self._turn(self._odata.fetch(self._reading, self._from(ids[0])))
                continue
            keys, rows, at = page.keys, page.rows, self._at
            for at in range(self._at, len(rows)):
                order = self._mark(keys[at][0])
                if not order or order < before:
                    return False
                if order > last:
                    self._at = at
                    return True
                before = order
                mine = wanted.get(before)
                if mine is not None:
                    mine.append(rows[at])
            self._at = len(rows)
            if before == last and not self._may_continue(page):
                return True
            self._next(page, ids, before)
        return True

    def _may_continue(self, page: Page) -> bool:
        return page.link is not None or page.more

    def _next(self, page: Page, ids: Sequence[str], before: str) -> None:
        if page.link is not None:
            self._turn(self._odata.follow(self._reading, page.link))
        elif not page.more:
            self._ended = True
        else:
            place = bisect_right(ids, before)
            inside = place and ids[place - 1] == before
            if inside or place == len(ids):
                self._turn(self._odata.fetch(self._reading, after(self._reading, page.keys[-1])))
            else:
                self._turn(self._odata.fetch(self._reading, self._from(ids[place])))

    def _turn(self, page: Page) -> None:
        self._page, self._at = page, 0
        self._ended = not page.rows

    def _from(self, order: str) -> str:
        return f"{self._reading.keys[0]} ge {self._literal(order)}"

    def _literal(self, order: str) -> str:
        return order.strip() if self._numbered else text_literal(order)

    def _ranged(self, ids: Sequence[str]) -> Lines:
        """The same by one range for the whole page: a request or two more, and no comparison of ours."""
        wanted: Lines = {one: [] for one in ids}
        name = self._reading.keys[0]
        within = f"{name} ge {self._literal(ids[0])} and {name} le {self._literal(ids[-1])}"
        condition = " and ".join(part for part in (self._reading.filter, within) if part)
        for page in self._odata.pages(msgspec.structs.replace(self._reading, filter=condition)):
            for key, raw in zip(page.keys, page.rows, strict=True):
                mine = wanted.get(str(key[0]))
                if mine is not None:
                    mine.append(raw)
        return wanted
