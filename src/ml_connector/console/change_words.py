"""What the audit trail says of a change of a connection, in the words that its pages have for the same entries."""

from __future__ import annotations

from typing import Any

from ml_connector.console.showing import figure
from ml_connector.planning.policy_units import UNITS, with_unit
from ml_connector.planning.policy_words import POLICY_WORDS, Word
from ml_connector.planning.schedule_words import FLOW_WORDS, SCHEDULE_WORDS

_PARTS = {
    "policy": "",
    "schedule": "",
    "connection": "",
    "erp": "IFS",
    "projects": "Procore",
    "alerts": "Alerts",
}
"""First part of the path of an entry of a connection file to what stands before its title."""


def is_entry(name: str) -> bool:
    """Whether a detail of the trail is an entry of a connection file, by its path."""
    head, dot, _ = name.partition(".")
    return bool(dot) and head in _PARTS


def entry_title(path: str) -> str:
    """`Money of new records` for `policy.brakes.money_creates`: an entry as its page calls it."""
    head, _, rest = path.partition(".")
    known, inner = _word(path)
    if known is None:
        said = rest.replace(".", ", ").replace("_", " ")
        return f"{_PARTS[head]}: {said}" if _PARTS[head] else said.capitalize()
    return f"{known.title}: {inner}" if inner else known.title


def entry_text(path: str, value: Any) -> str:
    """What an entry was or is, such as `no limit` or `500 records`; an entry and its two values: `old → new`."""
    known, inner = _word(path)
    name = path.partition(".")[2]
    if value in (None, "", [], {}):
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(entry_text(path, one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {entry_text(path, one)}" for key, one in value.items())
    if known is not None and str(value) in known.choices:
        return known.choices[str(value)]
    if path.startswith("policy.") and not inner:
        return _figure(name, value)
    return str(value)


def _word(path: str) -> tuple[Word | None, str]:
    """The words of an entry, and of which part of it is spoken: a state of a table, a flow of its own."""
    head, _, rest = path.partition(".")
    if head == "schedule" and rest.startswith("flows."):
        flow, _, name = rest.removeprefix("flows.").partition(".")
        return FLOW_WORDS.get(name), flow.replace("_", " ")
    table = POLICY_WORDS if head == "policy" else SCHEDULE_WORDS if head == "schedule" else {}
    for known, word in table.items():
        if rest == known or rest.startswith(f"{known}."):
            return word, rest[len(known) + 1 :].replace("_", " ")
    return None, ""


def _figure(name: str, value: Any) -> str:
    """A figure with what it counts; an account or another word as it is, though it may be all digits."""
    unit = UNITS.get(name)
    if unit is None:
        return str(value)
    money = unit.text.startswith("in ")
    return with_unit(name, figure(value, "-" if money else ""))
