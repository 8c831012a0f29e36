"""Audit: the trail of a connection or of the installation, given away whole, and proved to be whole."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse

from ml_connector.access.permissions import Permission
from ml_connector.actions import audit as actions
from ml_connector.actions.home import Queued
from ml_connector.console.exporting import file_name
from ml_connector.console.page import Page, Route
from ml_connector.console.pages.home import NO_WORKER
from ml_connector.console.titles import details_of
from ml_connector.kernel.errors import AskPerson, BadInput
from ml_connector.views import audit
from ml_connector.views.audit import AuditLook, AuditPage
from ml_connector.views.trail_files import KINDS, trail_file

_FILTERS = ("actor", "tag", "record", "run", "since", "until")


def trail(page: Page) -> Response:
    """A page of the trail, or all of it as a file."""
    look = page.query(AuditLook)
    if not look.zone:  # days are those of who looks, as the rows are
        look = msgspec.structs.replace(look, zone=page.zone)
    wanted = page.request.query_params.get("as")
    if wanted:
        return _file(page, wanted, look)
    error, status = None, 200
    try:
        found: AuditPage = page.do(actions.LIST, look)
    except BadInput as wrong:
        error, status = wrong, 400
        found = page.do(actions.LIST, AuditLook(connection=look.connection, zone=page.zone))
    rows = [(row, details_of(row.details, page.zone, row.kind), _about(page, row)) for row in found.rows]
    given = msgspec.structs.asdict(look)
    return page.render(
        "audit/list.html",
        status=status,
        found=found,
        rows=rows,
        look=given,
        filtered=any(given[name] for name in _FILTERS),
        error=error,
        base=_base(page),
    )


def verify(page: Page) -> Response:
    """Has the whole trail verified."""
    try:
        asked: Queued = page.do(actions.VERIFY, actions.VerifyGiven(page.connection))
    except AskPerson as error:
        return page.redirect(_base(page), f"{error.sentence} {error.remedy}", "bad")
    said = "The trail is being verified from its first row." if asked.workers else NO_WORKER
    return page.redirect(_base(page), said, "good" if asked.workers else "bad")


def _file(page: Page, form: str, look: AuditLook) -> Response:
    audit.proof(page.app, look.connection)  # a connection that is not there is said before anything is sent
    parts = trail_file(form, audit.every(page.app, look))
    name = file_name(look.connection) or "installation"
    headers = {"content-disposition": f'attachment; filename="audit-{name}.{form}"'}
    begun = chain(list(islice(parts, 1)), parts)  # what cannot be asked for is said instead of a file
    return StreamingResponse(_bytes(begun), media_type=KINDS[form], headers=headers)


def _bytes(parts: Iterator[Any]) -> Iterator[bytes]:
    for part in parts:
        yield part.data


def _base(page: Page) -> str:
    return f"/c/{page.connection}/audit" if page.connection else "/audit"


def _about(page: Page, row: audit.Row) -> str:
    """The address of what a row is about; empty where there is no page of it."""
    if not page.connection:
        return ""
    if row.kind == "run" or (row.run and not row.record):
        return f"/c/{page.connection}/runs/{row.run}"
    return f"/c/{page.connection}/plans/{row.record}" if row.kind == "plan" else ""


PAGES: tuple[Route, ...] = (
    Route("/audit", trail),
    Route("/audit/verify", verify, ("POST",), Permission.WORK),
    Route("/c/{connection}/audit", trail),
    Route("/c/{connection}/audit/verify", verify, ("POST",), Permission.WORK),
)
"""Addresses of the audit trail."""
