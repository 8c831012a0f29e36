"""What the invoices of one page are decided with: what Procore holds, what crossed before, which periods are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.billing_periods import Found, NoPeriod, ToOpen, month_of, period_for, period_key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets, Held
from ml_connector.planning.costing import Coding
from ml_connector.planning.invoicing import FLOW, RECORD_KINDS, Crossed, crossed_back, invoice_hold, theirs_first
from ml_connector.planning.plan import HoldReason, Intent, Verb, pack
from ml_connector.planning.routing import Contracts
from ml_connector.planning.situation import Situation
from ml_connector.records.commitment import Commitment
from ml_connector.records.direct_cost import DirectCost
from ml_connector.records.subcontractor_invoice import BillingPeriod, SubcontractorInvoice
from ml_connector.records.supplier_invoice import SupplierInvoice, TaxCode


class Seen(msgspec.Struct, frozen=True):
    """What Procore holds that may concern some invoices, and where their lines stand."""

    periods: Mapping[str, Sequence[BillingPeriod]]
    """Erp project to the billing periods of its Procore project; one that is absent was not read."""
    invoices: Mapping[str, Sequence[SubcontractorInvoice]]
    """Key id of a commitment (`ORDER@PROJECT`) to the invoices on it, ours and typed ones."""
    costs: Mapping[str, Sequence[DirectCost]]
    """Erp project to the direct costs of the vendors at hand, ours and typed ones."""
    placed: Mapping[str, Key]
    """`INVOICE/LINE` to the record, without suffix, in which that invoice line stands already."""
    planned: Mapping[str, Commitment] = {}
    """Key id of a commitment to the contract this plan makes of it; may be left out, then its lines are assumed."""


class Ground:
    """The ground of one page's decisions; only `periods` and `outside` move, and only when an invoice was decided."""

    def __init__(
        self, situation: Situation, chart: Chart, budgets: Budgets, taxes: Mapping[str, TaxCode], seen: Seen
    ) -> None:
        self.situation = situation
        self.chart = chart
        self.taxes = taxes
        self.seen = seen
        self.coding = Coding(situation, chart, budgets)
        self.contracts = Contracts(situation, seen.planned)
        self.crossed = Crossed(situation)
        self.theirs_first = theirs_first(situation)
        """Erp invoice to the Procore invoice it was made from."""
        self.crossed_back = crossed_back(situation.links)
        self.taken = {
            (key.kind, linked.target): key for key, linked in situation.links.items() if key.kind in RECORD_KINDS
        }
        """(kind, Procore id) to the record that stands for it already."""
        self.periods = Periods(situation, seen.periods)
        self.outside: set[str] = set()
        """Invoices of this page that are no project cost at all."""
        self.coming: dict[str, set[Key]] = {}
        """Invoice to the records this plan makes of it."""
        for key in situation.coming:
            if key.kind in RECORD_KINDS:
                self.coming.setdefault(key.id.partition("@")[0], set()).add(key)


class Periods:
    """The billing periods one plan may write in: those there are, and those it opens, each of them once."""

    def __init__(self, situation: Situation, theirs: Mapping[str, Sequence[BillingPeriod]]) -> None:
        self._situation = situation
        self._known = {project: tuple(periods) for project, periods in theirs.items()}
        self._said: frozenset[Key] = frozenset()
        for key in sorted(situation.coming):
            if key.kind == "billing_period":
                self._expect(key)

    def _expect(self, key: Key) -> None:
        """A period an earlier page of this plan opens: to the end of its first day's month, as we open them."""
        project, _, start = key.id.rpartition("/")
        first = date.fromisoformat(start)
        known = self._known.get(project, ())
        if all(one.start != first for one in known):
            end = month_of(first)[1]
            self._known[project] = (*known, BillingPeriod(project, first, end, end))

    def fork(self) -> Periods:
        """A copy for one invoice; it is kept only when the invoice is decided."""
        made = Periods.__new__(Periods)
        made._situation, made._known, made._said = self._situation, dict(self._known), self._said
        return made

    def take(
        self, invoice: SupplierInvoice, project: str, day: date, *, correction: bool
    ) -> tuple[BillingPeriod, str, list[Intent]]:
        """The period for a day, why it is not the day's own (or empty), and the intents that make it known.

        Raises Held when no period can take it.
        """
        policy = self._situation.policies.supplier_invoices
        if project not in self._known:
            key = period_key(project, day.replace(day=1))
            sentence = f"The billing periods of project {project} could not be read in Procore (invoice {invoice.id})."
            raise Held(invoice_hold(invoice, HoldReason.BILLING_PERIOD_MISSING, key, "project accountant", sentence))
        found = period_for(project, self._known[project], day, policy, correction=correction)
        if isinstance(found, NoPeriod):
            sentence = f"{found.sentence} (invoice {invoice.id} of {day})."
            raise Held(invoice_hold(invoice, found.reason, found.waits_for, "project accountant", sentence))
        if isinstance(found, ToOpen):
            self._known[project] = (*self._known[project], found.period)
        return found.period, found.moved, self._named(invoice, project, found)

    def _named(self, invoice: SupplierInvoice, project: str, found: Found | ToOpen) -> list[Intent]:
        period = msgspec.structs.replace(found.period, project=project)
        key = period_key(project, period.start)
        opens = isinstance(found, ToOpen)
        known = key in self._said or key in self._situation.coming
        if known or (not opens and self._situation.target(key) == period.id):
            return []
        self._said |= {key}
        packed = pack(period)
        span = f"{period.start} to {period.end}"
        intent = Intent(
            flow=FLOW,
            verb=Verb.CREATE if opens else Verb.LINK,
            key=key,
            once_key="",
            scope=project,
            target="" if opens else period.id,
            body=packed,
            needs=(Key("project", project),),
            after=(),
            money=None,
            reason=f"No billing period is open: {span} is opened." if opens else f"Procore's billing period {span}.",
            source=invoice.id,
            counts_as="created" if opens else "",
            base=packed,
        )
        return [intent]
