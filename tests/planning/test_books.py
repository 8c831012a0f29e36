"""Every rule of IFS's books that can be known before sending, each met once, under IFS's own constant."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from ml_connector.planning.books import Books, check
from ml_connector.planning.chart import Chart
from ml_connector.planning.plan import HoldReason
from ml_connector.records.accounting import Book, Combination, Demand, Membership
from ml_connector.records.dimension import Dimension
from ml_connector.records.voucher import RowRole, Voucher, VoucherRow, VoucherStatus

from .scene import CONCRETE, D
from .way_back import BOOK, CHART, CLEARING, MATERIALS, account

COST = (("A", MATERIALS), ("B", CONCRETE), ("E", "1201"))


def voucher(**row: Any) -> Voucher:
    """A balanced voucher of 5.00 on concrete, its cost row changed as given."""
    first = VoucherRow(RowRole.COST, COST, D(5), D(0), "1201", "A1", "Cement", "P1 1/1")
    return Voucher(
        once_key="10/direct_cost/1/1",
        type="M",
        dated=date(2026, 10, 5),
        user_group="AC",
        currency="USD",
        text="",
        status=VoucherStatus.NOT_APPROVED,
        rows=(
            msgspec.structs.replace(first, **row),
            VoucherRow(RowRole.CLEARING, (("A", CLEARING),), D(0), D(5), text="Clearing"),
        ),
    )


def coded(**codes: str) -> tuple[tuple[str, str], ...]:
    """The cost row's code string with some values changed; an empty one leaves the part out."""
    return tuple(sorted((part, value) for part, value in (dict(COST) | codes).items() if value))


def books(**changes: Any) -> Book:
    """The usual books with some parts of them changed."""
    return msgspec.structs.replace(BOOK, **changes)


def demanding(**demands: Demand) -> Book:
    """Books whose materials account demands something."""
    return books(accounts={**BOOK.accounts, MATERIALS: account(MATERIALS, demands=demands)})


OLD = Chart(
    {**CHART.dimensions, ("B", CONCRETE): Dimension("B", CONCRETE, "", date(2020, 1, 1), date(2026, 9, 30))}, {}
)
MUST, NEVER = Demand.MANDATORY, Demand.BLOCKED
UNFOLLOWED = books(accounts={**BOOK.accounts, MATERIALS: account(MATERIALS, follow_up=False)})
RULES = (Combination("7", {"A": "41%", "B": "03%"}, False),)


@pytest.mark.parametrize(
    ("constant", "book", "row", "waits_for"),
    [
        ("NOTEXIST", BOOK, {"codes": coded(B="99-999")}, "dimension:B=99-999"),
        ("NOTEXIST", BOOK, {"codes": coded(A="9999")}, "dimension:A=9999"),
        ("NOTEXIST", BOOK, {"codes": coded(A="")}, "dimension:A="),
        ("ISNOTUSED", BOOK, {"codes": coded(J="1")}, "code_part:J"),
        ("MANDATORY", demanding(C=MUST), {}, "account:4110 code part C"),
        ("MANDATORY", demanding(quantity=MUST), {}, "account:4110 quantity"),
        ("MANDATORY", demanding(text=MUST), {"text": ""}, "account:4110 text"),
        ("MANDATORY", demanding(process_code=MUST), {}, "account:4110 process code"),
        ("BLOCKED", demanding(B=NEVER), {}, "account:4110 code part B"),
        ("BLOCKED", demanding(quantity=NEVER), {"quantity": D(1)}, "account:4110 quantity"),
        ("COMBINATION", books(combinations=RULES), {}, "combination:7"),
        ("PROJACTIMANDATORY", BOOK, {"activity": ""}, "activity:of project 1201"),
        ("ACTIVITYINVALID", BOOK, {"activity": "A5"}, "activity:A5"),
        ("ACTIVITYINVALID", BOOK, {"activity": "A7"}, "activity:A7"),
        ("ACTIDNOTPOSTABLE", BOOK, {"activity": "A9"}, "activity:A9"),
        ("NOPROJSPECIFIED", BOOK, {"codes": coded(E="")}, "project:"),
        ("PROJACTINOTNULL", UNFOLLOWED, {}, "dimension:A=4110"),
        ("COMPLETEDFINPROJ", books(completed_projects=frozenset({"1201"})), {}, "project:1201"),
        ("BUDACCONLY", BOOK, {"codes": coded(A="4190")}, "dimension:A=4190"),
        ("BUDCODEPARTONLY", books(budget_values=frozenset({("B", CONCRETE)})), {}, f"dimension:B={CONCRETE}"),
        ("LEDGERACCOUNT", BOOK, {"codes": coded(A="2440")}, "dimension:A=2440"),
        ("INCORRECTAMOUNTS", BOOK, {"credit": D(1)}, "voucher_row:P1 1/1"),
        ("NOAMOUNT", BOOK, {"debit": D(0)}, "voucher_row:P1 1/1"),
        ("AWAITINGAPPROVALMUSTBEBALANCE", BOOK, {"debit": D(6)}, "voucher:10/direct_cost/1/1"),
    ],
)
def test_a_row_that_breaks_a_rule(constant: str, book: Book, row: dict[str, Any], waits_for: str) -> None:
    breach = check(book, CHART, voucher(**row))
    assert breach is not None
    assert (breach.constant, str(breach.waits_for)) == (constant, waits_for)
    assert breach.sentence.endswith(".")
    assert breach.owner


def test_a_good_voucher_breaks_nothing() -> None:
    assert check(BOOK, CHART, voucher()) is None
    assert check(books(combinations=(Combination("1", {"A": "4110"}, True), *RULES)), CHART, voucher()) is None
    assert check(UNFOLLOWED, CHART, voucher(activity="")) is None


def test_a_value_that_ended_before_the_day_is_not_valid() -> None:
    breach = check(BOOK, OLD, voucher())
    assert breach is not None
    assert (breach.constant, breach.reason) == ("NOTVALID", HoldReason.CODE_MISSING)
    assert "only from 2020-01-01 until 2026-09-30" in breach.sentence
    ended = books(accounts={**BOOK.accounts, MATERIALS: account(MATERIALS, valid_until=date(2026, 1, 1))})
    breach = check(ended, CHART, voucher())
    assert breach is not None
    assert breach.constant == "NOTVALID"


def test_an_account_the_chart_does_not_show_is_looked_for_in_the_books() -> None:
    bare = Chart({code: one for code, one in CHART.dimensions.items() if code[0] != "A"}, CHART.activities)
    assert check(BOOK, bare, voucher()) is None
    breach = check(BOOK, bare, voucher(codes=coded(A="9999")))
    assert breach is not None
    assert breach.constant == "NOTEXIST"


def test_a_percent_is_the_only_sign_that_is_special_in_a_combination() -> None:
    odd = books(combinations=(Combination("1", {"B": "[0]3*"}, False), Combination("2", {"B": "%310"}, False)))
    breach = check(odd, CHART, voucher())
    assert breach is not None
    assert str(breach.waits_for) == "combination:2"


@pytest.mark.parametrize(
    ("day", "group", "constant", "waits_for"),
    [
        (date(2026, 9, 5), "AC", "PERCLOSED", "accounting_period:2026/9"),
        (date(2026, 8, 5), "AC", "NOTOPENPERIOD", "accounting_period:2026/8"),
        (date(2026, 10, 5), "XX", "NOOPENPERIODSERROR", "accounting_period:2026/10"),
        (date(2027, 1, 5), "AC", "NOTOPENPERIOD", "accounting_period:2027-01-05"),
    ],
)
def test_a_day_that_cannot_be_posted_on(day: date, group: str, constant: str, waits_for: str) -> None:
    breach = check(BOOK, CHART, msgspec.structs.replace(voucher(), dated=day, user_group=group))
    assert breach is not None
    assert (breach.constant, str(breach.waits_for), breach.reason) == (
        constant, waits_for, HoldReason.ERP_PERIOD_CLOSED,
    )  # fmt: skip


def test_the_next_open_period_is_one_that_is_open_for_us() -> None:
    known = Books(BOOK, CHART)
    assert known.next_open(date(2026, 7, 5), "AC") == date(2026, 10, 1)
    assert known.next_open(date(2026, 7, 5), "") == date(2026, 8, 1)
    assert known.next_open(date(2026, 12, 5), "AC") is None
    assert known.closed(date(2026, 8, 5), "") is None, "without a group only the ledger is asked"


def test_a_group_that_may_not_enter_the_type() -> None:
    rights = (
        Membership("AC", "M", 2026, True, default=True),
        Membership("AC", "I", 2026, False),
    )
    known = Books(books(memberships=rights), CHART)
    plain = msgspec.structs.replace(voucher(), user_group="")
    assert known.check(plain) is None
    assert known.group("M", "") == "AC"
    breach = known.check(msgspec.structs.replace(plain, type="I"))
    assert breach is not None
    assert (breach.constant, breach.owner) == ("APPROVEONLYVOUENTRY", "administrator")
    breach = known.check(msgspec.structs.replace(plain, type="K"))
    assert breach is not None
    assert breach.constant == "NOTEXIST"


def test_what_cannot_be_read_is_not_judged() -> None:
    assert check(Book(), Chart({}, {}), voucher(activity="A9")) is None
