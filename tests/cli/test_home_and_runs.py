"""The commands behind home, runs, health and audit: one run told in full, the trail searched and given away."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec

from ml_connector.kernel.errors import BadInput, NothingSuchHere

from .shell import Shell


def test_a_run_is_told_with_its_totals_and_the_trail_is_given_away(joined: Shell, tmp_path: Path) -> None:
    joined("sync", "north", "projects", "vendors", "cost_codes", "purchase_orders", "--json")
    told = joined("show", "run", "1", "-c", "north").out
    assert "Control totals" in told
    assert "They balance" in told
    assert "Orders that are planned in IFS: not sent yet." in told
    form = joined("show", "run", "1", "-c", "north", "--json").form
    assert form["balanced"] is True
    [orders] = [one for one in form["totals"] if one["flow"] == "purchase_orders"]
    assert (orders["came"], orders["off"]) == (orders["out"] + orders["held"] + orders["skipped"], 0)
    only = ("--documents", "--flow", "purchase_orders", "--fate", "skipped")
    assert "is planned in IFS: not sent yet." in joined("show", "run", "1", "-c", "north", *only).out
    left = joined("show", "run", "1", "-c", "north", *only, "--json").form["rows"]
    assert len(left) == orders["skipped"]
    assert [run["run"] for run in joined("runs", "north", "--state", "done", "--json").form["runs"]] == [1]
    assert joined("runs", "north", "--state", "failed", "--json").form["runs"] == []
    assert joined("runs", "north", "--flow", "vendors", "--trigger", "sync", "--json").form["runs"] != []
    for only in (("--flow", "payments"), ("--trigger", "poll"), ("--by", "nobody")):
        assert joined("runs", "north", *only, "--json").form["runs"] == [], only

    found = joined("audit", "list", "north", "--tag", "run:start:done", "--run", "1", "--json").form["entries"]
    assert [(one["tag"], one["record"]) for one in found] == [("run:start:done", "run:1")]
    assert joined("audit", "list", "north", "--actor", "nobody", "--json").form["entries"] == []
    assert joined("audit", "list", "--installation", "--json").form["connection"] == "(installation)"
    joined("audit", "list", "north", "--since", "soon", code=BadInput.exit_code)
    lines, table = tmp_path / "trail.jsonl", tmp_path / "trail.csv"
    rows = joined("audit", "export", "north", "--to", str(lines), "--json").form["rows"]
    assert [msgspec.json.decode(line)["seq"] for line in lines.read_bytes().splitlines()] == list(range(rows, 0, -1))
    assert joined("audit", "export", "north", "--to", str(lines), code=BadInput.exit_code)
    upward = tmp_path / "upward.jsonl"
    joined("audit", "export", "north", "--oldest", "--to", str(upward))
    assert upward.read_bytes().splitlines() == lines.read_bytes().splitlines()[::-1]
    joined("audit", "export", "north", "--as", "csv", "--since", "2026-01-01", "--to", str(table))
    sheet, chosen = tmp_path / "trail.xlsx", ("--tag", "run:start:done", "--run", "1", "--record", "1")
    assert joined("audit", "export", "north", "--as", "xlsx", *chosen, "--to", str(sheet), "--json").form["rows"] == 1
    assert sheet.read_bytes().startswith(b"PK")
    assert joined("audit", "export", "--actor", "nobody", "--to", str(tmp_path / "none"), "--json").form["rows"] == 0
    assert len(list(csv.reader(table.read_text("utf-8-sig").splitlines()))) == rows + 1

    assert "IFS answers." in joined("probe", "north", "erp").out
    joined("probe", "north", "both", code=BadInput.exit_code)
    joined("jobs", "dismiss", "1", "--note", "it is over", code=NothingSuchHere.exit_code)
    joined("jobs", "dismiss", "1", "--note", " ", code=BadInput.exit_code)
