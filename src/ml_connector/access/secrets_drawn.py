"""Secrets we draw ourselves: cookies, tokens and words of links; only their hashes are kept."""

from __future__ import annotations

import secrets
from hashlib import sha256


def drawn(prefix: str = "") -> str:
    """A new secret of 256 bits of chance, fit for addresses and headers."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept of a secret. It is long and drawn by us, so a plain SHA-256 is enough."""
    return sha256(secret.encode(errors="surrogatepass")).digest()
