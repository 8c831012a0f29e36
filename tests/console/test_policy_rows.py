"""Rows of the tables of policies as a form sends them: whole ones are kept, half ones are told, none is lost."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ml_connector.console.policy_rows import Row, check_rows, rows_in, rows_of, text_of
from ml_connector.kernel.errors import BadInput

PATH = "policy.payments.methods"
ENTRY = SimpleNamespace(title="Payment methods", left="Payment way in IFS", right="Method in Procore")


def sent(**fields: list[str]) -> dict[str, list[Row]]:
    """The rows of a form whose fields have these values; `l`, `r` and `x` are those of the table."""
    named = {f"{name}:{PATH}": values for name, values in fields.items()}
    return rows_in(named, lambda name: named.get(name, []))


def test_rows_become_lines_and_lines_rows() -> None:
    rows = sent(l=["CHK", "", " WIRE\n SEPA ", "OLD"], r=["check", "", "electronic", "check"], x=["3"])[PATH]
    assert rows == [Row("CHK", "check"), Row("", ""), Row("WIRE SEPA", "electronic"), Row("OLD", "check", gone=True)]
    assert text_of(rows) == "CHK = check\nWIRE SEPA = electronic"
    assert rows_of(text_of(rows)) == [Row("CHK", "check"), Row("WIRE SEPA", "electronic")]
    assert sent(l=["CHK", "WIRE"], r=["check"])[PATH][1] == Row("WIRE", ""), "a side that was not sent is empty"


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [
        ("WIRE", "", "Row 2 of Payment methods has no method in Procore."),
        ("", "check", "Row 2 of Payment methods has no payment way in IFS."),
        ("a=b", "check", "Row 2 of Payment methods: 'a=b' has an equals sign in it."),
    ],
)
def test_a_row_that_cannot_be_kept_is_told_by_its_place(left: str, right: str, says: str) -> None:
    rows = sent(l=["CHK", "", left], r=["check", "", right])
    with pytest.raises(BadInput) as refused:
        check_rows(rows, {PATH: ""}, lambda: {PATH: ENTRY})
    assert refused.value.sentence == says
    check_rows(sent(l=["CHK", "", left], r=["check", "", right], x=["2"]), {PATH: ""}, dict), "what goes is not judged"
