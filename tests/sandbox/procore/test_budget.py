"""The budget: what its lock keeps, one line a code, all rows of a sync or none, and the columns of its view."""

from __future__ import annotations

from typing import Any

import pytest

from ml_connector.sandbox.procore.switches import ProcoreSwitches

from .company import COMPANY, Caller

LINES, LINES_11 = "/rest/v1.0/budget_line_items", "/rest/v1.1/budget_line_items"
SYNC = f"{LINES}/sync"


class Book:
    """The budget of project P1: one line of 5000.00 on 03-310.L, and codes without one."""

    def __init__(self, switches: ProcoreSwitches | None = None) -> None:
        self.caller = Caller(switches)
        self.p = self.caller.p1
        self.v2 = f"/rest/v2.0/companies/{COMPANY}/projects/{self.p}/budget_line_items"
        rows = self.caller("GET", f"{self.v2}?per_page=100").body["data"]
        budgeted = next(row for row in rows if row["original_budget_amount"] == "5000.00")
        self.line, self.code = int(budgeted["id"]), int(budgeted["wbs_code"]["id"])
        known = self.caller.codes()
        base = f"/rest/v1.0/projects/{self.p}/work_breakdown_structure"
        segments = {row["type"]: row["id"] for row in self.caller("GET", f"{base}/segments").body}
        items = {
            kind: {row["code"]: row["id"] for row in self.caller("GET", f"{base}/segments/{at}/segment_items").body}
            for kind, at in segments.items()
            if kind != "sub_job"
        }
        pair = [
            {"segment_id": segments["cost_code"], "segment_item_id": items["cost_code"]["03"]},
            {"segment_id": segments["line_item_type"], "segment_item_id": items["line_item_type"]["L"]},
        ]
        self.free = int(self.caller("POST", f"{base}/wbs_codes", {"segment_items": pair}).body["id"])
        self.pair = {"cost_code_id": known["03"], "line_item_type_id": known["L"]}

    def send(self, method: str, at: str, **row: Any) -> Any:
        return self.caller(method, at, {"project_id": self.p, "budget_line_item": row})

    def sync(self, *rows: dict[str, Any]) -> Any:
        return self.caller("POST", SYNC, {"project_id": self.p, "budget_line_items": list(rows)})

    def amount(self, line: int | None = None) -> Any:
        shown = self.caller("GET", f"{LINES}/{line or self.line}?project_id={self.p}")
        return shown.body.get("original_budget_amount")

    def rows(self, **params: Any) -> Any:
        view = self.caller("GET", f"/rest/v1.0/budget_views?project_id={self.p}").body[0]["id"]
        words = "".join(f"&{name}={value}" for name, value in params.items())
        return self.caller("GET", f"/rest/v1.0/budget_views/{view}/detail_rows?project_id={self.p}{words}").body


def test_while_locked_no_amount_moves_by_any_version_and_all_else_may() -> None:
    book = Book()
    at = f"/rest/v1.0/projects/{book.p}/budget"
    assert book.caller("POST", f"{at}/lock").body == book.caller("GET", at).body == {"locked": True}
    row = {"original_budget_amount": 5001}
    assert book.send("PATCH", f"{LINES}/{book.line}", **row).status == 422
    assert book.send("PATCH", f"{LINES_11}/{book.line}", **row).status == 400
    before = len(book.rows())
    empty = {"wbs_code_id": book.free, "original_budget_amount": 0}
    assert book.sync(empty, {"id": book.line, "wbs_code_id": book.code, **row}).status == 422
    assert len(book.rows()) == before, "all rows or none"
    assert book.send("POST", LINES, **book.pair, **row).status == 422
    assert book.send("POST", LINES_11, wbs_code_id=book.free, **row).status == 400
    counted = {"calculation_strategy": "automatic", "quantity": 2, "unit_cost": 7}
    assert book.send("PATCH", f"{LINES_11}/{book.line}", **counted).status == 400
    assert book.caller("DELETE", f"{book.v2}/{book.line}").status == 422
    assert book.amount() == 5000
    assert book.send("PATCH", f"{LINES_11}/{book.line}", uom="EA", original_budget_amount=5000).status == 200
    assert book.send("POST", LINES_11, wbs_code_id=book.free, original_budget_amount=0).status == 201
    assert book.caller("DELETE", f"{at}/lock").body == {"locked": False}
    assert book.send("PATCH", f"{LINES_11}/{book.line}", **row).status == 200
    assert book.amount() == 5001


def test_a_sync_of_budget_lines_is_all_or_nothing_and_answers_a_bare_list() -> None:
    book = Book()
    good = {"wbs_code_id": book.free, "original_budget_amount": 10.5}
    for bad in (
        {"wbs_code_id": book.code, "original_budget_amount": 1},
        {"wbs_code_id": book.free, "original_budget_amount": 2},
        {"wbs_code_id": 5, "original_budget_amount": 1},
        {"id": 5, "wbs_code_id": book.code, "original_budget_amount": 1},
        {"wbs_code_id": book.code, "original_budget_amount": "1"},
    ):
        assert book.sync(good, bad).status == 422
    before = len(book.rows())
    said = book.sync(good, {"id": book.line, "wbs_code_id": book.code, "original_budget_amount": 4000})
    assert [row["original_budget_amount"] for row in said.body] == [10.5, 4000]
    assert len(book.rows()) == before + 1


def test_quantities_make_the_amount_where_the_strategy_says_so() -> None:
    book = Book()
    counted = {"calculation_strategy": "automatic", "quantity": 3, "unit_cost": 1.115, "original_budget_amount": 99}
    said = book.send("POST", LINES_11, wbs_code_id=book.free, **counted).body
    assert (said["original_budget_amount"], said["calculation_strategy"]) == (3.35, "automatic")
    assert book.send("PATCH", f"{LINES_11}/{said['id']}", quantity=4).body["original_budget_amount"] == 4.46


def test_a_line_goes_only_while_nothing_weighs_on_its_code() -> None:
    book = Book()
    line = {"code": "03-310", "type": "L", "amount": "20.00"}
    given = {"project_id": "P1", "vendor": "Bolt", "invoice_number": "H-1", "lines": [line]}
    cost = book.caller.face.acts["enter_direct_cost"](given)
    assert book.caller("DELETE", f"{book.v2}/{book.line}").status == 422
    assert book.caller("DELETE", f"/rest/v1.0/projects/{book.p}/direct_costs/{cost['id']}").status == 200
    assert book.caller("DELETE", f"{book.v2}/{book.line}").status == 204
    assert book.caller("DELETE", f"{book.v2}/{book.line}").status == 404


def test_a_budget_change_makes_the_line_of_its_code_and_an_amount_makes_it_budgeted() -> None:
    book = Book()
    row = {"wbs_code_id": book.free, "amount": 70, "type": "budget_change"}
    at = f"/rest/v1.0/projects/{book.p}/budget_changes"
    body = {"status": "approved", "title": "B", "adjustment_line_items": [row]}
    assert book.caller("POST", at, body).status == 201
    (line,) = [one for one in book.rows(budget_row_type="unbudgeted") if one["wbs_code_id"] == book.free]
    assert (line["original_budget_amount"], line["Revised Budget"]) == ("0.00", "70.00")
    assert book.send("PATCH", f"{LINES_11}/{line['id']}", uom="EA").status == 200
    assert book.free in [one["wbs_code_id"] for one in book.rows(budget_row_type="unbudgeted")]
    assert book.send("PATCH", f"{LINES_11}/{line['id']}", original_budget_amount=30).status == 200
    assert book.free in [one["wbs_code_id"] for one in book.rows(budget_row_type="budgeted")]
    assert book.caller("DELETE", f"{book.v2}/{line['id']}").status == 422
    assert book.send("PATCH", f"{LINES_11}/{book.line}", original_budget_amount=31).status == 200
    assert book.send("PATCH", f"{LINES_11}/{book.line}", uom="EA").status == 200
    assert book.line in [one["id"] for one in book.rows(budget_row_type="budgeted")]
    assert book.send("POST", LINES_11, wbs_code_id=5, original_budget_amount=1).status == 400


def test_the_view_adds_up_what_weighs_on_each_code() -> None:
    book = Book()
    act = book.caller.face.acts
    line = {"code": "03-310", "type": "L"}
    typed = {**line, "description": "d", "quantity": 1, "unit_cost": "400"}
    order = {"project_id": "P1", "order_number": "X-1", "title": "t", "vendor": "Bolt", "lines": [typed]}
    order_id = act["type_order"](order | {"status": "Approved"})["id"]
    given = {"project_id": "P1", "vendor": "Bolt"}
    for number, (status, amount) in enumerate(
        (("draft", "1.00"), ("pending", "20.00"), ("revise_and_resubmit", "300.00"), ("approved", "4000.00"))
    ):
        row = {"invoice_number": str(number), "status": status, "lines": [{**line, "amount": amount}]}
        act["enter_direct_cost"](given | row)
    for status, amount in (("approved", "30.00"), ("pending", "7.00"), ("draft", "9.00")):
        change = {"order_id": order_id, "title": "c", "status": status, "lines": [{**line, "amount": amount}]}
        act["add_change_order"](change)
    for status, amount in (("approved", "100.00"), ("under_review", "50.00"), ("draft", "25.00")):
        act["change_budget"]({"project_id": "P1", "status": status, "lines": [{**line, "amount": amount}]})
    (row,) = book.rows(**{"budget_line_item_id[]": book.line})
    names = (
        "original_budget_amount", "Approved Budget Changes", "Revised Budget", "Pending Budget Changes",
        "Committed Costs", "Direct Costs", "Pending Cost Changes",
    )  # fmt: skip
    assert [row[name] for name in names] == ["5000.00", "100.00", "5100.00", "50.00", "430.00", "4320.00", "7.00"]
    assert (row["wbs_code_id"], row["category"], row["cost_code"]) == (book.code, "Labor", "03-310 - Slabs")
    shown = book.caller("GET", f"{LINES}/{book.line}?project_id={book.p}").body
    assert (shown["projected_budget"], shown["projected_costs"], shown["projected_over_under"]) == (5150, 4757, 393)


@pytest.mark.parametrize("offered", [True, False])
def test_the_beta_list_is_there_by_switch(offered: bool) -> None:
    book = Book()
    book.caller.face.switches.budget_line_list = offered
    assert book.caller("GET", book.v2).status == (200 if offered else 404)
