"""Lists as files: every row whatever the page, exact figures, and nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ml_connector
from ml_connector.console import exporting
from ml_connector.console.exporting import CUT, cells, export
from ml_connector.kernel.errors import BadInput
from ml_connector.views.listing import Column, Listing, Look, listing


class Page:
    """What asks for the file, as far as an export cares."""

    @contextmanager
    def still(self) -> Iterator[None]:
        yield


PAGE = Page()
COLUMNS = (
    Column("name", "Name"),
    Column("money", "Money", "money"),
    Column("at", "When", "moment"),
    Column("n", "No", "number"),
)
FORMULAS = ['=HYPERLINK("http://evil.example","x")', "+1", "-2+3", "@SUM(A1)", "\tx"]
NAMES = [*FORMULAS, "Müller, Bau", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM"]
AT = datetime(2026, 11, 27, 14, 5, 6, tzinfo=UTC)


def _ask(look: Any) -> Listing:
    """Seven hundred rows: more than one page."""
    rows = [
        {
            "name": NAMES[n % len(NAMES)],
            "money": {"amount": "1234567890.10", "currency": "USD"} if n % 2 else None,
            "at": AT,
            "n": n,
        }
        for n in range(700)
    ]
    first = (look.page - 1) * look.size
    return listing(COLUMNS, rows[first : first + look.size + 1], look)


def _body(answer: Any) -> bytes:
    return bytes(answer.body)


def test_csv_has_every_row_and_no_formula() -> None:
    answer = export(PAGE, "csv", "runs of north", Look(page=3, size=10), _ask)
    assert answer.headers["content-disposition"] == 'attachment; filename="runs-of-north.csv"'
    rows = list(csv.reader(io.StringIO(_body(answer).decode("utf-8-sig"))))
    assert rows[0] == ["Name", "Money", "Money currency", "When (UTC)", "No"]
    assert len(rows) == 701
    assert rows[2] == ["'+1", "1234567890.10", "USD", "2026-11-27T14:05:06+00:00", "1"]
    assert [row[0] for row in rows[1:6]] == [f"'{name}" for name in FORMULAS]
    assert [row[0] for row in rows[6:11]] == ["Müller, Bau", "'\uff1d1+1", "'\uff0b1", "'\uff0d1", "'\uff20SUM"]


def test_a_file_that_is_cut_says_so_in_its_last_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MOST_EXPORTED", 500)
    rows = list(csv.reader(io.StringIO(_body(export(PAGE, "csv", "runs", Look(), _ask)).decode("utf-8-sig"))))
    assert (len(rows), rows[-1]) == (502, [CUT])
    with zipfile.ZipFile(io.BytesIO(_body(export(PAGE, "xlsx", "runs", Look(), _ask)))) as book:
        assert CUT in book.read("xl/sharedStrings.xml").decode()
        assert book.read("xl/worksheets/sheet1.xml").decode().count("<row ") == 502
    monkeypatch.setattr(exporting, "MOST_EXPORTED", 1000)
    assert CUT not in _body(export(PAGE, "csv", "runs", Look(), _ask)).decode()


def test_xlsx_has_texts_figures_and_no_formula() -> None:
    with zipfile.ZipFile(io.BytesIO(_body(export(PAGE, "xlsx", "../../etc/x", Look(), _ask)))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert sheet.count("<row ") == 701
    assert "=HYPERLINK" in texts
    assert "1234567890.1" in sheet


def test_money_in_two_currencies_is_told_and_not_added_up() -> None:
    both = [{"amount": "1", "currency": "USD"}, {"amount": "2.00", "currency": "EUR"}]
    assert cells(COLUMNS[1], both) == ("1.00 USD, 2.00 EUR", "")
    assert cells(COLUMNS[1], both[:1]) == (Decimal("1.00"), "USD")
    assert cells(COLUMNS[1], []) == (None, "")
    for amount, currency, shown in (("22945", "USD", "22945.00"), ("7.5", "JPY", "7.5"), ("1E+3", "JPY", "1000")):
        figure, _ = cells(COLUMNS[1], {"amount": amount, "currency": currency})
        assert str(figure) == shown, "the currency's own places, and more where there are more"


def test_every_file_for_spreadsheets_is_made_where_formulas_are_made_harmless() -> None:
    """The audit trail, whose test is with it, and all else here: nobody writes such a file by hand."""
    source = Path(ml_connector.__file__).parent
    makers = re.compile(r"csv\.writer|xlsxwriter|startswith\(RISKY\)|text/csv")
    found = {str(one.relative_to(source)): set(makers.findall(one.read_text())) for one in source.rglob("*.py")}
    made = {name: marks for name, marks in found.items() if marks}
    every = {"csv.writer", "xlsxwriter", "startswith(RISKY)", "text/csv"}
    assert made == {"console/exporting.py": every, "views/trail_files.py": every}


def test_a_list_that_cannot_be_had_is_said_before_a_file_begins() -> None:
    def refused(_look: Any) -> Listing:
        raise BadInput("There is no such list.")

    for how in ("csv", "xlsx"):
        with pytest.raises(BadInput, match="no such list"):
            export(PAGE, how, "x", Look(), refused)


def test_a_file_is_called_what_every_system_takes() -> None:
    told = export(PAGE, "csv", "plan 漢 of\r\nnorth", Look(), _ask).headers["content-disposition"]
    assert told == 'attachment; filename="plan---of--north.csv"'
    assert 'filename="export.csv"' in export(PAGE, "csv", "漢", Look(), _ask).headers["content-disposition"]


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(BadInput, match="cannot be had"):
        export(PAGE, "exe", "x", Look(), _ask)
