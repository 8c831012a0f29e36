"""Nothing that is kept under version control names this machine, a registry's host, or a secret file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from .house import ROOT

HOSTS = ("pypi" + ".org", "pypi" + ".python", "files.python" + "hosted", "registry.npm" + "js", "proxy.go" + "lang")
PLACES = ("/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/[a-z]+/", "/Us" + "ers/[a-z]+/")
LEAK = re.compile("|".join([*(re.escape(host) for host in HOSTS), *(rf"(?<![\w.:>/]){place}" for place in PLACES)]))
"""A registry's host, or a path that exists on one machine only; `https://host/work/...` is no path of ours."""


def tracked() -> list[Path]:
    """Every file under version control that is there and is text."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout")
    names = [name for name in done.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file() and b"\0" not in (ROOT / name).read_bytes()[:4096]]


def leaks(text: str) -> list[int]:
    """Numbers of the lines that name a machine or a registry."""
    return [number for number, line in enumerate(text.splitlines(), 1) if LEAK.search(line)]


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [f"{path.relative_to(ROOT)}:{n}" for path in tracked() for n in leaks(path.read_text("utf-8", "replace"))]
    assert found == []


def test_no_key_or_environment_file_is_kept() -> None:
    names = [path.name for path in tracked()]
    assert [
        name for name in names if name in (".env", "key", "id_rsa") or name.endswith((".pem", ".key", ".p12"))
    ] == []


@pytest.mark.parametrize(
    "text", [*(f"see https://{host}/x" for host in HOSTS), f"cd {PLACES[0]}x", f"'{PLACES[1]}main'"]
)
def test_each_leak_is_seen(text: str) -> None:
    assert leaks(f"first line\n{text}") == [2]
