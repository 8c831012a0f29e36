"""Tax codes and the company's tax type: one of a name, written by call and by sync, found by their origin id."""

from __future__ import annotations

from .company import COMPANY, Caller

CODES, TYPES = "/rest/v1.0/tax_codes", "/rest/v1.0/tax_types"
AT = f"company_id={COMPANY}"


def test_a_tax_code_exists_once_and_keeps_its_rate() -> None:
    caller = Caller()
    made = caller("POST", f"{CODES}?{AT}", {"tax_code": {"code": "GST", "rate1": 5.5}})
    assert (made.status, made.body["rate1"], made.body["archived"]) == (201, 5.5, False)
    assert caller("POST", f"{CODES}?{AT}", {"tax_code": {"code": "GST"}}).status == 400
    assert caller("POST", f"{CODES}?{AT}", {"tax_code": {"description": "no code"}}).status == 400
    other = next(row["id"] for row in caller("GET", f"{CODES}?{AT}").body if row["code"] == "STD")
    assert caller("PATCH", f"{CODES}/{other}?{AT}", {"tax_code": {"code": "GST"}}).status == 400
    changed = caller("PATCH", f"{CODES}/{other}?{AT}", {"tax_code": {"code": "STD", "archived": True}}).body
    assert (changed["archived"], changed["rate1"]) == (True, 8.25)
    assert caller("GET", f"{CODES}/{made.body['id']}?{AT}").body == made.body


def test_tax_codes_are_synced_by_origin_id() -> None:
    caller = Caller()
    body = {"company_id": COMPANY, "updates": [{"origin_id": "10^T", "code": "VAT", "rate1": 19}]}
    first = caller("PATCH", f"{CODES}/sync", body).body["entities"][0]
    body["updates"] = [{"origin_id": "10^T", "rate1": 7}, {"origin_id": "10^U", "code": "VAT"}, {"id": 5, "code": "X"}]
    said = caller("PATCH", f"{CODES}/sync", body).body
    assert [(row["id"], row["code"], row["rate1"]) for row in said["entities"]] == [(first["id"], "VAT", 7)]
    assert [row["errors"] for row in said["errors"]] == [
        {"code": ["has already been taken"]},
        {"id": ["Entity with this ID not found"]},
    ]


def test_a_company_has_one_tax_type() -> None:
    caller = Caller()
    made = caller("POST", f"{TYPES}?{AT}", {"tax_type": {"name": "Sales"}}).body["id"]
    refused = caller("POST", f"{TYPES}?{AT}", {"tax_type": {"name": "Use"}})
    assert (refused.status, "one tax type" in str(refused.body)) == (400, True)
    assert caller("DELETE", f"{TYPES}/{made}?{AT}").status == 200
    assert caller("POST", f"{TYPES}?{AT}", {"tax_type": {"name": "Use"}}).status == 201
