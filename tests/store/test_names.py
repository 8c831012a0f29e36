"""The book of names: words are added and never lost, vendors lend theirs, connections never see each other's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.finding import Entry, Query, belonging, query_of, words_of
from ml_connector.store import connections, names
from ml_connector.store.names import Listed
from ml_connector.store.postgres import Database


def _put(database: Database, cid: int, *entries: Entry, fresh: bool = True) -> int:
    with database.begin() as conn:
        return names.put(conn, cid, entries, fresh=fresh)


def _found(database: Database, words: str, *cids: int) -> set[str]:
    with database.begin() as conn:
        return {row.id for row in names.found(conn, query_of(words), cids)}


def _order(number: str, *more: str, party: str = "", title: str = "") -> Entry:
    above = (belonging(Key("vendor", party)),) if party else ()
    return Entry("order", number, number, title, party, words=(*words_of([number, title, *more]), *above))


def test_a_document_stays_found_by_the_number_it_once_had(database: Database, cid: int) -> None:
    assert _put(database, cid, _order("P1", "SC-7", title="Pipe")) == 1
    assert _put(database, cid, _order("P1", "SC-8")) == 1
    assert _put(database, cid, _order("P1", "SC-8")) == 0  # nothing new, nothing written
    for words in ("sc-7", "SC 8", "P1", "p"):
        assert _found(database, words, cid) == {"P1"}, words
    with database.begin() as conn:
        assert names.get(conn, cid, [Key("order", "P1")])[Key("order", "P1")].title == "Pipe"


def test_what_is_fresh_takes_the_place_and_what_is_not_fills_gaps(database: Database, cid: int) -> None:
    key = Key("order", "P1")
    _put(database, cid, Entry("order", "P1", "P1", money=Money(Decimal("1.00"), "USD"), words=("p1",)))
    _put(database, cid, Entry("order", "P1", "SC-7", "Pipe", money=Money(Decimal("2.00"), "EUR")), fresh=False)
    with database.begin() as conn:
        row = names.get(conn, cid, [key])[key]
        assert (row.called, row.title, row.amount, row.currency) == ("P1", "Pipe", Decimal("1.00"), "USD")
    _put(database, cid, Entry("order", "P1", "P1b", "Tube", money=Money(Decimal("3.00"), "EUR")))
    with database.begin() as conn:
        row = names.get(conn, cid, [key])[key]
        assert (row.called, row.title, row.amount, row.currency) == ("P1b", "Tube", Decimal("3.00"), "EUR")


def test_documents_are_found_by_their_vendor_s_name_and_by_its_new_one(database: Database, cid: int) -> None:
    _put(database, cid, Entry("vendor", "S1", "S1", "Hollis & Webb", words=words_of(["S1", "Hollis & Webb"])))
    _put(database, cid, _order("P1", party="S1"), _order("P2", party="S2"))
    assert _found(database, "hollis p", cid) == {"P1"}
    assert _found(database, "vendor", cid) == set()  # that something has a vendor is no word of it
    _put(database, cid, Entry("vendor", "S1", "S1", "Webb Brothers", words=words_of(["S1", "Webb Brothers"])))
    assert _found(database, "brothers", cid) == {"S1", "P1"}
    assert _found(database, "hollis", cid) == {"S1", "P1"}


def test_another_connection_s_documents_are_never_found(database: Database, cid: int) -> None:
    with database.begin() as conn:
        other = connections.add(conn, "other", "Other", {})
    _put(database, cid, _order("P1"))
    _put(database, other, _order("P2"))
    assert _found(database, "p", cid) == {"P1"}
    assert _found(database, "p", cid, other) == {"P1", "P2"}
    assert _found(database, "p") == set()
    with database.begin() as conn:
        connections.remove(conn, other, force=True)
    assert _found(database, "p", cid, other) == {"P1"}


@pytest.mark.parametrize("words", ["'", "\\", "' || '", ":*", "a' & 'b", "P1'; DROP TABLE names", "<->", "(((", "\\'"])
def test_hostile_words_are_words(database: Database, cid: int, words: str) -> None:
    _put(database, cid, _order("P1", words))
    assert _found(database, words, cid) in ({"P1"}, set())
    assert _found(database, "P1", cid) == {"P1"}


def test_every_word_must_be_met_and_zeros_before_a_number_do_not_count(database: Database, cid: int) -> None:
    _put(database, cid, _order("INV-0088"), _order("INV-0089"), _order("188"))
    assert _found(database, "inv 88", cid) == {"INV-0088"}
    assert _found(database, "0088", cid) == {"INV-0088"}
    assert _found(database, "88", cid) == {"INV-0088"}
    assert _found(database, "18", cid) == {"188"}
    assert _found(database, "inv 8", cid) == {"INV-0088", "INV-0089"}
    assert _found(database, "1 8 i", cid) == set()


def test_what_belongs_to_a_document_and_what_it_belongs_to(database: Database, cid: int) -> None:
    above = (belonging(Key("order", "P 1")), belonging(Key("vendor", "S1")))
    _put(database, cid, Entry("supplier_invoice", "105", words=("105", *above)), _order("P 1"), _order("P11"))
    with database.begin() as conn:
        assert [row.id for row in names.of_document(conn, cid, Key("order", "P 1"))] == ["105"]
        assert names.of_document(conn, cid, Key("order", "P")) == []
        assert names.above(conn, cid, Key("supplier_invoice", "105")) == [Key("order", "P 1"), Key("vendor", "S1")]


def test_invoices_nobody_told_the_vendor_of_take_their_order_s(database: Database, cid: int) -> None:
    _put(database, cid, Entry("vendor", "S1", "S1", "Hollis", words=("s1", "hollis")), _order("P1", party="S1"))
    _put(database, cid, Entry("payment", "9", words=("9", belonging(Key("order", "P1")))))
    with database.begin() as conn:
        names.inherit(conn, cid, [Key("payment", "9"), Key("order", "P1")])
    assert _found(database, "hollis 9", cid) == {"9"}
    with database.begin() as conn:
        assert {row.id for row in names.of_document(conn, cid, Key("vendor", "S1"))} == {"9", "P1"}


def test_the_list_is_sorted_and_paged_and_takes_no_other_order(database: Database, cid: int) -> None:
    _put(database, cid, *(_order(f"P{number}") for number in range(5)))

    def page(sort: str = "", number: int = 1, *, down: bool = False) -> list[str]:
        with database.begin() as conn:
            return [row.id for row in names.listed(conn, Listed(cid, Query(()), (), sort, down, number, 2))]

    assert page("called") == ["P0", "P1", "P2"]  # one more than the page takes
    assert page("called", 3) == ["P4"]
    assert page("called", down=True) == ["P4", "P3", "P2"]
    with pytest.raises(BadInput):
        page("words; DROP TABLE names")
