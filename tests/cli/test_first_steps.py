"""A connection is set up on the command line, as far as its first plan."""

from __future__ import annotations

import tomllib

from ml_connector.sandbox.connection_file import credentials
from ml_connector.sandbox.running import RunningSandbox

from .shell import Shell

KEYS = credentials(7)


def test_the_same_steps_as_in_the_console(shell: Shell, box: RunningSandbox) -> None:
    told = tomllib.loads(box.connection_text())
    erp, projects = told["erp"], told["projects"]
    assert "setup erp north" in shell("setup", "begin", "north", "--title", "North sites").out
    where = ("--url", erp["url"], "--realm", erp["realm"], "--client-id", erp["client_id"])
    wrong = shell("setup", "erp", "north", *where, code=12, ML_CONNECTOR_ERP_CLIENT_SECRET="mistyped")
    assert "not accepted" in wrong.out
    signed = shell("setup", "erp", "north", *where, ML_CONNECTOR_ERP_CLIENT_SECRET=KEYS.ifs_client_secret)
    assert "Kestrel Hoists & Cranes" in signed.out
    assert KEYS.ifs_client_secret not in signed.out + signed.err
    shell("setup", "choose", "north", "erp", "10")
    there = ("--url", projects["url"], "--company", projects["company_id"], "--client-id", projects["client_id"])
    shell("setup", "projects", "north", *there, ML_CONNECTOR_PROJECTS_CLIENT_SECRET=KEYS.procore_client_secret)
    assert shell("connection", "list", "--json").form["connections"][0]["title"] == "North sites"
    assert "being set up" in shell("resume", "north", code=12).err
    shell("setup", "look", "north", "check")
    assert shell("setup", "levels", "north", "--json").form["by"] == ""
    assert "Commitments" in shell("setup", "levels", "north", "--looked").out
    shell("setup", "look", "north", "survey")
    assert "currencies" in shell("setup", "survey", "north").out
    assert shell("setup", "accept", "north", "project", "--from", "100", "--json").form["linked"] == 5
    vendor = shell("setup", "find", "north", "vendor", "sentinel", "--json").form["found"][0]["id"]
    shell("setup", "pair", "north", "vendor", "S1011", "link", "--target", vendor)
    assert "TABLE:VALUES:CODE" in shell("setup", "map", "north", "nonsense", code=12).err
    gaps = shell("setup", "map", "north", "cost_type:A=4120:S", "--guesses", "--json").form["gaps"]
    assert gaps == [], "each other gap has a guess: labour in IFS is labor in Procore"
    shell("setup", "own", "north", "vendors.theirs=phone")
    shell("setup", "go-live", "north", "day", "--day", "soon", code=12)
    shell("setup", "go-live", "north", "open")
    shell("setup", "done", "north", "vendors")
    assert "Paused" in shell("setup", "look", "north", "plan").out
    assert box.log.exchanges(writes=True) == []
    plan = next(one["said"] for one in shell("setup", "show", "north", "--json").form["steps"] if one["key"] == "plan")
    assert plan.endswith("is waiting for approval")
    assert "approved" in shell("setup", "schedule", "north", code=12).err
    shell("sync", "north", "--plan", plan.split()[0])
    assert "restored for a try" in shell("setup", "schedule", "north", code=12).err
    shell("setup", "schedule", "north", "--hours", "06:00-19:00", "--days", "mon-fri", "--restored")
    assert shell("setup", "list", "--json").form["setups"][0]["state"] == "finished"
    assert shell("setup", "levels", "north", "--json").form["by"]
    assert "stood so" in shell("connection", "edit", "north", "--set", "erp.channel=int").out
    assert shell("setup", "levels", "north", "--json").form["by"], "nothing was different"
    shell("connection", "edit", "north", "--set", "erp.client_id=another", "--client-secret-erp", "x")
    assert shell("setup", "levels", "north", "--json").form["by"] == "", "another account: nobody looked at its rights"
    assert "done" not in [
        one["state"] for one in shell("setup", "show", "north", "--json").form["steps"] if one["key"] == "rights"
    ]
