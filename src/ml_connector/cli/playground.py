"""The demo's sandbox in the shape that the console plays with."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from ml_connector.actions.playground import Act, Heard, Standing, Trouble
from ml_connector.actions.sandbox import MOST_CALLS
from ml_connector.cli.month_office import MonthClock
from ml_connector.cli.playground_acts import DEEDS
from ml_connector.kernel.errors import BadInput, NothingSuchHere
from ml_connector.sandbox.running import RunningSandbox, SandboxFailed

_FOLLOWED = 1.0
"""Seconds between two looks at the sandbox's clock."""
_TROUBLES = (
    Trouble("503", "It is overloaded", "Calls are refused with a time to come back. The connector waits."),
    Trouble("429", "Too many requests", "Calls are refused for their rate. The connector slows down."),
    Trouble("401", "The sign-in has died", "Calls are refused as if the sign-in had run out. It signs in once more."),
    Trouble("drop_after", "An answer is lost", "A change is made, and the answer never comes: the outcome is unknown "
            "until it has been read back. Nothing is sent twice."),
    Trouble("drop_before", "The line is cut", "Calls never arrive."),
    Trouble("half_body", "Half an answer", "The line is cut in the middle of an answer."),
    Trouble("slow:3000", "It is slow", "Answers come three seconds late."),
    Trouble("412", "Somebody was faster", "A write to IFS is refused because the row changed meanwhile."),
    Trouble("423", "A row is locked", "A write to IFS is refused because another user holds the row."),
    Trouble("webhook_lost", "Webhooks get lost", "Procore's webhooks never arrive. The next poll finds it all."),
    Trouble("webhook_twice", "Webhooks come twice", "Each webhook is delivered again. It counts once."),
)  # fmt: skip
_NAMES = {one.kind.partition(":")[0]: one.title for one in _TROUBLES}
_THINGS = {"PurchaseOrderLine": "order line", "PurchaseOrder": "order", "SupplierInfoGeneral": "supplier"}
"""What the sandbox calls a record of IFS by its inner name, to what people call it."""
_IFS_ONLY = ("412", "423")


class DemoPlayground:
    """A running sandbox, whose clock the demo's service goes by."""

    def __init__(self, sandbox: RunningSandbox, clock: MonthClock) -> None:
        self._sandbox = sandbox
        self._clock = clock

    def now(self) -> datetime:
        """The present moment of the simulated world."""
        return self._clock()

    def advance(self, seconds: float) -> datetime:
        """Lets time go by in both systems; the new present."""
        self._clock.pass_by(seconds)
        return self._clock()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Has the service's clock follow meanwhile, should somebody move the sandbox's from another terminal."""
        ended = threading.Event()

        def follow() -> None:
            while not ended.wait(_FOLLOWED):
                try:
                    self._clock.follow()
                except (SandboxFailed, OSError, http.client.HTTPException):
                    continue  # it is busy, or breaks on purpose: the next look tells

        thread = threading.Thread(target=follow, name="sandbox-clock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def places(self) -> tuple[tuple[str, str], ...]:
        """Each system's name with its address."""
        return ("IFS Cloud, simulated", self._sandbox.ifs_url), ("Procore, simulated", self._sandbox.procore_url)

    def acts(self) -> tuple[Act, ...]:
        """Everything a visitor may do."""
        return tuple(deed.act for deed in DEEDS)

    def act(self, key: str, given: Mapping[str, str]) -> str:
        """Does one of them; BadInput when the simulated system refuses it."""
        deed = next((one for one in DEEDS if one.act.key == key), None)
        if deed is None:
            raise NothingSuchHere(f"There is no act {key!r}.", remedy="Choose one of those on the page.")
        try:
            return deed.do(self._sandbox, {name: value for name, value in given.items() if value})
        except (SandboxFailed, KeyError) as error:
            raise BadInput(
                f"The simulated system refused: {_worded(_reason(error), deed.act)}.",
                remedy="Change it, and try again.",
            ) from None

    def troubles(self) -> tuple[Trouble, ...]:
        """Every way to break something."""
        return _TROUBLES

    def strike(self, kind: str, side: str, times: int) -> None:
        """Breaks so many of the next calls (0: all); BadInput for a kind that is none."""
        if kind not in {one.kind for one in _TROUBLES}:
            raise BadInput(f"There is no fault {kind!r}.", remedy="Choose one of those on the page.")
        rule: dict[str, Any] = {"kind": kind, "times": times}
        if kind in _IFS_ONLY:
            rule["side"] = "ifs"
        elif side and not kind.startswith("webhook"):
            rule["side"] = side
        self._sandbox.admin("POST", "faults", {"rules": [rule]})

    def standing(self) -> list[Standing]:
        """The faults put in so far."""
        return [
            Standing(
                _NAMES.get(rule["kind"], rule["kind"]),
                rule["side"] or "",
                rule["struck"],
                max(0, rule["times"] - rule["struck"]) if rule["times"] else None,
            )
            for rule in self._sandbox.admin("GET", "faults")["rules"]
        ]

    def mend(self) -> None:
        """Takes all faults away."""
        self._sandbox.admin("DELETE", "faults")

    def calls(self, side: str = "", *, writes: bool = False) -> list[Heard]:
        """The last calls, the latest first."""
        query = f"log?limit={MOST_CALLS}{f'&side={side}' if side else ''}{'&writes=1' if writes else ''}"
        return [_call(one) for one in reversed(self._sandbox.admin("GET", query)["exchanges"])]


def _call(one: Mapping[str, Any]) -> Heard:
    path = f"{one['path']}?{one['query']}" if one["query"] else str(one["path"])
    return Heard(
        one["number"], datetime.fromisoformat(one["at"]), one["side"], one["method"], path, one["status"], one["ms"],
        one["write"], one["changed"], one["fault"] or "",
    )  # fmt: skip


def _worded(reason: str, act: Act) -> str:
    """The same with entries called as their form calls them, and records as people do."""
    names = {**_THINGS, **{one.name: one.label for one in act.entries}}
    return re.sub(r"(?<![\w/\\'\"])[A-Za-z]\w+(?![\w/'\"])", lambda found: names.get(found[0], found[0]), reason)


def _reason(error: Exception) -> str:
    """What the sandbox said, without how it was asked."""
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    _, _, text = str(error).partition('"error":"')
    return text.rstrip('"}.') or str(error)
