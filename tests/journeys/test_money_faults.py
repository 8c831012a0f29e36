"""Lost answers, cut sockets and refusals while every flow has work: each document ends up on the other side once.

Each of the fifty seeds lets faults loose on both sides, and aims some at the very call that writes one kind of record:
between them the seeds aim every kind of fault at every one of these calls. Each fifth seed goes on to the second half,
in which what crossed is revised, reversed, credited and paid.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import pytest

from ml_connector.kernel.errors import OutcomeUnknown, SignInRefused, Wait

from .money_scene import go_on, prove, release_suppliers
from .office import Office

SEEDS = range(1, 51)
LOST = ("timeout_after", "drop_after", "half_body")
"""Carried out, and no answer comes: what duplicates are made of."""
KINDS = (*LOST, "timeout_before", "drop_before", "401", "429", "429_bare", "503")
OF_IFS = (*KINDS, "412", "423", "503_modified")

CALLS = {
    "vendor": ("procore", r"vendors/sync$"),
    "directory": ("procore", r"actions/add$"),
    "cost code": ("procore", r"cost_codes/sync$"),
    "budget code": ("procore", r"wbs_codes/bulk_create$"),
    "budget": ("procore", r"budget_line_items/sync$"),
    "budget change": ("procore", r"budget_changes$"),
    "contract": ("procore", r"purchase_order_contracts/sync$"),
    "contract line": ("procore", r"line_items/sync$"),
    "billing period": ("procore", r"billing_periods$"),
    "subcontractor invoice": ("procore", r"v1.1/requisitions$"),
    "direct cost": ("procore", r"direct_costs/sync$"),
    "direct cost line": ("procore", r"direct_costs/line_items/sync$"),
    "payment": ("procore", r"contract_payments$"),
    "supplier": ("ifs", r"SupplierHandling.svc/\$batch$"),
    "code value": ("ifs", r"CodeBHandling.svc/CodeBSet$"),
    "voucher": ("ifs", r"VoucherEntryAssistantHandling.svc/\$batch$"),
    "purchase requisition": ("ifs", r"PurchaseRequisitionHandling.svc/\$batch$"),
}
"""The one call that writes each kind of record: side, and pattern of its path."""

AIMS = [(call, kind) for kind in OF_IFS for call in CALLS if CALLS[call][0] == "ifs" or kind in KINDS]
"""Every kind of fault at every call where it may be."""
AIMED = 4
"""Faults a seed aims."""
STRAYS = 4
"""Faults a seed lets loose on any call besides."""
MOST_RUNS = 10


def aims(seed: int) -> list[tuple[str, str]]:
    """Calls and the faults a seed aims at them."""
    first = (seed - 1) * AIMED
    return [AIMS[number % len(AIMS)] for number in range(first, first + AIMED)]


def rule(call: str, kind: str) -> dict[str, Any]:
    """A fault at the first call that writes one kind of record."""
    side, path = CALLS[call]
    return {"kind": kind, "side": side, "method": "POST|PATCH", "path": path, "retry_after": 0}


def script(seed: int) -> Iterator[dict[str, Any]]:
    """The faults of a seed, as rules of the sandbox: those it aims, then those it lets loose."""
    yield from (rule(call, kind) for call, kind in aims(seed))
    chance = random.Random(seed)
    for _ in range(STRAYS):
        side = chance.choice(("ifs", "procore"))
        kind = chance.choice(OF_IFS if side == "ifs" else KINDS)
        method = "POST|PATCH" if kind in ("412", "423") else ".*"
        yield {"kind": kind, "side": side, "method": method, "nth": chance.randint(1, 40), "retry_after": 0}


def later(seed: int) -> Iterator[dict[str, Any]]:
    """The faults of the second half: one at each kind of record it writes, most of them answers that are lost."""
    chance = random.Random(f"later {seed}")
    for call in ("vendor", "budget change", "subcontractor invoice", "payment", "voucher", "voucher"):
        yield rule(call, chance.choice((*LOST, *LOST, *KINDS)))


def run_until_quiet(office: Office) -> None:
    """Syncs until one ends well and sends nothing; what proposed suppliers wait for is done in between."""
    for _ in range(MOST_RUNS):
        with contextlib.suppress(Wait, OutcomeUnknown, SignInRefused):  # two 401 in a row read as a refused sign-in
            office.box.log.clear()
            report = office.sync()
            unknown = any(flow.unknown for flow in report.flows.values())
            if not office.written() and not unknown and not release(office):
                return
    raise AssertionError(f"still at work after {MOST_RUNS} syncs")


def release(office: Office) -> int:
    """Somebody releases the proposed suppliers; a fault on their own look at IFS makes them come back later."""
    with contextlib.suppress(OSError, HTTPException, ValueError):
        return release_suppliers(office)
    return 1


def test_every_kind_of_fault_is_aimed_at_every_call() -> None:
    assert {aim for seed in SEEDS for aim in aims(seed)} == set(AIMS)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_flows_through_faults(begun: Office, seed: int) -> None:
    office = begun
    office.box.admin("POST", "faults", {"rules": list(script(seed))})
    run_until_quiet(office)
    struck = [rule["struck"] for rule in office.box.faults.as_json()["rules"]]
    office.box.faults.clear()
    assert struck[:AIMED] == [1] * AIMED, struck
    if seed % 5 == 0:
        go_on(office)
        office.box.admin("POST", "faults", {"rules": list(later(seed))})
        run_until_quiet(office)
        assert sum(office.box.faults.injected.values()) > 0
        office.box.faults.clear()
        office.assert_rests()
    prove(office)
