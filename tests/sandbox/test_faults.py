"""Faults strike the calls they were told to strike, count what they did, and repeat with the same seed."""

from __future__ import annotations

from collections import Counter

import pytest

from ml_connector.sandbox.faults import DEFAULT_KINDS, OF_WEBHOOKS, BadFault, FaultKind, FaultRule, Faults

CALLS = [("ifs", "GET", "/a"), ("procore", "POST", "/b"), ("ifs", "PATCH", "/c"), ("procore", "GET", "/d")] * 100


def strikes(faults: Faults) -> list[str | None]:
    struck: list[str | None] = []
    for side, method, path in CALLS:
        drawn = faults.before(side, method, path)
        late = faults.after(side, method, path, drawn) if method != "GET" else None
        fault = late or (drawn if drawn and drawn.kind not in ("timeout_after", "drop_after") else None)
        struck.append(fault.kind.value if fault else None)
    return struck


def test_the_same_seed_strikes_the_same_calls() -> None:
    first = Faults.seeded(11, 0.2)
    assert strikes(first) == strikes(Faults.seeded(11, 0.2))
    assert strikes(Faults.seeded(12, 0.2)) != strikes(Faults.seeded(11, 0.2))
    assert 40 < sum(first.injected.values()) < 120


def test_the_limit_and_the_kinds_are_kept() -> None:
    faults = Faults.seeded(3, 0.5, kinds=["drop_after", "401"], limit=9)
    struck = Counter(kind for kind in strikes(faults) if kind)
    assert sum(struck.values()) == 9
    assert set(struck) <= {"drop_after", "401"}
    assert faults.injected == dict(struck)


def test_chance_never_breaks_a_call_in_a_way_its_system_cannot() -> None:
    faults = Faults.seeded(5, 1.0)
    for (side, method, _), kind in zip(CALLS, strikes(faults), strict=True):
        if kind in ("412", "423"):
            assert (side, method) == ("ifs", "PATCH")
        if kind == "503_modified":
            assert side == "ifs"


def test_a_rule_strikes_the_nth_then_every_so_often_until_its_times_are_done() -> None:
    rule = FaultRule("429", side="ifs", method="get", path="^/rows", nth=2, every=3, times=2)
    faults = Faults.scripted([rule])
    struck = [faults.before("ifs", "GET", "/rows/1") is not None for _ in range(10)]
    assert [index + 1 for index, hit in enumerate(struck) if hit] == [2, 5]
    assert faults.before("procore", "GET", "/rows/1") is None
    assert faults.before("ifs", "POST", "/rows/1") is None
    assert (rule.seen, rule.struck) == (10, 2)


def test_a_rule_after_commit_waits_for_a_call_that_changed_something() -> None:
    faults = Faults.scripted([FaultRule("drop_after", method="POST")])
    drawn = faults.before("ifs", "POST", "/rows")
    assert drawn is None
    fault = faults.after("ifs", "POST", "/rows", drawn)
    assert fault is not None
    assert fault.kind is FaultKind.DROP_AFTER
    assert faults.after("ifs", "POST", "/rows", None) is None


def test_sign_in_is_left_alone_unless_the_rule_says_so() -> None:
    tokens = ("/auth/realms/r/protocol/openid-connect/token", "/oauth/token")
    faults = Faults.seeded(1, 1.0)
    faults.add(FaultRule("503", times=0))
    assert [faults.before("ifs", "POST", path) for path in tokens] == [None, None]
    faults.add(FaultRule("503", times=0, tokens=True))
    assert all(faults.before("ifs", "POST", path) for path in tokens)


def test_slow_carries_its_milliseconds() -> None:
    fault = Faults.scripted([FaultRule("slow:250")]).before("ifs", "GET", "/")
    assert fault is not None
    assert (fault.kind, fault.delay_ms) == (FaultKind.SLOW, 250)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"kind": "explode"}, "not a fault"),
        ({"kind": "slow:soon"}, "not a fault"),
        ({"kind": "429", "side": "sap"}, "neither ifs nor procore"),
        ({"kind": "429", "path": "("}, "regular expression"),
        ({"kind": "429", "nth": 0}, "nth starts at 1"),
        ({"kind": "429", "resource": "Projects"}, "429 strikes calls"),
        ({"kind": "drop_after", "event": "create"}, "drop_after strikes calls"),
        ({"kind": "webhook_late", "side": "ifs"}, "come from procore"),
        ({"kind": "webhook_lost", "method": "POST"}, "have no method"),
        ({"kind": "webhook_twice", "tokens": True}, "no sign-in"),
        ({"kind": "webhook_twice", "resource": "("}, "regular expression"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(words: dict[str, object], reason: str) -> None:
    with pytest.raises(BadFault, match=reason):
        FaultRule(**words)  # type: ignore[arg-type]


def test_a_rate_above_one_is_refused_and_clear_forgets_everything() -> None:
    with pytest.raises(BadFault, match="between 0 and 1"):
        Faults.seeded(1, 1.5)
    faults = Faults.seeded(1, 1.0)
    assert strikes(faults)
    faults.clear()
    assert not any(strikes(faults))
    assert faults.injected == {}


VENDOR = ("http://me/h", "Company Vendors", "create")


def test_rules_and_seeds_for_webhooks_strike_deliveries_only_and_those_for_calls_calls_only() -> None:
    kinds = sorted(OF_WEBHOOKS)
    faults = Faults.seeded(1, 1.0, kinds=kinds)
    faults.add(*(FaultRule(kind, times=0) for kind in kinds))
    assert not any(strikes(faults))
    faults = Faults.seeded(1, 1.0, kinds=["429", "drop_after"])
    faults.add(FaultRule("503", times=0), FaultRule("timeout_after", times=0))
    assert faults.delivery(*VENDOR) is None
    assert faults.injected == {}


def test_drawing_for_webhooks_moves_no_strike_on_a_call_and_has_a_limit_of_its_own() -> None:
    of_calls = [kind for kind in DEFAULT_KINDS if kind not in OF_WEBHOOKS]
    quiet, told = Faults.seeded(11, 0.2, of_calls, limit=20), Faults.seeded(11, 0.2, limit=20)
    drawn = [told.delivery(*VENDOR) for _ in range(400)]
    assert strikes(told) == strikes(quiet)
    kinds = Counter(fault.kind.value for fault in drawn if fault)
    assert (set(kinds), sum(kinds.values())) == ({"webhook_twice", "webhook_late"}, 20)
    assert dict(kinds).items() <= dict(told.injected).items()
    seeded = told.as_json()["seeded"]
    assert (seeded["struck"], seeded["calls"]["webhooks"]) == (40, 400)
