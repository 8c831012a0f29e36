"""Cost of projects by activity and cost element: what is estimated, which account is which element, what drops out."""

from __future__ import annotations

import pytest

from .office import COST, act, enter, make_office
from .tenant import Tenant

URL = "ProjectMonitoringHandling.svc/Projects('P-2401')/ProjectCostArray?$orderby=ActivitySeq,ProjectCostElement"


def amounts(tenant: Tenant, name: str) -> dict[tuple[int, str], float | None]:
    """One amount of every cost row, by activity and element."""
    return {(row["ActivitySeq"], row["ProjectCostElement"]): row[name] for row in tenant.get(URL)["value"]}


def test_an_estimate_stands_on_its_activity_and_element_until_it_is_taken_away() -> None:
    tenant = make_office()
    act(tenant, "add_activity", project_id="P-2401", activity_seq=100020)
    where = {"project_id": "P-2401", "activity_seq": 100020, "element": "LABOR"}
    act(tenant, "set_estimate", **where, amount="1200.50")
    assert amounts(tenant, "Estimated") == {(100012, "MATERIAL"): None, (100020, "LABOR"): 1200.5}
    assert amounts(tenant, "Planned") == amounts(tenant, "Estimated")
    assert amounts(tenant, "Committed")[100020, "LABOR"] == 0
    act(tenant, "set_estimate", **where, amount="900")
    assert amounts(tenant, "Estimated")[100020, "LABOR"] == 900
    act(tenant, "set_estimate", **where)
    assert (100020, "LABOR") not in amounts(tenant, "Estimated")
    for wrong in ({"project_id": "P-1"}, {"element": "GOLD"}, {"activity_seq": 5}):
        with pytest.raises(ValueError):
            act(tenant, "set_estimate", **{**where, **wrong}, amount="1")


def test_each_account_has_its_element_and_others_the_default_one() -> None:
    tenant = make_office()
    for account in ("4115", "4120"):
        act(tenant, "add_code_value", code_part="A", value=account)
    link = {"Company": "10", "Account": "4120", "ValidFrom": "2020-01-01", "ProjectCostElement": "SUBCONTRACT"}
    links = "CostRevenueElementPerCodePartValueHandling.svc/CostElementToAccountSet"
    assert tenant.call("POST", links, link).status == 201
    rows = [{**COST, "Account": account, "CurrencyDebetAmount": 10} for account in ("4110", "4115", "4120", "4120")]
    enter(tenant, *rows)
    assert amounts(tenant, "Used") == {
        (100012, "MATERIAL"): 10, (100012, "OTHER"): 10, (100012, "SUBCONTRACT"): 20,
    }  # fmt: skip


def test_a_cancelled_voucher_and_cancelled_lines_weigh_nothing() -> None:
    tenant = make_office()
    number, _ = enter(tenant)
    assert amounts(tenant, "Used") == {(100012, "MATERIAL"): 100}
    act(tenant, "cancel_voucher", voucher_no=number)
    assert amounts(tenant, "Used") == {(100012, "MATERIAL"): 0}
    before = amounts(tenant, "Committed")[100012, "MATERIAL"]
    act(tenant, "cancel_line", order_no="P100", line_no="1")
    assert amounts(tenant, "Committed")[100012, "MATERIAL"] == pytest.approx(float(before or 0) - 200)
