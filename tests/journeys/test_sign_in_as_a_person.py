"""A person's authorization: each refresh token works once, the new pair is sealed before it is used."""

from __future__ import annotations

import json
import re
import threading
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ml_connector.app import App
from ml_connector.connection_file import TOKEN_PAIR
from ml_connector.kernel.errors import SignInRefused
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings
from ml_connector.store import connections
from ml_connector.store.connections import SecretRow
from ml_connector.systems.signing import TokenPair
from ml_connector.vault.sealing import seal

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """The code stands in the address we are sent to; nobody has to go there."""


def authorized(box: RunningSandbox, client: str, secret: str) -> dict[str, str]:
    """Tokens as a person's browser and one exchange of the code give them."""
    ask = urllib.parse.urlencode({"response_type": "code", "client_id": client, "redirect_uri": OUT_OF_BAND})
    try:
        urllib.request.build_opener(_Stay).open(f"{box.procore_url}/oauth/authorize?{ask}")
        raise AssertionError("no redirect")
    except urllib.error.HTTPError as answer:
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.headers["location"]).query)["code"][0]
    return granted(box, client, secret, grant_type="authorization_code", code=code, redirect_uri=OUT_OF_BAND)


def granted(box: RunningSandbox, client: str, secret: str, **form: str) -> dict[str, str]:
    """What the token endpoint answers."""
    body = urllib.parse.urlencode({"client_id": client, "client_secret": secret, **form}).encode()
    with urllib.request.urlopen(f"{box.procore_url}/oauth/token", body) as reply:
        found: dict[str, str] = json.load(reply)
        return found


@pytest.fixture
def person(box: RunningSandbox, url: str, tmp_path: Path) -> Iterator[tuple[App, RunningSandbox, dict[str, str]]]:
    """An App whose connection signs in with a person's tokens, and who that person's client is."""
    text = box.connection_text()
    procore = tomllib.loads(text)["projects"]
    tokens = authorized(box, procore["client_id"], procore["client_secret"])
    more = f'grant = "refresh_token"\nredirect_uri = "{OUT_OF_BAND}"\nrefresh_token = "{tokens["refresh_token"]}"\n'
    text = re.sub(r"(?m)^system = \"procore\"$", f'system = "procore"\n{more}', text)
    with App.open(Settings(home=tmp_path, database_url=url)) as app:
        app.add_connection("demo", text)
        yield app, box, {**procore, **tokens}


def test_runs_follow_each_other_on_ever_new_tokens(person: tuple[App, RunningSandbox, dict[str, str]]) -> None:
    app, box, who = person
    first = app.sync("demo")
    assert first.flows["purchase_orders"].created
    box.clock.advance(timedelta(hours=3))
    assert app.sync("demo").requests["projects"]["write"] == 0
    with pytest.raises(urllib.error.HTTPError):
        granted(
            box, who["client_id"], who["client_secret"], grant_type="refresh_token", refresh_token=who["refresh_token"]
        )


def test_an_edited_connection_keeps_its_tokens(person: tuple[App, RunningSandbox, dict[str, str]]) -> None:
    app, _, _ = person
    app.sync("demo")
    app.edit_connection("demo", {"connection": {"title": "Another title"}})
    assert app.sync("demo").requests["projects"]["write"] == 0


def test_a_lost_refresh_says_that_a_person_must_authorize_again(
    person: tuple[App, RunningSandbox, dict[str, str]],
) -> None:
    app, box, _ = person
    box.faults.add(FaultRule("drop_after", side="procore", path="^/oauth/token", tokens=True, times=1))
    with pytest.raises(SignInRefused, match="work once"):
        app.sync("demo")
    assert box.faults.injected


def pair_of(app: App) -> TokenPair:
    """What is known of the person's tokens by now."""
    return msgspec.json.decode(app.wiring.secrets(app.connection("demo"))[TOKEN_PAIR], type=TokenPair)


def refreshes(box: RunningSandbox) -> int:
    """How often the sign-in server was asked for tokens since the log was cleared."""
    return len([one for one in box.log.exchanges(side="procore") if one.path == "/oauth/token"])


def test_two_processes_at_once_refresh_once(person: tuple[App, RunningSandbox, dict[str, str]], tmp_path: Path) -> None:
    app, box, _ = person
    app.sync("demo", ["projects"])
    box.clock.advance(timedelta(hours=3))
    box.log.clear()
    errors: list[Exception] = []

    def probe() -> None:
        try:
            with App.open(app.settings) as other:
                other.probe("demo", "projects")
        except Exception as error:  # told by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=probe) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert refreshes(box) == 1


def test_a_dead_pair_is_never_sent_again_and_heals_when_a_person_authorizes(
    person: tuple[App, RunningSandbox, dict[str, str]],
) -> None:
    app, box, who = person
    box.faults.add(FaultRule("drop_after", side="procore", path="^/oauth/token", tokens=True, times=1))
    with pytest.raises(SignInRefused, match="lost"):
        app.sync("demo", ["projects"])
    assert pair_of(app).state == "dead"
    box.log.clear()
    app.edit_connection("demo", {"connection": {"title": "Edited"}})  # the same pair is as dead as before
    with pytest.raises(SignInRefused, match="found dead") as caught:
        app.sync("demo", ["projects"])
    assert "Authorize the connection again" in caught.value.remedy
    assert refreshes(box) == 0
    tokens = authorized(box, who["client_id"], who["client_secret"])
    app.edit_connection("demo", {"projects": {"refresh_token": tokens["refresh_token"]}})
    app.sync("demo", ["projects"])
    assert pair_of(app).state == ""


def test_a_process_that_dies_with_a_refresh_under_way_leaves_a_mark(
    person: tuple[App, RunningSandbox, dict[str, str]],
) -> None:
    app, box, _ = person
    with app.db.begin() as conn:
        row = app.connection("demo")
        marked = msgspec.structs.replace(pair_of(app), state="sent")
        sealed = seal(app.ring(may_make=False), row.id, TOKEN_PAIR, msgspec.json.encode(marked).decode())
        connections.put_secrets(conn, [SecretRow(*sealed)])
    box.log.clear()
    with pytest.raises(SignInRefused, match="never came"):
        app.sync("demo", ["projects"])
    assert refreshes(box) == 0


def test_the_service_account_takes_over_from_a_dead_authorization(
    person: tuple[App, RunningSandbox, dict[str, str]],
) -> None:
    app, box, _ = person
    app.edit_connection("demo", {"projects": {"otherwise": "client_credentials"}})
    app.sync("demo", ["projects"])
    box.clock.advance(timedelta(hours=3))
    box.faults.add(FaultRule("drop_after", side="procore", path="^/oauth/token", tokens=True, times=1))
    app.sync("demo", ["projects"])
    assert pair_of(app).state == "dead"
    box.log.clear()
    app.sync("demo", ["projects"])
    assert refreshes(box) == 0  # its token is shared by all runs
