"""What can be done about documents: find them, look at one from every side, decide one again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action, Call
from ml_connector.planning.finding import FLOWS_OF
from ml_connector.service.deciding_anew import decide_anew
from ml_connector.views import document_hops as stories
from ml_connector.views import documents as pages
from ml_connector.views import search as finding
from ml_connector.views.document_hops import Audited, Exchanged, Hops
from ml_connector.views.documents import Document, DocumentLook, Related, RelatedLook
from ml_connector.views.listing import Listing, Words
from ml_connector.views.search import DocumentsLook, Finds, Kind, SearchLook

_ONE = "/connections/{connection}/documents/{kind}"


class ExchangeLook(msgspec.Struct, frozen=True):
    """Which request and answer are wanted."""

    connection: Words
    exchange: Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class ReplayLook(DocumentLook, frozen=True, kw_only=True):
    """Which document is decided again, and with the mapping of when it was decided (then), or the newest (now)."""

    mapping: Literal["then", "now"] = "now"


class Step(msgspec.Struct, frozen=True):
    """One step of a decision."""

    verb: str
    record: str
    reason: str
    state: str = ""
    """What became of it; empty where it was not decided, or not sent, for real."""
    only: bool = False
    """Whether the other decision has no such step."""


class Replayed(msgspec.Struct, frozen=True):
    """A past decision beside the same decision made again from the same evidence."""

    run: int
    mapping: str
    same: bool
    """Whether both are the same to the byte."""
    then: list[Step]
    now: list[Step]
    held: list[str]
    """Why it would be held now, in sentences."""


class Again(msgspec.Struct, frozen=True):
    """Which document is to be decided again for real."""

    connection: Words
    kind: Kind
    id: Words


class Asked(msgspec.Struct, frozen=True):
    """A run that was asked for. `workers`: whether somebody is there to do it now."""

    task: str
    workers: bool


def _search(call: Call, given: SearchLook) -> Finds:
    return finding.search(call.app, given)


def _list(call: Call, given: DocumentsLook) -> Listing:
    return finding.documents(call.app, given)


def _show(call: Call, given: DocumentLook) -> Document:
    return pages.show(call.app, given)


def _related(call: Call, given: RelatedLook) -> Related:
    return pages.related(call.app, given)


def _story(call: Call, given: RelatedLook) -> Hops:
    return stories.hops(call.app, given)


def _audit(call: Call, given: RelatedLook) -> Audited:
    return stories.audit_rows(call.app, given)


def _exchange(call: Call, given: ExchangeLook) -> Exchanged:
    return stories.exchange(call.app, given.connection, given.exchange)


def _replay(call: Call, given: ReplayLook) -> Replayed:
    key = given.key
    found = call.app.replay(given.connection, key.id, mapping=given.mapping, of=FLOWS_OF[key.kind])
    return Replayed(
        run=found["run"],
        mapping=given.mapping,
        same=found["same"],
        then=_steps(found["then"], found["only_then"]),
        now=_steps(found["now"], found["only_now"]),
        held=found["held"],
    )


def _steps(every: list[dict[str, Any]], only: list[dict[str, Any]]) -> list[Step]:
    return [Step(**step, only=step in only) for step in every]


def _again(call: Call, given: Again) -> Asked:
    look = DocumentLook(connection=given.connection, kind=given.kind, id=given.id)
    asked = decide_anew(call.app, given.connection, look.key.id, FLOWS_OF[given.kind])
    return Asked(asked["task"], asked["workers"])


SEARCH = Action(
    name="documents.search",
    permission=Permission.LOOK,
    method="GET",
    path="/search",
    takes=SearchLook,
    gives=Finds,
    call=_search,
    command="search",
    sentence="Finds any document by any number or name it has in either system, in one connection or in all.",
)
LIST = Action(
    name="documents.list",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/documents",
    takes=DocumentsLook,
    gives=Listing,
    call=_list,
    command="search",
    sentence="Lists the documents of a connection, those whose details changed last first.",
)
SHOW = Action(
    name="documents.show",
    permission=Permission.LOOK,
    method="GET",
    path=_ONE,
    takes=DocumentLook,
    gives=Document,
    call=_show,
    command="show page",
    sentence="Shows one document: how it stands, both sides side by side, line by line, and what belongs to it.",
)
RELATED = Action(
    name="documents.related",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_ONE}/related",
    takes=RelatedLook,
    gives=Related,
    call=_related,
    command="show related",
    sentence="Lists what belongs to a document, such as the documents of a vendor, a page at a time.",
)
STORY = Action(
    name="documents.story",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_ONE}/story",
    takes=RelatedLook,
    gives=Hops,
    call=_story,
    command="show story",
    sentence="Tells what happened to a document, the latest first: decided, held, approved, sent, answered.",
)
AUDIT = Action(
    name="documents.audit",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_ONE}/audit",
    takes=RelatedLook,
    gives=Audited,
    call=_audit,
    command="audit list",
    sentence="Lists the audit rows about a document and its records, the latest first.",
)
EXCHANGE = Action(
    name="documents.exchange",
    permission=Permission.LOOK,
    method="GET",
    path="/connections/{connection}/exchanges/{exchange}",
    takes=ExchangeLook,
    gives=Exchanged,
    call=_exchange,
    command="show exchange",
    sentence="Shows one request to IFS or Procore and its answer, exactly as sent, without secrets.",
)
REPLAY = Action(
    name="documents.replay",
    permission=Permission.LOOK,
    method="GET",
    path=f"{_ONE}/replay",
    takes=ReplayLook,
    gives=Replayed,
    call=_replay,
    command="replay",
    sentence="Decides a document again from kept evidence, with the mapping of then or of now; sends nothing.",
)
AGAIN = Action(
    name="documents.again",
    permission=Permission.WORK,
    method="POST",
    path=f"{_ONE}/again",
    takes=Again,
    gives=Asked,
    call=_again,
    command="replay",
    sentence="Has a document decided again for real, with the newest mapping, by a run that is asked for at once.",
)

ACTIONS = (SEARCH, LIST, SHOW, RELATED, STORY, AUDIT, EXCHANGE, REPLAY, AGAIN)
"""Everything about documents."""
