"""The contracts of .importlinter hold for the product, and each of them is shown to break.

To break them, the product is copied, a line is put into one module of the copy, and the same contracts are run over it.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .house import PRODUCT, ROOT, modules

CONTRACTS = ROOT / ".importlinter"

FAULTS = {
    "Arrows point down, and every room is on the plan": ("records/vendor.py", "import ml_connector.planning.plan"),
    "The two systems never meet": ("systems/ifs/vendor.py", "import ml_connector.systems.procore.vendor"),
    "The engine knows no system by name": ("engine/gate.py", "import ml_connector.systems.ifs.profile"),
    "The product never leans on its sandbox": ("settings.py", "import ml_connector.sandbox.cast"),
    "The sandbox reads the vendors' documentation, not our client": (
        "sandbox/ifs/wire.py",
        "import ml_connector.systems.wire",
    ),
    "The doors talk to the app, never to a system or to the store": (
        "cli/output.py",
        "import ml_connector.store.holds",
    ),
    "Only the store speaks SQL": ("systems/pacing.py", "import psycopg"),
    "Only the vault touches cryptography": ("store/backup.py", "import cryptography"),
    "Only the app opens the vault": ("cli/output.py", "import ml_connector.vault.keys"),
    "The pure core reaches no network, database, file, clock, chance or thread, even indirectly": (
        "planning/names.py",
        "import time",
    ),
}
"""Contract to the module and the line that break it."""

NEIGHBOURS = {
    "flows/vendors.py": "import ml_connector.store.links",
    "store/links.py": "import ml_connector.systems.wire",
    "systems/wire.py": "import ml_connector.vault.keys",
    "vault/sealing.py": "import ml_connector.sandbox.cast",
    "planning/plan.py": "import ml_connector.flows.vendors",
    "kernel/keys.py": "import ml_connector.records.vendor",
}
"""Lines that each break the layers: neighbours that meet, and rooms that look up."""


def lint(source: Path) -> str:
    """What import-linter says of the package below `source`, on one line a sentence."""
    environment = {**os.environ, "PYTHONPATH": str(source), "COLUMNS": "300", "PYTHONDONTWRITEBYTECODE": "1"}
    start = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", start, "--config", str(CONTRACTS), "--no-cache"],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the product that may be broken."""
    shutil.copytree(PRODUCT, tmp_path / "ml_connector", ignore=shutil.ignore_patterns("*.json", "__pycache__"))
    return tmp_path


def spoil(copy: Path, module: str, line: str) -> None:
    """Puts a line behind the future import of a module."""
    path = copy / "ml_connector" / module
    text = path.read_text("utf-8")
    mark = "from __future__ import annotations\n"
    assert mark in text
    path.write_text(text.replace(mark, f"{mark}{line}\n", 1), "utf-8")


def verdicts(said: str) -> dict[str, str]:
    """Contract to KEPT or BROKEN."""
    return dict(re.findall(r"^(.+?) (KEPT|BROKEN)", said, flags=re.MULTILINE))


def test_every_arrow_of_the_product_points_down() -> None:
    said = lint(ROOT / "src")
    assert verdicts(said) == dict.fromkeys(FAULTS, "KEPT"), said


def test_each_contract_breaks_when_it_is_broken(copy: Path) -> None:
    for module, line in FAULTS.values():
        spoil(copy, module, line)
    said = lint(copy)
    assert verdicts(said) == dict.fromkeys(FAULTS, "BROKEN"), said
    for module, line in FAULTS.values():
        arrow = f"ml_connector.{module[:-3].replace('/', '.')} -> {line.removeprefix('import ')}"
        assert arrow in said, f"{arrow} was not reported"


def test_neighbours_that_meet_and_rooms_that_look_up_are_seen(copy: Path) -> None:
    for module, line in NEIGHBOURS.items():
        spoil(copy, module, line)
    said = lint(copy)
    for module, line in NEIGHBOURS.items():
        arrow = f"ml_connector.{module[:-3].replace('/', '.')} -> {line.removeprefix('import ')}"
        assert arrow in said, f"{arrow} was not reported"


def test_a_room_that_is_not_on_the_plan_is_refused(copy: Path) -> None:
    (copy / "ml_connector" / "utils.py").write_text('"""All sorts."""\n', "utf-8")
    said = lint(copy)
    assert verdicts(said)["Arrows point down, and every room is on the plan"] == "BROKEN"
    assert "ml_connector.utils" in said


def test_outside_the_store_only_the_type_of_a_connection_is_known() -> None:
    """The contract lets app and engine import sqlalchemy, because whoever opens a transaction hands it on."""
    found = []
    for path in modules():
        if (PRODUCT / "store") in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            speaks = module.startswith("sqlalchemy") or any(name.startswith("sqlalchemy") for name in names)
            if speaks and (module, names) != ("sqlalchemy", ["Connection"]):
                found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert found == []
