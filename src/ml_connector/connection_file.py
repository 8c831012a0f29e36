"""What one connection file says, checked once: its two sides, schedule, alerts, policies, mapping and secrets."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from importlib import import_module
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.planning.mapping import CodeMapping, mapping_from
from ml_connector.planning.policy import Policies, policies_from
from ml_connector.planning.schedule import HolidayPart, Schedule, check_schedule
from ml_connector.registry import FLOWS

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?|[0-9a-f:.]*:[0-9a-f:.]*")
_ADDRESS = "Write scheme and host, such as https://acme.ifs.cloud."
AtOnce = Annotated[int, msgspec.Meta(ge=1, le=64)]
"""Requests in flight to one side."""
Grace = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
"""Seconds for which a write without an answer that is not to be seen may still be on its way; 0: it never is."""


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
    """Requests at once from one process to this tenant, whichever connections they are of."""
    grace: Grace = 600
    """Seconds IFS may go on with a write after we gave up: on /int it lets a request run for ten minutes
    (facts/ifs.md 9.5)."""
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
    otherwise: Literal["stop", "client_credentials"] = "stop"
    """Once a person's authorization is dead: stop and say so, or sign in as the application's service account."""
    in_flight: AtOnce = 8
    """Requests at once from one process to this company, whichever connections they are of."""
    grace: Grace = 300
    """Seconds Procore may go on with a write after we gave up. No source says how long it does: chosen by us."""
    reserve: Annotated[int, msgspec.Meta(ge=0, le=90)] = 10
    """Percent of the hour's requests that polls leave to people and webhooks."""
    page_size: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000
    budget_list: Literal["auto", "lines", "views"] = "auto"
    """Where the budget lines of a project are read: the v2.0 list, the rows of a budget view, or what there is."""
    unknown_unit: Literal["create", "refuse"] = "create"


class AlertsPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who hears of what goes wrong with this connection, besides the installation's own people. The addresses
    themselves (`urls`) are sealed like secrets and are not kept here."""

    installation_too: bool = True
    """Whether the installation's people hear of this connection as well."""


class WebhooksPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How Procore is asked to tell us what changes; see docs/webhooks.md."""

    url: str = ""
    """Where Procore reaches our door, scheme and host; empty for the one given to `webhooks sync` before."""
    namespace: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,100}$")] = "ml-connector"
    """Whose hooks are ours; one for each application that shares the company."""
    scope: Literal["company", "projects"] = "company"
    """One hook for the whole company, or one for each linked project besides what only the company has."""
    payload_version: Literal["v3.0", "v4.0", "v2.0"] = "v3.0"
    """The payload asked for; another one where this one is not offered."""
    api: Literal["auto", "v2.0", "v1.0"] = "auto"
    """By which endpoints hooks are managed; v1.0 is deprecated."""
    application_id: str = ""
    """Our application as events name it, where it is not the client id."""


class ConnectionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connection file without its secrets and its mapping; what the database keeps of it."""

    connection: ConnectionPart
    erp: ErpPart
    projects: ProjectsPart
    policy: Policies = Policies()
    schedule: Schedule = Schedule()
    alerts: AlertsPart = AlertsPart()
    webhooks: WebhooksPart = WebhooksPart()
    format: int = 1


class ConnectionFile(msgspec.Struct, frozen=True):
    """A connection file taken apart: settings, mapping, and the secrets by the field they are sealed under."""

    config: ConnectionConfig
    mapping: CodeMapping
    secrets: dict[str, str]


SECRET_FIELDS = {"erp": "erp_client_secret", "projects": "projects_client_secret"}
"""Part of the file to the name its client secret is sealed under."""

ALERTS = "alert_urls"
"""Name the addresses of [alerts] are sealed under, as JSON: they hold passwords."""

TOKENS = {"erp": "erp_token", "projects": "projects_token"}
"""Part of the file to the name the access token of its service account is sealed under, as JSON."""

TOKEN_PAIR = "projects_token_pair"  # noqa: S105 - the name of a field, not a secret
"""Name the access and refresh token of a person's authorization are sealed under, as JSON."""


def sealed_of(part: str) -> tuple[str, ...]:
    """Names under which everything is sealed that one side is called with."""
    own = (SECRET_FIELDS[part], TOKENS[part])
    return (*own, TOKEN_PAIR) if part == "projects" else own


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
    check_flows(policy)
    secrets = {}
    for part, field in SECRET_FIELDS.items():
        secret = _table(data.get(part, {}), part).pop("client_secret", "")
        if not isinstance(secret, str):
            raise BadInput(f"client_secret in [{part}] is no text.", remedy="Put it in quotation marks.")
        if not secret:
            raise BadInput(f"{where} has no client_secret in [{part}].", remedy="Add it; it is sealed and never shown.")
        secrets[field] = secret
    refresh = _table(data.get("projects", {}), "projects").pop("refresh_token", "")
    alerts = _table(data.get("alerts", {}), "alerts").pop("urls", [])
    if not isinstance(alerts, list) or not all(isinstance(one, str) and "://" in one for one in alerts):
        raise BadInput(
            f"{where} has urls in [alerts] that are no list of addresses.",
            remedy='Write them as Apprise does, such as urls = ["mailto://user:password@example.com"].',
        )
    if alerts:
        secrets[ALERTS] = json.dumps(alerts)
    config = config_from(data, where)
    if config.projects.grant == "refresh_token":
        if not isinstance(refresh, str) or not refresh:
            raise BadInput(f"{where} has grant refresh_token and no refresh_token in [projects].")
        secrets[TOKEN_PAIR] = json.dumps({"access": "", "refresh": refresh, "expires_at": 0.0})
    return ConnectionFile(msgspec.structs.replace(config, policy=policy), mapping, secrets)


def check_flows(policy: Policies) -> None:
    """BadInput when the policies name a flow that there is not."""
    unknown = sorted(policy.approval.flows.keys() - FLOWS.keys())
    if unknown:
        remedy = f"Flows: {', '.join(FLOWS)}."
        raise BadInput(f"policy.approval.flows names {unknown[0]!r}, which is no flow.", remedy=remedy)


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
    if config.webhooks.url:
        door_address(config.webhooks.url, "webhooks.url")
    _check_zone("connection.time_zone", config.connection.time_zone)
    if config.schedule.time_zone:
        _check_zone("schedule.time_zone", config.schedule.time_zone)
    check_schedule(config.schedule, FLOWS)
    holiday_dates(config.schedule.holidays, 2026)
    return config


@lru_cache(maxsize=128)
def holiday_dates(part: HolidayPart, *years: int) -> frozenset[date]:
    """The dates of some years on which nobody works; BadInput for a country or subdivision nobody keeps a list of."""
    found: set[date] = set(part.extra)
    try:
        if part.country:  # the library is loaded for those who need it: it takes longer than many a command
            book = import_module("holidays").country_holidays(part.country, part.subdivision or None, years)
            found |= book.keys()
    except NotImplementedError:
        place = "-".join(filter(None, (part.country, part.subdivision)))
        raise BadInput(
            f"schedule.holidays names {place!r}, for which there is no list of holidays.",
            remedy='Write the ISO codes, such as country = "US" and subdivision = "IL", or name each date under extra.',
        ) from None
    if part.subdivision and not part.country:
        raise BadInput("schedule.holidays has a subdivision and no country.", remedy="Name the country, too.")
    return frozenset(found - set(part.worked))


def _numbers_as_text(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same with whole numbers as text where text is wanted: ids such as a company's are often written bare."""
    found = dict(data)
    kinds: dict[str, type[msgspec.Struct]] = {
        "connection": ConnectionPart,
        "erp": ErpPart,
        "projects": ProjectsPart,
        "webhooks": WebhooksPart,
    }
    for part, kind in kinds.items():
        table = found.get(part)
        if isinstance(table, Mapping):
            texts = {field.name for field in msgspec.structs.fields(kind) if field.type is str}
            found[part] = {
                name: str(value) if name in texts and type(value) is int else value for name, value in table.items()
            }
    return found


def with_secrets(merged: dict[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """A connection's settings with those opened secrets, by field, that they do not have themselves; changed in
    place."""
    for part, field in SECRET_FIELDS.items():
        merged[part].setdefault("client_secret", secrets.get(field, ""))
    if TOKEN_PAIR in secrets:
        merged["projects"].setdefault("refresh_token", msgspec.json.decode(secrets[TOKEN_PAIR])["refresh"])
    if ALERTS in secrets:
        merged.setdefault("alerts", {}).setdefault("urls", msgspec.json.decode(secrets[ALERTS]))
    return merged


_ADDRESSES = {"erp": ("url", "realm"), "projects": ("url", "login_url")}
"""Entries of a side that say where its secret is sent."""


def moved(before: Mapping[str, Any], changes: Mapping[str, Any]) -> list[str]:
    """The sides of a connection that changes lead elsewhere. BadInput where the secret of such a side is not among
    them: a secret that is kept is sent nowhere but where it was typed for."""
    found = []
    for side, system in (("erp", "IFS"), ("projects", "Procore")):
        part, there = changes.get(side), before.get(side) or {}
        if not isinstance(part, Mapping) or not leads_elsewhere(side, there, {**there, **part}):
            continue
        for one in ("url", "login_url"):  # what is no address is said first
            if part.get(one):
                _check_url(f"{side}.{one}", str(part[one]))
        if not part.get("client_secret"):
            raise BadInput(
                f"The address of {system} changes, and its client secret was not given: the one that is kept is sent "
                "nowhere but where it was typed for.",
                remedy=f"Give the client secret of {system} as well; on the command line by "
                f"ML_CONNECTOR_{side.upper()}_CLIENT_SECRET.",
            )
        found.append(side)
    return found


def leads_elsewhere(side: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a side that was reached by one part of a connection file is reached elsewhere by another."""
    names = _ADDRESSES[side]
    return any(str(before.get(one) or "").rstrip("/") != str(after.get(one) or "").rstrip("/") for one in names)


def laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, table by table; None takes an entry out."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = laid_over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return {key: value for key, value in merged.items() if value is not None or key not in above}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Every entry in which two configurations differ, by its path, with what it was and what it is; None: not there."""
    old, new = (json.loads(msgspec.json.encode(one)) for one in (before, after))  # lists, dates: as they are kept
    return dict(_differing(old, new, ""))


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], where: str) -> Iterator[tuple[str, list[Any]]]:
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        path = f"{where}.{key}" if where else key
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing(old, new, path)
        elif old != new:
            yield path, [old, new]


def check_name(name: str) -> str:
    """`name` when it can name a connection: small letters, digits and dashes."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} cannot name a connection.", remedy="Use small letters, digits and dashes, such as north-sites."
        )
    return name


def door_address(url: str, name: str = "--url") -> str:
    """An address of our door as it begins, without a slash at its end; BadInput when it is none."""
    return host_address(url, name)


def host_address(url: str, name: str) -> str:
    """An address of scheme and host alone, without a slash at its end; BadInput, about the entry `name`, else."""
    _check_url(name, url)
    return url.rstrip("/")


def check_zone(name: str, entry: str = "time_zone") -> str:
    """`name` when it is a time zone such as America/Chicago; BadInput, about `entry`, else."""
    _check_zone(entry, name)
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
        or parts.fragment
        or not _HOST.fullmatch(parts.hostname)
        or not url.isprintable()
    ):
        raise BadInput(f"{name} is {url!r}, not an address such as https://acme.ifs.cloud (scheme and host only).")
    if parts.scheme == "http" and not local:
        raise BadInput(f"{name} is {url!r}: credentials only travel over https.", remedy="Write https:// instead.")


def _check_zone(entry: str, name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadInput(f"{entry} {name!r} is not a zone such as America/Chicago.") from None
