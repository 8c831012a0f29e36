"""What an IFS answer that is not a success means for us: one table from status, code and constant to an error."""

from __future__ import annotations

import re

import msgspec

from ml_connector.kernel.errors import (
    Bug,
    ConnectorError,
    HostUnreachable,
    Locked,
    NameMissing,
    RateLimited,
    Refused,
    RightMissing,
    SignInRefused,
    Stale,
    Unavailable,
)
from ml_connector.kernel.text import clipped
from ml_connector.systems.ifs.words import Meaning, constant_in, meaning_of
from ml_connector.systems.wire import WireReply

_CLASS = re.compile(rb"ORA-(2\d{4})")
_NUMBER = re.compile(r"2\d{4}")
_CONSTANT = re.compile(r"\b(?:([A-Za-z][A-Za-z0-9]*)\.([A-Z][A-Z0-9_]{2,})|(FND_[A-Z_]+)):")

_BY_CLASS: dict[str, type[ConnectorError]] = {
    "20106": RightMissing,
    "20107": RightMissing,
    "20119": RightMissing,
    "20140": RightMissing,
    "20113": Locked,
    "20114": Stale,
    "20115": Stale,
}
"""Database error class (facts/ifs.md 9.3); every other class of that range is a rule that said no."""
_BY_CONSTANT: dict[str, type[ConnectorError]] = {
    "LOCKED": Locked,
    "FND_LOCKED": Locked,
    "MODIFIED": Stale,
    "FND_MODIFIED": Stale,
    "REMOVED": Stale,
    "FND_REMOVED": Stale,
    "NOACCESS": RightMissing,
    "ACCESSBLOCKED": RightMissing,
}
_BY_CODE: dict[str, type[ConnectorError]] = {
    "MI_MODIFIED_ERROR": Unavailable,
    "ODP_OPERATION_TIMEOUT": Unavailable,
    "ODP_MISSING_PRECONDITION": Bug,
    "ODP_NOT_IMPLEMENTED": NameMissing,
    "ODP_RESOURCE_NOTFOUND": NameMissing,
    "SE_UNAUTHORIZED": RightMissing,
    "ODP_DESERIALIZATION_ERROR": Refused,
    "DATABASE_ERROR": Refused,
}
_BY_STATUS: dict[int, type[ConnectorError]] = {
    400: Refused,
    401: SignInRefused,
    403: RightMissing,
    404: NameMissing,
    405: RightMissing,
    412: Stale,
    423: Locked,
    428: Bug,
    429: RateLimited,
    500: Unavailable,
    501: NameMissing,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_REMEDIES: dict[type[ConnectorError], str] = {
    RightMissing: "Grant the projection to the service user in IFS, and check its company, site and user group access.",
    NameMissing: "Compare the profile with the tenant's metadata: `ml-connector connection check`.",
}


class _Detail(msgspec.Struct):
    code: object = ""
    message: object = ""


class _Error(msgspec.Struct):
    code: object = ""
    message: object = ""
    details: list[_Detail] | None = None


class _Body(msgspec.Struct):
    error: _Error


_bodies = msgspec.json.Decoder(_Body, strict=False)


class Said(msgspec.Struct, frozen=True):
    """What an error answer says, as far as it can be read: code, class number, `Lu.CONSTANT` and the server's words."""

    code: str
    number: str
    constant: str
    words: str


def said(reply: WireReply) -> Said:
    """The parts of an error answer; shapes differ by release and gateway, so every part may be empty."""
    try:
        error = _bodies.decode(reply.body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        error = _Error()
    first = error.details[0] if error.details else _Detail()
    words = _words(first.message) or _words(error.message)
    # the class number stands in details[].code or anywhere in the text, depending on release (facts/ifs.md 15)
    found = _CLASS.search(reply.body)
    number = found[1].decode() if found else next((str(one.code) for one in error.details or () if _is_class(one)), "")
    text = reply.body.decode("utf-8", "replace")
    constant = _CONSTANT.search(text)
    name = ".".join(part for part in constant.groups() if part) if constant else ""
    if meaning_of(name) is None:  # the constant, too, may stand anywhere in the body
        name = constant_in(text) or name
    return Said(_words(error.code), number, name, words)


def refusal(reply: WireReply, what: str) -> ConnectorError:
    """The error of the tree for an answer that is no success; `what` says what was being done ("read projects")."""
    error = _refusal(reply, what)
    error.side = "erp"
    return error


def _refusal(reply: WireReply, what: str) -> ConnectorError:
    heard = said(reply)
    kind = _kind(reply.status, heard)
    reference = heard.constant or (f"ORA-{heard.number}" if heard.number else "") or heard.code or str(reply.status)
    if kind is HostUnreachable:
        return HostUnreachable(
            f"IFS could not {what}: the address answers, but not as IFS does ({reply.status}).",
            remedy="Check erp.url and erp.channel.",
        )
    meaning = meaning_of(heard.constant)
    if kind is Refused and meaning is not None:
        return Refused(_explained(what, heard, meaning), remedy=meaning.mend, reference=reference)
    words = f": {clipped(heard.words.rstrip('.'), 300)}" if heard.words else f" ({reply.status})"
    return kind(f"IFS could not {what}{words}.", remedy=_REMEDIES.get(kind), reference=reference)


def accepted(reply: WireReply, what: str) -> WireReply:
    """`reply` when it is a success; else raises what `refusal` makes of it."""
    if 200 <= reply.status < 300:
        return reply
    raise refusal(reply, what)


def not_odata(what: str) -> HostUnreachable:
    """The error for a success whose body is no OData: a sign-in page, a proxy."""
    error = HostUnreachable(
        f"IFS could not {what}: the address answers with something that is no OData.",
        remedy="Check erp.url: it is the tenant's own host, without a path.",
    )
    error.side = "erp"
    return error


def _kind(status: int, heard: Said) -> type[ConnectorError]:
    if status in (401, 412, 428):
        return _BY_STATUS[status]
    if heard.number:
        return _BY_CLASS.get(heard.number, Refused)
    short = heard.constant.rpartition(".")[2]
    if short in _BY_CONSTANT:
        return _BY_CONSTANT[short]
    if heard.constant and status in (400, 500):
        return Refused
    if heard.code in _BY_CODE:
        return _BY_CODE[heard.code]
    if 300 <= status < 400 or status == 200:
        return HostUnreachable
    return _BY_STATUS.get(status, Refused)


def _explained(what: str, heard: Said, meaning: Meaning) -> str:
    """IFS's constant, what it means, who mends it, and IFS's own words, which often name the value or the day."""
    name = heard.constant.rpartition(".")[2]
    theirs = _CONSTANT.sub("", heard.words).rpartition(": ")[2].strip(" .")
    said = f" IFS says: {clipped(theirs, 300)}." if theirs and name not in theirs else ""
    return f"IFS could not {what} ({name}): {meaning.why}. {meaning.mend}{said}"


def _words(value: object) -> str:
    """Text from a message, which may itself be an object with `value` (facts/ifs.md 9.1)."""
    if isinstance(value, dict):
        value = value.get("value", "")
    return value if isinstance(value, str) else "" if value is None else str(value)


def _is_class(detail: _Detail) -> bool:
    return _NUMBER.fullmatch(str(detail.code)) is not None
