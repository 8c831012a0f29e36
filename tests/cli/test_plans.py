"""A plan read and approved by project on the command line, and four eyes there as everywhere."""

from __future__ import annotations

from decimal import Decimal

from .shell import Shell


def test_a_plan_is_read_and_approved_by_project(joined: Shell) -> None:
    joined("connection", "edit", "north", "--set", "policy.purchase_orders.approve=manual")
    assert "No plan yet" in joined("plans").out
    plan = joined("plan", "north", "--json").form["plan"]
    page = joined("show", "plan", plan[:8], "--json").form
    assert (page["plan"], page["stands"]) == (plan, "waiting")
    site = next(one for one in page["projects"] if any(flow["flow"] == "purchase_orders" for flow in one["flows"]))
    said = joined("show", "plan", plan).out
    assert "waiting for approval" in said
    assert site["name"] in said
    rows = joined("show", "plan", plan, "--records", "--project", site["project"], "--json").form["records"]
    first = next(row for row in rows if row["kind_key"] == "commitment")
    assert first["record"] in joined("show", "plan", plan, "--records", "--project", site["project"]).out
    told = joined("show", "plan", plan, "--record", f"commitment:{first['record']}").out
    assert "unit price" in told
    assert "Procore locks it" in told
    assert "make the contract" in told
    assert "taken over" in said
    beside = joined("show", "plan", plan, "--held", "--json").form["held"]
    assert len(beside) == page["held"] > 0
    assert beside[0]["called"] in joined("show", "plan", plan, "--held").out
    assert "is no record" in joined("show", "plan", plan, "--record", "P1", code=12).err

    assert "of no plan" in joined("sync", "north", "--project", site["project"], code=12).err
    assert "nothing in 9999" in joined("sync", "north", "--plan", plan, "--project", "9999", code=11).err
    joined("sync", "north", "--plan", plan, "--project", site["project"])
    after = joined("show", "plan", plan, "--json").form
    parts = {part["project"]: part for part in after["projects"]}
    done = parts.pop(site["project"])
    assert {cur: Decimal(one) for cur, one in done["applied"].items()} == {
        cur: Decimal(one) for cur, one in done["planned"].items()
    }
    assert all(part["waits"] for part in parts.values())
    rest = joined("plan", "north", "--json").form["plan"]
    assert rest in joined("show", "plan", plan).out
    assert f"to plan {rest}" in joined("show", "plan", plan, "--changes").out
    listed = joined("plans", "north", "--by-approval", "--json").form
    assert [row["plan"]["text"] for row in listed["plans"]] == [rest, plan]
    assert listed["meter"] == {"clean": 1, "wanted": 5, "automatic": False}


def test_four_eyes_hold_on_the_command_line(joined: Shell) -> None:
    joined(
        *("connection", "edit", "north", "--set", "policy.purchase_orders.approve=manual"),
        *("--set", "policy.approval.four_eyes_over=1000"),
    )
    plan = joined("plan", "north", "purchase_orders", "projects", "vendors", "cost_codes", "--json").form["plan"]
    refused = joined("sync", "north", "--plan", plan, "--json", code=11).error
    assert refused["kind"] == "not_allowed"
    assert "somebody else approves it" in refused["sentence"]
    assert (
        "is a number from 0 up"
        in joined("connection", "edit", "north", "--set", "policy.approval.offer_after=-1", code=12).err
    )
