"""Every setting, checked once: what the installation needs, and what one connection file says."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
import platformdirs

from ml_connector.kernel.errors import BadInput
from ml_connector.planning.mapping import CodeMapping, mapping_from
from ml_connector.planning.policy import Policies, policies_from

HOME = "ML_CONNECTOR_HOME"
"""Folder for the embedded database, the key file and nothing else; default: the platform's user data folder."""
DATABASE_URL = "ML_CONNECTOR_DATABASE_URL"
"""A PostgreSQL to use instead of the embedded one, such as postgresql://user:password@host:5432/name."""
KILL_AT = "ML_CONNECTOR_KILL_AT"
"""For tests: the named point of a run, and which passing of it (`apply.sent:3`), at which the process ends itself."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ADDRESS = "Write scheme and host, such as https://acme.ifs.cloud."
AtOnce = Annotated[int, msgspec.Meta(ge=1, le=64)]
"""Requests in flight to one side."""


class Settings(msgspec.Struct, frozen=True):
    """What one installation needs to know; everything else lives in the database."""

    home: Path
    database_url: str | None = None
    kill_at: str = ""

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
    )


class ConnectionPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the pairing is."""

    erp_company: str
    """IFS company id whose orders cross."""
    title: str = ""
    time_zone: str = "UTC"
    """Zone of IFS's stamps, such as America/Chicago: they carry a Z and are local (facts/ifs.md 5.4)."""
    go_live: date | None = None
    """Orders dated before this day are not sent by themselves."""


class ErpPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How IFS is reached."""

    url: str
    realm: str
    client_id: str
    system: Literal["ifs"] = "ifs"
    channel: Literal["int", "main"] = "int"
    in_flight: AtOnce = 4
    """Requests at once to this tenant."""
    profile: dict[str, Any] = {}
    """Names that differ on this tenant; see docs/connect-ifs.md."""


class ProjectsPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How Procore is reached."""

    url: str
    company_id: str
    client_id: str
    system: Literal["procore"] = "procore"
    login_url: str = ""
    """Host that gives tokens; empty when it is the API's own."""
    grant: Literal["client_credentials", "refresh_token"] = "client_credentials"
    """A service account of its own (preferred), or a person's authorization, whose refresh token works once."""
    redirect_uri: str = ""
    """The registered redirect address, where the refresh grant wants it."""
    in_flight: AtOnce = 8
    """Requests at once to this company."""
    page_size: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000
    budget_list: Literal["auto", "lines", "views"] = "auto"
    """Where the budget lines of a project are read: the v2.0 list, the rows of a budget view, or what there is."""
    unknown_unit: Literal["create", "refuse"] = "create"


class ConnectionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connection file without its secrets and its mapping; what the database keeps of it."""

    connection: ConnectionPart
    erp: ErpPart
    projects: ProjectsPart
    policy: Policies = Policies()
    format: int = 1


class ConnectionFile(msgspec.Struct, frozen=True):
    """A connection file taken apart: settings, mapping, and the secrets by the field they are sealed under."""

    config: ConnectionConfig
    mapping: CodeMapping
    secrets: dict[str, str]


SECRET_FIELDS = {"erp": "erp_client_secret", "projects": "projects_client_secret"}
"""Part of the file to the name its client secret is sealed under."""

TOKEN_PAIR = "projects_token_pair"  # noqa: S105 - the name of a field, not a secret
"""Name the access and refresh token of a person's authorization are sealed under, as JSON."""


def read_toml(text: str, where: str) -> dict[str, Any]:
    """The table in a TOML text; BadInput names the line where it does not parse."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{where} is not valid TOML: {error}.", remedy="Mend that line and try again.") from None


def connection_from(text: str, where: str = "The connection file") -> ConnectionFile:
    """A connection file checked in full; BadInput says which entry cannot be used. Nothing is contacted."""
    return connection_of(read_toml(text, where), where)


def connection_of(data: dict[str, Any], where: str = "The connection file") -> ConnectionFile:
    """The same from a table already read; the table is used up."""
    mapping = mapping_from(_table(data.pop("mapping", {}), "mapping"))
    policy = policies_from(_table(data.pop("policy", {}), "policy"))
    secrets = {}
    for part, field in SECRET_FIELDS.items():
        secret = _table(data.get(part, {}), part).pop("client_secret", "")
        if not isinstance(secret, str):
            raise BadInput(f"client_secret in [{part}] is no text.", remedy="Put it in quotation marks.")
        if not secret:
            raise BadInput(f"{where} has no client_secret in [{part}].", remedy="Add it; it is sealed and never shown.")
        secrets[field] = secret
    refresh = _table(data.get("projects", {}), "projects").pop("refresh_token", "")
    config = config_from(data, where)
    if config.projects.grant == "refresh_token":
        if not isinstance(refresh, str) or not refresh:
            raise BadInput(f"{where} has grant refresh_token and no refresh_token in [projects].")
        secrets[TOKEN_PAIR] = json.dumps({"access": "", "refresh": refresh, "expires_at": 0.0})
    return ConnectionFile(msgspec.structs.replace(config, policy=policy), mapping, secrets)


def config_from(data: Mapping[str, Any], where: str = "The connection") -> ConnectionConfig:
    """Settings of a connection from plain data, checked."""
    try:
        config = msgspec.convert(_numbers_as_text(data), ConnectionConfig, strict=False)
    except msgspec.ValidationError as error:
        remedy = "See docs/connection-file.md for every entry."
        raise BadInput(f"{where} cannot be used: {error}.", remedy=remedy) from None
    if config.format != 1:
        raise BadInput(f"{where} has format {config.format}; this release reads format 1.")
    for name, url in (("erp.url", config.erp.url), ("projects.url", config.projects.url)):
        _check_url(name, url)
    if config.projects.login_url:
        _check_url("projects.login_url", config.projects.login_url)
    _check_zone(config.connection.time_zone)
    return config


def _numbers_as_text(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same with whole numbers as text where text is wanted: ids such as a company's are often written bare."""
    found = dict(data)
    for part, kind in (("connection", ConnectionPart), ("erp", ErpPart), ("projects", ProjectsPart)):
        table = found.get(part)
        if isinstance(table, Mapping):
            texts = {field.name for field in msgspec.structs.fields(kind) if field.type is str}
            found[part] = {
                name: str(value) if name in texts and type(value) is int else value for name, value in table.items()
            }
    return found


def check_name(name: str) -> str:
    """`name` when it can name a connection: small letters, digits and dashes."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} cannot name a connection.", remedy="Use small letters, digits and dashes, such as north-sites."
        )
    return name


def _table(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"[{where}] must be a table.")
    return value


def _check_url(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        ported = parts.port is None or parts.port > 0
    except ValueError:
        raise BadInput(f"{name} is no address: its host or port cannot be read.", remedy=_ADDRESS) from None
    if "@" in parts.netloc:
        # the text is not repeated: it may hold a password
        raise BadInput(f"{name} holds a user or a password; only scheme and host belong there.", remedy=_ADDRESS)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if (
        not ported
        or parts.scheme not in ("https", "http")
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
    ):
        raise BadInput(f"{name} is {url!r}, not an address such as https://acme.ifs.cloud (scheme and host only).")
    if parts.scheme == "http" and not local:
        raise BadInput(f"{name} is {url!r}: credentials only travel over https.", remedy="Write https:// instead.")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadInput(f"connection.time_zone {name!r} is not a zone such as America/Chicago.") from None
