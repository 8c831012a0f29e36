"""Purchase orders read in bulk: headers and lines as two ordered streams, joined, parsed only where changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ml_connector.kernel.keys import fingerprint
from ml_connector.records.problem import Problem, Reject
from ml_connector.records.purchase_order import PurchaseOrder
from ml_connector.systems.ifs.line_stream import Lines, LineStream
from ml_connector.systems.ifs.odata import Odata, Page, Reading, any_of, enum_literal, row_path, text_literal
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.project import of_company
from ml_connector.systems.ifs.purchase_order import KIND, KindedRow, order_or_problem
from ml_connector.systems.ifs.rows import Row, problem
from ml_connector.systems.ifs.set_profile import SetProfile
from ml_connector.systems.port import Knows, OrderPage

Headers = dict[str, msgspec.Raw]


class OrderReading:
    """Reads the orders of one company.

    The fingerprint of an order covers its header row and its line rows as they came. Where lines are read from the
    three collections it covers the header alone, whose ETag moves when a line's save updates it (facts/ifs.md 7.1).
    """

    def __init__(self, odata: Odata, profile: Profile, company: str, sites: frozenset[str] | None) -> None:
        """`sites` are the company's, needed only where the order itself names no company; None where it does."""
        self._odata = odata
        self._profile = profile
        self._company = of_company(profile.order, company)
        self._sites = sites
        self._ended = frozenset(profile.ended_states())
        self._all_lines = profile.order_lines == "all_lines"

    def open_orders(self, knows: Knows) -> Iterator[OrderPage]:
        """Open orders, a page of headers at a time; those whose fingerprint `knows` has are not parsed."""
        stream = LineStream(self._odata, self._lines())
        problems: list[Problem] = []
        for page in self._odata.pages(self.open_headers()):
            headers = self._ours(page, problems, open_only=self._profile.state_filter == "client")
            if headers:
                lines = stream.take(list(headers)) if self._all_lines else {}
                yield self._page(headers, lines, problems, knows(list(headers)))
                problems = []
        if problems:
            yield OrderPage((), tuple(problems), {})

    def named(self, ids: Sequence[str]) -> OrderPage:
        """The orders with those ids, in any state, in full."""
        headers: Headers = {}
        problems: list[Problem] = []
        for condition in any_of(self._profile.order.name("id"), ids):
            for page in self._odata.pages(self.headers(condition)):
                headers |= self._ours(page, problems, open_only=False)
        lines: Lines = {}
        if self._all_lines:
            for condition in any_of(self._profile.order_line.name("id"), headers):
                for page in self._odata.pages(self._lines(condition)):
                    for key, raw in zip(page.keys, page.rows, strict=True):
                        lines.setdefault(str(key[0]), []).append(raw)
        return self._page(headers, lines, problems, {})

    def open_headers(self) -> Reading:
        """The reading of the headers of this company's open orders."""
        return self.headers(self._open())

    def headers(self, condition: str = "") -> Reading:
        """The reading of this company's order headers under `condition`."""
        joined = f"({condition})" if " or " in condition else condition
        wanted = " and ".join(part for part in (self._company, joined) if part)
        return self._odata.reading(self._profile.order, "read purchase orders", wanted)

    def _lines(self, condition: str = "") -> Reading:
        return self._odata.reading(self._profile.order_line, "read purchase order lines", condition)

    def _open(self) -> str:
        """The server's filter for orders that are not finished; states we do not know count as open."""
        where = self._profile.order
        if self._profile.state_filter == "client":
            return ""
        ended = (enum_literal(where.projection, where.state_enum, state) for state in self._profile.ended_states())
        return " and ".join(f"{where.name('state')} ne {literal}" for literal in ended)

    def _ours(self, page: Page, problems: list[Problem], open_only: bool) -> Headers:
        """The page's headers by order id; rows of other companies' sites, and ended ones if asked, are left out."""
        headers: Headers = {}
        for key, raw in zip(page.keys, page.rows, strict=True):
            order = key[0]
            if not isinstance(order, str) or not order:
                problems.append(problem(KIND, "", "the order has no number", raw))
            elif (self._sites is None and not open_only) or self._wanted(raw, open_only):
                headers[order] = raw
        return headers

    def _wanted(self, raw: msgspec.Raw, open_only: bool) -> bool:
        try:
            row = Row(raw, self._profile.order)
            if self._sites is not None and row.text("site") not in self._sites:
                return False
            return not open_only or row.text("state") not in self._ended
        except Reject:
            return True  # parsing it will say what is wrong

    def _page(self, headers: Headers, lines: Lines, problems: list[Problem], known: Mapping[str, bytes]) -> OrderPage:
        seen = {order: self._fingerprint(raw, lines.get(order, ())) for order, raw in headers.items()}
        orders: list[PurchaseOrder] = []
        found = list(problems)
        for order, mark in seen.items():
            if known.get(order) != mark:
                rows = [("", raw) for raw in lines.get(order, ())] if self._all_lines else self._by_kind(order)
                result = order_or_problem(order, headers[order], rows, self._profile)
                if isinstance(result, Problem):
                    found.append(result)
                else:
                    orders.append(result)
        return OrderPage(tuple(orders), tuple(found), seen)

    def _fingerprint(self, header: msgspec.Raw, lines: Sequence[msgspec.Raw]) -> bytes:
        if len(lines) < 2:
            return fingerprint(bytes(header), *map(bytes, lines))
        return fingerprint(bytes(header), *sorted(map(bytes, lines)))

    def _by_kind(self, order: str) -> list[KindedRow]:
        """The rows of the three line collections of one order, each with its kind."""
        where, line = self._profile.order, self._profile.order_line
        base = self._odata.service(where.projection, where.service) + row_path(
            where.entity_set, {where.name("id"): text_literal(order)}
        )
        found: list[KindedRow] = []
        for kind, nav in self._profile.line_navs.items():
            if not nav:
                continue
            reading = Reading(f"{base}/{nav}", "read purchase order lines", _inside(line), line.select(), filter="")
            found.extend((kind, raw) for raw in self._odata.rows(reading))
        return found


def _inside(line: SetProfile) -> tuple[str, ...]:
    """The key of a line within its order."""
    return tuple(line.name(word) for word in line.keys if word != "id")
