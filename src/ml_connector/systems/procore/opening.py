"""Opens a Procore company: service account sign-in, then the room's system over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_connector.systems.opening import Access, Opened, transport_of
from ml_connector.systems.procore.check import check, discover
from ml_connector.systems.procore.settings import ProcoreSettings, UnknownUnit
from ml_connector.systems.procore.system import ProcoreSystem
from ml_connector.systems.signing import ClientCredentials


def open_procore(settings: Mapping[str, Any], access: Access) -> Opened[ProcoreSystem]:
    """One company from the [projects] part of a connection; nothing is contacted yet."""
    url = str(settings["url"]).rstrip("/")
    login = str(settings["login_url"]).rstrip("/") or url
    client = str(settings["client_id"])
    transport = transport_of(
        "projects",
        "url",
        access,
        lambda call: ClientCredentials(f"{login}/oauth/token", client, access.secret, "", access.clock, call),
    )
    room = ProcoreSettings(
        url=url,
        login_url=login,
        company_id=str(settings["company_id"]),
        page_size=int(settings["page_size"]),
        unknown_unit=UnknownUnit(settings["unknown_unit"]),
    )
    return Opened(ProcoreSystem(transport, room), transport, check, discover)
