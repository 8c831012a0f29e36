"""Every setting of the installation, checked once; what a connection needs is in connection_file.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
import platformdirs

from ml_connector.kernel.errors import BadInput
from ml_connector.planning.retention import Retention, retention_from

HOME = "ML_CONNECTOR_HOME"
"""Folder for the embedded database, the key file and nothing else; default: the platform's user data folder."""
DATABASE_URL = "ML_CONNECTOR_DATABASE_URL"
"""A PostgreSQL to use instead of the embedded one, such as postgresql://user:password@host:5432/name."""
METRICS_TOKEN = "ML_CONNECTOR_METRICS_TOKEN"  # noqa: S105 - the name of a variable, not a secret
"""What asks for /metrics must bring as bearer token; where none is set nobody is answered."""
KILL_AT = "ML_CONNECTOR_KILL_AT"
"""For tests: the named point of a run, and which passing of it (`apply.sent:3`), at which the process ends itself."""
ALERT_URLS = "ML_CONNECTOR_ALERT_URLS"
"""Where alarms and the daily digest go, as Apprise writes addresses, parted by spaces: mailto://..., msteams://..."""
HEARTBEAT_URL = "ML_CONNECTOR_HEARTBEAT_URL"
"""Called once a minute while all is well: a dead-man's switch elsewhere alarms when the calls stop."""
DIGEST_AT = "ML_CONNECTOR_DIGEST_AT"
"""When the daily digest goes, such as 07:30 America/Chicago; default 07:00 UTC."""

STALLED_SECONDS = "ML_CONNECTOR_STALLED_SECONDS"
"""After how many seconds without a sign of life a worker's jobs are taken over; default 10. The same for all."""
DRAIN_SECONDS = "ML_CONNECTOR_DRAIN_SECONDS"
"""How many seconds a process that is told to stop waits for its runs to reach a safe point; default 30."""
TRIES = "ML_CONNECTOR_TRIES"
"""How many workers one job may end before it is parked; default 3."""

KEEP = "ML_CONNECTOR_KEEP"
"""How many days what is kept, by kind: evidence=90 journal=400 inbox=30 jobs=14. The audit trail always stays."""

CONSOLE_URL = "ML_CONNECTOR_CONSOLE_URL"
"""Where browsers reach the console, such as https://connector.example.com; it says whether they come over https."""
PROXIES = "ML_CONNECTOR_PROXIES"
"""Proxies before the console whose X-Forwarded-For is believed: addresses or networks, such as 10.0.0.0/8."""
OIDC_ISSUER = "ML_CONNECTOR_OIDC_ISSUER"
"""The OpenID provider with which people may sign in, such as https://login.example.com/tenant/v2.0."""
OIDC_CLIENT_ID = "ML_CONNECTOR_OIDC_CLIENT_ID"
"""What that provider calls this installation."""
OIDC_CLIENT_SECRET = "ML_CONNECTOR_OIDC_CLIENT_SECRET"  # noqa: S105 - the name of a variable, not a secret
"""What proves it to be this installation."""
OIDC_DOMAINS = "ML_CONNECTOR_OIDC_DOMAINS"
"""Domains of verified e-mail addresses whose owners may sign in without having been added; default: nobody may."""
OIDC_ROLE_CLAIM = "ML_CONNECTOR_OIDC_ROLE_CLAIM"
"""The claim of the ID token that says what somebody is, such as groups; default: the role they have here."""
OIDC_ROLES = "ML_CONNECTOR_OIDC_ROLES"
"""What its values mean here, such as finance-leads=approver it-team=admin."""

_ROLES = ("viewer", "operator", "approver", "admin")


class OpenId(msgspec.Struct, frozen=True):
    """A provider with which people sign in, and whom of its people we let in as what."""

    issuer: str
    client_id: str
    client_secret: str = ""
    """Empty for a client that has none, which PKCE alone protects."""
    domains: tuple[str, ...] = ()
    """Small letters. Empty: only who was added here."""
    role_claim: str = ""
    roles: tuple[tuple[str, str], ...] = ()
    """Value of the claim to role."""


class Settings(msgspec.Struct, frozen=True):
    """What one installation needs to know; everything else lives in the database."""

    home: Path
    database_url: str | None = None
    kill_at: str = ""
    metrics_token: str = ""
    alert_urls: tuple[str, ...] = ()
    """Addresses of the installation's own people; they may hold passwords and are never shown."""
    heartbeat_url: str = ""
    digest_at: str = "07:00 UTC"
    stalled_seconds: float = 10.0
    """A worker without a sign of life for so long is dead; the right to write is trusted as long after a renewal."""
    drain_seconds: float = 30.0
    """How long a process that is told to stop waits for its runs to reach a safe point."""
    tries: int = 3
    """So many workers one job may end before it is parked."""
    keep: Retention = Retention()
    """How many days what is kept; the audit trail always is."""
    console_url: str = ""
    """Where browsers reach the console, without a slash at its end; empty: wherever the door itself stands."""
    proxies: tuple[str, ...] = ()
    """Networks whose word about where somebody comes from is believed."""
    openid: OpenId | None = None
    """The OpenID provider; None: people sign in with their password."""

    @property
    def digest(self) -> tuple[str, str]:
        """Time of day and zone of the daily digest."""
        clock, _, zone = self.digest_at.partition(" ")
        return clock, zone or "UTC"

    @property
    def key_file(self) -> Path:
        """Where the sealing key is kept."""
        return self.home / "key"


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables; empty variables count as unset."""
    home = environ.get(HOME) or platformdirs.user_data_dir("ml-connector", appauthor=False)
    return Settings(
        home=Path(home).expanduser().absolute(),
        database_url=environ.get(DATABASE_URL) or None,
        kill_at=environ.get(KILL_AT, ""),
        metrics_token=environ.get(METRICS_TOKEN, ""),
        alert_urls=tuple(environ.get(ALERT_URLS, "").split()),
        heartbeat_url=environ.get(HEARTBEAT_URL, ""),
        digest_at=_digest_at(environ.get(DIGEST_AT, "").strip() or "07:00 UTC"),
        stalled_seconds=_number(environ, STALLED_SECONDS, 10.0, least=0.5),
        drain_seconds=_number(environ, DRAIN_SECONDS, 30.0, least=0.0),
        tries=int(_number(environ, TRIES, 3, least=1)),
        keep=retention_from(environ.get(KEEP, "")),
        console_url=_site(environ),
        proxies=tuple(_network(word) for word in re.split(r"[\s,]+", environ.get(PROXIES, "")) if word),
        openid=_openid(environ),
    )


def _network(word: str) -> str:
    """A network, or one address as a network of its own; BadInput for what is neither."""
    try:
        return str(ip_network(word, strict=False))
    except ValueError:
        raise BadInput(f"{PROXIES} holds {word!r}.", remedy="Write addresses or networks such as 10.0.0.0/8.") from None


def _url(environ: Mapping[str, str], name: str) -> str:
    """An address from a variable, without a slash at its end; BadInput unless it is https, or http on this machine."""
    text = environ.get(name, "").strip().rstrip("/")
    parts = urlsplit(text)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1"))
    if text and not (safe and parts.hostname and not parts.query and not parts.fragment and "@" not in parts.netloc):
        raise BadInput(f"{name} is {text!r}.", remedy="Write it as https://host or https://host/path.")
    return text


def _site(environ: Mapping[str, str]) -> str:
    """The address of the console, which has a host of its own: its cookies hold for all of it."""
    url = _url(environ, CONSOLE_URL)
    if urlsplit(url).path:
        raise BadInput(f"{CONSOLE_URL} is {url!r}.", remedy="Write it as https://host, without a path.")
    return url


def _openid(environ: Mapping[str, str]) -> OpenId | None:
    """The OpenID provider; BadInput when it is named by halves."""
    issuer, client = _url(environ, OIDC_ISSUER), environ.get(OIDC_CLIENT_ID, "").strip()
    if not issuer and not client:
        return None
    if not issuer or not client:
        raise BadInput(f"{OIDC_ISSUER} and {OIDC_CLIENT_ID} belong together.", remedy="Set both, or neither.")
    claim = environ.get(OIDC_ROLE_CLAIM, "").strip()
    roles = tuple(_meaning(pair) for pair in environ.get(OIDC_ROLES, "").split())
    if bool(claim) != bool(roles):
        raise BadInput(f"{OIDC_ROLE_CLAIM} and {OIDC_ROLES} belong together.", remedy="Set both, or neither.")
    return OpenId(
        issuer=environ[OIDC_ISSUER].strip(),  # compared to the letter with what the provider says of itself
        client_id=client,
        client_secret=environ.get(OIDC_CLIENT_SECRET, ""),
        domains=tuple(word.casefold() for word in re.split(r"[\s,]+", environ.get(OIDC_DOMAINS, "")) if word),
        role_claim=claim,
        roles=roles,
    )


def _meaning(pair: str) -> tuple[str, str]:
    """A value of the role claim and the role it means."""
    value, _, role = pair.rpartition("=")
    if not value or role not in _ROLES:
        raise BadInput(f"{OIDC_ROLES} holds {pair!r}.", remedy=f"Write VALUE=ROLE; roles: {', '.join(_ROLES)}.")
    return value, role


def _number(environ: Mapping[str, str], name: str, default: float, *, least: float) -> float:
    """A number from a variable; BadInput when it holds something else or too little."""
    text = environ.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number < 1e6:
        raise BadInput(f"{name} is {text!r}, not a number of at least {least:g}.", remedy="Correct or unset it.")
    return number


def _digest_at(text: str) -> str:
    """`text` when it is a time of day and a zone."""
    clock, _, zone = text.partition(" ")
    try:
        ZoneInfo(zone or "UTC")
        valid = re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", clock) is not None
    except (KeyError, ValueError, OSError):
        valid = False
    if not valid:
        raise BadInput(f"{DIGEST_AT} is {text!r}.", remedy="Write it as 07:30 America/Chicago.")
    return text
