"""What becomes of what the next run decides: it goes with it, or into a plan that waits for somebody's approval."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ml_connector.engine.flow_gate import waiting_flows
from ml_connector.planning.policy import Policies, policies_from
from ml_connector.registry import FLOWS

_GOES = "would go with the next run"
_WAITS = "would go into the next plan, which waits for approval"
_PARTLY = "would go into the next plan, of which a part waits for approval"


def policies_of(config: Mapping[str, Any]) -> Policies:
    """The policies of a connection, from its kept settings."""
    return policies_from(config.get("policy", {}))


def waits_for_approval(policies: Policies, flow: str = "") -> bool:
    """Whether steps of a flow wait for a person; without a flow, whether those of any do."""
    return bool(waiting_flows(policies, [flow] if flow else FLOWS))


def goes_words(policies: Policies, flows: Collection[str]) -> str:
    """How documents of some flows that are free to go would go: `would go with the next run`."""
    waiting = waiting_flows(policies, flows)
    if not waiting:
        return _GOES
    return _WAITS if waiting == set(flows) else _PARTLY
