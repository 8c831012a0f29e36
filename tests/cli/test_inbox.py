"""The inbox and many answers at once on the command line."""

from __future__ import annotations

from .shell import Shell


def test_the_inbox_is_listed_answered_in_one_go_and_taken_back(joined: Shell) -> None:
    assert "Nothing waits for anybody." in joined("inbox", "north").out
    tried = ("--set", "policy.vendors.create=never", "--set", "erp.in_flight=3", "--client-secret-erp", "another one")
    told = joined("connection", "edit", "north", *tried, "--dry-run", "--json")
    changes = {one["path"]: (one["before"], one["after"]) for one in told.form["changes"]}
    assert changes["policy.vendors.create"][1] == "never"
    assert changes["erp.client_secret"] == ("sealed", "sealed anew")
    assert changes["erp.in_flight"][1] == "3"
    assert len(changes) == 3
    assert "another one" not in told.out
    assert joined("connection", "edit", "north", *tried, "--dry-run", "--json").form == told.form, "nothing was saved"
    assert "Nothing was saved" in joined("connection", "edit", "north", *tried, "--dry-run").out
    joined("connection", "edit", "north", "--set", "policy.vendors.create=never")
    joined("sync", "north")
    found = joined("inbox", "north", "--json").form
    assert found["connection"] == "north"
    assert found["standing"]["held"] == sum(cause["number"] for cause in found["causes"]) > 10
    cause = next(
        one for one in found["causes"] if one["reason"] == "vendor_not_linked" and one["waits_kind"] == "vendor"
    )
    said = joined("inbox", "north", "--find", cause["waits_id"])
    assert f"The supplier has no partner yet: supplier {cause['waits_id']}" in said.out
    assert joined("inbox", "north", "--only", "conflicts", "--json").form["causes"] == []

    hold = str(cause["hold"])
    error = joined("rule", hold, "ignore", "--like", "--json", code=12).error
    assert "needs a reason" in error["sentence"]
    shown = joined("rule", hold, "ignore", "--like", "--effect", "--json").form
    assert shown["outcomes"][0]["fate"] == "left"
    assert shown["ends"] == cause["number"]
    assert "would be left alone" in joined("rule", hold, "ignore", "--like", "--effect").out
    done = joined("rule", hold, "ignore", "--like", "--note", "paid by card", "--json").form
    assert done["answered"] == cause["number"]
    listed = joined("inbox", "north", "--answers", "--json").form["answers"]
    assert {(one["answer"], one["note"]) for one in listed} == {("ignore", "paid by card")}
    assert "paid by card" in joined("inbox", "north", "--answers").out
    assert "is taken back" in joined("rule", hold, "withdraw").out
    assert len(joined("inbox", "north", "--answers", "--json").form["answers"]) == cause["number"] - 1


def test_a_mapping_row_is_added_where_something_waits_for_it(joined: Shell) -> None:
    mapping = joined("mapping", "export", "north").out
    joined("mapping", "import", "north", "-", text=mapping.replace('"412*"', '"999*"'))
    joined("sync", "north")
    found = joined("inbox", "north", "--find", "A=4120", "--json").form["causes"]
    hold = str(found[0]["hold"])
    shown = joined("rule", hold, "map", "--target", "S", "--when", "A=412*", "--effect", "--json").form
    assert shown["ends"] > 5
    assert (
        "no pattern"
        in joined("rule", hold, "map", "--target", "S", "--when", "412*", "--json", code=12).error["sentence"]
    )
    done = joined("rule", hold, "map", "--target", "S", "--when", "A=412*")
    assert "The mapping has a row more, version 3: A 412*, to S." in done.out
    joined("sync", "north")
    assert joined("inbox", "north", "--find", "A=4120", "--json").form["causes"] == []
