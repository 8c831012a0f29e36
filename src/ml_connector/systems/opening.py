"""A system opened for use: the adapter, its request counts, and the checks an administrator runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Generic, TypeVar

import msgspec

from ml_connector.kernel.clock import Clock
from ml_connector.systems.finding import Finding
from ml_connector.systems.pacing import Budget, PaceBook, Pacing
from ml_connector.systems.permits import permits_of
from ml_connector.systems.retry import Retry
from ml_connector.systems.signing import Shelf, Shelved, TokenPair
from ml_connector.systems.transport import HttpSettings, Signer, Transport, nothing
from ml_connector.systems.wire import Call, Tape

SystemT = TypeVar("SystemT")

SIGN_IN = HttpSettings(
    read_timeout=20.0,
    total_timeout=20.0,
    retry=Retry(attempts=4, first=0.5, longest=2.0, budget=4.0),
)
"""How a sign-in is sent, whatever the times of other requests. Others of the connection wait for it meanwhile, and the
database ends the session that keeps them waiting after 30 seconds (store/tokens.py): the last attempt begins within the
budget and ends with the total time, so a sign-in is over after 24 seconds."""


class Access(msgspec.Struct, frozen=True):
    """What opening a side takes besides its settings: its secrets, where exchanges are kept, the clock."""

    secret: str
    tape: Tape
    clock: Clock
    in_flight: int
    pair: Shelf[TokenPair] | None = None
    """Where the tokens of a person's authorization are kept, where the side signs in with one."""
    shelf: Shelf[Shelved] | None = None
    """Where the token of a service account is kept for all processes."""
    book: PaceBook | None = None
    """Where all processes keep how fast this side may be called."""
    budget: Budget = Budget()
    """How much of the hour's requests this work may use."""
    grace: float = 0.0
    """Seconds the other side may go on doing what it gave no answer to; see `HttpSettings`."""
    leaving: Callable[[], None] = nothing
    """Asked right before each request that writes leaves; raises when it must not."""


class Opened(Generic[SystemT]):
    """One side of one connection, ready to be asked."""

    def __init__(
        self,
        system: SystemT,
        transport: Transport,
        check: Callable[[SystemT], list[Finding]],
        discover: Callable[[SystemT], Mapping[str, Any]],
        identify: Callable[[SystemT, str], Mapping[str, str]],
    ) -> None:
        self.system = system
        self._transport = transport
        self._check = check
        self._discover = discover
        self._identify = identify

    def requests(self) -> dict[str, int]:
        """Requests sent so far, by read and write; sign-in not counted, every attempt counted."""
        return {"read": self._transport.counts.reads, "write": self._transport.counts.writes}

    def seal(self) -> str:
        """A mark of the token requests are signed with for now; signs in when there is none."""
        return sha256(self._transport.bearer().encode()).hexdigest()

    def facts(self) -> dict[str, str]:
        """What this side says of itself, by the fact's name: a read or two, which nobody without a right can do."""
        return dict(self._identify(self.system, self._transport.bearer()))

    def goes_on(self) -> datetime | None:
        """The moment from which this side takes requests again; None when it does now."""
        return self._transport.pacing.goes_on()

    def done_at(self, requests: int) -> datetime | None:
        """When so many more requests of this side will have been sent; None when no limit known delays them."""
        return self._transport.pacing.done_at(requests)

    def put_down(self) -> None:
        """Leaves for other processes what was learned about how fast this side may be called."""
        self._transport.pacing.put_down()

    def check(self) -> list[Finding]:
        """Every right and name the product needs on this side, each good or bad with its remedy."""
        return self._check(self.system)

    def discover(self) -> dict[str, Any]:
        """What there is on this side, counted; nothing is written."""
        return dict(self._discover(self.system))


def transport_of(
    side: str, setting: str, access: Access, sign: Callable[[Call], Signer], door_setting: str = "", *, tenant: str
) -> Transport:
    """A signed transport for one side; `sign` makes its signer over an unsigned transport of its own.

    `setting` names the address in remedies, `door_setting` that of the sign-in where it is another one. `tenant` is
    what `in_flight` counts for: all openings in this process that name the same one share its places.
    """
    http = HttpSettings(setting=f"{side}.{setting}", grace=access.grace)
    pacing = Pacing(access.in_flight, clock=access.clock, book=access.book, budget=access.budget)
    pacing.permits = permits_of(side, tenant)
    door_http = msgspec.structs.replace(SIGN_IN, setting=f"{side}.{door_setting or setting}")
    door = Transport(side, door_http, Pacing(in_flight=1, clock=access.clock))
    kept = access.pair.look() if access.pair else None
    secrets = (access.secret, *((kept.refresh, kept.access) if kept else ()))
    transport = Transport(side, http, pacing, sign(door), access.tape, tuple(one for one in secrets if one))
    transport.leaving = access.leaving
    return transport
