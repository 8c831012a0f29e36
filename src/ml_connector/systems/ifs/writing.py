"""Changing one row in IFS: with the tag of the row that was read, and never twice after a lost answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from ml_connector.kernel.errors import Bug, OutcomeUnknown, Refused
from ml_connector.systems.ifs.answers import accepted, not_odata
from ml_connector.systems.ifs.odata import FULL, Odata, text_literal
from ml_connector.systems.wire import WireReply, WireRequest

_SENT = {**FULL, "content-type": "application/json;IEEE754Compatible=true"}
_bodies = msgspec.json.Encoder(decimal_format="string")


class Found(msgspec.Struct, frozen=True):
    """A row as it stands in IFS: its tag for the next change, and its members."""

    etag: str
    row: dict[str, Any]


class _Rows(msgspec.Struct):
    value: list[dict[str, Any]]


_rows = msgspec.json.Decoder(_Rows)
_row = msgspec.json.Decoder(dict[str, Any])


class Writing:
    """Writes by paths below a projection, such as `PurchaseOrderSet(OrderNo='P100')`."""

    def __init__(self, odata: Odata, projection: str) -> None:
        """`projection` without `.svc`."""
        self._odata = odata
        self._service = odata.service(projection)

    def read(self, path: str) -> Found | None:
        """The row at `path` with its tag; None when there is none."""
        what = f"read {path}"
        reply = self._odata.find(self._service + path, what, FULL)
        return None if reply is None else _found(reply, what)

    def patch(self, path: str, etag: str, body: Mapping[str, Any]) -> Found:
        """Changes the members in `body` of the row that had `etag`.

        Raises Stale when the row changed since (412), OutcomeUnknown when no answer came. The tag `*`, which would
        overwrite whatever others did, is refused before anything is sent.
        """
        if not etag or etag == "*":
            raise Bug(f"A change of {path} was about to be sent without the tag of the row that was read.")
        what = f"change {path}"
        reply = self._odata.call(self._request("PATCH", path, body, {"if-match": etag}))
        if accepted(reply, what).status == 204:
            return Found(reply.headers.get("etag", ""), {})
        return _found(reply, what)

    def create(self, path: str, reference: tuple[str, str], body: Mapping[str, Any]) -> Found:
        """Creates a row in the set at `path`, or finds the one that already carries `reference` (property, value).

        IFS has no idempotency key: we look before we create, and once more when no answer came (facts/ifs.md 7.2).
        Raises OutcomeUnknown when it cannot be seen then either, Refused when the reference is there twice.
        """
        there = self._look(path, reference)
        if there is not None:
            return there
        what = f"create a row in {path}"
        try:
            reply = self._odata.call(self._request("POST", path, {**body, reference[0]: reference[1]}, {}))
        except OutcomeUnknown:
            there = self._look(path, reference)
            if there is None:
                raise
            return there
        return _found(accepted(reply, what), what)

    def insert(self, path: str, body: Mapping[str, Any]) -> Found:
        """Creates a row in the set at `path` without looking first: for rows whose key is ours to give.

        Raises OutcomeUnknown when no answer came, Refused when such a row is there already.
        """
        what = f"create a row in {path}"
        return _found(accepted(self._odata.call(self._request("POST", path, body, {})), what), what)

    def _look(self, path: str, reference: tuple[str, str]) -> Found | None:
        name, value = reference
        what = f"look for {value} in {path}"
        condition = quote(f"{name} eq {text_literal(value)}", safe="'()")
        rows = _decoded(_rows, self._odata.get(f"{self._service}{path}?$filter={condition}&$top=2", what, FULL), what)
        if len(rows.value) > 1:
            raise Refused(f"IFS has more than one row in {path} whose {name} is {value}.")
        return Found(str(rows.value[0].get("@odata.etag", "")), rows.value[0]) if rows.value else None

    def _request(self, method: str, path: str, body: Mapping[str, Any], more: Mapping[str, str]) -> WireRequest:
        return WireRequest(method, self._service + path, headers={**_SENT, **more}, body=_bodies.encode(body))


def _found(reply: WireReply, what: str) -> Found:
    row = _decoded(_row, reply.body, what)
    return Found(str(row.get("@odata.etag") or reply.headers.get("etag", "")), row)


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes, what: str) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise not_odata(what) from None
