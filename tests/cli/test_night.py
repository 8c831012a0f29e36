"""The census and the days what is kept, as command lines."""

from __future__ import annotations

from ml_connector.sandbox.running import RunningSandbox

from .shell import Shell


def test_the_census_says_what_is_off_and_mends_only_when_asked(joined: Shell, box: RunningSandbox) -> None:
    joined("sync", "north")
    clean = joined("census", "north", "--json")
    assert clean.form == {"connection": "north", "repaired": False, "findings": []}
    assert "Every key is where it belongs." in joined("census", "north").out
    box.act("procore", "set_order_status", project_id="1204", order_number="P100001", status="Draft")
    box.act("procore", "delete_order", project_id="1204", order_number="P100001")
    for words in (("census", "north"), ("census", "north", "--repair")):
        said = joined(*words, code=11).out
        assert "P100001@1204" in said
        assert "It is not made again by itself." in said


def test_the_days_are_shown_and_wrong_ones_refused(joined: Shell) -> None:
    shown = joined("retention", "--json").form
    assert shown["days"] == {"evidence": 90, "journal": 400, "inbox": 30, "jobs": 14}
    assert {one["table"] for one in shown["months"]} == {"evidence", "exchanges"}
    assert "for good" in joined("retention").out
    refused = joined("retention", code=12, ML_CONNECTOR_KEEP="evidence=60 journal=50")
    assert "Keep both for 31 days" in refused.err
