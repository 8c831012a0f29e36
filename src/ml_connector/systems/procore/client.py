"""One Procore company at the other end of a `Call`: urls, the company header, reading answers, raising refusals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from ml_connector.kernel.errors import NameMissing, OutcomeUnknown
from ml_connector.systems.procore.answers import Place, fail, reference
from ml_connector.systems.procore.paging import read_all
from ml_connector.systems.procore.settings import ProcoreSettings
from ml_connector.systems.wire import Call, WireReply, WireRequest

T = TypeVar("T")
Query = Sequence[tuple[str, str]]
Body = msgspec.Struct | Sequence[object]
"""What a request carries: an object, or a list where the endpoint wants one."""

_encoder = msgspec.json.Encoder()


class Data(msgspec.Struct):
    """The wrapper around every v2 answer, its content not yet read."""

    data: msgspec.Raw


_data = msgspec.json.Decoder(Data)


class Client:
    """Sends to one company and reads what comes back. Every request carries `Procore-Company-Id` (trap 3)."""

    def __init__(self, call: Call, settings: ProcoreSettings) -> None:
        self.settings = settings
        self.company = settings.company_id
        self.subcontracts: set[str] = set()
        """Ids of contracts that are known to be subcontracts, which have a path of their own; the others are not."""
        self._call = call
        self._url = settings.url.rstrip("/")
        self._read_headers = {"Procore-Company-Id": settings.company_id, "Accept": "application/json"}
        self._write_headers = {**self._read_headers, "Content-Type": "application/json"}

    def get(self, path: str, query: Query, decoder: msgspec.json.Decoder[T], place: Place) -> T:
        """One answer; an error of the tree when it is refused or has a form we do not know."""
        return self._decoded(self._fetch(self._address(path, query), place), decoder, place)

    def pages(
        self, path: str, query: Query, decoder: msgspec.json.Decoder[list[T]], place: Place, cap: int = 2000
    ) -> list[T]:
        """All rows of a v1 list; `cap` is the most rows the endpoint gives in one page."""
        size = min(self.settings.page_size, cap)

        def fetch(page: int) -> WireReply:
            paged = [*query, ("page", str(page)), ("per_page", str(size))]
            return self._fetch(self._address(path, paged), place)

        def decode(reply: WireReply) -> list[T]:
            body = unwrapped(reply) if path.startswith("/rest/v2") else reply
            return self._decoded(body, decoder, place)

        return read_all(fetch, decode, self.settings.max_pages, place)

    def write(self, method: str, path: str, body: Body | None, decoder: msgspec.json.Decoder[T], place: Place) -> T:
        """A change that may not be sent twice: what the answer says, or OutcomeUnknown when that cannot be told."""
        return self._understood(self._sent(method, path, body, place, safe=False), decoder, place)

    def upsert(self, path: str, body: msgspec.Struct, decoder: msgspec.json.Decoder[T], place: Place) -> T:
        """A PATCH that may be sent again: rows are found by their once-key, or combination."""
        return self._understood(self._sent("PATCH", path, body, place, safe=True), decoder, place)

    def remove(self, path: str, place: Place) -> None:
        """Deletes a record; one that is gone already counts as deleted."""
        reply = self._call(WireRequest("DELETE", self._url + path, self._read_headers, None, True))
        if reply.status >= 300 and reply.status != 404:
            fail(reply, place, safe=True)

    def _sent(self, method: str, path: str, body: Body | None, place: Place, *, safe: bool) -> WireReply:
        headers = self._read_headers if body is None else self._write_headers
        content = None if body is None else _encoder.encode(body)
        reply = self._call(WireRequest(method, self._url + path, headers, content, safe))
        if reply.status >= 300:
            fail(reply, place, safe=safe)
        return unwrapped(reply) if path.startswith("/rest/v2") else reply

    def _understood(self, reply: WireReply, decoder: msgspec.json.Decoder[T], place: Place) -> T:
        try:
            return decoder.decode(reply.body)
        except msgspec.DecodeError as error:
            raise OutcomeUnknown(
                f"Procore answered a change of {place.what} in a form we do not know: {error}",
                reference=reference(reply) or None,
            ) from None

    def _address(self, path: str, query: Query) -> str:
        return f"{self._url}{path}?{urlencode(query)}" if query else self._url + path

    def _fetch(self, url: str, place: Place) -> WireReply:
        reply = self._call(WireRequest("GET", url, self._read_headers, None, True))
        if reply.status >= 300:
            fail(reply, place, safe=True)
        return reply

    def _decoded(self, reply: WireReply, decoder: msgspec.json.Decoder[T], place: Place) -> T:
        try:
            return decoder.decode(reply.body)
        except msgspec.DecodeError as error:
            raise NameMissing(
                f"Procore's answer about {place.what} has a form we do not know: {error}",
                remedy="Report this: Procore's interface may have changed.",
                reference=reference(reply) or None,
            ) from None


def unwrapped(reply: WireReply) -> WireReply:
    """A v2 reply with the content of `data` as its body; as it is when there is no wrapper."""
    try:
        return WireReply(reply.status, reply.headers, bytes(_data.decode(reply.body).data))
    except msgspec.DecodeError:
        return reply
