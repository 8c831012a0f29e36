"""The set-up check names what is wrong with a tenant or a profile, and what to do about it."""

from __future__ import annotations

from collections import Counter

import pytest

from ml_connector.kernel.errors import BadInput
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.finding import Finding
from ml_connector.systems.ifs.check import check, discover
from ml_connector.systems.ifs.profile import profile_from
from ml_connector.systems.ifs.system import IfsSettings, IfsSystem
from ml_connector.systems.pacing import Pacing
from ml_connector.systems.signing import ClientCredentials
from ml_connector.systems.transport import HttpSettings, Transport

from .conftest import MakeSystem


def bad(findings: list[Finding]) -> dict[str, Finding]:
    return {one.name: one for one in findings if not one.ok}


def test_a_tenant_like_the_profile_passes(make: MakeSystem) -> None:
    findings = check(make())
    assert bad(findings) == {}
    sentences = {one.name: one.sentence for one in findings}
    assert "USD" in sentences["company"]
    assert "Signed in as" in sentences["sign-in"]
    assert {"read order", "read order_line", "page size", "amounts"} <= sentences.keys()


@pytest.mark.parametrize(
    ("overrides", "name", "sentence", "remedy"),
    [
        ({"order": {"projection": "PurchaseOrdering"}}, "names of order", "PurchaseOrdering", "PurchaseOrdersHandling"),
        ({"supplier": {"entity_set": "Suppliers"}}, "names of supplier", "no Suppliers", "SupplierInfoGeneralSet"),
        ({"order_line": {"properties": {"amount": "NetAmount"}}}, "names of order_line", "NetAmount", "NetAmtCurr"),
        ({"order": {"state_enum": "OrderState"}}, "names of order", "OrderState", "erp.profile.order"),
        (
            {"order_lines": "three_collections", "line_navs": {"part": "LinePartsArray"}},
            "names of order",
            "LinePartsArray",
            "LinePart",
        ),
        ({"company": {"properties": {"id": "CompanyId"}}}, "names of company", "CompanyId", "Company"),
    ],
)
def test_a_wrong_name_is_found_with_its_likely_right_one(
    make: MakeSystem, overrides: dict[str, object], name: str, sentence: str, remedy: str
) -> None:
    finding = bad(check(make(**overrides)))[name]
    assert sentence in finding.sentence
    assert remedy in finding.remedy


def test_an_unknown_state_must_be_explained(make: MakeSystem) -> None:
    states = make().profile.order_states
    profile = make().profile
    fewer = {name: ours for name, ours in states.items() if name != "Arrived"}
    system = make()
    system.profile = type(profile)(order_states=fewer)
    assert "Arrived" in bad(check(system))["states of order"].sentence


def test_rights_and_habits_are_told_apart(box: RunningSandbox, make: MakeSystem) -> None:
    box.ifs.switches.denied_projections = {"PurchaseOrderLinesHandling"}
    box.ifs.switches.missing_projections = {"PurchaseOrderHandling"}
    box.ifs.switches.objstate_filter = "always_400"
    found = bad(check(make()))
    assert "Grant" in found["names of order_line"].remedy
    assert "PurchaseOrderHandling" in found["names of order"].sentence
    box.ifs.switches.missing_projections = set()
    assert "client" in bad(check(make()))["read order"].remedy


def test_a_cut_page_is_noticed(box: RunningSandbox, make: MakeSystem) -> None:
    box.ifs.switches.max_top = "clamp:70"
    found = bad(check(make()))
    assert "page_size = 70" in found["page size"].remedy


def test_a_company_nobody_granted(make: MakeSystem) -> None:
    assert "no company '99'" in bad(check(make(of="99")))["company"].sentence


@pytest.mark.parametrize(
    ("realm", "secret", "word"), [("nowhere", "x", "realm"), ("kestrelprod", "wrong", "client secret")]
)
def test_a_wrong_sign_in_ends_the_check_at_once(box: RunningSandbox, realm: str, secret: str, word: str) -> None:
    http = HttpSettings(setting="erp.url")
    url = f"{box.ifs_url}/auth/realms/{realm}/protocol/openid-connect/token"
    sign = ClientCredentials(url, "ml-connector", secret, "", box.clock, Transport("IFS", http, Pacing()))
    system = IfsSystem(Transport("IFS", http, Pacing(), sign), IfsSettings(box.ifs_url, "10"))
    (finding,) = check(system)
    assert not finding.ok
    assert word in finding.sentence


def test_what_is_there_is_counted(box: RunningSandbox, make: MakeSystem) -> None:
    found, world = discover(make()), box.sandbox.world
    states = Counter(one.state for one in world.orders)
    assert found["orders"] == {name: n for name, n in states.items() if name not in ("Closed", "Cancelled")}
    assert found["projects"] == len(world.sites)
    assert found["activities"] == len(world.activities)


@pytest.mark.parametrize(
    "overrides",
    [
        {"order": {"projektion": "X"}},
        {"order_lines": "guess"},
        {"order_states": {"Odd": "strange"}},
        {"page_size": 5000},
        {"order": "text"},
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(overrides: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=r"profile|maps"):
        profile_from(overrides)
