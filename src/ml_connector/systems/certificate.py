"""Until when a host's certificate is good, read from the handshake of a live connection."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

SECONDS = 10.0
"""How long connecting and the handshake may take, each."""

_VERSION, _YEAR_OF_FOUR = 0xA0, 0x18
"""Tags of a certificate's version, and of a time with four digits for the year; other times have two (X.690)."""


def good_until(url: str) -> datetime | None:
    """When the certificate of the host in `url` ends, in UTC; None where there is none to be read.

    That is so for plain http, and for a host that does not answer us directly. Whether the certificate is to be trusted
    is not asked here: every request of a run asks that.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as secure,
        ):
            shown = secure.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None
    return end_of(shown) if shown else None


def end_of(certificate: bytes) -> datetime | None:
    """The end of an X.509 certificate in DER (RFC 5280 4.1.2.5); None for what is none.

    Read by hand, because Python tells it only of a certificate that is trusted, and one that is over is not.
    """
    try:
        _, whole = next(_parts(certificate))
        _, signed = next(_parts(whole))
        parts = [part for part in _parts(signed) if part[0] != _VERSION]
        validity = parts[3][1]  # behind serial number, algorithm and issuer
        tag, text = list(_parts(validity))[1]
        digits = text.decode("ascii").rstrip("Z")
        if tag != _YEAR_OF_FOUR:
            digits = ("19" if digits[:2] >= "50" else "20") + digits
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except (IndexError, ValueError, StopIteration):
        return None


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The values in some DER content, each with its tag. IndexError where it is cut off."""
    at = 0
    while at < len(content):
        tag, size, at = content[at], content[at + 1], at + 2
        if size & 0x80:
            width = size & 0x7F
            size, at = int.from_bytes(content[at : at + width], "big"), at + width
        if at + size > len(content):
            raise IndexError(at)
        yield tag, content[at : at + size]
        at += size
