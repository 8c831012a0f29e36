"""IFS in the role erp: everything the engine reads of it, by one company's eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from ml_connector.records.dimension import Activity, Dimension
from ml_connector.records.problem import Problem
from ml_connector.records.project import Project
from ml_connector.systems.ifs import project as projects
from ml_connector.systems.ifs.batch import Batch
from ml_connector.systems.ifs.dimension import ACCOUNT_PART, account_of, activity_of, dimension_of
from ml_connector.systems.ifs.odata import Odata
from ml_connector.systems.ifs.order_reading import OrderReading
from ml_connector.systems.ifs.profile import Profile, SetProfile
from ml_connector.systems.ifs.rows import Row, parsed
from ml_connector.systems.ifs.vendor import SupplierReading
from ml_connector.systems.port import Knows, OrderPage, VendorPage
from ml_connector.systems.wire import Call

_Record = TypeVar("_Record")


class IfsSettings(msgspec.Struct, frozen=True):
    """Which tenant and company: `url` is scheme and host, `channel` int or main, `company` the IFS company id."""

    url: str
    company: str
    channel: str = "int"
    profile: Profile = Profile()


class IfsSystem:
    """Implements `port.ErpSystem`. Thread safe; rows of other companies are never returned."""

    def __init__(self, call: Call, settings: IfsSettings) -> None:
        """`call` signs, paces and retries (systems.transport)."""
        self.settings = settings
        self.profile = settings.profile
        self.odata = Odata(call, settings.url, settings.channel, settings.profile.page_size)
        self.batch = Batch(self.odata, settings.profile.batch_parts)

    def projects(self) -> tuple[list[Project], list[Problem]]:
        """Every project of the company, with a Problem for each row that cannot be used."""
        return self._read(self.profile.project, "read projects", projects.project_of, projects.KIND)

    def activities(self) -> tuple[list[Activity], list[Problem]]:
        """Every project activity of the company, with a Problem for each row without id or project."""
        return self._read(self.profile.activity, "read project activities", activity_of, "activity")

    def dimensions(self) -> tuple[list[Dimension], list[Problem]]:
        """Every code part value; accounts come from their own set where the set of all values leaves them out."""
        values, problems = self._read(self.profile.dimension, "read code part values", dimension_of, "dimension")
        if not any(one.part == ACCOUNT_PART for one in values):
            accounts, more = self._read(self.profile.account, "read accounts", account_of, "dimension")
            return values + accounts, problems + more
        return values, problems

    def vendors(self, ids: Iterable[str], knows: Knows) -> VendorPage:
        """The named suppliers, in full where `knows` has another fingerprint. Suppliers belong to no company."""
        return self.supplier_reading().vendors(list(ids), knows)

    def supplier_reading(self) -> SupplierReading:
        """Reads suppliers and their details, in batches where the tenant takes them."""
        return SupplierReading(self.odata, self.batch, self.profile)

    def orders(self, knows: Knows) -> Iterator[OrderPage]:
        """Open orders in ascending id, a page at a time, parsed only where `knows` has another fingerprint."""
        return self.order_reading().open_orders(knows)

    def orders_by_id(self, ids: Sequence[str]) -> OrderPage:
        """The named orders in any state, in full; ids not found are absent from `seen`."""
        return self.order_reading().named(ids)

    def order_reading(self) -> OrderReading:
        """Reads orders; asks for the company's sites first where orders do not name their company."""
        sites = None if self.profile.order.name("company") else self.sites()
        return OrderReading(self.odata, self.profile, self.settings.company, sites)

    def sites(self) -> frozenset[str]:
        """The sites of the company."""
        found = self._read(self.profile.site, "read sites", lambda row: row.required("id"), "site")[0]
        return frozenset(found)

    def _read(
        self, where: SetProfile, what: str, parse: Callable[[Row], _Record], kind: str
    ) -> tuple[list[_Record], list[Problem]]:
        reading = self.odata.reading(where, what, projects.of_company(where, self.settings.company))
        return parsed(self.odata.rows(reading), parse, where, kind)
