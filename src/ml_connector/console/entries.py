"""What is wrong with an entry, in words of the form it was typed into."""

from __future__ import annotations

import re

_LABELS = {
    "as": "The kind of file",
    "days": "How long it holds",
    "down": "The order",
    "note": "Why",
    "number": "The number",
    "q": "What is looked for",
    "scopes": "What it may",
    "sort": "The order",
    "token": "The number of the token",
    "zone": "The time zone",
}
"""Name of a field to what forms call it, where it is not the name itself."""
_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$(?:\.(?P<field>\w+))?.*`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_LENGTH = re.compile(r"Expected `(\w+)` of length (>=|<=) (\d+)")
_BOUND = re.compile(r"Expected `(?:int|float|decimal)` (>=|<=|>|<) (-?\d+)")
_KIND = re.compile(r"Expected `([^`]+)`")
_KINDS = {
    "int": "must be a whole number",
    "float": "must be a number",
    "decimal": "must be an amount such as 1234.50",
    "bool": "must be yes or no",
    "date": "must be a day such as 2026-11-27",
    "datetime": "must be a moment such as 2026-11-27T14:05",
    "array": "must be chosen from the list",
}


def off(message: str) -> str:
    """A sentence on what is wrong with an entry, from what the reader of entries said of it."""
    found = _MESSAGE.fullmatch(message)
    what, field = (found["what"], found["field"] or "") if found else (message, "")
    missing = _MISSING.fullmatch(what)
    if missing:
        return f"{label(missing[1])} is missing."
    called = label(field) if field else "An entry"
    length, bound, kind = _LENGTH.fullmatch(what), _BOUND.fullmatch(what), _KIND.match(what)
    if length:
        return f"{called}: {_of_length(*length.groups())}."
    if what.startswith("Integer value out of range") or (bound and bound[1] == "<=" and int(bound[2]) > _LARGE):
        return f"{called} is too large."
    if bound:
        return f"{called} must be a whole number, {_BOUNDS[bound[1]]} {int(bound[2]):,}."
    if what.startswith("Invalid enum value"):
        return f"{called} is none of the choices."
    return f"{called} {_KINDS.get(kind[1].partition(' ')[0], 'cannot be used') if kind else 'cannot be used'}."


def label(field: str) -> str:
    """What forms call a field: `Run` for `run`, `Time zone` for `time_zone`."""
    return _LABELS.get(field, field.replace("_", " ").capitalize())


_LARGE = 10**9
"""Above this a bound is only that of the machine."""
_BOUNDS = {">=": "at least", "<=": "at most", ">": "above", "<": "below"}


def _of_length(kind: str, way: str, number: str) -> str:
    if kind == "array":
        return f"choose {_BOUNDS[way]} {'one' if number == '1' else number}"
    if way == "<=":
        return f"at most {int(number):,} characters"
    return "type something" if number == "1" else f"at least {number} characters"
