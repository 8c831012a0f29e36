"""What goes side by side: a lost answer keeps back what goes on from it and nothing else, and requests are few."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from threading import Lock
from time import sleep
from typing import Any

import pytest

from ml_connector.engine import applying
from ml_connector.sandbox.faults import FaultRule
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore.system import ProcoreSystem

from .money_scene import direct_cost
from .money_windows import MoneyIfs, MoneyProcore, money_windows
from .office import NAME, Office

ORDERS = ("P100002", "P100003", "P100004", "P100018", "P100025", "P100035")
"""Orders of the cast on project 1201, in dollars, released, with three lines at least."""
INVOICES = r"v1\.1/requisitions$"
CONTRACT = r"v1\.0/purchase_order_contracts(/\d+)?$"
ENTRY = r"VoucherEntryAssistantHandling.svc/\$batch$"


def windows(office: Office) -> tuple[MoneyIfs, MoneyProcore]:
    """Both systems as their own people see them."""
    return money_windows(office.box.connection_text())


def invoiced_twice(office: Office) -> None:
    """Each order is received, and its first two lines are invoiced one after the other."""
    lines = {one.order_no: one.lines for one in office.box.sandbox.world.orders}
    for order in ORDERS:
        office.ifs("receive_goods", order_no=order)
        for line in lines[order][:2]:
            row = {"line_no": line.line_no, "quantity": str(line.quantity)}
            office.ifs("register_invoice", order_no=order, invoice_no=f"{order}-{line.line_no}", lines=[row], post=True)


def there(office: Office) -> list[tuple[str, str]]:
    """Order and vendor's number of each subcontractor invoice on project 1201, each contract's in its own order."""
    rows = windows(office)[1].requisitions(office.box.procore.project_ids["1201"])
    ordered = sorted(rows, key=lambda row: (row["commitment_id"], int(row["number"])))
    return [(str(row["origin_id"]).split("/")[3], str(row["invoice_number"])) for row in ordered]


def asked(office: Office, path: str, method: str = "GET") -> list[str]:
    """Addresses of one kind that were asked for since the log was cleared."""
    found = office.box.log.exchanges()
    return [f"{one.path}?{one.query}" for one in found if one.method == method and re.search(path, one.path)]


def test_a_lost_invoice_keeps_back_those_of_its_commitment_only(running: Office) -> None:
    invoiced_twice(running)
    running.box.faults.add(FaultRule("drop_after", side="procore", method="POST", path=INVOICES))
    tally = running.sync().flows["supplier_invoices"]
    assert (tally.created, tally.unknown) == (11, 0), "the lost one was looked up at the end"
    orders = Counter(order for order, _ in there(running))
    assert sorted(orders.values()) == [1, 2, 2, 2, 2, 2], "the second of one commitment waits"
    running.sync()
    lines = {one.order_no: one.lines for one in running.box.sandbox.world.orders}
    wanted = [(order, f"{order}-{line.line_no}") for order in ORDERS for line in lines[order][:2]]
    assert sorted(there(running)) == sorted(wanted)
    by_order = [number for order in ORDERS for at, number in there(running) if at == order]
    assert by_order == [number for _, number in wanted], "each contract's in their order"
    running.assert_rests()


def test_a_slice_does_not_overtake_what_it_goes_on_from(running: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of one: the second invoice of a commitment is the next slice, while the first may be under way still."""
    send, own = ProcoreSystem.send, Lock()
    going: list[str] = []
    most, broken = 0, list[str]()

    def watched(self: ProcoreSystem, effects: Sequence[Effect]) -> list[Outcome]:
        nonlocal most
        chain = self.chain(effects[0])
        with own:
            broken.extend(one for one in going if chain and one == chain)
            going.append(chain)
            most = max(most, len([one for one in going if one]))
        sleep(0.05)
        try:
            return send(self, effects)
        finally:
            with own:
                going.remove(chain)

    monkeypatch.setattr(applying, "SLICE", 1)
    monkeypatch.setattr(ProcoreSystem, "send", watched)
    invoiced_twice(running)
    assert running.sync().flows["supplier_invoices"].created == 12
    assert broken == []
    assert most > 1, "those of different commitments go side by side"


def test_many_commitments_are_read_by_the_page_both_ways(running: Office) -> None:
    running.app.edit_connection(NAME, {"projects": {"in_flight": 1}})
    invoiced_twice(running)
    running.box.log.clear()
    assert running.sync().flows["supplier_invoices"].created == 12
    full = [one for one in asked(running, CONTRACT) if "view=compact" not in one]
    assert [one.count("filters%5Bid%5D") for one in full] == [len(ORDERS)], full
    assert len(asked(running, r"/commitment_change_orders$")) == 1
    for number, order in enumerate(ORDERS, 1):
        made = running.procore("add_requisition", order_number=order, invoice_number=f"S-{number}", share="0.1")
        running.procore("approve_requisition", id=made["id"])
    running.policy(vouchers={"clearing_account": "2020", "retention_account": "2030"})
    running.box.log.clear()
    tally = running.sync().flows["subcontractor_invoices"]
    assert (tally.created, tally.held) == (len(ORDERS), 0), running.holds()
    full = [one for one in asked(running, CONTRACT) if "view=compact" not in one]
    assert [one.count("filters%5Bid%5D") for one in full] == [len(ORDERS)], full
    assert len(asked(running, r"Voucher\w*Analysis.svc/VoucherSet$")) == 1, "looked for before they are entered"
    assert len(asked(running, ENTRY, "POST")) == 1


def test_a_lost_batch_of_vouchers_leaves_the_others_done(running: Office) -> None:
    running.app.edit_connection(NAME, {"erp": {"profile": {"batch_parts": 20}}})
    running.policy(vouchers={"clearing_account": "2020", "retention_account": "2030"})
    for number in range(6):
        rows: tuple[Any, ...] = (("26-050", "M", "120.50"), ("26-510", "M", "80"))
        direct_cost(running, "1202", "Voltaire Electric Company", f"VE-{number}", *rows)
    running.box.faults.add(FaultRule("drop_before", side="ifs", method="POST", path=ENTRY))
    running.box.log.clear()
    assert running.sync().flows["direct_costs"].created == 3, "three of six requests each are what twenty hold"
    assert len(asked(running, ENTRY, "POST")) == 2
    running.sync()
    keys = Counter(str(row["VoucherText2"]).split(" ")[0] for row in windows(running)[0].vouchers())
    assert (len(keys), set(keys.values())) == (6, {1})
    running.assert_rests()
