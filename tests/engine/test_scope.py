"""How records are named for an errand, and which flows look at what."""

from __future__ import annotations

import pytest

from ml_connector.engine.scope import Scope, erp_name, projects_name, with_masters
from ml_connector.kernel.errors import BadInput


def test_names_keep_ids_as_they_are() -> None:
    scope = Scope({"purchase_orders": [erp_name("P1/A"), projects_name("7", "8"), projects_name("", "9")]})
    assert scope.ours("purchase_orders") == {"P1/A"}
    assert scope.theirs("purchase_orders") == {("7", "8"), ("", "9")}


@pytest.mark.parametrize("name", ["5629", "erp/", "projects/7/", "projects/7", "other/7/8", ""])
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="names no record"):
        Scope({"direct_costs": [name]})


def test_a_flow_that_is_not_named_looks_at_everything() -> None:
    scope = Scope({"direct_costs": [erp_name("1")]})
    assert (scope.keyed, scope.whole("direct_costs"), scope.whole("payments")) == (True, False, True)
    assert not Scope({}).keyed


def test_a_flow_that_cannot_look_at_one_record_looks_at_everything_when_it_is_named() -> None:
    scope = Scope({"payments": [erp_name("1")], "dimensions": []})
    assert (scope.whole("payments"), scope.idle("payments")) == (True, False)
    assert (scope.whole("dimensions"), scope.idle("dimensions")) == (False, True)


def test_what_makes_vendors_and_codes_goes_along_and_looks_at_nothing_of_its_own() -> None:
    found = with_masters({"purchase_orders": [erp_name("P1")], "vendors": [erp_name("S1")]})
    assert found == {"cost_codes": frozenset(), "purchase_orders": {"erp/P1"}, "vendors": {"erp/S1"}}
    scope = Scope(found)
    assert (scope.idle("cost_codes"), scope.idle("vendors"), scope.whole("cost_codes")) == (True, False, False)
