"""What a company says of itself: enough to tell it from another company, and from one that was set up anew."""

from __future__ import annotations

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused, RightMissing
from ml_connector.systems.procore.answers import COMPANY
from ml_connector.systems.procore.company import company_rows
from ml_connector.systems.procore.system import ProcoreSystem


class _Me(msgspec.Struct):
    """GET /rest/v1.0/companies/{company_id}/me: the directory's user that was made when the app was installed."""

    id: int
    email_address: str | None = None
    created_at: str | None = None


_me = msgspec.json.Decoder(_Me)
_UNREADABLE = (NameMissing, RightMissing, Refused)


def facts_of(system: ProcoreSystem, service: bool) -> dict[str, str]:
    """Facts by their name; what may not be read is left out.

    `service`: we are a service account, whose user is made anew with each installation of the app (facts/procore.md 1).
    A person's user says nothing of the company.
    """
    client = system.client
    facts = {"address": system.settings.url, "company": client.company}
    try:
        rows = company_rows(client)
        facts["company name"] = next((row.name or "" for row in rows if str(row.id) == client.company), "")
        if service:
            me = client.get(f"/rest/v1.0/companies/{client.company}/me", (), _me, COMPANY)
            facts |= {"service user": str(me.id), "service user since": me.created_at or ""}
    except _UNREADABLE:
        pass  # neither is needed for a run
    return {name: fact for name, fact in facts.items() if fact}
