"""Identity of things: the keys we give and the digests we compare."""

from __future__ import annotations

from hashlib import blake2b, sha256
from typing import NamedTuple


class Key(NamedTuple):
    """What a record is called: its kind and its id in the system that bore it."""

    kind: str
    id: str

    def __str__(self) -> str:
        """`kind:id`, as printed in plans and logs."""
        return f"{self.kind}:{self.id}"


def fingerprint(*parts: bytes) -> bytes:
    """Sixteen bytes that change when any part changes; for comparing rows we have seen, never for secrecy."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()


def content_hash(body: bytes) -> bytes:
    """SHA-256 of a body: the name evidence is kept under."""
    return sha256(body).digest()


def once_key(company: str, *parts: str) -> str:
    """The once-key of a record of one ERP company; Procore's origin_id (unique per Procore company and type).

    The ERP company stands first so that two ERP companies may share one Procore company.
    """
    return "/".join((company, *parts))
