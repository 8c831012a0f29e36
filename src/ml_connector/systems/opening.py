"""A system opened for use: the adapter, its request counts, and the checks an administrator runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from ml_connector.kernel.clock import Clock
from ml_connector.systems.finding import Finding
from ml_connector.systems.pacing import Pacing
from ml_connector.systems.signing import TokenPair
from ml_connector.systems.transport import HttpSettings, Signer, Transport
from ml_connector.systems.wire import Call, Tape

SystemT = TypeVar("SystemT")


class Access(msgspec.Struct, frozen=True):
    """What opening a side takes besides its settings: its secrets, where exchanges are kept, the clock."""

    secret: str
    tape: Tape
    clock: Clock
    in_flight: int
    pair: TokenPair | None = None
    """Tokens of a person's authorization, where the side signs in with one."""
    keep: Callable[[TokenPair], None] | None = None
    """Seals a new pair and stores it before it returns; given with `pair`."""


class Opened(Generic[SystemT]):
    """One side of one connection, ready to be asked."""

    def __init__(
        self,
        system: SystemT,
        transport: Transport,
        check: Callable[[SystemT], list[Finding]],
        discover: Callable[[SystemT], Mapping[str, Any]],
    ) -> None:
        self.system = system
        self._transport = transport
        self._check = check
        self._discover = discover

    def requests(self) -> dict[str, int]:
        """Requests sent so far, by read and write; sign-in not counted, every attempt counted."""
        return {"read": self._transport.counts.reads, "write": self._transport.counts.writes}

    def check(self) -> list[Finding]:
        """Every right and name the product needs on this side, each good or bad with its remedy."""
        return self._check(self.system)

    def discover(self) -> dict[str, Any]:
        """What there is on this side, counted; nothing is written."""
        return dict(self._discover(self.system))


def transport_of(
    side: str, setting: str, access: Access, sign: Callable[[Call], Signer], door_setting: str = ""
) -> Transport:
    """A signed transport for one side; `sign` makes its signer over an unsigned transport of its own.

    `setting` names the address in remedies, `door_setting` that of the sign-in where it is another one.
    """
    http = HttpSettings(setting=f"{side}.{setting}")
    pacing = Pacing(in_flight=access.in_flight, clock=access.clock)
    door = Transport(
        side, HttpSettings(setting=f"{side}.{door_setting or setting}"), Pacing(in_flight=1, clock=access.clock)
    )
    secrets = (access.secret, *((access.pair.refresh, access.pair.access) if access.pair else ()))
    return Transport(side, http, pacing, sign(door), access.tape, tuple(one for one in secrets if one))
