"""One supplier invoice decided: routed posting by posting, placed in its records, proved to foot before it goes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.billing import Posting
from ml_connector.planning.committing import Held, commitment_key
from ml_connector.planning.ground import Ground
from ml_connector.planning.invoicing import KIND, cost_root, invoice_hold, invoice_root, link_intent, placed_before
from ml_connector.planning.origins import Origin, Origins
from ml_connector.planning.placing import Place, check
from ml_connector.planning.plan import HoldReason, Intent, Verb, pack
from ml_connector.planning.recording import CORRECTION, REVERSAL, Made, Recorder
from ml_connector.planning.routing import (
    Bucket,
    Facts,
    Role,
    Route,
    kind_of,
    orders_of,
    projects_of,
    role_of,
    route,
)
from ml_connector.planning.taxing import tax_notes, tax_shares
from ml_connector.records.subcontractor_invoice import SubcontractorInvoice
from ml_connector.records.supplier_invoice import InvoiceLine, InvoiceState, SupplierInvoice

ZERO = Decimal(0)
Routed = tuple[Posting, Route]


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of one invoice: its intents, and what is said about it besides."""

    intents: tuple[Intent, ...] = ()
    notes: tuple[str, ...] = ()
    outside: bool = False
    """All of it is no project cost."""


def decide_invoice(ground: Ground, invoice: SupplierInvoice) -> Verdict:
    """The intents of one invoice, with every posting in exactly one place; raises Held when the document waits.

    The ground's periods move on only when the invoice is decided.
    """
    periods = ground.periods.fork()
    recorder = Recorder(ground, invoice, periods)
    verdict = _reversed(ground, recorder) if invoice.state is InvoiceState.CANCELLED else _Invoice(recorder).verdict()
    ground.periods = periods
    ground.taken.update(
        ((intent.key.kind, intent.target), intent.key) for intent in verdict.intents if intent.verb is Verb.LINK
    )
    if verdict.outside:
        ground.outside.add(invoice.id)
    verdict = _after_credited(ground, invoice, verdict)
    made = {one.key for one in verdict.intents if one.counts_as == "created" and one.key.kind != "billing_period"}
    ground.coming.setdefault(invoice.id, set()).update(made)
    return verdict


def _after_credited(ground: Ground, invoice: SupplierInvoice, verdict: Verdict) -> Verdict:
    """A credit of an invoice that this very plan sends goes after it, and not without it."""
    first = tuple(sorted(ground.coming.get(invoice.credits, ()))) if invoice.credits else ()
    if not first or not verdict.intents:
        return verdict
    intents = tuple(
        msgspec.structs.replace(one, needs=(*one.needs, *first)) if one.counts_as == "created" else one
        for one in verdict.intents
    )
    return msgspec.structs.replace(verdict, intents=intents)


def _reversed(ground: Ground, recorder: Recorder) -> Verdict:
    """A cancelled invoice: each place's own reversal, of what it and its corrections came to."""
    intents: list[Intent] = []
    notes: list[str] = []
    for root in ground.crossed.roots(recorder.invoice.id):
        if ground.crossed.at(root).ours:
            made = recorder.take_back(root, REVERSAL)
            intents += made.intents
            notes += made.notes
        else:
            notes.append(
                f"Invoice {recorder.invoice.id} was cancelled in IFS, and came from Procore: what is to happen to "
                f"{root.kind.replace('_', ' ')} {ground.situation.target(root)} is for its people to say."
            )
    return Verdict(tuple(intents), tuple(notes))


class _Invoice:
    """One live invoice on its way to its places."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.ground: Ground = recorder.ground
        self.invoice: SupplierInvoice = recorder.invoice
        self.origins = Origins(self.ground, self.invoice)
        self.shares = tax_shares(self.invoice, self.ground.taxes)
        self.intents: list[Intent] = []
        self.notes: list[str] = []
        self.places: list[Place] = []

    def verdict(self) -> Verdict:
        """Everything about it; raises Held with the first reason why the document waits."""
        self._check_totals()
        routed = self._routed()
        live = [one for one in routed if one[1].bucket in (Bucket.INVOICE, Bucket.COST)]
        if live:
            self._check_credit()
        self._place_linked([one for one in routed if one[1].bucket is Bucket.LINKED])
        self._place_bills([one for one in live if one[1].bucket is Bucket.INVOICE])
        self._place_costs([one for one in live if one[1].bucket is Bucket.COST])
        self._place_outside([one for one in routed if one[1].bucket is Bucket.OUTSIDE])
        self._take_back_the_rest()
        self._check_places()
        tolerance = self.ground.situation.policies.supplier_invoices.tax_tolerance
        self.notes += tax_notes(self.invoice, self.ground.taxes, tolerance) if self.intents else []
        outside = all(one[1].bucket is Bucket.OUTSIDE for one in routed)
        return Verdict(tuple(self.intents), tuple(self.notes), outside)

    def _hold(self, reason: HoldReason, waits_for: Key, owner: str, sentence: str) -> Held:
        return Held(invoice_hold(self.invoice, reason, waits_for, owner, sentence))

    def _check_totals(self) -> None:
        invoice = self.invoice
        if invoice.money().amount != invoice.net:
            net = Money(invoice.net, invoice.currency)
            sentence = f"The header of invoice {invoice.id} states {net}, its postings come to {invoice.money()}."
            raise self._hold(HoldReason.TOTALS_DIFFER, Key(KIND, invoice.id), "accounts payable", sentence)
        ids = [line.id for line in invoice.lines]
        if len(set(ids)) != len(ids):
            sentence = f"Two postings of invoice {invoice.id} have the same number, so they cannot be told apart."
            raise self._hold(HoldReason.BAD_ROW, Key(KIND, invoice.id), "integration engineer", sentence)

    def _routed(self) -> list[Routed]:
        accounts = self.ground.situation.policies.supplier_invoices.retention_accounts
        roles = {line.id: role_of(line, accounts) for line in self.invoice.lines}
        facts = {line.id: self._facts(line, roles[line.id]) for line in self.invoice.lines}
        contracts = [(one.orders[0], one.projects[0]) for one in facts.values() if one.commitment]
        whole = self.origins.whole(contracts)
        routed = []
        for line in self.invoice.lines:
            known = facts[line.id]
            origin = whole or self._origin(known)
            found = route(line, msgspec.structs.replace(known, came_from=origin.id) if origin else known)
            if found.bucket is Bucket.HELD and found.hold and found.waits_for:
                sentence = f"{found.reason[:-1]} (invoice {self.invoice.id})."
                raise self._hold(found.hold, found.waits_for, "buyer", sentence)
            target = self.ground.coding.target(line)
            flat = "" if target.missing else target.flat
            cost = line.amount + self.shares.get(line.id, ZERO)
            routed.append((Posting(line, roles[line.id], cost, flat), found))
        return routed

    def _facts(self, line: InvoiceLine, role: Role) -> Facts:
        ground, policies = self.ground, self.ground.situation.policies
        orders = orders_of(line, role, self.invoice.lines, self.invoice.order)
        order = orders[0] if len(orders) == 1 else ""
        projects = projects_of(line, order, ground.chart, ground.contracts, self.invoice.lines)
        commitment = elsewhere = ""
        if order and len(projects) == 1:
            key = commitment_key(order, projects[0])
            if ground.situation.available(key):
                commitment = key.id
            elif line.order_line:
                others = ground.contracts.with_line(order, line.order_line)
                elsewhere = commitment_key(order, others[0]).id if others else ""
        return Facts(
            strategy=policies.supplier_invoices.strategy,
            role=role,
            orders=orders,
            projects=projects,
            commitment=commitment,
            elsewhere=elsewhere,
            kind=kind_of(line, policies.direct_costs.kinds),
        )

    def _origin(self, known: Facts) -> Origin | None:
        """The Procore document a posting came from, if any."""
        if known.commitment:
            found = self.origins.of_bill(known.orders[0], known.projects[0])
            if found or known.strategy == "commitment" or known.role is Role.RETENTION:
                return found
        elif known.orders or known.role is Role.RETENTION or len(known.projects) != 1:
            return None
        return self.origins.of_cost(known.projects[0])

    def _check_credit(self) -> None:
        """A credit note goes after the invoice it credits, or when a person lets it go without."""
        invoice, ground = self.invoice, self.ground
        credit = bool(invoice.credits) or invoice.net < 0
        if not credit or ground.crossed.has(invoice.id):
            return
        ruling = ground.situation.ruled(Key(KIND, invoice.id), HoldReason.CREDIT_WAITS)
        if ruling and ruling.answer == "allow":
            return
        if not invoice.credits:
            key = Key("ruling", f"{KIND}:{invoice.id}")
            sentence = f"Credit note {invoice.id} names no invoice in IFS. Name it there, or let the credit go without."
            raise self._hold(HoldReason.CREDIT_WAITS, key, "accounts payable", sentence)
        stands = any(source.startswith(f"{invoice.credits}/") for source in ground.seen.placed)
        known = ground.crossed.has(invoice.credits) or invoice.credits in ground.outside
        if not (known or stands or ground.coming.get(invoice.credits)):
            key = Key(KIND, invoice.credits)
            sentence = f"Credit note {invoice.id} is for invoice {invoice.credits}, which is not in Procore yet."
            raise self._hold(HoldReason.CREDIT_WAITS, key, "accounts payable", sentence)

    def _place(self, bucket: Bucket, key: Key, postings: list[Posting], made: Made) -> None:
        self.intents += made.intents
        self.notes += made.notes
        self.places.append(Place(bucket, key, tuple(one.line.id for one in postings), made.amount))

    def _place_bills(self, routed: list[Routed]) -> None:
        for order, project in sorted({(one.order, one.project) for _, one in routed}):
            postings = [posting for posting, one in routed if (one.order, one.project) == (order, project)]
            made = self.recorder.bill(order, project, postings)
            self._place(Bucket.INVOICE, invoice_root(self.invoice.id, order, project), postings, made)

    def _place_costs(self, routed: list[Routed]) -> None:
        for project in sorted({one.project for _, one in routed}):
            mine = [(posting, one) for posting, one in routed if one.project == project]
            made = self.recorder.cost(project, mine)
            self._place(Bucket.COST, cost_root(self.invoice.id, project), [posting for posting, _ in mine], made)

    def _place_outside(self, routed: list[Routed]) -> None:
        if not routed:
            return
        postings = [posting for posting, _ in routed]
        amount = sum((posting.cost for posting in postings), ZERO)
        notes = tuple(f"Invoice {self.invoice.id}: {one.reason}" for _, one in routed)
        self._place(Bucket.OUTSIDE, Key(KIND, self.invoice.id), postings, Made(amount, notes=notes))

    def _place_linked(self, routed: list[Routed]) -> None:
        for origin in self.origins.found():
            postings = [posting for posting, one in routed if self.origins.stands_for(origin, one)]
            if postings:
                amount = sum((posting.cost for posting in postings), ZERO)
                made = Made(amount, tuple(self._link(origin, postings)), tuple(_differs(self.invoice, origin, amount)))
                self._place(Bucket.LINKED, origin.root, postings, made)

    def _link(self, origin: Origin, postings: list[Posting]) -> list[Intent]:
        """The link, unless it stands as it should; the agreed record is theirs, so that payments know what it asks."""
        record = origin.record
        if record is None:
            return []
        sources = tuple(f"{self.invoice.id}/{posting.line.id}" for posting in postings)
        project = origin.root.id.rpartition("@")[2]
        named = {"project": project, "sources": sources}
        if isinstance(record, SubcontractorInvoice):
            named |= {"commitment": origin.root.id.partition("@")[2], "period": ""}
        else:
            named |= {"vendor": self.invoice.vendor}
        agreed = msgspec.structs.replace(record, **named)
        linked = self.ground.situation.links.get(origin.root)
        if linked and linked.target == origin.id and linked.base == pack(agreed):
            return []
        return [link_intent(origin.root, agreed, origin.reason)]

    def _take_back_the_rest(self) -> None:
        """Records in places where no posting is any more: the invoice was recoded after it crossed."""
        now = {place.key for place in self.places if place.bucket is not Bucket.OUTSIDE}
        for root in self.ground.crossed.roots(self.invoice.id):
            if root not in now and self.ground.crossed.at(root).ours:
                self._place(Bucket.OUTSIDE, root, [], self.recorder.take_back(root, CORRECTION))

    def _check_places(self) -> None:
        ground = self.ground
        chains = [ground.crossed.at(root) for root in ground.crossed.roots(self.invoice.id)]
        placed: Mapping[str, Key] = {**placed_before(chains), **ground.seen.placed}
        breach = check(self.invoice, self.shares, self.places, placed)
        if breach:
            raise self._hold(breach.reason, breach.key, "controller", breach.sentence)


def _differs(invoice: SupplierInvoice, origin: Origin, amount: Decimal) -> list[str]:
    """Said when the two sides of a linked document do not come to the same: each keeps its own books."""
    record = origin.record
    if record is None:
        return []
    theirs = record.due() if isinstance(record, SubcontractorInvoice) else record.money()
    ours = Money(amount, invoice.currency)
    if theirs == ours:
        return []
    return [f"Invoice {invoice.id} has {ours} where Procore's {record.number} it is linked to has {theirs}."]
