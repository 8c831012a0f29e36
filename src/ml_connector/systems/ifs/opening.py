"""Opens an IFS tenant: Keycloak sign-in by client credentials, then the room's system over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_connector.systems.ifs.check import check, discover
from ml_connector.systems.ifs.identity import facts_of
from ml_connector.systems.ifs.profile import profile_from
from ml_connector.systems.ifs.system import IfsSettings, IfsSystem
from ml_connector.systems.opening import Access, Opened, transport_of
from ml_connector.systems.signing import ClientCredentials

SCOPE = "openid microprofile-jwt"
"""Scope IFS IAM documents for integrations (facts/ifs.md 3)."""


def open_ifs(settings: Mapping[str, Any], company: str, access: Access) -> Opened[IfsSystem]:
    """One company of one tenant from the [erp] part of a connection; nothing is contacted yet."""
    url = str(settings["url"]).rstrip("/")
    token_url = f"{url}/auth/realms/{settings['realm']}/protocol/openid-connect/token"
    client = str(settings["client_id"])
    transport = transport_of(
        "erp",
        "url",
        access,
        lambda call: ClientCredentials(token_url, client, access.secret, SCOPE, access.clock, call).shared(
            access.shelf
        ),
        tenant=url.lower(),
    )
    profile = profile_from(settings.get("profile", {}))
    system = IfsSystem(transport, IfsSettings(url, company, str(settings["channel"]), profile), access.clock)
    issuer = f"{url}/auth/realms/{settings['realm']}"
    return Opened(system, transport, check, discover, lambda system, token: facts_of(system, issuer, token))
