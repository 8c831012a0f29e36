"""What an event says, whichever system and version it is of: which record to look at, and never the record itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from ml_connector.kernel.errors import BadInput

LONGEST = 200
"""Characters an id or a name may have; both systems' own are far shorter."""

_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_BLANKS = re.compile(r"[\s_.-]+")
_IFS_NAMES = {
    "object": ("object", "objectname", "lu", "luname", "logicalunit", "entity"),
    "record": ("id", "key", "objectid", "objectkey", "recordid"),
    "company": ("company", "companyid"),
    "action": ("event", "eventid", "eventname", "action"),
    "project": ("project", "projectid"),
    "message": ("messageid",),
    "at": ("time", "timestamp", "at"),
}
"""Members of IFS's flat body, each with the other names it may go by. All of them are ours: the body is typed in by
whoever sets up the event action, and nothing about its shape is documented (facts/ifs.md 10, last rows)."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an event told. Ids are text, whatever the payload made of them."""

    event: str
    """What it is kept once by."""
    company: str
    """Which company it says it is of; empty when it does not say."""
    resource: str
    action: str = ""
    record: str
    project: str = ""
    happened_at: datetime | None = None
    """Aware; None when it does not say, or what it says is no moment of our century."""


def procore_told(body: bytes) -> Told:
    """What a payload of v2.0, v3.0 or v4.0 told (facts/procore.md 13.2); BadInput when it is none.

    v4.0 has `reason` and `resource_type` for `event_type` and `resource_name`, and its id is the ULID that the older
    ones call `ulid`; so an event is the same one in each version.
    """
    form = _object(body)
    return Told(
        event=_first(form, "ulid", "id", needed=True),
        company=_first(form, "company_id", needed=True),
        resource=_first(form, "resource_name", "resource_type", needed=True),
        action=_first(form, "event_type", "reason"),
        record=_first(form, "resource_id", needed=True),
        project=_first(form, "project_id"),
        happened_at=_moment(form.get("timestamp")),
    )


def ifs_told(body: bytes, now: datetime) -> Told:
    """What the flat body of an IFS event action told; BadInput when it does not name a record.

    Members are known by several names, in capitals or not. It is kept once by its `message_id` when it has one, else
    by its text and the minute: IFS promises no id and no retry, and its EVENT_ID names the kind of event, not the one.
    """
    flat: dict[str, Any] = {}
    for name, value in _object(body).items():
        if isinstance(value, dict | list):
            raise BadInput("The body is not flat.")
        flat[_BLANKS.sub("", name).lower()] = value
    found = {member: _first(flat, *names) for member, names in _IFS_NAMES.items() if member != "at"}
    if not found["object"] or not found["record"]:
        raise BadInput("The body does not say which object and which id.")
    minute = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    once = f"id:{found['message']}" if found["message"] else f"{minute}:{sha256(body).hexdigest()}"
    return Told(
        event=once,
        company=found["company"],
        resource=found["object"],
        action=found["action"],
        record=found["record"],
        project=found["project"],
        happened_at=_moment(next((flat[name] for name in _IFS_NAMES["at"] if name in flat), None)),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, RecursionError):
        raise BadInput("The body is not a JSON object.") from None


def _first(form: Mapping[str, Any], *names: str, needed: bool = False) -> str:
    """The first of some members that has a value, as text; empty when none has and it is not needed."""
    for name in names:
        value = form.get(name)
        if value is None or value == "":
            continue
        if type(value) is int:
            value = str(value)
        if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
            raise BadInput(f"{name} is no id or name.")
        return value
    if needed:
        raise BadInput(f"{names[-1]} is missing.")
    return ""


def _moment(value: object) -> datetime | None:
    """A moment in ISO 8601, in UTC where it has no zone. It is only shown, so an odd one is no reason to refuse."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if _FIRST <= found <= _LAST else None
