"""Writes docs/sandbox-coverage.md from the tables the simulated systems are served from; a test compares the two."""

from __future__ import annotations

import sys
from pathlib import Path

from ml_connector.sandbox.ifs.coverage import COVERAGE as IFS
from ml_connector.sandbox.procore.coverage import COVERAGE as PROCORE

PAGE = Path(__file__).parent.parent / "docs" / "sandbox-coverage.md"

HEAD = """\
# What the sandbox models, and what it refuses

Made by `scripts/write_coverage.py` from the tables the two simulated systems are served from. What is refused answers
with an error that names it (501 unless said otherwise), never with a polite guess.
"""


def page() -> str:
    """The page as it should be."""
    parts = [HEAD]
    for title, rows in (("IFS Cloud", IFS), ("Procore", PROCORE)):
        parts.append(f"\n## {title}\n\n| operation | | note |\n|---|---|---|\n")
        parts += [f"| {_cell(operation)} | {status} | {_cell(note)} |\n" for operation, status, note in rows]
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
