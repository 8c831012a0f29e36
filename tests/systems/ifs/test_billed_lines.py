"""An order's line says what has been billed on it; what buyers wrote there stays, and nobody is overwritten."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from ml_connector.records.billed_line import BilledLine
from ml_connector.records.purchase_order import OrderState
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.billed_line import MARK, BilledLines, beside
from ml_connector.systems.ifs.odata import row_path
from ml_connector.systems.ifs.sending import Sending
from ml_connector.systems.ifs.writing import Writing
from ml_connector.systems.port import Effect, Result
from ml_connector.systems.transport import Transport

from .conftest import MakeSystem

TEXT = "Billed in Procore 1,250.00 USD of 5,000.00"
NAVS = {"part": "LinePartArray", "nopart": "LineNopartArray", "rental": "LineRentalPartArray"}


@pytest.fixture
def writing(make: MakeSystem) -> BilledLines:
    system = make()
    return BilledLines(system.odata, system.profile)


@pytest.fixture
def line(box: RunningSandbox) -> BilledLine:
    return of_kind(box, "nopart")


def of_kind(box: RunningSandbox, kind: str) -> BilledLine:
    """Some line of that kind which can still be changed."""
    order, found = next(
        (order, line)
        for order in box.sandbox.world.orders
        for line in order.lines
        if line.kind == kind and order.state in ("Released", "Confirmed") and line.state in ("Released", "Confirmed")
    )
    return BilledLine(order.order_no, f"{found.line_no}/{found.release_no}", kind, Decimal(1250), order.currency, TEXT)


def effect(body: BilledLine) -> Effect:
    return Effect(1, "update", "billed_line", "", "", f"{body.order} {body.line}", body, {})


def note(make: MakeSystem, line: BilledLine, write: str | None = None) -> str | None:
    """The note of the line as it stands; `write` lets a buyer write it first."""
    number, _, release = line.line.partition("/")
    order = {"OrderNo": f"'{line.order}'"}
    key = {**order, "LineNo": f"'{number}'", "ReleaseNo": f"'{release}'"}
    path = f"{row_path('PurchaseOrderSet', order)}/{row_path(NAVS[line.kind], key)}"
    rows = Writing(make().odata, "PurchaseOrderHandling")
    found = rows.read(path)
    assert found is not None
    if write is not None:
        found = rows.patch(path, found.etag, {"NoteText": write})
    text = found.row["NoteText"]
    return None if text is None else str(text)


@pytest.mark.parametrize("kind", ["part", "nopart", "rental"])
def test_each_kind_of_line_is_told_in_its_own_collection(
    box: RunningSandbox, writing: BilledLines, make: MakeSystem, kind: str
) -> None:
    line = of_kind(box, kind)
    (outcome,) = writing.update([effect(line)])
    assert (outcome.result, outcome.target) == (Result.DONE, f"{line.order} {line.line}")
    assert outcome.stamp
    assert note(make, line) == f"{MARK} {TEXT}"


def test_twice_sent_is_written_once(writing: BilledLines, transport: Transport, line: BilledLine) -> None:
    for _ in range(2):
        assert writing.update([effect(line)])[0].result is Result.DONE
    assert transport.counts.writes == 1
    assert writing.find(effect(line)) is not None


def test_the_buyers_own_words_stay(writing: BilledLines, make: MakeSystem, line: BilledLine) -> None:
    note(make, line, "Deliver to gate 4\nCall Ana first")
    writing.update([effect(line)])
    assert note(make, line) == f"Deliver to gate 4\nCall Ana first\n{MARK} {TEXT}"
    writing.update([effect(msgspec.structs.replace(line, text="Billed in Procore 2,000.00 USD"))])
    assert note(make, line) == f"Deliver to gate 4\nCall Ana first\n{MARK} Billed in Procore 2,000.00 USD"


@pytest.mark.parametrize(
    ("text", "ours", "wanted"),
    [
        ("", "10 USD", f"{MARK} 10 USD"),
        ("a\r\nb", "10 USD", f"a\nb\n{MARK} 10 USD"),
        (f"a\r\n{MARK} 10 USD \r\nb", "10 USD", None),
        (f"a\n{MARK} 9 USD\nb", "10 USD", f"a\n{MARK} 10 USD\nb"),
        (f"{MARK} 9 USD\na\n{MARK} 8 USD", "10 USD", f"{MARK} 10 USD\na"),
        (f"a\n{MARK} 9 USD", "", "a"),
        ("a", "", None),
    ],
)
def test_our_line_stands_once_among_others(text: str, ours: str, wanted: str | None) -> None:
    assert beside(text, ours) == wanted


def test_a_property_of_our_own_holds_the_text_alone(make: MakeSystem, line: BilledLine) -> None:
    system = make(writes={"billed_property": "Cf_ProcoreBilled"})
    (outcome,) = BilledLines(system.odata, system.profile).update([effect(line)])
    assert outcome.result is Result.REFUSED  # the simulated tenant has no custom fields
    assert "Cf_ProcoreBilled" in outcome.sentence


def test_a_line_changed_meanwhile_is_read_again_and_written(
    box: RunningSandbox, writing: BilledLines, make: MakeSystem, transport: Transport, line: BilledLine
) -> None:
    box.faults.add(FaultRule("412", side="ifs", method="PATCH"))
    assert writing.update([effect(line)])[0].result is Result.DONE
    assert note(make, line) == f"{MARK} {TEXT}"
    assert transport.counts.writes == 2


def test_a_line_that_keeps_changing_is_left_for_the_next_run(
    box: RunningSandbox, writing: BilledLines, make: MakeSystem, transport: Transport, line: BilledLine
) -> None:
    box.faults.add(FaultRule("412", side="ifs", method="PATCH", times=2))
    assert writing.update([effect(line)])[0].result is Result.REFUSED
    assert transport.counts.writes == 2
    assert note(make, line) is None


def test_a_lost_answer_is_settled_by_looking(
    box: RunningSandbox, writing: BilledLines, transport: Transport, line: BilledLine
) -> None:
    box.faults.add(FaultRule("drop_after", side="ifs", method="PATCH"))
    assert writing.update([effect(line)])[0].result is Result.DONE
    assert transport.counts.writes == 1
    box.faults.add(FaultRule("drop_before", side="ifs", method="PATCH"))
    other = effect(msgspec.structs.replace(line, text="Billed in Procore 2,000.00 USD"))
    assert writing.update([other])[0].result is Result.UNKNOWN
    assert writing.find(other) is None


def test_a_row_somebody_holds_waits(box: RunningSandbox, writing: BilledLines, line: BilledLine) -> None:
    box.faults.add(FaultRule("423", side="ifs", method="PATCH", times=20))
    assert writing.update([effect(line)])[0].result is Result.WAITING


def test_an_order_that_changes_by_change_order_only_is_a_refusal(
    box: RunningSandbox, writing: BilledLines, make: MakeSystem, line: BilledLine
) -> None:
    box.act("ifs", "set_company", changes_to_orders=False)
    (outcome,) = writing.update([effect(line)])
    assert (outcome.result, outcome.reference) == (Result.REFUSED, "PurchaseOrder.CHANGEORDERNEEDED")
    assert note(make, line) is None


def test_a_line_or_kind_that_is_not_there_is_refused(writing: BilledLines, line: BilledLine) -> None:
    for bad in (
        msgspec.structs.replace(line, line="99/1"),
        msgspec.structs.replace(line, kind="rental"),
        msgspec.structs.replace(line, kind="service"),
    ):
        assert writing.update([effect(bad)])[0].result is Result.REFUSED


def test_what_is_billed_changes_nothing_of_the_order_we_read(make: MakeSystem, line: BilledLine) -> None:
    system = make()
    before = system.orders_by_id([line.order]).orders
    sending = Sending(system.odata, system.profile, "10")
    assert sending.send([effect(line)])[0].result is Result.DONE
    assert sending.find(effect(line)) is not None
    assert system.orders_by_id([line.order]).orders == before
    assert before[0].state in OrderState
