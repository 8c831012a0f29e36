"""From a status and an error body, in any of Procore's shapes, to the kernel error that says what happens next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import msgspec

from ml_connector.kernel.errors import (
    ConnectorError,
    FixSetup,
    Locked,
    NameMissing,
    OutcomeUnknown,
    RateLimited,
    Refused,
    RightMissing,
    SignInRefused,
    Unavailable,
)
from ml_connector.kernel.text import clipped
from ml_connector.systems.wire import WireReply


class NotSeen(RightMissing):
    """404: the thing does not exist, or this account may not see it. Procore does not say which."""


class TooLarge(Refused):
    """413: the body has more rows than the endpoint takes; half of it may fit."""


class Place(msgspec.Struct, frozen=True):
    """What a call touches, in words: `what` for the sentence, `right` for the permission that opens it."""

    what: str
    right: str


COMPANY = Place("the company", "Install the app in this company (App Management) and permit its projects.")
PROJECTS = Place(
    "the project list",
    "Permit the projects for the app: company Admin, App Management, permitted projects. Redo it after an app update.",
)
VENDORS = Place("the company directory", "Give the service account Admin on the company Directory tool.")
PROJECT_VENDORS = Place("the project directory", "Give the service account Admin on the project Directory tool.")
COST_CODES = Place("the cost codes", "Give the service account Admin on the project Admin tool.")
COST_TYPES = Place("the cost types", "Give the service account Read or better on the company Admin tool.")
BUDGET_CODES = Place("the budget codes", "Give the service account Admin on the project Admin tool (WBS).")
COMMITMENTS = Place("the commitments", "Give the service account Admin on the project Commitments tool.")
BILLING_PERIODS = Place("the billing periods", "Give the service account Admin on the project Commitments tool.")
INVOICES = Place("the subcontractor invoices", "Give the service account Admin on the project Commitments tool.")
BUDGET = Place("the budget", "Give the service account Read Only or better on the project Budget tool.")
BUDGET_WRITING = Place("the budget", "Give the service account Admin on the project Budget tool.")
DIRECT_COSTS = Place("the direct costs", "Give the service account Admin on the project Direct Costs tool.")
PAYMENTS = Place("the payments issued", "Give the service account Admin on the project Commitments tool.")
UNITS = Place("the units of measure", "Give the service account Admin on the company Admin tool.")
WEBHOOKS = Place("the webhooks", "Give the service account Standard on the Webhooks API.")
CURRENCY = Place("the currency settings", "Give the service account Read or better on the company Admin tool.")

_PERMIT = " Make sure the project is among the app's permitted projects."
_MOST = 400


def words(body: bytes) -> str:
    """What an error body says, whatever its shape (facts/procore.md 2.4); at most 400 characters, empty when mute."""
    try:
        said: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body.decode("utf-8", "replace").strip()
        return "" if not text or text.startswith("<") else clipped(text, _MOST)
    return clipped("; ".join(dict.fromkeys(_said(said))), _MOST)


def field_words(errors: object) -> str:
    """The sentences of one row's `errors`: field and message, or whatever was given instead."""
    return clipped("; ".join(dict.fromkeys(_said(errors))), _MOST) or "refused without a reason"


def _said(value: Any, field: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _said_of_map(value, field)
    elif isinstance(value, list):
        for item in value:
            yield from _said(item, field)
    elif isinstance(value, str) and value.strip():
        yield f"{field}: {value.strip()}" if field else value.strip()


_SHELL = ("errors", "error", "message", "reason")
_ENVELOPE = frozenset((*_SHELL, "code", "fields", "exception", "details", "reason_code", "source"))


def _said_of_map(value: Mapping[str, Any], field: str) -> Iterator[str]:
    if _is_envelope(value):
        source = value.get("source") or (value.get("fields") if "message" in value else None)
        label = source if isinstance(source, str) else field
        for name in (*_SHELL, "details"):
            if name in value:
                yield from _said(value[name], label if name == "message" else field)
        return
    for name, inner in value.items():
        yield from _said(inner, field if name == "base" else name)


def _is_envelope(value: Mapping[str, Any]) -> bool:
    """Whether these members wrap the message; `code` with a list of sentences is a field of that name instead."""
    return any(
        name in value and (name in ("errors", "details") or not isinstance(value[name], list)) for name in _ENVELOPE
    )


def reference(reply: WireReply) -> str:
    """Procore's own id of the exchange, for their support."""
    return reply.headers.get("x-request-id", "")


def fail(reply: WireReply, place: Place, *, safe: bool) -> NoReturn:
    """Raises the kernel error for a refused call; `safe` says that nothing can have been half done."""
    error = _refusal(reply, place, safe)
    error.side = "projects"
    raise error


def _refusal(reply: WireReply, place: Place, safe: bool) -> ConnectorError:
    said = words(reply.body)
    ref = reference(reply) or None
    folded = said.casefold()
    if "procore-company-id" in folded:
        return FixSetup(
            f"Procore did not accept the company for {place.what}: {said}",
            remedy="Set `company_id` of the Procore connection to the number in the company's web address.",
            reference=ref,
        )
    if "not connected to this company" in folded:
        return FixSetup(
            f"The app is not installed in this Procore company: {said}",
            remedy="Install the app for this company id: company Admin, App Management, then permit its projects.",
            reference=ref,
        )
    made = _TABLE.get(reply.status, _other)
    return made(place, f" Procore says: {said.rstrip('.')}." if said else "", reply, safe, ref)


def _signed_out(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    return SignInRefused(f"Procore does not accept our token for {place.what}.{said}", reference=ref)


def _forbidden(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    return RightMissing(f"Procore forbids {place.what}.{said}", remedy=place.right + _PERMIT, reference=ref)


def _not_seen(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    sentence = f"Procore shows nothing at {place.what}: it does not exist, or this account may not see it.{said}"
    return NotSeen(sentence, remedy=place.right + _PERMIT, reference=ref)


def _refused(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    return Refused(f"Procore refused a change of {place.what} ({reply.status}).{said}", reference=ref)


def _too_large(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    return TooLarge(f"Procore finds one request for {place.what} too large.{said}", reference=ref)


def _locked(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    return Locked(f"Somebody else is changing {place.what}.{said}", reference=ref)


def _limited(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    return RateLimited(f"Procore asked for a pause at {place.what}.{said}", reference=ref)


def _away(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    return Unavailable(f"Procore does not serve {place.what} for now ({reply.status}).{said}", reference=ref)


def _absent(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    return NameMissing(f"This Procore does not offer the call we use for {place.what}.{said}", reference=ref)


def _other(place: Place, said: str, reply: WireReply, safe: bool, ref: str | None) -> ConnectorError:
    if reply.status < 500:
        return _refused(place, said, reply, safe, ref)
    if safe:
        return _away(place, said, reply, safe, ref)
    return OutcomeUnknown(f"Procore failed ({reply.status}) while changing {place.what}.{said}", reference=ref)


_Maker = Callable[[Place, str, WireReply, bool, str | None], ConnectorError]
_TABLE: dict[int, _Maker] = {
    400: _refused,
    401: _signed_out,
    403: _forbidden,
    404: _not_seen,
    405: _absent,
    408: _away,
    409: _locked,
    413: _too_large,
    422: _refused,
    423: _locked,
    429: _limited,
    501: _absent,
    503: _away,
}
"""Status to what it means for us (facts/procore.md 2.4); all others by their hundred."""
