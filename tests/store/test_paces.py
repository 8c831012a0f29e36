"""What all processes know of a side's pace, and which requests one of them may take, in the database."""

from __future__ import annotations

import threading
import time

from ml_connector.store import paces
from ml_connector.store.paces import Draw, PaceRow
from ml_connector.store.postgres import Database

NOW = time.time()


def left(database: Database, cid: int) -> dict[str, float]:
    with database.begin() as conn:
        return {row.window: row.left_over for row in paces.of(conn, cid, "projects", NOW)}


def learn(database: Database, cid: int, *rows: tuple[str, float, float, float]) -> None:
    with database.begin() as conn:
        paces.learn(conn, cid, "projects", rows)


def draw(database: Database, cid: int, number: int, reserve: float = 0.0) -> int:
    with database.begin() as conn:
        return paces.draw(conn, cid, "projects", Draw(number, reserve, 0.5, NOW))


def test_of_one_window_the_smaller_rest_counts_and_a_later_one_replaces_it(database: Database, cid: int) -> None:
    learn(database, cid, ("hour", 600, 300, NOW + 900), ("spike", 25, 20, NOW + 5))
    learn(database, cid, ("hour", 600, 350, NOW + 901))
    assert left(database, cid) == {"hour": 300, "spike": 20}
    learn(database, cid, ("hour", 600, 590, NOW + 4500))
    learn(database, cid, ("hour", 600, 10, NOW + 900))
    assert left(database, cid)["hour"] == 590
    with database.begin() as conn:
        assert PaceRow(cid, "projects", "hour", 600, 590, NOW + 4500) in paces.all(conn)
        assert paces.of(conn, cid, "projects", NOW + 5000) == []


def test_processes_draw_no_more_than_there_is(database: Database, cid: int) -> None:
    learn(database, cid, ("hour", 400, 100, NOW + 900), ("spike", 100, 90, NOW + 5), ("hold", 0, 0, NOW + 5))
    got: list[int] = []

    def work() -> None:
        while number := draw(database, cid, 7):
            got.append(number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 100
    assert left(database, cid) == {"hour": 0, "spike": 90, "hold": 0}  # where there is plenty nothing is counted


def test_a_draw_leaves_what_is_kept_and_takes_back_what_was_not_used(database: Database, cid: int) -> None:
    learn(database, cid, ("hour", 100, 14, NOW + 900), ("spike", 25, 2, NOW + 5))
    assert draw(database, cid, 16, reserve=0.1) == 2
    learn(database, cid, ("spike", 25, 25, NOW + 15))
    assert draw(database, cid, 16, reserve=0.1) == 2
    assert draw(database, cid, 16, reserve=0.1) == 0
    assert draw(database, cid, -3) == 0
    assert left(database, cid)["hour"] == 13
    assert draw(database, cid, 16) == 13
