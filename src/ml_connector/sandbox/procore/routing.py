"""Which operation is served by whom: every room's routes in one table."""

from __future__ import annotations

from ml_connector.sandbox.procore import (
    billing_periods,
    budget,
    budget_changes,
    change_order_lines,
    change_order_packages,
    change_orders,
    commitments,
    company_lists,
    contract_payments,
    cost_codes,
    cost_types,
    direct_cost_calls,
    order_lines,
    project_vendors,
    projects,
    purchase_orders,
    requisition_item_calls,
    requisitions,
    taxes,
    vendors,
    wbs,
    webhook_calls,
    webhook_calls_v2,
)
from ml_connector.sandbox.procore.call import Route

ROUTES: tuple[Route, ...] = (
    *projects.ROUTES,
    *company_lists.ROUTES,
    *vendors.ROUTES,
    *project_vendors.ROUTES,
    *cost_codes.ROUTES,
    *cost_types.ROUTES,
    *wbs.ROUTES,
    *taxes.ROUTES,
    *budget.ROUTES,
    *budget_changes.ROUTES,
    *purchase_orders.ROUTES,
    *order_lines.ROUTES,
    *commitments.ROUTES,
    *change_orders.ROUTES,
    *change_order_lines.ROUTES,
    *change_order_packages.ROUTES,
    *billing_periods.ROUTES,
    *requisitions.ROUTES,
    *requisition_item_calls.ROUTES,
    *contract_payments.ROUTES,
    *direct_cost_calls.ROUTES,
    *webhook_calls.ROUTES,
    *webhook_calls_v2.ROUTES,
)
"""Every modelled operation under /rest, with the contract's own path templates."""

OAUTH = (("GET", "/oauth/authorize"), ("POST", "/oauth/token"), ("GET", "/oauth/token/info"))
"""Login operations the contract describes; /oauth/revoke is served too but not in the contract."""
