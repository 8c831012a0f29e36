"""The invariant: each invoice line in exactly one place, and the places add up to the invoice."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ml_connector.kernel.keys import Key
from ml_connector.planning.placing import Breach, Place, check, root_of
from ml_connector.planning.plan import HoldReason
from ml_connector.planning.routing import Bucket
from ml_connector.records.supplier_invoice import SupplierInvoice

from .invoice_scene import invoice, loose, posting
from .scene import D

BILL = Key("subcontractor_invoice", "700@P1@1201")
COST = Key("direct_cost", "700@1201")
ITSELF = Key("supplier_invoice", "700")
TWO = invoice(posting("1", "60"), loose("2", "40"))


def breach(*places: Place, of: SupplierInvoice = TWO, placed: dict[str, Key] | None = None) -> Breach:
    """The breach there must be."""
    found = check(of, {}, places, placed or {})
    assert found is not None
    return found


def test_two_places_that_foot_are_no_breach() -> None:
    places = [Place(Bucket.INVOICE, BILL, ("1",), D(60)), Place(Bucket.COST, COST, ("2",), D(40))]
    assert check(TWO, {}, places, {"700/1": BILL, "700/2": Key("direct_cost", "700@1201~c1")}) is None


def test_outside_and_linked_count_in_the_sum() -> None:
    places = [Place(Bucket.LINKED, BILL, ("1",), D(60)), Place(Bucket.OUTSIDE, ITSELF, ("2",), D(40))]
    assert check(TWO, {}, places, {}) is None


def test_a_line_in_two_places_is_a_breach() -> None:
    found = breach(Place(Bucket.INVOICE, BILL, ("1",), D(60)), Place(Bucket.COST, COST, ("1", "2"), D(40)))
    assert (found.reason, found.key) == (HoldReason.TWO_PLACES, BILL)
    assert found.sentence == (
        "Posting 1 of invoice 700 stands in subcontractor invoice 700@P1@1201, and would be in direct cost 700@1201 "
        "as well: it would be counted twice. Cancel the invoice in IFS and register it anew."
    )


def test_a_line_that_stands_in_another_record_already_is_a_breach() -> None:
    places = (Place(Bucket.INVOICE, BILL, ("1",), D(60)), Place(Bucket.COST, COST, ("2",), D(40)))
    found = breach(*places, placed={"700/2": BILL})
    assert (found.reason, found.key) == (HoldReason.TWO_PLACES, BILL)
    assert check(TWO, {}, places, {"701/2": BILL}) is None, "that is another invoice"


def test_a_line_that_went_outside_is_in_no_record_any_more() -> None:
    places = [
        Place(Bucket.INVOICE, BILL, ("1",), D(60)),
        Place(Bucket.OUTSIDE, ITSELF, ("2",), D(40)),
        Place(Bucket.OUTSIDE, COST, (), D(0)),
    ]
    assert check(TWO, {}, places, {"700/2": COST}) is None


def test_a_line_without_a_place_is_a_breach() -> None:
    found = breach(Place(Bucket.INVOICE, BILL, ("1",), D(100)))
    assert (found.reason, found.sentence) == (
        HoldReason.TOTALS_DIFFER,
        "Posting 2 of invoice 700 has no place in the plan.",
    )


def test_places_that_do_not_foot_are_a_breach() -> None:
    found = breach(Place(Bucket.INVOICE, BILL, ("1", "2"), D("99.99")))
    assert found.reason is HoldReason.TOTALS_DIFFER
    assert found.sentence == (
        "Invoice 700 comes to 100.00 USD with the tax that is cost, its places in Procore to 99.99 USD."
    )


def test_tax_that_is_cost_belongs_to_the_sum() -> None:
    places = [Place(Bucket.INVOICE, BILL, ("1", "2"), D("108"))]
    assert check(TWO, {"1": D(5), "2": D(3)}, places, {}) is None
    assert check(TWO, {"1": D(5)}, places, {}) is not None


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-(10**6), 10**6)), min_size=1, max_size=10),
    st.integers(-3, 3).filter(bool),
)
def test_any_split_foots_and_one_cent_more_or_less_does_not(parts: list[tuple[int, int]], off: int) -> None:
    lines = [loose(str(n), str(Decimal(cents) / 100)) for n, (_, cents) in enumerate(parts)]
    one = invoice(*lines)
    homes = sorted({home for home, _ in parts})
    places = [
        Place(
            Bucket.COST,
            Key("direct_cost", f"700@{home}"),
            tuple(str(n) for n, (there, _) in enumerate(parts) if there == home),
            sum((Decimal(cents) / 100 for there, cents in parts if there == home), D(0)),
        )
        for home in homes
    ]
    assert check(one, {}, places, {}) is None
    wrong = Place(Bucket.OUTSIDE, ITSELF, (), D(off) / 100)
    found = check(one, {}, [*places, wrong], {})
    assert found is not None
    assert found.reason is HoldReason.TOTALS_DIFFER


def test_a_correction_stands_where_its_first_record_does() -> None:
    assert root_of(Key("direct_cost", "700@1201~c2")) == COST
    assert root_of(BILL) == BILL
