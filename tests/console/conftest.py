"""A browser and a scene a module; without Chromium the browser's tests are left out, and said so loudly."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from ml_connector.sandbox.running import RunningSandbox
from store.cluster import Cluster

from .scene import Scene, playing

CHROMIUM = "/usr/bin/chromium"
"""Debian's; `make test` installs it where it may."""

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]


def chromium() -> str:
    """The browser's program; empty when there is none."""
    return CHROMIUM if Path(CHROMIUM).exists() else shutil.which("chromium") or ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. It ends with the module: until then Playwright keeps the thread's event loop."""
    program = chromium()
    if not program:
        pytest.skip("NO BROWSER: Debian's Chromium is not installed, so no page was looked at.")
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def served() -> Iterator[RunningSandbox]:
    """Both simulated systems, in a thread, for the whole session."""
    with RunningSandbox(orders=24) as running:
        yield running


@pytest.fixture(scope="module")
def scene(cluster: Cluster, served: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A connection `north` at work, synced once; shared by the module's tests."""
    with playing(cluster, served, tmp_path_factory.mktemp("scene")) as made:
        yield made


@pytest.fixture(scope="module")
def empty_scene(cluster: Cluster, served: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An installation with people and without a connection."""
    with playing(cluster, served, tmp_path_factory.mktemp("empty"), connected=False) as made:
        yield made
