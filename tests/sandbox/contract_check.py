"""Holds any exchange with Procore, ours or a recorded one, against the served part of its contract."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ml_connector.sandbox.procore.contract import check_request, check_response


def validate_exchange(
    method: str, path_with_query: str, request_body: bytes, status: int, response_body: bytes
) -> list[str]:
    """Everything undocumented or mistyped in one exchange; [] when it is clean.

    Unknown query parameters and unknown body members count. An operation outside the served contract is one error.
    A 400 on purpose is judged by its answer only: the request of a refused call may be wrong by design.
    """
    split = urlsplit(path_with_query)
    if split.path == "/oauth/revoke":
        return []
    query = parse_qsl(split.query, keep_blank_values=True)
    found = [] if status == 400 else check_request(method, split.path, query, _parsed(request_body))
    if response_body[:1] in (b"{", b"["):
        found += check_response(method, split.path, status, json.loads(response_body))
    elif status < 400 and response_body:
        found.append("the answer is not JSON")
    return found


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    if body[:1] in (b"{", b"["):
        return json.loads(body)
    return dict(parse_qsl(body.decode()))
