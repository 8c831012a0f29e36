"""Firms' names and numbers made comparable: legal forms, punctuation and spelling habits taken away."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from cleanco import basename
from rapidfuzz import fuzz
from stdnum.au import abn
from stdnum.us import ein

_AND = re.compile(r"\s*(?:&|\+)\s*")
_NOT_WORD = re.compile(r"[^0-9a-z ]+")
_SPACES = re.compile(r"\s+")
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}")


@lru_cache(maxsize=65_536)
def normal_name(name: str) -> str:
    """`Hollis & Webb Concrete, Inc.` and `HOLLIS AND WEBB CONCRETE INCORPORATED` become the same text.

    Legal forms go by the cleanco library's lists; accents, case and punctuation go; `&` is spelled `and`.
    """
    text = unicodedata.normalize("NFKD", name).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = _DOTTED.sub(lambda found: found.group().replace(".", ""), text)
    text = _without_legal_form(text)  # first with `&` as written: `GmbH & Co. KG` is one form
    text = _without_legal_form(_AND.sub(" and ", text))
    text = _SPACES.sub(" ", _NOT_WORD.sub(" ", text)).strip()
    return text.removesuffix(" and")


def _without_legal_form(text: str) -> str:
    previous = ""
    while text != previous:
        previous = text
        text = basename(text).strip(" ,.-&")
    return text


def nearness(one: str, other: str) -> int:
    """How alike two normalised names are, 0 to 100: words in any order, small differences forgiven (rapidfuzz)."""
    return round(fuzz.token_sort_ratio(one, other))


def normal_number(number: str | None, country: str | None) -> str | None:
    """A tax or company number without its punctuation, or None when it is none.

    A valid US EIN or Australian ABN is named as such, so that equal digits of two registers do not match.
    """
    if not number:
        return None
    digits = re.sub(r"[^0-9A-Za-z]", "", number).upper()
    if len(digits) < 5 or len(set(digits)) == 1:
        return None
    if country == "AU" and abn.is_valid(digits):
        return f"AU{digits}"
    if country in (None, "", "US") and ein.is_valid(digits):
        return f"US{digits}"
    return f"{country or ''}{digits}"


def bare_number(number: object) -> str:
    """A tax number by its digits and letters alone: `42-6433012` and `426433012` are one number."""
    return re.sub(r"[^0-9A-Z]", "", str(number or "").upper())


def plain_number(number: str) -> str:
    """A document's number made comparable: `INV-0088`, `inv 88` and `Inv.88` are the same; empty when nothing is left.

    Case, blanks and punctuation go, and zeros before a group of digits.
    """
    text = re.sub(r"[^0-9a-z]+", " ", number.casefold())
    groups = re.findall(r"[a-z]+|[0-9]+", text)
    return "".join(group.lstrip("0") or "0" if group.isdigit() else group for group in groups)
