"""The tables of one run, as lists that can be given away as files: control totals, money, and what was left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.views.hold_words import record_words
from ml_connector.views.listing import Column, Listing, Look, listing, money
from ml_connector.views.runs import FATE_TITLES, RunPage

TABLES = ("totals", "money", "skips")
"""Names of the tables: documents and records, money by currency, and what was left alone."""

COUNTS = {**FATE_TITLES, "skipped": "Skipped", "gone": "Gone", "unchanged": "Unchanged", "off": "Off"}
"""Fates of documents and records to what people read."""
_AMOUNTS = (*FATE_TITLES, "off")
_FLOW = Column("flow", "Flow")


class TableLook(Look, frozen=True, kw_only=True):
    """Which table of a run is wanted as a file."""

    of: Literal["totals", "money", "skips"] = "totals"


def table(run: RunPage, look: TableLook) -> Listing:
    """A page of one of a run's tables, in the order of the flows. BadInput where another order is asked for."""
    if look.sort:
        raise BadInput("This table has one order, that of the flows.", remedy="Leave out the sorting.")
    columns, rows = {"totals": _totals, "money": _money, "skips": _skips}[look.of](run)
    start = (look.page - 1) * look.size
    return listing(columns, rows[start : start + look.size + 1], look)


def _totals(run: RunPage) -> tuple[Iterable[Column], list[Mapping[str, Any]]]:
    columns = (_FLOW, *(Column(name, title, "number") for name, title in COUNTS.items()), Column("examples", "Such as"))
    return columns, [
        {**msgspec.structs.asdict(one), "flow": _words(one.flow), "examples": _records(one.examples)}
        for one in run.totals
    ]


def _money(run: RunPage) -> tuple[Iterable[Column], list[Mapping[str, Any]]]:
    columns = (_FLOW, *(Column(name, COUNTS[name], "money") for name in _AMOUNTS))
    return columns, [
        {"flow": _words(flow.flow), **{name: money(getattr(one, name), one.currency) for name in _AMOUNTS}}
        for flow in run.totals
        for one in flow.money
    ]


def _skips(run: RunPage) -> tuple[Iterable[Column], list[Mapping[str, Any]]]:
    columns = (Column("why", "Why"), _FLOW, Column("number", "How many", "number"), Column("records", "Such as"))
    return columns, [
        {
            "why": one.sentence,
            "flow": _words(one.flow),
            "number": one.number,
            "records": ", ".join(it.text for it in one.shown),
        }
        for one in run.skips
    ]


def _records(keys: list[str]) -> str:
    """Records as people call them; what is no `kind:id` stays as it is."""
    parts = ((key, *key.partition(":")) for key in keys)
    return ", ".join(record_words(kind, number) if colon and number else key for key, kind, colon, number in parts)


def _words(flow: str) -> str:
    return flow.replace("_", " ").capitalize()
