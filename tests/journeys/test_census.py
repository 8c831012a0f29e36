"""The census of keys finds what was deleted, what a lost answer left behind and what nobody looked at, and mends it."""

from __future__ import annotations

from typing import Any

from ml_connector.engine.census import ERP, PROJECT
from ml_connector.engine.run import OVERLAP
from ml_connector.store import bulk, census, counters, links
from ml_connector.store.census import CensusRow

from .money_desk import MoneyOffice
from .office import Office
from .test_money_back import Site

Told = list[tuple[str, str, str, bool]]


def _taken(office: Office, *, repair: bool = True, only: str = "") -> Told:
    """What a whole census says: (what, kind, key, repaired), in order."""
    counting = office.app.counting(office.name, repair=repair)
    found = [one for part in counting.parts() if part.startswith(only) for one in counting.take(part)]
    return sorted((one.what, one.kind, one.erp_id, one.repaired) for one in found)


def _rows(office: Office) -> list[CensusRow]:
    with office.app.db.begin() as conn:
        return census.listed(conn, _number(office))


def _number(office: Office) -> int:
    return office.app.connection(office.name).id


def _sql(office: Office, sql: str, *values: Any) -> None:
    with office.app.db.begin() as conn:
        bulk.run(conn, sql, values)


def _polled_past(office: Office) -> None:
    """A poll that overlooked what changed: every reading stands behind it."""
    office.box.clock.advance(2 * OVERLAP)
    later = f"{office.box.clock():%Y-%m-%dT%H:%M:%SZ}"
    names = "^(commitments|subcontractor_invoices|direct_costs)/"
    _sql(office, "UPDATE watermarks SET value = %s WHERE name ~ %s", later, names)


def test_after_a_sync_nothing_is_off(running: Office) -> None:
    assert _taken(running) == []
    assert _rows(running) == []


def test_a_contract_deleted_in_procore_is_reported_and_not_made_again(running: Office) -> None:
    order, project = "P100001", "1204"
    running.procore("set_order_status", project_id=project, order_number=order, status="Draft")
    running.procore("delete_order", project_id=project, order_number=order)
    assert _taken(running) == [("missing", "commitment", f"{order}@{project}", False)]
    (row,) = _rows(running)
    assert (row.scope, "deleted there, or hidden from us" in row.sentence) == (project, True)
    running.box.log.clear()
    running.sync()
    assert running.written() == []
    assert _taken(running) == [("missing", "commitment", f"{order}@{project}", False)]


def test_a_project_out_of_sight_is_one_finding_and_nothing_in_it_is_marked(running: Office) -> None:
    running.procore("revoke_project", project_id="1201")
    assert _taken(running) == [("missing", "project", "1201", False)]
    running.procore("permit_project", project_id="1201")
    assert _taken(running) == []


def test_most_of_a_kind_gone_at_once_is_a_lost_permission(running: Office) -> None:
    with running.app.db.begin() as conn:
        mine = census.linked_in(conn, _number(running), ["commitment"], "1201")
    assert len(mine) > 3
    _sql(running, "UPDATE links SET target_id = 'x' || target_id WHERE kind = 'commitment' AND scope = '1201'")
    found = _taken(running, only=f"{PROJECT}1201")
    assert ("missing", "commitment", "1201/*", False) in found
    assert not [one for one in found if one[0] == "missing" and one[2] != "1201/*"]


def test_a_record_of_ours_that_nobody_linked_is_decided_again_and_linked(money_office: MoneyOffice) -> None:
    site = Site(money_office)
    story = site.story
    story.a_part_arrives()
    story.the_first_invoice()
    money_office.sync()
    assert _taken(money_office) == []
    for kind in ("commitment", "subcontractor_invoice"):
        with money_office.app.db.begin() as conn:
            before = [row for row in census.linked_in(conn, _number(money_office), [kind], None) if row.once_key]
            lost = before[-1]
            links.unlink(conn, _number(money_office), [lost.key])
        assert _taken(money_office, repair=False) == [("extra", kind, lost.target_id, False)]
        assert _taken(money_office) == [("extra", kind, lost.target_id, True)]
        money_office.sync()
        with money_office.app.db.begin() as conn:
            assert links.load_many(conn, _number(money_office), [lost.key])[lost.key].target_id == lost.target_id
        assert _taken(money_office) == []
    money_office.assert_tied()
    with money_office.app.db.begin() as conn:
        assert counters.totals(conn)[_number(money_office)]["census_repaired"] == 2


def test_a_voucher_nobody_linked_is_found_in_ifs_and_linked(money_office: MoneyOffice) -> None:
    site = Site(money_office)
    site.the_draft()
    site.it_is_approved()
    money_office.sync()
    assert _taken(money_office) == []
    with money_office.app.db.begin() as conn:
        (lost,) = census.linked_in(conn, _number(money_office), ["voucher"], None)
        links.unlink(conn, _number(money_office), [lost.key])
    # the project of a document whose only link is lost is not known: its own project's list brings it
    (found,) = _taken(money_office, only=ERP)
    assert found == ("extra", "voucher", lost.target_id, True)
    money_office.sync()
    with money_office.app.db.begin() as conn:
        assert links.load_many(conn, _number(money_office), [lost.key])[lost.key].target_id == lost.target_id
    assert _taken(money_office) == []


def test_an_edit_that_neither_webhook_nor_poll_brought_is_looked_at_by_the_next_run(money_office: MoneyOffice) -> None:
    site = Site(money_office)
    money_office.procore("edit_order", order_number=site.story.order, title="Another title")
    _polled_past(money_office)
    money_office.sync()
    assert money_office.holds("changed_there") == []
    (found,) = _taken(money_office)
    assert found == ("stale", "commitment", site.story.order, True)
    money_office.sync()
    assert money_office.holds("changed_there") != []
    assert _taken(money_office) == []
    with money_office.app.db.begin() as conn:
        assert counters.totals(conn)[_number(money_office)][counters.RECOVERED] == 1


def test_a_document_born_in_procore_that_nobody_saw_crosses_after_the_census(money_office: MoneyOffice) -> None:
    site = Site(money_office)
    site.the_draft()
    site.it_is_approved()
    _polled_past(money_office)
    money_office.sync()
    assert money_office.money.ifs.vouchers() == []
    assert _taken(money_office) == [("stale", "subcontractor_invoice", str(site.first), True)]
    money_office.sync()
    assert len(money_office.money.ifs.vouchers()) == 1
    assert _taken(money_office) == []


def test_what_is_held_is_not_stale_for_every_run_looks_at_it(money_office: MoneyOffice) -> None:
    site = Site(money_office)
    site.the_second_one_in_december()
    money_office.sync()
    money_office.box.clock.advance(2 * OVERLAP)
    money_office.sync()
    assert money_office.holds() != []
    assert _taken(money_office) == []


def test_a_second_look_that_does_not_help_is_left_to_a_person(money_office: MoneyOffice) -> None:
    site = Site(money_office)
    with money_office.app.db.begin() as conn:
        rows = census.linked_in(conn, _number(money_office), ["commitment"], None)
        (mine,) = [row for row in rows if row.erp_id.startswith(site.story.order)]
        links.unlink(conn, _number(money_office), [mine.key])
    assert _taken(money_office) == [("extra", "commitment", mine.target_id, True)]
    for _ in range(2):
        assert _taken(money_office) == [("extra", "commitment", mine.target_id, False)]
    (row,) = _rows(money_office)
    assert row.sentence.endswith("did not help: a person must look.")
