"""Sending what orders need first: vendors, project members, cost codes tier by tier, budget codes."""

from __future__ import annotations

import msgspec
import pytest

from ml_connector.kernel.errors import Bug, OutcomeUnknown, RateLimited, RightMissing
from ml_connector.records.cost_code import BudgetCode, CostCode
from ml_connector.records.vendor import ProjectVendor, Vendor
from ml_connector.systems.port import Result
from ml_connector.systems.procore.cost_code import parent_key

from .office import Office, only, raising, reply, results

ACME = Vendor(
    id="S900",
    name="Acme Anchors, Inc.",
    tax_number="36-1234567",
    country="US",
    address="1 Bolt Way",
    city="Peoria",
    state="IL",
    zip_code="61602",
    email="ap@acme.example",
    phone="309-555-0101",
)


def read(office: Office, id_: str) -> Vendor:
    return next(vendor for vendor in office.system.vendors() if vendor.id == id_)


def test_vendors_are_made_once_and_read_back_as_sent() -> None:
    office = Office()
    plain = Vendor("S901", "Nordlicht GmbH", "DE123", "Germany", state="Bayern")
    effects = [
        office.effect("create", "vendor", ACME, number=1),
        office.effect("create", "vendor", plain, number=2),
    ]
    first = office.done(*effects)
    again = office.done(*effects)
    assert [o.target for o in first] == [o.target for o in again]
    found = read(office, first[0].target)
    assert found == msgspec.structs.replace(
        ACME, id=found.id, tax_number="361234567", origin="10/vendor/1", stamp=found.stamp
    )
    assert read(office, first[1].target).country is None
    assert office.system.find(effects[0]) == msgspec.structs.replace(again[0], sentence="")
    assert office.writes == ["PATCH /rest/v1.0/vendors/sync"] * 2


def test_a_bad_vendor_row_is_refused_in_their_words_and_the_others_go_through() -> None:
    office = Office()
    bad = msgspec.structs.replace(ACME, name=" ")
    outcomes = office.send(
        office.effect("create", "vendor", bad, number=1), office.effect("create", "vendor", ACME, number=2)
    )
    assert results(outcomes) == [Result.REFUSED, Result.DONE]
    assert "name: can't be blank" in outcomes[0].sentence


def test_adopting_and_updating_a_vendor_go_by_its_id() -> None:
    office = Office()
    there = office.system.vendors()[0]
    adopt = office.effect("adopt", "vendor", ACME, target=there.id)
    assert office.system.find(adopt) is None
    office.done(adopt)
    assert office.system.find(adopt) is not None
    assert read(office, there.id).name == there.name
    update = office.effect("update", "vendor", ACME, target=there.id)
    assert office.system.find(update) is None
    office.done(update)
    assert office.system.find(update) is not None
    assert read(office, there.id).name == ACME.name
    gone = office.send(office.effect("update", "vendor", ACME, target="77"))
    assert results(gone) == [Result.REFUSED]
    assert [r.safe for r in office.said if r.method == "PATCH"] == [False, True, True]


def test_a_vendor_expired_in_ifs_leaves_the_directory_and_comes_back() -> None:
    office = Office()
    there = office.done(office.effect("create", "vendor", ACME))[0].target
    ended = msgspec.structs.replace(ACME, active=False)
    update = office.effect("update", "vendor", ended, target=there)
    assert office.system.find(update) is None
    office.done(update)
    assert office.system.find(update) is not None
    assert read(office, there) == msgspec.structs.replace(
        ended, id=there, tax_number="361234567", origin="10/vendor/1", stamp=read(office, there).stamp
    )
    again = office.effect("update", "vendor", ACME, target=there)
    assert office.system.find(again) is None
    office.done(again)
    assert office.system.find(again) is not None
    assert read(office, there).active
    assert len([one for one in office.system.vendors() if one.id == there]) == 1


def test_inactive_vendors_are_left_out_where_procore_does_not_list_them() -> None:
    office = Office()
    there = office.done(office.effect("create", "vendor", ACME))[0].target
    office.done(office.effect("update", "vendor", msgspec.structs.replace(ACME, active=False), target=there))
    everybody = office.system.vendors()
    office.before = only("vendors/inactive", lambda: reply(501, {"message": "no"}))
    assert office.system.vendors() == [one for one in everybody if one.id != there]


def test_a_batch_ends_as_a_whole_when_the_call_does() -> None:
    office = Office()
    effects = [office.effect("create", "vendor", ACME, number=n) for n in (1, 2)]
    office.before = only("sync", raising(OutcomeUnknown("lost")))
    assert results(office.send(*effects)) == [Result.UNKNOWN] * 2
    office.before = only("sync", raising(RateLimited("slow")))
    assert results(office.send(*effects)) == [Result.WAITING] * 2
    office.before = only("sync", lambda: reply(400, {"errors": {"updates": ["no"]}}))
    refused = office.send(*effects)
    assert results(refused) == [Result.REFUSED] * 2
    assert refused[0].reference == "r-1"
    office.before = only("sync", lambda: reply(200, {"entities": [], "errors": []}))
    assert results(office.send(*effects)) == [Result.UNKNOWN] * 2
    office.before = only("sync", lambda: reply(200, "what"))
    assert results(office.send(*effects)) == [Result.UNKNOWN] * 2
    office.before = only("sync", lambda: reply(403, {"message": "no"}))
    with pytest.raises(RightMissing):
        office.send(*effects)


def test_a_body_too_large_is_halved() -> None:
    office = Office()
    rows = [msgspec.structs.replace(ACME, id=f"S{n}", name=f"Acme {n}", tax_number=None) for n in range(5)]
    effects = [office.effect("create", "vendor", row, number=n) for n, row in enumerate(rows)]
    office.before = only("sync", lambda: reply(413, {"errors": "too large"}), times=2)
    office.done(*effects)
    assert len(office.writes) == 5


def test_a_member_is_added_once_and_already_there_counts() -> None:
    office = Office()
    made = office.done(office.effect("create", "vendor", ACME))[0].target
    effect = office.effect("create", "project_vendor", ProjectVendor("S900", "1201"), vendor__S900=made)
    assert office.system.find(effect) is None
    office.done(effect)
    office.done(effect)
    assert office.system.find(effect) is not None
    assert made in office.system.project_vendors(office.project())
    assert made not in office.system.project_vendors(office.project("1202"))
    office.before = only("actions/add", lambda: reply(400, {"message": "has already been added"}))
    office.done(effect)
    nobody = office.effect("create", "project_vendor", ProjectVendor("S900", "1201"), vendor__S900="77")
    assert results(office.send(nobody)) == [Result.REFUSED]


def test_cost_codes_come_with_their_parents() -> None:
    office = Office()
    known = {code.code for code in office.system.cost_codes(office.project())}
    top = next(c for c in known if "-" not in c)
    new = [f"{top}-999", "88-100", "88-200", "88-100-5", "89"]
    effects = [
        msgspec.structs.replace(
            office.effect("create", "cost_code", CostCode("", "1201", c, f"Name {c}"), number=n),
            once_key=f"10/1201/{c}",
        )
        for n, c in enumerate(new)
    ]
    office.done(*effects)
    found = {code.code: code for code in office.system.cost_codes(office.project())}
    assert set(found) == known | set(new) | {"88"}
    assert found["88"].origin == "10/1201/88"
    assert found["88-100"].name == "Name 88-100"
    assert len([w for w in office.writes if "cost_codes/sync" in w]) == 3
    office.done(*effects)
    assert len(office.system.cost_codes(office.project())) == len(found)
    for effect in effects:
        assert office.system.find(effect) is not None


def test_a_code_that_is_there_is_taken_and_a_rename_lands() -> None:
    office = Office()
    there = next(code for code in office.system.cost_codes(office.project()) if "-" in code.code)
    body = msgspec.structs.replace(there, name="Ours")
    made = office.done(office.effect("create", "cost_code", body))[0]
    assert made.target == there.id
    rename = office.effect("update", "cost_code", body, target=there.id)
    assert office.system.find(rename) is None
    office.done(rename)
    assert office.system.find(rename) is not None
    adopt = office.effect("adopt", "cost_code", body, target=there.id, number=2)
    office.done(adopt)
    assert office.system.find(adopt) is not None


def test_parent_keys() -> None:
    assert parent_key("10/1201/03-310", "03-310", "03") == "10/1201/03"
    assert parent_key("10/1201/x1", "03-310", "03") == "10/1201/03"


def test_budget_codes_are_combined_from_segment_items() -> None:
    office = Office()
    office.done(office.effect("create", "cost_code", CostCode("", "1201", "88-100", "New")))
    effect = office.effect("create", "budget_code", BudgetCode("", "1201", "88-100.M"))
    assert office.system.find(effect) is None
    made = office.done(effect)[0].target
    assert office.done(effect)[0].target == made
    assert office.system.find(effect) is not None
    found = next(code for code in office.system.budget_codes(office.project()) if code.id == made)
    assert (found.flat, found.active, found.budgeted) == ("88-100.M", True, False)
    missing = office.effect("create", "budget_code", BudgetCode("", "1201", "88-100.Q"))
    assert "cost type Q" in office.send(missing)[0].sentence


def test_an_item_made_behind_our_back_is_found() -> None:  # done() asserts
    office = Office()
    first = office.effect("create", "budget_code", BudgetCode("", "1201", office.codes()[0][0]))
    office.done(first)
    office.face.acts["add_cost_code"]({"number": "1201", "code": "77-100", "name": "By hand"})
    office.done(office.effect("create", "budget_code", BudgetCode("", "1201", "77-100.M")))


def test_what_planning_must_not_ask_is_a_bug() -> None:
    office = Office()
    effect = office.effect("create", "vendor", ACME)
    with pytest.raises(Bug):
        office.system.send([msgspec.structs.replace(effect, verb="fill")])
    with pytest.raises(Bug):
        office.system.send([effect, msgspec.structs.replace(effect, verb="update")])
    with pytest.raises(Bug):
        office.system.send([msgspec.structs.replace(effect, kind="cost_code", scope="1201")])
    with pytest.raises(Bug):
        office.system.find(msgspec.structs.replace(effect, kind="project"))
    assert office.system.send([]) == []
    assert office.system.batch_size("vendor", "create") == 1000
    assert office.system.batch_size("commitment", "fill") == 1
    assert office.writes == []
