"""Offices that got somewhere, kept once a session: a test that begins there starts from a copy, not from the start.

Kept are what both systems hold, the product's database and home, and what the proofs knew from before.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from fresh_box import fresh
from kept_box import KeptBox
from ml_connector.sandbox.running import RunningSandbox
from store.cluster import Cluster

from .office import Office

_Office = TypeVar("_Office", bound=Office)
Opened = Callable[[RunningSandbox, Path, str, "_Office | None"], AbstractContextManager[_Office]]
"""Opens an office over a sandbox, a home and a database: a new one, or one that goes on from another."""


@dataclass(frozen=True)
class _Kept(Generic[_Office]):
    """One office at rest."""

    box: KeptBox
    home: Path
    url: str
    office: _Office


class Stages:
    """The stages reached so far in this session."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._kept: dict[tuple[Any, Any], _Kept[Any]] = {}

    @contextmanager
    def at(
        self, reach: Callable[[_Office], None], opened: Opened[_Office], box: RunningSandbox, home: Path
    ) -> Iterator[_Office]:
        """An office of the test's own where `reach` leads a new one."""
        key = reach, opened
        if key not in self._kept:
            self._kept[key] = self._reached(reach, opened, box)
        kept = self._kept[key]
        shutil.copytree(kept.home, home, dirs_exist_ok=True)
        url = self._cluster.new_url(kept.url)
        with opened(kept.box.put_back(), home, url, kept.office) as office:
            yield office
        self._cluster.drop(url)

    def _reached(
        self, reach: Callable[[_Office], None], opened: Opened[_Office], box: RunningSandbox
    ) -> _Kept[_Office]:
        home, url = self._folder / f"stage{len(self._kept)}", self._cluster.new_url()
        home.mkdir()
        with opened(fresh(box), home, url, None) as office:
            reach(office)
            held = KeptBox(box)
        return _Kept(held, home, url, office)
