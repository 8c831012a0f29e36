"""What a person may answer to a hold is what the flow that asked looks for: no more, no less."""

from __future__ import annotations

import pytest

from ml_connector import desk
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.planning.situation import mark_of
from ml_connector.store import holds, rulings
from ml_connector.store.holds import Look

from .office import NAME, Office

QUESTIONS = (
    ("vendors", "vendor", HoldReason.VENDOR_MATCH, ("link", "new")),
    ("vendors", "vendor_there", HoldReason.VENDOR_MATCH, ("link", "new", "ignore")),
    ("vendors", "vendor", HoldReason.VENDOR_SHARED, ("link", "new")),
    ("vendors", "vendor_there", HoldReason.VENDOR_SHARED, ("new", "ignore")),
    ("vendors", "vendor_there", HoldReason.VENDOR_PROPOSAL, ("new", "link", "ignore")),
    ("vendors", "vendor", HoldReason.GONE_THERE, ("new", "link", "ignore")),
    ("vendors", "vendor", HoldReason.VENDOR_INACTIVE, ()),
    ("projects", "project", HoldReason.GONE_THERE, ("new",)),
    ("purchase_orders", "order", HoldReason.GONE_THERE, ("new", "ignore")),
    ("purchase_orders", "order", HoldReason.CODE_MISSING, ("ignore",)),
    ("purchase_orders", "order", HoldReason.BAD_ROW, ()),
    ("supplier_invoices", "supplier_invoice", HoldReason.BILLING_PERIOD_MISSING, ("ignore",)),
    ("subcontractor_invoices", "subcontractor_invoice", HoldReason.CODE_UNMAPPED, ()),
    ("dimensions", "dimension", HoldReason.CODE_MISSING, ("allow", "ignore")),
    ("dimensions", "dimension", HoldReason.PART_FORBIDDEN, ("ignore",)),
    ("dimensions", "dimension", HoldReason.CONFLICT, ("erp", "projects")),
    ("budgets", "budget", HoldReason.BUDGET_STRANGERS, ("erp", "projects")),
    ("budgets", "budget", HoldReason.CHANGED_THERE, ("erp", "projects")),
    ("supplier_invoices", "supplier_invoice", HoldReason.INVOICE_MATCH, ("link", "new", "ignore")),
    ("supplier_invoices", "supplier_invoice", HoldReason.CREDIT_WAITS, ("allow", "ignore")),
    ("supplier_invoices", "supplier_invoice", HoldReason.GONE_THERE, ("ignore",)),
    ("supplier_invoices", "supplier_invoice", HoldReason.TOTALS_DIFFER, ("ignore",)),
    ("subcontractor_invoices", "subcontractor_invoice", HoldReason.SENT_BACK, ("erp", "projects")),
    ("subcontractor_invoices", "subcontractor_invoice", HoldReason.REVISED, ("erp", "projects")),
    ("subcontractor_invoices", "subcontractor_invoice", HoldReason.GONE_HERE, ()),
    ("subcontractor_invoices", "subcontractor_invoice", HoldReason.PROPOSAL_ENDED, ("new", "ignore")),
    ("subcontractor_invoices", "flow", HoldReason.RIGHT_MISSING, ()),
    ("payments", "payment", HoldReason.SENT_BACK, ()),
)


def asked(office: Office, flow: str, kind: str, reason: HoldReason, candidates: tuple[str, ...] = ("77",)) -> int:
    """Opens a hold as a flow would; its number."""
    hold = Hold(Key(kind, "X1"), flow, reason, Key(kind, "X1"), "somebody", "?", candidates=candidates, evidence="both")
    look = Look(office.app.connection(NAME).id, 1, flow, ["X1"])
    with office.app.db.begin() as conn:
        (row,) = holds.sync_holds(conn, look, [("X1", hold)]).opened
    return row.id


def test_what_is_offered_is_taken_and_nothing_else(office: Office) -> None:
    for flow, kind, reason, answers in QUESTIONS:
        number = asked(office, flow, kind, reason)
        assert desk.hold(office.app, NAME, number)["answers"] == list(answers), (flow, kind, reason)
        for answer in ("link", "new", "ignore", "allow", "erp", "projects"):
            if answer in answers:
                assert office.app.rule(NAME, number, answer, note="because")["answer"] == answer
            else:
                with pytest.raises(BadInput):
                    office.app.rule(NAME, number, answer, note="because")


def test_an_answer_about_sides_is_bound_to_what_was_shown(office: Office) -> None:
    number = asked(office, "budgets", "budget", HoldReason.BUDGET_STRANGERS)
    assert office.app.rule(NAME, number, "projects")["target"] == mark_of("both")


def test_link_needs_to_know_with_whom(office: Office) -> None:
    alone = asked(office, "vendors", "vendor_there", HoldReason.VENDOR_PROPOSAL, ())
    with pytest.raises(BadInput, match="Say what it is linked to"):
        office.app.rule(NAME, alone, "link")
    assert office.app.rule(NAME, alone, "link", target="S1040")["target"] == "S1040"
    several = asked(office, "vendors", "vendor", HoldReason.VENDOR_MATCH, ("77", "78"))
    with pytest.raises(BadInput, match="77, 78"):
        office.app.rule(NAME, several, "link", target="79")
    office.app.rule(NAME, several, "link", target="78")
    with office.app.db.begin() as conn:
        kept = rulings.rulings_of(conn, office.app.connection(NAME).id)
    assert kept[Key("vendor", "X1"), "vendor_match"].target == "78"
