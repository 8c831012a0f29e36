"""The whole way over a real socket: sign-in, pacing, retries, and what is found again after a lost answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from ml_connector.kernel.keys import Key
from ml_connector.records.commitment import Commitment, CommitmentLine, CommitmentStatus
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.port import Effect, Result
from ml_connector.systems.procore.check import check
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.wire import Call, WireReply, WireRequest
from sandbox.contract_check import validate_exchange

from .signed import signed_in


@dataclass
class Line:
    """A sandbox on a socket, and the room that speaks to it."""

    running: RunningSandbox
    system: ProcoreSystem

    def order(self, currency: str) -> tuple[Effect, Effect, Effect]:
        """Create, fill and status of one order on job site 1201."""
        project = str(self.running.procore.project_ids["1201"])
        codes = self.system.budget_codes(project)
        ids = {Key("project", "1201"): project, Key("vendor", "S1"): min(self.system.project_vendors(project))}
        ids[Key("budget_code", f"1201/{codes[0].flat}")] = codes[0].id
        line = CommitmentLine("10/PX/1", "Rail", Decimal(2), "EA", Decimal("5.50"), Decimal("11.00"), codes[0].flat)
        body = Commitment(
            *("10/PX", "1201", "PX", "Rails", "S1", CommitmentStatus.APPROVED, currency),
            *(date(2026, 1, 2), None, "", (line,)),
        )
        create, fill, status = (
            Effect(number, verb, "commitment", body.once_key, "1201", "", body, ids)
            for number, verb in enumerate(("create", "fill", "status"))
        )
        return create, fill, status


@pytest.fixture
def line(both_sides: RunningSandbox) -> Line:
    both_sides.reset()
    transport, settings = signed_in(both_sides)
    return Line(both_sides, ProcoreSystem(checked(transport), settings))


def checked(call: Call) -> Call:
    """The call, every exchange held against the contract."""

    def send(request: WireRequest, /) -> WireReply:
        reply = call(request)
        split = urlsplit(request.url)
        target = f"{split.path}?{split.query}"
        if reply.status != 501:
            assert validate_exchange(request.method, target, request.body or b"", reply.status, reply.body) == []
        return reply

    return send


def test_a_company_is_checked_and_an_order_is_placed(line: Line) -> None:
    assert [finding for finding in check(line.system) if not finding.ok] == []
    for effect in line.order("USD"):
        assert line.system.send([effect])[0].result is Result.DONE
        assert line.system.find(effect) is not None


def test_a_lost_answer_to_an_upsert_is_sent_again_and_makes_one_order(line: Line) -> None:
    create = line.order("USD")[0]
    line.running.faults.add(FaultRule("drop_after", side="procore", method="PATCH"))
    assert line.system.send([create])[0].result is Result.DONE
    project = create.ids[Key("project", "1201")]
    assert [c.number for c in line.system.commitments(project) if c.once_key] == ["PX"]


def test_a_lost_answer_to_a_single_create_is_unknown_until_it_is_read_back(line: Line) -> None:
    create = line.order("EUR")[0]
    line.running.faults.add(FaultRule("drop_after", side="procore", method="POST"))
    assert line.system.send([create])[0].result is Result.UNKNOWN
    found = line.system.find(create)
    assert found is not None
    assert line.system.send([create])[0].target == found.target
