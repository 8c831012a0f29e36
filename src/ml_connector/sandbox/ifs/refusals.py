"""The ways the simulated provider says no: one exception, one wire shape, one table of codes (facts/ifs.md 9)."""

from __future__ import annotations

from typing import Any

from ml_connector.sandbox.http import Response, json_response
from ml_connector.sandbox.ifs.switches import IfsSwitches

RULE = 20110
"""Record rule: most business validations."""
NOT_EXIST = 20111
"""Record does not exist, also as the target of a reference."""
EXISTS = 20112
"""Record exists already."""
MODIFIED = 20114
"""Record was modified by another user."""
USED = 20116
"""Record is used by others and cannot be removed."""
NOT_INSERTABLE = 20121
"""Field may not be set on a new record."""
NOT_UPDATABLE = 20122
"""Field may not be modified."""
MANDATORY = 20124
"""Field must have a value."""
TOO_LONG = 20126
"""Field value is too long."""


class IfsRefused(Exception):
    """A call that the simulated provider refuses, with the HTTP status, the error code and the sentence it answers."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: tuple[tuple[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.details, self.headers = status, code, message, details, headers

    def response(self, switches: IfsSwitches) -> Response:
        """The answer on the wire: error.code, error.message and, where known, error.details."""
        return error_response(self.status, self.code, self.message, self.details, self.headers)


class RuleBroken(IfsRefused):
    """A business rule raised in the database: class number, constant `Lu.CONST` and our own sentence (facts 9.3)."""

    def __init__(self, number: int, constant: str, text: str, status: int | None = None) -> None:
        super().__init__(status or 400, "DATABASE_ERROR", text)
        self.number, self.constant, self.text, self.fixed_status = number, constant, text, status

    def response(self, switches: IfsSwitches) -> Response:
        """The answer on the wire, with as much of number and constant as the switch `error_text` lets through."""
        status = self.fixed_status or switches.validation_status
        if switches.error_text == "text_only":
            shown, code = self.text, "ERROR"
        elif switches.error_text == "ora":
            shown, code = f"ORA-{self.number}: {self.constant}: {self.text}", str(self.number)
        else:
            shown, code = f"{self.constant}: {self.text}", str(self.number)
        return error_response(status, "DATABASE_ERROR", "The database refused the operation.", ((code, shown),))


def error_response(
    status: int,
    code: str,
    message: str,
    details: tuple[tuple[str, str], ...] = (),
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """An error answer in the provider's shape (facts 9.1)."""
    error: dict[str, Any] = {"code": code, "message": message}
    if details:
        error["details"] = [{"code": number, "message": text} for number, text in details]
    return json_response(status, {"error": error}, headers)


def not_implemented(what: str) -> IfsRefused:
    """501 for an OData feature the provider lacks or this simulation does not model; `what` names it."""
    return IfsRefused(501, "ODP_NOT_IMPLEMENTED", f"Not implemented here: {what}.")


def bad_request(message: str) -> IfsRefused:
    """400 for a query option, address or header that cannot be understood."""
    return IfsRefused(400, "ODP_BAD_REQUEST", message)


def bad_body(prop: str, why: str) -> IfsRefused:
    """400 for a body that does not fit the type; the detail names the property (facts 9.2)."""
    text = f"The value given for property '{prop}' cannot be used: {why}."
    return IfsRefused(
        400,
        "ODP_DESERIALIZATION_ERROR",
        "The request body does not fit the entity type.",
        (("INVALID_VALUE_FOR_PROPERTY", text),),
    )


def not_found(what: str) -> IfsRefused:
    """404 for a missing row, set, projection or a service nobody activated."""
    return IfsRefused(404, "ODP_RESOURCE_NOTFOUND", f"There is no {what}.")


def not_allowed(what: str) -> IfsRefused:
    """405 for a verb the entity set does not take."""
    return IfsRefused(405, "ODP_METHOD_NOT_ALLOWED", f"Not allowed: {what}.")


def missing_precondition() -> IfsRefused:
    """428 for a change without If-Match."""
    return IfsRefused(428, "ODP_MISSING_PRECONDITION", "This request needs an If-Match header.")


def stale(lu: str) -> IfsRefused:
    """412 for a tag that is not the row's present one."""
    text = f"{lu}.FND_MODIFIED: This record was modified after you read it."
    return IfsRefused(
        412, "ODP_PRECONDITION_FAILED", "The record was modified by another user.", ((str(MODIFIED), text),)
    )


_INJECTED: dict[int, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    401: ("UNAUTHORIZED", "A valid access token is needed.", ()),
    403: ("SE_UNAUTHORIZED", "The user has no right to this service.", ()),
    412: (
        "ODP_PRECONDITION_FAILED",
        "The record was modified by another user.",
        ((str(MODIFIED), "FND_MODIFIED: The record was modified."),),
    ),
    423: ("DATABASE_ERROR", "The record is locked.", (("20113", "FND_LOCKED: Another user holds this record."),)),
    429: ("TOO_MANY_REQUESTS", "Too many requests were made.", ()),
    500: ("INTERNAL_ERROR", "Something unexpected went wrong.", ()),
    504: ("ODP_OPERATION_TIMEOUT", "The operation ran longer than 300 seconds.", ()),
}


def injected(status: int, retry_after: int | None = None, kind: str | None = None) -> Response:
    """An error answer for a fault that was asked for: facts 9.2 by status; kind MI_MODIFIED_ERROR for that 503.

    A 503 or 502 without a kind comes from the gateway in front and is HTML, as facts 9.1 warns.
    """
    headers: tuple[tuple[str, str], ...] = (("retry-after", str(retry_after)),) if retry_after is not None else ()
    if status == 401:
        headers = (*headers, ("www-authenticate", "Bearer"))
    if kind == "MI_MODIFIED_ERROR":
        return error_response(status, kind, "The definition of this service is being refreshed.", (), headers)
    if kind is None and status in (502, 503):
        page = b"<html><body><h1>Service not available</h1></body></html>"
        return Response(status, (("content-type", "text/html"), *headers), page)
    code, message, details = _INJECTED.get(status, ("ERROR", "The request failed.", ()))
    return error_response(status, code, message, details, headers)
