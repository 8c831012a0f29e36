"""Documents over real systems: found by any number, both sides beside each other, and everything that happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ml_connector.access.permissions import Permission, Role, permissions_of
from ml_connector.access.principal import Principal
from ml_connector.actions import documents as acts
from ml_connector.actions.perform import perform
from ml_connector.app import App
from ml_connector.kernel.errors import NotAllowed, NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.sides import Fact
from ml_connector.sandbox.running import RunningSandbox, SandboxFailed
from ml_connector.service import naming
from ml_connector.service.duty import Duty
from ml_connector.settings import Settings
from ml_connector.store import documents as kept
from ml_connector.store import names, sources, standings
from ml_connector.store.documents import About
from ml_connector.views import audit, standing_words
from ml_connector.views import document_hops as stories
from ml_connector.views import documents as pages
from ml_connector.views import search as finding
from ml_connector.views.audit import AuditLook
from ml_connector.views.called import Shown, called_of, record_called, shown_on
from ml_connector.views.document_facts import fact_form
from ml_connector.views.documents import Document, DocumentLook, RelatedLook
from ml_connector.views.hold_words import record_words
from ml_connector.views.search import DocumentsLook, Find, SearchLook, kind_from
from store.cluster import Cluster

ORDERS = 24


@dataclass
class Papers:
    """A connection both ways: an order with an invoice that was paid, and an invoice born in Procore."""

    app: App
    box: RunningSandbox
    order: str
    bill: str
    billed: str
    born: str
    born_order: str

    def show(self, kind: str, number: str) -> Document:
        return pages.show(self.app, DocumentLook(connection="north", kind=kind_from(kind), id=number))

    def find(self, words: str, **given: Any) -> list[Find]:
        return finding.search(self.app, SearchLook(q=words, **given)).results

    def sync(self) -> None:
        self.box.clock.advance(timedelta(seconds=2))
        self.app.sync("north")

    def billed_there(self, called: str) -> str:
        """An invoice of a twentieth of the contract that is billed in Procore, approved there."""
        made = self.box.act(
            "procore", "add_requisition", order_number=self.born_order, invoice_number=called, share="0.05"
        )
        self.box.act("procore", "approve_requisition", id=made["id"])
        return str(made["id"])

    def story(self, kind: str, number: str, **given: Any) -> stories.Hops:
        look = RelatedLook(connection="north", kind=kind_from(kind), id=number, **given)
        return stories.hops(self.app, look)


def someone(role: Role) -> Principal:
    return Principal(user_id=1, name="otto", title="", role=role, permissions=permissions_of(role))


@pytest.fixture(scope="module")
def papers(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Papers]:
    """Two syncs, and in between people at work in both systems."""
    url, home = cluster.new_url(), tmp_path_factory.mktemp("papers")
    with RunningSandbox(orders=ORDERS) as box, App.open(Settings(home, url), actor="otto") as app:
        app.add_connection("north", box.connection_text())
        app.sync("north")
        order, other = _received(app, box)
        bill = box.act("ifs", "register_invoice", order_no=order, invoice_no="INV-0088", post=True, authorise=True)
        made = box.act("procore", "add_requisition", order_number=other, invoice_number="PM-0042", share="0.5")
        box.act("procore", "approve_requisition", id=made["id"])
        box.clock.advance(timedelta(seconds=2))
        app.sync("north")
        box.act("ifs", "pay_invoice", invoice_id=bill["invoice_id"])
        box.clock.advance(timedelta(seconds=2))
        app.sync("north")
        yield Papers(app, box, order, str(bill["invoice_id"]), "INV-0088", str(made["id"]), other)
    cluster.drop(url)


def _received(app: App, box: RunningSandbox) -> tuple[str, str]:
    """Two orders that have a contract and nothing was received of; the goods of the first arrive."""
    for row in finding.documents(app, DocumentsLook(connection="north", kind="order", sort="called")).rows:
        if row["state"]["state"] != "in_sync" or not row["project"]:
            continue
        try:
            box.act("ifs", "receive_goods", order_no=row["id"])
        except SandboxFailed:
            continue
        rest = finding.documents(app, DocumentsLook(connection="north", kind="order", sort="called", down=True)).rows
        return row["id"], next(one["id"] for one in rest if one["state"]["state"] == "in_sync" and one["project"])
    raise AssertionError("No order can be received.")


@pytest.mark.parametrize(
    "words",
    ["INV-0088", "inv 88", "88", "invoice 88", "inv-00", "0088 {order}", "{bill}", "{vendor} inv-0088", "{name} 88"],
)
def test_an_invoice_is_found_by_any_of_its_numbers_and_by_whose_it_is(papers: Papers, words: str) -> None:
    page = papers.show("supplier_invoice", papers.bill)
    name = page.vendor_name.split()[0].upper()
    asked = words.format(order=papers.order, bill=papers.bill, vendor=page.vendor.lower(), name=name)
    found = papers.find(asked)
    assert ("supplier_invoice", papers.bill) in [(one.kind, one.id) for one in found]
    if words in ("INV-0088", "inv 88", "invoice 88"):
        assert (found[0].kind, found[0].called) == ("supplier_invoice", papers.billed)


def test_every_kind_is_found_by_the_number_of_the_other_system(papers: Papers) -> None:
    for kind, number in [
        ("order", papers.order),
        ("supplier_invoice", papers.bill),
        ("subcontractor_invoice", papers.born),
        ("vendor", papers.show("order", papers.order).vendor),
        ("project", papers.show("order", papers.order).project),
    ]:
        page = papers.show(kind, number)
        records = [one for one in page.records if one.kind != "project_vendor"]
        assert records, kind
        for record in records:
            assert (kind, number) in [(one.kind, one.id) for one in papers.find(record.id)], record


def test_what_was_never_sent_is_found_too_and_says_why_it_waits(papers: Papers) -> None:
    held = papers.app.connection("north")
    with papers.app.db.begin() as conn:
        row = conn.exec_driver_sql(
            "SELECT source, sentence FROM holds WHERE released_at IS NULL AND kind = 'order' ORDER BY id LIMIT 1"
        ).one()
    [found] = [one for one in papers.find(row.source) if one.id == row.source]
    assert (found.state, found.sentence) == ("held", row.sentence)
    page = papers.show("order", row.source)
    assert page.records == []
    assert [one.sentence for one in page.holds if one.released_at is None] == [row.sentence]
    assert page.lines  # what IFS says of it is shown although nothing was agreed
    assert held.name == found.connection


def test_a_word_for_the_kind_narrows_and_an_unknown_number_finds_nothing(papers: Papers) -> None:
    assert {one.kind for one in papers.find(f"order {papers.order}")} == {"order"}
    assert {one.kind for one in papers.find("payment", kind="payment")} <= {"payment"}
    assert papers.find("zzzz-no-such-thing") == []
    assert papers.find("' | \\ ! :* \x00 & <->") == []
    assert papers.find("") == []
    with pytest.raises(NothingSuchHere):
        papers.find("1", connection="south")


def test_both_sides_of_an_order_stand_side_by_side_line_by_line(papers: Papers) -> None:
    page = papers.show("order", papers.order)
    facts = {one["name"]: one for one in page.facts}
    assert (page.state, page.differs, page.born_in) == ("in_sync", False, "IFS")
    assert facts["Amount"]["erp"] == facts["Amount"]["projects"] == facts["Amount"]["agreed"] == page.money
    assert facts["Vendor"]["erp"].startswith(page.vendor_name)
    assert page.lines
    assert page.read
    for line in page.lines:
        assert line.erp
        assert line.projects
        assert line.erp["money"] == line.projects["money"] == line.invoiced
        assert "A 4" in line.erp["code"]
        assert "." in line.projects["code"]
    total = sum(Decimal(line.invoiced["amount"]) for line in page.lines if line.invoiced)
    assert page.money
    assert total == Decimal(page.money["amount"])


def test_what_we_wrote_after_reading_is_shown_as_we_wrote_it(papers: Papers) -> None:
    rows = finding.documents(papers.app, DocumentsLook(connection="north", kind="order", sort="called")).rows
    order = next(
        row["id"]
        for row in rows
        if row["state"]["state"] == "in_sync" and row["project"] and row["id"] not in (papers.order, papers.born_order)
    )
    before = papers.show("order", order)
    papers.box.act("ifs", "amend_line", order_no=order, line_no="1", price="7.31")
    papers.box.clock.advance(timedelta(seconds=2))
    papers.app.sync("north")
    after = papers.show("order", order)
    assert after.written_at
    assert after.read
    assert after.read.at < after.written_at
    assert after.money != before.money
    assert not after.differs  # Procore was read before it was written: it is shown as written
    for line in after.lines:
        assert line.erp
        assert line.projects
        assert line.erp["money"] == line.projects["money"]


def test_an_order_with_a_change_order_is_shown_whole_when_only_its_title_is_touched(papers: Papers) -> None:
    order = _amended(papers)
    before = papers.show("order", order)
    [change] = [one for one in before.records if one.kind == "change_order"]
    found = [one.id for one in papers.find(f"{order}-CO001")]
    assert found[:1] == [order], (change, found)
    contract = next(one.id for one in before.records if one.kind == "commitment")
    papers.box.act("procore", "edit_order", id=contract, title="Called otherwise")
    papers.box.clock.advance(timedelta(seconds=2))
    papers.app.sync("north")
    after = papers.show("order", order)
    assert after.read
    assert before.read
    assert after.read.run > before.read.run
    facts = {one["name"]: one for one in after.facts}
    assert facts["Title"]["projects"] == "Called otherwise"
    assert facts["Amount"]["projects"] == facts["Amount"]["erp"] == before.money
    assert not after.differs, [line for line in after.lines if line.differs]


def _amended(papers: Papers) -> str:
    """The order whose price was changed after its contract was approved."""
    with papers.app.db.begin() as conn:
        sql = "SELECT DISTINCT source FROM intents WHERE kind = 'change_order' ORDER BY 1"
        return str(conn.exec_driver_sql(sql).scalar_one())


def test_a_voucher_that_was_posted_between_two_runs_is_told_as_posted_and_one_that_was_cancelled_too(
    papers: Papers,
) -> None:
    made = [papers.billed_there("PM-0043"), papers.billed_there("PM-0044")]
    papers.sync()
    posted, cancelled = (papers.show("subcontractor_invoice", one).records[0].id for one in made)
    papers.box.act("ifs", "approve_voucher", **_called(posted))
    papers.box.act("ifs", "gl_update")
    papers.box.act("ifs", "cancel_voucher", **_called(cancelled))
    papers.sync()
    for number, voucher, hop, status in [
        (made[0], posted, "Posted in IFS", "Posted"),
        (made[1], cancelled, "Cancelled in IFS", "Cancelled"),
    ]:
        story = papers.story("subcontractor_invoice", number).hops
        [told] = [one for one in story if one.what == "stood" and one.system == "IFS"]
        assert told.title == f"{hop}: voucher {voucher}"
        page = papers.show("subcontractor_invoice", number)
        [said] = [one for one in page.facts if one["name"] == "Status"]
        assert (said["erp"].split(", ")[0], said["projects"], said["agreed"]) == (status, "Approved", "")
    with papers.app.db.begin() as conn:
        wanted = standings.Wanted(("updated", "cancelled"), (), 1, 100)
        still = {one.target for one in standings.still_open(conn, papers.app.connection("north").id, "voucher", wanted)}
    assert not {posted, cancelled} & still, "what came to its end is asked for no more"


def _called(voucher: str) -> dict[str, Any]:
    kind, year, number = voucher.split("/")
    return {"voucher_type": kind, "year": int(year), "voucher_no": number}


def test_only_a_day_is_told_as_one_whatever_a_suppliers_number_looks_like() -> None:
    number = fact_form(Fact("Supplier's number", "2027-01-15", "2027-01-15", None, False), {})
    day = fact_form(Fact("Due", date(2027, 1, 15), None, "not known in IFS yet", False), {})
    assert (number["kind"], number["erp"]) == ("text", "2027-01-15")
    assert (day["kind"], day["erp"], day["agreed"]) == ("day", "2027-01-15", "not known in IFS yet")


@pytest.mark.parametrize(
    ("kind", "state", "title"),
    [
        ("voucher", "awaiting_approval", "Sent to its approver in IFS: voucher M/2027/7"),
        ("voucher", "error", "Not posted in IFS: voucher M/2027/7"),
        ("voucher", "gone", "Not found in IFS: voucher M/2027/7"),
        ("erp_invoice", "paid", "Paid in IFS: supplier invoice M/2027/7"),
        ("purchase_requisition", "POCreated", "Made into an order in IFS: purchase requisition M/2027/7"),
        ("subcontractor_invoice", "revise_and_resubmit", "Sent back in Procore"),
        ("direct_cost", "pending", "Pending in Procore"),
    ],
)
def test_how_it_stands_is_told_in_words(kind: str, state: str, title: str) -> None:
    row = standings.StandingRow(1, kind, "x", state, datetime(2027, 1, 15, tzinfo=UTC), 3, None, "", "Account closed.")
    said = standing_words.told(row, "M/2027/7")
    assert said.title == title
    assert "_" not in said.sentence
    assert ("Account closed." in said.sentence) is (state == "error")


def test_what_belongs_together_leads_from_the_vendor_to_the_payment(papers: Papers) -> None:
    page = papers.show("order", papers.order)
    assert {(one.kind, one.id) for one in page.above} == {("vendor", page.vendor), ("project", page.project)}
    below = {one.kind: one.id for one in page.below}
    assert below["supplier_invoice"] == papers.bill
    payment = papers.show("payment", below["payment"])
    assert {one.kind for one in payment.above} == {"vendor", "order", "supplier_invoice", "project"}
    look = RelatedLook(connection="north", kind="vendor", id=page.vendor, size=1)
    first = pages.related(papers.app, look)
    assert (len(first.results), first.more) == (1, True)
    second = pages.related(papers.app, msgspec.structs.replace(look, page=2))
    assert second.results[0].id != first.results[0].id


def test_a_document_born_in_procore_shows_the_voucher_it_became(papers: Papers) -> None:
    page = papers.show("subcontractor_invoice", papers.born)
    assert (page.state, page.born_in, page.called) == ("in_sync", "Procore", "PM-0042")
    assert [one.kind for one in page.records] == ["voucher"]
    assert page.records[0].system == "IFS"
    assert not page.differs
    clearing = [line for line in page.lines if line.key == "clearing"]
    assert len(clearing) == 1
    assert clearing[0].projects is None
    assert all(line.erp and line.projects for line in page.lines if line.key != "clearing")


def test_the_story_tells_every_hop_in_the_order_of_time_and_by_pages(papers: Papers) -> None:
    story = papers.story("order", papers.order)
    moments = [hop.at for hop in story.hops]
    assert moments == sorted(moments, reverse=True)
    whats = [hop.what for hop in reversed(story.hops)]
    assert whats[:2] == ["read", "decided"]
    assert whats[-1] == "answered"
    sent = [hop for hop in story.hops if hop.what == "sent"]
    assert all(hop.exchanges and hop.exchanges[0].status < 300 for hop in sent)
    [money] = {hop.money["amount"] for hop in story.hops if hop.what == "answered" and hop.money}
    page = papers.show("order", papers.order)
    assert page.money
    assert Decimal(money) == Decimal(page.money["amount"])
    pieces = [papers.story("order", papers.order, page=number, size=2).hops for number in range(1, 7)]
    assert [hop for piece in pieces for hop in piece] == story.hops[:12]


def test_request_and_answer_of_a_hop_are_those_that_were_sent(papers: Papers) -> None:
    hops = papers.story("order", papers.order).hops
    call = next(one for hop in hops for one in hop.exchanges if one.method != "GET")
    found = stories.exchange(papers.app, "north", call.exchange)
    assert (found.method, found.path, found.system) == (call.method, call.path, "Procore")
    assert found.request
    assert papers.order in found.request.text
    assert found.answer
    assert "{" in found.answer.text
    with pytest.raises(NothingSuchHere):
        stories.exchange(papers.app, "north", 2**40)


def test_the_index_finds_the_requests_a_scan_of_the_run_would_find(papers: Papers) -> None:
    row = papers.app.connection("north")
    about = About(row.id, (papers.order,), ("purchase_orders",))
    with papers.app.db.begin() as conn:
        steps = kept.steps(
            conn, row.id, [one.ref for one in kept.hops(conn, about, Key("order", papers.order), offset=0, limit=100)]
        )
        sent = {number: step.sent_at for number, step in steps.items() if step.sent_at}
        found = {one.id for one in kept.exchanges_for(conn, row.id, sent)}
        ids = ", ".join(map(str, sent))
        scanned = conn.exec_driver_sql(f"SELECT id FROM exchanges WHERE intent_ids && ARRAY[{ids}]::int8[]")
        assert found == {one.id for one in scanned} != set()
        conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        sql = "SELECT id FROM exchanges WHERE NOT lasting AND intent_ids && ARRAY[1]::int8[] AND intent_ids <> '{}'"
        plan = conn.exec_driver_sql(f"EXPLAIN {sql}")
        assert "intent_ids_idx" in "\n".join(str(line[0]) for line in plan)


def test_audit_rows_are_those_of_the_document_and_its_records(papers: Papers) -> None:
    look = RelatedLook(connection="north", kind="supplier_invoice", id=papers.bill)
    rows = stories.audit_rows(papers.app, look).rows
    assert {"subcontractor_invoice:create:done"} <= {row.tag for row in rows}
    assert all(papers.bill in row.record for row in rows if row.tag.startswith("subcontractor"))
    assert [row.seq for row in rows] == sorted((row.seq for row in rows), reverse=True)


def test_a_past_decision_made_again_is_the_same_and_may_be_applied_by_who_works(papers: Papers) -> None:
    look = acts.ReplayLook(connection="north", kind="order", id=papers.order, mapping="then")
    again = perform(papers.app, someone(Role.VIEWER), acts.REPLAY, look)
    assert again.same
    assert [one.verb for one in again.then] == [one.verb for one in again.now] != []
    given = acts.Again(connection="north", kind="order", id=papers.order)
    with pytest.raises(NotAllowed):
        perform(papers.app, someone(Role.VIEWER), acts.AGAIN, given)
    row = papers.app.connection("north")
    assert acts.AGAIN.permission is Permission.WORK
    perform(papers.app, someone(Role.OPERATOR), acts.AGAIN, given)
    with papers.app.db.begin() as conn:
        assert papers.order in sources.unsettled_ids(conn, row.id, "order")
    papers.app.sync("north")
    with papers.app.db.begin() as conn:
        assert papers.order not in sources.unsettled_ids(conn, row.id, "order")


def test_records_are_called_what_people_call_their_document_where_their_id_is_a_number_of_the_system(
    papers: Papers,
) -> None:
    born = Key("subcontractor_invoice", papers.born)
    parts = [Key("voucher", f"{born.kind}/{born.id}/{part}") for part in ("1", "2", "r1")]
    plain = [Key("order", papers.order), Key("subcontractor_invoice", "999")]
    row = papers.app.connection("north")
    with papers.app.db.begin() as conn:
        number = names.get(conn, row.id, [born])[born].called
        called = called_of(conn, row.id, [born, *parts, Key("procore_document", f"{born.kind}/{born.id}"), *plain])
        vendor = names.get(conn, row.id, [plain[0]])[plain[0]].party
        shown = shown_on(conn, row.id, [born, Key("vendor", vendor), Key("combination", "1201 A=1")])
    assert number not in ("", papers.born)
    assert set(called) == {born, *parts, Key("procore_document", f"{born.kind}/{born.id}")}
    assert set(called.values()) == {number}
    assert record_words(*born, called[born]) == f"subcontractor invoice {number}"
    assert record_words("vendor_there", "12", "Sign Works LLC") == "vendor Sign Works LLC in Procore"
    told = [record_called(one, called) for one in (*parts, plain[0])]
    assert told == [number, f"{number}, version 2", f"reversal of {number}", papers.order]
    assert record_called(Key("direct_cost", "130@1204")) == "130 on project 1204"
    assert record_called(Key("payment", "SUPAY/9/1@P7@1203")) == "SUPAY/9/1 of order P7 on project 1203"
    assert shown[born] == Shown(f"subcontractor invoice {number}", *born)
    assert [one.kind for one in shown.values()] == ["", "subcontractor_invoice", "vendor"]
    rows = audit.page(papers.app, AuditLook(connection="north", record=parts[0].id)).rows
    assert {one.called for one in rows} == {number}


def test_a_document_nobody_looked_at_and_a_record_without_a_page(papers: Papers) -> None:
    with pytest.raises(NothingSuchHere, match="never been looked at"):
        papers.show("order", "P999999")
    assert pages.document_for(papers.app, "north", "commitment", f"{papers.order}@1201") == Key("order", papers.order)
    found = pages.document_for(papers.app, "north", "procore_document", papers.born)
    assert found == Key("subcontractor_invoice", papers.born)
    with pytest.raises(NothingSuchHere, match="no page"):
        pages.document_for(papers.app, "north", "combination", "1201 B=03-310")


def test_links_from_before_the_book_of_names_are_written_down_by_the_night(papers: Papers) -> None:
    row = papers.app.connection("north")
    asked = [papers.order, papers.billed, "PM-0042", papers.show("order", papers.order).vendor_name]
    before = [{(one.kind, one.id) for one in papers.find(words)} for words in asked]
    try:
        with papers.app.db.begin() as conn:
            kept_rows = names.get(conn, row.id, [Key("order", papers.order)])
            conn.exec_driver_sql("DELETE FROM names")
            sources.drop_watermarks(conn, row.id, ["names/filled"])
        assert papers.find(papers.order) == []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(naming, "SLICE", 7)
            steps = list(naming.naming(Duty(papers.app, "nightly", row), ""))
        assert len(steps) > 20
        assert steps[-1].at == ""
        after = [{(one.kind, one.id) for one in papers.find(words)} for words in asked]
        kinds = ("order", "supplier_invoice", "subcontractor_invoice", "payment", "vendor")
        for words, old, new in zip(asked, before, after, strict=True):
            assert {one for one in old if one[0] in kinds} <= new, words
        assert list(naming.naming(Duty(papers.app, "nightly", row), "")) == [naming.Step("", "")]
        assert papers.show("order", papers.order).vendor == kept_rows[Key("order", papers.order)].party
    finally:
        papers.app.sync("north")
