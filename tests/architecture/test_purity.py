"""The pure core asks nobody what time it is, opens nothing and prints nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from .house import PRODUCT, ROOT

PURE = ("kernel", "records", "planning", "flows")
ONE_DOOR = PRODUCT / "kernel" / "clock.py"
"""The only module of the core that may ask for the time; rooms above are handed it as a `Clock`."""

MOMENTS = frozenset({"now", "today", "utcnow", "fromtimestamp", "utcfromtimestamp"})
EFFECTS = frozenset({"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint", "globals"})


def impurities(tree: ast.Module) -> Iterator[str]:
    """Everything in a module that reaches outside of its arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MOMENTS:
            yield f"{node.lineno} asks for the present moment: {ast.unparse(node)}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EFFECTS:
            yield f"{node.lineno} has an effect: {ast.unparse(node)[:60]}"
        if isinstance(node, ast.ImportFrom) and any(name.name == "system_clock" for name in node.names):
            yield f"{node.lineno} brings the machine's clock in"
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield f"{node.lineno} changes what is not its own"
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"{node.lineno} waits for something"


def test_the_core_is_pure() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{what}"
        for room in PURE
        for path in sorted((PRODUCT / room).rglob("*.py"))
        if path != ONE_DOOR
        for what in impurities(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "day = datetime.now(UTC)",
        "day = date.today()",
        "with open('x') as f: pass",
        "print('x')",
        "from ml_connector.kernel.clock import system_clock",
        "def f():\n    global x",
        "async def f(): pass",
    ],
)
def test_each_impurity_is_seen(text: str) -> None:
    assert list(impurities(ast.parse(text)))


def test_the_one_door_is_where_it_is_said_to_be() -> None:
    assert Path(ONE_DOOR).exists()
    assert list(impurities(ast.parse(ONE_DOOR.read_text("utf-8"))))
