"""The rules of a company's books, read with few requests; what the tenant does not let us see is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from typing import TypeVar

import msgspec

from ml_connector.kernel.errors import NameMissing, RightMissing
from ml_connector.records.accounting import Account, Book, CodePart, Combination, Demand, Membership, Period
from ml_connector.records.problem import Reject
from ml_connector.systems.ifs.batch import Batch
from ml_connector.systems.ifs.company import company_reading
from ml_connector.systems.ifs.odata import Odata, Reading, any_of, enum_literal, row_path, text_literal
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.project import of_company
from ml_connector.systems.ifs.rows import Row, parsed
from ml_connector.systems.ifs.set_profile import SetProfile
from ml_connector.systems.ifs.user import signed_in_as

_Record = TypeVar("_Record")

_WHAT = "read the rules of the books"
_PARTS = "BCDEFGHIJ"
_DEMANDS = {
    **{part: f"demand_{part.lower()}" for part in _PARTS},
    "quantity": "demand_quantity",
    "process_code": "demand_process_code",
    "text": "demand_text",
}
_DEMAND = {"Mandatory": Demand.MANDATORY, "Blocked": Demand.BLOCKED}
"""Identifiers of the demands that matter (facts/ifs.md 11.8); `Can`, and anything unknown, forbids nothing."""
_LEDGER_ACCOUNT = "LedgerAccount"
_BUDGET_ACCOUNT = "BudgetAccount"
_BLOCKED = "Blocked"
_APPROVE_ONLY = "ApproveOnly"
_CLOSED = "Closed"
_OPEN = "Open"
_ORDINARY = "Ordinary"
_COMPLETED = "Completed"
"""Identifiers that decide; those of periods and projects are inferred (facts/ifs.md 11.1, 11.9)."""


class BookReading:
    """Reads the rules of one company's books, each part by itself."""

    def __init__(self, odata: Odata, batch: Batch, profile: Profile, company: str) -> None:
        self._odata = odata
        self._batch = batch
        self._profile = profile
        self._company = company

    def book(self) -> Book:
        """Everything that can be read. A part whose set is not there or not granted is empty; other errors are raised.

        Closed accounting years are left without their periods: nothing is posted there.
        """
        parts = self._read(self._profile.code_part, _code_part)
        return Book(
            accounts={one.id: one for one in self._read(self._profile.ledger_account, _account)},
            parts={one.part: one for one in parts},
            periods=tuple(one for _, one in self._with_groups(self._periods())),
            combinations=tuple(self._read(self._profile.combination, _combination)),
            memberships=tuple(self._memberships()),
            base_currency=self._currency(),
            completed_projects=frozenset(self._completed()),
            budget_values=frozenset(self._budget_values([one.part for one in parts if one.used])),
        )

    def periods(self) -> list[Period]:
        """The periods of years that are open, as they stand in the ledger, in their order; user groups are left out."""
        return sorted((one for _, one in self._periods()), key=lambda one: (one.year, one.period))

    # parts of the book ----------------------------------------------------------------------------------------

    def _periods(self) -> list[tuple[dict[str, str], Period]]:
        where, year = self._profile.period, self._profile.year
        years = [one for one in self._read(year, _year) if one]
        above = {"company": text_literal(self._company)}
        found: list[tuple[dict[str, str], Period]] = []
        readings = [self._odata.below(where, {**above, "year": str(one)}, _WHAT) for one in years]
        for one, rows in zip(years, self._many(readings), strict=True):
            key = {where.above["company"]: above["company"], where.above["year"]: str(one)}
            of_year = self._parsed(rows, partial(_period, one), where)
            found += [(key, period) for period in of_year if period is not None]
        return self._with_ledger(found)

    def _with_ledger(self, found: list[tuple[dict[str, str], Period]]) -> list[tuple[dict[str, str], Period]]:
        """The periods with their state in the general ledger, or in all where none has that id."""
        filled = []
        for (key, period), states in zip(found, self._states(found, "ledger", "LedgerId"), strict=True):
            mine = {name: is_open for name, is_open in states.items() if name == self._profile.ledger} or states
            filled.append((key, msgspec.structs.replace(period, open=any(mine.values()) if mine else True)))
        return filled

    def _with_groups(self, found: list[tuple[dict[str, str], Period]]) -> list[tuple[dict[str, str], Period]]:
        """The same with the user groups that may enter into each."""
        states = self._states(found, "group", "UserGroup")
        return [
            (key, msgspec.structs.replace(period, groups=groups))
            for (key, period), groups in zip(found, states, strict=True)
        ]

    def _states(self, found: list[tuple[dict[str, str], Period]], word: str, name: str) -> list[dict[str, bool]]:
        """For each period: ledger or user group to whether it is open there; empty where that cannot be read."""
        where, nav = self._profile.period, self._profile.period_navs.get(word)
        if not nav:
            return [{} for _ in found]
        below = SetProfile(where.projection, nav, ("name",), {"name": name, "status": "PeriodStatus"})
        readings = []
        for key, period in found:
            reading = self._odata.reading(below, _WHAT)
            years = row_path(where.entity_set, key)
            row = row_path(where.nav, {**key, where.name("period"): str(period.period)})
            address = f"{self._odata.service(where.projection, where.service)}{years}/{row}/{nav}"
            readings.append(msgspec.structs.replace(reading, address=address))
        return [dict(self._parsed(rows, _status, below)) for rows in self._many(readings)]

    def _memberships(self) -> list[Membership]:
        """What the service user's groups may enter; nothing where the tenant does not tell who we are."""
        groups = self._groups()
        if not groups:
            return []
        where = self._profile.voucher_right
        mine = " or ".join(any_of(where.name("group"), groups))
        return [
            msgspec.structs.replace(one, default=groups[one.group])
            for one in self._read(where, _membership, f"({mine})")
        ]

    def _groups(self) -> dict[str, bool]:
        """The user groups the service user is a member of, to whether it is its default one."""
        where = self._profile.user_group
        user = signed_in_as(self._odata)
        if not user:
            return {}
        headers = SetProfile(where.projection, where.entity_set, ("id",), where.above)
        names = self._read(headers, lambda row: row.required("id"))
        condition = f"{where.name('user')} eq {text_literal(user)}"
        company = text_literal(self._company)
        above = [{"company": company, "id": text_literal(name)} for name in names]
        readings = [self._odata.below(where, one, _WHAT, condition) for one in above]
        found = zip(names, self._many(readings), strict=True)
        members = {name: self._parsed(rows, lambda row: row.flag("default"), where) for name, rows in found}
        return {name: flags[0] for name, flags in members.items() if flags}

    def _currency(self) -> str:
        where = self._profile.company
        reading = company_reading(self._odata, where, self._company, _WHAT)
        return next(iter(self._parsed(self._rows(reading), lambda row: row.text("currency"), where)), "")

    def _completed(self) -> list[str]:
        """Projects of the company that are completed in accounting, by the reference each project has."""
        where = self._profile.accounting_project
        if not where.nav:
            return []
        project, state = where.above["id"], where.name("state")
        condition = f"{where.above['company']} eq {text_literal(self._company)}"
        address = self._odata.address(where)
        expand = f"{where.nav}($select={state})"
        reading = Reading(address, _WHAT, (project,), (project,), filter=condition, expand=expand)
        rows = (_values(raw) for raw in self._rows(reading))
        return [str(row.get(project)) for row in rows if _behind(row, where.nav).get(state) == _COMPLETED]

    def _budget_values(self, parts: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Values that are for budgets only, of the parts that are in use."""
        for part in parts:
            if part in _PARTS:
                where = of_part(self._profile.budget_value, part)
                literal = enum_literal(where.projection, where.state_enum, _BUDGET_ACCOUNT)
                condition = f"{where.name('budget')} eq {literal}"
                for value in self._read(where, lambda row: row.required("value"), condition):
                    yield part, value

    # reading --------------------------------------------------------------------------------------------------

    def _read(self, where: SetProfile, parse: Callable[[Row], _Record], condition: str = "") -> list[_Record]:
        """The rows of a set that can be used, in key order; none where it is not there or not granted."""
        wanted = of_company(where, self._company, condition)
        return self._parsed(self._rows(self._odata.reading(where, _WHAT, wanted)), parse, where)

    def _rows(self, reading: Reading) -> list[msgspec.Raw]:
        try:
            return list(self._odata.rows(reading))
        except (RightMissing, NameMissing):
            return []

    def _many(self, readings: list[Reading]) -> list[list[msgspec.Raw]]:
        """The rows of readings of one projection, the first page of each in batches, which travel as few requests."""
        if not readings:
            return []
        service = readings[0].address.partition(".svc/")[0] + ".svc/"
        paths = [self._odata.url(reading).removeprefix(service) for reading in readings]
        found: list[list[msgspec.Raw]] = []
        for reading, reply in zip(readings, self._batch.read(service, paths), strict=True):
            try:
                page = self._odata.page_of(reading, self._odata.body_of(reply, reading.what))
            except (RightMissing, NameMissing):
                found.append([])
                continue
            found.append(self._rows(reading) if page.more or page.link else page.rows)
        return found

    def _parsed(self, raws: Iterable[msgspec.Raw], parse: Callable[[Row], _Record], where: SetProfile) -> list[_Record]:
        return parsed(raws, parse, where, "rule of the books")[0]


def of_part(where: SetProfile, part: str) -> SetProfile:
    """The profile of one code part's values: `{part}` in its names becomes the part's letter."""
    return msgspec.structs.replace(
        where,
        projection=where.projection.replace("{part}", part),
        entity_set=where.entity_set.replace("{part}", part),
        properties={word: name.replace("{part}", part) for word, name in where.properties.items()},
        candidates=tuple(one.replace("{part}", part) for one in where.candidates),
    )


def _account(row: Row) -> Account:
    demands = {part: row.text(word) for part, word in _DEMANDS.items()}
    return Account(
        id=row.required("id"),
        name=row.text("name"),
        valid_from=row.day("valid_from") or date.min,
        valid_until=row.day("valid_until") or date.max,
        demands={part: _DEMAND[said] for part, said in demands.items() if said in _DEMAND},
        ledger=row.text("ledger") == _LEDGER_ACCOUNT,
        budget_only=row.flag("budget_only"),
        follow_up=not row.flag("no_follow_up"),
    )


def _code_part(row: Row) -> CodePart:
    return CodePart(
        part=row.required("part"),
        name=row.text("name"),
        used=row.flag("used"),
        function=row.text("function"),
        length=row.whole("length"),
    )


def _combination(row: Row) -> Combination:
    return Combination(
        id=row.required("id"),
        patterns=dict(row.codes()),
        allowed=row.text("verdict") != _BLOCKED,
    )


def _membership(row: Row) -> Membership:
    return Membership(
        group=row.required("group"),
        type=row.required("type"),
        year=row.whole("year"),
        enters=row.text("level") != _APPROVE_ONLY,
    )


def _year(row: Row) -> int:
    """The year, or 0 when it is closed."""
    return 0 if row.text("status") == _CLOSED else row.whole("year")


def _period(year: int, row: Row) -> Period | None:
    """The period in `row`; None for one that opens or closes a year and takes no daily posting."""
    if row.text("kind") not in ("", _ORDINARY):
        return None
    start, until = row.day("start"), row.day("until")
    if start is None or until is None:
        raise Reject("it has no days")
    return Period(year=year, period=row.whole("period"), start=start, until=until, open=True)


def _status(row: Row) -> tuple[str, bool]:
    return row.required("name"), row.text("status") == _OPEN


_rows = msgspec.json.Decoder(dict[str, object])


def _values(raw: msgspec.Raw) -> dict[str, object]:
    try:
        return _rows.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _behind(row: dict[str, object], nav: str) -> dict[str, object]:
    """The row behind a reference; empty where it leads nowhere."""
    found = row.get(nav)
    return found if isinstance(found, dict) else {}
