"""What invoices of a project can bill: each contract with its lines and approved change orders, read once a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from ml_connector.systems.procore import change_order, commitment, subcontractor_invoice
from ml_connector.systems.procore.change_order import ChangeRow
from ml_connector.systems.procore.client import Client
from ml_connector.systems.procore.commitment import FullRow
from ml_connector.systems.procore.currency import iso_of
from ml_connector.systems.procore.subcontractor_invoice import ZERO
from ml_connector.systems.procore.subcontractor_invoice_items import CHANGE, CONTRACT, Billable, Schedule

_BY_UNIT = "unit"
_APPROVED = "approved"
"""Only approved change orders are part of an invoice (facts/procore.md 8.3)."""


class ProjectChanges:
    """The approved change orders of one project by contract, in one go: their list has no pages. Thread safe."""

    def __init__(self, client: Client, project: str) -> None:
        self._client = client
        self._project = project
        self._lock = Lock()
        self._approved: dict[str, list[ChangeRow]] | None = None
        self.hands = 0
        """Calls that use it at this moment."""

    def of(self, contract: str) -> Sequence[ChangeRow]:
        """The approved change orders of a contract; whoever asks first reads them for all."""
        with self._lock:
            if self._approved is None:
                self._approved = self._read()
        return self._approved.get(contract, ())

    def _read(self) -> dict[str, list[ChangeRow]]:
        found: dict[str, list[ChangeRow]] = {}
        for row in change_order.all_listed(self._client, self._project):
            if (row.status or "").casefold() == _APPROVED:
                found.setdefault(str(row.contract_id), []).append(row)
        return found


class SharedChanges:
    """The change orders of the projects being invoiced, shared by all calls that are under way on a project.

    The last one to end forgets them: what is approved afterwards is seen by the next.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._projects: dict[str, ProjectChanges] = {}

    @contextmanager
    def of(self, project: str) -> Iterator[ProjectChanges]:
        """A project's change orders for the length of the block."""
        with self._lock:
            found = self._projects.setdefault(project, ProjectChanges(self._client, project))
            found.hands += 1
        try:
            yield found
        finally:
            with self._lock:
                found.hands -= 1
                if not found.hands:
                    del self._projects[project]


class Schedules:
    """The schedules of one project's contracts, for one call: each read once, all that are named with the first."""

    def __init__(self, client: Client, project: str, changes: ProjectChanges, contracts: Sequence[str] = ()) -> None:
        """`contracts` are those that will be asked for."""
        self._client = client
        self._project = project
        self._changes = changes
        self._wanted = contracts
        self._rows: Mapping[str, FullRow] | None = None
        self._schedules: dict[str, Schedule] = {}

    def of(self, contract: str) -> Schedule:
        """A contract's items; NotSeen when Procore shows no such contract."""
        if contract not in self._schedules:
            self._schedules[contract] = self._read(contract)
        return self._schedules[contract]

    def tell(self, schedule: Schedule) -> None:
        """Asks for the latest invoice of the contract, for what is billed on it to date; once."""
        if not schedule.known:
            schedule.tell(subcontractor_invoice.latest(self._client, self._project, schedule.contract))

    def _row(self, contract: str) -> FullRow:
        if self._rows is None:
            self._rows = commitment.listed(self._client, self._project, self._wanted)
        return self._rows.get(contract) or commitment.show(self._client, self._project, contract)

    def _read(self, contract: str) -> Schedule:
        row = self._row(contract)
        by_unit = row.accounting_method == _BY_UNIT
        items = []
        for line in row.line_items or ():
            own = line.origin_id or ""
            cost = line.unit_cost if by_unit else None
            flat = commitment.flat_of(line)
            items.append(Billable(str(line.id), CONTRACT, own, flat, line.amount or ZERO, cost))
        origins = {str(line.id): line.origin_id or "" for line in row.line_items or ()}
        for change in self._changes.of(contract):
            for delta in change_order.read_lines(self._client, self._project, change.id):
                known = change_order.parse_line(delta, origins, row.origin_id or "")
                cost = delta.unit_cost if by_unit else None
                items.append(Billable(delta.id, CHANGE, known.once_key, known.budget_code, known.amount, cost))
        stated = iso_of(row.currency_configuration)
        return Schedule(contract, row.number or contract, stated or "", items)
