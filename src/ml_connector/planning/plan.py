"""What a decision leads to: intents, holds, skips and problems, as values that can be stored and printed."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import msgspec

from ml_connector.kernel.keys import Key, content_hash
from ml_connector.kernel.money import Money
from ml_connector.records.billed_line import BilledLine
from ml_connector.records.budget import Budget, BudgetChange
from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentLine
from ml_connector.records.cost_code import BudgetCode, CostCode
from ml_connector.records.dimension import Dimension
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.payment import ContractPayment
from ml_connector.records.problem import Problem
from ml_connector.records.project import Project
from ml_connector.records.purchase_requisition import PurchaseRequisition
from ml_connector.records.subcontractor_invoice import BillingPeriod, SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.records.vendor import ProjectVendor, Vendor
from ml_connector.records.voucher import Voucher


class Verb(Enum):
    """What an intent does on the other side."""

    LINK = "link"
    """Nothing is sent: the two ids are written down as one real thing."""
    ADOPT = "adopt"
    """Link, and stamp our once-key on the record that was there before us."""
    CREATE = "create"
    """Make the record; an upsert by once-key where the API has one."""
    UPDATE = "update"
    """Change fields we own on a linked record."""
    FILL = "fill"
    """Write the schedule of values (lines) of a commitment, by once-key each."""
    STATUS = "status"
    """Move a commitment to its status, last, because Approved freezes its lines."""
    AMEND = "amend"
    """Write a change with the deltas: a commitment change order, a budget change."""


class HoldReason(Enum):
    """Why a record cannot go yet. A closed list; each has its page in docs/holds.md."""

    PROJECT_NOT_LINKED = "project_not_linked"
    """The IFS project has no confirmed partner in Procore."""
    PROJECT_HIDDEN = "project_hidden"
    """The linked Procore project cannot be seen any more: its documents wait, and nothing is made again."""
    PROJECT_MATCH = "project_match"
    """A project pair looks right, and a person must confirm it."""
    VENDOR_NOT_LINKED = "vendor_not_linked"
    """The supplier has no partner in Procore yet, and none may be made."""
    VENDOR_MATCH = "vendor_match"
    """One or more Procore vendors look like this supplier, and a person must say which."""
    VENDOR_SHARED = "vendor_shared"
    """The Procore vendor found is already linked to another supplier."""
    VENDOR_UNUSABLE = "vendor_unusable"
    """IFS does not know the supplier, or it has no purchase data."""
    CODE_MISSING = "code_missing"
    """A code part value on a line does not exist in IFS, or is not valid on the order's date."""
    CODE_UNMAPPED = "code_unmapped"
    """The mapping names no cost code or cost type for a code string in use."""
    COST_CODE_MISSING = "cost_code_missing"
    """The cost code or budget code is not in the Procore project, and policy does not let us create it."""
    COST_TYPE_MISSING = "cost_type_missing"
    """The mapping leads to a cost type the Procore company does not have."""
    UNBUDGETED = "unbudgeted"
    """The budget code has no budget line, and policy says block or ask."""
    ACTIVITY_CLOSED = "activity_closed"
    """The project activity is not open for posting in IFS."""
    PROJECT_MISSING = "project_missing"
    """A line names no project, so no Procore project can take it."""
    CURRENCY_OFF = "currency_off"
    """The order is in a foreign currency and Procore keeps only the project's, or the two sides differ."""
    CHANGED_THERE = "changed_there"
    """Somebody in Procore changed a field that IFS owns."""
    LAPPING = "lapping"
    """What we restore is changed again and again in Procore: somebody or something there insists."""
    CONFLICT = "conflict"
    """Both sides changed the same field since we last agreed."""
    VENDOR_FROZEN = "vendor_frozen"
    """The order moved to another supplier, and Procore freezes the vendor of an approved contract."""
    ORDER_MATCH = "order_match"
    """A Procore order has this number, but not this vendor: a person must say whether it is the same."""
    GONE_THERE = "gone_there"
    """The linked record cannot be seen in Procore any more: deleted, or a lost permission."""
    GONE_HERE = "gone_here"
    """The linked order cannot be seen in IFS any more."""
    REFUSED = "refused"
    """The other side's rules said no; its words are kept with the hold."""
    BAD_ROW = "bad_row"
    """The row came in a form we cannot use."""
    TOTALS_DIFFER = "totals_differ"
    """Header and lines do not add up, so nothing is sent."""
    COMMITMENT_MISSING = "commitment_missing"
    """An invoice line belongs to an order that has no contract in Procore yet."""
    LINE_UNKNOWN = "line_unknown"
    """An invoice line belongs to an order, and no line of its contract can take it."""
    BILLING_PERIOD_MISSING = "billing_period_missing"
    """Procore has no open billing period for the invoice's day, and policy does not let us open one."""
    BILLING_PERIOD_CLOSED = "billing_period_closed"
    """The billing period of the invoice's day is closed, and policy does not let it move to the next open one."""
    CREDIT_WAITS = "credit_waits"
    """A credit note refers to an invoice that has not crossed, or to none."""
    INVOICE_MATCH = "invoice_match"
    """Procore has an invoice of this vendor and number that somebody typed: the same one, or another?"""
    TWO_PLACES = "two_places"
    """An invoice line would land in two places in Procore: it would be counted twice."""
    BUDGET_LOCKED = "budget_locked"
    """The Procore budget is locked, and policy does not let us change it by budget changes."""
    BUDGET_STRANGERS = "budget_strangers"
    """The Procore budget has lines that IFS's estimate does not explain, so the totals would differ."""
    INVOICE_MISSING = "invoice_missing"
    """A payment belongs to an invoice that is not in Procore yet."""
    BOOKS_REFUSE = "books_refuse"
    """A rule of IFS's books forbids the posting; IFS's own constant stands in the evidence."""
    ERP_PERIOD_CLOSED = "erp_period_closed"
    """The accounting period of the document's day is closed in IFS for our user group."""
    CODE_AMBIGUOUS = "code_ambiguous"
    """A Procore budget code leads to more than one code string in IFS, or to none: the way back is not one-to-one."""
    ACCOUNT_MISSING = "account_missing"
    """The policy names no account where the voucher needs one (clearing, retention)."""
    ORDER_MISSING = "order_missing"
    """The commitment was written in Procore; its purchase requisition waits in IFS to become an order."""
    PROPOSAL_ENDED = "proposal_ended"
    """The requisition that proposed a commitment was ended in IFS: propose it again, or leave its invoices there?"""
    SENT_BACK = "sent_back"
    """A Procore document was sent back after it crossed: payment stops until somebody says what counts."""
    REVISED = "revised"
    """A Procore document was changed after it crossed, and policy wants a person to say so before it is reversed."""
    VENDOR_PROPOSAL = "vendor_proposal"
    """A vendor born in Procore is to become a supplier in IFS, and a person must allow it."""
    VENDOR_UNAPPROVED = "vendor_unapproved"
    """The supplier was made from a Procore vendor, and nobody in IFS has released it for payment yet."""
    VENDOR_INACTIVE = "vendor_inactive"
    """The vendor is inactive on one side and in use on the other."""
    RIGHT_MISSING = "right_missing"
    """A whole flow lacks a right or a name on one side: it stands still, and the others go on."""
    PART_FORBIDDEN = "part_forbidden"
    """IFS does not let values of this code part be made from outside (projects, fixed assets, received basic data)."""


class Hold(msgspec.Struct, frozen=True):
    """A record that waits: why, for what, who can act, and how much money stands behind it."""

    key: Key
    flow: str
    reason: HoldReason
    waits_for: Key
    """The thing whose appearance releases it."""
    owner: str
    """The role that can make it appear: cost engineer, buyer, project accountant, administrator."""
    sentence: str
    """In accounting words, naming the record and the remedy."""
    money: Money | None = None
    candidates: tuple[str, ...] = ()
    """Ids a ruling may choose from."""
    evidence: str = ""
    """Why the candidates were found, or what the other side said."""


def bad_row(problem: Problem, key: Key, flow: str, owner: str) -> Hold:
    """What hangs on a row that could not be used: it goes by itself once the row is mended where it was made."""
    return Hold(key, flow, HoldReason.BAD_ROW, problem.key, owner, problem.sentence, evidence=problem.raw[:2000])


Body = (
    Project
    | Vendor
    | ProjectVendor
    | CostCode
    | BudgetCode
    | Commitment
    | CommitmentLine
    | ChangeOrder
    | BillingPeriod
    | SubcontractorInvoice
    | DirectCost
    | ContractPayment
    | Budget
    | BudgetChange
    | SupplierInvoice
    | Voucher
    | PurchaseRequisition
    | BilledLine
    | Dimension
)
"""What an intent carries: the canonical record to be rendered by the other side's room."""

ERP_KINDS = frozenset({"voucher", "erp_invoice", "purchase_requisition", "supplier", "billed_line", "dimension"})
"""Kinds of record that are written in the erp; every other kind is written in the projects system."""


class Intent(msgspec.Struct, frozen=True):
    """One effect on one side, decided but not yet done."""

    flow: str
    verb: Verb
    key: Key
    """The record it is about, by its erp id: ("commitment", "P100001@1201")."""
    once_key: str
    scope: str
    """The erp project it happens in; empty for company-wide records. One batch never spans two scopes."""
    target: str
    """The other side's id when known."""
    body: bytes
    """The canonical record, encoded by `pack`."""
    needs: tuple[Key, ...]
    """Links that must exist before it can be sent."""
    after: tuple[Verb, ...]
    """Intents of the same key that must be done first."""
    money: Money | None
    reason: str
    source: str = ""
    """The erp document a person would look up: an order number, a supplier id."""
    counts_as: str = ""
    """created, updated or linked, on the one intent of a record that is counted; else empty."""
    base: bytes = b""
    """On a key's last intent: the whole record as agreed once all is done, encoded by `pack`."""
    former: tuple[tuple[str, Decimal], ...] = ()
    """What the lines it writes over stand at on the other side, by code: the rest of what it says is what it moves."""

    def digest(self) -> bytes:
        """What this intent would do, as a hash: equal digests are the same effect."""
        return content_hash(_encoder.encode(self))


class Skip(msgspec.Struct, frozen=True):
    """A record looked at and left alone, with the reason."""

    key: Key
    flow: str
    sentence: str


class Decision(msgspec.Struct, frozen=True):
    """What one pure decision returns for one page of records."""

    intents: tuple[Intent, ...] = ()
    holds: tuple[Hold, ...] = ()
    skips: tuple[Skip, ...] = ()
    problems: tuple[Problem, ...] = ()
    unchanged: tuple[Key, ...] = ()


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoders: dict[str, msgspec.msgpack.Decoder[Body]] = {
    name: msgspec.msgpack.Decoder(kind)
    for name, kind in {
        "project": Project,
        "vendor": Vendor,
        "project_vendor": ProjectVendor,
        "cost_code": CostCode,
        "budget_code": BudgetCode,
        "commitment": Commitment,
        "commitment_line": CommitmentLine,
        "change_order": ChangeOrder,
        "billing_period": BillingPeriod,
        "subcontractor_invoice": SubcontractorInvoice,
        "direct_cost": DirectCost,
        "payment": ContractPayment,
        "budget": Budget,
        "budget_change": BudgetChange,
        "voucher": Voucher,
        "erp_invoice": SupplierInvoice,
        "purchase_requisition": PurchaseRequisition,
        "supplier": Vendor,
        "billed_line": BilledLine,
        "dimension": Dimension,
    }.items()
}


def pack(body: Body) -> bytes:
    """A record as bytes for the journal: the same record gives the same bytes."""
    return _encoder.encode(body)


def unpack(kind: str, data: bytes) -> Body:
    """The record of that kind (`Intent.key.kind`) back from its bytes."""
    return _decoders[kind].decode(data)


def plan_hash(digests: list[bytes]) -> str:
    """The name of a plan: a hash over the digests of its intents, whatever their order (hex, 16 characters)."""
    return content_hash(b"".join(sorted(digests))).hex()[:16]
