"""Plans of every flow approved project by project: nothing is held for it, nothing is lost, and all comes to rest."""

from __future__ import annotations

from ml_connector.engine.gate import Approval
from ml_connector.store import signals

from .office import Office

FLOWS = {"purchase_orders", "supplier_invoices", "budgets"}


def waiting(office: Office) -> list[str]:
    with office.app.db.begin() as conn:
        found = signals.signals(conn, office.app.clock()).connections
    return [plan for one in found if one.name == office.name for plan in one.waiting_plans]


def test_one_project_first_and_the_rest_later(begun: Office) -> None:
    begun.policy(purchase_orders={"approve": "manual"})
    plan = begun.plan().plan
    held = {hold["id"] for hold in begun.holds()}
    first = begun.app.sync(begun.name, (), Approval(plan, frozenset({"1202"})))
    assert all(first.flows[flow].created + first.flows[flow].updated for flow in FLOWS)
    assert {hold["id"] for hold in begun.holds()} == held, "what is not approved is not held"
    assert waiting(begun) == [plan], "the status page says that the rest waits"
    second = begun.sync(approved=plan)
    assert all(second.flows[flow].created + second.flows[flow].linked for flow in FLOWS)
    assert waiting(begun) == []
    begun.policy(purchase_orders={"approve": "auto"})
    begun.sync()
    begun.assert_rests()
