"""The commands about users and tokens: the first administrator comes from here, and everything else works, too."""

from __future__ import annotations

import pytest

from .shell import Shell

PASSWORD = "nine green kettles sing"


def test_users_come_change_and_go(shell: Shell) -> None:
    assert "Next: ml-connector user add" in shell("user", "list").out
    said = shell("user", "add", "anna", "--role", "admin", "--email", "anna@north.example")
    assert "http://127.0.0.1:8480/sign-in/once/" in said.out
    assert "ML_CONNECTOR_CONSOLE_URL" in said.out
    site = {"ML_CONNECTOR_CONSOLE_URL": "https://console.example"}
    form = shell("user", "add", "otto", "--json", **site).form
    assert form["user"]["role"] == "viewer"
    assert form["link"]["url"].startswith("https://console.example/sign-in/once/")
    assert "invited" in shell("user", "list").out
    for name in ("anna", "otto"):
        shell("user", "password", name, "-", text=PASSWORD + "\n")
    refused = shell("user", "role", "anna", "operator", "--json", code=12)
    assert "last administrator" in refused.error["sentence"]
    shell("user", "role", "otto", "approver")
    shell("user", "change", "otto", "--title", "Otto Berg", "--zone", "Europe/Oslo")
    shell("user", "disable", "otto")
    found = {row["name"]: row for row in shell("user", "list", "--json").form["users"]}
    assert (found["otto"]["title"], found["otto"]["role"]) == ("Otto Berg", "approver")
    assert (found["otto"]["state"], found["anna"]["state"]) == ("disabled", "active")
    assert "may not sign in" in shell("user", "link", "otto", code=12).err
    shell("user", "enable", "otto")
    assert "/sign-in/once/" in shell("user", "link", "otto", "--minutes", "5").out
    assert shell("user", "sign-out", "otto", "--json").form == {"ended": 0}
    assert "no session" in shell("user", "sessions", "otto").out
    shell("user", "sign-out", "otto", "3f2a", code=11)
    shell("user", "remove", "otto")
    shell("user", "sessions", "otto", code=11)


@pytest.mark.parametrize("words", [("password1234", "first that are tried"), ("short", "at least 12")])
def test_a_password_comes_by_standard_input_and_never_by_the_line(shell: Shell, words: tuple[str, str]) -> None:
    shell("user", "add", "anna")
    typed, says = words
    assert says in shell("user", "password", "anna", "-", text=typed, code=12).err
    assert "where others see it" in shell("user", "password", "anna", typed, code=12).err
    assert "no terminal" in shell("user", "password", "anna", code=12).err


def test_tokens_are_made_listed_and_taken_back(shell: Shell) -> None:
    shell("user", "add", "anna", "--role", "operator")
    made = shell("token", "add", "anna", "--name", "report", "--scope", "look", "--scope", "work", "--json").form
    assert made["token"].startswith("mlc_")
    number = str(made["number"])
    listed = shell("token", "list", "anna")
    assert "look, work" in listed.out
    assert made["token"] not in listed.out
    assert "mlc_" in shell("token", "add", "anna", "--name", "other", "--scope", "look", "--days", "1").out
    shell("token", "add", "anna", "--name", "x", "--scope", "approve", code=11)
    shell("token", "add", "anna", "--name", "x", "--scope", "look", "--days", "366", code=12)
    shell("token", "revoke", number)
    states = {row["id"]: row["state"] for row in shell("token", "list", "--json").form["tokens"]}
    assert states[made["number"]] == "revoked"
    shell("token", "revoke", "999", code=11)
    shell("token", "list", "nobody", code=11)
