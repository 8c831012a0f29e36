"""Contracts of both kinds and their lines as Procore shows and takes them (facts/procore.md 8.1, 8.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from ml_connector.kernel.errors import BadInput, NameMissing, Refused
from ml_connector.kernel.keys import Key, fingerprint
from ml_connector.records.commitment import Commitment, CommitmentKind, CommitmentLine, CommitmentStatus
from ml_connector.systems.port import Effect, Outcome
from ml_connector.systems.procore import sync
from ml_connector.systems.procore.answers import COMMITMENTS, NotSeen
from ml_connector.systems.procore.budget_code import WbsRef
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.currency import Currencies, iso_of
from ml_connector.systems.procore.effects import body_of, done, project_of

PATHS = {
    CommitmentKind.PURCHASE_ORDER: "/rest/v1.0/purchase_order_contracts",
    CommitmentKind.SUBCONTRACT: "/rest/v1.0/work_order_contracts",
}
"""Where each kind of contract is: a contract is not found under the path of the other."""
_SUBCONTRACT = "WorkOrderContract"
"""What an invoice says it is written on where that is a subcontract (facts/procore.md 8.3)."""
_FAR = "2199-12-31T23:59:59Z"
"""The open end of a range: both ends must be named (facts/procore.md 2.2)."""
NAMED = 100
"""Contracts asked for in one address."""
FEW = 2
"""Contracts up to which each is asked for by itself."""


class Named(msgspec.Struct):
    """A record named inside another one."""

    id: int | None = None


class Coding(msgspec.Struct):
    """A cost code or cost type inside a line."""

    full_code: str | None = None
    code: str | None = None


class LineRow(msgspec.Struct):
    """The members of a contract line we use."""

    id: int
    amount: Decimal | None = None
    description: str | None = None
    quantity: Decimal | None = None
    unit_cost: Decimal | None = None
    uom: str | None = None
    origin_id: str | None = None
    wbs_code: WbsRef | None = None
    cost_code: Coding | None = None
    line_item_type: Coding | None = None


class OrderRow(sync.Entity):
    """The members of a contract header we use; list, sync and show share them."""

    number: str | None = None
    title: str | None = None
    status: str | None = None
    description: str | None = None
    contract_date: str | None = None
    delivery_date: str | None = None
    grand_total: Decimal | None = None
    vendor: Named | None = None

    @property
    def stamp(self) -> str:
        """Procore stamps whole seconds, so what people can change stands beside it: their edit in the second of our own
        write must not pass for ours."""
        told = (self.number, self.title, self.status, self.description, self.contract_date, self.delivery_date)
        facts = (*told, self.grand_total, self.vendor.id if self.vendor else None)
        return f"{self.updated_at or ''} {fingerprint(*(str(one).encode() for one in facts)).hex()[:12]}"


class FullRow(OrderRow):
    """A contract as show answers it, with its lines and the way it is billed; so does the list by the view `extended`.

    In the list the lines are confirmed for the view as a whole (facts/procore.md 8.1) and not in its declared shape, so
    `whole` is asked of each row.
    """

    line_items: list[LineRow] | None = None
    accounting_method: str | None = None
    """amount, or unit: then lines with a unit cost are billed by quantity (facts/procore.md 8.1)."""

    @property
    def whole(self) -> bool:
        """Whether a list told its lines: none where it has money, or all without our keys, is not the whole of it."""
        lines = self.line_items
        if not lines:
            return lines is not None and not self.grand_total
        return not self.origin_id or any(line.origin_id for line in lines)


_rows = msgspec.json.Decoder(list[OrderRow])
_full = msgspec.json.Decoder(FullRow)
_full_rows = msgspec.json.Decoder(list[FullRow])


def kind_of(client: Client, contract: str) -> CommitmentKind:
    """What a contract is, as far as any answer said so: whatever was read as a subcontract is one."""
    return CommitmentKind.SUBCONTRACT if contract in client.subcontracts else CommitmentKind.PURCHASE_ORDER


def learn(client: Client, contract: str, type_: str | None) -> None:
    """Takes note of what an invoice says of its contract, so that it is asked for at the right place at once."""
    if type_ == _SUBCONTRACT:
        client.subcontracts.add(contract)


def _noted(client: Client, kind: CommitmentKind, rows: Sequence[OrderRow]) -> None:
    if kind is CommitmentKind.SUBCONTRACT:
        client.subcontracts.update(str(row.id) for row in rows)


def parse(
    row: OrderRow,
    project: str,
    currency: str | None,
    lines: tuple[CommitmentLine, ...] = (),
    kind: CommitmentKind = CommitmentKind.PURCHASE_ORDER,
) -> Commitment:
    """A header as a record; `currency` is the project's, for contracts that do not state their own."""
    stated = iso_of(row.currency_configuration)
    return Commitment(
        once_key=row.origin_id or "",
        project=project,
        number=row.number or "",
        title=row.title or "",
        vendor=str(row.vendor.id) if row.vendor and row.vendor.id is not None else "",
        status=status_of(row),
        currency=stated or currency or "",
        dated=day(row.contract_date),
        delivery=day(row.delivery_date),
        description=row.description or "",
        lines=lines,
        id=str(row.id),
        updated_at=row.stamp,
        total=row.grand_total or Decimal(0),
        kind=kind,
    )


def parse_line(row: LineRow) -> CommitmentLine:
    """A line as a record; one without a quantity (contracts by amount) counts as one unit of its amount."""
    amount = row.amount or Decimal(0)
    return CommitmentLine(
        once_key=row.origin_id or "",
        description=row.description or "",
        quantity=Decimal(1) if row.quantity is None else row.quantity,
        unit=row.uom or "",
        unit_cost=amount if row.unit_cost is None else row.unit_cost,
        amount=amount,
        budget_code=flat_of(row),
        id=str(row.id),
    )


def flat_of(row: LineRow) -> str:
    """The flat code of a line's coding; made from cost code and type where an old line has no WBS code."""
    if row.wbs_code is not None and row.wbs_code.flat_code:
        return row.wbs_code.flat_code
    code = row.cost_code.full_code if row.cost_code else None
    kind = row.line_item_type.code if row.line_item_type else None
    return ".".join(part for part in (code, kind) if part)


def status_of(row: OrderRow) -> CommitmentStatus:
    """The contract's status; one that facts/procore.md 8.1 does not list is a change of the interface."""
    try:
        return CommitmentStatus(row.status or "Draft")
    except ValueError:
        raise NameMissing(
            f"Procore contract {row.number or row.id} has the status {row.status!r}, which we do not know.",
            remedy="Report this: Procore's list of statuses may have changed.",
        ) from None


def day(text: str | None) -> date | None:
    """A date, taken from the first ten characters of a date or moment; None when there is none."""
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None


def since_filter(since: str) -> str:
    """`A...B` for `filters[updated_at]`, in UTC and whole seconds; BadInput when `since` is no ISO moment."""
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise BadInput(f"{since!r} is not an ISO 8601 moment.") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}...{_FAR}"


def read(
    client: Client, currencies: Currencies, project: str, since: str | None, kind: CommitmentKind
) -> list[Commitment]:
    """Headers of a project's contracts of one kind, deleted ones left out."""
    query = [("project_id", project), ("view", "compact")]
    if since is not None:
        query.append(("filters[updated_at]", since_filter(since)))
    rows = client.pages(PATHS[kind], query, _rows, COMMITMENTS)
    _noted(client, kind, rows)
    currency = currencies.project(project) if rows else None
    return [parse(row, project, currency, kind=kind) for row in rows]


def show(client: Client, project: str, contract: str) -> FullRow:
    """One contract with its lines; NotSeen when it is gone or hidden.

    One of which nothing is known yet is looked for among the subcontracts, too, where the orders do not have it.
    """
    kind = kind_of(client, contract)
    try:
        return _show(client, project, contract, kind)
    except (NotSeen, Refused):  # what the wrong path answers is not documented (facts/procore.md 8.3)
        if kind is CommitmentKind.SUBCONTRACT:
            raise
        with suppress(NotSeen, Refused):
            return _show(client, project, contract, CommitmentKind.SUBCONTRACT)
        raise


def _show(client: Client, project: str, contract: str, kind: CommitmentKind) -> FullRow:
    row = client.get(f"{PATHS[kind]}/{contract}", (("project_id", project),), _full, COMMITMENTS)
    _noted(client, kind, [row])
    return row


def read_full(client: Client, currencies: Currencies, project: str, contract: str) -> Commitment | None:
    """One contract with its lines, or None when Procore shows nothing there."""
    return read_several(client, currencies, project, (contract,)).get(contract)


def read_several(
    client: Client, currencies: Currencies, project: str, contracts: Sequence[str]
) -> dict[str, Commitment]:
    """Contracts of a project with their lines by id; those Procore shows nowhere are absent."""
    rows = several(client, project, contracts)
    currency = currencies.project(project) if rows else None
    lines = {id_: tuple(parse_line(line) for line in row.line_items or ()) for id_, row in rows.items()}
    return {id_: parse(row, project, currency, lines[id_], kind_of(client, id_)) for id_, row in rows.items()}


def several(client: Client, project: str, contracts: Sequence[str]) -> dict[str, FullRow]:
    """Contracts of a project with their lines by id, many to a request; those that are gone or hidden are absent.

    What the list leaves out, or shows without its lines, is asked for by itself: a list may lag behind.
    """
    try:
        found = listed(client, project, contracts)
    except NotSeen:  # the project itself is hidden
        return {}
    for one in contracts:
        if one not in found:
            try:
                found[one] = show(client, project, one)
            except NotSeen:
                continue
    return found


def listed(client: Client, project: str, contracts: Sequence[str]) -> dict[str, FullRow]:
    """Those of some contracts that the lists tell with their lines; for one or two a list is not asked.

    The list of subcontracts is asked for known ones, and for what the orders do not have. NotSeen when the project is
    hidden.
    """
    ids = list(dict.fromkeys(contracts))
    known = [one for one in ids if one in client.subcontracts]
    others = [one for one in ids if one not in client.subcontracts]
    orders, absent = _listed(client, project, CommitmentKind.PURCHASE_ORDER, others)
    subcontracts, _ = _listed(client, project, CommitmentKind.SUBCONTRACT, [*known, *absent])
    return orders | subcontracts


def _listed(
    client: Client, project: str, kind: CommitmentKind, ids: Sequence[str]
) -> tuple[dict[str, FullRow], list[str]]:
    """What the list of one kind tells with its lines, and the ids that it does not have.

    It is asked no more once it refused the filter or the view, told no lines, or overlooked the filter and so told all
    there is.
    """
    wanted, found, absent = set(ids), dict[str, FullRow](), list[str]()
    for start in range(0, len(ids) if len(ids) > FEW else 0, NAMED):
        piece = ids[start : start + NAMED]
        query = [("project_id", project), ("view", "extended"), *(("filters[id][]", id_) for id_ in piece)]
        try:
            rows = client.pages(PATHS[kind], query, _full_rows, COMMITMENTS)
        except Refused:
            break
        _noted(client, kind, rows)
        told = {str(row.id): row for row in rows if row.whole}
        found |= {id_: row for id_, row in told.items() if id_ in wanted}
        if len(rows) > len(piece) or (rows and not told):
            break
        there = {str(row.id) for row in rows}
        absent += [one for one in piece if one not in there]
    return found, absent


def by_origin(
    client: Client, project: str, once_key: str, kind: CommitmentKind = CommitmentKind.PURCHASE_ORDER
) -> OrderRow | None:
    """The header of that kind that carries our once-key, if any."""
    query = (("project_id", project), ("view", "compact"), ("filters[origin_id]", once_key))
    for row in client.pages(PATHS[kind], query, _rows, COMMITMENTS):
        if row.origin_id == once_key:
            _noted(client, kind, [row])
            return row
    return None


def contract_of(client: Client, effect: Effect, once_key: str) -> str:
    """Procore's id of the contract an effect is about: its target, a link it needs, or what carries the once-key."""
    if effect.target and effect.kind == "commitment":
        return effect.target
    linked = next((id_ for key, id_ in effect.ids.items() if key.kind == "commitment" and id_), "")
    if linked:
        return linked
    rows = (by_origin(client, project_of((effect,)), once_key, kind) for kind in CommitmentKind)
    row = next((one for one in rows if one is not None), None)
    if row is None:
        raise NotSeen(f"Procore shows no contract with our key {once_key}.", remedy=COMMITMENTS.right)
    return str(row.id)


def budget_code_of(ids: Mapping[Key, str], project: str, flat: str) -> str | None:
    """Procore's id of a budget code, by the erp project and flat code."""
    return ids.get(Key("budget_code", f"{project}/{flat}"))


def find(client: Client, effect: Effect) -> Outcome | None:
    """Reads the contract back and compares what the effect would have written."""
    body, project = body_of(effect, Commitment), project_of((effect,))
    if effect.verb in ("fill", "adopt"):
        return _find_full(client, effect, body, project)
    row = by_origin(client, project, body.once_key, body.kind)
    if row is None or (effect.target and str(row.id) != effect.target):
        return None
    vendor = effect.ids.get(Key("vendor", body.vendor), "")
    headed = _same_header(body, row) and vendor in ("", str(row.vendor.id if row.vendor else ""))
    same = {"create": True, "update": headed, "status": row.status == body.status.value}
    return done(effect, row.id, row.stamp) if same.get(effect.verb) else None


def _find_full(client: Client, effect: Effect, body: Commitment, project: str) -> Outcome | None:
    try:
        row = show(client, project, contract_of(client, effect, body.once_key))
    except NotSeen:
        return None
    lines = {line.origin_id: line for line in row.line_items or () if line.origin_id}
    if effect.verb == "adopt":
        same = row.origin_id == body.once_key and all(line.once_key in lines for line in body.lines if line.id)
    else:
        same = all(_same_line(line, lines.get(line.once_key)) for line in body.lines)
    return done(effect, row.id, row.stamp) if same else None


def _same_header(body: Commitment, row: OrderRow) -> bool:
    ours = (body.number, body.title, body.description, body.dated, body.delivery)
    theirs = (row.number, row.title or "", row.description or "", day(row.contract_date), day(row.delivery_date))
    return ours == theirs


def _same_line(ours: CommitmentLine, row: LineRow | None) -> bool:
    if row is None:
        return False
    theirs = parse_line(row)
    said = (ours.amount, ours.quantity, ours.unit_cost, ours.budget_code, ours.description, ours.unit.casefold())
    return said == (
        theirs.amount,
        theirs.quantity,
        theirs.unit_cost,
        theirs.budget_code,
        theirs.description,
        theirs.unit.casefold(),
    )
