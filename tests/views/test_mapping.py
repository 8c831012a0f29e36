"""The mapping as people work on it: gaps with their money, what a change would do and then does, versions, drafts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest

from fresh_box import fresh
from ml_connector.app import App
from ml_connector.engine import code_uses as kept
from ml_connector.kernel.errors import AskPerson, BadInput, NothingSuchHere
from ml_connector.kernel.keys import Key
from ml_connector.planning.mapping_editing import Edit, edited
from ml_connector.planning.mapping_use import Use
from ml_connector.planning.plan import pack, unpack
from ml_connector.records.commitment import ChangeOrder, Commitment
from ml_connector.records.cost_code import BudgetCode
from ml_connector.records.direct_cost import DirectCost
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.service import mapping_desk as desk
from ml_connector.settings import Settings
from ml_connector.store import code_uses, journal, links
from ml_connector.store.code_uses import Usage
from ml_connector.store.links import LinkRow
from ml_connector.views import mapping as views
from ml_connector.views import mapping_effect as effects
from ml_connector.views import mapping_versions as history
from ml_connector.views.mapping import RowsLook
from ml_connector.views.mapping_choices import row_choices
from ml_connector.views.mapping_effect import Effect
from ml_connector.views.mapping_versions import VersionsLook
from store.cluster import Cluster

D = Decimal
Sums = dict[tuple[str, str], Decimal]


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    """Both simulated systems."""
    with RunningSandbox(orders=24) as running:
        yield fresh(running)


@pytest.fixture(scope="module")
def app(served: RunningSandbox, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A connection `north` that was synced once, by cora."""
    url = cluster.new_url()
    with App.open(Settings(tmp_path_factory.mktemp("mapping"), url), actor="cora") as opened:
        opened.add_connection("north", served.connection_text())
        opened.sync("north")
        yield opened
    cluster.drop(url)


@pytest.fixture(autouse=True)
def nothing_begun(request: pytest.FixtureRequest) -> None:
    """Nobody has a draft, and the mapping is as it was at first."""
    if "app" in request.fixturenames:
        app: App = request.getfixturevalue("app")
        desk.drop(app, "north")
        first = app.export_mapping("north", 1)
        if app.export_mapping("north") != first:
            app.import_mapping("north", first)


def with_materials_as(app: App, cost_type: str) -> str:
    """The mapping with another cost type for materials."""
    found = app.export_mapping("north").replace('A = "411*"\nto = "M"', f'A = "411*"\nto = "{cost_type}"')
    assert f'to = "{cost_type}"' in found
    return found


def planned(app: App) -> Sums:
    """What the newest run's plan moves on contracts, by project and budget code."""
    sums: Counter[tuple[str, str]] = Counter()
    with app.db.begin() as conn:
        row = app.connection("north")
        run = conn.exec_driver_sql("SELECT max(id) FROM runs").scalar_one()
        intents = journal.plan_of(conn, row.id, run)
        agreed = links.load_many(conn, row.id, [Key("commitment", one.erp_id) for one in intents])
    for one in intents:
        body = unpack(one.kind, one.body)
        if isinstance(body, ChangeOrder):
            sums.update({(one.scope, line.budget_code): D(0) for line in body.lines})
            for line in body.lines:
                sums[one.scope, line.budget_code] += line.amount
        elif isinstance(body, Commitment) and one.verb == "fill":
            base = agreed[Key("commitment", one.erp_id)].base
            before = unpack("commitment", base) if base else None
            assert isinstance(before, Commitment)
            there = {line.once_key: line for line in before.lines}
            for line in body.lines:
                sums[one.scope, there[line.once_key].budget_code] -= there[line.once_key].amount
                sums[one.scope, line.budget_code] += line.amount
    return {place: amount for place, amount in sums.items() if amount}


def foretold(found: Effect) -> Sums:
    """The same as the effect said it."""
    sums: Counter[tuple[str, str]] = Counter()
    for move in found.moves:
        if move.kind == "commitment" and move.after:
            sums[move.project, move.before] -= move.money.amount  # type: ignore[assignment]
            sums[move.project, move.after] += move.money.amount  # type: ignore[assignment]
    return {place: D(amount) for place, amount in sums.items() if amount}


def test_what_is_foretold_is_to_the_cent_what_the_next_plan_does(app: App) -> None:
    text = with_materials_as(app, "E")
    found = effects.effect(app, "north", text)
    assert not found.same
    assert found.documents > 5
    assert {move.how for move in found.moves} == {"change order", "on the contract"}
    before = app.export_mapping("north")
    desk.bring(app, "north", text)
    assert effects.effect(app, "north") == found  # the draft says the same as the text
    assert app.export_mapping("north") == before
    desk.save(app, "north")
    app.plan("north")
    assert planned(app) == foretold(found)
    assert found.new_codes
    assert found.codes_are_made


def test_a_code_string_of_its_own_moves_alone_though_others_share_its_budget_code(app: App) -> None:
    with app.db.begin() as conn:
        uses = code_uses.uses(conn, app.connection("north").id)
    (account,) = {dict(use.codes)["A"] for use in uses if not use.of_budget and dict(use.codes)["A"].startswith("411")}
    edit = Edit(section="cost_type", what="add", row=1, values={"A": account, "B": "03-310", "to": "L"})
    desk.change(app, "north", [edit])
    found = effects.effect(app, "north")
    assert {(move.before, move.after) for move in found.moves} == {("03-310.M", "03-310.L")}
    assert found.future == []
    assert [one.what for one in found.changes] == ["added"]


def test_a_row_nothing_uses_is_for_documents_to_come(app: App) -> None:
    desk.change(app, "north", [Edit(section="cost_type", what="add", row=1, values={"A": "9999", "to": "M"})])
    found = effects.effect(app, "north")
    assert found.moves == []
    assert [one.after for one in found.future] == ["A=9999 -> M"]


def test_estimates_move_by_the_budget_tables(app: App) -> None:
    text = app.export_mapping("north").replace(
        'element = "03-310-*"\nto = "03-310"', 'element = "03-310-*"\nto = "03-210"'
    )
    found = effects.effect(app, "north", text)
    assert {move.kind for move in found.moves} == {"budget"}
    assert {move.before.partition(".")[0] for move in found.moves} == {"03-310"}


def test_a_mapping_without_a_budget_table_holds_no_budget_and_says_that_none_crosses(app: App) -> None:
    gone = desk.mapping_from_text(app.export_mapping("north"))
    found = effects.of_mapping(app, "north", msgspec.structs.replace(gone, budget_type=None))
    assert (found.moves, found.held, found.held_documents) == ([], [], 0)
    assert found.notes == [
        "No budget crosses any more: a table that budgets need is gone. What is in Procore stays as it is."
    ]


def test_gaps_come_with_their_money_and_go_when_a_suggestion_is_taken(app: App) -> None:
    without = app.export_mapping("north").replace('[[mapping.cost_type.row]]\nA = "413*"\nto = "E"\n\n', "")
    lost = effects.effect(app, "north", without)
    assert lost.held_documents
    assert [move.after for move in lost.moves if move.kind == "commitment"] == [""] * len(lost.moves)
    app.import_mapping("north", without)
    (unheld,) = views.gaps(app, "north").gaps
    assert (unheld.money, unheld.documents) == ([], 0), "no run has held anything yet"
    assert {one.currency for one in unheld.in_use} == {one.currency for one in lost.held}
    assert all(one.amount for one in unheld.in_use), "and yet there is money on it"
    app.sync("north")
    found = views.gaps(app, "north")
    (gap,) = found.gaps
    assert (gap.segment, gap.looked_at) == ("cost_type", "A=4130")
    assert (gap.money, gap.documents) == (lost.held, lost.held_documents)
    assert gap.suggestions[0].to == "E"
    assert "names alike" in gap.suggestions[0].evidence[0]
    desk.change(app, "north", [Edit(section="cost_type", what="add", values=gap.suggestions[0].values)])
    (release,) = effects.effect(app, "north").releases
    assert (release.waited_for, release.documents, release.money, release.still) == (
        "cost_type A=4130",
        gap.documents,
        gap.money,
        0,
    )
    assert views.gaps(app, "north").gaps == []  # by the draft nothing is lost any more
    desk.drop(app, "north")
    assert views.gaps(app, "north").gaps
    app.import_mapping("north", app.export_mapping("north", 1))
    app.sync("north")
    assert views.gaps(app, "north").gaps == []


def test_values_of_ifs_may_be_asked_for_and_its_books_too(app: App) -> None:
    asked = views.gaps(app, "north", ask=True)
    assert (asked.as_of, asked.values) == ("asked just now", views.gaps(app, "north").values)
    found = effects.effect(app, "north", with_materials_as(app, "S"), ask=True)
    assert found.closed_until == desk.closed_until(app, "north")


def test_rows_are_searched_and_told_apart_by_use(app: App) -> None:
    look = RowsLook(connection="north", section="cost_type")
    found = views.rows(app, look)
    assert [one["looks_at"] for one in found.rows] == ["A=411*", "A=412*", "A=413*", "A=414*", "A=415*"]
    assert all(one["uses"] for one in found.rows)
    text = '[[mapping.cost_type.row]]\nA = "4110"\nto = "X"\n\n[mapping.budget_code]'
    desk.bring(app, "north", app.export_mapping("north").replace("[mapping.budget_code]", text))
    never = views.rows(app, RowsLook(connection="north", section="cost_type", only="never"))
    assert [(one["looks_at"], one["why"]) for one in never.rows] == [("A=4110", "row 1 covers its patterns")]
    some = views.rows(app, RowsLook(connection="north", section="budget_code", q="31-", size=2))
    assert all("31-" in one["looks_at"] for one in some.rows)
    told = views.rows(app, RowsLook(connection="north", section="budget_code", q="cost element 31-", size=2))
    assert told.rows == some.rows, "rows are found by the words they are shown in, too"
    back = views.rows(app, RowsLook(connection="north", section="reverse"))
    assert [one.key for one in back.columns] == ["row", "looks_at", "to"], "what is in use is not asked of the way back"
    assert views.gaps(app, "north").never == ["Cost types: row 6 is never reached: row 1 covers its patterns."]


def test_what_a_row_may_name_is_offered_with_what_it_is_called(app: App) -> None:
    offered = row_choices(app, "north", "cost_type")
    assert set(offered.leads) == {"E", "L", "M", "O", "S"}
    assert offered.leads["M"] == "Materials"
    assert offered.values["A"]["4110"]
    assert "(empty)" in offered.values["B"]
    assert row_choices(app, "north", "budget_code").values["element"]
    assert "03-310" in row_choices(app, "north", "cost_code").leads
    back = row_choices(app, "north", "reverse")
    assert set(back.values["cost_type"]) == set(offered.leads)
    assert "(empty)" not in back.values["cost_code"]


def test_a_draft_overtaken_by_somebody_is_not_saved_over_them(app: App) -> None:
    dora = app.acting_as("dora")
    desk.change(dora, "north", [Edit(section="cost_type", what="remove", row=5)])
    version = app.import_mapping("north", with_materials_as(app, "S"))
    assert views.overview(dora, "north").overtaken
    with pytest.raises(BadInput, match=f"version {version} was saved by cora") as refused:
        desk.save(dora, "north")
    assert f"mapping compare {version - 1} {version}" in refused.value.remedy
    with pytest.raises(BadInput, match="changed meanwhile"):
        desk.restore(dora, "north", 1, based_on=version - 1)
    assert desk.standing(app, "north").draft is None  # drafts are each person's own
    desk.drop(dora, "north")


def test_a_draft_is_not_lost_when_its_owner_saves_something_else(app: App) -> None:
    desk.change(app, "north", [Edit(section="cost_type", what="remove", row=5)])
    mine = looked_at(app)
    row = edited(
        desk.standing(app, "north").saved, Edit(section="cost_type", what="add", values={"A": "91*", "to": "S"})
    )
    assert desk.about_draft(app, "north", row).endswith("this is put into it as well.")
    kept_now = desk.keep(app, "north", row, app_version(app))
    assert (kept_now.draft, kept_now.sentence) == ("carried", "Your unsaved draft was carried over onto it.")
    assert (looked_at(app), desk.standing(app, "north").overtaken) == ([*mine, "A=91*"], False)
    clash = edited(row, Edit(section="cost_type", what="change", row=5, values={"A": "415*", "to": "L"}))
    assert "it stays as it is" in desk.about_draft(app, "north", clash)
    assert desk.keep(app, "north", clash).draft == "left"
    assert (looked_at(app), desk.standing(app, "north").overtaken) == ([*mine, "A=91*"], True)
    version = app.import_mapping("north", app.export_mapping("north", 1))
    assert desk.standing(app, "north").overtaken, "nor by a whole file"
    with pytest.raises(BadInput, match=f"version {version} is the newest by now"):
        desk.bring(app, "north", app.export_mapping("north"), version - 1)
    assert looked_at(app) == [*mine, "A=91*"]


def test_an_overtaken_draft_is_carried_over_but_for_what_clashes(app: App) -> None:
    with pytest.raises(BadInput, match="nothing to carry over"):
        desk.carry(app, "north")
    desk.change(app, "north", [Edit(section="cost_type", what="remove", row=row) for row in (5, 1)])
    version = app.acting_as("dora").import_mapping("north", with_materials_as(app, "S"))
    with pytest.raises(AskPerson, match=r"otherwise than 1 change of yours. Cost type: you remove A=411\* -> M"):
        desk.carry(app, "north")
    assert desk.standing(app, "north").overtaken, "nothing was left out unasked"
    now = desk.carry(app, "north", leave_out=True)
    assert (now.based_on, now.overtaken) == (version, False)
    (change,) = effects.effect(app, "north").changes
    assert (change.what, change.before) == ("removed", "A=415* -> O")
    assert desk.save(app, "north") == version + 1


def test_what_is_saved_is_what_was_seen(app: App) -> None:
    desk.change(app, "north", [Edit(section="cost_type", what="remove", row=5)])
    seen = effects.effect(app, "north").mark
    desk.change(app, "north", [Edit(section="cost_type", what="remove", row=1)])
    version = app_version(app)
    with pytest.raises(BadInput, match="Your draft was changed since this was shown"):
        desk.save(app, "north", version, seen)
    assert app_version(app) == version
    assert desk.save(app, "north", version, effects.effect(app, "north").mark) == version + 1


def looked_at(app: App) -> list[str]:
    """What the rows of cost types look at, as cora works on them."""
    return [one["looks_at"] for one in views.rows(app, RowsLook(connection="north", section="cost_type")).rows]


def app_version(app: App) -> int:
    """Number of the newest version."""
    return desk.standing(app, "north").version


def test_a_gap_weighs_what_it_has_in_one_currency() -> None:
    def gap(**sums: str) -> views._Gap:
        made = views._Gap("cost_type", "A=1")
        for currency, amount in sums.items():
            made.use(Usage(Use("1201", (("A", "1"),)), currency, D(amount), 1))
        return made

    assert gap(USD="700", EUR="700").weight() < gap(USD="900").weight(), "euros are not added to dollars"
    assert gap(USD="-800").weight() > gap(USD="700").weight(), "a credit weighs what it comes to"


def test_a_page_of_before_changes_no_other_row(app: App) -> None:
    shown = views.overview(app, "north").based_on
    fourth = views.rows(app, RowsLook(connection="north", section="cost_type")).rows[3]["values"]
    gone = Edit(section="cost_type", what="remove", row=4, was=fourth)
    desk.change(app, "north", [gone], shown)
    with pytest.raises(BadInput, match=r"Row 4 is not the row that was shown: it says A=415\*"):
        desk.change(app, "north", [gone], shown)
    left = views.rows(app, RowsLook(connection="north", section="cost_type")).rows
    assert [one["looks_at"] for one in left] == ["A=411*", "A=412*", "A=413*", "A=415*"], "one row went, not two"
    desk.drop(app, "north")
    newest = app.import_mapping("north", with_materials_as(app, "S"))
    with pytest.raises(BadInput, match=f"while version {shown} .* version {newest} is the newest by now"):
        desk.change(app, "north", [gone], shown)
    assert desk.standing(app, "north").draft is None


def test_what_is_too_much_to_show_is_counted(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    text = with_materials_as(app, "E")
    whole = effects.effect(app, "north", text)
    assert (whole.moves_in_all, whole.lost_in_all) == (len(whole.moves), 0)
    monkeypatch.setattr(effects, "_SHOWN", 2)
    short = effects.effect(app, "north", text)
    assert (len(short.moves), short.moves_in_all) == (2, len(whole.moves))
    assert short.moved == whole.moved
    desk.change(app, "north", [Edit(section="cost_type", what="add", values={"A": f"99{n}", "to": "M"}) for n in "123"])
    later = effects.effect(app, "north")
    assert (len(later.future), later.future_in_all) == (2, 3)


def test_the_effect_is_the_same_whichever_way_lines_are_found(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    text = with_materials_as(app, "E")
    sought = effects.effect(app, "north", text)
    monkeypatch.setattr(code_uses, "_MANY", 0)
    assert effects.effect(app, "north", text) == sought
    lost = app.export_mapping("north").replace('A = "411*"\nto = "M"', 'A = "4999*"\nto = "M"')
    assert effects.effect(app, "north", lost).held_documents


def test_a_credit_counts_like_a_debit(app: App) -> None:
    row = app.connection("north")
    with app.db.begin() as conn:
        (account,) = conn.exec_driver_sql("SELECT codes FROM code_uses WHERE kind = 'order' LIMIT 1").one()
        sql = """
            INSERT INTO code_uses (connection_id, kind, document, line, project, codes, amount, currency)
            VALUES (%s, 'order', %s, '1/1', 'X1', %s, %s, 'USD')
        """
        for name, amount in (("X1", 100), ("X2", -90)):
            conn.exec_driver_sql(sql, (row.id, name, account, amount))
        (use,) = [one for one in code_uses.uses(conn, row.id) if one.project == "X1"]
        (found,) = code_uses.usage(conn, row.id, [use])
        whole = code_uses.sums_of(conn, row.id, "order", ["X1", "X2"])
        conn.exec_driver_sql("DELETE FROM code_uses WHERE project = 'X1'")
    assert (found.amount, found.documents, whole) == (190, 2, {"USD": 190})


def test_versions_are_listed_compared_and_restored(app: App) -> None:
    version = app.import_mapping("north", with_materials_as(app, "S"))
    found = history.versions(app, VersionsLook(connection="north"))
    assert (found.rows[0]["version"], found.rows[0]["actor"], found.rows[0]["changes"]) == (
        version,
        "cora",
        "1 row changed",
    )
    (change,) = history.compare(app, "north", version - 1, version).changes
    assert (change.before, change.after) == ("A=411* -> M", "A=411* -> S")
    back = effects.of_version(app, "north", 1)
    assert [(one.before, one.after) for one in back.changes] == [("A=411* -> S", "A=411* -> M")]
    desk.change(app, "north", [Edit(section="cost_type", what="remove", row=5)])
    with pytest.raises(BadInput, match=f"an unsaved draft, begun from version {version}"):
        desk.restore(app, "north", 1, based_on=version)
    assert desk.standing(app, "north").draft is not None
    assert app.export_mapping("north") != app.export_mapping("north", 1), "and nothing was restored"
    made = desk.restore(app, "north", 1, based_on=version, drop_draft=True)
    assert desk.standing(app, "north").draft is None
    assert made == version + 1
    assert app.export_mapping("north") == app.export_mapping("north", 1)
    with pytest.raises(BadInput, match="nothing to restore"):
        desk.restore(app, "north", 1)
    with pytest.raises(NothingSuchHere):
        history.compare(app, "north", 1, 9999)
    with app.db.begin() as conn:
        sql = "SELECT actor, details FROM audit WHERE tag = 'mapping:restore:done'"
        assert [tuple(one) for one in conn.exec_driver_sql(sql)] == [("cora", '{"equal_to":1}')]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("[mapping.cost_type", "not valid TOML"),
        ("a = 1", "must stand under"),
        ("[mapping.cost_typ]\nparts = ['A']", "no section 'cost_typ'"),
        ("x" * (desk.LARGEST + 1), "characters; the most is"),
        (
            "[mapping.cost_type]\nparts = ['A']\n[[mapping.cost_type.row]]\nA = '1'\nto = \"a\\u0007b\"",
            "cannot be printed",
        ),
        ("a" + ".a" * 5000 + " = 1", "nested deeper|must stand under"),
    ],
)
def test_hostile_or_wrong_toml_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        desk.mapping_from_text(text)


def test_contracts_whose_decisions_are_gone_are_taken_to_lie_on_their_budget_codes_own_strings(app: App) -> None:
    text = with_materials_as(app, "S")
    exact = effects.effect(app, "north", text)
    row = app.connection("north")
    with app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM code_uses WHERE kind = 'order'")
    found = effects.effect(app, "north", text)
    with app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM watermarks WHERE name = 'code_uses'")
    assert kept.catch_up(app.db, row.id)
    assert exact.assumed == 0 < found.assumed
    assert foretold(found) == foretold(exact)
    assert effects.effect(app, "north", text) == exact


def test_many_links_are_worked_out_in_seconds(app: App) -> None:
    row = app.connection("north")
    name = "P100002@1201"
    with app.db.begin() as conn:
        base = links.load_links(conn, row.id, "commitment", [name])[name].base
        many = [LinkRow("commitment", f"X{n}@1299", str(n), scope="1299", base=base) for n in range(2000)]
        code = BudgetCode("1", "1299", "03-310.M", codes=(("A", "4110"), ("B", "03-310")))
        links.put_links(
            conn, row.id, [*many, LinkRow("budget_code", "1299/03-310.M", "1", scope="1299", base=pack(code))]
        )
    found = effects.effect(app, "north", with_materials_as(app, "S"))
    with app.db.begin() as conn:
        conn.exec_driver_sql("DELETE FROM links WHERE scope = '1299'")
    assert found.assumed == 2000
    moved = next(move for move in found.moves if move.project == "1299")
    assert (moved.documents, moved.before, moved.after) == (2000, "03-310.M", "03-310.S")


def test_costs_move_by_corrections_and_what_is_billed_or_booked_stays(app: App, served: RunningSandbox) -> None:
    codes = {"A": "4110", "B": "03-310", "C": "410", "E": "1201"}
    line = {"codes": codes, "activity_seq": 100103, "amount": "512.34"}
    served.act("ifs", "register_invoice", supplier_id="S1005", invoice_no="D-1", lines=[line], authorise=True)
    lines = [{"codes": codes, "activity_seq": 100103, "quantity": "10", "price": "70"}]
    order = served.act("ifs", "create_order", supplier_id="S1005", currency="USD", state="Released", lines=lines)[
        "order_no"
    ]
    app.sync("north")
    served.act("ifs", "receive_goods", order_no=order, line_no="1", quantity="4")
    served.act("ifs", "register_invoice", order_no=order, invoice_no="B-1", authorise=True)
    vendor = next(row["target_id"] for row in _links(app, "vendor") if row["erp_id"] == "S1005")
    cost = [{"code": "03-310", "type": "M", "amount": "75.00"}]
    served.act("procore", "enter_direct_cost", number="1201", lines=cost, vendor=int(vendor), status="approved",
               invoice_number="H-1")  # fmt: skip
    app.sync("north")
    assert {row["kind"] for row in _links(app)} >= {"subcontractor_invoice", "direct_cost", "voucher"}
    text = with_materials_as(app, "E")
    found = effects.effect(app, "north", text)
    (move,) = [one for one in found.moves if one.kind == "direct_cost"]
    assert (str(move.money), move.before, move.after) == ("512.34 USD", "03-310.M", "03-310.E")
    stays = {one.kind: (str(one.money), one.documents) for one in found.stays}
    assert stays == {"subcontractor_invoice": ("280.00 USD", 1), "voucher": ("75.00 USD", 1)}
    told = [found.named[f"{one.kind}:{one.shown[0]}"] for one in (move, *found.stays)]
    called = [("supplier_invoice", "D-1"), ("supplier_invoice", "B-1"), ("direct_cost", "H-1")]
    assert [(one.kind, one.text) for one in told] == called, "by their numbers, and not by the ids of records"
    app.import_mapping("north", text)
    app.plan("north")
    with app.db.begin() as conn:
        run = conn.exec_driver_sql("SELECT max(id) FROM runs").scalar_one()
        intents = journal.plan_of(conn, app.connection("north").id, run)
    bodies = [unpack(one.kind, one.body) for one in intents if one.kind == "direct_cost"]
    corrected = {
        (line.budget_code, line.amount) for body in bodies if isinstance(body, DirectCost) for line in body.lines
    }
    assert corrected == {("03-310.E", D("512.34")), ("03-310.M", D("-512.34"))}
    assert not [one for one in intents if one.kind in ("subcontractor_invoice", "voucher")]
    assert planned(app) == foretold(found)


def _links(app: App, kind: str = "") -> list[dict[str, str]]:
    sql = "SELECT kind, erp_id, target_id FROM links WHERE %s IN ('', kind)"
    with app.db.begin() as conn:
        return [dict(row) for row in conn.exec_driver_sql(sql, (kind,)).mappings()]
