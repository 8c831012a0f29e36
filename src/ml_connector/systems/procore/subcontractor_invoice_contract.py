"""What invoices of a project can bill: each contract with its lines and approved change orders, read once a batch."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from ml_connector.systems.procore import change_order, commitment, subcontractor_invoice
from ml_connector.systems.procore.answers import COMMITMENTS
from ml_connector.systems.procore.budget_code import LINES_PAGE
from ml_connector.systems.procore.change_order import ChangeLineRow, ChangeRow
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.subcontractor_invoice import ZERO
from ml_connector.systems.procore.subcontractor_invoice_items import CHANGE, CONTRACT, Billable, Schedule

_BY_UNIT = "unit"
_APPROVED = "approved"
"""Only approved change orders are part of an invoice (facts/procore.md 8.3)."""


class ContractRow(commitment.FullRow):
    """A contract with its lines and the way it is billed."""

    accounting_method: str | None = None
    """amount, or unit: then lines with a unit cost are billed by quantity (facts/procore.md 8.1)."""


_contract = msgspec.json.Decoder(ContractRow)
_changes = msgspec.json.Decoder(list[ChangeRow])
_lines = msgspec.json.Decoder(list[ChangeLineRow])


class Schedules:
    """The schedules of one project's contracts, each read when it is first asked for and kept."""

    def __init__(self, client: Client, project: str) -> None:
        self._client = client
        self._project = project
        self._schedules: dict[str, Schedule] = {}
        self._changes: dict[str, list[ChangeRow]] | None = None

    def of(self, contract: str) -> Schedule:
        """A contract's items; NotSeen when Procore shows no such contract."""
        if contract not in self._schedules:
            self._schedules[contract] = self._read(contract)
        return self._schedules[contract]

    def tell(self, schedule: Schedule) -> None:
        """Asks for the latest invoice of the contract, for what is billed on it to date; once."""
        if not schedule.known:
            schedule.tell(subcontractor_invoice.latest(self._client, self._project, schedule.contract))

    def _read(self, contract: str) -> Schedule:
        path, query = f"{commitment.PATH}/{contract}", (("project_id", self._project),)
        row = self._client.get(path, query, _contract, COMMITMENTS)
        by_unit = row.accounting_method == _BY_UNIT
        items = []
        for line in row.line_items or ():
            own = line.origin_id or ""
            cost = line.unit_cost if by_unit else None
            flat = commitment.flat_of(line)
            items.append(Billable(str(line.id), CONTRACT, own, flat, line.amount or ZERO, cost))
        origins = {str(line.id): line.origin_id or "" for line in row.line_items or ()}
        for change in self._approved(contract):
            for delta in self._delta_rows(change.id):
                known = change_order.parse_line(delta, origins, row.origin_id or "")
                cost = delta.unit_cost if by_unit else None
                items.append(Billable(delta.id, CHANGE, known.once_key, known.budget_code, known.amount, cost))
        stated = row.currency_configuration.currency_iso_code if row.currency_configuration else None
        return Schedule(contract, row.number or contract, stated or "", items)

    def _approved(self, contract: str) -> list[ChangeRow]:
        """The approved change orders of a contract. The project's are read in one go: their list has no pages."""
        if self._changes is None:
            path = f"/rest/v1.0/projects/{self._project}/commitment_change_orders"
            self._changes = defaultdict(list)
            for row in self._client.get(path, (), _changes, COMMITMENTS):
                if (row.status or "").casefold() == _APPROVED:
                    self._changes[str(row.contract_id)].append(row)
        return self._changes.get(contract, [])

    def _delta_rows(self, change: int) -> list[ChangeLineRow]:
        start = f"/rest/v2.0/companies/{self._client.company}/projects/{self._project}"
        path = f"{start}/commitment_change_orders/{change}/line_items"
        return self._client.pages(path, (), _lines, COMMITMENTS, LINES_PAGE)
