"""The workbench of pairs on a page: rows of IFS with what looks like them in Procore, and what was said about each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.kernel.errors import BadInput
from ml_connector.planning.workbench import Decided, Known, Pair, waits
from ml_connector.service import pairing, surveying
from ml_connector.views.listing import Look, money

_FOUND = 25
"""Records of Procore that a search by hand shows."""


class PairLook(Look, frozen=True, kw_only=True):
    """How a workbench is asked for: which kind of record, and which rows of it."""

    connection: str
    kind: Literal["project", "vendor"]
    state: Literal["", "open", "decided"] = ""


class AlikeView(msgspec.Struct, frozen=True):
    """A record of Procore that may be the one, with the evidence."""

    id: str
    name: str
    score: int
    agrees: list[str]
    differs: list[str]
    number: str
    place: str
    active: bool


class PairView(msgspec.Struct, frozen=True):
    """One row of the workbench."""

    id: str
    name: str
    number: str
    place: str
    usable: bool
    """False for a supplier that no order may name: without purchase data, or expired."""
    purchasable: bool
    """False for a supplier without purchase data, which no answer brings into Procore."""
    waits: str
    """Why its orders wait as things stand in IFS; empty where they do not."""
    orders: int
    money: list[dict[str, str]]
    verdict: str
    """certain, ask or none: what a run would come to by itself."""
    alike: list[AlikeView]
    answer: str
    """linked, link, new, ignore, or empty while open."""
    target: str
    target_name: str
    by: str


class Workbench(msgspec.Struct, frozen=True):
    """One page of pairs."""

    kind: str
    rows: list[PairView]
    page: int
    more: bool
    total: int
    open: int
    """Rows without an answer."""
    weighty: int
    """Those of them that open orders name."""
    creates: bool
    """Whether a plan makes in Procore what nobody looks like and nobody answered for: vendors, where policy says so."""


def workbench(app: App, look: PairLook) -> Workbench:
    """A page of pairs, those with most orders and money first; BadInput before anybody looked at both sides."""
    survey = surveying.paired(app, look.connection)
    if survey is None:
        raise BadInput("Nobody has looked at both sides yet.", remedy="Do the step before: see what is there.")
    ours, theirs = pairing.pairs_of(survey, look.kind)
    decided = pairing.decided(app, look.connection, look.kind)
    known = {one.id: one for one in theirs}
    wanted = [pair for pair in ours if _fits(pair, decided.get(pair.id, Decided()), look)]
    start = (look.page - 1) * look.size
    shown = wanted[start : start + look.size]
    return Workbench(
        kind=look.kind,
        rows=[
            _row(pair, decided.get(pair.id, Decided()), known.get(decided.get(pair.id, Decided()).target))
            for pair in shown
        ],
        page=look.page,
        more=len(wanted) > start + look.size,
        total=len(ours),
        open=sum(pair.id not in decided for pair in ours),
        weighty=sum(pair.id not in decided and pair.weight.orders > 0 for pair in ours),
        creates=look.kind == "vendor" and _creates(app, look.connection),
    )


def pair(app: App, connection: str, kind: str, record: str) -> PairView:
    """One row of the workbench; BadInput when the survey does not know it."""
    survey = surveying.paired(app, connection)
    ours: Sequence[Pair] = pairing.pairs_of(survey, kind)[0] if survey else ()
    found = next((one for one in ours if one.id == record), None)
    if survey is None or found is None:
        raise BadInput(f"The survey knows no {kind} {record!r}.", remedy="Look again at both sides.")
    said = pairing.decided(app, connection, kind).get(record, Decided())
    there = {one.id: one for one in pairing.pairs_of(survey, kind)[1]}
    return _row(found, said, there.get(said.target))


def searched(app: App, connection: str, kind: str, words: str) -> list[Known]:
    """Procore's records of a kind that have all of some words in name, number or place; some of the first."""
    survey = surveying.paired(app, connection)
    if survey is None:
        return []
    parts = words.casefold().split()
    found = (
        one
        for one in pairing.pairs_of(survey, kind)[1]
        if all(part in f"{one.name} {one.number} {one.place} {one.id}".casefold() for part in parts)
    )
    return [one for one, _ in zip(found, range(_FOUND), strict=False)]


def _creates(app: App, name: str) -> bool:
    return config_from(app.connection(name).config).policy.vendors.create == "auto"


def _fits(pair: Pair, said: Decided, look: PairLook) -> bool:
    if (look.state == "open" and said.answer) or (look.state == "decided" and not said.answer):
        return False
    text = f"{pair.id} {pair.name} {pair.number} {pair.place}".casefold()
    return all(word in text for word in look.q.casefold().split())


def _row(pair: Pair, said: Decided, target: Known | None) -> PairView:
    cells = [money(amount, currency) for currency, amount in pair.weight.money.items()]
    return PairView(
        id=pair.id,
        name=pair.name,
        number=pair.number,
        place=pair.place,
        usable=pair.usable,
        purchasable=pair.purchasable,
        waits=waits(pair),
        orders=pair.weight.orders,
        money=[cell for cell in cells if cell],
        verdict=pair.verdict,
        alike=[msgspec.convert(msgspec.to_builtins(one), AlikeView) for one in pair.alike],
        answer=said.answer,
        target=said.target,
        target_name=f"{target.number} {target.name}".strip() if target else said.target,
        by=said.by,
    )
