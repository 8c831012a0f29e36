"""Documents on the command line: found by any number, shown from every side."""

from __future__ import annotations

from .shell import Shell


def test_a_document_is_found_and_shown_from_every_side(joined: Shell) -> None:
    joined("sync", "north", "purchase_orders", "vendors", "cost_codes", "projects")
    found = joined("search", "p100001", "--json").form
    first = found["results"][0]
    assert (first["connection"], first["kind"], first["id"]) == ("north", "order", "P100001")
    page = joined("show", "page", "order", "P100001", "--json").form
    assert page["money"]["currency"] == "USD"
    other = page["records"][0]["id"]
    assert [one["id"] for one in joined("search", other, "--kind", "order", "--json").form["results"]] == ["P100001"]
    told = joined("show", "page", "order", "P100001").out
    assert page["vendor_name"] in told
    story = joined("show", "story", "order", "P100001", "--json").form["hops"]
    number = next(one["exchange"] for hop in story for one in hop["exchanges"])
    assert str(number) in joined("show", "story", "order", "P100001").out
    assert "P100001" in joined("show", "exchange", str(number)).out
    related = joined("show", "related", "vendor", page["vendor"], "--json").form
    assert "P100001" in [one["id"] for one in related["results"]]
    assert "P100001" in joined("search", "-c", "north", "--kind", "order", "--fill").out
    assert joined("search", "--json", code=12).error["sentence"] == "Say what to look for."
    assert joined("show", "page", "order", "P999999", "--json", code=11).error["kind"] == "nothing_such_here"
