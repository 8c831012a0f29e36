"""Vouchers are entered whole, once, and found again wherever people and the ledger took them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.kernel.errors import BadInput, Bug, NameMissing, RightMissing
from ml_connector.records.voucher import RowRole, Voucher, VoucherStatus
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.profile import profile_from
from ml_connector.systems.ifs.system import IfsSettings, IfsSystem
from ml_connector.systems.ifs.writing import Writing
from ml_connector.systems.port import Outcome, Result
from ml_connector.systems.transport import Transport
from ml_connector.systems.wire import Call, WireReply, WireRequest

from .conftest import MakeSystem
from .tampering import Tampering
from .vouchers import clearing, cost, effects, voucher

HOLD = "VoucherHandling"


def send(system: IfsSystem, *vouchers: Voucher) -> list[Outcome]:
    return system.send(effects(*vouchers))


def drafts(box: RunningSandbox) -> int:
    """Virtual vouchers that are still there."""
    return int(box.ifs.summary().get("VoucherEntryVirtual", 0))


def held(box: RunningSandbox) -> int:
    return int(box.ifs.summary().get("Voucher", 0))


def test_a_voucher_is_entered_whole_and_read_back(box: RunningSandbox, make: MakeSystem, transport: Transport) -> None:
    system = make()
    wanted = voucher(7, cost("60.10"), cost("39.90", quantity=Decimal("2.5")), clearing())
    (outcome,) = send(system, wanted)
    assert (outcome.result, outcome.target) == (Result.DONE, "M/2026/2026000001")
    assert (transport.counts.writes, transport.counts.reads) == (1, 1)
    (found,) = system.vouchers([wanted.once_key])
    assert found == msgspec.structs.replace(wanted, id=outcome.target, source="", user_group="AI")
    assert found.balance() == 0
    assert drafts(box) == 0


def test_many_vouchers_share_one_request(box: RunningSandbox, make: MakeSystem, transport: Transport) -> None:
    system = make()
    wanted = [voucher(n) for n in range(1, 21)]
    assert sum(system.weight(one) for one in effects(*wanted)) == system.batch_size("voucher", "create") == 100
    outcomes = send(system, *wanted)
    assert [one.result for one in outcomes] == [Result.DONE] * 20
    assert len({one.target for one in outcomes}) == 20
    assert (transport.counts.writes, transport.counts.reads) == (1, 1)
    ours = {one.id: one.once_key for one in system.vouchers([one.once_key for one in wanted])}
    assert ours == {out.target: one.once_key for out, one in zip(outcomes, wanted, strict=True)}


def test_the_first_of_two_is_refused_and_the_other_is_entered(box: RunningSandbox, make: MakeSystem) -> None:
    wrong = voucher(1, cost(activity="100108"), clearing())
    first, second = send(make(), wrong, voucher(2))
    assert (first.result, first.reference) == (Result.REFUSED, "VoucherRow.ACTIDNOTPOSTABLE")
    assert "ACTIDNOTPOSTABLE" in first.sentence
    assert "subcontractor_invoice/1" in first.sentence
    assert second.result is Result.DONE
    assert (held(box), drafts(box)) == (1, 0)


@pytest.mark.parametrize("kind", ["drop_after", "half_body"])
def test_a_lost_answer_is_found_in_the_hold_table(
    box: RunningSandbox, make: MakeSystem, transport: Transport, kind: str
) -> None:
    system = make()
    both = effects(voucher(1), voucher(11))
    box.faults.add(FaultRule(kind, side="ifs", method="POST", path=r"\$batch"))
    assert [one.result for one in system.send(both)] == [Result.UNKNOWN] * 2
    assert transport.counts.writes == 1
    found = [system.find(effect) for effect in both]
    assert [one.target for one in found if one] == ["M/2026/2026000001", "M/2026/2026000002"]
    assert held(box) == 2


def test_what_never_arrived_is_not_found(box: RunningSandbox, make: MakeSystem) -> None:
    system = make()
    box.faults.add(FaultRule("drop_before", side="ifs", method="POST", path=r"\$batch"))
    asked = effects(voucher(1))
    assert system.send(asked)[0].result is Result.UNKNOWN
    assert system.find(asked[0]) is None
    assert system.send(asked)[0].result is Result.DONE
    assert held(box) == 1


def test_one_key_is_never_taken_for_the_beginning_of_another(make: MakeSystem) -> None:
    system = make()
    send(system, voucher(1, once_key="10/direct_cost/5/11", text=""))
    (short,) = effects(voucher(1, once_key="10/direct_cost/5/1"))
    assert system.find(short) is None
    assert system.vouchers([short.once_key]) == []


def test_a_voucher_is_followed_into_the_ledger(box: RunningSandbox, make: MakeSystem) -> None:
    system = make()
    wanted = [voucher(1), voucher(2, status=VoucherStatus.AWAITING), voucher(3)]
    sent = send(system, *wanted)
    numbers = [one.target.rpartition("/")[2] for one in sent]
    box.act("ifs", "approve_voucher", voucher_no=numbers[0])
    box.act("ifs", "cancel_voucher", voucher_no=numbers[2])
    keys = [one.once_key for one in wanted]
    assert {one.id: one.status for one in system.vouchers(keys)} == {
        sent[0].target: VoucherStatus.APPROVED,
        sent[1].target: VoucherStatus.AWAITING,
        sent[2].target: VoucherStatus.CANCELLED,
    }
    box.act("ifs", "gl_update")
    after = {one.once_key: one for one in system.vouchers(keys)}
    assert after[keys[0]].status is VoucherStatus.UPDATED
    assert after[keys[1]].status is VoucherStatus.AWAITING
    assert after[keys[0]].rows == after[keys[1]].rows
    assert after[keys[0]].rows[0].role is RowRole.COST
    found = [system.find(effect) for effect in effects(*wanted)]
    assert [one.target if one else "" for one in found] == [one.target for one in sent]


def test_a_voucher_that_moves_while_it_is_read_is_read_in_the_ledger(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    (sent,) = send(make(), voucher(1))
    box.act("ifs", "approve_voucher", voucher_no=sent.target.rpartition("/")[2])

    def meanwhile(request: WireRequest, /) -> WireReply:
        if "VoucherRowsAnalysis" in request.url and "GenLed" not in request.url:
            box.act("ifs", "gl_update")
        return transport(request)

    (found,) = IfsSystem(meanwhile, IfsSettings(box.ifs_url, "10")).vouchers([voucher(1).once_key])
    assert (found.status, len(found.rows)) == (VoucherStatus.UPDATED, 2)


def test_two_vouchers_with_one_key_are_for_people_to_settle(make: MakeSystem) -> None:
    system = make()
    twice = effects(voucher(1), voucher(1))
    for effect in twice:
        system.send([effect])
    found = system.find(twice[0])
    assert found is not None
    assert found.result is Result.REFUSED
    assert "more than one voucher" in found.sentence
    assert "M/2026/2026000001, M/2026/2026000002" in found.sentence


def test_a_voucher_in_another_currency_keeps_its_amounts(make: MakeSystem) -> None:
    system = make()
    euro = voucher(1, cost("33.33"), cost("66.67"), clearing(), currency="EUR")
    assert send(system, euro)[0].result is Result.DONE
    (found,) = system.vouchers([euro.once_key])
    assert found.currency == "EUR"
    assert [row.debit for row in found.rows] == [Decimal("33.33"), Decimal("66.67"), 0]
    assert found.balance() == 0


def test_rows_in_two_currencies_are_told_in_the_companys_own(box: RunningSandbox, make: MakeSystem) -> None:
    """A person changed the currency of one row in the hold table: such rows add up in company currency only."""
    system = make()
    euro = voucher(1, currency="EUR")
    (sent,) = send(system, euro)
    number = sent.target.rpartition("/")[2]
    path = f"VoucherSet(Company='10',VoucherType='M',AccountingYear=2026,VoucherNo={number})/VoucherPostingArray"
    own = {"CurrencyCode": "USD", "CurrencyRate": "1", "CurrencyCreditAmount": "108.00"}
    _patch(system, f"{path}(Company='10',VoucherType='M',AccountingYear=2026,VoucherNo={number},RowNo=2)", own)
    (found,) = system.vouchers([euro.once_key])
    assert found.currency == "USD"
    assert found.rows[1].credit == Decimal("108.00")
    assert found.rows[0].debit not in (0, Decimal(100))


def _patch(system: IfsSystem, path: str, body: dict[str, Any]) -> None:
    writing = Writing(system.odata, HOLD)
    found = writing.read(path)
    assert found is not None
    writing.patch(path, found.etag, body)


# -- batches that go wrong, and tenants without them


def test_a_batch_that_stops_leaves_the_rest_unknown_and_not_there(box: RunningSandbox, transport: Transport) -> None:
    """The gateway lets the batch's answer end at the first error, though it was asked to go on."""
    stopping = Tampering(transport, stops=True)
    system = IfsSystem(stopping, IfsSettings(box.ifs_url, "10"))
    asked = effects(voucher(1), voucher(2, cost(activity="5"), clearing()), voucher(3))
    outcomes = system.send(asked)
    assert [one.result for one in outcomes] == [Result.DONE, Result.REFUSED, Result.UNKNOWN]
    found = system.find(asked[2])
    assert found is not None
    assert found.target.startswith("M/2026/"), "it was entered all the same: only its answer was lost"


@pytest.mark.parametrize("spoil", ["html", "cut", "too_many"])
def test_an_answer_that_cannot_be_read_is_no_answer(
    box: RunningSandbox, transport: Transport, make: MakeSystem, spoil: str
) -> None:
    system = IfsSystem(Tampering(transport, spoil=spoil), IfsSettings(box.ifs_url, "10"))
    asked = effects(voucher(1), voucher(2))
    assert [one.result for one in system.send(asked)] == [Result.UNKNOWN] * 2
    assert all(make().find(effect) for effect in asked)
    assert held(box) == 2, "nothing was sent again"


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_a_tenant_that_refuses_batches_is_sent_single_requests(
    box: RunningSandbox, transport: Transport, status: int
) -> None:
    gateway = Tampering(transport, instead=status)
    system = IfsSystem(gateway, IfsSettings(box.ifs_url, "10"))
    first, second = send(system, voucher(1), voucher(2))
    assert first.result is second.result is Result.DONE
    assert (held(box), drafts(box), gateway.batches) == (2, 0, 1)
    assert send(system, voucher(3))[0].result is Result.DONE
    assert gateway.batches == 1


def test_without_batches_a_voucher_is_entered_step_by_step(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    system = make(batch_parts=0)
    assert system.batch_size("voucher", "create") == 1
    (outcome,) = send(system, voucher(1))
    assert (outcome.result, outcome.target) == (Result.DONE, "M/2026/2026000001")
    assert (held(box), drafts(box)) == (1, 0)
    assert transport.counts.writes == 5


@pytest.mark.parametrize("row", [cost(activity="100108"), cost(codes=(("A", "4120"), ("B", "x" * 21)))])
def test_without_batches_a_refused_voucher_leaves_no_draft(box: RunningSandbox, make: MakeSystem, row: Any) -> None:
    (outcome,) = send(make(batch_parts=0), voucher(1, row, clearing()))
    assert outcome.result is Result.REFUSED
    assert (held(box), drafts(box)) == (0, 0)


def test_without_batches_a_lost_answer_to_the_action_is_found(box: RunningSandbox, make: MakeSystem) -> None:
    system = make(batch_parts=0)
    asked = effects(voucher(1))
    box.faults.add(FaultRule("drop_after", side="ifs", method="POST", path="CreateVoucher"))
    assert system.send(asked)[0].result is Result.UNKNOWN
    found = system.find(asked[0])
    assert found is not None
    assert found.target == "M/2026/2026000001"


@pytest.mark.parametrize("parts", [100, 0])
def test_a_tenant_that_removes_drafts_itself_is_understood(
    box: RunningSandbox, make: MakeSystem, transport: Transport, parts: int
) -> None:
    box.ifs.switches.voucher_draft_after_create = "remove"
    system = make(batch_parts=parts)
    assert [one.result for one in send(system, voucher(1), voucher(2))] == [Result.DONE] * 2
    assert (held(box), drafts(box)) == (2, 0)
    if parts:
        assert transport.counts.writes == 2
        send(system, voucher(3))
        assert transport.counts.writes == 3, "it is learnt once"


def test_a_right_that_is_missing_stops_the_run(box: RunningSandbox, make: MakeSystem) -> None:
    box.ifs.switches.denied_projections = {"VoucherEntryAssistantHandling"}
    for parts in (100, 0):
        with pytest.raises(RightMissing):
            send(make(batch_parts=parts), voucher(1))


def test_trouble_with_one_voucher_does_not_lose_what_came_of_the_others(
    box: RunningSandbox, transport: Transport
) -> None:
    """An answer inside the batch says that a right is missing: that voucher waits, and alone it stops the run."""
    wrong = voucher(2, cost(activity="5"), clearing())

    def system() -> IfsSystem:
        return IfsSystem(_Forbidding(transport), IfsSettings(box.ifs_url, "10"))

    first, second = send(system(), voucher(1), wrong)
    assert (first.result, second.result) == (Result.DONE, Result.WAITING)
    assert second.sentence
    with pytest.raises(RightMissing):
        send(system(), wrong)


class _Forbidding:
    """A tenant that answers with a missing right where it would refuse."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __call__(self, request: WireRequest, /) -> WireReply:
        reply = self._call(request)
        body = reply.body.replace(b"HTTP/1.1 400", b"HTTP/1.1 403").replace(b"20110", b"20107")
        return WireReply(reply.status, reply.headers, body)


def test_a_pause_asked_for_is_waited_out_and_nothing_doubles(box: RunningSandbox, make: MakeSystem) -> None:
    box.faults.add(FaultRule("429", side="ifs", method="POST", path=r"\$batch", times=2))
    assert send(make(), voucher(1))[0].result is Result.DONE
    assert held(box) == 1


def test_a_long_voucher_goes_in_a_batch_of_its_own(box: RunningSandbox, make: MakeSystem, transport: Transport) -> None:
    long = voucher(1, *(cost("1") for _ in range(30)), clearing("30"))
    outcomes = send(make(batch_parts=20), voucher(2), long, voucher(3))
    assert [one.result for one in outcomes] == [Result.DONE] * 3
    assert transport.counts.writes == 3


def test_a_voucher_that_cannot_be_seen_after_its_entry_is_unknown(box: RunningSandbox, make: MakeSystem) -> None:
    box.ifs.switches.missing_projections = {*box.ifs.switches.missing_projections, "VouchersAnalysis"}
    (outcome,) = send(make(), voucher(1))
    assert outcome.result is Result.UNKNOWN
    assert "as 2026000001" in outcome.sentence


@pytest.mark.parametrize("rows", [2, 5])
def test_a_voucher_weighs_what_it_takes_of_a_batch(box: RunningSandbox, transport: Transport, rows: int) -> None:
    bodies: list[bytes] = []

    def listening(request: WireRequest, /) -> WireReply:
        bodies.append(request.body or b"")
        return transport(request)

    system = IfsSystem(listening, IfsSettings(box.ifs_url, "10"))
    (asked,) = effects(voucher(1, *(cost("1") for _ in range(rows - 1)), clearing(str(rows - 1)), year=2026))
    assert system.send([asked])[0].result is Result.DONE
    assert bodies[0].count(b" HTTP/1.1\r\n") == system.weight(asked)


def test_a_lost_batch_leaves_only_its_own_vouchers_unknown(make: MakeSystem, box: RunningSandbox) -> None:
    system = make(batch_parts=10)
    asked = effects(*(voucher(n, year=2026) for n in range(1, 5)))
    assert sum(system.weight(one) for one in asked[:2]) == system.batch_size("voucher", "create")
    box.faults.add(FaultRule("drop_after", side="ifs", method="POST", path=r"\$batch"))
    outcomes = system.send(asked[:2]) + system.send(asked[2:])
    assert [one.result for one in outcomes] == [Result.UNKNOWN] * 2 + [Result.DONE] * 2
    assert held(box) == 4


def test_a_year_that_is_planned_is_not_asked_for(box: RunningSandbox, make: MakeSystem, transport: Transport) -> None:
    system = make()
    wanted = voucher(1, year=2026)
    (outcome,) = send(system, wanted)
    assert (outcome.result, outcome.target) == (Result.DONE, "M/2026/2026000001")
    assert (transport.counts.writes, transport.counts.reads) == (1, 0)
    (found,) = system.vouchers([wanted.once_key])
    assert found.id == outcome.target


def test_of_many_only_those_without_a_year_are_looked_for(
    make: MakeSystem, transport: Transport, box: RunningSandbox
) -> None:
    outcomes = send(make(), voucher(1, year=2026), voucher(2), voucher(3, year=2026))
    assert [one.target for one in outcomes] == [f"M/2026/202600000{n}" for n in (1, 2, 3)]
    assert transport.counts.reads == 1


def test_a_voucher_whose_year_ifs_counts_otherwise_is_found_all_the_same(make: MakeSystem) -> None:
    system = make()
    wanted = voucher(1, year=2027)
    assert send(system, wanted)[0].target == "M/2027/2026000001"
    (found,) = system.vouchers([wanted.once_key])
    assert found.id == "M/2026/2026000001"
    there = system.find(effects(wanted)[0])
    assert there is not None
    assert there.target == "M/2026/2026000001"


@pytest.mark.parametrize("planned", [0, 2025])
def test_a_year_the_draft_tells_counts_and_is_not_asked_for(
    box: RunningSandbox, transport: Transport, planned: int
) -> None:
    def telling(request: WireRequest, /) -> WireReply:
        reply = transport(request)
        body = reply.body.replace(b'"AccountingYear":null', b'"AccountingYear":"2026"')
        return WireReply(reply.status, reply.headers, body)

    (outcome,) = send(IfsSystem(telling, IfsSettings(box.ifs_url, "10")), voucher(1, year=planned))
    assert outcome.target == "M/2026/2026000001"
    assert transport.counts.reads == 0


def test_a_pause_while_learning_about_drafts_loses_nothing(box: RunningSandbox, make: MakeSystem) -> None:
    """The tenant removes drafts itself, refuses the batch for it, and is then too busy for the second try."""
    box.ifs.switches.voucher_draft_after_create = "remove"
    box.faults.add(FaultRule("429", side="ifs", method="POST", path=r"\$batch", nth=2, every=1, times=0))
    with pytest.raises(NameMissing):
        send(make(), voucher(1))
    wrong = voucher(2, cost(activity="5"), clearing())
    box.faults.clear()
    box.faults.add(FaultRule("429", side="ifs", method="POST", path=r"\$batch", nth=2, every=1, times=0))
    assert [one.result for one in send(make(), voucher(1), wrong)] == [Result.WAITING, Result.REFUSED]
    box.faults.clear()
    assert send(make(), voucher(1))[0].result is Result.DONE
    assert held(box) == 1


def test_only_what_may_be_entered_is(make: MakeSystem) -> None:
    with pytest.raises(Bug):
        send(make(), voucher(1, status=VoucherStatus.APPROVED))


def test_a_status_nobody_told_us_of_is_named(make: MakeSystem) -> None:
    system = make(vouchers={"statuses": {"NotApproved": "error"}})
    send(system, voucher(1))
    keys = [voucher(1).once_key]
    assert system.vouchers(keys)[0].status is VoucherStatus.ERROR
    vouchers = msgspec.structs.replace(system.profile.vouchers, statuses={"Waiting": "not_approved"})
    profile = msgspec.structs.replace(system.profile, vouchers=vouchers)
    settings = msgspec.structs.replace(system.settings, profile=profile)
    with pytest.raises(NameMissing, match="NotApproved"):
        IfsSystem(system.odata.call, settings).vouchers(keys)


@pytest.mark.parametrize("change", [{"statuses": {"Waiting": "sleeping"}}, {"ledger": {"properties": {"text": ""}}}])
def test_a_profile_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        profile_from({"vouchers": change})


def test_what_ifs_does_not_do_is_our_bug(make: MakeSystem) -> None:
    (effect,) = effects(voucher(1))
    with pytest.raises(Bug):
        make().send([msgspec.structs.replace(effect, verb="amend")])
    with pytest.raises(Bug):
        make().find(msgspec.structs.replace(effect, kind="project"))
    with pytest.raises(Bug):
        make().send([effect, msgspec.structs.replace(effect, scope="1202")])
    assert make().send([]) == []
