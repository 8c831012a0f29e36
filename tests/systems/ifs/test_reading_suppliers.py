"""Suppliers and their details come in few requests, are put together rightly, and one sick one spoils no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from ml_connector.kernel.errors import NameMissing, RightMissing, SignInRefused
from ml_connector.records.vendor import Vendor
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.profile import profile_from
from ml_connector.systems.ifs.system import IfsSettings, IfsSystem
from ml_connector.systems.pacing import Pacing
from ml_connector.systems.port import VendorPage
from ml_connector.systems.retry import Retry
from ml_connector.systems.transport import HttpSettings, Transport
from ml_connector.systems.wire import Exchange

from .conftest import MakeSystem
from .tampering import Tampering


def batching(box: RunningSandbox) -> IfsSettings:
    """Settings under which even a few suppliers are read in batches."""
    return IfsSettings(box.ifs_url, "10", profile=profile_from({"batch_from": 1}))


def nothing(_ids: Sequence[str]) -> Mapping[str, bytes]:
    return {}


def ids(box: RunningSandbox) -> list[str]:
    return sorted(one.supplier_id for one in box.sandbox.world.suppliers)


def by_id(page: VendorPage) -> dict[str, Vendor]:
    assert page.problems == ()
    return {one.id: one for one in page.vendors}


def test_suppliers_are_put_together_from_their_parts(box: RunningSandbox, make: MakeSystem) -> None:
    world = {one.supplier_id: one for one in box.sandbox.world.suppliers}
    page = make().vendors([*world, "NOBODY"], nothing)
    found = by_id(page)
    assert found.keys() == page.seen.keys() == world.keys()
    for vendor in found.values():
        theirs = world[vendor.id]
        assert (vendor.name, vendor.tax_number, vendor.country) == (theirs.name, theirs.association_no, theirs.country)
        assert (vendor.address, vendor.city, vendor.zip_code) == (theirs.address1, theirs.city, theirs.zip_code)
        assert (vendor.email, vendor.phone) == (theirs.email, theirs.phone)
        assert vendor.purchasable is theirs.purchase_data


def test_forty_suppliers_cost_three_reads_and_no_write(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    found = by_id(make().vendors(ids(box)[:40], nothing))
    assert len(found) == 40
    assert (transport.counts.reads, transport.counts.writes) == (3, 0)
    assert [one.path.rpartition("/")[2] for one in box.log.exchanges(side="ifs")][-2:] == ["$batch", "$batch"]
    assert not any(one.changed for one in box.log.exchanges(side="ifs"))


def test_a_batch_of_reads_is_kept_as_a_read(box: RunningSandbox, transport: Transport) -> None:
    tape: list[Exchange] = []
    kept = Transport("IFS", HttpSettings(), Pacing(clock=box.clock), transport._sign, tape.append)
    IfsSystem(kept, batching(box)).vendors(ids(box)[:3], nothing)
    assert [(one.method, one.write) for one in tape] == [("GET", False), ("POST", False), ("POST", False)]
    assert b"SupplierInfoAddresses" in tape[1].request
    assert b"200 OK" in tape[1].reply


def test_suppliers_that_look_as_they_did_are_not_read_in_full(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    system = make()
    first = system.vendors(ids(box), nothing)
    before = transport.counts.reads
    again = system.vendors(ids(box), lambda _ids: first.seen)
    assert (again.vendors, again.problems, again.seen) == ((), (), first.seen)
    assert transport.counts.reads - before == 1
    renamed = ids(box)[0]
    box.act("ifs", "rename_supplier", supplier_id=renamed, name="Another Name Ltd")
    later = system.vendors(ids(box), lambda _ids: first.seen)
    assert [(one.id, one.name) for one in later.vendors] == [(renamed, "Another Name Ltd")]
    assert {one for one, mark in later.seen.items() if mark != first.seen[one]} == {renamed}
    assert transport.counts.reads - before == 4


def test_a_supplier_that_expired_for_our_company_is_not_active(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    first, second, third = ids(box)[:3]
    today = box.clock().date()
    box.act("ifs", "expire_supplier", supplier_id=first)
    box.act("ifs", "expire_supplier", supplier_id=second, expires=today.isoformat())
    box.act("ifs", "expire_supplier", supplier_id=third, expires="2049-12-31")
    page = make().vendors(ids(box), nothing)
    assert {one.id for one in page.vendors if not one.active} == {first}
    singly = make(batch_from=1000).vendors(ids(box), nothing)
    assert (singly.vendors, singly.seen) == (page.vendors, page.seen)
    before = transport.counts.reads
    again = make(batch_from=1000).vendors(ids(box), lambda _ids: page.seen)
    assert {one.id for one in again.vendors} == {second, third}, "their day comes without a change of their row"
    assert transport.counts.reads - before == 1 + 2 * 4
    assert [one.active for one in make(supplier_navs={"invoices": ""}).vendors([first], nothing).vendors] == [True]
    box.clock.advance(timedelta(seconds=2))
    box.act("ifs", "expire_supplier", supplier_id=first, expires=None)
    assert [one.active for one in make().vendors([first], lambda _ids: page.seen).vendors] == [True]


def test_a_day_that_is_none_makes_the_supplier_a_problem(box: RunningSandbox, transport: Transport) -> None:
    spoilt = Tampering(transport, parts={0: 200}, body=b'{"value":[{"ExpireDate":"soon"}]}')
    navs = {"addresses": "", "purchases": ""}
    profile = profile_from({"batch_from": 1, "supplier_navs": navs})
    page = IfsSystem(spoilt, IfsSettings(box.ifs_url, "10", profile=profile)).vendors(ids(box)[:2], nothing)
    (problem,) = page.problems
    assert "ExpireDate is no date" in problem.sentence
    assert [one.id for one in page.vendors] == ids(box)[1:2]


@pytest.mark.parametrize("parts", [0, 1, 7, 1000])
def test_batches_of_any_size_bring_the_same(box: RunningSandbox, make: MakeSystem, parts: int) -> None:
    usual = make().vendors(ids(box), nothing)
    assert make(batch_parts=parts).vendors(ids(box), nothing) == usual


def test_ids_of_every_spelling_are_asked_for_as_they_are(box: RunningSandbox, make: MakeSystem) -> None:
    odd = ["O'HARA&CO", "A/B 1", "MÜLLER#7", "100%", "--ml_connector_reads"]
    for number, identity in enumerate(odd):
        box.act("ifs", "add_supplier", supplier_id=identity, name="Odd", city=f"Town {number}", email="a@b.example")
    found = by_id(make().vendors(odd, nothing))
    assert {one.id: one.city for one in found.values()} == {name: f"Town {at}" for at, name in enumerate(odd)}
    assert {(one.email, one.purchasable) for one in found.values()} == {("a@b.example", True)}


def test_details_need_their_names_on_some_tenants(box: RunningSandbox, make: MakeSystem) -> None:
    usual = make().vendors(ids(box), nothing)
    box.ifs.switches.nested_needs_select = True
    assert make().vendors(ids(box), nothing) == usual


def test_details_switched_off_are_left_out(box: RunningSandbox, make: MakeSystem, transport: Transport) -> None:
    names = {"addresses": "", "purchases": "", "invoices": "", "contacts": "AddressCommunicationMethods"}
    found = by_id(make(supplier_navs=names).vendors(ids(box), nothing))
    assert {(one.address, one.email, one.purchasable) for one in found.values()} == {(None, None, True)}
    assert transport.counts.reads == 1


@pytest.mark.parametrize("kind", ["drop_before", "half_body", "401", "429", "429_bare", "503", "503_modified"])
def test_a_batch_that_fails_on_the_way_is_sent_again(box: RunningSandbox, make: MakeSystem, kind: str) -> None:
    usual = make().vendors(ids(box), nothing)
    times = 1 if kind == "401" else 2  # two in a row for one request mean that the sign-in itself is refused
    box.faults.add(FaultRule(kind, side="ifs", path="batch", nth=1, every=1, times=times))
    system = make(batch_parts=20)
    assert system.vendors(ids(box), nothing) == usual
    assert box.faults.injected[kind] == times
    assert system.batch.works


def test_a_token_that_dies_before_the_batches_is_replaced(box: RunningSandbox, make: MakeSystem) -> None:
    def knows(_ids: Sequence[str]) -> Mapping[str, bytes]:
        box.clock.advance(timedelta(hours=1))
        return {}

    usual = make().vendors(ids(box), nothing)
    assert make().vendors(ids(box), knows) == usual


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_a_tenant_without_batches_is_asked_one_by_one(box: RunningSandbox, transport: Transport, status: int) -> None:
    usual = IfsSystem(transport, batching(box)).vendors(ids(box), nothing)
    tampering = Tampering(transport, instead=status)
    system = IfsSystem(tampering, batching(box))
    assert system.vendors(ids(box), nothing) == usual
    assert not system.batch.works
    tried = tampering.batches
    assert system.vendors(ids(box), nothing) == usual
    assert tampering.batches == tried


@pytest.mark.parametrize("how", ["cut", "html", "too_many", "no_status", "set"])
def test_an_answer_that_is_no_whole_batch_is_not_trusted(box: RunningSandbox, transport: Transport, how: str) -> None:
    usual = IfsSystem(transport, batching(box)).vendors(ids(box), nothing)
    system = IfsSystem(Tampering(transport, spoil=how), batching(box))
    assert system.vendors(ids(box), nothing) == usual
    assert not system.batch.works


def test_a_tenant_that_stops_at_the_first_error_is_sent_the_rest(box: RunningSandbox, transport: Transport) -> None:
    lacking = [one.supplier_id for one in box.sandbox.world.suppliers if not one.purchase_data]
    tampering = Tampering(transport, stops=True)
    system = IfsSystem(tampering, batching(box))
    wanted = [*ids(box), "NOBODY", "ZZZ"]
    assert system.supplier_reading().without_purchase_data(wanted) == sorted([*lacking, "NOBODY", "ZZZ"])
    assert system.batch.works
    assert tampering.batches == 2  # the first ends at NOBODY, the second at ZZZ, which is last


@pytest.mark.parametrize("status", [401, 423, 429, 500, 502, 503, 504])
def test_a_part_that_asks_for_patience_is_asked_for_by_itself(
    box: RunningSandbox, transport: Transport, status: int
) -> None:
    usual = IfsSystem(transport, batching(box)).vendors(ids(box), nothing)
    system = IfsSystem(
        Tampering(transport, parts={3: status, 5: status}),
        batching(box),
    )
    assert system.vendors(ids(box), nothing) == usual
    assert system.batch.works


RULE = (
    b'{"error":{"code":"DATABASE_ERROR","message":"No.","details":[{"code":"20110","message":"X.BAD: Locked away"}]}}'
)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, RULE, "Locked away"),
        (500, RULE, "Locked away"),
        (200, b'{"value":[{"AddressId":7}]}', "another shape"),
    ],
)
def test_one_sick_supplier_is_a_problem_and_no_more(
    box: RunningSandbox, transport: Transport, status: int, body: bytes, words: str
) -> None:
    system = IfsSystem(
        Tampering(transport, parts={1: status}, body=body),
        batching(box),
    )
    page = system.vendors(ids(box)[:5], nothing)
    (problem,) = page.problems
    assert words in problem.sentence
    assert problem.key.id == ids(box)[1]
    assert [one.id for one in page.vendors] == [one for one in ids(box)[:5] if one != problem.key.id]


@pytest.mark.parametrize(("status", "error"), [(403, RightMissing), (501, NameMissing)])
def test_a_right_or_name_missing_for_a_part_stops_the_reading(
    box: RunningSandbox, transport: Transport, status: int, error: type[Exception]
) -> None:
    system = IfsSystem(Tampering(transport, parts={1: status}), batching(box))
    with pytest.raises(error):
        system.vendors(ids(box)[:5], nothing)


def test_a_sign_in_that_is_refused_midway_is_told(box: RunningSandbox) -> None:
    class Refusing:
        def token(self) -> str:
            return "no token of theirs"

        def renew(self, refused: str) -> str:
            return refused

    http = HttpSettings(setting="erp.url", retry=Retry(first=0.01))
    system = IfsSystem(
        Transport("IFS", http, Pacing(), Refusing()),
        batching(box),
    )
    with pytest.raises(SignInRefused):
        system.batch.read(system.odata.service("SupplierHandling"), ["SupplierInfoGeneralSet"])
