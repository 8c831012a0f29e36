"""A right that one money flow needs is taken away: it is named, the other flows go on, and given back it heals."""

from __future__ import annotations

import pytest

from ml_connector.kernel.errors import RightMissing

from .money_scene import UNKNOWN_THERE, carry, prove
from .office import NAME, UNKNOWN_CODE, Office

TOOLS = {"direct_costs": "direct costs"}
"""Tools of Procore that only a money flow needs, as a sentence calls them."""
PROJECTIONS = (
    "ManualSupplierInvoiceHandling",
    "SupplierInvoicePostingsAnalysis",
    "TaxCodesHandling",
    "LedgerTransactionsAnalysis",
    "ProjectMonitoringHandling",
    "VoucherEntryAssistantHandling",
    "PurchaseRequisitionHandling",
)
"""IFS projections that only money flows need."""
CASES = [
    *(pytest.param({tool: level}, (), (), id=f"{tool} {level}") for tool in TOOLS for level in ("none", "read")),
    *(pytest.param({}, (one,), (), id=one) for one in PROJECTIONS),
    pytest.param({}, (), PROJECTIONS, id="a tenant without any of them"),
]
"""How much of a Procore tool we may use, IFS projections we may not read, IFS projections that are not there at all."""


class Rights:
    """The administrators of both sides, who take rights away and give them back."""

    def __init__(self, office: Office) -> None:
        self.box = office.box
        self.permissions: dict[str, str] = dict(self.box.procore.switches.permissions)
        self.missing: list[str] = sorted(self.box.ifs.switches.missing_projections)

    def take(self, tools: dict[str, str], denied: tuple[str, ...], missing: tuple[str, ...]) -> None:
        """Tools at another level, and projections that are gone."""
        self._switch("procore", permissions={**self.permissions, **tools})
        self._switch("ifs", denied_projections=denied, missing_projections=[*self.missing, *missing])

    def give(self) -> None:
        """Everything is as it was."""
        self.take({}, (), ())

    def _switch(self, side: str, **values: object) -> None:
        self.box.admin("POST", "switches", {side: values})


@pytest.mark.parametrize(("tools", "denied", "missing"), CASES)
def test_a_money_flow_without_its_right_stands_still_the_others_go_on_and_it_heals(
    begun: Office, tools: dict[str, str], denied: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    office = begun
    rights = Rights(office)
    rights.take(tools, denied, missing)
    for _ in range(2):
        still = _standing_still(office)
        for word in (*(TOOLS[tool] for tool in tools), *denied):
            assert any(word in sentence for sentence in still), still
        assert still
    unlike = office.proof.differences((UNKNOWN_CODE,), (UNKNOWN_THERE,))
    assert [one for one in unlike if one.startswith("(")] == []
    rights.give()
    assert _standing_still(office) == []
    carry(office)
    prove(office)
    rights.take(tools, denied, missing)
    office.sync()
    rights.give()
    office.assert_rests()


def test_budget_tool_is_needed_by_orders_too_so_the_run_stops_and_heals(begun: Office) -> None:
    """Whether a code is budgeted is asked for every order (policy `unbudgeted`)."""
    office = begun
    rights = Rights(office)
    rights.take({"budget": "none"}, (), ())
    with pytest.raises(RightMissing, match="budget"):
        office.sync()
    assert office.written() == []
    rights.give()
    carry(office)
    prove(office)
    office.assert_rests()


def _standing_still(office: Office) -> list[str]:
    """A sync; what it says of flows that stand still."""
    report = office.sync()
    return [hold["sentence"] for hold in report.holds if hold["reason"] == "right_missing"]


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_check_says_which_flows_a_missing_projection_stops(office: Office, projection: str) -> None:
    rights = Rights(office)
    rights.take({}, (projection,), ())
    lacking = [one for _, one in office.app.check(NAME) if projection in f"{one.sentence} {one.remedy}"]
    rights.give()
    assert [one for one in lacking if one.flows and one.remedy], lacking
    assert [one for _, one in office.app.check(NAME) if not one.ok or one.flows] == []
