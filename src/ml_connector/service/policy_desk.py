"""What a connection allows, entry by entry as people see and change it: policies and schedule as forms and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import ConnectionConfig, check_flows, config_from, differences, laid_over
from ml_connector.kernel.errors import BadInput
from ml_connector.kernel.keys import content_hash
from ml_connector.planning.policy import policies_from
from ml_connector.service.policy_entries import Entry, every_entry, words_in
from ml_connector.store.bulk import json_text
from ml_connector.store.connections import ConnectionRow

_ANEW = "Every document is decided anew by the next run."
_REMAPPED = "The mapping becomes another version; `ml-connector mapping compare` shows how two of them differ."
_OVERTAKEN = "The connection was changed meanwhile, so this change was not saved."
_LOOK_AGAIN = "Look at the difference again, then save it."
_SECRETS = (("erp", "client_secret"), ("projects", "client_secret"), ("projects", "refresh_token"), ("alerts", "urls"))
"""Entries of a connection file that are sealed, and never shown."""
_DIGITS = 3
"""Digits of a number of days, at most."""
_FIGURE = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
"""A figure as pages show it: a comma parts thousands, and nothing else."""


class Change(msgspec.Struct, frozen=True):
    """One entry before and after."""

    path: str
    title: str
    before: str
    after: str
    before_means: str = ""
    after_means: str = ""


class Changes(msgspec.Struct, frozen=True):
    """What a change of some entries comes to, before it is saved."""

    connection: str
    seen: str
    """The configuration it was compared with; given back when it is saved."""
    changes: list[Change]
    notes: list[str]


def compared(app: App, name: str, typed: Mapping[str, str]) -> Changes:
    """What some entries as typed would change; BadInput where they cannot be so. Nothing is saved."""
    row = app.connection(name)
    return difference(app, name, _wanted(dict(row.config), config_from(row.config), typed))


def difference(app: App, name: str, wanted: Mapping[str, Any]) -> Changes:
    """What laying a part of a connection file over a connection would change; BadInput where it cannot be so.

    Secrets are told by their names only. Nothing is saved.
    """
    row = app.connection(name)
    config = config_from(row.config)
    wanted, secret = _without_secrets(wanted)
    after = _checked(dict(row.config), wanted)
    old, new = every_entry(config), every_entry(after)
    changes = [
        Change(
            path=path,
            title=_titled(path, (new.get(path) or old[path]).title),
            before=old[path].value if path in old else "",
            after=new[path].value if path in new else "",
            before_means=old[path].meaning if path in old else "",
            after_means=new[path].meaning if path in new else "",
        )
        for path in {**old, **new}
        if (old[path].value if path in old else "") != (new[path].value if path in new else "")
    ]
    changes += [Change(path, path, "sealed", "sealed anew") for path in secret]
    told = differences(row.config, laid_over(dict(row.config), wanted))
    changes += [
        Change(path, path, *("" if value is None else str(value) for value in values))
        for path, values in told.items()
        if path.partition(".")[0] not in ("policy", "schedule", "mapping")
    ]
    anew = any(one.path.startswith(("policy.", "connection.")) for one in changes)
    notes = [_ANEW] if anew else []
    return Changes(name, _seen(row.config), changes, [*notes, _REMAPPED] if "mapping" in wanted else notes)


def save(app: App, name: str, typed: Mapping[str, str], seen: str = "") -> list[Change]:
    """Saves some entries as typed and gives what changed; audited with before and after.

    With `seen` only while the configuration is still the one that was compared with: else BadInput.
    """
    found = compared(app, name, typed)
    if seen and seen != found.seen:
        raise BadInput(_OVERTAKEN, remedy=_LOOK_AGAIN)
    if found.changes:
        app.edit_connection(name, lambda row: _still(row, seen, typed))
    return found.changes


def _still(row: ConnectionRow, seen: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """Typed entries as a change of the connection as it is at the moment it is written."""
    if seen and seen != _seen(row.config):
        raise BadInput(_OVERTAKEN, remedy=_LOOK_AGAIN)
    return _wanted(dict(row.config), config_from(row.config), typed)


def _without_secrets(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A part of a connection file without what is secret in it, and the paths of that."""
    found = [(part, name) for part, name in _SECRETS if isinstance(wanted.get(part), Mapping) and name in wanted[part]]
    left = {part: dict(inner) if isinstance(inner, Mapping) else inner for part, inner in wanted.items()}
    for part, name in found:
        del left[part][name]
    return {part: inner for part, inner in left.items() if inner != {}}, [f"{part}.{name}" for part, name in found]


def _seen(config: Mapping[str, Any]) -> str:
    return content_hash(json_text(config).encode()).hex()[:16]


def _checked(config: dict[str, Any], wanted: Mapping[str, Any]) -> ConnectionConfig:
    """The configuration with a change laid over it, checked as it will be when it is saved."""
    whole = config_from(laid_over(config, wanted))
    policy = policies_from(laid_over(config, wanted).get("policy", {}))
    check_flows(policy)
    return msgspec.structs.replace(whole, policy=policy)


def _wanted(row: dict[str, Any], config: ConnectionConfig, typed: Mapping[str, str]) -> dict[str, Any]:
    """Typed entries as a change of the connection file; only what differs from what is there."""
    known = every_entry(config)
    unknown = sorted(path for path in typed if path not in known)
    if unknown:
        raise BadInput(f"There is no entry {unknown[0][:80]!r}.", remedy="Open the page again.")
    given = {path: text.strip() for path, text in typed.items() if text.strip() != known[path].value}
    wanted: dict[str, Any] = {}
    for path, text in given.items():
        entry = known[path]
        if path.startswith("schedule.freeze."):
            continue
        value = _value(entry, text)
        _put(wanted, path, _replaced(row, path, value) if isinstance(value, dict) else value)
    if any(path.startswith("schedule.freeze.") for path in given):
        wanted.setdefault("schedule", {})["freeze"] = _freezes(known, given)
    for flow, own in wanted.get("schedule", {}).get("flows", {}).items():
        kept = {**row.get("schedule", {}).get("flows", {}).get(flow, {}), **own}
        if not any(value is not None for value in kept.values()):
            wanted["schedule"]["flows"][flow] = None
    return wanted


def _freezes(known: Mapping[str, Entry], given: Mapping[str, str]) -> list[dict[str, Any]]:
    """All freeze windows as they are wanted; one whose fields are all empty is gone."""
    windows: dict[int, dict[str, Any]] = {}
    for path, entry in known.items():
        if path.startswith("schedule.freeze."):
            number, _, name = path.removeprefix("schedule.freeze.").partition(".")
            text = given.get(path, entry.value)
            if text:
                windows.setdefault(int(number), {})[name] = _of_freeze(path, name, entry.title, text)
    return [one for _, one in sorted(windows.items()) if set(one) - {"count", "note"}]


def _of_freeze(path: str, name: str, title: str, text: str) -> Any:
    """What was typed of a freeze window as the value it means; BadInput where it means none."""
    if name in ("last", "first") and not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise BadInput(f"{_titled(path, title)} is {text[:40]!r}, which is no number of days.", remedy="Such as 3.")
    if name in ("start", "end"):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            said = f"{_titled(path, title)} is {text[:40]!r}, which is no day."
            raise BadInput(said, remedy="Write it as 2026-12-24.") from None
    return words_in(text) if name == "flows" else text


def _put(wanted: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for part in above:
        wanted = wanted.setdefault(part, {})
    wanted[last] = value


def _replaced(row: Mapping[str, Any], path: str, value: dict[str, str]) -> dict[str, str | None]:
    """A whole table in place of the one that is there: what it no longer names is taken out."""
    there: Any = row
    for part in path.split("."):
        there = there.get(part, {}) if isinstance(there, Mapping) else {}
    gone: dict[str, str | None] = dict.fromkeys(set(there) - set(value)) if isinstance(there, Mapping) else {}
    return {**gone, **value}


def _value(entry: Entry, text: str) -> Any:
    """What was typed as the value it means; BadInput where it means none."""
    if entry.path.startswith("schedule.flows.") and not text:
        return None
    if entry.kind == "number":
        text = _without_commas(text)
    if entry.kind == "number" and not text.lstrip("-").isdecimal():
        raise BadInput(f"{entry.title} is {text[:40]!r}, which is no whole number.", remedy=f"Such as {entry.default}.")
    if entry.kind == "amount":
        return _amount(entry, text)
    if entry.kind == "flag":
        return text == "true"
    if entry.kind == "choice" and text not in entry.choices:
        raise BadInput(f"{entry.title} cannot be {text[:40]!r}.", remedy=f"It is {' or '.join(entry.choices)}.")
    if entry.kind in ("many", "list"):
        return words_in(text)
    if entry.kind == "length" and text.lower() == "never":
        return "none"
    return _table(entry, text) if entry.kind == "table" else text


def _amount(entry: Entry, text: str) -> str:
    try:
        found = Decimal(_without_commas(text))
    except InvalidOperation:
        raise BadInput(f"{entry.title} is {text[:40]!r}, which is no amount.", remedy="Such as 25000.00.") from None
    return str(found)


def _without_commas(text: str) -> str:
    """A figure without what parts its thousands; anything else as it is, for 2,5 is not 25."""
    plain = text.replace(" ", "")
    return plain.replace(",", "") if _FIGURE.fullmatch(plain) else text


def _table(entry: Entry, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        left, mark, right = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not mark or not left or not right:
            raise BadInput(f"Line {number} of {entry.title} is no pair.", remedy="Write it as left = right.")
        if left in found:
            raise BadInput(f"{entry.title} names {left[:40]!r} twice.", remedy="Name it once.")
        if entry.keys and left not in entry.keys:
            raise BadInput(f"{entry.title} knows no {left[:40]!r}.", remedy=f"Use {', '.join(entry.keys)}.")
        if entry.choices and right not in entry.choices:
            raise BadInput(f"{entry.title} knows no {right[:40]!r}.", remedy=f"Use {', '.join(entry.choices)}.")
        found[left] = right
    return found


def _titled(path: str, title: str) -> str:
    """The title with what it belongs to, where several have the same."""
    parts = path.split(".")
    if parts[:2] == ["schedule", "freeze"]:
        return f"Freeze window {int(parts[2]) + 1}: {title}"
    if parts[:2] == ["schedule", "flows"]:
        return f"{parts[2].replace('_', ' ').capitalize()}: {title}"
    return title
