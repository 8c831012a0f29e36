"""Before vouchers are entered IFS is asked for all of them together; what is found is what a look for each finds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec
import pytest

from ml_connector.records.voucher import Voucher, VoucherStatus
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.system import IfsSettings, IfsSystem
from ml_connector.systems.port import Result
from ml_connector.systems.transport import Transport
from ml_connector.systems.wire import WireReply, WireRequest

from .conftest import MakeSystem
from .vouchers import effects, voucher

ABSENT = [f"10/subcontractor_invoice/{n}/1" for n in range(1000, 1090)]
"""Once-keys of invoices that never crossed: three times what one condition holds."""


def key(tail: str) -> str:
    return f"10/subcontractor_invoice/{tail}"


def entered(system: IfsSystem, *vouchers: Voucher) -> list[str]:
    """Enters vouchers; their ids."""
    outcomes = system.send(effects(*vouchers))
    assert {one.result for one in outcomes} == {Result.DONE}
    return [one.target for one in outcomes]


def one_by_one(system: IfsSystem, keys: Sequence[str]) -> dict[str, Voucher]:
    """Each key looked for by itself."""
    return {found.once_key: found for one in keys for found in system.vouchers([one])}


def together(system: IfsSystem, keys: Sequence[str]) -> dict[str, Voucher]:
    return {found.once_key: found for found in system.vouchers(keys)}


def reads(transport: Transport, system: IfsSystem, keys: Sequence[str]) -> int:
    """Requests of one look."""
    before = transport.counts.reads
    system.vouchers(keys)
    return transport.counts.reads - before


def test_where_none_was_entered_one_request_a_set_says_so(make: MakeSystem, transport: Transport) -> None:
    system = make()
    entered(system, voucher(7), voucher(8, once_key="10/direct_cost/1000/1"))
    assert reads(transport, system, ABSENT) == 2
    assert reads(transport, system, ABSENT[:30]) == 2
    assert system.vouchers(ABSENT) == []


def test_what_stands_anywhere_is_found_among_many_as_by_itself(box: RunningSandbox, make: MakeSystem) -> None:
    """Versions and reversals, other months, the ledger, a cancelled one, and keys that begin like others."""
    system = make()
    made = [
        voucher(1, once_key=key("1001/1")),
        voucher(1, once_key=key("1001/r1")),
        voucher(1, once_key=key("1001/2"), dated=date(2026, 11, 3)),
        voucher(1, once_key=key("1001/12")),
        voucher(1, once_key=key("10012/1"), dated=date(2026, 1, 5)),
        voucher(1, once_key=key("101/1")),
        voucher(1, once_key=key("1050/1"), status=VoucherStatus.AWAITING),
        voucher(1, once_key=key("1089/1"), text=""),
        voucher(1, once_key="10/direct_cost/1002/1"),
    ]
    ids = entered(system, *made)
    numbers = [one.rpartition("/")[2] for one in ids]
    box.act("ifs", "approve_voucher", voucher_no=numbers[0])
    box.act("ifs", "approve_voucher", voucher_no=numbers[4])
    box.act("ifs", "gl_update")
    box.act("ifs", "cancel_voucher", voucher_no=numbers[6])
    keys = [*ABSENT, *(one.once_key for one in made)]
    found = together(system, keys)
    assert found == one_by_one(system, keys)
    assert {one.once_key: one.id for one in found.values()} == {
        one.once_key: id_ for one, id_ in zip(made, ids, strict=True)
    }
    assert {found[key(tail)].status for tail in ("1001/1", "10012/1")} == {VoucherStatus.UPDATED}
    assert found[key("1050/1")].status is VoucherStatus.CANCELLED
    without = [one for one in keys if one not in (key("1001/1"), key("10012/1"))]
    assert together(system, without).keys() == found.keys() - {key("1001/1"), key("10012/1")}


def test_where_many_of_ours_begin_alike_the_keys_themselves_are_asked_for(
    box: RunningSandbox, make: MakeSystem, transport: Transport
) -> None:
    """It costs three pages of seven in vain, then a request for every thirty keys; the ledger has none at all."""
    system = make()
    entered(system, *(voucher(1, once_key=key(f"10{n:02}/2")) for n in range(40)))
    ours = entered(system, voucher(1, once_key=ABSENT[5]), voucher(1, once_key=ABSENT[89]))
    asked: list[str] = []

    def listening(request: WireRequest, /) -> WireReply:
        asked.append(request.url)
        return transport(request)

    profile = msgspec.structs.replace(system.profile, page_size=7)
    short = IfsSystem(listening, IfsSettings(box.ifs_url, "10", profile=profile))
    assert sorted(one.id for one in short.vouchers(ABSENT)) == ours
    heads = [url.partition(".svc/")[0].rpartition("/")[2] for url in asked if "startswith" in url]
    assert (heads.count("VouchersAnalysis"), heads.count("GenLedVouchersAnalysis")) == (6, 1)


@pytest.mark.parametrize("rows", [20, 21, 22])
def test_whether_the_last_page_that_is_read_is_full_or_not_nothing_is_missed(make: MakeSystem, rows: int) -> None:
    system = make()
    entered(system, *(voucher(1, once_key=key(f"10{n:02}/1")) for n in range(rows)))
    short = make(page_size=7)
    assert together(short, ABSENT).keys() == set(ABSENT[:rows])
    assert together(short, ABSENT) == one_by_one(system, ABSENT)


def test_the_id_of_a_company_may_be_of_several_words() -> None:
    """No company of the cast is: the tenant is played by the test."""

    def tenant(request: WireRequest, /) -> WireReply:
        if "startswith" not in request.url or "GenLed" in request.url:
            return WireReply(200, {}, b'{"value":[]}')
        row = {"Company": "ACME 1", "VoucherType": "M", "AccountingYear": 2026, "VoucherNo": 5}
        texts = ("ACME 1/direct_cost/7/1 Steel", "ACME 1/direct_cost/7/11 Steel", "ACME 1/direct_cost/7/1")
        rows = [{**row, "VoucherDate": "2026-09-10", "VoucherStatus": "NotApproved", "VoucherText2": t} for t in texts]
        return WireReply(200, {}, msgspec.json.encode({"value": rows}))

    system = IfsSystem(tenant, IfsSettings("http://ifs", "ACME 1"))
    (found,) = system.vouchers(["ACME 1/direct_cost/7/1"])
    assert (found.once_key, found.text) == ("ACME 1/direct_cost/7/1", "Steel")
