"""Companies, as the token that asks sees them."""

from __future__ import annotations

import msgspec

from ml_connector.systems.procore.answers import COMPANY
from ml_connector.systems.procore.client import Client


class CompanyRow(msgspec.Struct):
    """A company the token sees."""

    id: int
    name: str | None = None


_companies = msgspec.json.Decoder(list[CompanyRow])


def company_rows(client: Client) -> list[CompanyRow]:
    """Every company the token sees."""
    return client.pages("/rest/v1.0/companies", (), _companies, COMPANY)


def companies_of(client: Client) -> list[tuple[str, str]]:
    """The same as id and name, by name."""
    return sorted(((str(row.id), row.name or "") for row in company_rows(client)), key=lambda one: (one[1], one[0]))
