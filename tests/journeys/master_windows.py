"""What both systems say about suppliers, vendors, code values and budgets when a stranger asks with plain HTTP."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from .money_windows import MoneyIfs, MoneyProcore, Row, dec

_SUPPLIER = "SupplierHandling.svc/SupplierInfoGeneralSet"
_PLAIN = "/()='.,$"
_REQUISITION = "PurchaseRequisitionHandling.svc/PurchaseRequisitionSet"


class MasterIfs(MoneyIfs):
    """Reads suppliers and code values in the simulated IFS, and presses its buttons."""

    def supplier(self, number: str) -> Row:
        """A supplier with what hangs on it: `address`, `email`, `phone`, `purchases`, `invoices`, `payments`."""
        row = self.suppliers()[number]
        below = f"{_SUPPLIER}(SupplierId='{number}')"
        addresses = self.rows(f"{below}/SupplierInfoAddresses", "AddressId")
        address = addresses[0] if addresses else {}
        methods: dict[str, str] = {}
        if addresses:
            at = f"{below}/SupplierInfoAddresses(SupplierId='{number}',AddressId='{address['AddressId']}')"
            for one in self.rows(f"{at}/AddressCommunicationMethods", "CommId"):
                methods[one["MethodId"]] = one["Value"]
        return {
            **row,
            "address": address,
            "email": methods.get("EMail"),
            "phone": methods.get("Phone"),
            "purchases": self.rows(f"{below}/SupplierPurchases", "VendorNo"),
            "invoices": self.rows(f"{below}/SupplierInvoiceCompanies", "Company"),
            "payments": self.rows(f"{below}/SupplierPayments", "Company"),
        }

    def named(self, name: str) -> list[str]:
        """Numbers of the suppliers of that name."""
        return [number for number, row in self.suppliers().items() if row["Name"] == name]

    def code_values(self, part: str) -> dict[str, Row]:
        """Values of a code part by their value."""
        rows = self.rows("CodeStringCompletionHandling.svc/AccountingCodePartValueSet", "CodePart,CodePartValue")
        return {row["CodePartValue"]: row for row in rows if row["CodePart"] == part}

    def estimates(self, project: str) -> dict[str, Decimal]:
        """Estimates of a project by cost element, all activities together."""
        found: dict[str, Decimal] = {}
        for row in self.project_costs(project):
            if row["Estimated"] is not None:
                element = row["ProjectCostElement"]
                found[element] = found.get(element, Decimal(0)) + dec(row["Estimated"])
        return found

    def release_requisition(self, number: str) -> None:
        """A purchaser releases a requisition: its row's own tag goes with the command."""
        row = self._row(f"{_REQUISITION}(RequisitionNo='{number}')")
        where = (
            f"{_REQUISITION}(RequisitionNo='{number}')/IfsApp.PurchaseRequisitionHandling.PurchaseRequisition_Release"
        )
        self._command(where, {}, row["@odata.etag"])

    def convert_requisition(self, number: str) -> list[str]:
        """A purchaser makes orders of a requisition's released lines; their numbers."""
        lines = self.requisitions()[number]["lines"]
        keys = (f"REQUISITION_NO={number}^LINE_NO={row['LineNo']}^RELEASE_NO={row['ReleaseNo']}^;" for row in lines)
        path = "PurchaseRequisitionHandling.svc/CreateRequisitionLineToOrder"
        answer = self._command(path, {"Selection": "".join(keys)}, "")
        return str(answer["value"]).split(";")

    def _row(self, path: str) -> Row:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json;odata.metadata=full"}
        with urlopen(Request(self._at(path), headers=headers), timeout=30) as answer:
            found: Row = json.loads(answer.read(), parse_float=Decimal)
        return found

    def _command(self, path: str, body: Row, etag: str) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        headers |= {"If-Match": etag} if etag else {}
        with urlopen(Request(self._at(path), json.dumps(body).encode(), headers, method="POST"), timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _at(self, path: str) -> str:
        return f"{self._url}/int/ifsapplications/projection/v1/{quote(path, safe=_PLAIN)}"


class MasterProcore(MoneyProcore):
    """Reads the directory, cost codes and budgets in the simulated Procore, and writes what a person would."""

    def directory(self) -> dict[str, Row]:
        """Every vendor, active or not, by name; `is_active` tells which."""
        inactive = self.rows(f"/rest/v1.0/companies/{self._company}/vendors/inactive", view="normal")
        return {row["name"]: row for row in (*self.vendors(), *inactive)}

    def of_supplier(self, number: str) -> Row:
        """The one vendor that carries a supplier's number as we wrote it."""
        found = [row for row in self.directory().values() if row["origin_code"] == number]
        assert len(found) == 1, found
        return found[0]

    def edit_vendor(self, vendor: Row, **fields: Any) -> None:
        """A person changes a vendor in the directory."""
        body = {"company_id": int(self._company), "vendor": {"name": vendor["name"], **fields}}
        self.ask("PATCH", f"/rest/v1.0/vendors/{vendor['id']}", body)

    def budget(self, project: int) -> dict[str, Decimal]:
        """Original budget amounts by flat code, lines at zero left out."""
        rows = {row["wbs_code"]["flat_code"]: dec(row["original_budget_amount"]) for row in self.budget_lines(project)}
        return {flat: amount for flat, amount in rows.items() if amount}

    def revised_budget(self, project: int) -> dict[str, Decimal]:
        """The same with approved budget changes."""
        found = dict(self.budget(project))
        for change in self.budget_changes(project):
            if change["status"] == "approved":
                for line in change["adjustment_line_items"]:
                    flat = line["wbs_code"]["flat_code"]
                    found[flat] = found.get(flat, Decimal(0)) + dec(line["amount"])
        return {flat: amount for flat, amount in found.items() if amount}

    def edit_budget_line(self, project: int, flat: str, amount: str) -> None:
        """A person types another original amount."""
        line = next(row for row in self.budget_lines(project) if row["wbs_code"]["flat_code"] == flat)
        body = {"project_id": project, "budget_line_item": {"original_budget_amount": float(amount)}}
        self.ask("PATCH", f"/rest/v1.1/budget_line_items/{line['id']}", body)


def master_windows(connection: str) -> tuple[MasterIfs, MasterProcore]:
    """Both windows, signed in with what the connection file says."""
    data = tomllib.loads(connection)
    return MasterIfs(data["erp"]), MasterProcore(data["projects"])
