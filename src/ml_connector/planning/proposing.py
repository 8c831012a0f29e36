"""A commitment that was first written in Procore, as the purchase requisition that proposes it in IFS."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.kernel.money import rounded
from ml_connector.kernel.text import clipped
from ml_connector.planning.plan import HoldReason, Intent, Verb, pack
from ml_connector.planning.reversing import Stuck, WayBack
from ml_connector.planning.situation import Situation
from ml_connector.planning.suppliers import Suppliers
from ml_connector.records.commitment import Commitment, CommitmentLine
from ml_connector.records.purchase_requisition import PurchaseRequisition, RequisitionLine


class Waiting(msgspec.Struct, frozen=True):
    """Why an invoice on the commitment waits, as its hold says it; with the requisition to be made, if any."""

    reason: HoldReason
    waits_for: Key
    owner: str
    sentence: str
    candidates: tuple[str, ...] = ()
    intent: Intent | None = None


class Proposals:
    """The requisitions of one page: one for each commitment that IFS does not know, however many invoices it has."""

    def __init__(
        self,
        situation: Situation,
        flow: str,
        way: WayBack,
        suppliers: Suppliers,
        known: Mapping[str, PurchaseRequisition],
    ) -> None:
        self.situation = situation
        self.flow = flow
        self.way = way
        self.suppliers = suppliers
        self.known = known
        self.policy = situation.policies.subcontractor_invoices
        self._answers: dict[str, Waiting] = {}

    def of(self, project: str, contract: Commitment) -> Waiting:
        """What is done about a commitment of an erp project, and why its invoices wait until it is an order."""
        if contract.id not in self._answers:
            self._answers[contract.id] = self._of(project, contract)
        return self._answers[contract.id]

    def new(self) -> list[Intent]:
        """The requisitions this page proposes."""
        return [one.intent for one in self._answers.values() if one.intent]

    def _of(self, project: str, contract: Commitment) -> Waiting:
        called = f"Procore's commitment {contract.number}"
        becomes_order = Key("commitment_there", contract.id)
        ours = f"{self.situation.company}/order/"
        if contract.once_key.startswith(ours):
            order = contract.once_key.removeprefix(ours).partition("/")[0]
            sentence = f"{called} carries the mark of order {order}, and no link says so any more."
            return Waiting(HoldReason.ORDER_MISSING, becomes_order, "administrator", sentence)
        key = Key("purchase_requisition", contract.id)
        there = self.known.get(once_key(self.situation.company, "commitment", contract.id))
        if key in self.situation.links:
            number = (there.id if there else "") or self.situation.target(key)
            state = f" (now {there.state})" if there and there.state else ""
            if there is None or there.ended:
                fate = f"is {there.state}" if there else "cannot be found any more"
                sentence = f"{called} is no order in IFS, and requisition {number}, which proposed it, {fate} there."
                return Waiting(HoldReason.PROPOSAL_ENDED, key, "buyer", sentence)
            sentence = f"{called} is no order in IFS; requisition {number}{state} waits there to become one."
            return Waiting(HoldReason.ORDER_MISSING, becomes_order, "buyer", sentence)
        if self.policy.unknown == "hold":
            sentence = f"{called} is no order in IFS, and policy does not let us propose it as a purchase requisition."
            return Waiting(HoldReason.ORDER_MISSING, becomes_order, "buyer", sentence)
        return self._missing(project, called, contract) or self._proposed(project, called, contract)

    def _missing(self, project: str, called: str, contract: Commitment) -> Waiting | None:
        trouble = self.suppliers.trouble(called, contract.vendor)
        if trouble:
            return Waiting(*trouble)
        site = self._site(project)
        if site and self.policy.requisitioner and any(line.amount for line in contract.lines):
            return None
        if site and self.policy.requisitioner:
            sentence = f"{called} has no lines with money, so there is nothing to propose."
            return Waiting(HoldReason.ORDER_MISSING, Key("commitment_there", contract.id), "buyer", sentence)
        entry = f"subcontractor_invoices.{'requisitioner' if site else 'site'}"
        of_project = "" if site else f" for project {project}"
        sentence = f"{called} is no order in IFS, and cannot be proposed: policy {entry} says nothing{of_project}."
        return Waiting(HoldReason.ORDER_MISSING, Key("policy", entry), "administrator", sentence)

    def _site(self, project: str) -> str:
        return self.policy.site.get(project, "") or self.policy.site.get("*", "")

    def _proposed(self, project: str, called: str, contract: Commitment) -> Waiting:
        lines = []
        for line in contract.lines:
            if not line.amount:
                continue
            found = self.way.find(project, line.budget_code, self.situation.today)
            if isinstance(found, Stuck):
                sentence = f"{called}: {found.sentence}"
                return Waiting(found.reason, found.waits_for, found.owner, sentence, found.candidates)
            quantity, price = _priced(line, contract.currency)
            lines.append(
                RequisitionLine(
                    id=line.id,
                    description=clipped(line.description, 200),
                    quantity=quantity,
                    unit=line.unit,
                    price=price,
                    amount=line.amount,
                    project=project,
                    activity=found.activity,
                    codes=found.codes,
                    wanted=contract.delivery,
                )
            )
        return Waiting(
            HoldReason.ORDER_MISSING,
            Key("commitment_there", contract.id),
            "buyer",
            f"{called} is no order in IFS: it is proposed there as a purchase requisition, which must become one.",
            intent=self._intent(project, called, contract, tuple(lines)),
        )

    def _intent(self, project: str, called: str, contract: Commitment, lines: tuple[RequisitionLine, ...]) -> Intent:
        body = PurchaseRequisition(
            once_key=once_key(self.situation.company, "commitment", contract.id),
            site=self._site(project),
            requisitioner=self.policy.requisitioner,
            vendor=self.suppliers.of(contract.vendor),
            currency=contract.currency,
            text=clipped(f"{called}: {contract.title}", 1000),
            lines=lines,
            source=contract.id,
        )
        return Intent(
            flow=self.flow,
            verb=Verb.CREATE,
            key=Key("purchase_requisition", contract.id),
            once_key=body.once_key,
            scope=project,
            target="",
            body=pack(body),
            needs=(Key("project", project), self.suppliers.link(contract.vendor)),
            after=(),
            money=body.money(),
            reason=f"{called} was written in Procore: proposed as a purchase requisition, left planned.",
            source=contract.id,
            counts_as="created",
            base=pack(body),
        )


def _priced(line: CommitmentLine, currency: str) -> tuple[Decimal, Decimal]:
    """Quantity and price that come to the line's amount to the cent; one piece where its own do not."""
    if line.quantity > 0 and rounded(line.quantity * line.unit_cost, currency) == line.amount:
        return line.quantity, line.unit_cost
    return Decimal(1), line.amount
