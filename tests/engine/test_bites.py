"""How much one run takes: what is new is cut, what belongs together stays together, what is held comes last."""

from __future__ import annotations

from ml_connector.engine.bites import Bites


def fit(bites: Bites, *names: str, late: str = "", flow: str = "flow") -> tuple[str, str]:
    """Documents named by their home and a number; those of `late` wait."""
    now, held = bites.fit(flow, names, lambda one: one in late.split(), lambda one: one[0])
    return " ".join(now), " ".join(held)


def test_without_a_limit_everything_is_taken() -> None:
    bites = Bites()
    assert fit(bites, "a1", "b1", "c1", late="b1") == ("a1 c1", "b1")
    assert (bites.taken, bites.cut) == (2, "")


def test_what_does_not_fit_is_left_and_said() -> None:
    bites = Bites(2)
    assert fit(bites, "a1", "b1") == ("a1 b1", "")
    assert bites.cut == ""
    assert fit(bites, "c1") == ("", "")
    assert (bites.taken, bites.cut) == (2, "flow")


def test_just_as_many_as_fit_cut_nothing_short() -> None:
    bites = Bites(2)
    assert fit(bites, "a1", "b1", "c1", late="c1") == ("a1 b1", "c1")
    assert bites.cut == ""


def test_what_belongs_together_goes_together_even_where_it_is_more() -> None:
    bites = Bites(2)
    assert fit(bites, "a1", "b1", "a2", "b2", late="a2") == ("a1 a2", "")
    assert (bites.taken, bites.cut) == (2, "flow")


def test_those_of_no_home_stand_alone() -> None:
    bites = Bites(1)
    assert bites.fit("flow", ["a", "b"], lambda _: False) == (["a"], [])


def test_flows_after_the_one_that_was_cut_take_no_part() -> None:
    bites = Bites(1)
    assert not bites.skips("orders")
    fit(bites, "a1", "b1", flow="orders")
    assert bites.skips("orders")
    assert bites.skips("invoices")
    assert bites.skipped == {"invoices"}
    bites.leave("invoices", ["1201"])
    assert bites.unread == {"invoices/1201"}
