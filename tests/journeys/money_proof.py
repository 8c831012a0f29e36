"""The proof of the money: both systems' own answers laid side by side, document by document, to the cent."""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.cast import SITES

from .money_books import (
    COMPANY,
    COUNTS,
    CROSSES,
    DIRECT,
    ZERO,
    Bucket,
    ErpBooks,
    Figures,
    Place,
    SiteBooks,
    cents,
    origin_of,
    place_of,
    said,
    signed,
    unlike,
)
from .money_windows import Row, dec, money_windows

COST_STATUSES = ("approved",)
"""Statuses in which a direct cost of Procore's people counts."""
COST_TYPES = ("invoice", "expense", "payroll")
CLEARING = "2020"
RETENTION = "2030"
_CODES = ("CodeB", "CodeC", "CodeD", "CodeE", "CodeF")

Rows = dict[tuple[Any, ...], Decimal]
"""Voucher rows by what they are posted on: debits less credits."""


class MoneyProof:
    """Compares the two systems through their own APIs, never through our tables, and names every difference."""

    def __init__(self, connection: str, app: Any = None, name: str = "demo") -> None:
        """`connection`: the text of the sandbox's file. `app` is asked for its exposure figure, if given."""
        self.ifs, self.procore = money_windows(connection)
        self.clearing, self.retention = CLEARING, RETENTION
        self.strategy = "commitment"
        """Policy `supplier_invoices.strategy`; a test that changes it changes it here too."""
        self._app, self._name = app, name
        mapping = tomllib.loads(connection)["mapping"]
        self._types = [(row["A"], row["to"]) for row in mapping["cost_type"]["row"]]
        self._element_codes = [(row["element"], row["to"]) for row in mapping.get("budget_code", {}).get("row", ())]
        numbers = {row["project_number"]: row["id"] for row in self.procore.projects()}
        self.projects = {one.project_id: numbers[one.procore_number] for one in SITES if one.procore_number in numbers}

    def again(self, connection: str, app: Any) -> MoneyProof:
        """A proof of its own that knows what this one knew."""
        other = copy(self)
        other.ifs, other.procore = money_windows(connection)
        other._app = app
        return other

    def books(self) -> tuple[ErpBooks, SiteBooks]:
        """What both say now."""
        by_costs = self.strategy == "direct_cost"
        return ErpBooks(self.ifs, self._types, (self.retention,), by_costs), SiteBooks(self.procore, self.projects)

    def differences(
        self,
        held: Collection[int] = (),
        left: Collection[str] = (),
        budgets: Collection[str] | None = None,
        books: tuple[ErpBooks, SiteBooks] | None = None,
    ) -> list[str]:
        """Every way in which the two systems' money is not the same.

        `held`: IFS invoices that are known to wait: nothing of them may be in Procore. `left`: Procore documents that
        are known to wait. `budgets`: IFS projects whose budgets are compared, all unless told. `books`: read already.
        """
        erp, site = books or self.books()
        checks: tuple[Iterable[str], ...] = (
            self._once(site),
            self._invoices(erp, site, set(held)),
            self._contracts(erp, site, set(held)),
            self._vouchers(erp, site, set(left)),
            self._payments(erp, site, set(held)),
            self._budgets(self.projects if budgets is None else budgets),
            self._vendors(),
            self._exposure(),
        )
        return [one for check in checks for one in check]

    # each thing once --------------------------------------------------------------------------------------------------

    def _once(self, site: SiteBooks) -> Iterator[str]:
        lines = [line for row in site.direct_costs for line in row["lines"]]
        for what, rows in (
            ("subcontractor invoice", site.requisitions),
            ("direct cost", site.direct_costs),
            ("direct cost line", lines),
            ("payment", site.payments),
        ):
            yield from _twice(f"origin id of a {what}", (origin_of(row) for row in rows))
        open_ones = Counter(row["erp_project"] for row in site.periods if row["status"] == "open")
        yield from (f"{project} has {n} open billing periods" for project, n in open_ones.items() if n > 1)

    # IFS invoices in Procore ------------------------------------------------------------------------------------------

    def _invoices(self, erp: ErpBooks, site: SiteBooks, held: set[int]) -> Iterator[str]:
        there: dict[tuple[int, Place], Bucket] = defaultdict(Bucket)
        rows: dict[tuple[int, Place], list[Row]] = defaultdict(list)
        for called, row, bucket in site.records():
            found = place_of(origin_of(row))
            if found is None:
                if origin_of(row).startswith(f"{COMPANY}/"):
                    yield f"{called}: nobody knows what {row['origin_id']} is"
                continue
            if found[0] not in erp.invoices:
                yield f"{called}: IFS has no invoice {found[0]}"
            there[found] += bucket
            rows[found].append(row)
        wanted = self.wanted(erp, site, held)
        names = {row["id"]: row["name"] for row in self.procore.vendors()}
        for key in sorted({*wanted, *there}):
            name = f"invoice {key[0]}, {said(key[1])}"
            yield from unlike(name, wanted.get(key, Bucket()), there.get(key, Bucket()))
            if key in there and key[0] in erp.invoices:
                yield from _facts(name, erp.invoices[key[0]], rows[key], names)

    def wanted(self, erp: ErpBooks, site: SiteBooks, held: Collection[int]) -> dict[tuple[int, Place], Bucket]:
        """What IFS's invoices should be in Procore, by invoice and place; those that came from Procore are left out."""
        born = self.born(erp, site)
        return {
            (number, place): bucket
            for number, invoice in erp.invoices.items()
            if invoice["Objstate"] in CROSSES and number not in held and number not in born
            for place, bucket in erp.places(number).items()
            if place[1] in self.projects
        }

    def born(self, erp: ErpBooks, site: SiteBooks) -> dict[int, Row]:
        """IFS invoices that are a document Procore's people wrote first: same contract or project, same number."""
        typed: dict[tuple[Place, str], Row] = {}
        for row in (*site.requisitions, *site.direct_costs):
            if place_of(origin_of(row)) is None and row["invoice_number"]:
                home = site.home(row["commitment_id"]) if "commitment_id" in row else (DIRECT, row["erp_project"])
                if home:
                    typed[home, row["invoice_number"].casefold()] = row
        found = {}
        for number, invoice in erp.invoices.items():
            for place in erp.places(number):
                same = typed.get((place, invoice["InvoiceNo"].casefold()))
                if same is not None:
                    found[number] = same
        return found

    # contracts --------------------------------------------------------------------------------------------------------

    def _contracts(self, erp: ErpBooks, site: SiteBooks, held: set[int]) -> Iterator[str]:
        """The G702 of each contract's latest invoice foots with the contract, and what is billed with what IFS says."""
        invoiced: dict[Place, Figures] = defaultdict(Figures)
        for (_, place), bucket in self.wanted(erp, site, held).items():
            invoiced[place] += bucket.total
        for contract, order in site.orders.items():
            home, bills = site.home(contract), site.of(contract)
            name = f"contract {order['number']}"
            if home and site.ordered(contract) != erp.ordered(home):
                yield f"{name}: {site.ordered(contract)} is committed, IFS ordered {erp.ordered(home)}"
            if not bills:
                continue
            yield from self._g702(name, order, bills, site)
            if home is None:
                continue
            typed = [site.bill(row).total for row in bills if place_of(origin_of(row)) is None]
            should = sum(typed, invoiced[home])
            is_now = sum((site.bill(row).total for row in bills), Figures())
            if not is_now.stands_for(should):
                yield f"{name}: {is_now} to date, should be {should}"

    def _g702(self, name: str, order: Row, bills: list[Row], site: SiteBooks) -> Iterator[str]:
        latest = bills[-1]
        packages = {one["change_order_id"] for one in latest["item_packages"]}
        total = sum((site.bill(row).total for row in bills), Figures())
        original = sum((dec(line["amount"]) for line in order["line_items"]), ZERO)
        changed = [dec(line["amount"]) for one in site.changes if one["id"] in packages for line in one["lines"]]
        held = total.retained - total.released
        sums = original + sum(changed, ZERO)
        due = [dec(row["summary"]["current_payment_due"]) for row in bills]
        for told, should in {
            "original_contract_sum": original,
            "net_change_by_change_orders": sum(changed, ZERO),
            "contract_sum_to_date": sums,
            "total_completed_and_stored_to_date": total.gross,
            "total_retainage": held,
            "total_earned_less_retainage": total.payable,
            "less_previous_certificates_for_payment": sum(due[:-1], ZERO),
            "current_payment_due": site.bill(latest).total.payable,
            "balance_to_finish_including_retainage": sums - total.payable,
        }.items():
            if dec(latest["summary"][told]) != should:
                yield f"{name}: {told} is {latest['summary'][told]}, should be {should}"

    # what Procore's people wrote, in IFS's books ----------------------------------------------------------------------

    def _vouchers(self, erp: ErpBooks, site: SiteBooks, left: set[str]) -> Iterator[str]:
        documents = [("subcontractor_invoice", row, self._bill_rows(erp, site, row)) for row in site.requisitions] + [
            ("direct_cost", row, self._cost_rows(site, row)) for row in site.direct_costs
        ]
        seen: set[tuple[str, str]] = set()
        for kind, row, should in documents:
            number = str(row["id"])
            seen.add((kind, number))
            if number in left:
                continue
            name = f"{kind.replace('_', ' ')} {row['invoice_number'] or number}"
            vouchers = erp.ours(kind).get(number, [])
            if place_of(origin_of(row)) is not None:
                yield from (f"{name}: is made from IFS and has voucher {one['VoucherNo']}" for one in vouchers)
                continue
            currency = row["currency_configuration"]["currency_iso_code"]
            yield from self._entered(name, vouchers, (should, currency), erp if kind == "direct_cost" else None)
        for kind in ("subcontractor_invoice", "direct_cost"):
            for number, vouchers in erp.ours(kind).items():
                if (kind, number) not in seen and number not in left:
                    yield from self._entered(f"{kind} {number}, which is gone", vouchers, ({}, ""), None)

    def _entered(self, name: str, vouchers: list[Row], wanted: tuple[Rows, str], erp: ErpBooks | None) -> Iterator[str]:
        """Exactly one voucher stands for a document that counts, none for another; `erp`: rows read by budget code."""
        should, currency = wanted
        taken_back = {one["version"][1:] for one in vouchers if one["version"].startswith("r")}
        standing = [one for one in vouchers if one["version"].isdecimal() and one["version"] not in taken_back]
        yield from _twice(f"{name}: version", (one["version"] for one in vouchers))
        if len(standing) != (1 if should else 0):
            yield f"{name}: {len(standing)} vouchers stand for it in IFS, should be {1 if should else 0}"
        sums: Rows = defaultdict(lambda: ZERO)
        for voucher in vouchers:
            balance = sum((signed(row) for row in voucher["rows"]), ZERO)
            if balance:
                yield f"{name}: voucher {voucher['VoucherNo']} is off by {balance}"
            for row in voucher["rows"]:
                if currency and row["CurrencyCode"] != currency:
                    yield f"{name}: voucher {voucher['VoucherNo']} is in {row['CurrencyCode']}, should be {currency}"
                sums[_posted(row, erp, (self.clearing, self.retention))] += signed(row)
        for key in sorted({*should, *sums}, key=str):
            if sums.get(key, ZERO) != should.get(key, ZERO):
                yield f"{name}: {sums.get(key, ZERO)} on {key} in IFS, should be {should.get(key, ZERO)}"

    def _bill_rows(self, erp: ErpBooks, site: SiteBooks, row: Row) -> Rows:
        """The rows a subcontractor invoice should be; nothing for one that does not count or is on no order."""
        home = site.home(row["commitment_id"])
        if home is None or row["status"] not in COUNTS or place_of(origin_of(row)) is not None:
            return {}
        bucket, found = site.bill(row), defaultdict[tuple[Any, ...], Decimal](lambda: ZERO)
        for line, figures in bucket.lines.items():
            order_line = erp.order_lines.get((home[0], line))
            if order_line is None:  # a frozen contract's own line carries no mark of ours: its budget code tells
                alike = [
                    one
                    for (order, _), one in erp.order_lines.items()
                    if order == home[0] and [erp.flat(one)] == list(bucket.codes)
                ]
                order_line = alike[0] if len(alike) == 1 else None
            if order_line is None:
                found["no line of the order", line] += figures.gross
                continue
            codes = tuple(order_line[name] for name in _CODES)
            if figures.gross:
                found[(order_line["CodeA"], *codes, order_line["ActivitySeq"])] += figures.gross
        found[self.retention,] -= bucket.total.retained - bucket.total.released
        found[self.clearing,] -= bucket.total.payable
        return {key: amount for key, amount in found.items() if amount}

    def _cost_rows(self, site: SiteBooks, row: Row) -> Rows:
        """The rows a direct cost should be, by budget code."""
        counts = row["status"] in COST_STATUSES and row["direct_cost_type"] in COST_TYPES
        if not counts or place_of(origin_of(row)) is not None:
            return {}
        bucket = site.cost(row)
        found: Rows = {(row["erp_project"], code): amount for code, amount in bucket.codes.items()}
        found[self.clearing,] = -bucket.total.gross
        return {key: amount for key, amount in found.items() if amount}

    # payments ---------------------------------------------------------------------------------------------------------

    def _payments(self, erp: ErpBooks, site: SiteBooks, held: set[int]) -> Iterator[str]:
        known = {f"{row['SeriesId']}/{row['PaymentId']}/{row['TransId']}": row for row in erp.transactions}
        mirrored: dict[tuple[int, Place], dict[str, Decimal]] = defaultdict(dict)
        for row in site.payments:
            parts = origin_of(row).split("/")
            if parts[:2] != [COMPANY, "payment"]:
                continue
            name = "/".join(parts[2:5])
            booked = known.get(name)
            if booked is None:
                yield f"payment {row['origin_id']}: IFS booked none"
                continue
            mirrored[booked["InvoiceId"], (parts[5], parts[6])][name] = dec(row["amount"])
            if row["date"] != booked["PaymentDate"]:
                yield f"payment {row['origin_id']}: dated {row['date']}, IFS has {booked['PaymentDate']}"
        due = self._due(erp, site, held)
        for key in sorted({*due, *mirrored}):
            name, there = f"invoice {key[0]}, {said(key[1])}", mirrored.get(key, {})
            should = self._shares(erp, key[0], due.get(key, ZERO))
            paid = sum(there.values(), ZERO)
            if key not in due and not paid and not sum(should.values(), ZERO):
                continue  # paid and taken back while it lived: in Procore both stay
            for one in sorted({*should, *there}):
                if there.get(one, ZERO) != should.get(one, ZERO):
                    yield f"{name}: {there.get(one, ZERO)} paid by {one}, should be {should.get(one, ZERO)}"
            if erp.gross(key[0]) == erp.paid(key[0]) != ZERO and paid != due.get(key, ZERO):
                yield f"{name}: {paid} paid of {due.get(key, ZERO)}, and IFS paid all of it"

    def _shares(self, erp: ErpBooks, invoice: int, due: Decimal) -> dict[str, Decimal]:
        """What each payment of an invoice comes to where it asks `due`: after each of them the paid share of it.

        The reversal of a whole payment takes back exactly what was mirrored of it.
        """
        mine = [row for row in erp.transactions if row["InvoiceId"] == invoice]
        shares: dict[str, Decimal] = {}
        booked: dict[int, Decimal] = defaultdict(lambda: ZERO)
        by_payment: dict[int, Decimal] = defaultdict(lambda: ZERO)
        paid, gross = ZERO, erp.gross(invoice)
        for row in sorted(mine, key=lambda row: (row["PaymentId"], row["TransId"])) if gross else ():
            paid += dec(row["CurrAmount"])
            share = cents(paid * due / gross) - sum(shares.values(), ZERO)
            back = row["ReversedPaymentId"]
            if back is not None and booked[back] == -dec(row["CurrAmount"]):
                share = -by_payment[back]
            booked[row["PaymentId"]] += dec(row["CurrAmount"])
            by_payment[row["PaymentId"]] += share
            shares[f"{row['SeriesId']}/{row['PaymentId']}/{row['TransId']}"] = share
        return shares

    def _due(self, erp: ErpBooks, site: SiteBooks, held: set[int]) -> dict[tuple[int, Place], Decimal]:
        """What each IFS invoice asks to be paid on each commitment in Procore."""
        found = {key: one.total.payable for key, one in self.wanted(erp, site, held).items() if key[1][0] != DIRECT}
        for number, row in self.born(erp, site).items():
            home = site.home(row["commitment_id"]) if "commitment_id" in row else None
            if home and erp.invoices[number]["Objstate"] in CROSSES and number not in held:
                found[number, home] = site.bill(row).total.payable
        return found

    # budgets, vendors, exposure ---------------------------------------------------------------------------------------

    def _budgets(self, projects: Iterable[str]) -> Iterator[str]:
        for project in projects:
            target = self.projects[project]
            ours: Rows = defaultdict(lambda: ZERO)
            for row in self.ifs.project_costs(project):
                if row["Estimated"] is not None:
                    ours[tuple(row["ProjectCostElement"].rsplit("-", 1))] += dec(row["Estimated"])
            theirs: Rows = defaultdict(lambda: ZERO)
            for row in self.procore.budget_lines(target):
                theirs[tuple(row["wbs_code"]["flat_code"].split("."))] += dec(row["original_budget_amount"])
            for change in self.procore.budget_changes(target):
                for row in change["adjustment_line_items"] if change["status"] == "approved" else ():
                    theirs[tuple(row["wbs_code"]["flat_code"].split("."))] += dec(row["amount"])
            if sum(ours.values(), ZERO) != sum(theirs.values(), ZERO):
                sums = f"{sum(theirs.values(), ZERO)} in Procore, {sum(ours.values(), ZERO)} in IFS"
                yield f"budget of {project}: {sums}"
            for code in sorted({*ours, *theirs}):
                if ours.get(code, ZERO) != theirs.get(code, ZERO):
                    yield f"budget of {project}, {'.'.join(code)}: {theirs[code]} in Procore, {ours[code]} in IFS"

    def _vendors(self) -> Iterator[str]:
        rows = self.procore.vendors()
        yield from _twice("vendor name", (row["name"].casefold() for row in rows))
        yield from _twice("vendor origin id", (str(row["origin_id"] or "") for row in rows))
        yield from _twice("EIN", (_ein(row) for row in rows))
        suppliers = self.ifs.suppliers().values()
        yield from _twice("supplier name", (row["Name"].casefold() for row in suppliers))
        yield from _twice("supplier's number", (row["AssociationNo"] or "" for row in suppliers))

    def _exposure(self) -> Iterator[str]:
        if self._app is None:
            return
        told = self._app.exposure(self._name)
        for figure in ("exposure", "missing"):
            for currency, amount in told[figure].items():
                if Decimal(amount):
                    yield f"{figure} is {amount} {currency}: {[one['sentence'] for one in told['findings']]}"


def _posted(row: Row, erp: ErpBooks | None, named: tuple[str, str]) -> tuple[Any, ...]:
    """What a voucher row is posted on, as `_bill_rows` and `_cost_rows` name it."""
    if row["Account"] in named:
        return (row["Account"],)
    if erp is not None:
        return (row["ProjectId"], erp.flat(row, "Account"))
    return (row["Account"], *(row[name] for name in _CODES), row["ProjectActivityId"])


def _twice(what: str, names: Iterable[str]) -> Iterator[str]:
    counted = Counter(name for name in names if name)
    yield from (f"{what} {name} is there {number} times" for name, number in counted.items() if number > 1)


def _ein(row: Mapping[str, Any]) -> str:
    return re.sub(r"\D", "", (row["business_register"] or {}).get("identifier") or "")


def _alike(one: str, other: str) -> bool:
    """The same first word: the cast spells some firms in two ways."""
    return one.casefold().split()[0] == other.casefold().split()[0]


def _facts(name: str, invoice: Row, rows: list[Row], names: Mapping[int, str]) -> Iterator[str]:
    """Vendor, number and status of the records of an invoice."""
    vendor = invoice["Name"]
    for row in rows:
        there = row["vendor_id"] if "vendor_id" in row else row["vendor"]["id"]
        if not _alike(names[there], vendor):
            yield f"{name}: on vendor {names[there]}, IFS has {vendor}"
        if not (row["invoice_number"] or "").startswith(invoice["InvoiceNo"]):
            yield f"{name}: is numbered {row['invoice_number']}, IFS has {invoice['InvoiceNo']}"
        if row["status"] not in ("approved", "paid"):
            yield f"{name}: is {row['status']}"
