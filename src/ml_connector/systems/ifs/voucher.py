"""Vouchers through IFS's entry assistant, many to a request, and ours read back wherever they stand by now.

A voucher is one change set (facts/ifs.md 7.5, 8, 11.9):

    POST VoucherSet                       the virtual voucher, $1; its text begins with our once-key
    POST $1/VoucherPostingArray           each row
    POST $1/..VoucherEntry_CreateVoucher  it stands in the hold table and has a number
    POST $1/..VoucherEntry_RemoveTemp...  the virtual one is gone

What was entered and not acknowledged is looked for by that once-key: in the hold table first, then in the ledger,
because vouchers move that way.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from ml_connector.kernel.errors import Bug, ConnectorError, FixSetup
from ml_connector.kernel.text import clipped
from ml_connector.records.voucher import Voucher, VoucherRow
from ml_connector.systems.ifs.answers import refusal
from ml_connector.systems.ifs.change_set import Answer, ChangeSet, ChangeSets, Part
from ml_connector.systems.ifs.odata import Odata
from ml_connector.systems.ifs.profile import Profile
from ml_connector.systems.ifs.voucher_reading import VoucherReading
from ml_connector.systems.outcomes import all_of, body_of, done, ended, refused, unknown
from ml_connector.systems.port import Effect, Outcome, Result
from ml_connector.systems.wire import WireReply

_MOST_TEXT = 2000
"""Characters of VoucherText2 (facts/ifs.md 11.9)."""
_TAGGED = (("if-match", "$1"),)
_GONE = 404


class Vouchers:
    """Enters vouchers of one company and finds them again. Thread safe."""

    def __init__(self, odata: Odata, change_sets: ChangeSets, profile: Profile, company: str) -> None:
        self.reading = VoucherReading(odata, profile, company)
        self._change_sets = change_sets
        self._where = profile.vouchers
        self._company = company
        self._service = odata.service(self._where.entry.projection)
        self._tidies = bool(self._where.remove)
        """False where the tenant removes a virtual voucher itself, or once it turned out to."""

    def create(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Enters the vouchers of `effects`, each all or not at all; targets are `TYPE/YEAR/NUMBER`.

        Raises set-up trouble when nothing else came of the whole batch; else what met it waits for the next run.
        """
        vouchers = [body_of(effect, Voucher) for effect in effects]
        answers = self._sent(vouchers)
        targets = self._targets(vouchers, answers)
        outcomes: list[Outcome] = []
        troubles: list[FixSetup] = []
        for effect, voucher, answer in zip(effects, vouchers, answers, strict=True):
            if answer is not None and not answer.ok:
                error = refusal(answer.replies[0], f"enter the voucher for {voucher.source or voucher.once_key}")
                if isinstance(error, FixSetup):
                    troubles.append(error)
                    outcomes += all_of((effect,), Result.WAITING, error)
                else:
                    outcomes += ended((effect,), error)
            elif answer is not None and voucher.once_key in targets:
                outcomes.append(done(effect, targets[voucher.once_key]))
            else:
                outcomes.append(unknown(effect, _unseen(voucher, answer)))
        if troubles and len(troubles) == len(effects):
            raise troubles[0]
        return outcomes

    def find(self, effect: Effect) -> Outcome | None:
        """The voucher that carries the effect's once-key, in the hold table or in the ledger; None when none does.

        More than one is a refusal: which of them counts is for people to say.
        """
        found = self.reading.ids((effect.once_key,), everywhere=True).get(effect.once_key, [])
        if len(found) > 1:
            several = ", ".join(found)
            return refused(effect, f"IFS has more than one voucher of ours for {effect.once_key}: {several}.")
        return done(effect, found[0]) if found else None

    def _sent(self, vouchers: Sequence[Voucher]) -> list[Answer | None]:
        tidies = self._tidies
        answers = self._change_sets.send(self._service, [self._set(one, tidies) for one in vouchers])
        if not tidies or not self._change_sets.works:
            return answers
        # a tenant that removes virtual vouchers itself has none to clean up: the whole set was refused for it
        again = [
            n for n, one in enumerate(answers) if one is not None and not one.ok and one.replies[0].status == _GONE
        ]
        if again:
            try:
                more = self._change_sets.send(self._service, [self._set(vouchers[n], False) for n in again])
            except ConnectorError:  # nothing of it was done, and what the others came to must not be lost
                return answers
            for n, answer in zip(again, more, strict=True):
                answers[n] = answer
            self._tidies = not any(one is not None and one.ok for one in more)
        return answers

    def _set(self, voucher: Voucher, tidies: bool) -> ChangeSet:
        entry = self._where.entry
        status = self._where.entry_statuses.get(voucher.status.value)
        if status is None:
            raise Bug(f"The voucher {voucher.once_key} was to be entered as {voucher.status.value}.")
        head = {
            "company": self._company,
            "type": voucher.type,
            "dated": voucher.dated.isoformat(),
            "user_group": voucher.user_group,
            "text": _text(voucher),
            "status": status,
        }
        body = {entry.name(word): value for word, value in head.items() if value and entry.name(word)}
        rows = (Part("POST", f"$1/{self._where.posting.entity_set}", self._row(voucher, row)) for row in voucher.rows)
        remove = (self._action(self._where.remove),) if tidies else ()
        return ChangeSet(
            (Part("POST", entry.entity_set, body, content_id="1"), *rows, self._action(self._where.create)),
            tidy=remove,
            undo=remove,
        )

    def _action(self, name: str) -> Part:
        return Part("POST", f"$1/IfsApp.{self._where.entry.projection}.{name}", headers=_TAGGED)

    def _row(self, voucher: Voucher, row: VoucherRow) -> dict[str, str]:
        """A row's body. Numbers are texts, as IEEE754Compatible has it; what is nought or empty is left out."""
        where = self._where.posting
        values = {
            **{f"code_{part.lower()}": value for part, value in row.codes},
            "currency": voucher.currency,
            "debit": _number(row.debit),
            "credit": _number(row.credit),
            "activity": row.activity,
            "series": row.series,
            "number": row.number,
            "party_type": self._where.supplier if row.party else "",
            "party": row.party,
            "text": row.text,
            "quantity": _number(row.quantity),
        }
        return {where.name(word): value for word, value in values.items() if value and where.name(word)}

    def _targets(self, vouchers: Sequence[Voucher], answers: Sequence[Answer | None]) -> dict[str, str]:
        """The ids of vouchers just entered, by once-key; absent where they cannot be seen.

        The answer to CreateVoucher is a number. The accounting year it counts in is what the virtual voucher tells,
        else the year planned from the periods; where neither is known it is read back, for all of them at once.

        Should IFS count otherwise than its periods say, the id has the wrong year, and nothing but the id: our vouchers
        are found by their text (`VoucherReading.vouchers`), which tells the right one.
        """
        found: dict[str, str] = {}
        silent: list[str] = []
        year = self._where.entry.name("year")
        for voucher, answer in zip(vouchers, answers, strict=True):
            if answer is None or not answer.ok:
                continue
            told = _member(answer.replies[0], year) or (str(voucher.year) if voucher.year else "")
            number = _value(answer)
            if told and number:
                found[voucher.once_key] = f"{voucher.type}/{told}/{number}"
            else:
                silent.append(voucher.once_key)
        if silent:
            try:
                seen = self.reading.ids(silent)
            except ConnectorError:
                return found
            found |= {key: ids[0] for key, ids in seen.items() if len(ids) == 1}
        return found


def parts_of(voucher: Voucher) -> int:
    """Requests in its change set: its head, each row, the action, the cleaning up."""
    return len(voucher.rows) + 3


def _text(voucher: Voucher) -> str:
    """Our once-key and then, always, something more, so that one key is never the beginning of another."""
    return clipped(f"{voucher.once_key} {voucher.text or voucher.source or voucher.type}", _MOST_TEXT)


def _number(value: Decimal) -> str:
    return f"{value:f}" if value else ""


def _unseen(voucher: Voucher, answer: Answer | None) -> str:
    about = voucher.source or voucher.once_key
    if answer is None:
        return f"IFS gave no answer to the entry of the voucher for {about}."
    number = _value(answer)
    return f"IFS entered a voucher for {about}{f' as {number}' if number else ''}, but it could not be read back."


def _value(answer: Answer) -> str:
    """The number CreateVoucher gave, as text; empty when the answer holds none."""
    return _member(answer.replies[-1], "value")


def _member(reply: WireReply, name: str) -> str:
    """A text or whole number in the object a reply holds, as text; empty when it is not there."""
    try:
        body: Any = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    value = body.get(name) if isinstance(body, dict) else None
    return str(value) if isinstance(value, (str, int)) else ""
