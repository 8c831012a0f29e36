"""A connection is tied to its two systems, a lost permission takes nothing back, a poll leaves room for people."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ml_connector.engine.work import Errand
from ml_connector.kernel.errors import BrakePulled, EnvironmentChanged, RateLimited
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.store import audit, identities, paces

from .money_scene import carry, direct_cost, set_up
from .office import NAME, Office

POLL = Errand(trigger="schedule", actor="schedule")
PROJECTS = ["projects"]


@contextmanager
def changed(office: Office, place: Any, **values: Any) -> Iterator[None]:
    """Something of a simulated system is other than it was, for as long as the block lasts."""
    before = {name: getattr(place, name) for name in values}
    office.box.in_loop(lambda: [setattr(place, name, value) for name, value in values.items()])
    try:
        yield
    finally:
        office.box.in_loop(lambda: [setattr(place, name, value) for name, value in before.items()])


def forget_tokens(office: Office) -> None:
    """The next run signs in anew, and asks anew who is there."""
    with office.app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM secrets WHERE field IN ('erp_token', 'projects_token')")


def bound(office: Office) -> dict[str, dict[str, str]]:
    with office.app.db.begin() as conn:
        found = identities.of(conn, office.app.connection(NAME).id)
    return {side: row.facts for side, row in found.items()}


def poll(office: Office) -> None:
    """One poll after the other."""
    for _ in range(10):
        office.app.run(NAME, [], POLL)


def stopped(office: Office, word: str) -> EnvironmentChanged:
    """A sync that must stop because of where it is, before anything is written."""
    office.box.log.clear()
    with pytest.raises(EnvironmentChanged, match=word) as caught:
        office.sync()
    assert office.written() == []
    return caught.value


def test_the_first_run_ties_a_connection_and_later_runs_ask_once_a_token(office: Office) -> None:
    office.app.plan(NAME, PROJECTS)
    tied = bound(office)
    assert tied["erp"].keys() >= {"address", "realm", "issuer", "company", "company name", "company currency"}
    assert tied["projects"].keys() >= {"address", "company", "company name", "service user"}
    with office.app.db.begin() as conn:
        tags = [one.entry.tag for one in audit.entries(conn, office.app.connection(NAME).id)]
    assert tags.count("connection:bind:done") == 2
    office.box.log.clear()
    office.app.plan(NAME, PROJECTS)
    asked = [one.path for one in office.box.log.exchanges()]
    assert not [one for one in asked if "token" in one or one.endswith(("/me", "/companies", "openid-configuration"))]


def test_a_sandbox_that_was_refreshed_takes_nothing_until_a_person_says_so(running: Office) -> None:
    state = running.box.procore._state
    running.price("P100002", "1", "99.50")
    with changed(running, state, me=state.me + 1, company_name="Another Company"):
        forget_tokens(running)
        error = stopped(running, "service user")
        assert "Another Company" in str(error)
        assert error.side == "projects"
        assert f"connection rebind {NAME}" in error.remedy
        running.app.rebind(NAME)
        assert running.sent_by_sync() != []
    with running.app.db.begin() as conn:
        tags = [one.entry.tag for one in audit.entries(conn, running.app.connection(NAME).id)]
    assert {"connection:bind:refused", "connection:rebind:done"} <= set(tags)


def secret_of(box: RunningSandbox) -> str:
    """The client secret of IFS, as its papers say it."""
    return str(tomllib.loads(box.connection_text())["erp"]["client_secret"])


def test_a_clone_of_the_tenant_at_another_address_takes_nothing(running: Office) -> None:
    with RunningSandbox(orders=24) as clone:
        there = running.box.ifs_url
        running.app.edit_connection(NAME, {"erp": {"url": clone.ifs_url, "client_secret": secret_of(clone)}})
        error = stopped(running, "address")
        assert "issuer" in str(error)
        assert error.side == "erp"
        assert [one for one in clone.log.exchanges(writes=True) if one.changed and "token" not in one.path] == []
    running.app.edit_connection(NAME, {"erp": {"url": there, "client_secret": secret_of(running.box)}})
    running.sync()


def test_a_connection_without_links_may_be_pointed_elsewhere(office: Office) -> None:
    office.app.plan(NAME, PROJECTS)
    with RunningSandbox(orders=24) as other:
        office.app.edit_connection(NAME, {"erp": {"url": other.ifs_url, "client_secret": secret_of(other)}})
        office.app.plan(NAME, PROJECTS)
        assert bound(office)["erp"]["address"] == other.ifs_url


def test_a_poll_stops_before_what_is_kept_for_people_and_says_when_it_goes_on(running: Office) -> None:
    rates = running.box.procore._rates
    running.box.admin("POST", "switches", {"procore": {"rate_hour": 20}})
    running.box.in_loop(lambda: setattr(rates._hour, "used", 0))
    with pytest.raises(RateLimited, match="kept for people and webhooks") as caught:
        poll(running)
    assert caught.value.again_at is not None
    assert f"{caught.value.again_at:%H:%M} UTC" in str(caught.value)
    used = rates._hour.used
    assert used == 18
    with pytest.raises(RateLimited):
        running.app.run(NAME, [], POLL)  # another run, as another process makes it, knows
    assert rates._hour.used == used
    with pytest.raises(RateLimited):
        running.sync()
    assert rates._hour.used == 20
    assert not [one for one in running.box.log.exchanges(side="procore") if one.status == 429]
    with running.app.db.begin() as conn:
        left = {row.window: row.left_over for row in paces.all(conn) if row.side == "projects"}
    assert left["hour"] <= 2


def test_documents_that_vanish_at_once_are_a_lost_permission_and_nothing_is_taken_back(office: Office) -> None:
    set_up(office)
    for number in range(3):
        direct_cost(office, "1202", "Voltaire Electric Company", f"VX-{number}", ("26-050", "M", "12.50"))
    carry(office)
    projects = office.box.procore._state.projects
    site = next(one for one in projects.values() if len(one.direct_costs) > 3)
    with changed(office, site, direct_costs={}):
        office.box.log.clear()
        report = office.sync()
        assert [hold["reason"] for hold in report.holds if "lost permission" in hold["sentence"]] == ["right_missing"]
        assert not [hold for hold in office.holds() if hold["kind"] == "direct_cost" and "VX-" in hold["sentence"]]
        assert [one for one in office.written() if "Voucher" in one.path] == []
    assert office.sync().holds == [hold for hold in report.holds if hold["reason"] != "right_missing"]
    before = office.holds()
    lost = dict(list(site.direct_costs.items())[:-3])
    with changed(office, site, direct_costs=lost):
        office.policy(brakes={"vanished": 0})
        office.sync()
        assert len(office.holds()) > len(before)  # a person said that they are deletions: each is asked about


def test_a_share_of_what_is_linked_stops_a_mass_change(running: Office) -> None:
    running.policy(brakes={"share_updates": 10, "share_from": 2})
    for order in ("P100002", "P100003", "P100004", "P100005", "P100006", "P100007"):
        running.price(order, "1", "71.25")
    with pytest.raises(BrakePulled, match="linked records of kind commitment change, limit 10 %"):
        running.sync()
    running.policy(brakes={"share_from": 50})
    running.sync()
    running.assert_proven()


def test_a_share_of_what_is_linked_stops_a_mass_of_new_records(running: Office) -> None:
    line = {"codes": {"A": "4110", "B": "05-120", "C": "410", "E": "1201"}, "activity_seq": 100103, "price": "10.00"}
    for _ in range(3):
        running.ifs("create_order", supplier_id="S1005", currency="USD", state="Released", lines=[line])
    running.policy(brakes={"share_creates": 5, "share_from": 2})
    with pytest.raises(BrakePulled, match=r"3 to \d+ linked records of kind commitment are added, limit 5 %"):
        running.sync()
    running.policy(brakes={"share_creates": 90, "share_from": 2})
    running.sync()
    running.assert_proven()
