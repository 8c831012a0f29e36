"""Both books read over the two systems' own APIs, as any controller with the connection's credentials could.

As in `demo_view.py` nothing of our client or of our tables is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ml_connector.cli.demo_view import ORDER_LINE, View
from ml_connector.cli.month_records import (
    ZERO,
    Agreement,
    Billed,
    Cost,
    Invoice,
    Issued,
    Look,
    Order,
    OrderLine,
    Paid,
    Posting,
    Voucher,
    VoucherRow,
)
from ml_connector.sandbox.cast import SITES


class MonthView(View):
    """Reads both books whole."""

    def __init__(self, file: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._company = file["connection"]["erp_company"]

    def look(self) -> Look:
        """What both systems say now."""
        contracts, billed, costs, issued = [], [], [], []
        budgets = {}
        for row in self._procore(f"/rest/v1.0/projects?company_id={self._projects['company_id']}"):
            place, site = row["id"], _SITE_OF[row["project_number"]]
            mine = [_agreement(site, one) for one in self._procore(f"{_CONTRACTS}?project_id={place}")]
            contracts += mine
            by_id = {one.id: one for one in mine}
            bills = [_billed(by_id, one) for one in self._procore(f"{_BILLS}?project_id={place}&view=extended")]
            billed += bills
            costs += [
                _cost(site, one) for one in self._procore(f"/rest/v1.1/projects/{place}/direct_costs?view=normal")
            ]
            for contract in sorted({one.contract for one in bills}):
                rows = self._procore(f"/rest/v1.0/contract_payments?project_id={place}&contract_id={contract}")
                issued += [_issued(by_id[contract], one) for one in rows]
            budgets[site] = self._budget(place)
        return Look(
            invoices=tuple(self._invoices()),
            paid=tuple(self._paid()),
            vouchers=tuple(self._vouchers()),
            estimates={site: self._estimate(site) for site in budgets},
            contracts=tuple(contracts),
            billed=tuple(sorted(billed, key=lambda one: one.id)),
            costs=tuple(costs),
            issued=tuple(issued),
            budgets=budgets,
        )

    def orders(self) -> list[Order]:
        """Every purchase order of IFS with its lines, by number."""
        lines: dict[str, list[OrderLine]] = {}
        for row in self._ifs("PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet", ORDER_LINE):
            lines.setdefault(row["OrderNo"], []).append(_order_line(row))
        heads = self._ifs("PurchaseOrderHandling.svc/PurchaseOrderSet", "OrderNo")
        return [_order(row, lines.get(row["OrderNo"], [])) for row in sorted(heads, key=lambda row: row["OrderNo"])]

    def suppliers(self) -> dict[str, str]:
        """Suppliers of IFS by id, with their names."""
        return {
            row["SupplierId"]: row["Name"]
            for row in self._ifs("SupplierHandling.svc/SupplierInfoGeneralSet", "SupplierId")
        }

    def requisitions(self) -> dict[str, str]:
        """Purchase requisitions of IFS by number, with their states."""
        rows = self._ifs("PurchaseRequisitionsHandling.svc/PurchaseRequisitionSet", "RequisitionNo")
        return {row["RequisitionNo"]: row["Objstate"] for row in rows}

    def receipts(self) -> int:
        """How many receipts of goods IFS has."""
        return len(self._ifs("PurchaseReceiptsHandling.svc/PurchaseReceiptSet", f"{ORDER_LINE},ReceiptNo"))

    def _invoices(self) -> Iterator[Invoice]:
        """A posting without a project of its own lies where its order does, if that is on one job site."""
        sites = {order.number: order.projects for order in self.orders()}
        homes = {number: min(projects) for number, projects in sites.items() if len(projects) == 1}
        postings: dict[str, list[Posting]] = {}
        for row in self._ifs("SupplierInvoicePostingsAnalysis.svc/ManSuppInvoicePostingsSet", "InvoiceId,RowId"):
            postings.setdefault(str(row["InvoiceId"]), []).append(_posting(row, homes))
        for row in self._ifs("SupplierInvoicesHandling.svc/ManSuppInvoiceSet", "InvoiceId"):
            yield _invoice(row, postings.get(str(row["InvoiceId"]), []))

    def _paid(self) -> Iterator[Paid]:
        for row in self._ifs("LedgerTransactionsAnalysis.svc/LedgerTransactionSet", "SeriesId,PaymentId,TransId"):
            yield Paid(str(row["InvoiceId"]), _number(row["CurrAmount"]))

    def _vouchers(self) -> Iterator[Voucher]:
        """Ours in the hold table and in the ledger."""
        for heads, rows, in_ledger in (
            ("VouchersAnalysis.svc/VoucherSet", "VoucherRowsAnalysis.svc/VoucherRowSet", False),
            ("GenLedVouchersAnalysis.svc/GenLedVoucherSet", "GenLedVoucherRowsAnalysis.svc/GenLedVoucherRowSet", True),
        ):
            by_voucher: dict[str, list[dict[str, Any]]] = {}
            for row in self._ifs(rows, f"{_VOUCHER},RowNo"):
                by_voucher.setdefault(_voucher_id(row), []).append(row)
            for head in self._ifs(heads, _VOUCHER):
                if (head["VoucherText2"] or "").startswith(f"{self._company}/"):
                    yield _voucher(head, by_voucher.get(_voucher_id(head), []), in_ledger=in_ledger)

    def _estimate(self, project: str) -> Decimal:
        rows = self._ifs(
            f"ProjectMonitoringHandling.svc/Projects(ProjectId='{project}')/ProjectCostArray",
            "ActivitySeq,ProjectCostElement",
        )
        return sum((_number(row["Estimated"]) for row in rows), ZERO)

    def _budget(self, place: int) -> tuple[str, Decimal]:
        path = f"/rest/v2.0/companies/{self._projects['company_id']}/projects/{place}/budget_line_items?view=normal"
        rows = list(self._procore(path, _SHORT_PAGE))
        currencies = {row["currency_configuration"]["currency_iso_code"] for row in rows}
        return " ".join(sorted(currencies)), sum((_number(row["original_budget_amount"]) for row in rows), ZERO)


_CONTRACTS = "/rest/v1.0/purchase_order_contracts"
_BILLS = "/rest/v1.1/requisitions"
_VOUCHER = "VoucherType,AccountingYear,VoucherNo"
_SHORT_PAGE = 100
_SITE_OF = {site.procore_number: site.project_id for site in SITES}


def _number(text: object) -> Decimal:
    return Decimal(str(text or 0))


def _currency(row: Mapping[str, Any]) -> str:
    return str(row["currency_configuration"]["currency_iso_code"])


def _order(row: Mapping[str, Any], lines: list[OrderLine]) -> Order:
    return Order(
        number=row["OrderNo"],
        supplier=row["VendorNo"],
        site=row["Contract"],
        state=row["Objstate"],
        dated=date.fromisoformat(row["OrderDate"]),
        currency=row["CurrencyCode"],
        lines=tuple(sorted(lines, key=lambda line: (int(line.line_no), int(line.release_no)))),
    )


def _order_line(row: Mapping[str, Any]) -> OrderLine:
    codes = {part: row[f"Code{part}"] for part in "ABCDEFGHIJ"}
    return OrderLine(
        line_no=row["LineNo"],
        release_no=row["ReleaseNo"],
        state=row["Objstate"],
        quantity=_number(row["BuyQtyDue"]),
        amount=_number(row["NetAmtCurr"]),
        project=row["ProjectId"] or "",
        activity=str(row["ActivitySeq"] or ""),
        codes={part: value for part, value in codes.items() if value},
    )


def _posting(row: Mapping[str, Any], homes: Mapping[str, str]) -> Posting:
    return Posting(
        order=row["OrderNo"] or "",
        project=row["ProjectId"] or homes.get(row["OrderNo"] or "", ""),
        account=row["CodeA"],
        amount=_number(row["CurrAmount"]),
        tax=_number(row["VatCurrAmount"]),
    )


def _invoice(row: Mapping[str, Any], postings: list[Posting]) -> Invoice:
    return Invoice(
        id=str(row["InvoiceId"]),
        number=row["InvoiceNo"],
        supplier=row["Identity"],
        state=row["Objstate"],
        currency=row["Currency"],
        net=_number(row["NetCurrAmount"]),
        tax=_number(row["VatCurrAmount"]),
        postings=tuple(postings),
    )


def _voucher_id(row: Mapping[str, Any]) -> str:
    return f"{row['VoucherType']}/{row['AccountingYear']}/{row['VoucherNo']}"


def _voucher(head: Mapping[str, Any], rows: list[dict[str, Any]], *, in_ledger: bool) -> Voucher:
    return Voucher(
        id=_voucher_id(head),
        mark=head["VoucherText2"].split(" ")[0],
        status=head["VoucherStatus"],
        in_ledger=in_ledger,
        currency=next(row["CurrencyCode"] for row in rows),
        rows=tuple(
            VoucherRow(
                account=row["Account"],
                project=row["ProjectId"] if row["ProjectActivityId"] else "",
                balance=_number(row["CurrencyDebetAmount"]) - _number(row["CurrencyCreditAmount"]),
            )
            for row in rows
        ),
    )


def _agreement(site: str, row: Mapping[str, Any]) -> Agreement:
    return Agreement(
        id=row["id"],
        site=site,
        number=row["number"],
        currency=_currency(row),
        origin=row["origin_id"] or "",
        total=_number(row["revised_contract"]),
        status=row["status"],
    )


def _billed(contracts: Mapping[int, Agreement], row: Mapping[str, Any]) -> Billed:
    contract = contracts[row["commitment_id"]]

    def total(name: str) -> Decimal:
        return sum((_number(item[name]) for item in row["items"]), ZERO)

    return Billed(
        id=row["id"],
        site=contract.site,
        contract=contract.id,
        order=contract.number,
        number=row["invoice_number"] or "",
        vendor=row["vendor_id"],
        status=row["status"],
        origin=row["origin_id"] or "",
        currency=_currency(row),
        period=row["requisition_start"],
        dated=row["billing_date"],
        work=total("gross_amount"),
        retained=total("work_completed_retainage_retained_this_period"),
        released=total("work_completed_retainage_released_this_period"),
        asked=_number(row["summary"]["current_payment_due"]),
    )


def _cost(site: str, row: Mapping[str, Any]) -> Cost:
    return Cost(
        id=row["id"],
        site=site,
        vendor=row["vendor_id"],
        number=row["invoice_number"] or "",
        status=row["status"],
        origin=row["origin_id"] or "",
        currency=_currency(row),
        amount=_number(row["grand_total"]),
    )


def _issued(contract: Agreement, row: Mapping[str, Any]) -> Issued:
    return Issued(contract.site, contract.number, row["origin_id"] or "", contract.currency, _number(row["amount"]))
