"""How a contract in Procore differs from what it should be, and who changed what since both last agreed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentLine

HEADER = ("title", "description", "dated", "delivery")
"""Header fields IFS owns besides vendor and status, which have rules of their own."""

LINE = ("description", "quantity", "unit", "unit_cost", "amount", "budget_code")
"""Line fields IFS owns."""

MEASURES = frozenset({"quantity", "unit", "unit_cost"})
"""Line fields that a contract kept by amount does not have."""

VALUE = (*sorted(MEASURES), "amount")
"""Line fields that make one value: who changed one of them there changed the line's value."""

DEAD = frozenset({"void", "rejected"})
"""Statuses of a change order that carries no money any more."""

ZERO = Decimal(0)


class Difference(msgspec.Struct, frozen=True):
    """What to write, and what somebody else wrote."""

    header: tuple[str, ...] = ()
    """Header fields to write."""
    lines: tuple[CommitmentLine, ...] = ()
    """Lines to write: new, changed, or set to zero."""
    drift: tuple[str, ...] = ()
    """What Procore's people changed although IFS owns it: `title`, `line 1/1 amount`."""
    conflicts: tuple[str, ...] = ()
    """What both sides changed since they last agreed."""


def compare(ours: Commitment, theirs: Commitment, base: Commitment | None) -> Difference:
    """Three-way comparison; without a base nothing was agreed yet, so ours is simply to be written."""
    header, drift, conflicts = [], list[str](), list[str]()
    for name in HEADER:
        verdict = _verdict(getattr(ours, name), getattr(theirs, name), base, name)
        if verdict == "write":
            header.append(name)
        elif verdict:
            (drift if verdict == "drift" else conflicts).append(name)
    lines = []
    before = {line.once_key: line for line in base.lines} if base else {}
    there = {line.once_key: line for line in theirs.lines if line.once_key}
    for line in ours.lines:
        other = there.get(line.once_key)
        if other is None:
            lines.append(line)
            continue
        changed, moved, fought = _line(line, other, before.get(line.once_key))
        if changed:
            lines.append(_kept_theirs(line, other, (*moved, *fought)))
        name = f"line {'/'.join(line.once_key.split('/')[-2:])}"
        drift += [f"{name} {field}" for field in moved]
        conflicts += [f"{name} {field}" for field in fought]
    return Difference(tuple(header), tuple(lines), tuple(drift), tuple(conflicts))


def header_to_write(ours: Commitment, theirs: Commitment, difference: Difference) -> Commitment:
    """The header as it is written: what is asked about, or stands as a person said, goes as Procore has it."""
    kept = [name for name in (*difference.drift, *difference.conflicts) if name in HEADER]
    return msgspec.structs.replace(ours, lines=(), **{name: getattr(theirs, name) for name in kept})


def _kept_theirs(ours: CommitmentLine, theirs: CommitmentLine, fields: Sequence[str]) -> CommitmentLine:
    """The line as it is written: what is asked about stays theirs until a person says otherwise, and all of ours goes.

    One that keeps their budget code has their id, too: the code is not written, for it may be none of ours.
    """
    kept = {field: getattr(theirs, field) for field in fields}
    return msgspec.structs.replace(ours, **kept, id=theirs.id if "budget_code" in kept else ours.id)


def _line(
    ours: CommitmentLine, theirs: CommitmentLine, base: CommitmentLine | None
) -> tuple[bool, list[str], list[str]]:
    by_amount = _kept_by_amount(ours, theirs, base)
    looked_at = [name for name in LINE if not (by_amount and name in MEASURES)]
    verdicts = {name: _verdict(getattr(ours, name), getattr(theirs, name), base, name) for name in looked_at}
    theirs_too = {verdicts.get(name) for name in VALUE} & {"drift", "conflict"}
    if theirs_too:  # quantity times price is one thing: none of it is written over what they made of it
        asked = "conflict" if "conflict" in theirs_too else "drift"
        verdicts.update({name: asked for name in VALUE if verdicts.get(name) == "write"})
    drift, conflicts = ([name for name in looked_at if verdicts[name] == said] for said in ("drift", "conflict"))
    return "write" in verdicts.values(), drift, conflicts


def _kept_by_amount(ours: CommitmentLine, theirs: CommitmentLine, base: CommitmentLine | None) -> bool:
    """Whether their line says only an amount, and ours: a contract by amount reads back as one unit of the amount.

    A line that we ourselves once wrote as one unit is a real quantity, and follows IFS; but that theirs has no unit is
    no news where ours is one unit still.
    """
    only_amount = theirs.quantity == 1 and theirs.unit_cost == theirs.amount
    if not only_amount or ours.amount != theirs.amount:
        return False
    return base is None or base.quantity != 1 or (ours.quantity == 1 and not theirs.unit)


def _verdict(ours: object, theirs: object, base: object, name: str) -> str:
    same = _same_unit if name == "unit" else _same
    if same(ours, theirs):
        return ""
    if base is None:
        return "write"
    agreed = getattr(base, name)
    if same(theirs, agreed):
        return "write"
    return "drift" if same(ours, agreed) else "conflict"


def _same(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one == other or one.split() == other.split()  # Procore may fold white space
    return one == other


def _same_unit(one: object, other: object) -> bool:
    return str(one).casefold() == str(other).casefold()  # Procore answers with its own list's spelling


def revision_of(once_key: str, reference: str) -> int:
    """The number in a change order's once-key (`.../R3` is 3); 0 when it is not one of ours."""
    start, mark, number = reference.rpartition("/R")
    return int(number) if mark and start == once_key and number.isdecimal() else 0


def current_values(theirs: Commitment, orders: Iterable[ChangeOrder]) -> dict[str, dict[str, Decimal]]:
    """What each line (by once-key) has on each budget code as it stands: original amounts plus the change orders.

    Ours count until they are void or rejected; those of Procore's people once approved, for a draft is no money yet.
    """
    values: dict[str, dict[str, Decimal]] = {}
    counted = [order for order in orders if _counts(theirs.once_key, order)]
    for line in (*theirs.lines, *(line for order in counted for line in order.lines)):
        if line.once_key:
            codes = values.setdefault(line.once_key, {})
            codes[line.budget_code] = codes.get(line.budget_code, ZERO) + line.amount
    return values


def _counts(once_key: str, order: ChangeOrder) -> bool:
    return order.status not in DEAD if revision_of(once_key, order.reference) else order.status == "approved"


def with_left_behind(ours: Commitment, theirs: Commitment, orders: Sequence[ChangeOrder]) -> Commitment:
    """Ours, with a zero line for every line of ours in Procore that still has money and that the order has no more.

    A line deleted in IFS, or moved to another project, must not leave its money behind.
    """
    mine = {line.once_key for line in ours.lines}
    seen = {line.once_key: line for order in orders for line in order.lines}
    seen |= {line.once_key: line for line in theirs.lines}
    left = [
        msgspec.structs.replace(seen[key], quantity=ZERO, amount=ZERO, id="")
        for key, codes in current_values(theirs, orders).items()
        if any(codes.values()) and key not in mine and key.startswith(f"{ours.once_key}/")
    ]
    return msgspec.structs.replace(ours, lines=(*ours.lines, *left)) if left else ours


def as_amended(theirs: Commitment, orders: Iterable[ChangeOrder], base: Commitment | None) -> Commitment:
    """A frozen contract with each line at its present value and on the budget code that has it.

    Where that is the agreed one, the whole line counts as agreed: quantities and texts of a frozen line cannot
    follow a change order, so they are no news.
    """
    values = current_values(theirs, orders)
    agreed = {line.once_key: line for line in base.lines} if base else {}
    lines = []
    for line in theirs.lines:
        codes = values.get(line.once_key, {line.budget_code: line.amount})
        value = sum(codes.values(), ZERO)
        code = next((code for code, amount in codes.items() if amount), line.budget_code)
        known = agreed.get(line.once_key)
        if known and known.amount == value and (known.budget_code == code or not value):
            lines.append(known)
        else:
            lines.append(msgspec.structs.replace(line, amount=value, budget_code=code))
    return msgspec.structs.replace(theirs, lines=tuple(lines))


def deltas(wanted: Iterable[CommitmentLine], values: Mapping[str, Mapping[str, Decimal]]) -> tuple[CommitmentLine, ...]:
    """The lines of the change order that brings `values` to what is wanted; empty when they agree to the cent.

    Money that moved to another budget code leaves the old one first.
    """
    lines = []
    for line in wanted:
        codes = values.get(line.once_key, {})
        moved = [(code, -amount) for code, amount in codes.items() if code != line.budget_code]
        for code, delta in [*moved, (line.budget_code, line.amount - codes.get(line.budget_code, ZERO))]:
            if delta:
                fields = {"budget_code": code, "amount": delta, "quantity": Decimal(1), "unit_cost": delta}
                lines.append(msgspec.structs.replace(line, **fields))
    return tuple(lines)


def pair_lines(
    ours: Commitment, theirs: Commitment, *, born: bool = False
) -> tuple[dict[str, str], list[CommitmentLine]]:
    """For a contract typed by hand: our once-key to their line id, and their lines that nothing of ours explains.

    A line pairs with the first free line of the same budget code and amount; where the order is `born` of the very
    contract then with one of the same budget code, whose amount somebody changed on the way.
    """
    free = [line for line in theirs.lines if not line.once_key]
    pairs: dict[str, str] = {}
    taken = {line.once_key for line in theirs.lines if line.once_key}
    for line in ours.lines:
        if line.once_key in taken:
            continue
        match = _first(free, line)
        if match:
            free.remove(match)
            pairs[line.once_key] = match.id
    for line in ours.lines if born else ():
        if line.once_key in taken or line.once_key in pairs:
            continue
        same = [other for other in free if other.budget_code == line.budget_code]
        match = next((other for other in same if _same(other.description, line.description)), next(iter(same), None))
        if match:
            free.remove(match)
            pairs[line.once_key] = match.id
    return pairs, free


def _first(free: Sequence[CommitmentLine], line: CommitmentLine) -> CommitmentLine | None:
    same = [other for other in free if other.budget_code == line.budget_code and other.amount == line.amount]
    exact = [other for other in same if _same(other.description, line.description)]
    return next(iter(exact or same), None)
