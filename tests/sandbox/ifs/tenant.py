"""A tiny tenant for the tests of the simulated IFS: one company, three suppliers, three orders, and a caller."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.http import Request, Response
from ml_connector.sandbox.ifs.face import IfsFace
from ml_connector.sandbox.ifs.switches import IfsSwitches
from ml_connector.sandbox.world import Activity, CodeValue, JobSite, Order, OrderLine, Supplier, World

BASE = "http://ifs.test:8001"
SERVICE = "/int/ifsapplications/projection/v1/"
STRINGS = "application/json;IEEE754Compatible=true"
FULL = "application/json;odata.metadata=full;IEEE754Compatible=true"
START, END = date(2020, 1, 1), date(2049, 12, 31)


def supplier(number: str, name: str, currency: str = "USD", *, purchase_data: bool = True) -> Supplier:
    """A supplier with an address in Peoria."""
    place = ("1 Main St", "Peoria", "IL", "61602", f"ap@{number.lower()}.example", "309 555 0100")
    return Supplier(number, name, "12-3456789", "US", *place, currency, "30", purchase_data)


def line(number: str, price: str = "100.00", quantity: str = "2", **changes: Any) -> OrderLine:
    """A no-part line on activity 100012 with codes A and B; anything can be changed."""
    values = {
        "line_no": number, "release_no": "1", "kind": "nopart", "part_no": None, "description": f"Work {number}",
        "quantity": Decimal(quantity), "unit": "pcs", "unit_price": Decimal(price), "state": "Released",
        "wanted": date(2026, 10, 1), "project_id": "P-2401", "activity_seq": 100012,
        "codes": (("A", "4110"), ("B", "03-310")),
    }  # fmt: skip
    return OrderLine(**{**values, **changes})


def order(
    number: str, *lines: OrderLine, state: str = "Released", currency: str = "USD", supplier_id: str = "S1"
) -> Order:
    """An order of 1 September 2026 on site PEO."""
    return Order(number, supplier_id, "PEO", date(2026, 9, 1), state, "MHALE", currency, "as agreed", lines)


def small_world(*more: Order) -> World:
    """The world every test starts from: P100 (three kinds of line), P101 (euro), P102 (planned), and `more`."""
    part = line("2", kind="part", part_no="BRK-1")
    rental = line("10", kind="rental", part_no="LIFT-1", codes=(("A", "4110"), ("B", "99-999")))
    job = JobSite(
        "P-2401",
        "Peoria hall",
        "New hall",
        "PEO",
        "J_DOE",
        "Started",
        "2401",
        None,
        "1 Main St",
        "Peoria",
        "IL",
        "61602",
    )
    return World(
        seed=1, company="10", company_name="Heavy Iron Inc", base_currency="USD", procore_company_id=1,
        procore_company_name="Heavy Iron", sites=(job,),
        activities=(Activity(100012, "P-2401", "1", "A10", "Foundations", "Released"),),
        code_values=(
            CodeValue("A", "4110", "Materials", START, END), CodeValue("B", "03-310", "Concrete", START, END),
            CodeValue("B", "05-120", "Steel", START, END), CodeValue("C", "M", "Material", START, END),
        ),
        suppliers=(
            supplier("S1", "Acme Steel"), supplier("S2", "Beton SA", "EUR"),
            supplier("S3", "No Terms Ltd", purchase_data=False),
        ),
        vendors=(),
        orders=(
            order("P100", line("1"), part, rental),
            order("P101", line("1", "10.005", "3"), currency="EUR", supplier_id="S2"),
            order("P102", line("1"), state="Planned"),
            *more,
        ),
        typed_orders=(), cost_codes=(), cost_types=(), budget=(),
    )  # fmt: skip


@dataclass
class Tenant:
    """A loaded face with a token, and short ways to call it."""

    face: IfsFace
    clock: SandboxClock
    token: str = ""

    def sign_in(self) -> None:
        """Fetches a token and keeps it for later calls."""
        self.token = json.loads(self.ask_token().body)["access_token"]

    def ask_token(
        self, body: str = "grant_type=client_credentials&client_id=conn&client_secret=pss", **headers: str
    ) -> Response:
        """Calls the token endpoint."""
        path = "/auth/realms/acmeprod/protocol/openid-connect/token"
        return self.face.handle(Request("POST", path, (), headers, body.encode()))

    def call(self, method: str, url: str, body: Any = None, **headers: str) -> Response:
        """Calls an address below the projections; header names take _ for -. A dict body is sent as JSON."""
        path, _, query = url.partition("?")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = json.dumps(body).encode() if isinstance(body, dict) else (body or b"")
        address = path if path.startswith("/") else SERVICE + path
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        return self.face.handle(Request(method, address, pairs, {"authorization": f"Bearer {self.token}", **sent}, raw))

    def get(self, url: str, status: int = 200, **headers: str) -> Any:
        """The JSON of a read that must have that status."""
        response = self.call("GET", url, **headers)
        assert response.status == status, response.body
        return json.loads(response.body)

    def column(self, url: str, name: str) -> list[Any]:
        """One attribute of every row of a collection."""
        return [row[name] for row in self.get(url)["value"]]

    def tag(self, url: str) -> str:
        """The present ETag of a row."""
        headers = dict(self.call("GET", url).headers)
        return headers["etag"]

    def error(self, response: Response) -> tuple[int, str, str]:
        """Status, code and the most telling text of a refusal."""
        error = json.loads(response.body)["error"]
        details = error.get("details") or [{"message": error["message"]}]
        return response.status, error["code"], details[0]["message"]


def make_tenant(*more: Order, **switches: Any) -> Tenant:
    """A signed-in tenant with the small world, `more` orders and those switches.

    Its tokens outlive any run of the tests, for some tenants are made once for many of them.
    """
    switches.setdefault("token_ttl", 86_400)
    clock = SandboxClock(datetime(2026, 9, 15, 12, tzinfo=UTC))
    face = IfsFace(clock, IfsSwitches(**switches))
    face.load(small_world(*more), base_url=BASE, realm="acmeprod", client_id="conn", client_secret="pss")
    tenant = Tenant(face, clock)
    tenant.sign_in()
    return tenant
