"""Budget codes (Procore: WBS codes) of a project, and which of them have a budget line (facts/procore.md 7.2, 12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused, RightMissing
from ml_connector.records.cost_code import BudgetCode
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore.answers import BUDGET, BUDGET_CODES, field_words
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.effects import body_of, done, number_of, one_by_one, project_of, refused, unknown
from ml_connector.systems.procore.segment import Segments
from ml_connector.systems.procore.settings import BudgetList
from ml_connector.systems.procore.sync import UNMENTIONED

T = TypeVar("T")
LINES_PAGE = 100
"""Most rows of a v2 list in one page."""
_PATH = "/rest/v1.0/projects/{}/work_breakdown_structure/wbs_codes"


class WbsItem(msgspec.Struct):
    """A segment item inside a WBS code."""

    id: int | None = None


class WbsRow(msgspec.Struct):
    """The members of a WBS code we use in reading."""

    id: int
    flat_code: str | None = None
    status: str | None = None
    updated_at: str | None = None


class WbsEntity(WbsRow):
    """A WBS code as bulk_create answers it."""

    segment_items: list[WbsItem] | None = None


class SegmentItem(msgspec.Struct):
    """One part of a combination; in refused rows either member may be missing."""

    segment_id: int | None = None
    segment_item_id: int | None = None


class WbsWrite(msgspec.Struct):
    """One combination to be made."""

    segment_items: list[SegmentItem]


class BulkCreate(msgspec.Struct):
    """The body of bulk_create."""

    bulk: list[WbsWrite]


class BadCombination(msgspec.Struct):
    """A combination that was not made."""

    segment_items: list[SegmentItem] | None = None
    errors: object = None


class BulkAnswer(msgspec.Struct):
    """201: what was made or was there, and what was not."""

    entities: list[WbsEntity] | None = None
    errors: list[BadCombination] | None = None


class WbsRef(msgspec.Struct):
    """A WBS code as other records name it; ids are strings in v2, numbers in v1."""

    id: str | int | None = None
    flat_code: str | None = None


class LineRow(msgspec.Struct):
    """A budget line of the v2 list."""

    wbs_code: WbsRef | None = None


class ViewRow(msgspec.Struct):
    """A budget view."""

    id: int


class DetailRow(msgspec.Struct):
    """A row of a budget view."""

    wbs_code_id: int | None = None


class StatusWrite(msgspec.Struct):
    """The body of PATCH .../wbs_codes/{id}, as far as we change one."""

    status: str


_row = msgspec.json.Decoder(WbsRow)
_rows = msgspec.json.Decoder(list[WbsRow])
_bulk = msgspec.json.Decoder(BulkAnswer)
_lines = msgspec.json.Decoder(list[LineRow])
_views = msgspec.json.Decoder(list[ViewRow])
_details = msgspec.json.Decoder(list[DetailRow])


def read(client: Client, project: str) -> list[BudgetCode]:
    """Every combination of a project. Raises RightMissing when no budget can be read, for then nobody can tell."""
    rows = listed(client, project)
    budgeted = read_budgeted(client, project)
    return [
        BudgetCode(str(row.id), project, row.flat_code or "", row.status != "inactive", str(row.id) in budgeted)
        for row in rows
    ]


def listed(client: Client, project: str) -> list[WbsRow]:
    """Every combination of a project as a row."""
    return client.pages(_PATH.format(project), (), _rows, BUDGET_CODES)


def read_budgeted(client: Client, project: str) -> set[str]:
    """Ids of the budget codes that have a budget line."""
    return from_budget(client, lambda: _from_lines(client, project), lambda: _from_view(client, project))


def from_budget(client: Client, lines: Callable[[], T], view: Callable[[], T]) -> T:
    """What `lines` reads from the v2 list, or `view` from a budget view where that list is missing, by setting."""
    source = client.settings.budget_list
    if source is not BudgetList.VIEWS:
        try:
            return lines()
        except (RightMissing, NameMissing, Refused):
            if source is BudgetList.LINES:
                raise
    return view()


def lines_path(client: Client, project: str) -> str:
    """Where the budget lines of v2 are listed."""
    return f"/rest/v2.0/companies/{client.company}/projects/{project}/budget_line_items"


def view_path(client: Client, project: str) -> str:
    """Where the rows of a project's first budget view are listed. Raises RightMissing when there is no view."""
    views = client.pages("/rest/v1.0/budget_views", (("project_id", project),), _views, BUDGET)
    if not views:
        raise RightMissing(
            f"Procore project {project} shows neither budget lines nor a budget view.", remedy=BUDGET.right
        )
    return f"/rest/v1.0/budget_views/{views[0].id}/detail_rows"


def _from_lines(client: Client, project: str) -> set[str]:
    rows = client.pages(lines_path(client, project), (), _lines, BUDGET, LINES_PAGE)
    return {str(row.wbs_code.id) for row in rows if row.wbs_code is not None and row.wbs_code.id is not None}


def _from_view(client: Client, project: str) -> set[str]:
    query = (("project_id", project), ("budget_row_type", "budgeted"))
    rows = client.pages(view_path(client, project), query, _details, BUDGET)
    return {str(row.wbs_code_id) for row in rows if row.wbs_code_id is not None}


def update(client: Client, effects: Sequence[Effect]) -> list[Outcome]:
    """Makes budget codes active or inactive, each by its id."""

    def one(effect: Effect) -> Outcome:
        wanted = _status(effect)
        path = f"{_PATH.format(project_of((effect,)))}/{number_of(effect.target)}"
        row = client.write("PATCH", path, StatusWrite(wanted), _row, BUDGET_CODES)
        if row.status not in (None, wanted):
            return refused(effect, f"We set budget code {row.flat_code} {wanted}, and Procore keeps it {row.status}.")
        return done(effect, row.id, row.updated_at)

    return one_by_one(effects, one)


def _status(effect: Effect) -> str:
    return "active" if body_of(effect, BudgetCode).active else "inactive"


def find(client: Client, effect: Effect) -> Outcome | None:
    """The project's combination with that flat code; for a change, when it is active or inactive as wanted."""
    flat = body_of(effect, BudgetCode).flat
    for row in listed(client, project_of((effect,))):
        if row.flat_code == flat and (effect.verb != "update" or row.status == _status(effect)):
            return done(effect, row.id, row.updated_at)
    return None


class Combinations:
    """Makes budget codes from the segment items of a project."""

    def __init__(self, client: Client, segments: Segments) -> None:
        self._client = client
        self._segments = segments

    def send(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Creates combinations; one that is there already answers with its id."""
        project = project_of(effects)
        wanted: dict[int, WbsWrite] = {}
        ended: dict[int, Outcome] = {}
        fresh = False
        for effect in effects:
            made = self._combination(project, body_of(effect, BudgetCode).flat)
            if isinstance(made, str) and not fresh:
                self._segments.forget(project)  # the code may have been made a moment ago, by us or by a person
                fresh = True
                made = self._combination(project, body_of(effect, BudgetCode).flat)
            if isinstance(made, str):
                ended[effect.intent_id] = refused(effect, made)
            else:
                wanted[effect.intent_id] = made
        if wanted:
            path = f"{_PATH.format(project)}/bulk_create"
            answer = self._client.upsert(path, BulkCreate(list(wanted.values())), _bulk, BUDGET_CODES)
            for effect in effects:
                if effect.intent_id in wanted:
                    ended[effect.intent_id] = _outcome(effect, wanted[effect.intent_id], answer)
        return [ended[effect.intent_id] for effect in effects]

    def _combination(self, project: str, flat: str) -> WbsWrite | str:
        """The combination behind a flat code (`03-310.M`), or the sentence why there is none."""
        code, _, kind = flat.rpartition(".")
        items = []
        for segment_type, name, what in (("cost_code", code, "cost code"), ("line_item_type", kind, "cost type")):
            segment = self._segments.segment(project, segment_type)
            item = segment.items.get(name) if segment else None
            if segment is None or item is None:
                return f"The project has no active {what} {name}, so {flat} cannot be made."
            items.append(SegmentItem(segment.id, item))
        return WbsWrite(items)


def _outcome(effect: Effect, sent: WbsWrite, answer: BulkAnswer) -> Outcome:
    flat = body_of(effect, BudgetCode).flat
    ours = {item.segment_item_id for item in sent.segment_items}
    for entity in answer.entities or []:
        if entity.flat_code == flat or {item.id for item in entity.segment_items or []} == ours:
            return done(effect, entity.id, entity.updated_at)
    for bad in answer.errors or []:
        if {item.segment_item_id for item in bad.segment_items or []} == ours:
            return refused(effect, f"Procore refused {flat}: {field_words(bad.errors)}")
    return unknown(effect, UNMENTIONED)
