"""Payments: what the erp booked as paid on an invoice is mirrored on the commitments the invoice is written on.

The erp pays gross, tax included; Procore's invoice asks for what is due without recoverable tax. So a payment is
scaled: after it, each of the invoice's places has been paid `paid so far / gross x due`, rounded to the cent, less what
was mirrored before. Parts foot that way, and a payment of the whole gross pays exactly what Procore asks: recoverable
tax is never in it. What is due is that of the first record, its corrections and reversals together. Cost never moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from ml_connector.flows.supplier_invoices import KIND, left_alone
from ml_connector.kernel.keys import Key, once_key
from ml_connector.kernel.money import Money, rounded, smallest
from ml_connector.planning.invoicing import Chain, Crossed
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, Verb, bad_row, pack, unpack
from ml_connector.planning.situation import Situation
from ml_connector.records.payment import ContractPayment, Payment
from ml_connector.records.problem import Problem
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import InvoiceState, SupplierInvoice

FLOW = "payments"
ZERO = Decimal(0)


def decide(
    situation: Situation,
    payments: Sequence[Payment],
    invoices: Mapping[str, SupplierInvoice],
    blocked: frozenset[str] = frozenset(),
) -> Decision:
    """Decides payments in the order of booking; `invoices` holds those they pay, by id.

    `blocked` names subcontractor invoices (key ids) that were sent back in Procore after they crossed: until somebody
    says what counts, nothing is paid there. A payment waits where one booked before it on the same invoice does, so all
    payments of one invoice that are new must come in one call; those mirrored before are found among the links.
    """
    work = _Payments(situation, invoices, blocked)
    for payment in sorted(payments, key=lambda one: (one.invoice, one.order, one.id)):
        work.decide(payment)
    return Decision(tuple(work.intents), tuple(work.holds), tuple(work.skips), (), tuple(work.unchanged))


def problem_holds(problems: Sequence[Problem]) -> list[Hold]:
    """Payments we could not read, as holds: they go by themselves once the row, or the profile, is mended."""
    return [bad_row(problem, Key("payment", problem.key.id), FLOW, "accounts payable") for problem in problems]


class _Mirror:
    """What has been paid of one invoice, and how much of it is mirrored in one place, payment by payment."""

    def __init__(self, chain: Chain[SubcontractorInvoice], known: Mapping[str, ContractPayment]) -> None:
        self.chain = chain
        self.due = sum((record.due().amount for record in chain.records), ZERO)
        self.paid = {payment: record.paid for payment, record in known.items()}
        """Erp payment id to its gross amount, of all that count, wherever they are mirrored."""
        self.numbers = {payment: record.number for payment, record in known.items()}
        """Erp payment id to its payment number."""
        self.mirrored: dict[str, Decimal] = {}
        """Erp payment id to what it pays here."""

    def share(self, payment: Payment, invoice: SupplierInvoice) -> Decimal:
        """What a payment pays here; remembered, so that the next one goes on from it.

        A reversal of all that its payment paid takes back exactly what that one mirrored; one of a payment that was
        never mirrored takes back nothing. Where the erp calls the invoice paid, a last cent is no remainder: it is what
        a part too small for any cent of its own has left.
        """
        before = [one for one, other in self.numbers.items() if payment.reverses and other == payment.reverses]
        if payment.reverses and not before:
            return ZERO
        if before and sum((self.paid[one] for one in before), ZERO) == -payment.amount:
            amount = -sum((self.mirrored.get(one, ZERO) for one in before), ZERO)
        else:
            others = sum((amount for one, amount in self.paid.items() if one != payment.id), ZERO)
            so_far = others + payment.amount
            target = rounded(so_far * self.due / (invoice.net + invoice.tax), payment.currency)
            cent = smallest(payment.currency)
            if invoice.state is InvoiceState.PAID and abs(self.due - target) <= cent:
                target = self.due
            amount = target - sum(self.mirrored.values(), ZERO)
        self.paid[payment.id], self.mirrored[payment.id] = payment.amount, amount
        self.numbers[payment.id] = _number(payment)
        return amount


class _Payments:
    """The payments of one plan."""

    def __init__(self, situation: Situation, invoices: Mapping[str, SupplierInvoice], blocked: frozenset[str]) -> None:
        self.situation = situation
        self.invoices = invoices
        self.blocked = blocked
        self.crossed = Crossed(situation)
        self.intents: list[Intent] = []
        self.holds: list[Hold] = []
        self.skips: list[Skip] = []
        self.unchanged: list[Key] = []
        self.waiting: dict[str, Hold] = {}
        """Invoice to the hold of the first of its payments that waits."""
        self._mirrors: dict[Key, _Mirror] = {}
        self._linked: dict[str, list[tuple[str, ContractPayment]]] = {}
        """Invoice to (payment id, its share somewhere) of every payment that is mirrored."""
        for key, linked in situation.links.items():
            record = unpack("payment", linked.base) if key.kind == "payment" and linked.base else None
            if isinstance(record, ContractPayment):
                known = self._linked.setdefault(record.invoice.partition("@")[0], [])
                known.append((key.id.partition("@")[0], record))

    def decide(self, payment: Payment) -> None:
        """One payment: mirrored wherever its invoice is, or held as a whole, or left alone with a sentence."""
        key = Key("payment", payment.id)
        invoice = self.invoices.get(payment.invoice)
        roots = [root for root in self.crossed.roots(payment.invoice) if root.kind == "subcontractor_invoice"]
        if roots and all(_at(payment, root) in self.situation.links for root in roots):
            self.unchanged.append(key)
            return
        skip = self._not_for_procore(payment, invoice, roots)
        if skip:
            self.skips.append(Skip(key, FLOW, skip))
            return
        hold = self._why_held(payment, invoice, roots)
        if hold:
            self.holds.append(hold)
            self.waiting.setdefault(payment.invoice, hold)
            return
        assert invoice is not None
        made = [intent for root in roots for intent in self._mirrored(payment, invoice, root)]
        self.intents += made
        if not made and any(_at(payment, root) in self.situation.links for root in roots):
            self.unchanged.append(key)
        elif not made:
            self.skips.append(Skip(key, FLOW, f"Payment {payment.id} comes to nothing in Procore."))

    def _not_for_procore(self, payment: Payment, invoice: SupplierInvoice | None, roots: Sequence[Key]) -> str:
        """Why a payment is left alone; empty when it is not."""
        if roots:
            gross = invoice.net + invoice.tax if invoice else None
            return f"Invoice {payment.invoice} comes to nothing, so no payment of it does." if gross == 0 else ""
        if self.crossed.has(payment.invoice):
            return f"Payment {payment.id} is of invoice {payment.invoice}, a direct cost: Procore keeps none there."
        if invoice is None:
            return ""
        if left_alone(self.situation, invoice.id):
            return f"A person said that invoice {invoice.id} stays out of Procore, so its payments do."
        if invoice.state is InvoiceState.CANCELLED:
            return f"Invoice {invoice.id} was cancelled before it was ever in Procore."
        if all(not (line.order or line.project or line.activity) for line in invoice.lines):
            return f"Payment {payment.id} is of invoice {invoice.id}, which is no project cost."
        if self.situation.go_live and invoice.dated < self.situation.go_live:
            return f"Invoice {invoice.id} is dated {invoice.dated}, before the go-live day {self.situation.go_live}."
        return ""

    def _why_held(self, payment: Payment, invoice: SupplierInvoice | None, roots: Sequence[Key]) -> Hold | None:
        """The first reason why a payment waits."""
        before = self.waiting.get(payment.invoice)
        if before:
            sentence = f"Payment {payment.id} comes after payment {before.key.id} of the same invoice, which waits."
            return _hold(payment, before.reason, before.key, before.owner, sentence)
        if not roots or invoice is None:
            key = Key(KIND, payment.invoice)
            why = "cannot be read in IFS" if roots else "is not in Procore yet"
            sentence = f"Payment {payment.id} is of invoice {payment.invoice}, which {why}."
            return _hold(payment, HoldReason.INVOICE_MISSING, key, "project accountant", sentence)
        for root in roots:
            chain = self.crossed.bills_at(root)
            back = next((one for one in (root, *chain.keys) if one.id in self.blocked), None)
            if back:
                sentence = f"Procore's invoice {back.id} was sent back after it crossed, so payment {payment.id} waits."
                return _hold(payment, HoldReason.SENT_BACK, back, "project accountant", sentence)
            theirs = chain.records[0].currency
            if theirs != payment.currency:
                sentence = (
                    f"Payment {payment.id} is in {payment.currency}, invoice {root.id} in {theirs}. "
                    "Amounts are never converted."
                )
                return _hold(payment, HoldReason.CURRENCY_OFF, root, "project accountant", sentence)
        return None

    def _mirror(self, root: Key) -> _Mirror:
        if root not in self._mirrors:
            known = self._linked.get(root.id.partition("@")[0], [])
            mirror = _Mirror(self.crossed.bills_at(root), dict(known))
            mirror.mirrored.update({payment: record.amount for payment, record in known if record.invoice == root.id})
            self._mirrors[root] = mirror
        return self._mirrors[root]

    def _mirrored(self, payment: Payment, invoice: SupplierInvoice, root: Key) -> Iterable[Intent]:
        key = _at(payment, root)
        if key in self.situation.links:
            return
        mirror = self._mirror(root)
        amount = mirror.share(payment, invoice)
        if not amount:
            return
        order, _, project = root.id.partition("@")[2].rpartition("@")
        contract = Key("commitment", f"{order}@{project}")
        methods = self.situation.policies.payments.methods
        record = ContractPayment(
            once_key=once_key(self.situation.company, "payment", payment.id, order, project),
            project=project,
            commitment=contract.id,
            invoice=root.id,
            amount=amount,
            currency=payment.currency,
            dated=payment.dated,
            method=methods.get(payment.method, "electronic"),
            number=_number(payment),
            reference=payment.reference,
            invoice_number=mirror.chain.records[0].number,
            paid=payment.amount,
        )
        packed = pack(record)
        taken_back = [one for one, number in mirror.numbers.items() if payment.reverses and number == payment.reverses]
        first = tuple(Key("payment", f"{one}@{order}@{project}") for one in taken_back if mirror.mirrored.get(one))
        yield Intent(
            flow=FLOW,
            verb=Verb.CREATE,
            key=key,
            once_key=record.once_key,
            scope=project,
            target="",
            body=packed,
            needs=(Key("project", project), contract, root, *first),
            after=(),
            money=Money(amount, payment.currency),
            reason=_reason(payment, invoice, amount),
            source=payment.id,
            counts_as="created",
            base=packed,
        )


def _number(payment: Payment) -> str:
    """The payment number in `SERIES/PAYMENT/TRANSACTION`."""
    parts = payment.id.split("/")
    return parts[1] if len(parts) > 1 else payment.id


def _at(payment: Payment, root: Key) -> Key:
    """The key of a payment's share on one commitment."""
    return Key("payment", f"{payment.id}@{root.id.partition('@')[2]}")


def _reason(payment: Payment, invoice: SupplierInvoice, amount: Decimal) -> str:
    paid = Money(payment.amount, payment.currency)
    share = "" if amount == payment.amount else f" {Money(amount, payment.currency)} of it is due here, without tax."
    if payment.reverses:
        return f"Payment {payment.reverses} of invoice {invoice.number} was taken back in IFS: {paid}.{share}"
    return f"IFS paid {paid} on invoice {invoice.number} on {payment.dated}.{share}"


def _hold(payment: Payment, reason: HoldReason, waits_for: Key, owner: str, sentence: str) -> Hold:
    money = Money(payment.amount, payment.currency)
    return Hold(Key("payment", payment.id), FLOW, reason, waits_for, owner, sentence, money)
