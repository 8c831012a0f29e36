"""Policies: what is not said has a careful default, and what is wrong is named."""

from __future__ import annotations

from typing import Any

import pytest

from ml_connector.kernel.errors import BadInput
from ml_connector.planning.policy import Policies, policies_from


def test_careful_by_default() -> None:
    given = policies_from({})
    assert given == Policies()
    assert given.purchase_orders.approve == "manual"
    assert given.projects.link == "ask"
    assert given.purchase_orders.drift == "hold"
    assert "planned" not in given.purchase_orders.status, "orders still being written stay in IFS"


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"vendor": {}}, "vendor"),
        ({"vendors": {"create": "sometimes"}}, "vendors.create"),
        ({"vendors": {"near": "close"}}, "vendors.near"),
        ({"vendors": {"near": 101}}, "vendors.near"),
        ({"vendors": {"near": -1}}, "vendors.near"),
        ({"cost_codes": {"make": "auto"}}, "make"),
        ({"purchase_orders": {"unbudgeted": "yes"}}, "purchase_orders.unbudgeted"),
        ({"purchase_orders": {"status": {"sent": "Approved"}}}, "purchase_orders.status"),
        ({"purchase_orders": {"status": {"released": "approved"}}}, "purchase_orders.status"),
        ({"purchase_orders": {"split_number": "{po}"}}, "purchase_orders.split_number"),
        ({"purchase_orders": {"split_number": "{order}"}}, "purchase_orders.split_number"),
        ({"purchase_orders": {"split_number": "{order}-{project"}}, "purchase_orders.split_number"),
        ({"purchase_orders": {"split_number": "{order.x}-{project}"}}, "purchase_orders.split_number"),
        ({"supplier_invoices": {"strategy": "direct_cost"}}, "supplier_invoices.strategy"),
        ({"brakes": {"updates": -1}}, "brakes.updates"),
        ({"brakes": {"money": "NaN"}}, "brakes.money"),
        ({"brakes": {"money": "lots"}}, "brakes.money"),
        ({"approval": {"four_eyes_over": "-0.01"}}, "approval.four_eyes_over"),
        ({"approval": {"four_eyes_over": "Infinity"}}, "approval.four_eyes_over"),
        ({"approval": {"offer_after": -1}}, "approval.offer_after"),
    ],
)
def test_a_wrong_entry_is_named(data: dict[str, Any], names: str) -> None:
    with pytest.raises(BadInput) as caught:
        policies_from(data)
    assert names in str(caught.value)


def test_good_entries_are_taken() -> None:
    given = policies_from({"brakes": {"money": "250000.00"}, "purchase_orders": {"split_number": "{project}/{order}"}})
    assert str(given.brakes.money) == "250000.00"
