"""Every policy and every entry of the schedule has its words, in one table, and nothing else has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from ml_connector.planning.policy import Policies
from ml_connector.planning.policy_units import SIDES, UNITS, with_unit
from ml_connector.planning.policy_words import POLICY_WORDS, Word
from ml_connector.planning.schedule import FlowSchedule, Freeze, HolidayPart, Schedule
from ml_connector.planning.schedule_words import FLOW_WORDS, FREEZE_WORDS, SCHEDULE_WORDS
from ml_connector.views.policies import _GROUPS

FIELDS: dict[str, Any] = {
    f"{area.name}.{field.name}": field.type
    for area in msgspec.structs.fields(Policies)
    for field in msgspec.structs.fields(area.type)
}


def names(kind: type[msgspec.Struct]) -> set[str]:
    """The fields of a struct."""
    return {field.name for field in msgspec.structs.fields(kind)}


def test_every_policy_has_its_words_and_no_words_are_left_over() -> None:
    assert POLICY_WORDS.keys() == FIELDS.keys()


def test_every_entry_of_the_schedule_has_its_words() -> None:
    holidays = {f"holidays.{name}" for name in names(HolidayPart)}
    assert SCHEDULE_WORDS.keys() == (names(Schedule) - {"holidays"}) | holidays
    assert FREEZE_WORDS.keys() == names(Freeze)
    assert FLOW_WORDS.keys() == names(FlowSchedule)


def test_every_figure_says_what_it_counts_and_every_table_what_stands_on_its_sides() -> None:
    assert UNITS.keys() == {path for path, kind in FIELDS.items() if kind in (int, Decimal)}
    assert SIDES.keys() == {path for path, kind in FIELDS.items() if get_origin(kind) is dict}


@pytest.mark.parametrize(
    ("path", "figure", "said"),
    [
        ("brakes.updates", "1,500", "1,500 records"),
        ("brakes.updates", "1", "1 record"),
        ("brakes.updates", "0", "no limit"),
        ("brakes.share_from", "0", "0 records"),
        ("brakes.vanished", "0", "0%"),
        ("brakes.money", "0.00", "no limit"),
        ("approval.offer_after", "0", "never"),
        ("supplier_invoices.tax_tolerance", "0.05", "0.05 in the invoice's currency"),
        ("vouchers.clearing_account", "2020", "2020"),
    ],
)
def test_a_figure_is_shown_with_its_unit(path: str, figure: str, said: str) -> None:
    assert with_unit(path, figure) == said


@pytest.mark.parametrize("path", [path for path, kind in FIELDS.items() if get_origin(kind) is Literal])
def test_every_value_of_a_choice_says_what_it_means(path: str) -> None:
    assert set(POLICY_WORDS[path].choices) == set(get_args(FIELDS[path]))
    assert all(POLICY_WORDS[path].choices.values())


@pytest.mark.parametrize("words", [POLICY_WORDS, SCHEDULE_WORDS, FREEZE_WORDS])
def test_words_are_a_title_and_a_sentence(words: dict[str, Word]) -> None:
    for path, word in words.items():
        assert word.title[0].isupper(), path
        assert not word.title.endswith("."), path
        assert word.sentence.endswith("."), path


def test_every_policy_is_on_one_page_of_the_console() -> None:
    shown = [path for *_, paths in _GROUPS for path in paths]
    assert sorted(shown) == sorted(POLICY_WORDS)
