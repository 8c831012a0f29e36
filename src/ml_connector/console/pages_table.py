"""Every page, one line an area."""

from __future__ import annotations

from ml_connector.console.page import Route
from ml_connector.console.pages import (
    api,
    audit,
    connections,
    documents,
    health,
    home,
    inbox,
    mapping,
    me,
    plans,
    policies,
    runs,
    sandbox,
    search,
    setup,
    setup_pairs,
    sign_in,
    users,
)

PAGES: tuple[Route, ...] = (
    *users.PAGES,
    *sign_in.PAGES,
    *me.PAGES,
    *api.PAGES,
    *inbox.PAGES,
    *mapping.PAGES,
    *policies.PAGES,
    *plans.PAGES,
    *sandbox.PAGES,
    *connections.PAGES,
    *documents.PAGES,
    *search.PAGES,
    *setup_pairs.PAGES,
    *setup.PAGES,
    *home.PAGES,
    *runs.PAGES,
    *health.PAGES,
    *audit.PAGES,
)
"""All addresses of the console; no two answer the same method of one."""
