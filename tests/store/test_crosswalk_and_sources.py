"""Links, source rows and watermarks: what is paired with what, and what need not be looked at again."""

from __future__ import annotations

from datetime import UTC, datetime

from ml_connector.kernel.keys import Key
from ml_connector.planning.plan import Hold, HoldReason, Intent, Verb
from ml_connector.store import code_uses, connections, holds, journal, links, sources, standings
from ml_connector.store.links import LinkRow
from ml_connector.store.postgres import Database
from ml_connector.store.sources import Seen
from ml_connector.store.standings import GONE, Stood, Wanted


def test_only_linked_pairs_are_targets(database: Database, cid: int) -> None:
    rows = [
        LinkRow("vendor", "S1", "501"),
        LinkRow("vendor", "S2", "502", state=links.PROPOSED),
        LinkRow("vendor", "S3", "503", state=links.REJECTED),
        LinkRow("project", "S1", "77"),
    ]
    wanted = [Key("vendor", f"S{n}") for n in range(1, 5)] + [Key("project", "S1")]
    with database.begin() as conn:
        links.put_links(conn, cid, rows)
        assert links.targets(conn, cid, wanted) == {Key("vendor", "S1"): "501", Key("project", "S1"): "77"}
        assert [row.erp_id for row in links.links_of(conn, cid, "vendor")] == ["S1", "S2", "S3"]
        assert [row.erp_id for row in links.links_of(conn, cid, "vendor", links.PROPOSED)] == ["S2"]
        assert links.linked_to(conn, cid, "vendor", ["501", "502", "599"]) == {"501": ["S1"]}
        assert links.count_links(conn, cid)[("vendor", "linked")] == 1
        other = connections.add(conn, "other", "", {})
        assert links.targets(conn, other, wanted) == {}


def test_a_link_written_again_keeps_its_base_unless_a_new_one_comes(database: Database, cid: int) -> None:
    with database.begin() as conn:
        links.put_links(conn, cid, [LinkRow("commitment", "P1@1", "9", "1", "10/P1@1", base=b"agreed\x00")])
        links.put_links(conn, cid, [LinkRow("commitment", "P1@1", "9", "1", "10/P1@1", stamp="later")])
        found = links.load_links(conn, cid, "commitment", ["P1@1", "P2@1"])
        assert found["P1@1"].base == b"agreed\x00"
        assert (found["P1@1"].stamp, found["P1@1"].key) == ("later", Key("commitment", "P1@1"))
        links.put_links(
            conn, cid, [LinkRow("commitment", "P1@1", "9", base=b"a"), LinkRow("commitment", "P1@1", "9", base=b"b")]
        )
        assert links.load_links(conn, cid, "commitment", ["P1@1"])["P1@1"].base == b"b"
        assert links.unlink(conn, cid, [Key("commitment", "P1@1"), Key("commitment", "P7@1")]) == 1
        assert links.load_links(conn, cid, "commitment", ["P1@1"]) == {}
        links.put_links(conn, cid, [])


def test_of_more_open_ones_than_a_run_asks_for_each_has_its_turn(database: Database, cid: int) -> None:
    """As many as are asked for were noticed before; the newest never was, and one was nowhere."""
    ours = {number: Key("erp_invoice", number) for number in ("1", "2", "3", "new", "nowhere", "paid")}
    states = {"1": "posted", "2": "posted", "3": "posted", "nowhere": GONE, "paid": "paid"}
    with database.begin() as conn:
        links.put_links(conn, cid, [LinkRow(key.kind, key.id, f"I-{key.id}") for key in ours.values()])
        seen = [Stood(ours[number], state, datetime(2027, 1, 15, tzinfo=UTC)) for number, state in states.items()]
        standings.note(conn, cid, 1, seen)
        turns = [standings.still_open(conn, cid, "erp_invoice", Wanted(("paid",), (), n, 3)) for n in range(1, 40)]
        [every] = [standings.still_open(conn, cid, "erp_invoice", Wanted(("paid",), (), 1, 6))]
    assert {one.key.id for asked in turns for one in asked} == {"1", "2", "3", "new"}
    assert [len(asked) for asked in turns] == [3] * 39
    assert [one.key.id for one in every][4:] == ["nowhere"], "it comes last"


def test_what_came_to_its_end_is_marked_and_followed_again_when_it_stands_otherwise(
    database: Database, cid: int
) -> None:
    ours = [Key("voucher", number) for number in ("waits", "booked", "back")] + [Key("vendor", "S1")]

    def look(run: int, states: dict[str, str]) -> list[tuple[str, bool]]:
        seen = [Stood(Key("voucher", one), state, datetime(2027, 1, 15, tzinfo=UTC)) for one, state in states.items()]
        standings.note(conn, cid, run, seen, {"voucher": ("updated", "cancelled")})
        return sorted(tuple(row) for row in conn.exec_driver_sql("SELECT erp_id, ended FROM links WHERE ended"))

    with database.begin() as conn:
        links.put_links(conn, cid, [LinkRow(key.kind, key.id, f"T-{key.id}") for key in ours])
        assert look(1, {"waits": "approved", "booked": "updated", "back": "cancelled"}) == [
            ("back", True),
            ("booked", True),
        ]
        links.put_links(conn, cid, [LinkRow("voucher", "booked", "T-booked", stamp="later")])
        assert look(2, {"back": "approved"}) == [("booked", True)]
        still = standings.still_open(conn, cid, "voucher", Wanted(("updated", "cancelled"), (), 3, 9))
    assert {one.key.id for one in still} == {"waits", "back"}


def test_invoices_on_some_contracts_are_found_with_their_corrections(database: Database, cid: int) -> None:
    found = ["I1@P1@12", "I1@P1@12~c1", "I2@P1@12~r10", "I1@P2@12", "I3@P1@1", "I4@P1@12X"]
    with database.begin() as conn:
        links.put_links(conn, cid, [LinkRow("subcontractor_invoice", one, one, base=b"b") for one in found])
        on = code_uses.billed_on(conn, cid, ["P1@12", "P9@12"])
    assert sorted(on) == [("I1@P1@12", b"b"), ("I1@P1@12~c1", b"b"), ("I2@P1@12~r10", b"b")]


def _hold(key: Key) -> Hold:
    return Hold(key, "orders", HoldReason.CODE_MISSING, Key("dimension", "B/03-310"), "cost engineer", "It waits.")


def _intent(order: str) -> Intent:
    key = Key("commitment", f"{order}@1")
    return Intent("orders", Verb.CREATE, key, "k", "1", "", b"b", (), (), None, "why", order)


def test_known_leaves_out_what_needs_a_new_look(database: Database, cid: int) -> None:
    ids = [f"P{n}" for n in range(1, 8)]
    with database.begin() as conn:
        sources.put_fingerprints(conn, Seen(cid, "order", 1, 4), dict.fromkeys(ids[:6], b"f" * 16))
        sources.put_fingerprints(conn, Seen(cid, "order", 1, 3), {"P2": b"f" * 16})
        look = holds.Look(cid, 1, "orders", ["P3"])
        holds.sync_holds(conn, look, [("P3", _hold(Key("commitment", "P3@1")))])
        kept = journal.keep_intents(conn, cid, 1, [_intent("P4"), _intent("P5")])
        journal.settle(conn, [journal.Settled(kept[1], "done", "9")])
        sources.mark_missing(conn, cid, "order", ["P6"])
        assert sources.known(conn, cid, "order", ids, 4) == {"P1": b"f" * 16, "P5": b"f" * 16}
        holds.sync_holds(conn, look, [])
        journal.settle(conn, [journal.Settled(kept[0], "done", "9")])
        assert set(sources.known(conn, cid, "order", ids, 4)) == {"P1", "P3", "P4", "P5"}
        assert sources.known(conn, cid, "order", ids, 3).keys() == {"P2"}
        assert sources.known(conn, cid, "vendor", ids, 4) == {}


def test_rows_come_and_go(database: Database, cid: int) -> None:
    with database.begin() as conn:
        sources.put_fingerprints(conn, Seen(cid, "order", 1, 1), {"P1": b"1", "P2": b"2"})
        sources.put_fingerprints(conn, Seen(cid, "order", 2, 1), {})
        assert sources.mark_missing(conn, cid, "order", ["P2", "P3"]) == 1
        assert sources.open_ids(conn, cid, "order") == {"P1"}
        sources.put_fingerprints(conn, Seen(cid, "order", 2, 1), {"P2": b"3"})
        assert sources.open_ids(conn, cid, "order") == {"P1", "P2"}
        sources.mark_missing(conn, cid, "order", ["P1"])
        sources.look_again(conn, cid, "order", ["P1", "P4"])
        assert sources.open_ids(conn, cid, "order") == {"P1", "P2", "P4"}
        assert sources.known(conn, cid, "order", ["P1", "P4"], 1).get("P1") != b"1"


def test_a_watermark_moves_with_its_transaction(database: Database, cid: int) -> None:
    with database.begin() as conn:
        assert sources.watermark(conn, cid, "orders") is None
        sources.move_watermarks(conn, cid, {"orders": "2026-03-02T12:00:00Z", "invoices": "x"})
        sources.move_watermarks(conn, cid, {"orders": "2026-03-03T12:00:00Z"})
        assert sources.watermark(conn, cid, "orders") == "2026-03-03T12:00:00Z"
