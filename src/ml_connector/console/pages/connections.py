"""The pages of connections: the list, and one with both sides, its state, its webhooks and its end."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import connections as acts
from ml_connector.actions import health
from ml_connector.actions.connections import Change, Hooks, Remove
from ml_connector.actions.health import PauseGiven, ResumeGiven
from ml_connector.actions.setup_takes import Named
from ml_connector.console.exporting import export
from ml_connector.console.page import Page, Route
from ml_connector.kernel.errors import ConnectorError
from ml_connector.kernel.text import counted
from ml_connector.views.connections import ConnectionsLook
from ml_connector.views.listing import Listing


def listed(page: Page) -> Response:
    """Every connection."""
    look = page.query(ConnectionsLook)
    wanted = page.request.query_params.get("as")
    if wanted:
        return export(page, wanted, "connections", look, lambda one: page.do(acts.LIST, one))
    return page.render("connections/list.html", found=_folded(page.do(acts.LIST, look)))


def _folded(found: Listing) -> Listing:
    """The list as it fits a page: addresses and names beneath what they belong to; files have columns for them."""
    rows = [
        {
            **row,
            "title": {"text": row["title"], "beneath": row["name"]},
            "erp_company": {"text": row["erp_company"], "beneath": row["erp_url"]},
            "company_id": {"text": row["company_id"], "beneath": row["projects_url"]},
        }
        for row in found.rows
    ]
    columns = tuple(one for one in found.columns if one.key not in ("name", "erp_url", "projects_url"))
    return msgspec.structs.replace(found, rows=rows, columns=columns)


def show(page: Page) -> Response:
    """One connection."""
    return _show(page)


def change(page: Page) -> Response:
    """Changes addresses, names and secrets."""
    name = page.part("name")
    try:
        page.do(acts.CHANGE, page.posted(Change, connection=name))
    except ConnectorError as error:
        return _show(page, error)
    return page.redirect(f"/connections/{name}", "The connection is changed.")


def check(page: Page) -> Response:
    """Has every right and name tested."""
    name = page.part("name")
    try:
        looking = page.do(acts.CHECK, Named(name))
    except ConnectorError as error:
        return _show(page, error)
    return page.redirect(f"/connections/{name}#checks", "The test is under way." if looking.busy else "")


def rebind(page: Page) -> Response:
    """Ties the connection to what answers now."""
    name = page.part("name")
    try:
        page.do(acts.REBIND, Named(name))
    except ConnectorError as error:
        return _show(page, error)
    return page.redirect(f"/connections/{name}", "The connection is tied to the systems that answered now.")


def pause(page: Page) -> Response:
    """Pauses the connection until somebody resumes it."""
    name = page.part("name")
    try:
        page.do(health.PAUSE, page.posted(PauseGiven, connection=name))
    except ConnectorError as error:
        return _show(page, error)
    return page.redirect(f"/connections/{name}", "The connection is paused.")


def resume(page: Page) -> Response:
    """Lets it go on."""
    name = page.part("name")
    try:
        page.do(health.RESUME, ResumeGiven(name))
    except ConnectorError as error:
        return _show(page, error)
    return page.redirect(f"/connections/{name}", "The connection goes on.")


def hooks(page: Page) -> Response:
    """Registers and repairs the hooks in Procore."""
    name = page.part("name")
    try:
        found = page.do(acts.HOOKS, page.posted(Hooks, connection=name))
    except ConnectorError as error:
        return _show(page, error)
    number = len(found["steps"])
    said = (
        f"{counted(number, 'step')} taken; the hooks are as they should be."
        if number
        else "The hooks are as they should be."
    )
    return page.redirect(f"/connections/{name}", said)


def unhook(page: Page) -> Response:
    """Removes the hooks in Procore."""
    name = page.part("name")
    try:
        page.do(acts.UNHOOK, Named(name))
    except ConnectorError as error:
        return _show(page, error)
    return page.redirect(f"/connections/{name}", "The hooks are removed.")


def remove(page: Page) -> Response:
    """Removes the connection, its name typed once more."""
    name = page.part("name")
    try:
        given = Remove(name, page.field("typed"), force=page.field("force") == "yes")
        page.do(acts.REMOVE, given)
    except ConnectorError as error:
        return _show(page, error)
    return page.redirect("/connections", f"Connection {name} is removed. Its audit trail stays.")


def _show(page: Page, error: ConnectorError | None = None) -> Response:
    view = page.do(acts.SHOW, Named(page.part("name")))
    return page.render(
        "connections/one.html",
        status=400 if error else 200,
        view=view,
        error=error,
        typed=page.form,
        checks=page.do(acts.CHECKED, Named(view.name)),
        looking=page.do(acts.LOOKING, Named(view.name)),
    )


_MAY = Permission.CONFIGURE
PAGES: tuple[Route, ...] = (
    Route("/connections", listed),
    Route("/connections/{name}", show),
    Route("/connections/{name}", change, ("POST",), _MAY),
    Route("/connections/{name}/check", check, ("POST",), Permission.WORK),
    Route("/connections/{name}/rebind", rebind, ("POST",), _MAY),
    Route("/connections/{name}/pause", pause, ("POST",), Permission.WORK),
    Route("/connections/{name}/resume", resume, ("POST",), Permission.WORK),
    Route("/connections/{name}/webhooks", hooks, ("POST",), _MAY),
    Route("/connections/{name}/webhooks/remove", unhook, ("POST",), _MAY),
    Route("/connections/{name}/remove", remove, ("POST",), _MAY),
)
"""The list, one connection, and what can be done with it."""
