"""The people of the demo's month: who does what in which window, on the sandbox's own clock."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from ml_connector.cli.month_records import Agreement, Order, OrderLine
from ml_connector.cli.month_tie import RETENTION
from ml_connector.kernel.clock import system_clock
from ml_connector.kernel.errors import BadInput
from ml_connector.sandbox.cast import ACCOUNT_OF_TYPE, SITES, TROUBLES
from ml_connector.sandbox.running import RunningSandbox

_MORNING = time(14, 0, tzinfo=UTC)
"""Nine in Chicago: the same day everywhere."""
_PAUSE = 60.0
"""Seconds a person takes for one thing; both systems stamp whole seconds."""
_SAME = timedelta(seconds=1)
"""By so much two looks at one clock may differ."""
_TENTH, _TAX = Decimal("0.1"), Decimal("0.07")
"""What is kept back of an invoice, and the rate of the cast's tax code TAX7."""


class MonthClock:
    """The sandbox's clock, as the product and the people read it."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self._sandbox = sandbox
        self._ahead = timedelta()
        self._turn = threading.Lock()  # who asks and sets waits for whoever does, so that no older answer is taken last
        self.moves: list[tuple[datetime, timedelta]] = []
        """When it was set, by the machine's clock, and how far it was ahead from then on."""

    def __call__(self) -> datetime:
        """The present moment of the simulated world."""
        return system_clock() + self._ahead

    def go_to(self, day: date) -> None:
        """Makes it the morning of that day."""
        self._move({"set": datetime.combine(day, _MORNING).isoformat()})

    def pass_by(self, seconds: float = _PAUSE) -> None:
        """Lets time go by."""
        self._move({"advance_seconds": seconds})

    def catch_up(self) -> None:
        """Makes it no earlier than the machine's clock, which every other command goes by."""
        now = system_clock()
        if self() < now:
            self._move({"set": now.isoformat()})

    def follow(self) -> None:
        """Goes by the sandbox's clock where somebody else has moved it; how long the answer took moves nothing."""
        with self._turn:
            asked = self()
            answer = self._sandbox.admin("GET", "clock")
            there, now = datetime.fromisoformat(answer["now"]), system_clock()
            if not asked - _SAME <= there <= now + self._ahead + _SAME:
                self._set(there - now, now)

    def _move(self, how: Mapping[str, Any]) -> None:
        with self._turn:
            answer = self._sandbox.admin("POST", "clock", how)
            now = system_clock()
            self._set(datetime.fromisoformat(answer["now"]) - now, now)

    def _set(self, ahead: timedelta, now: datetime) -> None:
        self._ahead = ahead
        self.moves.append((now, ahead))


def begin(sandbox: RunningSandbox, clock: MonthClock, day: date) -> None:
    """Moves the sandbox to that day and makes its world anew, so that nothing in it is of a later moment."""
    world = sandbox.admin("GET", "summary")["world"]
    clock.go_to(day)
    sandbox.admin("POST", "world", {"seed": world["seed"], "orders": world["orders"]})


def too_small(what: str) -> BadInput:
    """What to say when the world lacks something the month needs."""
    return BadInput(f"This world is too small for the month: it has not {what}.", remedy="Take more --orders.")


class Office:
    """Accounts payable, stores, buyers and project managers. Each act is one thing done in one window."""

    def __init__(self, sandbox: RunningSandbox, clock: MonthClock) -> None:
        self._sandbox = sandbox
        self._clock = clock
        self._papers = 0

    def ifs(self, act: str, **given: Any) -> Any:
        """Somebody does something in IFS, a minute later; what the act answers."""
        self._clock.pass_by()
        return self._sandbox.act("ifs", act, **given)

    def procore(self, act: str, **given: Any) -> Any:
        """Somebody does something in Procore, a minute later; what the act answers."""
        self._clock.pass_by()
        return self._sandbox.act("procore", act, **given)

    def paper(self, of: str) -> str:
        """The number a supplier prints on its next invoice."""
        self._papers += 1
        return f"{of}-{self._papers:04d}"

    # stores and accounts payable ------------------------------------------------------------------------------

    def receive(self, order: Order, *, half: bool = False) -> None:
        """Goods arrive: all that is open, or half of every line."""
        lines = [{**_place(line), "quantity": str(half_of(line.quantity))} for line in order.lines] if half else []
        self.ifs("receive_goods", order_no=order.number, **({"lines": lines} if lines else {}))

    def bill(self, order: Order, **more: Any) -> str:
        """Accounts payable registers, posts and authorises an invoice of the goods received; its id in IFS."""
        return self.register(order_no=order.number, invoice_no=self.paper(order.supplier), **more)

    def register(self, **given: Any) -> str:
        """Registers, posts and authorises any invoice; its id in IFS."""
        return str(self.ifs("register_invoice", post=True, authorise=True, **given)["invoice_id"])

    # project managers -----------------------------------------------------------------------------------------

    def claim_progress(self, order: Order, share: str, retained: Decimal | None = None) -> int:
        """A project manager writes what a subcontractor asks for, a share of what is open, and approves it.

        `retained` is kept back of the first line. The invoice's id in Procore.
        """
        number = self.paper("PM")
        made = self.procore("add_requisition", order_number=order.number, invoice_number=number, share=share)
        if retained is not None:
            items = [{"position": 1, "retained": str(retained)}]
            self.procore("bill_requisition", id=made["id"], items=items)
        self.procore("approve_requisition", id=made["id"])
        return int(made["id"])

    def buy_by_card(self, site: str, line: OrderLine, vendor: int, amount: Decimal) -> int:
        """Somebody on a job site pays by card and enters it as a direct cost on the cost code of a line."""
        made = self.procore(
            "enter_direct_cost",
            number=number_of(site),
            vendor=vendor,
            type="expense",
            invoice_number=self.paper("CARD"),
            status="approved",
            lines=[{**budget_code(line), "amount": str(amount)}],
        )
        return int(made["id"])


def whole_lines(order: Order) -> list[dict[str, Any]]:
    """Every line of an order in full, as accounts payable types it."""
    return [{"order_no": order.number, **_place(line), "quantity": str(line.quantity)} for line in order.lines]


def rest_lines(order: Order) -> list[dict[str, Any]]:
    """What is left of every line of an order of which half came first."""
    rests = [(line, line.quantity - half_of(line.quantity)) for line in order.lines]
    return [{"order_no": order.number, **_place(line), "quantity": str(rest)} for line, rest in rests]


def can_be_halved(order: Order) -> bool:
    """Whether half of each line is less than all of it."""
    return all(half_of(line.quantity) < line.quantity for line in order.lines)


def kept_back(order: Order, amount: Decimal) -> dict[str, Any]:
    """A posting that retains (negative) or releases (positive) an amount on an order; on no project: it is a debt."""
    return {"order_no": order.number, "amount": str(amount), "codes": {"A": RETENTION}}


def tenth_of(amount: Decimal) -> Decimal:
    """Ten percent, to the cent."""
    return (amount * _TENTH).quantize(Decimal("0.01"))


def tax_of(amount: Decimal) -> Decimal:
    """Sales tax of seven percent on one posting, to the cent."""
    return (amount * _TAX).quantize(Decimal("0.01"))


def half_of(quantity: Decimal) -> Decimal:
    """Half, in the same decimals; a single piece is not halved."""
    unit = Decimal(1).scaleb(int(quantity.as_tuple().exponent))
    return (quantity / 2).quantize(unit, ROUND_FLOOR) or quantity


def number_of(site: str) -> str:
    """What Procore calls the project of a job site."""
    return next(one.procore_number or "" for one in SITES if one.project_id == site)


def budget_code(line: OrderLine) -> dict[str, str]:
    """Cost code and type of a line, as Procore's people name them."""
    kinds = {account: kind for kind, account in ACCOUNT_OF_TYPE.items()}
    return {"code": line.codes["B"], "type": kinds[line.codes["A"]]}


def _place(line: OrderLine) -> dict[str, str]:
    return {"line_no": line.line_no, "release_no": line.release_no}


class Pool:
    """Orders that can be billed, each once: of two on a job site one is billed in IFS, the other one in Procore."""

    def __init__(self, orders: Iterable[Order], contracts: Iterable[Agreement]) -> None:
        numbers = {one.number for one in contracts if one.status == "Approved"}
        told = {trouble.order_no for trouble in TROUBLES.values()}
        self._free: dict[str, list[Order]] = {"ifs": [], "procore": []}
        seen: Counter[str] = Counter()
        for order in orders:
            open_lines = all(line.state in ("Released", "Confirmed") for line in order.lines)
            if order.number in numbers - told and open_lines and len(order.projects) == 1:
                site = min(order.projects)
                self._free["procore" if seen[site] % 2 else "ifs"].append(order)
                seen[site] += 1

    def take(self, where: str, until: date, most: int) -> list[Order]:
        """Orders placed until a day that are to be billed there, not more than `most` a job site; each once.

        BadInput when there is none left.
        """
        taken: list[Order] = []
        count: Counter[str] = Counter()
        for order in self._free[where]:
            site = min(order.projects)
            if order.dated <= until and count[site] < most:
                count[site] += 1
                taken.append(order)
        self._free[where] = [order for order in self._free[where] if order not in taken]
        if not taken:
            raise too_small(f"an order until {until} that could be billed")
        return taken
