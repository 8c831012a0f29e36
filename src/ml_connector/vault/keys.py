"""The key that seals the secrets: from a variable or a file nobody else can read, made on first use, rotated."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from ml_connector.kernel.errors import KeyTrouble

VARIABLE = "ML_CONNECTOR_KEY"
"""Base64 of 32 bytes; while a key is being rotated the new one first, then the old, with a space between."""

_LENGTH = 32
_LABEL = b"ml-connector key id\x00"


class SealingKey:
    """One AES-256 key; it shows its id, never itself."""

    __slots__ = ("id", "octets")

    def __init__(self, octets: bytes) -> None:
        """From 32 bytes."""
        self.octets = octets
        self.id = sha256(_LABEL + octets).hexdigest()[:16]

    def __repr__(self) -> str:
        """Only the id."""
        return f"SealingKey({self.id})"


class KeyRing:
    """The keys at hand: the first seals, all of them open."""

    __slots__ = ("current", "keys")

    def __init__(self, keys: list[SealingKey]) -> None:
        """From at least one key, the current one first."""
        self.current = keys[0]
        self.keys = {key.id: key for key in keys}

    def __repr__(self) -> str:
        """Only the ids."""
        return f"KeyRing({', '.join(self.keys)})"


def open_ring(path: Path, environ: Mapping[str, str], *, may_make: bool) -> KeyRing:
    """The keys from the variable if it is set, else from the file at `path`.

    `may_make` allows a missing file to be made with a new key; say False once anything is sealed, so that a lost key
    is noticed. Raises KeyTrouble: no key, not base64 of 32 bytes, or a file that others can read.
    """
    if environ.get(VARIABLE, "").strip():
        return KeyRing(_parsed(environ[VARIABLE], VARIABLE))
    if not path.exists():
        if not may_make:
            raise KeyTrouble(
                f"The key file {path} is missing, and secrets are sealed with it.",
                remedy=f"Put the key file back from your own copy, or set {VARIABLE}.",
            )
        make_key_file(path)
    return KeyRing(_parsed(_read(path), str(path)))


def make_key_file(path: Path) -> None:
    """Makes a file with a new key, mode 0600; when somebody else just made one, theirs stays."""
    with _beside(path, [_new_key()]) as fresh, suppress(FileExistsError):
        os.link(fresh, path)


def begin_rotation(path: Path) -> KeyRing:
    """Puts a new key in front of the file's keys and returns them all: seal everything anew with it, then end.

    Called again after a break in the middle, it goes on with the new key that is there already.
    """
    keys = _parsed(_read(path), str(path))
    if len(keys) == 1:
        keys.insert(0, _new_key())
        with _beside(path, keys) as fresh:
            fresh.replace(path)
    return KeyRing(keys)


def end_rotation(path: Path) -> KeyRing:
    """Drops every key but the current one from the file; only once nothing is sealed with the others."""
    current = _parsed(_read(path), str(path))[:1]
    with _beside(path, current) as fresh:
        fresh.replace(path)
    return KeyRing(current)


def _new_key() -> SealingKey:
    """A new key from the system's randomness."""
    return SealingKey(secrets.token_bytes(_LENGTH))


def _parsed(text: str, where: str) -> list[SealingKey]:
    """The keys in a text; KeyTrouble, which never repeats the text, when it holds anything else."""
    keys = []
    for word in text.replace(",", " ").split():
        try:
            octets = base64.b64decode(word, validate=True)
        except (binascii.Error, ValueError):
            octets = b""
        if len(octets) != _LENGTH:
            raise KeyTrouble(
                f"{where} does not hold a key.",
                remedy="A key is the base64 of 32 random bytes, such as `openssl rand -base64 32` prints.",
            )
        keys.append(SealingKey(octets))
    if not keys:
        raise KeyTrouble(f"{where} is empty.", remedy="Put the key back from your own copy.")
    return keys


def _read(path: Path) -> str:
    """The file's text; KeyTrouble unless it is a plain file that nobody else can read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise KeyTrouble(f"The key file {path} cannot be read: {error.strerror}.") from error
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise KeyTrouble(f"{path} is not a plain file.")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise KeyTrouble(
                f"The key file {path} can be read by others (mode {stat.S_IMODE(found.st_mode):04o}).",
                remedy=f"Run `chmod 600 {path}`, and rotate the key if somebody may have read it.",
            )
        if found.st_uid not in (os.geteuid(), 0):
            raise KeyTrouble(f"The key file {path} belongs to somebody else.", remedy="Make its owner this account.")
        return os.read(file, 4096).decode("ascii", "replace")
    finally:
        os.close(file)


@contextmanager
def _beside(path: Path, keys: list[SealingKey]) -> Iterator[Path]:
    """A finished file of keys beside `path`, on the disk for good, to be moved or linked into place."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, b"".join(base64.b64encode(key.octets) + b"\n" for key in keys))
            os.fsync(file)
        finally:
            os.close(file)
        yield fresh
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyTrouble(
            f"The key file {path} cannot be written: {error.strerror}.",
            remedy=f"Make that folder writable, or set {VARIABLE}.",
        ) from error
    finally:
        with suppress(OSError):
            fresh.unlink()
