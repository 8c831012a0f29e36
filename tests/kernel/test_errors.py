"""Errors are ordered by what happens next, and the exit code says which."""

from __future__ import annotations

import pytest

from ml_connector.kernel import errors
from ml_connector.kernel.errors import ConnectorError, RateLimited, Refused, Stale, Wait

TREE = {
    "Wait": (10, ["RateLimited", "Locked", "Unavailable"]),
    "AskPerson": (11, ["ApprovalNeeded", "PlanUnknown", "BrakePulled", "NothingSuchHere", "Paused", "NotAllowed"]),
    "FixSetup": (
        12,
        [
            "BadInput",
            "SignInRefused",
            "RightMissing",
            "NameMissing",
            "HostUnreachable",
            "DatabaseTrouble",
            "KeyTrouble",
            "EnvironmentChanged",
        ],
    ),
    "OutcomeUnknown": (13, []),
    "Refused": (14, ["Stale"]),
    "Bug": (70, []),
}


def test_the_tree_is_as_drawn_at_the_top_of_its_file() -> None:
    drawn = errors.__doc__ or ""
    names = {name for name, (_, leaves) in TREE.items() for name in (name, *leaves)}
    classes = {n for n, one in vars(errors).items() if isinstance(one, type) and issubclass(one, ConnectorError)}
    assert classes == {*names, "ConnectorError"}
    for name in classes:
        assert f"{name} " in drawn or f"{name}\n" in drawn


@pytest.mark.parametrize("branch", TREE)
def test_a_branch_shares_its_exit_code(branch: str) -> None:
    code, leaves = TREE[branch]
    assert f"exit {code}" in (errors.__doc__ or "")
    for name in (branch, *leaves):
        error = getattr(errors, name)
        assert issubclass(error, getattr(errors, branch))
        assert error.exit_code == code


def test_an_error_says_what_happened_what_to_do_and_what_they_called_it() -> None:
    plain = Refused("The vendor is inactive.")
    assert (str(plain), plain.remedy) == ("The vendor is inactive.", Refused.next_step)
    named = Stale("The row changed.", remedy="Read it again.", reference="req-7")
    assert (str(named), named.remedy, named.sentence) == (
        "The row changed. [req-7]",
        "Read it again.",
        "The row changed.",
    )


def test_a_wait_may_know_how_long() -> None:
    assert RateLimited("Slow down.", seconds=12.5).seconds == 12.5
    assert Wait("Later.").seconds is None
