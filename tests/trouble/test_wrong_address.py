"""A host, realm, secret or company that is not right: the setting is named, and once mended the sync goes through."""

from __future__ import annotations

import tomllib

import pytest

from journeys.office import NAME, Office
from ml_connector.app import quiet
from ml_connector.kernel.errors import SignInRefused
from ml_connector.sandbox.faults import FaultRule

from .desk import Desk

DEAD_END = "http://127.0.0.1:1"
NOWHERE = "https://no-such-host.invalid"
SIDES = ("erp", "projects")


def _set(desk: Desk, side: str, **values: str) -> None:
    words = [word for key, value in values.items() for word in ("--set", f"{side}.{key}={value}")]
    environ = {}
    if values.keys() & {"url", "login_url", "realm"} and desk.box:  # a kept secret goes nowhere but where it was meant
        refused = desk.fails(12, "bad_input", "connection", "edit", NAME, *words)
        variable = f"ML_CONNECTOR_{side.upper()}_CLIENT_SECRET"
        assert variable in refused["next_step"]
        environ = {variable: tomllib.loads(desk.box.connection_text())[side]["client_secret"]}
    assert desk.run("connection", "edit", NAME, *words, **environ).code == 0


def _mended(desk: Desk, office: Office, side: str, *keys: str) -> None:
    """What was there at first is put back; the next sync finishes the job."""
    first = tomllib.loads(office.box.connection_text())[side]
    _set(desk, side, **{key: first[key] for key in keys})
    assert desk.run("sync", NAME).code == 0
    office.assert_proven()


def _address(office: Office, side: str) -> str:
    return office.box.ifs_url if side == "erp" else office.box.procore_url


def _login(side: str, url: str) -> dict[str, str]:
    return {"url": url} if side == "erp" else {"url": url, "login_url": url}


def _nothing_was_sent(office: Office) -> None:
    assert office.box.log.exchanges(side="procore", writes=True) == []


@pytest.mark.parametrize("side", SIDES)
def test_a_port_where_nobody_listens(side: str, office: Office, front: Desk) -> None:
    _set(front, side, **_login(side, DEAD_END))
    error = front.fails(12, "host_unreachable", "sync", NAME)
    assert "127.0.0.1:1 cannot be reached: the connection is refused" in error["sentence"]
    assert f"{side}." in error["next_step"]
    check = front.run("check", NAME, "--json")
    assert check.code == 12
    assert [one["ok"] for one in check.value["checks"] if one["side"] == side].count(False) == 1
    _nothing_was_sent(office)
    _mended(front, office, side, *_login(side, ""))


@pytest.mark.parametrize("side", SIDES)
def test_a_host_nobody_knows(side: str, office: Office, front: Desk) -> None:
    _set(front, side, **_login(side, NOWHERE))
    error = front.fails(12, "host_unreachable", "sync", NAME)
    assert "no-such-host.invalid cannot be reached: its name is not known to DNS" in error["sentence"]
    assert f"Check the host name in {side}." in error["next_step"]
    _nothing_was_sent(office)


@pytest.mark.parametrize("side", SIDES)
def test_https_to_a_door_that_speaks_http(side: str, office: Office, front: Desk) -> None:
    _set(front, side, **_login(side, _address(office, side).replace("http://", "https://")))
    error = front.fails(12, "host_unreachable", "sync", NAME)
    assert "right scheme and port" in error["next_step"]
    assert f"{side}." in error["next_step"]
    _nothing_was_sent(office)


@pytest.mark.parametrize("side", SIDES)
def test_an_address_of_something_else_altogether(side: str, office: Office, front: Desk) -> None:
    """Each side's address given to the other: there is a server, and it is not theirs."""
    other = _address(office, "projects" if side == "erp" else "erp")
    _set(front, side, **_login(side, other))
    error = front.fails(12, "sign_in_refused", "sync", NAME)
    assert "realm" in error["sentence"] if side == "erp" else "no sign-in" in error["sentence"]
    _nothing_was_sent(office)


def test_the_wrong_realm_from_a_process_of_its_own(office: Office, front: Desk) -> None:
    _set(front, "erp", realm="kestrel-test")
    sentence, step = front.tells(front.process("sync", NAME), 12)
    assert "knows no realm 'kestrel-test'" in sentence
    assert "Check the realm" in step
    _nothing_was_sent(office)
    _mended(front, office, "erp", "realm")


@pytest.mark.parametrize("side", SIDES)
def test_the_wrong_secret(side: str, office: Office, front: Desk) -> None:
    front.secrets.add("not-the-secret-at-all")
    _set(front, side, client_secret="not-the-secret-at-all")
    error = front.fails(12, "sign_in_refused", "sync", NAME)
    assert "client id or the client secret is not accepted" in error["sentence"]
    assert error["sentence"].startswith(f"Signing in to {side} failed")
    check = front.run("check", NAME, "--json")
    assert check.code == 12
    bad = [one for one in check.value["checks"] if not one["ok"]]
    assert [one["side"] for one in bad] == [side]
    assert "not accepted" in bad[0]["sentence"]
    assert bad[0]["remedy"]
    _nothing_was_sent(office)
    _mended(front, office, side, "client_secret")


def test_the_wrong_company(office: Office, front: Desk) -> None:
    _set(front, "projects", company_id="424242")
    error = front.fails(12, "fix_setup", "sync", NAME)
    assert "not installed in this Procore company" in error["sentence"]
    check = front.run("check", NAME, "--json")
    bad = [one for one in check.value["checks"] if not one["ok"]]
    assert ["company id" in one["remedy"] for one in bad] == [True], bad
    _nothing_was_sent(office)
    _mended(front, office, "projects", "company_id")


def test_a_company_ifs_does_not_have(office: Office, front: Desk) -> None:
    _set(front, "connection", erp_company="ZZ")
    check = front.run("check", NAME, "--json")
    assert check.code == 12
    bad = [one for one in check.value["checks"] if not one["ok"]]
    assert any("ZZ" in one["sentence"] for one in bad), bad


@pytest.mark.parametrize("side", ["ifs", "procore"])
def test_a_token_that_dies_in_the_middle_is_replaced_without_a_word(side: str, office: Office) -> None:
    """A 401 in the middle is not an error: another token is asked for, once."""
    office.box.faults.add(FaultRule("401", side, nth=2, every=3, times=3))
    office.sync()
    assert office.box.faults.injected["401"] >= 2
    office.assert_proven()


@pytest.mark.parametrize("side", SIDES)
def test_a_client_that_is_shut_off_in_the_middle_of_a_run(side: str, office: Office) -> None:
    """The run stops with one sentence; what was sent is known, and once the client is let in again all is done."""
    sign_in = office.box.ifs._sign_in if side == "erp" else office.box.procore._sign_in
    others, real = set(sign_in._tokens), sign_in._client_secret
    moment = "orders read" if side == "erp" else "commitment create"

    def shut() -> None:
        sign_in._client_secret = "another-secret"
        for token in set(sign_in._tokens) - others:
            del sign_in._tokens[token]

    def watch(what: str, _count: int) -> None:
        if what.startswith(moment) or (side == "projects" and what.startswith("vendor create")):
            office.box.in_loop(shut)

    office.app.progress = watch
    with pytest.raises(SignInRefused) as caught:
        office.sync()
    assert caught.value.sentence.startswith(f"Signing in to {side} failed")
    assert caught.value.remedy
    office.app.progress = quiet
    sign_in._client_secret = real
    office.sync()
    office.assert_proven()
    office.assert_rests()


def test_only_the_sign_in_address_is_wrong(office: Office, front: Desk) -> None:
    _set(front, "projects", login_url=DEAD_END)
    error = front.fails(12, "host_unreachable", "sync", NAME)
    assert "projects.login_url" in error["next_step"]
    _nothing_was_sent(office)


def test_an_address_with_a_path(office: Office, front: Desk) -> None:
    error = front.fails(12, "bad_input", "connection", "edit", NAME, "--set", f"erp.url={office.box.ifs_url}/auth")
    assert "erp.url" in error["sentence"]
    assert office.app.connection(NAME).config["erp"]["url"] == office.box.ifs_url
