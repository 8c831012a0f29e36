"""People in Procore touch what IFS owns, lose permissions, delete: nothing is overwritten or made again unasked."""

from __future__ import annotations

import contextlib
import random
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.sandbox.running import SandboxFailed

from .office import OPEN, UNAPPROVED, UNKNOWN_CODE, Office
from .test_changes import ORDER, add_line, by_code
from .test_holds import order_for


def header(office: Office, order: str = ORDER) -> dict[str, Any]:
    return next(row for where, _, row in office.proof.papers() if where[1] == order)


def company(office: Office) -> int:
    return int(office.box.sandbox.world.procore_company_id)


def edit_title(office: Office) -> None:
    office.procore("edit_order", order_number=ORDER, title="Renamed by the site office")


def edit_status(office: Office) -> None:
    office.procore("set_order_status", order_number=ORDER, status="Draft")


def edit_line(office: Office) -> None:
    row = header(office)
    line = row["line_items"][0]
    office.box.clock.advance(office.pause)
    office.proof.procore.edit_line(row["project"]["id"], row["id"], line["id"], amount="1.00", extended_type="manual")


EDITS = {"title": edit_title, "status": edit_status, "amount": edit_line}


@pytest.mark.parametrize("what", EDITS)
def test_edit_in_procore_is_held_and_not_overwritten(unapproved: Office, what: str) -> None:
    before = header(unapproved)
    EDITS[what](unapproved)
    edited = header(unapproved)
    assert edited != before
    assert unapproved.sent_by_sync() == []
    hold = unapproved.hold("changed_there")
    assert (hold["erp_id"], hold["owner"]) == (ORDER, "project accountant")
    assert what in hold["sentence"]
    assert header(unapproved) == edited
    assert unapproved.sent_by_sync() == []


@pytest.mark.parametrize("what", EDITS)
def test_ruling_erp_restores_what_ifs_says(unapproved: Office, what: str) -> None:
    before = unapproved.proof.paper(ORDER)
    title = header(unapproved)["title"]
    EDITS[what](unapproved)
    unapproved.sync()
    unapproved.app.rule("demo", unapproved.hold("changed_there")["id"], "erp")
    unapproved.sync()
    assert unapproved.proof.paper(ORDER) == before
    assert header(unapproved)["title"] == title
    assert unapproved.holds("changed_there") == []
    unapproved.assert_proven()
    unapproved.assert_rests()


@pytest.mark.parametrize("what", EDITS)
def test_ruling_projects_leaves_what_procore_says(unapproved: Office, what: str) -> None:
    EDITS[what](unapproved)
    edited = header(unapproved)
    unapproved.sync()
    unapproved.app.rule("demo", unapproved.hold("changed_there")["id"], "projects")
    unapproved.assert_rests()
    assert header(unapproved) == edited
    assert unapproved.holds("changed_there") == []


def test_a_ruling_answers_one_question_and_not_the_next(unapproved: Office) -> None:
    edit_title(unapproved)
    unapproved.sync()
    unapproved.app.rule("demo", unapproved.hold("changed_there")["id"], "erp")
    unapproved.sync()
    unapproved.procore("edit_order", order_number=ORDER, title="Renamed once more")
    assert unapproved.sent_by_sync() == []
    assert unapproved.hold("changed_there")["erp_id"] == ORDER


def test_restoring_policy_writes_the_ifs_value_again(unapproved: Office) -> None:
    unapproved.policy(purchase_orders={"drift": "restore"})
    before = unapproved.proof.paper(ORDER)
    edit_line(unapproved)
    unapproved.sync()
    assert unapproved.proof.paper(ORDER) == before
    unapproved.assert_rests()


def test_both_sides_changing_one_line_is_a_conflict(unapproved: Office) -> None:
    edit_line(unapproved)
    unapproved.price(ORDER, "1", "44.44")
    assert unapproved.sent_by_sync() == []
    hold = unapproved.hold("conflict")
    assert (hold["erp_id"], hold["owner"]) == (ORDER, "project accountant")
    unapproved.app.rule("demo", hold["id"], "erp")
    unapproved.sync()
    unapproved.assert_proven()
    unapproved.assert_rests()


def test_unapproved_again_by_a_person_is_held_and_never_approved_over_their_head(running: Office) -> None:
    edit_status(running)
    assert running.sent_by_sync() == []
    assert "status" in running.hold("changed_there")["sentence"]
    assert running.proof.paper(ORDER).status == "Draft"


def test_change_order_typed_by_a_person_is_held_and_stays(running: Office) -> None:
    """Somebody adds a change order of their own to an approved contract: that is drift, not ours to undo."""
    row = header(running)
    path = f"/rest/v1.0/projects/{row['project']['id']}/commitment_change_orders"
    running.box.clock.advance(running.pause)
    change = running.proof.procore.ask(
        "POST", path, {"change_order": {"contract_id": row["id"], "title": "Site extra", "status": "draft"}}
    )
    company = running.box.sandbox.world.procore_company_id
    lines = f"/rest/v2.0/companies/{company}/projects/{row['project']['id']}/commitment_change_orders/{change['id']}"
    first = row["line_items"][0]
    body = {
        "wbs_code_id": str(first["wbs_code"]["id"]),
        "amount": "500.00",
        "description": "Extra",
        "commitment_line_item_id": str(first["id"]),
    }
    running.proof.procore.ask("POST", f"{lines}/line_items", body)
    running.proof.procore.ask("PATCH", f"{path}/{change['id']}", {"change_order": {"status": "approved"}})
    assert running.sent_by_sync() == []
    assert running.hold("changed_there")["erp_id"] == ORDER
    assert header(running)["approved_change_orders"] == "500.00"


@pytest.mark.parametrize("answer", ["projects", "erp"])
def test_a_frozen_line_on_a_code_of_theirs_is_amended_there(running: Office, answer: str) -> None:
    """Procore's people moved a line to a code that no order of ours is on, then approved the contract again."""
    row = header(running)
    line, where = row["line_items"][0], row["project"]["id"]
    types = running.proof.procore.ask("GET", f"/rest/v1.0/line_item_types?company_id={company(running)}")
    unused = next(one["id"] for one in types if one["code"] == "O")
    edit_status(running)
    place = {"cost_code_id": line["cost_code"]["id"], "line_item_type_id": unused}
    running.proof.procore.edit_line(where, row["id"], line["id"], **place)
    code = header(running)["line_items"][0]["wbs_code"]["flat_code"]
    assert code != line["wbs_code"]["flat_code"]
    running.procore("set_order_status", order_number=ORDER, status="Approved")
    running.sync()
    running.app.rule("demo", running.hold("changed_there")["id"], answer)
    running.price(ORDER, "1", "77.31")
    running.sync()
    assert running.holds("changed_there") == []
    running.assert_rests()
    money = by_code(running)
    assert (money[code] != 0) == (answer == "projects")


# our own writes come back ---------------------------------------------------------------------------------------------


def test_own_writes_are_swallowed_as_echoes_and_counted(running: Office) -> None:
    report = running.assert_rests()
    assert report.echoes == len(list(running.proof.papers()))
    running.price(ORDER, "1", "12.34")
    running.sync()
    running.assert_rests()
    assert running.holds("changed_there") == []


# seeing and not seeing ------------------------------------------------------------------------------------------------


def test_revoked_project_loses_and_doubles_nothing_and_heals(running: Office) -> None:
    before = [(where, paper) for where, paper, _ in running.proof.papers()]
    moved = next(where for where, _, _ in running.proof.papers() if where[0] == "1205")
    running.procore("revoke_project", project_id="1205")
    assert running.sent_by_sync() == []
    hold = running.hold("gone_there")
    assert (hold["kind"], hold["erp_id"], hold["owner"]) == ("project", "1205", "administrator")
    add_line(running, moved[1])
    running.price(ORDER, "1", "12.34")
    running.sync()
    assert moved[1] in {one["erp_id"] for one in running.holds()}
    running.procore("permit_project", project_id="1205")
    running.sync()
    assert {one["erp_id"] for one in running.holds()} == {UNKNOWN_CODE}
    assert len(list(running.proof.papers())) == len(before)
    running.assert_proven()
    running.assert_rests()


def test_new_order_on_a_revoked_project_waits_for_it(running: Office) -> None:
    on_it = next(where for where, _, _ in running.proof.papers() if where[0] == "1205")
    running.procore("revoke_project", project_id="1205")
    number = order_for(running, "S1005", on_it[1])
    running.sync()
    assert number in {one["erp_id"] for one in running.holds()}
    running.procore("permit_project", project_id="1205")
    running.sync()
    running.assert_proven()


def test_deleted_contract_is_held_and_not_made_again(unapproved: Office) -> None:
    unapproved.procore("delete_order", order_number=ORDER)
    unapproved.price(ORDER, "1", "12.34")
    assert unapproved.sent_by_sync() == []
    hold = unapproved.hold("gone_there")
    assert (hold["erp_id"], hold["owner"]) == (ORDER, "administrator")
    assert Decimal(hold["amount"]) > 0
    assert ORDER not in [where[1] for where, _, _ in unapproved.proof.papers()]


def test_project_closed_in_ifs_keeps_its_contracts(running: Office) -> None:
    before = len(list(running.proof.papers()))
    running.ifs("set_project_state", project_id="1203", state="Closed")
    running.assert_rests()
    assert len(list(running.proof.papers())) == before
    running.assert_proven()


def test_renamed_supplier_is_renamed_in_procore(running: Office) -> None:
    supplier = next(line["VendorNo"] for line in running.proof.ifs.orders() if line["OrderNo"] == ORDER)
    running.ifs("rename_supplier", supplier_id=supplier, name="Renamed Supply Company")
    running.sync()
    names = [row["name"] for row in running.proof.procore.vendors() if row["origin_code"] == supplier]
    assert names == ["Renamed Supply Company"]
    running.assert_proven()
    running.assert_rests()


# any edits at all -----------------------------------------------------------------------------------------------------


ENDED = ("Closed", "Cancelled")
"""IFS lets nobody change an order in these states."""


@pytest.mark.parametrize(("approved", "seed"), [(True, 0), (False, 1)])
def test_random_edits_on_both_sides_come_to_rest(office: Office, approved: bool, seed: int) -> None:
    """Forty edits with syncs in between come to rest; once a person gives IFS every open question, IFS it is."""
    rng = random.Random(seed)
    if not approved:
        office.policy(**OPEN)
        office.proof.status |= UNAPPROVED
    office.sync()
    for _ in range(5):
        contracts = [where[1] for where, _, _ in office.proof.papers()]
        for _ in range(8):
            random_edit(office, rng, contracts)
        office.sync()
    for _ in range(3):
        office.sync()
    office.assert_rests()
    for _ in range(3):
        for hold in [*office.holds("changed_there"), *office.holds("conflict")]:
            office.app.rule("demo", hold["id"], "erp")
        office.sync()
    assert {hold["erp_id"] for hold in office.holds()} <= {UNKNOWN_CODE}
    office.assert_rests()
    office.assert_proven()


def random_edit(office: Office, rng: random.Random, contracts: list[str]) -> None:
    """One edit on either side; one that the system refuses is no edit."""
    order = rng.choice([row["OrderNo"] for row in office.proof.ifs.orders() if row["Objstate"] not in ENDED])
    contract = rng.choice(contracts)
    acts = (
        lambda: office.price(order, "1", rng.randint(100, 99999) / Decimal(100)),
        lambda: office.ifs("amend_line", order_no=order, line_no="2", quantity=str(rng.randint(1, 50))),
        lambda: add_line(office, order),
        lambda: office.ifs("cancel_line", order_no=order, line_no=str(rng.randint(1, 3))),
        lambda: office.ifs("amend_line", order_no=order, line_no="1", description=f"Text {rng.randint(1, 99)}"),
        lambda: office.ifs(rng.choice(("close_order", "cancel_order", "release_order")), order_no=order),
        lambda: office.procore("edit_order", order_number=contract, title=f"Title {rng.randint(1, 9)}"),
        lambda: office.procore(
            "set_order_status", order_number=contract, status=rng.choice(("Draft", "Approved", "Closed"))
        ),
    )
    with contextlib.suppress(SandboxFailed):
        rng.choice(acts)()
