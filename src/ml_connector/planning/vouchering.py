"""A Procore document into IFS's books: the first time, again after it changed, and back out when it was withdrawn.

What was entered is never edited: a change is a reversal and a new version. Each version has its once-key, so that a
document delivered twice is one voucher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial

import msgspec

from ml_connector.kernel.keys import Key, once_key
from ml_connector.kernel.money import Money, rounded
from ml_connector.kernel.text import clipped
from ml_connector.planning.books import ACCOUNTANT, Books
from ml_connector.planning.chart import Chart
from ml_connector.planning.committing import Held
from ml_connector.planning.crossed import History, Version, figures, histories, sided, swapped
from ml_connector.planning.disputing import (
    balances,
    cancelled,
    compared,
    refused,
    revised,
    sent_back,
    twice,
    unknown_there,
)
from ml_connector.planning.documents import Coded, Coder, Document, Part, credit_of, invoice_of
from ml_connector.planning.plan import Decision, Hold, HoldReason, Intent, Skip, Verb, pack
from ml_connector.planning.situation import Situation
from ml_connector.records.accounting import Book, Demand
from ml_connector.records.supplier_invoice import SupplierInvoice
from ml_connector.records.voucher import RowRole, Voucher, VoucherRow, VoucherStatus

ZERO = Decimal(0)


class Verdict(msgspec.Struct, frozen=True):
    """What is to be done with a document that counts."""

    number: int = 0
    """The version to be made; 0 when none is."""
    takes_back: Version | None = None
    note: str = ""
    """Why it is left alone, when that is worth saying."""
    why: str = ""


Work = tuple[Key, Callable[[], tuple[list[Intent], str]]]
"""A record and what decides it: its intents, and why it is left alone when that is worth saying; it may raise Held."""


def collected(flow: str, works: Iterable[Work]) -> Decision:
    """The decision on a page of records: the intents of each, or the one hold that keeps it back, or a word on it."""
    intents: list[Intent] = []
    holds: list[Hold] = []
    skips: list[Skip] = []
    unchanged: list[Key] = []
    for key, decide in works:
        try:
            made, note = decide()
        except Held as held:
            holds.append(held.hold)
            continue
        intents += made
        if note:
            skips.append(Skip(key, flow, note))
        elif not made:
            unchanged.append(key)
    return Decision(tuple(intents), tuple(holds), tuple(skips), (), tuple(unchanged))


def voucher_keys(company: str, known: Mapping[str, History], documents: Iterable[Key]) -> frozenset[str]:
    """Once-keys of every voucher some documents ever became (`known`, by `KIND/ID`), and of those they may become next.

    How the former stand in IFS must be known to decide them; the latter are looked for before they are entered, for
    what we know may be older than what we did (a database restored from a backup).
    """
    ids = set[str]()
    for key in documents:
        name = f"{key.kind}/{key.id}"
        history = known.get(name, History())
        ids |= {one.key.id for one in (*history.versions, *history.reversals) if one.key.kind == "voucher"}
        ids |= {f"{name}/{history.next}"} | ({f"{name}/r{history.live.number}"} if history.live else set())
    return frozenset(once_key(company, one) for one in ids)


def _moved(document: Document, live: Version) -> str:
    """Said where a document is of a later month than its voucher by now: figures are corrected, dates are not.

    An earlier one is no news: a voucher goes into the next open month where its own was closed.
    """
    now, there = document.dated, live.dated()
    if (now.year, now.month) <= (there.year, there.month):
        return ""
    return f"{document.called} is dated {now} in Procore now; {live.target} stays on {there}, for no figure changed."


class Desk:
    """Where a page's documents are entered, reversed and held; `vouchers` are ours by once-key, as IFS has them."""

    def __init__(
        self, situation: Situation, flow: str, coding: tuple[Chart, Book], vouchers: Mapping[str, Voucher]
    ) -> None:
        self.situation = situation
        self.flow = flow
        self.books = Books(coding[1], coding[0])
        self.vouchers = vouchers
        self.policy = situation.policies.vouchers
        self.histories = histories(situation.links)

    def history(self, key: Key) -> History:
        """What of a document is in IFS."""
        return self.histories.get(f"{key.kind}/{key.id}", History())

    # a document that may be ours ------------------------------------------------------------------------------------

    def echo(self, key: Key, called: str, origin: str, *, linked: bool) -> str:
        """Whether a document was made from IFS, in words; what crossed stays Procore's, though IFS has its paper now.

        `origin` is its origin_id; `linked`: whether it stands for a record of IFS.
        """
        ours = origin.startswith(f"{self.situation.company}/") or (linked and not self.history(key).versions)
        return f"{called} was made from IFS: an echo of our own." if ours else ""

    def too_old(self, key: Key, called: str, day: date | None) -> str:
        """Whether a document that never crossed is older than go-live, in words."""
        go_live = self.situation.go_live
        if go_live and day and day < go_live and not self.history(key).versions:
            return f"{called} is dated {day}, before the go-live day {go_live}."
        return ""

    def typed_again(self, question: Hold, called: str) -> str:
        """The answer to whether a document is one from IFS typed again: a sentence, or empty when it is another one.

        Raises Held with the question where nobody answered.
        """
        ruling = self.situation.ruled(question.key, question.reason)
        if not ruling:
            raise Held(question)
        return f"A person said that {called} is one that came from IFS." if ruling.answer == "ignore" else ""

    def gone(self, kind: str, noun: str, ids: Iterable[str]) -> Iterable[Work]:
        """What decides documents that are not to be seen in Procore any more."""
        said = "cannot be seen in Procore any more"
        for one in ids:
            key = Key(kind, one)
            yield key, partial(self.withdraw, key, f"Procore {noun} #{one}", said, gone=True)

    # a document that counts ---------------------------------------------------------------------------------------

    def verdict(self, document: Document) -> Verdict:
        """Whether a document that counts is new, changed, or as it was; raises Held where a person must say."""
        history = self.history(document.key)
        live = history.live
        wanted = {(one.role.value, one.series): ZERO for one in document.parts}
        for one in document.parts:
            wanted[(one.role.value, one.series)] += one.amount
        wanted = {place: amount for place, amount in wanted.items() if amount}
        self._check_history(document.key, document.called, history)
        if live is None:
            again = f"{document.called} counts again in Procore." if history.versions else ""
            new = f"{document.called} is {document.status} in Procore and not in IFS yet."
            return (
                Verdict(history.next, why=again or new) if wanted else Verdict(note=f"{document.called} has no money.")
            )
        before = figures(live.rows())
        if self.cancelled(live):
            said = compared(document, live, (before, wanted))
            if self._stands(cancelled(document, self.flow, live, said)) == "erp":
                return Verdict(note=f"A person left {live.target} of {document.called} cancelled in IFS.")
            return Verdict(history.next, why=f"A person said that {document.called} counts.")
        same = (document.currency, document.number) == (live.body.currency, live.number_there())
        other = not document.order and document.vendor and live.party() not in ("", document.vendor)
        if before == wanted and same and not other:
            return Verdict(note=_moved(document, live))
        if self.policy.revised == "ask":
            said = compared(document, live, (before, wanted))
            if self._stands(revised(document, self.flow, live, said)) == "erp":
                return Verdict(note=f"A person kept {live.target} in IFS as {document.called} was when it crossed.")
        why = f"{document.called} changed in Procore after it crossed as {live.target}."
        return Verdict(history.next if wanted else 0, takes_back=live, why=why)

    def write(self, document: Document, verdict: Verdict, coder: Coder) -> list[Intent]:
        """The intents of a verdict, checked against the books; raises Held with the first reason why not."""
        day, note = self._day(document.key, document.called, document.dated, document.cost())
        intents = []
        needs = document.needs
        if verdict.takes_back:
            intents.append(self._reversal(verdict.takes_back, document.called, day, f"{verdict.why}{note}"))
            needs = (*needs, intents[0].key)
        if verdict.number:
            made = self._made(document, verdict.number, coder, (day, note))
            self._check(document, made)
            key = Key(document.route, f"{document.key.kind}/{document.key.id}/{verdict.number}")
            body = invoice_of(document, made, verdict.number) if document.route == "erp_invoice" else made
            intent = self._intent(key, body, document.project, f"{verdict.why}{document.note}{note}")
            counts_as = "created" if verdict.number == 1 else "updated"
            intents.append(msgspec.structs.replace(intent, needs=needs, counts_as=counts_as))
        elif intents:
            intents[0] = msgspec.structs.replace(intents[0], counts_as="updated")
        return intents

    # a document that counts no more -------------------------------------------------------------------------------

    def withdraw(
        self, key: Key, called: str, said: str, *, gone: bool = False, sure: bool = True
    ) -> tuple[list[Intent], str]:
        """What becomes of a document that crossed and does not count any more: intents, or why it is left alone.

        `said` is what Procore says now. One that is only not to be seen, or of which we are not sure what is said, is
        always asked about: that is no proof.
        """
        history = self.history(key)
        live = history.live
        self._check_history(key, called, history)
        if live is None:
            return [], ""
        if self.cancelled(live):
            return [], f"{called} {said}, and {live.target} was cancelled in IFS: both sides agree."
        question = sent_back(key, self.flow, f"{called} {said}", live, gone=gone)
        ask = gone or not sure or self.policy.sent_back == "ask"
        if ask and self._stands(question) == "erp":
            return [], f"A person kept {live.target} in IFS, though {called} {said}."
        day, note = self._day(key, called, live.dated(), live.cost(), back=True)
        intent = self._reversal(live, called, day, f"{called} {said} after it crossed as {live.target}.{note}")
        return [msgspec.structs.replace(intent, counts_as="updated")], ""

    def _stands(self, question: Hold) -> str:
        """The person's answer to exactly this question; raises Held to ask it."""
        answer = self.situation.answered(question.key, question.evidence)
        if not answer:
            raise Held(question)
        return answer

    def cancelled(self, version: Version) -> bool:
        """Whether people cancelled in IFS what a version, or a reversal, is there."""
        there = self.vouchers.get(once_key(self.situation.company, version.key.id))
        return there is not None and there.status is VoucherStatus.CANCELLED

    def _check_history(self, key: Key, called: str, history: History) -> None:
        """A reversal somebody cancelled in IFS leaves the document there twice: only people can mend that. The same
        goes for a version of which we do not know what it was."""
        if history.unread:
            sentence = (
                f"{called} crossed as {', '.join(history.unread)}, and what was agreed then is not kept any more."
            )
            waits_for, owner = Key("agreed_record", str(key)), "integration engineer"
            raise Held(Hold(key, self.flow, HoldReason.BAD_ROW, waits_for, owner, sentence))
        for one in history.reversals:
            taken_back = next((version for version in history.versions if version.number == one.number), None)
            if not self.cancelled(one) or (taken_back and self.cancelled(taken_back)):
                continue
            question = twice(key, self.flow, called, (one, taken_back))
            if self._stands(question) != "erp":
                raise Held(question)

    # days, rows, bodies -------------------------------------------------------------------------------------------

    def _day(self, key: Key, called: str, dated: date, money: Money, *, back: bool = False) -> tuple[date, str]:
        """The day to post on and what to say of it; raises Held when its period is closed and policy says hold.

        What only takes something `back` out of a closed month goes into the next open one, whatever policy says.
        """
        group = self.books.group(self.policy.type, self.policy.user_group)
        closed = self.books.closed(dated, group)
        if closed is None:
            return dated, ""
        later = self.books.next_open(dated, group) if back or self.policy.closed_period == "next_open" else None
        if later is None:
            raise Held(refused(Hold(key, self.flow, closed.reason, closed.waits_for, "", called, money), closed))
        return later, f" Dated {dated}, whose accounting period is closed: posted on {later}."

    def _year(self, day: date) -> int:
        """The accounting year of a day; 0 where the periods do not tell it, or tell two."""
        years = {one.year for one in self.books.book.periods if one.start <= day <= one.until}
        return years.pop() if len(years) == 1 else 0

    def _made(self, document: Document, number: int, coder: Coder, day: tuple[date, str]) -> Voucher:
        parts = list(document.parts)
        if document.route == "voucher":
            due = sum((one.amount for one in parts), ZERO)
            parts.append(Part(RowRole.CLEARING, document.order, -due, f"{document.called}: to be matched"))
        rows = [self._row(document, part, coder, day[0]) for part in parts if part.amount]
        return Voucher(
            once_key=once_key(self.situation.company, document.key.kind, document.key.id, str(number)),
            type=self.policy.type,
            dated=day[0],
            user_group=self.policy.user_group,
            currency=document.currency,
            text=clipped(f"{document.text}{day[1]}", 1000),
            status=VoucherStatus(self.policy.status),
            rows=tuple(rows),
            source=f"{document.key.kind}/{document.key.id}",
            year=self._year(day[0]),
        )

    def _row(self, document: Document, part: Part, coder: Coder, on: date) -> VoucherRow:
        if part.amount != rounded(part.amount, document.currency):
            sentence = f"{document.called} has an amount of {part.amount} {document.currency}: no posting is that fine."
            owner = "integration engineer"
            raise Held(document.hold(self.flow, HoldReason.TOTALS_DIFFER, document.key, owner, sentence))
        coded = coder(part, on) if part.role is RowRole.COST else self._by_policy(document, part.role)
        debit, credit = sided(part.amount)
        account = self.books.book.accounts.get(dict(coded.codes).get("A", ""))
        takes_none = account is not None and account.demands.get("quantity") is Demand.BLOCKED
        return VoucherRow(
            role=part.role,
            codes=coded.codes,
            debit=debit,
            credit=credit,
            project=coded.project,
            activity=coded.activity,
            text=clipped(part.text or document.text, 200),
            series=part.series,
            number=document.number,
            party=document.vendor,
            quantity=ZERO if takes_none else part.quantity,
        )

    def _by_policy(self, document: Document, role: RowRole) -> Coded:
        retention = role is RowRole.RETENTION
        account = self.policy.retention_account if retention else document.credited
        if not account:
            entry = "vouchers.retention_account" if retention else "vouchers.clearing_account"
            what = "what is retained" if retention else "what the supplier's own invoice will bring"
            sentence = f"{document.called} cannot be entered: policy {entry} names no account for {what}."
            waits_for = Key("policy", entry)
            raise Held(document.hold(self.flow, HoldReason.ACCOUNT_MISSING, waits_for, ACCOUNTANT, sentence))
        given = {part: document.project if value == "project" else value for part, value in self.policy.codes.items()}
        project = document.project if "project" in self.policy.codes.values() else ""
        return Coded(tuple(sorted({**given, "A": account}.items())), project, "")

    def _reversal(self, version: Version, called: str, day: date, why: str) -> Intent:
        key = Key(version.key.kind, f"{version.key.id.rpartition('/')[0]}/r{version.number}")
        hold = Hold(
            version.document(), self.flow, HoldReason.GONE_HERE, version.key, ACCOUNTANT, called, version.cost()
        )
        if version.key.kind == "voucher" and once_key(self.situation.company, version.key.id) not in self.vouchers:
            sentence = f"{called} is to be taken back, and {version.target} cannot be seen in IFS any more."
            raise Held(msgspec.structs.replace(hold, sentence=f"{sentence} Nothing was entered."))
        rows = tuple(swapped(row) for row in version.rows())
        if isinstance(version.body, Voucher):
            body: Voucher | SupplierInvoice = msgspec.structs.replace(
                version.body,
                once_key=once_key(self.situation.company, key.id),
                dated=day,
                text=clipped(f"Reversal of {version.target}: {why}", 1000),
                status=VoucherStatus(self.policy.status),
                rows=rows,
                reverses=version.target,
                id="",
                year=self._year(day),
            )
            breach = self.books.check(body) if isinstance(body, Voucher) else None
        else:
            body = credit_of(version, version.body, day)
            breach = next((one for one in (self.books.posting(row, day) for row in rows) if one), None)
        if breach:
            raise Held(refused(hold, breach))
        return self._intent(key, body, version.project(), why)

    def _check(self, document: Document, voucher: Voucher) -> None:
        entered = document.route == "voucher"
        breach = self.books.check(voucher) if entered else self.books.period(voucher) or self.books.rows(voucher)
        if breach:
            hold = document.hold(self.flow, breach.reason, breach.waits_for, breach.owner, document.called)
            raise Held(refused(hold, breach))

    def _intent(self, key: Key, body: Voucher | SupplierInvoice, project: str, reason: str) -> Intent:
        made = Version(key, 0, "", body)
        there = self.vouchers.get(once_key(self.situation.company, key.id)) if key.kind == "voucher" else None
        if there is not None and isinstance(body, Voucher):
            question = unknown_there(made.document(), self.flow, there, body)
            differs = there.status is VoucherStatus.CANCELLED or balances(there) != balances(body)
            if differs and self._stands(question) != "erp":
                raise Held(question)
            reason = f"{reason} It stands in IFS already, as {there.id}: entered by us, and not known here any more."
        return Intent(
            flow=self.flow,
            verb=Verb.LINK if there else Verb.CREATE,
            key=key,
            once_key=once_key(self.situation.company, key.id),
            scope=project,
            target=there.id if there else "",
            body=pack(body),
            needs=(),
            after=(),
            money=made.cost(),
            reason=reason,
            source=made.document().id,
            base=pack(body),
        )
