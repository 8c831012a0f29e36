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
            lines.append(line)
        name = f"line {'/'.join(line.once_key.split('/')[-2:])}"
        drift += [f"{name} {field}" for field in moved]
        conflicts += [f"{name} {field}" for field in fought]
    return Difference(tuple(header), tuple(lines), tuple(drift), tuple(conflicts))


def _line(
    ours: CommitmentLine, theirs: CommitmentLine, base: CommitmentLine | None
) -> tuple[bool, list[str], list[str]]:
    changed, drift, conflicts = False, [], []
    for name in LINE:
        verdict = _verdict(getattr(ours, name), getattr(theirs, name), base, name)
        changed = changed or verdict == "write"
        if verdict == "drift":
            drift.append(name)
        elif verdict == "conflict":
            conflicts.append(name)
    return changed, drift, conflicts


def _verdict(ours: object, theirs: object, base: object, name: str) -> str:
    if _same(ours, theirs):
        return ""
    if base is None:
        return "write"
    agreed = getattr(base, name)
    if _same(theirs, agreed):
        return "write"
    return "drift" if _same(ours, agreed) else "conflict"


def _same(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one == other or one.split() == other.split()  # Procore may fold white space
    return one == other


def current_values(theirs: Commitment, orders: Iterable[ChangeOrder]) -> dict[str, Decimal]:
    """Each line's value by once-key as it stands: original amount plus the deltas of its change orders."""
    values = {line.once_key: line.amount for line in theirs.lines if line.once_key}
    for order in orders:
        if order.status in ("void", "rejected"):
            continue
        for line in order.lines:
            if line.once_key:
                values[line.once_key] = values.get(line.once_key, ZERO) + line.amount
    return values


def as_amended(theirs: Commitment, orders: Iterable[ChangeOrder], base: Commitment | None) -> Commitment:
    """A frozen contract with each line at its present value.

    Where that value is the agreed one, the whole line counts as agreed: quantities and texts of a frozen line cannot
    follow a change order, so they are no news.
    """
    values = current_values(theirs, orders)
    agreed = {line.once_key: line for line in base.lines} if base else {}
    lines = []
    for line in theirs.lines:
        value = values.get(line.once_key, line.amount)
        known = agreed.get(line.once_key)
        if known and known.amount == value:
            lines.append(known)
        else:
            lines.append(msgspec.structs.replace(line, amount=value))
    return msgspec.structs.replace(theirs, lines=tuple(lines))


def deltas(ours: Commitment, values: Mapping[str, Decimal]) -> tuple[CommitmentLine, ...]:
    """The lines of the change order that brings `values` to what ours says; empty when they agree to the cent."""
    lines = []
    for line in ours.lines:
        delta = line.amount - values.get(line.once_key, ZERO)
        if delta:
            lines.append(msgspec.structs.replace(line, amount=delta, quantity=Decimal(1), unit_cost=delta))
    return tuple(lines)


def pair_lines(ours: Commitment, theirs: Commitment) -> tuple[dict[str, str], list[CommitmentLine]]:
    """For a contract typed by hand: our once-key to their line id, and their lines that nothing of ours explains.

    A line pairs with the first free line of the same budget code and amount.
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
    return pairs, free


def _first(free: Sequence[CommitmentLine], line: CommitmentLine) -> CommitmentLine | None:
    same = [other for other in free if other.budget_code == line.budget_code and other.amount == line.amount]
    exact = [other for other in same if _same(other.description, line.description)]
    return next(iter(exact or same), None)
