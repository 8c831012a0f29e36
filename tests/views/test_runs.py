"""One run from its first step to its totals: seen while it goes, stopped, added up, decided again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection

from ml_connector import desk
from ml_connector.access.permissions import Role, permissions_of
from ml_connector.access.principal import Principal
from ml_connector.actions import runs as acts
from ml_connector.actions.perform import perform
from ml_connector.app import App
from ml_connector.engine import meter
from ml_connector.engine.totals import OTHERS, Ledger, Step, balanced, without_numbers
from ml_connector.engine.work import Errand, Report
from ml_connector.kernel.errors import ApprovalNeeded, BadInput, Locked, NotAllowed, NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.finding import FLOWS_OF, Entry, words_of
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, Verb
from ml_connector.queue.port import NewJob
from ml_connector.queue.procrastinate_queue import ProcrastinateQueue
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import replaying
from ml_connector.service.jobs import AtWork
from ml_connector.settings import Settings
from ml_connector.store import agenda, names, progress, queue_rows
from ml_connector.store import audit as trail
from ml_connector.store.agenda import Laid
from ml_connector.views import audit, document_hops, documents, run_documents, runs, search
from ml_connector.views.audit import AuditLook
from ml_connector.views.document_hops import HopsLook
from ml_connector.views.documents import DocumentLook
from ml_connector.views.run_documents import RunDocumentsLook
from ml_connector.views.run_tables import TableLook, table
from ml_connector.views.runs import RunPage, RunsLook
from store.cluster import Cluster


def known(name: str, role: Role) -> Principal:
    return Principal(user_id=1, name=name, title=name, role=role, permissions=permissions_of(role))


OTTO, VERA = known("otto", Role.OPERATOR), known("vera", Role.VIEWER)


# what is added up, without any run -------------------------------------------------------------------------------


def intent(document: str, amount: str = "100.00", **more: Any) -> Intent:
    made = Intent(
        flow="supplier_invoices",
        verb=Verb.CREATE,
        key=Key("direct_cost", f"{document}@1201"),
        once_key="",
        scope="1201",
        target="",
        body=b"",
        needs=(),
        after=(),
        money=Money(Decimal(amount), "USD"),
        reason="",
        source=document,
        counts_as="created",
    )
    return msgspec.structs.replace(made, **more)


def hold(document: str, amount: str, waits: str = "code") -> Hold:
    key = Key("supplier_invoice", document)
    money = Money(Decimal(amount), "USD")
    return Hold(key, key.kind, HoldReason.CODE_UNMAPPED, Key("combination", waits), "", "", money)


def step(document: str, state: str, amount: str = "100.00") -> Step:
    return Step("supplier_invoices", document, "direct_cost", f"{document}@1201", state, "USD", Decimal(amount))


def ledger(*decisions: Decision, looked_at: str) -> Ledger:
    made = Ledger()
    for decision in decisions:
        made.decided("supplier_invoices", looked_at.split(), decision)
    return made


def test_every_document_has_one_fate_and_every_cent_has_one() -> None:
    decision = Decision(
        intents=tuple(intent(one) for one in "abcde"),
        holds=(hold("f", "7.00"), hold("f", "9.00", "other"), hold("a", "1.00")),
        skips=(Skip(Key("supplier_invoice", "g"), "supplier_invoices", "Invoice g is old."),),
        unchanged=(Key("supplier_invoice", "h"),),
    )
    states = ("done", "refused", "unknown", "planned", "superseded")
    steps = [step(one, state) for one, state in zip("abcde", states, strict=True)]
    kept = ledger(decision, looked_at="a b c d e f g h")
    found = kept.totals(steps, {"supplier_invoices": 5})["supplier_invoices"]
    counts = {name: found[name] for name in ("in", "out", "held", "refused", "unknown", "left", "skipped", "unchanged")}
    assert counts == {
        "in": 12,
        "out": 0,  # a went, and waits with a part of it: it is not wholly done
        "held": 3,
        "refused": 1,
        "unknown": 1,
        "left": 1,
        "skipped": 1,
        "unchanged": 5,  # h, and four that were passed over while reading
    }
    assert found["money"] == {
        "USD": {
            "in": "510.00",
            "out": "100.00",
            "held": "110.00",  # e was put aside; f waits for two things and is held once
            "refused": "100.00",
            "unknown": "100.00",
            "left": "100.00",
            "off": "0.00",
        }
    }
    assert balanced(kept.totals(steps, {"supplier_invoices": 5}))


@pytest.mark.parametrize(
    ("looked_at", "steps", "off", "money", "named"),
    [
        ("a b", [step("a", "done")], 1, "0.00", ["b"]),  # nothing was decided about b
        ("a", [], 1, "100.00", ["a"]),  # the journal has lost its step
        ("a", [step("a", "done", "99.99")], 0, "0.01", []),
        ("a", [step("a", "done"), step("x", "done", "3.00")], 1, "-3.00", ["x"]),  # sent, and never decided
    ],
)
def test_what_is_lost_on_the_way_shows(
    looked_at: str, steps: list[Step], off: int, money: str, named: list[str]
) -> None:
    totals = ledger(Decision(intents=(intent("a"),)), looked_at=looked_at).totals(steps, {})
    found = totals["supplier_invoices"]
    assert (found["off"], found["money"]["USD"]["off"], found["examples"]) == (off, money, named)
    assert not balanced(totals)


def test_what_is_gone_needs_no_decision_and_a_flow_of_records_counts_records() -> None:
    kept = ledger(looked_at="")
    kept.decided("direct_costs", ["7", "8"], Decision(unchanged=(Key("direct_cost", "7"),)))
    kept.gone("direct_costs", ["8"])
    vendor = Key("vendor", "S1")
    kept.decided("vendors", ["S1", "S2"], Decision(unchanged=(vendor,)))
    totals = kept.totals((), {})
    assert [totals["direct_costs"][name] for name in ("in", "gone", "unchanged", "off")] == [2, 1, 1, 0]
    assert [totals["vendors"][name] for name in ("in", "unchanged", "off")] == [1, 1, 0]


def test_a_reason_is_one_whatever_record_it_names_and_reasons_are_not_without_end() -> None:
    assert without_numbers("Order P1/A-2 waits for P7.", "P1/A-2") == "Order … waits for …"
    skips = [Skip(Key("order", f"P{n}"), "purchase_orders", f"Order P{n} waits.") for n in range(9)]
    words = [chr(97 + n // 26) + chr(97 + n % 26) for n in range(60)]
    skips += [Skip(Key("order", f"P{word}"), "purchase_orders", f"Reason {word} stands.") for word in words]
    kept = Ledger()
    invoice = Key("supplier_invoice", "77")
    for posting in (1, 2):
        told = f"Invoice 77: Posting {posting} is on no project: no project cost."
        kept.decided("supplier_invoices", [], Decision(skips=(Skip(invoice, "supplier_invoices", told),)))
    kept.decided("purchase_orders", [], Decision(skips=tuple(skips)))
    found = kept.skips()["purchase_orders"]
    five = [f"order:P{n}" for n in range(5)]
    assert found[1] == {"sentence": "For example: Order P0 waits.", "number": 9, "records": five}
    assert (found[0]["sentence"], len(found), sum(one["number"] for one in found)) == (OTHERS, 41, 69)
    assert found[2]["sentence"] == "Reason aa stands.", "of one alone it is said as it is"
    said = "Postings on no project: no project cost."
    assert kept.skips()["supplier_invoices"] == [{"sentence": said, "number": 2, "records": [str(invoice)]}]


# a real one ------------------------------------------------------------------------------------------------------


class Room:
    """A connection after its first sync, and the systems behind it."""

    def __init__(self, app: App, box: RunningSandbox) -> None:
        self.app = app
        self.box = box
        app.edit_connection("north", {"policy": {"purchase_orders": {"approve": "manual"}}})
        with pytest.raises(ApprovalNeeded):
            app.sync("north")
        self.stopped = int(desk.runs(app, "north")[0]["run"])
        app.edit_connection("north", {"policy": {"purchase_orders": {"approve": "auto"}}})
        rule = {"kind": "429", "side": "procore", "method": "GET", "times": 2, "retry_after": 0}
        box.admin("POST", "faults", {"rules": [rule]})
        self.first: Report = app.sync("north")

    def page(self, run: int) -> RunPage:
        return runs.one(self.app, "north", run)

    def listed(self, **look: Any) -> list[int]:
        return [row["number"] for row in runs.listed(self.app, RunsLook(connection="north", **look)).rows]


@pytest.fixture(scope="module")
def room(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    url = cluster.new_url()
    with (
        RunningSandbox(orders=24) as box,
        App.open(Settings(tmp_path_factory.mktemp("runs"), url), actor="ann") as app,
    ):
        app.add_connection("north", box.connection_text())
        yield Room(app, box)
    cluster.drop(url)


def test_a_run_is_told_with_its_totals_requests_and_what_it_left_alone(room: Room) -> None:
    page = room.page(room.first.run)
    orders = next(one for one in page.totals if one.flow == "purchase_orders")
    tally = room.first.flows["purchase_orders"]
    assert (page.state, page.balanced, page.phase) == ("done", True, "ends")
    assert (orders.held, orders.off) == (tally.held, 0)
    assert orders.came == orders.out + orders.held + orders.skipped
    assert orders.out > 5
    [usd] = [one for one in orders.money if one.currency == "USD"]
    assert Decimal(usd.came) == Decimal(usd.out) + Decimal(usd.held)
    assert usd.out == room.first.money_by_flow["purchase_orders"]["USD"]["applied"]
    erp, projects = page.sides
    assert {"read": projects.read, "write": projects.write} == room.first.requests["projects"]
    assert (erp.title, projects.pauses, erp.pauses) == ("IFS", {"slow down": 2}, {})
    assert "Orders that are planned in IFS: not sent yet." in [one.sentence for one in page.skips]
    assert not [one.sentence for one in page.skips if "…" in one.sentence or one.sentence.startswith("For example")]
    assert page.applied["USD"] == room.first.money["USD"]["applied"]


def test_the_documents_of_a_run_are_told_one_by_one_as_its_totals_count_them(room: Room) -> None:
    page = room.page(room.first.run)
    assert page.documents
    every = run_documents.listed(room.app, RunDocumentsLook(connection="north", run=page.run, size=500)).rows
    for one in page.totals:
        mine = [row for row in every if row["flow"] == one.flow.replace("_", " ").capitalize()]
        found = {fate: sum(row["fate"]["state"] == fate for row in mine) for fate in run_documents.WORDS}
        assert found == {fate: getattr(one, fate) for fate in run_documents.WORDS}, one.flow
    look = RunDocumentsLook(connection="north", run=page.run, flow="purchase_orders", fate="skipped")
    left = run_documents.listed(room.app, look).rows
    planned = next(one for one in left if "is planned in IFS" in one["why"])
    assert planned["why"] == f"Order {planned['id']} is planned in IFS: not sent yet."
    address = f"/c/north/documents/order/{planned['id']}"
    assert planned["document"] == {"href": address, "text": f"Order {planned['id']}"}
    held = [row for row in every if row["fate"]["state"] == "held" and row["flow"] == "Purchase orders"]
    assert held
    assert all(len(row["why"]) > 20 for row in held)
    assert run_documents.listed(room.app, msgspec.structs.replace(look, q=planned["id"])).rows == [planned]
    key = DocumentLook(connection="north", kind="order", id=planned["id"])
    shown = documents.show(room.app, key)
    assert shown.sentence == f"{planned['why']} Run {page.run} left it alone for that."
    hops = document_hops.hops(room.app, HopsLook(connection="north", kind="order", id=planned["id"])).hops
    assert [(hop.title, hop.sentence, hop.run) for hop in hops] == [("Left alone", planned["why"], page.run)]
    again = room.app.replay("north", planned["id"], mapping="then", of=("purchase_orders",))
    assert (again["run"], again["decided"], again["same"]) == (page.run, 1, True)


def test_the_trail_is_found_by_the_number_it_shows_with_all_a_document_became(room: Room) -> None:
    def rows(record: str) -> list[audit.Row]:
        return audit.page(room.app, AuditLook(connection="north", record=record, size=500)).rows

    every = audit.page(room.app, AuditLook(connection="north", size=500)).rows
    contract = next(row for row in every if row.kind == "commitment" and row.record.startswith("P1"))
    order = contract.record.partition("@")[0]
    found = {(row.kind, row.record) for row in rows(order.lower())}
    assert ("commitment", contract.record) in found
    assert all(order in record for _, record in found)
    assert {row.record for row in rows(contract.record)} == {contract.record}, "the id of a record finds that alone"
    papers = (("subcontractor_invoice", "562", "PM-0075"), ("payment", "SUPAY/12/1", "Payment 22"))
    with room.app.db.begin() as conn:
        of, at = room.app.connection("north").id, room.app.clock()
        words = ((kind, number, called, words_of((called, number))) for kind, number, called in papers)
        names.put(conn, of, [Entry(*one[:3], words=one[3]) for one in words], fresh=True)
        made = [trail.AuditEntry(at, "ann", "hold:open:done", kind, number) for kind, number, _ in papers]
        trail.append(conn, of, [*made, trail.AuditEntry(at, "ann", "hold:open:done", "direct_cost", "22")])
    for typed in ("PM-0075", "pm-0075", "562", "subcontractor_invoice:562"):
        assert [row.record for row in rows(typed)] == ["562"], typed
    assert [row.called for row in rows("PM-0075")] == ["PM-0075"]
    assert [row.record for row in rows("22")] == ["22", "SUPAY/12/1"]
    assert [row.record for row in rows("Payment 22")] == ["SUPAY/12/1"]
    assert rows("PM-9999") == []


def test_documents_are_listed_by_project_and_orders_come_before_codes(room: Room) -> None:
    def found(**look: Any) -> list[dict[str, Any]]:
        return search.documents(room.app, search.DocumentsLook(connection="north", size=500, **look)).rows

    kinds = [row["kind_id"] for row in found(project="1201")]
    assert kinds == sorted(kinds, key=list(FLOWS_OF).index)
    assert {"order", "cost_code", "project"} <= set(kinds)
    every = found()
    meant = {(row["kind_id"], row["id"]) for row in every if row["project"] == "1201"}
    assert meant <= {(row["kind_id"], row["id"]) for row in found(project="1201")}
    assert not {row["id"] for row in found(project="1201") if row["project"] not in ("1201", "")}
    assert found(q="1201")[0]["kind_id"] == "order"
    assert found(project="nowhere") == []


def test_a_run_that_has_nothing_to_do_balances_too_and_lists_sort_and_filter(room: Room) -> None:
    second = room.app.sync("north").run
    plan = room.app.plan("north").run
    page = room.page(second)
    orders = next(one for one in page.totals if one.flow == "purchase_orders")
    assert page.balanced
    assert (orders.out, orders.came) == (0, orders.held + orders.unchanged + orders.skipped)
    every = [plan, second, room.first.run, room.stopped]
    assert room.listed() == every
    assert room.listed(sort="run") == every[::-1]
    assert room.listed(trigger="plan") == [plan]
    assert room.listed(state="failed") == []
    assert room.listed(actor="ann", flow="payments", size=1, page=2) == [second]
    assert room.listed(actor="nobody\x00") == []
    with pytest.raises(BadInput, match="cannot be sorted"):
        room.listed(sort="error; drop")
    first = runs.listed(room.app, RunsLook(connection="north", size=1))
    assert (first.more, first.rows[0]["totals"]["word"], first.choices["actor"]) == (True, "Balanced", ["ann"])


def test_a_list_of_runs_says_what_came_in_and_what_is_not_known_in_count_and_in_money(room: Room) -> None:
    run = room.first.run
    page = room.page(run)
    [usd] = [one for one in runs.sums(page.totals) if one.currency == "USD"]
    row = next(one for one in runs.listed(room.app, RunsLook(connection="north")).rows if one["number"] == run)
    assert (row["came"], row["unknown"], row["left"]) == (sum(one.came for one in page.totals), 0, 0)
    assert row["came_money"][0] == {"amount": usd.came, "currency": "USD"}
    assert (row["totals"], row["unknown_money"]) == ({"state": "good", "word": "Balanced"}, [])
    with room.app.db.begin() as conn:
        sql = "UPDATE run_progress SET totals = jsonb_set(jsonb_set(totals, '{vendors,unknown}', '1'), "
        sql += "'{vendors,out}', to_jsonb((totals #>> '{vendors,out}')::int - 1)) WHERE run_id = %s"
        conn.exec_driver_sql(sql, (run,))
    row = next(one for one in runs.listed(room.app, RunsLook(connection="north")).rows if one["number"] == run)
    assert (row["unknown"], row["totals"]) == (1, {"state": "returned", "word": "1 unknown"})
    parts = ("out", "held", "refused", "unknown", "left", "no_change")
    assert row["came"] == sum(row[name] for name in parts), "what came in is the sum of what the list tells"
    assert row["no_change"] == sum(one.skipped + one.gone + one.unchanged for one in page.totals) > 0


def test_the_tables_of_a_run_are_lists_as_well(room: Room) -> None:
    page = room.page(room.first.run)
    totals = table(page, TableLook())
    assert [row["came"] for row in totals.rows] == [one.came for one in page.totals]
    assert [column.title for column in totals.columns][:6] == ["Flow", "In", "Out", "Held", "Refused", "Unknown"]
    money = table(page, TableLook(of="money"))
    orders = next(one for one in page.totals if one.flow == "purchase_orders").money[0]
    row = next(one for one in money.rows if one["flow"] == "Purchase orders")
    assert row["out"] == {"amount": orders.out, "currency": orders.currency}
    first, second = (table(page, TableLook(of="skips", size=1, page=number)) for number in (1, 2))
    assert (first.more, first.rows[0]["why"]) == (len(page.skips) > 1, page.skips[0].sentence)
    assert [row["why"] for row in second.rows] == [one.sentence for one in page.skips[1:2]]
    with pytest.raises(BadInput, match="one order"):
        table(page, TableLook(sort="came"))


def test_only_the_job_that_does_a_run_can_be_stopped_from_it(room: Room) -> None:
    row = room.app.connection("north")
    with room.app.db.begin() as conn, queue_rows.session(conn) as session:
        job = ProcrastinateQueue().enqueue(session, NewJob(row.id, "flows", "poll", 0))
        session.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = %s", (job,))
    with room.app.db.begin() as conn:
        sql = "UPDATE runs SET state = 'running', trigger = 'schedule', finished_at = NULL WHERE id = %s"
        conn.exec_driver_sql(sql, (room.first.run,))
    try:
        with room.app.db.begin() as conn:
            before = progress.of(conn, room.first.run)
            progress.put(conn, room.first.run, {"phase": "sends", "job": job + 1})
        assert room.page(room.first.run).job == 0, "the job at work is of another run: this one's process died"
        with room.app.db.begin() as conn:
            progress.put(conn, room.first.run, {"phase": "sends", "job": job})
        assert room.page(room.first.run).job == job
        stopping = perform(room.app, OTTO, acts.CANCEL, acts.OfRun("north", room.first.run))
        assert (stopping.job, stopping.stopping) == (job, True)
        assert room.page(room.first.run).stopping
    finally:
        with room.app.db.begin() as conn, queue_rows.session(conn) as session:
            session.execute("DELETE FROM procrastinate_jobs")
        with room.app.db.begin() as conn:
            conn.exec_driver_sql("UPDATE runs SET state = 'done', finished_at = now() WHERE finished_at IS NULL")
            progress.put(conn, room.first.run, before.doing if before else {})


def test_a_run_says_from_its_first_moment_which_job_does_it(room: Room) -> None:
    seen: list[dict[str, Any]] = []

    def halt() -> str:
        with room.app.db.begin() as conn:
            told = progress.of(conn, room.listed(state="running")[0])
        seen.append(told.doing if told else {})
        return "seen"

    room.app.run("north", ["vendors"], Errand(trigger="schedule", halt=halt, job=7))
    assert seen[0].get("job") == 7


def test_a_run_tells_while_it_goes_how_far_it_is(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "EVERY", 0.02)
    room.app.edit_connection("north", {"policy": {"vendors": {"name_match": "ask"}}})  # all is looked at again
    room.box.clock.advance(timedelta(seconds=2))
    seen: list[RunPage] = []
    go_on = threading.Event()

    def halt() -> str:
        """Holds the run up where it may be stopped, until somebody has looked; then stops it."""
        return "" if go_on.wait(8) else "nobody looked"

    def look() -> None:
        end = time.monotonic() + 8
        while time.monotonic() < end and not seen:
            [run, *_] = room.listed(state="running") or [0]
            page = room.page(run) if run else None
            if page and page.phase == "reads" and page.told_at:
                seen.append(page)
            time.sleep(0.02)
        go_on.set()

    watcher = threading.Thread(target=look)
    watcher.start()
    errand = Errand(trigger="person", actor="otto", halt=halt)
    report = room.app.run("north", (), errand)
    watcher.join(10)
    [page] = seen
    assert (page.state, page.step, page.balanced, page.finished) == ("running", "orders read", None, None)
    assert page.done > 5
    assert page.sides[0].read > 0
    assert page.job == 0, "no job of the service does it, so none can be stopped"
    assert room.page(report.run).balanced
    with pytest.raises(NothingSuchHere, match="not done by a job"):
        perform(room.app, OTTO, acts.CANCEL, acts.OfRun("north", report.run))


def test_telling_that_fails_is_no_trouble_of_the_run(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def broken(_conn: Connection, run: int, _doing: dict[str, Any]) -> None:
        tried.append(run)
        raise RuntimeError("it changed while it was copied")

    monkeypatch.setattr(meter, "EVERY", 0.01)
    monkeypatch.setattr(progress, "put", broken)
    report = room.app.sync("north", ["projects"])
    assert set(tried) <= {report.run}
    assert room.page(report.run).state == "done"


def test_a_run_that_stops_for_a_person_leaves_everything_and_says_so(room: Room) -> None:
    page = room.page(room.stopped)
    orders = next(one for one in page.totals if one.flow == "purchase_orders")
    assert (page.state, page.balanced, orders.out, orders.off) == ("stopped", True, 0, 0)
    assert orders.left > 5
    [usd] = [one for one in runs.sums(page.totals) if one.currency == "USD"]
    assert not Decimal(usd.out) + Decimal(usd.off)
    assert Decimal(usd.came) == Decimal(usd.left) + Decimal(usd.held)
    assert room.listed(state="stopped") == [room.stopped]


def test_a_run_decided_again_is_the_same_and_may_be_done_again_by_who_works(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = acts.ReplayGiven("north", room.first.run, "then")
    found = perform(room.app, VERA, acts.REPLAY, given)
    assert (found.same, found.then, found.only_now) == (True, found.now, [])
    assert (found.held_same, found.waiting) == (True, len(found.held))
    told = {one.flow: one for one in room.page(room.first.run).totals}
    assert found.documents == told["purchase_orders"].came < found.decided, "as the run's own totals count"
    rested = room.app.sync("north").run
    orders = next(one for one in room.page(rested).totals if one.flow == "purchase_orders")
    few = perform(room.app, VERA, acts.REPLAY, acts.ReplayGiven("north", rested, "then"))
    assert few.documents == orders.came - orders.unchanged, "what was unchanged was not decided"
    again = acts.OfRun("north", room.first.run)
    with pytest.raises(NotAllowed):
        perform(room.app, VERA, acts.AGAIN, again)
    with room.app.db.begin() as conn:
        now = agenda.ask(conn, Laid(room.app.connection("north").id, "now/all", None, 40))
        conn.exec_driver_sql("UPDATE agenda SET running_job = 9 WHERE name = %s", (now.name,))
    with pytest.raises(AtWork, match="A run of all flows is at work for north already"):
        perform(room.app, OTTO, acts.AGAIN, again)
    with room.app.db.writer(room.app.connection("north").id), pytest.raises(Locked):
        replaying.at_once(room.app, "north", str(room.first.run))
    with room.app.db.begin() as conn:
        untouched = "SELECT count(*) FROM source_rows WHERE fingerprint = ''"
        assert conn.exec_driver_sql(untouched).scalar_one() == 0, "a refusal changes nothing"
        assert not conn.exec_driver_sql("SELECT 1 FROM audit WHERE tag = 'replay:start:done'").all()
        conn.exec_driver_sql("UPDATE agenda SET running_job = 0")
    asked = perform(room.app, OTTO, acts.AGAIN, again)
    assert (asked.task, asked.workers) == ("now/all", False)
    alone = room.app.sync("north", ["vendors"]).run
    assert perform(room.app, OTTO, acts.AGAIN, acts.OfRun("north", alone)).task == "now/vendors"
    with room.app.db.begin() as conn:
        open_again = conn.exec_driver_sql("SELECT count(*) FROM source_rows WHERE fingerprint = ''").scalar_one()
        sql = "SELECT actor, details FROM audit WHERE tag = 'replay:start:done' ORDER BY seq"
        audited = conn.exec_driver_sql(sql).first()
    assert audited is not None
    assert open_again > 5
    assert (audited[0], msgspec.json.decode(audited[1])["run"]) == ("otto", room.first.run)
    monkeypatch.setattr(replaying, "MOST", 3)
    with pytest.raises(BadInput, match="too many to wait for"):
        perform(room.app, VERA, acts.REPLAY, given)
