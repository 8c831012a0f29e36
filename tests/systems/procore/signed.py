"""Signed in to a sandbox on a socket, as the product signs in."""

from __future__ import annotations

from ml_connector.sandbox.connection_file import credentials
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems.pacing import PROCORE_IN_FLIGHT, Pacing
from ml_connector.systems.procore.settings import ProcoreSettings
from ml_connector.systems.retry import Retry
from ml_connector.systems.signing import ClientCredentials
from ml_connector.systems.transport import HttpSettings, Transport


def signed_in(running: RunningSandbox) -> tuple[Transport, ProcoreSettings]:
    """A signed transport with short pauses, and the settings of the company."""
    keys = credentials(running.sandbox.world.seed)
    http = HttpSettings(retry=Retry(attempts=3, first=0.01, longest=0.05))
    sign_in = Transport("procore", http, Pacing(PROCORE_IN_FLIGHT))
    client = (keys.procore_client_id, keys.procore_client_secret)
    signer = ClientCredentials(f"{running.procore_url}/oauth/token", *client, "", running.clock, sign_in)
    transport = Transport("procore", http, Pacing(PROCORE_IN_FLIGHT), signer)
    company = str(running.sandbox.world.procore_company_id)
    return transport, ProcoreSettings(running.procore_url, running.procore_url, company)
