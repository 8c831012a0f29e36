"""What both systems say when a stranger asks them with plain HTTP: own sign-in, own reading, none of our client."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request

import msgspec

from .asking import answer

_PAGE = 1000
_V2_PAGE = 100
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def _asked(request: Request) -> Any:
    """The answer's JSON, numbers with a point as Decimal; a 401 or 5xx raises as urllib does."""
    text = answer(request)
    return _DECODER.decode(text) if text else None


def _token(url: str, client_id: str, secret: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return str(_asked(Request(url, urlencode(form).encode()))["access_token"])


class IfsWindow:
    """Reads the simulated IFS as a person with a browser would."""

    def __init__(self, erp: dict[str, Any]) -> None:
        self._url = erp["url"]
        sign_in = f"{self._url}/auth/realms/{erp['realm']}/protocol/openid-connect/token"
        self._token = _token(sign_in, erp["client_id"], erp["client_secret"])

    def rows(self, entity_set: str, order_by: str) -> list[dict[str, Any]]:
        """Every row of `Projection.svc/Set`."""
        query = f"$top=4000&$orderby={quote(order_by)}"
        path = f"/int/ifsapplications/projection/v1/{entity_set}?{query}"
        found: list[dict[str, Any]] = _asked(
            Request(self._url + path, headers={"Authorization": f"Bearer {self._token}"})
        )["value"]
        assert len(found) < 4000
        return found

    def orders(self) -> list[dict[str, Any]]:
        """Order headers."""
        return self.rows("PurchaseOrderHandling.svc/PurchaseOrderSet", "OrderNo")

    def lines(self) -> list[dict[str, Any]]:
        """Order lines of every kind."""
        return self.rows("PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet", "OrderNo,LineNo,ReleaseNo")

    def suppliers(self) -> dict[str, dict[str, Any]]:
        """Suppliers by number."""
        return {
            row["SupplierId"]: row for row in self.rows("SupplierHandling.svc/SupplierInfoGeneralSet", "SupplierId")
        }


class ProcoreWindow:
    """Reads (and, as a person would, writes) the simulated Procore."""

    def __init__(self, projects: dict[str, Any]) -> None:
        self._url = projects["url"]
        self._company = projects["company_id"]
        self._token = _token(f"{self._url}/oauth/token", projects["client_id"], projects["client_secret"])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One call."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Procore-Company-Id": self._company,
            "Content-Type": "application/json",
        }
        content = None if body is None else json.dumps(body).encode()
        return _asked(Request(self._url + path, content, headers, method=method))

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every row of a list, page by page."""
        size = _V2_PAGE if path.startswith("/rest/v2") else _PAGE
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            words = urlencode({**query, "page": page, "per_page": size})
            answer = self.ask("GET", f"{path}?{words}")
            rows = answer["data"] if isinstance(answer, dict) else answer
            found += rows
            if len(rows) < size:
                return found
            page += 1

    def projects(self) -> list[dict[str, Any]]:
        """Projects we may see."""
        return self.rows("/rest/v1.0/projects", company_id=self._company)

    def vendors(self) -> list[dict[str, Any]]:
        """The company directory."""
        return self.rows("/rest/v1.0/vendors", company_id=self._company, view="normal")

    def orders(self, project: int, kind: str = "purchase_order") -> list[dict[str, Any]]:
        """Contracts of a project with their lines, deleted ones left out; `work_order` for its subcontracts."""
        return self.rows(f"/rest/v1.0/{kind}_contracts", project_id=project, view="extended")

    def contracts(self, project: int) -> list[dict[str, Any]]:
        """As `orders`, with the subcontracts of the project."""
        return [*self.orders(project), *self.orders(project, "work_order")]

    def change_orders(self, project: int) -> list[dict[str, Any]]:
        """Commitment change orders of a project, each with its `lines`."""
        changes: list[dict[str, Any]] = self.ask("GET", f"/rest/v1.0/projects/{project}/commitment_change_orders")
        start = f"/rest/v2.0/companies/{self._company}/projects/{project}/commitment_change_orders"
        for change in changes:
            change["lines"] = self.rows(f"{start}/{change['id']}/line_items")
        return changes

    def cost_codes(self, project: int) -> list[dict[str, Any]]:
        """Cost codes of a project, parents included."""
        return self.rows("/rest/v1.0/cost_codes", project_id=project)

    def wbs_codes(self, project: int) -> list[dict[str, Any]]:
        """Budget codes of a project."""
        return self.rows(f"/rest/v1.0/projects/{project}/work_breakdown_structure/wbs_codes")

    def edit_line(self, project: int, order: int, line: int, **fields: Any) -> None:
        """A person changes a line of an open contract."""
        path = f"/rest/v1.0/purchase_order_contracts/{order}/line_items/{line}"
        self.ask("PATCH", path, {"project_id": project, "line_item": fields})


def windows(connection: str) -> tuple[IfsWindow, ProcoreWindow]:
    """Both windows, signed in with what the connection file says."""
    data = tomllib.loads(connection)
    return IfsWindow(data["erp"]), ProcoreWindow(data["projects"])


__all__ = ["HTTPError", "IfsWindow", "ProcoreWindow", "windows"]
