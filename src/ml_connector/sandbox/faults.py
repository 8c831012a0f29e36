"""Faults the sandbox injects on purpose: from a seed, at a rate, or from a script of rules; every one is counted."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from ml_connector.sandbox.face import SIDES

_TOKEN_PATH = re.compile(r"/protocol/openid-connect/|^/oauth/")
_READS = ("GET", "HEAD", "OPTIONS")


class FaultKind(StrEnum):
    """What goes wrong with a call, or with the delivery of a webhook."""

    TIMEOUT_BEFORE = "timeout_before"
    """Never executed; the socket is held for the hold time and then cut."""
    TIMEOUT_AFTER = "timeout_after"
    """Executed, and the change kept; the answer never comes, the socket is held and then cut."""
    DROP_BEFORE = "drop_before"
    """Never executed; the socket is cut at once."""
    DROP_AFTER = "drop_after"
    """Executed, and the change kept; the socket is cut instead of an answer."""
    UNAUTHORISED = "401"
    """Refused as if the token had died; not executed."""
    STALE = "412"
    """Refused as if the row had changed meanwhile; not executed. IFS writes only (facts/ifs.md 9)."""
    LOCKED = "423"
    """Refused as if another user held the row; not executed. IFS writes only (facts/ifs.md 9)."""
    TOO_MANY = "429"
    """Refused for the rate, with Retry-After; not executed."""
    TOO_MANY_BARE = "429_bare"
    """Refused for the rate, without Retry-After (facts/procore.md 2.3: disputed, so both occur); not executed."""
    UNAVAILABLE = "503"
    """Refused under load, with Retry-After; not executed."""
    MODIFIED = "503_modified"
    """Refused with MI_MODIFIED_ERROR while IFS refreshes its service metadata (facts/ifs.md 9); not executed."""
    SLOW = "slow"
    """Executed and answered, late."""
    HALF_BODY = "half_body"
    """Executed; half of the answer's body is sent, then the socket is cut."""
    DROP_LATE = "drop_late"
    """The socket is cut at once, and the call is executed only later, when its caller has long given up."""
    GATEWAY_LATE = "504_late"
    """A gateway answers 504 at once, and the call is executed behind it only later."""
    WEBHOOK_TWICE = "webhook_twice"
    """Delivered, and then delivered again (facts/procore.md 13.3: at least once, duplicates are possible)."""
    WEBHOOK_LATE = "webhook_late"
    """Delivered after the next one of its address, or alone when none comes in time (13.3: order is not promised)."""
    WEBHOOK_LOST = "webhook_lost"
    """Never delivered; the deliveries list says discarded, as after the twelve hours of 13.3."""


AFTER_COMMIT = frozenset({FaultKind.TIMEOUT_AFTER, FaultKind.DROP_AFTER})
"""These wait for a call that changed something; on any other call they do nothing and stay armed."""
_IFS_WRITES = frozenset({FaultKind.STALE, FaultKind.LOCKED})
LATE = frozenset({FaultKind.DROP_LATE, FaultKind.GATEWAY_LATE})
"""These have a call executed after its caller was told, or could see, that no answer comes."""
LATE_MS = 2000
"""Milliseconds of the sandbox's clock after which such a call is executed where the fault names none."""
OF_WEBHOOKS = frozenset({FaultKind.WEBHOOK_TWICE, FaultKind.WEBHOOK_LATE, FaultKind.WEBHOOK_LOST})
"""These strike deliveries of webhooks and never a call; all others strike calls and never a delivery."""
_WHEN_NAMED = frozenset({FaultKind.SLOW, FaultKind.WEBHOOK_LOST, *LATE})
DEFAULT_KINDS = tuple(kind for kind in FaultKind if kind not in _WHEN_NAMED)
_DELIVERIES = "webhooks"
_ANY = ".*"


class BadFault(ValueError):
    """A fault rule that cannot be understood; the text says which part."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault to inject now: what, how many milliseconds late (slow, webhook_late, drop_late, 504_late), and what
    Retry-After names."""

    kind: FaultKind
    delay_ms: int = 0
    retry_after: int = 1


@dataclass(slots=True)
class FaultRule:
    """One line of a script: which calls or deliveries it looks at, which of them it strikes, how often.

    The first strike falls on matching call number `nth`, then on each `every`-th after it (0: the following
    ones too, each of them), until `times` strikes are done (0: no end). `kind` may be written `slow:250`.
    A rule for webhooks counts what is queued for each hook; its `path` is looked for in the hook's address.
    """

    kind: str
    side: str | None = None
    method: str = _ANY
    path: str = _ANY
    nth: int = 1
    every: int = 0
    times: int = 1
    retry_after: int = 1
    tokens: bool = False
    """Whether sign-in calls count too."""
    resource: str = _ANY
    """Of webhooks only: the resource's name, such as Company Vendors."""
    event: str = _ANY
    """Of webhooks only: create, update or delete."""
    seen: int = field(default=0, kw_only=True)
    struck: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        self.fault = parse_fault(self.kind, self.retry_after)
        if self.side not in (None, *SIDES):
            raise BadFault(f"side {self.side!r} is neither ifs nor procore")
        if min(self.nth - 1, self.every, self.times, self.retry_after) < 0:
            raise BadFault("nth starts at 1; every, times and retry_after are not negative")
        self._check_words()
        try:
            self._method, self._path = re.compile(self.method, re.IGNORECASE), re.compile(self.path)
            self._event, self._resource = re.compile(self.event, re.IGNORECASE), re.compile(self.resource)
        except re.error as error:
            raise BadFault(f"method, path, resource or event is not a regular expression: {error}") from None

    fault: Fault = field(init=False, repr=False)
    _method: re.Pattern[str] = field(init=False, repr=False)
    _path: re.Pattern[str] = field(init=False, repr=False)
    _event: re.Pattern[str] = field(init=False, repr=False)
    _resource: re.Pattern[str] = field(init=False, repr=False)

    def _check_words(self) -> None:
        if self.fault.kind not in OF_WEBHOOKS:
            if (self.resource, self.event) != (_ANY, _ANY):
                raise BadFault(f"resource and event are of webhooks, and {self.kind} strikes calls")
        elif self.side == "ifs" or self.method != _ANY or self.tokens:
            raise BadFault(f"{self.kind} strikes webhooks: they have no method, no sign-in, and come from procore")

    def looks_at(self, side: str, method: str, path: str) -> bool:
        """Whether the call is one this rule counts. The method must match whole, the path anywhere."""
        if self.fault.kind in OF_WEBHOOKS or self.side not in (None, side):
            return False
        if not self.tokens and _TOKEN_PATH.search(path):
            return False
        return bool(self._method.fullmatch(method) and self._path.search(path))

    def looks_at_delivery(self, address: str, resource: str, event: str) -> bool:
        """Whether the delivery is one this rule counts. The event must match whole, address and name anywhere."""
        if self.fault.kind not in OF_WEBHOOKS or not self._event.fullmatch(event):
            return False
        return bool(self._path.search(address) and self._resource.search(resource))

    def strikes(self) -> bool:
        """Counts one matching call; whether the fault falls on it."""
        self.seen += 1
        if (self.times and self.struck >= self.times) or self.seen < self.nth:
            return False
        if (self.seen - self.nth) % max(self.every, 1):
            return False
        self.struck += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The rule as the admin surface shows it, with what it has counted."""
        names = ("kind", "side", "method", "path", "nth", "every", "times", "retry_after", "tokens")
        return {name: getattr(self, name) for name in (*names, "resource", "event", "seen", "struck")}


def parse_fault(kind: str, retry_after: int = 1) -> Fault:
    """`drop_after`, `429`, `slow:250` (milliseconds) as a fault; BadFault when it is none of the kinds."""
    name, _, delay = kind.partition(":")
    try:
        return Fault(FaultKind(name), int(delay or 0), retry_after)
    except ValueError:
        known = ", ".join(FaultKind)
        raise BadFault(f"{kind!r} is not a fault; known are {known}, and slow with milliseconds as slow:250") from None


@dataclass(slots=True)
class _Seeded:
    """Faults drawn by chance; the draw of a call depends on the seed, the side and the number of the call only.

    Deliveries of webhooks are drawn and limited beside the calls, so that neither moves what strikes the other.
    """

    seed: int
    rate: float
    kinds: tuple[FaultKind, ...]
    limit: int | None
    calls: Counter[str] = field(default_factory=Counter)
    struck: int = 0
    struck_deliveries: int = 0

    def draw(self, side: str, method: str) -> Fault | None:
        """The fault of the next call of that side, or None."""
        self.calls[side] += 1
        if self.limit is not None and self.struck >= self.limit:
            return None
        rng = random.Random(f"{self.seed}/{side}/{self.calls[side]}")  # noqa: S311 - repeatable chance, no secret
        if rng.random() >= self.rate:
            return None
        fitting = [kind for kind in self.kinds if _fits(kind, side, method)]
        return Fault(rng.choice(fitting), rng.randint(20, 200)) if fitting else None

    def draw_delivery(self) -> Fault | None:
        """The fault of the next delivery, counted as struck, or None."""
        fitting = [kind for kind in self.kinds if kind in OF_WEBHOOKS]
        if not fitting:
            return None
        self.calls[_DELIVERIES] += 1
        if self.limit is not None and self.struck_deliveries >= self.limit:
            return None
        rng = random.Random(f"{self.seed}/{_DELIVERIES}/{self.calls[_DELIVERIES]}")  # noqa: S311 - as above
        if rng.random() >= self.rate:
            return None
        self.struck_deliveries += 1
        return Fault(rng.choice(fitting))


def _fits(kind: FaultKind, side: str, method: str) -> bool:
    """Whether the real system could fail in that way on such a call."""
    if kind in OF_WEBHOOKS:
        return False
    if kind in _IFS_WRITES:
        return side == "ifs" and method not in _READS
    if kind in AFTER_COMMIT or kind in LATE:
        return method not in _READS
    return kind is not FaultKind.MODIFIED or side == "ifs"


class Faults:
    """The faults in force. Safe to change from any thread; asked once before and once after each call, and once for
    each webhook that is queued for a hook."""

    def __init__(self, hold: float = 30.0) -> None:
        self.hold = hold
        """Seconds a timed-out call holds its socket before it is cut."""
        self._rules: list[FaultRule] = []
        self._seeded: _Seeded | None = None
        self._injected: Counter[str] = Counter()
        self._owed: list[tuple[datetime, Callable[[], None]]] = []
        self._lock = threading.Lock()

    @classmethod
    def seeded(
        cls, seed: int, rate: float = 0.05, kinds: Sequence[str] = DEFAULT_KINDS, limit: int | None = None
    ) -> Faults:
        """Faults by chance: `rate` of all calls, at most `limit` of them. The same seed strikes the same calls."""
        faults = cls()
        faults.use_seed(seed, rate, kinds, limit)
        return faults

    @classmethod
    def scripted(cls, rules: Iterable[FaultRule], hold: float = 30.0) -> Faults:
        """Faults by rules; of several that match a call the first that strikes is injected."""
        faults = cls(hold)
        faults.add(*rules)
        return faults

    def use_seed(
        self, seed: int, rate: float = 0.05, kinds: Sequence[str] = DEFAULT_KINDS, limit: int | None = None
    ) -> None:
        """Draws faults by chance from now on, beside the rules. BadFault for a rate or kind that is none.

        Rate and limit hold for calls and for deliveries of webhooks each on their own.
        """
        if not 0 <= rate <= 1:
            raise BadFault(f"rate {rate} is not between 0 and 1")
        drawn = _Seeded(seed, rate, tuple(parse_fault(kind).kind for kind in kinds), limit)
        with self._lock:
            self._seeded = drawn

    def add(self, *rules: FaultRule) -> None:
        """Puts rules behind those already there."""
        with self._lock:
            self._rules.extend(rules)

    def clear(self) -> None:
        """No more faults; the counts start again at nothing, and what was to be executed late never is."""
        with self._lock:
            self._rules, self._seeded, self._injected, self._owed = [], None, Counter(), []

    def put_off(self, moment: datetime, execute: Callable[[], None]) -> None:
        """Keeps a call that is to be executed at a moment of the sandbox's clock."""
        with self._lock:
            self._owed.append((moment, execute))

    def due(self, now: datetime) -> list[Callable[[], None]]:
        """The calls whose moment has come, oldest first; each is given out once."""
        with self._lock:
            ready = sorted((one for one in self._owed if one[0] <= now), key=lambda one: one[0])
            self._owed = [one for one in self._owed if one[0] > now]
        return [execute for _, execute in ready]

    def before(self, side: str, method: str, path: str) -> Fault | None:
        """The fault for a call about to be made. One that waits for a commit must be confirmed with `after`."""
        if not self._rules and self._seeded is None:
            return None
        with self._lock:
            for rule in self._rules:
                if rule.fault.kind in AFTER_COMMIT or not rule.looks_at(side, method, path):
                    continue
                if rule.strikes():
                    return self._count(rule.fault)
            if self._seeded is None or _TOKEN_PATH.search(path):
                return None
            fault = self._seeded.draw(side, method)
            if fault is None or fault.kind in AFTER_COMMIT:
                return fault
            self._seeded.struck += 1
            return self._count(fault)

    def after(self, side: str, method: str, path: str, drawn: Fault | None) -> Fault | None:
        """The after-commit fault for a call that has changed something; `drawn` is what `before` answered."""
        if not self._rules and drawn is None:
            return None
        with self._lock:
            for rule in self._rules:
                if rule.fault.kind in AFTER_COMMIT and rule.looks_at(side, method, path) and rule.strikes():
                    return self._count(rule.fault)
            if drawn is None or drawn.kind not in AFTER_COMMIT:
                return None
            if self._seeded is not None:
                self._seeded.struck += 1
            return self._count(drawn)

    def delivery(self, address: str, resource: str, event: str) -> Fault | None:
        """The fault for a webhook about to be queued: the hook's address, the resource's name, what happened to it."""
        if not self._rules and self._seeded is None:
            return None
        with self._lock:
            for rule in self._rules:
                if rule.looks_at_delivery(address, resource, event) and rule.strikes():
                    return self._count(rule.fault)
            fault = self._seeded.draw_delivery() if self._seeded is not None else None
            return self._count(fault) if fault is not None else None

    @property
    def injected(self) -> Mapping[str, int]:
        """How many faults of each kind were injected since the last clear."""
        with self._lock:
            return dict(self._injected)

    def as_json(self) -> dict[str, Any]:
        """Rules, chance and counts, as the admin surface shows them."""
        with self._lock:
            seeded = self._seeded
            return {
                "hold": self.hold,
                "rules": [rule.as_json() for rule in self._rules],
                "seeded": None
                if seeded is None
                else {
                    "seed": seeded.seed,
                    "rate": seeded.rate,
                    "kinds": list(seeded.kinds),
                    "limit": seeded.limit,
                    "calls": dict(seeded.calls),
                    "struck": seeded.struck + seeded.struck_deliveries,
                },
                "injected": dict(self._injected),
                "owed": len(self._owed),
            }

    def _count(self, fault: Fault) -> Fault:
        self._injected[fault.kind.value] += 1
        return fault
