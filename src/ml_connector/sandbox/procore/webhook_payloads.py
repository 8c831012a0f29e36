"""What a webhook says: the three payload versions, without the record itself (facts/procore.md 13.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_connector.sandbox.procore.state import Change, timestamp

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME, _CHANCE = 10, 16


@dataclass(frozen=True, slots=True)
class Cause:
    """Who caused a change. People at work in Procore itself are users too; application and operation are empty then."""

    user_id: int | None = None
    application_id: str | None = None
    operation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: number and ULID, the moment (aware, UTC), company, change and cause."""

    id: int
    ulid: str
    at: datetime
    company_id: int
    change: Change
    cause: Cause


def ulid(at: datetime, number: int) -> str:
    """A ULID of that moment; the number takes the place of chance, so that runs can be repeated."""
    return _base32(int(at.timestamp() * 1000), _TIME) + _base32(number, _CHANCE)


def _base32(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        digits.append(_CROCKFORD[digit])
    return "".join(reversed(digits))


def payload(event: Event, version: str) -> dict[str, Any]:
    """The body in that version: v4.0 has strings for ids and no metadata, v3.0 names related resources."""
    if version == "v4.0":
        return _v4(event)
    change, cause = event.change, event.cause
    found = {
        "id": event.id,
        "ulid": event.ulid,
        "timestamp": timestamp(event.at),
        "metadata": {
            "source_user_id": cause.user_id,
            "source_project_id": change.project_id,
            "source_operation_id": cause.operation_id,
            "source_company_id": event.company_id,
            "source_application_id": cause.application_id,
        },
        "user_id": cause.user_id,
        "company_id": event.company_id,
        "project_id": change.project_id,
        "api_version": version,
        "event_type": change.event,
        "resource_name": change.resource,
        "resource_id": change.record_id,
    }
    if version == "v3.0":
        found["related_resources"] = [{"id": i, "name": name} for i, name in change.related]
    return found


def _v4(event: Event) -> dict[str, Any]:
    change = event.change
    return {
        "id": event.ulid,
        "timestamp": timestamp(event.at),
        "reason": change.event,
        "company_id": str(event.company_id),
        "project_id": _text(change.project_id),
        "user_id": _text(event.cause.user_id),
        "resource_type": change.resource,
        "resource_id": str(change.record_id),
    }


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
