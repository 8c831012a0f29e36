"""What both accounts must be allowed to write: neither side tells it before something is written, so a person looks."""

from __future__ import annotations

import msgspec


class Level(msgspec.Struct, frozen=True):
    """One right to write, where it is looked up, and what comes to a stop without it."""

    side: str
    """erp or projects."""
    where: str
    """The tool of Procore, or the page of IFS."""
    level: str
    """What must stand there."""
    purpose: str
    flows: tuple[str, ...] = ()
    """Flows that write so."""


LEVELS = (
    Level(
        "projects",
        "Directory (company)",
        "Admin",
        "Makes and updates vendors. Read is enough only where every vendor is there and no plan may make one.",
        ("vendors",),
    ),
    Level(
        "projects",
        "Directory (project)",
        "Admin",
        "Puts a vendor into a project before an order names it.",
        ("vendors",),
    ),
    Level("projects", "Admin (project)", "Admin", "Makes cost codes and budget codes.", ("cost_codes",)),
    Level(
        "projects",
        "Admin (company)",
        "Admin",
        "Adds a unit of measure that an order uses. Read is enough where none is added.",
    ),
    Level(
        "projects",
        "Commitments",
        "Admin",
        "Writes purchase orders, subcontractor invoices, billing periods and payments.",
        ("purchase_orders", "supplier_invoices", "payments", "subcontractor_invoices"),
    ),
    Level("projects", "Change Orders", "Admin", "Writes what changes on an approved order.", ("purchase_orders",)),
    Level(
        "projects", "Direct Costs", "Admin", "Writes costs without a commitment.", ("supplier_invoices", "direct_costs")
    ),
    Level(
        "projects", "Budget", "Admin", "Writes budget lines. Read is enough where no budget is written.", ("budgets",)
    ),
    Level(
        "projects",
        "Permitted projects of the app",
        "Every project that takes part",
        "Choose them again after each update of the app: Procore does not keep the choice.",
    ),
    Level(
        "erp",
        "VoucherEntryAssistantHandling",
        "Granted for reading and changing",
        "Makes vouchers, which wait in the hold table for a person.",
        ("subcontractor_invoices", "direct_costs"),
    ),
    Level(
        "erp",
        "User group and voucher type",
        "The service user is a member, the type is allowed for the group, and its periods are open",
        "Enters vouchers.",
        ("subcontractor_invoices", "direct_costs"),
    ),
    Level(
        "erp",
        "PurchaseRequisitionHandling",
        "Granted for reading and changing",
        "Proposes contracts that were written in Procore.",
        ("subcontractor_invoices",),
    ),
    Level(
        "erp",
        "SupplierHandling",
        "Granted for reading and changing",
        "Proposes vendors that were made in Procore, and changes the fields that are Procore's.",
        ("vendors",),
    ),
    Level(
        "erp",
        "CodeBHandling to CodeJHandling",
        "Granted for reading and changing",
        "Makes a code part value of a cost code that was made in Procore.",
        ("dimensions",),
    ),
)
"""Rights to write, Procore's first: the first plan writes there (docs/connect-procore.md, docs/connect-ifs.md)."""
