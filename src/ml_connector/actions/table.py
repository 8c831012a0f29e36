"""Every action there is, one line an area."""

from __future__ import annotations

from ml_connector.actions import (
    audit,
    connections,
    documents,
    health,
    home,
    inbox,
    mapping,
    own,
    plans,
    policies,
    runs,
    sandbox,
    setup,
    setup_pairs,
    users,
)
from ml_connector.actions.action import Action

ACTIONS: tuple[Action, ...] = (
    *documents.ACTIONS,
    *inbox.ACTIONS,
    *mapping.ACTIONS,
    *policies.ACTIONS,
    *own.ACTIONS,
    *users.ACTIONS,
    *plans.ACTIONS,
    *connections.ACTIONS,
    *setup.ACTIONS,
    *setup_pairs.ACTIONS,
    *home.ACTIONS,
    *runs.ACTIONS,
    *health.ACTIONS,
    *audit.ACTIONS,
    *sandbox.ACTIONS,
)
"""Everything a person or a program can do here; no two have the same name, nor the same method and path."""
