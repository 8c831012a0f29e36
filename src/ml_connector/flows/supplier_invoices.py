"""Supplier invoices: each posting goes to the subcontractor invoice of its order, or to a direct cost, or nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ml_connector.flows.cost_codes import Combination
from ml_connector.kernel.keys import Key
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Budgets, Held, commitment_key
from ml_connector.planning.crossing import decide_invoice
from ml_connector.planning.ground import Ground, Seen
from ml_connector.planning.invoicing import FLOW, KIND, Crossed, cost_root, invoice_root
from ml_connector.planning.leaving_out import LEFT_OUT_FOR
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, bad_row
from ml_connector.planning.routing import Contracts, Role, orders_of, projects_of, role_of
from ml_connector.planning.situation import Situation
from ml_connector.records.problem import Problem
from ml_connector.records.supplier_invoice import InvoiceLine, InvoiceState, SupplierInvoice, TaxCode

__all__ = [
    "FLOW",
    "KIND",
    "Theirs",
    "Wanted",
    "combinations",
    "decide",
    "gone_hold",
    "left_alone",
    "problem_holds",
    "wanted",
]

IGNORABLE = (
    HoldReason.INVOICE_MATCH,
    HoldReason.TOTALS_DIFFER,
    HoldReason.TWO_PLACES,
    HoldReason.CREDIT_WAITS,
    HoldReason.COMMITMENT_MISSING,
    HoldReason.LINE_UNKNOWN,
    HoldReason.GONE_THERE,
    HoldReason.GONE_HERE,
    *LEFT_OUT_FOR[FLOW],
)
"""Questions about an invoice that may be answered by leaving it alone."""


class Theirs(Seen, frozen=True):
    """What Procore holds that may concern the invoices of one page, and where their lines stand."""


class Wanted(msgspec.Struct, frozen=True):
    """What must be read in Procore before some invoices can be decided."""

    projects: frozenset[str] = frozenset()
    """Erp projects whose billing periods are needed."""
    commitments: frozenset[str] = frozenset()
    """Key ids of linked commitments whose invoices are needed."""
    cost_projects: frozenset[str] = frozenset()
    """Erp projects whose direct costs are needed."""


def decide(
    situation: Situation,
    chart: Chart,
    budgets: Budgets,
    taxes: Mapping[str, TaxCode],
    invoices: Sequence[SupplierInvoice],
    theirs: Theirs,
) -> Decision:
    """Decides a page of invoices: the intents of each, or the one hold that keeps the whole document back.

    `taxes` is by tax code. Two invoices that need the same new billing period make one intent.
    """
    ground = Ground(situation, chart, budgets, taxes, theirs)
    intents: list[Intent] = []
    holds: list[Hold] = []
    skips: list[Skip] = []
    unchanged: list[Key] = []
    for invoice in invoices:
        key = Key(KIND, invoice.id)
        skip = _not_for_procore(situation, ground.crossed, invoice)
        if skip:
            skips.append(Skip(key, FLOW, skip))
            continue
        try:
            verdict = decide_invoice(ground, invoice)
        except Held as held:
            holds.append(held.hold)
            continue
        intents += verdict.intents
        skips += [Skip(key, FLOW, note) for note in verdict.notes]
        if not verdict.intents and not verdict.outside:
            unchanged.append(key)
    return Decision(tuple(intents), tuple(holds), tuple(skips), (), tuple(unchanged))


def wanted(situation: Situation, chart: Chart, invoices: Sequence[SupplierInvoice]) -> Wanted:
    """What must be read in Procore to decide these invoices; those that stay here need nothing.

    A commitment's invoices are needed while the invoice has no record on it, and where retention is to be spread.
    """
    crossed, contracts = Crossed(situation), Contracts(situation, {})
    projects: set[str] = set()
    commitments: set[str] = set()
    costs: set[str] = set()
    for invoice in invoices:
        if _not_for_procore(situation, crossed, invoice):
            continue
        roots = crossed.roots(invoice.id)
        projects.update(root.id.rpartition("@")[2] for root in roots if root.kind == "subcontractor_invoice")
        if invoice.state is InvoiceState.CANCELLED:
            continue
        for _, role, orders, homes in _places(situation, chart, contracts, invoice):
            for project in homes if orders else ():
                root = invoice_root(invoice.id, orders[0], project)
                key = commitment_key(orders[0], project)
                settled = root in roots and role is not Role.RETENTION and crossed.bills_at(root).ours
                if key in situation.links and not settled:
                    commitments.add(key.id)
            if orders and situation.policies.supplier_invoices.strategy == "commitment":
                projects.update(homes)
            elif role is not Role.RETENTION and Key("vendor", invoice.vendor) in situation.links:
                costs.update(home for home in homes if cost_root(invoice.id, home) not in roots)
    return Wanted(frozenset(projects), frozenset(commitments), frozenset(costs))


def combinations(
    situation: Situation, chart: Chart, invoices: Sequence[SupplierInvoice]
) -> tuple[set[str], set[tuple[str, str]], set[Combination]]:
    """What invoices ask of vendors and cost codes first: supplier ids, (supplier, project)s, code strings in use.

    Only what goes to direct costs asks: a contract has its vendor and its codes from its order.
    """
    crossed, contracts = Crossed(situation), Contracts(situation, {})
    by_costs = situation.policies.supplier_invoices.strategy == "direct_cost"
    suppliers: set[str] = set()
    memberships: set[tuple[str, str]] = set()
    combos: set[Combination] = set()
    for invoice in invoices:
        if invoice.state is InvoiceState.CANCELLED or _not_for_procore(situation, crossed, invoice):
            continue
        for line, role, orders, projects in _places(situation, chart, contracts, invoice):
            if role is Role.RETENTION or len(projects) != 1 or (orders and not by_costs):
                continue
            suppliers.add(invoice.vendor)
            memberships.add((invoice.vendor, projects[0]))
            if not line.order_line:  # an order line asks by itself
                combos.add(Combination(projects[0], line.codes, line.activity))
    return suppliers, memberships, combos


def _places(
    situation: Situation, chart: Chart, contracts: Contracts, invoice: SupplierInvoice
) -> list[tuple[InvoiceLine, Role, tuple[str, ...], tuple[str, ...]]]:
    """Each posting with its role, the order it belongs to (or none), the projects it may lie on."""
    found = []
    for line in invoice.lines:
        role = role_of(line, situation.policies.supplier_invoices.retention_accounts)
        orders = orders_of(line, role, invoice.lines, invoice.order)
        order = orders[0] if len(orders) == 1 else ""
        found.append((line, role, orders[:1], projects_of(line, order, chart, contracts, invoice.lines)))
    return found


def problem_holds(problems: Sequence[Problem]) -> list[Hold]:
    """Rows we could not accept, as holds: they go by themselves once the row is mended in IFS."""
    return [bad_row(problem, Key(KIND, problem.key.id), FLOW, "accounts payable") for problem in problems]


def gone_hold(invoice_id: str) -> Hold:
    """An invoice that crossed cannot be seen in IFS any more; nothing in Procore is touched."""
    return Hold(
        key=Key(KIND, invoice_id),
        flow=FLOW,
        reason=HoldReason.GONE_HERE,
        waits_for=Key(KIND, invoice_id),
        owner="accounts payable",
        sentence=f"Invoice {invoice_id} cannot be seen in IFS any more. Its records in Procore were left as they are.",
    )


def left_alone(situation: Situation, invoice_id: str) -> bool:
    """Whether a person said that an invoice is to be left as it is."""
    return situation.ignored(Key(KIND, invoice_id), IGNORABLE)


def _not_for_procore(situation: Situation, crossed: Crossed, invoice: SupplierInvoice) -> str:
    """Why the invoice is left alone; empty when it is not. What crossed before stays ours whatever its date."""
    there = crossed.has(invoice.id)
    state = invoice.state.value.replace("_", " ")
    if invoice.state is InvoiceState.CANCELLED:  # whatever was ignored before: what is in Procore is taken back
        return "" if there else f"Invoice {invoice.id} was cancelled before it was ever in Procore."
    if left_alone(situation, invoice.id):
        stays = "is left in Procore as it is" if there else "stays out of Procore"
        return f"A person said that invoice {invoice.id} {stays}."
    if invoice.state.value not in situation.policies.supplier_invoices.states:
        left = "left in Procore as it is" if there else "not sent yet"
        return f"Invoice {invoice.id} is {state} in IFS: {left}."
    if there:
        return ""
    if situation.go_live and invoice.dated < situation.go_live:
        return f"Invoice {invoice.id} is dated {invoice.dated}, before the go-live day {situation.go_live}."
    if not invoice.net and not any(line.amount for line in invoice.lines):
        return f"Invoice {invoice.id} has no lines with money."
    return ""
