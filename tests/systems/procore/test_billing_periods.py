"""Billing periods: read with their days, opened once, refused in Procore's words."""

from __future__ import annotations

from datetime import date

import msgspec

from ml_connector.records.subcontractor_invoice import BillingPeriod
from ml_connector.sandbox.faults import FaultRule
from ml_connector.systems.port import Result
from ml_connector.systems.procore.billing_period import PeriodRow, parse

from .job import APRIL, MARCH, Job

MAY = (date(2026, 5, 1), date(2026, 5, 31), date(2026, 6, 10))


def test_periods_come_by_first_day_open_and_closed(job: Job) -> None:
    made = job.period(*MAY, status="open")
    april = job.period(*APRIL)
    assert job.system.billing_periods(job.site) == [
        BillingPeriod(job.site, *MARCH, False, job.periods["1201/2026-03-01"]),
        BillingPeriod(job.site, *APRIL, False, april),
        BillingPeriod(job.site, *MAY, True, made),
    ]
    assert job.paged(1).billing_periods(job.site) == job.system.billing_periods(job.site)


def test_a_period_is_opened_and_found_by_its_first_day(job: Job) -> None:
    effect = job.opening(*APRIL)
    assert job.system.find(effect) is None
    made = job.done(effect)[0].target
    found = job.system.find(effect)
    assert found is not None
    assert (found.result, found.target) == (Result.DONE, made)
    assert job.done(effect)[0].target == made
    assert job.count("POST") == 1


def test_a_period_that_begins_that_day_is_the_one_whenever_it_ends(job: Job) -> None:
    april = job.period(APRIL[0], date(2026, 4, 15), APRIL[2])
    assert job.done(job.opening(*APRIL))[0].target == april
    assert job.system.find(job.opening(date(2026, 4, 2), date(2026, 4, 15), APRIL[2])) is None


def test_an_overlap_is_refused_in_their_words(job: Job) -> None:
    overlapping = job.opening(date(2026, 3, 15), APRIL[1], APRIL[2])
    outcome = job.send(overlapping)[0]
    assert outcome.result is Result.REFUSED
    assert "overlaps another billing period" in outcome.sentence
    assert job.system.find(overlapping) is None


def test_a_second_open_period_is_refused_in_their_words(job: Job) -> None:
    april, may = job.opening(*APRIL), msgspec.structs.replace(job.opening(*MAY), intent_id=2)
    outcomes = job.send(april, may)
    assert [outcome.result for outcome in outcomes] == [Result.DONE, Result.REFUSED]
    assert "another billing period is open" in outcomes[1].sentence
    job.done(msgspec.structs.replace(job.opening(*MAY, is_open=False), intent_id=2))


def test_a_lost_answer_is_unknown_until_the_period_is_found(job: Job) -> None:
    effect = job.opening(*APRIL)
    job.running.faults.add(FaultRule("drop_after", side="procore", method="POST"))
    assert job.send(effect)[0].result is Result.UNKNOWN
    found = job.system.find(effect)
    assert found is not None
    assert job.done(effect)[0].target == found.target
    assert [p.start for p in job.system.billing_periods(job.site)].count(APRIL[0]) == 1


def test_a_period_without_its_days_cannot_be_billed_in() -> None:
    row = PeriodRow(id=5, start_date="2026-03-01", end_date="2026-03-31")
    found = parse(row, "7")
    assert found == BillingPeriod("7", MARCH[0], MARCH[1], MARCH[1], False, "5")
    assert parse(PeriodRow(id=5, start_date="soon", end_date="2026-03-31"), "7") is None
    assert parse(PeriodRow(start_date="2026-03-01", end_date="2026-03-31"), "7") is None
