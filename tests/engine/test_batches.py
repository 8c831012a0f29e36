"""How effects are cut into batches: full ones, one scope each, and what goes on from something stays behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ml_connector.engine.applying import batches
from ml_connector.records.subcontractor_invoice import InvoiceStatus, SubcontractorInvoice
from ml_connector.records.vendor import Vendor
from ml_connector.records.voucher import RowRole, Voucher, VoucherRow, VoucherStatus
from ml_connector.systems.ifs.system import IfsSettings, IfsSystem
from ml_connector.systems.port import Effect
from ml_connector.systems.procore.settings import ProcoreSettings
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.wire import WireReply, WireRequest

PARTS = 100
"""Requests of a batch of IFS by the profile as it comes."""


def nobody(request: WireRequest, /) -> WireReply:
    raise AssertionError(f"{request.method} {request.url} was sent")


IFS = IfsSystem(nobody, IfsSettings("http://ifs", "10"))
PROCORE = ProcoreSystem(nobody, ProcoreSettings("http://procore", "http://procore", "1"))


def effect(intent: int, kind: str, scope: str, body: object) -> Effect:
    return Effect(intent, "create", kind, f"10/{kind}/{intent}", scope, "", body, {})


def invoice(intent: int, order: str, scope: str = "1201") -> Effect:
    """An invoice on an order's commitment."""
    home = f"{order}@{scope}"
    status, key = InvoiceStatus.APPROVED, f"10/invoice/{intent}"
    return effect(
        intent, "subcontractor_invoice", scope, SubcontractorInvoice(key, scope, home, "1", "USD", None, "", status, ())
    )


def voucher(intent: int, rows: int, scope: str = "1201") -> Effect:
    """A voucher of so many rows."""
    row = VoucherRow(RowRole.COST, (("A", "4110"),), Decimal(1), Decimal(0))
    day, status = date(2026, 9, 1), VoucherStatus.AWAITING
    return effect(
        intent, "voucher", scope, Voucher(f"10/{intent}", "M", day, "", "USD", "", status, (row,) * rows, "", "", "")
    )


def cut(effects: Sequence[Effect], size: int) -> list[list[int]]:
    """Intents of each batch."""
    side = PROCORE if effects[0].kind == "subcontractor_invoice" else IFS
    return [[one.intent_id for one in batch] for batch in batches(effects, side, size)]


def test_the_invoices_of_a_commitment_stay_together_and_in_order() -> None:
    effects = [invoice(n, order) for n, order in enumerate(("A", "B", "A", "C", "B", "A"), 1)]
    assert cut(effects, 3) == [[1, 3, 6], [2, 5, 4]]
    assert cut(effects, 1) == [[1, 3, 6], [2, 5], [4]]


def test_a_chain_longer_than_a_batch_stays_whole() -> None:
    effects = [invoice(1, "B"), *(invoice(n, "A") for n in range(2, 9))]
    assert cut(effects, 3) == [[1], [2, 3, 4, 5, 6, 7, 8]]


def test_no_batch_spans_two_projects() -> None:
    effects = [invoice(1, "A"), invoice(2, "B"), invoice(3, "A", "1202"), invoice(4, "C", "1202")]
    assert cut(effects, 50) == [[1, 2], [3, 4]]


def test_batches_of_vouchers_travel_full() -> None:
    """Head, rows, action and cleaning up: a voucher of six rows is nine requests, and eleven such are ninety-nine."""
    assert IFS.batch_size("voucher", "create") == PARTS
    found = cut([voucher(n, 6) for n in range(1, 24)], PARTS)
    assert [len(batch) for batch in found] == [11, 11, 1]
    assert cut([voucher(1, 47), voucher(2, 47), voucher(3, 1)], PARTS) == [[1, 2], [3]]


def test_a_voucher_too_long_for_a_batch_goes_alone() -> None:
    assert cut([voucher(1, 2), voucher(2, 200), voucher(3, 2)], PARTS) == [[1], [2], [3]]


def test_what_is_alone_is_cut_by_number_and_in_order() -> None:
    effects = [effect(n, "vendor", "", Vendor("S1", "S1", None, None)) for n in range(1, 8)]
    found = [[one.intent_id for one in batch] for batch in batches(effects, PROCORE, 3)]
    assert found == [[1, 2, 3], [4, 5, 6], [7]]


@given(
    orders=st.lists(st.tuples(st.sampled_from("ABCDEFG"), st.sampled_from(("1201", "1202"))), min_size=1),
    size=st.integers(1, 6),
)
def test_however_they_are_cut_nothing_is_lost_and_no_chain_is_broken(orders: list[tuple[str, str]], size: int) -> None:
    effects = [invoice(n, *one) for n, one in enumerate(sorted(orders, key=lambda one: one[1]), 1)]
    found = list(batches(effects, PROCORE, size))
    assert sorted(one.intent_id for batch in found for one in batch) == list(range(1, len(effects) + 1))
    chains: dict[str, list[int]] = {}
    for number, batch in enumerate(found):
        assert len({one.scope for one in batch}) == 1
        assert len(batch) <= size or len({PROCORE.chain(one) for one in batch}) == 1
        for one in batch:
            chains.setdefault(PROCORE.chain(one), []).append(number)
    assert all(len(set(numbers)) == 1 for numbers in chains.values())
    for batch in found:
        for chain in {PROCORE.chain(one) for one in batch}:
            own = [one.intent_id for one in batch if PROCORE.chain(one) == chain]
            assert own == sorted(own)
