"""Every hold reason and every error has its page, and the page says what the code does."""

from __future__ import annotations

import re

import pytest

from ml_connector.engine.deskwork import ANSWERS
from ml_connector.kernel import errors
from ml_connector.kernel.errors import ConnectorError
from ml_connector.planning.plan import HoldReason

from .house import ROOT


def sections(page: str) -> dict[str, str]:
    """Heading (`## \\`name\\``) to the text below it."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    parts = re.split(r"^## `([^`]+)`\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def error_classes() -> dict[str, type[ConnectorError]]:
    """Every error of the tree."""
    found = {name: one for name, one in vars(errors).items() if isinstance(one, type)}
    return {name: one for name, one in found.items() if issubclass(one, ConnectorError)}


@pytest.mark.parametrize("reason", HoldReason, ids=lambda reason: reason.value)
def test_every_hold_reason_has_its_page(reason: HoldReason) -> None:
    text = sections("holds.md")[reason.value]
    for label in ("**Means**", "**Owner**", "**Released by**", "**A person may answer**"):
        assert label in text, f"{reason.value} lacks {label}"
    answers = re.search(r"\*\*A person may answer\*\*(.+)", text, flags=re.DOTALL)
    assert answers
    said = set(re.findall(r"`(\w+)`", answers[1]))
    assert said == set(ANSWERS.get(reason, ())), f"{reason.value}: the page says {said}"


def test_no_page_of_a_hold_that_is_no_more() -> None:
    assert list(sections("holds.md")) == [reason.value for reason in HoldReason]


@pytest.mark.parametrize("name", error_classes())
def test_every_error_has_its_page(name: str) -> None:
    text = sections("errors.md")[name]
    for label in ("**Means**", "**Remedy**", "**Exit code**"):
        assert label in text, f"{name} lacks {label}"
    code = re.search(r"\*\*Exit code\*\* (\d+)", text)
    assert code
    assert int(code[1]) == error_classes()[name].exit_code


def test_no_page_of_an_error_that_is_no_more() -> None:
    assert list(sections("errors.md")) == list(error_classes())


def test_every_error_says_what_to_do_next() -> None:
    for name, error in error_classes().items():
        assert error.next_step.endswith("."), name
