"""One embedded PostgreSQL and one sandbox a session; a fresh database and a fresh world for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems import transport
from ml_connector.systems.retry import backoff
from store.cluster import Cluster

from . import money_desk
from .money_scene import carried, gone_on, released, set_up
from .office import OPEN, UNAPPROVED, Office, opened
from .stages import Stages

ORDERS = 40


@pytest.fixture(scope="session", autouse=True)
def impatient() -> Iterator[None]:
    """Before another try a twentieth of the pause is waited: how often is tried, and what then, stays the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "backoff", lambda *given: backoff(*given) / 20)
        yield


@pytest.fixture(scope="session")
def served() -> Iterator[RunningSandbox]:
    """Both simulated systems, in a thread, for the whole session."""
    with RunningSandbox(orders=ORDERS) as running:
        yield running


@pytest.fixture
def office(box: RunningSandbox, url: str, tmp_path: Path) -> Iterator[Office]:
    """An office before its first sync."""
    with opened(box, tmp_path, url) as made:
        yield made


@pytest.fixture(scope="session")
def company() -> Iterator[RunningSandbox]:
    """Both systems of the small company of the money set, for the whole session."""
    with money_desk.serving() as found:
        yield found


def synced(office: Office) -> None:
    """The first sync."""
    office.sync()


def synced_open(office: Office) -> None:
    """The first sync under policies that leave contracts open."""
    office.proof.status |= UNAPPROVED
    office.policy(**OPEN)
    office.sync()
    office.assert_proven()


@pytest.fixture(scope="session")
def stages(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """What was reached so far, for tests that go on from there."""
    return Stages(cluster, tmp_path_factory.mktemp("stages"))


@pytest.fixture
def money_office(stages: Stages, company: RunningSandbox, tmp_path: Path) -> Iterator[money_desk.MoneyOffice]:
    """The office of that company after its first sync."""
    with stages.at(synced, money_desk.opened, company, tmp_path) as made:
        yield made


def _reached(stage: Callable[[Office], None]) -> Any:
    """A fixture: an office of the usual systems that goes on from where `stage` leads to."""

    @pytest.fixture
    def office(stages: Stages, served: RunningSandbox, tmp_path: Path) -> Iterator[Office]:
        with stages.at(stage, opened, served, tmp_path) as made:
            yield made

    return office


running = _reached(synced)
"""An office after its first sync."""

unapproved = _reached(synced_open)
"""An office whose contracts are Submitted, so that their lines may change."""

begun = _reached(set_up)
"""An office in which every flow has work, before its first sync."""

after_release = _reached(released)
"""The same after its first sync, with the suppliers that it proposed released for payment."""

at_rest = _reached(carried)
"""The same after its first half came to rest."""

second_half = _reached(gone_on)
"""The same before the first sync of its second half."""
