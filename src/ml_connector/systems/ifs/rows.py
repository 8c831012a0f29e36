"""One row as it came, read by our words: text, number and day, or a Reject that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import decimal_of, known_currency
from ml_connector.records.problem import Problem, Reject
from ml_connector.systems.ifs.set_profile import SetProfile

_values = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
"""Numbers with a point become Decimals at once: without IEEE754Compatible some tenants send bare numbers."""

_CODES = tuple((letter, f"code_{letter.lower()}") for letter in "ABCDEFGHIJ")

_YES = frozenset({"TRUE", "YES", "Y", "1"})

_Record = TypeVar("_Record")


class Row:
    """A row under its profile. Every reader raises Reject, naming the tenant's property."""

    __slots__ = ("_values", "_where")

    def __init__(self, raw: msgspec.Raw | bytes, where: SetProfile) -> None:
        """Raises Reject when `raw` is no JSON object."""
        self._where = where
        try:
            self._values: dict[str, Any] = _values.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Reject("it is no JSON object") from None

    def text(self, word: str) -> str:
        """The text, trimmed at its end; empty when null, absent or switched off. Numbers come as their text."""
        value = self._values.get(self._where.name(word))
        if isinstance(value, str):
            return value.rstrip()
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise Reject(f"{self._where.name(word)} is no text")
        return str(value)

    def required(self, word: str) -> str:
        """The text; Reject when it is empty."""
        value = self.text(word)
        if not value:
            raise Reject(f"{self._where.name(word)} is empty")
        return value

    def number(self, word: str, default: Decimal | None = None) -> Decimal:
        """The exact number; `default` when it is null or absent, Reject when there is no default."""
        value = self._values.get(self._where.name(word))
        if value is None or value == "":
            if default is None:
                raise Reject(f"{self._where.name(word)} is empty")
            return default
        try:
            return decimal_of(value, self._where.name(word))
        except BadInput as error:
            raise Reject(error.sentence.rstrip(".")) from None

    def whole(self, word: str) -> int:
        """The whole number; Reject when it is empty or none."""
        value = self.number(word)
        if value != value.to_integral_value():
            raise Reject(f"{self._where.name(word)} is no whole number")
        return int(value)

    def currency(self, word: str) -> str:
        """The currency code; Reject when it is empty or none of ISO 4217."""
        try:
            return known_currency(self.required(word), "its currency")
        except BadInput as error:
            raise Reject(error.sentence.rstrip(".")) from None

    def codes(self) -> tuple[tuple[str, str], ...]:
        """The code parts that are filled, by letter, A to J."""
        return tuple((letter, value) for letter, word in _CODES if (value := self.text(word)))

    def activity(self) -> str:
        """The activity sequence; empty where there is none, which some tenants write as 0."""
        value = self.text("activity")
        return "" if value == "0" else value

    def flag(self, word: str) -> bool:
        """Whether it is true, or says yes: databases of IFS hold TRUE and FALSE, Yes and No, or Y and N (facts 5.3)."""
        value = self._values.get(self._where.name(word))
        return value is True or (isinstance(value, str) and value.strip().upper() in _YES)

    def day(self, word: str) -> date | None:
        """The day of a date or a timestamp. A `Z` is not believed: IFS writes local time before it (facts 5.4)."""
        value = self.text(word)
        if not value:
            return None
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            raise Reject(f"{self._where.name(word)} is no date: {value[:40]!r}") from None


def parsed(
    raws: Iterable[msgspec.Raw], parse: Callable[[Row], _Record], where: SetProfile, kind: str
) -> tuple[list[_Record], list[Problem]]:
    """The records of `raws`, and a Problem of that `kind` for each row that `parse` rejects."""
    records: list[_Record] = []
    problems: list[Problem] = []
    for raw in raws:
        row: Row | None = None
        try:
            row = Row(raw, where)
            records.append(parse(row))
        except Reject as why:
            problems.append(problem(kind, _name(row, where), str(why), raw))
    return records, problems


def problem(kind: str, name: str, why: str, *raws: msgspec.Raw) -> Problem:
    """The Problem of a row; `why` is a clause without a full stop."""
    text = "\n".join(bytes(raw).decode("utf-8", "replace") for raw in raws)
    return Problem(Key(kind, name), f"IFS sent {kind.replace('_', ' ')} {name or 'without a key'}, but {why}.", text)


def _name(row: Row | None, where: SetProfile) -> str:
    if row is None:
        return ""
    try:
        return "/".join(row.text(word) for word in where.keys)
    except Reject:
        return ""
