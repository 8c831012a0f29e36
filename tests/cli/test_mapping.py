"""The mapping as command lines: what a change would do, one row at a time, versions compared and restored."""

from __future__ import annotations

from .shell import Shell


def test_a_row_is_tried_saved_compared_and_taken_back(joined: Shell) -> None:
    joined("sync", "north", code=None)
    tried = joined("mapping", "edit", "change", "cost_type", "row=1", "A=411*", "to=S", "--dry-run", "--json").form
    assert (tried["version"], tried["based_on"]) == (1, 1)
    assert {move["after"].rpartition(".")[2] for move in tried["moves"]} == {"S"}
    said = joined("mapping", "edit", "change", "cost_type", "row=1", "A=411*", "to=S").out
    assert f"Would move: {tried['documents']} open documents" in said
    assert "north now has mapping version 2." in said
    assert "A=411* -> S" in joined("mapping", "compare", "1", "2").out
    assert [one["version"] for one in joined("mapping", "versions", "--json").form["versions"]] == [2, 1]
    back = joined("mapping", "effect", "--version", "1", "--json").form
    assert [(one["before"], one["after"]) for one in back["changes"]] == [("A=411* -> S", "A=411* -> M")]
    late = joined("mapping", "restore", "1", "--based-on", "1", "--json", code=12).error
    assert "changed meanwhile" in late["sentence"]
    assert joined("mapping", "restore", "1", "--based-on", "2").out == "Version 3 of north equals version 1.\n"
    assert joined("mapping", "show", "--table", "cost_type", "--json").form["rows"][0]["to"] == "M"


def test_a_draft_is_begun_carried_over_and_saved(joined: Shell) -> None:
    show = ("mapping", "draft", "show")
    assert "You have no draft" in joined(*show, code=11).err
    tried = joined("mapping", "edit", "add", "cost_type", "A=77", "to=E", "--draft", "--json").form
    assert (tried["version"], tried["future_in_all"], tried["draft"]) == (1, 1, "waits")
    said = joined("mapping", "edit", "add", "cost_type", "A=78", "to=S").out
    assert "Your unsaved draft was carried over onto it." in said
    text = joined("mapping", "export").out
    assert (
        "it was: `ml-connector mapping draft carry`"
        in joined("mapping", "import", "-", text=text.replace('to = "S"', 'to = "O"')).out
    )
    assert "Version 3 was saved since" in joined(*show).out
    assert "was begun from 2" in joined("mapping", "draft", "save", code=12).err
    assert joined("mapping", "draft", "carry").out == "Your draft of north is based on version 3 now.\n"
    seen = joined(*show, "--json").form
    assert (seen["begun_from"], [one["after"] for one in seen["changes"]]) == (3, ["A=77 -> E"])
    assert "changed since" in joined("mapping", "draft", "save", "--seen", "another", code=12).err
    assert joined("mapping", "draft", "save", "--seen", seen["mark"]).out == "north now has mapping version 4.\n"
    joined("mapping", "import", "-", "--draft", text=text)
    assert "You have an unsaved draft" in joined("mapping", "import", "-", "--draft", text=text, code=12).err
    joined("mapping", "edit", "change", "cost_type", "row=1", "A=411*", "to=L")
    clash = ("mapping", "edit", "change", "cost_type", "row=1", "A=411*", "to=E")
    assert "`ml-connector mapping draft save` saves it" in joined(*clash, "--draft").out
    assert "Your unsaved draft stays" in joined(*clash[:-1], "to=O").out
    said = joined(*clash, "--draft").out
    assert "was saved since you began that" in said
    assert "draft save" not in said
    assert "and it says A=411* -> O by now" in joined("mapping", "draft", "carry", code=11).err
    assert joined("mapping", "draft", "drop", "--json").form["dropped"]
    assert joined("mapping", "draft", "drop").out == "You had no draft.\n"
    joined(*clash, "--draft")
    assert "there is nothing to save" in joined(*clash[:-1], "to=O", "--draft").out
    same = joined("mapping", "export").out
    assert "there is nothing to save" in joined("mapping", "import", "-", "--draft", text=same).out
    assert "goes with --draft" in joined("mapping", "import", "-", "--drop-draft", text=same, code=12).err


def test_gaps_are_said_with_suggestions_and_a_wrong_word_with_what_is_right(joined: Shell) -> None:
    joined("mapping", "edit", "remove", "cost_type", "row=3")
    joined("sync", "north", code=None)
    assert "E (9" in joined("mapping", "suggest").out
    text = joined("mapping", "export", "--version", "1").out
    told = joined("mapping", "effect", "-", text=text).out
    assert "Would wait no more for cost_type A=4130" in told
    assert "WHAT" in joined("mapping", "edit", "--help").out
    assert "NAME=VALUE" in joined("mapping", "edit", "add", "cost_type", "1910", code=12).err
    was = ("mapping", "edit", "remove", "cost_type", "row=1", "--was", "A=412*", "--was", "to=S")
    assert "is not the row that was shown" in joined(*was, code=12).err
    late = ("mapping", "edit", "remove", "cost_type", "row=1", "--based-on", "1")
    assert "changed meanwhile" in joined(*late, code=12).err
    assert "no row 9" in joined("mapping", "edit", "remove", "cost_type", "row=9", code=12).err
    assert "no table" in joined("mapping", "show", "--table", "tax", code=12).err
