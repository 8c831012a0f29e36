"""The erp's rules for its books: accounts and their demands, code parts, periods, combinations (facts/ifs.md 11)."""

from __future__ import annotations

from datetime import date
from enum import Enum

import msgspec


class Demand(Enum):
    """What an account says of a code part, a quantity, a text."""

    CAN = "can"
    """May be there."""
    MANDATORY = "mandatory"
    """Must be there."""
    BLOCKED = "blocked"
    """Must not be there."""


class Account(msgspec.Struct, frozen=True, gc=False):
    """An account with what it demands of a posting."""

    id: str
    name: str
    valid_from: date
    valid_until: date
    demands: dict[str, Demand] = {}
    """By code part letter, and `quantity`, `process_code`, `text`; what is absent may be there."""
    ledger: bool = False
    """Posted by its sub-ledger only (supplier debt, bank)."""
    budget_only: bool = False
    follow_up: bool = True
    """False: left out of project follow-up, so it takes no activity."""


class CodePart(msgspec.Struct, frozen=True):
    """One code part of a company: what it is called, used for, and how long its values may be."""

    part: str
    name: str
    used: bool
    function: str
    """PRACC (projects), FAACC (fixed assets) and so on; empty or NOFUNC when it has none."""
    length: int


class Period(msgspec.Struct, frozen=True, gc=False):
    """An accounting period, both days included; `groups` says for which user groups it is open or closed."""

    year: int
    period: int
    start: date
    until: date
    open: bool
    """In the ledger as a whole."""
    groups: dict[str, bool] = {}


class Combination(msgspec.Struct, frozen=True, gc=False):
    """A combination rule: patterns by code part letter (`%` is any text); the first that fits decides."""

    id: str
    patterns: dict[str, str]
    allowed: bool


class Membership(msgspec.Struct, frozen=True):
    """A user group that may enter a voucher type in a year; `enters` is false where it only approves."""

    group: str
    type: str
    year: int
    enters: bool
    default: bool = False


class Book(msgspec.Struct, frozen=True):
    """Everything about the books that can be read, for checking a voucher before it is sent."""

    accounts: dict[str, Account] = {}
    parts: dict[str, CodePart] = {}
    periods: tuple[Period, ...] = ()
    combinations: tuple[Combination, ...] = ()
    memberships: tuple[Membership, ...] = ()
    base_currency: str = ""
    completed_projects: frozenset[str] = frozenset()
    """Projects that are completed in accounting."""
    budget_values: frozenset[tuple[str, str]] = frozenset()
    """(code part, value) that are for budgets only."""
