"""A tiny company for these tests, and a caller that signs in and speaks to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.http import Request, Response
from ml_connector.sandbox.procore.face import ProcoreFace
from ml_connector.sandbox.procore.switches import ProcoreSwitches
from ml_connector.sandbox.world import JobSite, ProcoreOrder, ProcoreVendor, World

COMPANY = 4711
CLIENT = {"client_id": "app", "client_secret": "let-me-in"}


def site(ifs_id: str, number: str | None, name: str | None, *, permitted: bool = True) -> JobSite:
    """A job site of the tiny world."""
    place = {"address": "1 Yard Rd", "city": "Akron", "state_code": "OH", "zip_code": "44301"}
    return JobSite(
        ifs_id, f"Site {ifs_id}", "Plant hall", "10", "kim", "Started", number, name, **place, permitted=permitted
    )


WORLD = World(
    seed=1,
    company="10",
    company_name="Maker",
    base_currency="USD",
    procore_company_id=COMPANY,
    procore_company_name="Maker Construction",
    sites=(site("P1", "24-001", "Hall"), site("P2", "24-002", "Crane bay"), site("P3", None, None)),
    activities=(),
    code_values=(),
    suppliers=(),
    vendors=(
        ProcoreVendor("Acme Steel", "12-3456789", "Akron", "OH", "US"),
        ProcoreVendor("Bolt", None, "Ohio", None, "US"),
    ),
    orders=(),
    typed_orders=(
        ProcoreOrder(
            "P1", "HAND-1", "Typed", "Bolt", "Draft", (("03-310", "M", "Bars", Decimal(2), Decimal("10.50")),)
        ),
    ),
    cost_codes=(("P1", "03-310", "Slabs"), ("P1", "03", "Concrete"), ("P2", "05-120", "Steel")),
    cost_types=(("M", "Materials", "materials"), ("L", "Labor", "labor")),
    budget=(("P1", "03-310", "L", Decimal("5000.00")),),
)


@dataclass
class Said:
    """An answer with its body parsed."""

    status: int
    body: Any
    headers: dict[str, str]
    raw: Response


class Caller:
    """Speaks to one face with the service account's token and the company header."""

    def __init__(self, switches: ProcoreSwitches | None = None, world: World = WORLD) -> None:
        self.clock = SandboxClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
        self.face = ProcoreFace(self.clock, switches)
        self.face.load(world, base_url="http://sandbox", **CLIENT)
        self.headers: dict[str, str] = {"procore-company-id": str(COMPANY), "content-type": "application/json"}
        self.sign_in()
        self.p1, self.p2 = self.face.project_ids["P1"], self.face.project_ids["P2"]

    def __call__(self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Said:
        split = urlsplit(target)
        query = tuple(parse_qsl(split.query, keep_blank_values=True))
        sent = b"" if body is None else json.dumps(body).encode()
        answer = self.face.handle(
            Request(method, split.path, query, self.headers if headers is None else headers, sent)
        )
        names = {name.lower(): value for name, value in answer.headers}
        parsed = json.loads(answer.body) if answer.body else None
        return Said(answer.status, parsed, names, answer)

    def sign_in(self) -> None:
        """Takes a new token, at the start and after the clock was moved far."""
        token = self("POST", "/oauth/token", {"grant_type": "client_credentials", **CLIENT}).body["access_token"]
        self.headers["authorization"] = f"Bearer {token}"

    def vendor(self, name: str) -> int:
        """The id of a vendor by name."""
        found = self("GET", f"/rest/v1.0/vendors?company_id={COMPANY}").body
        return next(v["id"] for v in found if v["name"] == name)

    def order(self, origin: str = "10^PO1", kind: str = "purchase_order_contract", **row: Any) -> int:
        """A contract made by sync, unit based unless told otherwise."""
        given = {"origin_id": origin, "accounting_method": "unit", **row}
        said = self("PATCH", f"/rest/v1.0/{kind}s/sync", {"project_id": self.p1, "updates": [given]})
        assert said.body["errors"] == []
        return said.body["entities"][0]["id"]

    def codes(self) -> dict[str, int]:
        """Ids of project P1's cost codes and the company's cost types, by code."""
        found = {c["full_code"]: c["id"] for c in self("GET", f"/rest/v1.0/cost_codes?project_id={self.p1}").body}
        types = self("GET", f"/rest/v1.0/line_item_types?company_id={COMPANY}").body
        return found | {t["code"]: t["id"] for t in types}
