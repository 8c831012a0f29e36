"""One contract decided: created, adopted, changed while it is open, amended by deltas once it is approved."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.kernel.money import Money
from ml_connector.planning import contract_holds
from ml_connector.planning.committing import FLOW, Held
from ml_connector.planning.contract_words import amended, lines_changed
from ml_connector.planning.diffing import (
    Difference,
    as_amended,
    compare,
    current_values,
    deltas,
    header_to_write,
    pair_lines,
    revision_of,
    with_left_behind,
)
from ml_connector.planning.line_marks import line_key, named
from ml_connector.planning.plan import HoldReason, Intent, Verb, pack, unpack
from ml_connector.planning.situation import Linked, Situation
from ml_connector.planning.spreading import summed
from ml_connector.records.commitment import ENDED, FROZEN, ChangeOrder, Commitment, CommitmentLine, CommitmentStatus
from ml_connector.records.purchase_order import GONE, PurchaseOrder


class Contract(msgspec.Struct, frozen=True):
    """Everything about one contract: the order, what it should be, what it is."""

    order: PurchaseOrder
    key: Key
    ours: Commitment
    linked: Linked | None
    theirs: Commitment | None
    change_orders: tuple[ChangeOrder, ...]
    born: bool = False
    """Whether the order was made from this contract, by a requisition of ours."""


def decide_contract(situation: Situation, contract: Contract) -> tuple[list[Intent], list[str]]:
    """The intents that bring the contract to what it should be, and notes on what is left alone; may raise Held."""
    if contract.linked is None and contract.theirs is None:
        return _create(contract), []
    if settled(situation, contract.order, contract.ours, contract.linked):
        return [], []
    if contract.theirs is None:
        raise Held(contract_holds.gone(contract.order, contract.key))
    if contract.linked is None:
        return _adopt(situation, contract)
    if contract.theirs.status in ENDED and contract.order.state in GONE:
        status = contract.theirs.status.value
        return [], [f"Order {contract.order.id} is ended in IFS, and its subcontract in Procore is {status}."]
    base = unpack("commitment", contract.linked.base) if contract.linked.base else None
    return _change(situation, contract, base if isinstance(base, Commitment) else None)


def settled(situation: Situation, order: PurchaseOrder, ours: Commitment, linked: Linked | None) -> bool:
    """Whether a linked contract is what was last agreed on, and nobody touched it: then it need not even be read."""
    return linked is not None and linked.base == pack(ours) and order.id not in situation.touched


def _create(contract: Contract) -> list[Intent]:
    ours = contract.ours
    header = msgspec.structs.replace(ours, lines=(), status=CommitmentStatus.DRAFT)
    why = f"Order {contract.order.id} is {contract.order.state.value} in IFS and was not in Procore."
    intents = [_intent(contract, Verb.CREATE, header, why, counts_as="created")]
    intents.append(_fill(contract, ours.lines, ours.money(), "Its schedule of values.", (Verb.CREATE,)))
    if ours.status is not CommitmentStatus.DRAFT:
        intents.append(_status(contract, (Verb.CREATE, Verb.FILL)))
    return _sealed(contract, intents)


def _adopt(situation: Situation, contract: Contract) -> tuple[list[Intent], list[str]]:
    ours, theirs = contract.ours, contract.theirs
    assert theirs is not None
    own = theirs.once_key == ours.once_key
    if theirs.currency and theirs.currency != ours.currency:
        raise Held(contract_holds.currencies(contract.order, contract.key, ours, theirs))
    pairs, strangers = pair_lines(ours, theirs, born=contract.born)
    if strangers:
        raise Held(contract_holds.strangers(contract.order, theirs, strangers))
    paired = tuple(msgspec.structs.replace(one, id=pairs.get(one.once_key, one.id)) for one in ours.lines)
    frozen = theirs.status in FROZEN
    after = msgspec.structs.replace(
        contract,
        ours=msgspec.structs.replace(ours, lines=paired) if frozen else ours,
        theirs=named(msgspec.structs.replace(theirs, once_key=ours.once_key), {at: once for once, at in pairs.items()}),
    )
    if own and (frozen or not pairs):
        first = _intent(after, Verb.LINK, after.ours, "It carries our once-key already.", counts_as="linked")
    else:
        lines = () if frozen else tuple(one for one in paired if one.id)
        body = msgspec.structs.replace(ours, lines=lines)
        why = f"Typed by hand in Procore as number {theirs.number}, same vendor."
        if contract.born:  # nobody typed the same contract twice
            why = f"Order {contract.order.id} was made from our requisition of Procore's contract {theirs.number}."
        first = _intent(after, Verb.ADOPT, body, why, counts_as="linked")
    more, notes = _change(situation, after, None)
    before = (Verb.ADOPT,) if first.verb is Verb.ADOPT else ()
    later = [msgspec.structs.replace(one, after=(*before, *one.after), counts_as="") for one in more]
    marks = [_mark(after, line) for line in paired if line.once_key in pairs] if frozen else []
    return [*_sealed(after, [first, *later]), *marks], notes


def _mark(contract: Contract, line: CommitmentLine) -> Intent:
    """A line of an approved contract is frozen, mark and all: that it is ours is written down on this side only."""
    where = "/".join(line.once_key.split("/")[-2:])
    why = f"Line {where} of order {contract.order.id} is Procore's line {line.id}, which is frozen and takes no mark."
    intent = _intent(contract, Verb.LINK, contract.ours, why, target=line.id)
    key = line_key(line.once_key)
    return msgspec.structs.replace(intent, key=key, once_key=line.once_key, body=pack(line), needs=(contract.key,))


def _change(situation: Situation, contract: Contract, base: Commitment | None) -> tuple[list[Intent], list[str]]:
    ours, theirs = contract.ours, contract.theirs
    assert theirs is not None
    orders = _standing(situation, contract)
    ours = with_left_behind(ours, theirs, orders)
    contract = msgspec.structs.replace(contract, ours=ours, change_orders=orders)
    frozen = theirs.status in FROZEN or bool(contract.change_orders)  # once amended, the original is history
    if frozen:
        theirs = as_amended(theirs, contract.change_orders, base)
    difference = compare(ours, theirs, base)
    status_moved = _status_verdict(ours, theirs, base)
    vendor = _vendor_verdict(situation, contract, base)
    if vendor == "write":
        if frozen:
            raise Held(contract_holds.vendor_frozen(contract.order, contract.key, ours))
        difference = msgspec.structs.replace(difference, header=("vendor", *difference.header))
    verdicts = (("status", status_moved), ("vendor", vendor))
    conflicts = [*difference.conflicts, *(name for name, verdict in verdicts if verdict == "conflict")]
    drift = [*difference.drift, *(name for name, verdict in verdicts if verdict == "drift")]
    write_drift = _stands(situation, contract, theirs, (conflicts, drift)) == "erp"
    if write_drift and (conflicts or drift):
        difference = compare(ours, theirs, None)
        if vendor and not frozen:
            difference = msgspec.structs.replace(difference, header=("vendor", *difference.header))
    intents: list[Intent] = []
    if difference.header:
        intents.append(_head(contract, theirs, difference, theirs_stands=vendor == "drift" and not write_drift))
    if frozen:
        intents += _amend(contract, difference.lines, _verbs(intents), base)
    elif difference.lines:
        former = _before(theirs, difference)
        delta = sum((line.amount for line in difference.lines), Decimal(0)) - sum(amount for _, amount in former)
        money, why = Money(delta, ours.currency), lines_changed(theirs, difference.lines)
        fill = _fill(contract, difference.lines, money, why, _verbs(intents))
        intents.append(msgspec.structs.replace(fill, former=former))
    if ours.status is not theirs.status and (not status_moved or write_drift):
        intents.append(_status(contract, _verbs(intents)))
    if intents:
        _check_writing(situation, contract, restores=base == ours)
    if intents and not any(intent.counts_as for intent in intents):
        intents[0] = msgspec.structs.replace(intents[0], counts_as="updated")
    return _sealed(contract, intents or _unwritten(contract)), _left_standing(contract, difference)


def _head(contract: Contract, theirs: Commitment, difference: Difference, *, theirs_stands: bool) -> Intent:
    """Writes the header; where Procore's own vendor stands without it: what a step does not need it does not write."""
    names = ", ".join(name.replace("dated", "date") for name in difference.header)
    body = header_to_write(contract.ours, theirs, difference)
    update = _intent(contract, Verb.UPDATE, body, f"Changed in IFS: {names}.", counts_as="updated")
    return msgspec.structs.replace(update, needs=(Key("project", body.project),)) if theirs_stands else update


def as_it_stands(
    situation: Situation, ours: Commitment, there: tuple[Commitment, tuple[ChangeOrder, ...]], base: Commitment | None
) -> tuple[Commitment, Commitment]:
    """A linked contract as it is compared: ours with what was left behind, theirs (with its change orders) amended."""
    theirs, changes = there
    orders = _counted(situation, ours.once_key, changes)
    mine = with_left_behind(ours, theirs, orders)
    frozen = theirs.status in FROZEN or bool(orders)
    return mine, as_amended(theirs, orders, base) if frozen else theirs


def _unwritten(contract: Contract) -> list[Intent]:
    """Writes down what both sides agree on where a link does not say it and nothing is left to send: the steps that
    would have said it are forgotten, as in a database restored from a backup."""
    if contract.linked is None or contract.linked.base:
        return []
    why = "It is what it should be; that both sides agree on it was not written down yet."
    return [_intent(contract, Verb.LINK, contract.ours, why)]


def _check_writing(situation: Situation, contract: Contract, *, restores: bool) -> None:
    """A subcontract that people ended is left alone. Where nothing changed here, what is written restores what somebody
    changed there: not for ever."""
    order, theirs = contract.order, contract.theirs
    if theirs is not None and theirs.status in ENDED:
        raise Held(contract_holds.ended(order, contract.key, theirs))
    done = situation.laps.get(order.id, 0)
    ruling = situation.ruled(Key("order", order.id), HoldReason.LAPPING)
    if restores and done >= situation.policies.purchase_orders.laps and not (ruling and ruling.answer == "erp"):
        raise Held(contract_holds.lapping(order, done))


def _vendor_verdict(situation: Situation, contract: Contract, base: Commitment | None) -> str:
    """Whether the contract's vendor is to be written, was changed by Procore's people, or is as it should be."""
    assert contract.theirs is not None
    target = situation.target(Key("vendor", contract.ours.vendor))
    moved_here = base is not None and base.vendor != contract.ours.vendor
    if target and target == contract.theirs.vendor:
        return ""
    if moved_here or base is None:
        return "write"
    return "drift" if target else ""


def _standing(situation: Situation, contract: Contract) -> tuple[ChangeOrder, ...]:
    """The change orders of a contract that count."""
    return _counted(situation, contract.ours.once_key, contract.change_orders)


def _counted(situation: Situation, once_key: str, change_orders: tuple[ChangeOrder, ...]) -> tuple[ChangeOrder, ...]:
    """The change orders that count. A draft of ours that was never confirmed is left out: we began it and the answer
    was lost, so the next one takes up its number and finishes it."""
    return tuple(
        order
        for order in change_orders
        if order.status != "draft"
        or not revision_of(once_key, order.reference)
        or Key("change_order", order.reference) in situation.links
    )


def _left_standing(contract: Contract, difference: Difference) -> list[str]:
    """What a person let Procore keep, said on every look so that nobody wonders."""
    kept = [*difference.drift, *difference.conflicts]
    named = ", ".join(name.replace("_", " ") for name in kept[:6])
    return [f"Procore's own {named} of order {contract.order.id} stands, as a person said."] if kept else []


def _before(theirs: Commitment, difference: Difference) -> tuple[tuple[str, Decimal], ...]:
    """What the lines that are written over stand at in Procore, by code."""
    keys = {line.once_key for line in difference.lines}
    return summed((line.budget_code, line.amount) for line in theirs.lines if line.once_key in keys)


def _verbs(intents: list[Intent]) -> tuple[Verb, ...]:
    """What must be done before the next step: only the last one says that all is agreed."""
    return tuple(intent.verb for intent in intents)


def _amend(
    contract: Contract, changed: Sequence[CommitmentLine], after: tuple[Verb, ...], base: Commitment | None
) -> list[Intent]:
    """After approval the original sum is never restated: the deltas of changed lines become a change order.

    Its number follows the highest of ours, so that one deleted in Procore never makes two of the same once-key.
    """
    ours = contract.ours
    assert contract.theirs is not None
    lines = deltas(changed, current_values(contract.theirs, contract.change_orders))
    if not lines:
        return []
    number = 1 + max((revision_of(ours.once_key, order.reference) for order in contract.change_orders), default=0)
    body = ChangeOrder(
        reference=f"{ours.once_key}/R{number}",
        commitment=ours.once_key,
        project=ours.project,
        number=f"{ours.number}-CO{number:03d}",
        title=f"IFS change {number} of order {contract.order.id}",
        lines=lines,
        currency=ours.currency,
    )
    intent = Intent(
        flow=FLOW,
        verb=Verb.AMEND,
        key=Key("change_order", body.reference),
        once_key=body.reference,
        scope=ours.project,
        target="",
        body=pack(body),
        needs=_needs(ours, _of_ours(lines, ours, contract.theirs), contract.key),
        after=after,
        money=body.money(),
        reason=amended(contract.order.id, changed, base),
        source=contract.order.id,
        counts_as="updated",
        base=pack(ours),
    )
    return [intent]


def _status_verdict(ours: Commitment, theirs: Commitment, base: Commitment | None) -> str:
    if ours.status is theirs.status or base is None or theirs.status is base.status:
        return ""
    return "drift" if ours.status is base.status else "conflict"


def _stands(situation: Situation, contract: Contract, theirs: Commitment, moved: tuple[list[str], list[str]]) -> str:
    """Which side stands where Procore's people changed what IFS owns: `erp`, `projects`, or raises Held to ask.

    `moved` names what both sides changed, and what only they changed; `theirs` is the contract as it stands.
    """
    conflicts, drift = moved
    if not conflicts and (not drift or situation.policies.purchase_orders.drift == "restore"):
        return "erp"
    evidence = _evidence(contract.ours, theirs, [*conflicts, *drift])
    answer = situation.answered(Key("order", contract.order.id), evidence)
    if answer:
        return answer
    if conflicts:
        raise Held(contract_holds.changed(contract.order, HoldReason.CONFLICT, conflicts, evidence))
    raise Held(contract_holds.changed(contract.order, HoldReason.CHANGED_THERE, drift, evidence))


def _evidence(ours: Commitment, theirs: Commitment, fields: list[str]) -> str:
    """What each side says of each field, a line each: what a person rules on."""
    said = []
    for field in fields:
        record, _, name = field.rpartition(" ")
        sides = (ours, theirs) if not record else (_line_of(ours, record), _line_of(theirs, record))
        values = [getattr(side, name, None) for side in sides]
        texts = [value.value if isinstance(value, CommitmentStatus) else value for value in values]
        said.append(f"{field.replace('_', ' ')}: IFS {texts[0]}, Procore {texts[1]}")
    return "\n".join(said)


def _line_of(side: Commitment, name: str) -> CommitmentLine | None:
    """The line called `line 1/1`."""
    end = f"/{name.removeprefix('line ')}"
    return next((line for line in side.lines if line.once_key.endswith(end)), None)


def _intent(
    contract: Contract, verb: Verb, body: Commitment, reason: str, *, target: str = "", counts_as: str = ""
) -> Intent:
    known = target or (contract.linked.target if contract.linked else contract.theirs.id if contract.theirs else "")
    return Intent(
        flow=FLOW,
        verb=verb,
        key=contract.key,
        once_key=contract.ours.once_key,
        scope=contract.ours.project,
        target=known,
        body=pack(body),
        needs=_needs(body, body.lines if verb is not Verb.ADOPT else (), None),
        after=(),
        money=None,
        reason=reason,
        source=contract.order.id,
        counts_as=counts_as,
    )


def _fill(
    contract: Contract, lines: tuple[CommitmentLine, ...], money: Money, reason: str, after: tuple[Verb, ...]
) -> Intent:
    body = msgspec.structs.replace(contract.ours, lines=lines)
    needs = _needs(body, tuple(line for line in lines if not line.id), None)  # with an id it keeps its code there
    return msgspec.structs.replace(_intent(contract, Verb.FILL, body, reason), money=money, after=after, needs=needs)


def _status(contract: Contract, after: tuple[Verb, ...]) -> Intent:
    body = msgspec.structs.replace(contract.ours, lines=())
    reason = f"{contract.order.state.value.capitalize()} in IFS is {contract.ours.status.value} in Procore."
    return msgspec.structs.replace(_intent(contract, Verb.STATUS, body, reason), after=after)


def _of_ours(lines: tuple[CommitmentLine, ...], ours: Commitment, theirs: Commitment) -> tuple[CommitmentLine, ...]:
    """Lines but those on a code that only Procore's people use, on a line of the contract: it is known there."""
    known = {line.budget_code for line in theirs.lines} - {line.budget_code for line in ours.lines}
    return tuple(line for line in lines if line.budget_code not in known)


def _needs(ours: Commitment, lines: tuple[CommitmentLine, ...], contract: Key | None) -> tuple[Key, ...]:
    codes = dict.fromkeys(Key("budget_code", f"{ours.project}/{line.budget_code}") for line in lines)
    first = (Key("project", ours.project), Key("vendor", ours.vendor))
    return (*first, *codes, *((contract,) if contract else ()))


def _sealed(contract: Contract, intents: list[Intent]) -> list[Intent]:
    """Puts the whole agreed record on the contract's last intent, which may be its change order."""
    own = [n for n, intent in enumerate(intents) if contract.key in (intent.key, *intent.needs)]
    base = pack(contract.ours)
    sealed = [msgspec.structs.replace(intent, base=b"") for intent in intents]
    if own:
        sealed[own[-1]] = msgspec.structs.replace(intents[own[-1]], base=base)
    return sealed
