"""Why the lines of a contract are written, in a sentence: by what really differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ml_connector.records.commitment import Commitment, CommitmentLine


def amended(order: str, wanted: Sequence[CommitmentLine], agreed: Commitment | None) -> str:
    """Why an approved contract gets a change order: what is wanted of some lines, against what was last agreed on."""
    if agreed is None:
        return f"The approved contract in Procore is not what order {order} is in IFS."
    known = {line.once_key: line for line in agreed.lines}
    changed = any(_differs(line, known.get(line.once_key)) for line in wanted)
    recoded = any(_recoded(line, known.get(line.once_key)) for line in wanted)
    if changed and recoded:
        return f"Order {order} changed in IFS after its approval in Procore, and goes to other cost codes than before."
    if changed:
        return f"Order {order} changed in IFS after its approval in Procore."
    if recoded:
        return f"Order {order} goes to other cost codes than before, its amounts unchanged: {_BY}."
    return f"Order {order} is as it was agreed on, and what changed in Procore since is taken back."


_BY = "the mapping or its own coding in IFS changed"


def lines_changed(theirs: Commitment, wanted: Iterable[CommitmentLine]) -> str:
    """Why lines of a contract that is open are written: how many are new, changed, or only on other cost codes."""
    known = {line.once_key: line for line in theirs.lines}
    new = changed = recoded = 0
    for line in wanted:
        there = known.get(line.once_key)
        new += there is None
        changed += there is not None and _differs(line, there)
        recoded += there is not None and not _differs(line, there)
    parts = [f"{new} new" if new else "", f"{changed} changed" if changed else ""]
    said = " and ".join(part for part in parts if part)
    codes = f"{recoded} on other cost codes than before: {_BY}" if recoded else ""
    return f"Lines in IFS: {said}{'; ' if said and codes else ''}{codes}."


def _differs(line: CommitmentLine, other: CommitmentLine | None) -> bool:
    """Whether a line is another one but for its code."""
    if other is None:
        return True
    plain = [msgspec.structs.replace(one, budget_code="", id="", changes="") for one in (line, other)]
    return plain[0] != plain[1]


def _recoded(line: CommitmentLine, other: CommitmentLine | None) -> bool:
    return other is not None and line.budget_code != other.budget_code
