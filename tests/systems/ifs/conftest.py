"""A simulated tenant on a real socket and a signed-in IFS system in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from ml_connector.sandbox.connection_file import REALM, credentials
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.ifs.profile import profile_from
from ml_connector.systems.ifs.system import IfsSettings, IfsSystem
from ml_connector.systems.pacing import Pacing
from ml_connector.systems.retry import Retry
from ml_connector.systems.signing import IFS_SCOPE, ClientCredentials
from ml_connector.systems.transport import HttpSettings, Transport

MakeSystem = Callable[..., IfsSystem]


@pytest.fixture(scope="session")
def running() -> Iterator[RunningSandbox]:
    with RunningSandbox(orders=60) as box:
        yield box


@pytest.fixture
def box(running: RunningSandbox) -> RunningSandbox:
    """The tenant, in its first state."""
    running.reset()
    return running


@pytest.fixture
def transport(box: RunningSandbox) -> Transport:
    """Signed in as the sandbox's own client, with short pauses."""
    http = HttpSettings(setting="erp.url", read_timeout=5, retry=Retry(first=0.01, longest=0.05))
    keys = credentials(7)
    sign_in = Transport("IFS", http, Pacing())
    url = f"{box.ifs_url}/auth/realms/{REALM}/protocol/openid-connect/token"
    sign = ClientCredentials(url, keys.ifs_client_id, keys.ifs_client_secret, IFS_SCOPE, box.clock, sign_in)
    return Transport(
        "IFS",
        http,
        Pacing(clock=box.clock, pause=lambda seconds: box.clock.advance(timedelta(seconds=seconds))),
        sign,
        secrets=(keys.ifs_client_secret,),
    )


@pytest.fixture
def make(box: RunningSandbox, transport: Transport) -> MakeSystem:
    """A system with some of its profile changed."""

    def made(of: str = "10", **overrides: Any) -> IfsSystem:
        return IfsSystem(transport, IfsSettings(box.ifs_url, of, profile=profile_from({"batch_from": 1, **overrides})))

    return made
