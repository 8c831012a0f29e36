"""Pages of plans: the list, one plan by project, its records one by one, what changed, and the approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from ml_connector.access.permissions import Permission
from ml_connector.actions import plans as acts
from ml_connector.console.exporting import export, flat
from ml_connector.console.page import Page, Route
from ml_connector.console.pages.inbox_shown import record_url
from ml_connector.console.showing import day_text, figure
from ml_connector.kernel.errors import BadInput, ConnectorError
from ml_connector.kernel.text import counted, listed
from ml_connector.planning.approving import COMPANY_WIDE
from ml_connector.planning.comparing import PARTIES
from ml_connector.views.document_states import record_title
from ml_connector.views.plan_held import MOST_LISTED, HeldLook, means
from ml_connector.views.plan_parts import NO_PROJECT, Part, rest_of
from ml_connector.views.plan_records import STATES, WHAT, ChangesAsked, RecordAsked, RecordPage, RecordsLook
from ml_connector.views.plan_standing import BEGAN, OPEN, TONES, WORDS
from ml_connector.views.plans import PlanAsked, PlanPage, PlansLook, making

_BUSY = ("waits", "runs")
_SIDES = {"money": "money-cell", "price": "money-cell", "number": "number-cell"}
"""What a field is to the class of its cells."""


def plans(page: Page) -> Response:
    """The plans of a connection, and what goes on about them."""
    look = page.query(PlansLook)
    how = page.request.query_params.get("as", "")
    if how in ("csv", "xlsx"):
        return export(page, how, "plans", look, lambda one: flat(page.do(acts.LIST, one)))
    goes_on = making(page.app, page.connection)
    busy = any(job is not None and job.state in _BUSY for job in (goes_on.job, goes_on.sending))
    return page.render(
        "plans/list.html",
        listing=page.do(acts.LIST, look),
        titles={"stands": WORDS},
        goes_on=goes_on,
        busy=busy,
        base=_base(page.connection),
    )


def make(page: Page) -> Response:
    """Asks for a plan."""
    asked = page.do(acts.MAKE, acts.PlanWanted(connection=page.connection))
    said = "A plan is being made: this page shows it when it is there."
    if not asked.workers:
        said = "A plan is asked for. It is made as soon as a process that works is there."
    return page.redirect(_base(page.connection), said, "good" if asked.workers else "info")


def plan(page: Page) -> Response:
    """One plan by project, before and after it is approved."""
    shown = page.do(acts.SHOW, PlanAsked(connection=page.connection, plan=page.part("hash")))
    own = bool(shown.four_eyes) and shown.asked_by == page.who.name
    job = shown.job is not None and shown.job.state in _BUSY
    sending = job or shown.sending
    open_ = shown.stands in OPEN and not sending
    return page.render(
        "plans/plan.html",
        plan=shown,
        own=own,
        sending=sending,
        job=shown.job if job or not shown.sending else None,
        open=open_,
        may=open_ and not own and page.can("approve"),
        told=bool(shown.states),
        began=BEGAN.get(shown.trigger, shown.trigger),
        rest=_moves(shown.rest.moved, shown.rest.planned),
        net=_sums(shown.planned) if shown.planned != shown.moved else "",
        begun=bool(shown.states.get("done")),
        held=_sums(shown.held_money),
        kinds={kind: record_title(kind) for kind in shown.locked},
        word=("approved, being sent" if job or shown.approvals else "being sent") if sending else WORDS[shown.stands],
        tone_word="waiting" if sending else TONES[shown.stands],
        went=_went(shown),
        moves=f"; {_sums(shown.recoded_applied)} moves between codes" if shown.recoded_applied else "",
        chosen=_chosen(shown),
        whole=all(part.states.keys() <= {"done"} for part in _approved_parts(shown)),
        base=f"{_base(page.connection)}/{shown.plan}",
        plans=_base(page.connection),
    )


def approve(page: Page) -> Response:
    """Approves the plan that the form names, as a whole or the projects that were chosen.

    Chosen projects are shown with what they come to first, and approved when that was said to be meant (`sure`).
    """
    address = f"{_base(page.connection)}/{page.part('hash')}"
    chosen = page.fields("chosen")
    whole = page.field("whole") == "yes"
    if not whole and not chosen:
        raise BadInput("No project is chosen.", remedy="Choose at least one, or approve the whole plan.")
    if not whole and page.field("sure") != "yes":
        return _ask(page, chosen)
    given = acts.PlanApproval(
        connection=page.connection, plan=page.part("hash"), projects=[] if whole else list(dict.fromkeys(chosen))
    )
    try:
        asked = page.do(acts.APPROVE, given)
    except ConnectorError as error:
        return page.redirect(address, f"{error.sentence} {error.remedy}", "bad")
    what = f"Approved: {listed(asked.projects, 5)}." if asked.projects else "The whole plan is approved."
    then = "What becomes of it shows here." if asked.workers else "It goes as soon as a process that works is there."
    return page.redirect(address, f"{what} {then}", "good" if asked.workers else "info")


def _ask(page: Page, chosen: Sequence[str]) -> Response:
    """What the chosen projects come to, before they are approved."""
    shown = page.do(acts.SHOW, PlanAsked(connection=page.connection, plan=page.part("hash")))
    parts = [part for part in shown.projects if part.project in chosen and part.waits]
    base = f"{_base(page.connection)}/{page.part('hash')}"
    if not parts or len(parts) < len(set(chosen)):
        return page.redirect(base, "Not all of what was chosen waits any more: choose again.", "bad")
    rest = rest_of(parts)
    return page.render(
        "plans/chosen.html",
        plan=shown,
        chosen=[(part, rest_of([part])) for part in parts],
        rest=rest,
        records=sum(rest.counts.values()),
        net=_sums(rest.planned) if rest.planned != rest.moved else "",
        base=base,
        plans=_base(page.connection),
    )


def held(page: Page) -> Response:
    """What was held beside a plan when it was made."""
    look = page.query(HeldLook, plan=page.part("hash"))
    how = page.request.query_params.get("as", "")
    if how in ("csv", "xlsx"):
        return export(page, how, f"held {page.part('hash')}", look, lambda one: page.do(acts.HELD, one))
    listing = page.do(acts.HELD, look)
    shown = page.do(acts.SHOW, PlanAsked(connection=page.connection, plan=page.part("hash")))
    for row in listing.rows:
        row["href"] = f"/search?{urlencode({'q': row['source'] or row['record']})}"
        row["source"] = row["source"] if row["source"] != row["record"] else ""
    said = [one for one in listing.columns if one.key != "source" or any(row["source"] for row in listing.rows)]
    return page.render(
        "plans/held.html",
        listing=msgspec.structs.replace(listing, columns=tuple(said)),
        titles={
            "project": {COMPANY_WIDE: NO_PROJECT},
            "reason": {one: means(one) for one in listing.choices["reason"]},
        },
        many=sum(part.held for part in shown.projects),
        most=MOST_LISTED,
        at=shown.held_at,
        base=f"{_base(page.connection)}/{shown.plan}",
        plans=_base(page.connection),
    )


def records(page: Page) -> Response:
    """The records of a plan as a list."""
    look = page.query(RecordsLook, plan=page.part("hash"))
    how = page.request.query_params.get("as", "")
    if how in ("csv", "xlsx"):
        return export(page, how, f"plan {page.part('hash')}", look, lambda one: page.do(acts.RECORDS, one))
    listing = page.do(acts.RECORDS, look)
    said = [one for one in listing.columns if one.key != "recoded" or any(row["recoded"] for row in listing.rows)]
    listing = msgspec.structs.replace(listing, columns=tuple(said))
    base = f"{_base(page.connection)}/{page.part('hash')}"
    for row in listing.rows:
        row["href"] = (
            f"{base}/record?{urlencode({'kind': row['kind_key'], 'id': row['record'], 'source': row['source']})}"
        )
    titles = {"project": {COMPANY_WIDE: NO_PROJECT}, "what": WHAT, "state": STATES}
    return page.render("plans/records.html", listing=listing, titles=titles, base=base, plans=_base(page.connection))


def record(page: Page) -> Response:
    """One record of a plan, field by field; where none is named, the list to choose from."""
    if not page.request.query_params.get("kind") or not page.request.query_params.get("id"):
        return page.redirect(f"{_base(page.connection)}/{page.part('hash')}/records")
    shown = page.do(acts.RECORD, page.query(RecordAsked, plan=page.part("hash")))
    base = f"{_base(page.connection)}/{shown.plan}"
    lines = [{**line, "fields": {one["name"]: one for one in _told(line["fields"], shown)}} for line in shown.lines]
    columns = {one["name"]: one["kind"] for line in lines for one in line["fields"].values()}
    return page.render(
        "plans/record.html",
        record=shown,
        kind=record_title(shown.kind),
        states=STATES,
        no_project=NO_PROJECT,
        fields=_told(shown.fields, shown),
        lines=lines,
        columns=[(name, _SIDES.get(kind, "")) for name, kind in columns.items()],
        document=record_url(page.connection, shown.document.kind, shown.document.id),
        needs=[(one.text, record_url(page.connection, one.kind, one.id)) for one in shown.needs],
        base=base,
        plans=_base(page.connection),
    )


def _told(fields: Sequence[Mapping[str, Any]], shown: RecordPage) -> list[dict[str, Any]]:
    """Fields before and after as people read them: money and dates as everywhere, vendors and projects by name."""
    return [
        {**one, "name": one["name"].capitalize(), **{side: _value(one, side, shown) for side in ("before", "after")}}
        for one in fields
    ]


def _value(one: Mapping[str, Any], side: str, shown: RecordPage) -> str:
    value = str(one[side])
    if not value:
        return ""
    if one["kind"] in ("money", "price"):
        return f"{figure(value, shown.currency)} {shown.currency}".strip()
    if one["kind"] == "number":
        return figure(value)
    if one["kind"] == "date":
        return day_text(value)
    name = shown.names.get(value, "") if one["name"] in (*PARTIES, "project") else ""
    return f"{name} ({value})" if name else value


def changes(page: Page) -> Response:
    """What changed between a plan and the one that took its place."""
    shown = page.do(acts.CHANGES, page.query(ChangesAsked, plan=page.part("hash")))
    return page.render("plans/changes.html", changes=shown, plans=_base(page.connection))


def automatic(page: Page) -> Response:
    """Lets plans go by themselves, or has each wait for approval again."""
    wanted = page.field("automatic") == "yes"
    page.do(acts.AUTOMATIC, acts.Automatic(connection=page.connection, automatic=wanted))
    said = "Plans go by themselves from now on." if wanted else "Each plan waits for approval from now on."
    return page.redirect(_base(page.connection), said)


def _sums(sums: Mapping[str, str]) -> str:
    return ", ".join(f"{figure(amount, currency)} {currency}" for currency, amount in sums.items())


def _went(shown: PlanPage) -> str:
    """What was sent of a plan: its money, net where some of it only goes to another code; its steps where none."""
    net = " net" if shown.recoded_applied else ""
    return _sums(shown.applied) + net if shown.applied else counted(shown.states.get("done", 0), "step")


def _approved_parts(shown: PlanPage) -> list[Part]:
    """The parts of a plan that somebody approved."""
    every = any(not one.projects for one in shown.approvals)
    places = {place for one in shown.approvals for place in one.projects}
    return [part for part in shown.projects if every or part.project in places]


def _chosen(shown: PlanPage) -> str:
    """The projects that were approved of a plan; empty where one approval was of all of it."""
    places = [one.projects for one in shown.approvals]
    known = {part.project: f"{part.project} {part.name}".strip() for part in shown.projects}
    every = list(dict.fromkeys(place for of in places for place in of))
    named = [NO_PROJECT if place == COMPANY_WIDE else known.get(place, place) for place in every]
    return listed(named, 5) if all(places) else ""


def _moves(moved: Mapping[str, str], net: Mapping[str, str]) -> str:
    """What a plan moves as people read it: each amount without its sign, and net where that is another figure."""
    if not moved:  # of a plan of an earlier release
        return f"net {_sums(net)}" if net else ""
    return f"moves {_sums(moved)}" + (f", net {_sums(net) or 'nothing'}" if net != moved else "")


def _base(connection: str) -> str:
    return f"/c/{connection}/plans"


PAGES: tuple[Route, ...] = (
    Route("/c/{connection}/plans", plans),
    Route("/c/{connection}/plans", make, ("POST",), Permission.WORK),
    Route("/c/{connection}/plans/automatic", automatic, ("POST",), Permission.CONFIGURE),
    Route("/c/{connection}/plans/{hash}", plan),
    Route("/c/{connection}/plans/{hash}/approval", approve, ("POST",), Permission.APPROVE),
    Route("/c/{connection}/plans/{hash}/records", records),
    Route("/c/{connection}/plans/{hash}/held", held),
    Route("/c/{connection}/plans/{hash}/record", record),
    Route("/c/{connection}/plans/{hash}/changes", changes),
)
"""Addresses of plans."""
