"""Two connections share a database and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from ml_connector.kernel.errors import NothingSuchHere
from ml_connector.sandbox.running import RunningSandbox

from .office import UNKNOWN_CODE, Office
from .proof import Proof
from .test_changes import ORDER


@pytest.fixture
def other(office: Office) -> Iterator[RunningSandbox]:
    """Another pair of systems, of another seed, as connection `other`."""
    with RunningSandbox(seed=11, orders=30) as made:
        office.app.add_connection("other", made.connection_text())
        yield made


def test_connections_never_see_each_others_data(office: Office, other: RunningSandbox) -> None:
    proof = Proof(other.connection_text())
    office.sync()
    office.app.sync("other")
    office.assert_proven()
    assert proof.differences((UNKNOWN_CODE,)) == []
    assert office.app.verify_audit("other") == []
    with office.app.db.begin() as conn:
        for table in ("links", "intents", "holds", "source_rows", "exchanges", "audit", "watermarks", "runs"):
            sql = text(f"SELECT connection_id, count(*) FROM {table} GROUP BY 1")
            assert len(list(conn.execute(sql))) == 2, table


def test_work_on_one_leaves_the_other_alone(office: Office, other: RunningSandbox) -> None:
    office.sync()
    office.app.sync("other")
    other.log.clear()
    office.price(ORDER, "1", "3.21")
    office.sync()
    assert other.log.calls == 0
    hold = office.app.sync("other").holds
    assert [one["record"] for one in hold] == [f"order:{UNKNOWN_CODE}"]


def test_a_hold_of_one_cannot_be_ruled_from_the_other(office: Office, other: RunningSandbox) -> None:
    office.policy(projects={"link": "ask"})
    office.sync()
    hold = office.holds("project_match")[0]
    with pytest.raises(NothingSuchHere):
        office.app.rule("other", hold["id"], "link")


def test_replay_of_one_knows_nothing_of_the_other(office: Office, other: RunningSandbox) -> None:
    office.sync()
    with pytest.raises(NothingSuchHere):
        office.app.replay("other", ORDER)
    with pytest.raises(NothingSuchHere):
        office.app.replay("other", "1")


def test_removed_connection_leaves_the_other_whole(office: Office, other: RunningSandbox) -> None:
    office.sync()
    office.app.sync("other")
    office.app.remove_connection("other", force=True)
    office.assert_rests()
    office.assert_proven()
