"""Signing in and out: who gets a session, what it is good for, when it ends, and how guessing is slowed down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from ml_connector.access import passwords, signing_in, throttle, users
from ml_connector.access.permissions import Role, permissions_of
from ml_connector.access.secrets_drawn import digest
from ml_connector.access.signing_in import Session, enter_once, once, principal_of_cookie, sign_out
from ml_connector.kernel.errors import BadInput, ConnectorError, NothingSuchHere, RateLimited
from ml_connector.store import counters
from ml_connector.views.users import UsersLook, listed

from .people import ADAM, ANNA, PASSWORD, Hall


@pytest.fixture(autouse=True)
def _nobody_tried(people: Hall) -> None:
    people.do("DELETE FROM sign_ins")


def test_a_session_says_who_it_is_and_what_they_may(people: Hall) -> None:
    begun = people.enter(" Anna.F ")
    found = principal_of_cookie(people.app, begun.cookie)
    assert found is not None
    who, csrf = found
    assert (who.name, who.title, who.role, who.how) == (ANNA, "Anna Finch", Role.APPROVER, "password")
    assert who.permissions == permissions_of(Role.APPROVER)
    assert csrf == begun.csrf != begun.cookie
    assert begun.cookie != people.enter(ANNA).cookie
    assert people.trail("user:sign_in:done")[0] == (ANNA, ANNA, {"how": "password", "address": "10.0.0.9"})
    kept = people.do("SELECT hash FROM sessions WHERE csrf = %s", begun.csrf)
    assert [bytes(row[0]) for row in kept] == [digest(begun.cookie)]


@pytest.mark.parametrize("cookie", ["", "x", "x" * 5000, "\x00", "\ud800"])
def test_a_cookie_of_nobodys_stands_for_nobody(people: Hall, cookie: str) -> None:
    assert principal_of_cookie(people.app, cookie) is None


def test_wrong_name_wrong_password_and_disabled_are_answered_alike(people: Hall) -> None:
    gone, without = people.somebody(password=PASSWORD), people.somebody()
    people.do("UPDATE users SET disabled_at = now() WHERE name = %s", gone)
    answers = set()
    for name, password in ((ANNA, "x" * 14), ("nobody", PASSWORD), (gone, PASSWORD), (without, ""), (ANNA, "y" * 900)):
        with pytest.raises(BadInput) as caught:
            people.enter(name, password)
        answers.add((caught.value.sentence, caught.value.remedy))
    assert len(answers) == 1
    assert "nobody" not in str(people.do("SELECT name FROM sign_ins"))


@pytest.mark.parametrize("disabled", [False, True])
def test_what_changes_while_a_password_is_checked_counts(
    people: Hall, monkeypatch: pytest.MonkeyPatch, disabled: bool
) -> None:
    name, fits = people.somebody(password=PASSWORD), passwords.fits

    def slow(kept: str, password: str) -> bool:
        found = fits(kept, password)
        if disabled:
            users.disable(people.app, name)
        else:
            users.set_password(people.app, name, "seven lamps on the quay")
        return found

    monkeypatch.setattr(passwords, "fits", slow)
    with pytest.raises(BadInput):
        people.enter(name)


def test_a_session_idles_out_and_ends(people: Hall) -> None:
    begun = people.session(ANNA)
    assert people.who(begun)
    key = digest(begun.cookie)
    people.do("UPDATE sessions SET seen_at = now() - interval '7 hours' WHERE hash = %s", key)
    assert people.who(begun), "used within eight hours"
    assert people.do("SELECT seen_at > now() - interval '1 minute' FROM sessions WHERE hash = %s", key) == [(True,)]
    people.do("UPDATE sessions SET seen_at = now() - interval '481 minutes' WHERE hash = %s", key)
    assert people.who(begun) is None
    people.do("UPDATE sessions SET seen_at = now(), ends_at = now() - interval '1 second' WHERE hash = %s", key)
    assert people.who(begun) is None
    people.session(ADAM)
    assert people.do("SELECT 1 FROM sessions WHERE hash = %s", key) == [], "what is over is forgotten"


def test_its_last_use_is_written_at_most_once_a_minute(people: Hall) -> None:
    begun = people.session(ANNA)
    sql = "SELECT xmin::text FROM sessions WHERE hash = %s"
    before = people.do(sql, digest(begun.cookie))
    assert people.who(begun)
    assert people.do(sql, digest(begun.cookie)) == before


def test_signing_out_ends_a_cookie_for_whoever_stole_it(people: Hall) -> None:
    begun, other = people.session(ANNA), people.session(ANNA)
    sign_out(people.app, begun.cookie)
    assert people.who(begun) is None
    assert people.who(other)
    sign_out(people.app, begun.cookie)
    assert signing_in.sign_out_everywhere(people.app, ANNA) >= 1
    assert people.who(other) is None
    assert people.trail("user:sign_out:done")[1][:2] == (ANNA, ANNA)


def test_a_hash_made_at_a_lesser_cost_is_made_anew(people: Hall) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    people.do("UPDATE users SET password = %s, password_at = '2026-01-01' WHERE name = %s", weak, ANNA)
    people.enter(ANNA)
    [(kept, when)] = people.do("SELECT password, password_at::date::text FROM users WHERE name = %s", ANNA)
    assert "m=19456" in kept
    assert when == "2026-01-01", "it is as old as it was"
    assert people.enter(ANNA)


def test_a_link_signs_in_once(people: Hall) -> None:
    def stands() -> tuple[str, str]:
        [row] = listed(people.app, UsersLook(q=name)).rows
        return row["state"], row["signs_in_by"]

    name = people.somebody()
    assert stands() == ("invited", "sign-in link")
    first = once(people.app, name)
    word = once(people.app, name, 5).word
    with pytest.raises(BadInput):
        enter_once(people.app, first.word, "", "")
    begun = enter_once(people.app, word, "", "tests")
    found = people.who(begun)
    assert found is not None
    assert (found.name, found.how) == (name, "once")
    assert stands() == ("active", "sign-in link"), "who was here is not merely invited"
    with pytest.raises(BadInput, match="used already"):
        enter_once(people.app, word, "", "")
    with pytest.raises(NothingSuchHere):
        once(people.app, "nobody")


def test_of_two_who_spend_a_link_at_once_one_gets_in(people: Hall) -> None:
    word = once(people.app, people.somebody()).word

    def tried(_turn: int) -> Session | ConnectorError:
        try:
            return enter_once(people.app, word, "", "")
        except ConnectorError as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(tried, range(4)))
    assert sum(isinstance(one, Session) for one in found) == 1


def test_a_link_ends_by_itself_and_with_its_user(people: Hall) -> None:
    name = people.somebody()
    word = once(people.app, name, 1).word
    people.do("UPDATE once_words SET ends_at = now() - interval '1 second'")
    with pytest.raises(BadInput):
        enter_once(people.app, word, "", "")
    word = once(people.app, name).word
    people.do("UPDATE users SET disabled_at = now() WHERE name = %s", name)
    with pytest.raises(BadInput):
        enter_once(people.app, word, "", "")
    with pytest.raises(BadInput, match="may not sign in"):
        once(people.app, name)


def failed(people: Hall, name: str, address: str, times: int) -> None:
    """So many attempts failed, the last one just now."""
    sql = "INSERT INTO sign_ins (name, address, well) SELECT %s, %s, false FROM generate_series(1, %s)"
    people.do(sql, name, address, times)


def test_guessing_a_name_makes_it_wait_and_says_how_long(people: Hall) -> None:
    failed(people, ANNA, "198.51.100.1", 4)
    with pytest.raises(BadInput):
        people.enter(ANNA, "wrong password here", "198.51.100.2")
    with pytest.raises(RateLimited, match="Try again in 2 seconds") as caught:
        people.enter(ANNA, address="198.51.100.3")
    assert caught.value.seconds == 2
    people.do("UPDATE sign_ins SET at = at - interval '3 seconds'")
    assert people.enter(ANNA, address="198.51.100.3"), "never for good"
    failed(people, ANNA, "198.51.100.1", 200)
    with pytest.raises(RateLimited) as caught:
        people.enter(ANNA, address="198.51.100.2")
    assert caught.value.seconds == 300
    people.do("UPDATE sign_ins SET at = at - interval '301 seconds' WHERE NOT well")
    assert people.enter(ANNA, address="198.51.100.2")


def test_who_is_guessed_at_from_elsewhere_still_signs_in_at_their_usual_place(people: Hall) -> None:
    people.enter(ANNA, address="203.0.113.5")
    failed(people, ANNA, "198.51.100.1", 50)
    assert people.enter(ANNA, address="203.0.113.5")
    failed(people, ANNA, "203.0.113.5", 10)
    with pytest.raises(RateLimited):
        people.enter(ANNA, address="203.0.113.5")


def test_an_address_that_tries_many_names_waits_and_others_do_not(people: Hall) -> None:
    free, _ = throttle.BY_ADDRESS
    for turn in range(free):
        failed(people, throttle.unknown(f"name{turn}"), "198.51.100.77", 1)
    with pytest.raises(RateLimited):
        people.enter(ANNA, address="198.51.100.77")
    assert people.enter(ANNA, address="198.51.100.78")


def test_many_at_once_are_counted_one_by_one(people: Hall) -> None:
    free, _ = throttle.BY_NAME

    def tried(turn: int) -> bool:
        try:
            throttle.admit(people.app, ANNA, f"192.0.2.{turn}")
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(tried, range(1, 25))) == free


def test_refused_sign_ins_are_counted_and_audited_together(people: Hall) -> None:
    with people.app.db.begin() as conn:
        before = counters.totals(conn, 0).get(0, {}).get(throttle.REFUSED, 0)
    failed(people, ANNA, "198.51.100.1", 3)
    failed(people, throttle.unknown("somebody"), "198.51.100.2", 1)
    people.do("UPDATE sign_ins SET at = at - interval '1 minute'")
    audited = len(people.trail("user:sign_in:refused"))
    for _ in range(2):
        throttle.refused(people.app)
    found = people.trail("user:sign_in:refused")
    assert len(found) == audited + 1, "one row a minute"
    about = {"times": 4, "names": [ANNA], "addresses": ["198.51.100.1", "198.51.100.2"]}
    assert found[0] == ("door", ANNA, about)
    with people.app.db.begin() as conn:
        assert counters.totals(conn, 0)[0][throttle.REFUSED] == before + 2


def test_old_attempts_are_forgotten(people: Hall) -> None:
    failed(people, ANNA, "198.51.100.1", 3)
    people.do("UPDATE sign_ins SET at = now() - interval '25 hours'")
    throttle.refused(people.app)
    assert people.do("SELECT count(*) FROM sign_ins") == [(0,)]
