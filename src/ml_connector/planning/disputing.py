"""What only people can say about a document that crossed: it was sent back, it changed, somebody cancelled it in IFS.

Each question shows what it is about as evidence, and an answer holds for exactly that: `erp` leaves IFS as it is,
`projects` follows Procore.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning.books import ACCOUNTANT, Breach
from ml_connector.planning.crossed import Figures, Version
from ml_connector.planning.documents import Document
from ml_connector.planning.plan import Hold, HoldReason
from ml_connector.records.voucher import Voucher

ZERO = Decimal(0)


def compared(document: Document, live: Version, figures: tuple[Figures, Figures]) -> str:
    """What IFS has and what Procore says, a line for each place where they differ: what a person rules on."""
    before, wanted = figures
    said = [f"{live.target} in IFS: {live.cost()}; Procore: {document.cost()}"]
    for place in dict.fromkeys((*before, *wanted)):
        here, there = before.get(place, ZERO), wanted.get(place, ZERO)
        if here != there:
            named = " ".join(filter(None, (place[1], place[0])))
            said.append(f"{named}: IFS {here}, Procore {there}")
    if live.number_there() != document.number:
        said.append(f"number: IFS {live.number_there()}, Procore {document.number}")
    if live.party() != document.vendor:
        said.append(f"supplier: IFS {live.party() or 'none'}, Procore {document.vendor or 'none'}")
    return "\n".join(said)


def cancelled(document: Document, flow: str, live: Version, evidence: str) -> Hold:
    """A person cancelled the voucher in IFS, and the document still counts in Procore."""
    sentence = (
        f"{live.target} of {document.called} was cancelled in IFS, and Procore still counts the document. Say that IFS "
        "stands (nothing is entered again) or that Procore does (it is entered anew)."
    )
    hold = document.hold(flow, HoldReason.CONFLICT, _ruling(document.key), ACCOUNTANT, sentence)
    return msgspec.structs.replace(hold, evidence=f"{live.target} is cancelled in IFS\n{evidence}")


def balances(voucher: Voucher) -> dict[tuple[str, str], Decimal]:
    """What a voucher comes to by currency and account, those that come to nothing left out."""
    found: dict[tuple[str, str], Decimal] = {}
    for row in voucher.rows:
        place = voucher.currency, dict(row.codes).get("A", "")
        found[place] = found.get(place, ZERO) + row.debit - row.credit
    return {place: amount for place, amount in found.items() if amount}


def unknown_there(document: Key, flow: str, there: Voucher, ours: Voucher) -> Hold:
    """A voucher of ours that we do not know stands in IFS, and it is not the one we would enter."""
    called, state = f"{document.kind.replace('_', ' ')} {document.id}", there.status.value.replace("_", " ")
    sentence = (
        f"IFS has voucher {there.id}, which we entered for {called} and of which nothing is kept here (was an older "
        f"backup restored?). It is {state}, and not what would be entered now. Nothing was entered. Answer `erp` to "
        "let it stand for the document, or mend it in IFS."
    )
    said = [f"{account}: in IFS {amount} {currency}" for (currency, account), amount in balances(there).items()]
    said += [f"{account}: now {amount} {currency}" for (currency, account), amount in balances(ours).items()]
    hold = Hold(document, flow, HoldReason.CONFLICT, _ruling(document), ACCOUNTANT, sentence)
    return msgspec.structs.replace(hold, evidence="\n".join(said))


def revised(document: Document, flow: str, live: Version, evidence: str) -> Hold:
    """The document changed after it crossed, and policy wants a person to say so."""
    sentence = (
        f"{document.called} changed in Procore after it crossed: {live.target} in IFS has {live.cost()}, Procore now "
        f"{document.cost()}. Say that Procore stands (it is reversed and entered anew) or that IFS does."
    )
    hold = document.hold(flow, HoldReason.REVISED, _ruling(document.key), ACCOUNTANT, sentence)
    return msgspec.structs.replace(hold, evidence=evidence)


def sent_back(key: Key, flow: str, said: str, live: Version, *, gone: bool) -> Hold:
    """The document was sent back, or cannot be seen any more, after it crossed."""
    proof = " That is no proof that it was deleted: a permission may be lost." if gone else ""
    sentence = (
        f"{said}, after it crossed as {live.target} ({live.cost()}).{proof} It is not to be paid until somebody says "
        "that Procore stands (it is taken back in IFS) or that IFS does (it is kept)."
    )
    evidence = f"{said}; {live.target} in IFS has {live.cost()}"
    return Hold(key, flow, HoldReason.SENT_BACK, _ruling(key), ACCOUNTANT, sentence, live.cost(), evidence=evidence)


def twice(key: Key, flow: str, called: str, versions: tuple[Version, Version | None]) -> Hold:
    """Somebody cancelled a reversal of ours in IFS, so that what it took back stands again."""
    reversal, taken_back = versions
    earlier = taken_back.target if taken_back else "an earlier version"
    evidence = f"{reversal.target} is cancelled in IFS; it took back {earlier}"
    sentence = (
        f"{reversal.target}, which takes back {earlier} of {called}, was cancelled in IFS: what it took back counts "
        "there again. Reverse it in IFS by hand, then answer that IFS stands."
    )
    money = Money(-reversal.cost().amount, reversal.cost().currency)
    return Hold(key, flow, HoldReason.CONFLICT, _ruling(key), ACCOUNTANT, sentence, money, evidence=evidence)


def typed_again(question: tuple[Key, str, str], what: str, ours: Key, money: Money) -> Hold:
    """A Procore document looks like one that came from IFS: the same one typed again, or another?

    `question` is the document's key, its flow and what it is called; `what` it shares with `ours`.
    """
    key, flow, called = question
    sentence = (
        f"{called} has the {what} of IFS invoice {ours.id.partition('@')[0]}, which is in Procore already. If it is "
        "the same one typed again, answer `ignore` and delete it there; `new` if it is another."
    )
    return Hold(key, flow, HoldReason.INVOICE_MATCH, _ruling(key), ACCOUNTANT, sentence, money)


def refused(hold: Hold, breach: Breach) -> Hold:
    """A hold that says which rule of the books stands in the way, with IFS's constant as its evidence."""
    return msgspec.structs.replace(
        hold,
        reason=breach.reason,
        waits_for=breach.waits_for,
        owner=breach.owner,
        sentence=f"{hold.sentence} cannot be entered in IFS: {breach.sentence}",
        evidence=breach.constant,
    )


def _ruling(key: Key) -> Key:
    return Key("ruling", str(key))
