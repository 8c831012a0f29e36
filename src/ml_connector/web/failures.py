"""What went wrong as an HTTP answer: a status, a sentence, what to do, and nothing of our insides."""

from __future__ import annotations

import secrets
from typing import NamedTuple

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ml_connector.kernel.errors import (
    AskPerson,
    BadInput,
    Bug,
    ConnectorError,
    DatabaseTrouble,
    FixSetup,
    NotAllowed,
    NothingSuchHere,
    OutcomeUnknown,
    PlanUnknown,
    RateLimited,
    Refused,
    Wait,
)
from ml_connector.service.traced import traced
from ml_connector.web.limits import Crowded, TooLarge, TooSlow

_log = structlog.get_logger()

_STATUS: tuple[tuple[type[ConnectorError], int], ...] = (
    (BadInput, 400),
    (NotAllowed, 403),
    (NothingSuchHere, 404),
    (PlanUnknown, 404),
    (AskPerson, 409),
    (RateLimited, 429),
    (Wait, 503),
    (DatabaseTrouble, 503),
    (FixSetup, 422),
    (OutcomeUnknown, 502),
    (Refused, 409),
)
"""Kind of failure to its status; the first that fits."""


class Failure(NamedTuple):
    """A failure as a caller is told of it."""

    status: int
    sentence: str
    remedy: str
    reference: str = ""
    retry_after: int | None = None


def failure_of(error: Exception) -> Failure:
    """How an error is told; one nobody expected is logged under a reference that its answer names."""
    if isinstance(error, ConnectorError) and not isinstance(error, Bug):
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        seconds = getattr(error, "seconds", None)
        wait = max(1, round(seconds)) if seconds else 5 if status == 503 else None
        return Failure(status, error.sentence, error.remedy, error.reference or "", wait)
    if isinstance(error, TooLarge):
        most = f"{error.most // 1024 // 1024} MB" if error.most >= 1024 * 1024 else f"{error.most // 1024} KB"
        return Failure(413, f"That is more than {most}.", "Send less, or in parts.")
    if isinstance(error, TooSlow):
        return Failure(408, "It took too long to arrive.", "Send it again.")
    if isinstance(error, Crowded):
        return Failure(503, "Too many people are at the door at this moment.", "Try again in a few seconds.", "", 5)
    if isinstance(error, ClientDisconnect):  # nobody is there to be told, and nothing of ours went wrong
        return Failure(400, "The request ended before it was whole.", "Send it again.")
    if isinstance(error, HTTPException) and error.status_code < 500:
        found = {404: "There is nothing at this address.", 405: "This address is not asked that way."}
        sentence = found.get(error.status_code, "The request cannot be read.")
        return Failure(error.status_code, sentence, "Go back, and try from there.")
    reference = secrets.token_hex(4)
    _log.error("console.failed", reference=reference, **traced(error))
    remedy = "Try again; if it comes again, report it with the reference."
    return Failure(500, "Something went wrong on our side; nothing was lost.", remedy, reference)
