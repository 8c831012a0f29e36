"""What roles may, which passwords are taken, and how long guessing waits: decided without a database."""

from __future__ import annotations

import pytest

from ml_connector.access import passwords
from ml_connector.access.permissions import (
    RANKS,
    Permission,
    Role,
    known_scopes,
    permissions_of,
    role_from,
    scopes_from,
)
from ml_connector.access.throttle import BY_ADDRESS, BY_NAME, place_of, unknown, wait_after, whence
from ml_connector.access.users import highest
from ml_connector.kernel.errors import BadInput
from ml_connector.views.users import browser_of

LEAST = {
    Permission.LOOK: Role.VIEWER,
    Permission.OWN: Role.VIEWER,
    Permission.WORK: Role.OPERATOR,
    Permission.APPROVE: Role.APPROVER,
    Permission.CONFIGURE: Role.ADMIN,
    Permission.USERS: Role.ADMIN,
}


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_what_it_and_the_lesser_ones_may(role: Role, permission: Permission) -> None:
    expected = RANKS.index(role) >= RANKS.index(LEAST[permission])
    assert (permission in permissions_of(role)) is expected


def test_roles_and_scopes_are_read_from_words() -> None:
    assert role_from(" Approver ") is Role.APPROVER
    assert highest([Role.OPERATOR, Role.ADMIN, Role.VIEWER]) is Role.ADMIN
    assert scopes_from(["look", " Work "]) == {Permission.LOOK, Permission.WORK}
    assert known_scopes(["look", "of-an-older-release"]) == {Permission.LOOK}
    for wrong in (["lok"], [], [" "]):
        with pytest.raises(BadInput):
            scopes_from(wrong)
    with pytest.raises(BadInput, match="no role 'boss'"):
        role_from("boss")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 12"),
        ("x" * 201, "at most 200"),
        ("password1234", "first that are tried"),
        ("P@ssw0rd2026!", "first that are tried"),
        ("qwertyuiop123", "first that are tried"),
        ("Summer2026Winter!", "first that are tried"),
        ("aaaaaaaaaaaaaab", "first that are tried"),
        ("123456789012", "first that are tried"),
        ("abcdefghijklmnop", "first that are tried"),
        ("welcome to procore", "first that are tried"),
        ("the carol-finch story", "own name"),
        ("finch holds the hammer", "own name"),
        ("twelve\x07bells ring", "control"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        passwords.check(password, "carol.finch", "Carol Finch", "carol@north.example")


@pytest.mark.parametrize(
    "password", ["nine green kettles sing", "7Rq!vz-Lp0w2", "grüne Kessel pfeifen", "мост над рекой"]
)
def test_a_password_of_words_that_do_not_belong_together_is_taken(password: str) -> None:
    passwords.check(password, "carol.finch", "Carol Finch", "carol@north.example")


def test_a_password_is_the_same_however_a_keyboard_composes_it() -> None:
    kept = passwords.hashed("caf\u00e9 over the river")
    assert kept.startswith("$argon2id$")
    assert passwords.fits(kept, "cafe\u0301 over the river")
    assert not passwords.fits(kept, "cafe over the river")
    assert not passwords.fits("", "cafe over the river")
    assert not passwords.fits("broken", "cafe over the river")


def test_waits_grow_from_the_free_tries_to_a_bound() -> None:
    free, most = BY_NAME
    assert [wait_after(failed, free, most) for failed in (0, free - 1, free, free + 1, free + 3)] == [0, 0, 2, 4, 16]
    assert wait_after(10**6, free, most) == most
    assert wait_after(10**6, *BY_ADDRESS) <= 60


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown; DROP TABLE", ""),
    ],
)
def test_an_address_counts_as_a_place(address: str, place: str) -> None:
    assert place_of(address) == place


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "made up, 192.0.2.9, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.2", "198.51.100.1, not an address", "10.0.0.2"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("", "198.51.100.1", ""),
        ("::1", "2001:db8::5", "2001:db8::5"),
    ],
)
def test_only_our_own_proxies_are_believed_where_somebody_comes_from(peer: str, forwarded: str, found: str) -> None:
    assert whence(peer, forwarded, ("10.0.0.0/8", "::1/128")) == found


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1", "Safari on iPhone"),
        ("curl/8.5", "curl/8.5"),
        ("", "unknown"),
    ],
)  # fmt: skip
def test_a_browser_is_said_as_people_call_it(agent: str, said: str) -> None:
    assert browser_of(agent) == said


def test_a_name_nobody_has_is_kept_as_a_digest() -> None:
    assert unknown("my password by mistake").startswith("?")
    assert "password" not in unknown("my password by mistake")
