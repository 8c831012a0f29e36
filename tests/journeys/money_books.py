"""The books of both systems as a controller would write them down from their screens: what each document comes to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from typing import Any

from .money_windows import MoneyIfs, MoneyProcore, Row, dec

ZERO = Decimal(0)
CENT = Decimal("0.01")
COMPANY = "10"
CROSSES = ("Posted", "PostedAuth", "PartlyPaidPosted", "PaidPosted")
"""States in which an IFS invoice crosses; one that is cancelled after it crossed comes to nothing."""
COUNTS = ("approved", "approved_as_noted")
"""Statuses in which a subcontractor invoice of Procore's people counts."""
DIRECT = "direct"
"""What stands for the order in the place of a direct cost."""

_MARK = re.compile(r"\(ERP line (\d+/\d+)\)$")

Place = tuple[str, str]
"""Order and IFS project of a commitment, or `direct` and the project."""


@dataclass(frozen=True)
class Figures:
    """What is billed, held back of it and given free, in the document's currency."""

    gross: Decimal = ZERO
    retained: Decimal = ZERO
    released: Decimal = ZERO

    @property
    def payable(self) -> Decimal:
        """Gross less retained plus released."""
        return self.gross - self.retained + self.released

    def __add__(self, other: Figures) -> Figures:
        return Figures(self.gross + other.gross, self.retained + other.retained, self.released + other.released)

    def stands_for(self, should: Figures) -> bool:
        """Whether these are what should be; what was released and taken back stands there as retained anew."""
        same = self.gross == should.gross and self.payable == should.payable
        return same and self.released >= should.released

    def __str__(self) -> str:
        return f"{self.gross:.2f} billed, {self.retained:.2f} retained, {self.released:.2f} released"


@dataclass
class Bucket:
    """What one invoice comes to in one place: in all, by contract line (or none), by budget code."""

    total: Figures = Figures()
    lines: dict[str, Figures] = field(default_factory=lambda: defaultdict(Figures))
    codes: dict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    currency: str = ""

    def add(self, figures: Figures, line: str, code: str) -> None:
        """One posting, or one item."""
        self.total += figures
        self.lines[line] += figures
        if figures.gross:
            self.codes[code] += figures.gross

    def __add__(self, other: Bucket) -> Bucket:
        if self.currency not in ("", other.currency):
            return Bucket(currency=f"{self.currency} and {other.currency}")
        made = Bucket(self.total + other.total, currency=other.currency)
        for bucket in (self, other):
            for line, figures in bucket.lines.items():
                made.lines[line] += figures
            for code, amount in bucket.codes.items():
                made.codes[code] += amount
        return made


@dataclass(frozen=True)
class Ledger:
    """An order's line in the controller's book, in the order's currency. Received is known to IFS only."""

    ordered: Decimal
    invoiced: Decimal
    retained: Decimal
    """What is held at present."""
    payable: Decimal
    """What the invoices ask to be paid, all together, without tax that is given back."""
    paid: Decimal
    received: Decimal = ZERO

    def __str__(self) -> str:
        names = ("ordered", "received", "invoiced", "retained", "payable", "paid")
        return " ".join(f"{name} {getattr(self, name):.2f}" for name in names)


def cents(amount: Decimal) -> Decimal:
    """Rounded to cents, halves away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


class ErpBooks:
    """What IFS says at one moment."""

    def __init__(
        self, ifs: MoneyIfs, types: Iterable[tuple[str, str]], retention: Collection[str], by_costs: bool = False
    ) -> None:
        """`types`: pattern of account to Procore cost type, in order. `retention`: accounts of what is held back.

        `by_costs`: what is on orders is billed by direct costs too (strategy B), and those keep no retention.
        """
        self._types = list(types)
        self._by_costs = by_costs
        self._retention = retention
        self.invoices = ifs.invoices()
        self.taxes = ifs.tax_codes()
        self.transactions = ifs.payments()
        self.order_lines = {(row["OrderNo"], f"{row['LineNo']}/{row['ReleaseNo']}"): row for row in ifs.lines()}
        self.receipts = ifs.receipts()
        self.vouchers = [one for one in ifs.vouchers() if one["Objstate"] != "Cancelled"]
        self.postings: dict[int, list[Row]] = defaultdict(list)
        for row in ifs.postings():
            self.postings[row["InvoiceId"]].append(row)

    def flat(self, codes: Row, account: str = "CodeA") -> str:
        """The budget code a code string leads to: part B and the cost type of its account."""
        kind = next((to for pattern, to in self._types if fnmatchcase(codes[account] or "", pattern)), "?")
        return f"{codes['CodeB']}.{kind}"

    def held_back(self, posting: Row) -> bool:
        """Whether a posting is retention."""
        return posting["CodeA"] in self._retention

    def costs(self, invoice: int) -> dict[int, Decimal]:
        """What each posting of an invoice costs: its amount, and the tax on it that nobody gives back."""
        rows = self.postings[invoice]
        exact = {row["RowId"]: self._kept_tax(row) for row in rows}
        shares = {row: cents(share) for row, share in exact.items()}
        residual = cents(sum(exact.values(), ZERO)) - sum(shares.values(), ZERO)
        if residual:
            shares[max(exact, key=lambda row: abs(exact[row]))] += residual
        return {row["RowId"]: dec(row["CurrAmount"]) + shares[row["RowId"]] for row in rows}

    def _kept_tax(self, posting: Row) -> Decimal:
        if posting["VatCode"] is None:
            return ZERO
        return dec(posting["VatCurrAmount"]) * (100 - dec(self.taxes[posting["VatCode"]]["Deductible"])) / 100

    def places(self, invoice: int) -> dict[Place, Bucket]:
        """Where an invoice belongs in Procore and what it comes to there; postings on no project belong nowhere."""
        rows, costs = self.postings[invoice], self.costs(invoice)
        orders = sorted({(row["OrderNo"], row["ProjectId"]) for row in rows if row["OrderNo"] and row["ProjectId"]})
        found: dict[Place, Bucket] = defaultdict(Bucket)
        for row in rows:
            place = self._place(row, orders)
            if place is None:
                continue
            amount, back = costs[row["RowId"]], self.held_back(row)
            line = f"{row['LineNo']}/{row['ReleaseNo']}" if row["LineNo"] and place[0] != DIRECT else ""
            figures = Figures(ZERO, max(-amount, ZERO), max(amount, ZERO)) if back else Figures(amount)
            found[place].add(figures, line, "" if back else self.flat(row))
            found[place].currency = self.invoices[invoice]["Currency"]
        return found

    def _place(self, row: Row, orders: list[Place]) -> Place | None:
        if self._by_costs:
            return (DIRECT, row["ProjectId"]) if row["ProjectId"] and not self.held_back(row) else None
        named = row["OrderNo"] or (self.invoices[row["InvoiceId"]]["PoRefNumber"] if self.held_back(row) else None)
        if named:
            projects = [project for order, project in orders if order == named]
            line = self.order_lines.get((named, f"{row['LineNo']}/{row['ReleaseNo']}"))
            own = row["ProjectId"] or (line["ProjectId"] if line else None)
            lines = {one["ProjectId"] for (order, _), one in self.order_lines.items() if order == named}
            home = own or next(iter(projects or sorted(lines)), None)
            return (named, home) if home else None
        return (DIRECT, row["ProjectId"]) if row["ProjectId"] and not self.held_back(row) else None

    def ordered(self, place: Place) -> Decimal:
        """What an order comes to on a project, cancelled lines left out."""
        mine = [row for (order, _), row in self.order_lines.items() if (order, row["ProjectId"]) == place]
        return sum((dec(row["NetAmtCurr"]) for row in mine if row["Objstate"] != "Cancelled"), ZERO)

    def gross(self, invoice: int) -> Decimal:
        """What is owed on an invoice, tax included."""
        return dec(self.invoices[invoice]["GrossCurrAmount"])

    def paid(self, invoice: int) -> Decimal:
        """What has been paid on an invoice and not taken back, tax included."""
        return sum((dec(row["CurrAmount"]) for row in self.transactions if row["InvoiceId"] == invoice), ZERO)

    def ledger(self, order: str) -> Ledger:
        """The order's line of the book."""
        projects = {row["ProjectId"] for (number, _), row in self.order_lines.items() if number == order}
        mine = [row for row in self.receipts if row["OrderNo"] == order]
        total, paid = Figures(), ZERO
        for number, invoice in self.invoices.items():
            buckets = [one for place, one in self.places(number).items() if place[0] == order]
            if buckets and invoice["Objstate"] in CROSSES:
                total = sum((one.total for one in buckets), total)
                paid += self.paid(number)
        return Ledger(
            ordered=sum((self.ordered((order, project)) for project in projects), ZERO),
            received=sum((dec(row["QtyInspected"]) * dec(row["FbuyUnitPrice"]) for row in mine), ZERO),
            invoiced=total.gross,
            retained=total.retained - total.released,
            payable=total.payable,
            paid=paid,
        )

    def ours(self, kind: str) -> dict[str, list[Row]]:
        """Standing vouchers that stand for a Procore document, by its id; `kind` is that of the document."""
        found: dict[str, list[Row]] = defaultdict(list)
        for voucher in self.vouchers:
            parts = (voucher["VoucherText2"] or "").split(" ")[0].split("/")
            if len(parts) == 4 and parts[:2] == [COMPANY, kind]:
                found[parts[2]].append({**voucher, "version": parts[3]})
        return found


class SiteBooks:
    """What Procore says at one moment, about the projects of some IFS projects."""

    def __init__(self, procore: MoneyProcore, projects: dict[str, int]) -> None:
        """`projects`: IFS project to Procore id."""
        self.projects = projects

        def each(read: Callable[[int], list[Row]]) -> list[Row]:
            return [{**row, "erp_project": erp} for erp, target in projects.items() for row in read(target)]

        self.orders = {row["id"]: row for row in each(procore.contracts)}
        self.changes = each(procore.change_orders)
        self.requisitions = each(procore.requisitions)
        self.direct_costs = each(procore.direct_costs)
        on: dict[int, list[int]] = defaultdict(list)
        for contract in self.orders.values():
            on[projects[contract["erp_project"]]].append(contract["id"])
        self.payments = each(lambda project: procore.payments(project, on[project]))
        self.periods = each(procore.billing_periods)
        self._contract_lines = {line["id"]: line for row in self.orders.values() for line in row["line_items"]}
        self._change_lines = {int(line["id"]): line for one in self.changes for line in one["lines"]}

    def home(self, contract: int) -> Place | None:
        """Order and project of a contract that is an IFS order; None for one that is not."""
        parts = str(self.orders[contract]["origin_id"] or "").split("/")
        return (parts[2], parts[3]) if parts[:2] == [COMPANY, "order"] and len(parts) == 4 else None

    def line_of(self, item: Row) -> str:
        """The order line (`1/1`) an item of an invoice stands for; empty when it is none."""
        line = self._contract_lines.get(item["line_item_id"])
        if line is None:
            changed = self._change_lines[item["line_item_id"]]
            line = self._contract_lines.get(int(changed["commitment_line_item_id"] or 0), {"origin_id": None})
        if line["origin_id"]:
            return "/".join(str(line["origin_id"]).split("/")[-2:])
        marked = _MARK.search(item["description_of_work"] or "")
        return marked[1] if marked else ""

    def bill(self, requisition: Row) -> Bucket:
        """What one subcontractor invoice comes to."""
        found = Bucket(currency=requisition["currency_configuration"]["currency_iso_code"])
        for item in requisition["items"]:
            figures = Figures(
                dec(item["gross_amount"]),
                dec(item["work_completed_retainage_retained_this_period"]),
                dec(item["work_completed_retainage_released_this_period"]),
            )
            if figures != Figures():
                found.add(figures, self.line_of(item), (item["wbs_code"] or {}).get("flat_code", "?"))
        return found

    def cost(self, direct_cost: Row) -> Bucket:
        """What one direct cost comes to; drafts count in no budget."""
        found = Bucket(currency=direct_cost["currency_configuration"]["currency_iso_code"])
        for line in direct_cost["lines"] if direct_cost["status"] != "draft" else ():
            code = line["wbs_code"]["flat_code"]
            found.add(Figures(dec(line["amount"])), "", code)
        return found

    def records(self) -> Iterator[tuple[str, Row, Bucket]]:
        """Every subcontractor invoice and direct cost with what it is called and what it comes to."""
        for row in self.requisitions:
            yield f"subcontractor invoice {row['invoice_number'] or row['id']}", row, self.bill(row)
        for row in self.direct_costs:
            yield f"direct cost {row['invoice_number'] or row['id']}", row, self.cost(row)

    def ordered(self, contract: int) -> Decimal:
        """What a contract comes to with its approved change orders."""
        changes = [one for one in self.changes if (one["contract_id"], one["status"]) == (contract, "approved")]
        lines = self.orders[contract]["line_items"] + [line for one in changes for line in one["lines"]]
        return sum((dec(line["amount"]) for line in lines), ZERO)

    def of(self, contract: int) -> list[Row]:
        """The subcontractor invoices of a contract, oldest first."""
        mine = (row for row in self.requisitions if row["commitment_id"] == contract)
        return sorted(mine, key=lambda row: row["number"])

    def ledger(self, order: str) -> Ledger:
        """The order's line of the book, its contracts in several projects added up."""
        ids = [contract for contract in self.orders if (self.home(contract) or ("",))[0] == order]
        total = sum((self.bill(row).total for one in ids for row in self.of(one)), Figures())
        return Ledger(
            ordered=sum((self.ordered(one) for one in ids), ZERO),
            invoiced=total.gross,
            retained=total.retained - total.released,
            payable=total.payable,
            paid=sum((dec(row["amount"]) for row in self.payments if row["contract_id"] in ids), ZERO),
        )


def origin_of(row: Row) -> str:
    """The origin id of a record, or nothing."""
    return str(row["origin_id"] or "")


def said(place: Place) -> str:
    """A place as a person would say it."""
    return f"direct cost of {place[1]}" if place[0] == DIRECT else f"order {place[0]} on {place[1]}"


def place_of(origin: str) -> tuple[int, Place] | None:
    """IFS invoice and place in an origin id `10/invoice/101/P100001/1201~c1`; None when it is another kind."""
    parts = origin.split("~")[0].split("/")
    if len(parts) < 5 or parts[:2] != [COMPANY, "invoice"]:
        return None
    return int(parts[2]), (parts[3], parts[4])


def unlike(name: str, should: Bucket, there: Bucket) -> Iterator[str]:
    """How what is there differs from what should be: in all, by budget code, by line where all postings name one."""
    if not there.total.stands_for(should.total):
        yield f"{name}: {there.total} in Procore, should be {should.total}"
    if should.total != Figures() and there.total != Figures() and should.currency != there.currency:
        yield f"{name}: in {there.currency}, should be in {should.currency}"
    for code in sorted({*should.codes, *there.codes}):
        if should.codes.get(code, ZERO) != there.codes.get(code, ZERO):
            yield f"{name}: {there.codes.get(code, ZERO)} on {code}, should be {should.codes.get(code, ZERO)}"
    named = [line for line in should.lines if line]
    if named and "" not in should.lines:
        for line in sorted({*named, *there.lines}):
            want, have = should.lines.get(line, Figures()), there.lines.get(line, Figures())
            if not have.stands_for(want):
                yield f"{name} line {line}: {have}, should be {want}"


def signed(row: Any) -> Decimal:
    """A voucher row in its currency: debits positive."""
    return dec(row["CurrencyDebetAmount"]) - dec(row["CurrencyCreditAmount"])
