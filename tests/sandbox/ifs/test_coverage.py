"""The coverage page is true: what it calls modelled answers, what it calls refused is refused."""

from __future__ import annotations

import time

import pytest

from ml_connector.sandbox.ifs.catalog import NOT_MODELLED, PROJECTIONS
from ml_connector.sandbox.ifs.coverage import COVERAGE
from ml_connector.sandbox.ifs.database import NO_RULES
from ml_connector.sandbox.ifs.face import RULES
from ml_connector.sandbox.ifs.operations import UNBOUND

from .tenant import line, make_tenant, order

_TENANT = make_tenant(entity_services_active={*PROJECTIONS, *NOT_MODELLED}, missing_projections=set())
_PROBES = [
    (operation[4:], status)
    for operation, status, _ in COVERAGE
    if operation.startswith("GET ") and "NAME" not in operation and "/auth/" not in operation
]
_LINES = "PurchaseOrderLinesHandling.svc/PurchaseOrderLineSet"
_ORDER = "PurchaseOrderHandling.svc/PurchaseOrderSet('P100')"
_BEYOND = "$filter in, has, mod, round, floor, ceiling, any, all, geo, durations"
_MORE = [
    ("channel b2b", "GET", "/b2b/ifsapplications/projection/v1/PurchaseOrderHandling.svc/PurchaseOrderSet", 501),
    ("GET NAME.svc/$openapi", "GET", "PurchaseOrderHandling.svc/$openapi", 501),
    ("$apply, $search, $compute, $format", "GET", f"{_LINES}?$format=json", 501),
    ("$expand of an array", "GET", "PurchaseOrderHandling.svc/PurchaseOrderSet?$expand=LinePartArray", 501),
    ("PUT", "PUT", _ORDER, 501),
    ("address of one property, $value, $ref, $count as a path", "GET", f"{_ORDER}/VendorNo", 501),
    (_BEYOND, "GET", f"{_LINES}?$filter=floor(NetAmtCurr) eq 1", 501),
    ("$filter over a navigation", "GET", "ActivityListHandling.svc/Activities?$filter=ProjectRef/Name eq 'x'", 501),
    ("custom fields Cf_*", "GET", f"{_LINES}?$select=Cf_ProcoreId", 400),
]  # fmt: skip


@pytest.mark.parametrize(("path", "status"), _PROBES)
def test_what_the_page_says_of_a_service_or_set(path: str, status: str) -> None:
    name = path.split(".svc")[0]
    entity = name in PROJECTIONS and PROJECTIONS[name].entity_service
    kind = "/int/ifsapplications/entity/v1/" if entity or (name not in PROJECTIONS and name.endswith("Entity")) else ""
    response = _TENANT.call("GET", f"{kind}{path}")
    assert response.status == (200 if status == "modelled" else 501), response.body


@pytest.mark.parametrize(("operation", "method", "path", "expected"), _MORE)
def test_what_the_page_says_is_refused(operation: str, method: str, path: str, expected: int) -> None:
    assert (operation, "refused") in {(one, status) for one, status, _ in COVERAGE}
    assert _TENANT.call(method, path, if_match="*").status == expected


def test_every_declared_action_has_its_work() -> None:
    for projection in PROJECTIONS.values():
        assert {action.name for action in projection.actions} <= UNBOUND.keys()
        for entity in projection.entities:
            rules = RULES.get(entity.lu.name, NO_RULES)
            assert set(entity.events) <= rules.events.keys(), entity.name
            assert {action.name for action in entity.actions} <= rules.actions.keys(), entity.name


def test_every_set_has_a_template_or_says_what_it_lacks() -> None:
    for projection in PROJECTIONS.values():
        kind = "/int/ifsapplications/entity/v1/" if projection.entity_service else ""
        for one in projection.sets:
            url = f"{kind}{projection.name}.svc/{one.name}/{projection.namespace}.{one.entity}_Default()"
            assert _TENANT.call("GET", url).status in (200, 400), url


def test_every_operation_is_listed_once() -> None:
    listed = [operation for operation, _, _ in COVERAGE]
    assert len(listed) - len(set(listed)) == 1, "only the catalogue is both described and generated"


def test_a_page_deep_in_many_lines_is_found_by_its_key() -> None:
    tenant = make_tenant(*(order(f"Q{n:04}", *(line(str(one)) for one in range(1, 26))) for n in range(200)))
    later = "LineNo gt '3' or (LineNo eq '3' and ReleaseNo gt '1')"
    condition = f"OrderNo gt 'Q0150' or (OrderNo eq 'Q0150' and ({later}))"
    columns = "OrderNo,LineNo,ReleaseNo,NetAmtCurr,CodeB"
    url = f"{_LINES}?$filter={condition}&$orderby=OrderNo,LineNo,ReleaseNo&$top=1000&$select={columns}"
    took = []
    for _ in range(3):
        start = time.perf_counter()
        assert len(tenant.get(url)["value"]) == 1000
        took.append(time.perf_counter() - start)
    assert min(took) < 0.08
