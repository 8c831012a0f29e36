"""Direct costs and their lines as Procore shows them (facts/procore.md 11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TypeVar

import msgspec

from ml_connector.kernel.errors import NameMissing
from ml_connector.kernel.keys import fingerprint
from ml_connector.records.direct_cost import CostKind, CostStatus, DirectCost, DirectCostLine
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore import commitment, sync
from ml_connector.systems.procore.answers import DIRECT_COSTS
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.currency import Currencies, iso_of
from ml_connector.systems.procore.effects import body_of, done, project_of

_FEW = 4
"""Up to so many direct costs are asked for their lines one by one; more are found in the list of the whole project."""
_IDS = 100
"""Ids named in one address, so that it stays short enough for any proxy."""
_SLACK = timedelta(hours=1)
"""Lines are born with or after their direct cost; the bound is set earlier, for the range may leave its ends out."""

W = TypeVar("W", bound=Enum)


class TaxBreakdown(msgspec.Struct):
    """What every header says about tax; the sums are strings."""

    subtotal: Decimal | None = None
    tax_total: Decimal | None = None


class CostRow(sync.Entity):
    """The members of a header we use; the list, the sync answer and show share them."""

    direct_cost_type: str | None = None
    status: str | None = None
    vendor_id: int | None = None
    invoice_number: str | None = None
    direct_cost_date: str | None = None
    received_date: str | None = None
    description: str | None = None
    grand_total: Decimal | None = None
    tax_breakdown: TaxBreakdown | None = None
    created_at: str | None = None
    deleted_at: str | None = None

    @property
    def stamp(self) -> str:
        """Procore stamps whole seconds, so what people can change stands beside it, the total of the lines included."""
        days = (commitment.day(self.direct_cost_date), commitment.day(self.received_date))
        told = (self.status, self.invoice_number, self.description, self.vendor_id, *days)
        facts = (*told, _plain(self.total), _plain(self.tax))
        return f"{self.updated_at or ''} {fingerprint(*(str(one or '').encode() for one in facts)).hex()[:12]}"

    @property
    def total(self) -> Decimal | None:
        """What Procore says the lines add up to, without tax; `grand_total` only where nothing else is said, because
        two notes differ on whether it holds the tax (facts/procore.md 18, 32)."""
        stated = self.tax_breakdown.subtotal if self.tax_breakdown else None
        return self.grand_total if stated is None else stated

    @property
    def tax(self) -> Decimal:
        """The tax over all lines."""
        return (self.tax_breakdown.tax_total if self.tax_breakdown else None) or Decimal(0)


class CostLineRow(commitment.LineRow):
    """A line in the list of a project."""

    holder: commitment.Named | None = None


_rows = msgspec.json.Decoder(list[CostRow])
_lines = msgspec.json.Decoder(list[CostLineRow])


def _plain(amount: Decimal | None) -> str:
    return f"{(amount or Decimal(0)).normalize():f}"


def parse(row: CostRow, project: str, currency: str | None, lines: Iterable[CostLineRow] = ()) -> DirectCost:
    """A header and its lines as a record; `currency` is the project's, for those that do not state their own."""
    stated = iso_of(row.currency_configuration)
    return DirectCost(
        once_key=row.origin_id or "",
        project=project,
        vendor="" if row.vendor_id is None else str(row.vendor_id),
        number=row.invoice_number or "",
        kind=_known(CostKind, row.direct_cost_type, row, "type"),
        status=_known(CostStatus, row.status or CostStatus.DRAFT.value, row, "status"),
        currency=stated or currency or "",
        dated=commitment.day(row.direct_cost_date),
        description=row.description or "",
        lines=tuple(parse_line(line) for line in lines),
        received=commitment.day(row.received_date),
        id=str(row.id),
        updated_at=row.stamp,
        tax=row.tax,
        total=row.total,
    )


def parse_line(row: CostLineRow) -> DirectCostLine:
    """A line as a record; Procore states tax for the whole direct cost and never for a line."""
    return DirectCostLine(
        once_key=row.origin_id or "",
        description=row.description or "",
        budget_code=commitment.flat_of(row),
        amount=row.amount or Decimal(0),
        quantity=row.quantity or Decimal(0),
        id=str(row.id),
    )


def _known(words: type[W], word: str | None, row: CostRow, what: str) -> W:
    try:
        return words(word)
    except ValueError:
        raise NameMissing(
            f"Procore direct cost {row.invoice_number or row.id} has the {what} {word!r}, which we do not know.",
            remedy="Report this: Procore's list may have changed.",
        ) from None


def path(project: str, version: str = "v1.0") -> str:
    """Where a project's direct costs are."""
    return f"/rest/{version}/projects/{project}/direct_costs"


def headers(client: Client, project: str, *filters: tuple[str, str]) -> list[CostRow]:
    """Headers of a project's direct costs, deleted ones left out; the list has no lines."""
    rows = client.pages(path(project, "v1.1"), filters, _rows, DIRECT_COSTS)
    return [row for row in rows if not row.deleted_at]


def lines_of(client: Client, project: str, cost: str | int) -> list[CostLineRow]:
    """The lines of one direct cost, in their order."""
    query = (("filters[direct_cost_id]", str(cost)),)
    return client.pages(f"{path(project)}/line_items", query, _lines, DIRECT_COSTS)


def read(
    client: Client, currencies: Currencies, project: str, since: str | None = None, ids: Sequence[str] = ()
) -> list[DirectCost]:
    """Direct costs of a project with their lines: all, those changed `since` an ISO moment, or those of `ids`.

    Headers first; then the lines in as few requests as can be told beforehand. Where header and lines do not add up,
    somebody may have written in between, and the lines of that one are read again.
    """
    rows = _wanted(client, project, since, ids)
    if not rows:
        return []
    lines = _lines_of_all(client, project, rows, everything=since is None and not ids)
    currency = currencies.project(project)
    found = []
    for row in rows:
        own = lines.get(row.id, [])
        if row.total is not None and row.total != sum((line.amount or Decimal(0) for line in own), Decimal(0)):
            own = lines_of(client, project, row.id)
        found.append(parse(row, project, currency, own))
    return found


def _wanted(client: Client, project: str, since: str | None, ids: Sequence[str]) -> list[CostRow]:
    changed = [] if since is None else [("filters[updated_at]", commitment.since_filter(since))]
    if not ids:
        return headers(client, project, *changed)
    rows: list[CostRow] = []
    for start in range(0, len(ids), _IDS):
        named = [("filters[id][]", id_) for id_ in ids[start : start + _IDS]]
        rows += headers(client, project, *changed, *named)
    return rows


def _lines_of_all(
    client: Client, project: str, rows: Sequence[CostRow], *, everything: bool
) -> dict[int, list[CostLineRow]]:
    """Lines by the id of their direct cost; others than those of `rows` may be among them."""
    if not everything and len(rows) <= _FEW:
        return {row.id: lines_of(client, project, row.id) for row in rows}
    query = () if everything else _born_since(rows)
    found: dict[int, list[CostLineRow]] = {}
    for line in client.pages(f"{path(project)}/line_items", query, _lines, DIRECT_COSTS):
        if line.holder is not None and line.holder.id is not None:
            found.setdefault(line.holder.id, []).append(line)
    return found


def _born_since(rows: Sequence[CostRow]) -> tuple[tuple[str, str], ...]:
    """The filter that leaves out lines older than the oldest of these direct costs; empty when one hides its age."""
    try:
        first = min(datetime.fromisoformat(row.created_at or "") for row in rows) - _SLACK
    except (ValueError, TypeError):
        return ()
    return (("filters[created_at]", commitment.since_filter(first.isoformat())),)


def by_origin(client: Client, project: str, once_key: str) -> CostRow | None:
    """The header that carries our once-key, if any."""
    found = headers(client, project, ("filters[origin_id]", once_key))
    return next((row for row in found if row.origin_id == once_key), None)


def find(client: Client, effect: Effect) -> Outcome | None:
    """Reads the direct cost back: there for a create, all lines for a fill, the status wanted for a status."""
    body, project = body_of(effect, DirectCost), project_of((effect,))
    row = by_origin(client, project, body.once_key)
    if row is None or effect.target not in ("", str(row.id)):
        return None
    if effect.verb == "fill":
        there = {line.once_key: line for line in map(parse_line, lines_of(client, project, row.id))}
        same = all(_same(line, there.get(line.once_key)) for line in body.lines)
        return done(effect, row.id) if same else None
    if effect.verb == "status" and row.status != body.status.value:
        return None
    return done(effect, row.id, row.stamp)


def _same(ours: DirectCostLine, theirs: DirectCostLine | None) -> bool:
    return theirs is not None and (ours.amount, ours.budget_code) == (theirs.amount, theirs.budget_code)
