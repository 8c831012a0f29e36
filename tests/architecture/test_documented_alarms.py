"""Every kind of alarm has its part in the runbook, and the runbook has no part of one that is no more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .house import PRODUCT, ROOT

PAGE = (ROOT / "docs" / "runbook.md").read_text("utf-8")


def kinds() -> set[str]:
    """First words of the keys of alarms: what is written `kind/...` where one is raised or cleared."""
    found = set()
    for path in sorted((PRODUCT / "service").glob("*.py")):
        text = path.read_text("utf-8")
        if "Alert(" in text or "raise_alert" in text or "tell_chain" in text:
            found |= set(_keys(ast.parse(text)))
    return found


def _keys(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        whole = node
        if isinstance(node, ast.JoinedStr) and node.values:
            whole = node.values[0]
        if isinstance(whole, ast.Constant) and isinstance(whole.value, str):
            key = re.match(r"^(\w+)/\w*$", whole.value)
            if key and _of_an_alarm(tree, node):
                yield key[1]


def _of_an_alarm(tree: ast.Module, key: ast.AST) -> bool:
    """Whether it is an argument of a call about alarms, or kept under the name `key` for one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and key in node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            return called in ("Alert", "clear_alert", "tell_chain")
        if isinstance(node, ast.Assign) and node.value is key:
            return ast.unparse(node.targets[0]) == "key"
    return False


def sections() -> dict[str, str]:
    """Kind to its part of the page."""
    parts = re.split(r"^## (.+)\n", PAGE, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return {name.strip("`"): text for name, text in found.items() if name.startswith("`")}


def test_every_kind_of_alarm_has_its_part_of_the_runbook() -> None:
    assert {"breaker", "audit", "night", "job"} <= kinds()
    assert set(sections()) == kinds()


def test_every_part_says_what_it_means_and_what_to_do() -> None:
    for name, text in sections().items():
        assert "**Means**" in text, name
        assert "**Remedy**" in text, name
