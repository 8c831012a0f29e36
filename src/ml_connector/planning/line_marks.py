"""Contract lines that cannot carry our once-key: Procore freezes the lines of an approved contract, so that only a link
of their own says which line of the order each one is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ml_connector.kernel.keys import Key
from ml_connector.planning.situation import Linked
from ml_connector.records.commitment import ChangeOrder, Commitment, CommitmentLine

KIND = "commitment_line"


def line_key(once_key: str) -> Key:
    """The key of a contract line by its once-key; its link's target is Procore's id of the line."""
    return Key(KIND, once_key)


def line_marks(links: Mapping[Key, Linked]) -> dict[str, str]:
    """Procore's id of every line that is marked by a link, to its once-key."""
    return {linked.target: key.id for key, linked in links.items() if key.kind == KIND}


def named(contract: Commitment, marks: Mapping[str, str]) -> Commitment:
    """The contract as read, with the once-keys of the lines that could not take theirs."""
    lines = tuple(_named(line, marks.get(line.id, "")) for line in contract.lines)
    return msgspec.structs.replace(contract, lines=lines)


def changes_named(changes: Iterable[ChangeOrder], marks: Mapping[str, str]) -> Sequence[ChangeOrder]:
    """Change orders as read, with the once-keys of the contract lines they change."""
    return tuple(
        msgspec.structs.replace(change, lines=tuple(_named(line, marks.get(line.changes, "")) for line in change.lines))
        for change in changes
    )


def _named(line: CommitmentLine, once_key: str) -> CommitmentLine:
    return line if line.once_key or not once_key else msgspec.structs.replace(line, once_key=once_key)
