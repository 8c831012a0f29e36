"""The API does what its own description says, whatever it is sent: schemathesis makes up the requests."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from ml_connector.access import tokens as api_tokens
from ml_connector.access.permissions import Permission
from ml_connector.actions.table import ACTIONS
from ml_connector.api.openapi import described

from .scene import Scene

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")  # schemathesis's own

schema = schemathesis.openapi.from_dict(described())
schema.config.phases.coverage.enabled = False
schema.config.phases.examples.enabled = False


@pytest.fixture(scope="module")
def bearer(scene: Scene) -> str:
    """A token that may do everything."""
    return api_tokens.add_for(scene.app, "adam", "schemathesis", [one.value for one in Permission], 1).token


def test_the_description_has_every_action() -> None:
    told = {
        (path.removeprefix("/api/v1"), method.upper())
        for path, methods in described()["paths"].items()
        for method in methods
    }
    assert told == {(action.path, action.method) for action in ACTIONS}
    names = [action.name for action in ACTIONS]
    assert len(set(names)) == len(names) == len(told)


@pytest.mark.parametrize("operation", [one.ok() for one in schema.get_all_operations()], ids=lambda one: one.label)
def test_it_answers_as_described(operation: APIOperation[Any, Any, Any, Any], scene: Scene, bearer: str) -> None:
    """An item of its own for each: those that schemathesis makes have one name, and xdist would run one of them."""

    @given(case=operation.as_strategy())
    @settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    def ask(case: Case) -> None:
        parts = case.path_parameters
        if parts and "connection" in parts and len(parts["connection"]) % 2:
            parts["connection"] = "north"  # else most requests would end at a connection that is not there
        # `ignored_auth` takes our header for one it had left out (test_who_may.py asks as a stranger); what has the
        # right shape may still be refused for what it says, such as the name of a connection that is not there
        case.call_and_validate(
            base_url=scene.url,
            headers={"authorization": f"Bearer {bearer}"},
            timeout=30,
            excluded_checks=[ignored_auth, positive_data_acceptance],
        )

    ask()
