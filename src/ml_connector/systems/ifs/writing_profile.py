"""Where and under which names this tenant is written to: data like the rest of the profile (facts/ifs.md 13)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.systems.ifs.set_profile import SetProfile, code_parts


class WriteSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of row that we write: its set, and what its properties are called there."""

    place: str
    """`Projection/Set`; empty where the tenant is not written to in this way."""
    properties: dict[str, str]
    """Our word to the tenant's property; an empty text leaves it out of what is sent."""

    @property
    def projection(self) -> str:
        """The projection, without `.svc`."""
        return self.place.partition("/")[0]

    @property
    def entity_set(self) -> str:
        """The set, or the array where it stands below another row."""
        return self.place.partition("/")[2]

    def name(self, word: str) -> str:
        """The tenant's property for our `word`; empty when it is switched off."""
        return self.properties.get(word, "")

    def as_read(self) -> SetProfile:
        """The same set as one to be read: what a check looks at. Its rows are told apart by the words of a number."""
        keys = tuple(word for word in ("id", "requisition", "line", "release") if self.name(word))
        return SetProfile(self.projection, self.entity_set, keys, self.properties)

    def select(self) -> tuple[str, ...]:
        """Every property that is named, each once, in a fixed order."""
        return tuple(dict.fromkeys(name for name in self.properties.values() if name))

    def shared(self) -> bool:
        """Whether our reference stands in the text for people, at its beginning, and not in a property of its own."""
        return self.name("reference") == self.name("text")

    def body(self, values: Mapping[str, object]) -> dict[str, object]:
        """`values` by our words as a request's body; what is None, empty or switched off is left out."""
        return {self.name(word): value for word, value in values.items() if self.name(word) and value not in (None, "")}


_REQUISITION = WriteSet(
    "PurchaseRequisitionHandling/PurchaseRequisitionSet",
    {
        "id": "RequisitionNo",
        "site": "Contract",
        "requisitioner": "RequisitionerCode",
        "state": "Objstate",
        "reference": "NoteText",
        "text": "NoteText",
    },
)
_REQUISITION_LINE = WriteSet(
    "PurchaseRequisitionHandling/PurchaseReqLineNopartSet",
    {
        "requisition": "RequisitionNo",
        "line": "LineNo",
        "release": "ReleaseNo",
        "description": "Description",
        "quantity": "OriginalQty",
        "unit": "BuyUnitMeas",
        "price": "FbuyUnitPrice",
        "currency": "CurrencyCode",
        "vendor": "VendorNo",
        "project": "ProjectId",
        "activity": "ActivitySeq",
        "wanted": "WantedReceiptDate",
        **code_parts(),
    },
)
_INVOICE = WriteSet(
    "",
    {
        "id": "InvoiceId",
        "company": "Company",
        "vendor": "Identity",
        "series": "SeriesId",
        "number": "InvoiceNo",
        "dated": "InvoiceDate",
        "posted_on": "VoucherDate",
        "due": "DueDate",
        "currency": "Currency",
        "net": "NetCurrAmount",
        "tax": "VatCurrAmount",
        "order": "PoRefNumber",
        "credits": "CreditedInvoiceId",
        "state": "Objstate",
        "reference": "VoucherText",
        "text": "VoucherText",
    },
)
_POSTING = WriteSet(
    "/ManSuppInvoicePostingsArray",
    {
        "posting_type": "PostingType",
        "order": "OrderNo",
        "line": "LineNo",
        "release": "ReleaseNo",
        "receipt": "ReceiptNo",
        "quantity": "Quantity",
        "amount": "CurrAmount",
        "activity": "ProjectActivityId",
        "tax_code": "VatCode",
        "tax": "VatCurrAmount",
        "text": "Text",
        **code_parts(),
    },
)
_SUPPLIER_NAVS = {
    "payments": "SupplierPayments",
    "addresses": "SupplierInfoAddresses",
    "address_types": "AddressTypes",
    "contacts": "AddressCommunicationMethods",
    "purchases": "SupplierPurchases",
    "invoices": "SupplierInvoiceCompanies",
}
_SUPPLIER_DEFAULTS = {
    "purchases.SuppGrp": "STD",
    "purchases.PayTermId": "30",
    "invoices.GroupId": "STD",
    "invoices.PayTermId": "30",
}
_CONTACTS = {"email": "EMail", "phone": "Phone"}


class WritingProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about writing to one tenant that another tenant may call or want otherwise."""

    requisition: WriteSet = _REQUISITION
    """`reference` holds our once-key. Where it is the same property as `text`, the key stands at its beginning."""
    requisition_line: WriteSet = _REQUISITION_LINE
    """No-part lines, where they are read; price and currency are inferred (facts/ifs.md 11.4): empty them if absent."""
    requisition_lines: str = "PurchaseReqLineNopartArray"
    """The array of a requisition's no-part lines, where they are written."""
    requisition_ended: tuple[str, ...] = ("Cancelled",)
    """The tenant's states of a requisition that becomes no order any more (inferred, facts/ifs.md 11.4). A closed one
    may have become one."""
    requisition_defaults: dict[str, str] = {}
    """Values only the customer knows, such as `header.OrderCode` and `line.StatGrp`."""
    supplier: str = "SupplierHandling/SupplierInfoGeneralSet"
    """Where suppliers are made: the projection with their dependent parts, whatever list they are read from."""
    supplier_reference: str = "IdentifierReference"
    """Property of a supplier's general part that holds our once-key, to be found again. SuppliersOwnId would do, but
    has 20 characters where the key of a Procore vendor has more (lengths: facts/ifs.md 11.2)."""
    supplier_navs: dict[str, str] = msgspec.field(default_factory=_SUPPLIER_NAVS.copy)
    """The parts of a proposal below its supplier, in the order in which they are made; an empty name leaves a part
    out, but `payments`, which holds the block, must be there."""
    supplier_address_types: tuple[str, ...] = ("Delivery", "Document", "Visit")
    """What the address of a proposal is for; `Pay` is left to the people who release it for payment."""
    supplier_contacts: dict[str, str] = msgspec.field(default_factory=_CONTACTS.copy)
    """The tenant's method identifiers for e-mail and phone."""
    supplier_defaults: dict[str, str] = msgspec.field(default_factory=_SUPPLIER_DEFAULTS.copy)
    """Values only the customer knows, by part and property (`true` and `false` are booleans): general, addresses,
    purchases, invoices, payments. A currency that is not named (purchases.CurrencyCode, invoices.DefCurrency) is the
    company's own."""
    code_values: str = "Code{part}Handling/Code{part}Set"
    """Where the values of a code part are made; `{part}` stands for its letter."""
    order: str = "PurchaseOrderHandling/PurchaseOrderSet"
    """The orders below which the three collections of lines stand (`line_navs`)."""
    billed_property: str = "NoteText"
    """Property of an order line that says what has been billed. In NoteText, which is the buyers' too, ours is one
    line of its own; a custom field (Cf_...) is ours alone."""
    invoice: WriteSet = _INVOICE
    """Manual supplier invoices: named only where the tenant's projection is known, such as
    `ManualSupplierInvoiceHandling/ManSuppInvoiceSet` (facts/ifs.md 11.5: no name is confirmed)."""
    posting: WriteSet = _POSTING
    """The array of an invoice's postings."""
    invoice_defaults: dict[str, str] = {}
    """Values only the customer knows, such as `header.InvoiceType` and `posting.PostingType`."""


def defaults_of(defaults: Mapping[str, str], part: str) -> dict[str, object]:
    """The entries of `defaults` for one part (`purchases.SuppGrp` for purchases) as members of a body."""
    truths: dict[str, object] = {"true": True, "false": False}
    split = ((name.partition("."), value) for name, value in defaults.items())
    return {words[2]: truths.get(value, value) for words, value in split if words[0] == part and value}


def check_writing(profile: WritingProfile) -> None:
    """Entries that have the right type and still make no sense; BadInput names the entry."""
    if not profile.supplier_navs.get("payments"):
        raise BadInput(
            "The IFS profile leaves out writes.supplier_navs.payments, so that a proposed supplier could be paid.",
            remedy="Name the tenant's array of payment data there, or hold vendors born in Procore by policy.",
        )
    for name, place in (("supplier", profile.supplier), ("order", profile.order), ("code_values", profile.code_values)):
        if not all(place.partition("/")):
            raise BadInput(f"The IFS profile says {place!r} in writes.{name}; it is written as Projection/Set.")
    if profile.invoice.place and not all(profile.invoice.place.partition("/")):
        raise BadInput("The IFS profile's writes.invoice.place is written as Projection/Set.")
