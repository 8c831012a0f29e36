"""One table from what IFS says to what we do, for every shape an answer was seen in."""

from __future__ import annotations

import json

import pytest

from ml_connector.kernel import errors
from ml_connector.systems.ifs.answers import refusal
from ml_connector.systems.wire import WireReply


def body(code: str, message: object, *details: tuple[object, str]) -> bytes:
    error: dict[str, object] = {"code": code, "message": message}
    if details:
        error["details"] = [{"code": one, "message": text} for one, text in details]
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "content", "kind", "reference"),
    [
        (400, body("DATABASE_ERROR", "x", ("20110", "PurchaseOrder.NOSUPP: Kein Lieferant")), errors.Refused, "NOSUPP"),
        (500, body("DATABASE_ERROR", "ORA-20112: CodeB.EXIST: there"), errors.Refused, "CodeB.EXIST"),
        (400, body("DATABASE_ERROR", "x", (20113, "FND_LOCKED: held")), errors.Locked, "FND_LOCKED"),
        (500, body("DATABASE_ERROR", {"value": "ORA-20114: gone by"}), errors.Stale, "ORA-20114"),
        (400, body("DATABASE_ERROR", "x", ("ERROR", "Order.FND_MODIFIED: y")), errors.Stale, "FND_MODIFIED"),
        (400, body("DATABASE_ERROR", "ORA-20115: it"), errors.Stale, "20115"),
        (400, body("DATABASE_ERROR", "ORA-20107: no right"), errors.RightMissing, "20107"),
        (400, body("DATABASE_ERROR", "only words"), errors.Refused, "DATABASE_ERROR"),
        (400, body("ODP_DESERIALIZATION_ERROR", "x", ("INVALID", "BuyQtyDue")), errors.Refused, "ODP_DESER"),
        (403, body("SE_UNAUTHORIZED", "no"), errors.RightMissing, "SE_UNAUTHORIZED"),
        (403, b"<html>forbidden</html>", errors.RightMissing, "403"),
        (404, body("ODP_RESOURCE_NOTFOUND", "no"), errors.NameMissing, "ODP_RESOURCE"),
        (405, b"", errors.RightMissing, "405"),
        (412, body("ODP_X", "y"), errors.Stale, "ODP_X"),
        (423, b"", errors.Locked, "423"),
        (428, body("ODP_MISSING_PRECONDITION", "y"), errors.Bug, "ODP_MISSING"),
        (501, body("ODP_NOT_IMPLEMENTED", "y"), errors.NameMissing, "ODP_NOT"),
        (503, body("MI_MODIFIED_ERROR", "y"), errors.Unavailable, "MI_MODIFIED"),
        (504, body("ODP_OPERATION_TIMEOUT", "y"), errors.Unavailable, "TIMEOUT"),
        (302, b"", errors.HostUnreachable, ""),
        (418, b"\xff\xfe", errors.Refused, "418"),
        (400, b'{"error":{"code":null,"message":null,"details":null}}', errors.Refused, "400"),
        (400, b'{"error":"text"}', errors.Refused, "400"),
    ],
)
def test_each_answer_has_one_meaning(
    status: int, content: bytes, kind: type[errors.ConnectorError], reference: str
) -> None:
    error = refusal(WireReply(status, {}, content), "do something")
    assert type(error) is kind
    assert reference in (error.reference or "")
    assert error.sentence.startswith("IFS could not do something")
    assert error.remedy
