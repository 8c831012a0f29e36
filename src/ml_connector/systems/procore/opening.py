"""Opens a Procore company: service account sign-in, then the room's system over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_connector.systems.opening import Access, Opened, transport_of
from ml_connector.systems.procore.check import check, discover
from ml_connector.systems.procore.identity import facts_of
from ml_connector.systems.procore.settings import BudgetList, ProcoreSettings, UnknownUnit
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.signing import ClientCredentials, RefreshToken, SignInClient
from ml_connector.systems.transport import Signer
from ml_connector.systems.wire import Call


def open_procore(settings: Mapping[str, Any], access: Access) -> Opened[ProcoreSystem]:
    """One company from the [projects] part of a connection; nothing is contacted yet."""
    url = str(settings["url"]).rstrip("/")
    login = str(settings["login_url"]).rstrip("/") or url
    client = SignInClient(
        f"{login}/oauth/token", str(settings["client_id"]), access.secret, str(settings["redirect_uri"])
    )
    door_setting = "login_url" if settings["login_url"] else "url"
    alone = settings["otherwise"] == "client_credentials"
    transport = transport_of(
        "projects",
        "url",
        access,
        lambda call: _signer(client, access, call, alone),
        door_setting,
        tenant=f"{url.lower()} {settings['company_id']}",
    )
    room = ProcoreSettings(
        url=url,
        login_url=login,
        company_id=str(settings["company_id"]),
        page_size=int(settings["page_size"]),
        budget_list=BudgetList(settings["budget_list"]),
        unknown_unit=UnknownUnit(settings["unknown_unit"]),
    )
    service = settings["grant"] == "client_credentials"
    system = ProcoreSystem(transport, room)
    return Opened(system, transport, check, discover, lambda system, _token: facts_of(system, service))


def _signer(client: SignInClient, access: Access, call: Call, alone: bool) -> Signer:
    """Client credentials, or the tokens of a person's authorization where the connection has some.

    `alone`: once such tokens are dead, the client may sign in by itself.
    """
    service = ClientCredentials(client.token_url, client.client_id, client.client_secret, "", access.clock, call)
    service.shared(access.shelf)
    if access.pair is None:
        return service
    return RefreshToken(client, access.pair, access.clock, call, service if alone else None)
