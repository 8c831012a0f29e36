"""Reads the product's own source and says which of the house limits (style.md 6.6) a module breaks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / "src" / "ml_connector"

MODULE_LINES = 400
FUNCTION_LINES = 70
PARAMETERS = 6
BANNED_NAMES = frozenset({"utils", "helpers", "common", "base", "misc", "manager"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    """Every module of the product."""
    return sorted(path for path in PRODUCT.rglob("*.py") if "__pycache__" not in path.parts)


def complaints(path: Path, text: str) -> list[str]:
    """Every limit the module breaks, as `file:line sentence`; `path` only names it, `text` is what is judged."""
    tree = ast.parse(text)
    found = [
        *_size(text, tree),
        *_name(path),
        *_opening(path, tree),
        *_imports(tree),
        *_words(tree),
        *_unfinished(text),
    ]
    return [f"{path}:{line} {sentence}" for line, sentence in sorted(found)]


def _size(text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    lines = len(text.splitlines())
    if lines > MODULE_LINES:
        yield 1, f"has {lines} lines, more than {MODULE_LINES}: it wants to be two modules"
    for node in ast.walk(tree):
        if not isinstance(node, Function):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES:
            yield node.lineno, f"{node.name} has {length} lines, more than {FUNCTION_LINES}"
        given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        taken = [one.arg for one in given if one.arg not in ("self", "cls") and not _is_option(one)]
        if len(taken) > PARAMETERS:
            yield node.lineno, f"{node.name} takes {len(taken)} parameters, more than {PARAMETERS}"


def _is_option(parameter: ast.arg) -> bool:
    """Whether it is an option of a command: Typer reads them from the signature, and no code ever passes them."""
    return parameter.annotation is not None and "typer.Option(" in ast.unparse(parameter.annotation)


def _name(path: Path) -> Iterator[tuple[int, str]]:
    if {path.stem, path.parent.name} & BANNED_NAMES:
        yield 1, "is named for nothing in particular: name it after what it does"


def _opening(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    doc = ast.get_docstring(tree) or ""
    first = doc.split("\n\n")[0].strip()
    if not first:
        yield 1, "does not open with a sentence"
    elif not first.endswith((".", "?", ":")):
        yield 1, f"opens with something that is no sentence: {first!r}"
    elif _plain(first) in {_plain(path.stem), _plain(f"{path.stem} module"), _plain(f"The {path.stem} module")}:
        yield 1, "opens with its own name instead of a sentence"
    if path.name == "__init__.py" and len(tree.body) != 1:
        yield tree.body[1].lineno, "__init__ holds more than its docstring"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    yield inner.lineno, f"imports inside {node.name}"
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield node.lineno, "hides an import in a TYPE_CHECKING block"


def _words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_") and not ast.get_docstring(node):
            yield node.lineno, f"{node.name} has no docstring"
        if isinstance(node, ast.ClassDef):
            yield from _class_words(node)


def _class_words(node: ast.ClassDef) -> Iterator[tuple[int, str]]:
    bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
    public = not node.name.startswith("_")
    if not ast.get_docstring(node) and (public or any(base.endswith("Error") for base in bases)):
        yield node.lineno, f"{node.name} has no docstring"
    if bases & {"Enum", "StrEnum", "IntEnum", "Flag"}:
        for member, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(member, ast.Assign) and not _is_sentence(after):
                yield member.lineno, f"{node.name}.{ast.unparse(member.targets[0])} has no sentence below it"
    for inner in node.body:
        if public and isinstance(inner, Function) and not inner.name.startswith("_") and not ast.get_docstring(inner):
            yield inner.lineno, f"{node.name}.{inner.name} has no docstring"


def _is_sentence(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


_LEFT_OPEN = re.compile(r"\b(?:TODO|FIXME|XXX)\b|\braise NotImplementedError\b")


def _unfinished(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if _LEFT_OPEN.search(line):
            yield number, "is left unfinished"
