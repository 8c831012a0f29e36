"""What both systems say about money when a stranger asks them with plain HTTP; none of our client."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request

from .asking import answer
from .windows import IfsWindow, ProcoreWindow

Row = dict[str, Any]


def dec(given: Any) -> Decimal:
    """A number of the wire, whatever its type there; nothing is zero."""
    return Decimal(str(given)) if given not in (None, "") else Decimal(0)


class MoneyIfs(IfsWindow):
    """Reads invoices, payments, vouchers and costs in the simulated IFS; signs in again when its clock was moved."""

    def __init__(self, erp: Row) -> None:
        super().__init__(erp)
        self._erp = erp

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except HTTPError as error:
            if error.code != 401:
                raise
            IfsWindow.__init__(self, self._erp)
            return ask()

    def rows(self, entity_set: str, order_by: str) -> list[Row]:
        """Every row of `Projection.svc/Set`."""
        found: list[Row] = self._patiently(lambda: super(MoneyIfs, self).rows(entity_set, order_by))
        return found

    def invoices(self) -> dict[int, Row]:
        """Supplier invoices by id."""
        rows = self.rows("SupplierInvoicesHandling.svc/ManSuppInvoiceSet", "Company,InvoiceId")
        return {row["InvoiceId"]: row for row in rows}

    def postings(self) -> list[Row]:
        """Postings of every supplier invoice."""
        return self.rows("SupplierInvoicePostingsAnalysis.svc/ManSuppInvoicePostingsSet", "Company,InvoiceId,RowId")

    def ledger_items(self) -> list[Row]:
        """What is owed to suppliers, one row an instalment, with what is open of it."""
        key = "Company,Identity,PartyType,LedgerItemSeriesId,LedgerItemId,LedgerItemVersion"
        return self.rows("SupplierLedgerItemsAnalysis.svc/InvoiceLedgerItemSet", key)

    def payments(self) -> list[Row]:
        """Payments and their reversals, one row a ledger item."""
        return self.rows("LedgerTransactionsAnalysis.svc/LedgerTransactionSet", "Company,SeriesId,PaymentId,TransId")

    def vouchers(self) -> list[Row]:
        """Vouchers of the hold table and of the ledger, each with its `rows` and with `ledger`: where it stands."""
        found: dict[tuple[Any, ...], Row] = {}
        for ledger, heads, rows in (
            (False, "VouchersAnalysis.svc/VoucherSet", "VoucherRowsAnalysis.svc/VoucherRowSet"),
            (True, "GenLedVouchersAnalysis.svc/GenLedVoucherSet", "GenLedVoucherRowsAnalysis.svc/GenLedVoucherRowSet"),
        ):
            for head in self.rows(heads, ",".join(_VOUCHER)):
                found[_key(head)] = {**head, "ledger": ledger, "rows": []}
            for row in self.rows(rows, ",".join((*_VOUCHER, "RowNo"))):
                found[_key(row)]["rows"].append(row)
        return list(found.values())

    def requisitions(self) -> dict[str, Row]:
        """Purchase requisitions by number, each with its no-part `lines`."""
        heads = self.rows("PurchaseRequisitionsHandling.svc/PurchaseRequisitionSet", "RequisitionNo")
        found: dict[str, Row] = {row["RequisitionNo"]: {**row, "lines": []} for row in heads}
        key = "RequisitionNo,LineNo,ReleaseNo"
        for line in self.rows("PurchaseRequisitionHandling.svc/PurchaseReqLineNopartSet", key):
            found[line["RequisitionNo"]]["lines"].append(line)
        return found

    def receipts(self) -> list[Row]:
        """Receipts of order lines."""
        return self.rows("PurchaseReceiptsHandling.svc/PurchaseReceiptSet", "OrderNo,LineNo,ReleaseNo,ReceiptNo")

    def project_costs(self, project: str) -> list[Row]:
        """Cost of a project by activity and cost element, with its estimates."""
        where = f"ProjectMonitoringHandling.svc/Projects(ProjectId='{project}')/ProjectCostArray"
        return self.rows(where, "ProjectId,ActivitySeq,ProjectCostElement")

    def tax_codes(self) -> dict[str, Row]:
        """Tax codes by their name."""
        return {row["FeeCode"]: row for row in self.rows("TaxCodesHandling.svc/TaxCodeSet", "Company,FeeCode")}

    def add_tax_code(self, code: str, rate: str, deductible: str) -> None:
        """A person in accounting makes a tax code: percent, and what of it the authorities give back."""
        row: Row = {"Company": "10", "FeeCode": code, "Description": f"{rate} percent", "FeeType": "Tax"}
        row |= {"FeeRate": float(rate), "Deductible": float(deductible)}
        days = {"ValidFrom": "2020-01-01", "ValidUntil": "2049-12-31"}
        self._patiently(lambda: self._post("TaxCodesHandling.svc/TaxCodeSet", {**row, **days}))

    def add_posting(self, invoice: int, posting: Row, net: Decimal) -> None:
        """A person adds a posting to a preliminary invoice and corrects its net amount."""
        place = f"ManualSupplierInvoiceHandling.svc/ManSuppInvoiceSet(Company='10',InvoiceId={invoice})"
        self._patiently(lambda: self._post(f"{place}/ManSuppInvoicePostingsArray", posting))
        tag = self.invoices()[invoice]["@odata.etag"]
        self._patiently(lambda: self._post(place, {"NetCurrAmount": float(net)}, "PATCH", tag))

    def _post(self, path: str, body: Row, method: str = "POST", tag: str = "") -> None:
        whole = f"{self._url}/int/ifsapplications/projection/v1/{quote(path, safe='/()=,')}"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        headers |= {"If-Match": tag} if tag else {}
        answer(Request(whole, json.dumps(body).encode(), headers, method=method))


_VOUCHER = ("Company", "VoucherType", "AccountingYear", "VoucherNo")


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _VOUCHER)


class MoneyProcore(ProcoreWindow):
    """Reads invoices, direct costs, payments and budgets in the simulated Procore; signs in again when need be."""

    def __init__(self, projects: Row) -> None:
        super().__init__(projects)
        self._projects = projects

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One call."""
        try:
            return super().ask(method, path, body)
        except HTTPError as error:
            if error.code != 401:
                raise
            ProcoreWindow.__init__(self, self._projects)
            return super().ask(method, path, body)

    def requisitions(self, project: int) -> list[Row]:
        """Subcontractor invoices of a project with their items and G702 summary, in the order they were made."""
        rows = self.rows("/rest/v1.1/requisitions", project_id=project, view="extended")
        return sorted(rows, key=lambda row: (row["commitment_id"], row["number"]))

    def billing_periods(self, project: int) -> list[Row]:
        """Billing periods of a project."""
        return self.rows(f"/rest/v1.0/projects/{project}/billing_periods")

    def direct_costs(self, project: int) -> list[Row]:
        """Direct costs of a project, each with its `lines`."""
        start = f"/rest/v1.1/projects/{project}/direct_costs"
        found = []
        for row in self.rows(start):
            whole: Row = self.ask("GET", f"{start}/{row['id']}")
            found.append({**whole, "lines": whole["line_items"]})
        return found

    def payments(self, project: int, orders: Iterable[int]) -> list[Row]:
        """Payments issued on these contracts of a project."""
        return [
            row
            for order in orders
            for row in self.rows("/rest/v1.0/contract_payments", project_id=project, contract_id=order)
        ]

    def budget_lines(self, project: int) -> list[Row]:
        """Budget lines of a project."""
        return self.rows(f"/rest/v2.0/companies/{self._company}/projects/{project}/budget_line_items")

    def budget_changes(self, project: int) -> list[Row]:
        """Budget changes of a project with their adjustments."""
        path = f"/rest/v1.0/projects/{project}/budget_changes"
        rows: list[Row] = self.ask("GET", path)["data"]
        return [self.ask("GET", f"{path}/{row['id']}")["data"] for row in rows]


def money_windows(connection: str) -> tuple[MoneyIfs, MoneyProcore]:
    """Both windows, signed in with what the connection file says."""
    data = tomllib.loads(connection)
    return MoneyIfs(data["erp"]), MoneyProcore(data["projects"])
