"""Contracts with their lines, many to a request: what the list leaves out is asked for by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ml_connector.records.commitment import Commitment
from ml_connector.systems.procore import commitment
from ml_connector.systems.wire import WireReply, WireRequest

from .job import ORDERS, Job

GONE = "562949953999999"


def made(job: Job, number: int) -> list[str]:
    """So many contracts of two lines each; their ids."""
    return [job.contract(f"P{n}", ("2", "10.50"), ("1", f"{n}00.00")) for n in range(1, number + 1)]


def lists(job: Job) -> int:
    """How often the list of contracts was asked for."""
    return job.count(f"GET {job.running.procore_url}{ORDERS}?")


def singles(job: Job) -> int:
    """How often one contract was asked for by itself."""
    return job.count(f"GET {job.running.procore_url}{ORDERS}/")


def one_by_one(job: Job, ids: list[str]) -> dict[str, Commitment]:
    """The same contracts, each shown by itself; what was counted so far is forgotten."""
    found = {id_: job.system.commitment_lines(job.site, id_) for id_ in ids}
    job.said.clear()
    return {id_: one for id_, one in found.items() if one is not None}


def listing(change: Callable[[list[Any]], Any]) -> Callable[[WireRequest, WireReply], WireReply]:
    """Shows the room another answer than Procore gave to the list of contracts with their lines."""

    def mend(request: WireRequest, reply: WireReply) -> WireReply:
        if f"{ORDERS}?" not in request.url or "view=extended" not in request.url:
            return reply
        rows = msgspec.json.decode(reply.body)
        return WireReply(reply.status, reply.headers, msgspec.json.encode(change(rows)))

    return mend


def refusing(status: int) -> Callable[[WireRequest, WireReply], WireReply]:
    """A tenant that does not give the list of contracts with their lines."""

    def mend(request: WireRequest, reply: WireReply) -> WireReply:
        return WireReply(status, {}, b"{}") if "view=extended" in request.url else reply

    return mend


def test_many_contracts_come_in_one_request_as_each_is_shown(job: Job) -> None:
    ids = made(job, 5)
    shown = one_by_one(job, ids)
    found = job.system.contracts(job.site, ids)
    assert found == shown
    assert [len(found[id_].lines) for id_ in ids] == [2] * 5
    assert (lists(job), singles(job)) == (1, 0)


def test_one_or_two_are_asked_for_by_themselves(job: Job) -> None:
    ids = made(job, 2)
    assert list(job.system.contracts(job.site, ids)) == ids
    assert (lists(job), singles(job)) == (0, 2)
    job.said.clear()
    assert job.system.contracts(job.site, []) == {}
    assert job.said == []


def test_so_many_as_an_address_holds_go_together(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment, "NAMED", 3)
    ids = made(job, 7)
    assert sorted(job.system.contracts(job.site, [*ids, ids[0]])) == sorted(ids)
    assert (lists(job), singles(job)) == (3, 0)


def test_only_those_that_were_asked_for_come(job: Job) -> None:
    ids = made(job, 4)
    assert sorted(job.system.contracts(job.site, ids[:3])) == sorted(ids[:3])


def test_a_contract_that_is_gone_is_absent_and_the_others_are_there(job: Job) -> None:
    ids = made(job, 3)
    assert sorted(job.system.contracts(job.site, [*ids, GONE])) == sorted(ids)
    assert (lists(job), singles(job)) == (1, 1)


def test_a_contract_too_young_for_the_list_is_asked_for_by_itself(job: Job) -> None:
    old = made(job, 3)
    job.running.clock.advance(timedelta(minutes=5))
    young = job.contract("P9", "100.00")
    job.switch(settle=60)
    assert sorted(job.system.contracts(job.site, [*old, young])) == sorted([*old, young])
    assert (lists(job), singles(job)) == (1, 1)


@pytest.mark.parametrize("said", ["no_member", "null"])
def test_where_the_list_has_no_lines_each_is_asked_for_and_the_list_once(
    job: Job, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr(commitment, "NAMED", 3)
    ids = made(job, 5)
    shown = one_by_one(job, ids)

    def without(rows: list[Any]) -> list[Any]:
        if said == "null":
            return [row | {"line_items": None} for row in rows]
        return [{name: value for name, value in row.items() if name != "line_items"} for row in rows]

    job.mended = listing(without)
    assert job.system.contracts(job.site, ids) == shown
    assert (lists(job), singles(job)) == (1, 5)


@pytest.mark.parametrize("wrong", ["no_lines", "no_keys"])
def test_a_row_that_cannot_be_the_whole_contract_is_asked_for(job: Job, wrong: str) -> None:
    ids = made(job, 4)
    shown = one_by_one(job, ids)

    def spoil(rows: list[Any]) -> list[Any]:
        lines = rows[1]["line_items"]
        rows[1]["line_items"] = [] if wrong == "no_lines" else [line | {"origin_id": None} for line in lines]
        return rows

    job.mended = listing(spoil)
    assert job.system.contracts(job.site, ids) == shown
    assert (lists(job), singles(job)) == (1, 1)


def test_a_contract_without_lines_and_money_is_whole(job: Job) -> None:
    ids = [*made(job, 3), job.contract("P8")]
    assert job.system.contracts(job.site, ids)[ids[3]].lines == ()
    assert (lists(job), singles(job)) == (1, 0)


@pytest.mark.parametrize("status", [400, 422])
def test_where_the_list_refuses_filter_or_view_each_is_asked_for(
    job: Job, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(commitment, "NAMED", 3)
    ids = made(job, 5)
    shown = one_by_one(job, ids)
    job.mended = refusing(status)
    assert job.system.contracts(job.site, ids) == shown
    assert (lists(job), singles(job)) == (1, 5)


def test_where_the_project_is_hidden_nothing_is_there_and_nothing_more_is_asked(job: Job) -> None:
    ids = made(job, 3)
    job.mended = refusing(404)
    assert job.system.contracts(job.site, ids) == {}
    assert (lists(job), singles(job)) == (1, 0)


def test_where_the_filter_is_overlooked_the_list_is_read_once(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment, "NAMED", 3)
    ids = made(job, 7)
    every = job.say("GET", f"{ORDERS}?project_id={job.site}&view=extended&per_page=100")
    job.mended = listing(lambda rows: every)
    assert sorted(job.system.contracts(job.site, ids)) == sorted(ids)
    assert (lists(job), singles(job)) == (1, 0)


def test_a_list_of_several_pages_is_read_to_its_end(job: Job) -> None:
    ids = made(job, 5)
    assert sorted(job.paged(2).contracts(job.site, ids)) == sorted(ids)
    assert (lists(job), singles(job)) == (3, 0)
