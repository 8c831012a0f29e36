"""Reading over OData as IFS speaks it: addresses, literals, and pages that neither lose nor repeat rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import msgspec

from ml_connector.kernel.errors import NameMissing, Refused
from ml_connector.systems.ifs.answers import accepted, not_odata, refusal
from ml_connector.systems.ifs.set_profile import SetProfile
from ml_connector.systems.wire import Call, WireReply, WireRequest

JSON = {"accept": "application/json;IEEE754Compatible=true"}
"""Decimals come as strings, exactly (facts/ifs.md 4)."""
FULL = {"accept": "application/json;odata.metadata=full;IEEE754Compatible=true"}
"""Nested rows carry their ETag only with full metadata (facts/ifs.md 4)."""

_MOST_PAGES = 20_000
_USUAL_CUTS = frozenset({25, 50, 100, 200, 250, 256, 500, 512, 1000, 1024, 2000, 2048, 2500})
"""A page may be cut without a link (facts/ifs.md 6.1); at these lengths a short page is not believed to be the last."""
_SAFE = "$'()*,:=@!/-._~"
_SAFE_IN_KEY = "'=,()-._~:"


def text_literal(value: str) -> str:
    """A string literal: a single quote is doubled."""
    return "'" + value.replace("'", "''") + "'"


def enum_literal(projection: str, enum: str, member: str) -> str:
    """A qualified enum literal; plain strings are answered with 400 (facts/ifs.md 6)."""
    return f"IfsApp.{projection}.{enum}'{member}'"


def row_path(entity_set: str, key: Mapping[str, str]) -> str:
    """`Set(Key='value',...)`; the values are literals already."""
    inside = ",".join(f"{name}={value}" for name, value in key.items())
    return quote(f"{entity_set}({inside})", safe=_SAFE_IN_KEY)


def any_of(name: str, values: Iterable[str], room: int = 4500, *, number: bool = False) -> list[str]:
    """Conditions `Name eq 'a' or Name eq 'b'` that cover `values`, each short enough for an address of about 6 kB.

    With `number` the property is one: literals are not quoted, and values that are no whole number are left out.
    """
    if number:
        values = [value for value in values if value.isascii() and value.isdecimal()]
    found: list[str] = []
    parts: list[str] = []
    used = 0
    for value in dict.fromkeys(values):
        part = f"{name} eq {value if number else text_literal(value)}"
        cost = len(quote(part, safe=_SAFE)) + len("%20or%20")
        if parts and used + cost > room:
            found.append(" or ".join(parts))
            parts, used = [], 0
        parts.append(part)
        used += cost
    return [*found, " or ".join(parts)] if parts else found


class Reading(msgspec.Struct, frozen=True):
    """One set to be read in the order of its key: where, which properties, which rows."""

    address: str
    what: str
    """For messages: `read projects`."""
    keys: tuple[str, ...]
    select: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    """Those of `keys` that are numbers."""
    filter: str = ""
    expand: str = ""
    """A single-valued reference that comes along, with its own `$select` (facts/ifs.md 6)."""


class Page(msgspec.Struct, frozen=True):
    """Rows as they came, the key of each (None where a row has none), and where the next page is, if anywhere."""

    rows: list[msgspec.Raw]
    keys: list[tuple[str | int | None, ...]]
    link: str | None
    more: bool


class _Envelope(msgspec.Struct):
    value: list[msgspec.Raw]
    link: str | None = msgspec.field(name="@odata.nextLink", default=None)


_envelopes = msgspec.json.Decoder(_Envelope)


@lru_cache(maxsize=64)
def _key_decoders(keys: tuple[str, ...]) -> tuple[Any, Any]:
    """Decoders of the keys of a whole page at once, and of one row."""
    fields: list[tuple[str, Any, Any]] = [(name, str | int | None, None) for name in keys]
    row = msgspec.defstruct("KeyRow", fields)
    page = msgspec.defstruct("KeyPage", [("value", list[row])])  # type: ignore[valid-type]
    return msgspec.json.Decoder(page), msgspec.json.Decoder(row)


class Odata:
    """One tenant's OData service, read by a `Call`. Every method raises errors of the kernel's tree."""

    def __init__(self, call: Call, url: str, channel: str, page_size: int) -> None:
        """`url` is scheme and host of the tenant; `channel` int or main."""
        self.call = call
        self.page_size = page_size
        self._root = url.rstrip("/")
        self._channel = channel

    def service(self, projection: str, service: str = "projection") -> str:
        """Address of a projection, or of an entity service (only under /int), with a slash at its end."""
        channel = "int" if service == "entity" else self._channel
        return f"{self._root}/{channel}/ifsapplications/{service}/v1/{projection}.svc/"

    def address(self, where: SetProfile) -> str:
        """Address of a set."""
        return self.service(where.projection, where.service) + where.entity_set

    def get(self, url: str, what: str, headers: Mapping[str, str] = JSON) -> bytes:
        """The body at `url`; raises when the answer is no success."""
        return self.body_of(self.call(WireRequest("GET", url, headers=headers, safe=True)), what)

    def body_of(self, reply: WireReply, what: str) -> bytes:
        """The body of the answer to a read; raises when it is no success."""
        if reply.status == 400:  # a read that is refused means a name or habit the tenant does not share
            error = refusal(reply, what)
            if type(error) is Refused:
                raise NameMissing(error.sentence, reference=error.reference)
            raise error
        return accepted(reply, what).body

    def find(self, url: str, what: str, headers: Mapping[str, str] = JSON) -> WireReply | None:
        """The answer at `url`, or None when there is no such row (404)."""
        reply = self.call(WireRequest("GET", url, headers=headers, safe=True))
        return None if reply.status == 404 else accepted(reply, what)

    def reading(self, where: SetProfile, what: str, filter_: str = "") -> Reading:
        """A reading of all a profile's properties of its set."""
        keys = tuple(where.name(word) for word in where.keys)
        numbers = tuple(where.name(word) for word in where.number_keys)
        return Reading(self.address(where), what, keys, where.select(), numbers, filter_)

    def below(self, where: SetProfile, above: Mapping[str, str], what: str, filter_: str = "") -> Reading:
        """A reading of the rows at `where.nav` below one row, whose key `above` gives by our words, as literals."""
        path = row_path(where.entity_set, {where.above[word]: value for word, value in above.items()})
        reading = self.reading(where, what, filter_)
        address = f"{self.service(where.projection, where.service)}{path}/{where.nav}"
        return msgspec.structs.replace(reading, address=address)

    def fetch(self, reading: Reading, beyond: str = "") -> Page:
        """One page from where the condition `beyond` begins; see `after` and `from_`."""
        return self._page(reading, self.url(reading, beyond))

    def follow(self, reading: Reading, link: str) -> Page:
        """The page a nextLink names. Links are relative, or absolute with the server's own idea of its host."""
        if link.startswith("?"):
            return self._page(reading, reading.address + link)
        service = reading.address.split(".svc/", 1)[0] + ".svc/"
        return self._page(reading, service + link.rpartition(".svc/")[2].lstrip("/"))

    def pages(self, reading: Reading) -> Iterator[Page]:
        """Every page of a reading. Raises Refused when the server repeats itself."""
        page, seen = self.fetch(reading), None
        for _ in range(_MOST_PAGES):
            if page.rows and page.keys[0] == seen:
                break
            seen = page.keys[0] if page.keys else None
            if page.rows:
                yield page
            if page.link is None and not page.more:
                return
            if page.link is not None:
                page = self.follow(reading, page.link)
            else:
                page = self.fetch(reading, after(reading, page.keys[-1]))
        raise Refused(f"IFS could not {reading.what}: the server sends the same page again and again.")

    def rows(self, reading: Reading) -> Iterator[msgspec.Raw]:
        """Every row of a reading."""
        for page in self.pages(reading):
            yield from page.rows

    def url(self, reading: Reading, beyond: str = "") -> str:
        """The address of one page of a reading, from where the condition `beyond` begins."""
        conditions = [f"({part})" if " or " in part else part for part in (reading.filter, beyond) if part]
        query = [
            f"$select={','.join(reading.select)}" if reading.select else "",
            f"$expand={reading.expand}" if reading.expand else "",
            f"$filter={quote(' and '.join(conditions), safe=_SAFE)}" if conditions else "",
            f"$orderby={','.join(reading.keys)}",
            f"$top={self.page_size}",
        ]
        return f"{reading.address}?{'&'.join(part for part in query if part)}"

    def _page(self, reading: Reading, url: str) -> Page:
        return self.page_of(reading, self.get(url, reading.what))

    def page_of(self, reading: Reading, body: bytes) -> Page:
        """The page in the body of an answer."""
        try:
            envelope = _envelopes.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise not_odata(reading.what) from None
        rows = envelope.value
        more = len(rows) >= self.page_size or len(rows) in _USUAL_CUTS
        return Page(rows, _keys_of(body, rows, reading), envelope.link, more)


def _keys_of(body: bytes, rows: Sequence[msgspec.Raw], reading: Reading) -> list[tuple[str | int | None, ...]]:
    whole, one = _key_decoders(reading.keys)
    try:
        return [msgspec.structs.astuple(row) for row in whole.decode(body).value]
    except msgspec.ValidationError:
        return [_key_of(row, one, len(reading.keys)) for row in rows]


def _key_of(row: msgspec.Raw, decoder: Any, width: int) -> tuple[str | int | None, ...]:
    try:
        return msgspec.structs.astuple(decoder.decode(row))
    except msgspec.ValidationError:
        return (None,) * width


def after(reading: Reading, key: Sequence[str | int | None]) -> str:
    """The condition for rows behind `key` in key order. Raises Refused when the last row of a page has no key."""
    if any(part is None for part in key):
        raise Refused(f"IFS could not {reading.what}: the last row of a page has no key.")
    cases = []
    for place, name in enumerate(reading.keys):
        equal = [f"{reading.keys[n]} eq {_literal(reading, n, key[n])}" for n in range(place)]
        case = " and ".join([*equal, f"{name} gt {_literal(reading, place, key[place])}"])
        cases.append(f"({case})" if place else case)
    return " or ".join(cases)


def _literal(reading: Reading, place: int, value: str | int | None) -> str:
    return str(value) if reading.keys[place] in reading.numbers else text_literal(str(value))
