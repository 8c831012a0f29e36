"""Which records a run looks at: everything of a flow, or only those that an event or a person named."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ml_connector.kernel.errors import BadInput

ERP, PROJECTS = "erp", "projects"
"""First part of a name: whose id follows."""

KEYED = frozenset(
    {"vendors", "purchase_orders", "budgets", "supplier_invoices", "subcontractor_invoices", "direct_costs"}
)
"""Flows that can look at single records: a vendor, an order, a project's budget, an invoice, a cost.

Projects, cost codes, dimensions and payments are read whole when they are named: a pair of projects is found among all
of them, a code made in several projects is one value in IFS, and IFS's payments are asked for by their day.
"""

MASTERS = {
    "purchase_orders": ("vendors", "cost_codes"),
    "supplier_invoices": ("vendors", "cost_codes"),
    "budgets": ("cost_codes",),
    "subcontractor_invoices": ("vendors",),
    "direct_costs": ("vendors",),
}
"""Flow to the flows that make what its records need first."""


def erp_name(record: str) -> str:
    """How a record of the erp is named in `Errand.only`: an order, an invoice, a supplier, a project, by its id."""
    return f"{ERP}/{record}"


def projects_name(project: str, record: str) -> str:
    """How a record of the projects system is named in `Errand.only`: by the ids that system uses.

    `project` may be empty: for what belongs to the company, such as a vendor, and where an event does not say it.
    """
    return f"{PROJECTS}/{project}/{record}"


def with_masters(only: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """The same names with the flows that make what those records need: they look at nothing of their own."""
    named = {flow: frozenset(names) for flow, names in only.items()}
    needed = {master for flow in named for master in MASTERS.get(flow, ())}
    return {**dict.fromkeys(sorted(needed - named.keys()), frozenset[str]()), **named}


class Scope:
    """What the names of an errand come to, flow by flow."""

    def __init__(self, only: Mapping[str, Collection[str]]) -> None:
        """BadInput for a name that none of the two functions above makes."""
        self.named = frozenset(only)
        self._ours: dict[str, frozenset[str]] = {}
        self._theirs: dict[str, frozenset[tuple[str, str]]] = {}
        for flow, names in only.items():
            parts = [_parted(name) for name in names]
            self._ours[flow] = frozenset(record for side, _, record in parts if side == ERP)
            self._theirs[flow] = frozenset((project, record) for side, project, record in parts if side == PROJECTS)

    @property
    def keyed(self) -> bool:
        """Whether some flow of the run looks at less than everything."""
        return bool(self.named)

    def whole(self, flow: str) -> bool:
        """Whether a flow of the run looks at everything."""
        return flow not in self.named or (flow not in KEYED and bool(self._ours[flow] or self._theirs[flow]))

    def idle(self, flow: str) -> bool:
        """Whether a flow was named without a record and does nothing by itself."""
        return flow in self.named and not (self._ours[flow] or self._theirs[flow])

    def ours(self, flow: str) -> frozenset[str]:
        """Ids of the erp's records that were named for a flow."""
        return self._ours.get(flow, frozenset())

    def theirs(self, flow: str) -> frozenset[tuple[str, str]]:
        """(project, id) of the projects system's records that were named for a flow; the project may be empty."""
        return self._theirs.get(flow, frozenset())


def _parted(name: str) -> tuple[str, str, str]:
    """Side, project (of the projects system) and record."""
    side, _, rest = name.partition("/")
    project, _, record = rest.partition("/") if side == PROJECTS else ("", "", rest)
    if side not in (ERP, PROJECTS) or not record:
        raise BadInput(f"{name!r} names no record.", remedy="Names are erp/ID and projects/PROJECT/ID.")
    return side, project, record
