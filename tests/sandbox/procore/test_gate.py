"""Checks before any work: company header, token, app, project, tool, place of ids, rates, pages, faults."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ml_connector.sandbox.procore.switches import ProcoreSwitches

from .company import CLIENT, COMPANY, WORLD, Caller

VENDORS = f"/rest/v1.0/vendors?company_id={COMPANY}"


@pytest.mark.parametrize("status", [404, 400])
def test_the_company_header_is_looked_for_before_the_token(status: int) -> None:
    caller = Caller(ProcoreSwitches(missing_company_header=status))
    said = caller("GET", VENDORS, headers={})
    assert said.status == status
    assert said.body["message"].startswith("Missing Procore-Company-Id header!")


def test_a_service_token_needs_the_header_for_companies_and_a_user_token_does_not() -> None:
    caller = Caller()
    service = {"authorization": caller.headers["authorization"]}
    assert caller("GET", "/rest/v1.0/companies", headers=service).status == 404
    assert caller("GET", "/rest/v1.0/companies", headers=_user(caller)).body[0]["id"] == COMPANY


def _user(caller: Caller) -> dict[str, str]:
    asked = caller("GET", "/oauth/authorize?response_type=code&client_id=app&redirect_uri=https://me/cb&state=s")
    code = asked.headers["location"].partition("code=")[2].partition("&")[0]
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://me/cb", **CLIENT}
    return {"authorization": f"Bearer {caller('POST', '/oauth/token', grant).body['access_token']}"}


def test_a_token_dies_after_5400_seconds_of_the_sandbox_clock() -> None:
    caller = Caller()
    caller.clock.advance(timedelta(seconds=5390))
    assert caller("GET", VENDORS).status == 200
    assert caller("GET", "/oauth/token/info").body["expires_in_seconds"] in (9, 10)
    caller.clock.advance(timedelta(seconds=10))
    assert caller("GET", VENDORS).status == 401


def test_a_refresh_token_works_once_and_revoking_kills_the_pair() -> None:
    caller = Caller()
    asked = caller("GET", "/oauth/authorize?response_type=code&client_id=app&redirect_uri=https://me/cb")
    code = asked.headers["location"].partition("code=")[2]
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://me/cb", **CLIENT}
    first = caller("POST", "/oauth/token", grant).body
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **CLIENT}
    second = caller("POST", "/oauth/token", refresh).body
    again = caller("POST", "/oauth/token", refresh)
    assert (again.status, again.body["error"]) == (401, "invalid_grant")
    assert caller("POST", "/oauth/revoke", {"token": second["access_token"], **CLIENT}).status == 200
    refresh["refresh_token"] = second["refresh_token"]
    assert caller("POST", "/oauth/token", refresh).status == 401


def test_client_credentials_give_no_refresh_token_and_a_wrong_secret_gives_nothing() -> None:
    caller = Caller()
    grant = {"grant_type": "client_credentials", **CLIENT}
    assert "refresh_token" not in caller("POST", "/oauth/token", grant).body
    assert caller("POST", "/oauth/token", {**grant, "client_secret": "no"}).status == 401


def test_an_app_that_is_not_installed_hears_403() -> None:
    caller = Caller()
    caller.face.switches.app_installed = False
    said = caller("GET", VENDORS)
    assert (said.status, said.body) == (403, {"errors": ["App is not connected to this company."]})


@pytest.mark.parametrize("status", [404, 403])
def test_a_project_that_is_not_permitted_is_hidden(status: int) -> None:
    caller = Caller(ProcoreSwitches(not_permitted_project=status))
    caller.face.acts["revoke_project"]({"project_id": "P1"})
    assert caller("GET", f"/rest/v1.0/cost_codes?project_id={caller.p1}").status == status
    assert [p["id"] for p in caller("GET", f"/rest/v1.1/projects?company_id={COMPANY}").body] == [caller.p2]
    caller.face.acts["permit_project"]({"number": "24-001"})
    assert caller("GET", f"/rest/v1.0/cost_codes?project_id={caller.p1}").status == 200


def test_a_tool_at_read_level_reads_and_does_not_write() -> None:
    caller = Caller()
    caller.face.switches.permissions["directory"] = "read"
    assert caller("GET", VENDORS).status == 200
    assert caller("POST", "/rest/v1.0/vendors", {"company_id": COMPANY, "vendor": {"name": "n"}}).status == 403
    caller.face.switches.permissions["directory"] = "none"
    assert caller("GET", VENDORS).status == 403
    assert caller("GET", f"/rest/v1.1/vendors?company_id={COMPANY}&view=minimal").status == 200


def test_ids_in_the_wrong_place_are_refused() -> None:
    caller = Caller()
    order, p = caller.order(), caller.p1
    base = "/rest/v1.0/purchase_order_contracts"
    assert caller("GET", base).status == 400
    assert caller("PATCH", f"{base}/sync?project_id={p}", {"updates": []}).status == 400
    assert caller("PATCH", f"{base}/{order}/line_items/sync", {"project_id": p, "updates": []}).status == 400
    assert caller("PATCH", f"{base}/{order}/line_items/sync?project_id={p}", {"updates": []}).status == 200
    assert caller("PATCH", "/rest/v1.0/cost_codes/sync", {"project_id": p, "updates": []}).status == 400
    assert caller("GET", f"{base}/{order}?project_id={caller.p2}").status == 404


def test_malformed_bodies_are_400() -> None:
    caller = Caller()
    assert caller("POST", "/rest/v1.0/vendors", {"company_id": COMPANY}).status == 400
    assert caller("POST", "/rest/v1.0/vendors", {"company_id": COMPANY, "vendor": ["x"]}).status == 400
    assert caller("PATCH", "/rest/v1.0/vendors/sync", {"company_id": COMPANY, "updates": {}}).status == 400
    assert caller("PATCH", "/rest/v1.0/vendors/sync").status == 400


def test_what_is_not_modelled_is_501_and_says_so() -> None:
    said = Caller()("GET", "/rest/v1.0/prime_contracts?project_id=1")
    assert said.status == 501
    assert "GET /rest/v1.0/prime_contracts" in said.body["message"]


def test_the_spike_window_closes_and_opens_again() -> None:
    caller = Caller(ProcoreSwitches(rate_spike=3, rate_hour=3600, retry_after_on_429=True))
    heard = [caller("GET", VENDORS) for _ in range(4)]
    assert [said.status for said in heard] == [200, 200, 200, 429]
    assert [said.headers["x-rate-limit-remaining"] for said in heard] == ["2", "1", "0", "0"]
    assert heard[3].headers["x-rate-limit-limit"] == "3"
    assert 1 <= int(heard[3].headers["retry-after"]) <= 10
    assert int(heard[3].headers["x-rate-limit-reset"]) > caller.clock().timestamp()
    caller.clock.advance(timedelta(seconds=10))
    assert caller("GET", VENDORS).status == 200


def test_pages_have_their_headers_and_links_without_filters() -> None:
    caller = Caller()
    for number in range(5):
        caller.face.acts["add_vendor"]({"name": f"V{number}"})
    said = caller("GET", f"{VENDORS}&per_page=3&page=2&sort=-name&filters[search]=")
    assert (said.headers["total"], said.headers["per-page"]) == ("7", "3")
    assert [v["name"] for v in said.body] == ["V1", "V0", "Bolt"]
    assert said.headers["link"] == ", ".join(
        f'<http://sandbox/rest/v1.0/vendors?page={page}&per_page=3>; rel="{rel}"'
        for rel, page in (("first", 1), ("next", 3), ("last", 3))
    )
    assert "next" not in caller("GET", f"{VENDORS}&per_page=3&page=3").headers["link"]
    assert caller("GET", f"{VENDORS}&per_page=3&page=9").body == []
    assert caller("GET", f"{VENDORS}&per_page=99999").headers["per-page"] == "2000"
    assert caller("GET", f"/rest/v1.1/projects?company_id={COMPANY}&per_page=999").headers["per-page"] == "300"


def test_an_endpoint_may_ignore_page() -> None:
    caller = Caller(ProcoreSwitches(ignore_page_endpoints={"/rest/v1.0/vendors"}))
    assert caller("GET", f"{VENDORS}&per_page=1&page=2").body == caller("GET", f"{VENDORS}&per_page=1").body


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("2026-03-02T08:00:00Z...2026-03-02T09:00:00Z", 2),
        ('"2026-03-02...2026-03-02"', 2),
        ("2026-03-02T10:00:00%2B02:00...2026-03-02T11:00:00%2B02:00", 2),
        ("2026-03-02T08:05:00Z...2026-03-03T08:00:00Z", 0),
    ],
)
def test_ranges_include_both_ends(given: str, seen: int) -> None:
    assert len(Caller()("GET", f"{VENDORS}&filters[updated_at]={given}").body) == seen


def test_a_malformed_range_is_refused_and_an_unknown_filter_ignored() -> None:
    caller = Caller()
    assert caller("GET", f"{VENDORS}&filters[updated_at]=yesterday...now").status == 400
    assert len(caller("GET", f"{VENDORS}&filters[colour]=red").body) == 2


def test_young_records_stay_out_of_lists_while_they_settle() -> None:
    caller = Caller(ProcoreSwitches(settle=30))
    caller.clock.advance(timedelta(seconds=60))
    order = caller.order()
    assert caller("GET", f"/rest/v1.0/purchase_order_contracts/{order}?project_id={caller.p1}").status == 200
    at = f"/rest/v1.0/purchase_order_contracts?project_id={caller.p1}"
    assert order not in [o["id"] for o in caller("GET", at).body]
    caller.clock.advance(timedelta(seconds=31))
    assert order in [o["id"] for o in caller("GET", at).body]


def test_injected_refusals_have_shape_and_headers() -> None:
    face = Caller().face
    limited = face.refusal(429, 7)
    assert ("Retry-After", "7") in limited.headers
    assert ("X-Rate-Limit-Remaining", "0") in limited.headers
    assert "Retry-After" not in dict(face.refusal(429).headers)
    assert b'"code":"SERVICE_UNAVAILABLE"' in face.refusal(503, 5, "v2").body
    assert face.refusal(500, kind="html").body.startswith(b"<html>")
    assert not any(face.refusal(status).changed for status in (401, 409, 500))


def test_loading_again_throws_tokens_and_records_away() -> None:
    caller = Caller()
    before = caller.face.summary()
    caller.order()
    from_world = caller.face.summary()
    assert from_world["purchase_order_contracts"] == before["purchase_order_contracts"] + 1
    caller.face.load(WORLD, base_url="http://sandbox", **CLIENT)
    assert caller.face.summary() == before
    assert caller("GET", VENDORS).status == 401
