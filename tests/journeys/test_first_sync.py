"""The first sync brings everything once; the second has nothing to say."""

from __future__ import annotations

from decimal import Decimal

from ml_connector.sandbox.cast import TROUBLES, UNRELATED_VENDORS

from .office import UNKNOWN_CODE, Office

TWO_PROJECTS = TROUBLES["order_on_two_projects"].order_no or ""
EUROS = TROUBLES["order_in_foreign_currency"].order_no or ""
TYPED = TROUBLES["order_typed_by_hand"].order_no or ""


def test_first_sync_brings_every_releasable_order_once(office: Office) -> None:
    assert office.proof.differences((UNKNOWN_CODE,)) != []
    report = office.sync()
    office.assert_proven()
    orders = report.flows["purchase_orders"]
    assert (orders.created, orders.linked, orders.held, orders.refused, orders.unknown) == (
        len(office.proof.wanted((UNKNOWN_CODE,))) - 1,
        1,
        1,
        0,
        0,
    )
    for money in report.money.values():
        assert money["planned"] == money["applied"]


def test_second_sync_sends_no_write(running: Office) -> None:
    report = running.assert_rests()
    assert all((one.created, one.updated, one.linked) == (0, 0, 0) for one in report.flows.values())
    running.assert_proven()


def test_plan_writes_nothing_and_says_what_sync_does(office: Office) -> None:
    office.box.log.clear()
    planned = office.plan()
    assert office.written() == []
    done = office.sync()
    assert planned.plan == done.plan
    assert planned.flows == done.flows
    assert {c: m["planned"] for c, m in planned.money.items()} == {c: m["applied"] for c, m in done.money.items()}


def test_money_planned_is_what_ifs_says(office: Office) -> None:
    totals: dict[str, Decimal] = {}
    for paper, _ in office.proof.wanted((UNKNOWN_CODE,)).values():
        totals.setdefault(paper.currency, Decimal(0))
        totals[paper.currency] += sum(line.amount for line in paper.lines.values())
    typed = sum(line.amount for line in office.proof.paper(TYPED).lines.values())
    totals["USD"] -= typed  # it is there already: adopting it moves no money
    report = office.sync()
    by_currency = report.money_by_flow["purchase_orders"]
    assert {currency: Decimal(one["applied"]) for currency, one in by_currency.items()} == totals


def test_typed_order_is_adopted_and_never_duplicated(office: Office) -> None:
    before = office.proof.paper(TYPED)
    office.sync()
    after = office.proof.paper(TYPED)
    assert after.id == before.id
    assert sorted(line.amount for line in after.lines.values()) == sorted(x.amount for x in before.lines.values())
    assert not [name for name in after.lines if name.startswith("unmarked")]
    office.assert_rests()


def test_vendors_are_linked_by_ein_and_by_spelling_and_strangers_are_left_alone(office: Office) -> None:
    def strangers() -> list[dict[str, object]]:
        names = {name for name, _, _ in UNRELATED_VENDORS}
        return [row for row in office.proof.procore.vendors() if row["name"] in names]

    untouched = strangers()
    before = {row["id"]: row["name"] for row in office.proof.procore.vendors()}
    office.sync()
    by_supplier = {row["origin_code"]: row for row in office.proof.procore.vendors() if row["origin_code"]}
    for trouble in ("vendor_two_spellings", "vendor_same_ein"):
        supplier = TROUBLES[trouble].supplier_id
        assert by_supplier[supplier]["id"] in before
        assert by_supplier[supplier]["name"] == before[by_supplier[supplier]["id"]]
    assert strangers() == untouched
    assert len(untouched) == len(UNRELATED_VENDORS)


def test_order_on_two_projects_makes_two_contracts_numbered_by_the_rule(running: Office) -> None:
    numbers = [where for where, _, _ in running.proof.papers() if where[1].startswith(TWO_PROJECTS)]
    assert sorted(numbers) == [("1201", f"{TWO_PROJECTS}-1201"), ("1202", f"{TWO_PROJECTS}-1202")]


def test_euro_order_keeps_its_currency(running: Office) -> None:
    assert running.proof.paper(EUROS).currency == "EUR"


def test_euro_order_is_held_where_procore_keeps_one_currency_and_goes_when_it_keeps_two(office: Office) -> None:
    office.box.admin("POST", "switches", {"procore": {"multi_currency": False}})
    office.sync()
    hold = office.hold("currency_off")
    assert (hold["erp_id"], hold["currency"], hold["owner"]) == (EUROS, "EUR", "administrator")
    office.assert_proven((UNKNOWN_CODE, EUROS))
    office.box.admin("POST", "switches", {"procore": {"multi_currency": True}})
    office.sync()
    assert office.holds("currency_off") == []
    office.assert_proven()
