"""The key that seals the secrets: from a variable or a file nobody else can read, made on first use, rotated."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ml_connector.kernel.errors import KeyTrouble

VARIABLE = "ML_CONNECTOR_KEY"
"""Base64 of 32 bytes. Several keys with spaces between: the first seals, all of them open (docs/operating.md, Keys)."""

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


class Rotation(NamedTuple):
    """A change of keys under way."""

    ring: KeyRing
    drop: bool
    """Whether the former key may go from the file once nothing is sealed with it."""


def open_ring(path: Path, environ: Mapping[str, str], *, may_make: bool) -> KeyRing:
    """The keys from the variable if it is set, else from the file at `path` and, only to open with, the one beside it
    that is prepared to be the next.

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
    following = _prepared(path)  # looked at first: it goes from there into the key file
    return KeyRing(_parsed(_read(path), str(path)) + following)


def make_key_file(path: Path) -> None:
    """Makes a file with a new key, mode 0600; when somebody else just made one, theirs stays."""
    with _beside(path, [_new_key()]) as fresh, suppress(FileExistsError):
        os.link(fresh, path)


def next_file(path: Path) -> Path:
    """Where the key that is to follow the one at `path` is prepared."""
    return path.with_name(f"{path.name}.next")


def prepare_rotation(path: Path, environ: Mapping[str, str]) -> SealingKey:
    """The next key, in a file of its own beside the key file; made unless it is there. It opens, and seals nothing yet.

    Where several machines have a copy of the key file, each gets a copy of this one before the key is rotated. Raises
    KeyTrouble where the key is in the variable, or there is none.
    """
    if environ.get(VARIABLE, "").strip():
        raise _one_in_variable()
    if not path.exists():
        raise KeyTrouble(f"The key file {path} is missing.", remedy="Run `ml-connector init` first.")
    make_key_file(next_file(path))
    return _prepared(path)[0]


def begin_rotation(path: Path, environ: Mapping[str, str], elsewhere: Sequence[str] = ()) -> Rotation:
    """The keys to seal everything anew with: those of the variable, or of the file with the prepared key, or a new one,
    put in front.

    `elsewhere` names hosts on which others work: they must have the prepared key, and may go on sealing with the former
    one until this is called again. So it goes on after a break in the middle, too. Raises KeyTrouble.
    """
    if environ.get(VARIABLE, "").strip():
        given = _parsed(environ[VARIABLE], VARIABLE)
        if len(given) == 1:
            raise _one_in_variable()
        return Rotation(KeyRing(given), drop=False)
    keys = _parsed(_read(path), str(path))
    again = len(keys) > 1
    held = {key.id for key in keys}
    fresh = [key for key in _prepared(path) if key.id not in held]
    if not again:
        if elsewhere and not fresh:
            raise KeyTrouble(
                f"Processes on other hosts ({', '.join(elsewhere)}) could not open what a new key seals.",
                remedy="Run `ml-connector vault rotate --prepare`, and give them the file it names first.",
            )
        keys = [*(fresh or [_new_key()]), *keys]
        with _beside(path, keys) as written:
            written.replace(path)
        fresh = []
    if not fresh:  # what was prepared is in the key file by now
        next_file(path).unlink(missing_ok=True)
    return Rotation(KeyRing(keys), drop=again or not elsewhere)


def end_rotation(path: Path) -> KeyRing:
    """Drops every key but the current one from the file; only once nothing is sealed with the others."""
    current = _parsed(_read(path), str(path))[:1]
    with _beside(path, current) as fresh:
        fresh.replace(path)
    return KeyRing(current)


def _one_in_variable() -> KeyTrouble:
    """Why a key in the variable is not rotated from here."""
    return KeyTrouble(
        f"The sealing key is in {VARIABLE}, which holds no other one to rotate to.",
        remedy=f"Put a new key (`openssl rand -base64 32`) behind it, after a space, wherever {VARIABLE} is set; "
        "then in front of it; then run `ml-connector vault rotate`; then take the former one out.",
    )


def _prepared(path: Path) -> list[SealingKey]:
    """The key that is to follow, if there is one."""
    try:
        return _parsed(_read(next_file(path)), str(next_file(path)))[:1]
    except KeyTrouble:
        if next_file(path).exists():
            raise
        return []


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
