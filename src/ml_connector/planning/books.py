"""Would IFS's books take this voucher? Its own rules, asked before anything is sent, each under IFS's own constant.

Rules and their order are facts/ifs.md 11.8 and 11.9. MANDATORY, BLOCKED, COMBINATION, LEDGERACCOUNT and NOTVALID are
our words: the facts name the rule and no constant. What a tenant does not let us read is not checked here; IFS still is
the judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fnmatch import fnmatchcase

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.chart import Chart
from ml_connector.planning.plan import HoldReason
from ml_connector.records.accounting import Account, Book, Combination, Demand, Period
from ml_connector.records.voucher import Voucher, VoucherRow

ENGINEER, ACCOUNTANT, MANAGER = "cost engineer", "project accountant", "project manager"
"""Who can put right what the books refuse."""


class Breach(msgspec.Struct, frozen=True):
    """The first rule a voucher would break: IFS's constant, our sentence, and what must change."""

    constant: str
    sentence: str
    waits_for: Key
    owner: str
    reason: HoldReason = HoldReason.BOOKS_REFUSE


def check(book: Book, chart: Chart, voucher: Voucher) -> Breach | None:
    """The first rule of the books this voucher would break, or None; for many vouchers make one `Books`."""
    return Books(book, chart).check(voucher)


class Books:
    """The books of one company, ready to be asked about many vouchers."""

    def __init__(self, book: Book, chart: Chart) -> None:
        self.book = book
        self.chart = chart
        self.project_part = next((one.part for one in book.parts.values() if one.function == "PRACC"), "")
        """Letter of the code part whose values are projects; empty when the company has none, or it cannot be read."""
        self._known_parts = {part for part, _ in chart.dimensions}
        self._planned = {activity.project for activity in chart.activities.values()}
        self._rules: dict[tuple[tuple[str, str], ...], Combination | None] = {}

    def check(self, voucher: Voucher) -> Breach | None:
        """The first rule a voucher would break: who enters it, its day, its rows in their order, its balance."""
        return self._group(voucher) or self.period(voucher) or self.rows(voucher) or _balance(voucher)

    def rows(self, voucher: Voucher) -> Breach | None:
        """The first rule a row of it would break on the voucher's day."""
        found = (self.posting(row, voucher.dated) for row in voucher.rows)
        return next((breach for breach in found if breach), None)

    def posting(self, row: VoucherRow, on: date) -> Breach | None:
        """The first rule a posting would break on a day, in the order in which IFS looks."""
        return next(self._broken(row, on), None)

    def _broken(self, row: VoucherRow, on: date) -> Iterator[Breach]:
        codes = dict(row.codes)
        yield from _amounts(row)
        yield from self._values(row, on)
        account = self.book.accounts.get(codes.get("A", ""))
        if account:
            yield from _demands(account, row)
        yield from self._combinations(row)
        yield from self._project(row, codes.get(self.project_part, "") if self.project_part else row.project, account)
        yield from self._budget(row, account)

    def _values(self, row: VoucherRow, on: date) -> Iterator[Breach]:
        if not any(part == "A" and value for part, value in row.codes):
            sentence = f"The posting {_shown(row)} names no account."
            yield Breach("NOTEXIST", sentence, Key("dimension", "A="), ENGINEER, HoldReason.CODE_MISSING)
        for part, value in row.codes:
            used = self.book.parts.get(part)
            if part != "A" and self.book.parts and (used is None or not used.used):
                sentence = f"Code part {part} is not used in this company, and the posting names {value} on it."
                yield Breach("ISNOTUSED", sentence, Key("code_part", part), ENGINEER, HoldReason.CODE_MISSING)
            missing = self.chart.missing([(part, value)], on) if part in self._known_parts else None
            if missing is None and part == "A":
                missing = self._account(value, on)
            if missing:
                constant = "NOTEXIST" if missing[2] == "does not exist in IFS" else "NOTVALID"
                yield Breach(
                    constant,
                    f"Code part {part} value {value} {missing[2]}, and the posting is dated {on}.",
                    Key("dimension", f"{part}={value}"),
                    ENGINEER,
                    HoldReason.CODE_MISSING,
                )

    def _account(self, value: str, on: date) -> tuple[str, str, str] | None:
        account = self.book.accounts.get(value)
        if self.book.accounts and account is None:
            return "A", value, "does not exist in IFS"
        if account and not account.valid_from <= on <= account.valid_until:
            return "A", value, f"is valid in IFS only from {account.valid_from} until {account.valid_until}"
        return None

    def _combinations(self, row: VoucherRow) -> Iterator[Breach]:
        if row.codes not in self._rules:
            codes = dict(row.codes)
            self._rules[row.codes] = next(
                (
                    rule
                    for rule in self.book.combinations
                    if all(_fits(codes.get(part, ""), pattern) for part, pattern in rule.patterns.items())
                ),
                None,
            )
        rule = self._rules[row.codes]
        if rule and not rule.allowed:
            sentence = f"Combination rule {rule.id} of IFS blocks {_shown(row)}."
            yield Breach("COMBINATION", sentence, Key("combination", rule.id), ENGINEER)

    def _project(self, row: VoucherRow, project: str, account: Account | None) -> Iterator[Breach]:
        excluded = account is not None and not account.follow_up
        if row.activity and not project:
            sentence = f"Activity {row.activity} goes with a project only, and {_shown(row)} names none."
            yield Breach("NOPROJSPECIFIED", sentence, Key("project", ""), ENGINEER)
        if row.activity and excluded and account:
            sentence = f"Account {account.id} is left out of project follow-up and takes no activity."
            yield Breach("PROJACTINOTNULL", sentence, Key("dimension", f"A={account.id}"), ENGINEER)
        if row.activity and self.chart.activities:
            yield from self._activity(row.activity, project)
        if project in self.book.completed_projects:
            sentence = f"Project {project} is completed in accounting."
            yield Breach("COMPLETEDFINPROJ", sentence, Key("project", project), ACCOUNTANT)
        if project in self._planned and not row.activity and not excluded:
            sentence = f"A posting to project {project} needs an activity, and {_shown(row)} has none."
            yield Breach("PROJACTIMANDATORY", sentence, Key("activity", f"of project {project}"), ENGINEER)

    def _activity(self, activity: str, project: str) -> Iterator[Breach]:
        found = self.chart.activities.get(activity)
        waits_for = Key("activity", activity)
        if found is None or found.project != project:
            sentence = f"Activity {activity} is not of project {project}."
            yield Breach("ACTIVITYINVALID", sentence, waits_for, MANAGER, HoldReason.ACTIVITY_CLOSED)
        elif not found.postable:
            sentence = f"Activity {found.number} ({activity}) of project {project} is planned, closed or cancelled."
            yield Breach("ACTIDNOTPOSTABLE", sentence, waits_for, MANAGER, HoldReason.ACTIVITY_CLOSED)

    def _budget(self, row: VoucherRow, account: Account | None) -> Iterator[Breach]:
        if account and account.budget_only:
            sentence = f"Account {account.id} is for budgets only."
            yield Breach("BUDACCONLY", sentence, Key("dimension", f"A={account.id}"), ENGINEER)
        for part, value in row.codes:
            if (part, value) in self.book.budget_values:
                sentence = f"Code part {part} value {value} is for budgets only."
                yield Breach("BUDCODEPARTONLY", sentence, Key("dimension", f"{part}={value}"), ENGINEER)
        if account and account.ledger:
            sentence = f"Account {account.id} is posted by its sub-ledger only, never by a voucher from outside."
            yield Breach("LEDGERACCOUNT", sentence, Key("dimension", f"A={account.id}"), ENGINEER)

    # who and when -------------------------------------------------------------------------------------------------

    def group(self, voucher_type: str, given: str) -> str:
        """The user group a voucher is entered under: the given one, else the service user's default, else unknown."""
        mine = [one for one in self.book.memberships if one.default]
        best = next((one for one in mine if one.type == voucher_type), mine[0] if mine else None)
        return given or (best.group if best else "")

    def _group(self, voucher: Voucher) -> Breach | None:
        group = self.group(voucher.type, voucher.user_group)
        if not group or not self.book.memberships:
            return None
        period = self.period_of(voucher.dated, group)
        year = period.year if period else voucher.dated.year
        rights = [
            one for one in self.book.memberships if (one.group, one.type, one.year) == (group, voucher.type, year)
        ]
        if any(one.enters for one in rights):
            return None
        why = "only approves" if rights else "has no right to"
        return Breach(
            "APPROVEONLYVOUENTRY" if rights else "NOTEXIST",
            f"User group {group} {why} vouchers of type {voucher.type} in {year}, so it cannot enter one.",
            Key("user_group", f"{group}/{voucher.type}/{year}"),
            "administrator",
        )

    def period_of(self, day: date, group: str) -> Period | None:
        """The accounting period of a day; where two hold it (a year's last days) an open one."""
        found = [one for one in self.book.periods if one.start <= day <= one.until]
        return next((one for one in found if _open(one, group)), found[0] if found else None)

    def period(self, voucher: Voucher) -> Breach | None:
        """Why the voucher's day cannot be posted on, or None when it can or the periods are not known."""
        return self.closed(voucher.dated, self.group(voucher.type, voucher.user_group))

    def closed(self, day: date, group: str) -> Breach | None:
        """Why a day cannot be posted on by a user group, or None when it can or the periods are not known."""
        if not self.book.periods:
            return None
        period = self.period_of(day, group)
        if period is None:
            named, waits_for = f"IFS has no accounting period for {day}", Key("accounting_period", day.isoformat())
            return Breach("NOTOPENPERIOD", f"{named}.", waits_for, ACCOUNTANT, HoldReason.ERP_PERIOD_CLOSED)
        if _open(period, group):
            return None
        named = f"{period.year}/{period.period}"
        constant, sentence = "PERCLOSED", f"Accounting period {named} of {day} is closed in IFS."
        if period.open:
            constant, sentence = "NOTOPENPERIOD", f"Accounting period {named} of {day} is not open for group {group}."
            if not any(_open(one, group) for one in self.book.periods):
                constant, sentence = "NOOPENPERIODSERROR", f"No accounting period at all is open for group {group}."
        return Breach(constant, sentence, Key("accounting_period", named), ACCOUNTANT, HoldReason.ERP_PERIOD_CLOSED)

    def next_open(self, day: date, group: str) -> date | None:
        """The first day of the first open period that begins after a day, or None."""
        later = [one.start for one in self.book.periods if one.start > day and _open(one, group)]
        return min(later, default=None)


def _open(period: Period, group: str) -> bool:
    """Open in the ledger, and for the group where both it and the groups are known."""
    return period.open and (not group or not period.groups or period.groups.get(group, False))


def _amounts(row: VoucherRow) -> Iterator[Breach]:
    waits_for = Key("voucher_row", row.series or row.text)
    if row.debit and row.credit:
        yield Breach("INCORRECTAMOUNTS", "A row is debit or credit, never both.", waits_for, "integration engineer")
    if not row.debit and not row.credit and not row.quantity:
        yield Breach("NOAMOUNT", "A row needs an amount or a quantity.", waits_for, "integration engineer")


def _demands(account: Account, row: VoucherRow) -> Iterator[Breach]:
    codes = dict(row.codes)
    present = {"quantity": bool(row.quantity), "text": bool(row.text), "process_code": False}
    for what, demand in sorted(account.demands.items()):
        named = what.replace("_", " ") if what in present else f"code part {what}"
        there = present[what] if what in present else bool(codes.get(what))
        waits_for = Key("account", f"{account.id} {named}")
        if demand is Demand.MANDATORY and not there:
            sentence = f"Account {account.id} demands a {named}, and {_shown(row)} has none."
            yield Breach("MANDATORY", sentence, waits_for, ENGINEER)
        if demand is Demand.BLOCKED and there:
            yield Breach(
                "BLOCKED", f"Account {account.id} takes no {named}, and {_shown(row)} has one.", waits_for, ENGINEER
            )


def _fits(value: str, pattern: str) -> bool:
    """Whether a value fits a pattern of IFS, in which only `%` is special."""
    plain = "".join(f"[{sign}]" if sign in "[?*" else sign for sign in pattern)
    return fnmatchcase(value, plain.replace("%", "*"))


def _balance(voucher: Voucher) -> Breach | None:
    if not voucher.balance():
        return None
    difference = Money(voucher.balance(), voucher.currency)
    return Breach(
        "AWAITINGAPPROVALMUSTBEBALANCE",
        f"Debit and credit differ by {difference}, and a voucher must balance.",
        Key("voucher", voucher.once_key),
        "integration engineer",
        HoldReason.TOTALS_DIFFER,
    )


def _shown(row: VoucherRow) -> str:
    """The code string as a person reads it: `A=4110 B=03-310`."""
    return " ".join(f"{part}={value}" for part, value in row.codes) or "a row without codes"
