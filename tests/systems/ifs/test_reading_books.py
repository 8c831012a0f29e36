"""The rules of the books come with few requests, and what a tenant hides is left out instead of stopping us."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from ml_connector.kernel.errors import Unavailable
from ml_connector.records.accounting import Book, Combination, Demand, Membership
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.finding import Finding
from ml_connector.systems.ifs.check import check
from ml_connector.systems.ifs.system import IfsSettings, IfsSystem
from ml_connector.systems.ifs.writing import Writing
from ml_connector.systems.port import ErpSystem
from ml_connector.systems.transport import Transport
from ml_connector.systems.wire import WireRequest

from .conftest import MakeSystem
from .tampering import Tampering

ALWAYS = (date(2020, 1, 1), date(2049, 12, 31))


def change(system: IfsSystem, projection: str, path: str, **values: Any) -> None:
    """Somebody in accounting changes a row in the windows of basic data."""
    writing = Writing(system.odata, projection)
    found = writing.read(path)
    assert found is not None
    writing.patch(path, found.etag, values)


def periods(book: Book) -> dict[tuple[int, int], tuple[bool, dict[str, bool]]]:
    return {(one.year, one.period): (one.open, one.groups) for one in book.periods}


def test_accounts_come_with_their_demands(box: RunningSandbox, make: MakeSystem) -> None:
    system = make()
    usual: ErpSystem = system
    accounts = usual.book().accounts
    assert accounts.keys() == {one.value for one in box.sandbox.world.code_values if one.code_part == "A"}
    plain = accounts["4110"]
    assert (plain.name, plain.valid_from, plain.valid_until) == ("Project materials", *ALWAYS)
    assert (plain.demands, plain.ledger, plain.budget_only, plain.follow_up) == ({}, False, False, True)
    change(
        system, "AccountHandling", "AccountSet(Company='10',Account='4110')", ReqCodeB="Mandatory", ReqCodeD="Blocked",
        ReqQuantity="Mandatory", ReqProcessCode="Blocked", ReqText="Mandatory", LedgFlag="LedgerAccount",
        BudAccount="Yes", ExcludeProjFollowup=True,
    )  # fmt: skip
    strict = system.book().accounts["4110"]
    assert strict.demands == {
        "B": Demand.MANDATORY,
        "D": Demand.BLOCKED,
        "quantity": Demand.MANDATORY,
        "process_code": Demand.BLOCKED,
        "text": Demand.MANDATORY,
    }
    assert (strict.ledger, strict.budget_only, strict.follow_up) == (True, True, False)


def test_code_parts_tell_what_they_are_for(make: MakeSystem) -> None:
    parts = make().book().parts
    assert {part for part, one in parts.items() if one.used} == set("ABCDEF")
    assert (parts["E"].function, parts["E"].name, parts["B"].length) == ("PRACC", "Project", 10)
    assert parts.keys() == set("ABCDEFGHIJ")


def test_periods_are_open_or_closed_in_the_ledger_and_for_each_group(box: RunningSandbox, make: MakeSystem) -> None:
    found = periods(make().book())
    assert found.keys() == {(year, month) for year in (2026, 2027) for month in range(1, 13)}
    everybody = dict.fromkeys(("AC", "AI", "AP"), True)
    assert set(map(str, found.values())) == {str((True, everybody))}
    box.act("ifs", "close_period", month="2026-09")
    box.act("ifs", "close_period", month="2026-10", user_group="AI")
    found = periods(make().book())
    assert found[2026, 9] == (False, everybody)
    assert found[2026, 10] == (True, {**everybody, "AI": False})
    assert found[2026, 11] == (True, everybody)
    (october,) = [one for one in make().book().periods if (one.year, one.period) == (2026, 10)]
    assert (october.start, october.until) == (date(2026, 10, 1), date(2026, 10, 31))


def test_who_may_enter_what_is_told_of_the_service_user_only(make: MakeSystem) -> None:
    found = make().book().memberships
    assert {one.group for one in found} == {"AI", "AP"}
    assert Membership("AI", "M", 2026, enters=True, default=True) in found
    assert Membership("AP", "M", 2026, enters=False) in found
    assert {one.type for one in found} == {"M", "X", "I", "P"}


def test_combination_rules_keep_their_order_and_patterns(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    system = make()
    assert system.book().combinations == ()
    url = system.odata.service("CombinationRulesHandling") + "AccountingCodestrCombSet"
    for number, rule in ((20, "Allowed"), (3, "Blocked")):
        row = {"Company": "10", "CombRuleId": number, "Account": "41%", "CodeB": "03-%", "AllowedOrBlocked": rule}
        assert transport(WireRequest("POST", url, headers={}, body=json.dumps(row).encode())).status == 201
    patterns = {"A": "41%", "B": "03-%"}
    assert system.book().combinations == (
        Combination("3", patterns, allowed=False),
        Combination("20", patterns, allowed=True),
    )


def test_what_is_completed_or_for_budgets_only_is_known(box: RunningSandbox, make: MakeSystem) -> None:
    system = make()
    book = system.book()
    assert (book.base_currency, book.completed_projects, book.budget_values) == ("USD", frozenset(), frozenset())
    box.act("ifs", "complete_financial_project", project_id="1203")
    change(system, "CodeBHandling", "CodeBSet(Company='10',CodeB='03-310')", BudgetValue="BudgetAccount")
    change(system, "CodeDHandling", "CodeDSet(Company='10',CodeD='TC')", BudgetValue="BudgetAccount")
    book = system.book()
    assert book.completed_projects == {"1203"}
    assert book.budget_values == {("B", "03-310"), ("D", "TC")}


@pytest.mark.parametrize("size", [1, 5, 12])
def test_pages_of_any_size_and_bare_numbers_give_the_same_book(
    box: RunningSandbox, make: MakeSystem, size: int
) -> None:
    usual = make().book()
    assert make(page_size=size).book() == usual
    box.ifs.switches.ieee754 = "never"
    box.ifs.switches.nested_needs_select = True
    assert make(page_size=size).book() == usual


def test_the_book_costs_few_requests(make: MakeSystem, transport: Transport) -> None:
    system = make()
    system.book()
    before = transport.counts.reads
    system.book()
    assert transport.counts.reads - before <= 18


@pytest.mark.parametrize("size", [0, 100])
def test_a_tenant_without_batches_gives_the_same_book(
    box: RunningSandbox, make: MakeSystem, transport: Transport, size: int
) -> None:
    other = (
        make(batch_parts=0)
        if not size
        else IfsSystem(Tampering(transport, instead=405), IfsSettings(box.ifs_url, "10"))
    )
    assert other.book() == make().book()


@pytest.mark.parametrize("how", ["missing", "denied"])
def test_each_part_the_tenant_hides_is_left_out_by_itself(box: RunningSandbox, make: MakeSystem, how: str) -> None:
    usual, system = make().book(), make()
    for projection, hidden in (
        ("AccountHandling", {"accounts": {}}),
        ("DefineCodeStringHandling", {"parts": {}}),
        ("AccountingPeriodsHandling", {"periods": ()}),
        ("CombinationRulesHandling", {"combinations": ()}),
        ("UserGroupPerVoucherSeriesHandling", {"memberships": ()}),
        ("UserRelatedData", {"memberships": ()}),
        ("FrameworkServices", {"memberships": ()}),
        ("UsersPerCompanyHandling", {"base_currency": ""}),
        ("ProjectsHandling", {"completed_projects": frozenset()}),
        ("CodeBHandling", {}),
    ):
        setattr(box.ifs.switches, f"{how}_projections", {projection})
        found = system.book()
        for field in usual.__struct_fields__:
            assert getattr(found, field) == {field: getattr(usual, field), **hidden}[field], (projection, field)


def test_names_the_tenant_does_not_have_leave_their_part_out(make: MakeSystem) -> None:
    usual = make().book()
    book = make(
        ledger_account={"properties": {"ledger": "LedgerFlag"}},
        period_navs={"group": "UserGroupPeriods", "ledger": ""},
        accounting_project={"nav": "FinancialProjectRef"},
        budget_value={"state_enum": "BudgetFlag"},
        user_group={"nav": ""},
    ).book()
    assert (book.accounts, book.memberships, book.completed_projects) == ({}, (), frozenset())
    assert {(one.open, len(one.groups)) for one in book.periods} == {(True, 0)}
    assert book.parts == usual.parts


def test_a_service_that_is_away_is_no_empty_book(box: RunningSandbox, make: MakeSystem) -> None:
    make().book()
    box.faults.add(FaultRule("503", side="ifs", path="CombinationRulesHandling", times=50))
    with pytest.raises(Unavailable):
        make().book()


def named(findings: list[Finding]) -> dict[str, Finding]:
    return {one.name: one for one in findings}


def test_the_check_passes_a_tenant_that_has_it_all(make: MakeSystem) -> None:
    found = check(make())
    assert all(one.ok and not one.flows for one in found)
    assert {"read invoice", "read payment", "read estimate", "read year", "states of invoice"} <= named(found).keys()


@pytest.mark.parametrize(
    ("projection", "word", "flows"),
    [
        ("ManualSupplierInvoiceHandling", "invoice", ("supplier_invoices",)),
        ("SupplierInvoicePostingsAnalysis", "invoice_line", ("supplier_invoices",)),
        ("LedgerTransactionsAnalysis", "payment", ("payments",)),
        ("ProjectMonitoringHandling", "estimate", ("budgets",)),
        ("CombinationRulesHandling", "combination", ()),
    ],
)
@pytest.mark.parametrize("how", ["missing", "denied"])
def test_the_check_says_which_flow_cannot_run_and_fails_no_other(
    box: RunningSandbox, make: MakeSystem, how: str, projection: str, word: str, flows: tuple[str, ...]
) -> None:
    setattr(box.ifs.switches, f"{how}_projections", {projection})
    found = check(make())
    assert all(one.ok for one in found)
    finding = named(found)[f"names of {word}"]
    assert finding.flows == flows
    assert projection in finding.sentence
    assert (f"the flow {flows[0]} cannot run" if flows else "IFS judges it") in finding.sentence
    assert projection in finding.remedy
    assert {"supplier details", "page size", "amounts"} <= named(found).keys()


def test_a_wrong_name_and_an_unknown_state_of_an_invoice_are_offered_the_right_one(make: MakeSystem) -> None:
    finding = named(check(make(invoice={"properties": {"net": "NetAmountCurr"}})))["names of invoice"]
    assert "NetAmountCurr" in finding.sentence
    assert "[erp.profile.invoice]" in finding.remedy
    finding = named(check(make(estimate={"nav": "ProjectCosts"})))["names of estimate"]
    assert "ProjectCostArray" in finding.remedy
