"""Signing in to the simulated IFS, and what a tenant refuses before any data is looked at."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from ml_connector.sandbox.http import Request

from .tenant import BASE, SERVICE, make_tenant

ORDERS = "PurchaseOrderHandling.svc/PurchaseOrderSet"


def test_a_token_lives_as_long_as_the_switch_says() -> None:
    tenant = make_tenant(token_ttl=60)
    assert tenant.call("GET", ORDERS).status == 200
    tenant.clock.advance(timedelta(seconds=61))
    response = tenant.call("GET", ORDERS)
    assert response.status == 401
    assert ("www-authenticate", "Bearer") in response.headers


def test_the_client_may_come_in_the_form_or_in_the_header() -> None:
    tenant = make_tenant(token_ttl=180)
    coded = base64.b64encode(b"conn:pss").decode()
    answer = tenant.ask_token("grant_type=client_credentials", authorization=f"Basic {coded}")
    assert json.loads(answer.body)["expires_in"] == 180
    wrong = tenant.ask_token("grant_type=client_credentials&client_id=conn&client_secret=no")
    assert (wrong.status, json.loads(wrong.body)["error"]) == (401, "invalid_client")
    grant = tenant.ask_token("grant_type=password&client_id=conn&client_secret=pss")
    assert (grant.status, json.loads(grant.body)["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize(("path", "status"), [
    ("/auth/realms/other/protocol/openid-connect/token", 404),
    ("/auth/realms/acmeprod/nothing", 404),
    ("/auth", 404),
    ("/main/else", 404),
])  # fmt: skip
def test_addresses_nobody_serves(path: str, status: int) -> None:
    assert make_tenant().call("GET", path).status == status


def test_a_wrong_realm_is_told_as_keycloak_tells_it() -> None:
    response = make_tenant().face.handle(Request("POST", "/auth/realms/x/protocol/openid-connect/token", (), {}, b""))
    assert json.loads(response.body) == {"error": "Realm does not exist"}


def test_discovery_names_the_token_endpoint() -> None:
    found = make_tenant().get("/auth/realms/acmeprod/.well-known/openid-configuration")
    assert found["token_endpoint"] == f"{BASE}/auth/realms/acmeprod/protocol/openid-connect/token"


@pytest.mark.parametrize(("url", "status", "code"), [
    ("SubContractHandling.svc/SubContractSet", 501, "ODP_NOT_IMPLEMENTED"),
    ("NobodyKnows.svc/Set", 404, "ODP_RESOURCE_NOTFOUND"),
    ("SiteMissing.svc/", 404, "ODP_RESOURCE_NOTFOUND"),
    ("AccountHandling.svc/AccountSet", 404, "ODP_RESOURCE_NOTFOUND"),
    ("CodeBHandling.svc/CodeBSet", 403, "SE_UNAUTHORIZED"),
    ("PurchaseOrderHandling.svc/$openapi", 501, "ODP_NOT_IMPLEMENTED"),
    ("PurchaseOrderHandling.svc/NoSuchSet", 404, "ODP_RESOURCE_NOTFOUND"),
    ("/int/ifsapplications/entity/v1/PurchaseOrderEntity.svc/PurchaseOrderSet", 404, "ODP_RESOURCE_NOTFOUND"),
])  # fmt: skip
def test_services_that_are_missing_denied_or_not_modelled(url: str, status: int, code: str) -> None:
    tenant = make_tenant(missing_projections={"AccountHandling"}, denied_projections={"CodeBHandling"})
    response = tenant.call("GET", url)
    assert (response.status, tenant.error(response)[1]) == (status, code)


def test_an_entity_service_answers_once_it_is_activated() -> None:
    tenant = make_tenant(entity_services_active={"PurchaseOrderEntity"})
    url = "ifsapplications/entity/v1/PurchaseOrderEntity.svc/PurchaseOrderSet?$orderby=OrderNo"
    assert tenant.column(f"/int/{url}", "OrderNo") == ["P100", "P101", "P102"]
    assert tenant.call("GET", f"/main/{url}").status == 404


def test_the_catalogue_and_the_current_user() -> None:
    tenant = make_tenant(missing_projections={"AccountHandling"})
    names = tenant.column("AllProjections.svc/Projections?$orderby=ProjectionName", "ProjectionName")
    assert "PurchaseOrderHandling" in names
    assert "AccountHandling" not in names
    assert tenant.get("FrameworkServices.svc/GetCurrentUserInformation()")["UserId"] == "ML_CONNECTOR"


def test_both_channels_serve_and_loading_again_ends_old_tokens() -> None:
    tenant = make_tenant()
    assert tenant.call("GET", SERVICE.replace("/int/", "/main/") + ORDERS).status == 200
    tenant.token = "stale"
    assert tenant.call("GET", ORDERS).status == 401
