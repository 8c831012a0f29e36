"""Refusals in the several body shapes Procore uses (facts/procore.md 2.4)."""

from __future__ import annotations

from typing import Any

NO_ACCESS = "You do not have sufficient access to complete that action"
NO_SUCH_ID = "Entity with this ID not found"
NOT_CONNECTED = "App is not connected to this company."
TAKEN = "has already been taken"

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    413: "PAYLOAD_TOO_LARGE",
    422: "UNPROCESSABLE_ENTITY",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR",
    503: "SERVICE_UNAVAILABLE",
}


class Refused(Exception):
    """Raised by a handler: the call is answered with this status and body and changes nothing."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def generic(status: int, message: str, fields: str | None = None) -> dict[str, Any]:
    """The body most v1 endpoints use: code, message, fields, reason, error."""
    return {"code": status, "message": message, "fields": fields, "reason": message, "error": message}


def coded(status: int, message: str, source: str | None = None) -> dict[str, Any]:
    """The body of v2 and of v1.1 projects: `error` with a code in capitals and details."""
    code = _CODES.get(status, "ERROR")
    details = [{"reason_code": code, "message": message, "source": source}]
    return {"error": {"code": code, "message": message, "details": details}}


def body_for(path: str, status: int, message: str, fields: str | None = None) -> dict[str, Any]:
    """The error body the endpoint family of `path` declares for that status."""
    if path.startswith("/rest/v1.0/projects") and "/budget_changes" in path:
        if status in (400, 404):
            return {"errors": [{"message": message, "field": fields}]}
        if status == 422:
            return {"message": message, "error": message}
    if path.startswith("/rest/v2.") or path == "/rest/v1.1/projects":
        return coded(status, message, fields)
    if status == 404:
        return {"message": message, "exception": "RecordNotFound"}
    if status == 422 and path.startswith("/rest/v1.0/budget_line_items"):
        return {"message": message, "error": message}
    return generic(status, message, fields)


def by_field(fields: dict[str, list[str]]) -> dict[str, Any]:
    """The body that names fields: `errors` with a list of sentences per field."""
    return {"errors": fields}
