"""The two kinds of commitment: purchase order contracts, and subcontracts, which the interface calls work orders."""

from __future__ import annotations

from dataclasses import dataclass

_COMMON = (
    *("accounting_method", "approval_letter_date", "contract_date", "description", "executed", "execution_date"),
    *("issued_on_date", "letter_of_intent_date", "number", "origin_code", "origin_data", "origin_id", "private"),
    *("retainage_percent", "returned_date", "status", "title", "vendor_id"),
)
_COMMON_DAYS = ("contract_date", "execution_date", "issued_on_date", "letter_of_intent_date", "returned_date")


@dataclass(frozen=True, slots=True)
class ContractKind:
    """What tells one kind from the other (facts/procore.md 8.1); `name` is its wrapper and its type of object."""

    name: str
    type: str
    """Its name in answers about it, and that of its shape in the contract."""
    resource: str
    """Its name in webhooks; that of its lines is made from it."""
    prefix: str
    """What the numbers begin with that Procore gives by itself."""
    statuses: tuple[str, ...]
    written: frozenset[str]
    """Header fields a write may have."""
    days: tuple[str, ...]
    """Those of them that are dates."""
    sync_takes_id: bool = False
    """Whether a row of its sync may name a contract by `id`, whatever the switches say."""

    @property
    def path(self) -> str:
        """Where its contracts are."""
        return f"/rest/v1.0/{self.name}s"

    @property
    def lines_path(self) -> str:
        """Where the lines of one contract are."""
        return f"{self.path}/{{{self.name}_id}}/line_items"

    @property
    def line_resource(self) -> str:
        """The name of its lines in webhooks."""
        return f"{self.resource.removesuffix('s')} Line Items"


PURCHASE_ORDER = ContractKind(
    "purchase_order_contract",
    "PurchaseOrderContract",
    "Purchase Order Contracts",
    "PO",
    ("Draft", "Processing", "Submitted", "Partially Received", "Received", "Approved", "Closed"),
    frozenset(
        (
            *_COMMON,
            *("assignee_id", "bill_to_address", "delivery_date", "payment_terms", "ship_to_address", "ship_via"),
        )
    ),
    (*_COMMON_DAYS, "delivery_date"),
)
SUBCONTRACT = ContractKind(
    "work_order_contract",
    "WorkOrderContract",
    "Work Order Contracts",
    "SC",
    ("Draft", "Out For Bid", "Out For Signature", "Approved", "Complete", "Terminated", "Void"),
    frozenset(
        (
            *_COMMON,
            *("actual_completion_date", "contract_estimated_completion_date", "contract_start_date"),
            *("exclusions", "inclusions", "signed_contract_received_date"),
        )
    ),
    (
        *_COMMON_DAYS,
        *("actual_completion_date", "contract_estimated_completion_date", "contract_start_date"),
        "signed_contract_received_date",
    ),
    sync_takes_id=True,
)
KINDS = (PURCHASE_ORDER, SUBCONTRACT)


def kind_at(path: str) -> ContractKind:
    """The kind of contract the calls under a path are about."""
    return next(kind for kind in KINDS if path.startswith(kind.path))
