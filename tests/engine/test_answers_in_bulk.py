"""Ten thousand holds are answered in a handful of statements, all or none; each with its own mark and its audit row."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import psycopg
import pytest

from ml_connector.app import App
from ml_connector.kernel.errors import AskPerson, BadInput, NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.blocking import UNKNOWN, WRITE, Cause
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.planning.situation import mark_of
from ml_connector.service import inbox_desk
from ml_connector.service.inbox_desk import Picked
from ml_connector.settings import Settings
from ml_connector.store import causes, connections, holds
from ml_connector.store.causes import Asked
from ml_connector.store.holds import Look
from ml_connector.views.inbox import InboxLook, inbox, standing
from store.cluster import Cluster

NAME = "north"
MANY = 10_000
CHANGED = Cause("changed_there", "ruling", "", "purchase_orders", "order")


@pytest.fixture(scope="module")
def app(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A connection without a run, and ten thousand questions of one cause."""
    url = cluster.new_url()
    with App.open(Settings(tmp_path_factory.mktemp("bulk"), url), actor="otto") as made:
        with made.db.begin() as conn:
            connections.add(conn, NAME, "North", {})
        held(made, [question(f"P{number:06}") for number in range(MANY)])
        yield made
    cluster.drop(url)


def question(order: str, reason: HoldReason = HoldReason.CHANGED_THERE, **given: Any) -> Hold:
    key = Key("order", order)
    return Hold(
        key=key,
        flow="purchase_orders",
        reason=reason,
        waits_for=given.get("waits_for", Key("ruling", f"order:{order}")),
        owner="project accountant",
        sentence=f"Which side stands of {order}?",
        money=Money(Decimal(given.get("amount", 100)), "USD"),
        candidates=given.get("candidates", ()),
        evidence=f"title: IFS {order}, Procore another",
    )


def held(app: App, found: list[Hold]) -> list[int]:
    """Opens holds as a run would; their numbers."""
    look = Look(app.connection(NAME).id, 1, "purchase_orders", [hold.key.id for hold in found])
    with app.db.begin() as conn:
        pairs = [(hold.key.id, hold) for hold in found]
        return [row.id for row in holds.sync_holds(conn, look, pairs).opened]


def counted(app: App, sql: str) -> int:
    with app.db.begin() as conn:
        return int(conn.exec_driver_sql(sql).scalar_one())


def test_many_are_answered_in_a_few_statements(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[Any] = []
    real = psycopg.Cursor.execute

    def counting(self: Any, query: Any, *given: Any, **more: Any) -> Any:
        statements.append(query)
        return real(self, query, *given, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", counting)
    done = inbox_desk.answer(app, NAME, Picked(cause=CHANGED), "erp", note="IFS is right")
    assert done["answered"] == MANY
    assert len(statements) < 20, len(statements)
    assert counted(app, "SELECT count(*) FROM rulings WHERE answer = 'erp' AND actor = 'otto'") == MANY
    assert counted(app, "SELECT count(*) FROM audit WHERE tag = 'ruling:make:done'") == MANY
    assert counted(app, "SELECT count(*) FROM source_rows WHERE kind = 'order' AND fingerprint = ''") == MANY
    assert app.verify_audit(NAME) == []


def test_each_answer_is_bound_to_its_own_question(app: App) -> None:
    with app.db.begin() as conn:
        rows = conn.exec_driver_sql(
            "SELECT r.target, h.evidence FROM rulings r JOIN holds h ON h.erp_id = r.erp_id AND h.reason = r.reason "
            "WHERE r.answer = 'erp' LIMIT 50"
        ).all()
    assert rows
    assert all(mark_of(evidence) in target.split() for target, evidence in rows)


def test_one_that_does_not_take_the_answer_stops_them_all(app: App) -> None:
    (strange,) = held(app, [question("Q1", HoldReason.ACTIVITY_CLOSED, waits_for=Key("activity", "7"))])
    numbers = (*held(app, [question("Q2"), question("Q3")]), strange)
    with pytest.raises(BadInput, match=f"Hold {strange} is not a question"):
        inbox_desk.answer(app, NAME, Picked(holds=numbers), "projects")
    assert counted(app, "SELECT count(*) FROM rulings WHERE erp_id IN ('Q1', 'Q2', 'Q3')") == 0
    with pytest.raises(NothingSuchHere, match="no hold 999999"):
        inbox_desk.answer(app, NAME, Picked(holds=(numbers[0], 999_999)), "projects")


def test_a_target_is_of_one_and_each_of_many_keeps_its_own_candidate(app: App) -> None:
    alike = [question(f"M{n}", HoldReason.ORDER_MATCH, candidates=(f"77{n}",)) for n in range(3)]
    numbers = tuple(held(app, alike))
    with pytest.raises(BadInput, match="A target is of one hold"):
        inbox_desk.answer(app, NAME, Picked(holds=numbers), "link", target="770")
    inbox_desk.answer(app, NAME, Picked(holds=numbers), "link")
    with app.db.begin() as conn:
        rows = conn.exec_driver_sql("SELECT erp_id, target FROM rulings WHERE erp_id LIKE 'M_'").all()
    assert {tuple(row) for row in rows} == {("M0", "770"), ("M1", "771"), ("M2", "772")}


def test_a_reason_that_is_a_book_is_refused(app: App) -> None:
    (number,) = held(app, [question("L1")])
    with pytest.raises(BadInput, match="longer than"):
        inbox_desk.answer(app, NAME, Picked(holds=(number,)), "erp", note="x" * 1001)


def test_a_question_ranks_by_what_waits_straight_behind_it(app: App) -> None:
    number = app.connection(NAME).id
    asked = Hold(
        Key("vendor", "S1"), "vendors", HoldReason.VENDOR_MATCH, Key("ruling", "vendor:S1"), "accountant", "Who is it?"
    )
    behind = question("W1", HoldReason.VENDOR_NOT_LINKED, waits_for=Key("vendor", "S1"), amount=10_000_000)
    invoice = question("W2", HoldReason.COMMITMENT_MISSING, waits_for=Key("commitment", "W1@1201"), amount=7)
    with app.db.begin() as conn:
        holds.sync_holds(conn, Look(number, 1, "vendors", ["S1"]), [("S1", asked)])
    held(app, [behind, invoice])
    with app.db.begin() as conn:
        found = causes.causes(conn, number, Asked())
        blocked = causes.blocked(conn, number, [one.cause for one in found])
    names = [one.cause.reason for one in found]
    assert names[:2] == ["vendor_not_linked", "vendor_match"]  # before ten thousand questions of 100 each
    vendor = blocked[found[1].cause]
    assert (vendor.kinds, vendor.money) == (
        {"order": 2},
        {"USD": Decimal(10_000_007)},
    )
    assert blocked[found[0].cause].money == {"USD": Decimal(7)}


def test_only_what_was_shown_is_answered(app: App) -> None:
    alike = Cause("conflict", "ruling", "", "purchase_orders", "order")
    held(app, [question(f"T{n}", HoldReason.CONFLICT) for n in range(2)])
    seen = inbox_desk.answer_effect(app, NAME, Picked(cause=alike), "erp").seen
    (third,) = held(app, [question("T2", HoldReason.CONFLICT)])
    with pytest.raises(AskPerson, match=r"1 hold more waits for the same by now\. Nothing was saved"):
        inbox_desk.answer(app, NAME, Picked(cause=alike, expect=seen), "erp")
    assert counted(app, "SELECT count(*) FROM rulings WHERE erp_id LIKE 'T_'") == 0
    one = inbox_desk.answer_effect(app, NAME, Picked(holds=(third,)), "erp").seen
    with app.db.begin() as conn:
        conn.exec_driver_sql("UPDATE holds SET evidence = 'title: IFS T2, Procore a third' WHERE id = %s", (third,))
    with pytest.raises(AskPerson, match="no longer what was shown"):
        inbox_desk.answer(app, NAME, Picked(holds=(third,), expect=one), "erp")
    fresh = inbox_desk.answer_effect(app, NAME, Picked(cause=alike), "erp").seen
    assert inbox_desk.answer(app, NAME, Picked(cause=alike, expect=fresh), "erp")["answered"] == 3


def test_a_wide_pattern_shows_every_hold_it_would_let_go(app: App) -> None:
    app.import_mapping(NAME, '[mapping.cost_type]\nparts = ["A"]\nrow = [{A = "5*", to = "M"}]\n')
    gaps = ("cost_type A=4110", "cost_type A=4120", "cost_type A=9100", "budget_code A=4110")
    held(
        app,
        [
            question(f"G{n}", HoldReason.CODE_UNMAPPED, waits_for=Key("mapping", gap), amount=100 + n)
            for n, gap in enumerate(gaps)
        ],
    )
    cause = Cause("code_unmapped", "mapping", "cost_type A=4120")
    narrow = inbox_desk.map_effect(app, NAME, cause, {"A": "4120", "to": "S"})
    assert {one.key.id for one in narrow.documents} == {"G1"}
    wide = inbox_desk.map_effect(app, NAME, cause, {"A": "41*", "to": "S"})
    assert {one.key.id for one in wide.documents} == {"G0", "G1"}
    version = app.import_mapping(NAME, app.export_mapping(NAME).replace('"5*"', '"6*"'))
    assert wide.mapping_version == version - 1
    with pytest.raises(BadInput, match="changed meanwhile"):
        inbox_desk.map_code(app, NAME, cause, {"A": "41*", "to": "S"}, wide.mapping_version)


def test_a_write_without_an_answer_is_a_row_of_the_inbox(app: App) -> None:
    sent(app, "U1@1201", "unknown", 20_000_000)
    sent(app, "U2@1201", "unknown", 5)
    sent(app, "U3@1201", "sending", 7)  # a moment ago: it is on its way, and not lost
    held(app, [question("V1", HoldReason.COMMITMENT_MISSING, waits_for=Key("commitment", "U1@1201"), amount=3)])
    row = inbox(app, InboxLook(connection=NAME)).rows[0]
    assert row["title"] == "Nobody knows whether it was carried out: make the contract"
    assert (row["number"], row["records"], row["owner"], row["state"]) == (
        2,
        "2 contracts",
        "administrator",
        "waiting",
    )
    assert (row["money"], row["blocks"]) == ([{"amount": "20000005", "currency": "USD"}], "1 order")
    (only,) = inbox(app, InboxLook(connection=NAME, sort_of="unknown")).rows
    assert only == row
    assert inbox(app, InboxLook(connection=NAME, sort_of="conflicts", q="U1")).rows == []
    assert inbox(app, InboxLook(connection=NAME, owner="buyer", q="U1")).rows == []
    above = standing(app, NAME)
    assert above.sorts["unknown"] == 2
    assert Decimal(above.money[0]["amount"]) > 20_000_000
    cause = Cause(UNKNOWN, WRITE, "create commitment", "purchase_orders", "commitment")
    with app.db.begin() as conn:
        writes = causes.unknown_of(conn, app.connection(NAME).id, cause, Asked())
        assert causes.unknown_of(conn, app.connection(NAME).id, cause._replace(flow="payments"), Asked()) == []
    assert [(one.erp_id, one.amount) for one in writes] == [("U1@1201", 20_000_000), ("U2@1201", 5)]


def test_what_has_steps_that_need_a_write_without_an_answer_waits_behind_it(app: App) -> None:
    sent(app, "U7@1201", "unknown", 30_000_000)
    held(app, [question("V7", HoldReason.COMMITMENT_MISSING, waits_for=Key("commitment", "U7@1201"), amount=3)])
    invoice = Step("supplier_invoices", "subcontractor_invoice", "907@U7@1201", "907")
    for verb, amount in (("create", 40), ("update", -2)):
        planned(app, invoice, verb, amount, needs='[["project", "1201"], ["commitment", "U7@1201"]]')
    paid = Step("payments", "payment", "SUPAY/907/1@U7@1201", "SUPAY/907/1")
    planned(app, paid, "create", 8, needs='[["subcontractor_invoice", "907@U7@1201"]]', state="waiting")
    order = Step("purchase_orders", "commitment", "V7@1201", "V7")  # held already: it counts once
    planned(app, order, "create", 5, needs='[["commitment", "U7@1201"]]')
    own = Step("purchase_orders", "change_order", "U7@1201/1", "U7")  # of the document whose write it is
    planned(app, own, "amend", 500, needs='[["commitment", "U7@1201"]]')
    gone = Step("supplier_invoices", "subcontractor_invoice", "908@U7@1201", "908")
    planned(app, gone, "create", 600, needs='[["commitment", "U7@1201"]]', state="superseded")
    other = Step("supplier_invoices", "subcontractor_invoice", "909@U9@1201", "909")
    planned(app, other, "create", 700, needs='[["commitment", "U9@1201"]]')
    cause = Cause(UNKNOWN, WRITE, "create commitment", "purchase_orders", "commitment")
    questions = Cause("commitment_missing", "commitment", "U7@1201")
    with app.db.begin() as conn:
        found = causes.blocked(conn, app.connection(NAME).id, [questions, cause])
    kinds = {"order": 2, "payment": 1, "supplier_invoice": 1}  # V1 waits behind another write of this cause
    assert (found[cause].kinds, found[cause].money) == (kinds, {"USD": Decimal(3 + 3 + 42 + 8)})
    assert questions not in found


class Step(NamedTuple):
    """The record a step is about, and its document."""

    flow: str
    kind: str
    record: str
    source: str


def planned(app: App, step: Step, verb: str, amount: int, *, needs: str, state: str = "planned") -> None:
    """A step that has not gone, and what it needs."""
    number = app.connection(NAME).id
    with app.db.begin() as conn:
        made = conn.exec_driver_sql(
            "INSERT INTO intents (connection_id, run_id, flow, kind, erp_id, source, verb, amount, needs, body, "
            "currency, digest) VALUES (%s, 1, %s, %s, %s, %s, %s, %s, %s, '', 'USD', '') RETURNING id",
            (number, *step, verb, amount, needs),
        ).scalar_one()
        sql = "INSERT INTO intent_states (id, connection_id, state) VALUES (%s, %s, %s)"
        conn.exec_driver_sql(sql, (made, number, state))


def sent(app: App, contract: str, state: str, amount: int) -> None:
    """A contract was sent just now, and stands so."""
    with app.db.begin() as conn:
        values = (app.connection(NAME).id, contract, contract.split("@")[0], amount)
        number = conn.exec_driver_sql(
            "INSERT INTO intents (connection_id, run_id, flow, verb, kind, erp_id, source, body, amount, currency, "
            "reason, digest) VALUES (%s, 1, 'purchase_orders', 'create', 'commitment', %s, %s, '', %s, 'USD', "
            "'It was released.', '') RETURNING id",
            values,
        ).scalar_one()
        sql = "INSERT INTO intent_states (id, connection_id, state, sent_at) VALUES (%s, %s, %s, now())"
        conn.exec_driver_sql(sql, (number, values[0], state))
