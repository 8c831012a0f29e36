"""Sealing and opening secrets: AES-256-GCM, each bound to its connection and field."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ml_connector.kernel.errors import KeyTrouble
from ml_connector.vault.keys import KeyRing

_NONCE = 12


class Sealed(NamedTuple):
    """One sealed secret, fit to be kept anywhere: without the key it says nothing."""

    connection_id: int
    field: str
    """Which secret, such as `erp_client_secret`."""
    nonce: bytes
    """12 bytes, new for each sealing."""
    sealed: bytes
    key_id: str


def seal(ring: KeyRing, connection_id: int, field: str, secret: str) -> Sealed:
    """Seals a secret with the current key, for this connection and field only."""
    nonce = secrets.token_bytes(_NONCE)
    body = AESGCM(ring.current.octets).encrypt(nonce, secret.encode(), _bound(connection_id, field))
    return Sealed(connection_id, field, nonce, body, ring.current.id)


def unseal(ring: KeyRing, row: Sealed) -> str:
    """The secret; KeyTrouble when its key is not here, or the row was changed or moved from another place."""
    key = ring.keys.get(row.key_id)
    if key is None:
        raise KeyTrouble(
            f"The secret {row.field!r} was sealed with key {row.key_id}, which is not here.",
            remedy="Put that key back, or set the secret again.",
        )
    try:
        return AESGCM(key.octets).decrypt(row.nonce, row.sealed, _bound(row.connection_id, row.field)).decode()
    except (InvalidTag, ValueError):
        # `from None`: nothing of the inner failure may reach a log.
        raise KeyTrouble(
            f"The secret {row.field!r} cannot be opened: it was changed, or sealed for another connection or field.",
            remedy="Set the secret again.",
        ) from None


def reseal(ring: KeyRing, rows: Iterable[Sealed]) -> list[Sealed]:
    """Every row sealed anew with the current key; rows that already are come back as they were."""
    return [
        row if row.key_id == ring.current.id else seal(ring, row.connection_id, row.field, unseal(ring, row))
        for row in rows
    ]


def _bound(connection_id: int, field: str) -> bytes:
    """What a sealed secret is bound to."""
    return f"ml-connector/{connection_id}:{field}".encode()
