"""What time a host says it is, by the Date of any answer it gives."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

SECONDS = 10.0
"""How long the host may take."""


def date_of(url: str) -> datetime | None:
    """The host's clock, to the second, in UTC; None where it does not answer or does not say.

    It asks for the root of the host, unsigned: whatever the status, the answer has a Date (RFC 9110 6.6.1).
    """
    parts = urlsplit(url)
    if not parts.hostname:
        return None
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=SECONDS)
    try:
        connection.request("HEAD", "/")
        said = connection.getresponse().getheader("Date")
        return parsedate_to_datetime(said).astimezone(UTC) if said else None
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
