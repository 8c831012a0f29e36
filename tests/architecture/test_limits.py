"""Every module keeps the house limits; and each limit is shown to bite."""

from __future__ import annotations

from pathlib import Path

import pytest

from .house import FUNCTION_LINES, MODULE_LINES, PARAMETERS, ROOT, complaints, modules

GOOD = '''"""Counts what there is to count."""

from enum import Enum


class Side(Enum):
    """Which side of the street."""

    LEFT = "left"
    """Where the sun is in the evening."""


def counted(rows: list[int]) -> int:
    """How many rows there are."""
    return len(rows)
'''


def test_every_module_keeps_the_limits() -> None:
    found = [line for path in modules() for line in complaints(path.relative_to(ROOT), path.read_text("utf-8"))]
    assert found == [], "\n".join(found)


def test_there_is_something_to_look_at() -> None:
    assert len(modules()) > 200


def test_a_good_module_has_nothing_to_complain_about() -> None:
    assert complaints(Path("planning/counting.py"), GOOD) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text + "\n# more" * MODULE_LINES, f"more than {MODULE_LINES}"),
        (
            lambda text: text.replace("    return", "    rows = rows\n" * FUNCTION_LINES + "    return"),
            f"more than {FUNCTION_LINES}",
        ),
        (
            lambda text: text.replace("rows: list[int]", "a: int, b: int, c: int, *, d: int, e: int, f: int, g: int"),
            f"takes 7 parameters, more than {PARAMETERS}",
        ),
        (lambda text: text.replace('"""Counts what there is to count."""\n', "", 1), "does not open with a sentence"),
        (lambda text: text.replace("Counts what there is to count.", "Counting.", 1), "its own name"),
        (lambda text: text.replace("Counts what there is to count.", "The counting module.", 1), "its own name"),
        (lambda text: text.replace("to count.", "to count", 1), "no sentence"),
        (lambda text: text.replace("    return", "    import re\n    return"), "imports inside counted"),
        (
            lambda text: text.replace("class Side", "if TYPE_CHECKING:\n    import re\n\n\nclass Side"),
            "TYPE_CHECKING block",
        ),
        (lambda text: text.replace('    """How many rows there are."""\n', ""), "counted has no docstring"),
        (lambda text: text.replace('    """Which side of the street."""\n', ""), "Side has no docstring"),
        (lambda text: text.replace('    """Where the sun is in the evening."""\n', ""), "Side.LEFT has no sentence"),
        (
            lambda text: text + "\n\nclass _Lost(KeyError):\n    pass\n",
            "_Lost has no docstring",
        ),
        (
            lambda text: text + '\n\nclass Road:\n    """A road."""\n\n    def lane(self) -> int:\n        return 1\n',
            "Road.lane has no docstring",
        ),
        (lambda text: text + "\n# TO" + "DO: the rest", "left unfinished"),
        (lambda text: text.replace("return len(rows)", "raise NotImplementedError"), "left unfinished"),
    ],
)
def test_each_limit_bites(change: object, says: str) -> None:
    assert callable(change)
    broken = change(GOOD)
    assert broken != GOOD
    found = complaints(Path("planning/counting.py"), broken)
    assert len(found) == 1, found
    assert says in found[0]


@pytest.mark.parametrize("path", ["planning/utils.py", "helpers/names.py", "store/base.py", "engine/run_/manager.py"])
def test_names_that_say_nothing_are_refused(path: str) -> None:
    assert "named for nothing" in complaints(Path(path), GOOD)[0]


def test_an_init_holds_its_docstring_and_nothing_else() -> None:
    text = '"""Counting of every kind."""\n\nfrom x import y\n'
    assert "__init__ holds more than its docstring" in complaints(Path("counting/__init__.py"), text)[0]
