"""The policies and the schedule of a connection, group by group, with what each entry means."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ml_connector.app import App
from ml_connector.connection_file import config_from
from ml_connector.planning import policy_words as words
from ml_connector.planning.policy_words import Word
from ml_connector.service.policy_entries import Entry, flow_entries, freeze_entries, policy_entries, schedule_entries


class Group(msgspec.Struct, frozen=True):
    """Entries that belong together."""

    key: str
    title: str
    sentence: str
    entries: list[Entry]
    changed: int
    """How many are another than the default."""


class Settings(msgspec.Struct, frozen=True):
    """Everything a connection allows, and when it works."""

    connection: str
    groups: list[Group]
    freezes: list[list[Entry]]
    """Freeze windows; the last one is empty, to be filled."""
    flows: dict[str, list[Entry]]
    """What each flow has of its own; an empty value is as for the connection."""
    zone: str
    """The zone in which the times of the schedule are read."""


_GROUPS: tuple[tuple[str, str, str, Mapping[str, Word]], ...] = (
    (
        "approval",
        "Approval and brakes",
        "What goes by itself, what waits for a person, and who that may be. Limits are of one run; 0 is no limit.",
        {"purchase_orders.approve": words.ORDERS["purchase_orders.approve"], **words.APPROVAL, **words.BRAKES},
    ),
    ("masters", "Projects, vendors, codes", "How records of both sides find each other.", words.MASTERS),
    (
        "orders",
        "Purchase orders",
        "What happens to orders on their way to Procore.",
        {path: word for path, word in words.ORDERS.items() if path != "purchase_orders.approve"},
    ),
    ("to_procore", "To Procore", "Supplier invoices, direct costs and payments of IFS.", words.TO_PROCORE),
    ("budgets", "Budgets", "Who makes the budget, and what happens once it is locked.", words.BUDGETS),
    ("to_ifs", "To IFS", "Subcontractor invoices and direct costs of Procore, and their vouchers.", words.TO_IFS),
)
HOURS = "hours"
"""Key of the group that holds the schedule."""
KEYS: tuple[str, ...] = (*(key for key, *_ in _GROUPS), HOURS)
"""Every group, in order."""


def settings(app: App, connection: str) -> Settings:
    """The policies and the schedule of a connection as they stand."""
    config = config_from(app.connection(connection).config)
    entries = {one.path.removeprefix("policy."): one for one in policy_entries(config)}
    groups = [_group(key, title, text, [entries[path] for path in paths]) for key, title, text, paths in _GROUPS]
    zone = config.schedule.time_zone or config.connection.time_zone
    when = f"When it works by itself, in {zone} time. A freeze binds people, too."
    groups.append(_group(HOURS, "Hours and holidays", when, schedule_entries(config)))
    return Settings(connection, groups, freeze_entries(config), flow_entries(config), zone)


def _group(key: str, title: str, sentence: str, entries: list[Entry]) -> Group:
    return Group(key, title, sentence, entries, sum(one.changed for one in entries))
