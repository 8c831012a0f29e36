"""A vendor born in Procore becomes one supplier in IFS, whole and blocked; later changes touch what is ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.errors import BadInput
from ml_connector.records.vendor import Vendor
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.profile import profile_from
from ml_connector.systems.ifs.sending import Sending
from ml_connector.systems.ifs.supplier_proposal import address_fields
from ml_connector.systems.ifs.system import IfsSystem
from ml_connector.systems.ifs.writing import Writing
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.transport import Transport

from .conftest import MakeSystem

ONCE = "10/vendor/562949953421312"
BEAMS = Vendor(
    id="562949953421312",
    name="New Beams Co",
    tax_number="36-7654321",
    country="US",
    address="77 Mill Road, Building C",
    city="Gary",
    state="IN",
    zip_code="46402",
    email="ap@beams.example",
    phone="+1 219 555 0100",
)
PARTS = (
    "SupplierInfoGeneral", "SupplierInfoAddress", "SupplierInfoAddressType", "CommMethod", "Supplier",
    "IdentityInvoiceInfo", "IdentityPayInfo",
)  # fmt: skip
Send = Callable[..., Sending]


@pytest.fixture
def system(make: MakeSystem) -> IfsSystem:
    return make()


@pytest.fixture
def sending(make: MakeSystem) -> Send:
    """The writing half with some of the profile changed."""

    def made(**overrides: object) -> Sending:
        system = make(**overrides)
        return Sending(system.odata, system.profile, "10")

    return made


def create(body: Vendor = BEAMS, once_key: str = ONCE, number: int = 1) -> Effect:
    return Effect(number, "create", "supplier", once_key, "", "", body, {})


def update(target: str, body: Vendor) -> Effect:
    return Effect(1, "update", "supplier", "", "", target, body, {})


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def read(system: IfsSystem, supplier: str) -> Vendor:
    (vendor,) = system.vendors([supplier], lambda _ids: {}).vendors
    return vendor


def below(system: IfsSystem, supplier: str, nav: str = "") -> Any:
    """The supplier's row, or the rows of one of its arrays, as IFS shows them."""
    path = f"SupplierInfoGeneralSet(SupplierId='{supplier}')" + (f"/{nav}" if nav else "")
    found = json.loads(system.odata.get(system.odata.service("SupplierHandling") + path, "look"))
    return found["value"] if nav else found


def counts(box: RunningSandbox) -> dict[str, int]:
    summary = box.ifs.summary()
    return {part: summary.get(part, 0) for part in PARTS}


def change(body: Vendor, **fields: object) -> Vendor:
    return msgspec.structs.replace(body, **fields)


# -- proposed


def test_a_vendor_becomes_a_supplier_with_all_its_parts_in_one_request(
    box: RunningSandbox, sending: Send, system: IfsSystem, transport: Transport
) -> None:
    before = counts(box)
    outcome = only(sending().send([create()]))
    assert outcome.result is Result.DONE
    assert transport.counts.writes == 1
    vendor = read(system, outcome.target)
    assert change(vendor, id=BEAMS.id, origin=None, blocked=False) == BEAMS
    assert below(system, outcome.target)["IdentifierReference"] == ONCE
    (bought,) = below(system, outcome.target, "SupplierPurchases")
    assert (bought["CurrencyCode"], bought["SuppGrp"], bought["PayTermId"]) == ("USD", "STD", "30")
    (billed,) = below(system, outcome.target, "SupplierInvoiceCompanies")
    assert (billed["Company"], billed["GroupId"], billed["DefCurrency"]) == ("10", "STD", "USD")
    grown = {part: count - before[part] for part, count in counts(box).items()}
    assert list(grown.values()) == [1, 1, 3, 2, 1, 1, 1]


@pytest.mark.parametrize("defaults", [{}, {"payments.BlockedForPayment": "false", "payments.NettingAllowed": "true"}])
def test_no_profile_lets_a_proposal_be_paid(sending: Send, system: IfsSystem, defaults: dict[str, str]) -> None:
    outcome = only(sending(writes={"supplier_defaults": defaults}).send([create()]))
    (paid,) = below(system, outcome.target, "SupplierPayments")
    assert paid["BlockedForPayment"] is True
    assert paid["NettingAllowed"] is bool(defaults)
    with pytest.raises(BadInput, match="payments"):
        profile_from({"writes": {"supplier_navs": {"payments": ""}}})


def test_the_customers_own_values_go_along(sending: Send, system: IfsSystem) -> None:
    writes = {
        "supplier_reference": "SuppliersOwnId",
        "supplier_address_types": ["Visit"],
        "supplier_defaults": {
            "purchases.CurrencyCode": "EUR", "purchases.BuyerCode": "MHALE", "invoices.DefCurrency": "EUR",
            "invoices.PayTermId": "45", "general.DefaultLanguage": "en", "addresses.AddressId": "HQ",
        },
    }  # fmt: skip
    ours = sending(writes=writes)
    outcome = only(ours.send([create(once_key="10/vendor/77")]))
    assert outcome.result is Result.DONE, outcome.sentence
    assert below(system, outcome.target)["SuppliersOwnId"] == "10/vendor/77"
    assert below(system, outcome.target, "SupplierPurchases")[0]["BuyerCode"] == "MHALE"
    assert below(system, outcome.target, "SupplierInvoiceCompanies")[0]["PayTermId"] == "45"
    assert below(system, outcome.target, "SupplierInfoAddresses")[0]["AddressId"] == "HQ"
    assert only(ours.send([create(once_key="10/vendor/77")])).target == outcome.target


def test_twice_sent_is_made_once(box: RunningSandbox, sending: Send, transport: Transport) -> None:
    ours = sending()
    first = only(ours.send([create()]))
    made = counts(box)
    assert only(ours.send([create()])).target == first.target
    assert counts(box) == made
    assert transport.counts.writes == 1


def test_several_vendors_share_a_request_and_each_ends_by_itself(
    box: RunningSandbox, sending: Send, transport: Transport
) -> None:
    before = counts(box)["SupplierInfoGeneral"]
    bodies = [BEAMS, change(BEAMS, name="N" * 101), change(BEAMS, name="Third Co", country=None)]
    outcomes = sending().send([create(one, f"10/vendor/{n}", n) for n, one in enumerate(bodies)])
    assert [one.result for one in outcomes] == [Result.DONE, Result.REFUSED, Result.REFUSED]
    assert "Country" in outcomes[2].sentence  # no country is guessed: the profile may name one
    assert "[erp.profile.writes.supplier_defaults]" in outcomes[2].sentence
    assert "no country" not in outcomes[1].sentence
    assert transport.counts.writes == 1
    assert counts(box)["SupplierInfoGeneral"] == before + 1


@pytest.mark.parametrize("batch_parts", [100, 0])
def test_a_refused_part_leaves_nothing_behind(box: RunningSandbox, sending: Send, batch_parts: int) -> None:
    before = counts(box)
    writes = {"supplier_defaults": {"invoices.PayTermId": "NEVER"}}
    outcome = only(sending(batch_parts=batch_parts, writes=writes).send([create()]))
    assert (outcome.result, outcome.reference) == (Result.REFUSED, "PaymentTerm.NOTEXIST")
    assert counts(box) == before


@pytest.mark.parametrize("kind", ["drop_after", "half_body"])
def test_a_lost_answer_is_settled_by_looking(box: RunningSandbox, sending: Send, kind: str) -> None:
    before = counts(box)["SupplierInfoGeneral"]
    box.faults.add(FaultRule(kind, side="ifs", method="POST"))
    ours = sending()
    first = only(ours.send([create()]))
    assert first.result is Result.DONE
    assert only(ours.send([create()])).target == first.target
    assert counts(box)["SupplierInfoGeneral"] == before + 1


@pytest.mark.parametrize(("lost", "whole"), [(1, False), (9, False), (10, True)])
def test_half_a_supplier_of_a_tenant_without_change_sets_is_never_taken_for_one(
    box: RunningSandbox, sending: Send, lost: int, whole: bool
) -> None:
    before = counts(box)["SupplierInfoGeneral"]
    box.faults.add(FaultRule("drop_after", side="ifs", method="POST", nth=lost))
    ours = sending(batch_parts=0)
    assert only(ours.send([create()])).result is (Result.DONE if whole else Result.REFUSED)
    found = ours.find(create())
    assert found is not None
    assert found.result is (Result.DONE if whole else Result.REFUSED)
    assert whole or "in part only" in found.sentence
    assert counts(box)["SupplierInfoGeneral"] == before + 1


def test_what_cannot_be_seen_stays_unknown_until_it_is_found(box: RunningSandbox, sending: Send) -> None:
    ours = sending()
    box.faults.add(FaultRule("drop_before", side="ifs", method="POST"))
    assert only(ours.send([create()])).result is Result.UNKNOWN
    assert ours.find(create()) is None
    made = only(ours.send([create()]))
    found = ours.find(create())
    assert found is not None
    assert found.target == made.target


def test_a_long_address_is_broken_where_it_is_read_together_again(sending: Send, system: IfsSystem) -> None:
    long = (
        "Receiving Dock 4 of the Northern Yard behind the Old Foundry Building, Second Gate on the Left, 77 Mill Road"
    )
    outcome = only(sending().send([create(change(BEAMS, address=long))]))
    assert read(system, outcome.target).address == long
    assert len(str(address_fields(change(BEAMS, address=long))["Address1"])) <= 100


# -- changed


@pytest.fixture
def beams(sending: Send) -> str:
    return only(sending().send([create()])).target


def test_what_procore_owns_is_changed_in_one_request(
    sending: Send, system: IfsSystem, transport: Transport, beams: str
) -> None:
    wanted = change(
        BEAMS, name="New Beams Inc.", address="1 Harbour Way", city="Hammond", zip_code="46320",
        email="pay@beams.example", phone="+1 219 555 0199",
    )  # fmt: skip
    ours, before = sending(), transport.counts.writes
    for _ in range(2):
        outcome = only(ours.send([update(beams, wanted)]))
        assert (outcome.result, outcome.target) == (Result.DONE, beams)
    assert transport.counts.writes - before == 1
    assert change(read(system, beams), id=BEAMS.id, origin=None, blocked=False) == wanted
    assert ours.find(update(beams, wanted)) is not None


def test_tax_number_terms_and_block_are_not_ours_to_change(sending: Send, system: IfsSystem, beams: str) -> None:
    only(sending().send([update(beams, change(BEAMS, name="New Beams Inc.", tax_number="99-9999999"))]))
    assert read(system, beams).tax_number == BEAMS.tax_number
    assert below(system, beams, "SupplierPayments")[0]["BlockedForPayment"] is True


def test_what_the_vendor_does_not_say_is_left(
    sending: Send, system: IfsSystem, transport: Transport, beams: str
) -> None:
    before = transport.counts.writes
    silent = Vendor(id=BEAMS.id, name=BEAMS.name, tax_number=None, country=None)
    assert only(sending().send([update(beams, silent)])).result is Result.DONE
    assert transport.counts.writes == before
    assert read(system, beams).email == BEAMS.email


def test_an_address_of_two_lines_stays_as_it_is_written(
    sending: Send, system: IfsSystem, transport: Transport, beams: str
) -> None:
    rows = Writing(system.odata, "SupplierHandling")
    path = f"SupplierInfoGeneralSet(SupplierId='{beams}')/SupplierInfoAddresses(SupplierId='{beams}',AddressId='1')"
    found = rows.read(path)
    assert found is not None
    rows.patch(path, found.etag, {"Address1": "77 Mill Road", "Address2": "Building C"})
    before = transport.counts.writes
    assert only(sending().send([update(beams, BEAMS)])).result is Result.DONE
    assert transport.counts.writes == before
    only(sending().send([update(beams, change(BEAMS, address="1 Harbour Way"))]))
    assert read(system, beams).address == "1 Harbour Way"


def test_a_country_changes_where_it_is_read_from_and_on_the_address(
    sending: Send, system: IfsSystem, transport: Transport, beams: str
) -> None:
    ours, before = sending(), transport.counts.writes
    for _ in range(2):
        assert only(ours.send([update(beams, change(BEAMS, country="CA"))])).result is Result.DONE
    assert transport.counts.writes - before == 1
    assert read(system, beams).country == "CA"
    assert below(system, beams, "SupplierInfoAddresses")[0]["Country"] == "CA"


def test_a_contact_or_address_that_was_not_there_is_made(box: RunningSandbox, sending: Send, system: IfsSystem) -> None:
    ours = sending()
    bare = only(ours.send([create(change(BEAMS, email=None, phone=None))])).target
    only(ours.send([update(bare, BEAMS)]))
    assert (read(system, bare).email, read(system, bare).phone) == (BEAMS.email, BEAMS.phone)
    no_address = {"supplier_navs": {"addresses": ""}}
    homeless = only(sending(writes=no_address).send([create(once_key="10/vendor/5")])).target
    assert read(system, homeless).city is None
    assert only(ours.send([update(homeless, BEAMS)])).result is Result.DONE
    assert (read(system, homeless).city, read(system, homeless).phone) == (BEAMS.city, BEAMS.phone)


@pytest.mark.parametrize("batch_parts", [100, 0])
def test_a_row_that_changed_meanwhile_is_refused_and_nothing_changes(
    box: RunningSandbox, make: MakeSystem, sending: Send, system: IfsSystem, beams: str, batch_parts: int
) -> None:
    box.ifs.switches.row_version = "counter"
    ours = sending(batch_parts=batch_parts)
    call = ours.change_sets._odata.call

    def meddling(request: Any) -> Any:
        if request.method in ("POST", "PATCH"):
            box.act("ifs", "rename_supplier", supplier_id=beams, name="Somebody Was Here")
        return call(request)

    ours.change_sets._odata.call = meddling
    outcome = only(ours.send([update(beams, change(BEAMS, name="New Beams Inc.", city="Hammond"))]))
    assert outcome.result is Result.REFUSED
    assert (read(system, beams).name, read(system, beams).city) == ("Somebody Was Here", BEAMS.city)


def test_a_lost_answer_to_a_change_is_settled_by_looking(
    box: RunningSandbox, sending: Send, system: IfsSystem, beams: str
) -> None:
    ours, wanted = sending(), change(BEAMS, name="New Beams Inc.", phone="+1 219 555 0199")
    box.faults.add(FaultRule("drop_after", side="ifs", method="POST"))
    assert only(ours.send([update(beams, wanted)])).result is Result.DONE
    box.faults.add(FaultRule("drop_before", side="ifs", method="POST"))
    assert only(ours.send([update(beams, change(wanted, city="Hammond"))])).result is Result.UNKNOWN
    assert ours.find(update(beams, change(wanted, city="Hammond"))) is None
    assert read(system, beams).phone == "+1 219 555 0199"


def test_a_supplier_that_is_gone_is_a_refusal(sending: Send) -> None:
    outcome = only(sending().send([update("NOBODY", BEAMS)]))
    assert outcome.result is Result.REFUSED
    assert "NOBODY" in outcome.sentence
    looked = sending().find(update("NOBODY", BEAMS))
    assert looked is not None
    assert looked.result is Result.REFUSED
