"""A projection, set or property this tenant does not have: `check` says which and what there is instead."""

from __future__ import annotations

import pytest

from journeys.office import NAME, Office
from ml_connector.systems.ifs.profile import Profile

from .desk import Desk
from .test_missing_rights import READ, _bad, _procore_writes, _switch


@pytest.mark.parametrize("projection", READ[2:5])
def test_a_projection_this_tenant_does_not_have(projection: str, office: Office, front: Desk) -> None:
    _switch(office, "ifs", missing_projections=[projection])
    bad = _bad(front)
    assert bad
    assert any(projection in one["sentence"] for one in bad), bad
    error = front.fails(12, "name_missing", "sync", NAME)
    assert projection in error["sentence"], error
    assert "check" in error["next_step"]
    assert _procore_writes(office) == 0
    _switch(office, "ifs", missing_projections=[])
    office.sync()
    office.assert_proven()


@pytest.mark.parametrize(
    ("word", "values", "wrong", "offered"),
    [
        ("order", '{properties = {vendor = "VendorNumber"}}', "VendorNumber", "VendorNo"),
        ("order_line", '{properties = {amount = "NetAmountCurr"}}', "NetAmountCurr", "NetAmtCurr"),
        ("project", '{properties = {name = "ProjectName"}}', "ProjectName", "Project"),
        ("supplier", '{properties = {name = "SupplierName"}}', "SupplierName", "Name"),
        ("dimension", '{entity_set = "AccountingCodePartValues"}', "AccountingCodePartValues", "PartValueSet"),
    ],
)
def test_a_profile_that_names_what_is_not_there(
    word: str, values: str, wrong: str, offered: str, office: Office, front: Desk
) -> None:
    assert front.run("connection", "edit", NAME, "--set", f"erp.profile.{word}={values}").code == 0
    (bad,) = _bad(front)
    assert wrong in bad["sentence"]
    assert f"[erp.profile.{word}]" in bad["remedy"]
    assert offered in bad["remedy"], bad
    error = front.fails(12, "name_missing", "sync", NAME)
    assert wrong in error["sentence"], error
    assert _procore_writes(office) == 0
    right = front.run("connection", "edit", NAME, "--set", f"erp.profile.{word}={_right(word, values)}")
    assert right.code == 0, right
    office.sync()
    office.assert_proven()


def _right(word: str, values: str) -> str:
    """The same change with the default's own name in it."""
    where = Profile().sets()[word]
    wrong, name = values.split('"')[1], values.split(" =")[-2].split("{")[-1]
    return values.replace(wrong, where.entity_set if name == "entity_set" else where.properties[name])
