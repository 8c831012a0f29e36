"""The inbox's forms without a browser: what was typed stays, and what was not seen is not saved."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.planning.blocking import Cause
from ml_connector.planning.mapping_editing import Edit
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.service import mapping_desk, pausing
from ml_connector.store import holds
from ml_connector.store.holds import Look

from .scene import Answer, Scene

NAME = "north"
HOME = f"/c/{NAME}/inbox"
GAP = Cause("code_unmapped", "mapping", "cost_type A=9120")
ASKED = Cause("order_match", "ruling", "", "purchase_orders", "order")
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Desk(NamedTuple):
    """A connection at rest with some holds, and somebody who answers them."""

    scene: Scene
    cookie: str

    def get(self, path: str) -> str:
        """A page of the inbox."""
        told = self.scene.ask(f"{HOME}{path}", self.cookie)
        assert told.status == 200, told.body
        return told.body

    def post(self, **fields: Any) -> Answer:
        """What the form that decides gets."""
        csrf = re.search(r'name="csrf" value="([^"]+)"', self.get(""))
        assert csrf
        data = urlencode({**fields, "csrf": csrf[1]}, doseq=True).encode()
        headers = {"content_type": "application/x-www-form-urlencoded"}
        return self.scene.ask(f"{HOME}/group", self.cookie, "POST", data, **headers)

    def hold(self, reason: HoldReason, document: str, waits_for: Key, kind: str = "order") -> int:
        """Holds a document; the number of the hold."""
        app = self.scene.app
        flow = "supplier_invoices" if kind == "supplier_invoice" else "purchase_orders"
        hold = Hold(Key(kind, document), flow, reason, waits_for, "buyer", f"What about {document}?")
        with app.db.begin() as conn:
            look = Look(app.connection(NAME).id, 1, flow, [document])
            return holds.sync_holds(conn, look, [(document, hold)]).opened[0].id

    def answers(self) -> int:
        """How many answers are kept."""
        with self.scene.app.db.begin() as conn:
            return int(conn.exec_driver_sql("SELECT count(*) FROM rulings").scalar_one())


@pytest.fixture(scope="module")
def desk(empty_scene: Scene) -> Desk:
    """Two orders that may be there already and one that waits for a row of the mapping; the connection is paused."""
    empty_scene.app.add_connection(NAME, empty_scene.box.connection_text())
    pausing.pause(empty_scene.app, NAME)
    made = Desk(empty_scene, empty_scene.cookie("otto"))
    for order in ("P1", "P2"):
        made.hold(HoldReason.ORDER_MATCH, order, Key("ruling", f"order:{order}"))
    made.hold(HoldReason.CODE_UNMAPPED, "P4", Key("mapping", "cost_type A=9120"))
    return made


def hidden(body: str) -> dict[str, list[str]]:
    """What the form that saves sends by itself."""
    form = body[body.index('<form class="form" method="post"') :]
    found: dict[str, list[str]] = {}
    for name, value in _HIDDEN.findall(form[: form.index("</form>")]):
        if name != "csrf":
            found.setdefault(name, []).append(unescape(value))
    return found


def group_url(cause: Cause) -> str:
    return f"/group?{urlencode({name: value for name, value in cause._asdict().items() if value})}"


def test_an_answer_that_cannot_be_saved_keeps_its_reason_and_its_page(desk: Desk) -> None:
    shown = desk.post(**ASKED._asdict(), what="answer", answer="ignore", scope="all", back=HOME + group_url(ASKED))
    assert (shown.status, "What this answer would do" in shown.body) == (200, True)
    seen = hidden(shown.body)
    desk.hold(HoldReason.ORDER_MATCH, "P3", Key("ruling", "order:P3"))
    late = desk.post(**{**seen, "note": "They agreed by telephone"})
    assert (late.status, "1 hold more waits for the same by now" in late.body) == (409, True)
    assert "They agreed by telephone</textarea>" in late.body
    empty = desk.post(**{**hidden(late.body), "note": ""})
    assert (empty.status, "needs a reason" in empty.body, "What this answer would do" in empty.body) == (
        400,
        True,
        True,
    )
    assert "--note" not in empty.body
    assert desk.answers() == 0
    long = desk.post(**{**hidden(empty.body), "note": "x" * 1500})
    assert (long.status, "longer than 1,000" in long.body, "x" * 1500 in long.body) == (400, True, True)
    done = desk.post(**{**hidden(empty.body), "note": "They agreed by telephone"})
    assert (done.status, desk.answers()) == (303, 3)


def test_a_form_comes_back_as_it_was_typed(desk: Desk) -> None:
    here = HOME + group_url(GAP)
    typed = {**GAP._asdict(), "what": "map", "part-A": "99*", "to": "S", "back": f"{here}&sort=record"}
    told = desk.post(**typed)
    assert (told.status, "does not fit what waits" in told.body) == (400, True)
    assert re.search(r'name="part-A"[^>]* value="99\*"', told.body)
    assert re.search(r'name="to"[^>]* value="S"', told.body)
    assert "sort=record" in told.body
    with desk.scene.app.db.begin() as conn:
        number = conn.exec_driver_sql("SELECT id FROM holds WHERE erp_id = 'P2'").scalar_one()
    wrong = {**ASKED._asdict(), "what": "answer", "chosen": [number, 999_999], "answer": "new"}
    told = desk.post(**wrong, back="javascript:alert(1)")
    assert (told.status, "There is no hold 999999" in told.body) == (404, True)
    assert re.search(rf'name="chosen" value="{number}" checked', told.body)
    assert re.search(r'name="answer" value="new" checked', told.body)
    assert "javascript:" not in told.body


def test_a_row_is_added_to_the_mapping_that_was_seen(desk: Desk) -> None:
    app = desk.scene.app
    app.import_mapping(NAME, app.export_mapping(NAME))
    typed = {**GAP._asdict(), "what": "map", "part-A": "912*", "to": "S", "back": HOME + group_url(GAP)}
    seen = hidden(desk.post(**typed).body)
    app.import_mapping(NAME, app.export_mapping(NAME).replace('"412*"', '"412?"'))
    told = desk.post(**seen)
    assert (told.status, "The mapping was changed meanwhile" in told.body) == (400, True)
    assert "What this row would do" in told.body
    assert '"912*"' not in app.export_mapping(NAME)
    assert desk.post(**hidden(told.body)).status == 303
    assert '"912*"' in app.export_mapping(NAME)


def test_a_second_mistake_stays_on_the_page_of_the_hold(desk: Desk) -> None:
    number = desk.hold(HoldReason.VENDOR_PROPOSAL, "1201/77", Key("ruling", "vendor:77"), "vendor_there")
    page = desk.get(f"/holds/{number}")
    assert 'name="target"' in page
    typed = {**ASKED._asdict(), "reason": "vendor_proposal", "kind": "vendor_there", "what": "answer"}
    body = page
    for target in ("", ""):
        back = re.findall(r'name="back" value="([^"]+)"', body)
        told = desk.post(**typed, chosen=[number], answer="link", target=target, note="Known here", back=back[-1])
        body = told.body
        assert (told.status, "Say what it is linked to" in body) == (400, True)
        assert 'name="target"' in body
        assert "Known here</textarea>" in body


def test_what_is_no_question_says_what_ends_it(desk: Desk) -> None:
    frozen = desk.hold(HoldReason.VENDOR_FROZEN, "P7", Key("commitment", "P7@1201"))
    body = desk.get(f"/holds/{frozen}")
    assert "This is no question. Put the order back on its supplier" in body
    assert "The first run after that lets it go." in body
    with pytest.raises(BadInput, match="the first run after its cause is mended") as told:
        desk.scene.app.rule(NAME, frozen, "erp")
    assert "commitment:" not in str(told.value)


def test_a_hold_that_lacks_a_row_leads_to_it(desk: Desk) -> None:
    lacking = desk.hold(HoldReason.CODE_UNMAPPED, "P8", Key("mapping", "cost_type A=9180"))
    link = re.search(r'<a class="button primary" href="([^"]+)">Choose the row', desk.get(f"/holds/{lacking}"))
    assert link
    assert "See what it would do" in desk.get(unescape(link[1]).removeprefix(HOME))
    wayback = desk.hold(HoldReason.CODE_AMBIGUOUS, "P9", Key("mapping", "reverse 03-310.S of project 1201"))
    assert "Choose the row" not in desk.get(f"/holds/{wayback}")


def test_a_row_is_put_into_an_unsaved_draft_too(desk: Desk) -> None:
    app = desk.scene.app.acting_as("otto")
    desk.hold(HoldReason.CODE_UNMAPPED, "P10", Key("mapping", "cost_type A=9170"))
    cause = Cause("code_unmapped", "mapping", "cost_type A=9170")
    mapping_desk.change(app, NAME, [Edit(section="cost_type", what="add", values={"A": "97*", "to": "M"})])
    shown = desk.post(**{**cause._asdict(), "what": "map", "part-A": "9170", "to": "S", "back": HOME})
    assert "You have an unsaved draft of the mapping, too: this is put into it as well." in shown.body
    saved = desk.post(**hidden(shown.body))
    said = next(value for name, value in saved.headers.items() if name.lower() == "set-cookie").partition(";")[0]
    told = desk.scene.ask(HOME, f"{desk.cookie}; {said}")
    assert "Your unsaved draft was carried over onto it." in told.body
    standing = mapping_desk.standing(app, NAME)
    assert standing.draft is not None
    assert not standing.overtaken
    assert {("9170", "S"), ("97*", "M")} <= {(dict(row.when)["A"], row.to) for row in standing.draft.cost_type.rows}
    mapping_desk.drop(app, NAME)


def test_what_was_refused_is_tried_again_by_the_next_run(desk: Desk) -> None:
    refused = desk.hold(HoldReason.REFUSED, "P5", Key("order", "P5"))
    for path in (f"/holds/{refused}", group_url(Cause("refused", "itself", "", "purchase_orders", "order"))):
        body = desk.get(path)
        assert "the next run tries it again" in body
        assert "leaves by itself" not in body
        assert "paused by" in body  # where it is not, the button that runs now


def test_only_what_has_a_page_is_opened(desk: Desk) -> None:
    with desk.scene.app.db.begin() as conn:
        order = conn.exec_driver_sql("SELECT id FROM holds WHERE erp_id = 'P1'").scalar_one()
    assert f'href="/c/{NAME}/documents/order/P1"' in desk.get(f"/holds/{order}")
    codes = desk.hold(HoldReason.CODE_UNMAPPED, "1201 A=9190", Key("mapping", "cost_type A=9190"), "combination")
    body = desk.get(f"/holds/{codes}")
    assert "Open the document" not in body
    assert re.search(rf'href="/c/{NAME}/mapping"[^>]*>\s*Open the gaps of the mapping', body)


def test_writes_without_an_answer_have_a_tab_and_lead_to_their_documents(desk: Desk) -> None:
    app = desk.scene.app
    with app.db.begin() as conn:
        number = conn.exec_driver_sql(
            "INSERT INTO intents (connection_id, run_id, flow, verb, kind, erp_id, source, body, amount, currency, "
            "reason, digest) VALUES (%s, 1, 'purchase_orders', 'create', 'commitment', 'P7@1201', 'P7', '', 77, 'USD', "
            "'It was released.', '') RETURNING id",
            (app.connection(NAME).id,),
        ).scalar_one()
        sql = "INSERT INTO intent_states (id, connection_id, state, sent_at) VALUES (%s, %s, 'unknown', now())"
        conn.exec_driver_sql(sql, (number, app.connection(NAME).id))
    listed = desk.get("?sort_of=unknown")
    link = re.search(r'href="([^"]*reason=outcome_unknown[^"]*)"', listed)
    assert link
    body = desk.get(unescape(link[1]).removeprefix(HOME))
    assert f'href="/c/{NAME}/documents/order/P7"' in body
    assert "The next run asks what became of it" in body
    assert "Nobody knows whether it was carried out: make the contract" in desk.get("?as=csv")


def test_two_plans_lead_to_the_list_of_plans(desk: Desk) -> None:
    app = desk.scene.app
    with app.db.begin() as conn:
        for name, flow in (("a" * 64, "vendors"), ("b" * 64, "payments")):
            ours = (app.connection(NAME).id, name)
            sql = (
                "INSERT INTO runs (connection_id, flows, trigger, actor, state, plan_hash, counts, requests) "
                "VALUES (%s, ARRAY[%s], 'schedule', 'service', 'stopped', %s, '{}', '{}') RETURNING id"
            )
            run = conn.exec_driver_sql(sql, (ours[0], flow, name)).scalar_one()
            sql = "INSERT INTO plans (connection_id, hash, run_id, state) VALUES (%s, %s, %s, 'kept')"
            conn.exec_driver_sql(sql, (*ours, run))
    body = desk.get("")
    assert "2 plans wait for approval" in body
    assert f'href="/c/{NAME}/plans?stands=waiting"' in body
