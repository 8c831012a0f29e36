"""A person stops a connection and lets it go on; a sync by hand says so and refuses."""

from __future__ import annotations

from .shell import Shell


def test_a_paused_connection_refuses_a_sync_until_it_is_resumed(joined: Shell) -> None:
    said = joined("pause", "north", "--until", "2099-12-01T08:00", "--note", "IFS upgrade")
    assert "The connection is paused by" in said.out
    assert "until Tue 2099-12-01 08:00" in said.out
    refused = joined("sync", "north", "--json", code=11)
    assert refused.error["kind"] == "paused"
    assert "IFS upgrade" in refused.error["sentence"]
    joined("now", "north", code=11)
    assert joined("runs", "--json").form == {"runs": []}
    assert joined("resume", "north", "--json").form["was_paused"] is True
    assert "was not paused" in joined("resume", "north").out


def test_a_sync_of_all_flows_leaves_out_a_paused_one_and_says_so(joined: Shell) -> None:
    joined("pause", "north", "supplier-invoices")
    joined("sync", "north", "supplier_invoices", code=11)
    joined("connection", "edit", "north", "--set", "policy.purchase_orders.approve=auto")
    said = joined("sync", "north", "--json").form
    assert list(said["left_out"]) == ["supplier_invoices"]
    assert "supplier_invoices" not in said["flows"] or said["flows"]["supplier_invoices"]["created"] == 0
    assert said["flows"]["purchase_orders"]["created"] > 0


def test_what_is_not_there_cannot_be_paused(joined: Shell) -> None:
    assert "south" in joined("pause", "south", code=11).err
    assert "paymints" in joined("pause", "north", "paymints", code=11).err
    assert "2020-01-01" in joined("pause", "north", "--until", "2020-01-01", code=12).err


def test_a_schedule_comes_by_the_file_and_is_changed_by_a_word(joined: Shell) -> None:
    joined("connection", "edit", "north", "--set", "schedule.hours=07:00-18:00", "--set", "schedule.days=mon-fri")
    joined(
        "connection", "edit", "north", "--from", "-", text='[[schedule.freeze]]\nstart = 2026-12-20\nnote = "Year"\n'
    )
    shown = joined("connection", "show", "north").out
    assert 'hours = "07:00-18:00"' in shown
    assert "2026-12-20" in shown
    said = joined("connection", "edit", "north", "--set", "schedule.days=[]", "--json", code=12)
    assert "no day" in said.error["sentence"]
