"""Subcontracts (work order contracts): found without being told where, adopted and changed where they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.keys import Key
from ml_connector.records.commitment import Commitment, CommitmentKind, CommitmentStatus
from ml_connector.systems.port import Effect
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.wire import WireReply, WireRequest

from .job import ORDERS, SITE, SUBCONTRACTS, Job, billed, figures

SUBCONTRACT, ORDER = CommitmentKind.SUBCONTRACT, CommitmentKind.PURCHASE_ORDER
GONE = "562949953999999"


def typed(job: Job, number: str, status: str = "Approved") -> str:
    """A subcontract typed by hand by amount, 610.00 and 8000.00; its id."""
    code, _, kind = job.codes[0][0].rpartition(".")
    line = {"code": code, "type": kind, "description": "Boards", "quantity": 1, "unit_cost": "610.00"}
    more = line | {"description": "Fitting", "unit_cost": "8000.00"}
    vendor = min(job.system.vendors(), key=lambda one: one.id).name
    given = {"project_id": int(job.site), "order_number": number, "title": number, "vendor": vendor, "status": status}
    return str(job.act("type_order", kind="subcontract", lines=[line, more], **given)["id"])


def asked(job: Job) -> list[str]:
    """Which lists and contracts were asked for since the last look, in order: `list orders`, `one subcontract`."""
    found = []
    for request in job.said:
        for path, name in ((ORDERS, "order"), (SUBCONTRACTS, "subcontract")):
            if path in request.url:
                found.append(f"one {name}" if f"{path}/" in request.url else f"list {name}s")
    job.said.clear()
    return found


def read(job: Job, contract: str) -> Commitment:
    found = job.system.commitment_lines(job.site, contract)
    assert found is not None
    return found


def effect(job: Job, verb: str, body: Commitment, target: str) -> Effect:
    ids = {Key("project", SITE): job.site, Key("vendor", "S1"): read(job, target).vendor}
    ids |= {Key("budget_code", f"{SITE}/{flat}"): id_ for flat, id_ in job.codes}
    return Effect(int(target), verb, "commitment", body.once_key, SITE, target, body, ids)


def planned(theirs: Commitment, **changes: Any) -> Commitment:
    """What order PX says of the contract."""
    once = f"10/order/PX/{SITE}"
    lines = tuple(msgspec.structs.replace(row, once_key=f"{once}/{n}/1") for n, row in enumerate(theirs.lines, 1))
    ours = {"once_key": once, "project": SITE, "vendor": "S1", "title": "Ours", "lines": lines, **changes}
    return msgspec.structs.replace(theirs, **ours)


# -- reading ----------------------------------------------------------------------------------------------------------


def test_it_is_found_by_its_id_and_says_what_it_is(job: Job) -> None:
    contract, order = typed(job, "SC-1", "Out For Signature"), job.contract("P1", "100.00")
    found = job.system.contracts(job.site, [contract, order, GONE])
    assert {id_: (one.kind, one.status.value, one.number) for id_, one in found.items()} == {
        contract: (SUBCONTRACT, "Out For Signature", "SC-1"),
        order: (ORDER, "Approved", "P1"),
    }
    lines = [(row.description, row.quantity, row.unit_cost, row.amount) for row in found[contract].lines]
    assert lines == [
        ("Boards", Decimal(1), Decimal(610), Decimal(610)),
        ("Fitting", Decimal(1), Decimal(8000), Decimal(8000)),
    ]


def test_once_seen_it_is_asked_for_at_its_own_place(job: Job) -> None:
    contract = typed(job, "SC-1")
    job.said.clear()
    read(job, contract)
    assert asked(job) == ["one order", "one subcontract"]
    read(job, contract)
    assert asked(job) == ["one subcontract"]


def test_an_invoice_says_where_its_contract_is(job: Job) -> None:
    contract = typed(job, "SC-1")
    job.act("add_requisition", order_id=int(contract), invoice_number="V-1", status="approved", period_id=period(job))
    system = job.paged(100)
    (invoice,) = system.subcontractor_invoices(job.site)
    assert (invoice.commitment, invoice.money().amount) == (contract, Decimal(8610))
    job.said.clear()
    assert system.contracts(job.site, [contract])[contract].kind is SUBCONTRACT
    assert asked(job) == ["one subcontract"]


def period(job: Job) -> int:
    return int(next(iter(job.periods.values())))


def test_many_of_both_kinds_come_in_one_request_a_kind(job: Job) -> None:
    orders = [job.contract(f"P{n}", "100.00") for n in range(3)]
    subcontracts = [typed(job, f"SC-{n}") for n in range(4)]
    job.said.clear()
    found = job.system.contracts(job.site, [*orders, *subcontracts])
    assert asked(job) == ["list orders", "list subcontracts"]
    assert [found[id_].kind for id_ in (*orders, *subcontracts)] == [ORDER] * 3 + [SUBCONTRACT] * 4
    assert found[subcontracts[0]] == read(job, subcontracts[0])
    job.said.clear()
    assert sorted(job.system.contracts(job.site, subcontracts)) == sorted(subcontracts)
    assert asked(job) == ["list subcontracts"]


def test_where_there_is_none_nobody_asks_for_any(job: Job) -> None:
    orders = [job.contract(f"P{n}", "100.00") for n in range(4)]
    job.said.clear()
    assert sorted(job.system.contracts(job.site, orders)) == sorted(orders)
    assert len(job.system.contracts(job.site, orders[:2])) == 2
    job.system.commitments(job.site)
    assert job.count(SUBCONTRACTS) == 0


@pytest.mark.parametrize("status", [400, 404])
def test_whatever_the_wrong_place_answers_it_is_found_at_the_right_one(job: Job, status: int) -> None:
    contract = typed(job, "SC-1")

    def mend(request: WireRequest, reply: WireReply) -> WireReply:
        return WireReply(status, {}, b'{"errors":"wrong"}') if f"{ORDERS}/" in request.url else reply

    job.mended = mend
    assert read(job, contract).kind is SUBCONTRACT
    assert job.system.commitment_lines(job.site, GONE) is None if status == 404 else True


def test_headers_are_of_the_kind_that_is_asked_for(job: Job) -> None:
    contract = typed(job, "SC-1")
    assert [one.id for one in job.system.commitments(job.site, kind=SUBCONTRACT)] == [contract]
    assert contract not in [one.id for one in job.system.commitments(job.site)]
    assert job.system.commitments(job.site, "2099-01-01T00:00:00Z", SUBCONTRACT) == []


# -- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "marked"), [("Out For Signature", 2), ("Approved", 0)])
def test_adopting_stamps_it_where_it_is(job: Job, status: str, marked: int) -> None:
    contract = typed(job, "SC-1", status)
    theirs = read(job, contract)
    body = planned(theirs)
    if not marked:
        body = msgspec.structs.replace(body, lines=())
    adopting = effect(job, "adopt", body, contract)
    assert job.system.find(adopting) is None
    job.done(adopting)
    assert job.system.find(adopting) is not None
    after = read(job, contract)
    assert (after.once_key, after.status, after.money()) == (body.once_key, theirs.status, theirs.money())
    assert [row.once_key for row in after.lines if row.once_key] == [row.once_key for row in body.lines]
    assert job.count(f"PATCH {job.running.procore_url}{ORDERS}") == 0


def test_one_that_nobody_saw_yet_is_adopted_too(job: Job) -> None:
    contract = typed(job, "SC-1")
    adopting = effect(job, "adopt", msgspec.structs.replace(planned(read(job, contract)), lines=()), contract)
    fresh: ProcoreSystem = job.paged(100)
    assert fresh.send([adopting])[0].result.value == "done"
    assert read(job, contract).once_key == adopting.body.once_key  # type: ignore[union-attr]


def test_headers_of_both_kinds_change_in_one_call(job: Job) -> None:
    order = job.contract("P1", "100.00")
    contract = typed(job, "SC-1", "Draft")
    bodies = {id_: planned(read(job, id_)) for id_ in (order, contract)}
    job.done(effect(job, "adopt", bodies[contract], contract))
    bodies[order] = msgspec.structs.replace(bodies[order], once_key=f"10/order/P1/{SITE}", lines=())
    sent = [effect(job, "update", bodies[id_], id_) for id_ in (contract, order)]
    assert [job.system.find(one) for one in sent] == [None, None]
    job.done(*sent)
    assert [read(job, id_).title for id_ in (contract, order)] == ["Ours", "Ours"]
    assert None not in [job.system.find(one) for one in sent]


def test_lines_of_one_that_is_still_open_follow(job: Job) -> None:
    contract = typed(job, "SC-1", "Out For Bid")
    body = planned(read(job, contract))
    job.done(effect(job, "adopt", body, contract))
    line = msgspec.structs.replace(body.lines[0], amount=Decimal("700.00"), unit_cost=Decimal("700.00"))
    filling = effect(job, "fill", msgspec.structs.replace(body, lines=(line,)), contract)
    assert job.system.find(filling) is None
    job.done(filling)
    assert job.system.find(filling) is not None
    after = read(job, contract)
    assert (after.money().amount, after.status) == (Decimal(8700), CommitmentStatus.OUT_FOR_BID)


def test_a_change_order_and_an_invoice_of_ours_land_on_it(job: Job) -> None:
    contract = job.contract("P1", "1000.00", at=SUBCONTRACTS, method="amount")
    job.amend("P1", 1, "50.00")
    (change,) = job.system.change_orders(job.site, contract)
    assert (change.money().amount, change.lines[0].once_key) == (Decimal(50), f"10/order/P1/{SITE}/1/1")
    made = job.done(job.invoice("I1", "P1", billed("P1", 1, "1050.00", retained="105.00")))[0]
    (found,) = job.read(made)
    assert found.commitment == contract
    assert sum(Decimal(gross) for gross, _, _ in figures(found.lines)) == Decimal("1050.00")
    assert sum(Decimal(held) for _, held, _ in figures(found.lines)) == Decimal("105.00")
    assert job.shown(made)["commitment_type"] == "WorkOrderContract"
