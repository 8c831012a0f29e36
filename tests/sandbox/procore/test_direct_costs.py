"""Direct costs: uniqueness, lines, numbers and strings, the sync lock, 409, and what they weigh on the budget."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ml_connector.sandbox.procore.switches import ProcoreSwitches

from .company import Caller


class Costs:
    """A caller with short ways to write direct costs of project P1."""

    def __init__(self, switches: ProcoreSwitches | None = None) -> None:
        self.caller = Caller(switches)
        p = self.caller.p1
        self.v10, self.v11 = f"/rest/v1.0/projects/{p}/direct_costs", f"/rest/v1.1/projects/{p}/direct_costs"
        codes = self.caller("GET", f"/rest/v1.0/projects/{p}/work_breakdown_structure/wbs_codes").body
        self.wbs = codes[0]["id"]

    def head(self, number: str = "D-1", **more: Any) -> dict[str, Any]:
        vendor = self.caller.vendor("Bolt")
        return {"direct_cost_type": "invoice", "vendor_id": vendor, "invoice_number": number, **more}

    def make(self, number: str = "D-1", amount: Any = 10, **more: Any) -> Any:
        lines = [{"wbs_code_id": self.wbs, "manual_amount": amount}]
        said = self.caller("POST", self.v11, {"direct_cost": self.head(number, line_items=lines, **more)})
        assert said.status == 201, said.body
        return said.body

    def patch(self, cost: Any, **values: Any) -> Any:
        return self.caller("PATCH", f"{self.v11}/{cost['id']}", {"direct_cost": values})


def test_numbers_go_in_and_strings_come_out() -> None:
    costs = Costs()
    lines = [{"wbs_code_id": costs.wbs, "manual_amount": "10"}]
    assert costs.caller("POST", costs.v11, {"direct_cost": costs.head(line_items=lines)}).status == 400
    lines = [
        {"wbs_code_id": costs.wbs, "manual_amount": 10.25, "ref": "a"},
        {"wbs_code_id": costs.wbs, "quantity": 3, "unit_cost": 1.115, "ref": "b"},
    ]
    made = costs.caller("POST", costs.v11, {"direct_cost": costs.head(line_items=lines)}).body
    shown = [(x["ref"], x["amount"], x["extended_type"], x["quantity"]) for x in made["line_items"]]
    assert shown == [("a", "10.25", "manual", None), ("b", "3.35", "calculated", "3.0")]
    assert (made["grand_total"], made["tax_breakdown"]["grand_total"]) == ("13.60", "13.60")
    again = costs.caller("GET", f"{costs.v11}/{made['id']}").body
    assert [x["ref"] for x in again["line_items"]] == [None, None]
    listed = costs.caller("GET", costs.v11).body[0]
    assert (listed["amount"], listed["vendor"]) == ("13.60", "Bolt")


def test_an_invoice_number_is_unique_per_vendor() -> None:
    costs = Costs()
    made = costs.make()
    row = costs.head()
    assert costs.caller("POST", costs.v10, {"item": row}).status == 400
    other = row | {"vendor_id": costs.caller.vendor("Acme Steel")}
    assert costs.caller("POST", costs.v10, {"item": other}).status == 201
    synced = costs.caller("PATCH", f"{costs.v10}/sync", {"updates": [row | {"origin_id": "10^1"}]}).body
    assert synced["errors"][0]["errors"] == {"invoice_number": ["has already been taken"]}
    second = costs.make("D-2")
    body = {"item": {"invoice_number": "D-1"}}
    assert costs.caller("PATCH", f"{costs.v10}/{second['id']}", body).status == 400
    costs.caller("DELETE", f"{costs.v10}/{made['id']}")
    assert costs.caller("PATCH", f"{costs.v10}/{second['id']}", body).status == 200


def test_a_write_has_at_most_a_hundred_lines_and_is_all_or_nothing() -> None:
    costs = Costs()
    line = {"wbs_code_id": costs.wbs, "manual_amount": 1}
    body = {"direct_cost": costs.head(line_items=[line] * 101)}
    assert costs.caller("POST", costs.v11, body).status == 400
    made = costs.make(amount=5)
    bad = costs.patch(made, description="no", line_items=[line, {"wbs_code_id": 1, "manual_amount": 1}])
    assert bad.status == 400
    shown = costs.caller("GET", f"{costs.v11}/{made['id']}").body
    assert (shown["description"], shown["grand_total"]) == (None, "5.00")
    assert costs.patch(made, line_items=[line]).body["grand_total"] == "6.00"


def test_headers_and_lines_are_synced_by_origin_id() -> None:
    costs = Costs()
    row = costs.head(origin_id="10^S1", status="approved")
    made = costs.caller("PATCH", f"{costs.v10}/sync", {"updates": [row]}).body["entities"][0]
    line = {"origin_id": "10^S1^1", "direct_cost_id": made["id"], "wbs_code_id": costs.wbs, "amount": 7}
    at = f"{costs.v10}/line_items/sync"
    assert costs.caller("PATCH", at, {"updates": [line]}).body["errors"] == []
    said = costs.caller(
        "PATCH", at, {"updates": [line | {"amount": 8}, {**line, "origin_id": "x", "direct_cost_id": 1}]}
    ).body
    assert [e["amount"] for e in said["entities"]] == ["8.00"]
    assert list(said["errors"][0]["errors"]) == ["direct_cost_id"]
    other = costs.caller(
        "PATCH", f"{costs.v10}/sync", {"updates": [{"origin_id": "10^S1", "direct_cost_type": "expense"}]}
    )
    assert other.body["errors"][0]["errors"] == {"direct_cost_type": ["cannot change"]}
    assert len(costs.caller("GET", f"{costs.v10}?filters[origin_id]=10^S1").body) == 1


def test_an_origin_id_locks_but_for_sync() -> None:
    costs = Costs()
    made = costs.make(origin_id="10^S1")
    assert made["synced"] is True
    assert costs.patch(made, description="d").status == 400
    assert costs.caller("DELETE", f"{costs.v10}/{made['id']}").status == 400
    line = f"{costs.v10}/{made['id']}/line_items/{made['line_items'][0]['id']}"
    assert costs.caller("PATCH", line, {"line_item": {"amount": 1}}).status == 400
    with pytest.raises(ValueError, match="synced"):
        costs.caller.face.acts["set_direct_cost_status"]({"id": made["id"], "status": "approved"})
    row = {"origin_id": "10^S1", "status": "approved"}
    assert costs.caller("PATCH", f"{costs.v10}/sync", {"updates": [row]}).body["errors"] == []
    costs.caller.face.switches.origin_id_locks = False
    assert costs.patch(made, description="d").status == 200


def test_a_second_write_while_one_runs_is_409() -> None:
    costs = Costs(ProcoreSwitches(direct_cost_busy=2.0))
    first, second = costs.make("D-1"), costs.make("D-2", origin_id="10^S2")
    assert costs.patch(first, description="a").status == 200
    refused = costs.patch(first, description="b")
    assert (refused.status, refused.body["code"]) == (409, 409)
    row = {"origin_id": "10^S2", "status": "approved"}
    heard = [costs.caller("PATCH", f"{costs.v10}/sync", {"updates": [row]}).status for _ in range(2)]
    assert heard == [200, 409]
    costs.caller.clock.advance(timedelta(seconds=3))
    assert costs.patch(first, description="b").body["description"] == "b"
    costs.caller.face.switches.direct_cost_busy = 0.0
    costs.caller.face.acts["hold_direct_cost"]({"invoice_number": "D-2", "seconds": 60})
    assert costs.caller("DELETE", f"{costs.v10}/{second['id']}").status == 409


def test_every_nth_write_meets_another_by_switch() -> None:
    costs = Costs(ProcoreSwitches(direct_cost_conflict_every=3))
    made = costs.make()
    assert [costs.patch(made, description=str(n)).status for n in range(6)] == [200, 200, 409, 200, 200, 409]


def test_direct_costs_and_budget_changes_weigh_on_the_budget() -> None:
    costs = Costs()
    act, p = costs.caller.face.acts, costs.caller.p1
    lines = [{"code": "03-310", "type": "L", "amount": "120.50"}]
    cost = act["enter_direct_cost"]({"project_id": "P1", "vendor": "Bolt", "invoice_number": "H-1", "lines": lines})
    change = act["change_budget"]({"project_id": "P1", "status": "under_review", "lines": lines})
    view = costs.caller("GET", f"/rest/v1.0/budget_views?project_id={p}").body[0]["id"]
    names = ("original_budget_amount", "Direct Costs", "Pending Budget Changes", "Revised Budget")

    def row() -> list[str]:
        at = f"/rest/v1.0/budget_views/{view}/detail_rows?project_id={p}&budget_row_type=budgeted"
        return [costs.caller("GET", at).body[0][name] for name in names]

    assert row() == ["5000.00", "0.00", "120.50", "5000.00"]
    act["set_direct_cost_status"]({"id": cost["id"], "status": "approved"})
    costs.caller("POST", f"/rest/v1.0/projects/{p}/budget/lock")
    at = f"/rest/v1.0/projects/{p}/budget_changes/{change['id']}"
    assert costs.caller("PATCH", at, {"status": "approved"}).body["data"]["amount"] == 120.50
    assert row() == ["5000.00", "120.50", "0.00", "5120.50"]
    lines = [{"wbs_code_id": costs.wbs, "amount": 1}]
    assert costs.caller("PATCH", at, {"adjustment_line_items": lines}).status == 422
    assert costs.caller("DELETE", at).status == 400
    assert costs.caller("PATCH", at, {"status": "void"}).status == 200
    assert row() == ["5000.00", "120.50", "0.00", "5000.00"]


def test_tax_is_told_apart_from_the_lines() -> None:
    costs = Costs()
    code = next(t for t in costs.caller("GET", "/rest/v1.0/tax_codes?company_id=4711").body if t["code"] == "STD")
    made = costs.make(amount=100)
    row = {"id": made["line_items"][0]["id"], "tax_code_id": code["id"]}
    found = costs.patch(made, line_items=[row]).body
    tax = found["tax_breakdown"]
    assert (found["grand_total"], tax["tax_total"], tax["grand_total"]) == ("100.00", "8.25", "108.25")
    assert [d["taxable_amount"] for d in tax["tax_details"]] == ["100.00"]


@pytest.mark.parametrize("kept", [True, False])
def test_a_currency_is_taken_by_sync_and_v11_and_never_by_v10(kept: bool) -> None:
    costs = Costs(ProcoreSwitches(multi_currency=kept))
    flat = {"currency_iso_code": "EUR", "currency_exchange_rate": 1.1}
    nested = {"currency_configuration": flat}
    shown = {
        "v1.0": costs.caller("POST", costs.v10, {"item": costs.head("A", **flat, **nested)}).body,
        "v1.1": costs.caller("POST", costs.v11, {"direct_cost": costs.head("B", **nested)}).body,
        "sync": costs.caller("PATCH", f"{costs.v10}/sync", {"updates": [costs.head("C", **flat)]}).body["entities"][0],
    }
    own, foreign = ("USD", "1.0"), ("EUR", "1.1")
    wanted = {"v1.0": own, "v1.1": foreign, "sync": foreign} if kept else dict.fromkeys(shown, ("USD", None))
    found = {name: row["currency_configuration"] for name, row in shown.items()}
    assert {name: (row["currency_iso_code"], row["currency_exchange_rate"]) for name, row in found.items()} == wanted
    costs.caller("PATCH", f"{costs.v10}/{shown['v1.0']['id']}", {"item": {"terms": "net", **nested}})
    again = costs.caller("GET", f"{costs.v10}/{shown['v1.0']['id']}").body
    assert (again["terms"], again["currency_configuration"]["currency_iso_code"]) == ("net", "USD")


def test_type_and_number_stay_what_they_were_in_v11() -> None:
    costs = Costs()
    made = costs.make()
    changed = costs.patch(made, invoice_number="D-9", direct_cost_type="invoice", description="d").body
    assert (changed["invoice_number"], changed["description"]) == ("D-1", "d")
    assert costs.patch(made, direct_cost_type="expense").status == 400
    renamed = costs.caller("PATCH", f"{costs.v10}/{made['id']}", {"item": {"invoice_number": "D-9"}}).body
    assert renamed["invoice_number"] == "D-9"


def test_lists_are_narrowed_by_number_days_and_change() -> None:
    costs = Costs()
    first = costs.make("D-1", received_date="2026-02-27")
    costs.caller.clock.advance(timedelta(hours=1))
    second = costs.make("D-2", received_date="2026-03-01", payment_date="2026-03-30")

    def found(**filters: str) -> list[int]:
        words = "&".join(f"filters[{name}]={value}" for name, value in filters.items())
        ids = [[row["id"] for row in costs.caller("GET", f"{at}?{words}").body] for at in (costs.v10, costs.v11)]
        assert ids[0] == ids[1]
        return ids[0]

    assert found(invoice_number="D-2") == [second["id"]]
    assert found(received_date="2026-02-01...2026-02-28") == [first["id"]]
    assert found(payment_date="2026-03-01...2026-03-31") == [second["id"]]
    assert found(updated_at="2026-03-02T08:30:00Z...2026-03-02T10:00:00Z") == [second["id"]]
    costs.patch(first, description="touched")
    assert found(updated_at="2026-03-02T08:30:00Z...2026-03-02T10:00:00Z") == [first["id"], second["id"]]


def test_a_line_of_v10_is_made_changed_and_removed_alone() -> None:
    costs = Costs()
    made = costs.make(amount=5)
    at = f"{costs.v10}/{made['id']}/line_items"
    line = costs.caller("POST", at, {"line_item": {"wbs_code_id": costs.wbs, "amount": 2.5}}).body
    assert (line["amount"], line["holder"]) == ("2.50", {"id": made["id"], "holder_type": "DirectCost::Item"})
    costs.caller("PATCH", f"{at}/{line['id']}", {"line_item": {"quantity": 2, "unit_cost": 3}})
    manual = costs.caller("GET", f"{at}/{line['id']}").body
    assert (manual["amount"], manual["extended_type"], manual["quantity"]) == ("2.50", "manual", "2.0")
    worked_out = {"line_item": {"extended_type": "calculated"}}
    assert costs.caller("PATCH", f"{at}/{line['id']}", worked_out).body["amount"] == "6.00"
    assert costs.caller("DELETE", f"{at}/{line['id']}").status == 200
    assert costs.caller("GET", f"{costs.v10}/{made['id']}").body["grand_total"] == "5.00"
    costs.caller.face.acts["hold_direct_cost"]({"id": made["id"], "seconds": 60})
    assert costs.caller("POST", at, {"line_item": {"wbs_code_id": costs.wbs, "amount": 1}}).status == 409
    row = {"direct_cost_id": made["id"], "wbs_code_id": costs.wbs, "amount": 1}
    assert costs.caller("PATCH", f"{costs.v10}/line_items/sync", {"updates": [row]}).status == 409
