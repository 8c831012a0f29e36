"""The published coverage page is what the simulated systems declare."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_coverage_page_is_true() -> None:
    spec = importlib.util.spec_from_file_location("write_coverage", ROOT / "scripts" / "write_coverage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "sandbox-coverage.md").read_text(encoding="utf-8") == module.page(), (
        "run `python scripts/write_coverage.py`"
    )
