"""The world becomes rows, unchecked, with versions of their own day so that a later change always shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.ifs.catalog import PROJECTIONS
from ml_connector.sandbox.ifs.catalog_accounting import VALUE_PARTS
from ml_connector.sandbox.ifs.catalog_purchasing import LINE_STATE, ORDER_STATE
from ml_connector.sandbox.ifs.database import Database, Row
from ml_connector.sandbox.ifs.loading_finance import load_finance
from ml_connector.sandbox.ifs.rules_purchasing import CODE_LETTERS
from ml_connector.sandbox.world import CodeValue, JobSite, Order, OrderLine, Supplier, World

FIRST_DAY = date(2020, 1, 1)
"""The day all master data was entered."""
LAST_DAY = date(2049, 12, 31)
_PARTS = {
    "A": ("Account", "Account", "NOFUNC", "NotUsed"),
    "B": ("CostCode", "Cost code", "NOFUNC", "CostCenter"),
    "C": ("CostType", "Cost type", "NOFUNC", "Object"),
    "D": ("Department", "Department", "NOFUNC", "CostCenter"),
    "E": ("Project", "Project", "PRACC", "Project"),
    "F": ("Counterpart", "Counterpart", "ELIM", "Object"),
}
"""Code parts in use: internal name, description, function, logical part. G to J are not used."""


def load_world(db: Database, world: World) -> None:
    """Fills an empty database. Nothing is validated: a line may carry a code that no code part has."""
    db.company, db.base_currency = world.company, world.base_currency
    _load_organisation(db, world)
    list_projections(db)
    _load_code_parts(db, world)
    load_finance(db, world, _once)
    for supplier in world.suppliers:
        _load_supplier(db, world, supplier)
    _load_orders(db, world.orders)
    _load_receipts(db, world.orders)
    _load_estimates(db, world)
    db.numbers["PurchaseOrder"] = max((_number(order.order_no) for order in world.orders), default=10000)
    db.numbers["PurchaseRequisition"], db.numbers["Invoice"] = 1000, 100
    db.numbers["SupplierInfoGeneral"] = max((_number(one.supplier_id) for one in world.suppliers), default=10000)


def _number(text: str) -> int:
    digits = re.search(r"(\d+)$", text)
    return int(digits[1]) if digits else 0


def _version(db: Database, day: date) -> str:
    return str(db.next_number("loaded")) if db.switches.row_version == "counter" else f"{day:%Y%m%d}080000"


def _fill(db: Database, lu: str, rows: Iterable[tuple[Mapping[str, Any], date]]) -> list[Row]:
    """Stores rows of one logical unit through its defaults and sums, but past its checks and follow-ups."""
    table, rules = db.table(lu), db.rules.get(lu)
    found: list[Row] = []
    for given, day in rows:
        values = dict(given)
        if rules and rules.fill:
            rules.fill(db, values)
        if rules and rules.derive:
            rules.derive(db, values)
        found.append(db.new_row(table.lu, values, _version(db, day)))
    table.fill(found)
    return found


def _once(db: Database, lu: str, rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    return _fill(db, lu, ((row, FIRST_DAY) for row in rows))


def _load_organisation(db: Database, world: World) -> None:
    company: dict[str, Any] = {
        "Company": world.company,
        "Description": world.company_name,
        "CurrencyCode": world.base_currency,
    }
    _once(
        db,
        "CompanyFinance",
        [{**company, "DefAmountMethod": "NetAmountEntry", "CreationFinished": True, "ValidFrom": FIRST_DAY}],
    )
    sites = {job.site: job for job in reversed(world.sites)}
    _once(
        db,
        "Site",
        ({"Contract": site, "Company": world.company, "Description": job.name} for site, job in sites.items()),
    )
    people = sorted({job.manager for job in world.sites})
    _once(db, "PersonInfo", ({"PersonId": person, "Name": person.replace("_", " ").title()} for person in people))
    _once(db, "Project", (_project(world, job) for job in world.sites))
    managers = {job.project_id: job.manager for job in world.sites}
    _once(
        db,
        "Activity",
        (
            {
                "ActivitySeq": one.activity_seq,
                "Objstate": one.state,
                "ProjectId": one.project_id,
                "SubProjectId": one.sub_project_id,
                "ActivityNo": one.activity_no,
                "ShortName": one.activity_no,
                "Description": one.description,
                "Company": world.company,
                "Manager": managers.get(one.project_id),
                "ProgressMethod": "Manual",
            }
            for one in world.activities
        ),
    )


def list_projections(db: Database) -> None:
    """Makes the tenant's catalogue say what the tenant has: everything modelled but what the switches take away."""
    missing, table = db.switches.missing_projections, db.table("ProjectionConfig")
    for one in PROJECTIONS.values():
        if one.entity_service:
            continue
        present = db.find("ProjectionConfig", one.name)
        if one.name in missing and present is not None:
            table.drop(present.key)
        elif one.name not in missing and present is None:
            kind = {"Category": "Users", "ApiClass": "Standard"}
            _add(db, "ProjectionConfig", {"ProjectionName": one.name, "Description": one.description, **kind})


def _project(world: World, job: JobSite) -> dict[str, Any]:
    return {
        "ProjectId": job.project_id,
        "Objstate": job.state,
        "Name": job.name,
        "Description": job.description,
        "Company": world.company,
        "CompanyName": world.company_name,
        "Manager": job.manager,
        "DefaultSite": job.site,
        "PlanStart": FIRST_DAY,
        "AccessOnOff": False,
        "FinancialProjectExist": True,
        "BudgetControlOn": False,
        "ControlAsBudgeted": False,
        "ControlOnTotalBudget": False,
        "ProjUniquePurchase": False,
        "ProjUniqueSale": False,
        "BaselineRevisionNumber": 0,
    }


def _load_code_parts(db: Database, world: World) -> None:
    _once(db, "AccountingCodeParts", (_definition(world.company, part) for part in CODE_LETTERS))
    values = list(world.code_values)
    known = {one.value for one in values if one.code_part == "E"}
    values += [
        CodeValue("E", job.project_id, job.name, FIRST_DAY, LAST_DAY)
        for job in world.sites
        if job.project_id not in known
    ]
    shown: list[tuple[Mapping[str, Any], date]] = []
    for part in f"A{VALUE_PARTS}":
        lu = "Account" if part == "A" else f"Code{part}"
        rows = _once(db, lu, (_value(world.company, lu, one) for one in values if one.code_part == part))
        shown += [(_listed(part, lu, row), FIRST_DAY) for row in rows]
    _fill(db, "AccountingCodePartValue", shown)


def _definition(company: str, part: str) -> dict[str, Any]:
    name, description, function, logical = _PARTS.get(part, (f"Spare{part}", f"Not used {part}", "NOFUNC", "NotUsed"))
    return {
        "Company": company,
        "CodePart": part,
        "CodeName": name,
        "Description": description,
        "CodePartUsed": "Yes" if part in _PARTS else "No",
        "CodePartFunction": function,
        "MaxNumberOfChar": 10,
        "LogicalCodePart": logical,
        "BaseForPfe": "Yes" if part == "A" else "No",
        "ViewName": "ACCOUNT" if part == "A" else f"CODE_{part}",
        "PkgName": "ACCOUNT_API" if part == "A" else f"CODE_{part}_API",
    }


def _value(company: str, lu: str, one: CodeValue) -> dict[str, Any]:
    account = {"AccntGroup": "COST", "AccntType": "COST"} if lu == "Account" else {}
    dates = {"ValidFrom": one.valid_from, "ValidUntil": one.valid_until}
    return {"Company": company, lu: one.value, "Description": one.description, **dates, **account}


def _listed(part: str, lu: str, row: Row) -> dict[str, Any]:
    copied = {name: row[name] for name in ("Company", "Description", "ValidFrom", "ValidUntil", "Text", "SortValue")}
    name = _PARTS[part][0] if part in _PARTS else f"Spare{part}"
    return {
        **copied,
        "CodePart": part,
        "CodePartValue": row[lu],
        "CodePartName": name,
        "CodeStringCompletionExists": False,
    }


def _load_supplier(db: Database, world: World, one: Supplier) -> None:
    general: dict[str, Any] = {"SupplierId": one.supplier_id, "Name": one.name, "AssociationNo": one.association_no}
    general |= {"Country": one.country, "CountryCode": one.country, "DefaultLanguage": "en", "CreationDate": FIRST_DAY}
    _add(db, "SupplierInfoGeneral", general)
    here = {"SupplierId": one.supplier_id, "AddressId": "1"}
    place = {
        "Address1": one.address1,
        "City": one.city,
        "State": one.state,
        "ZipCode": one.zip_code,
        "Country": one.country,
    }
    _add(db, "SupplierInfoAddress", {**here, **place, "Name": one.name})
    for kind in ("Delivery", "Document", "Pay", "Visit"):
        _add(db, "SupplierInfoAddressType", {**here, "AddressTypeCode": kind, "DefAddress": True})
    party = {"Identity": one.supplier_id, "PartyType": "Supplier"}
    for number, method, value in ((1, "EMail", one.email), (2, "Phone", one.phone)):
        contact = {"CommId": number, "AddressId": "1", "MethodId": method, "Value": value, "MethodDefault": True}
        _add(db, "CommMethod", {**party, **contact, "AddressDefault": True})
    if one.purchase_data:
        bought = {
            "VendorNo": one.supplier_id,
            "CurrencyCode": one.currency,
            "SuppGrp": "STD",
            "PayTermId": one.pay_term,
        }
        _add(db, "Supplier", {**bought, "TaxLiability": "TAX", "PurchOrderFlag": True, "OrderConfApproval": False})
        paid = {"IdentityType": "EXTERN", "GroupId": "STD", "DefCurrency": one.currency, "PayTermId": one.pay_term}
        _add(db, "IdentityInvoiceInfo", {"Company": world.company, **party, **paid, "TaxLiability": "TAX"})


def _add(db: Database, lu: str, values: dict[str, Any]) -> None:
    rules = db.rules.get(lu)
    if rules and rules.fill:
        rules.fill(db, values)
    db.table(lu).add(db.new_row(db.table(lu).lu, values, _version(db, FIRST_DAY)))


def _load_orders(db: Database, orders: tuple[Order, ...]) -> None:
    _fill(db, "PurchaseOrder", ((order_values(db, order), order.order_date) for order in orders))
    _fill(
        db,
        "PurchaseOrderLine",
        ((line_values(order, line), order.order_date) for order in orders for line in order.lines),
    )


def _load_receipts(db: Database, orders: tuple[Order, ...]) -> None:
    """One receipt for every line the world calls received: all of it, on the day it was wanted, not invoiced."""
    received = [(order, line) for order in orders for line in order.lines if line.state == "Received"]
    _fill(
        db,
        "PurchaseReceipt",
        (
            (
                {
                    "OrderNo": order.order_no, "LineNo": line.line_no, "ReleaseNo": line.release_no, "ReceiptNo": 1,
                    "Objstate": "Received", "VendorNo": order.supplier_id, "Contract": order.site,
                    "Company": db.company, "ReceiptDate": line.wanted, "QtyArrived": line.quantity,
                    "QtyInspected": line.quantity, "QtyInvoiced": Decimal(0), "BuyUnitMeas": line.unit,
                    "FbuyUnitPrice": line.unit_price, "CurrencyCode": order.currency, "Receiver": order.buyer,
                },
                order.order_date,
            )
            for order, line in received
        ),
    )  # fmt: skip


def _load_estimates(db: Database, world: World) -> None:
    _once(
        db,
        "ProjectEstimate",
        (
            {"ProjectId": one.project_id, "ActivitySeq": one.activity_seq, "ProjectCostElement": one.element,
             "Estimated": one.amount}
            for one in world.estimates
        ),
    )  # fmt: skip


def order_values(db: Database, order: Order) -> dict[str, Any]:
    """The header's attributes as the world gives them. A state that headers do not have is a fault of the world."""
    if order.state not in ORDER_STATE.identifiers:
        raise ValueError(f"order {order.order_no} has the state {order.state}, which a purchase order cannot have")
    return {
        "OrderNo": order.order_no,
        "Objstate": order.state,
        "VendorNo": order.supplier_id,
        "Contract": order.site,
        "Company": db.company,
        "OrderDate": order.order_date,
        "WantedReceiptDate": min((line.wanted for line in order.lines), default=None),
        "BuyerCode": order.buyer,
        "AuthorizeCode": order.buyer,
        "CurrencyCode": order.currency,
        "AddrNo": "1",
        "DocAddrNo": "1",
        "NoteText": order.note,
    }


def line_values(order: Order, line: OrderLine) -> dict[str, Any]:
    """The line's attributes as the world gives them. A state that lines do not have is a fault of the world."""
    if line.state not in LINE_STATE.identifiers:
        raise ValueError(
            f"line {line.line_no} of {order.order_no} has the state {line.state}, which a line cannot have"
        )
    return {
        "OrderNo": order.order_no,
        "LineNo": line.line_no,
        "ReleaseNo": line.release_no,
        "LineKind": line.kind,
        "Objstate": line.state,
        "PartNo": line.part_no,
        "Description": line.description,
        "BuyQtyDue": line.quantity,
        "BuyUnitMeas": line.unit,
        "FbuyUnitPrice": line.unit_price,
        "DateEntered": datetime.combine(order.order_date, time(8), UTC),
        "WantedDeliveryDate": line.wanted,
        "ProjectId": line.project_id,
        "ActivitySeq": line.activity_seq,
        **{f"Code{part}": value for part, value in line.codes},
    }
