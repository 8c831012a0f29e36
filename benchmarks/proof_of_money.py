"""A stranger's look at both simulated systems over plain HTTP: is each document there once, and does the money tie?

It shares nothing with our clients, so that a fast run that is wrong cannot prove itself right.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from benchmarks.world_of_money import Entered
from ml_connector.sandbox.running import RunningSandbox

Row = dict[str, Any]
_PAGE = 1000
_COMPANY = "10"
_KEY = "Company,VoucherType,AccountingYear,VoucherNo"


class Wrong(Exception):
    """What came out is not what was entered; the text says how. No figure of such a run is worth anything."""


class Stranger:
    """Reads both systems with the credentials of the connection file."""

    def __init__(self, connection: str) -> None:
        self._sides = tomllib.loads(connection)

    def subcontractor_invoices(self, entered: Entered) -> None:
        """Every IFS invoice on an order is one subcontractor invoice in Procore with our key, for the same money."""
        found: Counter[str] = Counter()
        amount = Decimal(0)
        for project in self._projects():
            for row in self._procore("/rest/v1.1/requisitions", project_id=project, view="extended", per_page=200):
                if row["origin_id"]:
                    found[row["origin_id"]] += 1
                    amount += sum((_gross(item) for item in row["items"]), Decimal(0))
        _tie("subcontractor invoices in Procore", entered, found, amount)

    def direct_costs(self, entered: Entered) -> None:
        """Every IFS invoice on no order is one approved direct cost in Procore with our key, for the same money."""
        found: Counter[str] = Counter()
        amount = Decimal(0)
        for project in self._projects():
            for row in self._procore(f"/rest/v1.1/projects/{project}/direct_costs"):
                if row["origin_id"]:
                    found[row["origin_id"]] += 1
                    amount += Decimal(row["grand_total"]) if row["status"] == "approved" else 0
        _tie("direct costs in Procore", entered, found, amount)

    def vouchers(self, kind: str, entered: Entered) -> None:
        """Every document entered in Procore is one voucher in IFS's hold table that balances, for the same money."""
        ours = f"{_COMPANY}/{kind}/"
        found: Counter[str] = Counter()
        heads = set()
        for row in self._ifs("VouchersAnalysis.svc/VoucherSet", _KEY):
            once = (row["VoucherText2"] or "").partition(" ")[0]
            if once.startswith(ours):
                found[once] += 1
                heads.add(_voucher(row))
        debit = credit = Decimal(0)
        for row in self._ifs("VoucherRowsAnalysis.svc/VoucherRowSet", f"{_KEY},RowNo"):
            if _voucher(row) in heads:
                debit += _number(row["CurrencyDebetAmount"])
                credit += _number(row["CurrencyCreditAmount"])
        if debit != credit:
            raise Wrong(f"The vouchers of {kind} have {debit} in debit and {credit} in credit.")
        _tie(f"vouchers of {kind} in IFS", entered, found, debit)

    def has_voucher(self, key: str) -> bool:
        """Whether IFS's hold table has a voucher of that document and version, such as `direct_cost/5629/1`."""
        text = quote(f"startswith(VoucherText2,'{_COMPANY}/{key} ')")
        place = f"/int/ifsapplications/projection/v1/VouchersAnalysis.svc/VoucherSet?$top=5&$orderby={_KEY}"
        found = self._asked("erp", f"{self._sides['erp']['url']}{place}&$filter={text}", {})["value"]
        return any(str(row["VoucherText2"]).startswith(f"{_COMPANY}/{key} ") for row in found)

    def _projects(self) -> list[int]:
        company = self._sides["projects"]["company_id"]
        return [row["id"] for row in self._procore("/rest/v1.1/projects", company_id=company, per_page=300)]

    def _procore(self, path: str, **query: Any) -> Iterator[Row]:
        projects = self._sides["projects"]
        headers = {"Procore-Company-Id": projects["company_id"]}
        size = query.setdefault("per_page", _PAGE)
        page, more = 1, True
        while more:
            url = f"{projects['url']}{path}?{urlencode({**query, 'page': page})}"
            rows: list[Row] = self._asked("projects", url, headers)
            yield from rows
            page, more = page + 1, len(rows) == size

    def _ifs(self, entity_set: str, order_by: str) -> Iterator[Row]:
        start = f"{self._sides['erp']['url']}/int/ifsapplications/projection/v1/{entity_set}"
        at, more = 0, True
        while more:
            url = f"{start}?$top={_PAGE}&$skip={at}&$orderby={quote(order_by)}"
            rows: list[Row] = self._asked("erp", url, {})["value"]
            yield from rows
            at, more = at + _PAGE, len(rows) == _PAGE

    def _asked(self, side: str, url: str, headers: dict[str, str]) -> Any:
        token = self._signed_in(side)
        return _answer(Request(url, headers={**headers, "Authorization": f"Bearer {token}"}))  # noqa: S310 - ours

    def _signed_in(self, side: str) -> str:
        """A token of its own for every page: those of the simulated IFS live three minutes."""
        one = self._sides[side]
        address = "/oauth/token" if side == "projects" else f"/auth/realms/{one['realm']}/protocol/openid-connect/token"
        keys = {"client_id": one["client_id"], "client_secret": one["client_secret"]}
        form = urlencode({"grant_type": "client_credentials", **keys}).encode()
        return str(_answer(Request(one["url"] + address, form))["access_token"])  # noqa: S310 - our own sandbox


def _answer(request: Request) -> Any:
    with urlopen(request, timeout=60) as answer:  # noqa: S310 - our own sandbox
        return json.loads(answer.read(), parse_float=Decimal)


def _tie(what: str, entered: Entered, found: Counter[str], amount: Decimal) -> None:
    twice = [key for key, number in found.items() if number > 1]
    if twice:
        raise Wrong(f"{len(twice)} {what} are there more than once, the first is {twice[0]}.")
    if len(found) != entered.documents:
        raise Wrong(f"There are {len(found)} {what}, and {entered.documents} documents were entered.")
    if amount != entered.amount:
        raise Wrong(f"The {what} come to {amount}, and {entered.amount} was entered.")


def _gross(item: Row) -> Decimal:
    """What an item bills this period."""
    to_date = _number(item["total_completed_and_stored_to_date"])
    return to_date - _number(item["total_completed_and_stored_to_date_from_previous"])


def _number(given: Any) -> Decimal:
    return Decimal(str(given)) if given not in (None, "") else Decimal(0)


def _voucher(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY.split(","))


@contextmanager
def quiet(box: RunningSandbox) -> Iterator[None]:
    """Raises Wrong when a poll of systems in which nothing changed wrote to either, by their own count."""
    before = _writes(box)
    yield
    written = _writes(box) - before
    if written:
        raise Wrong(f"A poll of unchanged systems wrote {written} times.")


def _writes(box: RunningSandbox) -> int:
    return int(box.admin("GET", "log?limit=0")["writes"])
