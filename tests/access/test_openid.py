"""Signing in with an OpenID provider: who comes in as what, and every way a provider or a thief goes wrong."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from ml_connector.access import openid, openid_provider, users
from ml_connector.access.openid import Arrived
from ml_connector.access.openid_provider import Provider as OurProvider
from ml_connector.access.secrets_drawn import digest
from ml_connector.access.users import Newcomer
from ml_connector.app import App
from ml_connector.kernel.errors import BadInput, SignInRefused, Unavailable
from ml_connector.settings import OpenId, Settings, settings_from

from .people import ADAM, PASSWORD, Hall
from .provider import CLIENT, SECRET, Provider, provided

BACK = "http://127.0.0.1:8480/sign-in/company/back"
HERE = ("10.0.0.9", "tests")
MAIL = {"email": "olga@north.example", "email_verified": True}


@pytest.fixture(scope="module")
def standing_provider() -> Iterator[Provider]:
    """The provider, for the module."""
    with provided() as made:
        yield made


@pytest.fixture
def provider(people: Hall, standing_provider: Provider) -> Provider:
    """The same, as it should be, and forgotten by us."""
    standing_provider.wrong, standing_provider.account = {}, {}
    people.do("UPDATE users SET issuer = '', subject = ''")
    openid._provider.cache_clear()
    return standing_provider


def app_with(people: Hall, provider: Provider, **more: Any) -> App:
    """The App with this provider in its settings."""
    given = OpenId(issuer=provider.url, client_id=CLIENT, client_secret=SECRET, **more)
    found = people.app.acting_as("tests")
    found.settings = msgspec.structs.replace(people.app.settings, openid=given)
    return found


def visit(url: str, back: str = BACK) -> str:
    """Where the provider sends a browser, which is below `back`; its path and query."""
    parts = urlsplit(url)
    link = http.client.HTTPConnection(parts.netloc, timeout=10)
    link.request("GET", f"{parts.path}?{parts.query}")
    to = link.getresponse().headers["location"]
    link.close()
    assert to.startswith(back)
    return to[to.index("/", 8) :]


def answered(url: str) -> dict[str, str]:
    """What the provider sends a browser back with."""
    return {name: values[0] for name, values in parse_qs(urlsplit(visit(url)).query).items()}


def sign_in(app: App, to: str = "/") -> Arrived:
    """The whole way."""
    going = openid.go(app, BACK, to)
    return openid.come_back(app, answered(going.url), going.browser, HERE)


def invited(people: Hall, provider: Provider, **given: str) -> str:
    """Somebody an administrator added for this provider."""
    name = people.somebody()
    if "subject" in given:
        people.do("UPDATE users SET issuer = %s, subject = %s WHERE name = %s", provider.url, given["subject"], name)
    if "email" in given:
        people.do("UPDATE users SET email = %s WHERE name = %s", given["email"], name)
    return name


def test_who_was_added_by_subject_comes_in_and_goes_where_they_wanted(people: Hall, provider: Provider) -> None:
    app = app_with(people, provider)
    name = users.add(app, Newcomer(name="olaf", role="operator", subject="u-olaf")).user.name
    provider.account = {"sub": "u-olaf"}
    arrived = sign_in(app, "/c/north/inbox")
    who = people.who(arrived.session)
    assert who is not None
    assert (who.name, who.how, who.role) == (name, "openid", "operator")
    assert arrived.to == "/c/north/inbox"
    with pytest.raises(BadInput, match="known by this subject"):
        users.change(app, ADAM, subject="u-olaf")
    users.change(app, name, subject="")
    with pytest.raises(SignInRefused):
        sign_in(app)


def test_who_was_added_by_email_is_known_by_their_account_from_then_on(people: Hall, provider: Provider) -> None:
    app = app_with(people, provider)
    name = invited(people, provider, email=MAIL["email"])
    provider.account = {"sub": "u-2", **MAIL, "email_verified": False}
    with pytest.raises(SignInRefused, match="Nobody here knows"):
        sign_in(app)
    provider.account = {"sub": "u-2", **MAIL, "email": "OLGA@north.example"}
    sign_in(app)
    assert people.do("SELECT issuer, subject FROM users WHERE name = %s", name) == [(provider.url, "u-2")]
    provider.account = {"sub": "u-2", "email": "new@north.example", "email_verified": True}
    sign_in(app)
    provider.account = {"sub": "u-3", **MAIL}
    with pytest.raises(SignInRefused):  # the address was given to somebody else
        sign_in(app)
    users.disable(app, name)
    provider.account = {"sub": "u-2", **MAIL}
    with pytest.raises(SignInRefused):
        sign_in(app)
    users.remove(app, name)


def test_a_stranger_of_a_domain_comes_in_as_a_viewer_and_any_other_does_not(people: Hall, provider: Provider) -> None:
    app = app_with(people, provider, domains=("north.example",))
    for email, verified in (("eve@other.example", True), ("eve@north.example", False), ("@north.example.evil", True)):
        provider.account = {"sub": "u-eve", "email": email, "email_verified": verified}
        with pytest.raises(SignInRefused):
            sign_in(app)
    provider.account = {"sub": "u-new", "name": "Nora\x00 New", "email": "Nora@North.example", "email_verified": True}
    who = people.who(sign_in(app).session)
    assert who is not None
    assert (who.name, who.title, who.role) == ("nora@north.example", "Nora New", "viewer")
    again = people.who(sign_in(app).session)
    assert again is not None
    assert again.user_id == who.user_id
    with pytest.raises(BadInput, match="no password here"):  # it would outlive the account of the provider
        users.change_password(app, again, "", "seven lamps on the quay", HERE)
    assert users.change_password(app, msgspec.structs.replace(again, how="once"), "", "seven lamps on the quay", HERE)
    provider.account = {"sub": "u-odd", "email": "Nora/New?#@north.example", "email_verified": True}
    odd = people.who(sign_in(app).session)
    assert odd is not None
    assert odd.name == "nora-new-@north.example", "a name that an address of the console can hold"
    assert people.trail("user:add:done")[0][0] == "openid"


def test_the_role_claim_decides_where_it_is_set(people: Hall, provider: Provider) -> None:
    roles = (("leads", "approver"), ("it", "admin"))
    app = app_with(people, provider, role_claim="groups", roles=roles)
    name = invited(people, provider, subject="u-4")
    for groups, role in ((["x", "leads"], "approver"), (["it", "leads"], "admin"), ("leads", "approver")):
        provider.account = {"sub": "u-4", "groups": groups}
        begun = sign_in(app).session
        who = people.who(begun)
        assert who is not None
        assert who.role == role
    for groups in ([], ["x"], None, {"leads": 1}):
        provider.account = {"sub": "u-4", "groups": groups}
        with pytest.raises(SignInRefused, match="no role here"):
            sign_in(app)
    assert people.who(begun), "who is refused now was let in before, until that session ends"
    users.remove(app, name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"claims": {"nonce": "another"}},
        {"claims": {"nonce": None}},
        {"claims": {"exp": 1_700_000_000}},
        {"claims": {"exp": None}},
        {"claims": {"nbf": 4_000_000_000}},
        {"claims": {"aud": "another-client"}},
        {"claims": {"aud": "another-client", "azp": CLIENT}},
        {"claims": {"aud": None}},
        {"claims": {"aud": [CLIENT, "another"], "azp": "another"}},
        {"claims": {"iss": "https://other.example"}},
        {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
        {"claims": {"sub": None}},
        {"claims": {"sub": ""}},
        {"claims": {"sub": 7}},
        {"signature": "none"},
        {"signature": "other key"},
        {"signature": "public key as secret"},
        {"signature": "changed"},
        {"error": "access_denied"},
        {"iss_of_answer": "https://other.example"},
    ],
    ids=str,
)
def test_what_a_provider_gets_wrong_signs_nobody_in(people: Hall, provider: Provider, wrong: dict[str, Any]) -> None:
    app = app_with(people, provider)
    name = invited(people, provider, subject="u-1")
    sign_in(app)
    provider.wrong = wrong
    before = people.do("SELECT count(*) FROM sessions")
    with pytest.raises(SignInRefused):
        sign_in(app)
    assert people.do("SELECT count(*) FROM sessions") == before
    users.remove(app, name)


def test_an_answer_counts_once_and_only_in_the_browser_that_began(people: Hall, provider: Provider) -> None:
    app = app_with(people, provider)
    name = invited(people, provider, subject="u-1")
    going = openid.go(app, BACK)
    answer = answered(going.url)
    with pytest.raises(SignInRefused, match="not begun in this browser"):
        openid.come_back(app, answer, "a thief's own", HERE)
    with pytest.raises(SignInRefused):
        openid.come_back(app, answer, going.browser, HERE)  # spent by the thief's try
    going = openid.go(app, BACK)
    answer = answered(going.url)
    for state in ("", "another"):
        with pytest.raises(SignInRefused):
            openid.come_back(app, {**answer, "state": state}, going.browser, HERE)
    people.do("UPDATE once_words SET ends_at = now() - interval '1 second'")
    with pytest.raises(SignInRefused):
        openid.come_back(app, answer, going.browser, HERE)
    going, other = openid.go(app, BACK), openid.go(app, BACK)
    mixed = {**answered(other.url), "code": answered(going.url)["code"]}
    with pytest.raises(SignInRefused, match="did not accept"):  # a code with somebody else's verifier
        openid.come_back(app, mixed, other.browser, HERE)
    users.remove(app, name)


def test_nobody_begins_without_end(people: Hall, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openid, "MOST", 3)
    app = app_with(people, provider)
    for _ in range(3):
        openid.go(app, BACK, "/", "198.51.100.3")
    other = openid.go(app, BACK, "/", "198.51.100.4")
    newest = openid.go(app, BACK, "/", "198.51.100.3")  # nobody is refused because of others
    with app.db.begin() as conn:
        sql = "SELECT about ->> 'place', count(*) FROM once_words WHERE about ->> 'place' > '198' GROUP BY 1 ORDER BY 1"
        assert [tuple(row) for row in conn.exec_driver_sql(sql)] == [("198.51.100.3", 3), ("198.51.100.4", 1)]
        kept = set(conn.exec_driver_sql("SELECT about ->> 'browser' FROM once_words").scalars())
    assert {digest(one.browser).hex() for one in (other, newest)} <= kept
    people.do("DELETE FROM once_words")


def test_keys_that_turned_are_fetched_again_but_not_for_every_forgery(people: Hall, provider: Provider) -> None:
    ours = OurProvider(OpenId(provider.url, CLIENT, SECRET))
    assert ours._key_set(fresh=False)[1] is False
    provider.turn_key()
    app = app_with(people, provider)
    name = invited(people, provider, subject="u-1")
    sign_in(app)
    known = openid._provider(app.settings.openid or OpenId("", ""))
    provider.turn_key()
    with pytest.raises(SignInRefused):
        sign_in(app)
    known._keys_at -= 31
    sign_in(app)
    asked = provider.asked.count("/keys")
    provider.wrong = {"signature": "other key"}
    for _ in range(3):
        with pytest.raises(SignInRefused):
            sign_in(app)
    assert provider.asked.count("/keys") == asked
    users.remove(app, name)


@pytest.mark.parametrize("methods", [["client_secret_post"], ["private_key_jwt"]])
def test_a_secret_travels_as_the_provider_takes_it(people: Hall, provider: Provider, methods: list[str]) -> None:
    provider.wrong = {"methods": methods}
    app = app_with(people, provider)
    name = invited(people, provider, subject="u-1")
    assert people.who(sign_in(app).session)
    users.remove(app, name)


def test_a_provider_that_is_away_or_another_one_is_told_apart(people: Hall, provider: Provider) -> None:
    app = app_with(people, provider)
    provider.wrong = {"down": True}
    with pytest.raises(Unavailable):
        openid.go(app, BACK)
    openid._provider.cache_clear()
    provider.wrong = {"issuer_of_document": "https://other.example"}
    with pytest.raises(SignInRefused, match=r"calls itself https://other\.example"):
        openid.go(app, BACK)
    provider.wrong = {"token_endpoint": "http://other.example/token"}
    with pytest.raises(SignInRefused, match="without https"):
        openid.go(app, BACK)
    nowhere = app_with(people, provider)
    nowhere.settings = msgspec.structs.replace(nowhere.settings, openid=OpenId("http://127.0.0.1:9", CLIENT))
    with pytest.raises(Unavailable):
        openid.go(nowhere, BACK)
    assert not openid.is_set_up(people.app)
    with pytest.raises(BadInput, match="No OpenID provider"):
        openid.go(people.app, BACK)


def test_a_provider_that_is_away_is_not_asked_by_everybody_who_comes_meanwhile(
    people: Hall, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_with(people, provider)
    provider.wrong, before = {"down": True}, len(provider.asked)
    for _ in range(3):
        with pytest.raises(Unavailable, match="cannot answer now") as said:
            openid.go(app, BACK)
        assert said.value.reference == "HTTP 503"
    assert len(provider.asked) == before + 1
    provider.wrong = {}
    with pytest.raises(Unavailable):
        openid.go(app, BACK)
    monkeypatch.setattr(openid_provider, "AWAY", 0.0)
    assert openid.go(app, BACK).url.startswith(provider.url)


def test_the_last_administrator_stays_one_whatever_a_claim_says(people: Hall, provider: Provider) -> None:
    app = app_with(people, provider, role_claim="groups", roles=(("all", "viewer"),))
    provider.account = {"sub": "u-adam", "groups": ["all"]}
    people.do("UPDATE users SET issuer = %s, subject = 'u-adam' WHERE name = %s", provider.url, ADAM)
    users.disable(app, "ada")
    who = people.who(sign_in(app).session)
    assert who is not None
    assert who.role == "admin"
    users.enable(app, "ada")
    who = people.who(sign_in(app).session)
    assert who is not None
    assert who.role == "viewer"
    assert people.enter(ADAM, PASSWORD)


def settings(**given: str) -> Settings:
    """Settings from variables, without the beginning of their names."""
    return settings_from(
        {"ML_CONNECTOR_HOME": "/h", **{f"ML_CONNECTOR_{name}": value for name, value in given.items()}}
    )


def test_settings_are_read_and_halves_refused() -> None:
    found = settings(
        OIDC_ISSUER="https://login.example/t/",
        OIDC_CLIENT_ID="x",
        OIDC_DOMAINS="North.example, south.example",
        OIDC_ROLE_CLAIM="groups",
        OIDC_ROLES="a=b=admin leads=approver",
        CONSOLE_URL="https://console.example/",
        PROXIES="127.0.0.1, 10.0.0.5/8",
    )
    assert found.proxies == ("127.0.0.1/32", "10.0.0.0/8")
    assert found.console_url == "https://console.example"
    assert found.openid == OpenId(
        "https://login.example/t/", "x", "", ("north.example", "south.example"), "groups",
        (("a=b", "admin"), ("leads", "approver")),
    )  # fmt: skip
    assert settings().openid is None
    for wrong in (
        {"OIDC_ISSUER": "https://login.example"},
        {"OIDC_CLIENT_ID": "x"},
        {"OIDC_ISSUER": "http://login.example", "OIDC_CLIENT_ID": "x"},
        {"OIDC_ISSUER": "https://login.example", "OIDC_CLIENT_ID": "x", "OIDC_ROLE_CLAIM": "groups"},
        {"OIDC_ISSUER": "https://login.example", "OIDC_CLIENT_ID": "x", "OIDC_ROLES": "a=admin"},
        {"OIDC_ISSUER": "https://login.example", "OIDC_CLIENT_ID": "x", "OIDC_ROLE_CLAIM": "g", "OIDC_ROLES": "a=king"},
        {"CONSOLE_URL": "http://console.example"},
        {"CONSOLE_URL": "https://console.example/under"},
        {"CONSOLE_URL": "https://user@console.example"},
        {"CONSOLE_URL": "console.example"},
        {"PROXIES": "proxy.example"},
    ):
        with pytest.raises(BadInput):
            settings(**wrong)
    assert settings(CONSOLE_URL="http://127.0.0.1:8480").console_url == "http://127.0.0.1:8480"
