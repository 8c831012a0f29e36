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
from .tampering import Tampering


def bad(findings: list[Finding]) -> dict[str, Finding]:
    return {one.name: one for one in findings if not one.ok}


def test_a_tenant_like_the_profile_passes(make: MakeSystem) -> None:
    findings = check(make())
    assert bad(findings) == {}
    sentences = {one.name: one.sentence for one in findings}
    assert "USD" in sentences["company"]
    assert "Signed in as" in sentences["sign-in"]
    assert {"read order", "read order_line", "page size", "amounts"} <= sentences.keys()
    assert "up to 100 reads in one batch" in sentences["supplier details"]


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
        ({"supplier": {"projection": "SuppliersHandling"}}, "names of supplier", "SupplierPurchases", "supplier_navs"),
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


def projections(system: IfsSystem) -> dict[str, str]:
    return {word: where.projection for word, where in system.profile.sets().items()}


@pytest.mark.parametrize("word", ["company", "project", "activity", "dimension", "supplier", "order", "order_line"])
@pytest.mark.parametrize("how", ["denied", "missing"])
def test_the_remedy_names_the_projection_and_what_to_do_with_it(
    box: RunningSandbox, make: MakeSystem, word: str, how: str
) -> None:
    system = make()
    projection = projections(system)[word]
    setattr(box.ifs.switches, f"{how}_projections", {projection})
    findings = bad(check(system))
    assert findings
    for finding in findings.values():
        assert finding.sentence
        assert projection in finding.remedy
        if how == "denied":
            assert "permission set" in finding.remedy


def test_an_entity_service_that_nobody_activated_is_told(make: MakeSystem) -> None:
    service = {"projection": "SupplierInfoGeneralEntity", "service": "entity", "candidates": []}
    finding = bad(check(make(supplier=service)))["names of supplier"]
    assert "SupplierInfoGeneralEntity" in finding.sentence
    assert "activated" in finding.remedy


def test_an_empty_set_comes_with_what_to_look_at(make: MakeSystem) -> None:
    system = make(of="99")
    finding = next(one for one in check(system) if one.name == "read order")
    assert finding.ok
    assert "grant the projection PurchaseOrderHandling to a permission set" in finding.remedy


def test_details_that_cannot_be_read_and_batches_that_are_not_taken_are_told(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    settings = IfsSettings(box.ifs_url, "10")
    found = {one.name: one for one in check(IfsSystem(Tampering(transport, instead=405), settings))}
    assert "takes no batch" in found["supplier details"].sentence
    found = {one.name: one for one in check(make(batch_parts=0))}
    assert "switched off" in found["supplier details"].sentence
    finding = bad(check(IfsSystem(Tampering(transport, parts={0: 400}), settings)))["supplier details"]
    assert "permission set" in finding.remedy
    assert "SupplierHandling" in finding.remedy
    finding = bad(check(IfsSystem(Tampering(transport, parts={0: 403}), settings)))["supplier details"]
    assert "permission set" in finding.remedy


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
    open_orders = [one for one in world.orders if one.state not in ("Closed", "Cancelled")]
    assert found["currencies"] == Counter(one.currency for one in open_orders)
    assert found["suppliers"] == len({one.supplier_id for one in open_orders})
    codes = found["codes"]
    assert isinstance(codes, dict)
    assert Counter(one.code_part for one in world.code_values).items() <= codes.items()
    assert (found["projects_refused"], found["activities_refused"], found["codes_refused"]) == (0, 0, 0)
    assert found["suppliers_without_purchase_data"] == []
    book = make().book()
    assert book.periods
    for word, state in (("open", True), ("closed", False)):
        there = [f"{one.year}-{one.period:02d}" for one in book.periods if one.open is state]
        assert found[f"{word}_periods"] == sorted(there)


def test_suppliers_of_open_orders_without_purchase_data_are_named(box: RunningSandbox, transport: Transport) -> None:
    system = IfsSystem(Tampering(transport, parts={0: 404, 2: 400}), IfsSettings(box.ifs_url, "10"))
    orders = [one for one in box.sandbox.world.orders if one.state not in ("Closed", "Cancelled")]
    used = sorted({one.supplier_id for one in orders})
    assert discover(system)["suppliers_without_purchase_data"] == [used[0], used[2]]


@pytest.mark.parametrize(
    "overrides",
    [
        {"order": {"projektion": "X"}},
        {"order_lines": "guess"},
        {"order_states": {"Odd": "strange"}},
        {"page_size": 5000},
        {"batch_parts": -1},
        {"order": "text"},
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(overrides: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=r"profile|maps"):
        profile_from(overrides)
