"""One embedded PostgreSQL and one sandbox a session; a fresh database and a fresh world for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fresh_box import fresh
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.systems import transport
from ml_connector.systems.retry import backoff

from . import money_desk
from .office import OPEN, UNAPPROVED, Office, opened

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


@pytest.fixture
def money_office(company: RunningSandbox, url: str, tmp_path: Path) -> Iterator[money_desk.MoneyOffice]:
    """The office of that company after its first sync."""
    with money_desk.opened(fresh(company), tmp_path, url) as made:
        made.sync()
        yield made


@pytest.fixture
def running(office: Office) -> Office:
    """An office after its first sync."""
    office.sync()
    return office


@pytest.fixture
def unapproved(office: Office) -> Office:
    """An office whose contracts are Submitted, so that their lines may change."""
    office.proof.status |= UNAPPROVED
    office.policy(**OPEN)
    office.sync()
    office.assert_proven()
    return office
