"""The inbox over real systems: causes with their money, what they block, what an answer would do and then does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
import tomlkit

from journeys.office import OPEN, Office, opened
from ml_connector.engine.sides import three_way
from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.blocking import Cause
from ml_connector.planning.foreseen import Document, Foreseen
from ml_connector.planning.mapping import DEFAULT, Mapper, mapping_to
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.policy import ApprovalPolicy, OrderPolicy, Policies
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import inbox_desk
from ml_connector.service.inbox_desk import Picked
from ml_connector.store import holds
from ml_connector.views import inbox_group, inbox_hold
from ml_connector.views.document_hops import hops
from ml_connector.views.documents import RelatedLook
from ml_connector.views.hold_words import SORTS, WORDS, choice_of
from ml_connector.views.inbox import InboxLook, inbox, standing
from ml_connector.views.inbox_effect import Effect, effect_form
from ml_connector.views.inbox_group import GroupLook
from ml_connector.views.inbox_hold import AnswersLook
from ml_connector.wiring import mapping_of
from store.cluster import Cluster

NAME = "demo"
GAP = Cause("code_unmapped", "mapping", "cost_type A=4120")


@pytest.fixture(scope="module")
def office(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A first sync in which a row of the mapping lacks, and vendors are asked about whose names are alike."""
    url = cluster.new_url()
    with RunningSandbox(orders=40) as box, opened(box, tmp_path_factory.mktemp("inbox"), url) as made:
        made.policy(**OPEN, vendors={"name_match": "ask"})
        form: dict[str, Any] = mapping_to(mapping_of(made.app.export_mapping(NAME)))
        form["cost_type"]["row"] = [row for row in form["cost_type"]["row"] if row["A"] != "412*"]
        made.app.import_mapping(NAME, tomlkit.dumps({"mapping": form}))
        made.sync()
        yield made
    cluster.drop(url)


def look(**given: Any) -> InboxLook:
    return InboxLook(connection=NAME, **given)


def of_cause(cause: Cause, **given: Any) -> GroupLook:
    return GroupLook(connection=NAME, **cause._asdict(), **given)


def row_of(office: Office, cause: Cause) -> dict[str, Any]:
    """The cause's row of the inbox."""
    found = [row for row in inbox(office.app, look()).rows if cause_of(row) == cause]
    assert len(found) == 1
    return found[0]


def cause_of(row: dict[str, Any]) -> Cause:
    return Cause(row["reason"], row["waits_kind"], row["waits_id"], row["flow"], row["kind"])


def test_every_hold_is_in_one_cause_and_the_money_adds_up(office: Office) -> None:
    holds, rows = office.holds(), inbox(office.app, look()).rows
    assert len(rows) > 2
    assert sum(row["number"] for row in rows) == len(holds)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for hold in holds:
        if hold["currency"]:
            sums[hold["currency"]] += hold["amount"]
    said: dict[str, Decimal] = defaultdict(Decimal)
    for cell in (cell for row in rows for cell in row["money"]):
        said[cell["currency"]] += Decimal(cell["amount"])
    assert said == sums
    above = standing(office.app, NAME)
    assert above.held == len(holds)
    assert {cell["currency"]: Decimal(cell["amount"]) for cell in above.money} == sums
    assert sum(above.sorts.values()) == len(holds)


def test_the_most_money_comes_first_and_the_list_can_be_narrowed(office: Office) -> None:
    rows = inbox(office.app, look()).rows
    stakes = [
        sum((Decimal(cell["amount"]) for cell in (*row["money"], *row["blocked_money"])), Decimal(0)) for row in rows
    ]
    assert stakes == sorted(stakes, reverse=True)
    assert any(row["blocked_money"] and not row["money"] for row in rows)
    first = inbox(office.app, look(size=1))
    assert (first.rows[0]["title"], first.more) == (rows[0]["title"], True)
    assert inbox(office.app, look(size=1, page=2)).rows[0]["title"] == rows[1]["title"]
    asked = {row["reason"] for row in inbox(office.app, look(sort_of="questions")).rows}
    assert asked == {"vendor_match"}
    found = inbox(office.app, look(q="A=4120 mapping")).rows
    assert [cause_of(row) for row in found] == [GAP]
    numbers = [row["number"] for row in inbox(office.app, look(sort="number", down=True)).rows]
    assert numbers == sorted(numbers, reverse=True)
    assert inbox(office.app, look(q="nowhere%_")).rows == []
    with pytest.raises(BadInput, match="sorted"):
        inbox(office.app, look(sort="evil; DROP"))


def test_a_cause_says_what_it_waits_for_who_acts_and_what_would_end_it(office: Office) -> None:
    head = row_of(office, GAP)
    orders = [hold for hold in office.holds("code_unmapped") if hold["kind"] == "order"]
    assert head["title"] == "No row of the mapping leads anywhere: a cost type for A=4120"
    assert (head["owner"], head["remedy"]) == ("cost engineer", "Add the row of the mapping.")
    assert f"{len(orders)} orders" in head["records"]
    found = inbox_group.group(office.app, of_cause(GAP, size=5))
    assert (len(found.holds.rows), found.holds.more) == (5, True)
    assert found.mapping is not None
    assert (found.mapping.section, found.mapping.values) == ("cost_type", {"A": "4120"})
    assert "S" in found.mapping.codes
    assert found.mapping.suggestions
    assert all(one["evidence"] for one in found.mapping.suggestions)


def test_a_question_about_a_vendor_names_the_orders_behind_it_with_their_money(office: Office) -> None:
    question = Cause("vendor_match", "ruling", "", "vendors", "vendor")
    head = row_of(office, question)
    behind = office.holds("vendor_not_linked")
    assert behind, office.holds()
    assert head["blocked"] == len(behind)
    assert {cell["currency"]: Decimal(cell["amount"]) for cell in head["blocked_money"]} == {
        "USD": sum(hold["amount"] for hold in behind)
    }
    one = next(hold for hold in office.holds("vendor_match") if waits(office, hold["erp_id"]))
    found = inbox_hold.hold(office.app, NAME, one["id"])
    assert [line["id"] for line in found.blocked] == waits(office, one["erp_id"])
    assert found.match is not None
    assert found.match.ours is not None
    assert found.match.ours.fields["name"]
    assert all(one.fields["name"] and one.evidence for one in found.match.candidates)


def waits(office: Office, supplier: str) -> list[str]:
    """Orders that wait for a supplier, the oldest hold first."""
    with office.app.db.begin() as conn:
        sql = (
            "SELECT erp_id FROM holds WHERE waits_kind = 'vendor' AND waits_id = %s AND released_at IS NULL ORDER BY id"
        )
        return [row[0] for row in conn.exec_driver_sql(sql, (supplier,))]


def fates(effect: Effect) -> dict[str, set[str]]:
    """Fate to the records it is foreseen for."""
    return {one.fate: {str(line["record"]) for line in one.documents} for one in effect.outcomes}


def test_what_linking_a_vendor_would_do_is_what_it_does(office: Office) -> None:
    hold = next(hold for hold in office.holds("vendor_match") if waits(office, hold["erp_id"]))
    supplier, picked = hold["erp_id"], Picked(holds=(hold["id"],))
    orders = waits(office, supplier)
    effect = effect_form(inbox_desk.answer_effect(office.app, NAME, picked, "link"), Policies())
    foreseen = fates(effect)
    assert f"vendor {supplier}" in foreseen["goes"]
    assert {f"order {one}" for one in orders} <= set().union(*foreseen.values())
    assert effect.made
    assert office.holds("vendor_match") != []  # nothing was saved by looking
    inbox_desk.answer(office.app, NAME, picked, "link", note="same firm")
    assert inbox_hold.hold(office.app, NAME, hold["id"]).line["state"] == "answered"
    office.sync()
    left = {f"{one['kind']} {one['erp_id']}" for one in office.holds()}
    assert not foreseen["goes"] & left
    assert foreseen.get("waits", set()) <= left


def test_what_goes_is_said_to_go_as_policy_has_it() -> None:
    flows = ("purchase_orders", "vendors")
    free = Foreseen(tuple(Document(Key(flow, "1"), flow, 1, "goes", None, "") for flow in flows))

    def title(approve: Literal["auto", "manual"], **flows: Literal["auto", "manual"]) -> str:
        policies = Policies(purchase_orders=OrderPolicy(approve=approve), approval=ApprovalPolicy(flows=flows))
        return effect_form(free, policies).outcomes[0].title

    assert title("auto") == "would go with the next run"
    assert title("manual") == "would go into the next plan, which waits for approval"
    assert title("manual", vendors="auto") == "would go into the next plan, of which a part waits for approval"
    assert title("auto", direct_costs="manual") == "would go with the next run"


def test_what_a_mapping_row_would_do_is_what_it_does_and_the_cause_leaves_by_itself(office: Office) -> None:
    with pytest.raises(BadInput, match="does not fit"):
        inbox_desk.map_effect(office.app, NAME, GAP, {"A": "9*", "to": "S"})
    effect = effect_form(inbox_desk.map_effect(office.app, NAME, GAP, {"A": "412*", "to": "S"}), Policies())
    foreseen = fates(effect)
    orders = {f"order {hold['erp_id']}" for hold in office.holds("code_unmapped") if hold["kind"] == "order"}
    assert orders <= set().union(*foreseen.values())
    assert len(foreseen["goes"] & orders) > 5
    version = inbox_desk.map_code(office.app, NAME, GAP, {"A": "412*", "to": "S"})["mapping_version"]
    assert version == 3
    assert row_of(office, GAP)["state"] == "answered"
    assert GAP in {cause_of(row) for row in inbox(office.app, look(state="answered")).rows}
    assert GAP not in {cause_of(row) for row in inbox(office.app, look(state="open")).rows}
    with pytest.raises(BadInput, match="by now"):
        inbox_desk.map_code(office.app, NAME, GAP, {"A": "412*", "to": "M"})
    office.sync()
    left = {f"order {hold['erp_id']}" for hold in office.holds()}
    assert not foreseen["goes"] & left
    assert (foreseen.get("waits", set()) & orders) <= left
    with pytest.raises(NothingSuchHere):
        inbox_group.group(office.app, of_cause(GAP))


def test_a_row_that_would_take_what_has_a_code_is_made_on_the_mapping_page(office: Office) -> None:
    newest = office.app.export_mapping(NAME)
    form: dict[str, Any] = mapping_to(mapping_of(newest))
    form["cost_code"] = {"parts": ["B", "C"], "join": "-", "otherwise": "same"}
    office.app.import_mapping(NAME, tomlkit.dumps({"mapping": form}))
    lost = Cause("code_unmapped", "mapping", "cost_code B=03-310 C=(empty)")
    for todo in (inbox_desk.map_effect, inbox_desk.map_code):
        for code_part in ("03-310", "*"):
            with pytest.raises(BadInput, match=r"would move money of open documents.* have one: .* to 99-999\."):
                todo(office.app, NAME, lost, {"B": code_part, "to": "99-999"})
    alone = Cause("code_unmapped", "mapping", "cost_code B=none-has-it C=(empty)")
    with pytest.raises(NothingSuchHere):  # nothing waits for it, and it takes nothing
        inbox_desk.map_effect(office.app, NAME, alone, {"B": "none-has-it", "to": "99-999"})
    number = office.app.connection(NAME).id
    with office.app.db.begin() as conn:
        conn.exec_driver_sql(
            "INSERT INTO code_uses (connection_id, kind, document, line, project, codes, amount, currency) "
            """VALUES (%s, 'order', 'P-old', '1', 'Z', '[["A","4110"],["B","none-has-it"],["C","1"]]', 10, 'USD')""",
            (number,),
        )
    with pytest.raises(BadInput, match="would move money of open documents"):
        inbox_desk.map_code(office.app, NAME, alone, {"B": "none-has-it", "to": "99-999"})
    with office.app.db.begin() as conn:  # a document that no run looks at again
        conn.exec_driver_sql(
            "INSERT INTO source_rows (connection_id, kind, erp_id, fingerprint, mapping_version, run_id, open) "
            "VALUES (%s, 'order', 'P-old', '', 1, 1, false)",
            (number,),
        )
    assert inbox_desk.map_code(office.app, NAME, alone, {"B": "none-has-it", "to": "99-999"})["about_draft"] == ""
    with office.app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM code_uses WHERE document = 'P-old'")
        conn.exec_driver_sql("DELETE FROM source_rows WHERE erp_id = 'P-old'")
    office.app.import_mapping(NAME, newest)


def test_a_conflict_is_seen_three_ways_and_the_side_chosen_stands(office: Office) -> None:
    papers = office.proof.papers()
    order = next(where[1] for where, _, row in papers if row["status"] == "Submitted" and row["line_items"])
    office.procore("edit_order", order_number=order, title="Renamed by the site office")
    office.price(order, "1", "44.44")
    office.sync()
    hold = next(one for one in office.holds() if one["erp_id"] == order)
    assert hold["reason"] == "changed_there"
    found = inbox_hold.hold(office.app, NAME, hold["id"])
    (view,) = found.three_way
    fields = {one.name: one for one in view.differing}
    title, price = fields["title"], fields["line 1/1 unit price"]
    assert (title.projects, title.changed, title.asked) == ("Renamed by the site office", "projects", True)
    assert title.agreed == title.erp != title.projects
    assert (price.erp, price.changed, price.asked) == ("44.44", "erp", False)
    assert price.agreed == price.projects != "44.44"
    assert [one.answer for one in found.answers] == ["erp", "projects"]
    picked = Picked(holds=(hold["id"],))
    goes = fates(effect_form(inbox_desk.answer_effect(office.app, NAME, picked, "projects"), Policies()))["goes"]
    assert goes == {f"order {order}"}
    inbox_desk.answer(office.app, NAME, picked, "projects")
    office.sync()
    assert order not in {one["erp_id"] for one in office.holds()}
    contract = next(row for where, _, row in office.proof.papers() if where[1] == order)
    assert contract["title"] == "Renamed by the site office"
    assert contract["line_items"][0]["unit_cost"] == "44.44"


def test_procore_stands_in_a_conflict_of_amounts_to_the_cent(office: Office) -> None:
    held = {one["erp_id"] for one in office.holds()}
    papers = [(where[1], row) for where, _, row in office.proof.papers() if where[1] not in held]
    order, row = next((order, row) for order, row in papers if row["status"] == "Submitted" and row["line_items"])
    line = row["line_items"][0]
    office.box.clock.advance(office.pause)
    office.proof.procore.edit_line(row["project"]["id"], row["id"], line["id"], amount="1.00", extended_type="manual")
    office.price(order, "1", "55.55")
    office.sync()
    hold = next(one for one in office.holds("conflict") if one["erp_id"] == order)
    (view,) = inbox_hold.hold(office.app, NAME, hold["id"]).three_way
    with office.app.db.begin() as conn:
        number = office.app.connection(NAME).id
        row = msgspec.structs.replace(holds.get_hold(conn, number, hold["id"]), last_seen_run=0)
        lie = msgspec.structs.replace(
            row, evidence="amount: agreed 1; IFS 1 LLC; IFS 9.00; Procore 9.00 Ltd; Procore 1"
        )
        (alone,) = three_way(conn, number, lie, Mapper(DEFAULT))
    assert (alone.fields, alone.known) == ((), False), "no figure is read out of a sentence that others write into"
    assert "read below" in alone.note
    asked = {one.name for one in view.fields if one.asked}
    assert {"line 1/1 amount", "line 1/1 unit price"} <= asked
    inbox_desk.answer(office.app, NAME, Picked(holds=(hold["id"],)), "projects")
    office.sync()
    office.assert_rests()
    assert order not in {one["erp_id"] for one in office.holds()}
    after = next(row for where, _, row in office.proof.papers() if where[1] == order)["line_items"][0]
    assert (after["amount"], after["unit_cost"]) == ("1.00", line["unit_cost"])


def test_what_never_crossed_is_left_out_with_a_reason_and_asked_again_when_that_is_taken_back(office: Office) -> None:
    (hold,) = [one for one in office.holds("code_missing") if one["erp_id"] == "P100009"]
    picked = Picked(holds=(hold["id"],))
    with pytest.raises(BadInput, match="needs a reason"):
        inbox_desk.answer(office.app, NAME, picked, "ignore", note="  ")
    assert "left" in fates(effect_form(inbox_desk.answer_effect(office.app, NAME, picked, "ignore"), Policies()))
    inbox_desk.answer(office.app, NAME, picked, "ignore", note="Paid by card, never in Procore")
    office.sync()
    assert "P100009" not in {one["erp_id"] for one in office.holds()}
    said = inbox_hold.answers(office.app, AnswersLook(connection=NAME)).rows
    (given,) = [row for row in said if row["id"] == "P100009"]
    assert (given["note"], given["actor"], given["answer"]) == ("Paid by card, never in Procore", "test", "ignore")
    inbox_desk.withdraw(office.app, NAME, Key("order", "P100009"), "code_missing")
    office.sync()
    assert "P100009" in {one["erp_id"] for one in office.holds("code_missing")}
    with pytest.raises(NothingSuchHere):
        inbox_desk.withdraw(office.app, NAME, Key("order", "P100009"), "code_missing")
    assert "ruling:make:done P100009" in office.tags()
    assert "ruling:withdraw:done P100009" in office.tags()
    story = hops(office.app, RelatedLook(connection=NAME, kind="order", id="P100009")).hops
    told = [(hop.title, hop.who) for hop in story if hop.what == "ruled"]
    assert told == [("Answer taken back", "test"), ("Answered by a person", "test")]
    held = [(hop.run, hop.sentence) for hop in reversed(story) if hop.what == "held"]
    with office.app.db.begin() as conn:
        sql = "SELECT run_id FROM audit WHERE tag = 'hold:open:done' AND erp_id = 'P100009' ORDER BY seq"
        assert [run for run, _ in held] == [run for (run,) in conn.exec_driver_sql(sql)], "those that found it first"
    assert not any("Still so in run" in sentence for _, sentence in held), "two are gone, and one is of the last run"
    [answered] = [hop.sentence for hop in story if hop.title == "Answered by a person"]
    assert f": {choice_of(HoldReason.CODE_MISSING, 'ignore').label}." in answered


def test_what_crossed_already_is_not_left_out(office: Office) -> None:
    order = next(where[1] for where, _, _ in office.proof.papers())
    office.ifs("amend_line", order_no=order, line_no="1", codes={"B": "31-625"})
    office.sync()
    hold = next(one for one in office.holds("code_missing") if one["erp_id"] == order)
    with pytest.raises(BadInput, match="in Procore already"):
        inbox_desk.answer(office.app, NAME, Picked(holds=(hold["id"],)), "ignore", note="no more")


def test_every_reason_has_words_and_one_sort_and_every_answer_a_meaning() -> None:
    assert set(WORDS) == set(HoldReason)
    sorted_out = [reason for reasons in SORTS.values() for reason in reasons]
    assert len(sorted_out) == len(set(sorted_out)) == len(HoldReason)
    for reason in HoldReason:
        assert WORDS[reason].remedy.endswith(".")
        for answer in ("erp", "projects", "link", "new", "allow", "ignore"):
            assert choice_of(reason, answer).means.endswith(".")
