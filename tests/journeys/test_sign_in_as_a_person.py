"""A person's authorization: each refresh token works once, the new pair is sealed before it is used."""

from __future__ import annotations

import json
import re
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ml_connector.app import App
from ml_connector.kernel.errors import SignInRefused
from ml_connector.sandbox.faults import FaultRule
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings

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
