"""Two windows of one side, told apart and shared by every process; a share of the hour is kept for people."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

import pytest

from ml_connector.kernel.errors import RateLimited, Unavailable
from ml_connector.systems.pacing import HOLD, HOUR, SPIKE, Budget, Pace, Pacing, seconds_for
from ml_connector.systems.transport import HttpSettings, Transport
from ml_connector.systems.wire import WireRequest

from .scripted_server import MovableClock, ScriptedServer, answer

PERSON, SCHEDULE = Budget(), Budget(urgent=False)


class Book:
    """What the processes of one connection share, in memory: store/paces.py does the same in the database."""

    def __init__(self) -> None:
        self.rows: dict[str, Pace] = {}
        self.trades = 0
        self.lock = threading.Lock()

    def trade(self, learned: Sequence[Pace], draw: int, budget: Budget) -> tuple[list[Pace], int]:
        with self.lock:
            self.trades += 1
            for pace in learned:
                old = self.rows.get(pace.window)
                if old is None or old.resets_at < pace.resets_at - 1.5:
                    self.rows[pace.window] = pace
                elif abs(old.resets_at - pace.resets_at) <= 1.5:
                    self.rows[pace.window] = min(old, pace, key=lambda one: one.left_over)
            low = [one for one in self.rows.values() if one.window != HOLD and one.left_over <= one.most / 2]
            free = min((one.left_over - budget.kept(one.window, one.most) for one in low), default=draw)
            got = draw if draw < 0 else max(0, min(draw, int(free)))
            for one in low:
                self.rows[one.window] = Pace(one.window, one.most, one.left_over - got, one.resets_at)
            return list(self.rows.values()), max(0, got)


class Company:
    """Two windows as Procore counts them; its headers tell of the one nearer to its end, in whole seconds.

    `early`: windows end within a second, and the headers name the second that is over by then.
    """

    def __init__(self, clock: MovableClock, hour: int, spike: int, *, early: bool = False) -> None:
        self.clock = clock
        self.early = early
        self.limits = {HOUR: hour, SPIKE: spike}
        self.used = {HOUR: 0, SPIKE: 0}
        self.ends = {HOUR: self._now() + 3600, SPIKE: self._now() + 10}
        self.refused = 0
        self.lock = threading.Lock()

    def _now(self) -> float:
        return self.clock().timestamp()

    def __call__(self) -> dict[str, str]:
        """The headers of the answer to one more request."""
        with self.lock:
            for name, span in ((HOUR, 3600), (SPIKE, 10)):
                if self._now() >= self.ends[name]:
                    end = self._now() + span
                    self.ends[name], self.used[name] = (end if self.early else ceil(end)), 0
                self.used[name] += 1
                self.refused += self.used[name] > self.limits[name]
            name = min(self.limits, key=lambda one: 1 - self.used[one] / self.limits[one])
            return {
                "x-rate-limit-limit": str(self.limits[name]),
                "x-rate-limit-remaining": str(max(0, self.limits[name] - self.used[name])),
                "x-rate-limit-reset": str(int(self.ends[name])),
            }


def pacing(clock: MovableClock, book: Book | None = None, budget: Budget = PERSON, wait: float = 60.0) -> Pacing:
    return Pacing(8, wait, clock, clock.pause, book, budget)


def headers(clock: MovableClock, limit: int, left: int, seconds: float) -> dict[str, str]:
    return {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": str(left),
        "x-rate-limit-reset": f"{clock().timestamp() + seconds:.0f}",
    }


def sent(pace: Pacing, told: dict[str, str]) -> None:
    pace.enter()
    pace.leave(told)


def spend(pace: Pacing, company: Company, most: int) -> None:
    """Sends so many requests, or as many as are let through."""
    for _ in range(most):
        pace.enter()
        pace.leave(company())


def test_two_windows_are_told_apart_and_both_are_kept() -> None:
    clock = MovableClock()
    pace = pacing(clock)
    sent(pace, headers(clock, 600, 400, 1800))
    sent(pace, headers(clock, 25, 20, 8))
    known = {one.window: one for one in pace.known()}
    assert (known[HOUR].left_over, known[SPIKE].left_over) == (399, 20)  # the second request was of this hour, too
    clock.now += timedelta(seconds=1795)
    sent(pace, headers(clock, 600, 390, 5))  # the hour's last seconds are no spike: its limit tells
    sent(pace, headers(clock, 25, 24, 9))
    known = {one.window: one for one in pace.known()}
    assert (known[HOUR].left_over, known[SPIKE].left_over) == (389, 24)


def test_no_request_too_many_in_either_window() -> None:
    clock = MovableClock()
    company, pace = Company(clock, hour=120, spike=10), pacing(clock)
    started = clock()
    with pytest.raises(RateLimited) as caught:
        spend(pace, company, 1000)
    assert company.refused == 0
    assert company.used[HOUR] == 120
    assert clock() - started < timedelta(seconds=150)
    assert caught.value.again_at == started + timedelta(hours=1)
    assert f"{caught.value.again_at:%H:%M} UTC" in str(caught.value)


def test_a_window_that_ends_later_than_its_header_says_costs_one_refusal_each() -> None:
    clock = MovableClock()
    company, pace = Company(clock, hour=1000, spike=10, early=True), pacing(clock)
    spend(pace, company, 100)
    assert company.refused <= 10, "ten windows of ten"


def test_processes_together_do_not_use_more_than_there_is() -> None:
    clock, book = MovableClock(), Book()
    company = Company(clock, hour=200, spike=1000)

    def work() -> None:
        pace = pacing(clock, book, wait=5)
        try:
            for number in range(1000):
                pace.enter()
                told = company()
                pace.leave(told if number % 3 else None)  # every third answer is lost
        except RateLimited:
            pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert company.refused == 0
    assert company.used[HOUR] >= 120


def test_polls_leave_a_tenth_of_the_hour_to_people_and_webhooks() -> None:
    clock, book = MovableClock(), Book()
    company = Company(clock, hour=100, spike=1000)
    poll, person = pacing(clock, book, SCHEDULE), pacing(clock, book)
    with pytest.raises(RateLimited, match="kept for people and webhooks") as caught:
        spend(poll, company, 200)
    assert company.used[HOUR] == 90
    assert caught.value.seconds is not None
    assert caught.value.seconds > 3500
    poll.put_down()
    slept = len(clock.slept)
    spend(person, company, 10)
    assert clock.slept[slept:] == []  # what is kept for them is theirs at once
    with pytest.raises(RateLimited, match="is used up for"):
        person.enter()
    assert company.refused == 0


def test_a_pause_that_one_process_was_asked_for_holds_the_others() -> None:
    clock, book = MovableClock(), Book()
    one, other = pacing(clock, book), pacing(clock, book, wait=600)
    one.hold(300)
    with pytest.raises(RateLimited) as caught:
        pacing(clock, book).enter()
    assert caught.value.again_at == clock() + timedelta(seconds=300)
    other.enter()
    assert 300 < sum(clock.slept) <= 305


def test_a_503_with_retry_after_holds_every_thread() -> None:
    clock = MovableClock()
    with ScriptedServer(answer(503, Retry_After="3"), answer()) as server:
        pace = pacing(clock)
        Transport("projects", HttpSettings(), pace)(WireRequest("GET", server.url + "/a"))
    with ScriptedServer(answer(503, Retry_After="1000")) as server:
        pace = pacing(clock)
        with pytest.raises(Unavailable) as caught:
            Transport("projects", HttpSettings(), pace)(WireRequest("GET", server.url + "/a"))
        assert caught.value.side == "projects"
        assert pace.goes_on() == clock() + timedelta(seconds=1000)
    with ScriptedServer(answer(429, Retry_After="1000")) as server:
        with pytest.raises(RateLimited) as slow:
            Transport("projects", HttpSettings(), pacing(clock))(WireRequest("GET", server.url + "/a"))
        assert slow.value.again_at == clock() + timedelta(seconds=1000)


def test_while_there_is_plenty_nobody_asks_the_book() -> None:
    clock, book = MovableClock(), Book()
    pace = pacing(clock, book)
    for left in range(3000, 2000, -1):
        sent(pace, headers(clock, 3600, left, 1800))
    assert book.trades == 1  # when it began
    clock.now += timedelta(seconds=6)
    sent(pace, headers(clock, 3600, 1999, 1794))
    assert book.trades == 2
    assert book.rows[HOUR].left_over == 1999


def test_their_clock_counts_for_their_moments() -> None:
    clock = MovableClock()
    theirs = clock() + timedelta(hours=2)
    told = {
        "x-rate-limit-limit": "25",
        "x-rate-limit-remaining": "0",
        "x-rate-limit-reset": f"{theirs.timestamp() + 8:.0f}",
        "date": f"{theirs:%a, %d %b %Y %H:%M:%S} GMT",
    }
    pace = pacing(clock)
    sent(pace, told)
    assert 8 < pace.enter() <= 8.8, "a little more than was asked: not all come back at once"
    late = answer(429, X_Rate_Limit_Reset=told["x-rate-limit-reset"], X_Rate_Limit_Remaining="0", Date=told["date"])
    with ScriptedServer(late, answer()) as server:
        assert Transport("projects", HttpSettings(), pacing(clock))(WireRequest("GET", server.url)).status == 200
    assert max(clock.slept) < 10


@pytest.mark.parametrize(
    ("requests", "paces", "seconds"),
    [
        (1, [], 0),
        (50, [Pace(HOUR, 100, 60, 600)], 0),
        (61, [Pace(HOUR, 100, 60, 600)], 600),
        (160, [Pace(HOUR, 100, 60, 600)], 600),
        (161, [Pace(HOUR, 100, 60, 600)], 600 + 3600),
        (30, [Pace(SPIKE, 10, 5, 4)], 4 + 20),
        (1, [Pace(HOLD, 0, 0, 90), Pace(SPIKE, 10, 5, 4)], 90),
        (61, [Pace(HOUR, 100, 60, -1)], 0),
    ],
)
def test_it_can_be_said_when_so_many_requests_will_have_been_sent(
    requests: int, paces: list[Pace], seconds: float
) -> None:
    assert seconds_for(requests, paces, Budget(), 0) == seconds


def test_a_poll_reckons_without_what_is_kept() -> None:
    assert seconds_for(55, [Pace(HOUR, 100, 60, 600)], SCHEDULE, 0) == 600
    clock = MovableClock()
    pace = pacing(clock, budget=SCHEDULE)
    assert (pace.forecast(1000), pace.goes_on()) == (clock(), None)
    sent(pace, headers(clock, 100, 10, 1800))
    assert pace.goes_on() == pace.forecast(90) == datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
