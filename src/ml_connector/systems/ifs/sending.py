"""Everything that is written to IFS: which file sends which kind, how many at once, and who reads back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ml_connector.kernel.errors import Refused
from ml_connector.records.voucher import Voucher
from ml_connector.systems.ifs.billed_line import BilledLines
from ml_connector.systems.ifs.change_set import ChangeSets
from ml_connector.systems.ifs.dimension_write import DimensionWriting
from ml_connector.systems.ifs.erp_invoice import ErpInvoices
from ml_connector.systems.ifs.odata import Odata
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.purchase_requisition import Requisitions
from ml_connector.systems.ifs.supplier_proposal import SupplierProposals
from ml_connector.systems.ifs.supplier_update import SupplierUpdates
from ml_connector.systems.ifs.voucher import Vouchers, parts_of
from ml_connector.systems.outcomes import Work, dispatched, ended, reader_of
from ml_connector.systems.port import Effect, Mark, Outcome

Find = Callable[[Effect], Outcome | None]
"""Reads back whether an effect happened; None when it did not."""

_DOCUMENT_PARTS = 3
"""Requests in a small change set of a requisition or an invoice: its header, two lines."""
_SUPPLIER_PARTS = 10
"""Requests in the change set of a proposed supplier."""


class Sending:
    """The writing half of the role erp, for one company. Thread safe."""

    def __init__(self, odata: Odata, profile: Profile, company: str) -> None:
        self.change_sets = ChangeSets(odata, profile.batch_parts)
        self.vouchers = Vouchers(odata, self.change_sets, profile, company)
        self.requisitions = Requisitions(odata, self.change_sets, profile, company)
        self.invoices = invoices = ErpInvoices(odata, self.change_sets, profile, company)
        proposals = SupplierProposals(odata, self.change_sets, profile, company)
        suppliers = SupplierUpdates(odata, self.change_sets, profile)
        dimensions = DimensionWriting(odata, profile, company)
        billed = BilledLines(odata, profile)
        self._sends: dict[tuple[str, str], Work] = {
            ("voucher", "create"): self.vouchers.create,
            ("purchase_requisition", "create"): self.requisitions.create,
            ("erp_invoice", "create"): invoices.create,
            ("supplier", "create"): proposals.create,
            ("supplier", "update"): suppliers.update,
            ("dimension", "create"): dimensions.create,
            ("dimension", "update"): dimensions.update,
            ("billed_line", "update"): billed.update,
        }
        self._finds: dict[str, Find] = {
            "voucher": self.vouchers.find,
            "purchase_requisition": self.requisitions.find,
            "erp_invoice": invoices.find,
            "supplier": lambda effect: (proposals if effect.verb == "create" else suppliers).find(effect),
            "dimension": dimensions.find,
            "billed_line": billed.find,
        }
        self._sizes: dict[tuple[str, str], int] = {
            ("voucher", "create"): max(1, profile.batch_parts),
            ("purchase_requisition", "create"): max(1, profile.batch_parts // _DOCUMENT_PARTS),
            ("erp_invoice", "create"): max(1, profile.batch_parts // _DOCUMENT_PARTS),
            ("supplier", "create"): max(1, profile.batch_parts // _SUPPLIER_PARTS),
        }
        """What share requests, in effects or, by `weight`, in parts; what is not named here goes one at a time.

        Requisitions and invoices are looked for before they are sent, all of one send in one request: more of them
        than fit one change set batch is cheaper.
        """

    def batch_size(self, kind: str, verb: str) -> int:
        """How much of that kind and verb goes together, by `weight`; 1 where there is no batch."""
        return self._sizes.get((kind, verb), 1)

    def weight(self, effect: Effect) -> int:
        """A voucher's parts of a batch, so that batches travel full; every other effect counts as one."""
        return parts_of(effect.body) if isinstance(effect.body, Voucher) else 1

    def marks(self, kind: str) -> list[Mark]:
        """What carries our key of a kind, in whatever state."""
        reads = {
            "voucher": self.vouchers.reading.marks,
            "purchase_requisition": self.requisitions.marks,
            "erp_invoice": self.invoices.marks,
        }
        return reads[kind]()

    def send(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Sends one batch of one kind, verb and scope; one outcome each, in order. Set-up trouble is raised."""
        return dispatched(effects, self._sends, "IFS")

    def find(self, effect: Effect) -> Outcome | None:
        """Reads back whether an effect of unknown outcome happened; REFUSED when a rule says that it never can."""
        try:
            return reader_of(effect, self._finds, "IFS")(effect)
        except Refused as error:
            return ended((effect,), error)[0]
