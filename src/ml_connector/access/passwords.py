"""Passwords: how they are hashed and checked, and which are too easy to guess."""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ml_connector.kernel.errors import BadInput

LEAST, MOST = 12, 200
"""Characters a password has."""
DIFFERENT = 5
"""Different characters it has at least."""

_AT_ONCE = threading.BoundedSemaphore(8)
"""Each hash takes 19 MiB while it is made: no more than so many at a time."""
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""argon2id at a cost that OWASP's password storage page names as enough, so that many may sign in at 08:00."""

_WORDS = (
    "password passwort motdepasse contrasena parola secret geheim default letmein welcome willkommen "
    "bienvenue changeme changeit change iloveyou ilove loveyou admin administrator root user guest login "
    "signin master superman batman spiderman dragon monkey sunshine princess football baseball basketball "
    "soccer hockey shadow michael jordan charlie qwerty qwertyuiop qwertz qwertzuiop azerty azertyuiop "
    "asdfgh asdfghjkl zxcvbn zxcvbnm trustno test testing testtest abc abcd abcdef abcdefgh abcdefghijkl "
    "starwars pokemon freedom whatever computer internet samsung google microsoft summer winter spring "
    "autumn sommer herbst january february march april june july august september october november "
    "december monday friday company office accounting accountant finance controller construction "
    "contractor builder building project projects procore ifs ifscloud connector mlconnector erp invoice "
    "money payment correcthorsebatterystaple thisismypassword mypassword nopassword passwordpassword "
    "adminadmin welcomewelcome hello helloworld goodmorning"
)
COMMON = frozenset(_WORDS.split())
"""The commonest words passwords are made of; figures and signs before and behind them do not make them better."""

_LIKE = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_ROWS = ("01234567890", "09876543210", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop")


def hashed(password: str) -> str:
    """argon2id of a password, with a salt of its own and its cost."""
    with _AT_ONCE:
        return _HASHER.hash(_octets(password))


def fits(kept: str, password: str) -> bool:
    """Whether a password is the one of that hash. For an empty hash False, after as long as for any other."""
    if len(password) > MOST:
        return False
    with _AT_ONCE:
        try:
            good = _HASHER.verify(kept or _nobodys(), _octets(password))
        except (VerificationError, InvalidHashError):
            return False
    return good and bool(kept)


def outdated(kept: str) -> bool:
    """Whether a hash was made at another cost than today's."""
    return _HASHER.check_needs_rehash(kept)


def check(password: str, name: str, *others: str) -> None:
    """BadInput, with what to do, for a password that is too short or too easy; `others`: title and e-mail of its user.

    No kinds of characters are demanded: length and being no common word are what makes guessing slow.
    """
    plain = _one_form(password)
    if len(plain) < LEAST:
        raise BadInput(
            f"A password has at least {LEAST} characters; this one has {len(plain)}.",
            remedy="Take a few words that do not belong together.",
        )
    if len(password) > MOST:
        raise BadInput(f"A password has at most {MOST} characters.", remedy="Take a shorter one.")
    if any(unicodedata.category(one) == "Cc" for one in plain):
        raise BadInput("The password has control characters in it.", remedy="Type it again.")
    low = plain.casefold()
    whose = {re.sub(r"[\W_]", "", word.casefold()) for other in (name, *others) for word in re.split(r"[@\s]", other)}
    if any(len(word) > 2 and word in re.sub(r"[\W_]", "", low) for word in whose):
        raise BadInput("The password has the user's own name in it.", remedy="Take words nobody connects with them.")
    if len(set(low)) < DIFFERENT or _is_common(low):
        raise BadInput(
            "This password is one of the first that are tried.", remedy="Take a few words that do not belong together."
        )


def _is_common(low: str) -> bool:
    """Whether nothing is left of a password once common words, rows of keys, figures and signs are taken out."""
    for text in (low, low.translate(_LIKE)):
        left = re.sub(r"[^a-z]", "", text) if re.fullmatch(r"[\x20-\x7e]*", text) else text
        if left in COMMON:
            return True
        for word in sorted(COMMON, key=len, reverse=True):
            if len(word) > 3:
                left = left.replace(word, "")
        for row in _ROWS:
            for size in range(len(row), 3, -1):
                for start in range(len(row) - size + 1):
                    left = left.replace(row[start : start + size], "")
        if len(left) < 4:
            return True
    return False


def _one_form(password: str) -> str:
    """The same characters however a keyboard composes them."""
    return unicodedata.normalize("NFKC", password)


def _octets(password: str) -> bytes:
    return _one_form(password).encode(errors="surrogatepass")


@lru_cache(maxsize=1)
def _nobodys() -> str:
    """A hash no password fits, with which the time of a check is spent where there is none."""
    return _HASHER.hash("nobody's password, for nobody to sign in with")
