"""Supplier invoices read in bulk: headers and postings as two ordered streams, joined, parsed only where changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import msgspec

from ml_connector.kernel.keys import fingerprint
from ml_connector.records.problem import Problem
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.systems.ifs.line_stream import Lines, LineStream
from ml_connector.systems.ifs.odata import Odata, Page, Reading, any_of
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.project import of_company
from ml_connector.systems.ifs.rows import problem
from ml_connector.systems.ifs.set_profile import SetProfile
from ml_connector.systems.ifs.supplier_invoice import KIND, invoice_or_problem
from ml_connector.systems.port import InvoicePage, Knows

Headers = dict[str, msgspec.Raw]


class InvoiceReading:
    """Reads the supplier invoices of one company; the fingerprint of one covers its header and its posting rows."""

    def __init__(self, odata: Odata, profile: Profile, company: str) -> None:
        self._odata = odata
        self._profile = profile
        self._company = company

    def since(self, knows: Knows, day: date) -> Iterator[InvoicePage]:
        """Invoices dated or posted on or after `day`, a page of headers at a time, in any state: a bill of last winter
        that accounts payable enters today is one of them.

        Postings are read from the first of those invoices on; where a page of them ends at an invoice that is not
        wanted, the next begins at the next wanted one, so that the postings of years past are jumped over.
        """
        stream = LineStream(self._odata, self._reading(self._profile.invoice_line))
        names = (self._profile.invoice.name("dated"), self._profile.invoice.name("posted_on"))
        dated = " or ".join(f"{name} ge {day.isoformat()}" for name in names if name)
        condition = f"({dated})" if all(names) else dated
        for page in self._odata.pages(self._reading(self._profile.invoice, condition)):
            problems: list[Problem] = []
            headers = _headers(page, problems)
            lines = stream.take(list(headers)) if headers else {}
            yield self._page(headers, lines, problems, knows(list(headers)) if headers else {})

    def named(self, ids: Sequence[str]) -> InvoicePage:
        """The invoices with those ids, in any state, in full."""
        headers: Headers = {}
        lines: Lines = {}
        problems: list[Problem] = []
        for page in self._by_id(self._profile.invoice, ids):
            headers |= _headers(page, problems)
        for page in self._by_id(self._profile.invoice_line, list(headers)):
            for key, raw in zip(page.keys, page.rows, strict=True):
                lines.setdefault(str(key[0]), []).append(raw)
        return self._page(headers, lines, problems, {})

    def _by_id(self, where: SetProfile, ids: Sequence[str]) -> Iterator[Page]:
        for condition in any_of(where.name("id"), ids, number="id" in where.number_keys):
            yield from self._odata.pages(self._reading(where, f"({condition})"))

    def _reading(self, where: SetProfile, condition: str = "") -> Reading:
        return self._odata.reading(where, "read supplier invoices", of_company(where, self._company, condition))

    def _page(
        self, headers: Headers, lines: Lines, problems: Sequence[Problem], known: Mapping[str, bytes]
    ) -> InvoicePage:
        seen = {one: fingerprint(bytes(raw), *sorted(map(bytes, lines.get(one, ())))) for one, raw in headers.items()}
        invoices: list[SupplierInvoice] = []
        found = list(problems)
        for one, mark in seen.items():
            if known.get(one) != mark:
                result = invoice_or_problem(one, headers[one], lines.get(one, ()), self._profile)
                if isinstance(result, Problem):
                    found.append(result)
                else:
                    invoices.append(result)
        return InvoicePage(tuple(invoices), tuple(found), seen)


def _headers(page: Page, problems: list[Problem]) -> Headers:
    """The page's headers by invoice id; a row without one becomes a problem."""
    headers: Headers = {}
    for key, raw in zip(page.keys, page.rows, strict=True):
        if key[0] is None or key[0] == "":
            problems.append(problem(KIND, "", "the invoice has no id", raw))
        else:
            headers[str(key[0])] = raw
    return headers
