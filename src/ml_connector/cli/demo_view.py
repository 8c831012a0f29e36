"""What the demo sees with its own eyes: both simulated systems read over their APIs, past our own client and books.

Doors do not call the two systems; this one does, because a demonstration that only repeats our own reports proves
nothing. It reads, signs in as the connection does, and is used by the demo alone.
"""

from __future__ import annotations

import http.client
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from ml_connector.kernel.errors import Unavailable

ORDER_LINE = "OrderNo,LineNo,ReleaseNo"
"""Key of order lines in IFS."""

_PAGE = 1000
_SECONDS = 30.0


class Contract(msgspec.Struct, frozen=True):
    """A purchase order contract as Procore shows it."""

    project: str
    """Name of the Procore project."""
    number: str
    total: Decimal
    """Revised contract amount: lines and approved change orders."""
    currency: str
    ours: bool
    """Whether it carries our once-key."""


class Line(msgspec.Struct, frozen=True):
    """An order line as IFS shows it."""

    order_no: str
    line_no: str
    release_no: str
    description: str
    quantity: Decimal
    price: Decimal
    amount: Decimal
    currency: str


class View:
    """Both systems of a connection file, read as anybody with its credentials would."""

    def __init__(self, file: Mapping[str, Any]) -> None:
        """`file` is the connection file's table."""
        self._erp, self._projects = file["erp"], file["projects"]
        sign_in = f"/auth/realms/{self._erp['realm']}/protocol/openid-connect/token"
        self._ifs_token = self._token(self._erp, self._erp["url"], sign_in)
        self._procore_token = self._token(self._projects, self._projects["login_url"], "/oauth/token")

    def contracts(self) -> list[Contract]:
        """Every purchase order contract of every project in Procore."""
        company = self._projects["company_id"]
        found = []
        for project in self._procore(f"/rest/v1.0/projects?company_id={company}"):
            for row in self._procore(f"/rest/v1.0/purchase_order_contracts?project_id={project['id']}"):
                total, currency = Decimal(row["revised_contract"]), row["currency_configuration"]["currency_iso_code"]
                found.append(Contract(project["name"], row["number"], total, currency, bool(row["origin_id"])))
        return found

    def contract(self, number: str) -> Contract | None:
        """The contract of that number, or None."""
        return next((one for one in self.contracts() if one.number == number), None)

    def lines(self, order_no: str) -> list[Line]:
        """The lines of an order in IFS, by number."""
        rows = self._ifs("PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet", ORDER_LINE, f"OrderNo eq '{order_no}'")
        lines = [_line(row) for row in rows]
        return sorted(lines, key=lambda line: (int(line.line_no), int(line.release_no)))

    def _ifs(self, place: str, key: str, condition: str = "") -> list[dict[str, Any]]:
        """Rows of `Projection.svc/Set` in the order of their key, page by page; numbers are texts."""
        headers = {"authorization": f"Bearer {self._ifs_token}", "accept": "application/json;IEEE754Compatible=true"}
        where = f"&$filter={quote(condition)}" if condition else ""
        found: list[dict[str, Any]] = []
        while True:
            path = f"/int/ifsapplications/projection/v1/{place}?$top={_PAGE}&$skip={len(found)}&$orderby={key}{where}"
            rows = _call(self._erp["url"], "GET", path, headers)["value"]
            found += rows
            if len(rows) < _PAGE:
                return found

    def _procore(self, path: str, size: int = _PAGE) -> Iterable[dict[str, Any]]:
        """Rows of a list, page by page; newer lists wrap them in `data` and take shorter pages."""
        headers = {"authorization": f"Bearer {self._procore_token}", "procore-company-id": self._projects["company_id"]}
        page = 1
        while True:
            answer = _call(self._projects["url"], "GET", f"{path}&page={page}&per_page={size}", headers)
            rows = answer["data"] if isinstance(answer, dict) else answer
            yield from rows
            if len(rows) < size:
                return
            page += 1

    def _token(self, part: Mapping[str, Any], url: str, path: str) -> str:
        grant = {
            "grant_type": "client_credentials",
            "client_id": part["client_id"],
            "client_secret": part["client_secret"],
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return str(_call(url, "POST", path, headers, urlencode(grant))["access_token"])


def sums(contracts: Iterable[Contract]) -> dict[str, Decimal]:
    """Totals by currency."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in contracts:
        found[one.currency] += one.total
    return dict(found)


def by_site(contracts: Iterable[Contract]) -> list[tuple[str, str, int, Decimal]]:
    """Project, currency, number of contracts and their sum, by project."""
    places: dict[tuple[str, str], list[Contract]] = defaultdict(list)
    for one in contracts:
        places[one.project, one.currency].append(one)
    return [
        (*place, len(found), sum((one.total for one in found), Decimal(0))) for place, found in sorted(places.items())
    ]


def _line(row: Mapping[str, Any]) -> Line:
    return Line(
        order_no=row["OrderNo"],
        line_no=row["LineNo"],
        release_no=row["ReleaseNo"],
        description=row["Description"],
        quantity=Decimal(row["BuyQtyDue"]),
        price=Decimal(row["FbuyUnitPrice"]),
        amount=Decimal(row["NetAmtCurr"]),
        currency=row["CurrencyCode"],
    )


def _call(url: str, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> Any:
    """One request to a sandbox on this machine; Unavailable when it does not answer with 200."""
    wire = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_SECONDS)
    try:
        wire.request(method, path, body, dict(headers))
        answer = wire.getresponse()
        content = answer.read()
    except OSError as error:
        raise Unavailable(f"The sandbox does not answer: {error}.", remedy="Start the demo again.") from error
    finally:
        wire.close()
    if answer.status != 200:
        raise Unavailable(f"The sandbox answered {answer.status} to {path.split('?')[0]}.", remedy="Report this.")
    return msgspec.json.decode(content)
