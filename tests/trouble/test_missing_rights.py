"""A right taken away on either side: `check` names it and the remedy, `sync` stops before it harms, the cure heals."""

from __future__ import annotations

from typing import Any

import pytest

from journeys.office import NAME, Office
from ml_connector.kernel.errors import RightMissing
from ml_connector.systems.ifs.profile import Profile

from .desk import Desk

READ = tuple(
    dict.fromkeys(
        Profile().sets()[word].projection
        for word in ("project", "activity", "dimension", "supplier", "order", "order_line")
    )
)
"""IFS projections a sync reads."""
TOOLS = ("directory", "admin", "commitments", "budget")


def _bad(front: Desk) -> list[dict[str, Any]]:
    check = front.run("check", NAME, "--json")
    bad = [one for one in check.value["checks"] if not one["ok"]]
    assert check.code == (12 if bad else 0)
    assert all(one["remedy"] for one in bad), bad
    return bad


def _switch(office: Office, side: str, **values: Any) -> None:
    office.box.admin("POST", "switches", {side: values})


def _procore_writes(office: Office) -> int:
    return len(office.box.log.exchanges(side="procore", writes=True))


@pytest.mark.parametrize("projection", READ)
def test_an_ifs_projection_that_is_not_granted(projection: str, office: Office, front: Desk) -> None:
    _switch(office, "ifs", denied_projections=[projection])
    bad = _bad(front)
    assert bad
    assert all(projection in one["sentence"] and "Grant" in one["remedy"] for one in bad), bad
    error = front.fails(12, "right_missing", "sync", NAME)
    assert "Grant the projection" in error["next_step"]
    assert projection in error["sentence"] + error["next_step"]
    assert _procore_writes(office) == 0
    _switch(office, "ifs", denied_projections=[])
    assert _bad(front) == []
    office.sync()
    office.assert_proven()


@pytest.mark.parametrize(
    ("tool", "level"), [*((tool, "none") for tool in TOOLS), ("commitments", "read"), ("directory", "read")]
)
def test_a_procore_tool_without_its_permission(tool: str, level: str, office: Office, front: Desk) -> None:
    everything = dict(office.box.procore.switches.permissions)
    _switch(office, "procore", permissions={**everything, tool: level})
    if level == "none":
        assert _bad(front)
    answer = front.run("sync", NAME, "--json")
    assert answer.code in (0, 12), answer
    if answer.code == 12:
        error = front.failed(answer, 12, "right_missing")
        assert "Procore forbids" in error["sentence"]
        assert f"{tool.title()} tool" in error["next_step"], error
    _switch(office, "procore", permissions=everything)
    office.sync()
    office.assert_proven()
    office.assert_rests()


def test_a_tool_taken_away_while_we_send(office: Office) -> None:
    """What had gone by then is known; nothing is sent twice when the right is back."""
    everything = dict(office.box.procore.switches.permissions)

    def watch(what: str, _count: int) -> None:
        if what == "cost_code create":
            office.box.procore.switches.permissions = {**everything, "commitments": "read"}

    office.app.progress = watch
    with pytest.raises(RightMissing) as caught:
        office.sync()
    assert "forbids the commitments" in caught.value.sentence
    assert office.proof.differences() != []
    office.box.procore.switches.permissions = everything
    office.sync()
    office.assert_proven()
    office.assert_rests()


def test_an_app_that_is_not_installed(office: Office, front: Desk) -> None:
    _switch(office, "procore", app_installed=False)
    error = front.fails(12, "fix_setup", "sync", NAME)
    assert "not installed" in error["sentence"]
    assert "Install the app" in error["next_step"]
    assert [one["side"] for one in _bad(front)] == ["projects"]
    assert _procore_writes(office) == 0
    _switch(office, "procore", app_installed=True)
    office.sync()
    office.assert_proven()


@pytest.mark.parametrize(("when", "status"), [("before", 404), ("after", 403)])
def test_a_project_the_service_account_may_not_see(when: str, status: int, office: Office) -> None:
    """Its orders wait and say for what; all others go. Permitted again, they follow, and nothing is made twice."""
    _switch(office, "procore", not_permitted_project=status)
    ours, theirs = sorted(office.proof.project_ids.items())[1]
    if when == "after":
        office.sync()
        line = next(
            row for row in office.proof.ifs.lines() if row["ProjectId"] == ours and row["Objstate"] == "Released"
        )
        office.price(line["OrderNo"], line["LineNo"], "77.25")
    office.procore("revoke_project", project_id=theirs)
    report = office.sync()
    reason = "project_hidden" if when == "after" else "project_not_linked"
    waiting = [hold for hold in report.holds if hold["reason"] == reason]
    assert waiting
    assert all(hold["sentence"] for hold in waiting)
    office.procore("permit_project", project_id=theirs)
    office.sync()
    office.assert_proven()
    office.assert_rests()
