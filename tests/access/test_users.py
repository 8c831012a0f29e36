"""Users come, change and go; their sessions and tokens follow at once; an administrator always stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from ml_connector.access import signing_in, tokens, users
from ml_connector.access.permissions import Permission, Role
from ml_connector.access.principal import Principal
from ml_connector.access.secrets_drawn import digest
from ml_connector.access.signing_in import enter_once, principal_of_cookie, principal_of_token
from ml_connector.access.users import Newcomer
from ml_connector.actions import own
from ml_connector.actions import users as acts
from ml_connector.actions.action import Action, Nothing
from ml_connector.actions.perform import perform
from ml_connector.kernel.errors import BadInput, ConnectorError, NotAllowed, NothingSuchHere, RateLimited
from ml_connector.store import restored

from .people import ADAM, ANNA, PASSWORD, Hall

HERE = ("10.0.0.9", "tests")


def asking(people: Hall, name: str) -> Principal:
    """Somebody in a session."""
    found = people.who(people.session(name))
    assert found is not None
    return found


def test_a_new_user_gets_a_link_and_chooses_a_password(people: Hall) -> None:
    given = Newcomer(name=" Otto ", role="Operator", title="Otto  Berg", email="otto@north.example")
    added = users.add(people.app, given)
    assert added.user.name == "otto"
    assert added.user.title == "Otto Berg"
    assert added.user.signs_in_by == []
    assert added.link is not None
    begun = enter_once(people.app, added.link.word, *HERE)
    who = people.who(begun)
    assert who is not None
    after = users.change_password(people.app, who, "", "seven lamps on the quay", HERE)
    assert people.who(begun) is None, "the session of the link is over"
    assert people.who(after)
    assert people.enter("otto", "seven lamps on the quay")
    assert users.get(people.app, "otto").signs_in_by == ["password"]
    about = {"role": "operator", "email": "otto@north.example", "number": who.user_id}
    assert people.trail("user:add:done")[0] == ("tests", "otto", about)


@pytest.mark.parametrize(
    "given",
    [
        Newcomer(name="anna.f"),
        Newcomer(name="somebody", email="ANNA@north.example"),
        Newcomer(name="somebody", role="boss"),
        Newcomer(name="somebody", password="password1234"),
        Newcomer(name="somebody", subject="123"),
        Newcomer(name="somebody", title="x\x00y"),
        Newcomer(name="somebody", email="no address"),
        Newcomer(name=""),
        Newcomer(name="two words"),
        Newcomer(name="<script>"),
        Newcomer(name="x" * 65),
        Newcomer(name="service"),
        Newcomer(name="openid"),
    ],
)
def test_what_cannot_be_a_user_is_refused(people: Hall, given: Newcomer) -> None:
    with pytest.raises(BadInput):
        users.add(people.app, given)
    with pytest.raises(NothingSuchHere):
        users.get(people.app, "somebody")


def test_another_role_ends_sessions_and_the_tokens_follow(people: Hall) -> None:
    name = people.somebody("approver")
    begun = people.session(name)
    token = tokens.add(people.app, asking(people, name), "report", ["look", "approve"], 30).token
    assert users.set_role(people.app, name, "viewer").role == "viewer"
    assert people.who(begun) is None
    found = principal_of_token(people.app, token)
    assert found is not None
    assert found.permissions == {Permission.LOOK}
    users.set_role(people.app, name, "admin")
    found = principal_of_token(people.app, token)
    assert found is not None
    assert found.permissions == {Permission.LOOK, Permission.APPROVE}, "never more than its scopes"
    assert people.trail("user:change:done")[0][2] == {"role": "admin", "before": "viewer"}
    users.set_role(people.app, name, "viewer")


def test_a_token_makes_nobody_who_may_more_than_itself(people: Hall) -> None:
    name = people.somebody("operator")

    def by(*scopes: str) -> Principal:
        made = tokens.add(people.app, asking(people, ADAM), f"people {scopes}", scopes, 1)
        found = principal_of_token(people.app, made.token)
        assert found is not None
        return found

    def does(who: Principal, action: Action, **given: Any) -> Any:
        return perform(people.app, who, action, action.takes(**given))

    bare, wider, whole = by("users"), by("users", "look", "work"), by("users", "look", "work", "approve", "configure")
    for who in (bare, wider, whole):
        with pytest.raises(NotAllowed, match="sign-in link"):
            does(who, acts.LINK, user=ADAM)
    for who, action, given in (
        (bare, acts.ADD, {"name": "nobody.yet"}),
        (wider, acts.ADD, {"name": "nobody.yet", "role": "approver"}),
        (wider, acts.ROLE, {"user": name, "role": "admin"}),
        (bare, acts.CHANGE, {"user": name, "email": "mine@evil.example"}),
        (wider, acts.CHANGE, {"user": ADAM, "email": "mine@evil.example"}),
        (wider, acts.CHANGE, {"user": ADAM, "subject": ""}),
    ):
        with pytest.raises(NotAllowed, match="no right to"):
            does(who, action, **given)
    assert does(bare, acts.CHANGE, user=ADAM, title="Adam").title == "Adam"
    assert does(wider, acts.CHANGE, user=name, email="olga@made.example").email == "olga@made.example"
    assert does(wider, acts.ADD, name="made.by.token", role="operator").link
    assert does(bare, acts.DISABLE, user=name).disabled_at, "which gives nobody anything"
    assert does(whole, acts.ROLE, user="made.by.token", role="admin").role == "admin"
    assert does(asking(people, ADAM), acts.LINK, user="made.by.token").word
    users.remove(people.app, "made.by.token")


def test_disabling_ends_everything_and_enabling_brings_back_the_role(people: Hall) -> None:
    name = people.somebody("operator")
    begun = people.session(name)
    token = tokens.add(people.app, asking(people, name), "report", ["look"], 30).token
    assert users.disable(people.app, name).disabled_at is not None
    assert people.who(begun) is None
    assert principal_of_token(people.app, token) is None
    assert users.enable(people.app, name).disabled_at is None
    assert people.who(begun) is None, "a session that ended stays so"
    assert principal_of_token(people.app, token) is not None


def test_removing_takes_everything_but_the_audit_trail(people: Hall) -> None:
    name = people.somebody()
    begun = people.session(name)
    token = tokens.add(people.app, asking(people, name), "report", ["look"], 30).token
    users.remove(people.app, name)
    assert people.who(begun) is None
    assert principal_of_token(people.app, token) is None
    assert people.trail("user:remove:done")[0][1] == name
    with pytest.raises(NothingSuchHere):
        users.get(people.app, name)


def test_the_last_administrator_who_can_sign_in_stays(people: Hall) -> None:
    invited = people.somebody("admin")  # never signed in: cannot help anybody
    users.disable(people.app, "ada")
    for take_away in (
        lambda: users.disable(people.app, ADAM),
        lambda: users.remove(people.app, ADAM),
        lambda: users.set_role(people.app, ADAM, "approver"),
    ):
        with pytest.raises(BadInput, match="last administrator"):
            take_away()
    begun = people.session(ADAM)
    assert users.set_role(people.app, ADAM, "admin").role == "admin"
    assert people.who(begun), "no change, no end"
    users.remove(people.app, invited)
    users.enable(people.app, "ada")
    assert users.set_role(people.app, ADAM, "viewer").role == "viewer"
    users.set_role(people.app, ADAM, "admin")


def test_two_administrators_who_are_taken_away_at_once_do_not_both_go(people: Hall) -> None:
    start = Barrier(2)

    def tried(name: str) -> bool:
        start.wait(5)
        try:
            users.set_role(people.app, name, "viewer")
        except ConnectorError:
            return False
        return True

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(tried, (ADAM, "ada"))) == [False, True]
        for name in (ADAM, "ada"):
            users.set_role(people.app, name, "admin")


def test_a_password_is_changed_by_whoever_knows_it(people: Hall) -> None:
    name = people.somebody(password=PASSWORD)
    begun, stolen = people.enter(name), people.session(name)
    found = principal_of_cookie(people.app, begun.cookie)
    assert found is not None
    who = found[0]
    with pytest.raises(BadInput, match="not right"):
        users.change_password(people.app, who, "something else", "seven lamps on the quay", HERE)
    with pytest.raises(BadInput, match="at least 12"):
        users.change_password(people.app, who, PASSWORD, "short", HERE)
    after = users.change_password(people.app, who, PASSWORD, "seven lamps on the quay", HERE)
    assert [people.who(one) is not None for one in (begun, stolen, after)] == [False, False, True]
    with pytest.raises(BadInput):
        people.enter(name, PASSWORD)
    sql = "INSERT INTO sign_ins (name, address, well) SELECT %s, '', false FROM generate_series(1, 9)"
    people.do(sql, name)
    with pytest.raises(RateLimited):
        users.change_password(people.app, who, "a guess at it", "eight lamps on the quay", ("198.51.100.9", ""))
    by_token = principal_of_token(people.app, tokens.add_for(people.app, name, "t", ["own"], 1).token)
    assert by_token is not None
    with pytest.raises(NotAllowed):
        users.change_password(people.app, by_token, "seven lamps on the quay", "nine lamps on the quay", HERE)


def test_ones_own_password_and_sessions_are_actions_that_no_token_takes_the_password_of(people: Hall) -> None:
    name = people.somebody(password=PASSWORD)
    begun, other = people.enter(name), people.session(name)
    found = principal_of_cookie(people.app, begun.cookie)
    by_token = principal_of_token(people.app, tokens.add_for(people.app, name, "t", ["own"], 1).token)
    assert found is not None
    assert by_token is not None
    given = own.OwnPassword(old=PASSWORD, new="seven lamps on the quay")
    with pytest.raises(NotAllowed, match="token cannot change a password"):
        perform(people.app, by_token, own.MY_PASSWORD, given)
    assert perform(people.app, by_token, own.MY_SIGN_OUT, Nothing()) == own.SignedOut(2)
    assert [people.who(one) for one in (begun, other)] == [None, None]
    perform(people.app, found[0], own.MY_PASSWORD, given)
    assert people.who(people.enter(name, given.new)) is not None


def test_the_machine_gives_a_password_and_ends_sessions(people: Hall) -> None:
    name = people.somebody()
    begun = people.session(name)
    users.set_password(people.app, name, PASSWORD)
    assert people.who(begun) is None
    assert people.enter(name)
    with pytest.raises(BadInput):
        users.set_password(people.app, name, "password1234")
    people.do("DELETE FROM sign_ins")


def test_sessions_are_listed_and_ended_one_by_one(people: Hall) -> None:
    name = people.somebody()
    first, second = people.session(name), people.session(name)
    listed = users.sessions_of(people.app, name)
    assert len(listed) == 2
    assert {one.agent for one in listed} == {"tests"}
    who = people.who(second)
    assert who is not None
    assert who.by in {one.id for one in listed}
    users.end_session(people.app, name, who.by)
    assert people.who(second) is None
    assert people.who(first)
    for nobody in (who.by, "", digest(first.cookie).hex()):
        with pytest.raises(NothingSuchHere):
            users.end_session(people.app, name, nobody)
    with pytest.raises(NothingSuchHere):
        users.end_session(people.app, ANNA, users.sessions_of(people.app, name)[0].id)


def test_a_restored_database_has_nobody_signed_in(people: Hall) -> None:
    begun, word = people.session(ANNA), signing_in.once(people.app, ANNA).word
    with people.app.db.begin() as conn:
        restored.forget_work(conn)
    assert people.who(begun) is None
    with pytest.raises(BadInput):
        enter_once(people.app, word, *HERE)


def test_a_time_zone_is_one_there_is(people: Hall) -> None:
    assert users.set_zone(people.app, ANNA, " America/Chicago ") == "America/Chicago"
    assert asking(people, ANNA).zone == "America/Chicago"
    for wrong in ("Mars/Olympus", "../../etc/passwd", "x\x00y", "A" * 5000):
        with pytest.raises(BadInput):
            users.set_zone(people.app, ANNA, wrong)
    assert users.set_zone(people.app, ANNA, "") == ""


def test_titles_and_addresses_change(people: Hall) -> None:
    name = people.somebody()
    found = users.change(people.app, name, title="New  Title", email=f"{name}@north.example")
    assert (found.title, found.email) == ("New Title", f"{name}@north.example")
    with pytest.raises(BadInput, match="already"):
        users.change(people.app, name, email="Anna@North.example")
    assert users.change(people.app, name).title == "New Title"
    assert users.any_user(people.app)
    assert signing_in.sign_out_everywhere(people.app, name) == 0


def test_a_token_is_shown_once_and_holds_until_it_ends(people: Hall) -> None:
    name = people.somebody("operator")
    who = asking(people, name)
    made = tokens.add(people.app, who, " nightly  report ", ["work", "look"], 365)
    assert made.token.startswith("mlc_")
    assert (made.row.name, made.row.scopes, made.row.user) == ("nightly report", ["look", "work"], name)
    found = principal_of_token(people.app, made.token)
    assert found is not None
    assert (found.name, found.how, found.by) == (name, "token", str(made.row.id))
    assert found.permissions == {Permission.LOOK, Permission.WORK}
    assert found.role is Role.OPERATOR
    assert made.token not in str(people.do("SELECT * FROM api_tokens"))
    assert people.do("SELECT used_at IS NOT NULL FROM api_tokens WHERE id = %s", made.row.id) == [(True,)]
    people.do("UPDATE api_tokens SET ends_at = now() - interval '1 second' WHERE id = %s", made.row.id)
    assert principal_of_token(people.app, made.token) is None
    for wrong in ("", "mlc_", made.token + "x", made.token[:-1], "\ud800", "x" * 9000):
        assert principal_of_token(people.app, wrong) is None


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [("", ["look"], 30), ("x" * 101, ["look"], 30), ("a\x00b", ["look"], 30), ("t", [], 30), ("t", ["all"], 30)]
    + [("t", ["look"], days) for days in (0, -1, 366, 10**9)],
)
def test_a_token_that_cannot_be_is_refused(people: Hall, name: str, scopes: list[str], days: int) -> None:
    with pytest.raises(BadInput):
        tokens.add(people.app, asking(people, ANNA), name, scopes, days)


def test_sessions_and_tokens_of_one_user_have_an_end(people: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "MOST", 3)
    monkeypatch.setattr(tokens, "MOST", 2)
    name, other = people.somebody("operator"), people.somebody("operator")
    elsewhere = people.session(other)
    begun = [people.session(name) for _ in range(5)]
    assert [people.who(one) is not None for one in begun] == [False, False, True, True, True]
    assert people.who(elsewhere) is not None
    made = [tokens.add_for(people.app, name, "t", ["look"], 30) for _ in range(2)]
    with pytest.raises(BadInput, match="2 tokens that hold"):
        tokens.add_for(people.app, name, "t", ["look"], 30)
    tokens.revoke(people.app, None, made[0].row.id)
    assert tokens.add_for(people.app, name, "t", ["look"], 30)
    assert tokens.add_for(people.app, other, "t", ["look"], 30)


def test_nobody_gets_a_token_for_more_than_they_may(people: Hall) -> None:
    who = asking(people, people.somebody("operator"))
    with pytest.raises(NotAllowed, match="no right to approve"):
        tokens.add(people.app, who, "t", ["look", "approve"], 30)
    found = principal_of_token(people.app, tokens.add(people.app, who, "t", ["own"], 30).token)
    assert found is not None
    with pytest.raises(NotAllowed, match="cannot make another"):
        tokens.add(people.app, found, "t", ["own"], 30)
    users.disable(people.app, who.name)
    with pytest.raises(BadInput):
        tokens.add_for(people.app, who.name, "t", ["look"], 30)


def test_a_token_is_taken_back_by_its_user_and_by_administrators_only(people: Hall) -> None:
    owner, other, boss = (asking(people, one) for one in (people.somebody(), people.somebody(), ADAM))
    made = [tokens.add(people.app, owner, f"t{turn}", ["look"], 30) for turn in range(3)]
    with pytest.raises(NothingSuchHere):
        tokens.revoke(people.app, other, made[0].row.id)
    assert principal_of_token(people.app, made[0].token)
    for who, one in zip((owner, boss, None), made, strict=True):
        assert tokens.revoke(people.app, who, one.row.id).revoked_at is not None
        assert principal_of_token(people.app, one.token) is None
    audited = len(people.trail("token:revoke:done"))
    tokens.revoke(people.app, owner, made[0].row.id)
    assert len(people.trail("token:revoke:done")) == audited
    with pytest.raises(NothingSuchHere):
        tokens.revoke(people.app, boss, 2**62)
