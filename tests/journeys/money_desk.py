"""A small company with two job sites, an office that keeps the money policies, and the people who move the money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ml_connector.app import App
from ml_connector.sandbox.clock import SandboxClock
from ml_connector.sandbox.running import RunningSandbox
from ml_connector.sandbox.sides import simulated_ifs, simulated_procore
from ml_connector.sandbox.simulation import Sandbox
from ml_connector.sandbox.world import World
from ml_connector.sandbox.world_maker import make_world
from ml_connector.settings import Settings

from .money_books import ErpBooks, Ledger, SiteBooks
from .money_proof import CLEARING, RETENTION, MoneyProof
from .office import NAME, Office

Books = tuple[ErpBooks, SiteBooks]

START = datetime(2026, 11, 16, 15, tzinfo=UTC)
"""When every story begins: a Monday, two weeks before a month ends."""
SITES = ("1201", "1202")
ORDERS = ("P100014", "P100017")
"""Of the cast: one on both sites, one in euros."""
SUPPLIERS = {"USD": "S1005", "EUR": "S1037"}
"""Whom the stories order from, by the currency of the order."""

POLICIES: dict[str, dict[str, Any]] = {
    "supplier_invoices": {"retention_accounts": [RETENTION]},
    "vouchers": {"clearing_account": CLEARING, "retention_account": RETENTION},
    "subcontractor_invoices": {"requisitioner": "MARTA_HALE", "site": {"*": "DUL"}},
}


def small_company() -> World:
    """The cast's company with two of its sites and two of its orders, so that a sync is quick."""
    world = make_world(7, 24)
    return replace(
        world,
        sites=tuple(one for one in world.sites if one.project_id in SITES),
        activities=tuple(one for one in world.activities if one.project_id in SITES),
        code_values=tuple(one for one in world.code_values if one.code_part != "E" or one.value in SITES),
        orders=tuple(one for one in world.orders if one.order_no in ORDERS),
        typed_orders=(),
        cost_codes=tuple(one for one in world.cost_codes if one[0] in SITES),
        budget=tuple(one for one in world.budget if one[0] in SITES),
        estimates=tuple(one for one in world.estimates if one.project_id in SITES),
    )


@contextmanager
def serving() -> Iterator[RunningSandbox]:
    """Both simulated systems of the small company; every reset brings the same company and the same day back."""
    clock = SandboxClock(START)
    sides = {"ifs": simulated_ifs(clock), "procore": simulated_procore(clock)}
    with RunningSandbox(orders=24, sandbox=Sandbox(sides, clock=clock)) as running:
        running.in_loop(lambda: running.sandbox.load(small_company()))
        yield running


class MoneyOffice(Office):
    """An office whose connector goes by the clock of the systems it joins."""

    money: MoneyProof

    def __init__(self, box: RunningSandbox, settings: Settings, app: App, before: Office | None = None) -> None:
        super().__init__(box, settings, app, before)
        if before is None:
            self.money = MoneyProof(box.connection_text(), app, NAME)
            self.proof.ifs, self.proof.procore = self.money.ifs, self.money.procore
            self.policy(**POLICIES)

    # people -----------------------------------------------------------------------------------------------------------

    def order(self, lines: list[dict[str, Any]], currency: str = "USD", project: str = "1201") -> str:
        """A buyer releases an order; each line with its `codes` A and B. Its number."""
        placed = [self.line(project, **one) for one in lines]
        supplier = SUPPLIERS[currency]
        made = self.ifs("create_order", supplier_id=supplier, currency=currency, state="Released", lines=placed)
        return str(made["order_no"])

    def line(self, project: str, account: str, code: str, **given: Any) -> dict[str, Any]:
        """An order line or a posting on a project: its code string and an activity that is open."""
        codes = {"A": account, "B": code, "C": "410", "E": project}
        return {"codes": codes, "activity_seq": int(f"100{int(project) - 1200}03"), **given}

    def receive(self, order: str, **lines: Any) -> None:
        """Goods arrive: `_1="60"` is sixty of line 1."""
        for line, quantity in lines.items():
            self.ifs("receive_goods", order_no=order, line_no=line[1:], quantity=quantity)

    def invoice(self, order: str, number: str, lines: Sequence[Mapping[str, Any]], **given: Any) -> int:
        """Accounts payable registers, posts and authorises an invoice on an order; its id."""
        made = self.ifs("register_invoice", order_no=order, invoice_no=number, lines=lines, authorise=True, **given)
        return int(made["invoice_id"])

    def pay(self, invoice: int, amount: str | None = None) -> int:
        """The treasurer pays an invoice, all of it or an amount; the payment's number."""
        given = {} if amount is None else {"amount": amount}
        return int(self.ifs("pay_invoice", invoice_id=invoice, **given)["payment_id"])

    def until(self, day: str) -> None:
        """The clock is moved on to three in the afternoon of a day."""
        moment = datetime.fromisoformat(f"{day}T15:00:00+00:00")
        assert moment > self.box.clock(), f"it is past {day} already"
        self.box.clock.set(moment)

    def month_end(self, project: str = "1201") -> None:
        """November is closed on both sides, and it is the second of December."""
        self.until("2026-12-02")
        self.ifs("close_period", month="2026-11")
        self.procore("close_billing_period", project_id=project)

    def vendor(self, supplier: str) -> str:
        """The name of a supplier, as Procore's people pick it from their list."""
        return str(self.money.ifs.suppliers()[supplier]["Name"])

    # judgement --------------------------------------------------------------------------------------------------------

    def assert_tied(self, held: tuple[int, ...] = (), left: tuple[str, ...] = ()) -> Books:
        """The money is the same on both sides, and the audit chain is whole; the books it was read from."""
        books = self.money.books()
        differences = self.money.differences(held, left, books=books)
        assert not differences, "\n".join([*differences, *(hold["sentence"] for hold in self.holds())])
        assert self.app.verify_audit(NAME) == []
        return books

    def ledgers(self, order: str, books: Books | None = None) -> tuple[Ledger, Ledger]:
        """The order's line of the book: IFS's and Procore's."""
        erp, site = books or self.money.books()
        return erp.ledger(order), site.ledger(order)

    def assert_ledger(self, order: str, figures: str, books: Books | None = None) -> None:
        """The order's line of the book on both sides: ordered, received, invoiced, retained, payable, paid in IFS and,
        where it differs because IFS pays tax as well, paid in Procore."""
        ordered, received, invoiced, retained, payable, paid, *there = [Decimal(one) for one in figures.split()]
        ours, theirs = self.ledgers(order, books)
        assert str(ours) == str(Ledger(ordered, invoiced, retained, payable, paid, received))
        assert str(theirs) == str(Ledger(ordered, invoiced, retained, payable, there[0] if there else paid))


@contextmanager
def opened(box: RunningSandbox, home: Path, url: str, before: Office | None = None) -> Iterator[MoneyOffice]:
    """A money office over that sandbox and database, closed when the block ends; `before`: as Office takes it."""
    settings = Settings(home=home, database_url=url)
    with App.open(settings, actor="test", clock=box.clock) as app:
        yield MoneyOffice(box, settings, app, before)
