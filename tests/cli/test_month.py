"""The month of the world: both books tie at its end, and where they do not it says so."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ml_connector.app import App
from ml_connector.cli.demo_teller import NAME
from ml_connector.cli.month_office import MonthClock, begin, number_of
from ml_connector.cli.month_start import FIRST_DAY
from ml_connector.cli.month_story import MonthStory
from ml_connector.cli.output import Output
from ml_connector.connection_file import read_toml
from ml_connector.kernel.errors import BadInput
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.settings import Settings
from store.cluster import Cluster

from .shell import Shell

ORDERS = 60
EXPOSURE = "Exposure, what would be counted twice"
SITES = {"1201", "1202", "1203", "1204", "1205"}


def test_the_month_ends_with_books_that_tie(alone: Shell) -> None:
    told = alone("demo", "--once", "--month", "--orders", str(ORDERS), "--json").form
    assert (told["ok"], told["wrong"]) == (True, [])
    parts = {part["part"].partition(".")[0]: part["rows"] for part in told["tie"]}
    assert list(parts) == ["1", "2", "3", "4", "5", "6", "7"]
    assert {row["residual"] for rows in parts.values() for row in rows} == {"0.00"}
    for part in "123457":
        assert {row["site"] for row in parts[part]} == SITES, part
    assert {row["currency"] for row in parts["1"]} == {"USD", "EUR"}
    assert all(_sum(rows, 0) for rows in parts.values())
    for back in "34":
        assert all(row["vouchers in IFS"] == row["of it in the ledger"] for row in parts[back])
    assert set(told["exposure"]["exposure"].values()) == {"0.00"}
    assert {side["write"] for side in told["rest"]["requests"].values()} == {0}
    assert told["audit"]["faults"] == []


@contextmanager
def month_of(cluster: Cluster, home: Path, orders: int) -> Iterator[tuple[MonthStory, io.StringIO]]:
    """The month of a world of its own that is not told yet, and where it will be printed."""
    printed, url = io.StringIO(), cluster.new_url()
    with RunningSandbox(orders=orders, spawn=True) as sandbox:
        clock = MonthClock(sandbox)
        begin(sandbox, clock, FIRST_DAY)
        text = sandbox.connection_text()
        with App.open(Settings(home, url), clock=clock) as app:
            app.add_connection(NAME, text)
            yield MonthStory(app, sandbox, clock, Output(printed), read_toml(text, "The connection file")), printed
    cluster.drop(url)


@pytest.fixture(scope="module")
def month(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MonthStory, io.StringIO]]:
    """The month told once, with its sandbox still there, and what was printed."""
    with month_of(cluster, tmp_path_factory.mktemp("month"), ORDERS) as (story, printed):
        story.tell()
        yield story, printed


def test_a_cost_typed_twice_and_a_payment_by_hand_are_told_as_residuals(month: tuple[MonthStory, io.StringIO]) -> None:
    story, printed = month
    assert story.wrong == []
    paper = next(one for one in story.now.invoices if not one.postings[0].order and one.postings[0].project)
    [cost] = story.now.costs_of(paper.id)
    project, again = paper.postings[0].project, paper.number.lower().replace("-", " ")
    typed = {"code": "01-310", "type": "O", "amount": str(cost.amount)}
    place = {"number": number_of(project), "vendor": cost.vendor, "invoice_number": again}
    story.sandbox.act("procore", "enter_direct_cost", **place, status="approved", lines=[typed])
    paid = next(one for one in story.now.issued if one.amount > 0)
    story.sandbox.act("procore", "enter_payment", order_number=paid.order, amount="10.00")
    story.close()
    parts = {part["part"].partition(".")[0]: part["rows"] for part in story.facts["tie"]}
    assert _residuals(parts["4"]) == {project: cost.amount}
    assert _residuals(parts["6"]) == {paid.site: Decimal("-10.00")}
    assert not any(_residuals(parts[part]) for part in "12357")
    assert [claim.partition(":")[0].partition(".")[0] for claim in story.wrong] == ["4", "6", EXPOSURE]
    assert f"NO   {story.wrong[0]}" in printed.getvalue()
    assert f"residual {cost.amount:,}." in story.wrong[0]


def test_the_month_says_when_the_world_is_too_small_for_it(cluster: Cluster, tmp_path: Path) -> None:
    with (
        month_of(cluster, tmp_path, 24) as (story, _),
        pytest.raises(BadInput, match="too small for the month") as said,
    ):
        story.tell()
    assert "--orders" in said.value.remedy


def _sum(rows: list[dict[str, Any]], column: int) -> Decimal:
    return sum((Decimal(list(row.values())[2 + column]) for row in rows), Decimal(0))


def _residuals(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    return {row["site"]: Decimal(row["residual"]) for row in rows if Decimal(row["residual"])}
