"""The mapping's notation in words people use: `A=411* -> M` is code part A 411* → M."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ml_connector.planning.mapping import PARTS

EMPTY = "(empty)"
"""How a pattern that fits an empty value alone is typed, and how an empty value is shown."""

_NAMES: Mapping[str, str] = {
    **{part: f"code part {part}" if len(part) == 1 else part.replace("_", "-") for part in PARTS},
    "element": "cost element",
    "cost_code": "cost code",
    "cost_type": "cost type",
    "budget_code": "budget cost code",
    "budget_type": "budget cost type",
    "project": "project",
    "to": "leads to",
}
_PART = "|".join(_NAMES)
_PAIRS = re.compile(rf"(?<![^\s(])(?:{_PART})=\S*(?: (?!->)(?:{_PART})=\S*)*")
_HELD = re.compile(r"(cost_code|cost_type|budget_code|budget_type) (?=\S+=)")
_SETTING = re.compile(r"(parts|join|otherwise) (.*)", re.DOTALL)
_OTHERWISE = {"refuse": "the document is held", "same": "the values are the code"}


def part_name(part: str, capital: bool = False) -> str:
    """`code part A`, `cost element`: what people call something a row may look at; `capital` for a large letter."""
    return _large(_NAMES.get(part, part.replace("_", " ")), capital)


def code_words(text: str, capital: bool = False) -> str:
    """A row, what a hold looked at, or a sentence that names such, in words; `capital` makes the first letter large.

    `cost_code=01-* cost_type=M` becomes cost code 01-*, cost type M; a hold's key begins with what it wants.
    """
    held = _HELD.match(text)
    if held:
        text = f"{part_name(held[1])} for {text[held.end() :]}"
    said = _PAIRS.sub(lambda run: ", ".join(_pair(one) for one in run[0].split(" ")), text).replace(" -> ", " → ")
    return _large(said, capital)


def setting_words(text: str) -> str:
    """A setting of a table in words: `otherwise refuse` is what happens where no row fits."""
    found = _SETTING.fullmatch(text)
    if found is None:
        return text
    if found[1] == "parts":
        return f"Looks at {', '.join(part_name(part) for part in found[2].split(', '))}"
    if found[1] == "join":
        return f"Between several values: {found[2][1:-1] or 'nothing'}"
    return f"Where no row fits: {_OTHERWISE.get(found[2], found[2])}"


def _large(text: str, capital: bool) -> str:
    return text[:1].upper() + text[1:] if capital else text


def _pair(text: str) -> str:
    part, _, value = text.partition("=")
    closing = ")" if value.endswith(")") and "(" not in value else ""
    value = value.removesuffix(")") if closing else value
    return f"{part_name(part)} {'empty' if value in ('', EMPTY) else value}{closing}"
