"""Which currency a project keeps its money in, and whether a contract may differ from it (facts/procore.md 8.1)."""

from __future__ import annotations

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused, RightMissing
from ml_connector.systems.procore.answers import CURRENCY
from ml_connector.systems.procore.client import Client


class CurrencyConfiguration(msgspec.Struct):
    """GET .../currency_configuration of a company or a project."""

    currency_iso_code: str | None = None
    multicurrency_enabled: bool | None = None


class CurrencyRef(msgspec.Struct):
    """`currency_configuration` inside another record."""

    currency_iso_code: str | None = None


def iso_of(ref: CurrencyRef | None) -> str:
    """The currency a record states; empty when it states none."""
    return (ref.currency_iso_code if ref else None) or ""


_decoder = msgspec.json.Decoder(CurrencyConfiguration)
_UNREADABLE = (RightMissing, NameMissing, Refused)


class Currencies:
    """The currencies of one company, asked once and kept."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._company: CurrencyConfiguration | None = None
        self._projects: dict[str, str | None] = {}

    def company(self) -> CurrencyConfiguration:
        """The company's configuration; empty when it may not be read."""
        if self._company is None:
            self._company = self._read(f"/rest/v1.0/companies/{self._client.company}/currency_configuration")
        return self._company

    def several(self) -> bool:
        """Whether contracts may carry a currency of their own."""
        return bool(self.company().multicurrency_enabled)

    def project(self, project: str) -> str | None:
        """The project's currency; the company's where there is only one; None when nobody says."""
        company = self.company()
        if not company.multicurrency_enabled:
            return company.currency_iso_code
        if project not in self._projects:
            path = f"/rest/v1.0/companies/{self._client.company}/projects/{project}/currency_configuration"
            self._projects[project] = self._read(path).currency_iso_code or company.currency_iso_code
        return self._projects[project]

    def _read(self, path: str) -> CurrencyConfiguration:
        try:
            return self._client.get(path, (), _decoder, CURRENCY)
        except _UNREADABLE:
            return CurrencyConfiguration()
