"""Whatever a caller sends, the face answers: random calls built from the contract, with junk mixed in."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ml_connector.sandbox.procore.contract import contract
from ml_connector.sandbox.procore.routing import ROUTES

from .company import COMPANY, Caller

JUNK: tuple[Any, ...] = (
    None,
    True,
    1,
    "x",
    "",
    -1,
    1.5,
    [],
    {},
    [1],
    {"a": 1},
    "1e999999",
    "NaN",
    10**20,
    "2026-01-01",
)


class Sender:
    """Makes calls that are mostly well formed and name records that mostly exist."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.caller = Caller()
        order = self.caller.order()
        known = self.caller.codes()
        row = {"origin_id": "L", "amount": "1", "cost_code_id": known["03-310"], "line_item_type_id": known["M"]}
        at = f"/rest/v1.0/purchase_order_contracts/{order}/line_items/sync?project_id={self.caller.p1}"
        line = self.caller("PATCH", at, {"updates": [row]}).body["entities"][0]
        wbs = f"/rest/v1.0/projects/{self.caller.p1}/work_breakdown_structure"
        segments = [s["id"] for s in self.caller("GET", f"{wbs}/segments").body]
        vendor = self.caller.vendor("Bolt")
        self.ids = [order, line["id"], line["wbs_code"]["id"], vendor, *known.values(), *segments]
        self.ids += self.money(order)

    def money(self, order: int) -> list[int]:
        """Ids of an invoice and its items, a direct cost with its line, a change order, and a hook."""
        acts, row = self.caller.face.acts, {"code": "03-310", "type": "M", "amount": "5"}
        invoice = acts["add_requisition"]({"order_id": order, "share": "0.5"})["id"]
        given = {"project_id": "P1", "vendor": "Bolt", "invoice_number": "1", "lines": [row]}
        cost = acts["enter_direct_cost"](given)["id"]
        change = acts["add_change_order"]({"order_id": order, "title": "t", "lines": [row]})
        budget = acts["change_budget"]({"project_id": "P1", "status": "draft", "lines": [row]})["id"]
        payment = acts["enter_payment"]({"order_id": order, "amount": "1"})["id"]
        hook = {"payload_version": "v2.0", "namespace": "ml", "destination_url": "http://me"}
        at = f"/rest/v2.0/companies/{COMPANY}/webhooks/hooks"
        made = int(self.caller("POST", at, hook).body["data"]["id"])
        self.caller("POST", f"{at}/{made}/triggers", {"resource_name": "Direct Costs", "event_type": "update"})
        project = self.caller.face._state.projects[self.caller.p1]
        inner = [*project.requisitions[invoice].items, *project.direct_costs[cost].lines, *project.periods]
        return [invoice, cost, change["id"], change["package_id"], budget, payment, made, *inner]

    def value(self, schema: Any) -> Any:
        """Something of that schema, or now and then junk."""
        schema, chance = contract().resolve(schema), self.chance
        if chance.random() < 0.08:
            return chance.choice(JUNK)
        if "enum" in schema and chance.random() < 0.9:
            return chance.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            wanted = schema.get("required", ())
            members = schema.get("properties", {}).items()
            return {k: self.value(v) for k, v in members if k in wanted or chance.random() < 0.5}
        if kind == "array":
            return [self.value(schema.get("items", {})) for _ in range(chance.randint(0, 3))]
        plain = {"integer": self.ids, "number": [1, 2.5, 0, -3], "boolean": [True, False]}
        return chance.choice(plain.get(str(kind), ["x", "EA", "10.5", "Approved", str(chance.choice(self.ids))]))

    def send(self) -> int:
        """One random call; its status."""
        route = self.chance.choice(ROUTES)
        operation = contract().find(route.method, "/".join("1" if p[:1] == "{" else p for p in route.path.split("/")))
        assert operation is not None
        fixed = {"company_id": COMPANY, "project_id": self.caller.p1}
        path = route.path
        for name in operation.path_names:
            path = path.replace(f"{{{name}}}", str(fixed.get(name, self.chance.choice(self.ids))))
        asked = [n for n in operation.query if n in operation.required or self.chance.random() < 0.2]
        query = "&".join(f"{n}={fixed.get(n) or self.value(operation.query[n])}" for n in asked)
        body = self.value(operation.body) if operation.body else None
        if isinstance(body, dict):
            body |= {name: value for name, value in fixed.items() if name in body}
        return self.caller(route.method, f"{path}?{query}", body).status


@pytest.mark.parametrize("seed", range(3))
def test_no_call_makes_the_face_raise_or_answer_500(seed: int) -> None:
    sender = Sender(seed)
    heard = {sender.send() for _ in range(1500)}
    assert {200, 400, 404} <= heard
    assert 500 not in heard
