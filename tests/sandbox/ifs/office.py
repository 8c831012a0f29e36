"""Short ways for tests of the simulated IFS's finance side: a stocked tenant, acts, and a voucher in the making."""

from __future__ import annotations

import json
from typing import Any

from .tenant import Tenant, make_tenant

ASSISTANT = "VoucherEntryAssistantHandling.svc"
VOUCHERS = "VoucherHandling.svc/VoucherSet"
COST = {"Account": "4110", "CodeB": "03-310", "CodeE": "P-2401", "ProjectActivityId": 100012}
ALWAYS = {"ValidFrom": "2020-01-01", "ValidUntil": "2049-12-31"}


def make_office(**switches: Any) -> Tenant:
    """The small tenant with the accounts a voucher needs: 2010 debt, 2410 tax, 1010 bank."""
    tenant = make_tenant(**switches)
    for account in ("2010", "2410", "1010"):
        act(tenant, "add_code_value", code_part="A", value=account)
    return tenant


def act(tenant: Tenant, name: str, /, **given: Any) -> Any:
    """Lets a person do something."""
    return tenant.face.acts[name](given)


def post(tenant: Tenant, url: str, body: Any, status: int = 201) -> Any:
    """Creates a row, or whatever POST does, with that status; the JSON of the answer, None without a body."""
    response = tenant.call("POST", url, body)
    assert response.status == status, response.body
    return json.loads(response.body) if response.body else None


def put(tenant: Tenant, url: str, **body: Any) -> None:
    """Changes a row whatever its tag."""
    response = tenant.call("PATCH", url, body, if_match="*")
    assert response.status == 200, response.body


def refused(tenant: Tenant, response: Any) -> str:
    """The constant of a business rule that a call was refused for."""
    assert response.status == 400, (response.status, response.body)
    return tenant.error(response)[2].split(": ")[0]


def draft(tenant: Tenant, *rows: dict[str, Any], **head: Any) -> str:
    """A virtual voucher with rows; its address."""
    made = post(tenant, f"{ASSISTANT}/VoucherSet", {"VoucherType": "M", **head})
    url = f"{ASSISTANT}/VoucherSet(Objkey='{made['Objkey']}')"
    for row in rows:
        post(tenant, f"{url}/VoucherPostingArray", row)
    return url


def create(tenant: Tenant, url: str) -> Any:
    """Fires CreateVoucher on a virtual voucher, with its tag."""
    action = f"{url}/IfsApp.VoucherEntryAssistantHandling.VoucherEntry_CreateVoucher"
    return tenant.call("POST", action, {}, if_match=tenant.tag(url))


def enter(tenant: Tenant, *rows: dict[str, Any], **head: Any) -> tuple[int, str]:
    """A voucher in the hold table: its number and address."""
    number = json.loads(create(tenant, draft(tenant, *(rows or balanced()), **head)).body)["value"]
    kind = head.get("VoucherType", "M")
    return number, f"{VOUCHERS}(Company='10',VoucherType='{kind}',AccountingYear=2026,VoucherNo={number})"


def balanced(amount: float = 100, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A cost row and its counterpart."""
    return {**COST, "CurrencyDebetAmount": amount, **more}, {"Account": "2010", "CurrencyCreditAmount": amount}


def event(tenant: Tenant, url: str, name: str, entity: str = "VoucherEntry") -> Any:
    """Fires a state event on a row, with its tag."""
    service = url.split(".svc")[0]
    return tenant.call("POST", f"{url}/IfsApp.{service}.{entity}_{name}", {}, if_match=tenant.tag(url))
