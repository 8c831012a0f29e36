"""Check, plan, sync, holds and what follows, as command lines."""

from __future__ import annotations

import json
from decimal import Decimal

from ml_connector.sandbox.running import RunningSandbox

from .shell import Shell

REPORT = {"connection", "flows", "requests", "money", "money_by_flow", "recoded", "plan"}
COUNTS = {"created", "updated", "linked", "unchanged", "held", "refused", "unknown"}
FLOWS = [
    "projects",
    "vendors",
    "cost_codes",
    "dimensions",
    "purchase_orders",
    "budgets",
    "supplier_invoices",
    "payments",
    "subcontractor_invoices",
    "direct_costs",
]


def test_the_whole_job_in_json(joined: Shell, outside: Shell, box: RunningSandbox) -> None:
    checked = joined("check", "north", "--json").form
    assert checked["ok"]
    assert all(one["ok"] for one in checked["checks"])
    assert {one["side"] for one in checked["checks"]} == {"erp", "projects"}

    found = joined("discover", "north", "--json").form
    assert len(found["pairs"]) == 5
    assert found["erp"]["currencies"]["USD"]

    planned = joined("plan", "north", "--json").form
    assert set(planned) == REPORT
    assert list(planned["flows"]) == FLOWS
    assert all(set(counts) == COUNTS for counts in planned["flows"].values())
    assert planned["requests"]["erp"]["write"] == planned["requests"]["projects"]["write"] == 0
    assert Decimal(planned["money"]["USD"]["applied"]) == 0
    assert box.procore.summary()["purchase_order_contracts"] == 1

    synced = outside("sync", "north", "--json", "--plan", planned["plan"]).form
    assert synced["plan"] == planned["plan"]
    assert synced["flows"] == planned["flows"]
    assert synced["money"]["USD"]["applied"] == synced["money"]["USD"]["planned"] == planned["money"]["USD"]["planned"]
    orders = synced["flows"]["purchase_orders"]
    assert box.procore.summary()["purchase_order_contracts"] == orders["created"] + orders["linked"]

    [hold] = joined("holds", "--json").form["holds"]
    assert (hold["record"], hold["reason"], hold["waits_for"]) == (
        "order:P100009",
        "code_missing",
        "dimension:B=31-625",
    )
    box.act("ifs", "add_code_value", code_part="B", value="31-625", description="Sheet piles")
    again = joined("sync", "north", "--json").form
    assert again["flows"]["purchase_orders"]["created"] == 1
    assert again["money"]["USD"]["applied"] == hold["money"]["amount"]
    assert joined("holds", "--json").form["holds"] == []

    rest = joined("sync", "north", "--json").form
    assert rest["requests"]["erp"]["write"] == rest["requests"]["projects"]["write"] == 0

    states = [(run["trigger"], run["state"]) for run in joined("runs", "--json").form["runs"]]
    assert states == [("sync", "done")] * 3 + [("plan", "done")]
    assert joined("audit", "verify", "--json").form["ok"]


def test_people_read_plain_columns_in_a_pipe(joined: Shell) -> None:
    said = joined("plan", "north")
    lines = said.out.splitlines()
    headers = ("FLOW", "CREATED", "UPDATED", "TAKEN OVER", "LINKED", "UNCHANGED", "HELD", "REFUSED", "UNKNOWN")
    assert lines[0].split() == " ".join(headers).split()
    assert "\x1b" not in said.out
    assert "Money by project and cost code" in lines
    assert any("31-625, which does not exist in IFS" in line and "cost engineer" in line for line in lines)
    assert any(line.startswith("Next: ml-connector sync north --plan ") for line in lines)
    assert said.err == ""


def test_the_life_of_an_order_and_its_replay(joined: Shell) -> None:
    joined("sync", "north")
    life = joined("show", "po", "P100001", "--json").form
    [contract] = life["contracts"]
    assert contract["number"] == "P100001"
    assert Decimal(contract["total"]) == sum(Decimal(line["amount"]) for line in contract["lines"])
    assert {step["state"] for step in life["steps"]} == {"done"}
    assert life["exchanges"]
    told = joined("show", "po", "P100001", "-c", "north").out
    assert f"{Decimal(contract['total']):,} USD" in told
    assert "commitment:create:done" in told

    for words in (("replay", "P100001"), ("replay", "1", "--mapping", "then")):
        assert joined(*words, "--json").form["same"] is True
    applied = joined("replay", "P100001", "--apply", "--json").form
    assert set(applied) == REPORT
    assert applied["requests"]["projects"]["write"] == 0
    assert "The same, to the byte." in joined("replay", "P100001").out
    joined("sync", "north", "vendors")
    few = joined("runs", "north", "--json").form["runs"][0]["run"]
    assert set(joined("replay", str(few), "--apply", "--json").form["flows"]) == {"vendors"}, "as the page does it"
    assert joined("audit", "list", "north", "--tag", "replay:start:done", "--json").form["entries"][0]["run"] == few
    assert joined("show", "run", "1", "--json").form["state"] == "done"
    assert joined("show", "po", "P999999", "--json", code=11).error["kind"] == "nothing_such_here"


def test_a_plan_waits_for_its_approval(joined: Shell) -> None:
    joined("connection", "edit", "north", "--set", "policy.purchase_orders.approve=manual")
    refused = joined("sync", "north", "--json", code=11)
    assert refused.out == ""
    assert refused.error["kind"] == "approval_needed"
    plan = joined("plan", "north", "--json").form["plan"]
    assert plan in refused.error["sentence"]
    assert joined("sync", "north", "--plan", plan, "--json").form["flows"]["purchase_orders"]["created"] > 0
    assert joined("sync", "north", "--plan", "0000000000000000", "--json", code=None).code in (0, 11)


def test_a_hold_is_answered(joined: Shell) -> None:
    joined("connection", "edit", "north", "--set", "policy.projects.link=ask")
    joined("sync", "north")
    holds = joined("holds", "--flow", "projects", "--json").form["holds"]
    asked = next(hold for hold in holds if hold["reason"] == "project_match")
    shown = joined("rule", str(asked["hold"]), "--json").form
    assert shown["answers"] == ["link", "ignore"]
    wrong = joined("rule", str(asked["hold"]), "maybe", "--json", code=12)
    assert "link or ignore" in wrong.error["sentence"]
    joined("rule", str(asked["hold"]), "link", "--target", asked["candidates"][0], "--note", "seen on site")
    linked = joined("sync", "north", "projects", "--json").form
    assert linked["flows"]["projects"]["linked"] == 1
    rows = joined("audit", "list", "--json").form["entries"]
    ruling = next(row for row in rows if row["tag"] == "ruling:make:done")
    assert ruling["details"]["note"] == "seen on site"


def test_flows_are_named_either_way(joined: Shell) -> None:
    only = joined("plan", "north", "cost-codes", "projects", "--json").form
    assert only["flows"]["cost_codes"]["linked"] > 0
    unknown = joined("plan", "north", "invoices", "--json", code=11)
    assert "purchase_orders" in unknown.error["next_step"]


def test_every_answer_is_one_json_value(joined: Shell) -> None:
    joined("sync", "north")
    for words in (
        ["connection", "list"],
        ["connection", "show", "north"],
        ["runs"],
        ["runs", "north", "--limit", "1"],
        ["holds", "north"],
        ["show", "run", "1"],
        ["mapping", "export"],
        ["mapping", "check"],
        ["audit", "list"],
        ["audit", "verify", "north"],
        ["init"],
    ):
        said = joined(*words, "--json")
        assert isinstance(json.loads(said.out), dict), words
