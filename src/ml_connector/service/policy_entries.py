"""The entries of a connection's policies and schedule as people see them: titles, values as typed, what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal, get_origin

import msgspec

from ml_connector.connection_file import ConnectionConfig
from ml_connector.planning.policy import Policies
from ml_connector.planning.policy_units import SIDES, unit_of, with_unit
from ml_connector.planning.policy_words import POLICY_WORDS, Word
from ml_connector.planning.schedule import WEEK, FlowSchedule, Schedule, days_in
from ml_connector.planning.schedule_words import FLOW_WORDS, FREEZE_WORDS, SCHEDULE_WORDS, length_words
from ml_connector.registry import FLOWS

Kind = Literal["choice", "flag", "number", "amount", "text", "many", "list", "table", "length", "date"]
"""How an entry is typed: `many` are values of a few, `list` values of any, `table` a line each, `left = right`; a
`length` is a time such as 15m, whose choices are the usual ones."""

MOST_FREEZES = 12
"""Freeze windows a connection may have here."""


class Entry(msgspec.Struct, frozen=True):
    """One entry of the policies or the schedule as a person sees it; values are text as they are typed."""

    path: str
    """`policy.vendors.create`, `schedule.freeze.0.last`."""
    title: str
    sentence: str
    kind: Kind
    value: str
    default: str
    changed: bool
    """Whether it is another than the default."""
    choices: dict[str, str] = {}
    keys: tuple[str, ...] = ()
    blank: str = ""
    """What it means that nothing stands there."""
    meaning: str = ""
    """What the value means, where that can be said."""
    default_meaning: str = ""
    unit: str = ""
    """Of a figure, what it counts, such as `records`."""
    left: str = ""
    """Of a table, what stands on the left of its lines, such as `IFS account`."""
    right: str = ""
    """Of a table, what stands on the right."""


def policy_entries(config: ConnectionConfig) -> list[Entry]:
    """Every policy, in the order of its words."""
    defaults = Policies()
    found = []
    for path, word in POLICY_WORDS.items():
        area, _, name = path.partition(".")
        field = next(one for one in msgspec.structs.fields(getattr(defaults, area)) if one.name == name)
        values = (getattr(getattr(config.policy, area), name), getattr(getattr(defaults, area), name))
        found.append(_entry(f"policy.{path}", word, field.type, values))
    return found


def schedule_entries(config: ConnectionConfig) -> list[Entry]:
    """The schedule of the whole connection: hours, days, holidays."""
    schedule, defaults = config.schedule, Schedule()
    found = []
    for path, word in SCHEDULE_WORDS.items():
        if path in ("freeze", "flows"):
            continue
        area, _, name = path.rpartition(".")
        now, then = (schedule.holidays, defaults.holidays) if area else (schedule, defaults)
        values = (_of_schedule(now, name), _of_schedule(then, name))
        found.append(_entry(f"schedule.{path}", _in_zone(word, config), _type_of(name, word, type(values[1])), values))
    return found


def freeze_entries(config: ConnectionConfig) -> list[list[Entry]]:
    """The freeze windows, and an empty one to be filled."""
    windows = [msgspec.to_builtins(one) for one in config.schedule.freeze]
    empty: list[dict[str, Any]] = [{}] if len(windows) < MOST_FREEZES else []
    words = {**FREEZE_WORDS, "flows": msgspec.structs.replace(FREEZE_WORDS["flows"], choices=_FLOW_NAMES)}
    found = []
    for number, window in enumerate([*windows, *empty]):
        usual = {"count": "working"} if window.get("last") or window.get("first") else {}  # dates are not counted
        found.append(
            [
                _entry(
                    f"schedule.freeze.{number}.{name}",
                    word,
                    _type_of(name, word, str),
                    (window.get(name, usual.get(name)), None),
                )
                for name, word in words.items()
            ]
        )
    return found


def flow_entries(config: ConnectionConfig) -> dict[str, list[Entry]]:
    """What each flow has of its own; empty is as for the connection."""
    found = {}
    words = {name: _in_zone(word, config) for name, word in FLOW_WORDS.items()}
    for flow in FLOWS:
        own = config.schedule.flows.get(flow) or FlowSchedule()
        found[flow] = [
            _entry(f"schedule.flows.{flow}.{name}", word, _type_of(name, word, str), (_of_schedule(own, name), None))
            for name, word in words.items()
        ]
    return found


def _in_zone(word: Word, config: ConnectionConfig) -> Word:
    """The words of an entry of the schedule, with the zones named in which its times are read."""
    own = config.connection.time_zone
    said = word.sentence.replace("{zone}", config.schedule.time_zone or own).replace("{own zone}", own)
    return msgspec.structs.replace(word, sentence=said)


_FLOW_NAMES = {flow: flow.replace("_", " ").capitalize() for flow in FLOWS}
_TYPES: Mapping[str, Any] = {
    "days": tuple,
    "flows": tuple,
    "interval": timedelta,
    "off_hours": timedelta,
    "target": timedelta,
    "start": date,
    "end": date,
}
"""Entries of the schedule that are more than their text."""


def _type_of(name: str, word: Word, otherwise: Any) -> Any:
    return _TYPES.get(name) or (Literal[tuple(word.choices)] if word.choices else otherwise)


def _of_schedule(part: Any, name: str) -> Any:
    """An entry of the schedule; days one by one, however its file names them."""
    value = getattr(part, name)
    return tuple(WEEK[day] for day in sorted(days_in(value, "schedule.days"))) if name == "days" and value else value


def every_entry(config: ConnectionConfig) -> dict[str, Entry]:
    """Every entry there is, by its path."""
    entries = [*policy_entries(config), *schedule_entries(config)]
    for part in (*freeze_entries(config), *flow_entries(config).values()):
        entries += part
    return {one.path: one for one in entries}


def words_in(text: str) -> list[str]:
    """The words of a list, parted by commas or lines."""
    return [word.strip() for word in text.replace("\n", ",").split(",") if word.strip()]


def _entry(path: str, word: Word, type_: Any, values: tuple[Any, Any]) -> Entry:
    if path == "policy.approval.flows":
        word = msgspec.structs.replace(word, keys=tuple(FLOWS))
    kind = _kind(type_, word)
    value, default = (_text(_sorted(one, kind, word), kind) for one in values)
    left, right = SIDES.get(path.removeprefix("policy."), ("", ""))
    return Entry(
        path=path,
        title=word.title,
        sentence=word.sentence,
        kind=kind,
        value=value,
        default=default,
        changed=value != default,
        choices=dict(word.choices),
        keys=word.keys,
        blank=word.blank,
        meaning=_meaning(path, value, kind, word),
        default_meaning=_meaning(path, default, kind, word),
        unit=unit_of(path),
        left=left,
        right=right,
    )


def _sorted(value: Any, kind: Kind, word: Word) -> Any:
    """The values of a few in the order in which they are offered: it means nothing."""
    places = {one: place for place, one in enumerate(word.choices)}
    return sorted(value, key=lambda one: places.get(str(one), len(places))) if kind == "many" and value else value


def _kind(type_: Any, word: Word) -> Kind:
    if type_ in (timedelta, date):
        return "length" if type_ is timedelta else "date"
    if type_ is bool:
        return "flag"
    if get_origin(type_) is Literal or (type_ is str and word.choices):
        return "choice"
    if type_ is int:
        return "number"
    if type_ is Decimal:
        return "amount"
    origin = get_origin(type_) or type_
    if origin is tuple:
        return "many" if word.choices else "list"
    return "table" if origin is dict else "text"


def _text(value: Any, kind: Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "\n".join(f"{left} = {right}" for left, right in sorted(value.items()))
    if isinstance(value, list | tuple):
        return ", ".join(_text(one, kind) for one in value)
    return value.isoformat() if isinstance(value, date) else str(value)


def figure_shown(value: str) -> str:
    """A figure as it stands in its field: its thousands parted."""
    return f"{Decimal(value):,}"


def _line_meaning(line: str, word: Word) -> str:
    """A line of a table in words: `Partly received: Approved`."""
    left, _, right = line.partition(" = ")
    return f"{left.replace('_', ' ').capitalize() if left in word.keys else left}: {word.choices.get(right, right)}"


def _meaning(path: str, value: str, kind: Kind, word: Word) -> str:
    if kind == "flag":
        return "Yes" if value == "true" else "No"
    if kind == "many":
        return ", ".join(word.choices.get(one, one) for one in words_in(value)) or word.blank or "None"
    if kind == "table" and value:
        return "\n".join(_line_meaning(line, word) for line in value.splitlines())
    if not value:
        return word.blank or ("" if kind == "choice" else "None")
    if kind in ("choice", "length"):
        return word.choices.get(value) or (length_words(value) if kind == "length" else value)
    if kind not in ("number", "amount"):
        return ""
    said = with_unit(path.removeprefix("policy."), figure_shown(value))
    return said[:1].upper() + said[1:]
