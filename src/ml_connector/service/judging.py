"""From an event of the inbox to a hint: what its body says beyond the record, and what we know of ourselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.kernel.errors import BadInput
from ml_connector.planning.hints import Event, Hint, Ourselves, Side, Verdict, hint_of
from ml_connector.registry import FLOWS
from ml_connector.service import hooking
from ml_connector.service.payloads import ifs_told, procore_told
from ml_connector.store import links
from ml_connector.store.connections import ConnectionRow


def ourselves(app: App, row: ConnectionRow) -> Ourselves:
    """What a connection knows of itself. Nothing is contacted.

    The user we sign in as counts as ours only where it is a service account's: a person who lent us an authorization
    works in Procore as the same user.
    """
    config = config_from(row.config)
    with app.db.begin() as conn:
        projects = {one.target_id for one in links.links_of(conn, row.id, "project", links.LINKED)}
    service = config.projects.grant == "client_credentials"
    return Ourselves(
        erp_company=config.connection.erp_company,
        company=config.projects.company_id,
        projects=frozenset(projects),
        flows=frozenset(FLOWS),
        applications=frozenset({config.projects.client_id, config.webhooks.application_id} - {""}),
        user=hooking.known(app, row).user if service else "",
    )


def judged(source: str, body: bytes, received_at: datetime, us: Ourselves) -> Hint:
    """What an event leads to; REFUSED when it cannot be read. `source` is procore, ifs or sweep."""
    try:
        event = _erp(body, received_at) if source == "ifs" else _procore(body)
    except BadInput as error:
        return Hint(Verdict.REFUSED, why=error.sentence)
    return hint_of(event, us)


def _procore(body: bytes) -> Event:
    told = procore_told(body)
    form = msgspec.json.decode(body, type=dict[str, Any])
    metadata = form.get("metadata")
    about: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}
    related = form.get("related_resources")
    return Event(
        side=Side.PROJECTS,
        resource=told.resource,
        action=told.action.lower(),
        record=told.record,
        project=told.project,
        company=told.company,
        user=_text(about.get("source_user_id") or form.get("user_id")),
        application=_text(about.get("source_application_id")),
        related=tuple(
            (_text(one.get("name")), _text(one.get("id")))
            for one in (related if isinstance(related, list) else ())
            if isinstance(one, dict)
        ),
    )


def _erp(body: bytes, received_at: datetime) -> Event:
    told = ifs_told(body, received_at)
    return Event(
        side=Side.ERP,
        resource=told.resource,
        action=told.action,
        record=told.record,
        project=told.project,
        company=told.company,
    )


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
