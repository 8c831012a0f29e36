"""Budgets: read with lock and changes, filled exactly, refused when locked, moved by changes that are made once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.errors import RightMissing
from ml_connector.kernel.keys import Key
from ml_connector.records.budget import Budget, BudgetChange, BudgetLine
from ml_connector.records.cost_code import BudgetCode
from ml_connector.systems.port import Effect, Result
from ml_connector.systems.procore.budget import titled
from ml_connector.systems.procore.check import check
from ml_connector.systems.procore.settings import BudgetList

from .office import Office, reply
from .till import Till


@pytest.fixture
def box(till: Till) -> Till:
    return till


def planned(box: Till, **amounts: Any) -> Budget:
    """The budget as it stands, with other amounts for some of its lines (`n0`: the first line)."""
    lines = list(box.system.budget(box.project).lines)
    for name, amount in amounts.items():
        lines[int(name[1:])] = msgspec.structs.replace(lines[int(name[1:])], amount=Decimal(amount))
    return Budget("1201", "USD", tuple(lines))


def fill(box: Till, body: Budget) -> Effect:
    return Effect(1, "fill", "budget", "", "1201", "", body, box.ids())


def amend(box: Till, *lines: tuple[str, str], number: int = 1) -> Effect:
    reference = f"10/budget/1201/C{number}"
    body = BudgetChange(
        reference, "1201", "Estimate of March", "USD", tuple(BudgetLine(flat, Decimal(a)) for flat, a in lines)
    )
    return Effect(1, "amend", "budget_change", reference, "1201", "", body, box.ids())


def original(box: Till) -> dict[str, Decimal]:
    return {line.flat: line.amount for line in box.system.budget(box.project).lines}


def unbudgeted(box: Till) -> str:
    """A new budget code, without a budget line."""
    known = {flat for flat, _ in box.codes()}
    codes = [flat.rpartition(".")[0] for flat in sorted(known)]
    pairs = (f"{code}.{kind.code}" for code in codes for kind in box.system.cost_types())
    flat = next(pair for pair in pairs if pair not in known)
    box.done([Effect(1, "create", "budget_code", "", "1201", "", BudgetCode("", "1201", flat), box.ids())])
    return flat


def test_a_budget_reads_the_same_from_either_source(box: Till) -> None:
    by_lines = box.system.budget(box.project)
    assert by_lines.currency == "USD"
    assert not by_lines.locked
    assert by_lines.money().amount > 0
    assert all(line.id and line.flat for line in by_lines.lines)
    box.checking = False  # a view has columns of the customer's own, and a call that is switched off no contract
    assert box.open(budget_list=BudgetList.VIEWS).budget(box.project) == by_lines
    box.switch(budget_line_list=False)
    assert box.open().budget(box.project) == by_lines
    with pytest.raises(RightMissing):
        box.open(budget_list=BudgetList.LINES).budget(box.project)


def test_a_filled_budget_has_our_amounts_to_the_last_digit(box: Till) -> None:
    flat = unbudgeted(box)
    body = planned(box, n0="12345678901.23", n1=Decimal("0.1") + Decimal("0.2"))
    body = msgspec.structs.replace(body, lines=(*body.lines, BudgetLine(flat, Decimal("77.07"))))
    effect = fill(box, body)
    assert box.system.find(effect) is None
    box.said.clear()
    assert box.done([effect])[0].target == box.project
    assert len(box.said) == 1
    sent = box.said[0].body or b""
    assert b'"original_budget_amount":12345678901.23,' in sent
    assert b'"original_budget_amount":0.3,' in sent
    assert original(box) == {line.flat: line.amount for line in body.lines}
    assert box.system.find(effect) is not None


def test_a_line_that_came_to_be_meanwhile_is_written_over_and_not_doubled(box: Till) -> None:
    flat = unbudgeted(box)
    body = planned(box, n0="5.00")
    body = msgspec.structs.replace(body, lines=(*body.lines, BudgetLine(flat, Decimal("77.07"))))
    box.fault("drop_after", method="POST", path="budget_line_items/sync")
    effect = fill(box, body)
    assert box.system.send([effect])[0].result is Result.UNKNOWN
    assert box.system.find(effect) is not None
    box.done([fill(box, msgspec.structs.replace(body, lines=(BudgetLine(flat, Decimal("78.08")),)))])
    assert original(box)[flat] == Decimal("78.08")
    assert len(original(box)) == len(body.lines)


def test_lines_beyond_one_request_go_in_several(box: Till) -> None:
    body = planned(box, n0="5.00")
    box.open(batch_rows=2)
    box.said.clear()
    box.done([fill(box, body)])
    assert len(box.asked("budget_line_items/sync")) == -(-len(body.lines) // 2)
    assert original(box) == {line.flat: line.amount for line in body.lines}


def test_a_locked_budget_refuses_in_procores_words_and_keeps_its_amounts(box: Till) -> None:
    before = original(box)
    body = planned(box, n0="5.00")
    box.act("lock_budget", project_id=box.project)
    assert box.system.budget(box.project).locked
    outcome = box.system.send([fill(box, body)])[0]
    assert outcome.result is Result.REFUSED
    assert "The original_budget_amount cannot be updated for a locked budget" in outcome.sentence
    assert original(box) == before


def test_an_amount_procore_keeps_differently_is_refused(box: Till) -> None:
    body = planned(box)
    body = msgspec.structs.replace(body, lines=body.lines[:1])
    flat, code = body.lines[0].flat, dict(box.codes())[body.lines[0].flat]
    row = {"id": 5, "original_budget_amount": 1.5, "wbs_code": {"id": int(code), "flat_code": flat}}
    effect = fill(box, body)
    box.answer = lambda request: reply(200, [row]) if request.method == "POST" else None
    assert "and Procore keeps 1.5" in box.system.send([effect])[0].sentence
    box.answer = lambda request: reply(200, []) if request.method == "POST" else None
    assert "Procore keeps nothing" in box.system.send([effect])[0].sentence


def test_a_budget_change_moves_a_locked_budget_once_and_is_found_again(box: Till) -> None:
    first, second = (line.flat for line in box.system.budget(box.project).lines[:2])
    before = original(box)
    box.act("lock_budget", project_id=box.project)
    effect = amend(box, (first, "100.10"), (second, "-0.30"))
    assert box.system.find(effect) is None
    box.fault("drop_after", method="POST", path="budget_changes")
    assert box.system.send([effect])[0].result is Result.UNKNOWN
    found = box.system.find(effect)
    assert found is not None
    sent = len(box.asked("POST"))
    assert box.done([effect])[0].target == found.target
    assert len(box.asked("POST")) == sent
    budget = box.system.budget(box.project)
    assert budget.changes == tuple(
        sorted((BudgetLine(first, Decimal("100.10")), BudgetLine(second, Decimal("-0.30"))), key=lambda x: x.flat)
    )
    assert original(box) == before
    assert b'"amount":100.10' in next(r.body or b"" for r in box.said if r.method == "POST")


def test_only_approved_changes_count_and_several_add_up(box: Till) -> None:
    first, second = (line.flat for line in box.system.budget(box.project).lines[:2])
    box.done([amend(box, (first, "10.00"))])
    box.done([amend(box, (first, "5.00"), (second, "1.00"), number=2)])
    code, _, kind = first.rpartition(".")
    rows = [{"code": code, "type": kind, "amount": "99.00"}]
    box.act("change_budget", project_id=box.project, title="Later", status="under_review", lines=rows)
    expected = {first: Decimal("15.00"), second: Decimal("1.00")}
    assert {line.flat: line.amount for line in box.system.budget(box.project).changes} == expected
    box.said.clear()
    box.system.budget(box.project)
    assert len(box.said) <= 5
    box.answer = lambda r: reply(404, {"message": "no", "exception": "x"}) if "adjustment_line" in r.url else None
    box.checking = False
    assert {line.flat: line.amount for line in box.system.budget(box.project).changes} == expected


def test_a_voided_or_other_change_under_our_reference_is_told(box: Till) -> None:
    first = box.system.budget(box.project).lines[0].flat
    effect = amend(box, (first, "10.00"))
    made = box.done([effect])[0].target
    other = box.system.send([amend(box, (first, "11.00"))])[0]
    assert other.result is Result.REFUSED
    assert "10.00 in all, ours 11.00" in other.sentence
    box.by_hand("PATCH", f"/rest/v1.0/projects/{box.project}/budget_changes/{made}", {"status": "void"})
    assert box.system.find(effect) is None
    assert "it is void" in box.system.send([effect])[0].sentence


def test_changes_that_may_not_be_read_matter_only_once_the_budget_is_locked(box: Till) -> None:
    box.answer = lambda r: reply(403, {"message": "Budget changes are off."}) if "budget_changes" in r.url else None
    assert box.system.budget(box.project).changes == ()
    box.act("lock_budget", project_id=box.project)
    with pytest.raises(RightMissing, match="Budget changes are off"):
        box.system.budget(box.project)


def test_a_title_ends_with_its_reference_whatever_its_length() -> None:
    body = BudgetChange("10/budget/1201/C1", "1201", "x" * 300, "USD", ())
    assert titled(body).endswith(" [10/budget/1201/C1]")
    assert len(titled(body)) == 255
    assert titled(msgspec.structs.replace(body, title=titled(body))) == titled(body)


def test_a_budget_code_ended_in_ifs_is_made_inactive_and_comes_back(box: Till) -> None:
    flat, id_ = box.codes()[0]
    for active in (False, True):
        body = BudgetCode(id_, "1201", flat, active)
        effect = Effect(1, "update", "budget_code", "", "1201", id_, body, {Key("project", "1201"): box.project})
        assert box.system.find(effect) is None
        box.done([effect])
        assert box.system.find(effect) is not None
        found = next(code for code in box.system.budget_codes(box.project) if code.id == id_)
        assert found.active is active
    assert box.system.batch_size("budget_code", "update") == 1


def test_the_check_asks_for_direct_costs_and_names_the_right() -> None:
    levels = {"directory": "admin", "admin": "admin", "commitments": "admin", "budget": "admin"}
    found = {finding.name: finding for finding in check(Office(permissions=levels).system)}
    assert found["budget lines"].ok
    assert not found["direct costs"].ok
    assert "Admin on the project Direct Costs tool" in found["direct costs"].remedy
