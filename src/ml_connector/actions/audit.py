"""The audit trail: searching it, and having it verified."""

from __future__ import annotations

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call
from ml_connector.actions.home import Queued, queued
from ml_connector.service import proving
from ml_connector.views import audit
from ml_connector.views.listing import Words


class VerifyGiven(msgspec.Struct, frozen=True):
    """Whose trail; an empty name is the installation's own."""

    connection: Words = ""


def _list(call: Call, given: audit.AuditLook) -> audit.AuditPage:
    return audit.page(call.app, given)


def _verify(call: Call, given: VerifyGiven) -> Queued:
    return queued(proving.ask(call.app, given.connection, proving.VERIFY))


LIST = Action(
    name="audit.list",
    permission=Permission.LOOK,
    method="GET",
    path="/audit",
    takes=audit.AuditLook,
    gives=audit.AuditPage,
    call=_list,
    command="audit list",
    sentence="Searches the audit trail of a connection, or of the installation, and says how far it is proved whole.",
)
VERIFY = Action(
    name="audit.verify",
    permission=Permission.WORK,
    method="POST",
    path="/audit/verification",
    takes=VerifyGiven,
    gives=Queued,
    call=_verify,
    command="audit verify",
    sentence="Has the service walk the whole audit trail from its first row and check every hash.",
)

ACTIONS: tuple[Action, ...] = (LIST, VERIFY)
"""Everything of this area."""
