"""What is said of many records at once follows what is said of one: no pattern may be left behind by its sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import ml_connector
from ml_connector.engine.reasons import PATTERNS, general

ROOMS = ("flows", "planning")
PARTS = (
    "is left in Procore as it is",
    "left in Procore as it is",
    "stays out of Procore",
    "has no tax code",
    "has tax code X, which IFS does not list",
    "has a status in Procore that we do not know",
    "stands at X in Procore",
    "Invoice X: Posting X",
    "Order",
    "Invoice",
    "go-live day X",
)
"""What is put into the place of a value besides a value: other words of deciding."""


def _sentences() -> Iterator[str]:
    """Every text with a full stop that deciding has, with something in the place of each value."""
    home = Path(ml_connector.__file__).parent
    for path in (found for room in ROOMS for found in sorted((home / room).glob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield _filled(node.values, {})
                places = [n for n, part in enumerate(node.values) if isinstance(part, ast.FormattedValue)]
                first = {places[0]: "Order"} if places else {}
                for place, part in product(places[:3], PARTS):
                    yield _filled(node.values, {place: part})
                    yield _filled(node.values, {**first, place: part})


def _filled(parts: list[ast.expr], given: dict[int, str]) -> str:
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else given.get(n, "X") for n, part in enumerate(parts)
    )


def test_every_pattern_stands_for_a_sentence_that_deciding_says() -> None:
    said = set(_sentences())
    assert len(said) > 500
    behind = [pattern.pattern for pattern, _ in PATTERNS if not any(pattern.fullmatch(one) for one in said)]
    assert behind == []


def test_a_sentence_without_a_pattern_has_none() -> None:
    assert general("Invoice 7 is Cancelled in IFS: left in Procore as it is.") != ""
    assert general("Invoice 7 went for a walk.") == ""
