"""Which operation is served by whom: every room's routes in one table."""

from __future__ import annotations

from ml_connector.sandbox.procore import (
    budget,
    change_orders,
    commitments,
    company_lists,
    cost_codes,
    cost_types,
    order_lines,
    project_vendors,
    projects,
    purchase_orders,
    vendors,
    wbs,
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
    *budget.ROUTES,
    *purchase_orders.ROUTES,
    *order_lines.ROUTES,
    *commitments.ROUTES,
    *change_orders.ROUTES,
)
"""Every modelled operation under /rest, with the contract's own path templates."""

OAUTH = (("GET", "/oauth/authorize"), ("POST", "/oauth/token"), ("GET", "/oauth/token/info"))
"""Login operations the contract describes; /oauth/revoke is served too but not in the contract."""
