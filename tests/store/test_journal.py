"""An intent's life: planned, sent, settled, read back after a crash, put aside by a later plan."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from ml_connector.kernel.errors import Bug
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.plan import Intent, Verb, plan_hash
from ml_connector.store import connections, journal, plan_steps
from ml_connector.store.journal import Settled, Stage
from ml_connector.store.postgres import Database


def _intent(order: str, verb: Verb = Verb.CREATE, scope: str = "1201", amount: str | None = "100.10") -> Intent:
    return Intent(
        flow="orders",
        verb=verb,
        key=Key("commitment", f"{order}@{scope}"),
        once_key=f"10/{order}@{scope}",
        scope=scope,
        target="",
        body=b"\x81packed\x00" + order.encode(),
        needs=(Key("vendor", "S:100"), Key("project", scope)),
        after=() if verb is Verb.CREATE else (Verb.CREATE,),
        money=Money(Decimal(amount), "USD") if amount else None,
        reason="Released, and not there yet.",
        source=order,
        counts_as="created" if verb is Verb.CREATE else "",
    )


def _keep(database: Database, cid: int, run: int, intents: list[Intent]) -> list[int]:
    with database.begin() as conn:
        return journal.keep_intents(conn, cid, run, intents)


def _settle(database: Database, *rows: Settled) -> None:
    with database.begin() as conn:
        journal.settle(conn, rows)


def test_an_intent_comes_back_as_it_was_planned(database: Database, cid: int) -> None:
    intent = _intent("P1", Verb.FILL)
    ids = _keep(database, cid, 7, [intent])
    with database.begin() as conn:
        (row,) = journal.load_intents(conn, cid, ids)
        assert journal.digests(conn, 7) == [intent.digest()]
        assert plan_hash(journal.digests(conn, 7)) == plan_hash([intent.digest()])
    assert (row.key, row.needs, row.after, row.body) == (intent.key, intent.needs, intent.after, intent.body)
    assert (row.amount, row.currency, row.state, row.attempt) == (Decimal("100.10"), "USD", "planned", 0)
    assert (row.flow, row.verb, row.once_key, row.scope) == ("orders", "fill", "10/P1@1201", "1201")
    assert (row.reason, row.source, row.counts_as) == (intent.reason, "P1", "")
    assert row.moved == Decimal("100.10"), "without its sign, where nothing more is said of it"


def test_what_a_step_recodes_is_kept_with_it_and_counts_while_it_can_still_go(database: Database, cid: int) -> None:
    former = (("03-310.M", Decimal("70.00")), ("05-120.M", Decimal("0.10")))
    intent = msgspec.structs.replace(_intent("P1", Verb.FILL, amount="-20.00"), former=former)
    scene = plan_steps.Scene(cid, 7)
    with database.begin() as conn:
        ids = journal.keep_intents(conn, cid, 7, [intent, _intent("P2")], [Decimal(90), None])
        assert [row.moved for row in journal.load_intents(conn, cid, ids)] == [Decimal(90), Decimal("100.10")]
        one = next(step for step in plan_steps.not_gone(conn, scene, [("1201", "orders")]) if step.amount < 0)
        assert (tuple(one.former), one.amount) == (former, Decimal(-20))
        left = plan_steps.left(conn, scene, [("1201", "orders")])
        assert sum(row.moved for row in left) == Decimal("190.10")
        (step,) = plan_steps.record_steps(conn, scene, intent.key)
        assert step.moved == 90


def test_a_stage_is_walked_by_scope_and_id_while_it_is_settled(database: Database, cid: int) -> None:
    scopes = ("1202", "1201", "1202", "1201", "1201")
    ids = _keep(database, cid, 1, [_intent(f"P{place}", scope=scope) for place, scope in enumerate(scopes)])
    _keep(database, cid, 1, [_intent("P9", Verb.FILL)])
    _keep(database, cid, 2, [_intent("P8")])
    stage, after, walked = Stage(cid, 1, "commitment", "create"), ("", 0), []
    for _ in range(10):
        with database.begin() as conn:
            rows = journal.next_batchable(conn, stage, after, limit=2)
            if not rows:
                break
            journal.mark_sending(conn, [row.id for row in rows])
        _settle(database, *(Settled(row.id, "done", "900") for row in rows))
        walked += [row.id for row in rows]
        after = (rows[-1].scope, rows[-1].id)
    assert walked == [ids[1], ids[3], ids[4], ids[0], ids[2]]


def test_what_was_sent_and_not_answered_is_unconfirmed_until_it_is_settled(database: Database, cid: int) -> None:
    first, second, third = _keep(database, cid, 1, [_intent("P1"), _intent("P2"), _intent("P3")])
    with database.begin() as conn:
        journal.mark_sending(conn, [first, second])
    _settle(database, Settled(second, "unknown", sentence="No answer came."))
    with database.begin() as conn:
        rows = journal.unconfirmed(conn, cid)
        assert [(row.id, row.state, row.attempt) for row in rows] == [(first, "sending", 1), (second, "unknown", 1)]
        assert journal.unsettled_keys(conn, cid) == {Key("commitment", f"P{n}@1201") for n in (1, 2, 3)}
        assert journal.unsettled_keys(conn, cid, ["sending"]) == {Key("commitment", "P1@1201")}
    _settle(
        database, Settled(first, "done", "901", "", "req-1"), Settled(second, "refused", "", "Vendor is off", "req-2")
    )
    with database.begin() as conn:
        assert journal.unconfirmed(conn, cid) == []
        done, refused = journal.load_intents(conn, cid, [first, second])
        assert (done.target, done.reference, done.settled_at is not None) == ("901", "req-1", True)
        assert (refused.state, refused.result) == ("refused", "Vendor is off")
        assert journal.unsettled_keys(conn, cid) == {Key("commitment", "P3@1201")}
        assert journal.load_intents(conn, cid, [third])[0].state == "planned"


def test_what_is_not_there_may_come_as_long_as_the_grace_lasts(database: Database, cid: int) -> None:
    killed, lost, old, unsent, planned = _keep(database, cid, 1, [_intent(f"P{n}") for n in range(5)])
    with database.begin() as conn:
        journal.mark_sending(conn, [killed, lost, old, unsent])
        journal.never_left(conn, [unsent, planned])
    _settle(database, Settled(lost, "unknown", sentence="No answer."), Settled(old, "unknown"))
    with database.begin() as conn:
        ids = [killed, lost, old, unsent, planned]
        conn.exec_driver_sql("UPDATE intent_states SET sent_at = sent_at - interval '1 h' WHERE id = %s", (killed,))
        conn.exec_driver_sql("UPDATE intent_states SET settled_at = now() - interval '59 s' WHERE id = %s", (lost,))
        conn.exec_driver_sql("UPDATE intent_states SET settled_at = now() - interval '61 s' WHERE id = %s", (old,))
        first = journal.on_the_way(conn, ids, 60)
        assert first.keys() == {killed, lost}
        assert (first[killed] - first[lost]).total_seconds() == 59, "of a killed sender it is counted from now"
    with database.begin() as conn:
        assert journal.on_the_way(conn, ids, 60) == first, "asking again does not make it longer"
        rows = journal.load_intents(conn, cid, [killed, lost])
    assert [(row.state, row.result) for row in rows] == [
        ("unknown", "No answer came, and it is not there yet."),
        ("unknown", "No answer."),
    ]


def test_a_settled_intent_is_never_sent_again(database: Database, cid: int) -> None:
    ids = _keep(database, cid, 1, [_intent("P1"), _intent("P2")])
    _settle(database, Settled(ids[0], "done", "901"))
    with pytest.raises(Bug, match="settled already"), database.begin() as conn:
        journal.mark_sending(conn, ids)
    with database.begin() as conn:
        assert [row.state for row in journal.load_intents(conn, cid, ids)] == ["done", "planned"]


def test_a_later_plan_puts_aside_what_was_never_sent(database: Database, cid: int) -> None:
    planned, sending, waiting = _keep(database, cid, 1, [_intent("P1"), _intent("P2"), _intent("P3")])
    newer = _keep(database, cid, 2, [_intent("P1")])
    with database.begin() as conn:
        journal.mark_sending(conn, [sending])
    _settle(database, Settled(waiting, "waiting"))
    with database.begin() as conn:
        assert journal.supersede(conn, cid, 2, ["vendors"]) == 0, "of flows that are not decided anew nothing is"
        assert journal.supersede(conn, cid, 2, ["orders", "vendors"]) == 2
        states = [row.state for row in journal.load_intents(conn, cid, [planned, sending, waiting, *newer])]
    assert states == ["superseded", "sending", "superseded", "planned"]


def test_of_a_plan_only_what_can_still_go_is_left(database: Database, cid: int) -> None:
    refused, gone, waiting, _ = _keep(database, cid, 1, [_intent(f"P{n}", scope=f"120{n}") for n in range(1, 5)])
    _settle(database, Settled(refused, "refused"), Settled(gone, "superseded"), Settled(waiting, "waiting"))
    with database.begin() as conn:
        assert plan_steps.flows_left(conn, plan_steps.Scene(cid, 1)) == {("1203", "orders"), ("1204", "orders")}


def test_what_a_run_put_aside_waits_again_where_the_plan_holds_it(database: Database, cid: int) -> None:
    _keep(database, cid, 1, [_intent("P1"), _intent("P2")])
    mine, new, done = _keep(database, cid, 2, [_intent("P1"), _intent("P3"), _intent("P2")])
    _settle(database, Settled(mine, "superseded"), Settled(new, "superseded"), Settled(done, "done"))
    with database.begin() as conn:
        assert plan_steps.wait_again(conn, plan_steps.Scene(cid, 1), 2, ["vendors"]) == 0
        assert plan_steps.wait_again(conn, plan_steps.Scene(cid, 1), 2, ["orders"]) == 1
        states = [row.state for row in journal.load_intents(conn, cid, [mine, new, done])]
    assert states == ["waiting", "superseded", "done"], "what changed since is in no plan that a person approved"


def test_counts_and_money_add_up(database: Database, cid: int) -> None:
    ids = _keep(database, cid, 1, [_intent("P1"), _intent("P2", amount="0.05"), _intent("P1", Verb.FILL, amount=None)])
    _settle(database, Settled(ids[0], "done", "901"), Settled(ids[1], "refused"))
    with database.begin() as conn:
        assert journal.counts(conn, 1) == {"orders": {"done": 1, "created": 1, "refused": 1, "planned": 1}}
        assert journal.planned_counts(conn, 1) == {"orders": {"created": 2}}
        assert journal.money(conn, 1) == {"USD": {"planned": Decimal("100.15"), "applied": Decimal("100.10")}}
        assert journal.money(conn, 2) == {}


def test_a_document_has_its_history_and_a_plan_its_pages(database: Database, cid: int) -> None:
    ids = _keep(database, cid, 1, [_intent("P1"), _intent("P2"), _intent("P1", Verb.FILL)])
    with database.begin() as conn:
        assert [row.id for row in journal.history_of(conn, cid, "P1")] == [ids[2], ids[0]]
        assert [row.id for row in journal.plan_of(conn, cid, 1, after=ids[0], limit=1)] == [ids[1]]


def test_a_connection_never_sees_anothers_intents(database: Database, cid: int) -> None:
    ids = _keep(database, cid, 1, [_intent("P1")])
    with database.begin() as conn:
        other = connections.add(conn, "other", "", {})
        assert journal.load_intents(conn, other, ids) == []
        assert journal.history_of(conn, other, "P1") == []
        assert journal.unsettled_keys(conn, other) == set()
        assert journal.next_batchable(conn, Stage(other, 1, "commitment", "create")) == []
        assert journal.supersede(conn, other, 99, ["orders"]) == 0


def test_nothing_to_do_is_no_trouble(database: Database, cid: int) -> None:
    assert _keep(database, cid, 1, []) == []
    _settle(database)
    with database.begin() as conn:
        journal.mark_sending(conn, [])
