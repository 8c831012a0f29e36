"""A hold opens once, keeps its age while it lasts, goes by itself, and people's answers are remembered."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.store import connections, holds, rulings
from ml_connector.store.holds import Look
from ml_connector.store.postgres import Database
from ml_connector.store.rulings import RulingRow


def _hold(order: str, waits: str = "B/03-310", amount: str = "10.00", candidates: tuple[str, ...] = ()) -> Hold:
    return Hold(
        key=Key("commitment", f"{order}@1"),
        flow="orders",
        reason=HoldReason.CODE_MISSING,
        waits_for=Key("dimension", waits),
        owner="cost engineer",
        sentence=f"Code {waits} on order {order} is not in IFS.",
        money=Money(Decimal(amount), "USD") if amount else None,
        candidates=candidates,
        evidence="line 1",
    )


def test_a_hold_found_again_keeps_its_age_and_takes_the_new_words(database: Database, cid: int) -> None:
    with database.begin() as conn:
        first = holds.sync_holds(conn, Look(cid, 1, "orders", ["P1"]), [("P1", _hold("P1"))])
    (opened,) = first.opened
    assert (opened.key, opened.waits_for) == (Key("commitment", "P1@1"), Key("dimension", "B/03-310"))
    with database.begin() as conn:
        again = _hold("P1", amount="12.50", candidates=("77", 'a "quoted" one'))
        second = holds.sync_holds(conn, Look(cid, 2, "orders", ["P1"]), [("P1", again)])
        assert second == holds.Change([], [])
        (row,) = holds.open_holds(conn, cid)
    assert (row.id, row.since, row.last_seen_run) == (opened.id, opened.since, 2)
    assert (row.amount, row.candidates) == (Decimal("12.50"), ["77", 'a "quoted" one'])


def test_only_what_was_looked_at_is_released(database: Database, cid: int) -> None:
    with database.begin() as conn:
        pairs = [("P1", _hold("P1")), ("P1", _hold("P1", "B/03-320")), ("P2", _hold("P2", amount=""))]
        holds.sync_holds(conn, Look(cid, 1, "orders", ["P1", "P2"]), pairs)
        change = holds.sync_holds(conn, Look(cid, 2, "orders", ["P1", "P3"]), [("P1", _hold("P1", "B/03-320"))])
        assert [(row.source, row.waits_id, row.released_by) for row in change.released] == [
            ("P1", "B/03-310", "engine")
        ]
        assert change.opened == []
        assert holds.held_ids(conn, cid, "orders") == {"P1@1", "P2@1"}
        assert holds.held_sources(conn, cid, "orders") == {"P1", "P2"}
        assert holds.held_sources(conn, cid, "vendors") == set()
        assert [row.released_at is None for row in holds.holds_of(conn, cid, "P1")] == [True, False]
        assert len(holds.open_holds(conn, cid, "vendors")) == 0


def test_a_hold_that_comes_back_starts_anew(database: Database, cid: int) -> None:
    look = Look(cid, 1, "orders", ["P1"])
    with database.begin() as conn:
        (first,) = holds.sync_holds(conn, look, [("P1", _hold("P1"))]).opened
        holds.sync_holds(conn, look, [])
        (second,) = holds.sync_holds(conn, look, [("P1", _hold("P1"))]).opened
        assert second.id != first.id
        assert holds.get_hold(conn, cid, first.id).released_at is not None


def test_a_person_can_release_and_only_in_their_connection(database: Database, cid: int) -> None:
    with database.begin() as conn:
        (row,) = holds.sync_holds(conn, Look(cid, 1, "orders", ["P1"]), [("P1", _hold("P1"))]).opened
        other = connections.add(conn, "other", "", {})
        assert holds.release(conn, other, [row.id], "eve") == []
        assert [gone.released_by for gone in holds.release(conn, cid, [row.id], "anna")] == ["anna"]
        assert holds.release(conn, cid, [row.id], "anna") == []
        assert holds.release(conn, cid, [], "anna") == []
        with pytest.raises(NothingSuchHere):
            holds.get_hold(conn, other, row.id)
        assert holds.sync_holds(conn, Look(cid, 1, "orders", []), []) == holds.Change([], [])


def test_an_answer_replaces_the_one_before_and_can_be_withdrawn(database: Database, cid: int) -> None:
    key = Key("vendor", "S1")
    with database.begin() as conn:
        rulings.put_ruling(conn, cid, RulingRow("vendor", "S1", "vendor_match", "same", "501", "anna"))
        rulings.put_ruling(conn, cid, RulingRow("vendor", "S1", "vendor_match", "other", "", "ben", "Two branches."))
        (found,) = rulings.rulings_of(conn, cid).items()
        assert found[0] == (key, "vendor_match")
        assert (found[1].answer, found[1].actor, found[1].note) == ("other", "ben", "Two branches.")
        assert rulings.withdraw(conn, cid, key, "vendor_match")
        assert not rulings.withdraw(conn, cid, key, "vendor_match")
        assert rulings.rulings_of(conn, cid) == {}
